//! What stands between a request and a store of API keys that may be down: as for sessions, a timeout
//! and a circuit breaker.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::erased::ErasedApiKeys;
use crate::store::breaker::{Breaker, DEFAULT_BREAKER};
use crate::store::error::StoreError;

/// How often an outage is logged.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What it says of the store that a question gets no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failing {
    /// That it is down.
    IsDown,
    /// The same, unless it was only late.
    MayBeSlow,
    /// Nothing.
    IsNothing,
}

pub(crate) struct GuardedApiKeys {
    store: Arc<dyn ErasedApiKeys>,
    timeout: Duration,
    breaker: Breaker,
    /// When an outage was logged last.
    reported: Mutex<Option<Instant>>,
}

impl GuardedApiKeys {
    pub(crate) fn new(store: Arc<dyn ErasedApiKeys>, timeout: Duration) -> Self {
        Self {
            store,
            timeout,
            breaker: Breaker::new(DEFAULT_BREAKER, timeout),
            reported: Mutex::default(),
        }
    }

    /// The same store with another timeout.
    pub(crate) fn with_timeout(&self, timeout: Duration) -> Self {
        Self::new(Arc::clone(&self.store), timeout)
    }

    /// Asks the store. An answer comes within the timeout; while the store is known to be down, at
    /// once.
    pub(crate) async fn ask<'a, T, F>(
        &'a self,
        question: impl FnOnce(&'a dyn ErasedApiKeys) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.put(question, Failing::IsDown).await
    }

    /// The same for what takes longer the more keys a subject has had, or the more others change the same key:
    /// if no answer comes in time, that says nothing of the store.
    pub(crate) async fn ask_of_one<'a, T, F>(
        &'a self,
        question: impl FnOnce(&'a dyn ErasedApiKeys) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.put(question, Failing::MayBeSlow).await
    }

    /// The same for what nobody waits for: that it cannot be written is no reason to read nothing.
    pub(crate) async fn note<'a, T, F>(
        &'a self,
        question: impl FnOnce(&'a dyn ErasedApiKeys) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.put(question, Failing::IsNothing).await
    }

    async fn put<'a, T, F>(
        &'a self,
        question: impl FnOnce(&'a dyn ErasedApiKeys) -> F,
        failing: Failing,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let Some(permit) = self.breaker.permit() else {
            return Err(StoreError::refused());
        };
        let answer = tokio::time::timeout(self.timeout, question(&*self.store))
            .await
            .unwrap_or_else(|_| Err(StoreError::timed_out()));
        match &answer {
            // The permit is given up: it counts neither way.
            Err(error) if failing == Failing::MayBeSlow && error.is_timed_out() => {}
            Err(_) if failing == Failing::IsNothing && !permit.trial => {}
            Err(error) if error.is_unavailable() => self.breaker.failed(permit),
            _ => self.breaker.answered(permit),
        }
        answer.inspect_err(|error| self.report(error))
    }

    fn report(&self, error: &StoreError) {
        let mut last = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = last.is_none_or(|last| last.elapsed() >= REPORT_EVERY);
        if error.is_unavailable() && (error.is_refused() || !is_new) {
            return;
        }
        *last = Some(Instant::now());
        drop(last);
        tracing::error!(target: "session_auth", %error, "the store of API keys failed");
    }
}
