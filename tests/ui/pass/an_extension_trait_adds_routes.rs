#![deny(warnings)]

use session_auth::audit::assert_classified;
use session_auth::routing::{MethodRouter, get};
use session_auth::{ClassifiedHandler, Router, public_route, session_route};

#[public_route(GET, "/health", reason = "liveness probe")]
async fn health() {}

#[session_route(GET | POST, "/items")]
async fn items(_body: String) {}

trait RouterExt<S>: Sized {
    fn with_health(self) -> Self;
    fn both<H, T>(self, path: &str, handler: H) -> Self
    where
        H: ClassifiedHandler<T, S>,
        T: 'static;
}

impl<S: Clone + Send + Sync + 'static> RouterExt<S> for Router<S> {
    fn with_health(self) -> Self {
        self.route("/health", get(health))
    }

    fn both<H, T>(self, path: &str, handler: H) -> Self
    where
        H: ClassifiedHandler<T, S>,
        T: 'static,
    {
        self.route(path, both(handler))
    }
}

fn both<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: ClassifiedHandler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    get(handler.clone()).post(handler)
}

trait Module {
    fn routes(&self) -> Router<u8>;
}

struct Items;

impl Module for Items {
    fn routes(&self) -> Router<u8> {
        Router::new().both("/items", items)
    }
}

fn main() {
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Items)];
    let routes: Router<u8> = modules
        .iter()
        .fold(Router::new(), |all, module| all.merge(module.routes()))
        .with_health();
    assert_classified(&routes);
    let _: Router = routes.with_state(1);
}
