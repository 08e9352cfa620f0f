//! What a program sends as JSON, a page sends as a form. Each gets the answer that it can use.

use std::convert::Infallible;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::AppError;
use crate::json::Json;

/// Who is asking: a page, by a form, or a program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Page,
    Program,
}

impl Client {
    /// That it is done: a page goes on to another page.
    pub(crate) fn done(self, next: &str) -> Response {
        match self {
            Self::Page => Redirect::to(next).into_response(),
            Self::Program => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let kind = parts.headers.get(CONTENT_TYPE);
        let form = kind.is_some_and(|kind| {
            kind.as_bytes()
                .starts_with(b"application/x-www-form-urlencoded")
        });
        Ok(if form { Self::Page } else { Self::Program })
    }
}

/// Not sent by a page of another site: for the login, which needs no session and so is not guarded
/// against that. A form elsewhere would log a visitor in, to an account that is not theirs
/// (CWE-352).
pub(crate) struct FromHere;

impl<S: Sync> FromRequestParts<S> for FromHere {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        match parts.headers.get("sec-fetch-site") {
            Some(site) if site != "same-origin" && site != "none" => Err(AppError::CrossOrigin),
            _ => Ok(Self),
        }
    }
}

/// A form or JSON.
pub(crate) struct Input<T>(pub(crate) T);

impl<T, S> FromRequest<S> for Input<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        let (mut parts, body) = request.into_parts();
        let Ok(client) = Client::from_request_parts(&mut parts, state).await;
        let request = Request::from_parts(parts, body);
        match client {
            Client::Page => {
                let axum::Form(value) = axum::Form::from_request(request, state).await?;
                Ok(Self(value))
            }
            Client::Program => {
                let Json(value) = Json::from_request(request, state).await?;
                Ok(Self(value))
            }
        }
    }
}
