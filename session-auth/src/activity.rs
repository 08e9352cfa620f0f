//! Counters: what became of the requests to each route.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::access::Declaration;
use crate::response::Denial;

/// The counters of one route. Atomic, so that counting costs no lock.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    passed: AtomicU64,
    denied: [AtomicU64; Denial::ALL.len()],
    observed: [AtomicU64; Denial::ALL.len()],
}

impl Counters {
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

    pub(crate) fn snapshot(
        &self,
        route: String,
        declaration: Option<Declaration>,
    ) -> RouteActivity {
        let by_reason = |counters: &[AtomicU64]| {
            Denial::ALL
                .iter()
                .map(|&denial| (denial, counters[denial as usize].load(Ordering::Relaxed)))
                .filter(|(_, count)| *count != 0)
                .collect()
        };
        RouteActivity {
            route,
            declaration,
            passed: self.passed.load(Ordering::Relaxed),
            denied: by_reason(&self.denied),
            observed: by_reason(&self.observed),
        }
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
    /// Requests that reached the handler.
    pub passed: u64,
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

/// One declared route at run time: what it says, what proves its webhooks, what became of its
/// requests.
pub(crate) struct Endpoint {
    pub(crate) declaration: Declaration,
    pub(crate) verifier: Option<Arc<dyn crate::webhook::Verifier>>,
    pub(crate) counters: Counters,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("declaration", &self.declaration)
            .finish_non_exhaustive()
    }
}
