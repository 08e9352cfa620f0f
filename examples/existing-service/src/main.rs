//! A service that existed before, with nested routers, static files and a router of another crate,
//! under session-auth: `Router` and `routing` were axum's, handlers have an attribute, and what has no
//! place for one is declared where it is mounted.
//!
//! `SESSION_AUTH_DEV=true cargo run -p existing-service`
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod api;
mod metrics;

use std::error::Error;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use session_auth::methods::{ANY, GET};
use session_auth::routing::{get, post};
use session_auth::{EndSession, Keys, Router, SessionAuthLayer, Sessions, SessionsError};
use session_auth::{audited_router, declare_route, public, public_route};
use tower_http::services::ServeDir;

const ASSETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");

#[public_route(GET, "/", reason = "the start page")]
async fn start() -> Html<&'static str> {
    metrics::count_page();
    Html("<!doctype html><link rel=stylesheet href=/assets/style.css><h1>Notes</h1>")
}

#[public_route(POST, "/login", reason = "creates the session", issues_session)]
async fn login(sessions: Sessions, password: String) -> Result<impl IntoResponse, StatusCode> {
    // Yours: look the user up, and verify the password against its hash.
    if password != "open sesame" {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let session = sessions.issue("ada").await;
    let session = session.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok((session, StatusCode::NO_CONTENT))
}

#[public_route(POST, "/logout", reason = "ends the session", optional_session)]
async fn logout(session: EndSession) -> Result<impl IntoResponse, SessionsError> {
    Ok((session.await?, StatusCode::NO_CONTENT))
}

#[public_route(FALLBACK, reason = "404; there is nothing to keep")]
async fn not_found() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, "There is no such page.")
}

// The handler is in another crate, which has no attribute on it.
declare_route!(public_route(
    GET,
    "/metrics",
    reason = "scraped on a private network"
));

#[audited_router]
fn routes() -> Router {
    let health = public(GET, "/health", "liveness probe");
    // What a service serves does not show: it has one class for everything under its path.
    let assets = public(ANY, "/assets", "style sheets and images");
    Router::new()
        .route("/", get(start))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/health", get(health.to(async || "ok")))
        .nest_service(assets, "/assets", ServeDir::new(ASSETS))
        .nest("/api", api::router())
        .merge_axum(metrics::router())
        .fallback(not_found)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let auth = SessionAuthLayer::builder(Keys::from_env()?).build()?;
    let app = auth.protect(routes())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(app.serve(listener).await?)
}
