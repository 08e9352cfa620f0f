use std::borrow::Cow;
use std::fs;

use axum::routing::get;

use super::*;
use crate::access::Location;
use crate::audited::{Auditable, Audited};
use crate::report::form::{ReportFile, RouterKind};
use crate::routing::Router;

async fn h() {}

const SITE: RouterSite = RouterSite {
    name: "routes",
    package: "app",
    manifest_dir: "/nonexistent",
    module: "app::web::routes",
    location: Location {
        file: Cow::Borrowed("src/web.rs"),
        line: 41,
        column: 1,
    },
    at_start: false,
    kind: RouterKind::Typed,
};

fn only_file(folder: &tempfile::TempDir) -> (String, ReportFile) {
    let entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    let [entry] = entries.as_slice() else {
        panic!("not one file: {entries:?}");
    };
    let text = fs::read_to_string(entry.path()).unwrap();
    (
        entry.file_name().into_string().unwrap(),
        ReportFile::parse(&text).unwrap(),
    )
}

fn open() -> Audited {
    axum::Router::new()
        .route("/audit-run-test", get(h))
        .__audited(SITE)
}

/// The audit of a function that is not async.
fn run<R: AuditedOutput>(
    build: impl FnOnce() -> R,
    dir: Option<&OsStr>,
    runner: bool,
) -> Result<(), String> {
    audit(&SITE, || async { build() }, dir, runner)
}

#[test]
fn a_finding_fails_the_test_with_its_text() {
    let message = run(open, None, false).unwrap_err();
    assert!(
        message.starts_with(
            "the audit of router `routes` (src/web.rs:41) found 1 error\n\n\
             error[unclassified-route]: GET /audit-run-test is mounted and has no access class\n  \
             --> session-auth/src/audit/run/tests.rs:"
        ),
        "{message}"
    );
    assert!(
        message.contains("\n  = help: add `#[public_route(GET, "),
        "{message}"
    );
}

#[test]
fn a_finding_is_left_to_the_reader_of_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let dir = Some(folder.path().as_os_str());
    assert_eq!(run(open, dir, true), Ok(()));
    let (name, file) = only_file(&folder);
    assert!(
        name.starts_with("app.app.web.routes.routes.session_auth-"),
        "{name}"
    );
    assert!(name.ends_with(".json"), "{name}");
    let ReportFile::Report(Report { router, routes, .. }) = file else {
        panic!("{file:?}");
    };
    assert_eq!(
        (router.name.as_str(), router.package.as_str()),
        ("routes", "app")
    );
    assert_eq!((router.file.as_str(), router.line), ("src/web.rs", 41));
    assert_eq!(router.kind, RouterKind::Axum);
    assert_eq!(routes.len(), 1);
}

/// Somebody's shell may name a folder that nobody reads.
#[test]
fn a_finding_that_nobody_reads_fails_the_test() {
    let folder = tempfile::tempdir().unwrap();
    let message = run(open, Some(folder.path().as_os_str()), false).unwrap_err();
    assert!(message.contains("error[unclassified-route]"), "{message}");
    let (_, file) = only_file(&folder);
    assert!(matches!(file, ReportFile::Report(_)), "{file:?}");
}

/// What could not run fails the test with and without a report, and the report says why.
#[track_caller]
fn could_not_run<R: AuditedOutput>(build: fn() -> R, expected: &str) {
    let message = run(build, None, false).unwrap_err();
    assert!(
        message.starts_with("router `routes` (src/web.rs:41) could not be "),
        "{message}"
    );
    assert!(message.contains(expected), "{message}");

    let folder = tempfile::tempdir().unwrap();
    let dir = Some(folder.path().as_os_str());
    assert_eq!(run(build, dir, true), Err(message.clone()));
    let (_, file) = only_file(&folder);
    let ReportFile::Failure(failure) = file else {
        panic!("{file:?}");
    };
    assert_eq!(failure.error, message);
    assert_eq!(failure.router.name, "routes");
}

#[test]
fn a_router_that_cannot_be_built_could_not_be_audited() {
    // At its own place, which need not be near the attribute.
    let here = |message: &str, above: u32| {
        let place = format!("{}:{}", file!(), above);
        format!("could not be built: it panicked at {place}: {message}")
    };
    could_not_run::<Audited>(
        || panic!("no {}", "database"),
        &here("no database; where it needs arguments", line!() - 1),
    );
    could_not_run::<Audited>(|| panic!("plain"), &here("plain;", line!()));
    could_not_run::<Audited>(
        || std::panic::panic_any(7),
        &here("without a message;", line!() - 1),
    );
    could_not_run::<Result<Audited, String>>(
        || Err("no such file".to_owned()),
        "could not be built: \"no such file\"; where it needs arguments",
    );
    // axum's own refusal.
    could_not_run(
        || {
            let h = || crate::public(crate::Methods::GET, "/a", "x").to(h);
            Router::<()>::new().mount(h()).mount(h()).__audited(SITE)
        },
        &here("Overlapping method route", line!() - 2),
    );
}

#[test]
fn a_router_that_cannot_be_read_is_not_clean() {
    could_not_run(
        || Router::<()>::new().__audited(SITE),
        "could not be audited: the router mounts nothing",
    );
    could_not_run(
        || axum::Router::<()>::new().__audited(SITE),
        "could not be audited: the router mounts nothing",
    );
    could_not_run(
        || {
            let blank = crate::public(crate::Methods::GET, "/a", " ").to(h);
            Router::<()>::new().mount(blank).__audited(SITE)
        },
        "GET /a: the reason is blank: say why anyone may call it",
    );
    could_not_run(
        || {
            let fallback = crate::public(crate::Methods::FALLBACK, "/", "x").to(h);
            Router::<()>::new().mount(fallback).__audited(SITE)
        },
        "FALLBACK: `mount` is for a route",
    );
    could_not_run(
        || {
            let other = RouterSite {
                name: "other",
                location: Location {
                    line: 7,
                    ..SITE.location
                },
                ..SITE
            };
            axum::Router::<()>::new()
                .route("/a", get(h))
                .__audited(other)
        },
        "its expression gives another one, router `other` (src/web.rs:7): call the function",
    );
}

/// Every form that a function may return, with tasks of its own.
#[test]
fn a_builder_may_be_async_spawn_work_and_return_more() {
    let build = || async {
        tokio::spawn(std::future::pending::<()>());
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        Ok::<_, String>((open(), "a worker", 7))
    };
    let message = audit(&SITE, build, None, false).unwrap_err();
    assert!(message.contains("found 1 error"), "{message}");
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
        let message = run(open, Some(OsStr::new(dir)), true).unwrap_err();
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn a_report_replaces_the_one_before_and_leaves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let dir = Some(folder.path().as_os_str());
    for _ in 0..2 {
        assert_eq!(run(open, dir, true), Ok(()));
    }
    let (name, _) = only_file(&folder);

    // A folder where the file should go: the rename fails, and its source is gone.
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(name)).unwrap();
    assert!(run(open, Some(folder.path().as_os_str()), true).is_err());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}
