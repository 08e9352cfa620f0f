//! Blanks around a secret.

/// What stands around a text, and that its author cannot have meant: blanks and line ends, a byte
/// order mark, the signs without a width that are copied along from web pages.
///
/// `None` for bytes that are no text: of random ones the last may be any. Is the secret one of these,
/// whoever sends has another one, and every delivery is refused.
pub(super) fn ends(secret: &[u8]) -> Option<Ends> {
    let text = std::str::from_utf8(secret).ok()?;
    let inner = text.trim_matches(is_blank);
    if inner.len() == text.len() || inner.chars().any(char::is_control) {
        return None;
    }
    Some(if inner.is_empty() {
        Ends::All
    } else if text.ends_with(is_blank) {
        Ends::Last
    } else {
        Ends::First
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    All,
    First,
    Last,
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\0' || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_text_the_ends_are_looked_at_and_of_bytes_nothing_is() {
        for (secret, expected) in [
            (&b"s3cret"[..], None),
            (b"two words", None),
            ("größe".as_bytes(), None),
            (b"s3cret\n", Some(Ends::Last)),
            (b"s3cret\r\n", Some(Ends::Last)),
            (b"s3cret ", Some(Ends::Last)),
            (b"s3cret\t", Some(Ends::Last)),
            (b"s3cret\0", Some(Ends::Last)),
            ("s3cret\u{a0}".as_bytes(), Some(Ends::Last)),
            ("s3cret\u{200b}".as_bytes(), Some(Ends::Last)),
            (b" s3cret", Some(Ends::First)),
            (b"\ns3cret", Some(Ends::First)),
            ("\u{feff}s3cret".as_bytes(), Some(Ends::First)),
            (b" s3cret\n", Some(Ends::Last)),
            (b" ", Some(Ends::All)),
            (b"\r\n", Some(Ends::All)),
            // Random bytes may end as they like.
            (b"\x8f\x02\xd1\n", None),
            (b" \x01\x7f\x10\n", None),
        ] {
            let text = String::from_utf8_lossy(secret);
            assert_eq!(ends(secret), expected, "{text:?}");
        }
    }
}
