//! Webhooks: the body is buffered, verified, and handed on as it was.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, OriginalUri};
use axum_core::extract::DefaultBodyLimit;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{Request, Response, Version};
use tokio::runtime::Handle;

use super::{Next, Refused};
use crate::activity::Endpoint;
use crate::future::{Outcome, ResponseFuture};
use crate::mode::Mode;
use crate::pass::{Caller, Pass, PassEnd};
use crate::response::Denial;
use crate::shared::Shared;
use crate::webhook::body::{self, BodyError, Incomplete, Resumed};
use crate::webhook::deadline::Timed;
use crate::webhook::{Delivery, Rejection, Verifier, WebhookRequest};

/// What axum's extractors read of a body where nobody says otherwise, in bytes.
const LIMIT_OF_AXUM: usize = 2 * 1024 * 1024;

/// Hands a delivery on whose proof the handler checks itself.
pub(super) fn leave_to_handler<N, R, E>(
    next: N,
    shared: &Shared,
    endpoint: &Arc<Endpoint>,
    request: Request<Body>,
) -> ResponseFuture<N::Future, E>
where
    N: Next,
    N::Future: Future<Output = Result<Response<R>, E>>,
{
    let timed = |body| Body::new(Timed::new(body, shared.body_timeout));
    let mut request = request.map(timed);
    let limit = endpoint.max_body().map(DefaultBodyLimit::max);
    let end = let_in(&mut request, endpoint, None, limit);
    let outcome = Outcome::of_delivery(end, Arc::clone(endpoint));
    ResponseFuture::forward(next.call(request), outcome)
}

fn let_in(
    request: &mut Request<Body>,
    endpoint: &Endpoint,
    delivery: Option<Delivery>,
    limit: Option<DefaultBodyLimit>,
) -> PassEnd {
    let caller = Caller::Delivery(delivery, limit);
    let end = Pass::put(request.extensions_mut(), endpoint.handler.clone(), caller);
    Pass::limit_body(request);
    end
}

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

    let (parts, body) = request.into_parts();
    let head = Request::from_parts(parts, Bytes::new());
    // Before anything of the body is read: who shows no proof makes nobody wait, nor keep a body.
    let by_head = ask(&shared, &endpoint, &head, |verifier, request| {
        verifier.verify_head(request)
    });
    let (parts, _) = head.into_parts();
    // Where the layer only observes, the handler gets a whole body or none, as with a proof.
    if let (Err(denial), Mode::Enforce) = (&by_head, shared.mode) {
        log(*denial);
        let request = Request::from_parts(parts, body);
        return refuse(next, &shared, &endpoint, *denial, sealed, true, request).await;
    }

    let limit = endpoint.max_body().unwrap_or(shared.max_body);
    let length = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let mut body = Timed::new(body, shared.body_timeout);
    let body = match body::collect(&mut body, length, limit).await {
        Ok(body) => body,
        Err(Incomplete { error, read }) => {
            let denial = Denial::from(&error);
            log(denial);
            if let BodyError::Broken(_) | BodyError::TimedOut = error {
                // There is no whole body that a handler could be given, in any mode.
                endpoint.counters.deny(denial);
                return Ok(denial.into_response());
            }
            let rest = body;
            let request = Request::from_parts(parts, Body::new(Resumed { read, rest }));
            return refuse(next, &shared, &endpoint, denial, sealed, true, request).await;
        }
    };
    let request = Request::from_parts(parts, body);
    let verified = match by_head {
        Ok(Some(delivery)) => Ok(delivery),
        Err(denial) => Err(denial),
        Ok(None) => ask(&shared, &endpoint, &request, |verifier, request| {
            verifier.verify(request)
        }),
    };
    match verified {
        Ok(delivery) => {
            let mut request = request.map(Body::from);
            // What was accepted is read: more than that only a decompression inside can make of it.
            let limit = DefaultBodyLimit::max(limit.max(LIMIT_OF_AXUM));
            let end = let_in(&mut request, &endpoint, Some(delivery), Some(limit));
            let outcome = Outcome::of_delivery(end, endpoint);
            outcome.after(next(request)).await
        }
        Err(denial) => {
            log(denial);
            let request = request.map(Body::from);
            refuse(next, &shared, &endpoint, denial, sealed, false, request).await
        }
    }
}

/// Asks the verifier.
fn ask<T>(
    shared: &Shared,
    endpoint: &Endpoint,
    request: &Request<Bytes>,
    question: impl FnOnce(&dyn Verifier, &WebhookRequest<'_>) -> Result<T, Rejection>,
) -> Result<T, Denial> {
    // `protect` has refused a webhook without a verifier; if one came here it would be refused too.
    let verifier = endpoint.verifier.as_ref().ok_or(Denial::SignatureMissing)?;
    let mut proof = WebhookRequest::new(request, shared.policy.clock.now());
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        proof = proof.with_peer(peer.ip());
    }
    if let Some(OriginalUri(uri)) = request.extensions().get() {
        proof = proof.with_uri(uri);
    }
    question(&**verifier, &proof).map_err(|rejection| {
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
    unread: bool,
    mut request: Request<Body>,
) -> Result<Response<Body>, E>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match shared.refuse(endpoint, denial.into(), sealed, &mut request) {
        Refused::Answered(response) => {
            // Whoever waits for `100 Continue` sends nothing, and over HTTP/2 nothing is reset but the
            // one stream.
            let waits = request.headers().contains_key(EXPECT);
            if unread
                && !waits
                && request.version() < Version::HTTP_2
                && let Ok(runtime) = Handle::try_current()
            {
                runtime.spawn(body::discard(request.into_body()));
            }
            Ok(response)
        }
        Refused::Observed(end) => Outcome::of_pass(end, None).after(next(request)).await,
        Refused::Preflight(end) => Outcome::of_preflight(end).after(next(request)).await,
    }
}
