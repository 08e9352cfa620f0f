//! What has no lock, in every order in which threads can run it: the library's own source, with the
//! atomics of the model checker `loom`.
#![cfg(feature = "cache")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

#[path = "../src/store/breaker.rs"]
#[allow(dead_code, reason = "a model needs no defaults")]
mod breaker;
#[path = "../src/store/cache.rs"]
#[allow(unreachable_pub, missing_docs, reason = "it is of another crate")]
mod cache;
#[path = "../src/store/noted.rs"]
mod noted;

/// What these files take from their crate.
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

use breaker::Breaker;
use cache::CachedStore;
use futures_util::FutureExt as _;
use loom::sync::Arc;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::SeqCst;
use loom::thread;
use noted::Noted;
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

const HOUR: Duration = Duration::from_secs(3_600);

/// One that opens with the first failure.
fn breaker(pause: Duration) -> Arc<Breaker> {
    Arc::new(Breaker::new((1, pause), HOUR))
}

/// Of all that come while a store is down, one at a time asks it.
#[test]
fn an_open_breaker_lets_one_try() {
    loom::model(|| {
        let breaker = breaker(Duration::ZERO);
        breaker.failed(breaker.permit().unwrap());
        let other = Arc::clone(&breaker);
        let tries = thread::spawn(move || other.permit().is_some());
        let here = breaker.permit().is_some();
        assert!(tries.join().unwrap() ^ here);
    });
}

/// Who sees that it is open sees when it is to be tried, too.
#[test]
fn a_breaker_that_opens_is_not_tried_before_its_time() {
    loom::model(|| {
        let breaker = breaker(HOUR);
        let permit = breaker.permit().unwrap();
        let other = Arc::clone(&breaker);
        let fails = thread::spawn(move || other.failed(permit));
        assert!(!breaker.permit().is_some_and(|permit| permit.trial));
        fails.join().unwrap();
        assert!(breaker.permit().is_none());
    });
}

/// An answer from before says nothing of a store that has failed since.
#[test]
fn a_late_answer_does_not_close_the_breaker() {
    loom::model(|| {
        let breaker = breaker(HOUR);
        let (before, fails) = (breaker.permit().unwrap(), breaker.permit().unwrap());
        let other = Arc::clone(&breaker);
        let answers = thread::spawn(move || other.answered(before));
        breaker.failed(fails);
        answers.join().unwrap();
        assert!(breaker.permit().is_none());
    });
}

/// Requests of one session at one moment write its use once; and one whose write failed leaves that to the
/// next.
#[test]
fn one_request_notes_the_use_of_its_session() {
    loom::model(|| {
        let noted = Arc::new(Noted::default());
        let (at, minute) = (Timestamp::from_secs(1_000), Duration::from_secs(60));
        let other = Arc::clone(&noted);
        let writes = thread::spawn(move || other.is_first(id(7), at, minute));
        let here = noted.is_first(id(7), at, minute);
        assert!(writes.join().unwrap() ^ here);
        noted.forget(id(7));
        assert!(noted.is_first(id(7), at, minute));
        assert!(!noted.is_first(id(7), at, minute));
    });
}
