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
//! The stores in SQL databases and in Redis keep the deliveries of a
//! [replay window](crate::SessionAuthLayerBuilder::replay_window) as well; [`MemoryReplays`] does so for
//! one process. All but `CachedStore` keep [API keys](crate::authenticate::ApiKeys), too.
//!
//! # When the store is down
//!
//! Session routes answer `503` with the reason `store_unavailable` and `Retry-After`, within
//! [`store_timeout`], and leave the cookie alone: nobody is logged out. After a few failures a
//! circuit breaker refuses at once instead of asking, and tries again after a second. Public and
//! webhook routes never ask the store; a public route with `optional_session` has no session then.
//!
//! [`store_timeout`]: crate::SessionAuthLayerBuilder::store_timeout

mod api_keys;
mod breaker;
// Beside it, and not in it: a model checker's atomics are for its own tests.
#[cfg(test)]
mod breaker_tests;
#[cfg(feature = "cache")]
mod cache;
pub mod conformance;
mod erased;
mod error;
mod guard;
mod memory;
mod noted;
#[cfg(feature = "redis")]
mod redis;
mod replays;
mod session_store;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
mod steady;

pub use self::api_keys::{ApiKey, ApiKeyId, ApiKeyStore, InvalidApiKeyId};
pub(crate) use self::api_keys::{GuardedApiKeys, KEEP_ENDED};
pub(crate) use self::breaker::DEFAULT_BREAKER;
#[cfg(feature = "cache")]
pub use self::cache::CachedStore;
pub(crate) use self::erased::ErasedStore;
pub use self::error::StoreError;
pub(crate) use self::guard::{DEFAULT_TIMEOUT, GuardedStore};
pub use self::memory::MemoryStore;
#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
#[cfg(feature = "redis-sentinel")]
pub use self::redis::SentinelConnection;
pub use self::replays::{Claim, MemoryReplays, ReplayKey, ReplayStore};
pub use self::session_store::{Generation, MAX_LISTED, SessionStore, StoredSession};
#[cfg(feature = "postgres")]
pub use self::sql::PostgresStore;
#[cfg(feature = "sqlite")]
pub use self::sql::SqliteStore;
pub(crate) use self::steady::Steady;
