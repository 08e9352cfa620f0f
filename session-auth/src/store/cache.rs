use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use moka::sync::Cache;

use super::error::StoreError;
use super::session_store::{Generation, SessionStore, StoredSession};
use crate::clock::Timestamp;
use crate::session::SessionId;

/// How many sessions are kept, unless [`CachedStore::capacity`] says otherwise.
const DEFAULT_CAPACITY: u64 = 100_000;

/// Asks another store about a session once in a while only, and remembers the answer in between.
///
/// The price is the lag: a session that **another process** has revoked is accepted here for so long
/// at the most. What this process revokes is over at once. While the store is down, sessions that
/// were seen within the lag still work.
///
/// Only live sessions are remembered, in a bounded cache (the crate `moka`): about 400 bytes each.
///
/// ```
/// use std::time::Duration;
///
/// use session_auth::store::{CachedStore, MemoryStore};
///
/// let store = CachedStore::new(MemoryStore::new(), Duration::from_secs(5)).capacity(50_000);
/// # let _ = store;
/// ```
pub struct CachedStore<S> {
    store: S,
    lag: Duration,
    cache: Cache<SessionId, StoredSession>,
    /// Counts what was taken out of the cache. An answer that was on its way meanwhile may be
    /// outdated and is not put in.
    removals: RwLock<u64>,
}

impl<S> CachedStore<S> {
    /// Remembers what this store says for `lag`: a few seconds, as that is how long a session may
    /// live on that was revoked elsewhere.
    pub fn new(store: S, lag: Duration) -> Self {
        Self {
            store,
            lag,
            cache: cache(DEFAULT_CAPACITY, lag),
            removals: RwLock::new(0),
        }
    }

    /// Sets how many sessions are remembered at the most. The default is 100,000.
    #[must_use]
    pub fn capacity(self, sessions: u64) -> Self {
        Self {
            cache: cache(sessions, self.lag),
            ..self
        }
    }

    fn removals(&self) -> u64 {
        *self.removals.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an answer in, unless something was taken out since the question.
    fn remember(&self, session: &StoredSession, removals: u64) {
        let now = self.removals.read().unwrap_or_else(PoisonError::into_inner);
        if *now == removals {
            // Under the lock: whoever takes it out comes before or after.
            self.cache.insert(session.id, session.clone());
        }
    }

    fn forget(&self, id: SessionId) {
        *self
            .removals
            .write()
            .unwrap_or_else(PoisonError::into_inner) += 1;
        self.cache.invalidate(&id);
    }
}

fn cache(capacity: u64, lag: Duration) -> Cache<SessionId, StoredSession> {
    Cache::builder()
        .max_capacity(capacity)
        .time_to_live(lag)
        .support_invalidation_closures()
        .build()
}

impl<S: SessionStore> SessionStore for CachedStore<S> {
    const FORGETS_BY_ITSELF: bool = S::FORGETS_BY_ITSELF;

    async fn generation(&self, subject: &str) -> Result<Generation, StoreError> {
        self.store.generation(subject).await
    }

    async fn insert(
        &self,
        session: &StoredSession,
        generation: Generation,
    ) -> Result<bool, StoreError> {
        self.store.insert(session, generation).await
    }

    async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        if let Some(session) = self.cache.get(&id).filter(|found| found.subject == subject) {
            return Ok(Some(session));
        }
        let removals = self.removals();
        let found = self.store.find(subject, id).await?;
        if let Some(session) = &found {
            self.remember(session, removals);
        }
        Ok(found)
    }

    async fn touch(
        &self,
        subject: &str,
        id: SessionId,
        last_seen: Timestamp,
        idle_deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        let touched = self
            .store
            .touch(subject, id, last_seen, idle_deadline)
            .await;
        // Gone, or with other times than remembered.
        self.forget(id);
        touched
    }

    async fn replace(&self, old: SessionId, session: &StoredSession) -> Result<bool, StoreError> {
        let replaced = self.store.replace(old, session).await;
        self.forget(old);
        replaced
    }

    async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
        let revoked = self.store.revoke(subject, id).await;
        self.forget(id);
        revoked
    }

    async fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let revoked = self.store.revoke_all(subject, except, now).await;
        let mut removals = self
            .removals
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *removals += 1;
        let subject = subject.to_owned();
        let gone = move |id: &SessionId, session: &StoredSession| {
            session.subject == subject && Some(*id) != except
        };
        if self.cache.invalidate_entries_if(gone).is_err() {
            // Not with the settings above. If that ever changes, forget all.
            self.cache.invalidate_all();
        }
        revoked
    }

    async fn list(&self, subject: &str, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        self.store.list(subject, now).await
    }

    async fn remove_expired(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.store.remove_expired(before, limit).await
    }
}

/// The store and the lag; no sessions.
impl<S: fmt::Debug> fmt::Debug for CachedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore")
            .field("store", &self.store)
            .field("lag", &self.lag)
            .finish_non_exhaustive()
    }
}
