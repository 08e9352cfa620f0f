//! `init --annotate`, on plain axum services: what it writes, what it leaves, what comes of it.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect;
use route_audit::exit;

use crate::support::{Fixture, Ran, binary, filtered, finish};

const MAIN: &str = r#"//! A service of before.

mod api;
mod more;

use axum::{
    Router,
    extract::State,
    routing::get,
};

#[derive(Clone)]
struct Db;

fn main() {
    let db = Db;

    // All that there is.
    let app: Router = Router::new()
        .route("/", get(start))
        .route("/login", get(form).post(login))   // as it was
        .route("/metrics", get(|| async { "up 1" }))
        .route("/time", get(now))
        .route("/clock", get(now))
        .nest("/api", api::router())
        .merge(more::router())
        .fallback(not_found)
        .with_state(db);
    drop(app);
}

async fn start(State(_db): State<Db>) {}

async fn form() -> &'static str { "name, password" }

/// Logs somebody in.
#[allow(clippy::unused_async)]
pub(crate) async fn login() {}

async fn now() {}

async fn not_found() {}
"#;

const API: &str = "use axum::routing::{get, MethodRouter};\r
use axum::Router;\r
\r
use crate::Db;\r
\r
pub(crate) fn router() -> Router<Db> {\r
\tlet users = Router::new().route(\"/{id}\", one().delete(remove));\r
\tRouter::new().route(\"/me\", get(me)).nest(\"/users\", users)\r
}\r
\r
fn one() -> MethodRouter<Db> {\r
\tget(read)\r
}\r
\r
async fn me() {}\r
async fn read() {}\r
\t/* kept */ async fn remove() {}\r
";

/// What has no function of its own for an attribute, or one that is not plain.
const MORE: &str = r#"use std::future::{Future, pending, ready};

use axum::Router;
use axum::routing::{any, get, post};

use crate::Db;

pub(crate) fn router() -> Router<Db> {
    let inside: Router = Router::new().route("/inside", get(|| async {}));
    let files: Router = Router::new();
    Router::new()
        .route("/github/webhook", post(Hooks::github))
        .route("/forever", get(pending::<()>))
        .route("/typed", any(typed::<Vec<u8>>))
        .route("/plain", get(plain))
        .nest_service("/vendor", inside)
        .route_service("/file", files)
}

struct Hooks;

impl Hooks {
    async fn github() {}
}

async fn typed<T: Default + Send + 'static>() {
    drop(T::default());
}

fn plain() -> impl Future<Output = ()> {
    ready(())
}
"#;

fn repository() -> PathBuf {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    parent.expect("the workspace").to_owned()
}

/// A service that depends on axum alone, with the versions of this workspace, which are there
/// without a network.
fn service(name: &str, main: &str, more: &[(&str, &str)]) -> Fixture {
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("the lock");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\naxum = {{ version = \"0.8\", default-features = false }} # the router\n\n\
         [profile.dev]\ndebug = false\n\n[workspace]\n"
    );
    let fixture = Fixture::new(name)
        .file("Cargo.lock", &lock)
        .file("Cargo.toml", &manifest)
        .file("src/main.rs", main);
    let more = more.iter();
    let fixture = more.fold(fixture, |fixture, (path, text)| fixture.file(path, text));
    let fixture = fixture.write();
    // It is kept from run to run, as cargo has completed it.
    fs::write(fixture.root.join("Cargo.lock"), lock).expect("write the lock");
    fixture
}

fn annotate(fixture: &Fixture, more: &[&str]) -> Ran {
    finish(
        binary(env!("CARGO_BIN_EXE_route-audit"))
            .current_dir(&fixture.root)
            .args(["init", "--annotate", "--offline", "--session-auth"])
            .arg(repository().join("session-auth"))
            .args(more),
    )
}

fn read(fixture: &Fixture, path: &str) -> String {
    fs::read_to_string(fixture.root.join(path)).expect("read it")
}

#[test]
fn a_service_is_annotated_compiles_and_audits_clean() {
    let fixture = service(
        "annotate-service",
        MAIN,
        &[("src/api.rs", API), ("src/more.rs", MORE)],
    );
    let manifest = read(&fixture, "Cargo.toml");
    let ran = annotate(&fixture, &[]).expect_code(exit::CLEAN);
    expect![[r#"
        edited src/api.rs: 3 attributes
        edited src/main.rs: 5 attributes, 2 declarations, 1 audited router
        edited src/more.rs: 1 attribute, 5 declarations
        edited Cargo.toml: the dependency `session-auth`

        Next:
          1. Decide on each `TODO` (8 places): these routes look public, and their class is `session`.
          2. Run `route-audit check`: it says where routers and declarations disagree.
          3. Put the layer around the router: `let app = auth.protect(router)?;` in place of `router`,
             where `auth` is `SessionAuthLayer::builder(Keys::from_env()?).build()?`.
          4. Run `route-audit init`: the lock, the configuration, a workflow.
    "#]].assert_eq(&ran.stdout);
    expect![[r#"
        @@ -18,3 +18,13 @@
             // All that there is.
        -    let app: Router = Router::new()
        +    let app: Router = routes()
        +        .with_state(db);
        +    drop(app);
        +}
        +
        +// TODO: looks public. `public_route` with a `reason` if anyone may call it
        +session_auth::declare_route!(session_route(GET, "/metrics"));
        +
        +#[session_auth::audited_router]
        +fn routes() -> Router<Db> {
        +    Router::new()
                 .route("/", get(start))
        @@ -27,8 +37,10 @@
                 .fallback(not_found)
        -        .with_state(db);
        -    drop(app);
         }

        +// TODO: the start page? `public_route` with a `reason` if anyone may call it
        +#[session_auth::session_route(GET, "/")]
         async fn start(State(_db): State<Db>) {}

        +// TODO: looks public. `public_route` with a `reason` if anyone may call it
        +#[session_auth::session_route(GET, "/login")]
         async fn form() -> &'static str { "name, password" }
        @@ -37,6 +49,13 @@
         #[allow(clippy::unused_async)]
        +// TODO: looks public. `public_route` with a `reason` if anyone may call it
        +#[session_auth::session_route(POST, "/login")]
         pub(crate) async fn login() {}

        +session_auth::declare_route!(session_route(GET, "/clock"));
        +
        +#[session_auth::session_route(GET, "/time")]
         async fn now() {}

        +// TODO: without a session, a path that leads nowhere answers 401. `public_route` if it may say 404
        +#[session_auth::session_route(FALLBACK)]
         async fn not_found() {}
    "#]].assert_eq(&diff(MAIN, &read(&fixture, "src/main.rs")));
    let api = read(&fixture, "src/api.rs");
    expect![[r#"
        @@ -14,4 +14,7 @@
 
        +#[session_auth::session_route(GET, "/api/me")]
         async fn me() {}
        +#[session_auth::session_route(GET, "/api/users/{id}")]
         async fn read() {}
        -	/* kept */ async fn remove() {}
        +	/* kept */ #[session_auth::session_route(DELETE, "/api/users/{id}")]
        +	async fn remove() {}
    "#]]
    .assert_eq(&diff(API, &api));
    assert!(!api.replace("\r\n", "").contains('\n'), "{api:?}");
    expect![[r#"
        @@ -7,2 +7,11 @@

        +// TODO: looks like a webhook. `webhook_route` with `verify` if its sender has no session
        +session_auth::declare_route!(session_route(POST, "/github/webhook"));
        +session_auth::declare_route!(session_route(GET, "/forever"));
        +session_auth::declare_route!(session_route(GET, "/plain"));
        +// TODO: one class for all that the service serves. `public_route` if anyone may have it
        +session_auth::declare_route!(session_route(ANY, "/vendor", subtree, reason = "TODO: say what this service serves"));
        +// TODO: one class for all that the service serves. `public_route` if anyone may have it
        +session_auth::declare_route!(session_route(ANY, "/file", reason = "TODO: say what this service serves"));
        +
         pub(crate) fn router() -> Router<Db> {
        @@ -25,2 +34,3 @@

        +#[session_auth::session_route(ANY, "/typed")]
         async fn typed<T: Default + Send + 'static>() {
    "#]].assert_eq(&diff(MORE, &read(&fixture, "src/more.rs")));
    let edited = read(&fixture, "Cargo.toml");
    let added: Vec<_> = edited
        .lines()
        .filter(|line| !manifest.contains(line))
        .collect();
    assert!(
        matches!(added.as_slice(), [line] if line.starts_with("session-auth = { path = ")),
        "{edited}"
    );

    // Once more: nothing changes, the time stamps included.
    let files = ["Cargo.toml", "src/main.rs", "src/api.rs"];
    let state = || {
        files.map(|file| {
            fs::metadata(fixture.root.join(file))
                .map(|m| m.modified().ok())
                .ok()
        })
    };
    let before = state();
    let ran = annotate(&fixture, &[]).expect_code(exit::CLEAN);
    assert_eq!(
        ran.stdout,
        "nothing to do: every route that the source registers has a class\n"
    );
    assert_eq!(state(), before);

    let ran = fixture.run(&["check"]).expect_code(exit::CLEAN);
    assert_eq!(
        ran.stdout,
        "route-audit: 16 routes (16 session) in 1 router: clean\n"
    );
}

#[test]
fn what_cannot_be_done_is_listed_and_the_rest_is_done() {
    let main = MAIN
        .replace("mod api;\nmod more;\n", "")
        .replace("        .merge(more::router())\n", "")
        .replace(
            ".nest(\"/api\", api::router())",
            ".route(&format!(\"/{EXPORTS}\"), get(exports))\n        \
             .nest(\"/reports\", reports(db.clone()))",
        )
        + "\nconst EXPORTS: &str = \"exports\";\n\nasync fn exports() {}\n\nfn reports(_: Db) -> Router<Db> {\n    \
           Router::new().route(\"/{year}\", get(year))\n}\n\nasync fn year() {}\n";
    let fixture = service("annotate-left", &main, &[]);
    let ran = annotate(&fixture, &[]).expect_code(exit::FINDINGS);
    expect![[r#"
        edited src/main.rs: 6 attributes, 2 declarations
        edited Cargo.toml: the dependency `session-auth`

        left to do: the router in `main` cannot be audited where it is: it uses `db` of this function
          --> src/main.rs:17
          = help: move it into a function that takes what it uses and returns the router, and audit that one: `session_auth::audit::audited_router!(routes = routes(..))`, with arguments for a test

        left to do: a route whose path is not written out: it is computed, or passed in
          --> src/main.rs:23
          = help: write the path as a literal or a `const`, and run this again; or put `#[session_route(METHODS, "/whole/path")]` on its handler

        Next:
          1. Do what is left, by the list above.
          2. Decide on each `TODO` (5 places): these routes look public, and their class is `session`.
          3. Run `route-audit check`: it says where routers and declarations disagree.
          4. Put the layer around the router: `let app = auth.protect(router)?;` in place of `router`,
             where `auth` is `SessionAuthLayer::builder(Keys::from_env()?).build()?`.
          5. Run `route-audit init`: the lock, the configuration, a workflow.
    "#]].assert_eq(&ran.stdout);
    let edited = read(&fixture, "src/main.rs");
    for line in [
        "#[session_auth::session_route(GET, \"/reports/{year}\")]\nasync fn year",
        "#[session_auth::session_route(POST, \"/login\")]\npub(crate) async fn login",
    ] {
        assert!(edited.contains(line), "{line}: {edited}");
    }
    assert!(
        edited.contains("let app: Router = Router::new()"),
        "it stays: {edited}"
    );
    let ran = annotate(&fixture, &[]).expect_code(exit::FINDINGS);
    assert!(!ran.stdout.contains("edited"), "{}", ran.stdout);
    assert_eq!(read(&fixture, "src/main.rs"), edited);

    // Done by hand, as it was told.
    let by_hand = edited
        .replace(
            "async fn exports",
            "#[session_auth::session_route(GET, \"/exports\")]\nasync fn exports",
        )
        .replace(
            "    let db = Db;\n",
            "    drop(routes(Db));\n}\n\nfn routes(db: Db) -> Router {\n",
        )
        .replace("    let app: Router = Router::new()", "    Router::new()")
        .replace(".with_state(db);\n    drop(app);\n", ".with_state(db)\n")
        + "\nsession_auth::audit::audited_router!(routes = routes(Db));\n";
    fs::write(fixture.root.join("src/main.rs"), &by_hand).expect("write it");
    annotate(&fixture, &[]).expect_code(exit::CLEAN);
    assert_eq!(read(&fixture, "src/main.rs"), by_hand);
}

#[test]
fn a_package_of_a_workspace_is_edited_alone_with_the_prefix_that_another_gives() {
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("the lock");
    let manifest = |name: &str, more: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\naxum = {{ version = \"0.8\", default-features = false }}\n{more}"
        )
    };
    let users = "use axum::{Router, routing::get};\n\npub fn router() -> Router {\n    \
                 Router::new().route(\"/{id}\", get(read))\n}\n\nasync fn read() {}\n";
    let web = "mod shared;\n\nfn main() {\n    \
               drop(shared::app().nest(\"/users\", users::router()));\n}\n";
    // Of two targets: it must not be edited twice.
    let shared = "use axum::{Router, routing::get};\n\npub fn app() -> Router {\n    \
                  Router::new().route(\"/me\", get(me))\n}\n\nasync fn me() {}\n";
    let fixture = Fixture::new("annotate-workspace")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"users\", \"web\"]\n",
        )
        .file("users/Cargo.toml", &manifest("users", ""))
        .file("users/src/lib.rs", users)
        .file(
            "web/Cargo.toml",
            &manifest("web", "users = { path = \"../users\" }\n"),
        )
        .file("web/src/main.rs", web)
        .file(
            "web/src/bin/other.rs",
            "#[path = \"../shared.rs\"]\nmod shared;\n\nfn main() {\n    drop(shared::app());\n}\n",
        )
        .file("web/src/shared.rs", shared)
        .write();
    fs::write(fixture.root.join("Cargo.lock"), lock).expect("write the lock");

    annotate(&fixture, &["-p", "users"]).expect_code(exit::CLEAN);
    let edited = read(&fixture, "users/src/lib.rs");
    let attribute = "#[session_auth::session_route(GET, \"/users/{id}\")]\nasync fn read";
    assert!(edited.contains(attribute), "{edited}");
    assert_eq!(read(&fixture, "web/src/main.rs"), web);
    assert_eq!(read(&fixture, "web/src/shared.rs"), shared);

    annotate(&fixture, &["-p", "web"]);
    let edited = read(&fixture, "web/src/shared.rs");
    for once in ["session_route", "audited_router"] {
        assert!(edited.matches(once).count() <= 1, "{once}: {edited}");
    }
    assert!(edited.contains("session_route(GET, \"/me\")"), "{edited}");
}

#[test]
fn a_dry_run_prints_a_diff_and_writes_nothing() {
    let main = "use axum::{Router, routing::get};\n\nfn app() -> Router {\n    \
                Router::new().route(\"/me\", get(me))\n}\n\nasync fn me() {}\n\n\
                fn main() {\n    drop(app());\n}\n";
    let fixture = service("annotate-dry", main, &[]);
    let manifest = read(&fixture, "Cargo.toml");
    let ran = annotate(&fixture, &["--dry-run"]).expect_code(exit::CLEAN);
    let path = repository().join("session-auth");
    let relative = ran.stdout.lines().find_map(|line| {
        let path = line.strip_prefix("+session-auth = { path = \"")?;
        path.strip_suffix("\" }")
    });
    let relative = relative.expect("the dependency");
    let found = fixture.root.join(relative).canonicalize();
    assert_eq!(found.expect("the library"), path);
    let shown = trimmed(&filtered(&ran.stdout, &fixture).replace(relative, "[LIBRARY]"));
    expect![[r#"
        --- a/src/main.rs
        +++ b/src/main.rs
        @@ -1,8 +1,10 @@
         use axum::{Router, routing::get};
 
        +#[session_auth::audited_router]
         fn app() -> Router {
             Router::new().route("/me", get(me))
         }
 
        +#[session_auth::session_route(GET, "/me")]
         async fn me() {}
 
        --- a/Cargo.toml
        +++ b/Cargo.toml
        @@ -6,4 +6,5 @@
         [dependencies]
         axum = { version = "0.8", default-features = false } # the router
        +session-auth = { path = "[LIBRARY]" }
 
         [profile.dev]

        nothing was written
    "#]]
    .assert_eq(&shown);
    assert_eq!(read(&fixture, "src/main.rs"), main);
    assert_eq!(read(&fixture, "Cargo.toml"), manifest);
}

#[test]
fn what_it_cannot_start_from_is_could_not_run() {
    let fixture = service("annotate-refused", "fn main() {}\n", &[]);
    let run = |args: &[&str]| {
        let mut command = binary(env!("CARGO_BIN_EXE_route-audit"));
        command.current_dir(&fixture.root).arg("init").args(args);
        finish(&mut command).could_not_run()
    };
    for (args, why) in [
        (
            &["--annotate", "--offline", "--session-auth", "src"][..],
            "cannot read the Cargo.toml of `session-auth`",
        ),
        (
            &["--annotate", "--offline", "--session-auth", "."],
            "the package there is not `session-auth`",
        ),
        (&["--annotate", "--force"], "cannot be used with"),
        (&["--session-auth", "."], "--annotate"),
    ] {
        let ran = run(args);
        assert!(ran.stderr.contains(why), "{why}: {}", ran.stderr);
    }
    let broken = service("annotate-broken", "fn main() { axum::Router::new( }\n", &[]);
    let ran = annotate(&broken, &[]).could_not_run();
    assert!(
        ran.stderr.contains("cannot parse the source"),
        "{}",
        ran.stderr
    );
    let without = "[package]\nname = \"without\"\nversion = \"0.1.0\"\n[workspace]\n";
    let without = Fixture::new("annotate-without")
        .file("Cargo.toml", without)
        .file("src/lib.rs", "")
        .write();
    let ran = annotate(&without, &[]).could_not_run();
    assert!(ran.stderr.contains("nothing to annotate"), "{}", ran.stderr);
}

/// The lines that differ.
fn diff(old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    trimmed(&diff.unified_diff().context_radius(1).to_string())
}

/// Without what no snapshot shows.
fn trimmed(text: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}
