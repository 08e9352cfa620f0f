//! What of an audit is in a lock, and what leaves no trace.

use expect_test::expect;
use session_auth::audit::{Report, ReportFile};
use time::macros::date;

use super::super::{Lock, format};

fn report(router: &str, line: u32, mounted: &str, declared: &str) -> Report {
    let json = format!(
        r#"{{"schema":1,"router":{{"name":"{router}","package":"web","kind":"axum",
        "file":"src/lib.rs","line":{line}}},"mounted":[{mounted}],"declared":[{declared}]}}"#
    );
    match ReportFile::parse(&json) {
        Ok(ReportFile::Report(report)) => report,
        other => panic!("{other:?}"),
    }
}

const MOUNTED: &str = r#"{"shape":"route","methods":["GET"],"path":"/a","declaration":null}"#;

fn declared(path: &str, file: &str, line: u32, handler: &str) -> String {
    format!(
        r#"{{"methods":["GET"],"path":"{path}","class":"public","handler":"{handler}",
        "file":"{file}","line":{line},"reason":"open","verifier":null,"scope":null,
        "expect_every":null,"until":null,"owner":null,"issues_session":false,
        "optional_session":false,"package":"lib","router":null}}"#
    )
}

#[test]
fn files_lines_handlers_and_unmounted_declarations_leave_no_trace() {
    let today = date!(2026 - 11 - 22);
    let one = report(
        "routes",
        3,
        MOUNTED,
        &declared("/a", "src/a.rs", 1, "lib::a"),
    );
    let moved = [
        declared("/b", "src/b.rs", 2, "lib::b"),
        declared("/a", "src/c.rs", 99, "lib::c"),
    ];
    let other = report("routes", 77, MOUNTED, &moved.join(","));
    let text = |report| format::write(&Lock::of(&[report], today).expect("a lock"));
    let text_of_one = text(one);
    assert_eq!(text_of_one, text(other));
    assert!(text_of_one.contains("  /a "), "{text_of_one}");
}

#[test]
fn routers_that_a_lock_could_not_tell_apart_are_refused() {
    let today = date!(2026 - 11 - 22);
    let declared = declared("/a", "src/a.rs", 1, "lib::a");
    let one = || report("routes", 3, MOUNTED, &declared);
    let error =
        Lock::of(&[one(), report("routes", 9, MOUNTED, &declared)], today).expect_err("refused");
    expect![[r#"
        error: two audited routers of package `web` are called `routes`, at src/lib.rs:3 and src/lib.rs:9
          --> src/lib.rs:9
          = help: the lock tells routers apart by their names: rename one of the functions, or write `audited_router!(other_name = …)` for it

        route-audit: could not run
    "#]].assert_eq(&error.to_string());
    // The same one, in the library and in the binary of a package.
    assert_eq!(
        Lock::of(&[one(), one()], today).expect("one").lines().len(),
        1
    );
    Lock::of(&[one(), report("api", 9, MOUNTED, &declared)], today).expect("two names");
}
