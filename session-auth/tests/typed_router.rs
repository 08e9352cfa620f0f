//! The typed router over a real socket: it routes as axum does, and says everything that is wrong
//! before it starts.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::StatusCode;
use session_auth::methods::{ANY, DELETE, GET, HEAD, POST, PUT};
use session_auth::webhook::{BasicAuth, Bearer};
use session_auth::{
    Denial, Keys, Problem, Router, Session, SessionAuthLayer, public, session, session_route,
    webhook,
};

fn auth() -> SessionAuthLayer {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .build()
        .unwrap()
}

async fn tag(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .append("x-layer", http::HeaderValue::from_static("seen"));
    response
}

#[tokio::test]
async fn unknown_paths_are_404_and_unregistered_methods_405() {
    let app = Router::new()
        .mount(public(GET | POST, "/a", "test").to(|| async { "a" }))
        .mount(session(GET, "/b").to(|| async { "b" }))
        .protect(auth())
        .unwrap();
    let address = common::serve(app).await;

    assert_eq!(
        common::request(address, "GET", "/none", "").await.status,
        404
    );
    for path in ["/a", "/b"] {
        let answer = common::request(address, "DELETE", path, "").await;
        assert_eq!(answer.status, 405, "{path}");
        let allow: Vec<_> = answer.header("allow").collect();
        assert_eq!(
            allow,
            [if path == "/a" {
                "GET,HEAD,POST"
            } else {
                "GET,HEAD"
            }],
            "{path}"
        );
    }
}

#[tokio::test]
async fn head_is_served_as_get_unless_it_is_declared() {
    let app = Router::new()
        .mount(public(GET, "/a", "test").to(|| async { "a" }))
        .mount(public(GET, "/b", "test").to(|| async { "b" }))
        .mount(session(HEAD, "/b").to(|| async {}))
        .protect(auth())
        .unwrap();
    let address = common::serve(app).await;

    let head = common::request(address, "HEAD", "/a", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(common::request(address, "HEAD", "/b", "").await.status, 401);
    assert_eq!(common::request(address, "GET", "/b", "").await.status, 200);
}

#[tokio::test]
async fn any_serves_what_no_other_route_of_the_path_names() {
    let app = Router::new()
        .mount(public(ANY, "/a", "test").to(|| async { "any" }))
        .mount(session(PUT, "/a").to(|| async { "put" }))
        .protect(auth())
        .unwrap();
    let address = common::serve(app).await;

    assert_eq!(common::request(address, "BREW", "/a", "").await.body, "any");
    assert_eq!(common::request(address, "GET", "/a", "").await.body, "any");
    assert_eq!(common::request(address, "PUT", "/a", "").await.status, 401);
}

#[tokio::test]
async fn merged_routers_keep_their_classes() {
    let open = Router::new().mount(public(GET, "/open", "test").to(|| async { "open" }));
    let closed = Router::new().mount(session(GET, "/closed").to(|| async { "closed" }));
    let address = common::serve(open.merge(closed).protect(auth()).unwrap()).await;

    assert_eq!(
        common::request(address, "GET", "/open", "").await.status,
        200
    );
    assert_eq!(
        common::request(address, "GET", "/closed", "").await.status,
        401
    );
}

#[tokio::test]
async fn layers_are_inside_the_guard_and_around_what_was_mounted_before() {
    let seen = |answer: common::Answer| answer.header("x-layer").count();
    let app = Router::new()
        .mount(public(GET, "/before", "test").to(|| async {}))
        .mount(public(ANY, "/any", "test").to(|| async {}))
        .mount(session(GET, "/closed").to(|| async {}))
        .layer(from_fn(tag))
        .route_layer(from_fn(tag))
        .mount(public(GET, "/after", "test").to(|| async {}))
        .protect(auth())
        .unwrap();
    let address = common::serve(app).await;

    assert_eq!(
        seen(common::request(address, "GET", "/before", "").await),
        2
    );
    assert_eq!(seen(common::request(address, "BREW", "/any", "").await), 2);
    assert_eq!(seen(common::request(address, "GET", "/after", "").await), 0);
    // Denied: nothing behind the guard has seen it.
    assert_eq!(
        seen(common::request(address, "GET", "/closed", "").await),
        0
    );
    // `layer` is around 404 and 405 too, `route_layer` is not.
    assert_eq!(seen(common::request(address, "GET", "/none", "").await), 1);
    assert_eq!(
        seen(common::request(address, "DELETE", "/before", "").await),
        1
    );
}

#[tokio::test]
async fn state_and_peer_address_reach_the_handlers() {
    let state = |State(state): State<&'static str>| async move { state };
    let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
    let app = Router::new()
        .mount(public(GET, "/state", "test").to(state))
        .mount(public(GET, "/peer", "test").to(peer))
        .mount_axum(
            public(ANY, "/foreign", "test"),
            axum::Router::new().route("/state", axum::routing::get(state)),
        )
        .with_state("the state")
        .protect(auth())
        .unwrap();

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let make = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, make).await });

    assert_eq!(
        common::request(address, "GET", "/state", "").await.body,
        "the state"
    );
    assert_eq!(
        common::request(address, "GET", "/foreign/state", "")
            .await
            .body,
        "the state"
    );
    assert_eq!(
        common::request(address, "GET", "/peer", "").await.body,
        "127.0.0.1"
    );
}

#[tokio::test]
async fn a_whole_service_has_one_class() {
    let foreign = || {
        axum::Router::new()
            .route("/", axum::routing::get(|| async { "root" }))
            .route("/deep/{id}", axum::routing::get(|| async { "deep" }))
            .fallback(|| async { (StatusCode::NOT_FOUND, "none of mine") })
    };
    let app = Router::new()
        .mount_axum(session(ANY, "/admin").reason("back office"), foreign())
        .mount_service(public(ANY, "/docs", "documentation"), foreign())
        .protect(auth())
        .unwrap();
    let address = common::serve(app).await;

    for path in [
        "/admin",
        "/admin/",
        "/admin/deep/1",
        "/admin/none",
        "/admin/../docs",
    ] {
        let answer = common::request(address, "GET", path, "").await;
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
    }
    assert_eq!(
        common::request(address, "POST", "/admin/deep/1", "")
            .await
            .status,
        401
    );
    assert_eq!(
        common::request(address, "GET", "/docs/deep/1", "")
            .await
            .body,
        "deep"
    );
    assert_eq!(
        common::request(address, "GET", "/docs/none", "").await.body,
        "none of mine"
    );
    assert_eq!(
        common::request(address, "GET", "/docs-admin", "")
            .await
            .status,
        404
    );
}

/// One guard for each way in which a router takes something.
#[tokio::test]
async fn security_each_kind_of_mount_is_guarded() {
    let inside = || axum::Router::new().fallback(|| async { "inside" });
    let routers: [(&str, &str, Router); 7] = [
        (
            "a route",
            "/x",
            Router::new().mount(session(GET, "/x").to(|| async { "inside" })),
        ),
        (
            "ANY",
            "/x",
            Router::new().mount(session(ANY, "/x").to(|| async { "inside" })),
        ),
        (
            "a service",
            "/x/y",
            Router::new().mount_service(session(ANY, "/x").reason("test"), inside()),
        ),
        (
            "an axum router",
            "/x/y",
            Router::new().mount_axum(session(ANY, "/x").reason("test"), inside()),
        ),
        (
            "a service on /",
            "/x",
            Router::new().mount_service(session(ANY, "/").reason("test"), inside()),
        ),
        (
            "an axum router on /",
            "/x",
            Router::new().mount_axum(session(ANY, "/").reason("test"), inside()),
        ),
        ("a fallback", "/x", Router::new().fallback(fallback)),
    ];
    for (what, path, router) in routers {
        let auth = auth();
        let issued = auth.sessions().issue("ada").await.unwrap();
        let cookie = issued
            .set_cookie()
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap();
        let address = common::serve(router.protect(auth).unwrap()).await;
        let stranger = common::request(address, "GET", path, "").await;
        assert_eq!(stranger.status, 401, "{what}: {stranger:?}");
        let headers = format!("Cookie: {cookie}\r\n");
        let member = common::request(address, "GET", path, &headers).await;
        assert_eq!(member.body, "inside", "{what}: {member:?}");
    }
}

#[session_route(FALLBACK)]
async fn fallback() -> &'static str {
    "inside"
}

#[test]
fn handlers_are_mounted_as_what_they_declare() {
    let text = |router: Router| router.protect(auth()).unwrap_err().to_string();
    let mounted = text(Router::new().mount(fallback));
    assert!(
        mounted.contains("is declared FALLBACK; give it to `.fallback(..)`"),
        "{mounted}"
    );
    let route = session(GET, "/x").to(|| async {});
    let fell_back = text(Router::new().fallback(route));
    assert!(
        fell_back.contains("is declared GET /x; give it to `.mount(..)`"),
        "{fell_back}"
    );
    let twice = text(Router::new().fallback(fallback).fallback(fallback));
    assert!(
        twice.contains("FALLBACK") && twice.contains("is mounted already"),
        "{twice}"
    );
    let beside_root = Router::new()
        .mount_axum(session(ANY, "/").reason("test"), axum::Router::new())
        .fallback(fallback);
    assert!(text(beside_root).contains("is mounted already"));
}

/// The class is bound to the endpoint. A router that is mounted under a prefix, against the advice,
/// must not take the prefixed pattern of one route for another's.
#[tokio::test]
async fn security_nesting_a_protected_router_changes_no_class() {
    let app = Router::new()
        .mount(session(GET, "/x").to(|| async { "secret" }))
        .mount(public(GET, "/open/x", "test").to(|| async { "public" }))
        .protect(auth())
        .unwrap();
    let outer = axum::Router::new().nest_service("/open", app);
    let address = common::serve(outer).await;

    assert_eq!(
        common::request(address, "GET", "/open/x", "").await.status,
        401
    );
    assert_eq!(
        common::request(address, "GET", "/open/open/x", "")
            .await
            .body,
        "public"
    );
}

#[test]
fn protect_says_everything_that_is_wrong_at_once() {
    let error = Router::<()>::new()
        .mount(webhook(POST, "/hooks/mail", "postmark").to(|| async {}))
        .mount(webhook(POST, "/hooks/pay", "stripe").to(|| async {}))
        .mount(public(GET, "/users/{id}", "profile").to(|| async {}))
        .mount(session(GET | POST, "/users/{id}").to(|| async {}))
        .mount(session(DELETE, "/users/{name}").to(|| async {}))
        .mount(session(GET, "/me").to(|| async {}))
        .mount(session(GET, "/me").to(|| async {}))
        .mount(session(GET, "relative").to(|| async {}))
        .mount(session(GET, "/old/:id").to(|| async {}))
        .mount_axum(session(ANY, "/admin"), axum::Router::new())
        .mount_axum(public(GET, "/docs", "documentation"), axum::Router::new())
        .mount_axum(public(ANY, "/assets", "static files"), axum::Router::new())
        .mount(public(GET, "/assets/", "index").to(|| async {}))
        .protect(
            SessionAuthLayer::builder(Keys::random().unwrap())
                .verifier("other", Bearer::new("token"))
                .build()
                .unwrap(),
        )
        .unwrap_err();

    let text = error.to_string();
    let expected = [
        "POST /hooks/mail is a webhook verified by \"postmark\", which the layer does not have \
         (it has other); add `.verifier(\"postmark\", ..)` to its builder",
        "POST /hooks/pay is a webhook verified by \"stripe\"",
        "GET | POST /users/{id} is session, but ",
        "declares it public; keep one of the two",
        "the router cannot tell \"/users/{name}\" from \"/users/{id}\"",
        "GET /me (closure) is mounted already, at ",
        "\"relative\" is not a path that a router takes: it must start with `/`",
        "\"/old/:id\" is not a path that a router takes: parameters are written `{id}`",
        "ANY /admin/** is a whole service, so it needs a reason",
        "a whole service answers every method: declare it `ANY`",
        "the router cannot tell \"/assets/\" from \"ANY /assets/**\"",
    ];
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert_eq!(error.problems().len(), 10, "{text}");
    assert!(
        text.matches("tests/typed_router.rs:").count() >= 10,
        "{text}"
    );
    // Axum would have panicked on several of these.
}

#[test]
fn each_problem_alone_is_refused_and_its_absence_is_not() {
    let problem = |router: Router| {
        router
            .protect(auth())
            .err()
            .map(|e| format!("{:?}", e.problems()[0]))
    };
    let named = |router: Router, name: &str| {
        let problem = problem(router).unwrap_or_else(|| panic!("{name} is accepted"));
        assert!(problem.starts_with(name), "{name}: {problem}");
    };
    let ok = || async {};
    named(
        Router::new().mount(webhook(POST, "/h", "x").to(ok)),
        "MissingVerifier",
    );
    named(
        Router::new()
            .mount(session(GET, "/a").to(ok))
            .mount(session(GET, "/a").to(ok)),
        "Duplicate",
    );
    named(
        Router::new()
            .mount(session(GET, "/a").to(ok))
            .mount(public(GET, "/a", "x").to(ok)),
        "Conflict",
    );
    named(
        Router::new()
            .mount(session(GET, "/a").to(ok))
            .mount(session(GET, "/a").scope("admin").to(ok)),
        "Conflict",
    );
    named(
        Router::new()
            .mount(session(GET, "/a/{x}").to(ok))
            .mount(session(GET, "/a/{y}").to(ok)),
        "OverlappingPaths",
    );
    for path in ["/a", "/a/"] {
        let tree = || session(ANY, "/a").reason("test");
        let route = || session(GET, path).to(ok);
        let before = Router::new()
            .mount(route())
            .mount_axum(tree(), axum::Router::new());
        named(before, "OverlappingPaths");
        let after = Router::new()
            .mount_axum(tree(), axum::Router::new())
            .mount(route());
        named(after, "OverlappingPaths");
    }
    named(Router::new().mount(session(GET, "a").to(ok)), "InvalidPath");
    named(
        Router::new().mount_axum(session(ANY, "/a"), axum::Router::new()),
        "MissingReason",
    );

    let accepted = Router::new()
        .mount(webhook(POST, "/h", "handler").to(ok))
        .mount(session(GET, "/a").to(ok))
        .mount(session(POST, "/a").scope("admin").to(ok))
        .mount(session(GET, "/a/{x}").to(ok))
        .mount(session(GET, "/a/b").to(ok))
        .mount_axum(session(ANY, "/c").reason("x"), axum::Router::new());
    assert_eq!(problem(accepted), None);
}

#[test]
fn the_builder_says_everything_that_is_wrong_at_once() {
    let error = SessionAuthLayer::builder(Keys::random().unwrap())
        .cookie_name("my cookie")
        .idle_timeout(Duration::from_secs(60))
        .absolute_timeout(Duration::from_millis(999))
        .verifier("a", Bearer::new("token"))
        .verifier("a", Bearer::new("token"))
        .verifier("handler", Bearer::new("token"))
        .verifier("b", BasicAuth::new("user", ""))
        .build()
        .unwrap_err();
    let text = error.to_string();
    for part in [
        "\"my cookie\" cannot be the name of a cookie",
        "a session must last a second at least",
        "the idle_timeout is longer than the absolute_timeout",
        "two verifiers are named \"a\"",
        "the verifier \"handler\" cannot be used: the name stands for a handler",
        "the verifier \"b\" cannot be used",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert_eq!(error.problems().len(), 6, "{text}");
    assert!(matches!(
        error.problems()[0],
        Problem::DuplicateVerifier { .. }
    ));
}

#[tokio::test]
async fn what_becomes_of_requests_is_counted_by_route_and_reason() {
    let auth = auth();
    let routes = Router::new()
        .mount(public(GET, "/open", "test").to(|| async {}))
        .mount(
            session(GET, "/closed")
                .to(|session: Session| async move { session.subject().to_owned() }),
        );
    let address = common::serve(routes.protect(auth.clone()).unwrap()).await;
    for _ in 0..3 {
        common::request(address, "GET", "/open", "").await;
        common::request(address, "GET", "/closed", "").await;
    }
    common::request(address, "GET", "/closed", "Cookie: __Host-session=x\r\n").await;

    let activity = auth.activity();
    let [open, closed] = activity.as_slice() else {
        panic!("{activity:?}")
    };
    assert_eq!(
        (open.route.as_str(), open.passed, open.denied.len()),
        ("GET /open", 3, 0)
    );
    assert_eq!(closed.passed, 0);
    assert_eq!(closed.denied_for(Denial::Missing), 3);
    assert_eq!(closed.denied_for(Denial::Malformed), 1);
    assert_eq!(auth.unclassified(), 0);
}
