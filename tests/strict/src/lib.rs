//! A service under every lint: nothing is said of what the macros make.
extern crate alloc;

use alloc::string::String;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get as axums_get;
use core::future::{Future, ready};
use session_auth::routing::{get, post};
use session_auth::{
    Audited, AuditedOf, Classified, Declaration, Router, Session, Sessions, audited_router,
    declare_route, public_route, session_route, webhook_route,
};

/// The state.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct App;

/// What the router is built with.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Config;

declare_route!(public_route(
    GET,
    "/metrics",
    reason = "scraped on a private port",
    owner = "operations"
));
declare_route!(session_route(
    ANY,
    "/console",
    subtree,
    reason = "the vendor's console"
));

/// Signs up.
#[public_route(
    GET | POST,
    "/join/{plan}",
    "/signup/{plan}",
    reason = "visitors have no account",
    until = "2099-12-31",
    issues_session,
    optional_session
)]
async fn signup(
    State(app): State<App>,
    Path(plan): Path<String>,
    session: Option<Session>,
    _: Sessions,
) -> Result<String, StatusCode> {
    let App = app;
    match session {
        Some(_) => Err(StatusCode::CONFLICT),
        None => Ok(plan),
    }
}

/// A delivery.
#[webhook_route(
    POST,
    "/hooks/mail",
    verify = "mail",
    expect_every = "6h",
    max_body = "1MiB"
)]
async fn mail(State(App): State<App>, body: String) -> StatusCode {
    if body.is_empty() {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::NO_CONTENT
    }
}

/// Who is signed in.
#[session_route(GET, "/me", scope = "admin", owner = "accounts")]
pub async fn me(session: Session) -> String {
    session.subject().to_owned()
}

/// The style sheet of this build.
#[session_route(GET, glob = "/style.*.css")]
async fn style() -> &'static str {
    "body {}"
}

/// Removes a user.
#[session_route(DELETE, "/users/{id}")]
async fn delete_user<S>(Path(id): Path<u64>, State(state): State<S>) -> StatusCode
where
    S: Clone + Send + Sync + 'static,
{
    drop((id, state));
    StatusCode::NO_CONTENT
}

/// Nothing is there.
#[public_route(FALLBACK, reason = "the 404 page")]
async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// What another crate builds.
fn vendor() -> axum::Router<App> {
    axum::Router::new()
        .route("/metrics", axums_get(async || "up 1"))
        .nest_service("/console", axums_get(async || "console"))
}

/// All routes.
#[must_use]
#[audited_router(plain = routes(&Config))]
pub fn routes(config: &Config) -> Router<App> {
    let Config = *config;
    Router::new()
        .mount(signup)
        .route("/hooks/mail", post(mail))
        .route("/me", get(me))
        .route("/style.0a1b.css", get(style))
        .mount(delete_user::<App>)
        .fallback(not_found)
        .merge_axum(vendor())
}

/// All routes, as a service builds them that waits for something.
///
/// # Errors
///
/// None here.
#[audited_router(at_start)]
pub async fn routes_later() -> Result<(Router<App>, App), StatusCode> {
    let routes: Router<App> = ready(routes(&Config)).await.into();
    Ok((routes, App))
}

/// The state is given later.
pub fn with_state(app: App) -> Audited {
    routes(&Config).with_state(app)
}

// What follows has in scope what the macros name by its whole path, which would be a qualification
// too many if a lint saw it.

/// The same once more.
#[must_use]
pub fn again() -> AuditedOf<Router<App>> {
    routes(&Config)
}

/// What the program declares.
#[must_use]
pub fn declared() -> Option<&'static Declaration> {
    session_auth::declarations().first().copied()
}

/// Calls a handler.
pub async fn call<D, F>(handler: Classified<D, F>) -> F::Output
where
    F: Future + Send,
    D: Send,
{
    handler.await
}
