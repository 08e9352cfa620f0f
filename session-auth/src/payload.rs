//! What a webhook's handler takes: the payload, with what the proof said of it.

use std::fmt;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::extract::ExtractorMisuse;
use crate::webhook::Delivery;

/// The payload of a verified delivery, read from its JSON, with the delivery: its id, when it was
/// signed, by which scheme and which secret.
///
/// For handlers of class `webhook` whose verifier is the layer's. A payload that is no such JSON is a
/// 400, and the log says where.
///
/// # Example
///
/// ```
/// use axum::http::StatusCode;
/// use session_auth::{Webhook, webhook_route};
///
/// #[derive(serde::Deserialize)]
/// struct Event {
///     #[serde(rename = "type")]
///     kind: String,
/// }
///
/// #[webhook_route(POST, "/hooks/stripe", verify = "stripe", expect_every = "1d")]
/// async fn stripe(Webhook { payload, delivery, .. }: Webhook<Event>) -> StatusCode {
///     println!("{}: {:?} by {:?}", payload.kind, delivery.id, delivery.scheme);
///     StatusCode::NO_CONTENT
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Webhook<T> {
    /// What was sent.
    pub payload: T,
    /// What its proof says.
    pub delivery: Delivery,
}

/// Why a handler did not get its payload.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebhookRejection {
    /// The handler is of no class that has deliveries.
    Misuse(ExtractorMisuse),
    /// The body cannot be read.
    Body(Response),
    /// The body is not the JSON that the handler takes.
    Payload(serde_json::Error),
}

impl fmt::Display for WebhookRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misuse(misuse) => misuse.fmt(f),
            Self::Body(response) => write!(f, "the body cannot be read: {}", response.status()),
            Self::Payload(error) => write!(f, "the body is not what the handler takes: {error}"),
        }
    }
}

impl std::error::Error for WebhookRejection {}

impl IntoResponse for WebhookRejection {
    fn into_response(self) -> Response {
        match self {
            Self::Misuse(misuse) => misuse.into_response(),
            Self::Body(response) => response,
            Self::Payload(_) => {
                let body = r#"{"error":"Bad request","reason":"payload"}"#;
                let json = [(CONTENT_TYPE, "application/json")];
                (StatusCode::BAD_REQUEST, json, body).into_response()
            }
        }
    }
}

impl<S, T> FromRequest<S> for Webhook<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = WebhookRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebhookRejection> {
        let (mut parts, body) = request.into_parts();
        let delivery = Delivery::from_request_parts(&mut parts, state)
            .await
            .map_err(WebhookRejection::Misuse)?;
        let request = Request::from_parts(parts, body);
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| WebhookRejection::Body(rejection.into_response()))?;
        let payload = serde_json::from_slice(&body).map_err(|error| {
            // Line and column, and no more: the rest may be anybody's data.
            tracing::warn!(
                target: "session_auth",
                line = error.line(),
                column = error.column(),
                scheme = delivery.scheme,
                "the payload of a webhook is not what its handler takes"
            );
            WebhookRejection::Payload(error)
        })?;
        Ok(Self { payload, delivery })
    }
}
