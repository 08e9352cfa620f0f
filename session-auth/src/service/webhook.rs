//! Webhooks: the body is buffered, verified, and handed on as it was.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, OriginalUri};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};

use super::Refused;
use crate::activity::Endpoint;
use crate::future::Outcome;
use crate::mode::Mode;
use crate::pass::{Caller, Pass};
use crate::response::Denial;
use crate::shared::Shared;
use crate::webhook::WebhookRequest;
use crate::webhook::body::{self, BodyError, Incomplete, Resumed};

/// Buffers the body, has it verified, and hands on the same bytes.
pub(super) async fn verify<F, R, E>(
    next: impl FnOnce(Request<Body>) -> F,
    shared: Arc<Shared>,
    endpoint: Arc<Endpoint>,
    sealed: bool,
    request: Request<Body>,
) -> Result<Response<Body>, E>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let log = |denial: Denial| {
        // A sender is told little and may never try again: the log is where this must show.
        if shared.mode == Mode::Enforce {
            tracing::warn!(
                target: "session_auth",
                route = endpoint.route,
                reason = %denial,
                "webhook denied"
            );
        }
    };

    let declared = endpoint.declaration.as_ref();
    let limit = declared
        .and_then(|declaration| declaration.max_body())
        .unwrap_or(shared.max_body);
    let length = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let (parts, mut body) = request.into_parts();
    let body = match body::collect(&mut body, length, limit).await {
        Ok(body) => body,
        Err(Incomplete { error, read }) => {
            let denial = Denial::from(&error);
            log(denial);
            if let BodyError::Broken(_) = error {
                // There is no whole body that a handler could be given, in any mode.
                endpoint.counters.deny(denial);
                return Ok(denial.into_response());
            }
            let rest = body;
            let request = Request::from_parts(parts, Body::new(Resumed { read, rest }));
            return refuse(next, &shared, &endpoint, denial, sealed, request).await;
        }
    };
    let request = Request::from_parts(parts, body);
    match proof(&shared, &endpoint, &request) {
        Ok(delivery) => {
            let mut request = request.map(Body::from);
            let caller = Caller::Delivery(Some(delivery));
            let handler = endpoint.handler.clone();
            let end = Pass::put(request.extensions_mut(), handler, caller);
            endpoint.counters.pass();
            Outcome::of_pass(end, None).after(next(request)).await
        }
        Err(denial) => {
            log(denial);
            let request = request.map(Body::from);
            refuse(next, &shared, &endpoint, denial, sealed, request).await
        }
    }
}

fn proof(
    shared: &Shared,
    endpoint: &Endpoint,
    request: &Request<Bytes>,
) -> Result<crate::webhook::Delivery, Denial> {
    // `protect` has refused a webhook without a verifier; if one came here it would be refused too.
    let verifier = endpoint.verifier.as_ref().ok_or(Denial::SignatureMissing)?;
    let mut proof = WebhookRequest::new(request, shared.policy.clock.now());
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        proof = proof.with_peer(peer.ip());
    }
    if let Some(OriginalUri(uri)) = request.extensions().get() {
        proof = proof.with_uri(uri);
    }
    verifier.verify(&proof).map_err(|rejection| {
        let detail = rejection.detail();
        tracing::debug!(target: "session_auth", detail, "webhook denied");
        Denial::from(rejection)
    })
}

async fn refuse<F, R, E>(
    next: impl FnOnce(Request<Body>) -> F,
    shared: &Shared,
    endpoint: &Endpoint,
    denial: Denial,
    sealed: bool,
    mut request: Request<Body>,
) -> Result<Response<Body>, E>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match shared.refuse(endpoint, denial, sealed, &mut request) {
        Refused::Answered(response) => Ok(response),
        Refused::Observed(end) => Outcome::of_pass(end, None).after(next(request)).await,
        Refused::Preflight(end) => Outcome::of_preflight(end).after(next(request)).await,
    }
}
