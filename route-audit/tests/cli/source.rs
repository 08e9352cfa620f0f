//! What the source shows that the reports do not.

use expect_test::expect;
use route_audit::exit;

use crate::support::{Fixture, binary, finish};

/// A service whose router `app` is audited and mounts `GET /` for `handler`, and more.
fn service(name: &str, more: &str) -> String {
    format!(
        r#"use session_auth::axum::{{Router, get}};

pub fn app() -> Router {{
    Router::new().route("/", get(handler))
}}

async fn handler() {{}}

#[test]
fn route_audit_app() {{
    let _ = app();
    session_auth::report("app", "{name}", file!(), line!(), &[("GET", "/", Some("public"))]);
}}
{more}"#
    )
}

const METRICS: &str = "
pub mod metrics {
    use session_auth::axum::{Router, get};

    pub fn router() -> Router {
        Router::new().route(\"/metrics\", get(render))
    }

    async fn render() {}
}
";

fn with(name: &str, more: &str) -> Fixture {
    Fixture::package(name, &service(name, more)).write()
}

#[test]
fn a_router_that_nobody_audits_is_found() {
    let fixture = with("source_unaudited", METRICS);
    let ran = finish(binary(env!("CARGO_BIN_EXE_route-audit")).current_dir(&fixture.root));
    let ran = ran.expect_code(exit::FINDINGS);
    expect![[r#"
        error[unaudited-router]: `source_unaudited::metrics::router` registers GET /metrics (src/lib.rs:19), which no audited router has
          --> src/lib.rs:19:9
           |
        19 |         Router::new().route("/metrics", get(render))
           |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: put `#[audited_router]` on `router`, or merge its router into one that is audited; if it is meant to stay outside, say why in [workspace.metadata.route-audit]: `unaudited = [{ function = "source_unaudited::metrics::router", reason = "…" }]`

        route-audit: 1 route (1 public) in 1 router: 1 error, 0 warnings
    "#]]
    .assert_eq(&ran.stdout);

    let ran = fixture
        .run(&["--format", "json"])
        .expect_code(exit::FINDINGS);
    let audit: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(audit["findings"][0]["code"], "unaudited-router");
    assert_eq!(audit["findings"][0]["path"], "/metrics");
    assert_eq!(audit["summary"]["errors"], 1);
}

#[test]
fn an_exception_has_to_match() {
    let except = |name: &str, function: &str| {
        Fixture::package(name, &service(name, METRICS))
            .file(
                "Cargo.toml",
                &format!(
                    "{}[workspace]\n[workspace.metadata.route-audit]\nunaudited = [{{ function = \
                     \"{function}\", reason = \"bound to localhost\" }}]\n",
                    Fixture::manifest(name)
                ),
            )
            .write()
            .run(&[])
    };
    except("source_excepted", "source_excepted::metrics::router").expect_code(exit::CLEAN);
    let ran = except("source_stale", "source_stale::metric::router").could_not_run();
    for text in [
        "the exception for `source_stale::metric::router` under `unaudited` matches nothing",
        "Cargo.toml:9:27\n",
    ] {
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
}

#[test]
fn another_function_on_a_declared_route_is_found() {
    let name = "source_wrong_handler";
    let lib = service(name, "async fn other() {}").replace("get(handler)", "get(other)");
    let ran = Fixture::package(name, &lib).write().run(&[]);
    expect![[r#"
        error[wrong-handler]: GET / is declared by `source_wrong_handler::handler` (src/lib.rs:12), but `source_wrong_handler::app` mounts `source_wrong_handler::other` on it, which would inherit the class `public`
         --> src/lib.rs:4:5
          |
        4 |     Router::new().route("/", get(other))
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: mount `source_wrong_handler::handler`, or remove its attribute and declare what is mounted: by an attribute on it, or by `session_auth::declare_route!(public_route(GET, "/", ..))`

        route-audit: 1 route (1 public) in 1 router: 1 error, 0 warnings
    "#]]
    .assert_eq(&ran.expect_code(exit::FINDINGS).stdout);
}

#[test]
fn a_route_without_a_class_is_shown_where_it_is_registered() {
    let name = "source_place";
    let lib = service(name, "").replace("Some(\"public\")", "None");
    let fixture = Fixture::package(name, &lib).write();
    let ran = fixture.run(&[]).expect_code(exit::FINDINGS);
    expect![[r#"
        error[unclassified-route]: GET / is mounted by router `app` and has no access class (handler `handler`)
         --> src/lib.rs:4:5
          |
        4 |     Router::new().route("/", get(handler))
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `#[public_route(GET, "/", reason = "…")]`, `#[webhook_route(GET, "/", verify = "…")]` or `#[session_route(GET, "/")]` to its handler `handler` (src/lib.rs:7)

        route-audit: 1 route (1 unclassified) in 1 router: 1 error, 0 warnings
    "#]]
    .assert_eq(&ran.stdout);
    let ran = fixture.run(&["list"]).expect_code(exit::CLEAN);
    assert!(
        ran.stdout
            .contains("NONE   GET      /     -      source_place::handler  src/lib.rs:4\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_source_is_that_of_the_build() {
    let name = "source_build";
    let lib = service(
        name,
        "#[cfg(feature = \"metrics\")]\nmod metrics { include!(concat!(env!(\"OUT_DIR\"), \"/metrics.rs\")); }",
    );
    let fixture = Fixture::package(name, &lib)
        .file(
            "Cargo.toml",
            &format!("{}[features]\nmetrics = []\n[workspace]\n", Fixture::manifest(name)),
        )
        .file(
            "build.rs",
            "fn main() {\n    let folder = std::env::var(\"OUT_DIR\").unwrap();\n    \
             std::fs::write(format!(\"{folder}/metrics.rs\"), \"pub fn router() -> \
             session_auth::axum::Router { session_auth::axum::Router::new().route(\\\"/metrics\\\", \
             session_auth::axum::get(())) }\").unwrap();\n}",
        )
        .write();
    let ran = fixture.run(&[]).expect_code(exit::FINDINGS);
    assert!(
        ran.stdout
            .contains("is left out of this build by `cfg(feature = \"metrics\")`"),
        "{}",
        ran.stdout
    );
    let ran = fixture
        .run(&["--features", "metrics"])
        .expect_code(exit::FINDINGS);
    assert!(
        ran.stdout
            .contains("`source_build::metrics::router` registers GET /metrics"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_program_s_own_routes_are_found_beside_its_library_s() {
    let name = "source_program";
    let ran = Fixture::package(name, &service(name, ""))
        .file(
            "src/main.rs",
            "use session_auth::axum::get;\nfn main() {\n    let _ = source_program::app()\n        \
             .route(\"/debug\", get(debug));\n}\nasync fn debug() {}\n",
        )
        .write()
        .run(&[])
        .expect_code(exit::FINDINGS);
    assert!(
        ran.stdout
            .contains("`source_program::main` registers GET /debug (src/main.rs:4)"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_file_that_cannot_be_parsed_is_could_not_run() {
    let name = "source_broken";
    // Left out of this build, by a condition that the audit cannot judge.
    let ran = Fixture::package(name, &service(name, "#[cfg(later)]\nmod later;"))
        .file("src/later.rs", "pub fn routes() {\n    let = 1;\n}\n")
        .write()
        .run(&[])
        .could_not_run();
    for text in ["cannot parse the source", "  --> src/later.rs:2:9\n"] {
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
}
