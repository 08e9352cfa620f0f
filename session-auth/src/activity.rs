//! Endpoints and counters: what became of the requests to each route.

mod counters;
mod history;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use http::header::WWW_AUTHENTICATE;
use http::{Request, Response, StatusCode};
use tracing::level_filters::LevelFilter;

use crate::access::{
    Access, AccessClass, Declaration, DeclarationRef, Location, Methods, Target, Text,
};
use crate::authenticate::Registered;
use crate::by;
use crate::clock::{Clock, Timestamp};
use crate::decision;
use crate::finding::Shape;
use crate::response::Denial;

pub(crate) use self::counters::{Counters, Counts};
pub use self::history::Hour;
pub(crate) use self::history::{HOURS, History};

/// What became of the requests to one route since the program started.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouteActivity {
    /// The route as reports name it: `POST /api/waitlist/signup`.
    pub route: String,
    /// What it declares; `None` where nobody declared it.
    pub declaration: Option<Declaration>,
    /// Requests that reached the handler; of a webhook, those that it accepted, with any status below
    /// 400.
    pub passed: u64,
    /// Deliveries of a webhook whose proof was accepted, whatever the handler made of them then; where the
    /// handler checks it, those that it answered with a status below 400. 0 for other classes.
    pub verified: u64,
    /// When a proof or a session was last accepted; for webhooks with a store, in any process and before the last start. `None`
    /// for never and for public routes.
    pub last_verified: Option<Timestamp>,
    /// When a request was last denied in this process, and why; in mode `observe`, when it would have
    /// been.
    pub last_denied: Option<(Timestamp, Denial)>,
    /// The last 24 hours in this process, the oldest first; hours are those of UTC. A count is placed
    /// to within 15 seconds.
    pub hours: [Hour; HOURS],
    /// Deliveries of a webhook that reached the handler, or a layer in front of it, and were answered
    /// with a 4xx. Most senders do not try these again: they are lost.
    pub handler_refused: u64,
    /// Deliveries of a webhook that reached the handler and were answered with a 5xx, or not at all:
    /// it panicked, or the sender hung up.
    pub handler_failed: u64,
    /// Requests that did not, by reason. Reasons that never occurred are left out.
    pub denied: Vec<(Denial, u64)>,
    /// Requests that [`Mode::Observe`](crate::Mode::Observe) let through although they would have
    /// been denied, by reason. They are counted as passed as well; those of a webhook by what the
    /// handler answered.
    pub observed: Vec<(Denial, u64)>,
}

impl RouteActivity {
    /// How many requests were denied for this reason.
    #[must_use]
    pub fn denied_for(&self, reason: Denial) -> u64 {
        self.denied
            .iter()
            .find(|(denial, _)| *denial == reason)
            .map_or(0, |(_, count)| *count)
    }
}

/// The handler of the listing's own routes, as declarations name it. No other can have the name: it is a
/// module.
pub(crate) const LISTING: &str = "session_auth::listing";

/// One route at run time: what it says, what proves its webhooks, what became of its requests.
pub(crate) struct Endpoint {
    /// As reports name it.
    pub(crate) route: String,
    /// `None` where nobody declared it.
    pub(crate) declaration: Option<DeclarationRef>,
    /// Whose handler stands behind it, where that is known: the pass is for it.
    pub(crate) handler: Option<DeclarationRef>,
    pub(crate) verifier: Option<Arc<dyn crate::webhook::Verifier>>,
    #[cfg_attr(
        not(feature = "listing"),
        expect(dead_code, reason = "the listing shows it")
    )]
    /// Where it is mounted; `None` where nobody mounted it, or no record says.
    pub(crate) mount: Option<Mount>,
    /// What its callers are asked for, in order; none where that is a session alone.
    pub(crate) ways: Vec<Way>,
    pub(crate) counters: Counters,
    pub(crate) history: History,
    pub(crate) listing: bool,
    /// Whether anyone may call, and the handler sees nothing of who does.
    pub(crate) is_open: bool,
    /// Whether it stands for another while that is probed: nothing of it is counted or logged.
    pub(crate) is_probed: bool,
}

#[cfg_attr(
    not(feature = "listing"),
    expect(dead_code, reason = "the listing shows it")
)]
/// What a router says of a mounted route.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    pub(crate) methods: Methods,
    pub(crate) path: Option<Text>,
    pub(crate) shape: Shape,
    /// Whether it is known whose handler answers it.
    pub(crate) named: bool,
    pub(crate) place: Location,
    /// The compiler's name of a handler that nobody classified.
    pub(crate) function: Option<Text>,
}

/// What may prove a caller.
#[derive(Clone)]
pub(crate) enum Way {
    /// A session of this library's.
    Session,
    /// An authenticator of the layer.
    By(Arc<Registered>),
}

impl Way {
    fn name(&self) -> &str {
        match self {
            Self::Session => by::SESSION,
            Self::By(authenticator) => authenticator.name(),
        }
    }
}

impl Endpoint {
    pub(crate) fn unclassified(route: String) -> Self {
        Self::new(route, None)
    }

    pub(crate) fn new(route: String, declaration: Option<DeclarationRef>) -> Self {
        let handler = declaration.as_deref().map(Declaration::handler);
        Self {
            route,
            listing: handler == Some(LISTING),
            is_open: declaration
                .as_deref()
                .is_some_and(|it| decision::is_open(it.access())),
            is_probed: false,
            declaration,
            handler: None,
            verifier: None,
            mount: None,
            ways: Vec::new(),
            counters: Counters::default(),
            history: History::default(),
        }
    }

    /// The same endpoint with counters of its own, for a request that is not to be counted.
    pub(crate) fn probed(&self) -> Self {
        Self {
            handler: self.handler.clone(),
            verifier: self.verifier.clone(),
            ways: self.ways.clone(),
            is_probed: true,
            ..Self::new(self.route.clone(), self.declaration.clone())
        }
    }

    /// The class; `None` where nobody declared it.
    pub(crate) fn class(&self) -> Option<AccessClass> {
        self.access().map(Access::class)
    }

    pub(crate) fn access(&self) -> Option<&Access> {
        self.declaration
            .as_ref()
            .map(|declaration| declaration.access())
    }

    /// Whether it shows what the layer knows.
    pub(crate) fn is_listing(&self) -> bool {
        self.listing
    }

    /// The largest body in bytes that it declares.
    pub(crate) fn max_body(&self) -> Option<usize> {
        self.declaration.as_ref()?.max_body()
    }

    /// Whether it is a whole service.
    pub(crate) fn is_subtree(&self) -> bool {
        let declaration = self.declaration.as_ref();
        declaration.is_some_and(|it| matches!(it.target(), Target::Subtree { .. }))
    }

    /// Whether a page of another origin is kept out where a session would be used.
    pub(crate) fn is_own_origin_alone(&self) -> bool {
        self.access()
            .is_none_or(|access| access.cross_origin().is_none())
    }

    /// Whether nothing but a session of this library's opens it.
    pub(crate) fn is_by_session_alone(&self) -> bool {
        self.access()
            .and_then(Access::by)
            .is_none_or(|by| by == by::SESSION)
    }

    /// Counts who came in by an authenticator, or by a session where there are others.
    pub(crate) fn count_caller(&self, by: &str) {
        if let Some(way) = self.ways.iter().position(|way| way.name() == by) {
            self.counters.prove(way);
        }
    }

    /// How many came in by each way, where that is more or other than a session.
    #[cfg(feature = "metrics")]
    pub(crate) fn callers(&self) -> Vec<(String, u64)> {
        let counts = self.counters.counts().proved;
        let names = self.ways.iter().map(|way| way.name().to_owned());
        names.zip(counts).collect()
    }

    /// Whether one of its authenticators has this type of identity.
    pub(crate) fn identifies<T: 'static>(&self) -> bool {
        let id = std::any::TypeId::of::<T>();
        let is_of_type = |way: &Way| matches!(way, Way::By(by) if by.identifies(id));
        self.ways.iter().any(is_of_type)
    }

    /// Whether logging in may help who is refused: a browser then sends what proves them.
    pub(crate) fn is_for_browsers(&self) -> bool {
        let sent_by_itself = |way: &Way| match way {
            Way::Session => true,
            Way::By(authenticator) => authenticator.is_ambient(),
        };
        self.ways.is_empty() || self.ways.iter().any(sent_by_itself)
    }

    /// How much a caller has to show, for two endpoints of which it is not known which one answers.
    pub(crate) fn strictness(&self) -> u8 {
        match self.access() {
            Some(Access::Public { .. }) => 0,
            Some(Access::Webhook { .. }) => 1,
            Some(Access::Session { scope: None, .. }) | None => 2,
            Some(Access::Session { scope: Some(_), .. }) => 3,
        }
    }

    /// Counts a denial, and gives its reason to the span of the request, where that has a field for it.
    pub(crate) fn deny(&self, denial: Denial, now: Option<Timestamp>) {
        self.counters.deny(denial, now);
        if LevelFilter::current() == LevelFilter::OFF {
            // Nobody listens, so there is no span.
            return;
        }
        let span = tracing::Span::current();
        if !span.is_disabled() {
            span.record("error.type", denial.as_str());
            // The name is of methods and pattern.
            if let Some(at) = self.route.find('/') {
                span.record("http.route", &self.route[at..]);
            }
        }
    }

    /// Counts what mode `observe` lets through and enforcing would deny.
    pub(crate) fn observe(&self, denial: Denial, now: Option<Timestamp>) {
        let count = self.counters.observe(denial, now);
        // Each time there are twice as many: often enough to be seen, and never a flood.
        if count.is_power_of_two() && !self.is_probed {
            tracing::warn!(
                target: "session_auth",
                route = self.route,
                reason = %denial,
                count,
                "let through by mode `observe`; enforcing would deny it"
            );
        }
    }

    /// The answer to a denied request, with the challenge of its verifier. The request's extensions are
    /// emptied, and become the answer's: they have their memory already.
    pub(crate) fn denied(&self, denial: Denial, request: &mut Request<Body>) -> Response<Body> {
        let mut extensions = std::mem::take(request.extensions_mut());
        extensions.clear();
        let mut response = denial.into_response_in(extensions);
        if denial.is_of_proof()
            && let Some(verifier) = &self.verifier
        {
            refuse_as_told(&mut response, verifier.terms().refuse_with);
        }
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(challenge) = self.verifier.as_ref().and_then(|by| by.challenge())
        {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    /// Counts a delivery that went to the handler; `None` where there is no answer. With a clock, the
    /// handler checks the proof itself, and its answer says whether that was good.
    fn count_delivery(&self, status: Option<StatusCode>, judged: Option<&Arc<dyn Clock>>) {
        if let (Some(clock), Some(status)) = (judged, status) {
            let now = Timestamp::of(clock);
            match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.counters.refuse(now),
                // A 404 may stand for a token that nobody has, a 413 is axum's own: neither says that
                // the sender was known.
                status if status.is_client_error() || status.is_server_error() => {}
                _ => self.counters.verify(now),
            }
        }
        let counter = match status {
            Some(status) if status.is_client_error() => &self.counters.handler_refused,
            Some(status) if !status.is_server_error() => return self.counters.pass(),
            _ => &self.counters.handler_failed,
        };
        let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
        // Each time there are twice as many: often enough to be seen, and never a flood.
        if count.is_power_of_two() {
            tracing::warn!(
                target: "session_auth",
                route = self.route,
                status = status.map(|status| status.as_u16()),
                count,
                "a delivery was let in, and the service inside did not accept it"
            );
        }
    }

    /// Looks at the counts, and notes them in the hour that it is.
    pub(crate) fn look(&self, now: Timestamp) -> (Counts, [Hour; HOURS]) {
        let counts = self.counters.counts();
        let turned_down = [
            &self.counters.handler_refused,
            &self.counters.handler_failed,
        ];
        let turned_down = turned_down.map(|count| count.load(Ordering::Relaxed));
        let counted = Hour {
            passed: counts.passed + turned_down.iter().sum::<u64>(),
            denied: counts.all_denied(),
        };
        let hours = self.history.look(now, counted);
        (counts, hours)
    }

    pub(crate) fn activity(&self, now: Timestamp) -> RouteActivity {
        let by_reason = |counts: &[u64]| {
            Denial::ALL
                .iter()
                .map(|&denial| (denial, counts[denial as usize]))
                .filter(|(_, count)| *count != 0)
                .collect()
        };
        let (counts, hours) = self.look(now);
        RouteActivity {
            route: self.route.clone(),
            declaration: self.declaration.as_deref().cloned(),
            passed: counts.passed,
            verified: counts.verified,
            last_verified: self.counters.last_verified(),
            last_denied: self.counters.last_denied(),
            hours,
            handler_refused: self.counters.handler_refused.load(Ordering::Relaxed),
            handler_failed: self.counters.handler_failed.load(Ordering::Relaxed),
            denied: by_reason(&counts.denied),
            observed: by_reason(&self.counters.observed()),
        }
    }
}

/// A sender that takes a 401 as final would never try again.
fn refuse_as_told(response: &mut Response<Body>, status: StatusCode) {
    *response.status_mut() = status;
    if status != StatusCode::UNAUTHORIZED {
        response.headers_mut().remove(WWW_AUTHENTICATE);
    }
}

/// A delivery that went to the handler. It is counted by its answer; without one, as failed.
pub(crate) struct DeliveryCount {
    endpoint: Option<Arc<Endpoint>>,
    judged: Option<Arc<dyn Clock>>,
}

impl DeliveryCount {
    /// `judged` is the clock where the handler checks the proof itself.
    pub(crate) fn new(endpoint: Arc<Endpoint>, judged: Option<Arc<dyn Clock>>) -> Self {
        Self {
            endpoint: Some(endpoint),
            judged,
        }
    }

    pub(crate) fn answered(&mut self, status: StatusCode) {
        if let Some(endpoint) = self.endpoint.take() {
            endpoint.count_delivery(Some(status), self.judged.as_ref());
        }
    }
}

impl Drop for DeliveryCount {
    fn drop(&mut self) {
        if let Some(endpoint) = self.endpoint.take() {
            endpoint.count_delivery(None, None);
        }
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("route", &self.route)
            .field("declaration", &self.declaration)
            .finish_non_exhaustive()
    }
}
