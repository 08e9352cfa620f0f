//! Lookups that wait at the same time, asked as one question: of what one costs, most is the round trip.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::oneshot;

use crate::session_id::SessionId;
use crate::store::error::StoreError;
use crate::store::session_store::StoredSession;

/// How many questions are under way at the most: what comes meanwhile is the next one. More would be
/// smaller ones; one alone would have everybody wait for a connection that hangs.
const AT_ONCE: usize = 2;

/// How many lookups are one question at the most.
const TOGETHER: usize = 100;

/// What became of a lookup.
pub(super) type Found = Result<Option<StoredSession>, StoreError>;

/// A store that can be asked for many sessions at once.
pub(super) trait FindTogether: Clone + Send + Sync + 'static {
    /// What is found of each, in their order.
    fn find_together(
        &self,
        sessions: &[(String, SessionId)],
    ) -> impl Future<Output = Result<Vec<Found>, StoreError>> + Send;
}

/// The lookups of one store.
#[derive(Clone, Default)]
pub(super) struct Lookups(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: Vec<Lookup>,
    /// How many tasks ask.
    asking: usize,
}

struct Lookup {
    subject: String,
    id: SessionId,
    answer: oneshot::Sender<Found>,
}

impl Lookups {
    /// Looks a session up, with all others that wait. Never in a question that is under way: that may
    /// have been answered before the session was revoked.
    pub(super) async fn find<S>(&self, store: &S, subject: &str, id: SessionId) -> Found
    where
        S: FindTogether,
    {
        let (answer, found) = oneshot::channel();
        let starts = {
            let mut state = self.state();
            state.waiting.push(Lookup {
                subject: subject.to_owned(),
                id,
                answer,
            });
            let starts = state.asking < AT_ONCE;
            state.asking += usize::from(starts);
            starts
        };
        if starts {
            // A task of its own: whoever looks up may go away, and the others wait on.
            let asking = Asking {
                lookups: self.clone(),
                ended: false,
            };
            tokio::spawn(asking.ask(store.clone()));
        }
        let gone = || StoreError::unavailable("the task that asked the database has ended");
        found.await.unwrap_or_else(|_| Err(gone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One task that asks.
struct Asking {
    lookups: Lookups,
    ended: bool,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // By a panic, or with its runtime. What waits is left to the others, if there are any.
        let mut state = self.lookups.state();
        state.asking -= 1;
        if state.asking == 0 {
            state.waiting.clear();
        }
    }
}

impl Asking {
    /// The next question; `None` where nobody waits, and this task has ended.
    fn next(&mut self) -> Option<Vec<Lookup>> {
        let mut state = self.lookups.state();
        state.waiting.retain(|lookup| !lookup.answer.is_closed());
        let most = state.waiting.len().min(TOGETHER);
        if most == 0 {
            // Under the lock: a lookup that comes now starts another task.
            state.asking -= 1;
            self.ended = true;
            return None;
        }
        Some(state.waiting.drain(..most).collect())
    }

    async fn ask<S: FindTogether>(mut self, store: S) {
        while let Some(lookups) = self.next() {
            let (sessions, mut answers): (Vec<_>, Vec<_>) = lookups
                .into_iter()
                .map(|lookup| ((lookup.subject, lookup.id), lookup.answer))
                .unzip();
            let mut question = pin!(store.find_together(&sessions));
            let found = poll_fn(|cx| match question.as_mut().poll(cx) {
                Poll::Ready(found) => Poll::Ready(Some(found)),
                // Nobody waits for it any more: a connection that hangs is given up.
                Poll::Pending if answers.iter_mut().all(|it| it.poll_closed(cx).is_ready()) => {
                    Poll::Ready(None)
                }
                Poll::Pending => Poll::Pending,
            });
            match found.await {
                Some(Ok(found)) => {
                    for (answer, found) in answers.into_iter().zip(found) {
                        let _ = answer.send(found);
                    }
                }
                Some(Err(error)) => {
                    for answer in answers {
                        let _ = answer.send(Err(error.clone()));
                    }
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
