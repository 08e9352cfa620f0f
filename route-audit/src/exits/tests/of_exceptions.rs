use std::fs;

use expect_test::{Expect, expect};

use crate::exits::exceptions::{Exception, RawException, apply};
use crate::exits::{Found, Kind, Lint};

fn lint() -> Lint {
    let found = |file: &str, line, kind, call: &str| Found {
        file: file.to_owned(),
        line,
        column: 1,
        kind,
        call: call.to_owned(),
    };
    Lint {
        found: [
            found("web/src/docs.rs", 3, Kind::Axum, "axum::Router::new"),
            found("web/src/docs.rs", 4, Kind::Axum, "axum::routing::get"),
            found("web/src/docs.rs", 5, Kind::Axum, "axum::routing::post"),
            found("web/src/main.rs", 7, Kind::Exit, "axum::serve"),
            found("web/src/main.rs", 9, Kind::Exit, "axum::serve"),
        ]
        .into(),
        read: ["web/src/docs.rs", "web/src/main.rs", "web/src/quiet.rs"]
            .map(str::to_owned)
            .into(),
        unread: vec![("web/src/broken.rs".to_owned(), "expected `)`".to_owned())],
    }
}

fn exception(file: &str, call: &str) -> Exception {
    Exception {
        file: file.to_owned(),
        call: call.to_owned(),
        place: "Cargo.toml:4:9".to_owned(),
    }
}

/// The lines that are left.
fn left(exceptions: &[(&str, &str)]) -> Result<Vec<u32>, String> {
    let exceptions: Vec<_> = exceptions
        .iter()
        .map(|(file, call)| exception(file, call))
        .collect();
    let root = tempfile::tempdir().expect("a folder");
    fs::write(root.path().join("unread.rs"), "").expect("the file");
    apply(&lint(), &exceptions, root.path())
        .map(|left| left.iter().map(|found| found.line).collect())
        .map_err(|error| error.to_string())
}

#[test]
fn an_exception_is_for_a_call_in_a_file() {
    let serve = ("web/src/main.rs", "axum::serve");
    let docs = ("web/src/docs.rs", "axum");
    assert_eq!(left(&[]), Ok(vec![3, 4, 5, 7, 9]));
    assert_eq!(left(&[docs]), Ok(vec![7, 9]));
    assert_eq!(left(&[docs, serve]), Ok(vec![]));
}

#[test]
fn an_axum_router_is_excepted_below_a_path() {
    let serve = ("web/src/main.rs", "axum::serve");
    let of = |call| left(&[("web/src/docs.rs", call), serve]);
    assert_eq!(of("axum::routing"), Ok(vec![3]));
    assert_eq!(of("axum::routing::get"), Ok(vec![3, 5]));
    assert_eq!(of("axum::Router::new"), Ok(vec![4, 5]));
    of("axum::rout").expect_err("whole segments");
    // No prefix lets anything out.
    left(&[("web/src/main.rs", "axum")]).expect_err("a way out is named in full");
}

#[track_caller]
fn refused(exceptions: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&left(exceptions).expect_err("it matches nothing"));
}

#[test]
fn an_exception_for_nothing_is_an_error() {
    refused(
        &[
            ("web/src/main.rs", "into_make_service"),
            ("web/src/man.rs", "axum::serve"),
        ],
        expect![[r#"
            error: the exception for `into_make_service` in `web/src/main.rs` under `exits` matches nothing: that file has `axum::serve` on line 7, `axum::serve` on line 9
              --> Cargo.toml:4:9
              = help: remove it, or correct it: `file` is from the root of the workspace

            error: the exception for `axum::serve` in `web/src/man.rs` under `exits` matches nothing: that file has nothing to except
              --> Cargo.toml:4:9
              = help: remove it, or correct it: `file` is from the root of the workspace

            route-audit: could not run
        "#]],
    );
    left(&[("web/src/quiet.rs", "axum::serve")]).expect_err("it has none");
}

/// It is another package's, or of the tests, or does not parse.
#[test]
fn of_what_was_not_read_nothing_is_known() {
    assert_eq!(
        left(&[("unread.rs", "axum::serve")]),
        Ok(vec![3, 4, 5, 7, 9])
    );
}

#[test]
fn an_exception_has_a_reason_and_no_other_keys() {
    let read = |text: &str| -> Result<Exception, String> {
        let raw: RawException = toml::from_str(text).map_err(|error| error.to_string())?;
        Exception::of(raw, |span| format!("Cargo.toml:{}", span.start))
            .map_err(|one| one.to_string())
    };
    let text = "file = \"src/main.rs\"\ncall = \"axum::serve\"\n";
    assert_eq!(
        read(&format!("{text}reason = \"a private port\"")),
        Ok(Exception {
            file: "src/main.rs".to_owned(),
            call: "axum::serve".to_owned(),
            place: "Cargo.toml:7".to_owned(),
        })
    );
    let error = read(text).expect_err("no reason");
    assert!(error.contains("missing field `reason`"), "{error}");
    let error = read(&format!("{text}reason = \"x\"\nline = 1")).expect_err("a key of no use");
    assert!(error.contains("unknown field `line`"), "{error}");
    expect![[r#"
        error: the exception for `axum::serve` in `src/main.rs` under `exits` has no reason
          --> Cargo.toml:51
          = help: say why what is served there needs no guard
    "#]]
    .assert_eq(&read(&format!("{text}reason = \" \"")).expect_err("blank"));
}
