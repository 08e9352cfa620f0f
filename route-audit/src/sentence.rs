//! A sentence with names in it: the same words for a terminal and for a comment in Markdown.

use std::fmt;

use crate::markdown::code;
use crate::visible::visible;

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
}
