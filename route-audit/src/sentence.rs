//! A sentence with names in it: the same words for a terminal and for a comment in Markdown.

use std::fmt;

/// Names come from the audited source, the rest from here: a rendering that escapes needs to know
/// which is which.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sentence(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Piece {
    Words(&'static str),
    Name(String),
}

impl Sentence {
    /// Begins with these words.
    pub(crate) fn of(words: &'static str) -> Self {
        Self::default().words(words)
    }

    pub(crate) fn words(mut self, words: &'static str) -> Self {
        self.0.push(Piece::Words(words));
        self
    }

    pub(crate) fn name(mut self, name: &str) -> Self {
        self.0.push(Piece::Name(name.to_owned()));
        self
    }

    pub(crate) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// All of them as one, with this between two.
    pub(crate) fn join(all: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let mut joined = Self::default();
        for one in all {
            if !joined.0.is_empty() {
                joined = joined.words(between);
            }
            joined = joined.then(one);
        }
        joined
    }

    /// As Markdown, in which the names are code and nothing of them is markup.
    pub(crate) fn markdown(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                // Of this program: nothing in them is markup.
                Piece::Words(words) => (*words).to_owned(),
                Piece::Name(name) => code(name),
            })
            .collect()
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Words(words) => f.write_str(words),
            Piece::Name(name) => write!(f, "`{}`", visible(name)),
        })
    }
}

/// Code in a line or a table cell of Markdown. Not between backticks, which no escape gets into.
pub(crate) fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Text in a line or a table cell of Markdown, as itself: it neither becomes markup or HTML, nor
/// ends the cell, nor notifies the people or issues that it names.
///
/// An entity is never read as markup (CommonMark 0.31.2, section 2.5). GitHub looks for `@name`
/// and `#1` once entities are decoded, so an empty comment keeps the sign from what follows.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in visible(text).chars() {
        match c {
            '@' | '#' => escaped.push_str(&format!("&#{};<!-- -->", u32::from(c))),
            ' ' | '/' | '-' | ',' | ';' | '(' | ')' | '?' => escaped.push(c),
            c if c.is_ascii_punctuation() => escaped.push_str(&format!("&#{};", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

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
    fn names_are_quoted_and_words_are_not() {
        let sentence = Sentence::join(
            [
                Sentence::of("needs scope ").name("a`b"),
                Sentence::of("is new"),
            ],
            "; ",
        );
        assert_eq!(sentence.to_string(), "needs scope `a`b`; is new");
        assert_eq!(
            sentence.markdown(),
            "needs scope <code>a&#96;b</code>; is new"
        );
    }

    #[test]
    fn nothing_of_a_text_is_markup() {
        for (text, expected) in [
            ("a|b", "a&#124;b"),
            ("`x`", "&#96;x&#96;"),
            ("<img src=x>", "&#60;img src&#61;x&#62;"),
            ("-->", "--&#62;"),
            ("[a](http://b)", "&#91;a&#93;(http&#58;//b)"),
            ("*a* _b_ ~c~", "&#42;a&#42; &#95;b&#95; &#126;c&#126;"),
            ("&lt; \\", "&#38;lt; &#92;"),
            ("@team #1", "&#64;<!-- -->team &#35;<!-- -->1"),
            ("a\nb\r\u{1b}", "a&#92;nb&#92;r&#92;u&#123;1b&#125;"),
            ("a\u{202e}b", "a&#92;u&#123;202e&#125;b"),
            ("/å/日本", "/å/日本"),
        ] {
            assert_eq!(escape(text), expected, "{text:?}");
        }
    }
}
