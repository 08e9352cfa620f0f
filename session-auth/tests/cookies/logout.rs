//! Logging out: whatever became of the session, the answer is the same and the browser forgets it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::Redirect;
use session_auth::methods::{GET, POST};
use session_auth::store::MemoryStore;
use session_auth::{
    ClearedSession, Denial, EndSession, Keys, Mode, Router, Session, SessionAuthLayer, Sessions,
    SessionsError, public, public_route, session,
};

use crate::common::{self, Answer};
use crate::{DAY, FakeClock, UNUSED, builder, get};

#[public_route(POST, "/logout", reason = "ends the session", optional_session)]
async fn logout(session: EndSession) -> Result<(ClearedSession, Redirect), SessionsError> {
    Ok((session.await?, Redirect::to("/")))
}

fn routes() -> Router {
    Router::new()
        .mount(logout)
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move { sessions.issue("ada").await }),
        )
        .mount(
            session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() }),
        )
        .mount(
            public(POST, "/who-leaves", "ends the session")
                .optional_session()
                .to(|session: EndSession| async move {
                    let who = session
                        .session()
                        .map_or("nobody", Session::subject)
                        .to_owned();
                    let _ended = session.await;
                    who
                }),
        )
        .mount(session(POST, "/old-logout").to(|session: EndSession| async move { session.await }))
}

async fn serve(auth: &SessionAuthLayer) -> SocketAddr {
    common::serve(common::protect(auth, routes()).unwrap()).await
}

async fn login(address: SocketAddr) -> String {
    common::cookie(&common::post(address, "/login", "", "").await)
}

async fn log_out(address: SocketAddr, cookie: &str) -> Answer {
    let headers = if cookie.is_empty() {
        String::new()
    } else {
        format!("Cookie: {cookie}\r\n")
    };
    common::post(address, "/logout", &headers, "").await
}

fn is_the_same_as_always(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 303, "{what}: {answer:?}");
    assert_eq!(
        answer.header("location").collect::<Vec<_>>(),
        ["/"],
        "{what}"
    );
    let set: Vec<_> = answer.header("set-cookie").collect();
    assert_eq!(set.len(), 1, "{what}: {set:?}");
    assert!(set[0].starts_with("__Host-session=; "), "{what}: {set:?}");
    assert!(set[0].contains("Max-Age=0"), "{what}: {set:?}");
}

#[tokio::test]
async fn whatever_became_of_the_session_the_browser_forgets_it() {
    for with_store in [false, true] {
        let clock = FakeClock::new();
        let keys = Keys::new([[7; 32]]).unwrap();
        let layer = SessionAuthLayer::builder(keys.clone()).clock(clock.clock());
        let auth = match with_store {
            true => layer.store(MemoryStore::new()),
            false => layer,
        };
        let auth = auth.build().unwrap();
        let address = serve(&auth).await;

        let live = login(address).await;
        is_the_same_as_always(&log_out(address, &live).await, "live");
        assert_eq!(get(address, "/me", &live).await.status == 401, with_store);
        is_the_same_as_always(&log_out(address, &live).await, "a second click");
        is_the_same_as_always(&log_out(address, "").await, "no cookie");
        for junk in [
            "__Host-session=x",
            "__Host-session=",
            "__Host-session=\"",
            "a=b",
        ] {
            is_the_same_as_always(&log_out(address, junk).await, junk);
        }

        let expired = login(address).await;
        let revoked = login(address).await;
        if with_store {
            auth.sessions().revoke_all("ada").await.unwrap();
        }
        is_the_same_as_always(&log_out(address, &revoked).await, "revoked");
        clock.advance(UNUSED);
        assert_eq!(get(address, "/me", &expired).await.status, 401);
        is_the_same_as_always(&log_out(address, &expired).await, "expired");
        clock.advance(40 * DAY);
        is_the_same_as_always(&log_out(address, &expired).await, "long expired");

        let old = login(address).await;
        keys.rotate(&Keys::new([[8; 32]]).unwrap());
        is_the_same_as_always(&log_out(address, &old).await, "of a key that is gone");
    }
}

/// The owner's cookie has expired, and a thief has used the session since: it ends for both.
#[tokio::test]
async fn an_expired_cookie_ends_the_session_that_others_have_kept_alive() {
    let clock = FakeClock::new();
    let auth = builder()
        .clock(clock.clock())
        .store(MemoryStore::new())
        .build()
        .unwrap();
    let address = serve(&auth).await;
    let owners = login(address).await;
    clock.advance(DAY / 2);
    let thiefs = common::cookie(&get(address, "/me", &owners).await);
    clock.advance(UNUSED - DAY / 2);
    assert_eq!(get(address, "/me", &owners).await.status, 401);
    assert_eq!(get(address, "/me", &thiefs).await.status, 200);
    is_the_same_as_always(&log_out(address, &owners).await, "expired");
    assert_eq!(get(address, "/me", &thiefs).await.status, 401);
}

/// A browser may have two cookies of that name, and each is a session.
#[tokio::test]
async fn all_sessions_that_a_browser_has_end() {
    let auth = builder().store(MemoryStore::new()).build().unwrap();
    let address = serve(&auth).await;
    let (first, second) = (login(address).await, login(address).await);
    log_out(address, &format!("{first}; __Host-session=x; {second}")).await;
    for cookie in [first, second] {
        assert_eq!(get(address, "/me", &cookie).await.status, 401);
    }
}

/// Nothing has ended, and the browser must not believe so.
#[cfg(feature = "redis")]
#[tokio::test]
async fn while_the_store_is_down_nobody_is_told_that_they_are_logged_out() {
    let Some(mut redis) = test_servers::Redis::start_durable() else {
        return;
    };
    let store = session_auth::store::RedisStore::connect(&redis.url())
        .await
        .unwrap();
    let auth = builder().store(store).build().unwrap();
    let address = serve(&auth).await;
    let cookie = login(address).await;
    redis.kill();
    let answer = log_out(address, &cookie).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.header("set-cookie").count(), 0);
    // Who has no session can leave all the same.
    is_the_same_as_always(&log_out(address, "").await, "no cookie");
    redis.start_again();
    let mut answer = log_out(address, &cookie).await;
    for _ in 0..50 {
        if answer.status != 503 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        answer = log_out(address, &cookie).await;
    }
    is_the_same_as_always(&answer, "the store is back");
    assert_eq!(get(address, "/me", &cookie).await.status, 401);
}

#[tokio::test]
async fn a_page_of_another_origin_logs_nobody_out() {
    let auth = builder().store(MemoryStore::new()).build().unwrap();
    let address = serve(&auth).await;
    let cookie = login(address).await;
    for site in [
        "Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: https://evil.example\r\n",
    ] {
        for cookie in [format!("Cookie: {cookie}\r\n"), String::new()] {
            let answer = common::post(address, "/logout", &format!("{site}{cookie}"), "").await;
            assert_eq!(answer.status, 403, "{answer:?}");
            assert_eq!(
                answer.body,
                r#"{"error":"Forbidden","reason":"cross_origin"}"#
            );
            assert_eq!(answer.header("set-cookie").count(), 0);
        }
    }
    let activity = common::activity(&auth, "POST /logout");
    assert_eq!(activity.denied_for(Denial::CrossOrigin), 6);
    assert_eq!(get(address, "/me", &cookie).await.status, 200);
    let headers = format!("Sec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n");
    is_the_same_as_always(
        &common::post(address, "/logout", &headers, "").await,
        "its own",
    );
}

/// What the switch to enforcing would refuse has to be known before.
#[tokio::test]
async fn mode_observe_counts_whom_a_logout_would_refuse() {
    let layer = builder().mode(Mode::Observe).store(MemoryStore::new());
    let auth = layer.build().unwrap();
    let address = serve(&auth).await;
    let cookie = login(address).await;
    let headers = format!("Sec-Fetch-Site: cross-site\r\nCookie: {cookie}\r\n");
    let answer = common::post(address, "/logout", &headers, "").await;
    is_the_same_as_always(&answer, "observed");
    assert_eq!(get(address, "/me", &cookie).await.status, 401);
    let activity = common::activity(&auth, "POST /logout");
    assert_eq!(activity.observed, [(Denial::CrossOrigin, 1)]);
    assert_eq!(activity.denied, []);
}

#[tokio::test]
async fn the_handler_learns_who_leaves() {
    let clock = FakeClock::new();
    let auth = builder().clock(clock.clock()).build().unwrap();
    let address = serve(&auth).await;
    let headers = format!("Cookie: {}\r\n", login(address).await);
    clock.advance(UNUSED);
    for (headers, who) in [(&*headers, "ada"), ("", "nobody")] {
        let answer = common::post(address, "/who-leaves", headers, "").await;
        assert_eq!(answer.body, who);
    }
}

/// Of several cookies the one issued last counts, also for whose name is written down.
#[tokio::test]
async fn of_several_it_is_who_logged_in_last() {
    let clock = FakeClock::new();
    let auth = builder().clock(clock.clock()).build().unwrap();
    let address = serve(&auth).await;
    let ada = login(address).await;
    clock.advance(DAY / 24);
    let grace = auth.sessions().issue("grace").await.unwrap();
    let grace = grace.set_cookie().to_str().unwrap();
    let grace = grace.split(';').next().unwrap();
    for cookies in [format!("{ada}; {grace}"), format!("{grace}; {ada}")] {
        assert_eq!(get(address, "/me", &cookies).await.body, "grace");
        let headers = format!("Cookie: {cookies}\r\n");
        let answer = common::post(address, "/who-leaves", &headers, "").await;
        assert_eq!(answer.body, "grace");
    }
}

/// On a route of class `session` its class holds.
#[tokio::test]
async fn a_session_route_asks_for_a_session_that_is_live() {
    let clock = FakeClock::new();
    let auth = builder().clock(clock.clock()).build().unwrap();
    let address = serve(&auth).await;
    let headers = format!("Cookie: {}\r\n", login(address).await);
    let answer = common::post(address, "/old-logout", &headers, "").await;
    assert_eq!(
        (answer.status, answer.header("set-cookie").count()),
        (200, 1)
    );
    clock.advance(UNUSED);
    let answer = common::post(address, "/old-logout", &headers, "").await;
    assert_eq!(
        (answer.status, answer.header("set-cookie").count()),
        (401, 0)
    );
}

#[tokio::test]
async fn a_route_that_does_not_say_that_it_sees_sessions_cannot_end_one() {
    let ran = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ran);
    let handler = move |_: EndSession| async move { seen.store(true, Ordering::SeqCst) };
    let routes = Router::new().mount(public(POST, "/logout", "ends it").to(handler));
    let auth = builder().mode(Mode::Enforce).build().unwrap();
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let answer = common::post(address, "/logout", "", "").await;
    assert_eq!((answer.status, ran.load(Ordering::SeqCst)), (500, false));
}

/// A request with both is refused wherever a session is to be used. Told that they are logged out, they are.
#[tokio::test]
async fn a_cookie_beside_a_token_ends_too() {
    let auth = builder()
        .store(MemoryStore::new())
        .bearer_tokens(true)
        .build()
        .unwrap();
    let address = serve(&auth).await;
    let issued = auth.sessions().issue("grace").await.unwrap();
    for token in ["of-another-service", issued.bearer_token()] {
        let cookie = login(address).await;
        let headers = format!("Cookie: {cookie}\r\nAuthorization: Bearer {token}\r\n");
        let answer = common::post(address, "/logout", &headers, "").await;
        is_the_same_as_always(&answer, token);
        assert_eq!(get(address, "/me", &cookie).await.status, 401, "{token}");
    }
    let bearer = format!("Authorization: Bearer {}\r\n", issued.bearer_token());
    let answer = common::request(address, "GET", "/me", &bearer).await;
    assert_eq!(answer.status, 401, "{answer:?}");
}
