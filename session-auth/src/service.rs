//! The service: dispatches by the decision, and decides nothing itself.

use std::borrow::Cow;
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

use crate::access::Declaration;
use crate::activity::{Counters, Endpoint};
use crate::clock::Timestamp;
use crate::decision::{self, Admitted, Asked, Decision, Means};
use crate::future::{RenewCookie, ResponseFuture};
use crate::layer::Shared;
use crate::mode::Mode;
use crate::response::Denial;
use crate::session::{RequestAuth, Session};
use crate::sessions::Sessions;
use crate::table::{Resolved, RouteTable};
use crate::webhook::body::{BodyError, Incomplete, Resumed};
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
        let Self { inner, guard } = self;
        let shared = &guard.shared;
        let place = match &guard.routes {
            Routes::Fixed(endpoint) => Place::Endpoint(Cow::Borrowed(endpoint)),
            Routes::Table(table) => match resolve(table, &request) {
                Resolved::Endpoint(endpoint) => Place::Endpoint(Cow::Borrowed(endpoint)),
                Resolved::Unclassified => Place::Unclassified(count_unclassified(table, &request)),
                Resolved::Ambiguous => {
                    let counters = count_unclassified(table, &request);
                    let place = Place::Unclassified(counters);
                    return deny(inner, shared, &place, Denial::AmbiguousPath, request);
                }
            },
        };

        let policy = &shared.policy;
        let means = Means {
            keys: &policy.keys,
            cookie: &policy.cookie,
            cross_origin: &shared.cross_origin,
            idle_timeout: policy.idle_timeout,
            now: &|| Timestamp::of(&policy.clock),
        };
        let declaration = place.declaration();
        let asked = Asked {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
        };
        let admitted = match decision::decide(declaration, &asked, &means) {
            Decision::Forward => None,
            Decision::ForwardIssuing => {
                let sessions = shared.sessions.clone();
                request
                    .extensions_mut()
                    .insert(RequestAuth::Issues(sessions));
                None
            }
            Decision::ForwardOptional(None) => {
                let auth = RequestAuth::Optional(None, shared.sessions_if_issued(declaration));
                request.extensions_mut().insert(auth);
                None
            }
            Decision::ForwardOptional(Some(admitted)) | Decision::Admit(admitted) => Some(admitted),
            Decision::VerifyWebhook => {
                // An unclassified route is never a webhook.
                let Place::Endpoint(endpoint) = place else {
                    return deny(inner, shared, &place, Denial::Missing, request);
                };
                let inner = take_ready(inner);
                let shared = Arc::clone(shared);
                let endpoint = endpoint.into_owned();
                let verified = verify_webhook(inner, shared, endpoint, request.map(Body::new));
                return ResponseFuture::boxed(Box::pin(verified));
            }
            Decision::Deny(denial) => return deny(inner, shared, &place, denial, request),
        };
        let admitted = match admitted {
            Some(admitted) if policy.store.is_some() => {
                let inner = take_ready(inner);
                let shared = Arc::clone(shared);
                let place = place.into_owned();
                let checked = check_store(inner, shared, place, admitted, request.map(Body::new));
                return ResponseFuture::boxed(Box::pin(checked));
            }
            admitted => admitted,
        };
        let renewal =
            admitted.and_then(|admitted| shared.admit(&mut request, declaration, admitted));
        place.counters().pass();
        ResponseFuture::forward(inner.call(request.map(Body::new)), renewal)
    }
}

/// The service that was polled ready, for a future that outlives the call. Its clone, which stays,
/// may not be ready.
fn take_ready<S: Clone>(inner: &mut S) -> S {
    let clone = inner.clone();
    std::mem::replace(inner, clone)
}

fn deny<S, B, R>(
    inner: &mut S,
    shared: &Shared,
    place: &Place<'_>,
    denial: Denial,
    mut request: Request<B>,
) -> ResponseFuture<S::Future, S::Error>
where
    S: Service<Request<Body>, Response = Response<R>>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match shared.refuse(place, denial, &mut request) {
        Some(response) => ResponseFuture::denied(response),
        None => ResponseFuture::forward(inner.call(request.map(Body::new)), None),
    }
}

/// What a request is for, and who counts it.
enum Place<'a> {
    Endpoint(Cow<'a, Arc<Endpoint>>),
    Unclassified(Arc<Counters>),
}

impl Place<'_> {
    fn into_owned(self) -> Place<'static> {
        match self {
            Self::Endpoint(endpoint) => Place::Endpoint(Cow::Owned(endpoint.into_owned())),
            Self::Unclassified(counters) => Place::Unclassified(counters),
        }
    }

    fn declaration(&self) -> Option<&Declaration> {
        match self {
            Self::Endpoint(endpoint) => Some(&endpoint.declaration),
            Self::Unclassified(_) => None,
        }
    }

    fn counters(&self) -> &Counters {
        match self {
            Self::Endpoint(endpoint) => &endpoint.counters,
            Self::Unclassified(counters) => counters,
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(endpoint) => endpoint.declaration.target().fmt(f),
            Self::Unclassified(_) => f.write_str("unclassified"),
        }
    }
}

impl Shared {
    /// Hands a session to the handler, and gives the cookie to write if it slides.
    fn admit<B>(
        &self,
        request: &mut Request<B>,
        declaration: Option<&Declaration>,
        admitted: Admitted,
    ) -> Option<Box<RenewCookie>> {
        let Admitted { token, renewal, .. } = admitted;
        let session = Session::new(token);
        let optional = declaration.is_some_and(|declaration| declaration.optional_session());
        request.extensions_mut().insert(if optional {
            RequestAuth::Optional(Some(session), self.sessions_if_issued(declaration))
        } else {
            RequestAuth::Session(session, self.sessions.clone())
        });
        renewal.map(|renewal| Box::new(RenewCookie::new(Arc::clone(&self.policy), renewal)))
    }

    fn sessions_if_issued(&self, declaration: Option<&Declaration>) -> Option<Sessions> {
        declaration
            .is_some_and(|declaration| declaration.issues_session())
            .then(|| self.sessions.clone())
    }

    /// Counts a denial and makes its response. `None` where the layer only observes: then the
    /// request goes on as it is.
    fn refuse<B>(
        &self,
        place: &Place<'_>,
        denial: Denial,
        request: &mut Request<B>,
    ) -> Option<Response<Body>> {
        if self.mode == Mode::Observe {
            let count = place.counters().observe(denial);
            // Each time there are twice as many: often enough to be seen, and never a flood.
            if count.is_power_of_two() {
                tracing::warn!(
                    target: "session_auth",
                    route = %place,
                    reason = %denial,
                    count,
                    "let through by mode `observe`; enforcing would deny it"
                );
            }
            place.counters().pass();
            let auth = RequestAuth::Observed(denial, self.sessions.clone());
            request.extensions_mut().insert(auth);
            return None;
        }
        tracing::debug!(target: "session_auth", route = %place, reason = %denial, "denied");
        place.counters().deny(denial);
        let redirect = self.login.as_ref().and_then(|login| {
            // As the browser sees it: a nested router has a shorter one.
            let uri = match request.extensions().get::<OriginalUri>() {
                Some(OriginalUri(original)) => original,
                None => request.uri(),
            };
            login.redirect(denial, request.method(), uri, request.headers())
        });
        Some(redirect.unwrap_or_else(|| denial.into_response()))
    }
}

/// Asks the store whether the session still is one, then goes on as without a store.
async fn check_store<S, R>(
    mut inner: S,
    shared: Arc<Shared>,
    place: Place<'static>,
    admitted: Admitted,
    mut request: Request<Body>,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<R>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let declaration = place.declaration();
    let mut renewal = None;
    match crate::store::check(&shared.policy, &admitted).await {
        Ok(()) => {
            renewal = shared.admit(&mut request, declaration, admitted);
            place.counters().pass();
        }
        // Nothing of a session can break this route.
        Err(_) if declaration.is_some_and(|declaration| declaration.optional_session()) => {
            let auth = RequestAuth::Optional(None, shared.sessions_if_issued(declaration));
            request.extensions_mut().insert(auth);
            place.counters().pass();
        }
        Err(denial) => {
            if let Some(response) = shared.refuse(&place, denial, &mut request) {
                return Ok(response);
            }
        }
    }
    let mut response = inner.call(request).await?.map(Body::new);
    if let Some(renewal) = renewal {
        renewal.write(&mut response);
    }
    Ok(response)
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
    let place = Place::Endpoint(Cow::Borrowed(&endpoint));
    let log = |denial: Denial| {
        // A sender is told little and may never try again: the log is where this must show.
        if shared.mode == Mode::Enforce {
            tracing::warn!(
                target: "session_auth",
                route = %place,
                reason = %denial,
                "webhook denied"
            );
        }
    };

    let limit = endpoint.declaration.max_body().unwrap_or(shared.max_body);
    let length = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let (parts, mut body) = request.into_parts();
    let body = match webhook::body::collect(&mut body, length, limit).await {
        Ok(body) => body,
        Err(Incomplete { error, read }) => {
            let denial = Denial::from(&error);
            log(denial);
            let rest = body;
            let mut request = Request::from_parts(parts, Body::new(Resumed { read, rest }));
            if let BodyError::Broken(_) = error {
                // There is no whole body that a handler could be given, in any mode.
                endpoint.counters.deny(denial);
                return Ok(denial.into_response());
            }
            return match shared.refuse(&place, denial, &mut request) {
                Some(response) => Ok(response),
                None => Ok(inner.call(request).await?.map(Body::new)),
            };
        }
    };
    let mut request = Request::from_parts(parts, body);
    let verdict = match &endpoint.verifier {
        Some(verifier) => {
            let mut proof = WebhookRequest::new(&request, shared.policy.clock.now());
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
        // `protect` has refused a webhook without a verifier; if one came here it would be refused
        // too.
        None => Err(Denial::SignatureMissing),
    };
    match verdict {
        Ok(delivery) => {
            request.extensions_mut().insert(delivery);
            endpoint.counters.pass();
        }
        Err(denial) => {
            log(denial);
            if let Some(response) = shared.refuse(&place, denial, &mut request) {
                return Ok(response);
            }
        }
    }
    Ok(inner.call(request.map(Body::from)).await?.map(Body::new))
}
