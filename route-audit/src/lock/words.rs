//! The words of a line: `plain`, `"quoted"`, `key=plain` or `key="quoted"`.

use crate::visible::{hides, visible};

/// A line that cannot be read: the column, counted in characters from 1, and a sentence.
pub(super) struct Malformed {
    pub(super) column: usize,
    pub(super) expected: String,
}

/// As it is, where that reads back as one word.
pub(super) fn word(text: &str) -> String {
    let plain = !text.is_empty()
        && !text.starts_with('#')
        && text != "-"
        && !text
            .chars()
            .any(|c| c.is_whitespace() || hides(c) || c == '"' || c == '=');
    if plain { text.to_owned() } else { quoted(text) }
}

/// What cannot be seen is written out: a reviewer reads the text that is there.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if hides(c) => quoted.extend(c.escape_unicode()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A line that is read from left to right.
pub(super) struct Words<'a> {
    pub(super) line: &'a str,
    /// The byte at which the next one starts or white space does.
    pub(super) at: usize,
}

pub(super) struct Word<'a> {
    pub(super) column: usize,
    source: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) value: String,
    pub(super) quoted: bool,
}

impl Word<'_> {
    /// Without key or quotes.
    pub(super) fn plain(&self) -> Option<&str> {
        (self.key.is_none() && !self.quoted).then_some(self.value.as_str())
    }

    /// Whether it ends with this text as it is, no character of it escaped.
    pub(super) fn is_written(&self, end: &str) -> bool {
        self.source.trim_end_matches('"').ends_with(end)
    }

    pub(super) fn not(&self, expected: &str) -> Malformed {
        Malformed {
            column: self.column,
            expected: format!("expected {expected}; found `{}`", visible(self.source)),
        }
    }
}

impl<'a> Words<'a> {
    pub(super) fn next(&mut self, expected: &str) -> Result<Word<'a>, Malformed> {
        self.word()?.ok_or_else(|| Malformed {
            column: self.column(self.line.len()),
            expected: format!("expected {expected}; the line ends here"),
        })
    }

    pub(super) fn word(&mut self) -> Result<Option<Word<'a>>, Malformed> {
        let line = self.line;
        let rest = &line[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        let rest = &line[start..];
        if rest.is_empty() {
            self.at = start;
            return Ok(None);
        }
        let end = |c: char| c.is_whitespace() || c == '"' || c == '=';
        let head = rest.find(end).unwrap_or(rest.len());
        let (key, value_at) = if rest[head..].starts_with('=') && head > 0 {
            (Some(&rest[..head]), start + head + 1)
        } else {
            (None, start)
        };
        let value = &line[value_at..];
        let (value, length, quoted) = if value.starts_with('"') {
            let (text, length) = self.unquote(value_at)?;
            (text, length, true)
        } else {
            let length = value
                .find(|c: char| c.is_whitespace() || c == '"')
                .unwrap_or(value.len());
            (value[..length].to_owned(), length, false)
        };
        self.at = value_at + length;
        let after = &line[self.at..];
        if !after.is_empty() && !after.starts_with(char::is_whitespace) {
            return Err(Malformed {
                column: self.column(self.at),
                expected: "expected a space between two words".to_owned(),
            });
        }
        Ok(Some(Word {
            column: self.column(start),
            source: &line[start..self.at],
            key,
            value,
            quoted,
        }))
    }

    /// The text between the quotes that start here, and how many bytes both take.
    fn unquote(&self, start: usize) -> Result<(String, usize), Malformed> {
        let error = |at: usize, expected: &str| Malformed {
            column: self.column(at),
            expected: expected.to_owned(),
        };
        let mut text = String::new();
        let mut chars = self.line[start..].char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => return Ok((text, at + 1)),
                '\\' => match chars.next() {
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    Some((_, 'u')) => {
                        let mut code = chars.by_ref().map(|(_, c)| c);
                        let digits: String = match code.next() {
                            Some('{') => code.take_while(|c| *c != '}').collect(),
                            _ => String::new(),
                        };
                        let c = digits
                            .bytes()
                            .all(|digit| digit.is_ascii_hexdigit())
                            .then(|| u32::from_str_radix(&digits, 16).ok())
                            .flatten()
                            .and_then(char::from_u32);
                        text.push(c.ok_or_else(|| {
                            error(start + at, "expected a character, such as `\\u{202e}`")
                        })?);
                    }
                    _ => {
                        return Err(error(
                            start + at,
                            "expected `\\\"`, `\\\\` or `\\u{…}` after the backslash",
                        ));
                    }
                },
                c => text.push(c),
            }
        }
        Err(error(start, "these quotes are not closed on the line"))
    }

    fn column(&self, byte: usize) -> usize {
        self.line[..byte].chars().count() + 1
    }
}
