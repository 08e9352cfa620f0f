//! Errors as answers: JSON, as the guards' own.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use session_auth::IssueError;

/// Why a handler could not do what it was asked.
#[derive(Debug)]
pub(crate) enum AppError {
    /// The body is not what the handler takes.
    Json(JsonRejection),
    /// It is, and makes no sense.
    Invalid(&'static str),
    WrongPassword,
    Store(sqlx::Error),
    Session(IssueError),
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::Json(rejection) => (rejection.status(), rejection.body_text()),
            Self::Invalid(why) => (StatusCode::UNPROCESSABLE_ENTITY, why.to_owned()),
            Self::WrongPassword => (StatusCode::UNAUTHORIZED, "Wrong password".to_owned()),
            // What broke is for the log.
            Self::Store(error) => {
                tracing::error!(%error, "the database failed");
                internal()
            }
            Self::Session(error) => {
                tracing::error!(%error, "no session was issued");
                internal()
            }
        };
        (status, Json(serde_json::json!({ "error": error }))).into_response()
    }
}

fn internal() -> (StatusCode, String) {
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "Internal error".to_owned(),
    )
}

impl From<JsonRejection> for AppError {
    fn from(rejection: JsonRejection) -> Self {
        Self::Json(rejection)
    }
}

impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

impl From<IssueError> for AppError {
    fn from(error: IssueError) -> Self {
        Self::Session(error)
    }
}
