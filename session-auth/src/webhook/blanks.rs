//! What does not show in a text that somebody has configured.

use super::verifier::ConfigError;

/// What in a text nobody sees, and its author cannot have meant: blanks and line ends around it, control
/// characters, signs without a width that are copied along from web pages. RFC 8264, section 9.13, has no
/// such sign in a password either.
///
/// `None` for bytes that are no text: random ones may be any. Of 16 random bytes, all are a text by
/// chance once in ten thousand times, of 32 once in a hundred million; and what consists of control characters
/// for the most part is none that somebody has written. Is the text one of these, whoever sends has another
/// one, and every delivery is refused.
pub(super) fn unseen(text: &[u8]) -> Option<Unseen> {
    let text = std::str::from_utf8(text).ok()?;
    let controls = text
        .chars()
        .filter(|c| c.is_control() && !c.is_whitespace());
    if 2 * controls.count() > text.chars().count() {
        return None;
    }
    if text.starts_with(char::is_whitespace) {
        return Some(match text.trim() {
            "" => Unseen::All,
            _ => Unseen::First,
        });
    }
    if text.ends_with(char::is_whitespace) {
        return Some(Unseen::Last);
    }
    let control = text.contains(char::is_control).then_some(Unseen::Control);
    control.or_else(|| text.contains(is_hidden).then_some(Unseen::Hidden))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unseen {
    /// It is white space and nothing else.
    All,
    /// White space at its start.
    First,
    /// White space at its end.
    Last,
    Control,
    /// A sign without a width.
    Hidden,
}

/// Unicode's `Default_Ignorable_Code_Point`, and the marks of interlinear annotations.
pub(super) fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// A text that senders are known by, and that is no secret: `what` it is, and its value.
pub(super) fn setting(what: &str, value: &str) -> Result<(), ConfigError> {
    match unseen(value.as_bytes()) {
        None if !value.is_empty() => Ok(()),
        None | Some(Unseen::All) => Err(ConfigError::new(format!("{what} is empty: set it"))),
        Some(_) => Err(ConfigError::new(format!(
            "{what} is {value:?}, which no sender has: take away what does not show (a blank or a newline \
             around it, a control character, a sign without a width)"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_text_all_is_looked_at_and_of_bytes_nothing_is() {
        for (secret, expected) in [
            ("", None),
            ("s3cret", None),
            ("two words", None),
            ("größe 日本 \u{301}", None),
            ("s3cret\n", Some(Unseen::Last)),
            ("s3cret\r\n", Some(Unseen::Last)),
            ("s3cret ", Some(Unseen::Last)),
            ("s3cret\t", Some(Unseen::Last)),
            ("s3cret\u{a0}", Some(Unseen::Last)),
            ("old\nnew\n", Some(Unseen::Last)),
            (" s3cret", Some(Unseen::First)),
            ("\ns3cret", Some(Unseen::First)),
            (" s3cret\n", Some(Unseen::First)),
            (" ", Some(Unseen::All)),
            ("\r\n", Some(Unseen::All)),
            ("old\nnew", Some(Unseen::Control)),
            ("s3\tcret", Some(Unseen::Control)),
            ("s3cret\0", Some(Unseen::Control)),
            ("s3cret\u{1b}", Some(Unseen::Control)),
            ("\u{7f}s3cret", Some(Unseen::Control)),
            ("s3cret\u{9f}", Some(Unseen::Control)),
        ] {
            assert_eq!(unseen(secret.as_bytes()), expected, "{secret:?}");
        }
        for bytes in [
            &b"\x8f\x02\xd1\n"[..],
            b" \x01\xff\x10\n",
            b"\xff",
            &[7; 32],
            &[0; 32],
        ] {
            assert_eq!(unseen(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_sign_without_a_width_is_found_wherever_it_stands() {
        for sign in "\u{ad}\u{61c}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202e}\u{2060}\
            \u{2066}\u{2069}\u{feff}\u{fe0f}\u{e0001}"
            .chars()
        {
            for text in [
                format!("{sign}"),
                format!("{sign}s3cret"),
                format!("s3{sign}cret"),
                format!("s3cret{sign}"),
            ] {
                assert_eq!(unseen(text.as_bytes()), Some(Unseen::Hidden), "{text:?}");
            }
        }
    }
}
