//! `init --annotate`, on services that were written for axum alone.

use std::fs;
use std::path::Path;

use expect_test::expect;

use crate::support::{Fixture, Ran, binary, filtered, finish};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
}

/// A package on axum, with these lines in its manifest.
fn service(name: &str, tables: &str) -> Fixture {
    // The versions of this workspace, which are there without a network.
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("the lock");
    Fixture::new(name)
        .file("Cargo.lock", &lock)
        .file("Cargo.toml", &manifest(name, tables))
}

fn manifest(name: &str, tables: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\naxum = {{ version = \"0.8\", default-features = false }}\n\n\
         [profile.dev]\ndebug = false\n\n{tables}[workspace]\n"
    )
}

fn annotate(fixture: &Fixture, args: &[&str]) -> Ran {
    let source = repository().display().to_string();
    let mut all = vec!["init", "--annotate", "--source", &source];
    all.extend(args);
    fixture.run(&all)
}

fn read(fixture: &Fixture, path: &str) -> String {
    fs::read_to_string(fixture.root.join(path)).expect(path)
}

/// What a run must leave as it is.
fn texts(fixture: &Fixture, paths: &[&str]) -> Vec<Vec<u8>> {
    let read = |path: &&str| fs::read(fixture.root.join(path)).expect("a file");
    paths.iter().map(read).collect()
}

/// Without the way from the fixture to the library, and without blanks at the ends of lines.
fn shown(text: &str, fixture: &Fixture) -> String {
    let line = |line: &str| match line.split_once("path = \"..") {
        Some((before, after)) => format!(
            "{before}path = \"[SOURCE]{}",
            &after[after.find("/session-auth\"").expect("it")..]
        ),
        None => line.to_owned(),
    };
    let text = filtered(text, fixture).replace('\r', "␍");
    let lines = text
        .lines()
        .map(|text| line(text).trim_end().to_owned() + "\n");
    lines.collect()
}

const SHOP: &str = r#"//! A shop.

use axum::{
    Router,
    extract::Path,
    routing::{MethodFilter, get, on, post},
};

mod users;

mod hooks {
    pub const PATH: &str = "/in/postmark";

    /// Receives.
    #[must_use]
    // Of the mail provider.
    pub async fn receive() -> &'static str {
        "thank you"
    }
}

/// The start page.
async fn index() -> &'static str {
    "welcome"
}

async fn item(Path(id): Path<u32>) -> String {
    id.to_string()
}

async fn missing() -> &'static str {
    "nothing here"
}

async fn listed<T: Default + ToString + Send>() -> String {
    T::default().to_string()
}

struct Stock;

impl Stock {
    async fn count() -> &'static str {
        "7"
    }
}

macro_rules! probes {
    ($router:expr, $($path:literal),*) => {
        $router$(.route($path, get(probe)))*
    };
}

async fn probe() {}

pub fn app() -> Router {
    let mut router = Router::new()
        .route("/", get(index))
        .nest("/api", users::routes())
        .route(hooks::PATH, post(hooks::receive))
        .route("/stock", get(Stock::count).post(|| async { "sold" }))
        .route("/listed", get(listed::<u8>))
        .route(
            "/both",
            on(MethodFilter::GET.or(MethodFilter::PUT), || async {}),
        )
        .fallback(missing);
    for path in ["/items/{id}", "/things/{id}"] {
        router = router.route(path, get(item));
    }
    probes!(router, "/live", "/ready")
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_served() {
        let _service = super::app().into_make_service();
        let _part = super::users::routes().into_make_service();
    }
}
"#;

const USERS: &str = "use axum::Router;\r\nuse axum::routing;\r\n\r\npub async fn list() {}\r\n\r\n\
    #[cfg(feature = \"v2\")]\r\npub async fn create() {}\r\n\r\n#[cfg(not(feature = \"v2\"))]\r\n\
    pub async fn create() {}\r\n\r\npub fn routes() -> Router {\r\n    \
    Router::new().route(\"/users\", routing::get(list).post(create))\r\n}\r\n";

/// A test that takes the router for axum's, and one that makes its own.
const SERVED: &str = r#"use axum::{Router, routing::get};

fn served() -> Router {
    PACKAGE::app()
}

#[test]
fn it_is_served() {
    let _service = served().into_make_service();
    let toy: Router = Router::new().route("/toy", get(|| async {}));
    let _service = toy.into_make_service();
}
"#;

fn shop(name: &str) -> Fixture {
    service(name, "[features]\nv2 = []\n\n")
        .file("src/lib.rs", SHOP)
        .file("src/users.rs", USERS)
        .file(
            "tests/served.rs",
            &SERVED.replace("PACKAGE", &name.replace("-", "_")),
        )
        .write()
}

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

const SERVICE: &str = r#"use axum::Router;
use axum::routing::{delete, get};

async fn list() {}

async fn remove() {}

fn api() -> Router {
    Router::new().route("/users", get(list).delete(remove))
}

fn main() {
    let _app: Router = Router::new()
        .nest("/v1", api())
        .route("/stock", delete(stock::clear))
        .route("/up", get(|| async { "up" }));
    loop {
        std::thread::park();
    }
}
"#;

#[test]
fn a_service_that_no_test_builds_is_run_and_what_is_not_done_is_listed() {
    let member = |name: &str| {
        manifest(name, "").replace("[profile.dev]\ndebug = false\n\n[workspace]\n", "")
    };
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("the lock");
    let root = "[workspace]\nresolver = \"3\"\nmembers = [\"service\", \"stock\"]\n[profile.dev]\ndebug = false\n";
    let fixture = Fixture::new("annotate-run")
        .file("Cargo.lock", &lock)
        .file("Cargo.toml", root)
        .file(
            "service/Cargo.toml",
            &format!("{}stock = {{ path = \"../stock\" }}\n", member("service")),
        )
        .file("service/src/main.rs", SERVICE)
        .file("stock/Cargo.toml", &member("stock"))
        .file("stock/src/lib.rs", "pub async fn clear() {}\n")
        .write();
    let run = format!("{:?} run --offline --quiet -p service", env!("CARGO"));
    let ran = annotate(&fixture, &["-p", "service", "--run", &run]).expect_code(100);
    expect![[r#"
        edited service/src/main.rs
        edited service/Cargo.toml

        left to do: members that depend on `axum` were not selected: stock
          --> Cargo.toml
          = help: `route-audit init --annotate --package stock`, with the same `--source`

        left to do: `main` builds its router among other things, where no test can call it
          --> service/src/main.rs:14
          = help: in `main` write `routes()` for the router, which becomes a function of its own:

              #[session_auth::audited_router]
              fn routes() -> session_auth::Router {
                  Router::new()
                      .nest("/v1", api())
                      .route(
                          "/stock",
                          delete(session_auth::session(session_auth::methods::DELETE, "/stock").to(stock::clear)),
                      )
                      .route(
                          "/up",
                          get(session_auth::session(session_auth::methods::GET, "/up").to(|| async { "up" })),
                      )
              }


        2 handlers annotated, 2 left to do

        Next:
          1. Do what is left, by the list above.
          2. Protect the router where it is served: `let app = auth.protect(routes())?;`, where
             `auth` is `SessionAuthLayer::builder(Keys::from_env()?).build()?`. Until then its handlers refuse.
          3. Run `route-audit check`: it says where router and declarations disagree, and with `--fix` mends
             methods and paths.
          4. Run `route-audit init`: the lock, the configuration, a workflow.
    "#]].assert_eq(&shown(&ran.stdout, &fixture));
    expect![[r#"
        use session_auth::Router;
        use session_auth::routing::{delete, get};

        #[session_auth::session_route(GET, "/v1/users")]
        async fn list() {}

        #[session_auth::session_route(DELETE, "/v1/users")]
        async fn remove() {}

        fn api() -> Router {
            Router::new().route("/users", get(list).delete(remove))
        }

        fn main() {
            let _app: Router = Router::new()
                .nest("/v1", api())
                .route(
                    "/stock",
                    delete(session_auth::session(session_auth::methods::DELETE, "/stock").to(stock::clear)),
                )
                .route(
                    "/up",
                    get(session_auth::session(session_auth::methods::GET, "/up").to(|| async { "up" })),
                );
            loop {
                std::thread::park();
            }
        }
    "#]].assert_eq(&read(&fixture, "service/src/main.rs"));
    assert_eq!(
        read(&fixture, "stock/src/lib.rs"),
        "pub async fn clear() {}\n"
    );
    // What is left to do, done.
    let pasted = ran.stdout.split("function of its own:\n\n").nth(1);
    let pasted = pasted.and_then(|text| text.split("\n\n").next());
    let pasted = pasted.expect("the text to paste");
    let text = read(&fixture, "service/src/main.rs");
    let (before, _) = text.split_once("fn main").expect("it is there");
    let main = "fn main() {\n    let _app = routes();\n}\n";
    let text = format!("{before}{pasted}\n\n{main}");
    fs::write(fixture.root.join("service/src/main.rs"), text).expect("a file");
    fixture.run(&["check", "-p", "service"]).expect_code(0);
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
    let ran = annotate(&fixture, &[]).expect_code(100);
    assert!(
        ran.stderr
            .contains("no router was seen in the tests (it ended: exit status: 0); `--run"),
        "{}",
        ran.stderr
    );
    expect![[r#"
        edited src/lib.rs
        edited Cargo.toml

        left to do: `app` returns a router, and takes arguments that a test has to have, too
          --> src/lib.rs:18
          = help: `#[session_auth::audited_router(plain = app(..))]` says what a test has to have; where none has it: `#[session_auth::audited_router(at_start)]`

        2 handlers annotated, 1 left to do

        Next:
          1. Do what is left, by the list above.
          2. Protect the router where it is served: `let app = auth.protect(routes())?;`, where
             `auth` is `SessionAuthLayer::builder(Keys::from_env()?).build()?`. Until then its handlers refuse.
          3. Run `route-audit check`: it says where router and declarations disagree, and with `--fix` mends
             methods and paths.
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
    // What is left to do, done.
    let attribute =
        "#[session_auth::audited_router(plain = app(&Config { path: \"/computed\" }))]\n";
    let text = text.replace("pub fn app", &format!("{attribute}pub fn app"));
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

const OPEN_API: &str = r#"use axum::routing::get;
use utoipa_axum::OpenApiRouter;

async fn pets() {}

pub fn documented() -> OpenApiRouter {
    OpenApiRouter(axum::Router::new().route("/pets", get(pets)))
}
"#;

const MIXED: &str = r#"use axum::{Router, routing::get};

mod api;

async fn index() {}

fn ready() -> impl Future<Output = &'static str> + Send {
    async { "yes" }
}

macro_rules! mounted {
    ($router:expr, $path:literal) => {
        $router.route($path, get(|| async { "by a macro" }))
    };
}

pub fn app() -> Router {
    let router = Router::new()
        .route("/", get(index))
        .route("/ready", get(ready))
        .merge(api::documented().0);
    mounted!(router, "/by-a-macro")
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_served() {
        let _service = super::app().into_make_service();
    }
}
"#;

#[test]
fn what_another_crate_or_a_macro_mounts_is_left_to_do() {
    let vendored = "pub struct OpenApiRouter(pub axum::Router);\n";
    let fixture = service("annotate-mixed", "")
        .file("src/lib.rs", MIXED)
        .file("src/api.rs", OPEN_API);
    let own = manifest("annotate-mixed", "").replace(
        "\n\n[profile",
        "\nutoipa-axum = { path = \"vendor\" }\n\n[profile",
    );
    let fixture = fixture
        .file("Cargo.toml", &own)
        .file(
            "vendor/Cargo.toml",
            &manifest("utoipa-axum", "").replace("[workspace]\n", ""),
        )
        .file("vendor/src/lib.rs", vendored)
        .write();
    let ran = annotate(&fixture, &[]).expect_code(100);
    expect![[r#"
        edited src/lib.rs
        edited Cargo.toml

        left to do: members that depend on `axum` were not selected: utoipa-axum
          --> Cargo.toml
          = help: `route-audit init --annotate --package utoipa-axum`, with the same `--source`

        left to do: the file stays on axum's imports: `utoipa_axum` names axum's own router
          --> src/api.rs:1
          = help: put attributes on its handlers (`#[session_auth::session_route(GET, "/path")]`), and where its router comes out, take it in by `session_auth::Router::new().merge_axum(router)`

        left to do: a router that axum's own functions made has 1 route without a class
          --> src/lib.rs:21
          = help: put `#[session_auth::session_route(GET, "/pets")]` on the handler, or declare the route in a module: `session_auth::declare_route!(session_route(GET, "/pets"));`; or give all of its routes one class: `mount_axum(session_auth::session(session_auth::methods::ANY, "/"), router)`

        left to do: `{closure@src/lib.rs:15:34: 15:36}` has no access class (GET, "/by-a-macro")
          --> src/lib.rs:26
          = help: mount it with a class in place: `get(session_auth::session(GET, "/path").to(handler))`; a helper of your own asks for `H: session_auth::ClassifiedHandler<T, S>`

        1 handler annotated, 4 left to do

        Next:
          1. Do what is left, by the list above: until then it does not compile. Run this again.
          2. Decide on each `TODO(access)` (2): until then their class is `session`.
          3. Protect the router where it is served: `let app = auth.protect(routes())?;`, where
             `auth` is `SessionAuthLayer::builder(Keys::from_env()?).build()?`. Until then its handlers refuse.
          4. Run `route-audit check`: it says where router and declarations disagree, and with `--fix` mends
             methods and paths.
          5. Run `route-audit init`: the lock, the configuration, a workflow.
    "#]].assert_eq(&shown(&ran.stdout, &fixture));
    let text = read(&fixture, "src/lib.rs");
    assert!(text.contains(".merge_axum(api::documented().0)"), "{text}");
    assert!(
        text.contains("session_auth::session(session_auth::methods::GET, \"/ready\").to(ready)"),
        "{text}"
    );
    assert_eq!(read(&fixture, "src/api.rs"), OPEN_API);
}

#[test]
fn bad_input_is_told_and_nothing_is_changed() {
    let files = ["Cargo.toml", "src/lib.rs", "src/users.rs"];
    let refused = |name: &str, change: &dyn Fn(&Fixture), args: &[&str], said: &[&str]| {
        let fixture = shop("annotate-shop-refused");
        change(&fixture);
        let before = texts(&fixture, &files);
        let mut all = vec!["init", "--annotate"];
        all.extend(args);
        let ran = fixture.run(&all).could_not_run();
        for said in said {
            assert!(ran.stderr.contains(said), "{name}: {said}: {}", ran.stderr);
        }
        assert!(before == texts(&fixture, &files), "{name}");
    };
    let source = repository().display().to_string();
    let source = ["--source", &source];
    let put = |path: &'static str, text: &'static [u8]| {
        move |fixture: &Fixture| fs::write(fixture.root.join(path), text).expect("a file")
    };
    refused(
        "no source",
        &|_| {},
        &[],
        &["does not know where that comes from", "--source PATH"],
    );
    refused(
        "no Rust",
        &put("src/users.rs", b"fn list( {}\n"),
        &source,
        &["cannot parse the source", "src/users.rs:1"],
    );
    refused(
        "does not compile",
        &put(
            "src/users.rs",
            b"pub fn routes() -> axum::Router {\n    gone()\n}\n",
        ),
        &source,
        &[
            "the packages do not compile",
            "src/users.rs:2",
            "cannot find function `gone`",
        ],
    );
    refused(
        "a merge",
        &put(
            "src/users.rs",
            b"<<<<<<< HEAD\npub fn routes() {}\n=======\n>>>>>>> other\n",
        ),
        &source,
        &[
            "cannot parse the source",
            "src/users.rs:1",
            "finish the merge first",
        ],
    );
    refused(
        "no UTF-8",
        &put("src/users.rs", b"// \xff\n"),
        &source,
        &[
            "cannot read the source: stream did not contain valid UTF-8",
            "users.rs",
        ],
    );
    let readonly = |fixture: &Fixture, readonly: bool| {
        let path = fixture.root.join("src/users.rs");
        let mut permissions = fs::metadata(&path).expect("a file").permissions();
        permissions.set_readonly(readonly);
        fs::set_permissions(&path, permissions).expect("permissions");
    };
    refused(
        "read-only",
        &|fixture| readonly(fixture, true),
        &source,
        &[
            "cannot write src/users.rs: the file is read-only",
            "nothing was changed",
        ],
    );
    readonly(&shop("annotate-shop-refused"), false);
    // Nothing can be made below a file.
    let shop = shop("annotate-shop-refused");
    let mut command = binary(env!("CARGO_BIN_EXE_route-audit"));
    command
        .args(["init", "--annotate", "--offline"])
        .args(source)
        .env("CARGO_TARGET_DIR", shop.root.join("Cargo.toml/target"))
        .current_dir(&shop.root);
    let ran = finish(&mut command).could_not_run();
    let said = "cannot make a folder for a copy of the workspace";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

#[test]
fn a_package_on_an_older_axum_is_told_and_the_others_are_annotated() {
    let axum = "[package]\nname = \"axum\"\nversion = \"0.7.9\"\nedition = \"2024\"\n";
    let member = |name: &str, dependencies: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}"
        )
    };
    let newer = "axum = { version = \"0.8\", default-features = false }\n";
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("the lock");
    let fixture = Fixture::new("annotate-older")
        .file("Cargo.lock", &lock)
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"older\", \"both\"]\nexclude = [\"axum\"]\n",
        )
        .file("older/Cargo.toml", &member("older", "axum = { path = \"../axum\" }\n"))
        .file("older/src/lib.rs", "")
        .file(
            "both/Cargo.toml",
            &member(
                "both",
                &format!("a-old = {{ package = \"axum\", path = \"../axum\" }}\n{newer}"),
            ),
        )
        .file("both/src/lib.rs", UNNESTED)
        .file("axum/Cargo.toml", axum)
        .file("axum/src/lib.rs", "")
        .write();
    let ran = annotate(&fixture, &["-p", "older"]).could_not_run();
    let said = "the package `older` is on axum 0.7.9";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let ran = annotate(&fixture, &[]).expect_code(100);
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    let text = read(&fixture, "both/src/lib.rs");
    assert!(text.contains("session_route(GET, \"/users\")"), "{text}");
}

const UNNESTED: &str = r#"use axum::{Router, routing::get};

async fn list() {}

pub fn app() -> Router {
    Router::new().route("/users", get(list))
}
"#;

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

const BUILDERS: &str = r#"use axum::{Router, routing::get};

async fn listed() {}

async fn never() {}

async fn opened() {}

fn part() -> Router {
    Router::new().route("/opened", get(opened))
}

pub fn reads_its_surroundings() -> Router {
    std::env::var("ANNOTATE_BUILDERS_URL").expect("ANNOTATE_BUILDERS_URL");
    Router::new().nest("/a", Router::new().route("/listed", get(listed)))
}

pub fn never_returns() -> Router {
    loop {
        std::thread::park();
    }
    #[expect(unreachable_code)]
    Router::new().nest("/b", Router::new().route("/never", get(never)))
}

pub fn opens_sockets() -> Router {
    std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a socket");
    Router::new().nest("/c", part())
}
"#;

#[test]
fn builders_that_no_test_can_call_are_left_to_do() {
    let fixture = service("annotate-builders", "")
        .file("src/lib.rs", BUILDERS)
        .write();
    let ran = annotate(&fixture, &["--timeout", "5"]).expect_code(100);
    let (left, _) = ran.stdout.split_once("\nNext").expect("what is next");
    expect![[r#"
        edited src/lib.rs
        edited Cargo.toml

        left to do: router `reads_its_surroundings` (src/lib.rs:16) could not be built: it panicked at src/lib.rs:14: ANNOTATE_BUILDERS_URL: NotPresent; where it needs arguments, give them in the attribute: `#[audited_router(plain = reads_its_surroundings(&Config::test()))]`; where it needs what no test has, write `#[audited_router(at_start)]`
          --> src/lib.rs:16
          = help: put the attribute above it that fits: `#[session_auth::audited_router(plain = reads_its_surroundings(..))]` says what a test has to have; where none has it: `#[session_auth::audited_router(at_start)]`

        left to do: `never_returns` has returned no router to a test; it was stopped after 5 s
          --> src/lib.rs:21
          = help: put the attribute above it that fits: `#[session_auth::audited_router(plain = never_returns(..))]` says what a test has to have; where none has it: `#[session_auth::audited_router(at_start)]`

        3 handlers annotated, 2 left to do
    "#]]
    .assert_eq(&shown(left, &fixture));
    let text = read(&fixture, "src/lib.rs");
    for said in [
        "session_route(GET, \"/listed\")]",
        "session_route(GET, \"/never\")]",
        "session_route(GET, \"/c/opened\")]",
        "#[session_auth::audited_router]\npub fn opens_sockets",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(text.matches("audited_router").count(), 1, "{text}");
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_leaves_the_sources_as_they_were() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    // The test waits for ever.
    let test = "#[test]\nfn waits() {\n    loop {\n        std::thread::park();\n    }\n}\n";
    let fixture = service("annotate-killed", "")
        .file("src/lib.rs", UNNESTED)
        .file("tests/waits.rs", test)
        .write();
    let files = ["Cargo.toml", "src/lib.rs", "tests/waits.rs"];
    let before = texts(&fixture, &files);
    let mut command = binary(env!("CARGO_BIN_EXE_route-audit"));
    let source = repository().display().to_string();
    command.args(["init", "--annotate", "--offline", "--source", &source]);
    let mut child = command
        .current_dir(&fixture.root)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut lines = stderr.lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.contains("running the tests in a copy")),
        "it has come to the tests"
    );
    child.kill().expect("it is killed");
    child.wait().expect("it has ended");
    assert!(before == texts(&fixture, &files));
    annotate(&fixture, &["--timeout", "5"]).expect_code(0);
    let text = read(&fixture, "src/lib.rs");
    assert!(text.contains("session_route(GET, \"/users\")"), "{text}");
}
