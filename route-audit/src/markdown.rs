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
mod tests {
    use super::*;

    #[test]
    fn text_shows_as_itself() {
        for (name, words, expected) in [
            (
                "words",
                "GET /api/me, again (1 of 2).",
                "GET /api/me, again (1 of 2).",
            ),
            ("a cell's end", "a|b", "a&#124;b"),
            ("HTML", "<img src=x>&amp;", "&#60;img src=x&#62;&#38;amp;"),
            ("code", "`x`", "&#96;x&#96;"),
            ("an escape", "\\*", "&#92;\\*"),
            ("emphasis", "*a* _b_ ~c~", "\\*a\\* \\_b\\_ \\~c\\~"),
            ("a link", "[a](//b)", "\\[a\\](//b)"),
            ("an image", "![a](//b)", "\\!\\[a\\](//b)"),
            (
                "an address",
                "https://evil.example",
                "https:&#8203;//evil.example",
            ),
            (
                "an address by its name",
                "WWW.evil.example",
                "WWW&#8203;.evil.example",
            ),
            ("a mention", "/@team/{id}", "/@&#8203;team/\\{id\\}"),
            ("an address of mail", "a@b.example", "a@&#8203;b.example"),
            ("an issue", "#12 GH-12", "\\#&#8203;12 GH-&#8203;12"),
            ("an emoji", ":tada:", ":&#8203;tada:&#8203;"),
            ("a colon", "a: b", "a: b"),
            ("mathematics", "$x$", "\\$x\\$"),
            (
                "a new line",
                "a\n\n# b\r",
                "a\\n\\n# b\\r"
                    .replace('\\', "&#92;")
                    .replace("# b", "\\# b")
                    .as_str(),
            ),
            ("text that turns", "\u{202e}x", "&#92;u\\{202e\\}x"),
            ("no ASCII", "å™", "å™"),
        ] {
            assert_eq!(text(words), expected, "{name}");
        }
    }

    #[test]
    fn code_shows_as_itself() {
        for (name, words, expected) in [
            ("a path", "/users/{id}", "`/users/{id}`"),
            ("a mention", "/@team", "`/@team`"),
            ("a backtick", "a`b", "<code>a&#96;b</code>"),
            ("a cell's end", "a|<b>", "<code>a&#124;&#60;b&#62;</code>"),
            ("an escape", "a\\", "<code>a&#92;</code>"),
            ("a new line", "a\n@b", "<code>a&#92;n&#64;b</code>"),
            ("a space at its end", "a ", "<code>a </code>"),
            ("nothing", "", "<code></code>"),
        ] {
            assert_eq!(code(words), expected, "{name}");
        }
    }

    #[test]
    fn what_is_code_in_a_sentence_stays_code() {
        assert_eq!(
            sentence("add `#[session_route(GET, \"/@a\")]` to `me`"),
            "add `#[session_route(GET, \"/@a\")]` to `me`"
        );
        // A backtick of a name is not told apart from one that begins code; either way it is escaped.
        assert_eq!(sentence("GET /a`@b` @c `d"), "GET /a`@b` @&#8203;c &#96;d");
        assert_eq!(sentence(""), "");
        assert_eq!(sentence("`"), "&#96;");
    }

    #[test]
    fn a_table_leaves_out_what_would_make_it_too_long_and_counts_it() {
        let shown = |cells: &[&str], longest| {
            let rows = cells.iter().map(|cell| vec![(*cell).to_owned()]);
            table(&["A"], rows, longest)
        };
        let whole = "| A |\n| --- |\n| b |\n| cc |\n";
        assert_eq!(shown(&["b", "cc"], whole.len()), (whole.to_owned(), 0));
        let short = "| A |\n| --- |\n| b |\n".to_owned();
        assert_eq!(shown(&["b", "cc"], whole.len() - 1), (short.clone(), 1));
        // A long one does not take those after it along.
        assert_eq!(shown(&["cc", "b", "cc"], short.len()), (short, 2));
        assert_eq!(shown(&["b"], 0), ("| A |\n| --- |\n".to_owned(), 1));
    }
}
