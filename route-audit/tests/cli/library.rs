//! The library itself in place of the stand-in: what its tests write is what route-audit reads.

use std::fs;
use std::path::Path;

use crate::support::Fixture;

/// A plain router of a declared route, and of what the features add. The test is what
/// `#[audited_router]` makes of `fn app()`.
const APP: &str = r#"
use axum::{Router, routing::{get, post}};
use session_auth::__private as auth;

const SIGNUP: auth::Declaration = auth::declaration(
    auth::Target::Route { methods: session_auth::Methods::POST, path: "/signup" },
    auth::AccessClass::Public,
    auth::Terms { reason: Some("visitors have no account"), ..auth::Terms::NONE },
    "app::signup",
    env!("CARGO_PKG_NAME"),
    auth::Location { file: file!(), line: 1, column: 1 },
);
auth::inventory::submit! { auth::Registration(&SIGNUP) }

pub fn app() -> Router {
    if cfg!(feature = "panic") {
        panic!("DATABASE_URL is not set");
    }
    if cfg!(feature = "empty") {
        return Router::new();
    }
    let app = Router::new().route("/signup", post(signup));
    if cfg!(feature = "export") {
        return app.route("/legacy/export", get(legacy_export));
    }
    app
}

async fn signup() -> &'static str {
    "thank you"
}

async fn legacy_export() -> &'static str {
    "everything"
}

#[test]
fn route_audit_app() {
    let site = auth::RouterSite {
        name: "app",
        package: env!("CARGO_PKG_NAME"),
        manifest_dir: env!("CARGO_MANIFEST_DIR"),
        module: module_path!(),
        location: auth::Location { file: file!(), line: 15, column: 1 },
    };
    auth::audit_router(site, app);
}
"#;

fn app() -> Fixture {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    // The versions of this workspace, which are there without a network.
    let lock = fs::read_to_string(root.join("Cargo.lock")).expect("the lock");
    Fixture::new("library")
        .file("Cargo.lock", &lock)
        .file(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                 [features]\nexport = []\npanic = []\nempty = []\n\
                 [dependencies]\naxum = {{ version = \"0.8\", default-features = false }}\n\
                 session-auth = {{ path = {:?} }}\n\
                 [profile.dev]\ndebug = false\n[workspace]\n",
                root.join("session-auth")
            ),
        )
        .file("src/lib.rs", APP)
        .write()
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
        " --> src/lib.rs:15:1\n",
        "15 | pub fn app() -> Router {\n",
        "(1 public, 1 unclassified) in 1 router: 1 error, 0 warnings\n",
    ] {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }

    let listed = app.run(&["list", "--format", "json"]).expect_code(0);
    let audit: serde_json::Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(audit["routes"][0]["reason"], "visitors have no account");
    assert_eq!(audit["routers"][0]["kind"], "axum");
}

#[test]
fn its_failures_are_could_not_run() {
    let app = app();
    for (feature, why) in [
        ("panic", "DATABASE_URL is not set"),
        ("empty", "could not be audited"),
    ] {
        let ran = app.run(&["--features", feature]).could_not_run();
        for text in [why, "router `app`", "  --> src/lib.rs:15\n"] {
            assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
        }
    }
}
