#![deny(warnings)]

use std::collections::HashMap;
use std::sync::LazyLock;

use session_auth::audit::assert_classified;
use session_auth::routing::get;
use session_auth::{Audited, Router, audited_router, public_route};

#[public_route(GET, "/a", reason = "test")]
async fn a() {}

#[public_route(GET, "/b", reason = "test")]
async fn b() {}

fn of_any_state<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    Router::new().route("/a", get(a))
}

fn of_another<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::<String>::new().mount(b).with_state(String::new())
}

static ROUTES: LazyLock<Router> = LazyLock::new(|| Router::new().merge(of_any_state()).mount(b));

#[audited_router]
fn of_a_static() -> Router {
    ROUTES.clone()
}

struct App {
    public: Option<Router>,
    by_port: HashMap<u16, Router>,
}

fn main() {
    let builders: [fn() -> Router<u8>; 2] = [of_any_state, of_another];
    let all: Router<u8> = builders.into_iter().map(|build| build()).fold(Router::new(), Router::merge);
    assert_classified(&all);
    let all: Router = all.with_state(1);
    assert_classified(&all);

    let nested: Router = Router::new().nest("/below", of_a_static());
    let merged = Router::default().merge(of_a_static());
    assert_classified(&merged);
    let audited: Audited = of_a_static();
    let again: Router = audited.into();

    let mut app = App { public: Some(again), by_port: HashMap::from([(80, nested)]) };
    assert!(app.public.take().is_some_and(|router| router.has_routes()));
    assert!(app.by_port.contains_key(&80));

    let axums: axum::Router = merged.into_axum();
    let _: axum::Router = axums.merge(Router::new());
}
