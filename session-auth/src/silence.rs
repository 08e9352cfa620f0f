//! Webhooks that nobody hears from: the rules by which they ring, and what the rules are asked with.
//!
//! A sender that is refused does not complain, and one that has stopped says nothing. Two rules hear
//! both, counted where a proof is accepted, before any handler; where the handler checks it, by what that
//! answers: a status below 400 is verified, 401 and 403 are refused.
//!
//! 1. **Refused.** Deliveries are refused and none was verified since, for 10 minutes; for half of the
//!    time for which the sender tries again, where that is less ([`Terms::retry_budget`]), so that
//!    it can be mended while nothing is lost.
//! 2. **Silent.** Nothing was verified for `expect_every` and the grace
//!    ([`silence_grace`](crate::SessionAuthLayerBuilder::silence_grace)).
//!
//! What rings is an [`Alarm`]. Each is logged at ERROR when it begins and when it is over, is in the
//! listing, in the health answer, and in the metrics. A task of the layer's looks every 15 seconds; it
//! begins with [`protect`](crate::SessionAuthLayer::protect), or with what that made being served, and
//! needs a tokio runtime with its timer, as a store does.
//!
//! With a [store](crate::SessionAuthLayerBuilder::store) the times of the last verified deliveries are kept in
//! it, as rows of the subject `session-auth:last-verified`: they survive a restart, and of several processes the
//! latest delivery counts. A process that has just started waits its grace before it rings, and where
//! nobody knows of a delivery, `expect_every` as well.
//!
//! ```
//! use std::time::Duration;
//!
//! use session_auth::methods::POST;
//! use session_auth::silence::Rule;
//! use session_auth::webhook::Bearer;
//! use session_auth::{Keys, Router, SessionAuthLayer, audited_router, webhook};
//!
//! #[audited_router]
//! fn routes() -> Router {
//!     let events = webhook(POST, "/events", "edge").expect_every(Duration::from_secs(6 * 3600));
//!     Router::new().mount(events.to(|| async {}))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
//! # use std::time::SystemTime;
//! # let seconds = Arc::new(AtomicU64::new(1_700_000_000));
//! # let of = Arc::clone(&seconds);
//! # let clock = move || SystemTime::UNIX_EPOCH + Duration::from_secs(of.load(Ordering::Relaxed));
//! let auth = SessionAuthLayer::builder(Keys::random()?)
//!     .verifier("edge", Bearer::new("token-of-the-edge-worker"))
//!     .clock(clock) // a test's
//!     .build()?;
//! let app = auth.protect(routes())?;
//! assert!(auth.check_webhooks().await.is_empty());
//! # seconds.fetch_add(6 * 3600 + 301, Ordering::Relaxed);
//! // Six hours and five minutes later:
//! let alarms = auth.check_webhooks().await;
//! assert_eq!(alarms[0].rule, Rule::Silent);
//! assert_eq!(alarms[0].route, "POST /events");
//! # Ok(()) }
//! ```
//!
//! [`Terms::retry_budget`]: crate::webhook::Terms::retry_budget

pub(crate) mod episodes;
mod ping;
mod seen;
mod state;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

pub use self::ping::Ping;
pub(crate) use self::ping::Pinger;
pub(crate) use self::state::{EVERY, Silence};
use crate::activity::Endpoint;
use crate::clock::Timestamp;
use crate::response::Denial;

/// For how long a webhook may be refused.
const REFUSED_FOR: Duration = Duration::from_secs(10 * 60);
/// When a webhook that is refused and never verified counts as refused no longer: nobody has tried for
/// so long, and `expect_every` says the rest.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// How much longer than `expect_every` may pass, unless the builder says otherwise.
pub(crate) const DEFAULT_GRACE: Duration = Duration::from_secs(5 * 60);

/// By which rule a webhook rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Rule {
    /// Its deliveries are refused.
    Refused,
    /// None comes.
    Silent,
}

impl Rule {
    /// `refused` or `silent`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Silent => "silent",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A webhook that rings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alarm {
    /// The route as reports name it: `POST /webhooks/postmark/delivery`.
    pub route: String,
    /// The name of its verifier.
    pub verifier: String,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// By which rule.
    pub rule: Rule,
    /// When it began: the first refusal, or the end of the time that it had.
    pub since: Timestamp,
    /// When a delivery was last verified, as far as is known.
    pub last_verified: Option<Timestamp>,
    /// Why the last one was refused.
    pub reason: Option<Denial>,
}

/// What is known of a webhook, at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// When this process began to listen.
    pub(crate) started: Timestamp,
    pub(crate) last_verified: Option<Timestamp>,
    pub(crate) refused_since: Option<Timestamp>,
    pub(crate) last_denied: Option<Timestamp>,
}

/// What a webhook is held to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) every: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) retry_budget: Option<Duration>,
}

impl Expected {
    /// For how long it may be refused.
    pub(crate) fn refused_for(&self) -> Duration {
        match self.retry_budget {
            // A sender that never tries again has lost the delivery in any case.
            Some(budget) if !budget.is_zero() => REFUSED_FOR.min(budget / 2),
            _ => REFUSED_FOR,
        }
    }

    /// When silence rings, if nothing more is heard.
    pub(crate) fn due(&self, heard: &Heard) -> Option<Timestamp> {
        let every = self.every?;
        let due = match heard.last_verified {
            Some(last) => last.plus(every).max(heard.started),
            None => heard.started.plus(every),
        };
        Some(due.plus(self.grace))
    }

    /// The rules that ring, each with the time since when.
    pub(crate) fn judge(&self, heard: &Heard, now: Timestamp) -> [Option<(Rule, Timestamp)>; 2] {
        let refused = heard.refused_since.filter(|since| {
            let tried = heard.last_denied.unwrap_or(*since);
            now.since(*since) >= self.refused_for() && now.since(tried) < FORGOTTEN_AFTER
        });
        let silent = self.due(heard).filter(|due| now > *due);
        [
            refused.map(|since| (Rule::Refused, since)),
            silent.map(|since| (Rule::Silent, since)),
        ]
    }
}

impl Endpoint {
    /// What this webhook is held to; `None` for other classes, and for those who read the listing.
    pub(crate) fn expected(&self, grace: Duration) -> Option<Expected> {
        let declaration = self.declaration.as_deref()?;
        declaration.verify()?;
        if self.is_listing() {
            return None;
        }
        Some(Expected {
            every: declaration.expect_every(),
            grace,
            retry_budget: self
                .verifier
                .as_ref()
                .and_then(|it| it.terms().retry_budget),
        })
    }

    pub(crate) fn heard(&self, started: Timestamp) -> Heard {
        Heard {
            started,
            last_verified: self.counters.last_verified(),
            refused_since: self.counters.refused_since(),
            last_denied: self.counters.last_denied().map(|(at, _)| at),
        }
    }
}

#[cfg(test)]
mod tests;
