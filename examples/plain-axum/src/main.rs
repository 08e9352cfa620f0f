//! A service of before, with nested routers, closures and static files, that adopts session-auth:
//! its routers stay as they are, its handlers get an attribute, what is no function of its own is
//! declared beside its route, and one call puts the guard around all of it.
//!
//! `SESSION_AUTH_DEV=true cargo run -p plain-axum`
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod api;

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use session_auth::{Keys, SessionAuthLayer, Sessions};
use session_auth::{audited_router, declare_route, public_route, session_route};
use tower_http::services::ServeDir;

const ASSETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");

static PAGES: AtomicU64 = AtomicU64::new(0);

#[public_route(GET, "/", reason = "the start page")]
async fn start() -> Html<&'static str> {
    PAGES.fetch_add(1, Relaxed);
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

#[session_route(POST, "/logout")]
async fn logout(sessions: Sessions) -> impl IntoResponse {
    (sessions.clear(), StatusCode::NO_CONTENT)
}

// Without a class of its own, a path that leads nowhere would need a session, as all else does.
#[public_route(FALLBACK, reason = "404; there is nothing to keep")]
async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}

// A closure, or a handler of another crate, has no place for an attribute.
declare_route!(public_route(
    GET,
    "/metrics",
    reason = "scraped on a private network"
));
// A service has routes of its own, which nothing can list: one class for everything under its path.
declare_route!(public_route(
    ANY,
    "/assets",
    subtree,
    reason = "style sheets and images"
));

#[audited_router]
fn routes() -> Router {
    Router::new()
        .route("/", get(start))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route(
            "/metrics",
            get(|| async { format!("pages_total {}\n", PAGES.load(Relaxed)) }),
        )
        .nest_service("/assets", ServeDir::new(ASSETS))
        .nest("/api", api::router())
        .fallback(not_found)
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let auth = SessionAuthLayer::builder(Keys::from_env()?).build()?;
    // Not `.layer(auth)`: no route can be added after this, so none can be outside of the guard.
    let app = auth.protect(routes())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app.into_make_service()).await?)
}
