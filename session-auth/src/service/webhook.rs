//! Webhooks: the body is buffered, verified, and handed on as it was.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, OriginalUri};
use axum_core::extract::DefaultBodyLimit;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, EXPECT};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use tokio::runtime::Handle;

use super::{Next, Refused};
use crate::activity::Endpoint;
use crate::clock::Timestamp;
use crate::future::{Outcome, ResponseFuture};
use crate::mode::Mode;
use crate::pass::{Caller, Pass, PassEnd};
use crate::response::Denial;
use crate::shared::Shared;
use crate::webhook::body::{self, BodyError, Incomplete, Resumed};
use crate::webhook::deadline::Timed;
use crate::webhook::replay::{Fresh, Held, ReplayWindow};
use crate::webhook::{Answer, Delivery, Rejection, Verifier, WebhookRequest};

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
    let outcome = Outcome::of_delivery(
        end,
        Arc::clone(endpoint),
        Some(Arc::clone(&shared.policy.clock)),
    );
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
    let by_head = match prepare(&shared, &endpoint, &head).await {
        Ok(()) => ask(&shared, &endpoint, &head, |verifier, request| {
            verifier.verify_head(request)
        }),
        Err(denial) => Err(denial),
    };
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
                endpoint.counters.deny(denial, shared.now());
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
        Ok(None) => match prepare(&shared, &endpoint, &request).await {
            Ok(()) => ask(&shared, &endpoint, &request, |verifier, request| {
                verifier.verify(request)
            }),
            Err(denial) => Err(denial),
        },
    };
    // A handshake is between the sender and the layer.
    if let Ok(delivery) = &verified
        && let Some(answer) = delivery.answer()
    {
        return Ok(answered(answer));
    }
    match verified {
        Ok(delivery) => {
            // Whatever the handler makes of it: the sender is there, and its proof is good.
            endpoint.counters.verify(shared.now());
            let held = match claim(&shared, &endpoint, &delivery, &request).await {
                Ok(held) => held,
                Err(Repeated::Done) => return Ok(answered(&Answer::json(DUPLICATE))),
                Err(Repeated::Later) => {
                    let denial = Denial::ReplayUnavailable;
                    log(denial);
                    endpoint.counters.deny(denial, shared.now());
                    return Ok(denial.into_response());
                }
            };
            let mut request = request.map(Body::from);
            // What was accepted is read: more than that only a decompression inside can make of it.
            let limit = DefaultBodyLimit::max(limit.max(LIMIT_OF_AXUM));
            let end = let_in(&mut request, &endpoint, Some(delivery), Some(limit));
            shared.show(&mut request, &endpoint);
            let outcome = Outcome::of_delivery(end, endpoint, None);
            let response = outcome.after(next(request)).await;
            if let Some(held) = held {
                let status = response.as_ref().map(Response::status);
                let failed = |it: StatusCode| it.is_client_error() || it.is_server_error();
                held.settle(status.is_ok_and(|status| !failed(status)))
                    .await;
            }
            response
        }
        Err(denial) => {
            log(denial);
            let request = request.map(Body::from);
            refuse(next, &shared, &endpoint, denial, sealed, false, request).await
        }
    }
}

fn answered(answer: &Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body().clone()));
    *response.status_mut() = answer.status();
    for (name, value) in answer.headers() {
        response.headers_mut().append(name, value.clone());
    }
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

/// What a delivery gets that was handled before.
const DUPLICATE: &str = r#"{"status":"duplicate"}"#;

/// Why a delivery is not handled now.
enum Repeated {
    Done,
    Later,
}

/// Claims a delivery, where there is a replay window for it. Whoever asks again with a safe method, as a
/// monitor does, is no repeated delivery; and without id and body nothing tells two calls apart.
async fn claim(
    shared: &Shared,
    endpoint: &Endpoint,
    delivery: &Delivery,
    request: &Request<Bytes>,
) -> Result<Option<Held>, Repeated> {
    let unnamed = delivery.id.is_none() && request.body().is_empty();
    if request.method().is_safe() || unnamed {
        return Ok(None);
    }
    let verifier = endpoint.declaration.as_ref().and_then(|it| it.verify());
    let verifier = verifier.map_or("", |verify| verify.as_str());
    let by = endpoint.verifier.as_ref();
    let Some(window) = shared.replays.of(verifier, by, delivery) else {
        return Ok(None);
    };
    let key = ReplayWindow::key(
        &endpoint.route,
        verifier,
        delivery.id.as_deref(),
        request.body(),
    );
    match window.claim(key, Timestamp::of(&shared.policy.clock)).await {
        Fresh::Handle(held) => Ok(Some(held)),
        Fresh::Done => Err(Repeated::Done),
        Fresh::Running | Fresh::Unavailable => Err(Repeated::Later),
    }
}

/// What a verifier sees.
fn seen<'a>(shared: &Shared, request: &'a Request<Bytes>) -> WebhookRequest<'a> {
    let mut proof = WebhookRequest::new(request, shared.policy.clock.now());
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        proof = proof.with_peer(peer.ip());
    }
    if let Some(OriginalUri(uri)) = request.extensions().get() {
        proof = proof.with_uri(uri);
    }
    proof
}

fn denied(rejection: Rejection) -> Denial {
    let detail = rejection.detail();
    tracing::debug!(target: "session_auth", detail, "webhook denied");
    Denial::from(rejection)
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
    question(&**verifier, &seen(shared, request)).map_err(denied)
}

/// Has the verifier fetch what it needs for this request.
async fn prepare(
    shared: &Shared,
    endpoint: &Endpoint,
    request: &Request<Bytes>,
) -> Result<(), Denial> {
    let Some(verifier) = &endpoint.verifier else {
        return Ok(());
    };
    let preparing = verifier.prepare(&seen(shared, request));
    match preparing {
        Some(preparing) => preparing.await.map_err(denied),
        None => Ok(()),
    }
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
    match shared.refuse(endpoint, denial, sealed, &mut request) {
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
