//! Looks after the webhooks: a task that looks every 15 seconds, and whoever asks in between.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};

use tokio::runtime::Handle;

use crate::access::AccessClass;
use crate::activity::Endpoint;
use crate::clock::Timestamp;
use crate::response::Denial;
use crate::shared::Shared;
use crate::silence::{Alarm, EVERY};
use crate::trail::AuditEvent;

/// Starts the task, unless it runs; nothing happens outside of a runtime.
pub(crate) fn start(shared: &Arc<Shared>) {
    if shared.silence.running.load(Ordering::Relaxed) {
        return;
    }
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    if !shared.silence.running.swap(true, Ordering::Relaxed) {
        runtime.spawn(run(Running(Arc::downgrade(shared))));
    }
}

/// What rings now. Logs what began and what is over; with a store, asks it at most every 15 seconds.
pub(crate) async fn look(shared: &Shared) -> Vec<Alarm> {
    let Some(now) = shared.now() else {
        return Vec::new();
    };
    let endpoints = shared.endpoints();
    shared.silence.mind_the_clock(&endpoints, now);
    if let Some(store) = &shared.policy.store {
        shared.silence.exchange(store, &endpoints, now).await;
    }
    judge(shared, &endpoints, now)
}

/// The same without asking the store.
fn judge(shared: &Shared, endpoints: &[Arc<Endpoint>], now: Timestamp) -> Vec<Alarm> {
    // One at a time: of two looks the later one has the later counts.
    let mut episodes = shared
        .silence
        .episodes
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let alarms = shared.silence.alarms(endpoints, now);
    let changes = episodes.now(&alarms);
    drop(episodes);
    changes.log(now);
    for (alarms, over) in [(&changes.begun, false), (&changes.over, true)] {
        for alarm in alarms {
            shared.policy.tell(|| AuditEvent::Alarm {
                route: alarm.route.clone(),
                rule: alarm.rule.as_str(),
                over,
            });
        }
    }
    alarms
}

/// Tells the trail what is seen by looking: another ring of keys, and how many requests exempt
/// routes have refused.
fn tell_what_changed(shared: &Shared) {
    if shared.policy.audit.is_none() {
        return;
    }
    let mut told = shared
        .silence
        .told
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let keys: Vec<_> = shared
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
            shared.policy.tell(|| AuditEvent::Rotation { keys });
        }
    }
    for endpoint in shared.endpoints() {
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
                shared.policy.tell(|| AuditEvent::Refused {
                    route: endpoint.route.clone(),
                    reason: reason.as_str(),
                    requests: count - before,
                });
            }
        }
    }
}

/// One look of the task's.
pub(crate) async fn tick(shared: &Shared) {
    let alarms = look(shared).await;
    if let Some(now) = shared.now() {
        for endpoint in shared.endpoints() {
            endpoint.look(now);
        }
        tell_what_changed(shared);
        #[cfg(feature = "metrics")]
        crate::metrics::publish(shared, &alarms);
        if let Some(pinger) = &shared.silence.pinger {
            pinger.ping(&alarms, now).await;
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
            Some(shared) => tick(&shared).await,
            None => return,
        }
    }
}
