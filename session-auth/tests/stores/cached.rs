//! A cache in front of a store changes nothing in its own process, and has a stated lag elsewhere.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::sync::Arc;
use std::time::Duration;

use session_auth::store::{CachedStore, MemoryStore, SessionStore, StoredSession, conformance};
use session_auth::{SessionId, Timestamp};

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
    let cached = CachedStore::new(Arc::clone(&shared), lag);
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
