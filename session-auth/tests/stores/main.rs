//! Every store is held to the same rules.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

#[cfg(feature = "cache")]
mod cached;
#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
mod deliveries;
#[cfg(feature = "redis-sentinel")]
mod failover;
#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
mod other_process;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(all(feature = "postgres", feature = "redis"))]
mod tls;

use std::sync::Arc;

use session_auth::store::{MemoryStore, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    let store = Arc::new(MemoryStore::new());
    conformance::check(&[Arc::clone(&store), Arc::clone(&store)]).await;
    conformance::check_api_keys(&[Arc::clone(&store), Arc::clone(&store)]).await;
    common::the_oldest_goes_first(&*store).await;
    let store = MemoryStore::new();
    let ids = common::renew_often(&store, 300, 0).await;
    assert_eq!(common::of_before(&store, &ids).await, 100);
}

/// A program in which crates have chosen several providers of cryptography for rustls has to say which one it
/// wants.
#[cfg(feature = "redis")]
fn choose_cryptography() {
    // Another test has, perhaps.
    let _ = rustls::crypto::ring::default_provider().install_default();
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

    /// Renews a session this often, a second apart or all at once, each id being remembered for ten seconds. Gives
    /// its ids, the first one first.
    pub(crate) async fn renew_often(
        store: &impl SessionStore,
        times: u16,
        apart: u64,
    ) -> Vec<SessionId> {
        insert(store, &session()).await;
        let mut ids = vec![ID];
        for number in 1..=times {
            let seen = NOW.as_secs() + apart * u64::from(number);
            let mut id = [0xee; 16];
            id[..2].copy_from_slice(&number.to_be_bytes());
            let next = StoredSession {
                id: SessionId::from_bytes(id),
                last_seen: Timestamp::from_secs(seen),
                ..session()
            };
            let until = Timestamp::from_secs(seen + 10);
            let old = *ids.last().expect("there is one");
            assert!(store.renew(old, &next, until).await.expect("renew"));
            ids.push(next.id);
        }
        ids
    }

    /// The ids that a session still has of before, of those that it had.
    pub(crate) async fn of_before(store: &impl SessionStore, ids: &[SessionId]) -> usize {
        let mut count = 0;
        for id in ids {
            let was = store.was_renewed("ada", *id, Timestamp::default()).await;
            count += usize::from(was.expect("was_renewed"));
        }
        count
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
        // Streams: of it nothing is known but that it is there, and the other is as it was.
        let asked = [ID, other.id].map(|id| ("ada".to_owned(), id));
        let deadlines = store.deadlines(&asked).await.expect("deadlines");
        assert!(
            matches!(deadlines[0], Some(it) if it <= session().idle_deadline),
            "{deadlines:?}"
        );
        assert_eq!(deadlines[1], Some(other.idle_deadline));
        assert!(store.revoke("ada", other.id).await.expect("revoke"));
        let error = store.find("ada", ID).await.expect_err("unreadable");
        assert!(!error.is_unavailable(), "{error}");
        let error = error.to_string();
        assert!(error.contains("SessionId(abababab..)"), "{error}");
        assert!(!error.contains("ababababab"), "{error}");
        error
    }

    /// A generation is forgotten a day after the last revocation, and not before; nor while there is a
    /// row left of a session that it ended.
    pub(crate) async fn generations_are_forgotten_after_a_day(store: &impl SessionStore) {
        let day = 24 * 60 * 60;
        let at = |seconds| Timestamp::from_secs(NOW.as_secs() + seconds);
        let generation = async || store.generation("grace").await.expect("generation");
        let revoke_all = async |now| {
            let ended = store.revoke_all("grace", None, now).await;
            ended.expect("revoke_all")
        };
        let sweep = async |now| {
            let removed = store.remove_expired(now, 10).await;
            removed.expect("remove_expired")
        };
        let of = |number, idle_deadline| StoredSession {
            id: SessionId::from_bytes([number; 16]),
            subject: "grace".to_owned(),
            idle_deadline,
            ..session()
        };
        let there = async |session: &StoredSession| {
            let found = store.find("grace", session.id).await;
            found.expect("find").is_some()
        };
        let (ended, live) = (of(61, at(day + 20)), of(62, at(9 * day)));
        insert(store, &ended).await;
        assert_eq!(revoke_all(at(10)).await, 1);
        // From a machine whose clock is behind.
        let first = generation().await;
        assert_eq!(revoke_all(NOW).await, 0);
        let last = generation().await;
        assert!(last.0 > first.0, "{last:?} after {first:?}");
        assert!(store.insert(&live, last).await.expect("insert"));
        assert_eq!(sweep(at(day + 9)).await, 0);
        assert_eq!(sweep(at(day + 20)).await, 0);
        assert_eq!(generation().await, last, "the row of a session that ended");
        assert!(!there(&ended).await);
        assert_eq!(sweep(at(day + 21)).await, 1);
        assert_eq!(generation().await, Generation::default());
        assert!(!there(&ended).await && there(&live).await);
        // What was of a generation that is forgotten ends all the same.
        assert_eq!(revoke_all(at(day + 30)).await, 1);
        assert!(!there(&live).await);
        // Before a day has passed since 1970 there is nothing to forget.
        let revoked = store.revoke_all("henry", None, Timestamp::default()).await;
        assert_eq!(revoked.expect("revoke_all"), 0);
        sweep(Timestamp::from_secs(5)).await;
        let kept = store.generation("henry").await.expect("generation");
        assert_ne!(kept, Generation::default());
    }

    /// Adds so many sessions of one subject.
    pub(crate) async fn fill(store: &impl SessionStore, many: u16) {
        for number in 0..many {
            insert(store, &of_many(number)).await;
        }
    }

    pub(crate) fn of_many(number: u16) -> StoredSession {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        StoredSession {
            id: SessionId::from_bytes(id),
            subject: "eve".to_owned(),
            ..session()
        }
    }

    /// Of those, all but the first have ended, whatever is asked.
    pub(crate) async fn all_have_ended_but_one(store: &impl SessionStore) {
        let spared = of_many(0);
        let list = store.list("eve", NOW).await.expect("list");
        assert_eq!(list, std::slice::from_ref(&spared));
        assert_eq!(store.trim("eve", spared.id, 1, NOW).await.expect("trim"), 0);
        let (gone, later) = (of_many(1), Timestamp::from_secs(NOW.as_secs() + 60));
        let touched = store.touch("eve", gone.id, later, later).await;
        assert!(!touched.expect("touch"));
        assert!(!store.revoke("eve", gone.id).await.expect("revoke"));
        let renewed = StoredSession {
            id: ID,
            ..of_many(1)
        };
        let renew = async |old| {
            let renewed = store.renew(old, &renewed, later).await;
            renewed.expect("renew")
        };
        assert!(!renew(gone.id).await);
        let asked = [&gone, &spared].map(|session| ("eve".to_owned(), session.id));
        let deadlines = store.deadlines(&asked).await.expect("deadlines");
        assert_eq!(deadlines, [None, Some(spared.idle_deadline)]);
        // The id of before is good for no longer than the session.
        assert!(renew(spared.id).await);
        let was = async || store.was_renewed("eve", spared.id, NOW).await;
        assert!(was().await.expect("was_renewed"));
        let ended = store.revoke_all("eve", None, NOW).await;
        assert_eq!(ended.expect("revoke_all"), 1);
        assert!(!was().await.expect("was_renewed"));
    }

    /// Once they have expired.
    pub(crate) async fn what_has_ended_is_swept(store: &impl SessionStore) {
        let expired = Timestamp::from_secs(session().idle_deadline.as_secs() + 1);
        while store.remove_expired(expired, 100).await.expect("sweep") == 100 {}
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
        assert_eq!(store.trim("eve", ID, 3, NOW).await.expect("trim"), 47);
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
