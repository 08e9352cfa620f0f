//! The generated test and its hand-written form, in a program with declarations of its own.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::process::Command;
use std::{env, fs};

use axum::Router;
use axum::routing::{get, post};
use session_auth::__private::{
    AccessClass, Declaration, Location, Methods, Registration, RouterSite, Target, Terms,
    audit_router, declaration, inventory,
};
use session_auth::audit::{ReportFile, Severity, assert_classified, check};

const ME: Declaration = declare(Methods::GET, "/api/me", AccessClass::Session, 3);
const HOOK: Declaration = declare(Methods::POST, "/webhooks/mail", AccessClass::Webhook, 7);
/// Another router's.
const OTHER: Declaration = declare(Methods::GET, "/elsewhere", AccessClass::Session, 9);

inventory::submit! { Registration(&ME) }
inventory::submit! { Registration(&HOOK) }
inventory::submit! { Registration(&OTHER) }

const fn declare(
    methods: Methods,
    path: &'static str,
    class: AccessClass,
    line: u32,
) -> Declaration {
    declaration(
        Target::Route { methods, path },
        class,
        Terms::NONE,
        "app::handler",
        "app",
        Location {
            file: "src/app.rs",
            line,
            column: 1,
        },
    )
}

async fn h() {}

fn classified() -> Router {
    Router::new()
        .route("/api/me", get(h))
        .route("/webhooks/mail", post(h))
}

fn open() -> Router<String> {
    Router::new()
        .route("/api/export", get(h))
        .nest("/api", Router::new().route("/me", get(h)))
}

fn site(name: &'static str) -> RouterSite {
    RouterSite {
        name,
        package: env!("CARGO_PKG_NAME"),
        manifest_dir: env!("CARGO_MANIFEST_DIR"),
        module: module_path!(),
        location: Location {
            file: "src/app.rs",
            line: 20,
            column: 1,
        },
    }
}

#[test]
fn a_classified_router_passes() {
    assert_classified(&classified());
    let warnings = check(&classified()).unwrap();
    let codes: Vec<_> = warnings
        .iter()
        .map(|f| (f.severity, f.code.as_str()))
        .collect();
    assert_eq!(codes, [(Severity::Warning, "unmonitored-webhook")]);
}

#[test]
#[should_panic(expected = "GET /api/export is mounted by the router and has no access class")]
fn an_open_route_fails_a_hand_written_test() {
    assert_classified(&open());
}

#[test]
#[should_panic(expected = "the router could not be audited: the router mounts nothing")]
fn an_empty_router_fails_a_hand_written_test() {
    assert_classified(&Router::<()>::new());
}

#[test]
fn a_finding_without_a_place_of_its_own_is_at_the_caller() {
    let findings = check(&open()).unwrap();
    let here = line!() - 1;
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].file.ends_with("tests/audit_router.rs"),
        "{}",
        findings[0].file
    );
    assert_eq!(findings[0].line, here);
}

/// What the attribute generates. Runs only where a test below starts it: it has to fail, and its
/// environment has to be its own.
#[test]
#[ignore = "run by the tests below, in a process of its own"]
fn generated_open() {
    audit_router(site("open"), open);
}

#[test]
#[ignore = "run by the tests below, in a process of its own"]
fn generated_classified() {
    audit_router(site("classified"), classified);
}

fn run(test: &str, dir: Option<&str>, runner: bool) -> (bool, String) {
    let mut command = Command::new(env::current_exe().expect("the path of this test"));
    command
        .args(["--exact", test, "--ignored"])
        .env_remove("ROUTE_AUDIT_RUNNER")
        .env_remove("ROUTE_AUDIT_REPORT_DIR");
    if runner {
        command.env("ROUTE_AUDIT_RUNNER", "1");
    }
    if let Some(dir) = dir {
        command.env("ROUTE_AUDIT_REPORT_DIR", dir);
    }
    let output = command.output().expect("this test runs again");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[test]
fn plain_cargo_test_fails_and_prints_the_finding() {
    let (passed, output) = run("generated_classified", None, false);
    assert!(passed && output.contains("1 passed"), "{output}");
    let (passed, output) = run("generated_open", None, false);
    assert!(!passed);
    assert!(
        output.contains("test generated_open ... FAILED"),
        "{output}"
    );
}

#[test]
fn under_route_audit_each_router_writes_its_report() {
    let dir = env::temp_dir().join(format!("session-auth-reports-{}", std::process::id()));
    fs::create_dir(&dir).unwrap();
    for test in ["generated_open", "generated_classified"] {
        let (passed, output) = run(test, dir.to_str(), true);
        assert!(passed && output.contains("1 passed"), "{output}");
    }
    let mut routers: Vec<(String, usize, usize)> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| {
            let json = fs::read_to_string(entry.unwrap().path()).unwrap();
            match ReportFile::parse(&json).unwrap() {
                ReportFile::Report(r) => (r.router.name, r.mounted.len(), r.declared.len()),
                ReportFile::Failure(failure) => panic!("{}", failure.error),
            }
        })
        .collect();
    // A folder alone is no route-audit: nobody may read it.
    let (passed, output) = run("generated_open", dir.to_str(), false);
    assert!(!passed && output.contains("unclassified-route"), "{output}");
    fs::remove_dir_all(&dir).unwrap();
    routers.sort();
    assert_eq!(
        routers,
        [("classified".into(), 2, 3), ("open".into(), 2, 3)]
    );
}
