//! What issuing and verifying sessions needs.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::cookie::CookieTemplate;
use crate::keys::TokenKeys;
use crate::store::GuardedStore;

/// One for each layer.
pub(crate) struct SessionPolicy {
    pub(crate) keys: TokenKeys,
    pub(crate) cookie: CookieTemplate,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) idle_timeout: Duration,
    pub(crate) absolute_timeout: Duration,
    pub(crate) store: Option<Arc<GuardedStore>>,
}
