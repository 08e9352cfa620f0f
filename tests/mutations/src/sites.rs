//! The places of a source that refuse something: where a finding or a reason for 101 is made.

use std::ops::Range;

/// How refusals are written. Each ends in the bracket that opens what it says.
const WRITTEN: [&str; 14] = [
    "Err(",
    "self.err(",
    "Unreadable::new(",
    "Unreadable::empty(",
    ".unexpected(",
    "Problem::new(",
    ".not(",
    "self.problem(",
    "Malformed {",
    "report.add(",
    "finding(",
    "Finding {",
    "panic!(",
    "assert!(",
];

/// The refusals of a source, in order; of one inside another, the outer one. What comes after
/// `#[cfg(test)]` on a module with a body is not looked at: it is the last item of a file here.
#[must_use]
pub fn refusals(text: &str) -> Vec<Range<usize>> {
    let text = program(text);
    let mut found: Vec<Range<usize>> = WRITTEN
        .iter()
        .flat_map(|written| text.match_indices(written))
        .filter(|(at, written)| is_one(text, *at, written))
        .map(|(at, written)| at..end(text, at + written.len()))
        .collect();
    found.sort_by_key(|range| (range.start, usize::MAX - range.end));
    let mut outer: Vec<Range<usize>> = Vec::new();
    for range in found {
        if outer.last().is_none_or(|last| last.end <= range.start) {
            outer.push(range);
        }
    }
    outer
}

/// What is compiled into the program.
fn program(text: &str) -> &str {
    let tests = text
        .match_indices("#[cfg(")
        .find(|(at, _)| {
            let mut lines = text[*at..].lines();
            let condition = lines.next().unwrap_or_default();
            let item = lines.next().unwrap_or_default();
            condition.contains("test") && item.starts_with("mod ") && item.ends_with('{')
        })
        .map_or(text.len(), |(at, _)| at);
    &text[..tests]
}

fn is_one(text: &str, at: usize, written: &str) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = &text[line..at];
    if before.trim_start().starts_with("//") {
        return false;
    }
    // Part of a longer name, or where it is defined.
    let first = written.chars().next().unwrap_or('.');
    if first.is_alphabetic()
        && (before.ends_with(|last: char| last.is_alphanumeric() || last == '_')
            || ["fn ", "struct ", "enum ", "for ", "-> "]
                .iter()
                .any(|word| before.ends_with(word)))
    {
        return false;
    }
    // `!` as a method.
    if text[at..].starts_with(".not()") {
        return false;
    }
    // A pattern: what was refused elsewhere is looked at.
    let after = text[end(text, at + written.len())..].trim_start();
    let pattern = after.starts_with("=>")
        || after.starts_with("= ")
        || (after.starts_with("if ") && written == "Err(");
    !pattern && !before.trim_end().ends_with("let")
}

/// The end of what is opened in front of `from`.
fn end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 1_usize;
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'(' | b'{' | b'[' => depth += 1,
            b')' | b'}' | b']' => depth -= 1,
            b'"' => at = string_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
            }
            // A character, and not a lifetime.
            b'\'' if bytes.get(at + 1) == Some(&b'\\') => at += 3,
            b'\'' if bytes.get(at + 2) == Some(&b'\'') => at += 2,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The quote that ends the string which starts here.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_from_patterns_and_definitions() {
        let text = r#"
// Err(said)
fn unless(problems: Vec<Problem>) -> Result<(), Finding> {
    if let Err(error) = read() {
        return Err(Problem::new(format!("no {error} (")).help("do"));
    }
    let quote = self.problem('"', "\"("); // it's (
    match read() {
        Ok(it) => it,
        Err(error) if error.is_fine() => (),
        Err(error) => panic!("{error}"),
    }
    self.err(at, "a)")
}
impl fmt::Display for Finding {
}
#[cfg(test)]
mod tests {
    fn no() { assert!(false) }
}
"#;
        let found: Vec<&str> = refusals(text)
            .into_iter()
            .map(|range| &text[range])
            .collect();
        assert_eq!(
            found,
            [
                r#"Err(Problem::new(format!("no {error} (")).help("do"))"#,
                r#"self.problem('"', "\"(")"#,
                r#"panic!("{error}")"#,
                r#"self.err(at, "a)")"#,
            ]
        );
    }
}
