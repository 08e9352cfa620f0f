//! Text as a reader sees it: what is not seen is written out.

/// With what moves a cursor, breaks a line or turns the reading direction around written out:
/// a reviewer sees the text that is there (CVE-2021-42574 did it to source code).
pub(crate) fn visible(text: &str) -> String {
    let mut visible = String::new();
    for c in text.chars() {
        if hides(c) {
            visible.extend(c.escape_default());
        } else {
            visible.push(c);
        }
    }
    visible
}

/// Whether a character is not seen, and may change how others are.
pub(crate) fn hides(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_written_out() {
        for (text, expected) in [
            ("a\nb\r\u{1b}[2J", "a\\nb\\r\\u{1b}[2J"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
            (
                "a\u{200b}\u{ad}\u{feff}\u{2028}",
                "a\\u{200b}\\u{ad}\\u{feff}\\u{2028}",
            ),
            ("/å/日本 `x`", "/å/日本 `x`"),
        ] {
            assert_eq!(visible(text), expected, "{text:?}");
        }
    }
}
