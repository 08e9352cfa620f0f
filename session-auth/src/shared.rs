//! What all guards of one layer share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use time::{Date, OffsetDateTime};

use crate::access::{AccessClass, DeclarationRef, Verify};
use crate::activity::{Counters, Endpoint, Way};
use crate::authenticate::Registered;
use crate::by;
use crate::csrf::CrossOrigin;
use crate::error::Problem;
use crate::inline;
use crate::login::LoginPage;
use crate::mode::Mode;
use crate::policy::SessionPolicy;
use crate::sessions::Sessions;
use crate::table::RouteTable;
use crate::webhook::Verifier;

/// One for each layer.
pub(crate) struct Shared {
    pub(crate) policy: Arc<SessionPolicy>,
    pub(crate) sessions: Sessions,
    pub(crate) max_body: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) mode: Mode,
    pub(crate) cross_origin: CrossOrigin,
    pub(crate) login: Option<LoginPage>,
    pub(crate) verifiers: BTreeMap<String, Arc<dyn Verifier>>,
    pub(crate) authenticators: BTreeMap<Arc<str>, Arc<Registered>>,
    /// Those of them that have headers of their own.
    pub(crate) reserving: Vec<Arc<Registered>>,
    /// How long an authenticator may take that has to wait.
    pub(crate) authenticator_timeout: Duration,
    pub(crate) unclassified: Unclassified,
    /// The declarations linked into the program, for a bare `.layer(auth)`. Made when first needed.
    pub(crate) table: OnceLock<Arc<RouteTable>>,
    /// The endpoints of protected routers, for the counters.
    pub(crate) adopted: Mutex<Vec<Arc<Endpoint>>>,
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

    /// Makes the counters of a router's endpoints visible.
    pub(crate) fn adopt(&self, endpoints: impl IntoIterator<Item = Arc<Endpoint>>) {
        self.adopted().extend(endpoints);
    }

    pub(crate) fn adopted(&self) -> MutexGuard<'_, Vec<Arc<Endpoint>>> {
        self.adopted.lock().unwrap_or_else(PoisonError::into_inner)
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
            route: declaration.target().to_string(),
            declaration: Some(declaration.clone()),
            handler: None,
            verifier,
            ways,
            counters: Counters::default(),
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
