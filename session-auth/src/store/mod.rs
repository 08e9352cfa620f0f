//! Where sessions are kept so that they can be listed and ended.
//!
//! Without a store a session is its cookie, and ends by its deadlines or with the key that signed
//! it. With one, a session is good while the store has its row: revoking deletes the row, and from
//! then on the cookie is refused as `revoked`. What the session says (subject, scopes, claims,
//! deadlines) stays in the signed cookie, so a forged, expired or foreign cookie is refused before
//! the store is asked.
//!
//! | store | feature | for |
//! |---|---|---|
//! | [`MemoryStore`] | | development and tests: sessions end with the process |
//! | `SqliteStore` | `sqlite` | one machine, any number of processes, across restarts |
//! | `PostgresStore` | `postgres` | any number of machines |
//! | `RedisStore` | `redis` | any number of machines, and a Redis that keeps what it is told |
//! | `CachedStore` | `cache` | in front of one of these: fewer questions, and a stated lag |
//!
//! ```
//! use session_auth::store::MemoryStore;
//! use session_auth::{Keys, SessionAuthLayer};
//!
//! let auth = SessionAuthLayer::builder(Keys::random()?)
//!     .store(MemoryStore::new())
//!     .build()?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # When the store is down
//!
//! Session routes answer `503` with the reason `store_unavailable` and `Retry-After`, within
//! [`store_timeout`], and leave the cookie alone: nobody is logged out. After a few failures a
//! circuit breaker refuses at once instead of asking, and tries again after a second. Public and
//! webhook routes never ask the store; a public route with `optional_session` has no session then.
//!
//! [`store_timeout`]: crate::SessionAuthLayerBuilder::store_timeout

mod breaker;
#[cfg(feature = "cache")]
mod cache;
mod check;
pub mod conformance;
mod erased;
mod error;
mod guard;
mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;

use std::future::Future;
use std::sync::Arc;

#[cfg(feature = "cache")]
pub use self::cache::CachedStore;
pub(crate) use self::check::check;
pub(crate) use self::erased::ErasedStore;
pub use self::error::StoreError;
pub(crate) use self::guard::{DEFAULT_TIMEOUT, GuardedStore};
pub use self::memory::MemoryStore;
#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
#[cfg(feature = "postgres")]
pub use self::sql::PostgresStore;
#[cfg(feature = "sqlite")]
pub use self::sql::SqliteStore;
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
/// Implement it with `async fn`. The [`conformance`] suite holds an implementation to
/// everything that is said here.
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
