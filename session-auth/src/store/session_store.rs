//! What a store does.

use std::future::Future;
use std::sync::Arc;

use super::error::StoreError;
use crate::clock::Timestamp;
use crate::session::SessionId;

/// A session as a store keeps it.
///
/// There is nothing in it that a cookie could be made of: who reads the store cannot take over a
/// session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores outside this crate have to make one"
)]
pub struct StoredSession {
    /// The id, unique among all sessions.
    pub id: SessionId,
    /// Whose session it is: 1 to 1024 bytes, without control characters.
    pub subject: String,
    /// What a person would know the session by, for a list of their devices: at most 256 bytes.
    pub label: Option<String>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it was last used, to a minute or so.
    pub last_seen: Timestamp,
    /// When it ends if it is not used again. Past this the row is of no use.
    pub idle_deadline: Timestamp,
    /// When it ends in any case.
    pub absolute_deadline: Timestamp,
}

/// How often all sessions of a subject were revoked: what keeps a login that was under way at that
/// moment from surviving it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation(pub u64);

/// Keeps sessions.
///
/// Each operation is atomic: of two at a time, from any number of processes, one comes first. An
/// operation that returned has happened for all that start later.
///
/// Implement it with `async fn`. The [`conformance`](super::conformance) suite holds an
/// implementation to everything that is said here.
///
/// Time is the caller's: a store compares the timestamps that it is given and asks no clock of its
/// own, so that the machines' clocks are the only ones that must agree (to ten minutes).
pub trait SessionStore: Send + Sync + 'static {
    /// Whether the store itself forgets sessions some time after their idle deadline, as Redis does.
    /// It need not keep them longer than ten minutes past it, and must keep them as long: so far may
    /// clocks be apart. Nobody calls [`remove_expired`](Self::remove_expired) then, and it deletes
    /// nothing.
    const FORGETS_BY_ITSELF: bool = false;

    /// How often the sessions of this subject were revoked; 0 where they never were. A store may
    /// forget it a day after the last time.
    fn generation(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Generation, StoreError>> + Send;

    /// Adds a session, unless the subject's generation is another than this: then all its sessions
    /// were revoked since the login began, and `false` says that nothing was added.
    fn insert(
        &self,
        session: &StoredSession,
        generation: Generation,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The session with this id, if it is one of this subject's.
    fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> impl Future<Output = Result<Option<StoredSession>, StoreError>> + Send;

    /// Notes that a session was used, and until when it lasts now. Neither time ever goes back.
    /// `false`: there is no such session, and none was made.
    fn touch(
        &self,
        subject: &str,
        id: SessionId,
        last_seen: Timestamp,
        idle_deadline: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Puts a session in the place of another of the same subject. `false`: the other is gone, and
    /// nothing was added.
    fn replace(
        &self,
        old: SessionId,
        session: &StoredSession,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Ends one session. `false`: there was none.
    fn revoke(
        &self,
        subject: &str,
        id: SessionId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Ends all sessions of the subject but one, or all, and raises the subject's generation. Says
    /// how many it ended.
    fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The sessions of the subject whose idle deadline lies after `now`, the one used last first.
    fn list(
        &self,
        subject: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<StoredSession>, StoreError>> + Send;

    /// Deletes at most `limit` sessions whose idle deadline lies before this, and says how many.
    /// Called again and again while it deletes `limit`; never where the store
    /// [forgets by itself](Self::FORGETS_BY_ITSELF).
    fn remove_expired(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// One store for several layers.
impl<S: SessionStore> SessionStore for Arc<S> {
    const FORGETS_BY_ITSELF: bool = S::FORGETS_BY_ITSELF;

    fn generation(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Generation, StoreError>> + Send {
        S::generation(self, subject)
    }

    fn insert(
        &self,
        session: &StoredSession,
        generation: Generation,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::insert(self, session, generation)
    }

    fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> impl Future<Output = Result<Option<StoredSession>, StoreError>> + Send {
        S::find(self, subject, id)
    }

    fn touch(
        &self,
        subject: &str,
        id: SessionId,
        last_seen: Timestamp,
        idle_deadline: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::touch(self, subject, id, last_seen, idle_deadline)
    }

    fn replace(
        &self,
        old: SessionId,
        session: &StoredSession,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::replace(self, old, session)
    }

    fn revoke(
        &self,
        subject: &str,
        id: SessionId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::revoke(self, subject, id)
    }

    fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        S::revoke_all(self, subject, except, now)
    }

    fn list(
        &self,
        subject: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<StoredSession>, StoreError>> + Send {
        S::list(self, subject, now)
    }

    fn remove_expired(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        S::remove_expired(self, before, limit)
    }
}
