//! The library itself in place of the stand-in: what its tests write is what route-audit reads.

use std::fs;
use std::path::Path;

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{Fixture, Ran, filtered, start};

/// A router of a declared route, and of what the features add.
const APP: &str = r#"
use session_auth::{Router, audited_router, public_route, routing::post};

#[public_route(POST, "/signup", reason = "visitors have no account")]
async fn signup() -> &'static str {
    "thank you"
}

#[cfg_attr(all(test, feature = "in-tests"), public_route(GET, "/legacy/export", reason = "open"))]
#[cfg_attr(not(test), allow(dead_code))]
async fn legacy_export() -> &'static str {
    "everything"
}

#[cfg(all(not(test), feature = "in-program"))]
#[public_route(GET, "/debug", reason = "open")]
async fn debug() {}

#[audited_router]
pub fn app() -> Router {
    if cfg!(feature = "panic") {
        panic!("DATABASE_URL is not set");
    }
    if cfg!(feature = "empty") {
        return Router::new();
    }
    let app = Router::new().route("/signup", post(signup));
    if cfg!(feature = "export") {
        return app.merge_axum(
            axum::Router::new().route("/legacy/export", axum::routing::get(legacy_export)),
        );
    }
    app
}

#[cfg(all(test, feature = "mocked"))]
mod tests {
    session_auth::declare_route!(public_route(GET, "/mock", reason = "for tests"));
}
"#;

const FEATURES: &str = "export = []\npanic = []\nempty = []\nin-tests = [\"export\"]\n\
                        in-program = []\nmocked = []\n\
                        misplaced = []\nlayered = []\naround = []\n";

/// A package `app` that depends on the library, with these tables after its dependencies.
pub(crate) fn package(name: &str, dependencies: &str, tables: &str) -> Fixture {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    // The versions of this workspace, which are there without a network.
    let lock = fs::read_to_string(root.join("Cargo.lock")).expect("the lock");
    Fixture::new(name).file("Cargo.lock", &lock).file(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [features]\n{FEATURES}\
             [dependencies]\naxum = {{ version = \"0.8\", default-features = false }}\n\
             session-auth = {{ path = {:?} }}\n{dependencies}\
             [profile.dev]\ndebug = false\n[workspace]\n{tables}",
            root.join("session-auth")
        ),
    )
}

fn app() -> Fixture {
    package("library", "", "").file("src/lib.rs", APP).write()
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).expect("JSON")
}

#[test]
fn its_reports_are_read() {
    let app = app();
    let ran = app.run(&[]).expect_code(0);
    assert_eq!(
        ran.stdout,
        "route-audit: 1 route (1 public) in 1 router: clean\n"
    );

    let ran = app.run(&["-F", "export"]).expect_code(100);
    for text in [
        "error[unclassified-route]: GET /legacy/export ",
        " --> src/lib.rs:29:9\n",
        "(1 public, 1 unclassified) in 1 router: 1 error, 0 warnings\n",
    ] {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }

    let listed = app.run(&["list", "--format", "json"]).expect_code(0);
    let audit = json(&listed);
    assert_eq!(
        audit["routes"],
        json!([{
            "methods": ["POST"], "path": "/signup", "class": "public",
            "handler": "library::signup", "file": "src/lib.rs", "line": 4,
            "reason": "visitors have no account", "verifier": null, "binds": null, "retry_budget": null,
            "by": null,
            "scope": null, "expect_every": null, "until": null, "owner": null,
            "issues_session": false, "optional_session": false, "cross_origin": null,
            "max_body": null, "named": true, "package": "library", "router": "app",
            "routers": [{ "package": "library", "name": "app" }], "builds": ["default"],
        }])
    );
    assert_eq!(audit["routers"][0]["kind"], "typed");
}

/// A path with a hash of the build in it is a line of the lock that the next build has, too.
#[test]
fn a_glob_keeps_the_lock_from_build_to_build() {
    let app = |style: &str| {
        let lib = format!(
            "use session_auth::{{Router, audited_router, public_route, routing::get}};\n\
             #[public_route(GET, glob = \"/style.*.css\", reason = \"anyone\")]\n\
             async fn style() {{}}\n\
             #[audited_router]\n\
             pub fn app() -> Router {{\n    {style}\n}}\n"
        );
        package("library-glob", "", "")
            .file("src/lib.rs", &lib)
            .file("routes.lock", "# Empty.\nschema 1\n")
    };
    let built = |hash: &str| {
        app(&format!(
            "Router::new().route(\"/style.{hash}.css\", get(style))\
             .route(\"/style.{hash}-dark.css\", get(style))"
        ))
    };
    let first = built("0a1b").write();
    first.run(&["check", "--update"]).expect_code(0);
    let lock = fs::read_to_string(first.root.join("routes.lock")).expect("a lock");
    let lines: Vec<_> = lock
        .lines()
        .filter(|line| line.starts_with("public"))
        .collect();
    assert_eq!(lines.len(), 1, "{lock}");
    assert!(
        lines[0].starts_with("public   GET       /style.*.css "),
        "{lock}"
    );
    let next = built("ffff").file("routes.lock", &lock).write();
    let ran = next.run(&["--locked"]).expect_code(0);
    assert!(ran.stdout.contains("1 route (1 public)"), "{}", ran.stdout);

    let elsewhere = "Router::new().route(\"/style.css\", get(style))";
    let ran = app(elsewhere).write().run(&["check"]).expect_code(100);
    let text = "error[wrong-handler]: GET /style.css is answered by library_glob::style, and its \
                attribute at src/lib.rs:2 says GET /style.*.css";
    assert!(ran.stdout.contains(text), "{}", ran.stdout);

    let nowhere = "let _ = style; Router::new().mount(session_auth::public(\
                   session_auth::methods::GET, \"/a\", \"anyone\").to(async || ()))";
    let ran = app(nowhere).write().run(&["check"]).expect_code(100);
    let text =
        "error[unmounted-declaration]: GET /style.*.css is declared for `library_glob::style`";
    assert!(ran.stdout.contains(text), "{}", ran.stdout);
}

#[test]
fn its_failures_are_could_not_run() {
    let app = app();
    for (feature, why) in [
        ("panic", "DATABASE_URL is not set"),
        ("empty", "could not be audited"),
    ] {
        let ran = app.run(&["--features", feature]).could_not_run();
        for text in [why, "router `app`", "  --> src/lib.rs:19\n"] {
            assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
        }
    }
}

#[test]
fn what_only_tests_or_only_the_program_declares_is_found() {
    let app = app();
    for (feature, said) in [
        (
            "in-tests",
            "the declaration of GET /legacy/export is in the tests of library `library` and not in \
             the program",
        ),
        (
            "mocked",
            "the declaration of GET /mock is in the tests of library `library` and not in the program",
        ),
        (
            "in-program",
            "the declaration of `library::debug` is in library `library` and not in its tests",
        ),
    ] {
        let ran = app.run(&["-F", feature]).expect_code(100);
        let text = format!("error[test-only-declaration]: {said}");
        assert!(ran.stdout.contains(&text), "{feature}: {}", ran.stdout);
        assert!(
            ran.stdout.contains(": 1 error, "),
            "{feature}: {}",
            ran.stdout
        );
    }
}

/// The class of a route by its path is then of what nobody serves.
#[test]
fn what_a_dependency_of_tests_declares_is_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let mocks = "session_auth::declare_route!(public_route(GET, \"/legacy/export\", reason = \"open\"));\n\
                 session_auth::declare_route!(public_route(GET, \"/unused\", reason = \"open\"));\n\
                 pub fn link() {}\n";
    let uses = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn it() { mocks::link(); }\n}\n";
    let app = package(
        "library-mocks",
        "",
        "[dev-dependencies]\nmocks = { path = \"mocks\" }\n",
    )
    .file("src/lib.rs", &format!("{APP}\n{uses}"))
    .file(
        "mocks/Cargo.toml",
        &format!(
            "[package]\nname = \"mocks\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\nsession-auth = {{ path = {:?} }}\n",
            root.join("session-auth")
        ),
    )
    .file("mocks/src/lib.rs", mocks)
    .write();
    // Nothing speaks for a route.
    let package = ["-p", "library-mocks"];
    app.run(&package).expect_code(0);
    let export = [&package[..], &["-F", "export"]].concat();
    let ran = app.run(&export).expect_code(100);
    let text = "error[test-only-declaration]: the declaration of GET /legacy/export is in the tests of \
                library `library_mocks` and not in the program";
    assert!(ran.stdout.contains(text), "{}", ran.stdout);
    assert!(
        ran.stdout.contains(": 1 error, 0 warnings"),
        "{}",
        ran.stdout
    );
}

/// A binary has its own tests, and may have its own routes: without an audited router nobody sees
/// them.
#[test]
fn what_a_binary_declares_is_part_of_the_audit() {
    let admin = "#[session_auth::session_route(GET, \"/admin\")]\nasync fn admin() {}\n\n\
                 fn main() {\n    let _ = admin;\n    let _ = library_binary::app();\n}\n";
    let app = package("library-binary", "", "")
        .file("src/lib.rs", APP)
        .file("src/main.rs", admin)
        .write();
    let ran = app.run(&[]).expect_code(100);
    expect![[r#"
        error[unmounted-declaration]: the declaration of `library_binary::admin` is in binary `library-binary` of package `library-binary`, and no audited router is
         --> src/main.rs:1:1
          |
        1 | #[session_auth::session_route(GET, "/admin")]
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: put `#[audited_router]` on the function that mounts it, or remove it

        route-audit: 1 route (1 public) in 1 router: 1 error, 0 warnings
    "#]]
    .assert_eq(&ran.stdout);
}

#[test]
fn a_way_out_needs_an_exception_and_an_exception_a_way_out() {
    let app = |exits: &str| {
        package(
            "library-exits",
            "",
            &format!("[workspace.metadata.route-audit]\n{exits}"),
        )
        .file("src/lib.rs", APP)
        .file(
            "src/main.rs",
            "fn main() {\n    let app = axum::Router::<()>::new();\n    let _ = app.into_make_service();\n}\n",
        )
        .write()
    };
    let ran = app("").run(&["--format", "json"]).expect_code(100);
    let found: Vec<_> = json(&ran)["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|one| {
            (
                one["code"].clone(),
                one["file"].clone(),
                one["line"].clone(),
            )
        })
        .collect();
    let exit = |line: u32| (json!("unguarded-router"), json!("src/main.rs"), json!(line));
    assert_eq!(found, [exit(2), exit(3)]);

    let one =
        |call: &str| format!("{{ file = \"src/main.rs\", call = \"{call}\", reason = \"r\" }}");
    let both = format!(
        "exits = [{}, {}]",
        one("axum::Router"),
        one("into_make_service")
    );
    app(&both).run(&[]).expect_code(0);
    let unused = format!("exits = [{}]", one("axum::serve"));
    let app = app(&unused);
    let ran = app.run(&[]).could_not_run();
    expect![[r#"
        error: the exception for `axum::serve` in `src/main.rs` under `exits` matches nothing: that file has `axum::Router::new` on line 2, `into_make_service` on line 3
          --> [ROOT]/Cargo.toml:22:19
          = help: remove it, or correct it: `file` is from the root of the workspace

        route-audit: could not run
    "#]].assert_eq(&filtered(&ran.stderr, &app));
}

#[test]
fn each_build_of_the_configuration_is_audited_and_a_route_has_its_builds() {
    let beta = APP.replace("cfg!(feature = \"export\")", "cfg!(feature = \"panic\")");
    let beta = beta.replace(
        "cfg!(feature = \"panic\") {\n        panic!",
        "false {\n        panic!",
    );
    let app = |builds: &str| {
        package(
            "library-builds",
            "",
            &format!("[workspace.metadata.route-audit]\nbuilds = {builds}\n"),
        )
        .file("src/lib.rs", &beta)
        .write()
    };
    let both = app("[{}, { features = [\"panic\"] }]");
    let ran = both.run(&["--format", "json"]).expect_code(100);
    let builds = |ran: &Ran| -> Vec<(Value, Value)> {
        let audit = json(ran);
        let routes = audit["routes"].as_array().expect("routes").iter();
        routes
            .map(|route| (route["path"].clone(), route["builds"].clone()))
            .collect()
    };
    assert_eq!(
        builds(&ran),
        [
            (json!("/legacy/export"), json!(["panic"])),
            (json!("/signup"), json!(["default", "panic"])),
        ]
    );
    assert_eq!(json(&ran)["summary"]["errors"], 1);
    assert_eq!(json(&ran)["routers"].as_array().expect("routers").len(), 1);
    let ran = app("[{}]").run(&["--format", "json"]).expect_code(0);
    assert_eq!(builds(&ran), [(json!("/signup"), json!(["default"]))]);
    let ran = both.run(&["--features", "panic"]).could_not_run();
    assert!(
        ran.stderr.contains("`--features` chooses a build"),
        "{}",
        ran.stderr
    );
}

/// A service whose router needs what no test has.
const SERVICE: &str = r#"
use session_auth::{Keys, Router, SessionAuthLayer, audited_router, public_route, routing::get};

#[public_route(GET, "/health", reason = "liveness probe")]
async fn health() {}

#[audited_router(at_start)]
fn routes(database: &str) -> Router {
    assert_eq!(database, "live");
    Router::new().route("/health", get(health))
}

fn main() {
    let database = std::env::args().nth(1).expect("a database");
    let keys = Keys::from_env().expect("keys");
    let auth = SessionAuthLayer::builder(keys).build().expect("a layer");
    let _app = auth.protect(routes(&database)).expect("it starts");
    // It serves.
    loop {
        std::thread::park();
    }
}
"#;

#[test]
fn a_router_that_no_test_can_build_is_audited_by_its_start() {
    let start = format!("SESSION_AUTH_DEV=true {} -- live", start());
    let app = |run: &str| {
        package(
            "library-start",
            "",
            &format!("[workspace.metadata.route-audit]\n{run}"),
        )
        .file("src/main.rs", SERVICE)
        .write()
    };
    // Without it, nothing has been seen.
    let ran = app("").run(&[]).could_not_run();
    assert!(
        ran.stderr
            .contains("router `routes` of package `library-start` reports from a start alone"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("--run COMMAND"), "{}", ran.stderr);

    let listed = |ran: Ran| {
        let audit = json(&ran.expect_code(0));
        (
            audit["routes"][0]["path"].clone(),
            audit["routes"][0]["builds"].clone(),
        )
    };
    let ran = app("").run(&["--run", &start, "--format", "json"]);
    assert_eq!(listed(ran), (json!("/health"), json!(["run"])));
    let configured = app(&format!("run = {start:?}\n"));
    let ran = configured.run(&["list", "--format", "json"]);
    assert_eq!(listed(ran), (json!("/health"), json!(["run"])));

    // Another router of the package is none for this one.
    let other = "#[audited_router]\nfn other() -> Router { Router::new().mount(health) }\n";
    let beside = app("")
        .file("src/main.rs", &format!("{SERVICE}{other}"))
        .write();
    let ran = beside.run(&[]).could_not_run();
    let missing = "router `routes` of package `library-start` reports from a start alone";
    assert!(ran.stderr.contains(missing), "{}", ran.stderr);
    beside.run(&["--run", &start]).expect_code(0);
    app("").file("src/main.rs", SERVICE).write();

    // One that starts nothing is no audit.
    let ran = configured
        .run(&["--run", "echo no database"])
        .could_not_run();
    assert!(
        ran.stderr.contains("`echo no database` wrote no report"),
        "{}",
        ran.stderr
    );
}
