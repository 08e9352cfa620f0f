//! How long a session lasts, where the login says so.

use std::net::SocketAddr;
use std::time::Duration;

use session_auth::methods::{GET, POST};
use session_auth::store::MemoryStore;
use session_auth::{
    IssueSession, Router, Session, SessionAuthLayerBuilder, Sessions, public, session,
};

use crate::common::{self, Answer};
use crate::{DAY, FakeClock, HOUR, builder, get, serve};

type Terms = fn(IssueSession) -> IssueSession;

fn routes(terms: Terms) -> Router {
    Router::new()
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(move |sessions: Sessions| async move { terms(sessions.issue("ada")).await }),
        )
        .mount(
            session(POST, "/sudo").to(|sessions: Sessions, session: Session| async move {
                sessions.renew(&session).scope("root").await
            }),
        )
        .mount(
            session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() }),
        )
}

/// What a layer is like where nobody says more: an hour of idle time, ten in all.
fn layer(clock: &FakeClock) -> SessionAuthLayerBuilder {
    builder()
        .clock(clock.clock())
        .idle_timeout(HOUR)
        .absolute_timeout(10 * HOUR)
}

async fn login(address: SocketAddr) -> (String, Option<u64>) {
    let answer = common::post(address, "/login", "", "").await;
    (common::cookie(&answer), max_age(&answer))
}

fn max_age(answer: &Answer) -> Option<u64> {
    let set = answer.header("set-cookie").next().unwrap();
    assert!(!set.contains("Expires"), "{set}");
    set.split("; ")
        .find_map(|part| part.strip_prefix("Max-Age="))
        .map(|seconds| seconds.parse().unwrap())
}

#[tokio::test]
async fn a_remembered_login_lasts_as_long_as_it_says_used_or_not() {
    for with_store in [false, true] {
        let clock = FakeClock::new();
        let mut layer = layer(&clock);
        if with_store {
            layer = layer.store(MemoryStore::new());
        }
        let address = serve(layer, routes(|login| login.lifetime(30 * DAY))).await;
        let (cookie, kept) = login(address).await;
        assert_eq!(kept, Some(30 * DAY.as_secs()));
        clock.advance(20 * DAY);
        let answer = get(address, "/me", &cookie).await;
        assert_eq!(answer.body, "ada");
        assert_eq!(answer.header("set-cookie").count(), 0, "nothing slides");

        // A second factor changes its id and nothing of its time.
        let headers = format!("Cookie: {cookie}\r\n");
        let renewed = common::post(address, "/sudo", &headers, "").await;
        assert_eq!(max_age(&renewed), Some(10 * DAY.as_secs()));
        let renewed = common::cookie(&renewed);
        clock.advance(10 * DAY - Duration::from_secs(1));
        assert_eq!(get(address, "/me", &renewed).await.body, "ada");
        clock.advance(Duration::from_secs(1));
        for cookie in [&cookie, &renewed] {
            let answer = get(address, "/me", cookie).await;
            assert!(answer.body.contains("expired"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_short_login_ends_though_it_is_used() {
    let clock = FakeClock::new();
    let address = serve(
        layer(&clock),
        routes(|login| login.lifetime(Duration::from_secs(600))),
    )
    .await;
    let (cookie, kept) = login(address).await;
    assert_eq!(kept, Some(600));
    for _ in 0..5 {
        clock.advance(Duration::from_secs(100));
        let answer = get(address, "/me", &cookie).await;
        assert_eq!(
            (answer.status, answer.header("set-cookie").count()),
            (200, 0)
        );
    }
    clock.advance(Duration::from_secs(100));
    assert_eq!(get(address, "/me", &cookie).await.status, 401);
}

/// Of two sessions of one layer each slides by its own idle timeout.
#[tokio::test]
async fn a_login_with_an_idle_timeout_of_its_own_slides_by_that() {
    let clock = FakeClock::new();
    for terms in [
        (|login| login.lifetime(100 * DAY).idle_timeout(10 * DAY)) as Terms,
        // In either order.
        |login| login.idle_timeout(10 * DAY).lifetime(100 * DAY),
    ] {
        let address = serve(layer(&clock), routes(terms)).await;
        let (mut cookie, kept) = login(address).await;
        assert_eq!(kept, Some(11 * DAY.as_secs()));
        let first = cookie.clone();
        for _ in 0..3 {
            clock.advance(8 * DAY);
            let answer = get(address, "/me", &cookie).await;
            assert_eq!(answer.status, 200);
            cookie = common::cookie(&answer);
            let kept = max_age(&answer).unwrap();
            assert!(kept >= 10 * DAY.as_secs(), "{kept}");
            // Not at each request: an hour is a tenth of the layer's time, and not of its own.
            clock.advance(HOUR);
            let answer = get(address, "/me", &cookie).await;
            assert_eq!(answer.header("set-cookie").count(), 0);
        }
        assert_eq!(get(address, "/me", &first).await.status, 401);
        clock.advance(12 * DAY);
        assert_eq!(get(address, "/me", &cookie).await.status, 401);
    }
}

#[tokio::test]
async fn a_session_of_the_browser_is_written_without_a_time_and_ends_by_its_deadlines_all_the_same()
{
    let clock = FakeClock::new();
    let address = serve(layer(&clock), routes(IssueSession::browser_session)).await;
    let (mut cookie, kept) = login(address).await;
    assert_eq!(kept, None);
    for step in 0..2 {
        clock.advance(HOUR / 2);
        let answer = match step {
            0 => get(address, "/me", &cookie).await,
            _ => {
                let headers = format!("Cookie: {cookie}\r\n");
                common::post(address, "/sudo", &headers, "").await
            }
        };
        assert_eq!(answer.status, 200);
        assert_eq!(
            max_age(&answer),
            None,
            "neither when it slides nor when it is renewed"
        );
        cookie = common::cookie(&answer);
    }
    clock.advance(2 * HOUR);
    assert_eq!(get(address, "/me", &cookie).await.status, 401);
}

#[tokio::test]
async fn a_time_that_leaves_nothing_is_an_error() {
    let clock = FakeClock::new();
    let auth = layer(&clock).build().unwrap();
    let sessions = auth.sessions();
    let nothing: [Terms; 3] = [
        |login| login.lifetime(Duration::ZERO),
        |login| login.lifetime(Duration::from_millis(999)),
        |login| login.idle_timeout(Duration::ZERO),
    ];
    for terms in nothing {
        let error = terms(sessions.issue("ada")).await.unwrap_err();
        assert!(error.to_string().contains("over at once"), "{error}");
    }
    // More than there is time is as good as for ever.
    let issued = sessions.issue("ada").lifetime(Duration::MAX).await;
    assert!(issued.is_ok());
}

/// A second factor may take its time. Nobody has made a mistake: the answer is the one of a moment later.
#[tokio::test]
async fn a_session_that_ends_before_it_is_renewed_is_over() {
    let clock = FakeClock::new();
    let auth = layer(&clock).build().unwrap();
    let slow = clock.clone();
    let renew = async move |sessions: Sessions, session: Session| {
        slow.advance(HOUR / 2);
        let renewed = sessions.renew(&session).await;
        assert!(renewed.as_ref().unwrap_err().is_revoked());
        renewed
    };
    let routes = Router::new().mount(session(POST, "/sudo").to(renew));
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let issued = auth.sessions().issue("ada").lifetime(HOUR / 2).await;
    let set = issued.unwrap().set_cookie().to_str().unwrap().to_owned();
    let headers = format!("Cookie: {}\r\n", set.split(';').next().unwrap());
    let answer = common::post(address, "/sudo", &headers, "").await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.body.contains("\"expired\""), "{answer:?}");
}

/// A renewed session may get another time; it is counted from the login.
#[tokio::test]
async fn the_time_of_a_renewed_session_counts_from_the_login() {
    let clock = FakeClock::new();
    let auth = layer(&clock).build().unwrap();
    let routes = Router::new()
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move { sessions.issue("ada").lifetime(DAY).await }),
        )
        .mount(
            session(POST, "/longer").to(|sessions: Sessions, session: Session| async move {
                sessions.renew(&session).lifetime(3 * DAY).await
            }),
        )
        .mount(
            session(POST, "/shorter").to(|sessions: Sessions, session: Session| async move {
                let error = sessions.renew(&session).lifetime(HOUR).await;
                error.unwrap_err().to_string()
            }),
        );
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let (cookie, _) = login(address).await;
    clock.advance(2 * HOUR);
    let headers = format!("Cookie: {cookie}\r\n");
    let longer = common::post(address, "/longer", &headers, "").await;
    assert_eq!(max_age(&longer), Some((3 * DAY - 2 * HOUR).as_secs()));
    let shorter = common::post(address, "/shorter", &headers, "").await;
    assert!(shorter.body.contains("over at once"), "{}", shorter.body);
}
