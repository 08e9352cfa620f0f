//! A ping to a service elsewhere that rings when it hears none: the one alarm that a dead process
//! leaves behind. The protocol is healthchecks': a request to a URL, and to `URL/fail`.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Alarm;
use crate::clock::Timestamp;

/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A request to be sent: `POST` with this body, or `GET` where that is easier.
///
/// `Debug` shows no URL: whoever has it can ping in the service's name.
#[derive(Clone)]
#[non_exhaustive]
pub struct Ping {
    /// The URL, with `/fail` at its end where something rings.
    pub url: String,
    /// What rings, one line each; empty where all is well.
    pub body: String,
}

impl fmt::Debug for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ping")
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

type Failure = Box<dyn Error + Send + Sync>;
type Sending = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Who sends pings, where to and how often.
pub(crate) struct Pinger {
    url: String,
    every: Duration,
    send: Arc<dyn Fn(Ping) -> Sending + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// When the last one was sent while all was well.
    sent: Option<Timestamp>,
    /// Whether it was told that something rings.
    told: bool,
    failures: u64,
}

impl Pinger {
    pub(crate) fn new<F, R, E>(url: String, every: Duration, send: F) -> Self
    where
        F: Fn(Ping) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Failure>,
    {
        let send = move |ping| {
            let sending = send(ping);
            Box::pin(async move { sending.await.map_err(Into::into) }) as Sending
        };
        Self {
            url,
            every,
            send: Arc::new(send),
            state: Mutex::default(),
        }
    }

    pub(crate) fn mistake(&self) -> Option<&'static str> {
        if !(self.url.starts_with("https://") || self.url.starts_with("http://")) {
            return Some("it is no URL: write `https://` and the rest, as the service shows it");
        }
        if self.url.contains(['?', '#', ' ']) || self.url.ends_with("/fail") {
            return Some(
                "leave out the query and `/fail`: `/fail` is put to its end where something rings",
            );
        }
        self.every
            .is_zero()
            .then_some("it would be sent without a pause: set how often, a minute say")
    }

    /// What is to be sent now, if anything.
    fn due(&self, alarms: &[Alarm], now: Timestamp) -> Option<Ping> {
        let state = *self.state();
        if alarms.is_empty() {
            let is_due = state.told
                || state
                    .sent
                    .is_none_or(|sent| now < sent || now.since(sent) >= self.every);
            return is_due.then(|| Ping {
                url: self.url.clone(),
                body: String::new(),
            });
        }
        (!state.told).then(|| Ping {
            url: format!("{}/fail", self.url.trim_end_matches('/')),
            body: alarms
                .iter()
                .map(|alarm| format!("{}: {}\n", alarm.rule, alarm.route))
                .collect(),
        })
    }

    /// Sends what is due. What could not be sent is sent at the next look.
    pub(crate) async fn ping(&self, alarms: &[Alarm], now: Timestamp) {
        let Some(ping) = self.due(alarms, now) else {
            return;
        };
        let sent = match tokio::time::timeout(TIMEOUT, (self.send)(ping)).await {
            Ok(sent) => sent,
            Err(_) => Err("no answer in ten seconds".into()),
        };
        let mut state = self.state();
        match sent {
            Ok(()) => {
                state.failures = 0;
                state.told = !alarms.is_empty();
                if !state.told {
                    state.sent = Some(now);
                }
            }
            Err(error) => {
                state.failures += 1;
                // Each time there are twice as many: often enough to be seen, and never a flood.
                if state.failures.is_power_of_two() {
                    let failures = state.failures;
                    tracing::warn!(target: "session_auth", %error, failures, "no ping could be sent");
                }
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
