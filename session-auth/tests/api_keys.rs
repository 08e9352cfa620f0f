//! API keys: what they let in, what they refuse and why, and what their owners do with them.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::clock::FakeClock;
use common::{Answer, protect, request, serve};
use session_auth::authenticate::{ApiKeyError, ApiKeys, IssuedApiKey, NewApiKey};
use session_auth::methods::GET;
use session_auth::store::{ApiKey, ApiKeyId, ApiKeyStore, MemoryStore, StoreError};
use session_auth::{Identity, Router, SessionAuthLayer, Timestamp, session};

/// Counts the questions, and is down or silent when told so.
#[derive(Default)]
struct Watched {
    store: MemoryStore,
    asked: AtomicUsize,
    down: AtomicBool,
    silent: AtomicBool,
    /// Whether it is silent about what one subject has.
    slow: AtomicBool,
    /// Whether it can be read, and not written.
    read_only: AtomicBool,
}

impl Watched {
    async fn asked_of_one(&self) -> Result<(), StoreError> {
        if self.slow.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.asked().await
    }

    async fn asked(&self) -> Result<(), StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        match self.down.load(Ordering::SeqCst) {
            true => Err(StoreError::unavailable("down for the test")),
            false => Ok(()),
        }
    }

    fn count(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl ApiKeyStore for Watched {
    async fn add_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.asked().await?;
        self.store.add_key(key).await
    }

    async fn find_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        self.asked().await?;
        self.store.find_key(id).await
    }

    async fn keys_of(&self, subject: &str) -> Result<Vec<ApiKey>, StoreError> {
        self.asked_of_one().await?;
        self.store.keys_of(subject).await
    }

    async fn rotate_key(
        &self,
        old: ApiKeyId,
        new: &ApiKey,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.asked_of_one().await?;
        self.store.rotate_key(old, new, now, until).await
    }

    async fn use_key(&self, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError> {
        // Beside the requests, and not counted.
        if self.read_only.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("read-only for the test"));
        }
        self.store.use_key(id, now).await
    }

    async fn revoke_key(
        &self,
        subject: &str,
        id: ApiKeyId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.asked_of_one().await?;
        self.store.revoke_key(subject, id, now).await
    }

    async fn forget_keys(&self, subject: &str, before: Timestamp) -> Result<u64, StoreError> {
        self.asked_of_one().await?;
        self.store.forget_keys(subject, before).await
    }
}

struct Service {
    address: SocketAddr,
    keys: ApiKeys,
    store: Arc<Watched>,
    clock: FakeClock,
}

impl Service {
    async fn start(with: impl FnOnce(ApiKeys) -> ApiKeys) -> Self {
        let (store, clock) = (Arc::<Watched>::default(), FakeClock::new());
        let keys = ApiKeys::new("acme_live", Arc::clone(&store)).clock(clock.clock());
        Self::of(with(keys), store, clock).await
    }

    async fn of(keys: ApiKeys, store: Arc<Watched>, clock: FakeClock) -> Self {
        let auth = SessionAuthLayer::builder_without_sessions()
            .clock(clock.clock())
            .authenticator("api", keys.clone())
            .build()
            .unwrap();
        let show = || async |key: Identity<ApiKey>| format!("{} {}", key.subject, key.label);
        let routes = Router::new()
            .mount(session(GET, "/me").by("api").to(show()))
            .mount(session(GET, "/export").by("api").scope("export").to(show()));
        Self {
            address: serve(protect(&auth, routes).unwrap()).await,
            keys,
            store,
            clock,
        }
    }

    async fn issue(&self, new: NewApiKey) -> IssuedApiKey {
        self.keys.issue(new).await.unwrap()
    }

    async fn ask(&self, path: &str, key: &str) -> Answer {
        let header = format!("Authorization: Bearer {key}\r\n");
        request(self.address, "GET", path, &header).await
    }

    async fn shown(&self, path: &str, key: &str) -> String {
        told(&self.ask(path, key).await)
    }
}

fn told(answer: &Answer) -> String {
    let reason = answer.body.split_once(r#""reason":""#);
    let reason = reason.map_or(&*answer.body, |(_, rest)| rest.trim_end_matches("\"}"));
    format!("{} {reason}", answer.status)
}

fn of_ada() -> NewApiKey {
    NewApiKey::of("ada").label("nightly export")
}

#[tokio::test]
async fn security_a_key_is_good_for_what_it_was_issued_for() {
    let service = Service::start(|keys| keys).await;
    let plain = service.issue(of_ada()).await;
    let scoped = service.issue(of_ada().scopes(["read", "export"])).await;
    assert_eq!(
        service.shown("/me", plain.reveal()).await,
        "200 ada nightly export"
    );
    // Again, from what is remembered.
    assert_eq!(
        service.shown("/me", plain.reveal()).await,
        "200 ada nightly export"
    );
    for _ in 0..2 {
        assert_eq!(service.shown("/export", plain.reveal()).await, "403 scope");
        assert_eq!(
            service.shown("/export", scoped.reveal()).await,
            "200 ada nightly export"
        );
    }
    let nobody = request(service.address, "GET", "/me", "").await;
    assert_eq!(told(&nobody), "401 missing");
    assert_eq!(nobody.header("www-authenticate").next(), Some("Bearer"));
    let twice = format!("Authorization: Bearer {}\r\n", plain.reveal()).repeat(2);
    let twice = request(service.address, "GET", "/me", &twice).await;
    assert_eq!(told(&twice), "401 malformed");
    // Where there is none of it: in a cookie, a query, another header.
    for (target, headers) in [
        (
            "/me".to_owned(),
            format!("X-Api-Key: {}\r\n", plain.reveal()),
        ),
        (
            "/me".to_owned(),
            format!("Cookie: key={}\r\n", plain.reveal()),
        ),
        (
            format!("/me?access_token={}", plain.reveal()),
            String::new(),
        ),
    ] {
        let answer = request(service.address, "GET", &target, &headers).await;
        assert_eq!(told(&answer), "401 missing", "{target} {headers}");
    }
}

#[tokio::test]
async fn security_what_is_no_key_of_this_service_is_refused_without_asking_the_store() {
    let service = Service::start(|keys| keys).await;
    let key = service.issue(of_ada()).await;
    let key = key.reveal();
    let mut mistyped = key.to_owned();
    let last = mistyped.pop().unwrap();
    mistyped.push(if last == '0' { '1' } else { '0' });
    assert_eq!(mistyped.len(), key.len());
    let swapped = {
        let digits = key.trim_start_matches("acme_live_");
        format!(
            "acme_live_{}{}{}",
            &digits[1..2],
            &digits[0..1],
            &digits[2..]
        )
    };
    let before = service.store.count();
    let mut rows = vec![
        (mistyped, "malformed"),
        (key[..key.len() - 1].to_owned(), "malformed"),
        (format!("{key}0"), "malformed"),
        (key.to_uppercase(), "malformed"),
        ("cafe".to_owned(), "malformed"),
        ("eyJhbGciOiJub25lIn0.e30.".to_owned(), "malformed"),
        ("a".repeat(7_000), "malformed"),
        (key.replace("_live_", "_test_"), "bad_signature"),
        (key.replace("acme_", "umbrella_"), "bad_signature"),
    ];
    if swapped != key {
        rows.push((swapped, "malformed"));
    }
    for (text, reason) in &rows {
        let answer = service.ask("/me", text).await;
        assert_eq!(told(&answer), format!("401 {reason}"), "{text}");
        let challenge = answer.header("www-authenticate").next();
        assert_eq!(challenge, Some(r#"Bearer error="invalid_token""#));
    }
    assert_eq!(service.store.count(), before);
}

/// One of the right form, with the right checksum: whoever makes one up knows how.
#[tokio::test]
async fn security_a_key_that_nobody_issued_and_one_of_another_environment_are_refused() {
    let service = Service::start(|keys| keys).await;
    // In the same store, by the same program in its other environment.
    let (store, clock) = (Arc::clone(&service.store), service.clock.clone());
    let test = ApiKeys::new("acme_test", Arc::clone(&store)).clock(clock.clock());
    let test = Service::of(test, store, clock).await;
    let key = test.issue(of_ada()).await;
    assert_eq!(
        test.shown("/me", key.reveal()).await,
        "200 ada nightly export"
    );
    assert_eq!(
        service.shown("/me", key.reveal()).await,
        "401 bad_signature"
    );

    let elsewhere = ApiKeys::new("acme_live", MemoryStore::new());
    let unknown = elsewhere.issue(of_ada()).await.unwrap();
    let before = service.store.count();
    assert_eq!(
        service.shown("/me", unknown.reveal()).await,
        "401 bad_signature"
    );
    assert_eq!(service.store.count(), before + 1, "the store was asked");
}

#[tokio::test]
async fn security_a_store_row_of_half_the_digest_is_no_key() {
    let service = Service::start(|keys| keys).await;
    let elsewhere = ApiKeys::new("acme_live", MemoryStore::new());
    let issued = elsewhere.issue(of_ada()).await.unwrap();
    let mut forged = issued.key().clone();
    forged.digest[31] ^= 1;
    service.store.add_key(&forged).await.unwrap();
    assert_eq!(
        service.shown("/me", issued.reveal()).await,
        "401 bad_signature"
    );
}

#[tokio::test]
async fn security_a_key_ends_when_it_is_revoked_and_at_its_time() {
    let service = Service::start(|keys| keys).await;
    let key = service
        .issue(of_ada().lasting(Duration::from_secs(100)))
        .await;
    let other = service.issue(of_ada()).await;
    let id = key.key().id;
    assert_eq!(service.ask("/me", key.reveal()).await.status, 200);
    assert!(!service.keys.revoke("grace", id).await.unwrap(), "not hers");
    assert_eq!(service.ask("/me", key.reveal()).await.status, 200);

    service.clock.advance(Duration::from_secs(99));
    assert_eq!(service.ask("/me", key.reveal()).await.status, 200);
    service.clock.advance(Duration::from_secs(1));
    assert_eq!(service.shown("/me", key.reveal()).await, "401 expired");
    // Trying it is no use of it.
    service.clock.advance(Duration::from_secs(100));
    assert_eq!(service.shown("/me", key.reveal()).await, "401 expired");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let all = service.keys.list("ada").await.unwrap();
    let used = all.iter().find(|one| one.id == id).unwrap().last_used;
    assert_eq!(used.map(Timestamp::as_secs), Some(1_700_000_099));

    // What is remembered is over at once.
    assert_eq!(service.ask("/me", other.reveal()).await.status, 200);
    assert!(service.keys.revoke("ada", other.key().id).await.unwrap());
    for _ in 0..2 {
        assert_eq!(service.shown("/me", other.reveal()).await, "401 revoked");
    }
    assert!(
        !service.keys.revoke("ada", other.key().id).await.unwrap(),
        "once"
    );
}

#[tokio::test]
async fn a_rotated_key_is_good_for_the_overlap_and_its_successor_after_that() {
    let service = Service::start(|keys| keys).await;
    let new = of_ada()
        .scopes(["export"])
        .lasting(Duration::from_secs(1_000));
    let old = service.issue(new).await;
    assert_eq!(service.ask("/export", old.reveal()).await.status, 200);
    service.clock.advance(Duration::from_secs(500));
    let (id, overlap) = (old.key().id, Duration::from_secs(60));
    let error = service.keys.rotate("grace", id, overlap).await.unwrap_err();
    assert!(error.is_missing(), "not hers: {error}");
    let new = service.keys.rotate("ada", id, overlap).await.unwrap();
    assert_eq!(new.key().label, "nightly export");
    assert_eq!(new.key().scopes, ["export"]);
    let lasts = new.key().expires.unwrap().as_secs() - new.key().issued.as_secs();
    assert_eq!(lasts, 1_000, "as long as the one before");
    assert_ne!(new.reveal(), old.reveal());
    for key in [&old, &new] {
        assert_eq!(service.ask("/export", key.reveal()).await.status, 200);
    }
    service.clock.advance(Duration::from_secs(59));
    assert_eq!(service.ask("/export", old.reveal()).await.status, 200);
    service.clock.advance(Duration::from_secs(1));
    assert_eq!(service.shown("/export", old.reveal()).await, "401 expired");
    assert_eq!(service.ask("/export", new.reveal()).await.status, 200);
    let error = service.keys.rotate("ada", id, overlap).await.unwrap_err();
    assert!(error.is_missing(), "it has ended: {error}");
    // At once, where it is known to others.
    let last = service
        .keys
        .rotate("ada", new.key().id, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(service.shown("/export", new.reveal()).await, "401 expired");
    assert_eq!(service.ask("/export", last.reveal()).await.status, 200);
}

#[tokio::test]
async fn the_list_shows_what_became_of_each_key_and_no_secret() {
    let service = Service::start(|keys| keys).await;
    let first = service.issue(of_ada()).await;
    service.clock.advance(Duration::from_secs(10));
    let second = service.issue(NewApiKey::of("ada").label("second")).await;
    let _ = service.issue(NewApiKey::of("grace")).await;
    let list = async || service.keys.list("ada").await.unwrap();
    let labels: Vec<_> = list().await.into_iter().map(|key| key.label).collect();
    assert_eq!(labels, ["second", "nightly export"]);
    assert_eq!(list().await[1].last_used, None);
    assert_eq!(service.ask("/me", first.reveal()).await.status, 200);
    let used = async |expected: u64| {
        let start = Instant::now();
        loop {
            let used = list().await[1].last_used.map(Timestamp::as_secs);
            if used == Some(expected) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(5), "{used:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    used(1_700_000_010).await;
    // To a minute: the next one is noted then.
    service.clock.advance(Duration::from_secs(60));
    assert_eq!(service.ask("/me", first.reveal()).await.status, 200);
    used(1_700_000_070).await;
    service.keys.revoke("ada", second.key().id).await.unwrap();
    let shown = list().await;
    assert_eq!(
        shown[0].revoked.map(Timestamp::as_secs),
        Some(1_700_000_070)
    );
    for secret in [first.reveal(), second.reveal()] {
        let text = format!("{shown:?} {first:?} {second:?} {:?}", service.keys);
        let digits = &secret["acme_live_".len()..];
        assert!(
            !text.contains(digits) && !text.contains(&digits[..16]),
            "{text}"
        );
    }
    // A key that has ended is shown for 30 days, and goes when the next one is issued. Not where the clock
    // has just jumped there.
    service
        .clock
        .advance(Duration::from_secs(31 * 24 * 60 * 60));
    let _ = service.issue(NewApiKey::of("ada").label("third")).await;
    assert_eq!(list().await.len(), 3);
    service.clock.advance(Duration::from_secs(300));
    let _ = service.issue(NewApiKey::of("ada").label("fourth")).await;
    let labels: Vec<_> = list().await.into_iter().map(|key| key.label).collect();
    assert_eq!(labels, ["fourth", "third", "nightly export"]);
}

#[tokio::test]
async fn a_clock_that_was_ahead_costs_nobody_a_key() {
    let service = Service::start(|keys| keys.remember(Duration::ZERO, 1)).await;
    let day = Duration::from_secs(24 * 60 * 60);
    let key = service.issue(of_ada().lasting(90 * day)).await;
    service.clock.advance(365 * day);
    for _ in 0..3 {
        let _ = service.issue(of_ada()).await;
        service.clock.advance(Duration::from_secs(1));
    }
    service.clock.go_back(365 * day);
    assert_eq!(service.ask("/me", key.reveal()).await.status, 200);

    // A process that starts with it.
    service.clock.advance(365 * day);
    let (store, clock) = (Arc::clone(&service.store), service.clock.clone());
    let keys = ApiKeys::new("acme_live", Arc::clone(&store)).clock(clock.clock());
    let other = Service::of(keys, store, clock).await;
    let _ = other.issue(of_ada()).await;
    service.clock.go_back(365 * day);
    assert_eq!(service.ask("/me", key.reveal()).await.status, 200);
}

#[tokio::test]
async fn a_warm_key_costs_no_question_and_another_process_ends_it_within_the_lag() {
    let service = Service::start(|keys| keys.remember(Duration::from_millis(300), 100)).await;
    let (store, clock) = (Arc::clone(&service.store), service.clock.clone());
    let elsewhere = ApiKeys::new("acme_live", store).clock(clock.clock());
    let key = service.issue(of_ada()).await;
    assert_eq!(service.ask("/me", key.reveal()).await.status, 200);
    let before = service.store.count();
    assert_eq!(service.ask("/me", key.reveal()).await.status, 200);
    assert_eq!(service.store.count(), before, "it is remembered");
    assert!(elsewhere.revoke("ada", key.key().id).await.unwrap());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(service.shown("/me", key.reveal()).await, "401 revoked");

    let never = Service::start(|keys| keys.remember(Duration::ZERO, 100)).await;
    let key = never.issue(of_ada()).await;
    for _ in 0..2 {
        let before = never.store.count();
        assert_eq!(never.ask("/me", key.reveal()).await.status, 200);
        assert_eq!(never.store.count(), before + 1);
    }
}

#[tokio::test]
async fn while_the_store_is_down_known_keys_stay_good_and_others_get_a_503() {
    let service = Service::start(|keys| keys.store_timeout(Duration::from_millis(50))).await;
    let known = service.issue(of_ada()).await;
    let other = service.issue(of_ada()).await;
    assert_eq!(service.ask("/me", known.reveal()).await.status, 200);
    service.store.down.store(true, Ordering::SeqCst);
    let answer = service.ask("/me", other.reveal()).await;
    assert_eq!(told(&answer), "503 store_unavailable");
    assert!(answer.header("retry-after").next().is_some());
    assert_eq!(service.ask("/me", known.reveal()).await.status, 200);
    let error = service.keys.issue(of_ada()).await.unwrap_err();
    assert!(error.is_store(), "{error}");
    assert!(service.keys.revoke("ada", other.key().id).await.is_err());
    // It is asked until it has failed often enough, then not at all for a second.
    service.store.silent.store(true, Ordering::SeqCst);
    for _ in 0..8 {
        assert_eq!(service.ask("/me", other.reveal()).await.status, 503);
    }
    let (before, start) = (service.store.count(), Instant::now());
    assert_eq!(service.ask("/me", other.reveal()).await.status, 503);
    assert_eq!(service.store.count(), before, "the circuit breaker is open");
    assert!(start.elapsed() < Duration::from_millis(500));
    // And is itself again.
    service.store.down.store(false, Ordering::SeqCst);
    service.store.silent.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(service.ask("/me", other.reveal()).await.status, 200);
}

/// Whoever has had thousands of keys, or changes one a hundred times at once, keeps nobody else's out.
#[tokio::test]
async fn what_takes_long_for_one_subject_is_no_outage_for_others() {
    let service = Service::start(|keys| keys.store_timeout(Duration::from_millis(20))).await;
    let bob = service.issue(NewApiKey::of("bob")).await;
    let eve = service.issue(NewApiKey::of("eve")).await;
    service.store.slow.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        let id = eve.key().id;
        assert!(service.keys.list("eve").await.is_err());
        assert!(service.keys.issue(NewApiKey::of("eve")).await.is_err());
        assert!(service.keys.revoke("eve", id).await.is_err());
        let rotated = service.keys.rotate("eve", id, Duration::ZERO).await;
        assert!(rotated.is_err_and(|error| error.is_store()));
    }
    assert_eq!(service.ask("/me", bob.reveal()).await.status, 200);
}

/// What somebody does to a key of theirs, or tries to, is no reason to ask for everybody else's.
#[tokio::test]
async fn what_one_subject_changes_takes_no_other_out_of_memory() {
    let service = Service::start(|keys| keys.store_timeout(Duration::from_millis(50))).await;
    let known = service.issue(NewApiKey::of("bob")).await;
    let [own, other] = [service.issue(of_ada()).await, service.issue(of_ada()).await];
    for key in [&known, &own] {
        assert_eq!(service.ask("/me", key.reveal()).await.status, 200);
    }
    let nobodys = ApiKeyId::from_bytes([7; 16]);
    assert!(!service.keys.revoke("ada", nobodys).await.unwrap());
    let rotated = service
        .keys
        .rotate("ada", other.key().id, Duration::ZERO)
        .await;
    assert!(rotated.is_ok());
    service.store.down.store(true, Ordering::SeqCst);
    assert!(service.keys.revoke("ada", own.key().id).await.is_err());
    assert_eq!(service.ask("/me", known.reveal()).await.status, 200);
    // It may have happened.
    assert_eq!(service.ask("/me", own.reveal()).await.status, 503);
}

/// That a key was used is nothing to refuse anybody for.
#[tokio::test]
async fn a_store_that_cannot_be_written_lets_keys_in() {
    let service = Service::start(|keys| keys.remember(Duration::from_secs(600), 100)).await;
    let mut seen = Vec::new();
    for _ in 0..12 {
        let key = service.issue(of_ada()).await;
        assert_eq!(service.ask("/me", key.reveal()).await.status, 200);
        seen.push(key);
    }
    let unseen = service.issue(of_ada()).await;
    service.store.read_only.store(true, Ordering::SeqCst);
    service.clock.advance(Duration::from_secs(61));
    for key in &seen {
        assert_eq!(service.ask("/me", key.reveal()).await.status, 200);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(service.ask("/me", unseen.reveal()).await.status, 200);
}

/// A program that gets a new key with each run, however often.
#[tokio::test]
async fn keys_that_have_ended_do_not_add_up() {
    let store = Arc::new(MemoryStore::new());
    let keys = ApiKeys::new("acme_live", Arc::clone(&store));
    let live = keys.issue(of_ada()).await.unwrap().key().id;
    let mut last = keys.issue(of_ada()).await.unwrap().key().id;
    let mut ended = Vec::new();
    for number in 0..600 {
        ended.push(last);
        last = match number % 2 {
            0 => keys.rotate("ada", last, Duration::ZERO).await,
            _ => {
                assert!(keys.revoke("ada", last).await.unwrap());
                keys.issue(of_ada()).await
            }
        }
        .unwrap()
        .key()
        .id;
    }
    let other = keys.issue(NewApiKey::of("bob")).await.unwrap().key().id;
    for _ in 0..1_000 {
        let issued = keys.rotate("ada", last, Duration::ZERO).await.unwrap();
        ended.push(std::mem::replace(&mut last, issued.key().id));
    }
    let mut kept = 0;
    for id in ended {
        kept += usize::from(store.find_key(id).await.unwrap().is_some());
    }
    assert!((900..=1_000).contains(&kept), "{kept}");
    for id in [live, last, other] {
        assert!(store.find_key(id).await.unwrap().is_some());
    }
}

/// One that is rotated is not counted itself, or nobody with as many as there may be could rotate any.
#[tokio::test]
async fn rotating_makes_no_more_live_keys_than_issuing() {
    let keys = ApiKeys::new("acme_live", MemoryStore::new());
    let mut last = keys.issue(of_ada()).await.unwrap().key().id;
    for _ in 1..100 {
        last = keys.issue(of_ada()).await.unwrap().key().id;
    }
    let day = Duration::from_secs(24 * 60 * 60);
    last = keys.rotate("ada", last, day).await.unwrap().key().id;
    let error = keys.rotate("ada", last, day).await.unwrap_err();
    assert!(
        error.is_invalid() && error.to_string().contains("100"),
        "{error}"
    );
    let live = keys.list("ada").await.unwrap();
    assert_eq!(live.len(), 101);
    assert!(keys.revoke("ada", live[50].id).await.unwrap());
    assert!(keys.rotate("ada", last, day).await.is_ok());
}

#[tokio::test]
async fn a_header_of_its_own_is_the_only_one() {
    let service = Service::start(|keys| keys.header("x-api-key".parse().unwrap())).await;
    let key = service.issue(of_ada()).await;
    let with = async |headers: String| {
        let answer = request(service.address, "GET", "/me", &headers).await;
        let challenge = answer.header("www-authenticate").next().map(str::to_owned);
        (told(&answer), challenge)
    };
    let good = format!("x-API-key: {}\r\n", key.reveal());
    assert_eq!(with(good.clone()).await.0, "200 ada nightly export");
    let refused = |reason: &str| (format!("401 {reason}"), Some("ApiKey".to_owned()));
    assert_eq!(with(good.repeat(2)).await, refused("malformed"));
    let bearer = format!("Authorization: Bearer {}\r\n", key.reveal());
    assert_eq!(with(bearer).await, refused("missing"));
}

#[tokio::test]
async fn what_cannot_be_a_key_is_an_error_that_says_why() {
    let service = Service::start(|keys| keys).await;
    let says = async |new: NewApiKey, what: &str| {
        let error: ApiKeyError = service.keys.issue(new).await.unwrap_err();
        assert!(
            error.is_invalid() && error.to_string().contains(what),
            "{error}"
        );
    };
    says(NewApiKey::of(""), "the subject has 1 to 1024 bytes").await;
    says(NewApiKey::of("a\nb"), "without control characters").await;
    says(of_ada().label("a".repeat(257)), "the label has 256 bytes").await;
    says(of_ada().scopes([""]), "a scope is one name").await;
    says(of_ada().scopes(["a b"]), "a scope is one name").await;
    says(of_ada().scopes(["a|b"]), "a scope is one name").await;
    says(of_ada().scopes(["a".repeat(256)]), "a scope is one name").await;
    says(of_ada().lasting(Duration::from_millis(999)), "a second").await;
    for _ in 0..100 {
        let _ = service.issue(NewApiKey::of("eve")).await;
    }
    says(NewApiKey::of("eve"), "100 API keys that are live").await;
    let one = service.keys.list("eve").await.unwrap()[0].id;
    service.keys.revoke("eve", one).await.unwrap();
    let _ = service.issue(NewApiKey::of("eve")).await;

    let odd = ApiKeys::new("Acme-Live", MemoryStore::new());
    assert!(odd.issue(of_ada()).await.unwrap_err().is_invalid());
    let built = SessionAuthLayer::builder_without_sessions()
        .authenticator("api", odd)
        .build();
    let error = built.unwrap_err().to_string();
    assert!(
        error.contains("`api`") || error.contains("\"api\""),
        "{error}"
    );
    assert!(error.contains("such as `acme_live`"), "{error}");
}

#[test]
fn ids_are_read_as_they_are_written() {
    let id = ApiKeyId::from_bytes([0xab; 16]);
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(format!("{id:?}"), "ApiKeyId(abababab..)");
    for bad in ["", "+babababababababababababababababa", "ab"] {
        assert!(bad.parse::<ApiKeyId>().is_err(), "{bad}");
    }
}

/// A text of a client's is no outage, whatever the store makes of it.
#[tokio::test]
async fn texts_that_none_can_have_are_refused_wherever_they_come_in() {
    let keys = ApiKeys::new("acme", MemoryStore::new());
    let issued = keys.issue(NewApiKey::of("bob")).await.unwrap();
    let id = issued.key().id;
    for odd in ["", "a\0b", "a\nb", &"a".repeat(1_025)] {
        let errors = [
            keys.list(odd).await.map(drop).unwrap_err(),
            keys.revoke(odd, id).await.map(drop).unwrap_err(),
            keys.rotate(odd, id, Duration::ZERO)
                .await
                .map(drop)
                .unwrap_err(),
            keys.issue(NewApiKey::of(odd)).await.map(drop).unwrap_err(),
        ];
        assert!(
            errors.iter().all(|error| error.is_invalid()),
            "{odd:?}: {errors:?}"
        );
    }
    for scope in ["a\0b", "a\u{1b}", "a b", ""] {
        let error = keys
            .issue(NewApiKey::of("bob").scopes([scope]))
            .await
            .map(drop);
        assert!(error.unwrap_err().is_invalid(), "{scope:?}");
    }
}
