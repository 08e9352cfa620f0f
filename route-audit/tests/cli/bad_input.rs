//! What people get wrong, through the real program: each has a message that says where and what to
//! do, and never another exit code than 101.

use std::process::Stdio;

use expect_test::{Expect, expect};

use crate::support::{Fixture, Ran, binary, filtered, finish, routes};

const ROUTE_AUDIT: &str = env!("CARGO_BIN_EXE_route-audit");

fn run(fixture: &Fixture, args: &[&str]) -> Ran {
    finish(
        binary(ROUTE_AUDIT)
            .args(args)
            .args(["--quiet", "--offline"])
            .current_dir(&fixture.root),
    )
}

/// From the first of route-audit's own errors: cargo's stand before it.
#[track_caller]
fn refused(fixture: &Fixture, args: &[&str], expected: Expect) -> String {
    let ran = run(fixture, args).could_not_run();
    let own = ran.stderr.rfind("error: ").unwrap_or_default();
    expected.assert_eq(&filtered(&ran.stderr[own..], fixture));
    ran.stderr
}

fn service(name: &str) -> Fixture {
    Fixture::package(name, &routes(name, &[("GET", "/", "public")]))
}

#[test]
fn a_manifest_that_is_no_toml() {
    let fixture = Fixture::new("bad-toml")
        .file("Cargo.toml", "[package\n")
        .write();
    let said = refused(
        &fixture,
        &[],
        expect![[r#"
        error: cargo could not read the workspace; its message is above
          --> [ROOT]
          = help: mend what cargo names; where that is no Cargo.toml, run inside a cargo package, or name its Cargo.toml with `--manifest-path`

        route-audit: could not run
    "#]],
    );
    assert!(
        said.contains("unclosed table"),
        "cargo's own message: {said}"
    );
}

#[test]
fn a_workspace_without_members() {
    let fixture = Fixture::new("bad-virtual")
        .file("Cargo.toml", "[workspace]\nmembers = []\n")
        .write();
    let said = refused(
        &fixture,
        &[],
        expect![[r#"
        error: cargo could not read the workspace; its message is above
          --> [ROOT]
          = help: mend what cargo names; where that is no Cargo.toml, run inside a cargo package, or name its Cargo.toml with `--manifest-path`

        route-audit: could not run
    "#]],
    );
    assert!(said.contains("the workspace has no members"), "{said}");
}

#[test]
fn a_virtual_workspace_is_audited_as_a_whole() {
    let name = "bad-virtual-web";
    let fixture = Fixture::new("bad-virtual-full")
        .file(
            "Cargo.toml",
            &format!("[workspace]\nresolver = \"3\"\nmembers = [\"{name}\"]\n"),
        )
        .member(name, &routes(name, &[("GET", "/", "public")]))
        .write();
    let ran = run(&fixture, &["list", "--format", "json"]).expect_code(0);
    assert_eq!(ran.paths(), ["/"]);
}

#[test]
fn a_source_that_does_not_compile() {
    let fixture = Fixture::package("bad-source", "pub fn routes() -> Missing {}").write();
    let said = refused(
        &fixture,
        &[],
        expect![[r#"
        error: cargo could not build the tests of `bad-source`; its message is above
          = help: the audit reads routers by running them: make `cargo test --no-run` pass

        route-audit: could not run
    "#]],
    );
    assert!(
        said.contains("cannot find type `Missing`"),
        "the compiler's own message: {said}"
    );
}

#[test]
fn a_lock_of_other_line_ends_is_the_same_lock() {
    let fixture = service("bad-crlf").write();
    run(&fixture, &["--update"]).expect_code(0);
    let lock = fixture.root.join("routes.lock");
    let text = std::fs::read_to_string(&lock).expect("the lock");
    std::fs::write(&lock, text.replace('\n', "\r\n")).expect("write the lock");
    run(&fixture, &["--locked"]).expect_code(0);
}

#[test]
fn a_lock_that_a_merge_has_left_behind() {
    let fixture = service("bad-conflict")
        .file(
            "routes.lock",
            "schema 1\n\n<<<<<<< HEAD\n=======\npublic GET / bad-conflict/routes\n>>>>>>> topic\n",
        )
        .write();
    refused(
        &fixture,
        &["--locked"],
        expect![[r#"
        error: an unresolved merge conflict: line 3 is `<<<<<<< HEAD`
          --> routes.lock:3:1
          = help: keep the lines of both sides, or of either, and remove the markers; then run `route-audit check --update` and review what it changes

        route-audit: could not run
    "#]],
    );
}

#[test]
fn a_lock_of_a_later_version() {
    let fixture = service("bad-newer")
        .file("routes.lock", "schema 9\n")
        .write();
    refused(
        &fixture,
        &["--locked"],
        expect![[r#"
        error: this lock is of schema 9, and route-audit 0.1.0 reads schema 1
          --> routes.lock:1:1
          = help: update route-audit to the version that wrote it, or a later one

        route-audit: could not run
    "#]],
    );
}

#[test]
fn a_configuration_that_nobody_would_read() {
    for (name, table, expected) in [
        (
            "bad-package-table",
            "package.metadata.route-audit",
            expect![[r#"
                error: [package.metadata.route-audit] is read by nobody
                  --> [ROOT]/Cargo.toml
                  = help: the configuration is [workspace.metadata.route-audit], in the Cargo.toml of the workspace ([ROOT]/Cargo.toml)

                route-audit: could not run
            "#]],
        ),
        (
            "bad-table-name",
            "workspace.metadata.route_audit",
            expect![[r#"
                error: [workspace.metadata.route_audit] is read by nobody
                  --> [ROOT]/Cargo.toml
                  = help: the configuration is [workspace.metadata.route-audit], in the Cargo.toml of the workspace ([ROOT]/Cargo.toml)

                route-audit: could not run
            "#]],
        ),
    ] {
        let manifest = format!(
            "{}\n[workspace]\n[{table}.policy]\nmax_public = 0\n",
            Fixture::manifest(name)
        );
        let fixture = service(name).file("Cargo.toml", &manifest).write();
        refused(&fixture, &[], expected);
    }
    // Another tool's.
    let name = "bad-no-table";
    let manifest = format!(
        "{}\n[workspace]\n[workspace.metadata.release]\nx = 1\n[package.metadata.audit]\nx = 1\n",
        Fixture::manifest(name)
    );
    run(&service(name).file("Cargo.toml", &manifest).write(), &[]).expect_code(0);
}

#[test]
fn a_key_that_is_not_there() {
    let manifest = format!(
        "{}\n[workspace.metadata.route-audit]\nlocks = \"x\"\n",
        Fixture::manifest("bad-key")
    );
    let fixture = service("bad-key").file("Cargo.toml", &manifest).write();
    refused(
        &fixture,
        &[],
        expect![[r#"
            error: [workspace.metadata.route-audit]: unknown field `locks`, expected one of `exclude`, `lock`, `builds`, `run`, `exits`, `policy`
              --> [ROOT]/Cargo.toml:9:1
              = help: the keys are `exclude`, a list of package names, `lock`, a path, `builds`, a list of tables, `run`, a command, `exits`, a list of tables, and the table `policy`, with `allow`, `max_public`, `require_owner`, `require_expect_every` and `forbid_verify_handler`

            route-audit: could not run
        "#]],
    );
}

#[test]
fn a_router_that_never_comes_back() {
    let fixture = Fixture::package(
        "bad-loop",
        "#[test]\nfn route_audit_routes() { loop { std::thread::yield_now() } }",
    )
    .write();
    refused(
        &fixture,
        &["--timeout", "1"],
        expect![[r#"
        error: the tests of library `bad_loop` of package `bad-loop` did not finish in 1 s
          --> [ROOT]/src/lib.rs
          | running 1 test
          = help: a router that is audited is built without connecting to anything or waiting; where it needs the time, raise `--timeout`

        route-audit: could not run
    "#]],
    );
}

/// `route-audit list | head -1`.
#[test]
fn a_reader_that_has_seen_enough() {
    let fixture = service("bad-reader").write();
    let mut child = binary(ROUTE_AUDIT)
        .args(["list", "--quiet", "--offline"])
        .current_dir(&fixture.root)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// None of cargo's own settings decides over what is looked at: the tests are run by route-audit.
#[test]
fn settings_that_would_run_other_tests_or_none() {
    let name = "bad-settings";
    let fixture = Fixture::package(name, &routes(name, &[("GET", "/", "none")]))
        .file(
            ".cargo/config.toml",
            "[env]\nROUTE_AUDIT_REPORT_DIR = { value = \"elsewhere\", force = true }\n\
             [target.'cfg(all())']\nrunner = \"true\"\n[alias]\ntest = \"check\"\n",
        )
        .write();
    let ran = finish(
        binary(ROUTE_AUDIT)
            .args(["--quiet", "--offline"])
            .env("ROUTE_AUDIT_REPORT_DIR", fixture.root.join("elsewhere"))
            .env("RUST_TEST_SHUFFLE", "1")
            .current_dir(&fixture.root),
    );
    let ran = ran.expect_code(100);
    assert!(ran.stdout.contains("unclassified-route"), "{}", ran.stdout);
    assert!(!fixture.root.join("elsewhere").exists());
}
