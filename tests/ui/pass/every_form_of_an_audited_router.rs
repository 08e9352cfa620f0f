#![deny(warnings)]

use session_auth::routing::get;
use session_auth::{
    Audited, Keys, Router, SessionAuthLayer, audited_router, declare_route, public_route,
};

declare_route!(public_route(GET, "/metrics", reason = "scraped on a private port"));

#[public_route(GET, "/health", reason = "liveness probe")]
async fn health() {}

struct Config {
    prefix: &'static str,
}

impl Config {
    async fn load() -> Self {
        Self { prefix: "" }
    }
}

#[audited_router]
fn of_axum<'a>() -> axum::Router<&'static str> {
    axum::Router::new().route("/metrics", axum::routing::get(async || "up 1"))
}

#[audited_router(plain = with_arguments(&Config { prefix: "" }, 1), below = { let prefix = "/below"; with_arguments(&Config { prefix }, 2) })]
fn with_arguments(Config { prefix }: &Config, mut count: u8) -> Router {
    count += 1;
    assert!(count > 0);
    Router::new().mount(health).under(prefix)
}

#[audited_router]
async fn awaited() -> Router {
    std::future::ready(Router::new().mount(health)).await
}

#[audited_router(test = fallible(Config::load().await), r#match = { let config = Config::load().await; fallible(config).await })]
async fn fallible(config: Config) -> Result<Router, String> {
    if config.prefix.is_empty() { Ok(Router::new().mount(health)) } else { Err("no prefix".into()) }
}

type Worker = std::future::Ready<()>;

#[audited_router]
fn with_a_worker() -> Result<(Router<u8>, Worker, u8), std::convert::Infallible> {
    Ok((Router::new().mount(health), std::future::ready(()), 7))
}

#[audited_router(of_units = generic::<u8>(None))]
fn generic<S>(first: Option<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    drop(first);
    Router::new().route("/health", get(health))
}

#[audited_router(at_start)]
fn at_start(routes: impl Fn() -> Router) -> Router {
    routes()
}

#[audited_router]
#[tracing::instrument]
#[must_use]
pub(crate) fn r#type() -> Router {
    Router::new().mount(health)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let auth = SessionAuthLayer::builder(Keys::random()?).build()?;
    let below = with_arguments(&Config { prefix: "/below" }, 1);
    let result: Result<Audited, String> = fallible(Config::load().await).await;
    let (with_a_worker, worker, seven) = with_a_worker()?;
    worker.await;
    assert_eq!(seven, 7);
    for audited in [
        of_axum().with_state("state"),
        below,
        awaited().await,
        result?,
        with_a_worker.with_state(1),
        generic(Some("state")).with_state(""),
        at_start(|| Router::new().mount(health)),
        r#type(),
    ] {
        let _ = auth.protect(audited)?;
    }
    // The state is inferred, as where nothing stands between the two.
    let _ = auth.protect(generic(Some("state")).with_state(""))?;
    Ok(())
}
