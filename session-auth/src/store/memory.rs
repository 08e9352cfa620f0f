use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::StoreError;
use super::session_store::{Generation, SessionStore, StoredSession};
use crate::clock::Timestamp;
use crate::session::SessionId;

/// Keeps sessions in this process: for development and tests. They end with it, and another process
/// knows nothing of them.
///
/// ```
/// use session_auth::store::MemoryStore;
///
/// let store = MemoryStore::new();
/// assert!(store.is_empty());
/// ```
#[derive(Default)]
pub struct MemoryStore {
    subjects: Mutex<HashMap<String, Subject>>,
}

#[derive(Default)]
struct Subject {
    generation: Generation,
    revoked: Timestamp,
    sessions: HashMap<SessionId, StoredSession>,
}

/// For how long a generation is kept, in seconds: longer than any login takes.
pub(super) const KEEP_GENERATION: u64 = 24 * 60 * 60;

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many sessions it holds, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().values().map(|s| s.sessions.len()).sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Subject>> {
        // Each operation leaves the map whole before anything in it can panic.
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for MemoryStore {
    async fn generation(&self, subject: &str) -> Result<Generation, StoreError> {
        let subjects = self.lock();
        Ok(subjects
            .get(subject)
            .map(|s| s.generation)
            .unwrap_or_default())
    }

    async fn insert(
        &self,
        session: &StoredSession,
        generation: Generation,
    ) -> Result<bool, StoreError> {
        let mut subjects = self.lock();
        let subject = subjects.entry(session.subject.clone()).or_default();
        if subject.generation != generation {
            return Ok(false);
        }
        subject.sessions.insert(session.id, session.clone());
        Ok(true)
    }

    async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        let subjects = self.lock();
        Ok(subjects
            .get(subject)
            .and_then(|s| s.sessions.get(&id).cloned()))
    }

    async fn touch(
        &self,
        subject: &str,
        id: SessionId,
        last_seen: Timestamp,
        idle_deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut subjects = self.lock();
        let Some(session) = subjects
            .get_mut(subject)
            .and_then(|s| s.sessions.get_mut(&id))
        else {
            return Ok(false);
        };
        session.last_seen = session.last_seen.max(last_seen);
        session.idle_deadline = session.idle_deadline.max(idle_deadline);
        Ok(true)
    }

    async fn replace(&self, old: SessionId, session: &StoredSession) -> Result<bool, StoreError> {
        let mut subjects = self.lock();
        let Some(subject) = subjects.get_mut(&session.subject) else {
            return Ok(false);
        };
        if subject.sessions.remove(&old).is_none() {
            return Ok(false);
        }
        subject.sessions.insert(session.id, session.clone());
        Ok(true)
    }

    async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
        let mut subjects = self.lock();
        let removed = subjects
            .get_mut(subject)
            .and_then(|s| s.sessions.remove(&id));
        Ok(removed.is_some())
    }

    async fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut subjects = self.lock();
        let subject = subjects.entry(subject.to_owned()).or_default();
        subject.generation.0 += 1;
        subject.revoked = subject.revoked.max(now);
        let before = subject.sessions.len();
        subject.sessions.retain(|id, _| Some(*id) == except);
        Ok((before - subject.sessions.len()) as u64)
    }

    async fn list(&self, subject: &str, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        let subjects = self.lock();
        let mut sessions: Vec<_> = subjects
            .get(subject)
            .into_iter()
            .flat_map(|s| s.sessions.values())
            .filter(|session| session.idle_deadline > now)
            .cloned()
            .collect();
        drop(subjects);
        sessions.sort_by_key(|session| std::cmp::Reverse((session.last_seen, session.issued)));
        Ok(sessions)
    }

    async fn remove_expired(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut removed = 0;
        self.lock().retain(|_, subject| {
            subject.sessions.retain(|_, session| {
                let expired = removed < u64::from(limit) && session.idle_deadline < before;
                removed += u64::from(expired);
                !expired
            });
            !subject.sessions.is_empty()
                || (subject.generation != Generation::default()
                    && subject.revoked.as_secs() + KEEP_GENERATION > before.as_secs())
        });
        Ok(removed)
    }
}

/// How many there are; not whose.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .finish()
    }
}
