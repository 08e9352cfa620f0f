//! What is answered in place of everything that is inside of a guard.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::MatchedPath;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};

use super::HEADER;
use super::key::answer_header;
use super::said::{ProbeAnswer, ProbeDecision};
use super::seen::Accepted;
use crate::activity::Endpoint;
use crate::future::ResponseFuture;
use crate::pass::{Caller, Pass};
use crate::response::Denial;
use crate::service::{Next, carry_out};
use crate::shared::Shared;

/// What is behind a guard.
pub(crate) enum Behind<'a> {
    Route {
        endpoint: &'a Endpoint,
        sealed: bool,
        /// Whether the path can be read in two ways.
        ambiguous: bool,
    },
    /// axum's own 404 or 405.
    NoRoute,
    /// Nobody knows.
    Unbound,
    /// A handler that runs for anyone.
    #[cfg(feature = "testing")]
    Open,
}

/// Answers a probe with what would have become of it.
#[cold]
pub(crate) fn answer<F, E>(
    shared: &Arc<Shared>,
    probe: Accepted,
    behind: Behind<'_>,
    request: Request<Body>,
) -> ResponseFuture<F, E>
where
    E: Send + 'static,
{
    let pattern = request.extensions().get::<MatchedPath>();
    let pattern = pattern.map(|pattern| pattern.as_str().to_owned());
    // Nothing that came with it can have an effect.
    let mut request = request.map(|_| Body::empty());
    let mut class = None;
    let decided: ResponseFuture<Ready<Result<Response<Body>, E>>, E> = match behind {
        Behind::Route {
            endpoint,
            sealed,
            ambiguous,
        } => {
            class = endpoint.class();
            let endpoint = Arc::new(endpoint.probed());
            let verdict = if ambiguous {
                shared.deny(&endpoint, Denial::AmbiguousPath, sealed, &mut request)
            } else {
                shared.judge(&endpoint, sealed, &mut request)
            };
            carry_out(Inside(PhantomData), shared, verdict, request)
        }
        Behind::NoRoute => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response.extensions_mut().insert(Went::Nowhere);
            ResponseFuture::denied(response)
        }
        Behind::Unbound => ResponseFuture::denied(Denial::Missing.into_response()),
        #[cfg(feature = "testing")]
        Behind::Open => ResponseFuture::denied(Went::In(None).into_response()),
    };
    let shared = Arc::clone(shared);
    ResponseFuture::boxed(Box::pin(async move {
        let mut response = decided.await?;
        let denial = response.extensions().get::<Denial>().copied();
        let (decision, reason) = match (response.extensions().get::<Went>(), denial) {
            (Some(Went::In(None)), _) => (ProbeDecision::Grant, None),
            (Some(Went::In(Some(denial))), _) => (ProbeDecision::Observe, Some(*denial)),
            (Some(Went::Nowhere), _) => (ProbeDecision::NoRoute, None),
            (None, Some(denial)) => (ProbeDecision::Deny, Some(denial)),
            (None, None) => (ProbeDecision::Answer, None),
        };
        let answer = ProbeAnswer {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: shared.mode.as_str().to_owned(),
            lock: shared.lock.clone(),
            class,
            pattern,
            decision,
            reason: reason.map(|it| it.as_str().to_owned()),
            status: response.status(),
        };
        let header = answer_header(&probe.key, &probe.nonce, &answer);
        if let Some(value) = header.and_then(|it| HeaderValue::try_from(it).ok()) {
            let name = HeaderName::from_static(HEADER);
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }))
}

/// In the extensions of a response: what became of the request that it answers.
#[derive(Clone, Copy)]
enum Went {
    /// To what is inside; in mode `observe` in spite of this.
    In(Option<Denial>),
    Nowhere,
}

impl Went {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(self);
        response
    }
}

/// In place of the service inside.
struct Inside<E>(PhantomData<fn() -> E>);

impl<E: Send + 'static> Next for Inside<E> {
    type Future = Ready<Result<Response<Body>, E>>;

    fn call(self, request: Request<Body>) -> Self::Future {
        let observed = match Pass::caller(request.extensions()) {
            Some(Caller::Observed { denial, .. }) => Some(*denial),
            _ => None,
        };
        ready(Ok(Went::In(observed).into_response()))
    }

    fn later(self) -> impl FnOnce(Request<Body>) -> Self::Future + Send + 'static {
        |request| self.call(request)
    }
}
