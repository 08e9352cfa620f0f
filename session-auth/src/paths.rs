//! The ways in which a careless service may read a path.
//!
//! The list is that of the bypasses on record: `..;/` and `;` (CVE-2020-1957, CVE-2020-5902), `%3b`
//! (CVE-2020-13933), `%2e` (CVE-2021-41773), and their kin: `//`, encoded slashes, backslashes, NUL,
//! and encodings of what needs none.

use std::borrow::Cow;
use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

/// Whether two programs may read this path in two ways: the one behind the layer, a proxy in front
/// of it, a file system. Letters that have to be encoded, a blank or an umlaut, have one reading.
pub(crate) fn is_ambiguous(path: &str) -> bool {
    let bytes = path.as_bytes();
    let hex = |at: usize| {
        bytes
            .get(at)
            .and_then(|byte| char::from(*byte).to_digit(16))
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let is_ambiguous_encoding = |at: usize| match (hex(at + 1), hex(at + 2)) {
        (Some(high), Some(low)) => {
            let byte = high << 4 | low;
            byte.is_ascii_alphanumeric() || byte.is_ascii_control() || b"-._~/\\;%".contains(&byte)
        }
        // No encoding at all: one program keeps it, another fails.
        _ => true,
    };
    bytes.iter().enumerate().any(|(at, byte)| match byte {
        b';' | b'\\' | 0 => true,
        b'%' => is_ambiguous_encoding(at),
        b'/' => bytes.get(at + 1) == Some(&b'/'),
        _ => false,
    }) || path
        .split('/')
        .any(|segment| segment == "." || segment == "..")
}

/// Whether a path can be read otherwise than it is written at all: quick, and true too often.
pub(crate) fn may_have_readings(path: &str) -> bool {
    path.len() > 1 && path.ends_with('/')
        || memchr::memchr3(b'%', b';', b'\\', path.as_bytes()).is_some()
        || memchr::memmem::find(path.as_bytes(), b"//").is_some()
        || memchr::memmem::find(path.as_bytes(), b"/.").is_some()
}

/// The other readings of a path: decoded once and twice, each with backslashes as slashes, without
/// what follows a `;` in a segment, without empty and dot segments, without a slash at its end.
pub(crate) fn readings(path: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut decoded = path.to_owned();
    for _ in 0..3 {
        for text in [Cow::Borrowed(&*decoded), decoded.replace('\\', "/").into()] {
            for without_parameters in [false, true] {
                for resolved in [false, true] {
                    all.insert(reading(&text, without_parameters, resolved));
                }
            }
        }
        decoded = percent_decode_str(&decoded)
            .decode_utf8_lossy()
            .into_owned();
    }
    let without_slash: Vec<String> = all
        .iter()
        .map(|reading| reading.trim_end_matches('/').to_owned())
        .filter(|reading| !reading.is_empty())
        .collect();
    all.extend(without_slash);
    all.remove(path);
    all
}

fn reading(path: &str, without_parameters: bool, resolved: bool) -> String {
    let segments = path.split('/').skip(1).map(|segment| {
        let end = segment.find(';').filter(|_| without_parameters);
        &segment[..end.unwrap_or(segment.len())]
    });
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_slash = path.ends_with('/');
    for segment in segments {
        match segment {
            "" | "." if resolved => ends_in_slash = true,
            ".." if resolved => {
                kept.pop();
                ends_in_slash = true;
            }
            _ => {
                kept.push(segment);
                ends_in_slash = false;
            }
        }
    }
    let slash = if resolved && ends_in_slash && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{slash}", kept.join("/"))
}

#[cfg(test)]
mod tests;
