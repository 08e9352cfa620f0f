//! Conversations of the help desk.

use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use session_auth::webhook_route;

use crate::App;
use crate::error::AppError;

#[derive(Deserialize)]
struct Conversation {
    id: u64,
}

#[webhook_route(POST, "/webhooks/freescout/support", verify = "freescout")]
pub(crate) async fn support(State(app): State<App>, body: Bytes) -> Result<StatusCode, AppError> {
    keep(&app, "support", &body).await
}

#[webhook_route(POST, "/webhooks/freescout/audit", verify = "freescout")]
pub(crate) async fn audit(State(app): State<App>, body: Bytes) -> Result<StatusCode, AppError> {
    keep(&app, "audit", &body).await
}

async fn keep(app: &App, kind: &str, body: &[u8]) -> Result<StatusCode, AppError> {
    let conversation: Conversation = super::read(app, "freescout", body).await?;
    app.store.add_event("freescout", kind, body).await?;
    tracing::debug!(conversation = conversation.id, kind, "help desk");
    Ok(StatusCode::OK)
}
