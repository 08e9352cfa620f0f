#![deny(warnings)]

use session_auth::audit::{self, Code};
use session_auth::routing::{MethodRouter, delete, get, post, put};
use session_auth::{Router, public_route, session_route};

#[session_route(GET, "/items")]
async fn list() {}

#[public_route(POST, "/items", reason = "anyone may add one")]
async fn create() {}

#[session_route(GET)]
async fn page() -> &'static str {
    "page"
}

mod paths {
    pub const ITEM: &str = "/items/{id}";
}

#[session_route(PUT)]
async fn edit() {}

#[session_route(DELETE)]
async fn remove() {}

fn main() {
    // Two classes on one path, in two steps.
    let mut items = get(list);
    items = items.post(create);

    let table: [(&str, fn() -> MethodRouter); 2] =
        [(paths::ITEM, || put(edit)), ("/all", || delete(remove))];

    let mut routes: Router = Router::new().route("/items", items);
    for language in ["en", "de"] {
        routes = routes.route(&format!("/{language}/page"), get(page));
    }
    for (path, method_router) in table {
        routes = routes.route(path, method_router());
    }
    if cfg!(any()) {
        routes = routes.route("/never", post(create));
    }
    let methods = [get(page), post(create)];
    let merged = methods.into_iter().fold(MethodRouter::new(), MethodRouter::merge);
    let swapped: Router = routes.clone().nest("/swapped", Router::new().route("/items", merged));

    audit::assert_classified(&routes);
    let findings = audit::check(&swapped).expect("a router");
    assert!(findings.iter().any(|finding| finding.code == Code::WrongHandler), "{findings:#?}");
}
