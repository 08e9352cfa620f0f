#![deny(warnings)]

use session_auth::{declarations, declare_route, public_route, session_route, webhook_route};

#[public_route(
    GET | HEAD | POST | PUT | PATCH | DELETE | OPTIONS | TRACE | CONNECT,
    r"/all/{one}/{{literal}}/{*rest}",
    reason = "one\
              line, \"quoted\"",
)]
async fn all() {}

#[public_route(FALLBACK, reason = "the 404 page")]
async fn fallback() {}

#[session_route(FALLBACK, "/staff/{team}")]
async fn nested_fallback() {}

#[session_route(GET, "/one", "/two/{id}", "/two", scope = "s")]
async fn several_paths() {}

#[session_route(GET | PUT)]
async fn no_path() {}

#[webhook_route(POST, "/handler/{token}", verify = "handler", reason = "compares the token in the path")]
async fn by_handler() {}

#[session_route(ANY, "/", reason = "home of those logged in", owner = "web")]
async fn any() {}

declare_route!(webhook_route(POST, "/plain", verify = "v"));
declare_route! { session_route(ANY, "/", subtree, reason = "everything else", scope = "admin",) }

fn main() {
    declare_route!(public_route(GET, "/in-a-function", reason = "test"));

    let _ = (all, fallback, nested_fallback, several_paths, no_path, by_handler, any);
    let targets: Vec<_> = declarations().iter().map(|d| d.target().to_string()).collect();
    assert_eq!(
        targets,
        [
            "GET | HEAD | POST | PUT | PATCH | DELETE | OPTIONS | TRACE | CONNECT /all/{one}/{{literal}}/{*rest}",
            "FALLBACK",
            "FALLBACK /staff/{team}",
            "GET /one, /two/{id}, /two",
            "GET | PUT",
            "POST /handler/{token}",
            "ANY /",
            "POST /plain",
            "ANY /**",
            "GET /in-a-function",
        ]
    );
    assert_eq!(declarations()[0].reason(), Some("oneline, \"quoted\""));
}
