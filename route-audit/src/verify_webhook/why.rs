//! Why a delivery does not verify: what would have to be otherwise for it to do so.
//!
//! Each change is tried, one at a time. A change that makes the proof right says what went wrong on the
//! way; nothing of a secret is in the words.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use session_auth::webhook::{Setup, schemes};

use super::captured::Captured;

/// What was found out, in words. Empty where no change makes it right.
pub(super) fn why(captured: &Captured) -> Vec<String> {
    let found = [by_secret, by_body, by_url, by_scheme]
        .into_iter()
        .flat_map(|changes| changes(captured))
        .find(|(changed, _)| changed.is_proved());
    found.map(|(_, words)| words).into_iter().collect()
}

type Changes = Vec<(Captured, String)>;

fn by_secret(captured: &Captured) -> Changes {
    let mut changes = Vec::new();
    for (number, secret) in captured.setup.secrets.iter().enumerate() {
        let Ok(text) = std::str::from_utf8(secret) else {
            continue;
        };
        let which = if captured.setup.secrets.len() > 1 {
            format!("secret number {}", number + 1)
        } else {
            "the secret".to_owned()
        };
        let mut other = |secret: Vec<u8>, words: &str| {
            let mut changed = captured.clone();
            changed.setup.secrets = Setup::new([secret]).secrets;
            changes.push((changed, format!("it verifies with {which} {words}")));
        };
        other(
            text.trim().into(),
            "without the white space around it: take that away",
        );
        other(
            text.trim_matches(['"', '\'']).into(),
            "without the quotes around it: take them away",
        );
        if let Some(rest) = text.strip_prefix("v1,") {
            other(
                rest.into(),
                "without its `v1,`: give what begins with `whsec_`",
            );
        }
        if let Some(rest) = text.strip_prefix("whsec_") {
            other(
                rest.into(),
                "without its `whsec_`: this sender has a secret of another form",
            );
        }
        if let Ok(decoded) = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)) {
            other(
                decoded,
                "decoded from base64: this sender does not sign so, a relay may",
            );
        }
        if let Some(decoded) = unhex(text) {
            other(
                decoded,
                "decoded from hexadecimal: this sender does not sign so, a relay may",
            );
        }
        let encoded = format!("whsec_{}", STANDARD.encode(text));
        other(
            encoded.into_bytes(),
            "taken as the key's bytes: here it has to be in base64, behind `whsec_`",
        );
    }
    changes
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty()
        || !text.len().is_multiple_of(2)
        || !text.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return None;
    }
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn by_body(captured: &Captured) -> Changes {
    let body = &captured.body;
    let mut changes = Vec::new();
    let mut other = |body: Vec<u8>, words: &str| {
        if body == captured.body {
            return;
        }
        let changed = Captured {
            body,
            ..captured.clone()
        };
        let words = format!("the signature is of another body: {words}");
        changes.push((changed, words));
    };
    for end in ["\r\n", "\n", " "] {
        if let Some(cut) = body.strip_suffix(end.as_bytes()) {
            other(
                cut.to_vec(),
                "without the line end at the end of this one. The sender sent none; an editor, or \
                 what captured it, adds one",
            );
        }
        other(
            [body, end.as_bytes()].concat(),
            "with a line end at the end, which the sender sends and something has taken away",
        );
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return changes;
    };
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        other(
            rest.into(),
            "without the byte order mark at the start of this one",
        );
    }
    other(
        text.replace("\r\n", "\n").into(),
        "with line ends of LF, where this one has CR LF",
    );
    other(
        text.replace("\r\n", "\n").replace('\n', "\r\n").into(),
        "with line ends of CR LF, where this one has LF",
    );
    let rewritten = "Something between the sender and here has parsed the JSON and written it anew \
                     (a proxy, a gateway, a body parser of the framework): verify the bytes as they \
                     arrive";
    let compact = json_with(text, "", "");
    let spaced = json_with(text, " ", " ");
    for (body, how) in [
        (compact.clone(), "the same JSON without blanks"),
        (
            spaced.clone(),
            "the same JSON with a blank after `:` and `,`",
        ),
        (
            compact.as_deref().map(escaped),
            "the same JSON with `\\u` escapes",
        ),
        (Some(escaped(text)), "the same JSON with `\\u` escapes"),
        (Some(unescaped(text)), "the same JSON without `\\u` escapes"),
        (
            Some(text.replace("\\/", "/")),
            "the same JSON without `\\/`",
        ),
        (
            Some(text.replace('/', "\\/")),
            "the same JSON with `\\/` for `/`",
        ),
    ] {
        if let Some(body) = body {
            other(body.into_bytes(), &format!("{how}. {rewritten}"));
        }
    }
    changes
}

/// JSON with these blanks after `,` and `:` and no others. Names and values stay as they are written.
fn json_with(text: &str, after_comma: &str, after_colon: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut written = String::with_capacity(text.len());
    let mut in_string = false;
    let mut escaped = false;
    for character in text.chars() {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            written.push(character);
            continue;
        }
        match character {
            ' ' | '\t' | '\r' | '\n' => continue,
            '"' => in_string = true,
            _ => {}
        }
        written.push(character);
        match character {
            ',' => written.push_str(after_comma),
            ':' => written.push_str(after_colon),
            _ => {}
        }
    }
    Some(written)
}

/// As Python's `json.dumps` and PHP's `json_encode` write what is not ASCII.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut units = [0; 2];
    for character in text.chars() {
        if character.is_ascii() {
            written.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut units) {
            written.push_str(&format!("\\u{unit:04x}"));
        }
    }
    written
}

/// As JavaScript's `JSON.stringify` writes it.
fn unescaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let flush = |units: &mut Vec<u16>, written: &mut String| {
        written.push_str(&String::from_utf16_lossy(units));
        units.clear();
    };
    let mut rest = text;
    while let Some(at) = rest.find("\\u") {
        if at > 0 {
            flush(&mut units, &mut written);
            written.push_str(&rest[..at]);
        }
        let code = rest.get(at + 2..at + 6);
        match code.and_then(|code| u16::from_str_radix(code, 16).ok()) {
            Some(unit) if unit >= 0x80 => {
                units.push(unit);
                rest = &rest[at + 6..];
            }
            _ => {
                flush(&mut units, &mut written);
                written.push_str("\\u");
                rest = &rest[at + 2..];
            }
        }
    }
    flush(&mut units, &mut written);
    written.push_str(rest);
    written
}

fn by_url(captured: &Captured) -> Changes {
    let Some(base) = &captured.setup.public_url else {
        return Vec::new();
    };
    let target = captured.target.to_string();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&*target, None),
    };
    let mut changes = Vec::new();
    let mut other = |base: String, target: String, words: &str| {
        let Ok(target) = target.parse::<Uri>() else {
            return;
        };
        let mut changed = captured.clone();
        changed.setup.public_url = Some(base);
        changed.target = target;
        changes.push((
            changed,
            format!("the signature is of another URL: {words}. Give the one that the sender has"),
        ));
    };
    let with_query = |path: &str| match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Some(rest) = base.strip_prefix("http://") {
        let https = format!("https://{rest}");
        other(
            https,
            target.clone(),
            "with https, which a proxy in front ends",
        );
    }
    if let Some(rest) = base.strip_prefix("https://") {
        let http = format!("http://{rest}");
        other(http, target.clone(), "with http");
    }
    let slashed = match path.strip_suffix('/') {
        Some(bare) if !bare.is_empty() => with_query(bare),
        _ => with_query(&format!("{path}/")),
    };
    other(
        base.clone(),
        slashed,
        "with, or without, a slash at the end of its path",
    );
    if query.is_some() {
        other(base.clone(), path.to_owned(), "without the query");
    }
    if let Some((bare, port)) = base.rsplit_once(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        other(bare.to_owned(), target.clone(), "without the port");
    }
    changes
}

/// The sender may be another, or sign in another way than was thought.
fn by_scheme(captured: &Captured) -> Changes {
    let others = schemes()
        .into_iter()
        .filter(|it| it.name != captured.scheme.name);
    others
        .map(|scheme| {
            let changed = Captured {
                scheme,
                ..captured.clone()
            };
            let words = format!("it verifies as `{}`: use that scheme", scheme.name);
            (changed, words)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_anew_with_its_names_and_values_as_they_were() {
        let text = "{ \"a\" : [1, 2.50],\n \"b: ,\\\" \" : \"\\u00e4\u{e9}\u{1f600}\" }";
        assert_eq!(
            json_with(text, "", "").as_deref(),
            Some("{\"a\":[1,2.50],\"b: ,\\\" \":\"\\u00e4\u{e9}\u{1f600}\"}")
        );
        assert_eq!(
            json_with("{\"a\":1,\"b\":2}", " ", " ").as_deref(),
            Some("{\"a\": 1, \"b\": 2}")
        );
        assert_eq!(json_with("no", "", ""), None);
        assert_eq!(escaped("\u{e9}\u{1f600}x"), "\\u00e9\\ud83d\\ude00x");
        assert_eq!(
            unescaped("a\\u00e9\\ud83d\\ude00x\\u000a\\u12"),
            "a\u{e9}\u{1f600}x\\u000a\\u12"
        );
    }
}
