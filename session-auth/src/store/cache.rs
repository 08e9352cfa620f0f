use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::time::Duration;

use moka::sync::Cache;

use super::error::StoreError;
use super::session_store::{Generation, SessionStore, StoredSession};
use crate::clock::Timestamp;
use crate::session_id::SessionId;
use crate::sync::atomic::{AtomicU64, Ordering};

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
    cache: Cache<SessionId, Remembered>,
    /// What this process has ended, counted by subject; many subjects share a count.
    ended: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// An answer, and what the subject's count was when it was asked for. If it is another now, the answer
/// may be outdated: also one that was on its way when the session ended.
#[derive(Clone)]
struct Remembered {
    session: StoredSession,
    ended: u64,
}

/// Takes whatever is remembered of a subject for outdated when it is dropped: once the store has answered, as
/// what is asked for later is right; or when nobody waits for that any more, as it may have happened.
#[must_use]
struct Forgets<'a>(&'a AtomicU64);

impl Drop for Forgets<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// How many counts there are. Who shares one with a subject whose sessions end is asked for once more.
const COUNTS: usize = if cfg!(test) { 2 } else { 4096 };

impl<S> CachedStore<S> {
    /// Remembers what this store says for `lag`: a few seconds, as that is how long a session may
    /// live on that was revoked elsewhere.
    pub fn new(store: S, lag: Duration) -> Self {
        Self {
            store,
            lag,
            cache: cache(DEFAULT_CAPACITY, lag),
            ended: (0..COUNTS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
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

    fn ended(&self, subject: &str) -> &AtomicU64 {
        &self.ended[self.hasher.hash_one(subject) as usize % COUNTS]
    }

    /// To be held while the store ends something of the subject's.
    fn forgets(&self, subject: &str) -> Forgets<'_> {
        Forgets(self.ended(subject))
    }
}

/// The longest lag: `moka` panics where it is more than a thousand years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

fn cache(capacity: u64, lag: Duration) -> Cache<SessionId, Remembered> {
    Cache::builder()
        .max_capacity(capacity)
        .time_to_live(lag.min(LONGEST))
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
        if let Some(remembered) = self.remembered(subject, id) {
            return Ok(Some(remembered));
        }
        let ended = self.ended(subject).load(Ordering::Acquire);
        let found = self.store.find(subject, id).await?;
        if let Some(session) = found.clone() {
            self.cache.insert(id, Remembered { session, ended });
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
        match touched {
            // It has other times than remembered.
            Ok(true) => self.cache.invalidate(&id),
            Ok(false) => drop(self.forgets(subject)),
            // While the store is down, what is remembered stays good.
            Err(_) => {}
        }
        touched
    }

    async fn replace(&self, old: SessionId, session: &StoredSession) -> Result<bool, StoreError> {
        let _forgets = self.forgets(&session.subject);
        self.store.replace(old, session).await
    }

    async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
        let _forgets = self.forgets(subject);
        self.store.revoke(subject, id).await
    }

    async fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let _forgets = self.forgets(subject);
        self.store.revoke_all(subject, except, now).await
    }

    async fn list(&self, subject: &str, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        self.store.list(subject, now).await
    }

    async fn remove_expired(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.store.remove_expired(before, limit).await
    }

    fn remembered(&self, subject: &str, id: SessionId) -> Option<StoredSession> {
        let ended = self.ended(subject).load(Ordering::Acquire);
        let remembered = self.cache.get(&id)?;
        let is_good = remembered.ended == ended && remembered.session.subject == subject;
        is_good.then_some(remembered.session)
    }

    async fn trim(
        &self,
        subject: &str,
        keep: SessionId,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let forgets = self.forgets(subject);
        let ended = self.store.trim(subject, keep, most, now).await;
        if matches!(ended, Ok(0)) {
            // Nothing has ended.
            std::mem::forget(forgets);
        }
        ended
    }

    async fn renew(
        &self,
        old: SessionId,
        session: &StoredSession,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let _forgets = self.forgets(&session.subject);
        self.store.renew(old, session, until).await
    }

    async fn was_renewed(
        &self,
        subject: &str,
        old: SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store.was_renewed(subject, old, now).await
    }

    async fn deadlines(
        &self,
        sessions: &[(String, SessionId)],
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        self.store.deadlines(sessions).await
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
