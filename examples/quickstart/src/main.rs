//! The smallest complete service. To run it: `SESSION_AUTH_DEV=true cargo run -p quickstart`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use session_auth::{ClearedSession, EndSession, IssuedSession, Keys, Router, Session};
use session_auth::{SessionAuthLayer, Sessions, SessionsError};
use session_auth::{audited_router, public_route, session_route};

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

#[public_route(GET, "/health", reason = "liveness probe")]
async fn health() -> &'static str {
    "ok"
}

#[public_route(POST, "/login", reason = "creates the session", issues_session)]
async fn login(sessions: Sessions, who: Json<Credentials>) -> Result<IssuedSession, StatusCode> {
    // Yours: look the user up, and verify the password against its hash.
    if who.password != "open sesame" {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let session = sessions.issue(&who.name).await;
    session.map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)
}

#[session_route(GET, "/api/me")]
async fn me(session: Session) -> String {
    session.subject().to_owned()
}

#[public_route(POST, "/logout", reason = "ends the session", optional_session)]
async fn logout(session: EndSession) -> Result<ClearedSession, SessionsError> {
    session.await
}

#[audited_router]
fn routes() -> Router {
    Router::new()
        .mount(health)
        .mount(login)
        .mount(me)
        .mount(logout)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let auth = SessionAuthLayer::builder(Keys::from_env()?).build()?; // SESSION_AUTH_KEYS
    let app = auth.protect(routes())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(app.serve(listener).await?)
}
