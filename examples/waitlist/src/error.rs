//! Errors as answers: JSON, as the guards' own.

use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use session_auth::authenticate::ApiKeyError;
use session_auth::{IssueError, SessionsError};

use crate::passwords::PasswordError;

/// Why a handler could not do what it was asked.
#[derive(Debug)]
pub(crate) enum AppError {
    /// The body is not what the handler takes.
    Json(JsonRejection),
    Form(FormRejection),
    /// It is, and makes no sense.
    Invalid(&'static str),
    WrongPassword,
    CrossOrigin,
    NoSuchSession,
    NoSuchKey,
    Password(PasswordError),
    Store(sqlx::Error),
    Session(IssueError),
    Sessions(SessionsError),
    ApiKey(ApiKeyError),
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::Json(rejection) => (rejection.status(), rejection.body_text()),
            Self::Form(rejection) => (rejection.status(), rejection.body_text()),
            Self::Invalid(why) => (StatusCode::UNPROCESSABLE_ENTITY, why.to_owned()),
            Self::WrongPassword => (StatusCode::UNAUTHORIZED, "Wrong password".to_owned()),
            Self::CrossOrigin => (
                StatusCode::FORBIDDEN,
                "This was sent by a page of another site".to_owned(),
            ),
            Self::NoSuchSession => (
                StatusCode::NOT_FOUND,
                "You have no such session, or it has ended".to_owned(),
            ),
            Self::NoSuchKey => (
                StatusCode::NOT_FOUND,
                "You have no such key, or it has ended".to_owned(),
            ),
            // What broke is for the log.
            Self::Store(error) => {
                tracing::error!(%error, "the database failed");
                internal()
            }
            Self::Password(error) => {
                tracing::error!("{error}");
                internal()
            }
            // A 503 where the sessions' store is down.
            Self::Session(error) => return error.into_response(),
            Self::Sessions(error) => return error.into_response(),
            Self::ApiKey(error) => return error.into_response(),
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

impl From<FormRejection> for AppError {
    fn from(rejection: FormRejection) -> Self {
        Self::Form(rejection)
    }
}

impl From<PasswordError> for AppError {
    fn from(error: PasswordError) -> Self {
        Self::Password(error)
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

impl From<ApiKeyError> for AppError {
    fn from(error: ApiKeyError) -> Self {
        Self::ApiKey(error)
    }
}

impl From<SessionsError> for AppError {
    fn from(error: SessionsError) -> Self {
        Self::Sessions(error)
    }
}
