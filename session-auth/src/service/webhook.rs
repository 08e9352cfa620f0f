//! Webhooks: the body is buffered, verified, and handed on as it was.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, OriginalUri};
use axum_core::extract::DefaultBodyLimit;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
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
    let limit = endpoint.max_body().unwrap_or(shared.max_body);
    let (parts, mut body) = request.into_parts();
    let judged = judge(&shared, &endpoint, &parts, &mut body, limit).await;
    let mut request = Request::from_parts(parts, body);
    let (outcome, held) = match judged {
        Judged::Proved(delivery, held) => {
            // What was accepted is read: more than that only a decompression inside can make of it.
            let limit = DefaultBodyLimit::max(limit.max(LIMIT_OF_AXUM));
            let end = let_in(&mut request, &endpoint, Some(delivery), Some(limit));
            shared.show(&mut request, &endpoint);
            (Outcome::of_delivery(end, endpoint, None), held)
        }
        Judged::Answered(response) => return Ok(response),
        Judged::Denied { denial, unread } => {
            let refused = shared.refuse(&endpoint, denial.into(), sealed, &mut request);
            match refused {
                Refused::Answered(response) => {
                    if unread {
                        discard(request);
                    }
                    return Ok(response);
                }
                Refused::Observed(end) => (Outcome::of_pass(end, None), None),
                Refused::Preflight(end) => (Outcome::of_preflight(end), None),
            }
        }
    };
    let response = ResponseFuture::forward(next(request), outcome).await;
    if let Some(held) = held {
        let status = response.as_ref().map(Response::status);
        let failed = |it: StatusCode| it.is_client_error() || it.is_server_error();
        held.settle(status.is_ok_and(|status| !failed(status)))
            .await;
    }
    response
}

/// What becomes of a delivery.
enum Judged {
    /// Its proof is good, and it is not being handled.
    Proved(Delivery, Option<Held>),
    /// The layer answers: a handshake, or one that was handled, or whose body is not there.
    Answered(Response<Body>),
    Denied {
        denial: Denial,
        /// Whether the sender may still be sending.
        unread: bool,
    },
}

/// Judges head and body; what the handler is to read is in `body` afterwards.
async fn judge(
    shared: &Shared,
    endpoint: &Endpoint,
    head: &Parts,
    body: &mut Body,
    limit: usize,
) -> Judged {
    let log = |denial: Denial| {
        // A sender is told little and may never try again: the log is where this must show.
        if shared.mode == Mode::Enforce && !endpoint.is_probed {
            tracing::warn!(
                target: "session_auth",
                route = endpoint.route,
                reason = %denial,
                "webhook denied"
            );
        }
    };
    let denied = |denial, unread| {
        log(denial);
        Judged::Denied { denial, unread }
    };
    // `protect` has refused a webhook without a verifier; if one came here it would be refused too.
    let Some(verifier) = &endpoint.verifier else {
        return denied(Denial::SignatureMissing, true);
    };
    // Before anything of the body is read: who shows no proof makes nobody wait, nor keep a body.
    let seen = seen(shared, head);
    let by_head = match prepare(&**verifier, &seen).await {
        Ok(()) => verifier.verify_head(&seen).map_err(because),
        Err(denial) => Err(denial),
    };
    // Where the layer only observes, the handler gets a whole body or none, as with a proof.
    if let (Err(denial), Mode::Enforce) = (&by_head, shared.mode) {
        return denied(*denial, true);
    }

    let length = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let mut timed = Timed::new(std::mem::take(body), shared.body_timeout);
    let read = match body::collect(&mut timed, length, limit).await {
        Ok(read) => read,
        Err(Incomplete { error, read }) => {
            let denial = Denial::from(&error);
            if let BodyError::Broken(_) | BodyError::TimedOut = error {
                // There is no whole body that a handler could be given, in any mode.
                log(denial);
                endpoint.deny(denial, shared.now());
                return Judged::Answered(denial.into_response());
            }
            *body = Body::new(Resumed { read, rest: timed });
            return denied(denial, true);
        }
    };
    *body = Body::from(read.clone());
    let seen = seen.with_body(&read);
    let proved = match by_head {
        Ok(Some(delivery)) => Ok(delivery),
        Err(denial) => Err(denial),
        Ok(None) => match prepare(&**verifier, &seen).await {
            Ok(()) => verifier.verify(&seen).map_err(because),
            Err(denial) => Err(denial),
        },
    };
    let delivery = match proved {
        Ok(delivery) => delivery,
        Err(denial) => return denied(denial, false),
    };
    // A handshake is between the sender and the layer.
    if let Some(answer) = delivery.answer() {
        return Judged::Answered(answered(answer));
    }
    // Whatever the handler makes of it: the sender is there, and its proof is good.
    endpoint.counters.verify(shared.now());
    match claim(shared, endpoint, &delivery, &head.method, &read).await {
        Ok(held) => Judged::Proved(delivery, held),
        Err(Repeated::Done) => Judged::Answered(answered(&Answer::json(DUPLICATE))),
        Err(Repeated::Later) => {
            let denial = Denial::ReplayUnavailable;
            log(denial);
            endpoint.deny(denial, shared.now());
            Judged::Answered(denial.into_response())
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
    method: &Method,
    body: &[u8],
) -> Result<Option<Held>, Repeated> {
    let unnamed = delivery.id.is_none() && body.is_empty();
    if method.is_safe() || unnamed {
        return Ok(None);
    }
    let verifier = endpoint.declaration.as_ref().and_then(|it| it.verify());
    let verifier = verifier.map_or("", |verify| verify.as_str());
    let by = endpoint.verifier.as_ref();
    let Some(window) = shared.replays.of(verifier, by, delivery) else {
        return Ok(None);
    };
    let key = ReplayWindow::key(&endpoint.route, verifier, delivery.unique_id(), body);
    match window.claim(key, Timestamp::of(&shared.policy.clock)).await {
        Fresh::Handle(held) => Ok(Some(held)),
        Fresh::Done => Err(Repeated::Done),
        Fresh::Running | Fresh::Unavailable => Err(Repeated::Later),
    }
}

/// What a verifier sees before the body is there.
fn seen<'a>(shared: &Shared, head: &'a Parts) -> WebhookRequest<'a> {
    let mut seen = WebhookRequest::of_head(head, shared.policy.clock.now());
    if let Some(ConnectInfo(peer)) = head.extensions.get::<ConnectInfo<SocketAddr>>() {
        seen = seen.with_peer(peer.ip());
    }
    if let Some(OriginalUri(uri)) = head.extensions.get() {
        seen = seen.with_uri(uri);
    }
    seen
}

fn because(rejection: Rejection) -> Denial {
    let detail = rejection.detail();
    tracing::debug!(target: "session_auth", detail, "webhook denied");
    Denial::from(rejection)
}

/// Has the verifier fetch what it needs for this request.
async fn prepare(verifier: &dyn Verifier, request: &WebhookRequest<'_>) -> Result<(), Denial> {
    match verifier.prepare(request) {
        Some(preparing) => preparing.await.map_err(because),
        None => Ok(()),
    }
}

/// Reads on for a while where the sender may be waiting until it has sent all.
fn discard(request: Request<Body>) {
    // Whoever waits for `100 Continue` sends nothing, and over HTTP/2 nothing is reset but the one
    // stream.
    let waits = request.headers().contains_key(EXPECT);
    if !waits
        && request.version() < Version::HTTP_2
        && let Ok(runtime) = Handle::try_current()
    {
        runtime.spawn(body::discard(request.into_body()));
    }
}
