//! Markdown in GitHub's dialect: text and code that show as themselves, and plain tables.
//!
//! Names, paths and reasons come from the audited source, which whoever opens a pull request
//! writes: all of it goes through [`text`] or [`code`].

use crate::visible::visible;

/// A comment on GitHub holds 65,536 characters; this many bytes of a document are for its tables
/// and what is before them, the rest for what comes after.
pub(crate) const LONGEST: usize = 60_000;

/// A table of cells that are Markdown already, and how many of its rows are left out because with
/// them it would be longer than that many bytes. A shorter one after these is in it: a single row
/// cannot hide the others.
pub(crate) fn table(
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    longest: usize,
) -> (String, usize) {
    let line = |cells: &str| format!("| {cells} |\n");
    let mut table = line(&head.join(" | "));
    table.push_str(&line(&vec!["---"; head.len()].join(" | ")));
    let mut left_out = 0;
    for row in rows {
        let row = line(&row.join(" | "));
        if table.len() + row.len() > longest {
            left_out += 1;
        } else {
            table.push_str(&row);
        }
    }
    (table, left_out)
}

/// A sentence of a finding, in which backticks are around what is code.
pub(crate) fn sentence(words: &str) -> String {
    let mut parts = words.split('`');
    let mut shown = text(parts.next().unwrap_or_default());
    while let Some(part) = parts.next() {
        match parts.next() {
            Some(after) => {
                shown.push_str(&code(part));
                shown.push_str(&text(after));
            }
            // The last one is alone: it is a character of a name.
            None => {
                shown.push_str(&text("`"));
                shown.push_str(&text(part));
            }
        }
    }
    shown
}

/// Text that shows as itself wherever a line of Markdown can have it: in a paragraph or the cell of
/// a table.
///
/// Escapes alone do not stop GitHub, which looks for names, issues and addresses in the rendered
/// text: a space without width is put into these.
pub(crate) fn text(words: &str) -> String {
    let words = visible(words);
    let mut shown = String::with_capacity(words.len());
    let mut rest = words.as_str();
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            // Not by a backslash: within a cell, not every reader takes `\|` and `\\|` alike.
            '|' | '<' | '>' | '&' | '\\' | '`' => shown.push_str(&entity(c)),
            '@' => shown.push_str("@&#8203;"),
            '#' if after.starts_with(|next: char| next.is_ascii_digit()) => {
                shown.push_str("\\#&#8203;");
            }
            '*' | '_' | '~' | '[' | ']' | '!' | '#' | '$' | '^' | '{' | '}' => {
                shown.push('\\');
                shown.push(c);
            }
            ':' if !after.starts_with(' ') => shown.push_str(":&#8203;"),
            '.' if ends_with(&shown, "www") => shown.push_str("&#8203;."),
            '-' if ends_with(&shown, "gh") => shown.push_str("-&#8203;"),
            c => shown.push(c),
        }
        rest = after;
    }
    shown
}

/// Text as code: nothing in it is Markdown, a name or an address.
pub(crate) fn code(words: &str) -> String {
    let words = visible(words);
    // A span of backticks cannot hold these within a cell, nor be empty or have a space at its
    // ends.
    if words.is_empty() || words.contains(['`', '|', '\\']) || words.trim() != words {
        let escaped: String = words
            .chars()
            .map(|c| match c {
                '/' | '-' | ',' | '(' | ')' | '=' | '"' => c.to_string(),
                c if c.is_ascii_punctuation() => entity(c),
                c => c.to_string(),
            })
            .collect();
        return format!("<code>{escaped}</code>");
    }
    format!("`{words}`")
}

fn entity(c: char) -> String {
    format!("&#{};", u32::from(c))
}

fn ends_with(text: &str, ascii: &str) -> bool {
    text.len()
        .checked_sub(ascii.len())
        .and_then(|start| text.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case(ascii))
}

#[cfg(test)]
mod tests;
