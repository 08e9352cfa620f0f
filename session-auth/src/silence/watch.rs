//! Looks after the webhooks: a task that looks every 15 seconds, and whoever asks in between.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use super::episodes::Episodes;
use super::seen::Seen;
use super::{Alarm, Pinger};
use crate::access::AccessClass;
use crate::activity::Endpoint;
use crate::clock::Timestamp;
use crate::response::Denial;
use crate::shared::Shared;
use crate::trail::AuditEvent;

/// How often the task looks.
const EVERY: Duration = Duration::from_secs(15);
/// By how much a clock may be set back without that being a jump.
const UNSTEADY: Duration = Duration::from_secs(2);

/// One for each layer.
pub(crate) struct Silence {
    pub(crate) grace: Duration,
    pinger: Option<Pinger>,
    /// When the layer was built; in seconds, as the clock may go back behind it.
    started: AtomicU64,
    /// The latest time that anyone looked at, in seconds.
    looked: AtomicU64,
    /// When the store was last asked, in seconds.
    exchanged: AtomicU64,
    exchange_failures: AtomicU64,
    running: AtomicBool,
    seen: Seen,
    episodes: Mutex<Episodes>,
    told: Mutex<Told>,
}

/// What the trail was told last.
#[derive(Default)]
struct Told {
    keys: Vec<String>,
    /// By the address of an endpoint, which lives as long as its layer.
    refused: HashMap<(usize, Denial), u64>,
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
}

fn is_webhook(endpoint: &Endpoint) -> bool {
    endpoint.class() == Some(AccessClass::Webhook)
}

impl Shared {
    /// Starts the task, unless it runs; nothing happens outside of a runtime.
    pub(crate) fn look_after_webhooks(self: &Arc<Self>) {
        if self.silence.running.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if !self.silence.running.swap(true, Ordering::Relaxed) {
            runtime.spawn(run(Running(Arc::downgrade(self))));
        }
    }

    /// What rings now. Logs what began and what is over; with a store, asks it at most every 15 seconds.
    pub(crate) async fn look(self: &Arc<Self>) -> Vec<Alarm> {
        let Some(now) = self.now() else {
            return Vec::new();
        };
        let endpoints = self.endpoints();
        self.mind_the_clock(&endpoints, now);
        self.exchange(&endpoints, now).await;
        self.judge(&endpoints, now)
    }

    /// The same without asking the store.
    fn judge(&self, endpoints: &[Arc<Endpoint>], now: Timestamp) -> Vec<Alarm> {
        // One at a time: of two looks the later one has the later counts.
        let mut episodes = self
            .silence
            .episodes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let alarms = self.alarms(endpoints, now);
        let changes = episodes.now(&alarms);
        drop(episodes);
        changes.log(now);
        for (alarms, over) in [(&changes.begun, false), (&changes.over, true)] {
            for alarm in alarms {
                self.policy.tell(|| AuditEvent::Alarm {
                    route: alarm.route.clone(),
                    rule: alarm.rule.as_str(),
                    over,
                });
            }
        }
        alarms
    }

    pub(crate) fn alarms(&self, endpoints: &[Arc<Endpoint>], now: Timestamp) -> Vec<Alarm> {
        let started = self.silence.started();
        let mut alarms = Vec::new();
        for endpoint in endpoints {
            let Some(expected) = endpoint.expected(self.silence.grace) else {
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

    fn mind_the_clock(&self, endpoints: &[Arc<Endpoint>], now: Timestamp) {
        let Silence {
            looked, started, ..
        } = &self.silence;
        let before = Timestamp::from_secs(looked.swap(now.as_secs(), Ordering::Relaxed));
        if before.since(now) > UNSTEADY {
            started.fetch_min(now.as_secs(), Ordering::Relaxed);
            for endpoint in endpoints {
                endpoint.counters.not_after(now);
            }
        }
    }

    async fn exchange(&self, endpoints: &[Arc<Endpoint>], now: Timestamp) {
        let Some(store) = &self.policy.store else {
            return;
        };
        let Silence {
            exchanged,
            exchange_failures,
            seen,
            ..
        } = &self.silence;
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

    /// Tells the trail what is seen by looking: another ring of keys, and how many requests exempt
    /// routes have refused.
    fn tell_what_changed(&self) {
        if self.policy.audit.is_none() {
            return;
        }
        let mut told = self
            .silence
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<_> = self
            .policy
            .keys
            .uses()
            .into_iter()
            .map(|it| it.key)
            .collect();
        if told.keys != keys {
            let is_first = told.keys.is_empty();
            told.keys.clone_from(&keys);
            if !is_first {
                self.policy.tell(|| AuditEvent::Rotation { keys });
            }
        }
        for endpoint in self.endpoints() {
            if !matches!(
                endpoint.class(),
                Some(AccessClass::Public | AccessClass::Webhook)
            ) {
                continue;
            }
            let counts = endpoint.counters.counts();
            for (reason, count) in Denial::ALL.iter().zip(counts.denied) {
                let key = (Arc::as_ptr(&endpoint) as usize, *reason);
                let before = told.refused.get(&key).copied().unwrap_or(0);
                if count > before {
                    told.refused.insert(key, count);
                    self.policy.tell(|| AuditEvent::Refused {
                        route: endpoint.route.clone(),
                        reason: reason.as_str(),
                        requests: count - before,
                    });
                }
            }
        }
    }

    /// One look of the task's.
    async fn tick(self: &Arc<Self>) {
        let alarms = self.look().await;
        if let Some(now) = self.now() {
            for endpoint in self.endpoints() {
                endpoint.look(now);
            }
            self.tell_what_changed();
            #[cfg(feature = "metrics")]
            crate::metrics::publish(self, &alarms);
            if let Some(pinger) = &self.silence.pinger {
                pinger.ping(&alarms, now).await;
            }
        }
    }
}

/// The task's hold on its layer. A runtime that ends drops the task, and another may take over.
struct Running(Weak<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.silence.running.store(false, Ordering::Relaxed);
        }
    }
}

async fn run(running: Running) {
    loop {
        tokio::time::sleep(EVERY).await;
        match running.0.upgrade() {
            Some(shared) => shared.tick().await,
            None => return,
        }
    }
}

impl crate::SessionAuthLayer {
    /// What rings now, of all webhooks: see [`silence`](crate::silence). With a store it is asked, at
    /// most every 15 seconds by the layer's clock.
    ///
    /// Listing and health answer call this; a service calls it for alarms of its own.
    pub async fn check_webhooks(&self) -> Vec<Alarm> {
        self.shared().look().await
    }

    /// What the layer's task does every 15 seconds: looks at the webhooks, and pings. For tests with a
    /// clock of their own, which no task can wait for.
    #[doc(hidden)]
    pub async fn __tick(&self) {
        self.shared().tick().await;
    }
}
