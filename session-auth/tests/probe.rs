//! `audit::probe` sees what a stranger would.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use axum::routing::get;
use http::StatusCode;
use session_auth::methods::{ANY, GET, POST};
use session_auth::webhook::Bearer;
use session_auth::{
    Denial, Keys, Router, Session, SessionAuthLayer, Sessions, audit, public, public_route,
    session, webhook,
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

/// The route is added after the layer, so nothing guards it, and then it is nested behind another
/// layer that denies it.
#[tokio::test]
#[should_panic(expected = "GET /declared is public, but was denied: missing (401 Unauthorized)")]
async fn a_public_route_that_is_denied_is_seen() {
    let denied = tower::util::MapResponse::new(
        axum::Router::new().route("/declared", get(declared)),
        |_: axum::response::Response| {
            let mut response = axum::response::Response::new(axum::body::Body::empty());
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            response.extensions_mut().insert(Denial::Missing);
            response
        },
    );
    audit::probe(axum::Router::new().fallback_service(denied)).await;
}

#[tokio::test]
#[should_panic(expected = "there is nothing to probe")]
async fn an_app_without_routes_is_not_probed_in_vain() {
    audit::probe(Router::new().protect(auth()).unwrap()).await;
}
