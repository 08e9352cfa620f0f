//! Every store is held to the same rules.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

#[cfg(feature = "cache")]
mod cached;
#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
mod other_process;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::sync::Arc;

use session_auth::store::{MemoryStore, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    let store = Arc::new(MemoryStore::new());
    conformance::check(&[Arc::clone(&store), Arc::clone(&store)]).await;
    common::the_oldest_goes_first(&*store).await;
}

#[cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    expect(dead_code, reason = "most of it is for SQL")
)]
mod common {
    use session_auth::store::{Generation, SessionStore, StoredSession};
    use session_auth::{SessionId, Timestamp};

    pub(crate) const ID: SessionId = SessionId::from_bytes([0xab; 16]);
    pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    /// That of every test which has a database of its own.
    pub(crate) fn session() -> StoredSession {
        StoredSession {
            id: ID,
            subject: "ada".to_owned(),
            label: Some("Firefox on Linux".to_owned()),
            issued: NOW,
            last_seen: NOW,
            idle_deadline: Timestamp::from_secs(1_003_600),
            absolute_deadline: Timestamp::from_secs(1_086_400),
        }
    }

    pub(crate) async fn insert(store: &impl SessionStore, session: &StoredSession) {
        let added = store.insert(session, Generation::default()).await;
        assert!(added.expect("insert"));
    }

    /// What is said of a session that has become unreadable; the same for each operation that reads
    /// it, and never as if the store were down. The list has the others all the same.
    pub(crate) async fn unreadable(store: &impl SessionStore) -> String {
        let other = StoredSession {
            id: SessionId::from_bytes([0xcd; 16]),
            ..session()
        };
        let generation = store.generation("ada").await.expect("generation");
        assert!(store.insert(&other, generation).await.expect("insert"));
        let list = store.list("ada", Timestamp::default()).await.expect("list");
        assert_eq!(list, std::slice::from_ref(&other));
        assert!(store.revoke("ada", other.id).await.expect("revoke"));
        let error = store.find("ada", ID).await.expect_err("unreadable");
        assert!(!error.is_unavailable(), "{error}");
        let error = error.to_string();
        assert!(error.contains("SessionId(abababab..)"), "{error}");
        assert!(!error.contains("ababababab"), "{error}");
        error
    }

    /// A generation is forgotten a day after the last revocation, and not before.
    pub(crate) async fn generations_are_forgotten_after_a_day(store: &impl SessionStore) {
        let day = 24 * 60 * 60;
        let at = |seconds| Timestamp::from_secs(NOW.as_secs() + seconds);
        let generation = async || store.generation("grace").await.expect("generation").0;
        store
            .revoke_all("grace", None, at(10))
            .await
            .expect("revoke_all");
        // From a machine whose clock is behind: the later time counts.
        store
            .revoke_all("grace", None, NOW)
            .await
            .expect("revoke_all");
        assert_eq!(generation().await, 2);
        store
            .remove_expired(at(day + 9), 10)
            .await
            .expect("remove_expired");
        assert_eq!(generation().await, 2);
        store
            .remove_expired(at(day + 10), 10)
            .await
            .expect("remove_expired");
        assert_eq!(generation().await, 0);
        // Before a day has passed since 1970 there is nothing to forget.
        store
            .revoke_all("grace", None, Timestamp::default())
            .await
            .expect("revoke_all");
        store
            .remove_expired(Timestamp::from_secs(5), 10)
            .await
            .expect("remove_expired");
        assert_eq!(generation().await, 1);
    }

    /// Of sessions used in one second, the one added last stays longest.
    pub(crate) async fn the_oldest_goes_first(store: &impl SessionStore) {
        let of = |number| StoredSession {
            id: SessionId::from_bytes([number; 16]),
            subject: "eve".to_owned(),
            ..session()
        };
        for number in (0..50).rev() {
            insert(store, &of(number)).await;
        }
        assert_eq!(store.trim("eve", 3).await.expect("trim"), 47);
        for number in 0..50 {
            let found = store.find("eve", of(number).id).await.expect("find");
            assert_eq!(found.is_some(), number < 3, "{number}");
        }
    }

    /// Times that SQL's numbers cannot hold are as far away as they can be.
    pub(crate) async fn far_times_are_cut_off(store: &impl SessionStore) {
        let far = StoredSession {
            absolute_deadline: Timestamp::from_secs(u64::MAX),
            ..session()
        };
        insert(store, &far).await;
        let found = store
            .find("ada", ID)
            .await
            .expect("find")
            .expect("it is there");
        assert_eq!(found.absolute_deadline.as_secs(), i64::MAX as u64);
        assert!(store.revoke("ada", ID).await.expect("revoke"));
    }
}
