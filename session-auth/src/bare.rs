//! What a bare `.layer(auth)` puts around a service: each request is looked up among all that the program
//! declares, since no record says what is behind it.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use axum::body::Body;
use axum::extract::{MatchedPath, OriginalUri};
use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::ServiceExt as _;
use tower::util::Oneshot;
use tower_service::Service;

use crate::activity::Endpoint;
use crate::future::ResponseFuture;
use crate::per_thread;
use crate::probe::{self, Accepted, Behind};
use crate::response::Denial;
use crate::service::{Next, carry_out};
use crate::shared::Shared;
use crate::table::{Resolved, RouteTable};

/// The service that [`SessionAuthLayer`](crate::SessionAuthLayer) puts around another.
///
/// It answers denied requests itself, and hands all others on. Requests and responses keep their
/// bodies; in type, they become [`axum::body::Body`], which costs nothing where they are already.
///
/// It is ready by itself, and asks the service inside only for a request that it lets through: a
/// limiter there reserves nothing for one that is refused.
#[derive(Clone)]
pub struct SessionAuth<S> {
    inner: S,
    // One pointer: axum clones the service for each request.
    guard: per_thread::Shared<TableGuard>,
}

struct TableGuard {
    shared: Arc<Shared>,
    table: Arc<RouteTable>,
}

impl<S> SessionAuth<S> {
    pub(crate) fn new(inner: S, shared: Arc<Shared>, table: Arc<RouteTable>) -> Self {
        let guard = per_thread::Parts::new(TableGuard { shared, table }).into();
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
    type Future = ResponseFuture<OnceReadyFuture<S>, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let TableGuard { shared, table } = &**self.guard;
        let mut request = request.map(Body::new);
        if let Some(probe) = shared.probes.accept(&request, || shared.now()) {
            return probe_answer(shared, table, probe, request);
        }
        let nobodys;
        let verdict = match resolve(table, &request) {
            Resolved::Endpoint(endpoint) => shared.judge(endpoint, false, &mut request),
            Resolved::Unclassified => {
                nobodys = unclassified(table, &request);
                shared.judge(&nobodys, false, &mut request)
            }
            Resolved::Ambiguous => {
                let endpoint = unclassified(table, &request);
                shared.deny(&endpoint, Denial::AmbiguousPath, false, &mut request)
            }
        };
        carry_out(OnceReady(&mut self.inner), shared, verdict, request)
    }
}

#[cold]
fn probe_answer<F, E: Send + 'static>(
    shared: &Arc<Shared>,
    table: &RouteTable,
    probe: Accepted,
    request: Request<Body>,
) -> ResponseFuture<F, E> {
    let resolved = resolve(table, &request);
    let ambiguous = matches!(resolved, Resolved::Ambiguous);
    let nobodys;
    let endpoint: &Endpoint = match resolved {
        Resolved::Endpoint(endpoint) => endpoint,
        Resolved::Unclassified | Resolved::Ambiguous => {
            nobodys = Endpoint::unclassified(String::new());
            &nobodys
        }
    };
    let behind = Behind::Route {
        endpoint,
        sealed: false,
        ambiguous,
    };
    probe::answer(shared, probe, behind, request)
}

/// Finds the endpoint: by what a router has matched, or, where none has, by the path.
fn resolve<'a>(table: &'a RouteTable, request: &Request<Body>) -> Resolved<'a> {
    let original = || request.extensions().get::<OriginalUri>();
    if let Some(matched) = request.extensions().get::<MatchedPath>() {
        let public = || original().map_or_else(|| request.uri().path(), |original| original.path());
        return table.by_pattern(request.method(), matched.as_str(), public);
    }
    match original() {
        Some(original) => {
            // Between the outermost router and here the path may have lost a prefix, as in a nested
            // service. Anything else is a rewrite, and then the path that was declared is not the
            // path that will be served.
            let served = request.uri().path();
            if served != "/" && !original.path().ends_with(served) {
                return Resolved::Unclassified;
            }
            table.without_pattern(original.path())
        }
        None => table.by_path(request.method(), request.uri().path()),
    }
}

#[cold]
fn unclassified(table: &RouteTable, request: &Request<Body>) -> Arc<Endpoint> {
    let pattern = request.extensions().get::<MatchedPath>();
    table.unclassified(request.method(), pattern.map(MatchedPath::as_str))
}

/// A service that may have to be waited for.
struct OnceReady<'a, S>(&'a mut S);

impl<S> Next for OnceReady<'_, S>
where
    S: Service<Request<Body>> + Clone + Send + 'static,
{
    type Future = OnceReadyFuture<S>;

    fn call(self, request: Request<Body>) -> Self::Future {
        call_once_ready(self.0, request)
    }

    fn later(self) -> impl FnOnce(Request<Body>) -> Self::Future + Send + 'static {
        let mut inner = self.0.clone();
        move |request| call_once_ready(&mut inner, request)
    }
}

pin_project! {
    /// The answer of a service that may have to be waited for first.
    #[project = OnceReadyProj]
    pub enum OnceReadyFuture<S: Service<Request<Body>>> {
        /// It was ready, as most are.
        Called {
            #[pin]
            future: S::Future,
        },
        /// Boxed: it is rare, and the future moves with every request.
        Waiting {
            future: Pin<Box<Oneshot<S, Request<Body>>>>,
        },
        /// It will never be.
        Failed {
            error: Option<S::Error>,
        },
    }
}

fn call_once_ready<S>(inner: &mut S, request: Request<Body>) -> OnceReadyFuture<S>
where
    S: Service<Request<Body>> + Clone,
{
    // Nobody is woken by it: where the service is not ready, it is asked again by the future.
    let mut nobody = Context::from_waker(Waker::noop());
    match inner.poll_ready(&mut nobody) {
        Poll::Ready(Ok(())) => OnceReadyFuture::Called {
            future: inner.call(request),
        },
        Poll::Ready(Err(error)) => OnceReadyFuture::Failed { error: Some(error) },
        Poll::Pending => {
            // The one that was asked waits: it may stand in a queue already.
            let other = inner.clone();
            let asked = std::mem::replace(inner, other);
            let future = Box::pin(asked.oneshot(request));
            OnceReadyFuture::Waiting { future }
        }
    }
}

impl<S, R> Future for OnceReadyFuture<S>
where
    S: Service<Request<Body>, Response = Response<R>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = Result<Response<Body>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answered = match self.project() {
            OnceReadyProj::Called { future } => ready!(future.poll(cx)),
            OnceReadyProj::Waiting { future } => ready!(future.as_mut().poll(cx)),
            OnceReadyProj::Failed { error } => Err(error.take().expect("polled after completion")),
        };
        Poll::Ready(answered.map(|response| response.map(Body::new)))
    }
}
