//! What is printed to be pasted: a router becomes a function of its own.

use std::fs;

use expect_test::expect;

use super::{annotate, read, service, shown};
use crate::support::start;

const LOCAL: &str = r#"use axum::extract::{Extension, State};
use axum::{Router, routing::get};

mod shop {
    #[derive(Clone)]
    pub struct Shop {
        pub name: &'static str,
    }

    pub fn open() -> Shop {
        Shop { name: "corner" }
    }
}

async fn name(State(shop): State<shop::Shop>) -> &'static str {
    shop.name
}

fn main() {
    let state = shop::open();
    let _app: Router = Router::new()
        .route("/name", get(name))
        .route_layer(Extension(state.clone()))
        .with_state(state);
    loop {
        std::thread::park();
    }
}
"#;

#[test]
fn a_router_that_takes_a_value_of_main_is_printed_with_the_type_of_its_state() {
    let fixture = service("annotate-local", "")
        .file("src/main.rs", LOCAL)
        .write();
    let run = format!("{:?} run --offline --quiet", env!("CARGO"));
    let ran = annotate(&fixture, &["--run", &run]).expect_code(100);
    let (left, _) = ran.stdout.split_once("\nNext").expect("what is next");
    expect![[r#"
        edited src/main.rs
        edited Cargo.toml

        left to do: `main` builds its router among other things, where no test can call it
          --> src/main.rs:20
          = help: in `main` write `routes(&state).with_state(state)` for the router, which becomes a function of its own. It is audited when the program protects it, by `route-audit check --run "COMMAND"`; where a test has `state`, by `plain = routes(..)` in place of `at_start`:

              #[session_auth::audited_router(at_start)]
              fn routes(state: &crate::shop::Shop) -> session_auth::Router<crate::shop::Shop> {
                  Router::new()
                      .route("/name", get(name))
                      .route_layer(Extension(state.clone()))
              }


        1 handler annotated, 1 left to do
    "#]].assert_eq(&shown(left, &fixture));
    // What is left to do, done.
    let pasted = ran.stdout.split("in place of `at_start`:\n\n").nth(1);
    let pasted = pasted.and_then(|text| text.split("\n\n").next());
    let pasted = pasted.expect("the text to paste");
    let text = read(&fixture, "src/main.rs");
    let (before, _) = text.split_once("fn main").expect("it is there");
    let main = "fn main() {\n    let keys = session_auth::Keys::random().expect(\"keys\");\n    \
                let auth = session_auth::SessionAuthLayer::builder(keys).build().expect(\"a layer\");\n    \
                let state = shop::open();\n    \
                let _app = auth.protect(routes(&state).with_state(state)).expect(\"an app\");\n}\n";
    let text = format!("{before}{pasted}\n\n{main}");
    fs::write(fixture.root.join("src/main.rs"), text).expect("a file");
    fixture.run(&["check", "--run", &start()]).expect_code(0);
}

const PARTS: &str = r#"use axum::extract::Extension;

mod users {
    use axum::{Router, routing::get};

    async fn list() {}

    pub fn router() -> Router {
        Router::new().route("/users", get(list))
    }
}

mod auth {
    use axum::{Router, routing::post};

    async fn login() {}

    pub fn router() -> Router {
        Router::new().route("/login", post(login))
    }
}

struct App {
    name: String,
}

impl App {
    fn serve(self) {
        let name = Extension(self.name);
        let app = users::router().merge(auth::router()).layer(name);
        let _service = app.into_make_service();
    }
}

fn main() {
    App { name: "parts".to_owned() }.serve();
}
"#;

#[test]
fn a_router_that_begins_with_a_part_is_printed_whole() {
    let fixture = service("annotate-parts", "")
        .file("src/main.rs", PARTS)
        .write();
    let ran = annotate(&fixture, &[]).expect_code(100);
    let (left, _) = ran.stdout.split_once("\nNext").expect("what is next");
    expect![[r#"
        edited src/main.rs
        edited Cargo.toml

        left to do: `serve` builds its router among other things, where no test can call it
          --> src/main.rs:31
          = help: in `serve` write `routes().layer(name)` for the router, which becomes a function of its own:

              #[session_auth::audited_router]
              fn routes() -> session_auth::Router {
                  users::router().merge(auth::router())
              }


        2 handlers annotated, 1 left to do
    "#]].assert_eq(&shown(left, &fixture));
    // What is left to do, done.
    let pasted = ran.stdout.split("function of its own:\n\n").nth(1);
    let pasted = pasted.and_then(|text| text.split("\n\n").next());
    let pasted = pasted.expect("the text to paste");
    let text = read(&fixture, "src/main.rs");
    let text = text.replace("users::router().merge(auth::router())", "routes()");
    let text = text.replace("fn main", &format!("{pasted}\n\nfn main"));
    let text = text.replace("app.into_make_service()", "session_auth::Router::from(app)");
    fs::write(fixture.root.join("src/main.rs"), text).expect("a file");
    fixture.run(&["check"]).expect_code(0);
}
