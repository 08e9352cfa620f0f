//! For programs: who reports deployments, and who watches.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};
use session_auth::{session_route, webhook_route};

use crate::App;
use crate::deploys::{Deploy, Trail};
use crate::error::AppError;

/// After each apply, and each night's plan: so that silence shows.
#[webhook_route(
    POST,
    "/internal/deploys",
    verify = "deploys",
    max_body = "64KiB",
    expect_every = "2d"
)]
pub(crate) async fn deploys(
    State(app): State<App>,
    deploy: Result<Json<Deploy>, JsonRejection>,
) -> Result<Response, AppError> {
    let Json(deploy) = deploy.map_err(|error| AppError::Invalid(error.body_text()))?;
    if deploy.run_id.trim().is_empty() || deploy.root.trim().is_empty() {
        return Err(AppError::Unreadable("`run_id` and `root` are blank"));
    }
    let status = if app.deploys.append(&deploy).await? {
        (StatusCode::CREATED, "appended")
    } else {
        (StatusCode::OK, "duplicate")
    };
    Ok((status.0, Json(json!({ "status": status.1 }))).into_response())
}

#[session_route(GET, "/internal/trail", scope = "operator")]
pub(crate) async fn trail(State(app): State<App>) -> Result<Json<Trail>, AppError> {
    Ok(Json(app.deploys.trail().await?))
}

/// What became of a mail: for the smoke test.
#[webhook_route(
    GET,
    "/internal/mails/{id}",
    verify = "monitor",
    reason = "what became of a mail"
)]
pub(crate) async fn mail(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, AppError> {
    let entry = app.journal.get(&id).await?.ok_or(AppError::NotFound)?;
    Ok(Json(json!(entry)))
}

/// 503 while the bridges are stopped.
#[webhook_route(
    GET,
    "/internal/status",
    verify = "monitor",
    reason = "whether the bridge works"
)]
pub(crate) async fn status(State(app): State<App>) -> Result<Response, AppError> {
    let depth = app.queue.depth().await?;
    let stopped = app.stop.reason().await?;
    let status = match stopped {
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
        None => StatusCode::OK,
    };
    let body = json!({
        "queue": depth.messages,
        "oldest_ms": depth.oldest_ms,
        "dead_letters": depth.dead,
        "stopped": stopped,
    });
    Ok((status, Json(body)).into_response())
}

#[webhook_route(
    GET,
    "/metrics",
    verify = "monitor",
    reason = "metrics, for Prometheus"
)]
pub(crate) async fn metrics(State(app): State<App>) -> Result<String, AppError> {
    Ok(crate::numbers::render(&app).await?)
}
