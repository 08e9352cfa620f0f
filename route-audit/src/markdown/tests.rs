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
