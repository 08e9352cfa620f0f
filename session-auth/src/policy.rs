//! What issuing and verifying sessions needs.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use crate::bearer::Presented;
use crate::clock::{Clock, Timestamp};
use crate::cookie::{CookieTemplate, MAX_TRIED};
use crate::ended::Watch;
use crate::keys::TokenKeys;
use crate::known_ended::KnownEnded;
use crate::session::Session;
use crate::store::GuardedStore;
use crate::token;

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
    pub(crate) ended: KnownEnded,
}

/// By how much a session gains, at the least, when its idle deadline is moved: a tenth of the idle
/// time, so that a busy client is not sent a cookie with each response.
pub(crate) fn step(idle: Duration) -> Duration {
    Duration::from_secs(idle.as_secs().div_ceil(10))
}

/// When a session ends that is used now and not again. What is not worth a cookie is on top, since a
/// later use within it moves nothing: so the idle time has always passed since the last use.
pub(crate) fn idle_deadline(now: Timestamp, idle: Duration, absolute: Timestamp) -> Timestamp {
    now.plus(idle).plus(step(idle)).min(absolute)
}

impl SessionPolicy {
    /// The sessions that a request carries, live or not: what this layer issued.
    pub(crate) fn sessions_of(self: &Arc<Self>, headers: &HeaderMap) -> Vec<Session> {
        let session = |value| {
            let token = token::verify(&self.keys, value).ok()?;
            Some(Session::new(token, Arc::clone(self)))
        };
        match Presented::by(headers, &self.cookie, self.bearer) {
            Presented::Cookies => {
                let values = self.cookie.values(headers).take(MAX_TRIED);
                values.filter_map(session).collect()
            }
            Presented::Bearer(value) => session(value).into_iter().collect(),
            Presented::TooMuch => Vec::new(),
        }
    }
}
