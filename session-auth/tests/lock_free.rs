//! What has no lock, in every order in which threads can run it: the library's own source, with the
//! atomics of the model checker `loom`.
#![cfg(feature = "cache")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

#[path = "../src/store/cache.rs"]
#[allow(unreachable_pub, missing_docs, reason = "it is of another crate")]
mod cache;

/// What that file takes from its crate.
mod clock {
    pub(crate) use session_auth::Timestamp;
}
mod error {
    pub(crate) use session_auth::store::StoreError;
}
mod session_id {
    pub(crate) use session_auth::SessionId;
}
mod session_store {
    pub(crate) use session_auth::store::{Generation, SessionStore, StoredSession};
}
mod sync {
    pub(crate) use loom::sync::atomic;
}

use std::time::Duration;

use cache::CachedStore;
use futures_util::FutureExt as _;
use loom::sync::Arc;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::SeqCst;
use loom::thread;
use session_auth::store::{Generation, MemoryStore, SessionStore, StoreError, StoredSession};
use session_auth::{SessionId, Timestamp};

/// Lets others run before its answer, and between that and what is done with it.
/// `loom` puts a thread aside only where it touches what others touch.
struct Interrupted(MemoryStore, AtomicU64);

macro_rules! interrupted {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        impl SessionStore for Interrupted {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$result, StoreError> {
                self.1.fetch_add(1, SeqCst);
                let answer = self.0.$name($($arg),*).await;
                self.1.fetch_add(1, SeqCst);
                answer
            })*
        }
    };
}

interrupted! {
    generation(subject: &str) -> Generation;
    insert(session: &StoredSession, generation: Generation) -> bool;
    find(subject: &str, id: SessionId) -> Option<StoredSession>;
    touch(subject: &str, id: SessionId, seen: Timestamp, deadline: Timestamp) -> bool;
    replace(old: SessionId, session: &StoredSession) -> bool;
    revoke(subject: &str, id: SessionId) -> bool;
    revoke_all(subject: &str, except: Option<SessionId>, now: Timestamp) -> u64;
    list(subject: &str, now: Timestamp) -> Vec<StoredSession>;
    remove_expired(before: Timestamp, limit: u32) -> u64;
}

type Cached = CachedStore<Interrupted>;

fn id(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

/// A cache in front of a store with so many sessions of one subject.
fn cached(sessions: u8) -> Arc<Cached> {
    let store = Interrupted(MemoryStore::new(), AtomicU64::new(0));
    let store = CachedStore::new(store, Duration::from_secs(3_600)).capacity(10);
    for number in 0..sessions {
        let session = StoredSession {
            id: id(number),
            subject: "ada".to_owned(),
            label: None,
            issued: Timestamp::from_secs(1),
            last_seen: Timestamp::from_secs(1),
            idle_deadline: Timestamp::from_secs(100),
            absolute_deadline: Timestamp::from_secs(100),
        };
        let added = store.insert(&session, Generation::default());
        assert!(added.now_or_never().unwrap().unwrap());
    }
    Arc::new(store)
}

fn finds(store: &Cached, number: u8) -> bool {
    let found = store.find("ada", id(number)).now_or_never();
    found.unwrap().unwrap().is_some()
}

fn revokes(store: &Cached, number: u8) {
    let revoked = store.revoke("ada", id(number)).now_or_never();
    assert!(revoked.unwrap().unwrap());
}

/// A question that was on its way when the session ended leaves nothing behind.
#[test]
fn what_has_ended_is_not_remembered() {
    loom::model(|| {
        let store = cached(1);
        let other = Arc::clone(&store);
        let asks = thread::spawn(move || finds(&other, 0));
        revokes(&store, 0);
        assert!(!finds(&store, 0));
        asks.join().unwrap();
        assert!(!finds(&store, 0));
    });
}

/// A removal of one does not undo that of another, by which what was remembered before would count
/// again.
#[test]
fn no_removal_is_lost() {
    loom::model(|| {
        let store = cached(3);
        let other = Arc::clone(&store);
        let ends = thread::spawn(move || revokes(&other, 1));
        revokes(&store, 2);
        assert!(finds(&store, 0));
        revokes(&store, 0);
        ends.join().unwrap();
        assert!(!finds(&store, 0));
    });
}
