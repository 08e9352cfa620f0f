//! A cache in front of a store changes nothing in its own process, and has a stated lag elsewhere.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use session_auth::store::{CachedStore, MemoryStore, SessionStore, StoredSession, conformance};
use session_auth::{SessionId, Timestamp};

#[path = "../common/disturbed.rs"]
mod disturbed;

use disturbed::{Disturb, Disturbed};

fn session(number: u8) -> StoredSession {
    StoredSession {
        id: SessionId::from_bytes([number; 16]),
        subject: "ada".into(),
        label: None,
        issued: Timestamp::from_secs(1),
        last_seen: Timestamp::from_secs(1),
        idle_deadline: Timestamp::from_secs(2),
        absolute_deadline: Timestamp::from_secs(3),
    }
}

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
    let session = session(7);
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

/// Whatever has ended in the meantime is looked at by nobody.
#[tokio::test]
async fn a_find_takes_no_longer_for_what_was_revoked_before() {
    let cached = CachedStore::new(MemoryStore::new(), Duration::from_secs(60));
    let session = session(7);
    assert!(cached.insert(&session, Default::default()).await.unwrap());
    // Right after the revocations, and the best of several times, as others use the machine too.
    let mut users = 0;
    let mut best = async |revoked: usize| {
        let mut best = Duration::MAX;
        for _ in 0..8 {
            for _ in 0..revoked {
                users += 1;
                let subject = format!("user {users}");
                let ended = cached.revoke_all(&subject, None, session.issued).await;
                assert_eq!(ended.unwrap(), 0);
            }
            let start = Instant::now();
            for _ in 0..20 {
                assert!(cached.find("ada", session.id).await.unwrap().is_some());
            }
            best = best.min(start.elapsed());
        }
        best
    };
    let (before, after) = (best(0).await, best(5_000).await);
    assert!(after < 10 * before, "{before:?} before, {after:?} after");
}

/// An answer that was on its way while its session was revoked is not remembered.
#[tokio::test]
async fn a_late_answer_revives_nothing() {
    let shared = Arc::new(MemoryStore::new());
    let (asked, was_asked) = tokio::sync::oneshot::channel();
    let (go, gone) = tokio::sync::oneshot::channel();
    let slow = Disturbed(Arc::clone(&shared), Slow(Mutex::new(Some((asked, gone)))));
    let cached = Arc::new(CachedStore::new(slow, Duration::from_secs(60)));
    let session = session(7);
    assert!(shared.insert(&session, Default::default()).await.unwrap());
    let late = tokio::spawn({
        let cached = Arc::clone(&cached);
        let id = session.id;
        async move { cached.find("ada", id).await.unwrap() }
    });
    was_asked.await.unwrap();
    assert!(cached.revoke("ada", session.id).await.unwrap());
    go.send(()).unwrap();
    assert!(
        late.await.unwrap().is_some(),
        "it was live when it was asked for"
    );
    assert!(cached.find("ada", session.id).await.unwrap().is_none());
}

/// Who logs out closes the window at once, and the answer of the store has no one to come to.
#[tokio::test]
async fn a_revocation_that_nobody_waits_for_any_more_holds_all_the_same() {
    let shared = Arc::new(MemoryStore::new());
    let cached = CachedStore::new(
        Disturbed(Arc::clone(&shared), Unheard),
        Duration::from_secs(60),
    );
    let now = Timestamp::from_secs(1);
    for way in 0..4 {
        let session = session(way + 1);
        let id = session.id;
        let generation = shared.generation("ada").await.unwrap();
        assert!(shared.insert(&session, generation).await.unwrap());
        assert!(cached.find("ada", id).await.unwrap().is_some());
        let new = StoredSession {
            id: SessionId::from_bytes([0xff; 16]),
            ..session
        };
        let question = async {
            match way {
                0 => cached.revoke("ada", id).await.map(u64::from),
                1 => cached.revoke_all("ada", None, now).await,
                2 => cached.trim("ada", new.id, 0, now).await,
                _ => cached.replace(id, &new).await.map(u64::from),
            }
        };
        let answer = tokio::time::timeout(Duration::from_millis(10), question).await;
        assert!(answer.is_err(), "it was given up");
        assert_eq!(cached.find("ada", id).await.unwrap(), None, "{way}");
    }
}

#[tokio::test]
async fn a_lag_of_any_length_will_do() {
    let session = session(7);
    for (lag, remembers) in [(Duration::MAX, true), (Duration::ZERO, false)] {
        let cached = CachedStore::new(MemoryStore::new(), lag);
        assert!(cached.insert(&session, Default::default()).await.unwrap());
        assert!(cached.find("ada", session.id).await.unwrap().is_some());
        let remembered = cached.remembered("ada", session.id);
        assert_eq!(remembered.is_some(), remembers, "{lag:?}");
    }
}

type Halt = (
    tokio::sync::oneshot::Sender<()>,
    tokio::sync::oneshot::Receiver<()>,
);

/// Its first answer to `find` is read at once, and given when it is told to.
struct Slow(Mutex<Option<Halt>>);

impl Disturb for Slow {
    async fn after(&self, question: &str) {
        if question != "find" {
            return;
        }
        let halt = self.0.lock().unwrap().take();
        if let Some((asked, gone)) = halt {
            asked.send(()).unwrap();
            gone.await.unwrap();
        }
    }
}

/// Of what a store has ended it says nothing.
struct Unheard;

impl Disturb for Unheard {
    async fn after(&self, question: &str) {
        if ["revoke", "revoke_all", "trim", "replace"].contains(&question) {
            std::future::pending().await
        }
    }
}
