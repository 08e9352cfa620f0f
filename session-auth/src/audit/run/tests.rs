use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::routing::get;

use super::super::report::{Report, ReportFile, RouterKind};
use super::*;

async fn h() {}

const SITE: RouterSite = RouterSite {
    name: "routes",
    package: "app",
    manifest_dir: "/nonexistent",
    module: "app::web::routes",
    location: Location {
        file: "src/web.rs",
        line: 41,
        column: 1,
    },
};

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("session-auth-audit-{}-{n}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn only_file(&self) -> (String, ReportFile) {
        let entries: Vec<_> = fs::read_dir(&self.0).unwrap().map(Result::unwrap).collect();
        let [entry] = entries.as_slice() else {
            panic!("not one file: {entries:?}");
        };
        let text = fs::read_to_string(entry.path()).unwrap();
        (
            entry.file_name().into_string().unwrap(),
            ReportFile::parse(&text).unwrap(),
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open() -> Router {
    Router::new().route("/audit-run-test", get(h))
}

#[test]
fn a_finding_fails_the_test_with_its_text() {
    let message = audit(&SITE, open, None, false).unwrap_err();
    assert!(
        message.starts_with(
            "the audit of router `routes` (src/web.rs:41) found 1 error\n\n\
             error[unclassified-route]: GET /audit-run-test is mounted by router `routes` and has \
             no access class\n  --> src/web.rs:41\n  = help: add `#[public_route(GET, "
        ),
        "{message}"
    );
}

#[test]
fn a_finding_is_left_to_the_reader_of_the_report() {
    let folder = Folder::new();
    assert_eq!(audit(&SITE, open, Some(folder.0.as_os_str()), true), Ok(()));
    let (name, file) = folder.only_file();
    assert!(
        name.starts_with("app.app.web.routes.routes.session_auth-"),
        "{name}"
    );
    assert!(name.ends_with(".json"), "{name}");
    let ReportFile::Report(Report {
        router, mounted, ..
    }) = file
    else {
        panic!("{file:?}");
    };
    assert_eq!(
        (router.name.as_str(), router.package.as_str()),
        ("routes", "app")
    );
    assert_eq!((router.file.as_str(), router.line), ("src/web.rs", 41));
    assert_eq!(router.kind, RouterKind::Axum);
    assert_eq!(mounted.len(), 1);
}

/// Somebody's shell may name a folder that nobody reads.
#[test]
fn a_finding_that_nobody_reads_fails_the_test() {
    let folder = Folder::new();
    let message = audit(&SITE, open, Some(folder.0.as_os_str()), false).unwrap_err();
    assert!(message.contains("error[unclassified-route]"), "{message}");
    let (_, file) = folder.only_file();
    assert!(matches!(file, ReportFile::Report(_)), "{file:?}");
}

/// What could not run fails the test with and without a report, and the report says why.
#[track_caller]
fn could_not_run(build: fn() -> Router, expected: &str) {
    let message = audit(&SITE, build, None, false).unwrap_err();
    assert!(
        message.starts_with("router `routes` (src/web.rs:41) could not be "),
        "{message}"
    );
    assert!(message.contains(expected), "{message}");

    let folder = Folder::new();
    assert_eq!(
        audit(&SITE, build, Some(folder.0.as_os_str()), true),
        Err(message.clone())
    );
    let (_, file) = folder.only_file();
    let ReportFile::Failure(failure) = file else {
        panic!("{file:?}");
    };
    assert_eq!(failure.error, message);
    assert_eq!(failure.router.name, "routes");
}

#[test]
fn a_router_that_panics_could_not_be_built() {
    could_not_run(
        || panic!("no {}", "database"),
        "could not be built: no database; where it needs",
    );
    could_not_run(|| panic!("plain"), "could not be built: plain;");
    could_not_run(
        || std::panic::panic_any(7),
        "could not be built: it panicked without a message;",
    );
    // axum's own refusal, at the user's line.
    could_not_run(
        || open().merge(open()),
        "could not be built: Overlapping method route",
    );
}

#[test]
fn a_router_without_a_route_is_not_clean() {
    could_not_run(
        Router::new,
        "could not be audited: the router mounts nothing",
    );
}

#[test]
fn a_report_that_cannot_be_written_fails_the_test() {
    for (name, dir, expected) in [
        (
            "no such folder",
            "/nonexistent/reports",
            "could not be written to /nonexistent/reports/app",
        ),
        (
            "a relative folder is the package's",
            "reports",
            "could not be written to /nonexistent/reports",
        ),
        ("no folder", "", "ROUTE_AUDIT_REPORT_DIR is set but empty"),
    ] {
        let message = audit(&SITE, open, Some(OsStr::new(dir)), true).unwrap_err();
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn a_report_replaces_the_one_before_and_leaves_nothing_else() {
    let folder = Folder::new();
    for _ in 0..2 {
        assert_eq!(audit(&SITE, open, Some(folder.0.as_os_str()), true), Ok(()));
    }
    folder.only_file();

    // A folder where the file should go: the rename fails, and its source is gone.
    let folder = Folder::new();
    let path = report_path(&SITE, folder.0.as_os_str()).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(audit(&SITE, open, Some(folder.0.as_os_str()), true).is_err());
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
}
