//! Endpoints and counters: what became of the requests to each route.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http::header::WWW_AUTHENTICATE;
use http::{Response, StatusCode};

use crate::access::{Access, Declaration, DeclarationRef, Target};
use crate::authenticate::Registered;
use crate::by;
use crate::response::Denial;

/// The counters of one route. Atomic, so that counting costs no lock.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    passed: AtomicU64,
    denied: [AtomicU64; Denial::ALL.len()],
    observed: [AtomicU64; Denial::ALL.len()],
    unclassified: AtomicU64,
    handler_refused: AtomicU64,
    handler_failed: AtomicU64,
}

impl Counters {
    /// Counts a request to a route that nobody declared, and says which one it is.
    pub(crate) fn unclassified(&self) -> u64 {
        self.unclassified.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn all_unclassified(&self) -> u64 {
        self.unclassified.load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&self) {
        self.passed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn deny(&self, denial: Denial) {
        self.denied[denial as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that is let through although it would be denied, and says which one of its
    /// kind it is.
    pub(crate) fn observe(&self, denial: Denial) -> u64 {
        self.observed[denial as usize].fetch_add(1, Ordering::Relaxed) + 1
    }
}

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
    /// Deliveries of a webhook that reached the handler, or a layer in front of it, and were answered
    /// with a 4xx. Most senders do not try these again: they are lost.
    pub handler_refused: u64,
    /// Deliveries of a webhook that reached the handler and were answered with a 5xx, or not at all:
    /// it panicked, or the sender hung up.
    pub handler_failed: u64,
    /// Requests that did not, by reason. Reasons that never occurred are left out.
    pub denied: Vec<(Denial, u64)>,
    /// Requests that [`Mode::Observe`](crate::Mode::Observe) let through although they would have
    /// been denied, by reason. They are counted as passed as well.
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

/// One route at run time: what it says, what proves its webhooks, what became of its requests.
pub(crate) struct Endpoint {
    /// As reports name it.
    pub(crate) route: String,
    /// `None` where nobody declared it.
    pub(crate) declaration: Option<DeclarationRef>,
    /// Whose handler stands behind it, where that is known: the pass is for it.
    pub(crate) handler: Option<DeclarationRef>,
    pub(crate) verifier: Option<Arc<dyn crate::webhook::Verifier>>,
    /// What its callers are asked for, in order; none where that is a session alone.
    pub(crate) ways: Vec<Way>,
    pub(crate) counters: Counters,
}

/// What may prove a caller.
#[derive(Clone)]
pub(crate) enum Way {
    /// A session of this library's.
    Session,
    /// An authenticator of the layer.
    By(Arc<Registered>),
}

impl Endpoint {
    pub(crate) fn unclassified(route: String) -> Self {
        Self {
            route,
            declaration: None,
            handler: None,
            verifier: None,
            ways: Vec::new(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn access(&self) -> Option<&Access> {
        self.declaration
            .as_ref()
            .map(|declaration| declaration.access())
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

    /// The answer to a denied request, with the challenge of its verifier.
    pub(crate) fn denied(&self, denial: Denial) -> Response<Body> {
        let mut response = denial.into_response();
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(challenge) = self.verifier.as_ref().and_then(|by| by.challenge())
        {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    /// Counts a delivery that went to the handler; `None` where there is no answer.
    fn count_delivery(&self, status: Option<StatusCode>) {
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

    pub(crate) fn activity(&self) -> RouteActivity {
        let by_reason = |counters: &[AtomicU64]| {
            Denial::ALL
                .iter()
                .map(|&denial| (denial, counters[denial as usize].load(Ordering::Relaxed)))
                .filter(|(_, count)| *count != 0)
                .collect()
        };
        RouteActivity {
            route: self.route.clone(),
            declaration: self.declaration.as_deref().cloned(),
            passed: self.counters.passed.load(Ordering::Relaxed),
            handler_refused: self.counters.handler_refused.load(Ordering::Relaxed),
            handler_failed: self.counters.handler_failed.load(Ordering::Relaxed),
            denied: by_reason(&self.counters.denied),
            observed: by_reason(&self.counters.observed),
        }
    }
}

/// A delivery that went to the handler. It is counted by its answer; without one, as failed.
pub(crate) struct DeliveryCount(Option<Arc<Endpoint>>);

impl DeliveryCount {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self(Some(endpoint))
    }

    pub(crate) fn answered(&mut self, status: StatusCode) {
        if let Some(endpoint) = self.0.take() {
            endpoint.count_delivery(Some(status));
        }
    }
}

impl Drop for DeliveryCount {
    fn drop(&mut self) {
        if let Some(endpoint) = self.0.take() {
            endpoint.count_delivery(None);
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
