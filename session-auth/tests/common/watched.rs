//! A store in memory that a test watches and disturbs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use session_auth::store::{Generation, MemoryStore, SessionStore, StoreError, StoredSession};
use session_auth::{SessionId, Timestamp};

/// What a store is asked is counted. Its answers about all sessions of a subject can be made to take
/// forever, and those about the deadlines of streams to fail.
#[derive(Default)]
pub struct Watched {
    pub store: MemoryStore,
    /// Questions about all sessions of a subject.
    pub asked: AtomicU64,
    pub touches: AtomicU64,
    /// Whether the use of a session takes forever to be noted.
    pub touch_hangs: AtomicBool,
    pub slow: AtomicBool,
    /// Questions about the deadlines of streams.
    pub questions: AtomicU64,
    pub down: AtomicBool,
    /// Whether questions about one session fail.
    pub lost: AtomicBool,
}

impl Watched {
    async fn of_a_subject(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.slow.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    pub fn touches(&self) -> u64 {
        self.touches.load(Ordering::SeqCst)
    }
}

impl SessionStore for Watched {
    async fn generation(&self, subject: &str) -> Result<Generation, StoreError> {
        self.of_a_subject().await;
        self.store.generation(subject).await
    }
    async fn insert(&self, session: &StoredSession, g: Generation) -> Result<bool, StoreError> {
        self.store.insert(session, g).await
    }
    async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        if self.lost.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("lost"));
        }
        self.store.find(subject, id).await
    }
    async fn touch(
        &self,
        subject: &str,
        id: SessionId,
        seen: Timestamp,
        deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        self.touches.fetch_add(1, Ordering::SeqCst);
        if self.touch_hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        // The others are under way by then.
        tokio::task::yield_now().await;
        self.store.touch(subject, id, seen, deadline).await
    }
    async fn replace(&self, old: SessionId, session: &StoredSession) -> Result<bool, StoreError> {
        self.store.replace(old, session).await
    }
    async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
        self.store.revoke(subject, id).await
    }
    async fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.of_a_subject().await;
        self.store.revoke_all(subject, except, now).await
    }
    async fn list(&self, subject: &str, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        self.of_a_subject().await;
        self.store.list(subject, now).await
    }
    async fn remove_expired(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.store.remove_expired(before, limit).await
    }
    async fn renew(
        &self,
        old: SessionId,
        session: &StoredSession,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
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
        self.questions.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("connection refused"));
        }
        self.store.deadlines(sessions).await
    }
}
