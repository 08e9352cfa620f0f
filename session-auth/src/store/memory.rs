use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::api_keys::{ApiKey, ApiKeyId};
use super::error::StoreError;
use super::session_store::{Generation, MAX_BEFORE, MAX_LISTED, SessionStore, StoredSession};
use crate::clock::Timestamp;
use crate::session_id::SessionId;

/// Keeps sessions and API keys in this process: for development and tests. They end with it, and another
/// process knows nothing of them.
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
    api_keys: Mutex<HashMap<ApiKeyId, ApiKey>>,
}

#[derive(Default)]
struct Subject {
    generation: Generation,
    revoked: Timestamp,
    sessions: HashMap<SessionId, Row>,
    /// The last number that was given to a row.
    last: u64,
}

/// A session, and what only the store knows of it.
struct Row {
    session: StoredSession,
    /// By the order in which they were added.
    number: u64,
    /// The ids that it had before it was renewed, and until when each is remembered.
    renewed: Vec<(SessionId, Timestamp)>,
}

impl Subject {
    /// The id of the session that has this one, or had it before it was renewed.
    fn present(&self, id: SessionId) -> Option<SessionId> {
        if self.sessions.contains_key(&id) {
            return Some(id);
        }
        let had = |row: &&Row| row.renewed.iter().any(|(old, _)| *old == id);
        self.sessions.values().find(had).map(|row| row.session.id)
    }

    /// The one used last first.
    fn in_order(&self) -> Vec<&Row> {
        let mut rows: Vec<_> = self.sessions.values().collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.session.last_seen, row.number)));
        rows
    }
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

    /// The API keys that it holds.
    pub(super) fn api_keys(&self) -> MutexGuard<'_, HashMap<ApiKeyId, ApiKey>> {
        self.api_keys.lock().unwrap_or_else(PoisonError::into_inner)
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
        if subject.generation.0 > generation.0 {
            return Ok(false);
        }
        subject.last += 1;
        let row = Row {
            session: session.clone(),
            number: subject.last,
            renewed: Vec::new(),
        };
        subject.sessions.insert(session.id, row);
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
            .and_then(|s| s.sessions.get(&id).map(|row| row.session.clone())))
    }

    async fn touch(
        &self,
        subject: &str,
        id: SessionId,
        last_seen: Timestamp,
        idle_deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut subjects = self.lock();
        let Some(Row { session, .. }) = subjects
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
        self.renew(old, session, Timestamp::default()).await
    }

    async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
        let mut subjects = self.lock();
        let removed = subjects.get_mut(subject).and_then(|subject| {
            let id = subject.present(id)?;
            subject.sessions.remove(&id)
        });
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
        // The time, so that one which was forgotten is never given again.
        subject.generation.0 = now.as_secs().max(subject.generation.0 + 1);
        subject.revoked = subject.revoked.max(now);
        let except = except.and_then(|id| subject.present(id));
        let before = subject.sessions.len();
        subject.sessions.retain(|id, _| Some(*id) == except);
        Ok((before - subject.sessions.len()) as u64)
    }

    async fn list(&self, subject: &str, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        let subjects = self.lock();
        let Some(subject) = subjects.get(subject) else {
            return Ok(Vec::new());
        };
        let mut rows = subject.in_order();
        rows.retain(|row| row.session.idle_deadline > now);
        rows.truncate(MAX_LISTED as usize);
        Ok(rows.into_iter().map(|row| row.session.clone()).collect())
    }

    async fn remove_expired(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut removed = 0;
        self.lock().retain(|_, subject| {
            subject.sessions.retain(|_, row| {
                let expired = removed < u64::from(limit) && row.session.idle_deadline < before;
                removed += u64::from(expired);
                !expired
            });
            !subject.sessions.is_empty()
                || (subject.generation != Generation::default()
                    && subject.revoked.as_secs() + KEEP_GENERATION > before.as_secs())
        });
        Ok(removed)
    }

    async fn trim(
        &self,
        subject: &str,
        keep: SessionId,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut subjects = self.lock();
        let Some(subject) = subjects.get_mut(subject) else {
            return Ok(0);
        };
        let mut rows = subject.in_order();
        rows.sort_by_key(|row| (row.session.id != keep, row.session.idle_deadline <= now));
        let beyond: Vec<_> = rows
            .iter()
            .skip(most as usize)
            .map(|row| row.session.id)
            .collect();
        for id in &beyond {
            subject.sessions.remove(id);
        }
        Ok(beyond.len() as u64)
    }

    async fn renew(
        &self,
        old: SessionId,
        session: &StoredSession,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut subjects = self.lock();
        let Some(subject) = subjects.get_mut(&session.subject) else {
            return Ok(false);
        };
        let Some(Row {
            number,
            mut renewed,
            ..
        }) = subject.sessions.remove(&old)
        else {
            return Ok(false);
        };
        renewed.retain(|(_, until)| *until > session.last_seen);
        if until > Timestamp::default() {
            renewed.push((old, until));
        }
        let too_many = renewed.len().saturating_sub(MAX_BEFORE);
        renewed.drain(..too_many);
        let row = Row {
            session: session.clone(),
            number,
            renewed,
        };
        subject.sessions.insert(session.id, row);
        Ok(true)
    }

    async fn was_renewed(
        &self,
        subject: &str,
        old: SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let subjects = self.lock();
        let renewed = |row: &Row| {
            let mut renewed = row.renewed.iter();
            renewed.any(|(id, until)| *id == old && now < *until)
        };
        Ok(subjects
            .get(subject)
            .is_some_and(|subject| subject.sessions.values().any(renewed)))
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
