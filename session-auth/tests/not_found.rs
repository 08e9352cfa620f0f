//! Where no route is mounted, axum's own 404 and 405 answer, and nothing else does: a middleware that
//! answers there is a route that nobody declared.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use common::{ask, auth, cookie_of, got, protect};
use http::{StatusCode, header};
use session_auth::methods::GET;
use session_auth::{Denial, Keys, Mode, Router, SessionAuthLayer, public, session};

/// What guards around axum's own 404 and 405 count.
const NO_ROUTE: &str = "(no route)";

fn routes() -> Router {
    Router::new()
        .mount(public(GET, "/open", "test").to(|| async { "open" }))
        .mount(session(GET, "/me").to(|| async { "me" }))
}

/// Answers by itself with the status that a header names.
async fn answering(request: Request, next: Next) -> Response {
    let status = request.headers().get("x-status").cloned();
    let Some(status) = status else {
        return next.run(request).await;
    };
    let status: u16 = status.to_str().unwrap().parse().unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::LOCATION, "/elsewhere")], "a secret").into_response()
}

#[tokio::test]
async fn unknown_paths_and_methods_are_no_alarm() {
    let log = common::log();
    let auth = auth();
    let app = protect(&auth, routes()).unwrap();
    for (method, path, status) in [
        ("GET", "/.env", "404"),
        ("GET", "/wp-login.php", "404"),
        ("POST", "/open", "405"),
        ("BREW", "/me", "405"),
        ("OPTIONS", "/me", "405"),
        ("OPTIONS", "*", "404"),
        ("CONNECT", "example.com:443", "404"),
    ] {
        assert_eq!(got(&app, method, path).await, status, "{method} {path}");
    }
    assert_eq!(auth.unclassified(), 0);
    let nowhere = common::activity(&auth, NO_ROUTE);
    assert_eq!((nowhere.passed, nowhere.denied.len()), (0, 0));
    for path in ["/.env", "/wp-login.php"] {
        assert_eq!(log.lines("ERROR", path), [""; 0]);
    }
}

#[tokio::test]
async fn security_what_a_middleware_answers_where_no_route_is_is_denied_counted_and_logged() {
    let log = common::log();
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let app = protect(&auth, routes().layer(from_fn(answering))).unwrap();
    let mut denied = 0;
    for status in [100, 101, 199, 200, 201, 204, 206, 226, 299, 300, 304] {
        for (method, path) in [("GET", "/health"), ("POST", "/open"), ("GET", "/health/x")] {
            // Whoever it is.
            for session in ["", &cookie] {
                let headers = format!("{session}x-status: {status}\r\n");
                let answer = ask(&app, method, path, &headers).await;
                assert_eq!(answer.status, 401, "{status} {method} {path}");
                assert!(
                    !answer.body.contains("a secret"),
                    "{status} {method} {path}"
                );
                assert_eq!(answer.header("location").count(), 0);
                denied += 1;
            }
        }
    }
    assert_eq!(auth.unclassified(), denied);
    let nowhere = common::activity(&auth, NO_ROUTE);
    assert_eq!(nowhere.denied, [(Denial::Missing, denied)]);
    assert_eq!(nowhere.declaration, None);
    let lines = log.lines("ERROR", "a middleware inside the router answers");
    // Twice as many each time: 1, 2, 4, .. 64.
    assert_eq!(lines.len(), 7, "{lines:?}");
    assert!(lines[0].contains("status=100"), "{lines:?}");
    assert!(lines[0].contains("Put it on `Protected`"), "{lines:?}");
}

#[tokio::test]
async fn errors_and_redirects_of_a_middleware_go_out() {
    let auth = auth();
    let app = protect(&auth, routes().layer(from_fn(answering))).unwrap();
    for status in [
        301, 302, 303, 305, 307, 308, 400, 403, 404, 418, 429, 451, 500, 503, 599,
    ] {
        let answer = ask(&app, "GET", "/none", &format!("x-status: {status}\r\n")).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, "a secret"));
    }
    assert_eq!(auth.unclassified(), 0);
}

/// On a route it is the service's own affair what answers, once the guard has let somebody in.
#[tokio::test]
async fn a_middleware_answers_for_routes_that_are_there() {
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let app = protect(&auth, routes().layer(from_fn(answering))).unwrap();
    let answers = async |path: &str, headers: &str| {
        let headers = format!("{headers}x-status: 200\r\n");
        ask(&app, "GET", path, &headers).await.shown()
    };
    assert_eq!(answers("/open", "").await, "a secret");
    assert_eq!(answers("/me", "").await, "401");
    assert_eq!(answers("/me", &cookie).await, "a secret");
}

/// A health check that stands outside of the guards is meant to.
#[tokio::test]
async fn what_answers_on_the_protected_app_is_not_asked() {
    let auth = auth();
    let app = protect(&auth, routes()).unwrap().layer(from_fn(answering));
    let answer = ask(&app, "GET", "/health", "x-status: 200\r\n").await;
    assert_eq!(answer.body, "a secret");
    assert_eq!(auth.unclassified(), 0);
}

#[tokio::test]
async fn observing_lets_such_an_answer_out_and_counts_it() {
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .mode(Mode::Observe)
        .build()
        .unwrap();
    let app = protect(&auth, routes().layer(from_fn(answering))).unwrap();
    let answer = ask(&app, "GET", "/health", "x-status: 200\r\n").await;
    assert_eq!(answer.body, "a secret");
    assert_eq!(auth.unclassified(), 1);
    let nowhere = common::activity(&auth, NO_ROUTE);
    assert_eq!(nowhere.observed, [(Denial::Missing, 1)]);
    assert_eq!(nowhere.passed, 1);
}
