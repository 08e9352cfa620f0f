//! Errors as answers: JSON, as the guards' own.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use session_auth::IssueError;

use crate::queue::BoxError;
use crate::routing::RoutingError;

/// Why a handler could not do what it was asked.
#[derive(Debug)]
pub(crate) enum AppError {
    /// The body makes no sense here.
    Unreadable(&'static str),
    Invalid(String),
    NotFound,
    /// Something is down or full: the sender is to try again.
    Unavailable(BoxError),
    Session(IssueError),
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::Unreadable(why) => (StatusCode::UNPROCESSABLE_ENTITY, why.to_owned()),
            Self::Invalid(why) => (StatusCode::UNPROCESSABLE_ENTITY, why),
            Self::NotFound => (StatusCode::NOT_FOUND, "There is no such thing".to_owned()),
            // What broke is for the log. 503, so that whoever sent a mail keeps it and tries again.
            Self::Unavailable(error) => {
                tracing::error!(%error, "a request could not be served");
                metrics::counter!("mail_pipeline_unavailable_total").increment(1);
                let why = "Not now: try again".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, why)
            }
            Self::Session(error) => return error.into_response(),
        };
        (status, Json(serde_json::json!({ "error": error }))).into_response()
    }
}

impl From<BoxError> for AppError {
    fn from(error: BoxError) -> Self {
        Self::Unavailable(error)
    }
}

impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<RoutingError> for AppError {
    fn from(error: RoutingError) -> Self {
        match error {
            RoutingError::Database(error) => error.into(),
            error => Self::Invalid(error.to_string()),
        }
    }
}

impl From<IssueError> for AppError {
    fn from(error: IssueError) -> Self {
        Self::Session(error)
    }
}
