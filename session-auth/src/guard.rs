//! The guard of one endpoint of a router. It knows whose the endpoint is before the first request:
//! nothing is looked up, and no URL is read.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use http::{Method, Response, StatusCode};
use matchit::Router as Matcher;
use tower_layer::Layer;
use tower_service::Service;

use crate::access::Access;
#[cfg(feature = "testing")]
use crate::access::DeclarationRef;
use crate::activity::Endpoint;
use crate::future::{Outcome, ResponseFuture, Unmatched};
use crate::mode::Mode;
use crate::mounted::Answer;
#[cfg(feature = "testing")]
use crate::pass::Caller;
use crate::pass::Pass;
use crate::paths;
use crate::per_thread;
use crate::probe::{self, Accepted, Behind};
use crate::response::Denial;
use crate::service::{self, Next, Verdict, carry_out, log_unclassified};
use crate::shared::Shared;

/// Puts a guard around each endpoint of one router.
#[derive(Clone)]
pub(crate) struct GuardLayer(per_thread::Parts<Guards>);

/// What all guards of one router share.
struct Guards {
    shared: Arc<Shared>,
    /// How many there are.
    made: AtomicUsize,
    /// What each is for, by its number. Nothing until the service has started; from then on a guard that
    /// is for nothing denies.
    bound: OnceLock<Box<[Option<Bound>]>>,
    /// Counts what was not to be answered at all.
    unmatched: Arc<Endpoint>,
}

/// What a guard is for.
pub(crate) enum Bound {
    /// A route.
    Route {
        endpoint: Arc<Endpoint>,
        /// Whether its handler asks for its pass by itself: only then may a preflight go in.
        sealed: bool,
        /// In front of a service, that may read a path otherwise than axum does.
        readings: Option<Arc<Readings>>,
    },
    /// axum's own 404 or 405, and the handshakes that senders make by a method of no handler's.
    OfAxum(Arc<Handshakes>),
    /// A route whose handler runs for anyone: in tests alone.
    #[cfg(feature = "testing")]
    Open(Option<DeclarationRef>),
}

impl GuardLayer {
    pub(crate) fn new(shared: Arc<Shared>, unmatched: Arc<Endpoint>) -> Self {
        Self(per_thread::Parts::new(Guards {
            shared,
            made: AtomicUsize::new(0),
            bound: OnceLock::new(),
            unmatched,
        }))
    }

    /// Binds guards, by the numbers that they answered with. From now on others deny.
    pub(crate) fn start(&self, bound: impl IntoIterator<Item = (usize, Bound)>) {
        let mut all: Vec<_> = (0..self.0.made.load(Ordering::Acquire))
            .map(|_| None)
            .collect();
        for (number, bound) in bound {
            // The first binding stays; two owners were found before.
            if let Some(free @ None) = all.get_mut(number) {
                *free = Some(bound);
            }
        }
        let _ = self.0.bound.set(all.into());
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard {
            inner,
            number: self.0.made.fetch_add(1, Ordering::AcqRel),
            guards: self.0.clone().into(),
        }
    }
}

/// Around one endpoint.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    inner: S,
    number: usize,
    guards: per_thread::Shared<Guards>,
}

impl<S> fmt::Debug for Guard<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // An axum route is always ready.
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, mut request: Request) -> Self::Future {
        let guards = &*self.guards;
        let shared = &guards.shared;
        if let Some(probe) = shared.probes.accept(&request, || shared.now()) {
            return guards.probed(self.number, probe, request);
        }
        let verdict = guards.judge(self.number, &mut request);
        carry_out(Ready(&mut self.inner), shared, verdict, request)
    }
}

/// The service in a guard, which is ready.
struct Ready<'a, S>(&'a mut S);

impl<S> Next for Ready<'_, S>
where
    S: Service<Request> + Clone + Send + 'static,
{
    type Future = S::Future;

    fn call(self, request: Request) -> S::Future {
        self.0.call(request)
    }

    fn later(self) -> impl FnOnce(Request) -> S::Future + Send + 'static {
        let mut inner = self.0.clone();
        move |request| inner.call(request)
    }
}

impl Guards {
    fn bound(&self, number: usize) -> Option<&Bound> {
        self.bound.get()?.get(number)?.as_ref()
    }

    #[inline]
    fn judge(self: &Arc<Self>, number: usize, request: &mut Request) -> Verdict<'_> {
        let shared = &self.shared;
        let (endpoint, sealed) = match self.bound(number) {
            Some(Bound::Route {
                endpoint,
                sealed,
                readings,
            }) => {
                if let Some(readings) = readings
                    && readings.differ(request.uri().path(), endpoint.access())
                {
                    return shared.deny(endpoint, Denial::AmbiguousPath, *sealed, request);
                }
                (endpoint, *sealed)
            }
            Some(Bound::OfAxum(handshakes)) => match handshakes.find(request) {
                Some(webhook) => (webhook, false),
                None => return Verdict::LetIn(self.to_axum(request)),
            },
            #[cfg(feature = "testing")]
            Some(Bound::Open(handler)) => {
                let caller = Caller::observed(Denial::Missing, &shared.sessions);
                let end = Pass::put(request.extensions_mut(), handler.clone(), caller);
                return Verdict::LetIn(Outcome::of_pass(end, None));
            }
            None => return Verdict::Answered(self.unbound(number, request)),
        };
        shared.judge(endpoint, sealed, request)
    }

    /// Leaves a request to axum's own 404 or 405, and says what is to be done with the answer.
    fn to_axum(self: &Arc<Self>, request: &mut Request) -> Outcome {
        Pass::take_off(request.extensions_mut());
        if request.method() == Method::OPTIONS {
            Outcome::without_body()
        } else {
            Outcome::of_axum(Arc::clone(self) as Arc<dyn Unmatched>)
        }
    }

    /// Answers a probe with what would have become of it.
    #[cold]
    fn probed<F>(
        &self,
        number: usize,
        probe: Accepted,
        request: Request,
    ) -> ResponseFuture<F, Infallible> {
        let behind = match self.bound(number) {
            Some(Bound::Route {
                endpoint,
                sealed,
                readings,
            }) => Behind::Route {
                endpoint,
                sealed: *sealed,
                ambiguous: readings.as_ref().is_some_and(|readings| {
                    readings.differ(request.uri().path(), endpoint.access())
                }),
            },
            Some(Bound::OfAxum(handshakes)) => match handshakes.find(&request) {
                Some(endpoint) => Behind::Route {
                    endpoint,
                    sealed: false,
                    ambiguous: false,
                },
                None => Behind::NoRoute,
            },
            #[cfg(feature = "testing")]
            Some(Bound::Open(_)) => Behind::Open,
            None => Behind::Unbound,
        };
        probe::answer(&self.shared, probe, behind, request)
    }

    /// Before the start, the guard's number; afterwards nothing.
    #[cold]
    fn unbound(&self, number: usize, request: &Request) -> Response<Body> {
        if self.bound.get().is_some() {
            let endpoint = &self.unmatched;
            log_unclassified(endpoint, request);
            endpoint.counters.deny(Denial::Missing, self.shared.now());
            return Denial::Missing.into_response();
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        Answer::of_guard(number, request);
        response
    }
}

impl Unmatched for Guards {
    /// A middleware inside answers for a path or method that no route has: nobody declared that.
    #[cold]
    fn deny(&self, status: StatusCode) -> Option<Denial> {
        let Guards {
            shared, unmatched, ..
        } = self;
        let count = unmatched.counters.unclassified();
        if count.is_power_of_two() {
            tracing::error!(
                target: "session_auth",
                %status,
                count,
                "unclassified: a middleware inside the router answers where no route is mounted. \
                 Put it on `Protected`, outside of the guards, or make it a route with a class"
            );
        }
        if shared.mode == Mode::Observe {
            unmatched.counters.observe(Denial::Missing, shared.now());
            unmatched.counters.pass();
            return None;
        }
        unmatched.counters.deny(Denial::Missing, shared.now());
        Some(Denial::Missing)
    }
}

/// The webhooks by their patterns whose senders shake hands by a method that no handler is for: a GET,
/// a HEAD. The layer answers; behind it is axum's own 405 alone.
#[derive(Default)]
pub(crate) struct Handshakes(HashMap<Box<str>, Arc<Endpoint>>);

impl Handshakes {
    pub(crate) fn new<'a>(routes: impl Iterator<Item = (&'a str, &'a Arc<Endpoint>)>) -> Self {
        let shakes_hands = |endpoint: &Endpoint| {
            let verifier = endpoint.verifier.as_ref();
            verifier.is_some_and(|it| !it.terms().handshake_by.is_empty())
        };
        let known = routes.filter(|(_, endpoint)| shakes_hands(endpoint));
        Self(
            known
                .map(|(path, it)| (path.into(), Arc::clone(it)))
                .collect(),
        )
    }

    fn find(&self, request: &Request) -> Option<&Arc<Endpoint>> {
        if self.0.is_empty() || service::is_preflight(request) {
            return None;
        }
        let pattern = request.extensions().get::<MatchedPath>()?;
        let endpoint = self.0.get(pattern.as_str())?;
        let by = endpoint.verifier.as_ref()?.terms().handshake_by;
        by.contains(&request.method().as_str()).then_some(endpoint)
    }
}

/// What nobody declared needs a session.
const UNDECLARED: Access = Access::Session {
    by: std::borrow::Cow::Borrowed(crate::by::SESSION),
    scope: None,
    cross_origin: None,
};

/// The mounted patterns, for the paths that a service may read otherwise.
pub(crate) struct Readings {
    matcher: Matcher<Vec<Access>>,
}

impl Readings {
    pub(crate) fn new<'a>(routes: impl Iterator<Item = (&'a str, Option<&'a Access>)>) -> Self {
        let mut by_pattern: std::collections::BTreeMap<&str, Vec<Access>> =
            std::collections::BTreeMap::new();
        for (pattern, access) in routes {
            let all = by_pattern.entry(pattern).or_default();
            all.push(access.unwrap_or(&UNDECLARED).clone());
        }
        let mut matcher = Matcher::new();
        for (pattern, all) in by_pattern {
            // axum's router took the same patterns, in the same matcher.
            let _ = matcher.insert(pattern, all);
        }
        Self { matcher }
    }

    /// Whether another reading of the path leads to another pattern, of another class.
    fn differ(&self, path: &str, access: Option<&Access>) -> bool {
        paths::may_have_readings(path) && self.differ_slowly(path, access)
    }

    #[cold]
    fn differ_slowly(&self, path: &str, access: Option<&Access>) -> bool {
        let access = access.unwrap_or(&UNDECLARED);
        let is_alike = |other: &Access| match (access, other) {
            // Whoever may come in, may come in: what its handler may do with a session is its affair.
            (Access::Public { .. }, Access::Public { .. }) => true,
            _ => access == other,
        };
        // Its own pattern may be of another class by another method, and that is no other reading.
        let own = self.matcher.at(path).ok().map(|own| own.value);
        paths::readings(path).iter().any(|reading| {
            self.matcher.at(reading).is_ok_and(|found| {
                own.is_none_or(|own| !std::ptr::eq(own, found.value))
                    && !found.value.iter().all(is_alike)
            })
        })
    }
}

#[cfg(test)]
mod tests;
