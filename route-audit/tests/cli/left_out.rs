//! What the build leaves out: no run of the audit passes over it in silence.

use expect_test::expect;
use route_audit::exit;

use crate::support::{Fixture, Ran, binary, finish};

const APP: &str = r#"use session_auth::axum::{Router, get};

pub fn app() -> Router {
    Router::new().route("/", get(handler))
}

async fn handler() {}

#[test]
fn route_audit_app() {
    let _ = app();
    session_auth::report("app", env!("CARGO_PKG_NAME"), file!(), line!(), &[("GET", "/", Some("public"))]);
}
"#;

/// A second router, which is audited wherever it is compiled.
const ADMIN: &str = r#"
#[cfg(feature = "admin")]
pub mod admin {
    use session_auth::axum::{Router, get};

    pub fn routes() -> Router {
        Router::new().route("/admin/users", get(super::handler))
    }

    #[test]
    fn route_audit_admin() {
        let _ = routes();
        session_auth::report("admin", env!("CARGO_PKG_NAME"), file!(), line!(), &[("GET", "/admin/users", Some("session"))]);
    }
}
"#;

fn package(name: &str, more: &str, metadata: &str) -> Fixture {
    let manifest = Fixture::manifest(name);
    Fixture::package(name, &format!("{APP}{more}")).file(
        "Cargo.toml",
        &format!("{manifest}[features]\nadmin = []\n[workspace]\n{metadata}"),
    )
}

fn excepting(function: &str, more: &str) -> String {
    format!(
        "[workspace.metadata.route-audit]\nunaudited = [{{ function = {function:?}, {more}reason = \
         \"CI has a run with all features\" }}]\n"
    )
}

fn real(fixture: &Fixture, args: &[&str]) -> Ran {
    let program = env!("CARGO_BIN_EXE_route-audit");
    finish(binary(program).args(args).current_dir(&fixture.root))
}

#[test]
fn a_router_behind_a_feature_that_is_off_is_found() {
    let fixture = package("left_out", ADMIN, "").write();
    let ran = real(&fixture, &[]).expect_code(exit::FINDINGS);
    expect![[r#"
        error[unaudited-router]: `left_out::admin::routes` registers GET /admin/users (src/lib.rs:19), which is left out of this build by `cfg(feature = "admin")`: no audit of this run has it
          --> src/lib.rs:19:5
           |
        19 |     pub fn routes() -> Router {
           |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: run the audit in a build that has it: with `--features ..` or `--all-features`, or on the target that it is for; if another run does, or none has to, say so in [workspace.metadata.route-audit]: `unaudited = [{ function = "left_out::admin::routes", left_out = true, reason = "…" }]`

        route-audit: 1 route (1 public) in 1 router: 1 error, 0 warnings
    "#]].assert_eq(&ran.stdout);
    for flag in ["--all-features", "--features=admin"] {
        let ran = real(&fixture, &[flag]).expect_code(exit::CLEAN);
        assert_eq!(
            ran.stdout,
            "route-audit: 2 routes (1 public, 1 session) in 2 routers: clean\n"
        );
    }
}

#[test]
fn what_no_build_adds_is_no_finding() {
    let more = r#"
#[cfg(test)]
mod tests {
    use session_auth::axum::{Router, get};
    pub fn fake() -> Router { Router::new().route("/fake", get(())) }
    #[cfg(feature = "admin")]
    pub fn other() -> Router { Router::new().route("/other", get(())) }
}
#[cfg(feature = "admin")]
pub fn more() -> Router { Router::new() }
#[cfg(not(feature = "admin"))]
pub fn more() -> Router { Router::new() }
#[cfg(unix)]
pub fn socket() -> Router { app() }
#[cfg(windows)]
pub fn socket() -> Router { app() }
#[cfg(any())]
pub fn never() -> Router { Router::new().route("/never", get(handler)) }
"#;
    let fixture = package("left_out_nothing", more, "").write();
    real(&fixture, &[]).expect_code(exit::CLEAN);
    real(&fixture, &["--all-features"]).expect_code(exit::CLEAN);
}

#[test]
fn another_target_counts_like_a_feature() {
    let more = "#[cfg(not(any(unix, windows)))]\npub fn socket() -> Router { \
                app().route(\"/debug\", get(handler)) }\n";
    let ran = real(&package("left_out_target", more, "").write(), &[]);
    let ran = ran.expect_code(exit::FINDINGS);
    assert!(
        ran.stdout.contains(
            "`left_out_target::socket` registers GET /debug (src/lib.rs:15), which is left out of \
             this build by `cfg(not(any(unix, windows)))`"
        ),
        "{}",
        ran.stdout
    );
}

#[test]
fn an_exception_is_for_the_builds_that_leave_it_out() {
    let unaudited = ADMIN.replace("#[test]\n    fn route_audit_admin", "pub fn not_a_test");
    let excepted = |name: &str, left_out: &str| {
        let except = excepting(&format!("{name}::admin::routes"), left_out);
        package(name, &unaudited, &except).write()
    };
    // Where it is in, it has to be audited all the same.
    let fixture = excepted("left_out_excepted", "left_out = true, ");
    real(&fixture, &[]).expect_code(exit::CLEAN);
    let ran = real(&fixture, &["--all-features"]).expect_code(exit::FINDINGS);
    assert!(
        ran.stdout
            .contains("registers GET /admin/users (src/lib.rs:20), which no audited router has"),
        "{}",
        ran.stdout
    );
    // Without the word it never has to.
    let fixture = excepted("left_out_excepted_always", "");
    real(&fixture, &[]).expect_code(exit::CLEAN);
    real(&fixture, &["--all-features"]).expect_code(exit::CLEAN);
}

#[test]
fn an_exception_for_what_is_always_in_is_refused() {
    for function in ["left_out_stale::app", "left_out_stale::gone"] {
        let except = excepting(function, "left_out = true, ");
        let ran = real(&package("left_out_stale", "", &except).write(), &[]).could_not_run();
        let message = format!(
            "the exception for `{function}` under `unaudited` matches nothing: no such function is \
             left out of any build"
        );
        assert!(ran.stderr.contains(&message), "{}", ran.stderr);
    }
    // One that is in and audited: only this build does not need it.
    let except = excepting("left_out_stale::admin::routes", "");
    let fixture = package("left_out_stale", ADMIN, &except).write();
    let ran = real(&fixture, &["--all-features"]).could_not_run();
    assert!(
        ran.stderr.contains("add `left_out = true`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_routes_of_a_program_that_is_not_built_are_found() {
    let fixture = package(
        "left_out_program",
        "",
        "[[bin]]\nname = \"panel\"\nrequired-features = [\"admin\"]\n",
    )
    .file(
        "src/bin/panel.rs",
        "use session_auth::axum::get;\nfn main() {\n    let _ = left_out_program::app()\n        \
         .route(\"/panel\", get(panel));\n}\nasync fn panel() {}\n",
    )
    .write();
    let ran = real(&fixture, &[]).expect_code(exit::FINDINGS);
    assert!(
        ran.stdout.contains(
            "`panel::main` registers GET /panel (src/bin/panel.rs:2), which is left out of this \
             build by `required-features = [\"admin\"]`"
        ),
        "{}",
        ran.stdout
    );
}

/// Cargo resolves the features of the whole workspace, and builds what is selected: a feature that
/// a package turns on which is not built is off.
#[test]
fn the_features_are_those_of_the_build() {
    let fixture = Fixture::new("left_out_unified")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"gated_shop\", \"gated_server\"]\n",
        )
        .member("gated_shop", &format!("{APP}{ADMIN}"))
        .file(
            "gated_shop/Cargo.toml",
            &format!(
                "{}[features]\nadmin = []\n",
                Fixture::manifest("gated_shop")
            ),
        )
        .file(
            "gated_server/Cargo.toml",
            "[package]\nname = \"gated_server\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\ngated_shop = { path = \"../gated_shop\", features = [\"admin\"] }\n",
        )
        .file("gated_server/src/main.rs", "fn main() {}")
        .write();
    real(&fixture, &["--workspace"]).expect_code(exit::CLEAN);
    let ran = real(&fixture, &["-p", "gated_shop"]).expect_code(exit::FINDINGS);
    assert!(
        ran.stdout
            .contains("`gated_shop::admin::routes` registers GET /admin/users")
            && ran.stdout.contains("left out of this build"),
        "{}",
        ran.stdout
    );

    real(&fixture, &["--workspace", "--update"]).expect_code(exit::CLEAN);
    let ran = real(&fixture, &["-p", "gated_shop", "--locked"]).expect_code(exit::FINDINGS);
    let note = "note: package `gated_shop` is built without its feature `admin`, which other members of \
                the workspace turn on: routes.lock may have been written with it (see \
                `--workspace`)\n";
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
}

/// The lock does not say with which features it was written; the run says which ones it lacks.
#[test]
fn routes_that_are_gone_with_a_feature_come_with_a_note() {
    let name = "left_out_locked";
    let except = excepting(&format!("{name}::admin::routes"), "left_out = true, ");
    let fixture = package(name, ADMIN, &except).write();
    real(&fixture, &["--all-features", "--update"]).expect_code(exit::CLEAN);
    let ran = real(&fixture, &["--locked"]).expect_code(exit::FINDINGS);
    assert!(
        ran.stdout
            .contains("error[lock-narrowed]: GET /admin/users needed a session and is gone"),
        "{}",
        ran.stdout
    );
    let note = format!(
        "note: package `{name}` is built without its feature `admin`: routes.lock may have been \
         written with it (see `--features`)\n"
    );
    assert!(ran.stderr.contains(&note), "{}", ran.stderr);
    let ran = real(&fixture, &["--locked", "--all-features"]).expect_code(exit::CLEAN);
    assert!(!ran.stderr.contains("note:"), "{}", ran.stderr);
}
