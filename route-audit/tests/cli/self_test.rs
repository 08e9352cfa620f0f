//! `check --self-test`: on a gate that sees, and on gates that have gone blind.

use std::fs;
use std::path::Path;

use route_audit::exit;

use crate::support::{Fixture, filtered, routes};

#[test]
fn a_gate_that_sees_passes() {
    let fixture = Fixture::new("self-test-sees")
        .file(
            "Cargo.toml",
            "[workspace]\nmembers = [\"seen\", \"watched\"]\nresolver = \"3\"\n",
        )
        .member("seen", &routes("seen", &[("GET", "/", "public")]))
        .member(
            "watched",
            &routes("watched", &[("GET", "/status", "public")]),
        )
        .write();
    let ran = fixture.run(&["check", "--self-test"]);
    assert_eq!(
        ran.expect_code(exit::CLEAN).stdout,
        "route-audit: self-test passed: an unclassified route was found in router `routes` of \
         package `seen`, router `routes` of package `watched`\n"
    );
    // Nothing of it stays.
    let ran = fixture.run(&["check"]).expect_code(exit::CLEAN);
    assert!(ran.stdout.contains("2 routes (2 public)"), "{}", ran.stdout);
    let ran = fixture.run(&["--self-test", "-p", "seen"]);
    let ran = ran.expect_code(exit::CLEAN);
    assert!(!ran.stdout.contains("`watched`"), "{}", ran.stdout);
}

/// An audit that fails for another reason is no proof.
#[test]
fn a_gate_that_does_not_look_is_found() {
    let row = "&[(\"GET\", \"/\", None)]";
    let reported =
        format!("session_auth::report(\"routes\", \"self-test-blind\", file!(), line!(), {row});");
    let blind = format!(
        "#[test]\nfn route_audit_routes() {{\n    \
         unsafe {{ std::env::remove_var(\"ROUTE_AUDIT_SELF_TEST\") }};\n    {reported}\n}}\n"
    );
    let fixture = Fixture::package("self-test-blind", &blind).write();
    fixture.run(&[]).expect_code(exit::FINDINGS);
    let ran = fixture.run(&["--self-test"]).could_not_run();
    let stderr = filtered(&ran.stderr, &fixture);
    for said in [
        "error: the gate is blind: ",
        "added to router `routes` of package `self-test-blind` was not found",
        "  --> src/lib.rs:4\n",
    ] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
}

#[test]
fn it_is_a_check_of_its_own() {
    let fixture = Fixture::package("self-test-flags", "").write();
    for other in [&["--locked"][..], &["--update"], &["--format", "json"]] {
        let ran = fixture.run(&[&["check", "--self-test"], other].concat());
        let ran = ran.could_not_run();
        assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
    }
}

/// The library and axum themselves, under other names: a router that a test builds, and one that
/// `protect` reports.
#[test]
fn the_library_itself_sees() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    // The versions of this workspace, which are there without a network.
    let lock = fs::read_to_string(root.join("Cargo.lock")).expect("the lock");
    let fixture = Fixture::new("self-test-library")
        .file("Cargo.lock", &lock)
        .file(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                 [profile.dev]\ndebug = false\n[workspace]\n[dependencies]\n\
                 web = {{ package = \"axum\", version = \"0.8\", default-features = false }}\n\
                 our-auth = {{ package = \"session-auth\", path = {:?} }}\n",
                root.join("session-auth")
            ),
        )
        .file(
            "src/lib.rs",
            "#[our_auth::public_route(GET, \"/\", reason = \"the front page\")]\n\
             async fn home() {}\n\n\
             #[our_auth::audited_router]\npub fn app() -> web::Router {\n    \
             web::Router::new().route(\"/\", web::routing::get(home))\n}\n\n\
             #[our_auth::audited_router(at_start)]\npub fn live() -> our_auth::Router<()> {\n    \
             our_auth::Router::new().mount(home)\n}\n",
        )
        .file(
            "src/main.rs",
            "fn main() {\n    let keys = our_auth::Keys::random().unwrap();\n    \
             let auth = our_auth::SessionAuthLayer::builder(keys).build().unwrap();\n    \
             auth.protect(app::live()).unwrap();\n}\n",
        )
        .write();
    let run = ["--run", "cargo run --quiet --offline", "--self-test"];
    let ran = fixture.run(&run).expect_code(exit::CLEAN);
    assert_eq!(
        ran.stdout,
        "route-audit: self-test passed: an unclassified route was found in router `app` of package \
         `app`, router `live` of package `app`\n"
    );
}
