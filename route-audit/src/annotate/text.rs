//! A file of source, and edits of its text by spans.
//!
//! Nothing is printed anew: what is not edited keeps its bytes, line ends and comments.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::TokenStream;

use crate::error::Problem;

/// A part of the text, and what stands there in its place. Line ends are `\n`.
pub(super) type Edit = (Range<usize>, String);

/// A file as it was, and as it is now.
#[derive(Clone)]
pub(super) struct Source {
    /// From the root of the workspace.
    pub(super) name: String,
    /// The file itself, which is written when all is done.
    pub(super) path: PathBuf,
    pub(super) original: String,
    /// Without a byte order mark.
    pub(super) text: String,
    /// Offsets that edits move along.
    pub(super) marks: Vec<usize>,
}

const MARK: char = '\u{feff}';

impl Source {
    pub(super) fn read(path: &Path, name: String) -> Result<Self, Problem> {
        let original = fs::read_to_string(path).map_err(|error| {
            Problem::new(format!("cannot read the source: {error}")).at(path.display())
        })?;
        Ok(Self::of(path, name, original))
    }

    fn of(path: &Path, name: String, original: String) -> Self {
        let text = original.strip_prefix(MARK).unwrap_or(&original).to_owned();
        Self {
            name,
            path: path.to_owned(),
            original,
            text,
            marks: Vec::new(),
        }
    }

    /// A first line for the shell is no Rust. Of the same length, so that all else stays put.
    fn rust(&self) -> String {
        let script = self.text.starts_with("#!") && !self.text[2..].trim_start().starts_with('[');
        if script {
            self.text.replacen("#!", "//", 1)
        } else {
            self.text.clone()
        }
    }

    pub(super) fn parse(&self) -> Result<syn::File, Problem> {
        syn::parse_file(&self.rust()).map_err(|error| {
            let start = error.span().start();
            let problem = Problem::new(format!("cannot parse the source: {error}"));
            let problem = problem.at(format!("{}:{}:{}", self.name, start.line, start.column + 1));
            problem.help(if self.text.lines().any(|line| line.starts_with("<<<<<<< ")) {
                "it has conflict markers: finish the merge first"
            } else {
                "if `cargo check` takes it, the syntax is newer than this route-audit: update it"
            })
        })
    }

    pub(super) fn tokens(&self) -> TokenStream {
        TokenStream::from_str(&self.rust()).unwrap_or_default()
    }

    /// The offset of a line and column, both from 1.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let mut lines = self.text.split_inclusive('\n');
        let before: usize = lines
            .by_ref()
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum();
        let line = lines.next().unwrap_or_default();
        let column = line.char_indices().nth(column.saturating_sub(1));
        before + column.map_or(line.len(), |(at, _)| at)
    }

    /// Remembers an offset, and returns the number of its mark.
    pub(super) fn mark(&mut self, at: usize) -> usize {
        self.marks.push(at);
        self.marks.len() - 1
    }

    /// The place of an offset in what this text becomes: the same but for white space and for commas, which
    /// rustfmt moves.
    pub(super) fn place_in(&self, new: &str, offset: usize) -> String {
        let solid = |c: &char| !c.is_whitespace() && !matches!(*c, ',' | MARK);
        let before = self.text[..offset].chars().filter(solid).count();
        let mut all = new.char_indices().filter(|(_, c)| solid(c));
        let at = all.nth(before).map_or(new.len(), |(at, _)| at);
        let line = 1 + new[..at].matches('\n').count();
        format!("{}:{line}", self.name)
    }

    /// `src/main.rs:12`.
    pub(super) fn place(&self, offset: usize) -> String {
        let line = 1 + self.text[..offset].matches('\n').count();
        format!("{}:{line}", self.name)
    }

    /// The white space before an offset, where that is all there is before it on its line.
    pub(super) fn indent(&self, at: usize) -> &str {
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let line = &self.text[start..at];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Lines before an item, indented as it is.
    pub(super) fn lines(&self, at: usize, lines: &[String]) -> Edit {
        let end = format!("\n{}", self.indent(at));
        let text = lines.iter().map(|line| format!("{line}{end}")).collect();
        (at..at, text)
    }

    pub(super) fn edit(&mut self, mut edits: Vec<Edit>) {
        // Stable: of two at one place, the first that was made comes first.
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let crlf = self.is_crlf();
        let mut out = String::with_capacity(self.text.len() + 1024);
        let mut marks = self.marks.clone();
        let mut done = 0;
        for (range, text) in edits {
            if range.start < done {
                continue;
            }
            out.push_str(&self.text[done..range.start]);
            let text = if crlf {
                text.replace('\n', "\r\n")
            } else {
                text
            };
            for (mark, old) in marks.iter_mut().zip(&self.marks) {
                if range.end <= *old {
                    *mark = *mark + text.len() - range.len();
                }
            }
            out.push_str(&text);
            done = range.end;
        }
        out.push_str(&self.text[done..]);
        (self.text, self.marks) = (out, marks);
    }

    pub(super) fn is_crlf(&self) -> bool {
        self.text
            .find('\n')
            .is_some_and(|end| self.text[..end].ends_with('\r'))
    }

    /// As it goes to the disk.
    pub(super) fn output(&self) -> String {
        let mark = if self.original.starts_with(MARK) {
            "\u{feff}"
        } else {
            ""
        };
        format!("{mark}{}", self.text)
    }

    #[cfg(test)]
    pub(super) fn test(text: &str) -> Self {
        Self::of(
            Path::new("lib.rs"),
            "src/lib.rs".to_owned(),
            text.to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_edited_keeps_its_bytes() {
        for text in [
            "\u{feff}fn  a( ) { }\r\n\r\n// c\r\n\tasync   fn b() {}",
            "#!/usr/bin/env run\nfn a() {}\nmod m {\n    async fn b() {}\n}\n",
            "/* é */ fn a() {} async fn b() {}",
        ] {
            let mut source = Source::test(text);
            source.parse().expect("it parses");
            let at = source.text.find("async").expect("it is there");
            let edit = source.lines(at, &["#[x]".to_owned()]);
            source.marks.push(at);
            source.edit(vec![edit]);
            let end = if text.contains('\r') { "\r\n" } else { "\n" };
            let inserted = format!("#[x]{end}{}", Source::test(text).indent(at));
            assert_eq!(source.output().replacen(&inserted, "", 1), text);
            assert!(source.text[source.marks[0]..].starts_with("async"));
        }
    }

    #[test]
    fn columns_are_characters_and_marks_move_with_what_they_mark() {
        let mut source = Source::test("a\r\n/* é */ get(x).post(y)\n");
        let post = source.offset(2, 16);
        assert!(source.text[post..].starts_with("post"), "{post}");
        assert_eq!(source.place(post), "src/lib.rs:2");
        source.marks = vec![post];
        let x = source.offset(2, 13);
        source.edit(vec![
            (0..1, String::new()),
            (x..x, "to(".to_owned()),
            (x + 1..x + 1, ")".to_owned()),
        ]);
        assert!(source.text[source.marks[0]..].starts_with("post"));
        assert!(source.text.contains("get(to(x)).post(y)"));
        let formatted = "\r\n/* é */\nget(to(\nx,\n))\n.post(y)\n";
        let post = source.marks[0];
        assert_eq!(source.place_in(formatted, post), "src/lib.rs:6");
    }
}
