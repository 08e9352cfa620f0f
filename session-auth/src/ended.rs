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
/// After how many failures in a row the known deadlines are not kept waiting for the other questions.
const IS_DOWN: usize = 4;

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

    /// Requests move the deadline of their session, and without a store nobody else knows of it.
    pub(crate) fn moved(&self, id: SessionId, idle_deadline: Timestamp) {
        if let Some(session) = self.lock().sessions.get_mut(&id) {
            session.idle_deadline = session.idle_deadline.max(idle_deadline);
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

    /// Ends what is over by the deadlines that are known.
    fn end_what_is_over(&self, clock: &Arc<dyn Clock>) {
        let now = Timestamp::of(clock);
        self.end_where(|_, session| session.is_over(now));
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
    let mut at_once = AT_ONCE;
    // How often in a row it did not say of each session.
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
            let (unknown, error) = ask_all(&watch, store, &clock, &asked, &mut at_once).await;
            failures = if unknown == 0 { 0 } else { failures + 1 };
            // Each time of twice as many: often enough to be seen, and never a flood.
            if failures.is_power_of_two() {
                tracing::warn!(
                    target: "session_auth",
                    error = error.as_ref().map(tracing::field::display),
                    sessions = unknown,
                    failures,
                    "streams go on by the deadlines that were known: the store did not say whether \
                     their sessions have ended"
                );
            }
        }
        watch.end_what_is_over(&clock);
    }
}

/// Asks the store about all of them, and says of how many it did not tell, and an error of it.
async fn ask_all(
    watch: &Watch,
    store: &GuardedStore,
    clock: &Arc<dyn Clock>,
    asked: &[(String, SessionId)],
    at_once: &mut usize,
) -> (usize, Option<StoreError>) {
    let (mut rest, mut in_time) = (asked, true);
    let (mut unknown, mut error, mut in_a_row) = (0, None, 0);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(*at_once));
        match ask(watch, store, now).await {
            // Fewer of them may be answered in time: they are asked for again.
            Err(late) if late.is_timed_out() && now.len() > AT_LEAST => {
                *at_once = (now.len() / 2).max(AT_LEAST);
                in_time = false;
                continue;
            }
            Ok(unread) => {
                unknown += unread;
                in_a_row = 0;
            }
            Err(failed) => {
                unknown += now.len();
                error = Some(failed);
                in_a_row += 1;
                // With many streams it takes long to wait for each answer of a store that gives none.
                if in_a_row >= IS_DOWN {
                    watch.end_what_is_over(clock);
                }
            }
        }
        rest = later;
    }
    if in_time {
        *at_once = (2 * *at_once).min(AT_ONCE);
    }
    (unknown, error)
}

/// Asks the store for the deadlines that others may have moved, and says how many it could not read. While
/// it is down those hold that were known.
async fn ask(
    watch: &Watch,
    store: &GuardedStore,
    asked: &[(String, SessionId)],
) -> Result<usize, StoreError> {
    let deadlines = store.ask_of_one(|store| store.deadlines(asked)).await?;
    let unread = |deadline: &&Option<Timestamp>| **deadline == Some(Timestamp::default());
    let unread = deadlines.iter().filter(unread).count();
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
    Ok(unread)
}

#[cfg(test)]
mod tests;
