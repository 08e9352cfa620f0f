//! What one account, one text or one clock does to its own sessions, and not to anybody else's.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::Path;
use axum::response::IntoResponse;
use session_auth::methods::{GET, POST};
use session_auth::store::{MemoryStore, SessionStore};
use session_auth::{
    Clock, Denial, Keys, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, SessionId,
    Sessions, SessionsError, Timestamp, public, session,
};
use tokio::sync::Notify;

use crate::common::clock::FakeClock;
use crate::common::watched::Watched;

const HOUR: u64 = 60 * 60;

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::new([[7; 32]]).unwrap())
        .store_timeout(Duration::from_millis(50))
}

fn routes() -> Router {
    Router::new()
        .mount(
            public(POST, "/login/{who}", "creates the session")
                .issues_session()
                .to(|sessions: Sessions, Path(who): Path<String>| async move {
                    sessions.issue(who).await
                }),
        )
        .mount(
            public(POST, "/labelled/{label}", "creates the session")
                .issues_session()
                .to(|sessions: Sessions, Path(label): Path<String>| async move {
                    sessions.issue("ada").label(label).await
                }),
        )
        .mount(
            session(GET, "/devices").to(|sessions: Sessions, session: Session| async move {
                let list = sessions.list(session.subject()).await?;
                Ok::<_, SessionsError>(list.len().to_string())
            }),
        )
        .mount(
            session(POST, "/everywhere").to(|sessions: Sessions, session: Session| async move {
                let ended = sessions.revoke_all(session.subject()).await?;
                Ok::<_, SessionsError>(ended.to_string())
            }),
        )
        .mount(
            session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() }),
        )
}

struct Service {
    address: std::net::SocketAddr,
    store: Arc<Watched>,
    sessions: Sessions,
}

async fn serve(builder: SessionAuthLayerBuilder) -> Service {
    let store = Arc::new(Watched::default());
    let auth = builder.store(Arc::clone(&store)).build().unwrap();
    let address = common::serve(common::protect(&auth, routes()).unwrap()).await;
    Service {
        address,
        store,
        sessions: auth.sessions(),
    }
}

impl Service {
    async fn login(&self, who: &str) -> String {
        let answer = common::post(self.address, &format!("/login/{who}"), "", "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        common::cookie(&answer)
    }

    async fn ask(&self, method: &str, path: &str, cookie: &str) -> common::Answer {
        common::request(self.address, method, path, &format!("Cookie: {cookie}\r\n")).await
    }

    async fn status(&self, cookie: &str) -> u16 {
        self.ask("GET", "/me", cookie).await.status
    }
}

/// Somebody posts the old password, the check takes its time, and meanwhile its owner changes it and
/// signs out everywhere.
#[tokio::test]
async fn a_login_under_way_does_not_survive_signing_out_everywhere() {
    let (checking, checked) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let login = {
        let (checking, checked) = (Arc::clone(&checking), Arc::clone(&checked));
        public(POST, "/slow-login", "creates the session")
            .issues_session()
            .to(move |sessions: Sessions| async move {
                let login = sessions.begin("ada").await?;
                checking.notify_one();
                checked.notified().await;
                login.issue().await
            })
    };
    let store = Arc::new(MemoryStore::new());
    let auth = builder().store(Arc::clone(&store)).build().unwrap();
    let app = common::protect(&auth, routes().mount(login)).unwrap();
    let address = common::serve(app).await;

    let thief = tokio::spawn(async move { common::post(address, "/slow-login", "", "").await });
    checking.notified().await;
    auth.sessions().revoke_all("ada").await.unwrap();
    checked.notify_one();
    let answer = thief.await.unwrap();
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("revoked"), "{}", answer.body);
    assert_eq!(answer.header("set-cookie").count(), 0);
    assert!(store.is_empty());

    // One that nothing comes in between of is a session.
    checked.notify_one();
    let answer = common::post(address, "/slow-login", "", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn a_login_that_was_overtaken_is_an_error_that_says_so() {
    let clock = FakeClock::new();
    let store = Arc::new(MemoryStore::new());
    let auth = builder().clock(clock.clock()).store(Arc::clone(&store));
    let sessions = auth.build().unwrap().sessions();

    let (ada, bob) = (
        sessions.begin("ada").await.unwrap(),
        sessions.begin("bob").await.unwrap(),
    );
    assert_eq!(ada.subject(), "ada");
    sessions.revoke_all("ada").await.unwrap();
    let error = ada.issue().await.unwrap_err();
    assert!(error.is_revoked(), "{error}");
    assert_eq!(
        error.into_response().extensions().get(),
        Some(&Denial::Revoked)
    );
    // Nobody else's.
    drop(bob.issue().await.unwrap());

    // Stores forget revocations some day, so a login does not take that long.
    let forgotten = sessions.begin("ada").await.unwrap();
    clock.advance(Duration::from_secs(HOUR + 1));
    assert!(forgotten.issue().await.unwrap_err().is_revoked());
    assert!(sessions.begin("a\0b").await.unwrap_err().is_subject());
    assert_eq!(store.len(), 1);

    let stateless = builder().build().unwrap().sessions();
    drop(stateless.begin("ada").await.unwrap().issue().await.unwrap());
}

#[tokio::test]
async fn of_too_many_sessions_the_oldest_end() {
    let service = serve(builder()).await;
    let mut cookies = Vec::new();
    for _ in 0..103 {
        cookies.push(service.login("ada").await);
    }
    let stranger = service.login("bob").await;
    for (number, cookie) in cookies.iter().enumerate() {
        let expected = if number < 3 { 401 } else { 200 };
        assert_eq!(service.status(cookie).await, expected, "session {number}");
    }
    assert_eq!(
        service.ask("GET", "/devices", &cookies[9]).await.body,
        "100"
    );
    let ended = service.ask("POST", "/everywhere", &cookies[9]).await;
    assert_eq!(ended.body, "100");
    assert_eq!(service.status(&cookies[9]).await, 401);
    assert_eq!(service.status(&stranger).await, 200);

    let service = serve(builder().max_sessions(1)).await;
    let (first, second) = (service.login("ada").await, service.login("ada").await);
    assert_eq!(service.status(&first).await, 401);
    assert_eq!(service.status(&second).await, 200);
    for out_of_range in [0, 1_001] {
        let error = builder().max_sessions(out_of_range).build().unwrap_err();
        assert!(error.to_string().contains("set 1 to 1000"), "{error}");
    }
}

/// A thief who asks for the devices again and again, where that takes the store longer than it may.
#[tokio::test]
async fn slow_questions_of_one_subject_deny_nobody_else() {
    let service = serve(builder()).await;
    let (thief, bob) = (service.login("thief").await, service.login("bob").await);
    service.store.slow.store(true, Ordering::SeqCst);
    for (method, path) in [
        ("GET", "/devices"),
        ("POST", "/everywhere"),
        ("POST", "/login/thief"),
    ] {
        let questions = (0..20).map(|_| service.ask(method, path, &thief));
        for answer in futures_util::future::join_all(questions).await {
            assert_eq!(answer.status, 503, "{path}");
        }
        assert_eq!(service.status(&bob).await, 200, "after {path}");
    }
    service.store.slow.store(false, Ordering::SeqCst);
    assert_eq!(service.ask("POST", "/everywhere", &thief).await.body, "1");
}

/// What a client sends as its name or its device's is no matter of the store.
#[tokio::test]
async fn texts_that_are_none_are_refused_before_the_store() {
    let service = serve(builder()).await;
    let bob = service.login("bob").await;
    let before = service.store.asked.load(Ordering::SeqCst);
    let long = "x".repeat(257);
    for path in [
        "/labelled/a%00b",
        "/labelled/a%0Ab",
        "/labelled/%7F",
        &format!("/labelled/{long}"),
        "/login/a%00b",
        "/login/%1B",
    ] {
        for _ in 0..10 {
            let answer = common::post(service.address, path, "", "").await;
            assert_eq!(answer.status, 400, "{path}");
            assert_eq!(answer.header("set-cookie").count(), 0);
        }
    }
    let sessions = &service.sessions;
    let id = SessionId::from_bytes([7; 16]);
    let of_webhooks = "session-auth:last-verified";
    for subject in ["a\0b", "", "a\nb", &"x".repeat(1_025), of_webhooks] {
        assert!(sessions.list(subject).await.unwrap_err().is_subject());
        assert!(sessions.revoke_all(subject).await.unwrap_err().is_subject());
        assert!(
            sessions
                .revoke_id(subject, id)
                .await
                .unwrap_err()
                .is_subject()
        );
        let error = sessions.list(subject).await.unwrap_err();
        assert_eq!(error.into_response().status(), 400);
    }
    assert_eq!(service.store.asked.load(Ordering::SeqCst), before);
    let labelled = sessions.issue("ada").label("a\0b").await.unwrap_err();
    assert!(labelled.is_label(), "{labelled}");
    assert_eq!(service.status(&bob).await, 200);
}

/// A client that does not take the new cookie, so that each answer has one.
#[tokio::test]
async fn a_kept_cookie_writes_once_a_minute() {
    let clock = FakeClock::new();
    let service = serve(builder().clock(clock.clock())).await;
    let cookie = service.login("ada").await;
    clock.advance(Duration::from_secs(3 * HOUR));
    for minute in 1..=3 {
        let requests = (0..50).map(|_| service.ask("GET", "/me", &cookie));
        for answer in futures_util::future::join_all(requests).await {
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("set-cookie").count(), 1);
        }
        for _ in 0..50 {
            assert_eq!(service.status(&cookie).await, 200);
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(service.store.touches(), minute);
        clock.advance(Duration::from_secs(10));
    }
    // Another session's is its own.
    let other = service.login("ada").await;
    clock.advance(Duration::from_secs(60));
    assert_eq!(service.status(&other).await, 200);
    assert_eq!(service.store.touches(), 4);
}

/// A browser goes on to another page while its use is being noted: then nobody knows whether it was.
#[tokio::test]
async fn a_use_whose_client_went_away_is_noted_by_the_next_request() {
    let clock = FakeClock::new();
    let builder = builder().clock(clock.clock());
    let service = serve(builder.store_timeout(Duration::from_secs(60))).await;
    let cookie = service.login("ada").await;
    clock.advance(Duration::from_secs(HOUR));
    service.store.touch_hangs.store(true, Ordering::SeqCst);
    let asked = tokio::time::timeout(Duration::from_millis(200), service.status(&cookie)).await;
    assert!(asked.is_err(), "it waits");
    service.store.touch_hangs.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(service.status(&cookie).await, 200);
    assert_eq!(service.store.touches(), 2);
    let sessions = service.store.store.list("ada", Timestamp::default()).await;
    let session = &sessions.unwrap()[0];
    assert_eq!(session.last_seen.as_secs() - session.issued.as_secs(), HOUR);
}

/// A use lasts until its answer goes out, in the store as in the cookie that it brings.
#[tokio::test]
async fn a_request_that_takes_long_is_a_use_until_it_is_answered() {
    let clock = FakeClock::new();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let store = Arc::new(MemoryStore::new());
    let auth = builder().clock(clock.clock()).idle_timeout(minutes(15));
    let auth = auth.store(Arc::clone(&store)).build().unwrap();
    let long = {
        let clock = clock.clone();
        session(POST, "/report").to(move || async move { clock.advance(minutes(20)) })
    };
    let app = common::protect(&auth, routes().mount(long)).unwrap();
    let address = common::serve(app).await;
    let login = common::post(address, "/login/ada", "", "").await;
    let header = format!("Cookie: {}\r\n", common::cookie(&login));
    clock.advance(minutes(2));
    let answer = common::post(address, "/report", &header, "").await;
    assert_eq!(answer.status, 200);
    let header = format!("Cookie: {}\r\n", common::cookie(&answer));
    clock.advance(minutes(14));
    let now = Timestamp::from_secs(
        clock.clock()()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    );
    assert_eq!(
        store.list("ada", now).await.unwrap().len(),
        1,
        "it is listed"
    );
    // What the sweep of another process deletes by then, clocks being apart by ten minutes.
    let before = Timestamp::from_secs(now.as_secs() - 600);
    store.remove_expired(before, 500).await.unwrap();
    assert_eq!(
        common::request(address, "GET", "/me", &header).await.status,
        200
    );
}

#[tokio::test]
async fn a_clock_that_jumped_and_came_back_deletes_no_live_session() {
    let clock = FakeClock::new();
    let service = serve(builder().clock(clock.clock())).await;
    let ada = service.login("ada").await;
    let swept = || tokio::time::sleep(Duration::from_millis(50));
    swept().await;
    let year = 365 * 24 * HOUR;
    for _ in 0..2 {
        clock.advance(Duration::from_secs(year));
        service.login("bob").await;
        service.login("bob").await;
        swept().await;
        clock.go_back(Duration::from_secs(year));
        service.login("bob").await;
        swept().await;
        assert_eq!(service.status(&ada).await, 200);
    }
    // A request that took its time, and has an earlier second than another, is no jump.
    clock.advance(Duration::from_secs(301));
    service.login("bob").await;
    clock.go_back(Duration::from_secs(1));
    service.login("bob").await;
    clock.advance(Duration::from_secs(1));

    // When the clock goes on as clocks do, what has expired is deleted.
    let rows = service.store.store.len();
    clock.advance(Duration::from_secs(27 * HOUR));
    service.login("bob").await;
    clock.advance(Duration::from_secs(301));
    service.login("bob").await;
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while service.store.store.len() >= rows {
        assert!(std::time::Instant::now() < deadline, "nothing was deleted");
        swept().await;
    }
}

/// Clocks of machines differ, and one may have jumped: what it wrote lies ahead of what comes after it.
#[tokio::test]
async fn who_has_just_logged_in_stays_whatever_other_clocks_said() {
    let store = Arc::new(MemoryStore::new());
    let node = |ahead: u64| {
        let clock = FakeClock::new();
        clock.advance(Duration::from_secs(ahead));
        let layer = builder().clock(clock.clock()).max_sessions(2);
        layer.store(Arc::clone(&store)).build().unwrap().sessions()
    };
    let (ahead, behind) = (node(300), node(0));
    let mut issued = Vec::new();
    for sessions in [&ahead, &ahead, &behind, &behind] {
        issued.push(sessions.issue("ada").await.unwrap().id());
    }
    let list = behind.list("ada").await.unwrap();
    let there = |id: &SessionId| list.iter().any(|info| info.id() == *id);
    assert_eq!(list.len(), 2);
    assert!(there(&issued[3]), "the one of the last login");
}

/// A short session that is over takes no place from one that a person wants to keep.
#[tokio::test]
async fn what_has_expired_goes_before_what_is_live() {
    let clock = FakeClock::new();
    let layer = builder().clock(clock.clock()).max_sessions(2);
    let auth = layer.store(MemoryStore::new()).build().unwrap();
    let sessions = auth.sessions();
    let remembered = sessions
        .issue("ada")
        .lifetime(Duration::from_secs(30 * 24 * HOUR));
    let remembered = remembered.await.unwrap().id();
    clock.advance(Duration::from_secs(60));
    let short = sessions.issue("ada").idle_timeout(Duration::from_secs(60));
    drop(short.await.unwrap());
    clock.advance(Duration::from_secs(240));
    drop(sessions.issue("ada").await.unwrap());
    let list = sessions.list("ada").await.unwrap();
    assert_eq!(list.len(), 2);
    assert!(list.iter().any(|info| info.id() == remembered));
}

/// What a subject revoked a day ago is forgotten while it logs in: nothing was revoked since that began.
#[tokio::test]
async fn a_login_survives_that_an_old_revocation_is_forgotten() {
    let clock = FakeClock::new();
    let store = Arc::new(MemoryStore::new());
    let layer = builder().clock(clock.clock()).store(Arc::clone(&store));
    let sessions = layer.build().unwrap().sessions();
    let now = || {
        let since = Clock::now(&clock.clock()).duration_since(std::time::UNIX_EPOCH);
        Timestamp::from_secs(since.unwrap().as_secs())
    };
    let forget = async || store.remove_expired(now(), 500).await.unwrap();
    sessions.revoke_all("ada").await.unwrap();
    clock.advance(Duration::from_secs(24 * HOUR + 300));
    let (one, other) = (sessions.begin("ada").await, sessions.begin("ada").await);
    clock.advance(Duration::from_secs(600));
    forget().await;
    assert!(one.unwrap().issue().await.is_ok());
    // What was forgotten is not given again: the next revocation ends a login that began before it.
    sessions.revoke_all("ada").await.unwrap();
    assert!(other.unwrap().issue().await.unwrap_err().is_revoked());
}

/// NTP puts it right a little later.
#[tokio::test]
async fn a_clock_that_is_ahead_at_the_start_deletes_no_live_session() {
    let clock = FakeClock::new();
    let before = serve(builder().clock(clock.clock())).await;
    let ada = before.login("ada").await;
    let ahead = Duration::from_secs(48 * HOUR);
    clock.advance(ahead);
    let auth = builder()
        .clock(clock.clock())
        .store(Arc::clone(&before.store));
    let auth = auth.build().unwrap();
    let address = common::serve(common::protect(&auth, routes()).unwrap()).await;
    for _ in 0..2 {
        assert_eq!(
            common::post(address, "/login/bob", "", "").await.status,
            200
        );
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    clock.go_back(ahead);
    assert_eq!(before.status(&ada).await, 200);
}
