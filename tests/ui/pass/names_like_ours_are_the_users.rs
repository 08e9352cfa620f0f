#![deny(warnings)]

use session_auth::audit::assert_classified;
use session_auth::routing::get;
use session_auth::{Router, audited_router, public_route};

/// Neither a router of axum's nor of ours.
#[derive(Default)]
struct EventRouter {
    routes: Vec<&'static str>,
}

impl EventRouter {
    fn route(mut self, event: &'static str, handler: fn()) -> Self {
        handler();
        self.routes.push(event);
        self
    }

    fn nest(self, _: &str, _: Self) -> Self {
        self
    }
}

macro_rules! log_route {
    ($path:expr) => {
        println!("mounting {}", $path)
    };
}

macro_rules! health_route {
    ($router:expr) => {
        $router.route("/health", get(health))
    };
}

#[public_route(GET, "/health", reason = "liveness probe")]
async fn health() {}

#[audited_router]
fn routes() -> Router {
    log_route!("/health");
    health_route!(Router::new())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let events = EventRouter::default()
        .route("signup", || {})
        .nest("/", EventRouter::default());
    assert_eq!(events.routes, ["signup"]);
    let router = routes();
    tokio::select! {
        () = async { assert_classified(&router) } => {}
        () = std::future::pending() => {}
    }
}
