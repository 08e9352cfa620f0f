//! What of an audit is in a lock, and what leaves no trace.

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
    let text = |report| format::write(&Lock::of(&[report], today));
    let text_of_one = text(one);
    assert_eq!(text_of_one, text(other));
    assert!(text_of_one.contains("  /a "), "{text_of_one}");
}

#[test]
fn a_router_in_two_targets_has_one_line() {
    let declared = declared("/a", "src/a.rs", 1, "lib::a");
    let one = || report("routes", 3, MOUNTED, &declared);
    let lock = Lock::of(&[one(), one()], date!(2026 - 11 - 22));
    assert_eq!(lock.lines().len(), 1);
}
