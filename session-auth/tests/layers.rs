//! Layers go where axum puts them, inside of the guards or around them, and states reach the handlers.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::error_handling::HandleErrorLayer;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use common::{Answer, ask, auth, cookie_of, got, protect, protected};
use http::{HeaderValue, StatusCode};
use session_auth::methods::{ANY, GET, POST};
use session_auth::routing::get;
use session_auth::{ClassifiedHandler, Router, public, public_route, session, session_route};
use tower::{BoxError, ServiceBuilder};
use tower_http::cors::CorsLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

async fn tag(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .append("x-layer", HeaderValue::from_static("seen"));
    response
}

fn tags(answer: &Answer) -> usize {
    answer.header("x-layer").count()
}

#[tokio::test]
async fn layers_are_inside_the_guard_and_around_what_was_mounted_before() {
    let app = Router::new()
        .mount(public(GET, "/before", "test").to(|| async {}))
        .mount(public(ANY, "/any", "test").to(|| async {}))
        .mount(session(GET, "/closed").to(|| async {}))
        .layer(from_fn(tag))
        .route_layer(from_fn(tag))
        .mount(public(GET, "/after", "test").to(|| async {}));
    let app = protected(app);
    for (method, path, seen) in [
        ("GET", "/before", 2),
        ("BREW", "/any", 2),
        ("GET", "/after", 0),
        // Denied: nothing behind the guard has seen it.
        ("GET", "/closed", 0),
        // `layer` is around 404 too, `route_layer` is not.
        ("GET", "/none", 1),
        ("DELETE", "/before", 2),
    ] {
        let answer = ask(&app, method, path, "").await;
        assert_eq!(tags(&answer), seen, "{method} {path}");
    }
}

#[tokio::test]
async fn layers_of_the_protected_app_see_what_is_denied_and_which_route_it_was() {
    let note = async |request: Request, next: Next| {
        let matched = request.extensions().get::<MatchedPath>().cloned();
        let mut response = next.run(request).await;
        let matched = matched.map_or("none".to_owned(), |matched| matched.as_str().to_owned());
        let matched = HeaderValue::from_str(&matched).unwrap();
        response.headers_mut().append("x-layer", matched);
        response
    };
    let app = protected(Router::new().mount(session(GET, "/users/{id}").to(|| async {})))
        .layer(from_fn(note));
    for (method, path, status, matched) in [
        ("GET", "/users/1", 401, "/users/{id}"),
        ("PUT", "/users/1", 405, "/users/{id}"),
        ("GET", "/none", 404, "none"),
    ] {
        let answer = ask(&app, method, path, "").await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(
            answer.header("x-layer").next(),
            Some(matched),
            "{method} {path}"
        );
    }
}

/// As a service stacks them: security headers, CORS, request ids, tracing.
#[tokio::test]
async fn denials_pass_through_the_layers_around_the_app() {
    let name = || http::HeaderName::from_static("x-request-id");
    let nosniff = SetResponseHeaderLayer::overriding(
        http::header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let routes = Router::new()
        .mount(public(GET, "/open", "test").to(|| async {}))
        .mount(session(GET, "/me").to(|| async {}))
        .mount(session(GET, "/staff").scope("staff").to(|| async {}));
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let app = protect(&auth, routes)
        .unwrap()
        .layer(nosniff)
        .layer(CorsLayer::permissive())
        .layer(TraceLayer::new_for_http())
        .layer(PropagateRequestIdLayer::new(name()))
        .layer(SetRequestIdLayer::new(name(), MakeRequestUuid));
    let address = common::serve(app).await;
    for (method, path, headers, status) in [
        ("GET", "/open", "", 200),
        ("GET", "/me", "", 401),
        ("GET", "/staff", &*cookie, 403),
        ("GET", "/none", "", 404),
        ("PUT", "/me", "", 405),
    ] {
        let headers = format!("{headers}Origin: https://app.example\r\n");
        let answer = common::request(address, method, path, &headers).await;
        assert_eq!(answer.status, status, "{path}");
        for name in [
            "x-content-type-options",
            "access-control-allow-origin",
            "x-request-id",
        ] {
            assert_eq!(
                answer.header(name).count(),
                1,
                "{name} of {path}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn layers_of_a_method_router_and_of_a_handler_keep_the_class() {
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let says = || async { "here" };
    let methods = get(session(GET, "/methods").to(says))
        .layer::<_, Infallible>(from_fn(tag))
        .post(session(POST, "/methods").to(says));
    let route = get(session(GET, "/route").to(says)).route_layer(from_fn(tag));
    let failing = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(|_: BoxError| async {
            StatusCode::BAD_GATEWAY
        }))
        .timeout(std::time::Duration::from_secs(60));
    let routes = Router::new()
        .route("/methods", methods)
        .route("/route", route)
        .mount(session(GET, "/handler").to(says).layer(from_fn(tag)))
        .mount(members_page.layer(from_fn(tag)))
        .route(
            "/axums",
            get(axum::handler::Handler::layer(
                members_page_of_axums,
                from_fn(tag),
            )),
        )
        .route(
            "/failing",
            get(session(GET, "/failing").to(says)).layer(failing),
        );
    let app = protect(&auth, routes).unwrap();
    for (method, path, seen) in [
        ("GET", "/methods", 1),
        ("POST", "/methods", 0),
        ("GET", "/route", 1),
        ("GET", "/handler", 1),
        ("GET", "/page", 1),
        ("GET", "/axums", 1),
        ("GET", "/failing", 0),
    ] {
        let stranger = ask(&app, method, path, "").await;
        assert_eq!(
            (stranger.status, tags(&stranger)),
            (401, 0),
            "{method} {path}"
        );
        let member = ask(&app, method, path, &cookie).await;
        assert_eq!(
            (member.body.as_str(), tags(&member)),
            ("here", seen),
            "{method} {path}"
        );
    }
    // Around the 405 of a method router goes `layer`, and not `route_layer`.
    assert_eq!(tags(&ask(&app, "PUT", "/methods", "").await), 1);
    assert_eq!(tags(&ask(&app, "PUT", "/route", "").await), 0);
}

#[session_route(GET, "/page")]
async fn members_page() -> &'static str {
    "here"
}

#[session_route(GET, "/axums")]
async fn members_page_of_axums() -> &'static str {
    "here"
}

#[tokio::test]
async fn state_and_peer_address_reach_the_handlers() {
    let state = |State(state): State<&'static str>| async move { state };
    let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
    let own_state =
        get(public(GET, "/own", "test").to(|State(n): State<u8>| async move { n.to_string() }));
    let routes = Router::new()
        .mount(public(GET, "/state", "test").to(state))
        .mount(public(GET, "/peer", "test").to(peer))
        .route("/own", own_state.with_state(7))
        .mount_axum(
            public(ANY, "/foreign", "test"),
            axum::Router::new().route("/state", axum::routing::get(state)),
        )
        .with_state("the state");
    let address = common::serve(protected(routes)).await;
    for (path, expected) in [
        ("/state", "the state"),
        ("/own", "7"),
        ("/foreign/state", "the state"),
        ("/peer", "127.0.0.1"),
    ] {
        assert_eq!(
            common::request(address, "GET", path, "").await.body,
            expected
        );
    }
}

#[public_route(GET, "/one", "/two/{id}", reason = "the same in two places")]
async fn in_two_places() -> &'static str {
    "here"
}

/// `fn routes<S>() -> Router<S>` is common, so no more is asked of the state than by axum.
#[tokio::test]
async fn a_router_may_have_any_state() {
    fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
        Router::new().mount(in_two_places)
    }

    struct NotEvenClone;
    let unfinished: Router<NotEvenClone> = routes::<()>().with_state(());
    drop(unfinished);
    let app = protected(routes::<String>().with_state("state".to_owned()));
    assert_eq!(got(&app, "GET", "/one").await, "here");
}
