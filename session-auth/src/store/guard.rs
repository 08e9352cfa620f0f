//! What stands between a request and a store that may be down.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::breaker::Breaker;
use super::erased::ErasedStore;
use super::error::StoreError;
use super::noted::Noted;
use super::session_store::StoredSession;
use super::steady::Steady;
use crate::clock::Timestamp;
use crate::session_id::SessionId;

/// How long a store may take to answer, unless the builder says otherwise.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_millis(250);

/// How often an outage is logged.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Expired sessions are deleted in batches of so many rows, ..
const SWEEP_BATCH: u32 = 500;
/// .. and how many batches at one time at the most: what is left over waits for the next.
const SWEEP_BATCHES: u32 = 100;

/// A store, with a timeout and a circuit breaker for each call.
pub(crate) struct GuardedStore {
    store: Arc<dyn ErasedStore>,
    timeout: Duration,
    breaker: Breaker,
    /// By which expired sessions are deleted.
    steady: Steady,
    /// Whose last use was noted when.
    pub(crate) noted: Noted,
    /// Questions without an answer: those of one subject, and those of requests.
    errors: [AtomicU64; 2],
    /// When an outage was logged last.
    reported: Mutex<Option<Instant>>,
}

impl GuardedStore {
    /// `breaker` is after how many failures in a row it opens, and for how long.
    pub(crate) fn new(
        store: Arc<dyn ErasedStore>,
        timeout: Duration,
        breaker: (u32, Duration),
    ) -> Self {
        Self {
            store,
            timeout,
            breaker: Breaker::new(breaker, timeout),
            steady: Steady::default(),
            noted: Noted::default(),
            errors: Default::default(),
            reported: Mutex::default(),
        }
    }

    /// Asks the store. An answer comes within the timeout; while the store is known to be down, at
    /// once.
    pub(crate) async fn ask<'a, T, F>(
        &'a self,
        question: impl FnOnce(&'a dyn ErasedStore) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.put(question, true).await
    }

    /// The same for what takes longer the more sessions a subject has, or the more others ask for the
    /// same: if no answer comes in time, that says nothing of the store.
    pub(crate) async fn ask_of_one<'a, T, F>(
        &'a self,
        question: impl FnOnce(&'a dyn ErasedStore) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.put(question, false).await
    }

    /// The session with this id, if it is one of this subject's. What the store remembers by itself is no answer of
    /// what is behind it: it counts neither way, and is there while that is down.
    pub(crate) async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        match self.store.remembered(subject, id) {
            Some(session) => Ok(Some(session)),
            None => self.ask(|store| store.find(subject, id)).await,
        }
    }

    /// Whether the store would answer for this session without what is behind it.
    pub(crate) fn remembers(&self, subject: &str, id: SessionId) -> bool {
        self.store.remembered(subject, id).is_some()
    }

    async fn put<'a, T, F>(
        &'a self,
        question: impl FnOnce(&'a dyn ErasedStore) -> F,
        slow_is_down: bool,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let Some(permit) = self.breaker.permit() else {
            self.count_error(slow_is_down);
            return Err(StoreError::refused());
        };
        let mut question = pin!(question(&*self.store));
        // Memory and cache answer at once, and need no timer, which costs more than they do.
        let at_once = poll_fn(|cx| Poll::Ready(question.as_mut().poll(cx))).await;
        let answer = match at_once {
            Poll::Ready(answer) => answer,
            Poll::Pending => tokio::time::timeout(self.timeout, question)
                .await
                .unwrap_or_else(|_| Err(StoreError::timed_out())),
        };
        if answer.as_ref().is_err_and(StoreError::is_unavailable) {
            self.count_error(slow_is_down);
        }
        match &answer {
            // The permit is given up: it counts neither way.
            Err(error) if error.is_timed_out() && !slow_is_down => {}
            Err(error) if error.is_unavailable() => self.breaker.failed(permit),
            _ => self.breaker.answered(permit),
        }
        answer
    }

    fn count_error(&self, of_request: bool) {
        self.errors[usize::from(of_request)].fetch_add(1, Ordering::Relaxed);
    }

    /// How many questions got no answer, by what they were asked for.
    #[cfg(feature = "metrics")]
    pub(crate) fn errors(&self) -> [(&'static str, u64); 2] {
        let [subject, request] = self.errors.each_ref().map(|it| it.load(Ordering::Relaxed));
        [("subject", subject), ("request", request)]
    }

    /// Logs why a request got no answer. While the store is down that is once a second, not once a
    /// request; a row that cannot be read is logged each time, with the first bytes of its id.
    pub(crate) fn report(&self, error: &StoreError, id: SessionId) {
        if !error.is_unavailable() {
            tracing::error!(target: "session_auth", %error, ?id, "session denied");
            return;
        }
        let mut last = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < REPORT_EVERY) || error.is_refused() {
            return;
        }
        *last = Some(Instant::now());
        drop(last);
        tracing::error!(
            target: "session_auth",
            %error,
            "session routes answer 503 until the session store is back"
        );
    }

    /// Deletes expired sessions if that is due: beside the request, in bounded batches. `leeway` is
    /// by how much the clocks of machines that share the store may differ.
    ///
    /// Every five minutes, and not where the clock may jump back, and the sessions be live.
    pub(crate) fn sweep(self: &Arc<Self>, now: Timestamp, leeway: Duration) {
        if self.store.forgets_by_itself() {
            return;
        }
        let Some(before) = self.steady.proves(now, leeway) else {
            return;
        };
        let this = Arc::clone(self);
        tokio::spawn(async move {
            for _ in 0..SWEEP_BATCHES {
                match this
                    .ask_of_one(|store| store.remove_expired(before, SWEEP_BATCH))
                    .await
                {
                    Ok(removed) if removed < u64::from(SWEEP_BATCH) => return,
                    // Others get their turn in between.
                    Ok(_) => tokio::task::yield_now().await,
                    Err(error) => {
                        tracing::warn!(
                            target: "session_auth",
                            %error,
                            "expired sessions were not deleted; this is tried again"
                        );
                        return;
                    }
                }
            }
        });
    }
}

impl fmt::Debug for GuardedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedStore")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
