//! What a layer knows of its webhooks, from one look to the next.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::episodes::Episodes;
use super::seen::Seen;
use super::{Alarm, Pinger};
use crate::access::AccessClass;
use crate::activity::Endpoint;
use crate::clock::Timestamp;
use crate::response::Denial;
use crate::store::GuardedStore;

/// How often the layer's task looks.
pub(crate) const EVERY: Duration = Duration::from_secs(15);
/// By how much a clock may be set back without that being a jump.
const UNSTEADY: Duration = Duration::from_secs(2);

/// One for each layer.
pub(crate) struct Silence {
    pub(crate) grace: Duration,
    pub(crate) pinger: Option<Pinger>,
    /// When the layer was built; in seconds, as the clock may go back behind it.
    started: AtomicU64,
    /// The latest time that anyone looked at, in seconds.
    looked: AtomicU64,
    /// When the store was last asked, in seconds.
    exchanged: AtomicU64,
    exchange_failures: AtomicU64,
    pub(crate) running: AtomicBool,
    seen: Seen,
    pub(crate) episodes: Mutex<Episodes>,
    pub(crate) told: Mutex<Told>,
}

/// What the trail was told last.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) keys: Vec<String>,
    /// By the address of an endpoint, which lives as long as its layer.
    pub(crate) refused: HashMap<(usize, Denial), u64>,
}

impl Silence {
    pub(crate) fn new(grace: Duration, pinger: Option<Pinger>, started: Option<Timestamp>) -> Self {
        Self {
            grace,
            pinger,
            started: AtomicU64::new(started.unwrap_or_default().as_secs()),
            looked: AtomicU64::new(0),
            exchanged: AtomicU64::new(0),
            exchange_failures: AtomicU64::new(0),
            running: AtomicBool::new(false),
            seen: Seen::default(),
            episodes: Mutex::default(),
            told: Mutex::default(),
        }
    }

    pub(crate) fn started(&self) -> Timestamp {
        Timestamp::from_secs(self.started.load(Ordering::Relaxed))
    }
    pub(crate) fn alarms(&self, endpoints: &[Arc<Endpoint>], now: Timestamp) -> Vec<Alarm> {
        let started = self.started();
        let mut alarms = Vec::new();
        for endpoint in endpoints {
            let Some(expected) = endpoint.expected(self.grace) else {
                continue;
            };
            let heard = endpoint.heard(started);
            for (rule, since) in expected.judge(&heard, now).into_iter().flatten() {
                let declaration = endpoint.declaration.as_deref();
                let verify = declaration.and_then(|it| it.verify());
                alarms.push(Alarm {
                    route: endpoint.route.clone(),
                    verifier: verify.map(|it| it.as_str().to_owned()).unwrap_or_default(),
                    owner: declaration.and_then(|it| it.owner()).map(str::to_owned),
                    rule,
                    since,
                    last_verified: heard.last_verified,
                    reason: endpoint.counters.last_denied().map(|(_, reason)| reason),
                });
            }
        }
        alarms
    }

    pub(crate) fn mind_the_clock(&self, endpoints: &[Arc<Endpoint>], now: Timestamp) {
        let before = Timestamp::from_secs(self.looked.swap(now.as_secs(), Ordering::Relaxed));
        if before.since(now) > UNSTEADY {
            self.started.fetch_min(now.as_secs(), Ordering::Relaxed);
            for endpoint in endpoints {
                endpoint.counters.not_after(now);
            }
        }
    }

    /// Asks the store, at most every 15 seconds.
    pub(crate) async fn exchange(
        &self,
        store: &GuardedStore,
        endpoints: &[Arc<Endpoint>],
        now: Timestamp,
    ) {
        let Silence {
            exchanged,
            exchange_failures,
            seen,
            ..
        } = self;
        let last = Timestamp::from_secs(exchanged.load(Ordering::Relaxed));
        if now >= last && now.since(last) < EVERY && last != Timestamp::default() {
            return;
        }
        // Of several at a time, one asks.
        let (last, now) = (last.as_secs(), now.as_secs());
        if exchanged
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            return;
        }
        let webhooks: Vec<_> = endpoints
            .iter()
            .filter(|it| is_webhook(it))
            .cloned()
            .collect();
        if webhooks.is_empty() {
            return;
        }
        match seen.exchange(store, &webhooks).await {
            Ok(()) => exchange_failures.store(0, Ordering::Relaxed),
            Err(error) => {
                let failures = exchange_failures.fetch_add(1, Ordering::Relaxed) + 1;
                // Each time there are twice as many: often enough to be seen, and never a flood.
                if failures.is_power_of_two() {
                    tracing::warn!(
                        target: "session_auth",
                        %error,
                        failures,
                        "the store keeps no times of webhooks: this process knows its own alone"
                    );
                }
            }
        }
    }
}

fn is_webhook(endpoint: &Endpoint) -> bool {
    endpoint.class() == Some(AccessClass::Webhook)
}
