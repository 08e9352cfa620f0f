//! What a cache remembers of a store that is down.
#![cfg(feature = "cache")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::disturbed::{Disturb, Disturbed};
use session_auth::methods::GET;
use session_auth::store::{CachedStore, MemoryStore, SessionStore, StoreError};
use session_auth::{Keys, Router, Session, SessionAuthLayer, Timestamp, session};

use crate::common::clock::FakeClock;

/// A store is down, or never answers.
#[derive(Default)]
struct Outage {
    down: AtomicBool,
    hangs: AtomicBool,
}

impl Disturb for Outage {
    async fn before(&self, _: &str, _: &str) -> Result<(), StoreError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("an outage"));
        }
        Ok(())
    }
}

type Failing = Disturbed<MemoryStore, Outage>;

const TIMEOUT: Duration = Duration::from_millis(50);

/// A service with a cache in front of a store, and the sessions of two people, one of whom it has seen.
async fn seen_and_not(store: &Arc<Failing>) -> (SocketAddr, [String; 2]) {
    seen_and_not_by(store, &FakeClock::new()).await
}

async fn seen_and_not_by(store: &Arc<Failing>, clock: &FakeClock) -> (SocketAddr, [String; 2]) {
    let cached = CachedStore::new(Arc::clone(store), Duration::from_secs(60));
    let auth = SessionAuthLayer::builder(Keys::random().unwrap()).clock(clock.clock());
    let auth = auth.store_timeout(TIMEOUT).store(cached).build().unwrap();
    let me = session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() });
    let app = common::protect(&auth, Router::new().mount(me)).unwrap();
    let address = common::serve(app).await;
    let cookies = [
        common::cookie_of(&auth).await,
        common::cookie_of(&auth).await,
    ];
    assert_eq!(me_of(address, &cookies[0]).await, 200);
    (address, cookies)
}

async fn me_of(address: SocketAddr, cookie: &str) -> u16 {
    common::request(address, "GET", "/me", cookie).await.status
}

/// The breaker stands in front of the store, and not of what is remembered of it.
#[tokio::test]
async fn what_was_seen_within_the_lag_works_while_the_store_is_down() {
    let store = Arc::new(Failing::default());
    let (address, [seen, unseen]) = seen_and_not(&store).await;
    store.1.down.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        assert_eq!(me_of(address, &unseen).await, 503);
        assert_eq!(me_of(address, &seen).await, 200);
    }
}

/// What is remembered does not say that the store is up.
#[tokio::test]
async fn the_breaker_opens_however_much_is_remembered() {
    let store = Arc::new(Failing::default());
    let (address, [seen, unseen]) = seen_and_not(&store).await;
    store.1.hangs.store(true, Ordering::SeqCst);
    let mut waited = 0;
    for _ in 0..40 {
        assert_eq!(me_of(address, &seen).await, 200);
        let start = Instant::now();
        assert_eq!(me_of(address, &unseen).await, 503);
        waited += u32::from(start.elapsed() >= TIMEOUT);
    }
    assert!(waited < 20, "{waited} of 40 waited for a store that hangs");
}

/// Also where its use is to be noted, which is when it was last noted a minute ago.
#[tokio::test]
async fn what_was_seen_works_where_its_use_cannot_be_noted() {
    let (store, clock) = (Arc::new(Failing::default()), FakeClock::new());
    let (address, [seen, _]) = seen_and_not_by(&store, &clock).await;
    store.1.down.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        clock.advance(Duration::from_secs(61));
        assert_eq!(me_of(address, &seen).await, 200);
    }
    // When the store is back the use is noted there.
    store.1.down.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(me_of(address, &seen).await, 200);
    let sessions = store.0.list("ada", Timestamp::default()).await;
    let last = &sessions.unwrap()[0];
    assert_eq!(last.last_seen.as_secs() - last.issued.as_secs(), 20 * 61);
}
