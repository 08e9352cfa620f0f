#![deny(warnings)]

use axum::middleware::{Next, from_fn};
use session_auth::Router;
use session_auth::audit::assert_classified;
use session_auth::routing::{get, post};
use session_auth::{public_route, session_route};

#[session_route(GET, "/me")]
async fn me() {}

#[public_route(POST, "/login", reason = "test")]
async fn login(body: String) -> String {
    body
}

async fn middleware(request: axum::extract::Request, next: Next) -> axum::response::Response {
    next.run(request).await
}

mod by_axums_trait {
    use super::*;
    use axum::handler::Handler;

    pub fn routes() -> Router {
        Router::new()
            .route("/me", get(me.layer(from_fn(middleware))))
            .mount(login.layer(from_fn(middleware)))
    }
}

mod by_ours {
    use super::*;
    use session_auth::ClassifiedHandler;

    pub fn routes() -> Router {
        Router::new()
            .mount(me.layer(from_fn(middleware)))
            .route("/login", post(login.layer(from_fn(middleware))))
    }

    // A bound on our trait alone is enough.
    pub fn layered<H, T>(handler: H) -> Router
    where
        H: ClassifiedHandler<T, ()>,
        T: 'static,
    {
        Router::new().mount(ClassifiedHandler::layer(handler, from_fn(middleware)))
    }
}

fn main() {
    assert_classified(&by_axums_trait::routes());
    assert_classified(&by_ours::routes());
    assert_classified(&by_ours::layered(me));
}
