use super::*;
use crate::testing::report;

fn at(file: &str, line: u32) -> Location {
    Location {
        file: file.to_owned().into(),
        line,
        column: 1,
    }
}

#[test]
fn only_a_line_that_is_there_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("the file");
    };
    write("a.rs", b"fn one() {}\r\n   \r\n\tfn three() {}");
    write("bytes.rs", b"fn one() {}\n\xff\xfe\n");
    let places = Places::of(folder.path());
    let mut sources = Sources {
        places: &places,
        files: HashMap::new(),
    };
    let mut line = |file: &str, line| sources.line(&at(file, line)).map(str::to_owned);
    assert_eq!(line("a.rs", 1).as_deref(), Some("fn one() {}"));
    assert_eq!(line("a.rs", 3).as_deref(), Some("\tfn three() {}"));
    let absolute = folder.path().join("a.rs");
    assert!(line(&absolute.to_string_lossy(), 1).is_some());
    for (name, file, number) in [
        ("no line", "a.rs", 0),
        ("a blank line", "a.rs", 2),
        ("past the end", "a.rs", 4),
        ("far past the end", "a.rs", u32::MAX),
        ("not text", "bytes.rs", 1),
        ("a folder", ".", 1),
        ("no file", "gone.rs", 1),
        ("no name", "", 1),
        ("no name of a file", "\0", 1),
    ] {
        assert_eq!(line(file, number), None, "{name}");
    }
}

#[test]
fn the_words_are_those_of_cargo_test() {
    let printed = report("routes", &["none GET /a"]).findings.remove(0);
    let finding = Finding::Router(printed.clone());
    assert_eq!(show(&finding, None, false), printed.to_string());
    for line in [None, Some("    .route(\"/a\", get(a))")] {
        let shown = show(&finding, line, false);
        let mut words = shown.lines();
        for said in printed.to_string().lines() {
            let said = said.trim_start();
            assert!(
                words.any(|word| word.trim_start().starts_with(said)),
                "{said:?} in\n{shown}"
            );
        }
    }
}
