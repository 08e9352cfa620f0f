//! `audit::probe` sees what a stranger would, and says what is otherwise than the class promises.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use common::{protect, service};
use http::StatusCode;
use session_auth::audit::ProbeTarget;
use session_auth::methods::{ANY, FALLBACK, GET, POST};
use session_auth::webhook::{Bearer, Delivery};
use session_auth::{
    Denial, Keys, Protected, Router, Session, SessionAuthLayer, Sessions, audit, public,
    public_route, routing, session, session_route, webhook, webhook_route,
};

fn protected(router: Router) -> Protected {
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("waf", Bearer::new("token"))
        .build()
        .unwrap();
    protect(&auth, router).unwrap()
}

/// What `probe` panics with.
async fn wrong<A: ProbeTarget + Send + 'static>(app: A) -> String {
    let probing = tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(audit::probe(app))
    });
    let panic = probing.await.expect_err("something is wrong with it");
    let panic = panic.into_panic();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn an_app_that_keeps_its_classes_passes() {
    let foreign = axum::Router::new()
        .route("/a/{id}", get(|| async { "a" }))
        .fallback(|| async { "rest" });
    let app = protected(
        Router::new()
            .mount(
                public(GET | POST, "/open/{id}", "test").to(|| async { StatusCode::IM_A_TEAPOT }),
            )
            .mount(session(GET, "/closed").to(|_: Session| async {}))
            .mount(webhook(POST, "/hook", "waf").to(|| async {}))
            .mount(
                webhook(POST, "/self", "handler")
                    .reason("test")
                    .to(|| async {}),
            )
            .nest_service(public(ANY, "/files", "test"), "/files", service(""))
            .mount_axum(session(ANY, "/tree"), foreign)
            .fallback(session(FALLBACK, "/").to(|| async {})),
    );
    let answers = audit::probe(app).await;
    let mut seen: Vec<_> = answers
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
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            ("GET", "/closed", 401, Some(Denial::Missing)),
            ("GET", "/files/route-audit-probe", 200, None),
            ("GET", "/open/probe", 418, None),
            ("GET", "/route-audit-probe", 401, Some(Denial::Missing)),
            ("GET", "/tree/a/probe", 401, Some(Denial::Missing)),
            ("GET", "/tree/route-audit-probe", 401, Some(Denial::Missing)),
            ("POST", "/hook", 401, Some(Denial::SignatureMissing)),
            ("POST", "/open/probe", 418, None),
            ("POST", "/self", 200, None),
        ]
    );
}

/// A path of several classes is asked for each by a method of its own.
#[tokio::test]
async fn a_handler_for_the_other_methods_is_asked_by_one_of_those() {
    let at = |path: &'static str| public(GET, path, "test").to(|| async {});
    let app = protected(
        Router::new()
            .route(
                "/any",
                routing::any(session(ANY, "/any").to(|| async {})).get(at("/any")),
            )
            .route(
                "/rest",
                routing::get(at("/rest"))
                    .post(public(POST, "/rest", "test").to(|| async {}))
                    .fallback(session(ANY, "/rest").to(|| async {})),
            ),
    );
    let answers = audit::probe(app).await;
    let mut seen: Vec<_> = answers
        .iter()
        .map(|it| (it.path.as_str(), it.method.as_str(), it.status.as_u16()))
        .collect();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            ("/any", "GET", 200),
            ("/any", "POST", 401),
            ("/rest", "GET", 200),
            ("/rest", "POST", 200),
            ("/rest", "PUT", 401),
        ]
    );
}

#[tokio::test]
async fn an_extractor_that_the_declaration_does_not_allow_is_seen() {
    let by = |methods, path: &'static str| public(methods, path, "test");
    for (router, words) in [
        (
            Router::new().mount(by(POST, "/login").to(|_: Sessions| async {})),
            "takes `Sessions`, but lacks `issues_session`, or a guard around its router",
        ),
        (
            Router::new().mount(by(GET, "/me").to(|_: Session| async {})),
            "takes `Session`, but lacks the class `session`, or a guard around its router",
        ),
        (
            Router::new().mount(by(GET, "/me").to(|_: Option<Session>| async {})),
            "takes `Option<Session>`, but lacks `optional_session`",
        ),
        (
            Router::new().mount(by(GET, "/me").to(|_: Delivery| async {})),
            "takes `Delivery`, but lacks the class `webhook`",
        ),
        (
            Router::new().mount(
                webhook(POST, "/self", "handler")
                    .reason("test")
                    .to(|_: Delivery| async {}),
            ),
            "takes `Delivery`, but lacks a verifier (its handler is its own)",
        ),
        (
            Router::new().mount(
                webhook(POST, "/self", "handler")
                    .reason("test")
                    .to(|_: Session| async {}),
            ),
            "takes `Session`, but lacks the class `session` (a webhook has no session)",
        ),
    ] {
        let message = wrong(protected(router)).await;
        assert!(message.contains(words), "{words}: {message}");
        assert!(message.contains("tests/probe.rs:"), "{message}");
    }
}

/// A health check inside of the guards is a route that nobody declared.
#[tokio::test]
async fn a_middleware_that_answers_where_no_route_is_is_seen() {
    let routes = || Router::new().mount(public(GET, "/open", "test").to(|| async {}));
    for path in ["/healthz", "/metrics", "/socket.io/"] {
        let answering = from_fn(move |request: Request, next: Next| async move {
            if request.uri().path() == path {
                return (StatusCode::ACCEPTED, "up").into_response();
            }
            next.run(request).await
        });
        let inside = protected(routes().layer(answering.clone()));
        let message = wrong(inside).await;
        let words = format!("GET {path}: a middleware inside the router answers with 202 Accepted");
        assert!(message.contains(&words), "{message}");
        audit::probe(protected(routes()).layer(answering)).await;
    }
    // One that answers everything, as a single-page application does.
    let everything = from_fn(|_: Request, _: Next| async { "<html>" });
    let message = wrong(protected(routes().layer(everything))).await;
    assert!(
        message.contains("GET /route-audit-probe: a middleware"),
        "{message}"
    );
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
async fn a_route_that_lets_a_stranger_through_is_seen() {
    let message = wrong(unguarded()).await;
    for words in [
        "GET /declared/closed is session, but let a stranger through (200 OK)",
        "POST /declared/hook is webhook, but let a stranger through (200 OK)",
    ] {
        assert!(message.contains(words), "{message}");
    }
    assert!(
        message.starts_with("2 of 12 requests were answered otherwise"),
        "{message}"
    );
}

#[tokio::test]
async fn a_bare_layer_that_keeps_the_classes_passes() {
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("waf", Bearer::new("token"))
        .build()
        .unwrap();
    let answers = audit::probe(unguarded().layer(auth)).await;
    assert_eq!(answers.len(), 4);
}

/// Another layer denies what is behind it.
#[tokio::test]
async fn a_route_that_is_denied_to_everybody_is_seen() {
    let denied = tower::util::MapResponse::new(unguarded(), |_: axum::response::Response| {
        let mut response = axum::response::Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response.extensions_mut().insert(Denial::Missing);
        response
    });
    let message = wrong(axum::Router::new().fallback_service(denied)).await;
    for words in [
        "GET /declared is public, but was denied: missing (401 Unauthorized)",
        "POST /declared/self is webhook, but was denied: missing (401 Unauthorized)",
        "POST /declared/hook is webhook, but was denied: missing (401 Unauthorized)",
    ] {
        assert!(message.contains(words), "{message}");
    }
}
