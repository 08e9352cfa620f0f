//! Every store is held to the same rules.
#![cfg(feature = "store")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::sync::Arc;

use session_auth::store::{MemoryStore, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    let store = Arc::new(MemoryStore::new());
    conformance::check(&[Arc::clone(&store), store]).await;
}

#[cfg(feature = "cache")]
mod cached {
    use std::time::Duration;

    use session_auth::store::{CachedStore, SessionStore, StoredSession};
    use session_auth::{SessionId, Timestamp};

    use super::*;

    /// In one process a cache changes nothing but the time that an answer takes.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn as_without() {
        let store = CachedStore::new(MemoryStore::new(), Duration::from_secs(60));
        let store = Arc::new(store);
        conformance::check(&[Arc::clone(&store), store]).await;
    }

    #[tokio::test]
    async fn the_lag_is_as_stated() {
        let shared = Arc::new(MemoryStore::new());
        let lag = Duration::from_millis(300);
        let cached = CachedStore::new(Shared(Arc::clone(&shared)), lag);
        let session = StoredSession {
            id: SessionId::from_bytes([7; 16]),
            subject: "ada".into(),
            label: None,
            issued: Timestamp::from_secs(1),
            last_seen: Timestamp::from_secs(1),
            idle_deadline: Timestamp::from_secs(2),
            absolute_deadline: Timestamp::from_secs(3),
        };
        let found =
            async |store: &CachedStore<_>| store.find("ada", session.id).await.unwrap().is_some();
        assert!(shared.insert(&session, Default::default()).await.unwrap());
        assert!(found(&cached).await);
        // Elsewhere: here it is accepted for the lag, and no longer.
        assert!(shared.revoke("ada", session.id).await.unwrap());
        assert!(found(&cached).await);
        assert!(cached.find("bob", session.id).await.unwrap().is_none());
        tokio::time::sleep(lag + Duration::from_millis(50)).await;
        assert!(!found(&cached).await);

        // Here: at once.
        assert!(shared.insert(&session, Default::default()).await.unwrap());
        assert!(found(&cached).await);
        assert_eq!(
            cached
                .revoke_all("ada", None, session.issued)
                .await
                .unwrap(),
            1
        );
        assert!(!found(&cached).await);
    }

    struct Shared(Arc<MemoryStore>);

    macro_rules! delegate {
        ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
            $(async fn $name(
                &self,
                $($arg: $type),*
            ) -> Result<$result, session_auth::store::StoreError> {
                self.0.$name($($arg),*).await
            })*
        };
    }

    impl SessionStore for Shared {
        delegate! {
            generation(subject: &str) -> session_auth::store::Generation;
            insert(
                session: &StoredSession, generation: session_auth::store::Generation
            ) -> bool;
            find(subject: &str, id: SessionId) -> Option<StoredSession>;
            touch(subject: &str, id: SessionId, seen: Timestamp, deadline: Timestamp) -> bool;
            replace(old: SessionId, session: &StoredSession) -> bool;
            revoke(subject: &str, id: SessionId) -> bool;
            revoke_all(subject: &str, except: Option<SessionId>, now: Timestamp) -> u64;
            list(subject: &str, now: Timestamp) -> Vec<StoredSession>;
            remove_expired(before: Timestamp, limit: u32) -> u64;
        }
    }
}
