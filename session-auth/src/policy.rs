//! What issuing and verifying sessions needs.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::cookie::CookieTemplate;
use crate::ended::Watch;
use crate::keys::TokenKeys;
use crate::known_ended::KnownEnded;
use crate::session_id::SessionId;
use crate::store::GuardedStore;
use crate::trail::{AuditEvent, AuditSink};

/// One for each layer.
pub(crate) struct SessionPolicy {
    pub(crate) keys: TokenKeys,
    /// Whether there are any: a service may know its callers by other ways alone.
    pub(crate) has_sessions: bool,
    pub(crate) cookie: CookieTemplate,
    /// Whether a token may come in `Authorization`.
    pub(crate) bearer: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) idle_timeout: Duration,
    pub(crate) absolute_timeout: Duration,
    pub(crate) store: Option<Arc<GuardedStore>>,
    /// How many sessions a subject may have in the store.
    pub(crate) max_sessions: u32,
    /// For how long the id of before a renewal is still good.
    pub(crate) renewal_grace: Duration,
    pub(crate) watch: Watch,
    pub(crate) ended: Arc<KnownEnded>,
    pub(crate) audit: Option<Arc<dyn AuditSink>>,
}

/// By how much a session gains, at the least, when its idle deadline is moved: a tenth of the idle
/// time, so that a busy client is not sent a cookie with each response.
pub(crate) fn step(idle: Duration) -> Duration {
    Duration::from_secs(idle.as_secs().div_ceil(10))
}

/// How exact `last_seen` is: a write for each request would cost more than it tells.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// The same for a session of this idle time.
pub(crate) fn seen_every(idle: Duration) -> Duration {
    SEEN_EVERY.min(step(idle))
}

/// When a session ends that is used now and not again. What is not worth a cookie is on top, since a
/// later use within it moves nothing: so the idle time has always passed since the last use.
pub(crate) fn idle_deadline(now: Timestamp, idle: Duration, absolute: Timestamp) -> Timestamp {
    now.plus(idle).plus(step(idle)).min(absolute)
}

impl SessionPolicy {
    /// Whether a session still is one, by the store itself: a cache in front of it may be behind. `None` while
    /// it is down, or where it cannot read the session: then nobody can say.
    pub(crate) async fn is_live(&self, subject: &str, id: SessionId) -> Option<bool> {
        let Some(store) = &self.store else {
            return Some(true);
        };
        let asked = [(subject.to_owned(), id)];
        match *store.ask(|store| store.deadlines(&asked)).await.ok()? {
            [Some(deadline)] => (deadline > Timestamp::default()).then_some(true),
            _ => Some(false),
        }
    }

    /// Tells what happened, where anybody listens.
    pub(crate) fn tell(&self, event: impl FnOnce() -> AuditEvent) {
        if let Some(sink) = &self.audit {
            sink.record(Timestamp::of(&self.clock).unwrap_or_default(), event());
        }
    }
}
