//! What is told, followed to a clean audit.

use std::fs;

use super::{annotate, read, service};

const BASED: &str = r#"use axum::{Router, routing::get};

async fn list() {}

pub fn app() -> Router {
    let base = std::env::var("ANNOTATE_BASED_PATH").unwrap_or_else(|_| "/tool".to_owned());
    Router::new().nest(&base, Router::new().route("/users", get(list)))
}
"#;

#[test]
fn a_prefix_of_the_configuration_is_proposed_to_go_around_everything() {
    let fixture = service("annotate-based", "")
        .file("src/lib.rs", BASED)
        .write();
    let ran = annotate(&fixture, &[]).expect_code(0);
    for said in [
        "The path of `nest` is computed (src/lib.rs:9)",
        "by `routes.under(prefix)`: then no declaration has it. `check --fix` takes it out of them.",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    let text = read(&fixture, "src/lib.rs");
    assert!(
        text.contains("session_route(GET, \"/tool/users\")"),
        "{text}"
    );
    // As it is told.
    let nested = "Router::new().nest(&base, Router::new().route(\"/users\", get(list)))";
    let under = "Router::new().route(\"/users\", get(list)).under(&base)";
    fs::write(fixture.root.join("src/lib.rs"), text.replace(nested, under)).expect("a file");
    fixture.run(&["check", "--fix"]).expect_code(0);
    let text = read(&fixture, "src/lib.rs");
    assert!(text.contains("session_route(GET, \"/users\")"), "{text}");
}

const THROUGH: &str = r#"use axum::handler::Handler;
use axum::{
    Router,
    routing::{MethodRouter, get},
};

pub trait Page {
    const PATH: &'static str;
}

struct Orders;

impl Page for Orders {
    const PATH: &'static str = "/orders";
}

async fn orders() {}

async fn parts() {}

fn read<H, T>(handler: H) -> MethodRouter
where
    H: Handler<T, ()>,
    T: 'static,
{
    get(handler)
}

fn with<P: Page>(router: Router, methods: MethodRouter) -> Router {
    router.route(P::PATH, methods)
}

pub fn app() -> Router {
    let router = with::<Orders>(Router::new(), get(orders));
    Router::new().nest("/api", router.route("/parts", read(parts)))
}
"#;

#[test]
fn routes_are_seen_through_helpers_and_a_helper_of_handlers_is_told_what_to_ask_for() {
    let fixture = service("annotate-through", "")
        .file("src/lib.rs", THROUGH)
        .write();
    let ran = annotate(&fixture, &[]).expect_code(100);
    let told = "a helper of your own asks for `H: session_auth::ClassifiedHandler<T, S>`";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    let text = read(&fixture, "src/lib.rs");
    for said in [
        "#[session_auth::session_route(GET, \"/api/orders\")]\nasync fn orders",
        "#[session_auth::session_route(GET, \"/api/parts\")]\nasync fn parts",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // As it is told, and again.
    let text = text.replace(
        "H: Handler<T, ()>",
        "H: session_auth::ClassifiedHandler<T, ()>",
    );
    let text = text.replace("use axum::handler::Handler;\n", "");
    fs::write(fixture.root.join("src/lib.rs"), text).expect("a file");
    annotate(&fixture, &[]).expect_code(0);
    fixture.run(&["check"]).expect_code(0);
}
