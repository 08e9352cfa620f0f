//! Several cookies of the name in one request: browsers keep one for each path, domain and partition.

use std::net::SocketAddr;

use axum::extract::Path;
use session_auth::methods::{GET, POST};
use session_auth::store::MemoryStore;
use session_auth::{
    EndSession, Router, SameSite, Session, SessionAuthLayerBuilder, Sessions, public, session,
};

use crate::common;
use crate::{DAY, FakeClock, builder, get, serve};

fn routes() -> Router {
    Router::new()
        .mount(
            public(POST, "/login/{who}", "creates the session")
                .issues_session()
                .to(|sessions: Sessions, Path(who): Path<String>| async move {
                    match who.strip_prefix("root-") {
                        Some(who) => sessions.issue(who).scope("root").await,
                        None => sessions.issue(who).await,
                    }
                }),
        )
        .mount(
            public(POST, "/logout", "ends the session")
                .optional_session()
                .to(|session: EndSession| async move { session.await }),
        )
        .mount(public(GET, "/maybe", "greets").optional_session().to(
            |session: Option<Session>| async move {
                session.map_or("nobody".to_owned(), |it| it.subject().to_owned())
            },
        ))
        .mount(
            session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() }),
        )
        .mount(
            session(GET, "/root")
                .scope("root")
                .to(|session: Session| async move { session.subject().to_owned() }),
        )
}

async fn login(address: SocketAddr, who: &str) -> String {
    common::cookie(&common::post(address, &format!("/login/{who}"), "", "").await)
}

async fn log_out(address: SocketAddr, cookie: &str) -> common::Answer {
    common::post(address, "/logout", &format!("Cookie: {cookie}\r\n"), "").await
}

fn with_a_store() -> SessionAuthLayerBuilder {
    builder().store(MemoryStore::new())
}

/// One that was revoked is as bad as one that is expired or forged, and no worse.
#[tokio::test]
async fn a_revoked_cookie_beside_a_good_one_locks_nobody_out() {
    let clock = FakeClock::new();
    let address = serve(with_a_store().clock(clock.clock()), routes()).await;
    let good = login(address, "root-ada").await;
    // Issued later: by itself it would count.
    clock.advance(DAY / 24);
    let mut revoked = Vec::new();
    for who in ["grace", "root-grace"] {
        let cookie = login(address, who).await;
        assert_eq!(log_out(address, &cookie).await.status, 200);
        revoked.push(cookie);
    }
    let (one, other) = (&revoked[0], &revoked[1]);
    for cookies in [
        format!("{one}; {good}"),
        format!("{good}; {one}"),
        format!("{one}; {other}; {good}"),
        format!("{other}; {good}; {one}"),
    ] {
        for path in ["/me", "/maybe"] {
            let answer = get(address, path, &cookies).await;
            assert_eq!((answer.status, &*answer.body), (200, "ada"), "{path}");
        }
    }
    let both = format!("{one}; {other}");
    assert_eq!(get(address, "/maybe", &both).await.body, "nobody");
    let answer = get(address, "/me", &both).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.body.contains("\"revoked\""), "{answer:?}");
    // What the good one may not do stays refused, for the reason that it has.
    let plain = login(address, "ada").await;
    let answer = get(address, "/root", &format!("{other}; {plain}")).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.body.contains("\"scope\""), "{answer:?}");
}

/// The cookie of before is in another jar of the browser, and is sent in front: it was made first (RFC 6265,
/// section 5.4).
#[tokio::test]
async fn after_a_change_of_same_site_a_login_counts_and_a_logout_ends_both() {
    for with_store in [false, true] {
        let store = std::sync::Arc::new(MemoryStore::new());
        let layer = || match with_store {
            true => builder().store(std::sync::Arc::clone(&store)),
            false => builder(),
        };
        let before = serve(layer(), routes()).await;
        let now = serve(layer().same_site(SameSite::None), routes()).await;
        let (old, new) = (login(before, "ada").await, login(now, "grace").await);
        let both = format!("{old}; {new}");
        assert_eq!(get(now, "/me", &both).await.body, "grace");
        let answer = log_out(now, &both).await;
        let set: Vec<_> = answer.header("set-cookie").collect();
        let partitioned = set.iter().map(|it| it.contains("; Partitioned"));
        assert_eq!(partitioned.collect::<Vec<_>>(), [true, false], "{set:?}");
        assert!(set.iter().all(|it| it.contains("Max-Age=0")), "{set:?}");
        for cookie in [&old, &new] {
            let status = get(now, "/me", cookie).await.status;
            assert_eq!(status, if with_store { 401 } else { 200 });
        }
    }
}
