//! What stands between a request and a store that may be down.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::breaker::Breaker;
use super::erased::ErasedStore;
use super::error::StoreError;
use crate::clock::Timestamp;
use crate::session::SessionId;

/// How long a store may take to answer, unless the builder says otherwise.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_millis(250);

/// How often an outage is logged.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How often expired sessions are deleted, ..
const SWEEP_EVERY: Duration = Duration::from_secs(5 * 60);
/// .. in batches of so many rows, ..
const SWEEP_BATCH: u32 = 500;
/// .. and how many batches at one time at the most: what is left over waits for the next.
const SWEEP_BATCHES: u32 = 100;

/// A store, with a timeout and a circuit breaker for each call.
pub(crate) struct GuardedStore {
    store: Arc<dyn ErasedStore>,
    timeout: Duration,
    breaker: Breaker,
    /// When expired sessions were deleted last, in seconds since 1970.
    swept: AtomicU64,
    /// When an outage was logged last.
    reported: Mutex<Option<Instant>>,
}

impl GuardedStore {
    pub(crate) fn new(store: Arc<dyn ErasedStore>, timeout: Duration) -> Self {
        Self {
            store,
            timeout,
            breaker: Breaker::new(timeout),
            swept: AtomicU64::new(0),
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
        let permit = self.breaker.permit().ok_or_else(StoreError::refused)?;
        let answer = tokio::time::timeout(self.timeout, question(&*self.store))
            .await
            .unwrap_or_else(|_| Err(StoreError::timed_out()));
        match &answer {
            Err(error) if error.is_unavailable() => self.breaker.failed(permit),
            _ => self.breaker.answered(permit),
        }
        answer
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
    pub(crate) fn sweep(self: &Arc<Self>, now: Timestamp, leeway: Duration) {
        if self.store.forgets_by_itself() {
            return;
        }
        let last = self.swept.load(Ordering::Relaxed);
        let due = now.since(Timestamp::from_secs(last)) >= SWEEP_EVERY;
        // Of requests at the same time, one sweeps.
        let claim = |last| {
            let claimed = self.swept.compare_exchange(
                last,
                now.as_secs(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            claimed.is_ok()
        };
        if !due || !claim(last) {
            return;
        }
        let this = Arc::clone(self);
        let before = Timestamp::from_secs(now.as_secs().saturating_sub(leeway.as_secs()));
        tokio::spawn(async move {
            for _ in 0..SWEEP_BATCHES {
                match this
                    .ask(|store| store.remove_expired(before, SWEEP_BATCH))
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
