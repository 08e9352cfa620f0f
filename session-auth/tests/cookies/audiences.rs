//! A session is good in the layers of its audience alone, though others have the same keys.

use std::net::SocketAddr;

use session_auth::methods::{GET, POST};
use session_auth::{
    Keys, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, Sessions, public, session,
};

use crate::{builder, common, get, serve};

fn routes() -> Router {
    Router::new()
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move { sessions.issue("7").await }),
        )
        .mount(
            session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() }),
        )
        .mount(
            public(GET, "/maybe", "greets")
                .optional_session()
                .to(|session: Option<Session>| async move { session.is_some().to_string() }),
        )
}

async fn login(address: SocketAddr) -> String {
    common::cookie(&common::post(address, "/login", "", "").await)
}

/// What is good under one name, as whoever has it would write it under another.
fn under(name: &str, cookie: &str) -> String {
    format!("{name}={}", cookie.split_once('=').unwrap().1)
}

const BAD_SIGNATURE: &str = r#"{"error":"Authentication required","reason":"bad_signature"}"#;

#[tokio::test]
async fn a_value_under_the_name_of_another_layer_is_refused() {
    let keys = Keys::new([[7; 32]]).unwrap();
    let of = |name: &str| {
        serve(
            SessionAuthLayer::builder(keys.clone()).cookie_name(name),
            routes(),
        )
    };
    let (customer, staff) = (of("__Host-customer").await, of("__Host-staff").await);
    let cookie = login(customer).await;
    assert_eq!(get(customer, "/me", &cookie).await.body, "7");
    let moved = under("__Host-staff", &cookie);
    let answer = get(staff, "/me", &moved).await;
    assert_eq!((answer.status, answer.body.as_str()), (401, BAD_SIGNATURE));
    assert_eq!(get(staff, "/maybe", &moved).await.body, "false");

    // Also after the ring has turned, with the key that is still in it.
    keys.rotate(&Keys::new([[8; 32], [7; 32]]).unwrap());
    assert_eq!(get(staff, "/me", &moved).await.body, BAD_SIGNATURE);
    let renewed = get(customer, "/me", &cookie).await;
    assert_eq!(renewed.body, "7");
    let renewed = common::cookie(&renewed);
    assert_eq!(get(customer, "/me", &renewed).await.body, "7");
    let moved = under("__Host-staff", &renewed);
    assert_eq!(get(staff, "/me", &moved).await.body, BAD_SIGNATURE);
}

/// Other processes have the same ring from their environment, and not the same object.
#[tokio::test]
async fn an_audience_goes_by_its_name_and_not_by_the_cookies() {
    let of = |name: &str, audience: Option<&str>| {
        let builder = builder().cookie_name(name);
        let builder = match audience {
            Some(audience) => builder.audience(audience),
            None => builder,
        };
        serve(builder, routes())
    };
    let shop = of("__Host-session", Some("shop")).await;
    let cookie = login(shop).await;
    for (name, audience, good) in [
        ("__Host-session", Some("shop"), true),
        ("__Host-other", Some("shop"), true),
        ("__Host-session", Some("blog"), false),
        ("__Host-session", Some("Shop"), false),
        ("__Host-session", Some("shop "), false),
        ("__Host-session", None, false),
    ] {
        let other = of(name, audience).await;
        let status = get(other, "/me", &under(name, &cookie)).await.status;
        assert_eq!(status == 200, good, "{name} {audience:?}: {status}");
    }
}

/// The name over plain http is another, so a cookie that was seen there opens nothing over https.
#[tokio::test]
async fn what_was_issued_over_plain_http_is_refused_elsewhere() {
    let plain = serve(builder().insecure_http(true), routes()).await;
    let secure = serve(builder(), routes()).await;
    let moved = under("__Host-session", &login(plain).await);
    assert_eq!(get(secure, "/me", &moved).await.body, BAD_SIGNATURE);
}

#[test]
fn an_empty_audience_is_refused() {
    let refused = |builder: SessionAuthLayerBuilder| builder.build().unwrap_err().to_string();
    for audience in ["", " "] {
        let error = refused(builder().audience(audience));
        assert!(error.contains("audience: it is empty"), "{error}");
    }
}
