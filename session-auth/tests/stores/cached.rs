//! A cache in front of a store changes nothing in its own process, and has a stated lag elsewhere.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use session_auth::store::{
    CachedStore, Generation, MemoryStore, SessionStore, StoreError, StoredSession, conformance,
};
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

/// Whatever has ended in the meantime is looked at by nobody.
#[tokio::test]
async fn a_find_takes_no_longer_for_what_was_revoked_before() {
    let cached = CachedStore::new(MemoryStore::new(), Duration::from_secs(60));
    let session = StoredSession {
        id: SessionId::from_bytes([7; 16]),
        subject: "ada".into(),
        label: None,
        issued: Timestamp::from_secs(1),
        last_seen: Timestamp::from_secs(1),
        idle_deadline: Timestamp::from_secs(2),
        absolute_deadline: Timestamp::from_secs(3),
    };
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
    let slow = Slow(Arc::clone(&shared), Mutex::new(Some((asked, gone))));
    let cached = Arc::new(CachedStore::new(slow, Duration::from_secs(60)));
    let session = StoredSession {
        id: SessionId::from_bytes([7; 16]),
        subject: "ada".into(),
        label: None,
        issued: Timestamp::from_secs(1),
        last_seen: Timestamp::from_secs(1),
        idle_deadline: Timestamp::from_secs(2),
        absolute_deadline: Timestamp::from_secs(3),
    };
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
    let cached = CachedStore::new(Unheard(Arc::clone(&shared)), Duration::from_secs(60));
    let now = Timestamp::from_secs(1);
    for way in 0..4 {
        let session = StoredSession {
            id: SessionId::from_bytes([way + 1; 16]),
            subject: "ada".into(),
            label: None,
            issued: now,
            last_seen: now,
            idle_deadline: Timestamp::from_secs(2),
            absolute_deadline: Timestamp::from_secs(3),
        };
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
    let session = StoredSession {
        id: SessionId::from_bytes([7; 16]),
        subject: "ada".into(),
        label: None,
        issued: Timestamp::from_secs(1),
        last_seen: Timestamp::from_secs(1),
        idle_deadline: Timestamp::from_secs(2),
        absolute_deadline: Timestamp::from_secs(3),
    };
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

/// Its first answer is read at once, and given when it is told to.
struct Slow(Arc<MemoryStore>, Mutex<Option<Halt>>);

impl SessionStore for Slow {
    async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        let found = self.0.find(subject, id).await;
        let halt = self.1.lock().unwrap().take();
        if let Some((asked, gone)) = halt {
            asked.send(()).unwrap();
            gone.await.unwrap();
        }
        found
    }
    async fn generation(&self, subject: &str) -> Result<Generation, StoreError> {
        self.0.generation(subject).await
    }
    async fn insert(&self, session: &StoredSession, g: Generation) -> Result<bool, StoreError> {
        self.0.insert(session, g).await
    }
    async fn touch(
        &self,
        subject: &str,
        id: SessionId,
        seen: Timestamp,
        deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        self.0.touch(subject, id, seen, deadline).await
    }
    async fn replace(&self, old: SessionId, session: &StoredSession) -> Result<bool, StoreError> {
        self.0.replace(old, session).await
    }
    async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
        self.0.revoke(subject, id).await
    }
    async fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.0.revoke_all(subject, except, now).await
    }
    async fn list(&self, subject: &str, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        self.0.list(subject, now).await
    }
    async fn remove_expired(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.0.remove_expired(before, limit).await
    }
}

/// Does what it is asked to, and does not say so.
struct Unheard(Arc<MemoryStore>);

impl SessionStore for Unheard {
    async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        self.0.find(subject, id).await
    }
    async fn generation(&self, subject: &str) -> Result<Generation, StoreError> {
        self.0.generation(subject).await
    }
    async fn insert(&self, session: &StoredSession, g: Generation) -> Result<bool, StoreError> {
        self.0.insert(session, g).await
    }
    async fn touch(
        &self,
        subject: &str,
        id: SessionId,
        seen: Timestamp,
        deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        self.0.touch(subject, id, seen, deadline).await
    }
    async fn replace(&self, old: SessionId, session: &StoredSession) -> Result<bool, StoreError> {
        self.0.replace(old, session).await?;
        std::future::pending().await
    }
    async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
        self.0.revoke(subject, id).await?;
        std::future::pending().await
    }
    async fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.0.revoke_all(subject, except, now).await?;
        std::future::pending().await
    }
    async fn list(&self, subject: &str, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        self.0.list(subject, now).await
    }
    async fn remove_expired(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.0.remove_expired(before, limit).await
    }
    async fn trim(
        &self,
        subject: &str,
        keep: SessionId,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.0.trim(subject, keep, most, now).await?;
        std::future::pending().await
    }
}
