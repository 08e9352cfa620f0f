//! What issuing and verifying sessions needs.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use crate::bearer::Presented;
use crate::clock::Clock;
use crate::cookie::{CookieTemplate, MAX_TRIED};
use crate::ended::Ended;
use crate::keys::TokenKeys;
use crate::session::Session;
use crate::store::GuardedStore;
use crate::token;

/// One for each layer.
pub(crate) struct SessionPolicy {
    pub(crate) keys: TokenKeys,
    pub(crate) cookie: CookieTemplate,
    /// Whether a token may come in `Authorization`.
    pub(crate) bearer: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) idle_timeout: Duration,
    pub(crate) absolute_timeout: Duration,
    pub(crate) store: Option<Arc<GuardedStore>>,
    pub(crate) ended: Ended,
}

impl SessionPolicy {
    /// The sessions that a request carries, live or not: what this layer issued.
    pub(crate) fn sessions_of(&self, headers: &HeaderMap) -> Vec<Session> {
        let session = |value| token::verify(&self.keys, value).ok().map(Session::new);
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
