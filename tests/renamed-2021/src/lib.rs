//! Every macro, in a crate of edition 2021 that calls session-auth `auth` and allows itself nothing.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(missing_docs, unreachable_pub, unused, nonstandard_style)]

use auth::{audited_router, declare_route, public_route, session_route, webhook_route};
use axum::extract::Path;
use axum::routing::{get, post};

/// A public handler.
#[public_route(GET | POST, "/health", reason = "liveness probe", owner = "platform")]
pub async fn health() -> &'static str {
    "ok"
}

/// A webhook.
#[webhook_route(
    POST,
    "/hooks/mail",
    verify = "mail",
    expect_every = "6h",
    max_body = "1MiB",
    until = "2096-02-29"
)]
pub async fn mail(body: String) -> String {
    body
}

/// A handler that needs a session, generic and with a parameter.
#[session_route(GET, "/echo/{text}", scope = "echo")]
pub async fn echo<T: Clone + Send + 'static>(Path(text): Path<String>) -> String {
    text
}

/// A fallback.
#[public_route(FALLBACK, reason = "the 404 page")]
pub async fn not_found() -> axum::http::StatusCode {
    axum::http::StatusCode::NOT_FOUND
}

/// A public handler with both flags.
#[public_route(POST, "/login", reason = "logs in", issues_session, optional_session)]
pub async fn login() {}

// Never mounted, never called, and declared all the same: the audit has to see it.
#[allow(dead_code)]
#[session_route(ANY, "/never")]
async fn never_called() {}

/// Borrows: no extractor does, but a function may.
#[public_route(GET, "/borrowed", reason = "shows lifetimes")]
pub async fn borrowed<'a>(left: &'a str, right: &str) -> (&'a str, usize) {
    (left, right.len())
}

declare_route!(public_route(
    GET,
    "/metrics",
    reason = "scraped on a private port"
));
declare_route!(session_route(
    ANY,
    "/assets",
    subtree,
    reason = "the site's style sheets"
));

/// A router that is audited.
#[audited_router]
pub fn routes() -> axum::Router {
    with_prefix("")
}

/// A router that takes an argument.
pub fn with_prefix(prefix: &str) -> axum::Router {
    axum::Router::new()
        .route(&format!("{prefix}/health"), get(health).post(health))
        .route(&format!("{prefix}/hooks/mail"), post(mail))
        .route(&format!("{prefix}/echo/{{text}}"), get(echo::<u8>))
        .fallback(not_found)
}

auth::audit::audited_router!(at_the_root = crate::with_prefix(""));
