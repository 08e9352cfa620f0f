//! What a store does.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::join_all;

use super::error::StoreError;
use crate::clock::Timestamp;
use crate::session_id::SessionId;

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

/// A number that goes up whenever all sessions of a subject are revoked: what keeps a login that was
/// under way at that moment from surviving it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation(pub u64);

/// How many sessions [`SessionStore::list`] gives at the most: those used last.
pub const MAX_LISTED: u32 = 1_000;

/// How many ids that it had before a session has at the most: else each renewal would write more than the
/// last one, for as long as they are remembered.
pub(super) const MAX_BEFORE: usize = 100;

/// How many sessions are found at the same time where there is no one question for them: few enough to
/// leave connections to requests.
const TOGETHER: usize = 8;

/// The deadlines of sessions that were looked up each by itself. An error of one says nothing of the others:
/// it is one of the store where no session was answered for.
pub(super) fn deadlines(
    found: Vec<Result<Option<StoredSession>, StoreError>>,
) -> Result<Vec<Option<Timestamp>>, StoreError> {
    let is_down =
        |found: &Result<_, StoreError>| found.as_ref().is_err_and(StoreError::is_unavailable);
    if found.iter().all(is_down)
        && let Some(Err(error)) = found.first()
    {
        return Err(error.clone());
    }
    let deadline = |found: Result<Option<StoredSession>, _>| match found {
        Ok(found) => found.map(|session| session.idle_deadline),
        Err(_) => Some(Timestamp::default()),
    };
    Ok(found.into_iter().map(deadline).collect())
}

/// Keeps sessions.
///
/// Each operation is atomic: of two at a time, from any number of processes, one comes first. An
/// operation that returned has happened for all that start later.
///
/// Implement it with `async fn`. The [`conformance`](super::conformance) suite holds an
/// implementation to everything that is said here. The provided methods do with the others what
/// can be done so; a store has better ones of its own where one question can take the place of many.
///
/// Time is the caller's: a store compares the timestamps that it is given and asks no clock of its
/// own, so that the machines' clocks are the only ones that must agree (to ten minutes).
pub trait SessionStore: Send + Sync + 'static {
    /// Whether the store itself forgets sessions some time after their idle deadline, as Redis does.
    /// It need not keep them longer than ten minutes past it, and must keep them as long: so far may
    /// clocks be apart. Nobody calls [`remove_expired`](Self::remove_expired) then, and it deletes
    /// nothing.
    const FORGETS_BY_ITSELF: bool = false;

    /// The subject's generation; 0 where its sessions were never all revoked. A store may forget it a
    /// day after the last time.
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

    /// The sessions of the subject whose idle deadline lies after `now`, the one used last first: at
    /// most [`MAX_LISTED`].
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

    /// Ends sessions of the subject until `most` are left, and says how many. Those go first whose idle
    /// deadline does not lie after `now`, and then the ones that were used longest ago; of several that were
    /// used in the same second, the one added first. `keep` stays: it was issued just now, by a clock that
    /// may be behind that of another machine.
    ///
    /// Asked after each login. Of logins at the same time each may leave the others' sessions; the
    /// next one ends what is too many.
    ///
    /// As provided it knows the order by [`list`](Self::list), and so of no second of it, and ends
    /// one session after the other.
    fn trim(
        &self,
        subject: &str,
        keep: SessionId,
        most: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        async move {
            let mut sessions = self.list(subject, Timestamp::default()).await?;
            sessions.sort_by_key(|it| (it.id != keep, it.idle_deadline <= now));
            let mut ended = 0;
            for session in sessions.iter().skip(most as usize) {
                ended += u64::from(self.revoke(subject, session.id).await?);
            }
            Ok(ended)
        }
    }

    /// Does what [`replace`](Self::replace) does, and remembers until that time that the old id was
    /// renewed, for [`was_renewed`](Self::was_renewed). Meanwhile [`revoke`](Self::revoke) and
    /// [`revoke_all`](Self::revoke_all) take the old id for the new one, also where that is renewed in
    /// its turn. Of more than a hundred ids that a session had so, the oldest may be forgotten.
    ///
    /// As provided it remembers nothing.
    fn renew(
        &self,
        old: SessionId,
        session: &StoredSession,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = until;
        self.replace(old, session)
    }

    /// Whether a session had this id before it was renewed, is still there, and `now` lies before the
    /// time that was given then. Asked only where there is no session of the id itself.
    fn was_renewed(
        &self,
        subject: &str,
        old: SessionId,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (subject, old, now);
        std::future::ready(Ok(false))
    }

    /// What is known of a session without asking anything, as a cache does: looked up before
    /// [`find`](Self::find), and while the store is not asked since it is down. The default is nothing.
    fn remembered(&self, subject: &str, id: SessionId) -> Option<StoredSession> {
        let _ = (subject, id);
        None
    }

    /// The idle deadlines of these sessions, each of a subject, in their order; `None` where there
    /// is no such session. One that is there and cannot be read has the default, which moves nothing, and
    /// so has one whose part of the store is down while others answer. Asked for the streams that are open,
    /// many at once.
    ///
    /// As provided it finds some at a time.
    fn deadlines(
        &self,
        sessions: &[(String, SessionId)],
    ) -> impl Future<Output = Result<Vec<Option<Timestamp>>, StoreError>> + Send {
        async move {
            let mut found = Vec::with_capacity(sessions.len());
            for sessions in sessions.chunks(TOGETHER) {
                let lookups: Vec<_> = sessions
                    .iter()
                    .map(|(subject, id)| self.find(subject, *id))
                    .collect();
                found.extend(join_all(lookups).await);
            }
            deadlines(found)
        }
    }
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

    fn trim(
        &self,
        subject: &str,
        keep: SessionId,
        most: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        S::trim(self, subject, keep, most, now)
    }

    fn remembered(&self, subject: &str, id: SessionId) -> Option<StoredSession> {
        S::remembered(self, subject, id)
    }

    fn renew(
        &self,
        old: SessionId,
        session: &StoredSession,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::renew(self, old, session, until)
    }

    fn was_renewed(
        &self,
        subject: &str,
        old: SessionId,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::was_renewed(self, subject, old, now)
    }

    fn deadlines(
        &self,
        sessions: &[(String, SessionId)],
    ) -> impl Future<Output = Result<Vec<Option<Timestamp>>, StoreError>> + Send {
        S::deadlines(self, sessions)
    }
}
