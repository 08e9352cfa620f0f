//! When a session ends that a stream was opened with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::{Clock, Timestamp};
use crate::session_id::SessionId;
use crate::store::{GuardedStore, StoreError};
use crate::token::Token;

/// How late a stream may learn that its session has ended, unless the builder says otherwise.
pub(crate) const DEFAULT_LAG: Duration = Duration::from_secs(2);

/// How many sessions the store is asked for in one question at the most, ..
const AT_ONCE: usize = 500;
/// .. and at the least, where it does not answer more in time.
const AT_LEAST: usize = 10;

/// The sessions that streams wait for the end of: one task looks after all of them, for as long as
/// there are any.
#[derive(Clone)]
pub(crate) struct Watch {
    lag: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<SessionId, Watched>,
    task: Option<JoinHandle<()>>,
}

struct Watched {
    subject: String,
    idle_deadline: Timestamp,
    absolute_deadline: Timestamp,
    ended: watch::Sender<bool>,
}

impl Watched {
    fn is_over(&self, now: Option<Timestamp>) -> bool {
        // Without a time no deadline can be judged, so none holds.
        now.is_none_or(|now| now >= self.idle_deadline || now >= self.absolute_deadline)
    }
}

impl Watch {
    pub(crate) fn new(lag: Duration) -> Self {
        Self {
            lag,
            state: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks at once which of a subject's sessions have ended: this process has ended some, and it may have
    /// known one of them by an id that it had before.
    pub(crate) async fn look_at(&self, subject: &str, store: &GuardedStore) {
        let asked: Vec<_> = {
            let state = self.lock();
            let all = state.sessions.iter();
            let of_subject = all.filter(|(_, session)| session.subject == subject);
            of_subject
                .map(|(id, _)| (subject.to_owned(), *id))
                .collect()
        };
        for asked in asked.chunks(AT_ONCE) {
            // Where it does not say, they learn of it within the lag.
            let _ = ask(self, store, asked).await;
        }
    }

    fn end_where(&self, ended: impl Fn(&SessionId, &Watched) -> bool) {
        self.lock().sessions.retain(|id, session| {
            let ended = ended(id, session);
            if ended {
                session.ended.send_replace(true);
            }
            !ended
        });
    }
    /// Waits for the end of a session.
    pub(crate) async fn ended(
        &self,
        session: &Token,
        store: &Option<Arc<GuardedStore>>,
        clock: &Arc<dyn Clock>,
    ) {
        let mut ended = {
            let mut state = self.lock();
            let watched = state
                .sessions
                .entry(SessionId::from_bytes(session.id()))
                .or_insert_with(|| Watched {
                    subject: session.subject().to_owned(),
                    idle_deadline: session.idle_deadline(),
                    absolute_deadline: session.absolute_deadline(),
                    ended: watch::Sender::new(false),
                });
            // A stream that was opened later may know of a later one.
            watched.idle_deadline = watched.idle_deadline.max(session.idle_deadline());
            let ended = watched.ended.subscribe();
            // Also where the runtime of the one before is gone.
            if state.task.as_ref().is_none_or(JoinHandle::is_finished) {
                let task = look_after(self.clone(), store.clone(), Arc::clone(clock));
                state.task = Some(tokio::spawn(task));
            }
            ended
        };
        // Without a sender nobody looks after it any more.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

/// Ends what has ended, until nobody waits for anything.
async fn look_after(watch: Watch, store: Option<Arc<GuardedStore>>, clock: Arc<dyn Clock>) {
    // What the store answers in time is found out.
    let (mut at_once, mut more) = (AT_ONCE, AT_ONCE);
    let mut failures = 0_u64;
    loop {
        tokio::time::sleep(watch.lag).await;
        let asked: Vec<_> = {
            let mut state = watch.lock();
            state
                .sessions
                .retain(|_, session| !session.ended.is_closed());
            if state.sessions.is_empty() {
                state.task = None;
                return;
            }
            let of = |(id, session): (&SessionId, &Watched)| (session.subject.clone(), *id);
            state.sessions.iter().map(of).collect()
        };
        if let Some(store) = &store {
            for asked in asked.chunks(at_once) {
                match ask(&watch, store, asked).await {
                    Ok(()) if asked.len() == at_once => more = (2 * at_once).min(AT_ONCE),
                    Ok(()) => {}
                    Err(error) => {
                        failures += 1;
                        // Each time there are twice as many: often enough to be seen, and never a flood.
                        if failures.is_power_of_two() {
                            tracing::warn!(
                                target: "session_auth",
                                %error,
                                sessions = asked.len(),
                                failures,
                                "streams go on by the deadlines that were known: the store did not say \
                                 which sessions have ended"
                            );
                        }
                        more = (at_once / 2).max(AT_LEAST);
                    }
                }
            }
            at_once = more;
        }
        let now = Timestamp::of(&clock);
        watch.end_where(|_, session| session.is_over(now));
    }
}

/// Asks the store for the deadlines that others may have moved. While it is down those hold that
/// were known.
async fn ask(
    watch: &Watch,
    store: &GuardedStore,
    asked: &[(String, SessionId)],
) -> Result<(), StoreError> {
    let deadlines = store.ask_of_one(|store| store.deadlines(asked)).await?;
    let mut state = watch.lock();
    for ((_, id), deadline) in asked.iter().zip(deadlines) {
        match (deadline, state.sessions.get_mut(id)) {
            (Some(deadline), Some(session)) => {
                session.idle_deadline = session.idle_deadline.max(deadline);
            }
            (None, Some(_)) => {
                if let Some(session) = state.sessions.remove(id) {
                    session.ended.send_replace(true);
                }
            }
            (_, None) => {}
        }
    }
    Ok(())
}
