//! `check --self-test`: on a gate that sees, and on gates that have gone blind.

use std::fs;
use std::path::Path;

use route_audit::exit;

use crate::support::{Fixture, filtered, library_manifest, routes};

/// What the stand-in needs so that a route can be added.
const AXUM: &str = "
pub struct Router<S = ()> {
    pub paths: Vec<String>,
    _state: std::marker::PhantomData<S>,
}

impl<S> Router<S> {
    pub fn new() -> Self {
        Self { paths: Vec::new(), _state: std::marker::PhantomData }
    }

    pub fn route(mut self, path: &str, _: routing::Get) -> Self {
        self.paths.push(path.to_owned());
        self
    }
}

pub mod routing {
    pub struct Get;

    pub fn get<H>(_: H) -> Get {
        Get
    }
}
";

/// The test that `#[audited_router]` makes. `ROUTES` is what it reports.
const MACRO: &str = "
use proc_macro::TokenStream;

#[proc_macro_attribute]
pub fn audited_router(_: TokenStream, function: TokenStream) -> TokenStream {
    let library = if std::env::var(\"CARGO_PKG_NAME\").unwrap() == \"server\" {
        \"auth\"
    } else {
        \"session_auth\"
    };
    let test = TEST.replace(\"LIBRARY\", library);
    let mut all = function;
    all.extend(test.parse::<TokenStream>().unwrap());
    all
}

const TEST: &str = r#\"
    #[test]
    fn route_audit_self_test() {
        let router = self_test();
        let routes: &[(&str, &str, Option<&str>)] = ROUTES;
        ::LIBRARY::report(\"self_test\", env!(\"CARGO_PKG_NAME\"), file!(), line!(), routes);
    }
\"#;
";

const HONEST: &str = "&[(\"GET\", router.paths[0].as_str(), None)]";

fn manifest(name: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [dependencies]\n{dependencies}\n"
    )
}

/// A workspace in the folder `app`, of a library and of a program without one that renames its
/// dependencies. Both crates lie beside it.
fn workspace(name: &str, audited_router: &str, home: &str) -> Fixture {
    let stand_in = include_str!("support/stand_in.rs");
    let server = routes("server", &[("GET", "/status", "public")]).replace("session_auth", "auth");
    Fixture::new(name)
        .file(
            "session-auth/Cargo.toml",
            &format!(
                "{}[workspace]\n",
                library_manifest(
                    "axum = { path = \"../axum\" }\nmacros = { path = \"../macros\" }"
                )
            ),
        )
        .file(
            "session-auth/src/lib.rs",
            &format!("{stand_in}pub use macros::*;\n"),
        )
        .file(
            "macros/Cargo.toml",
            &format!(
                "{}[lib]\nproc-macro = true\n[workspace]\n",
                manifest("macros", "")
            ),
        )
        .file("macros/src/lib.rs", audited_router)
        .file(
            "axum/Cargo.toml",
            &format!("{}[workspace]\n", manifest("axum", "")),
        )
        .file("axum/src/lib.rs", AXUM)
        .file(
            "app/Cargo.toml",
            "[workspace]\nmembers = [\"web\", \"server\"]\nresolver = \"3\"\n",
        )
        .file(
            "app/web/Cargo.toml",
            &manifest(
                "web",
                "axum = { path = \"../../axum\" }\nsession-auth = { path = \"../../session-auth\" }",
            ),
        )
        // Without a line break at its end.
        .file(
            "app/web/src/lib.rs",
            &format!("{}// the end", routes("web", &[("GET", "/", home)])),
        )
        .file(
            "app/server/Cargo.toml",
            &manifest(
                "server",
                "auth = { package = \"session-auth\", path = \"../../session-auth\" }\n\
                 [dev-dependencies]\nhttp-router = { package = \"axum\", path = \"../../axum\" }",
            ),
        )
        .file("app/server/src/main.rs", &format!("fn main() {{}}\n{server}"))
        .write()
}

fn texts(folder: &Path) -> Vec<String> {
    ["web/src/lib.rs", "server/src/main.rs"]
        .map(|path| fs::read_to_string(folder.join(path)).expect(path))
        .into()
}

#[test]
fn a_gate_that_sees_passes_and_the_workspace_is_as_it_was() {
    let name = "self-test-sees";
    let fixture = workspace(name, &MACRO.replace("ROUTES", HONEST), "public");
    let before = texts(&fixture.root.join("app"));
    let ran = fixture.run_in("app", &["check", "--self-test"]);
    let ran = ran.expect_code(exit::CLEAN);
    assert_eq!(
        ran.stdout,
        "route-audit: self-test passed: an unclassified route was found in a copy of binary \
         `server` of package `server`, library `web` of package `web`\n"
    );
    assert_eq!(texts(&fixture.root.join("app")), before);
    // What the copy was built into is not what the workspace is built into.
    let ran = fixture.run_in("app", &["check"]).expect_code(exit::CLEAN);
    assert!(ran.stdout.contains("2 routes (2 public)"), "{}", ran.stdout);

    let ran = fixture.run_in("app/web", &["--self-test"]);
    let ran = ran.expect_code(exit::CLEAN);
    assert!(!ran.stdout.contains("`server`"), "{}", ran.stdout);
    let args = ["--self-test", "--manifest-path", "app/server/Cargo.toml"];
    let ran = fixture.run(&args).expect_code(exit::CLEAN);
    assert!(!ran.stdout.contains("`web`"), "{}", ran.stdout);
}

/// An audit that fails for another reason is no proof.
#[test]
fn a_gate_that_does_not_look_is_found() {
    for (name, audited_router) in [
        // Reports something else than the router has.
        (
            "self-test-ignores",
            MACRO.replace(
                "ROUTES",
                "{ drop(router); &[(\"GET\", \"/\", Some(\"public\"))] }",
            ),
        ),
        // Makes no test.
        ("self-test-no-test",
            MACRO.replace("let mut all = function;", "return function;\n    #[allow(unreachable_code)]\n    let mut all = TokenStream::new();"),
        ),
    ] {
        let fixture = workspace(name, &audited_router, "none");
        fixture.run_in("app", &[]).expect_code(exit::FINDINGS);
        let ran = fixture.run_in("app", &["--self-test"]).could_not_run();
        for (text, file) in [
            ("library `web` of package `web`", "app/web/src/lib.rs"),
            (
                "binary `server` of package `server`",
                "app/server/src/main.rs",
            ),
        ] {
            let stderr = filtered(&ran.stderr, &fixture);
            assert!(
                stderr.contains("error: the gate is blind: "),
                "{name}: {stderr}"
            );
            assert!(
                stderr.contains(&format!("{text} was not found")),
                "{name}: {stderr}"
            );
            assert!(
                stderr.contains(&format!("  --> [ROOT]/{file}\n")),
                "{name}: {stderr}"
            );
        }
    }
}

#[test]
fn what_cannot_be_proved_is_no_pass() {
    // The copy does not compile.
    let name = "self-test-broken";
    let fixture = workspace(name, "", "public");
    fixture.run_in("app", &[]).expect_code(exit::CLEAN);
    let ran = fixture.run_in("app", &["--self-test"]).could_not_run();
    assert!(
        ran.stderr.contains("could not audit its copy"),
        "{}",
        ran.stderr
    );

    // No package can name the router.
    let fixture = Fixture::package("self-test-nowhere", &routes("n", &[("GET", "/", "public")]));
    let ran = fixture.write().run(&["--self-test"]).could_not_run();
    assert!(
        ran.stderr.contains("has nowhere to add a route"),
        "{}",
        ran.stderr
    );

    // One package of two cannot.
    let name = "self-test-partly";
    let fixture = workspace(name, &MACRO.replace("ROUTES", HONEST), "public")
        .file(
            "app/server/Cargo.toml",
            &manifest(
                "server",
                "auth = { package = \"session-auth\", path = \"../../session-auth\" }",
            ),
        )
        .write();
    let ran = fixture.run_in("app", &["--self-test"]).could_not_run();
    assert!(
        ran.stderr
            .contains("cannot add a route to package `server`, which has the audited router"),
        "{}",
        ran.stderr
    );
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

/// The library and axum themselves, under other names.
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
                "{}[profile.dev]\ndebug = false\n[workspace]\n",
                manifest(
                    "app",
                    &format!(
                        "web = {{ package = \"axum\", version = \"0.8\", default-features = false \
                         }}\nour-auth = {{ package = \"session-auth\", path = {:?} }}",
                        root.join("session-auth")
                    )
                )
            ),
        )
        .file(
            "src/lib.rs",
            "#[our_auth::public_route(GET, \"/\", reason = \"the front page\")]\n\
             async fn home() {}\n\n\
             #[our_auth::audited_router]\npub fn app() -> web::Router {\n    \
             web::Router::new().route(\"/\", web::routing::get(home))\n}\n",
        )
        .write();
    let ran = fixture.run(&["--self-test"]).expect_code(exit::CLEAN);
    assert_eq!(
        ran.stdout,
        "route-audit: self-test passed: an unclassified route was found in a copy of library \
         `app` of package `app`\n"
    );
}
