//! Webhooks: the body is buffered, verified, and handed on as it was.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{ConnectInfo, OriginalUri};
use axum_core::extract::DefaultBodyLimit;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request, Response, StatusCode};

use super::{Next, Settled, unread};
use crate::activity::Endpoint;
use crate::clock::Timestamp;
use crate::future::{Outcome, ResponseFuture};
use crate::mode::Mode;
use crate::pass::{Caller, Pass, PassEnd};
use crate::response::Denial;
use crate::shared::Shared;
use crate::webhook::body::{self, BodyError, Incomplete, Looks, Resumed};
use crate::webhook::deadline::Timed;
use crate::webhook::handed::Handed;
use crate::webhook::replay::{Fresh, Held, ReplayWindow};
use crate::webhook::{Answer, Delivery, Rejection, Verifier, WebhookRequest};

/// The largest body of a webhook that is read where nobody says otherwise, in bytes.
const DEFAULT_LIMIT: usize = 1024 * 1024;
/// What axum's extractors read of a body where nobody says otherwise, in bytes.
const LIMIT_OF_AXUM: usize = 2 * 1024 * 1024;

/// Hands a delivery on whose proof the handler checks itself.
pub(super) fn leave_to_handler<N, E>(
    next: N,
    shared: &Shared,
    endpoint: &Arc<Endpoint>,
    sealed: bool,
    mut request: Request<Body>,
) -> ResponseFuture<N::Future, E>
where
    N: Next,
    N::Future: Future<Output = Result<Response<Body>, E>>,
{
    let set = set_limit(shared, endpoint);
    let length = announced(&request);
    let outcome = if set.is_some_and(|limit| length.is_some_and(|it| it > limit as u64)) {
        let denial = Denial::BodyTooLarge;
        log(shared, endpoint, denial);
        match shared.refuse(endpoint, denial.into(), sealed, &mut request) {
            Settled::LetIn(outcome) => outcome,
            Settled::Answered(response) => {
                unread::discard(request);
                return ResponseFuture::denied(response);
            }
        }
    } else {
        let limit = read_limit(shared, endpoint);
        let end = let_in(&mut request, endpoint, Caller::Delivery(None, limit));
        of_delivery(shared, endpoint, end)
    };
    let limit = set.filter(|_| shared.mode == Mode::Enforce);
    let looks = Looks::of(&request);
    let request = request.map(|body| {
        let timed = Timed::new(body, shared.body_timeout);
        let limit = limit.unwrap_or(usize::MAX);
        Body::new(Handed::new(timed, limit, looks))
    });
    ResponseFuture::forward(next.call(request), outcome)
}

/// What is done with the answer to a delivery.
fn of_delivery(shared: &Shared, endpoint: &Arc<Endpoint>, end: PassEnd) -> Outcome {
    let judged = endpoint.verifier.is_none();
    let judged = judged.then(|| Arc::clone(&shared.policy.clock));
    Outcome::of_delivery(end, Arc::clone(endpoint), judged)
}

/// Lets a delivery in that enforcing would deny. Its answer is counted as that of any other.
pub(super) fn observe(
    shared: &Shared,
    endpoint: &Arc<Endpoint>,
    denial: Denial,
    request: &mut Request<Body>,
) -> Outcome {
    let limit = read_limit(shared, endpoint);
    let caller = Caller::Observed {
        denial,
        sessions: shared.sessions.clone(),
        who: None,
        limit,
    };
    let end = let_in(request, endpoint, caller);
    of_delivery(shared, endpoint, end)
}

fn let_in(request: &mut Request<Body>, endpoint: &Endpoint, caller: Caller) -> PassEnd {
    let end = Pass::put(request.extensions_mut(), endpoint.handler.clone(), caller);
    Pass::limit_body(request);
    end
}

/// Buffers the body, has it verified, and hands on the same bytes.
///
/// A block and not an `async fn`, whose future holds its arguments twice; the request stays in its place until
/// it is handed on, and what only some deliveries wait for is boxed apart. A future of more than a kilobyte
/// costs the allocator more than the rest of this.
pub(super) fn verify<F, E>(
    next: impl FnOnce(Request<Body>) -> F + Send + 'static,
    shared: Arc<Shared>,
    endpoint: Arc<Endpoint>,
    sealed: bool,
    mut request: Request<Body>,
) -> Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>
where
    F: Future<Output = Result<Response<Body>, E>> + Send + 'static,
    E: Send + 'static,
{
    Box::pin(async move {
        let (outcome, held) = match judge(&shared, &endpoint, &mut request).await {
            Judged::Proved(delivery, held) => {
                let limit = read_limit(&shared, &endpoint);
                let caller = Caller::Delivery(Some(delivery), limit);
                let end = let_in(&mut request, &endpoint, caller);
                shared.show(&mut request, &endpoint);
                (of_delivery(&shared, &endpoint, end), held)
            }
            Judged::Answered(response) => return Ok(response),
            Judged::Denied { denial, unread } => {
                match shared.refuse(&endpoint, denial.into(), sealed, &mut request) {
                    Settled::LetIn(outcome) => (outcome, None),
                    Settled::Answered(response) => {
                        match unread {
                            Unread::Nothing => {}
                            Unread::Rest => unread::discard_rest(request),
                            Unread::All => unread::discard(request),
                        }
                        return Ok(response);
                    }
                }
            }
        };
        let response = ResponseFuture::forward(next(request), outcome).await;
        if let Some(held) = held {
            let status = response.as_ref().map(Response::status);
            let failed = |it: StatusCode| it.is_client_error() || it.is_server_error();
            let handled = status.is_ok_and(|status| !failed(status));
            Box::pin(held.settle(handled)).await;
        }
        response
    })
}

/// What becomes of a delivery.
enum Judged {
    /// Its proof is good, and it is not being handled.
    Proved(Delivery, Option<Box<Held>>),
    /// The layer answers: a handshake, or one that was handled, or whose body is not there.
    Answered(Response<Body>),
    Denied {
        denial: Denial,
        unread: Unread,
    },
}

/// What of a body was not read: its sender may still be sending.
enum Unread {
    Nothing,
    Rest,
    All,
}

/// The largest body that the route lets in, or else the layer, in bytes; `None` where neither says.
fn set_limit(shared: &Shared, endpoint: &Endpoint) -> Option<usize> {
    endpoint.max_body().or(shared.max_body)
}

/// The largest body that is read for an endpoint, in bytes.
fn body_limit(shared: &Shared, endpoint: &Endpoint) -> usize {
    set_limit(shared, endpoint).unwrap_or(DEFAULT_LIMIT)
}

/// How much of a body that was let in its handler may read; `None` for what axum and the program say.
fn read_limit(shared: &Shared, endpoint: &Endpoint) -> Option<DefaultBodyLimit> {
    let limit = if endpoint.verifier.is_some() {
        // What was accepted is read: more than that only a decompression inside can make of it.
        body_limit(shared, endpoint).max(LIMIT_OF_AXUM)
    } else {
        let limit = set_limit(shared, endpoint)?;
        match shared.mode {
            Mode::Enforce => limit,
            Mode::Observe => limit.max(LIMIT_OF_AXUM),
        }
    };
    Some(DefaultBodyLimit::max(limit))
}

/// How long the body is, as its sender says.
fn announced(request: &Request<Body>) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// A sender is told little and may never try again: the log is where this must show.
fn log(shared: &Shared, endpoint: &Endpoint, denial: Denial) {
    if shared.mode == Mode::Enforce && !endpoint.is_probed {
        tracing::warn!(
            target: "session_auth",
            route = endpoint.route,
            reason = %denial,
            "webhook denied"
        );
    }
}

/// Judges head and body. Afterwards the body of the request is what the handler is to read.
async fn judge(shared: &Shared, endpoint: &Endpoint, request: &mut Request<Body>) -> Judged {
    let denied = |denial, unread| {
        log(shared, endpoint, denial);
        Judged::Denied { denial, unread }
    };
    // `protect` has refused a webhook without a verifier; if one came here it would be refused too.
    let Some(verifier) = &endpoint.verifier else {
        return denied(Denial::SignatureMissing, Unread::All);
    };
    let now = shared.policy.clock.now();
    let body = std::mem::take(request.body_mut());
    // Before anything of the body is read: who shows no proof makes nobody wait, nor keep a body.
    let by_head = {
        let seen = seen(request, now);
        match prepare(&**verifier, &seen).await {
            Ok(()) => verifier.verify_head(&seen).map_err(because),
            Err(denial) => Err(denial),
        }
    };
    // Where the layer only observes, the handler gets a whole body or none, as with a proof.
    if let (Err(denial), Mode::Enforce) = (&by_head, shared.mode) {
        *request.body_mut() = body;
        return denied(*denial, Unread::All);
    }

    let length = announced(request);
    let mut timed = Timed::new(body, shared.body_timeout);
    let limit = body_limit(shared, endpoint);
    let read = match body::collect(&mut timed, length, limit).await {
        Ok(read) => read,
        Err(Incomplete { error, read }) => {
            let denial = Denial::from(&error);
            if let BodyError::Broken(_) | BodyError::TimedOut = error {
                // There is no whole body that a handler could be given, in any mode.
                log(shared, endpoint, denial);
                endpoint.deny(denial, shared.now());
                return Judged::Answered(denial.into_response());
            }
            let unread = match length {
                // Nothing was asked for.
                Some(length) if length > limit as u64 => Unread::All,
                _ => Unread::Rest,
            };
            *request.body_mut() = Body::new(Resumed { read, rest: timed });
            return denied(denial, unread);
        }
    };
    let proved = match by_head {
        Ok(Some(delivery)) => Ok(delivery),
        Err(denial) => Err(denial),
        Ok(None) => {
            let seen = seen(request, now).with_body(&read);
            match prepare(&**verifier, &seen).await {
                Ok(()) => verifier.verify(&seen).map_err(because),
                Err(denial) => Err(denial),
            }
        }
    };
    let delivery = match proved {
        Ok(delivery) => delivery,
        Err(denial) => {
            *request.body_mut() = Body::from(read);
            return denied(denial, Unread::Nothing);
        }
    };
    // A handshake is between the sender and the layer.
    if let Some(answer) = delivery.answer() {
        return Judged::Answered(answered(answer));
    }
    // Whatever the handler makes of it: the sender is there, and its proof is good.
    endpoint.counters.verify(Timestamp::at(now));
    let claim = claim(shared, endpoint, &delivery, request.method(), &read);
    *request.body_mut() = Body::from(read);
    let Some(claim) = claim else {
        return Judged::Proved(delivery, None);
    };
    match claim.await {
        Fresh::Handle(held) => Judged::Proved(delivery, Some(Box::new(held))),
        Fresh::Done => Judged::Answered(answered(&Answer::json(DUPLICATE))),
        Fresh::Running | Fresh::Unavailable => {
            let denial = Denial::ReplayUnavailable;
            log(shared, endpoint, denial);
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

/// Claims a delivery, where there is a replay window for it. Whoever asks again with a safe method, as a
/// monitor does, is no repeated delivery; and without id and body nothing tells two calls apart.
fn claim<'a>(
    shared: &'a Shared,
    endpoint: &Endpoint,
    delivery: &Delivery,
    method: &Method,
    body: &[u8],
) -> Option<Pin<Box<dyn Future<Output = Fresh> + Send + 'a>>> {
    let unnamed = delivery.id.is_none() && body.is_empty();
    if method.is_safe() || unnamed {
        return None;
    }
    let verifier = endpoint.declaration.as_ref().and_then(|it| it.verify());
    let verifier = verifier.map_or("", |verify| verify.as_str());
    let by = endpoint.verifier.as_ref();
    let window = shared.replays.of(verifier, by, delivery)?;
    let key = ReplayWindow::key(&endpoint.route, verifier, delivery, body);
    Some(Box::pin(window.claim(key, shared.now())))
}

/// What a verifier sees before the body is there.
fn seen(request: &Request<Body>, now: SystemTime) -> WebhookRequest<'_> {
    let mut seen = WebhookRequest::of_head(request, now);
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        seen = seen.with_peer(peer.ip());
    }
    if let Some(OriginalUri(uri)) = request.extensions().get() {
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
