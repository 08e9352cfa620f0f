//! What all guards of one layer share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use time::{Date, OffsetDateTime};

use crate::access::{AccessClass, Declaration, DeclarationRef, Verify};
use crate::activity::{Endpoint, Way};
use crate::authenticate::Registered;
use crate::by;
use crate::clock::Timestamp;
use crate::csrf::CrossOrigin;
use crate::error::Problem;
use crate::inline;
use crate::login::LoginPage;
use crate::mode::Mode;
use crate::policy::SessionPolicy;
use crate::probe::Probes;
use crate::sessions::Sessions;
use crate::silence::Silence;
use crate::store::MemoryReplays;
use crate::table::RouteTable;
#[cfg(any(feature = "listing", feature = "metrics"))]
use crate::webhook::SecretUses;
use crate::webhook::replay::ReplayWindow;
use crate::webhook::{Binds, Delivery, Verifier};

/// One for each layer.
pub(crate) struct Shared {
    pub(crate) policy: Arc<SessionPolicy>,
    pub(crate) sessions: Sessions,
    /// `None` where the program sets none.
    pub(crate) max_body: Option<usize>,
    pub(crate) body_timeout: Duration,
    pub(crate) mode: Mode,
    pub(crate) cross_origin: CrossOrigin,
    pub(crate) login: Option<LoginPage>,
    pub(crate) verifiers: BTreeMap<String, Arc<dyn Verifier>>,
    pub(crate) replays: Replays,
    pub(crate) authenticators: BTreeMap<Arc<str>, Arc<Registered>>,
    /// Those of them that have headers of their own.
    pub(crate) reserving: Vec<Arc<Registered>>,
    /// How long an authenticator may take that has to wait.
    pub(crate) authenticator_timeout: Duration,
    pub(crate) unclassified: Unclassified,
    /// The declarations linked into the program, for a bare `.layer(auth)`. Made when first needed.
    pub(crate) table: OnceLock<Arc<RouteTable>>,
    pub(crate) silence: Silence,
    pub(crate) probes: Probes,
    /// The SHA-256 of the route lock, in hexadecimal.
    pub(crate) lock: Option<String>,
    /// The endpoints of protected routers, for the counters.
    pub(crate) adopted: Mutex<Vec<Arc<Endpoint>>>,
}

/// How deliveries are kept from being handled twice.
pub(crate) struct Replays {
    pub(crate) window: Option<ReplayWindow>,
    /// Where there is none, for deliveries whose proof binds the sender alone and that have an id.
    own: ReplayWindow,
    /// The verifiers whose deliveries may be handled twice, and why.
    pub(crate) exempt: BTreeMap<String, String>,
}

/// How long this process remembers deliveries by itself.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a replay window may take to answer.
pub(crate) const REPLAY_TIMEOUT: Duration = Duration::from_secs(1);

impl Default for Replays {
    fn default() -> Self {
        Self {
            window: None,
            own: ReplayWindow::new(MemoryReplays::new(), REMEMBERED, REPLAY_TIMEOUT),
            exempt: BTreeMap::new(),
        }
    }
}

impl Replays {
    /// The window for a delivery of this verifier.
    pub(crate) fn of(
        &self,
        name: &str,
        verifier: Option<&Arc<dyn Verifier>>,
        delivery: &Delivery,
    ) -> Option<&ReplayWindow> {
        if self.exempt.contains_key(name) {
            return None;
        }
        let binds = verifier.and_then(|verifier| verifier.terms().binds);
        let by_itself = || binds == Some(Binds::Sender) && delivery.id.is_some();
        match &self.window {
            Some(window) => Some(window),
            None => by_itself().then_some(&self.own),
        }
    }

    /// Says of a webhook whose proof anybody can repeat what keeps it from being handled twice.
    fn look_at(&self, route: &Declaration, name: &str, verifier: &dyn Verifier) {
        let sender_alone = verifier.terms().binds == Some(Binds::Sender);
        if sender_alone && self.window.is_none() && !self.exempt.contains_key(name) {
            tracing::warn!(
                target: "session_auth",
                route = %route.target(),
                verifier = name,
                "the proof of this webhook binds the sender alone: whoever has seen a delivery can \
                 send any. Of deliveries that have an id, this process handles each once, and knows \
                 nothing of other processes. Set `replay_window`, or `replay_exempt` with a reason"
            );
        }
    }
}

/// What [`SessionAuthLayer::protect`](crate::SessionAuthLayer::protect) does with a mounted route that nobody declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unclassified {
    /// It refuses to start, and lists all of them.
    #[default]
    Refuse,
    /// It starts. Requests to such a route need a session; they are counted and logged at ERROR.
    Deny,
}

impl Shared {
    /// The day in UTC, by which exemptions expire.
    pub(crate) fn today(&self) -> Date {
        OffsetDateTime::from(self.policy.clock.now()).date()
    }

    /// The time by the layer's clock; `None` where it stands before 1970.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        Timestamp::of(&self.policy.clock)
    }

    /// The verifiers' secrets: name of the verifier, id, uses. One that several verifiers share is in each.
    #[cfg(any(feature = "listing", feature = "metrics"))]
    pub(crate) fn secret_uses(&self) -> Vec<(&str, SecretUses)> {
        let ids = self.policy.keys.secret_ids();
        let mut all = Vec::new();
        for (name, verifier) in &self.verifiers {
            all.extend(
                verifier
                    .secret_uses(&ids)
                    .into_iter()
                    .map(|uses| (name.as_str(), uses)),
            );
        }
        all
    }

    /// Makes the counters of a router's endpoints visible.
    pub(crate) fn adopt(&self, endpoints: impl IntoIterator<Item = Arc<Endpoint>>) {
        self.adopted().extend(endpoints);
    }

    pub(crate) fn adopted(&self) -> MutexGuard<'_, Vec<Arc<Endpoint>>> {
        self.adopted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All endpoints, those of routes that nobody declared last.
    pub(crate) fn endpoints(&self) -> Vec<Arc<Endpoint>> {
        let mut all = self.adopted().clone();
        if let Some(table) = self.table.get() {
            all.append(&mut table.all());
        }
        all.sort_by_key(|endpoint| endpoint.declaration.is_none());
        all
    }

    /// The endpoint of a declaration, and what is wrong with it.
    pub(crate) fn endpoint(
        &self,
        declaration: &DeclarationRef,
        problems: &mut Vec<Problem>,
    ) -> Endpoint {
        let verifier = match declaration.verify() {
            Some(Verify::By(name)) => self.verifiers.get(&**name).cloned(),
            Some(Verify::Handler) | None => None,
        };
        let needs_verifier = declaration.class() == AccessClass::Webhook
            && declaration.verify() != Some(&Verify::Handler);
        if needs_verifier && verifier.is_none() {
            problems.push(Problem::MissingVerifier {
                declaration: (**declaration).clone(),
                configured: self.verifiers.keys().cloned().collect(),
            });
        }
        if let (Some(Verify::By(name)), Some(by)) = (declaration.verify(), &verifier) {
            self.replays.look_at(declaration, name, &**by);
        }
        let ways = self.ways(declaration, problems);
        if declaration.issues_session() && !self.policy.has_sessions {
            problems.push(Problem::WithoutSessions {
                declaration: (**declaration).clone(),
            });
        }
        for what in inline::mistakes(declaration) {
            problems.push(Problem::Malformed {
                declaration: (**declaration).clone(),
                what,
            });
        }
        Endpoint {
            verifier,
            ways,
            ..Endpoint::new(declaration.target().to_string(), Some(declaration.clone()))
        }
    }
    /// What proves the callers of a route: nothing where that is a session alone.
    fn ways(&self, declaration: &DeclarationRef, problems: &mut Vec<Problem>) -> Vec<Way> {
        let Some(by) = declaration.by() else {
            return Vec::new();
        };
        let mut ways = Vec::new();
        for name in by::names(by) {
            match self.authenticators.get(name) {
                Some(authenticator) => ways.push(Way::By(Arc::clone(authenticator))),
                None if name == by::SESSION && self.policy.has_sessions => ways.push(Way::Session),
                None => problems.push(Problem::MissingAuthenticator {
                    declaration: (**declaration).clone(),
                    name: name.to_owned(),
                    configured: self.known_ways(),
                }),
            }
        }
        if matches!(*ways, [Way::Session]) {
            ways.clear();
        }
        ways
    }

    /// All that `by` may name.
    fn known_ways(&self) -> Vec<String> {
        let session = self.policy.has_sessions.then(|| by::SESSION.to_owned());
        let names = self.authenticators.keys().map(ToString::to_string);
        session.into_iter().chain(names).collect()
    }
}
