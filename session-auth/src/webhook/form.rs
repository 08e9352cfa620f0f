//! Fields of a form: `application/x-www-form-urlencoded`.

use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode;

use super::verifier::{Rejection, WebhookRequest};

/// A field's name, and its value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// How many fields a form may have. Senders have some fifty; and each that is kept takes many times the two bytes
/// that it has at the least, of a body that nobody may have proved.
const MOST: usize = 10_000;

/// The fields of a body.
pub(super) fn fields(body: &[u8]) -> Result<Vec<Pair>, Rejection> {
    if memchr::memchr_iter(b'&', body).count() >= MOST {
        return Err(Rejection::SignatureInvalid(
            "the form has more fields than any sender's",
        ));
    }
    Ok(pairs(body))
}

/// Names and values, decoded, in their order. They are bytes: a sender signs what it has sent, whether
/// or not that is UTF-8.
pub(super) fn pairs(body: &[u8]) -> Vec<Pair> {
    body.split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut parts = pair.splitn(2, |&byte| byte == b'=');
            let mut next = || decode(parts.next().unwrap_or_default());
            (next(), next())
        })
        .collect()
}

fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|&byte| if byte == b'+' { b' ' } else { byte })
        .collect();
    percent_decode(&spaced).collect()
}

/// The one value of a field; `None` where there is none, or several.
pub(super) fn only<'a>(pairs: &'a [Pair], name: &str) -> Option<&'a [u8]> {
    let mut values = pairs.iter().filter(|(key, _)| key == name.as_bytes());
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value.as_slice())
}

/// The media type of the body, in lower case, without parameters.
pub(super) fn media_type(request: &WebhookRequest<'_>) -> Option<String> {
    let value = request
        .headers()
        .get(CONTENT_TYPE)?
        .to_str()
        .unwrap_or_default();
    let (media, _) = value.split_once(';').unwrap_or((value, ""));
    Some(media.trim().to_ascii_lowercase())
}

/// Whether the body is a form, or nobody says what it is.
#[cfg(feature = "sha1")]
pub(super) fn is_form(request: &WebhookRequest<'_>) -> bool {
    let form = "application/x-www-form-urlencoded";
    media_type(request).is_none_or(|media| media == form)
}

/// The boundary between the parts of `multipart/form-data` (RFC 7578).
pub(super) fn boundary(request: &WebhookRequest<'_>) -> Option<String> {
    let value = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let parameter = value.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let boundary = parameter.trim_matches('"');
    (1..=70)
        .contains(&boundary.len())
        .then(|| boundary.to_owned())
}

/// The one part of `multipart/form-data` that has this name and is no file, as text. `None` where there
/// is none, or several.
pub(super) fn part(body: &[u8], boundary: &str, name: &str) -> Option<String> {
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter has no line in front of it.
    let first = body.strip_prefix(&delimiter.as_bytes()[2..])?;
    let mut found = None;
    let mut rest = first;
    loop {
        let end = memchr::memmem::find(rest, delimiter.as_bytes());
        let part = end.map_or(rest, |end| &rest[..end]);
        if let Some(value) = named(part, name) {
            if found.is_some() {
                return None;
            }
            found = Some(String::from_utf8(value.to_vec()).ok()?);
        }
        rest = match end {
            Some(end) => &rest[end + delimiter.len()..],
            None => return found,
        };
    }
}

/// The content of a part that has this name and no file's.
fn named<'a>(part: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let part = part.strip_prefix(b"\r\n")?;
    let end = memchr::memmem::find(part, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&part[..end]).ok()?;
    let disposition = head.split("\r\n").find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    let mut is_named = false;
    for parameter in disposition.split(';').skip(1) {
        let (key, value) = parameter.trim().split_once('=')?;
        match key {
            "name" => is_named = value.trim_matches('"') == name,
            "filename" | "filename*" => return None,
            _ => {}
        }
    }
    is_named.then_some(&part[end + 4..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_as_bytes() {
        let pairs = pairs(b"a=1+2&b=%26%3D%zz&&c&d=x=y&%e4=%FF&a=3");
        let pair = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
        assert_eq!(
            pairs,
            [
                pair(b"a", b"1 2"),
                pair(b"b", b"&=%zz"),
                pair(b"c", b""),
                pair(b"d", b"x=y"),
                pair(b"\xe4", b"\xff"),
                pair(b"a", b"3"),
            ]
        );
        assert_eq!(only(&pairs, "d"), Some(&b"x=y"[..]));
        assert_eq!(only(&pairs, "a"), None);
        assert_eq!(only(&pairs, "e"), None);
    }

    #[test]
    fn a_part_has_its_name_once_and_is_no_file() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nabc\r\n\
            --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nzzz\r\n\
            --b\r\ncontent-disposition: form-data; name=\"twice\"\r\n\r\n1\r\n\
            --b\r\ncontent-disposition: form-data; name=\"twice\"\r\n\r\n2\r\n--b--\r\n";
        assert_eq!(part(body, "b", "token").as_deref(), Some("abc"));
        for missing in ["file", "twice", "other"] {
            assert_eq!(part(body, "b", missing), None, "{missing}");
        }
        assert_eq!(part(body, "c", "token"), None);
    }
}
