//! Sessions over a real socket: from login to logout, and every way in which a cookie can be bad.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use session_auth::methods::{GET, POST};
use session_auth::{
    Keys, Router, SameSite, Session, SessionAuthLayer, SessionAuthLayerBuilder, Sessions, public,
    session,
};

use crate::common::clock::FakeClock;

#[derive(Serialize, Deserialize)]
struct Claims {
    plan: String,
}

fn routes() -> Router {
    Router::new()
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move {
                    let claims = Claims { plan: "pro".into() };
                    sessions
                        .issue("ada")
                        .scope("admin")
                        .claims(&claims)
                        .await
                        .unwrap()
                }),
        )
        .mount(session(POST, "/logout").to(|sessions: Sessions| async move { sessions.clear() }))
        .mount(session(GET, "/me").to(|session: Session| async move {
            let claims: Claims = session.claims().unwrap();
            Json(format!("{} {}", session.subject(), claims.plan))
        }))
        .mount(session(GET, "/root").scope("root").to(|| async { "root" }))
        .mount(
            session(GET, "/admin")
                .scope("admin")
                .to(|| async { "admin" }),
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

async fn serve(builder: SessionAuthLayerBuilder) -> SocketAddr {
    common::serve(common::protect(&builder.build().unwrap(), routes()).unwrap()).await
}

async fn login(address: SocketAddr) -> String {
    common::cookie(&common::post(address, "/login", "", "").await)
}

async fn get(address: SocketAddr, path: &str, cookie: &str) -> common::Answer {
    common::request(address, "GET", path, &format!("Cookie: {cookie}\r\n")).await
}

#[tokio::test]
async fn from_login_to_logout() {
    let address = serve(builder()).await;
    let answer = common::post(address, "/login", "", "").await;
    let set = answer.header("set-cookie").next().unwrap();
    assert!(set.starts_with("__Host-session="), "{set}");
    for attribute in [
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
        "Max-Age=95040",
    ] {
        assert!(
            set.split("; ").any(|part| part == attribute),
            "{attribute} is not in {set}"
        );
    }

    let cookie = common::cookie(&answer);
    assert_eq!(get(address, "/me", &cookie).await.body, "\"ada pro\"");
    let logout = common::post(address, "/logout", &format!("Cookie: {cookie}\r\n"), "").await;
    assert!(
        logout
            .header("set-cookie")
            .next()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(logout.header("set-cookie").count(), 1);
}

#[tokio::test]
async fn two_logins_are_two_sessions() {
    let address = serve(builder()).await;
    assert_ne!(login(address).await, login(address).await);
}

#[tokio::test]
async fn denials_to_the_byte() {
    let clock = FakeClock::new();
    let address = serve(builder().clock(clock.clock())).await;
    let good = login(address).await;
    let foreign = SessionAuthLayer::builder(Keys::new([[8; 32]]).unwrap())
        .clock(clock.clock())
        .build()
        .unwrap();
    let foreign = foreign.sessions().issue("mallory").await.unwrap();
    let foreign = foreign
        .set_cookie()
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();

    let expect = |answer: &common::Answer, status: u16, body: &str| {
        assert_eq!((answer.status, answer.body.as_str()), (status, body));
        assert_eq!(
            answer.header("cache-control").collect::<Vec<_>>(),
            ["no-store"]
        );
        assert_eq!(
            answer.header("content-type").collect::<Vec<_>>(),
            ["application/json"]
        );
        assert_eq!(
            answer.header("www-authenticate").count(),
            usize::from(status == 401)
        );
        assert_eq!(
            answer.header("set-cookie").count(),
            0,
            "a denial leaves the cookie alone"
        );
    };
    let missing = common::request(address, "GET", "/me", "").await;
    expect(
        &missing,
        401,
        r#"{"error":"Authentication required","reason":"missing"}"#,
    );
    let malformed = get(address, "/me", "__Host-session=x").await;
    expect(
        &malformed,
        401,
        r#"{"error":"Authentication required","reason":"malformed"}"#,
    );
    let bad_signature = get(address, "/me", &foreign).await;
    expect(
        &bad_signature,
        401,
        r#"{"error":"Authentication required","reason":"bad_signature"}"#,
    );
    let scope = get(address, "/root", &good).await;
    expect(&scope, 403, r#"{"error":"Forbidden","reason":"scope"}"#);
    clock.advance(Duration::from_secs(95_040));
    let expired = get(address, "/me", &good).await;
    expect(
        &expired,
        401,
        r#"{"error":"Authentication required","reason":"expired"}"#,
    );
}

#[tokio::test]
async fn bad_cookies_are_refused_and_good_ones_found_among_them() {
    let address = serve(builder()).await;
    let good = login(address).await;
    let name = "__Host-session";
    let many = vec!["x=y"; 500].join("; ");
    let five = vec![format!("{name}=x"); 5].join("; ");
    let ten_kb = "A".repeat(10_000);
    let last_but_three = format!("{name}=x; {name}=x; {name}=x; {good}");
    let after_four = format!("{name}=x; {name}=x; {name}=x; {name}=x; {good}");
    let table = [
        ("one byte", format!("{name}=A"), 401),
        ("no value", format!("{name}="), 401),
        ("10 kB", format!("{name}={ten_kb}"), 401),
        ("500 other cookies", many.clone(), 401),
        (
            "500 other cookies and the session",
            format!("{many}; {good}"),
            200,
        ),
        ("the right name five times", five, 401),
        ("good as the fourth", last_but_three, 200),
        ("good as the fifth", after_four, 401),
        ("junk around it", format!("; ;=; \"; a=b=c; {good} ;;"), 200),
        ("quoted", good.replacen('=', "=\"", 1) + "\"", 200),
        ("an extension", format!("{good}A"), 401),
        ("a truncation", good[..good.len() - 1].to_owned(), 401),
    ];
    for (what, cookie, expected) in table {
        let answer = get(address, "/me", &cookie).await;
        assert_eq!(answer.status, expected, "{what}: {answer:?}");
    }

    // Bytes that are not UTF-8, before the session and as its value.
    for (prefix, suffix, expected) in [
        (&b"x=\xff\xfe; "[..], good.as_str(), 200),
        (b"__Host-session=\xff", "", 401),
    ] {
        let mut bytes = b"GET /me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: ".to_vec();
        bytes.extend_from_slice(prefix);
        bytes.extend_from_slice(suffix.as_bytes());
        bytes.extend_from_slice(b"\r\n\r\n");
        assert_eq!(common::send(address, &bytes).await.status, expected);
    }
}

/// Whatever is wrong with the cookie, nothing of it can break a route that does not need one.
#[tokio::test]
async fn a_public_route_does_not_care_about_the_cookie() {
    let address = serve(builder()).await;
    let good = login(address).await;
    let rotated = serve(SessionAuthLayer::builder(Keys::new([[9; 32]]).unwrap())).await;
    for cookie in [
        "",
        "__Host-session=x",
        "__Host-session=\"",
        &good,
        &"x".repeat(9_000),
    ] {
        let answer = get(rotated, "/open", cookie).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "open"));
        assert_eq!(answer.header("set-cookie").count(), 0);
        assert_eq!(get(rotated, "/maybe", cookie).await.body, "stranger");
    }
    assert_eq!(get(address, "/maybe", &good).await.body, "ada");
    assert_eq!(
        common::request(address, "GET", "/maybe", "").await.body,
        "stranger"
    );
}

#[tokio::test]
async fn use_slides_the_deadline_and_rewrites_the_cookie_once_in_a_tenth() {
    let clock = FakeClock::new();
    let hour = Duration::from_secs(3_600);
    let address = serve(
        builder()
            .clock(clock.clock())
            .idle_timeout(10 * hour)
            .absolute_timeout(25 * hour),
    )
    .await;
    let mut cookie = login(address).await;
    let written = |answer: &common::Answer| answer.header("set-cookie").count();

    clock.advance(Duration::from_secs(3_599));
    assert_eq!(
        written(&get(address, "/me", &cookie).await),
        0,
        "less than a tenth has passed"
    );
    clock.advance(Duration::from_secs(1));
    let answer = get(address, "/me", &cookie).await;
    assert_eq!(written(&answer), 1, "a tenth has passed");
    let old = std::mem::replace(&mut cookie, common::cookie(&answer));
    assert_eq!(
        written(&get(address, "/me", &cookie).await),
        0,
        "it was just written"
    );

    // The new cookie outlives the old one's idle deadline; the old one does not.
    clock.advance(10 * hour);
    assert_eq!(get(address, "/me", &old).await.status, 401);
    let answer = get(address, "/me", &cookie).await;
    assert_eq!((answer.status, written(&answer)), (200, 1));
    cookie = common::cookie(&answer);

    clock.advance(9 * hour);
    cookie = common::cookie(&get(address, "/me", &cookie).await);
    // 20 hours after login. The absolute deadline is at 25 hours, used or not.
    clock.advance(5 * hour - Duration::from_secs(1));
    assert_eq!(get(address, "/me", &cookie).await.status, 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(get(address, "/me", &cookie).await.status, 401);
}

/// Whenever the last use was, and whether or not its answer brought a new cookie.
#[tokio::test]
async fn a_session_lasts_for_the_idle_time_after_its_last_use() {
    let idle = 15 * 60;
    for used in [0, 1, 80, 89, 90, 91, 500, 899, 900] {
        let clock = FakeClock::new();
        let timeout = Duration::from_secs(idle);
        let address = serve(builder().clock(clock.clock()).idle_timeout(timeout)).await;
        let mut cookie = login(address).await;
        clock.advance(Duration::from_secs(used));
        let answer = get(address, "/me", &cookie).await;
        assert_eq!(answer.status, 200, "used at {used} s");
        if answer.header("set-cookie").count() == 1 {
            cookie = common::cookie(&answer);
        }
        clock.advance(Duration::from_secs(idle));
        let answer = get(address, "/me", &cookie).await;
        assert_eq!(answer.status, 200, "used at {used} s");
        // Without that use it would have ended, and without another it does.
        let cookie = common::cookie(&answer);
        clock.advance(Duration::from_secs(idle + idle / 10));
        let answer = get(address, "/me", &cookie).await;
        assert!(answer.body.contains("expired"), "{}", answer.body);
    }
}

/// A page that comes back in the last second asks for many things at once, and some of the answers
/// arrive after the deadline. Whichever cookie the browser ends up with, its user is logged in.
#[tokio::test]
async fn parallel_requests_around_the_deadline_log_nobody_out() {
    let clock = FakeClock::new();
    let idle = Duration::from_secs(1_000);
    let address = serve(builder().clock(clock.clock()).idle_timeout(idle)).await;
    let old = login(address).await;
    // It ends a tenth after its idle time.
    clock.advance(idle + idle / 10 - Duration::from_secs(1));
    let parallel: Vec<_> = (0..16)
        .map(|_| {
            let old = old.clone();
            tokio::spawn(async move { get(address, "/me", &old).await })
        })
        .collect();
    let mut renewed = Vec::new();
    for answer in parallel {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200);
        renewed.push(common::cookie(&answer));
    }
    clock.advance(Duration::from_secs(1));
    // Late, with the old cookie: refused, but the browser keeps what it has been given.
    let late = get(address, "/me", &old).await;
    assert_eq!(late.status, 401);
    assert_eq!(late.header("set-cookie").count(), 0);
    for cookie in renewed {
        assert_eq!(get(address, "/me", &cookie).await.status, 200);
        // With both, as browsers send them after a change of path or domain.
        let both = format!("{old}; {cookie}");
        assert_eq!(get(address, "/me", &both).await.status, 200);
    }
}

/// Login and logout have the last word on the cookie, also when the session would slide.
#[tokio::test]
async fn a_response_that_sets_the_cookie_is_not_overwritten() {
    let clock = FakeClock::new();
    let address = serve(builder().clock(clock.clock())).await;
    let cookie = login(address).await;
    clock.advance(Duration::from_secs(20 * 3_600));
    let logout = common::post(address, "/logout", &format!("Cookie: {cookie}\r\n"), "").await;
    let set: Vec<_> = logout.header("set-cookie").collect();
    assert_eq!(set.len(), 1, "{set:?}");
    assert!(set[0].contains("Max-Age=0"), "{set:?}");
}

#[tokio::test]
async fn extractors_that_the_declaration_does_not_allow_are_a_500() {
    let routes = Router::new()
        .mount(public(GET, "/a", "test").to(|_: Session| async {}))
        .mount(public(GET, "/b", "test").to(|_: Option<Session>| async {}))
        .mount(public(GET, "/c", "test").to(|_: Sessions| async {}))
        .mount(
            public(GET, "/d", "test")
                .issues_session()
                .to(|_: Option<Session>| async {}),
        )
        .mount(
            public(GET, "/e", "test")
                .optional_session()
                .to(|_: Sessions| async {}),
        )
        .mount(
            public(GET, "/f", "test")
                .optional_session()
                .to(|_: Session| async {}),
        )
        .mount(
            public(GET, "/g", "test")
                .optional_session()
                .issues_session()
                .to(|_: Option<Session>, _: Sessions| async {}),
        );
    let address =
        common::serve(common::protect(&builder().build().unwrap(), routes).unwrap()).await;
    for path in ["/a", "/b", "/c", "/d", "/e", "/f"] {
        let answer = common::request(address, "GET", path, "").await;
        assert_eq!(answer.status, 500, "{path}");
        assert_eq!(answer.body, r#"{"error":"Internal server error"}"#);
    }
    assert_eq!(common::request(address, "GET", "/g", "").await.status, 200);
}

#[tokio::test]
async fn the_cookie_can_be_named_and_kept_from_other_sites() {
    let address = serve(
        builder()
            .cookie_name("__Secure-sid")
            .same_site(SameSite::Strict),
    )
    .await;
    let answer = common::post(address, "/login", "", "").await;
    let set = answer.header("set-cookie").next().unwrap();
    assert!(
        set.starts_with("__Secure-sid=") && set.contains("SameSite=Strict"),
        "{set}"
    );
    assert_eq!(
        get(address, "/me", &common::cookie(&answer)).await.status,
        200
    );
}

#[tokio::test]
async fn what_cannot_be_issued_is_an_error_that_says_why() {
    let layer = builder().build().unwrap();
    let sessions = layer.sessions();
    let text = |result: Result<_, session_auth::IssueError>| {
        let _: &session_auth::IssuedSession = match &result {
            Ok(issued) => issued,
            Err(error) => return error.to_string(),
        };
        String::new()
    };
    let long = "s".repeat(1_025);
    let claims = "c".repeat(4_000);
    assert!(text(sessions.issue("").await).contains("has 0 bytes"));
    assert!(text(sessions.issue(long).await).contains("1025 bytes; it takes 1 to 1024"));
    assert!(text(sessions.issue("a\0b").await).contains("control character"));
    assert!(text(sessions.issue("a").scope("").await).contains("a scope of a session has 0 bytes"));
    let too_large = sessions.issue("a").claims(&claims).await.unwrap_err();
    assert!(too_large.is_too_large());
    assert!(
        too_large.to_string().contains("put less into its claims"),
        "{too_large}"
    );
    let unserializable = std::collections::HashMap::from([((1, 2), 3)]);
    assert!(text(sessions.issue("a").claims(&unserializable).await).contains("written as JSON"));

    let before_1970 = builder()
        .clock(|| UNIX_EPOCH - Duration::from_secs(1))
        .build()
        .unwrap();
    let error = before_1970.sessions().issue("a").await.unwrap_err();
    assert!(error.to_string().contains("stands before 1970"), "{error}");
}

/// Browsers count the name too.
#[tokio::test]
async fn name_and_value_together_are_at_most_4096_bytes() {
    let sessions = builder().build().unwrap().sessions();
    let mut largest = 0;
    let mut refused = 0;
    for len in 2_900..3_000 {
        match sessions.issue("a").claims(&"c".repeat(len)).await {
            Ok(issued) => {
                let set = issued.set_cookie().to_str().unwrap();
                largest = largest.max(set.split(';').next().unwrap().len());
            }
            Err(error) => {
                assert!(error.is_too_large(), "{error}");
                refused += 1;
            }
        }
    }
    assert!((4_090..=4_096).contains(&largest), "{largest}");
    assert!(refused > 0);
}

#[tokio::test]
async fn a_clock_before_1970_breaks_no_public_route() {
    let good = login(serve(builder()).await).await;
    let address = serve(builder().clock(|| UNIX_EPOCH - Duration::from_secs(1))).await;
    assert_eq!(get(address, "/open", &good).await.status, 200);
    assert_eq!(get(address, "/maybe", &good).await.body, "stranger");
    assert_eq!(get(address, "/me", &good).await.status, 401);
}

#[tokio::test]
async fn claims_of_another_type_do_not_end_the_session() {
    let layer = builder().build().unwrap();
    let with_claims = layer.sessions().issue("ada").claims(&1).await.unwrap();
    let without = layer.sessions().issue("ada").await.unwrap();
    let routes = Router::new().mount(session(GET, "/claims").to(|session: Session| async move {
        match session.claims::<Claims>() {
            Ok(_) => "good".into_response(),
            Err(error) => format!("{} {error}", error.is_absent()).into_response(),
        }
    }));
    let address = common::serve(common::protect(&layer, routes).unwrap()).await;
    let read = async |issued: session_auth::IssuedSession| {
        let cookie = issued
            .set_cookie()
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        get(address, "/claims", &cookie).await.body
    };
    assert!(
        read(with_claims)
            .await
            .starts_with("false the claims of the session are of another")
    );
    assert_eq!(
        read(without).await,
        "true the session was issued without claims"
    );
}

/// Secrets stay out of `Debug`.
#[tokio::test]
async fn debug_shows_no_secret() {
    let layer = builder().build().unwrap();
    let issued = layer.sessions().issue("ada").await.unwrap();
    let value = issued.set_cookie().to_str().unwrap();
    let value = value.split_once('=').unwrap().1.split(';').next().unwrap();
    for debug in [
        format!("{layer:?}"),
        format!("{issued:?}"),
        format!("{:?}", layer.sessions()),
        format!("{:?}", builder()),
    ] {
        assert!(
            !debug.contains(value) && !debug.contains("070707"),
            "{debug}"
        );
        assert!(!debug.contains("7, 7, 7"), "{debug}");
    }
}

/// A change of privilege does not make a session live longer.
#[tokio::test]
async fn renewing_keeps_the_absolute_deadline_and_what_the_session_says() {
    let clock = FakeClock::new();
    let auth = builder()
        .clock(clock.clock())
        .absolute_timeout(Duration::from_secs(30 * 60 * 60))
        .build()
        .unwrap();
    let routes = routes().mount(session(POST, "/sudo").to(
        |sessions: Sessions, session: Session| async move {
            sessions.renew(&session).scope("root").await
        },
    ));
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let before = login(address).await;
    clock.advance(Duration::from_secs(20 * 60 * 60));
    let headers = format!("Cookie: {before}\r\n");
    let answer = common::post(address, "/sudo", &headers, "").await;
    let after = common::cookie(&answer);
    assert_ne!(before, after);
    assert!(answer.head.contains("Max-Age=36000"), "{}", answer.head);
    assert_eq!(get(address, "/root", &after).await.status, 200);
    assert_eq!(get(address, "/admin", &after).await.status, 200);
    assert_eq!(get(address, "/me", &after).await.body, "\"ada pro\"");
    clock.advance(Duration::from_secs(10 * 60 * 60));
    let answer = get(address, "/me", &after).await;
    assert!(answer.body.contains("expired"), "{}", answer.body);
}

/// Sealed claims look to a handler like any other, and survive a renewal.
#[cfg(feature = "encrypt")]
#[tokio::test]
async fn sealed_claims_are_read_by_the_service_alone() {
    let routes = Router::new()
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move {
                    let claims = Claims { plan: "pro".into() };
                    sessions.issue("ada").sealed_claims(&claims).await
                }),
        )
        .mount(
            session(POST, "/sudo").to(|sessions: Sessions, session: Session| async move {
                sessions.renew(&session).scope("admin").await
            }),
        )
        .mount(
            session(GET, "/plan")
                .to(|session: Session| async move { session.claims::<Claims>().unwrap().plan }),
        );
    let auth = builder().build().unwrap();
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let cookie = login(address).await;
    assert_eq!(get(address, "/plan", &cookie).await.body, "pro");
    let headers = format!("Cookie: {cookie}\r\n");
    let renewed = common::cookie(&common::post(address, "/sudo", &headers, "").await);
    assert_eq!(get(address, "/plan", &renewed).await.body, "pro");
    for cookie in [cookie, renewed] {
        let value = cookie.split_once('=').unwrap().1;
        let bytes =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, value);
        assert!(!String::from_utf8_lossy(&bytes.unwrap()).contains("plan"));
    }
}
