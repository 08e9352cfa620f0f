//! What a browser gets and what a program gets, over a real socket: redirects to the login page,
//! requests from other origins, plain http.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;

use axum::extract::Query;
use session_auth::methods::{GET, POST};
use session_auth::{
    Keys, LocalPath, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, Sessions, public,
    session,
};

#[derive(serde::Deserialize)]
struct Next {
    next: Option<LocalPath>,
}

fn routes() -> Router {
    Router::new()
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move { sessions.issue("ada").await }),
        )
        .mount(
            public(GET, "/login", "the form").to(|Query(query): Query<Next>| async move {
                query
                    .next
                    .map_or("no next".to_owned(), |next| format!("next is {next}"))
            }),
        )
        .mount(
            session(GET | POST, "/page")
                .to(|session: Session| async move { session.subject().to_owned() }),
        )
        .mount(session(GET, "/{*rest}").to(|| async { "rest" }))
        .mount(public(POST, "/open", "a form that stands on other sites").to(|| async { "open" }))
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::new([[7; 32]]).unwrap())
}

async fn serve(builder: SessionAuthLayerBuilder) -> SocketAddr {
    common::serve(common::protect(&builder.build().unwrap(), routes()).unwrap()).await
}

const NAVIGATION: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n\
                          Sec-Fetch-Mode: navigate\r\n";

#[tokio::test]
async fn a_person_is_sent_to_the_login_page_and_back() {
    let address = serve(builder().login_path("/login")).await;
    let answer = common::request(address, "GET", "/page?a=1&b=%C3%A4+c", NAVIGATION).await;
    assert_eq!(answer.status, 303);
    let location = answer.header("location").next().unwrap().to_owned();
    assert_eq!(location, "/login?next=/page%3Fa%3D1%26b%3D%25C3%25A4%2Bc");
    assert_eq!(answer.header("cache-control").next(), Some("no-store"));
    assert_eq!(answer.body, "");
    // What the login page reads is what was asked for.
    let login = common::request(address, "GET", &location, NAVIGATION).await;
    assert_eq!(login.body, "next is /page?a=1&b=%C3%A4+c");

    // After a form there is no page to go back to.
    let answer = common::post(address, "/page", NAVIGATION, "").await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location").next(), Some("/login"));
}

/// A login page that needs a session, by mistake: no browser is sent round in circles.
#[tokio::test]
async fn the_login_page_does_not_lead_to_itself() {
    let address = serve(builder().login_path("/page")).await;
    let answer = common::request(address, "GET", "/page?next=/x", NAVIGATION).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_program_gets_a_401() {
    let address = serve(builder().login_path("/login")).await;
    for headers in [
        "",
        "Accept: */*\r\n",
        "Accept: application/json\r\n",
        "Accept: text/html\r\nSec-Fetch-Mode: cors\r\n",
        "Accept: text/html\r\nSec-Fetch-Mode: same-origin\r\n",
        "Accept: text/html\r\nHX-Request: true\r\n",
        "Accept: text/html\r\nX-Requested-With: XMLHttpRequest\r\n",
        "Sec-Fetch-Mode: navigate\r\n",
    ] {
        let answer = common::request(address, "GET", "/page", headers).await;
        assert_eq!(answer.status, 401, "{headers:?}");
        assert!(answer.body.contains(r#""reason":"missing""#), "{headers:?}");
    }
    // Nor does anyone where no login page is known.
    let address = serve(builder()).await;
    assert_eq!(
        common::request(address, "GET", "/page", NAVIGATION)
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn next_never_leaves_the_site() {
    let address = serve(builder().login_path("/login")).await;
    // Paths that a browser, told to go there, would take for another host.
    for target in [
        "//evil.example/x",
        "/\\evil.example",
        "//evil.example",
        "/\\/evil.example",
    ] {
        let answer = common::request(address, "GET", target, NAVIGATION).await;
        if answer.status == 303 {
            assert_eq!(answer.header("location").next(), Some("/login"), "{target}");
        } else {
            assert!(
                [400, 404].contains(&answer.status),
                "{target}: {}",
                answer.status
            );
        }
    }
    // What someone else has put into a link to the login page.
    for next in [
        "//evil.example",
        "%2F%2Fevil.example",
        "/%5Cevil.example",
        "\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "%09//evil.example",
        "/%09/evil.example",
        "/%0A/evil.example",
        "%20//evil.example",
        "evil.example",
        "%E2%80%8B//evil.example",
        "",
    ] {
        let target = format!("/login?next={next}");
        let answer = common::request(address, "GET", &target, "").await;
        assert_eq!(answer.status, 400, "{next}: {}", answer.body);
    }
    let answer = common::request(address, "GET", "/login?next=/%2F/evil", "").await;
    assert_eq!(answer.status, 400, "{}", answer.body);
}

#[tokio::test]
async fn a_session_is_of_no_use_to_a_page_of_another_origin() {
    let address = serve(builder().trusted_origin("https://admin.example.com")).await;
    let cookie = common::cookie(&common::post(address, "/login", "", "").await);
    let post = async |path: &str, headers: &str| {
        let headers = format!("Cookie: {cookie}\r\n{headers}");
        common::post(address, path, &headers, "").await
    };
    for headers in [
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\nOrigin: http://other.localhost\r\n",
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
    ] {
        let answer = post("/page", headers).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        assert_eq!(
            answer.body,
            r#"{"error":"Forbidden","reason":"cross_origin"}"#
        );
        assert_eq!(
            post("/open", headers).await.body,
            "open",
            "by class: {headers:?}"
        );
    }
    for headers in [
        "",
        "Sec-Fetch-Site: same-origin\r\n",
        "Origin: http://localhost\r\n",
        "Sec-Fetch-Site: same-site\r\nOrigin: https://admin.example.com\r\n",
    ] {
        assert_eq!(post("/page", headers).await.body, "ada", "{headers:?}");
    }
}

#[tokio::test]
async fn plain_http_has_a_cookie_of_its_own() {
    let address = serve(builder().insecure_http(true)).await;
    let answer = common::post(address, "/login", "", "").await;
    let set = answer.header("set-cookie").next().unwrap();
    assert!(set.starts_with("session="), "{set}");
    assert!(!set.contains("Secure"), "{set}");
    let headers = format!("Cookie: {}\r\n", common::cookie(&answer));
    let answer = common::request(address, "GET", "/page", &headers).await;
    assert_eq!(answer.body, "ada");
}

#[test]
fn settings_that_cannot_be_are_all_named() {
    let error = builder()
        .trusted_origin("example.com/path")
        .login_path("//evil.example")
        .cookie_name("__Host-x")
        .insecure_http(true)
        .build()
        .unwrap_err();
    let text = error.to_string();
    for part in [
        "trusted_origin: invalid origin \"example.com/path\"",
        "login_path: not a path on this site",
        "cookie_name: with insecure_http, browsers refuse a cookie named \"__Host-x\"",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(builder().login_path("/login?x=1").build().is_err());
}
