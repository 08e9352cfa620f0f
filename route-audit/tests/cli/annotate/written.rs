//! What is written.

use std::fs;

use expect_test::expect;

use super::{UNNESTED, annotate, manifest, read, service, shop, shown, texts};
use crate::support::{Fixture, start};

#[test]
fn the_record_of_the_tests_becomes_attributes_and_a_clean_audit() {
    let shop = shop("annotate-shop");
    let ran = annotate(&shop, &["--dry-run"]).expect_code(0);
    let files = ["Cargo.toml", "src/lib.rs", "src/users.rs"];
    let before = texts(&shop, &files);
    let written = annotate(&shop, &[]).expect_code(0);
    assert!(before != texts(&shop, &files), "the dry run wrote nothing");
    expect![[r#"
        --- a/src/lib.rs
        +++ b/src/lib.rs
        @@ -1,8 +1,8 @@
         //! A shop.
 
        -use axum::{
        +use axum::extract::Path;
        +use session_auth::{
             Router,
        -    extract::Path,
             routing::{MethodFilter, get, on, post},
         };
 
        @@ -14,24 +14,32 @@
             /// Receives.
             #[must_use]
             // Of the mail provider.
        +    // TODO(access): looks like a webhook. `webhook_route` with `verify` if its sender has no session
        +    #[session_auth::session_route(POST, "/in/postmark")]
             pub async fn receive() -> &'static str {
                 "thank you"
             }
         }
 
         /// The start page.
        +// TODO(access): looks public. `public_route` with a `reason` if anyone may call it
        +#[session_auth::session_route(GET, "/")]
         async fn index() -> &'static str {
             "welcome"
         }
 
        +#[session_auth::session_route(GET, "/items/{id}", "/things/{id}")]
         async fn item(Path(id): Path<u32>) -> String {
             id.to_string()
         }
 
        +// TODO(access): without a session, an unknown path answers 401. `public_route` if it may say 404
        +#[session_auth::session_route(FALLBACK)]
         async fn missing() -> &'static str {
             "nothing here"
         }
 
        +#[session_auth::session_route(GET, "/listed")]
         async fn listed<T: Default + ToString + Send>() -> String {
             T::default().to_string()
         }
        @@ -50,18 +58,34 @@
             };
         }
 
        +// TODO(access): looks public. `public_route` with a `reason` if anyone may call it
        +#[session_auth::session_route(GET, "/live", "/ready")]
         async fn probe() {}
 
        +#[session_auth::audited_router]
         pub fn app() -> Router {
             let mut router = Router::new()
                 .route("/", get(index))
                 .nest("/api", users::routes())
                 .route(hooks::PATH, post(hooks::receive))
        -        .route("/stock", get(Stock::count).post(|| async { "sold" }))
        +        .route(
        +            "/stock",
        +            get(session_auth::session(session_auth::methods::GET, "/stock").to(Stock::count)).post(
        +                session_auth::session(session_auth::methods::POST, "/stock")
        +                    .to(|| async { "sold" }),
        +            ),
        +        )
                 .route("/listed", get(listed::<u8>))
                 .route(
                     "/both",
        -            on(MethodFilter::GET.or(MethodFilter::PUT), || async {}),
        +            on(
        +                MethodFilter::GET.or(MethodFilter::PUT),
        +                session_auth::session(
        +                    session_auth::methods::GET | session_auth::methods::PUT,
        +                    "/both",
        +                )
        +                .to(|| async {}),
        +            ),
                 )
                 .fallback(missing);
             for path in ["/items/{id}", "/things/{id}"] {
        @@ -74,7 +98,7 @@
         mod tests {
             #[test]
             fn it_is_served() {
        -        let _service = super::app().into_make_service();
        +        let _service = super::app().unprotected().into_make_service();
                 let _part = super::users::routes().into_make_service();
             }
         }
        --- a/src/users.rs
        +++ b/src/users.rs
        @@ -1,12 +1,15 @@
        -use axum::Router;␍
        -use axum::routing;␍
        +use session_auth::Router;␍
        +use session_auth::routing;␍
         ␍
        +#[session_auth::session_route(GET, "/api/users")]␍
         pub async fn list() {}␍
         ␍
         #[cfg(feature = "v2")]␍
        +#[session_auth::session_route(POST, "/api/users")]␍
         pub async fn create() {}␍
         ␍
         #[cfg(not(feature = "v2"))]␍
        +#[session_auth::session_route(POST, "/api/users")]␍
         pub async fn create() {}␍
         ␍
         pub fn routes() -> Router {␍
        --- a/tests/served.rs
        +++ b/tests/served.rs
        @@ -1,7 +1,7 @@
         use axum::{Router, routing::get};
 
         fn served() -> Router {
        -    annotate_shop::app()
        +    annotate_shop::app().unprotected()
         }
 
         #[test]
        --- a/Cargo.toml
        +++ b/Cargo.toml
        @@ -5,6 +5,7 @@
 
         [dependencies]
         axum = { version = "0.8", default-features = false }
        +session-auth = { path = "[SOURCE]/session-auth" }
 
         [profile.dev]
         debug = false
        @@ -13,3 +14,6 @@
         v2 = []
 
         [workspace]
        +
        +[dev-dependencies]
        +session-auth = { path = "[SOURCE]/session-auth", features = ["testing"] }

        9 handlers annotated, 0 left to do
        nothing was written
    "#]].assert_eq(&shown(&ran.stdout, &shop));
    expect![[r#"
        edited src/lib.rs
        edited src/users.rs
        edited tests/served.rs
        edited Cargo.toml

        9 handlers annotated, 0 left to do

        Next:
          1. Decide on each `TODO(access)` (4): until then their class is `session`.
          2. Protect the router where it is served: `let app = auth.protect(routes())?;`, where
             `auth` is `SessionAuthLayer::builder(Keys::from_env()?).build()?`. Until then its handlers refuse.
          3. Run `route-audit check`: it says where router and declarations disagree, and with `--fix` mends
             methods and paths.
          4. Run `route-audit init`: the lock, the configuration, a workflow.
    "#]].assert_eq(&written.stdout);

    shop.run(&["check"]).expect_code(0);
    let before = texts(&shop, &files);
    let again = annotate(&shop, &[]).expect_code(0);
    assert_eq!(again.stdout, "nothing to do: every handler has a class\n");
    assert!(
        before == texts(&shop, &files),
        "a second run changes nothing"
    );
}

const UNTESTED: &str = r#"use axum::{Router, routing::get};

async fn list() {}

macro_rules! handlers {
    ($($name:ident),*) => {$(async fn $name() {})*};
}

handlers!(made);

fn part() -> Router {
    Router::new()
        .route("/users", get(list))
        .route("/made", get(made))
}

pub async fn app() -> Result<Router, String> {
    tokio::spawn(async {});
    Ok(Router::new().nest("/api", part()))
}
"#;

#[test]
fn a_router_that_no_test_builds_and_any_could_is_built_on_a_runtime() {
    let fixture = service("annotate-untested", "").file("src/lib.rs", UNTESTED);
    let own = manifest("annotate-untested", "").replace(
        "\n\n[profile",
        "\ntokio = { version = \"1\", features = [\"rt\"] }\n\n[profile",
    );
    let fixture = fixture.file("Cargo.toml", &own).write();
    annotate(&fixture, &[]).expect_code(0);
    let text = read(&fixture, "src/lib.rs");
    let expected = UNTESTED
        .replace("axum::", "session_auth::")
        .replace(
            "async fn list",
            "#[session_auth::session_route(GET, \"/api/users\")]\nasync fn list",
        )
        .replace(
            "pub async fn app",
            "#[session_auth::audited_router]\npub async fn app",
        )
        // No attribute reaches what a macro writes.
        .replace(
            "    Router::new()\n        .route(\"/users\", get(list))\n        .route(\"/made\", get(made))",
            "    Router::new().route(\"/users\", get(list)).route(\n        \"/made\",\n        \
             get(session_auth::session(session_auth::methods::GET, \"/api/made\").to(made)),\n    )",
        );
    assert_eq!(text, expected);
    fixture.run(&["check"]).expect_code(0);
}

const UNSEEN: &str = r#"use axum::{Router, routing::get};

pub struct Config {
    pub path: &'static str,
}

async fn list() {}

async fn computed() {}

fn part() -> Router {
    Router::new().route("/users", get(list))
}

pub fn app(config: &Config) -> Router {
    Router::new()
        .nest("/api", part().route("/up", get(|| async { "up" })))
        .route(config.path, get(computed))
}
"#;

#[test]
fn where_nothing_runs_the_compiler_names_handlers_and_check_completes_their_paths() {
    let fixture = service("annotate-unseen", "")
        .file("src/lib.rs", UNSEEN)
        .write();
    let ran = annotate(&fixture, &[]).expect_code(0);
    assert!(
        ran.stderr
            .contains("no router was seen in the tests (it ended: exit status: 0); `--run"),
        "{}",
        ran.stderr
    );
    expect![[r#"
        edited src/lib.rs
        edited Cargo.toml

        2 handlers annotated, 0 left to do

        Next:
          1. No test has what `app` takes, so the router is audited where it is protected. In tests that want its
             handlers to run, `.unprotected()` gives them a plain router; it needs `features = ["testing"]`
             of `session-auth` in `dev-dependencies`.
          2. Protect the router where it is served: `let app = auth.protect(routes())?;`, where
             `auth` is `SessionAuthLayer::builder(Keys::from_env()?).build()?`. Until then its handlers refuse.
          3. Run `route-audit check --run "COMMAND"` with what starts the service: it says where router and
             declarations disagree, and with `--fix` mends methods and paths.
          4. Run `route-audit init`: the lock, the configuration, a workflow.
    "#]]
    .assert_eq(&shown(&ran.stdout, &fixture));
    let text = read(&fixture, "src/lib.rs");
    for said in [
        "#[session_auth::session_route(GET, \"/users\")]\nasync fn list",
        "puts the path in, once it has seen the router\n#[session_auth::session_route(GET)]\nasync fn computed",
        "session_auth::session(session_auth::methods::GET, \"/up\").to(|| async",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // A test has what it takes after all.
    let attribute = "audited_router(plain = app(&Config { path: \"/computed\" }))]";
    let text = text.replace("audited_router(at_start)]", attribute);
    fs::write(fixture.root.join("src/lib.rs"), text).expect("a file");
    let ran = fixture.run(&["check"]).expect_code(100);
    assert!(ran.stdout.contains("wrong-handler"), "{}", ran.stdout);
    let ran = fixture.run(&["check", "--fix"]).expect_code(0);
    assert!(
        ran.stderr
            .contains("declarations were mended in src/lib.rs"),
        "{}",
        ran.stderr
    );
    let text = read(&fixture, "src/lib.rs");
    for said in [
        "}\n\n#[session_auth::session_route(GET, \"/computed\")]\nasync fn computed",
        "#[session_auth::session_route(GET, \"/api/users\")]\nasync fn list",
        "session_auth::session(session_auth::methods::GET, \"/api/up\")",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // A router that is moved later is mended as well.
    let moved = text.replace("\"/api\",", "\"/api/v2\",");
    fs::write(fixture.root.join("src/lib.rs"), moved).expect("a file");
    fixture.run(&["check", "--fix"]).expect_code(0);
    let text = read(&fixture, "src/lib.rs");
    assert_eq!(text.matches("\"/api/v2/").count(), 2, "{text}");
}

const POOLED: &str = r#"use axum::{Router, extract::Extension, routing::get};

#[derive(Clone)]
struct Pool(String);

async fn list(Extension(pool): Extension<Pool>) -> String {
    pool.0
}

fn app(pool: Pool) -> Router {
    Router::new()
        .nest("/api", Router::new().route("/users", get(list)))
        .layer(Extension(pool))
}

fn main() {
    let _service = app(Pool("live".to_owned())).into_make_service();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_served() {
        let _service = app(Pool("test".to_owned())).into_make_service();
    }
}
"#;

#[test]
fn a_router_that_takes_what_no_test_has_is_audited_at_the_start() {
    let fixture = service("annotate-pooled", "")
        .file("src/main.rs", POOLED)
        .write();
    let ran = annotate(&fixture, &[]).expect_code(0);
    expect![[r#"
        edited src/main.rs
        edited Cargo.toml

        1 handler annotated, 0 left to do

        Next:
          1. No test has what `app` takes, so the router is audited where it is protected. In tests that want its
             handlers to run, `.unprotected()` gives them a plain router; it needs `features = ["testing"]`
             of `session-auth` in `dev-dependencies`.
          2. Protect the router where it is served (src/main.rs:20): `let app = auth.protect(routes())?;`, where
             `auth` is `SessionAuthLayer::builder(Keys::from_env()?).build()?`. Until then its handlers refuse.
          3. Run `route-audit check --run "COMMAND"` with what starts the service: it says where router and
             declarations disagree, and with `--fix` mends methods and paths.
          4. Run `route-audit init`: the lock, the configuration, a workflow.
    "#]].assert_eq(&shown(&ran.stdout, &fixture));
    let text = read(&fixture, "src/main.rs");
    for said in [
        "#[session_auth::session_route(GET, \"/api/users\")]\nasync fn list",
        "#[session_auth::audited_router(at_start)]\nfn app",
        "app(Pool(\"test\".to_owned()))\n            .unprotected()",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(read(&fixture, "Cargo.toml").contains("features = [\"testing\"]"));
    // Nothing has protected it yet.
    let ran = fixture.run(&["check"]).could_not_run();
    assert!(ran.stderr.contains("at_start"), "{}", ran.stderr);
    // Protected, it is audited.
    let (before, rest) = text.split_once("fn main() {\n").expect("it is there");
    let (_, rest) = rest.split_once("}\n").expect("it ends");
    let main = "fn main() {\n    let keys = session_auth::Keys::random().expect(\"keys\");\n    \
                let auth = session_auth::SessionAuthLayer::builder(keys).build().expect(\"a layer\");\n    \
                let _app = auth.protect(app(Pool(\"live\".to_owned()))).expect(\"an app\");\n}\n";
    fs::write(
        fixture.root.join("src/main.rs"),
        format!("{before}{main}{rest}"),
    )
    .expect("a file");
    fixture.run(&["check", "--run", &start()]).expect_code(0);
}

const SERVING: &str = r#"use axum::{Router, routing::get};

async fn index() {}

pub fn app() -> Router {
    let api = Router::new().nest_service(
        "/files",
        get(|| async { "a file" }).post(|| async { "taken" }),
    );
    Router::new()
        .route("/start", get(index))
        .nest("/api", api)
        .route_service("/one", get(|| async { "one" }))
        .fallback_service(get(|| async { "all else" }))
}
"#;

#[test]
fn a_method_router_that_is_a_whole_service_is_left_to_do() {
    let fixture = service("annotate-serving", "")
        .file("src/lib.rs", SERVING)
        .write();
    let ran = annotate(&fixture, &[]).expect_code(100);
    let told = "a method router in a service shows nothing of its routes: mount it by `route`";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    let text = read(&fixture, "src/lib.rs");
    let (_, mounted) = text
        .split_once("pub fn app() -> Router {\n")
        .expect("it is there");
    expect![[r#"
            let api = Router::new().nest_service(
                session_auth::session(session_auth::methods::ANY, "/api/files")
                    .reason("TODO(access): say what it serves"),
                "/files",
                get(|| async { "a file" }).post(|| async { "taken" }),
            );
            Router::new()
                .route("/start", get(index))
                .nest("/api", api)
                .route_service(
                    session_auth::session(session_auth::methods::ANY, "/one")
                        .reason("TODO(access): say what it serves"),
                    "/one",
                    get(|| async { "one" }),
                )
                .fallback_service(
                    session_auth::session(session_auth::methods::FALLBACK, "/")
                        .reason("TODO(access): say what it serves"),
                    get(|| async { "all else" }),
                )
        }
    "#]]
    .assert_eq(mounted);
}

#[test]
fn a_package_without_a_lock_file_is_annotated() {
    let fixture = Fixture::new("annotate-unlocked")
        .file("Cargo.toml", &manifest("annotate-unlocked", ""))
        .file("src/lib.rs", UNNESTED)
        .write();
    let _ = fs::remove_file(fixture.root.join("Cargo.lock"));
    annotate(&fixture, &[]).expect_code(0);
    let text = read(&fixture, "src/lib.rs");
    assert!(text.contains("session_route(GET, \"/users\")"), "{text}");
}
