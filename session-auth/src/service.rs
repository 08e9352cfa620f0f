//! The service: dispatches by the decision, and decides nothing itself.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, OriginalUri};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use tower_service::Service;

use crate::activity::{Counters, Endpoint};
use crate::clock::Timestamp;
use crate::decision::{self, Admitted, Decision, Means};
use crate::future::{RenewCookie, ResponseFuture};
use crate::layer::Shared;
use crate::response::Denial;
use crate::session::{RequestAuth, Session};
use crate::table::{Resolved, RouteTable};
use crate::webhook::{self, WebhookRequest};

/// The service that [`SessionAuthLayer`](crate::SessionAuthLayer) puts around another.
///
/// It answers denied requests itself, and hands all others on. Requests and responses keep their
/// bodies; in type, they become [`axum::body::Body`], which costs nothing where they are already.
#[derive(Clone)]
pub struct SessionAuth<S> {
    inner: S,
    // One pointer: axum clones the service for each request.
    guard: Arc<Guard>,
}

struct Guard {
    shared: Arc<Shared>,
    routes: Routes,
}

/// How the service learns what a request is for.
enum Routes {
    /// It guards one endpoint.
    Fixed(Arc<Endpoint>),
    /// It looks the endpoint up.
    Table(Arc<RouteTable>),
}

impl<S> SessionAuth<S> {
    pub(crate) fn fixed(inner: S, shared: Arc<Shared>, endpoint: Arc<Endpoint>) -> Self {
        let routes = Routes::Fixed(endpoint);
        let guard = Arc::new(Guard { shared, routes });
        Self { inner, guard }
    }

    pub(crate) fn by_table(inner: S, shared: Arc<Shared>, table: Arc<RouteTable>) -> Self {
        let routes = Routes::Table(table);
        let guard = Arc::new(Guard { shared, routes });
        Self { inner, guard }
    }
}

impl<S: fmt::Debug> fmt::Debug for SessionAuth<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionAuth")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for SessionAuth<S>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Guard { shared, routes } = &*self.guard;
        let unclassified;
        let (endpoint, counters) = match routes {
            Routes::Fixed(endpoint) => (Some(endpoint), &endpoint.counters),
            Routes::Table(table) => match resolve(table, &request) {
                Resolved::Endpoint(endpoint) => (Some(endpoint), &endpoint.counters),
                Resolved::Unclassified => {
                    unclassified = count_unclassified(table, &request);
                    (None, &*unclassified)
                }
                Resolved::Ambiguous => {
                    return deny(Denial::AmbiguousPath, &count_unclassified(table, &request));
                }
            },
        };

        let policy = &shared.policy;
        let means = Means {
            keys: &policy.keys,
            cookie: &policy.cookie,
            idle_timeout: policy.idle_timeout,
            now: &|| Timestamp::of(&policy.clock),
        };
        let declaration = endpoint.map(|endpoint| &endpoint.declaration);
        let decision = decision::decide(declaration, request.headers(), &means);
        let renewal = match decision {
            Decision::Forward => None,
            Decision::ForwardIssuing => {
                let sessions = shared.sessions.clone();
                request
                    .extensions_mut()
                    .insert(RequestAuth::Issues(sessions));
                None
            }
            Decision::ForwardOptional(admitted) => {
                let issues = declaration.is_some_and(|declaration| declaration.issues_session());
                let sessions = issues.then(|| shared.sessions.clone());
                let (session, renewal) = match admitted {
                    Some(Admitted { token, renewal }) => (Some(Session::new(token)), renewal),
                    None => (None, None),
                };
                request
                    .extensions_mut()
                    .insert(RequestAuth::Optional(session, sessions));
                renewal
            }
            Decision::Admit(Admitted { token, renewal }) => {
                let sessions = shared.sessions.clone();
                let auth = RequestAuth::Session(Session::new(token), sessions);
                request.extensions_mut().insert(auth);
                renewal
            }
            Decision::VerifyWebhook => {
                // A declaration without an endpoint is never a webhook.
                let Some(endpoint) = endpoint else {
                    return deny(Denial::Missing, counters);
                };
                let shared = Arc::clone(shared);
                // The clone may not be ready; the service that was polled ready is the one to call.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                let verified =
                    verify_webhook(inner, shared, Arc::clone(endpoint), request.map(Body::new));
                return ResponseFuture::boxed(Box::pin(verified));
            }
            Decision::Deny(denial) => {
                tracing::debug!(target: "session_auth", reason = %denial, "denied");
                return deny(denial, counters);
            }
        };
        counters.pass();
        let renewal =
            renewal.map(|renewal| Box::new(RenewCookie::new(Arc::clone(policy), renewal)));
        ResponseFuture::forward(self.inner.call(request.map(Body::new)), renewal)
    }
}

fn deny<F, E>(denial: Denial, counters: &Counters) -> ResponseFuture<F, E> {
    counters.deny(denial);
    ResponseFuture::denied(denial.into_response())
}

/// Finds the endpoint: by what a router has matched, or, where none has, by the path.
fn resolve<'a, B>(table: &'a RouteTable, request: &Request<B>) -> Resolved<'a> {
    match request.extensions().get::<MatchedPath>() {
        Some(matched) => {
            table.by_pattern(request.method(), matched.as_str(), || public_path(request))
        }
        None => {
            let public = public_path(request);
            // Between the outermost router and here the path may have lost a prefix, as in a nested
            // service. Anything else is a rewrite, and then the path that was declared is not the
            // path that will be served.
            let served = request.uri().path();
            if served != "/" && !public.ends_with(served) {
                return Resolved::Unclassified;
            }
            table.by_path(request.method(), public)
        }
    }
}

/// The path as the outermost router saw it: what declarations speak of.
fn public_path<B>(request: &Request<B>) -> &str {
    match request.extensions().get::<OriginalUri>() {
        Some(original) => original.path(),
        None => request.uri().path(),
    }
}

fn count_unclassified<B>(table: &RouteTable, request: &Request<B>) -> Arc<Counters> {
    let pattern = request
        .extensions()
        .get::<MatchedPath>()
        .map(MatchedPath::as_str);
    table.unclassified(request.method(), pattern, public_path(request))
}

/// Buffers the body, has it verified, and hands on the same bytes.
async fn verify_webhook<S, R>(
    mut inner: S,
    shared: Arc<Shared>,
    endpoint: Arc<Endpoint>,
    request: Request<Body>,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<R>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let deny = |denial: Denial| {
        // A sender is told little and may never try again: the log is where this must show.
        tracing::warn!(
            target: "session_auth",
            route = %endpoint.declaration.target(),
            reason = %denial,
            "webhook denied"
        );
        endpoint.counters.deny(denial);
        Ok(denial.into_response())
    };

    let limit = endpoint.declaration.max_body().unwrap_or(shared.max_body);
    let length = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let (parts, body) = request.into_parts();
    let body = match webhook::body::collect(body, length, limit).await {
        Ok(body) => body,
        Err(error) => return deny(error.into()),
    };
    let mut request = Request::from_parts(parts, body);
    // `protect` has refused a webhook without a verifier; if one came here it would be refused too.
    let Some(verifier) = &endpoint.verifier else {
        return deny(Denial::SignatureMissing);
    };
    let mut proof = WebhookRequest::new(&request, shared.policy.clock.now());
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        proof = proof.with_peer(peer.ip());
    }
    if let Some(OriginalUri(uri)) = request.extensions().get() {
        proof = proof.with_uri(uri);
    }
    match verifier.verify(&proof) {
        Ok(delivery) => {
            request.extensions_mut().insert(delivery);
            endpoint.counters.pass();
            Ok(inner.call(request.map(Body::from)).await?.map(Body::new))
        }
        Err(rejection) => {
            tracing::debug!(target: "session_auth", detail = rejection.detail(), "webhook denied");
            deny(rejection.into())
        }
    }
}
