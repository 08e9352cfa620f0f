//! The two binaries themselves.

use std::env;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Fixture, binary, finish, routes};

const ROUTE_AUDIT: &str = env!("CARGO_BIN_EXE_route-audit");
const CARGO_ROUTE_AUDIT: &str = env!("CARGO_BIN_EXE_cargo-route-audit");

fn service(name: &str, class: &str) -> Fixture {
    Fixture::package(
        name,
        &format!(
            "#[test]\nfn route_audit_routes() {{\nsession_auth::report(\"routes\", {name:?}, \
             file!(), line!(), &[(\"GET\", \"/\", {class})]);\n}}"
        ),
    )
    .write()
}

#[test]
fn the_exit_code_is_the_process_s() {
    let clean = service("binary-clean", "Some(\"public\")");
    let ran = finish(binary(ROUTE_AUDIT).current_dir(&clean.root)).expect_code(0);
    assert_eq!(
        ran.stdout,
        "route-audit: 1 route (1 public) in 1 router: clean\n"
    );
    // Cargo's progress, which a run in this process cannot capture.
    assert!(ran.stderr.contains("Finished"), "{}", ran.stderr);

    let found = service("binary-found", "None");
    finish(binary(ROUTE_AUDIT).current_dir(&found.root)).expect_code(100);

    let folder = tempfile::tempdir().expect("a folder");
    let ran = finish(binary(ROUTE_AUDIT).current_dir(&folder)).could_not_run();
    assert!(
        ran.stderr.contains("could not find `Cargo.toml`"),
        "cargo's own message: {}",
        ran.stderr
    );
    finish(binary(ROUTE_AUDIT).arg("--nope")).could_not_run();
}

#[test]
fn compile_errors_are_shown_as_the_compiler_puts_them() {
    let fixture = Fixture::package("binary-broken", "pub fn routes() -> Missing {}").write();
    let ran = finish(binary(ROUTE_AUDIT).current_dir(&fixture.root)).could_not_run();
    assert!(
        ran.stderr.contains("error[E0425]") || ran.stderr.contains("error[E0412]"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("src/lib.rs:1:20"), "{}", ran.stderr);
}

/// As a router of thousands of routes is, which one expression builds.
#[test]
fn sources_may_be_deep() {
    let chain = ".route()".repeat(4000);
    let lib = format!(
        "#[cfg(any())]\nfn deep() {{ Router::new(){chain}; }}\n{}",
        routes("binary-deep", &[("GET", "/", "public")])
    );
    let fixture = Fixture::package("binary-deep", &lib).write();
    finish(binary(ROUTE_AUDIT).current_dir(&fixture.root)).expect_code(0);
}

#[test]
fn cargo_finds_it_as_a_subcommand() {
    let clean = service("binary-cargo", "Some(\"public\")");
    let folder = Path::new(CARGO_ROUTE_AUDIT).parent().expect("a folder");
    let inherited = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(
        [folder.to_owned()]
            .into_iter()
            .chain(env::split_paths(&inherited)),
    )
    .expect("a PATH");
    let ran = finish(
        binary(env!("CARGO"))
            .args(["route-audit", "list", "--format", "json"])
            .env("PATH", path)
            .current_dir(&clean.root),
    );
    assert_eq!(ran.expect_code(0).paths(), ["/"]);
}

#[test]
fn both_have_a_version() {
    let version = concat!("route-audit ", env!("CARGO_PKG_VERSION"), "\n");
    for path in [ROUTE_AUDIT, CARGO_ROUTE_AUDIT] {
        let ran = finish(binary(path).arg("--version")).expect_code(0);
        assert_eq!(ran.stdout, version);
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = binary(ROUTE_AUDIT)
        .arg("--help")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(unix)]
#[test]
fn arguments_that_are_no_text_are_a_usage_error() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let garbage = OsStr::from_bytes(b"\xff\xfe");
    finish(binary(ROUTE_AUDIT).arg(garbage)).could_not_run();
    finish(binary(ROUTE_AUDIT).arg("-p").arg(garbage)).could_not_run();
}

#[cfg(unix)]
#[test]
fn nothing_is_left_in_the_temporary_folder() {
    let temporary = tempfile::tempdir().expect("a folder");
    let clean = service("binary-tidy", "Some(\"public\")");
    finish(
        binary(ROUTE_AUDIT)
            .current_dir(&clean.root)
            .env("TMPDIR", temporary.path()),
    )
    .expect_code(0);
    let left = std::fs::read_dir(&temporary).expect("list it").count();
    assert_eq!(left, 0);
}
