//! Sessions in a store, over a real socket: listing and ending them, and what a store that fails does
//! to which route.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::Path;
use axum::response::IntoResponse;
use common::disturbed::{Disturb, Disturbed};
use session_auth::methods::{DELETE, GET, POST};
use session_auth::store::{Generation, MemoryStore, SessionStore, StoreError, StoredSession};
use session_auth::{
    Denial, IssueError, Keys, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder,
    SessionId, Sessions, SessionsError, Timestamp, public, session,
};

/// What happens to calls of the store under test.
#[derive(Default)]
struct Control {
    calls: AtomicU64,
    touches: AtomicU64,
    down: AtomicBool,
    silent: AtomicBool,
    garbled: AtomicBool,
}

impl Control {
    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn set(&self, flag: impl FnOnce(&Self) -> &AtomicBool, to: bool) {
        flag(self).store(to, Ordering::SeqCst);
    }

    async fn pass(&self) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("connection refused"));
        }
        if self.garbled.load(Ordering::SeqCst) {
            return Err(StoreError::unreadable("the row has no deadline"));
        }
        Ok(())
    }
}

/// A store whose calls are counted, and can be made to fail.
struct Controlled(MemoryStore, Arc<Control>);

impl SessionStore for Controlled {
    async fn generation(&self, subject: &str) -> Result<Generation, StoreError> {
        self.1.pass().await?;
        self.0.generation(subject).await
    }
    async fn insert(&self, session: &StoredSession, g: Generation) -> Result<bool, StoreError> {
        self.1.pass().await?;
        self.0.insert(session, g).await
    }
    async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        self.1.pass().await?;
        self.0.find(subject, id).await
    }
    async fn touch(
        &self,
        subject: &str,
        id: SessionId,
        seen: Timestamp,
        deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        self.1.touches.fetch_add(1, Ordering::SeqCst);
        self.1.pass().await?;
        self.0.touch(subject, id, seen, deadline).await
    }
    async fn replace(&self, old: SessionId, session: &StoredSession) -> Result<bool, StoreError> {
        self.1.pass().await?;
        self.0.replace(old, session).await
    }
    async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
        self.1.pass().await?;
        self.0.revoke(subject, id).await
    }
    async fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.1.pass().await?;
        self.0.revoke_all(subject, except, now).await
    }
    async fn list(&self, subject: &str, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        self.1.pass().await?;
        self.0.list(subject, now).await
    }
    async fn remove_expired(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.1.pass().await?;
        self.0.remove_expired(before, limit).await
    }
}

fn routes() -> Router {
    Router::new()
        .mount(
            public(POST, "/login/{who}", "creates the session")
                .issues_session()
                .to(|sessions: Sessions, Path(who): Path<String>| async move {
                    sessions.issue(who).label("a test").await
                }),
        )
        .mount(
            session(POST, "/logout").to(|sessions: Sessions, session: Session| async move {
                sessions.revoke(&session).await
            }),
        )
        .mount(
            session(GET, "/devices").to(|sessions: Sessions, session: Session| async move {
                let list = sessions.list(session.subject()).await?;
                let line = |info: &session_auth::SessionInfo| {
                    format!("{} {}", info.id(), info.label().unwrap_or("-"))
                };
                let lines: Vec<_> = list.iter().map(line).collect();
                Ok::<_, SessionsError>(lines.join("\n"))
            }),
        )
        .mount(session(DELETE, "/devices/{id}").to(
            |sessions: Sessions, session: Session, Path(id): Path<String>| async move {
                let id = id.parse().unwrap();
                let ended = sessions.revoke_id(session.subject(), id).await?;
                Ok::<_, SessionsError>(ended.to_string())
            },
        ))
        .mount(
            session(POST, "/others").to(|sessions: Sessions, session: Session| async move {
                let ended = sessions.revoke_others(&session).await?;
                Ok::<_, SessionsError>(ended.to_string())
            }),
        )
        .mount(
            session(POST, "/everywhere").to(|sessions: Sessions, session: Session| async move {
                let ended = sessions.revoke_all(session.subject()).await?;
                Ok::<_, SessionsError>(ended.to_string())
            }),
        )
        .mount(
            session(POST, "/sudo").to(|sessions: Sessions, session: Session| async move {
                sessions.renew(&session).scope("root").await
            }),
        )
        .mount(session(GET, "/root").scope("root").to(|| async { "root" }))
        .mount(
            session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() }),
        )
        .mount(public(GET, "/maybe", "greets").optional_session().to(
            |session: Option<Session>| async move {
                session.map_or("stranger".into(), |session| session.subject().to_owned())
            },
        ))
        .mount(public(GET, "/open", "plain").to(|| async { "open" }))
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::new([[7; 32]]).unwrap())
}

struct Service {
    address: SocketAddr,
    control: Arc<Control>,
}

async fn serve_with(builder: SessionAuthLayerBuilder) -> Service {
    let control = Arc::new(Control::default());
    let store = Controlled(MemoryStore::new(), Arc::clone(&control));
    let auth = builder.store(store).build().unwrap();
    let address = common::serve(common::protect(&auth, routes()).unwrap()).await;
    Service { address, control }
}

async fn serve() -> Service {
    serve_with(builder()).await
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

    async fn assert_revoked(&self, cookie: &str) {
        let answer = self.ask("GET", "/me", cookie).await;
        assert_eq!(answer.status, 401);
        assert_eq!(
            answer.body,
            r#"{"error":"Authentication required","reason":"revoked"}"#
        );
        assert_eq!(answer.header("set-cookie").count(), 0);
    }

    async fn assert_live(&self, cookie: &str) {
        assert_eq!(self.ask("GET", "/me", cookie).await.status, 200);
    }
}

#[tokio::test]
async fn logout_ends_a_copy_of_the_cookie_too() {
    let service = serve().await;
    let cookie = service.login("ada").await;
    service.assert_live(&cookie).await;
    let answer = service.ask("POST", "/logout", &cookie).await;
    assert!(
        answer
            .header("set-cookie")
            .next()
            .unwrap()
            .contains("Max-Age=0")
    );
    service.assert_revoked(&cookie).await;
}

#[tokio::test]
async fn devices_are_listed_and_ended_one_others_and_all() {
    let service = serve().await;
    let (phone, laptop, tablet) = (
        service.login("ada").await,
        service.login("ada").await,
        service.login("ada").await,
    );
    let stranger = service.login("bob").await;

    let devices = service.ask("GET", "/devices", &phone).await.body;
    let ids: Vec<_> = devices
        .lines()
        .map(|line| line.split_once(' ').unwrap().0.to_owned())
        .collect();
    assert_eq!(ids.len(), 3, "{devices}");
    assert!(devices.lines().all(|line| line.ends_with("a test")));

    // Not somebody else's.
    let answer = service
        .ask("DELETE", &format!("/devices/{}", ids[0]), &stranger)
        .await;
    assert_eq!(answer.body, "false");
    for cookie in [&phone, &laptop, &tablet] {
        service.assert_live(cookie).await;
    }

    assert_eq!(service.ask("POST", "/others", &laptop).await.body, "2");
    service.assert_live(&laptop).await;
    service.assert_revoked(&phone).await;
    service.assert_revoked(&tablet).await;

    let again = service.login("ada").await;
    let devices = service.ask("GET", "/devices", &again).await.body;
    assert_eq!(devices.lines().count(), 2);
    assert_eq!(service.ask("POST", "/everywhere", &again).await.body, "2");
    service.assert_revoked(&again).await;
    service.assert_revoked(&laptop).await;
    service.assert_live(&stranger).await;
    // And a login after it is none of those.
    let fresh = service.login("ada").await;
    service.assert_live(&fresh).await;
}

#[tokio::test]
async fn one_of_the_devices_is_ended_by_its_id() {
    let service = serve().await;
    let cookies = [service.login("ada").await, service.login("ada").await];
    let devices = service.ask("GET", "/devices", &cookies[0]).await.body;
    let id = devices.split_once(' ').unwrap().0;
    let answer = service
        .ask("DELETE", &format!("/devices/{id}"), &cookies[0])
        .await;
    assert_eq!(answer.body, "true");
    let mut live = 0;
    for cookie in &cookies {
        live += u64::from(service.ask("GET", "/me", cookie).await.status == 200);
    }
    assert_eq!(live, 1);
}

#[tokio::test]
async fn more_privilege_means_a_new_id_and_the_end_of_the_old_one() {
    let service = serve_with(builder().renewal_grace(Duration::ZERO)).await;
    let before = service.login("ada").await;
    assert_eq!(service.ask("GET", "/root", &before).await.status, 403);
    let answer = service.ask("POST", "/sudo", &before).await;
    let after = common::cookie(&answer);
    assert_eq!(answer.header("set-cookie").count(), 1);
    assert_eq!(service.ask("GET", "/root", &after).await.body, "root");
    service.assert_revoked(&before).await;
    // The label went along.
    assert!(
        service
            .ask("GET", "/devices", &after)
            .await
            .body
            .ends_with("a test")
    );
    // A session that is gone cannot be renewed.
    let answer = service.ask("POST", "/sudo", &before).await;
    assert_eq!(answer.status, 401);
}

/// What cannot be a session of this service costs the store nothing.
#[tokio::test]
async fn forged_expired_and_foreign_cookies_never_reach_the_store() {
    let seconds = Arc::new(AtomicU64::new(1_700_000_000));
    let clock = {
        let seconds = Arc::clone(&seconds);
        move || UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::SeqCst))
    };
    let service = serve_with(builder().clock(clock.clone())).await;
    let good = service.login("ada").await;
    let foreign = SessionAuthLayer::builder(Keys::new([[8; 32]]).unwrap())
        .clock(clock)
        .build()
        .unwrap()
        .sessions()
        .issue("ada")
        .await
        .unwrap();
    let foreign = foreign
        .set_cookie()
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let mut forged = good.clone().into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();

    let before = service.control.calls();
    for cookie in [&foreign, &forged, "__Host-session=junk", "x=y"] {
        for path in ["/me", "/maybe", "/open", "/root"] {
            service.ask("GET", path, cookie).await;
        }
    }
    // Without the scope, from another origin, or on a route that wants none of it, a good one does
    // not reach it either.
    assert_eq!(service.ask("GET", "/root", &good).await.status, 403);
    let headers = format!("Cookie: {good}\r\nSec-Fetch-Site: cross-site\r\n");
    let answer = common::request(service.address, "POST", "/logout", &headers).await;
    assert_eq!(answer.status, 403);
    service.ask("GET", "/open", &good).await;
    seconds.fetch_add(27 * 60 * 60, Ordering::SeqCst);
    let answer = service.ask("GET", "/me", &good).await;
    assert!(answer.body.contains("expired"), "{}", answer.body);
    assert_eq!(service.control.calls(), before);

    // The counter counts.
    service.login("ada").await;
    assert!(service.control.calls() > before);
}

#[tokio::test]
async fn a_dead_store_is_a_503_for_sessions_and_nothing_for_others() {
    let service = serve().await;
    let cookie = service.login("ada").await;
    service.control.set(|c| &c.down, true);
    let answer = service.ask("GET", "/me", &cookie).await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.body,
        r#"{"error":"Service unavailable","reason":"store_unavailable"}"#
    );
    assert_eq!(answer.header("retry-after").next(), Some("1"));
    assert_eq!(answer.header("cache-control").next(), Some("no-store"));
    assert_eq!(answer.header("set-cookie").count(), 0, "the cookie is kept");

    assert_eq!(service.ask("GET", "/open", &cookie).await.body, "open");
    assert_eq!(service.ask("GET", "/maybe", &cookie).await.body, "stranger");
    // Nobody can log in or out, and nobody is told otherwise.
    let login = common::post(service.address, "/login/bob", "", "").await;
    assert_eq!((login.status, login.header("set-cookie").count()), (503, 0));
    let logout = service.ask("POST", "/logout", &cookie).await;
    assert_eq!(
        (logout.status, logout.header("set-cookie").count()),
        (503, 0)
    );

    service.control.set(|c| &c.down, false);
    service.assert_live(&cookie).await;
    assert_eq!(service.ask("GET", "/maybe", &cookie).await.body, "ada");
}

#[tokio::test]
async fn a_store_that_never_answers_costs_the_timeout_and_then_nothing() {
    let timeout = Duration::from_millis(100);
    let service = serve_with(builder().store_timeout(timeout)).await;
    let cookie = service.login("ada").await;
    service.control.set(|c| &c.silent, true);
    let started = Instant::now();
    assert_eq!(service.ask("GET", "/me", &cookie).await.status, 503);
    let took = started.elapsed();
    assert!(
        took >= timeout && took < timeout + Duration::from_secs(2),
        "{took:?}"
    );

    // Until the breaker opens, each of them waits.
    let mut slow = 0;
    for _ in 0..40 {
        let calls = service.control.calls();
        assert_eq!(service.ask("GET", "/me", &cookie).await.status, 503);
        slow += u64::from(service.control.calls() != calls);
    }
    assert!(
        slow < 30,
        "{slow} of 40 requests asked a store that is known to be down"
    );

    service.control.set(|c| &c.silent, false);
    let deadline = Instant::now() + Duration::from_secs(10);
    while service.ask("GET", "/me", &cookie).await.status != 200 {
        assert!(Instant::now() < deadline, "it does not recover by itself");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn a_store_needs_some_time_to_answer() {
    let error = builder().store_timeout(Duration::ZERO).build().unwrap_err();
    assert!(
        error.to_string().contains("the store_timeout is zero"),
        "{error}"
    );
}

/// When the breaker opens and for how long is for the service to say.
#[tokio::test]
async fn after_one_failure_an_hour_without_a_question() {
    let hour = Duration::from_secs(3_600);
    let service = serve_with(builder().store_breaker(1, hour)).await;
    let cookie = service.login("ada").await;
    service.control.set(|c| &c.down, true);
    assert_eq!(service.ask("GET", "/me", &cookie).await.status, 503);
    service.control.set(|c| &c.down, false);
    let calls = service.control.calls();
    assert_eq!(service.ask("GET", "/me", &cookie).await.status, 503);
    assert_eq!(service.control.calls(), calls);

    let service = serve_with(builder().store_breaker(20, hour)).await;
    let cookie = service.login("ada").await;
    service.control.set(|c| &c.down, true);
    for _ in 0..19 {
        assert_eq!(service.ask("GET", "/me", &cookie).await.status, 503);
    }
    service.control.set(|c| &c.down, false);
    service.assert_live(&cookie).await;

    let error = builder().store_breaker(0, hour).build().unwrap_err();
    assert!(error.to_string().contains("set 1 or more"), "{error}");
}

/// One row that cannot be read does not take the others down.
#[tokio::test]
async fn a_row_that_cannot_be_read_is_its_sessions_problem_alone() {
    let service = serve().await;
    let cookie = service.login("ada").await;
    service.control.set(|c| &c.garbled, true);
    for _ in 0..100 {
        assert_eq!(service.ask("GET", "/me", &cookie).await.status, 503);
    }
    service.control.set(|c| &c.garbled, false);
    service.assert_live(&cookie).await;
}

#[tokio::test]
async fn last_seen_is_written_once_a_minute() {
    let seconds = Arc::new(AtomicU64::new(1_700_000_000));
    let clock = {
        let seconds = Arc::clone(&seconds);
        move || UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::SeqCst))
    };
    let service = serve_with(builder().clock(clock)).await;
    let cookie = service.login("ada").await;
    let touches = || service.control.touches.load(Ordering::SeqCst);
    for _ in 0..10 {
        service.assert_live(&cookie).await;
    }
    assert_eq!(touches(), 0);
    seconds.fetch_add(60, Ordering::SeqCst);
    for _ in 0..10 {
        service.assert_live(&cookie).await;
    }
    assert_eq!(touches(), 1);
}

/// Rows that no cookie can ask for any more are deleted by the library, in batches of 500.
#[tokio::test]
async fn expired_sessions_are_deleted_beside_the_requests() {
    let seconds = Arc::new(AtomicU64::new(1_700_000_000));
    let clock = {
        let seconds = Arc::clone(&seconds);
        move || UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::SeqCst))
    };
    let store = Arc::new(MemoryStore::new());
    let auth = builder().clock(clock).store(Arc::clone(&store)).build();
    let sessions = auth.unwrap().sessions();
    for user in 0..1_200 {
        drop(sessions.issue(format!("user {user}")).await.unwrap());
    }
    let settles_at = async |expected: usize| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while store.len() != expected {
            assert!(Instant::now() < deadline, "{} rows are left", store.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // Past the idle deadline, but by less than clocks may differ: another machine may see it live.
    let idle = 24 * 60 * 60;
    seconds.fetch_add(idle + idle / 10 + 599, Ordering::SeqCst);
    drop(sessions.issue("ada").await.unwrap());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(store.len(), 1_201);
    // Swept once in five minutes.
    seconds.fetch_add(299, Ordering::SeqCst);
    drop(sessions.issue("ada").await.unwrap());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(store.len(), 1_202);
    seconds.fetch_add(1, Ordering::SeqCst);
    drop(sessions.issue("ada").await.unwrap());
    settles_at(3).await;
}

/// Two machines whose clocks are five minutes apart share a store.
#[tokio::test]
async fn clocks_may_be_five_minutes_apart() {
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let store = Arc::new(MemoryStore::new());
    let machine = |clock: SystemTime| {
        let auth = builder()
            .clock(move || clock)
            .store(Arc::clone(&store))
            .build()
            .unwrap();
        common::serve(common::protect(&auth, routes()).unwrap())
    };
    let behind = machine(now).await;
    let ahead = machine(now + Duration::from_secs(300)).await;
    for (here, there) in [(behind, ahead), (ahead, behind)] {
        let cookie = common::cookie(&common::post(here, "/login/ada", "", "").await);
        let headers = format!("Cookie: {cookie}\r\n");
        for address in [there, here, there] {
            let answer = common::request(address, "GET", "/me", &headers).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        // Signing out everywhere on one of them does not lock the other out of logging in.
        common::request(there, "POST", "/everywhere", &headers).await;
        let answer = common::request(here, "GET", "/me", &headers).await;
        assert_eq!(answer.status, 401);
        let again = common::post(here, "/login/ada", "", "").await;
        let headers = format!("Cookie: {}\r\n", common::cookie(&again));
        let answer = common::request(there, "GET", "/me", &headers).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test]
async fn without_a_store_revoking_is_refused_in_as_many_words() {
    let auth = builder().build().unwrap();
    let sessions = auth.sessions();
    let error = sessions.revoke_all("ada").await.unwrap_err();
    assert!(error.is_stateless());
    let text = error.to_string();
    assert!(text.contains("tests/revocation.rs:"), "{text}");
    assert!(
        text.contains("`revoke_all` needs a session store"),
        "{text}"
    );
    assert!(sessions.list("ada").await.unwrap_err().is_stateless());

    let address = common::serve(common::protect(&auth, routes()).unwrap()).await;
    let cookie = common::cookie(&common::post(address, "/login/ada", "", "").await);
    let headers = format!("Cookie: {cookie}\r\n");
    let answer = common::request(address, "POST", "/logout", &headers).await;
    assert_eq!(answer.status, 500);
}

#[tokio::test]
async fn subjects_of_any_size_end_in_a_session_or_an_error() {
    let store: Arc<MemoryStore> = Arc::default();
    let sessions = builder().store(store).build().unwrap().sessions();
    for (subject, good) in [
        (String::new(), false),
        ("a\0b".into(), false),
        ("a".repeat(10_000), false),
        ("a".repeat(1_024), true),
        ("ä\u{1f980}".into(), true),
    ] {
        let issued = sessions.issue(subject.clone()).await;
        assert_eq!(issued.is_ok(), good, "{} bytes", subject.len());
        if let Err(error) = issued {
            assert!(IssueError::is_subject(&error), "{error}");
        }
    }
    let label = sessions
        .issue("ada")
        .label("x".repeat(257))
        .await
        .unwrap_err();
    assert!(label.to_string().contains("257 bytes"), "{label}");
}

/// A login that was under way when everything was revoked does not survive it.
#[tokio::test]
async fn a_login_that_is_overtaken_by_a_revocation_is_none() {
    let store = Arc::new(MemoryStore::new());
    let overtaken = Disturbed(Arc::clone(&store), Overtaken(Arc::clone(&store)));
    let sessions = builder().store(overtaken).build().unwrap().sessions();
    let error = sessions.issue("ada").await.unwrap_err();
    assert!(error.is_revoked(), "{error}");
    assert!(store.is_empty());
    assert_eq!(
        error.into_response().extensions().get(),
        Some(&Denial::Revoked)
    );
}

/// Revokes everything between the two steps of a login.
struct Overtaken(Arc<MemoryStore>);

impl Disturb for Overtaken {
    async fn before(&self, question: &str, subject: &str) -> Result<(), StoreError> {
        if question == "insert" {
            let now = Timestamp::default();
            self.0.revoke_all(subject, None, now).await?;
        }
        Ok(())
    }
}
