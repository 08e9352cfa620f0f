//! What is left to do.

use std::fs;

use expect_test::expect;

use super::{annotate, manifest, read, repository, service, shown};
use crate::support::Fixture;

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

const TICKETS: &str = r#"use axum::{Router, routing::{any, get}};

pub async fn list<T>() {}

async fn missing() {}

mod get {
    pub async fn one() {}
}

mod put {
    pub async fn one() {}
}

pub fn routes() -> Router {
    let known = ["/a", "/b"].iter().any(|path| path.len() > 1);
    assert!(known);
    Router::new()
        .route("/tickets", get(self::list::<u8>).put(|| async { "put" }))
        .route("/any", any(|| async { [1].iter().any(|one| *one == 1).to_string() }))
        .route("/one", get(self::get::one).put(put::one))
        .fallback(missing)
}

#[cfg(test)]
mod tests {
    fn toy() -> axum::Router {
        axum::Router::new().route("/toy", axum::routing::get(|| async {}))
    }
}
"#;

#[test]
fn a_service_that_no_test_builds_is_run_and_what_is_not_done_is_listed() {
    let member = |name: &str| {
        manifest(name, "").replace("[profile.dev]\ndebug = false\n\n[workspace]\n", "")
    };
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("the lock");
    let root = "[workspace]\nresolver = \"3\"\nmembers = [\"service\", \"stock\", \"desk\"]\n[profile.dev]\ndebug = false\n";
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
        .file("desk/Cargo.toml", &member("desk"))
        .file("desk/src/main.rs", "mod tickets;\nfn main() {}\n")
        .file("desk/src/tickets.rs", TICKETS)
        .write();
    let run = format!("{:?} run --offline --quiet -p service", env!("CARGO"));
    let ran = annotate(&fixture, &["-p", "service", "--run", &run]).expect_code(100);
    expect![[r#"
        edited service/src/main.rs
        edited service/Cargo.toml

        left to do: members that depend on `axum` were not selected: desk, stock
          --> Cargo.toml
          = help: `route-audit init --annotate --package desk --package stock`, with the same `--source`. It gives a class to what they mount:

              desk/src/tickets.rs:3: `list`
              desk/src/tickets.rs:5: `missing`
              desk/src/tickets.rs:8: `one`
              desk/src/tickets.rs:12: `one`
              desk/src/tickets.rs:19: a closure
              desk/src/tickets.rs:20: a closure

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

const MENU: &str = r#"use axum::{Router, routing::get};

async fn dishes() {}

pub fn app() -> Router {
    Router::new().nest("/api", Router::new().route("/dishes", get(dishes)))
}

pub mod menu {
    /// Of another kind.
    pub struct Router;

    pub fn menu() -> Router {
        Router
    }

    pub fn of(_day: u8) -> Router {
        Router
    }
}
"#;

#[test]
fn what_cannot_be_audited_keeps_nothing_else_from_it() {
    let fixture = service("annotate-menu", "")
        .file("src/lib.rs", MENU)
        .write();
    let ran = annotate(&fixture, &[]).expect_code(100);
    let (left, _) = ran.stdout.split_once("\nNext").expect("what is next");
    expect![[r#"
        edited src/lib.rs
        edited Cargo.toml

        left to do: what `menu` returns cannot be audited: `#[audited_router]` goes on a function that returns a router, and not `menu::Router`
          --> src/lib.rs:15
          = help: if there is a router of axum's in it, return that; if not, there is nothing to do

        left to do: what `of` returns cannot be audited: `#[audited_router]` goes on a function that returns a router, and not `menu::Router`
          --> src/lib.rs:19
          = help: if there is a router of axum's in it, return that; if not, there is nothing to do

        1 handler annotated, 2 left to do
    "#]].assert_eq(&shown(left, &fixture));
    let expected = MENU
        .replace("axum::", "session_auth::")
        .replace(
            "async fn dishes",
            "#[session_auth::session_route(GET, \"/api/dishes\")]\nasync fn dishes",
        )
        .replace("pub fn app", "#[session_auth::audited_router]\npub fn app");
    assert_eq!(read(&fixture, "src/lib.rs"), expected);
    fixture.run(&["check"]).expect_code(0);
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
          --> src/lib.rs:29
          = help: put `#[session_auth::session_route(GET, "/pets")]` on the handler, or declare the route in a module: `session_auth::declare_route!(session_route(GET, "/pets"));`; or give all of its routes one class: `mount_axum(session_auth::session(session_auth::methods::ANY, "/"), router)`

        left to do: a closure has no access class (GET, "/by-a-macro")
          --> src/lib.rs:30
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

        left to do: `reads_its_surroundings` could not be built in a test: it panicked: ANNOTATE_BUILDERS_URL: NotPresent
          --> src/lib.rs:17
          = help: put the attribute above `reads_its_surroundings` that fits: `#[session_auth::audited_router(plain = reads_its_surroundings(..))]` says what a test has to have; where none has it: `#[session_auth::audited_router(at_start)]`

        left to do: `never_returns` has returned no router to a test; it was stopped after 5 s
          --> src/lib.rs:21
          = help: put the attribute above `never_returns` that fits: `#[session_auth::audited_router(plain = never_returns(..))]` says what a test has to have; where none has it: `#[session_auth::audited_router(at_start)]`

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
