//! What the edge challenged or blocked.

use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use session_auth::webhook_route;

use crate::App;
use crate::error::AppError;

#[derive(Deserialize)]
struct WafEvent {
    action: String,
}

#[webhook_route(POST, "/internal/waf-events", verify = "waf")]
pub(crate) async fn waf_events(
    State(app): State<App>,
    body: Bytes,
) -> Result<StatusCode, AppError> {
    let event: WafEvent = super::read(&app, "waf", &body).await?;
    app.store.add_event("waf", &event.action, &body).await?;
    Ok(StatusCode::OK)
}
