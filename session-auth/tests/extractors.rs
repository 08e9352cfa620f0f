//! Extractors where the declaration does not allow them: a 500, and a line at ERROR that names the
//! handler and the missing word. Where it allows them they are there.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use axum::Json;
use common::{ask, cookie_of, protect};
use session_auth::webhook::{Bearer, Delivery};
use session_auth::{
    ExtractorMisuse, Keys, Router, Session, SessionAuthLayer, Sessions, audited_router,
    public_route, session_route, webhook_route,
};
use tower::ServiceExt;

#[public_route(GET, "/public/session", reason = "test")]
async fn public_session(_: Session) {}

#[public_route(GET, "/public/optional", reason = "test")]
async fn public_optional(_: Option<Session>) {}

#[public_route(GET, "/public/sessions", reason = "test", optional_session)]
async fn public_sessions(_: Option<Session>, _: Sessions) {}

#[public_route(GET, "/issuing/optional", reason = "test", issues_session)]
async fn issuing_optional(_: Sessions, _: Option<Session>) {}

#[public_route(GET, "/public/delivery", reason = "test", issues_session)]
async fn public_delivery(_: Delivery) {}

#[session_route(GET, "/session/delivery")]
async fn session_delivery(_: Delivery) {}

#[webhook_route(GET, "/hook/session", verify = "sender")]
async fn hook_session(_: Session) {}

#[webhook_route(GET, "/hook/sessions", verify = "sender")]
async fn hook_sessions(_: Sessions) {}

#[webhook_route(GET, "/self/delivery", verify = "handler", reason = "test")]
async fn self_delivery(_: Delivery) {}

#[public_route(GET, "/ok/optional", reason = "test", optional_session)]
async fn ok_optional(session: Option<Session>) -> Json<Option<String>> {
    Json(session.map(|session| session.subject().to_owned()))
}

#[public_route(GET, "/ok/both", reason = "test", optional_session, issues_session)]
async fn ok_both(_: Sessions, session: Option<Session>) -> Json<bool> {
    Json(session.is_some())
}

#[session_route(GET, "/ok/session")]
async fn ok_session(session: Session, again: Option<Session>, _: Sessions) -> Json<bool> {
    Json(again.is_some_and(|again| again.id() == session.id()))
}

#[webhook_route(GET, "/ok/delivery", verify = "sender")]
async fn ok_delivery(delivery: Delivery) -> Json<bool> {
    Json(delivery.id.is_none())
}

#[audited_router]
fn routes() -> Router {
    Router::new()
        .mount(public_session)
        .mount(public_optional)
        .mount(public_sessions)
        .mount(issuing_optional)
        .mount(public_delivery)
        .mount(session_delivery)
        .mount(hook_session)
        .mount(hook_sessions)
        .mount(self_delivery)
        .mount(ok_optional)
        .mount(ok_both)
        .mount(ok_session)
        .mount(ok_delivery)
}

fn auth() -> SessionAuthLayer {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("sender", Bearer::new("secret"))
        .build()
        .unwrap()
}

#[tokio::test]
async fn what_is_not_declared_is_a_500_that_names_the_missing_word() {
    let log = common::log();
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let headers = format!("{cookie}Authorization: Bearer secret\r\n");
    let app = auth.protect(routes()).unwrap();
    for (path, words) in [
        (
            "/public/session",
            "extractors::public_session takes `Session`, but lacks the class `session` (or \
             `optional_session`, with `Option<Session>`)",
        ),
        (
            "/public/optional",
            "extractors::public_optional takes `Option<Session>`, but lacks `optional_session`",
        ),
        (
            "/public/sessions",
            "extractors::public_sessions takes `Sessions`, but lacks `issues_session`",
        ),
        (
            "/issuing/optional",
            "extractors::issuing_optional takes `Option<Session>`, but lacks `optional_session`",
        ),
        (
            "/public/delivery",
            "extractors::public_delivery takes `Delivery`, but lacks the class `webhook`",
        ),
        (
            "/session/delivery",
            "extractors::session_delivery takes `Delivery`, but lacks the class `webhook`",
        ),
        (
            "/hook/session",
            "extractors::hook_session takes `Session`, but lacks the class `session` (a webhook \
             has no session)",
        ),
        (
            "/hook/sessions",
            "extractors::hook_sessions takes `Sessions`, but lacks the class `session` (a webhook \
             has no session)",
        ),
        (
            "/self/delivery",
            "extractors::self_delivery takes `Delivery`, but lacks a verifier (its handler is its \
             own)",
        ),
    ] {
        let answer = ask(&app, "GET", path, &headers).await;
        assert_eq!(answer.status, 500, "{path}");
        assert_eq!(
            answer.body, r#"{"error":"Internal server error"}"#,
            "{path}"
        );
        let line = format!("GET \"{path}\": {words}");
        // Other tests of this program ask the same route.
        assert!(
            !log.lines("ERROR", &line).is_empty(),
            "{line}: {}",
            log.text()
        );
    }
    for (path, body) in [
        ("/ok/optional", "\"ada\""),
        ("/ok/both", "true"),
        ("/ok/session", "true"),
        ("/ok/delivery", "true"),
    ] {
        let answer = ask(&app, "GET", path, &headers).await;
        assert_eq!(answer.shown(), body, "{path}");
    }
    assert_eq!(ask(&app, "GET", "/ok/optional", "").await.body, "null");
    let garbage = "Cookie: __Host-session=garbage\r\n";
    assert_eq!(ask(&app, "GET", "/ok/optional", garbage).await.body, "null");
}

/// What is wrong is in the answer's extensions, for outer layers and tests.
#[tokio::test]
async fn a_misuse_is_in_the_extensions_of_the_answer() {
    let app = protect(&auth(), Router::from(routes())).unwrap();
    let request = http::Request::get("/public/session")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    let misuse = response.extensions().get::<ExtractorMisuse>().unwrap();
    assert!(misuse.to_string().starts_with("GET \"/public/session\": "));
}

/// Without a guard there is nothing to extract, and no session is made up.
#[tokio::test]
async fn without_a_guard_there_is_no_session() {
    let log = common::log();
    let app = axum::Router::new().route(
        "/unguarded",
        axum::routing::get(|_: Session| async {}).post(|_: Option<Session>| async {}),
    );
    assert_eq!(ask(&app, "GET", "/unguarded", "").await.status, 500);
    assert_eq!(ask(&app, "POST", "/unguarded", "").await.status, 500);
    let line = "GET \"/unguarded\": its handler takes `Session`, but lacks the class `session`, or a \
                guard around its router";
    assert_eq!(log.lines("ERROR", line).len(), 1, "{}", log.text());
}
