//! The operator's session.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use session_auth::{Session, Sessions, public_route, session_route};

use crate::App;
use crate::error::AppError;
use crate::json::Json;

#[derive(Deserialize)]
pub(crate) struct Credentials {
    password: String,
}

#[public_route(POST, "/login", reason = "creates the session", issues_session)]
pub(crate) async fn login(
    State(app): State<App>,
    sessions: Sessions,
    Json(given): Json<Credentials>,
) -> Result<impl IntoResponse, AppError> {
    if !is_operator(&app, &given) {
        return Err(AppError::WrongPassword);
    }
    let session = sessions.issue("operator").scope("operator").await?;
    Ok((session, StatusCode::NO_CONTENT))
}

#[session_route(POST, "/logout")]
pub(crate) async fn logout(sessions: Sessions) -> impl IntoResponse {
    (sessions.clear(), StatusCode::NO_CONTENT)
}

#[session_route(GET, "/api/me")]
pub(crate) async fn me(session: Session) -> impl IntoResponse {
    let scopes: Vec<&str> = session.scopes().collect();
    axum::Json(json!({ "subject": session.subject(), "scopes": scopes }))
}

/// The one place that knows how the operator proves who they are.
fn is_operator(app: &App, given: &Credentials) -> bool {
    app.operator_password.matches(&given.password)
}
