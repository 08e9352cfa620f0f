//! `audit::probe` sees what a stranger would.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use axum::routing::{get, post};
use http::StatusCode;
use session_auth::methods::{ANY, GET, POST};
use session_auth::webhook::Bearer;
use session_auth::{
    Denial, Keys, Router, Session, SessionAuthLayer, Sessions, audit, public, public_route,
    session, session_route, webhook, webhook_route,
};

fn auth() -> SessionAuthLayer {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("waf", Bearer::new("token"))
        .build()
        .unwrap()
}

#[tokio::test]
async fn an_app_that_keeps_its_classes_passes() {
    let app = Router::new()
        .mount(public(GET | POST, "/open/{id}", "test").to(|| async { StatusCode::IM_A_TEAPOT }))
        .mount(session(GET, "/closed").to(|_: Session| async {}))
        .mount(webhook(POST, "/hook", "waf").to(|| async {}))
        .mount(
            webhook(POST, "/self", "handler")
                .reason("test")
                .to(|| async {}),
        )
        .mount_axum(session(ANY, "/tree").reason("test"), axum::Router::new())
        .protect(auth())
        .unwrap();
    let answers = audit::probe(app).await;
    let seen: Vec<_> = answers
        .iter()
        .map(|it| {
            (
                it.method.as_str(),
                it.path.as_str(),
                it.status.as_u16(),
                it.denial,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("GET", "/open/probe", 418, None),
            ("POST", "/open/probe", 418, None),
            ("GET", "/closed", 401, Some(Denial::Missing)),
            ("POST", "/hook", 401, Some(Denial::SignatureMissing)),
            ("POST", "/self", 200, None),
            ("GET", "/tree/route-audit-probe", 401, Some(Denial::Missing)),
        ]
    );
}

#[tokio::test]
#[should_panic(expected = "takes `Sessions`, but lacks")]
async fn an_extractor_that_the_declaration_does_not_allow_is_seen() {
    let app = Router::new()
        .mount(public(POST, "/login", "test").to(|_: Sessions| async {}))
        .protect(auth())
        .unwrap();
    audit::probe(app).await;
}

#[public_route(
    GET,
    "/declared",
    reason = "its router is not behind the layer as it says"
)]
async fn declared() {}

#[session_route(GET, "/declared/closed")]
async fn declared_closed() {}

#[webhook_route(POST, "/declared/hook", verify = "waf")]
async fn declared_hook() {}

#[webhook_route(POST, "/declared/self", verify = "handler", reason = "test")]
async fn declared_self() {}

/// All that is declared here, without the layer.
fn unguarded() -> axum::Router {
    axum::Router::new()
        .route("/declared", get(declared))
        .route("/declared/closed", get(declared_closed))
        .route("/declared/hook", post(declared_hook))
        .route("/declared/self", post(declared_self))
}

#[tokio::test]
#[should_panic(expected = "GET /declared/closed is session, but let a stranger through (200 OK)")]
async fn a_session_route_that_lets_a_stranger_through_is_seen() {
    audit::probe(unguarded()).await;
}

#[tokio::test]
#[should_panic(expected = "POST /declared/hook is webhook, but let a stranger through (200 OK)")]
async fn a_webhook_that_asks_for_no_proof_is_seen() {
    audit::probe(unguarded()).await;
}

/// Another layer denies what is behind it.
fn denied() -> axum::Router {
    let denied = tower::util::MapResponse::new(unguarded(), |_: axum::response::Response| {
        let mut response = axum::response::Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response.extensions_mut().insert(Denial::Missing);
        response
    });
    axum::Router::new().fallback_service(denied)
}

#[tokio::test]
#[should_panic(expected = "GET /declared is public, but was denied: missing (401 Unauthorized)")]
async fn a_public_route_that_is_denied_is_seen() {
    audit::probe(denied()).await;
}

#[tokio::test]
#[should_panic(
    expected = "POST /declared/self is webhook, but was denied: missing (401 Unauthorized)"
)]
async fn a_webhook_whose_handler_is_not_reached_is_seen() {
    audit::probe(denied()).await;
}

#[tokio::test]
#[should_panic(expected = "there is nothing to probe")]
async fn an_app_without_routes_is_not_probed_in_vain() {
    audit::probe(Router::new().protect(auth()).unwrap()).await;
}
