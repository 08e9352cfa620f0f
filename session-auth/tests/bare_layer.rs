//! A bare `.layer(auth)`: no record says what is behind it, so the class is looked up among all that
//! the program declares, and what cannot be known needs a session.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{any, get, post};
use common::{ask, auth, cookie_of, got, service};
use session_auth::webhook::Bearer;
use session_auth::{
    Denial, Keys, Session, SessionAuthLayer, declare_route, public, public_route, session,
    session_route, webhook_route,
};
use tower::{Layer, Service, ServiceExt};

#[public_route(GET, "/open", reason = "test")]
async fn open() -> &'static str {
    "open"
}

#[session_route(GET, "/api/me")]
async fn me(session: Session) -> String {
    session.subject().to_owned()
}

#[public_route(GET, "/api/users/{id}", reason = "profiles")]
async fn profile() -> &'static str {
    "profile"
}

#[public_route(GET, "/inner", reason = "a route of this path is nested elsewhere too")]
async fn inner() -> &'static str {
    "inner"
}

#[session_route(ANY, "/tree/{*rest}")]
async fn tree() -> &'static str {
    "tree"
}

#[session_route(GET, "/staff/{id}")]
async fn staff() -> &'static str {
    "staff"
}

#[webhook_route(POST, "/hook", verify = "handler", reason = "a token in the query")]
async fn hook() -> &'static str {
    "hook"
}

#[webhook_route(POST, "/hook/verified", verify = "sender")]
async fn verified(body: String) -> String {
    body
}

async fn legacy_export() -> &'static str {
    "everything"
}

declare_route!(public_route(
    GET,
    "/metrics",
    reason = "scraped from the same host"
));
declare_route!(public_route(
    ANY,
    "/assets",
    reason = "static files",
    subtree
));
declare_route!(session_route(
    ANY,
    "/private",
    reason = "files for members",
    subtree
));
declare_route!(public_route(ANY, "/files", reason = "downloads", subtree));
declare_route!(session_route(
    ANY,
    "/files/private",
    reason = "for members",
    subtree
));
// Declared by another router of the program, and not mounted by the one that is asked.
declare_route!(public_route(GET, "/tree/open", reason = "not mounted"));
declare_route!(public_route(GET, "/staff/me", reason = "not mounted"));
declare_route!(public_route(
    GET,
    "/sealed/open",
    reason = "its handler declares another path"
));

fn sender() -> SessionAuthLayer {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("sender", Bearer::new("secret"))
        .build()
        .unwrap()
}

fn router() -> axum::Router {
    let api = axum::Router::new()
        .route("/me", get(me))
        .route("/users/{id}", get(profile));
    axum::Router::new()
        .route("/open", get(open).post(legacy_export))
        .nest("/api", api)
        .route("/hook", post(hook))
        .route("/hook/verified", post(verified))
        .route("/export", get(legacy_export))
        .route("/metrics", get(|| async { "metrics" }))
        .route("/tree/{*rest}", any(tree))
        .route("/staff/{id}", get(staff))
        .route_service("/files/{*path}", service("a file"))
        .nest_service("/assets", service("an asset"))
        .nest_service("/private", service("a private file"))
}

#[tokio::test]
async fn declared_routes_keep_their_class() {
    let auth = sender();
    let cookie = cookie_of(&auth).await;
    let app = router().layer(auth);
    for (method, path, headers, expected) in [
        ("GET", "/open", "", "open"),
        ("HEAD", "/open", "", ""),
        ("GET", "/api/me", "", "401"),
        ("GET", "/api/me", &cookie, "ada"),
        ("GET", "/api/users/1", "", "profile"),
        ("POST", "/hook", "", "hook"),
        ("POST", "/hook/verified", "", "401"),
        ("POST", "/hook/verified", &cookie, "401"),
        (
            "POST",
            "/hook/verified",
            "Authorization: Bearer secret\r\n",
            "",
        ),
        ("GET", "/metrics", "", "metrics"),
        ("GET", "/tree/x", "", "401"),
        ("GET", "/tree/x", &cookie, "tree"),
        ("PUT", "/tree/x", &cookie, "tree"),
        ("GET", "/files/a", "", "a file"),
        ("GET", "/private/a", "", "401"),
        ("GET", "/private/a", &cookie, "a private file"),
        ("GET", "/private", "", "401"),
    ] {
        let answer = ask(&app, method, path, headers).await;
        assert_eq!(answer.shown(), expected, "{method} {path} {headers:.12}");
    }
}

#[tokio::test]
async fn security_what_nobody_declared_needs_a_session() {
    let auth = sender();
    let cookie = cookie_of(&auth).await;
    let app = router().layer(auth.clone());
    let missing = r#"{"error":"Authentication required","reason":"missing"}"#;
    let rows = [
        ("GET", "/export"),
        ("POST", "/open"),
        // axum's own 404 and 405, and a preflight: not to be told from a handler.
        ("DELETE", "/open"),
        ("OPTIONS", "/open"),
        ("GET", "/none"),
        ("GET", "/open/"),
        // Declared, but what answers is the route around it: its class may not pass for it.
        ("GET", "/tree/open"),
        ("GET", "/files/private/x"),
        // Without a pattern the fallback could answer as well, and nobody declared that.
        ("GET", "/assets/x"),
    ];
    for (method, path) in rows {
        let answer = ask(&app, method, path, "").await;
        let seen = (answer.status, answer.body.as_str());
        assert_eq!(seen, (401, missing), "{method} {path}");
    }
    assert_eq!(auth.unclassified(), rows.len() as u64);
    let export = common::activity(&auth, "GET /export");
    assert_eq!(export.declaration, None);
    assert_eq!(export.denied_for(Denial::Missing), 1);

    // With a session it is let through, and counted all the same.
    for (method, path, member) in [
        ("GET", "/export", "everything"),
        ("DELETE", "/open", "405"),
        ("GET", "/none", "404"),
        ("GET", "/assets/x", "an asset"),
    ] {
        let answer = ask(&app, method, path, &cookie).await;
        assert_eq!(answer.shown(), member, "{method} {path}");
    }
    assert_eq!(auth.unclassified(), rows.len() as u64 + 4);
}

/// `/staff/me` is declared public, and what axum runs for it is `/staff/{id}`.
#[tokio::test]
async fn security_the_pattern_that_axum_matched_goes_before_the_path() {
    let app = router().layer(sender());
    assert_eq!(got(&app, "GET", "/staff/me").await, "401");
    // Around the router as a whole, nothing tells which pattern it matches.
    let around = axum::Router::new().fallback_service(router());
    assert_eq!(got(&around, "GET", "/staff/me").await, "staff");
    let whole = sender().layer(router());
    let answer = ask(
        &axum::Router::new().fallback_service(whole),
        "GET",
        "/staff/me",
        "",
    )
    .await;
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[tokio::test]
async fn security_in_front_of_a_service_a_path_with_two_readings_is_refused() {
    let auth = sender();
    let cookie = cookie_of(&auth).await;
    let app = router().layer(auth.clone());
    for path in [
        "/files/%70rivate/x",
        "/files//private/x",
        "/files/a/../private/x",
        "/files/private;a/x",
        "/assets/../private/x",
        "/tree/%6fpen",
    ] {
        for headers in ["", &cookie] {
            let answer = ask(&app, "GET", path, headers).await;
            assert_eq!(answer.status, 400, "{path}: {answer:?}");
            assert!(answer.body.contains("ambiguous_path"), "{path}");
        }
    }
    // A pattern without a catch-all has one reading: axum's.
    assert_eq!(got(&app, "GET", "/api/users/%6de").await, "profile");
}

/// A router nested as a service sees paths without their prefix. Those may not pass for the paths
/// of other routes.
#[tokio::test]
async fn security_a_stripped_prefix_is_put_back() {
    let auth = sender();
    let inside = || axum::Router::new().route("/inner", get(legacy_export));
    // On the inner router: axum resolves `/admin/inner`.
    let layered = inside().layer(auth.clone());
    // Around the inner router: nothing has resolved the path yet, and the URI says `/inner`.
    let around = auth.layer(inside());
    let outer = axum::Router::new()
        .nest_service("/admin", layered)
        .nest_service("/staff", around)
        .route("/inner", get(inner).layer(auth));
    assert_eq!(got(&outer, "GET", "/inner").await, "inner");
    assert_eq!(got(&outer, "GET", "/admin/inner").await, "401");
    assert_eq!(got(&outer, "GET", "/staff/inner").await, "401");
}

/// A path that was rewritten on the way is not the one that was declared.
#[tokio::test]
async fn security_a_rewritten_path_is_unclassified() {
    let auth = sender();
    let inside = axum::Router::new().route("/admin", get(legacy_export));
    let rewrite = tower::util::MapRequest::new(auth.layer(inside), |mut request: Request| {
        *request.uri_mut() = "/admin".parse().unwrap();
        request
    });
    let outer = axum::Router::new().fallback_service(rewrite);
    // `/open` is public, and yet what would be served is `/admin`.
    assert_eq!(got(&outer, "GET", "/open").await, "401");
    assert_eq!(auth.unclassified(), 1);
}

/// This crate's functions seal what they mount, whatever guard is around it.
#[tokio::test]
async fn security_a_handler_in_its_seal_asks_for_its_own_pass() {
    use session_auth::routing;

    let auth = sender();
    let cookie = cookie_of(&auth).await;
    let routes = session_auth::Router::new()
        .route("/api/me", routing::get(me))
        .route("/sealed/open", routing::get(me))
        .mount(session(session_auth::methods::GET, "/inline").to(|| async { "inline" }))
        .mount(public(session_auth::methods::GET, "/anyone", "x").to(|| async { "anyone" }));
    let app = axum::Router::from(routes).layer(auth);
    for (path, stranger, member) in [
        ("/api/me", "401", "ada"),
        // Its path is public. What answers is not.
        ("/sealed/open", "500", "500"),
        // What is declared in place is not linked into the program, so it cannot be looked up.
        ("/inline", "401", "500"),
        ("/anyone", "401", "anyone"),
    ] {
        assert_eq!(got(&app, "GET", path).await, stranger, "{path}");
        let answer = ask(&app, "GET", path, &cookie).await;
        assert_eq!(answer.shown(), member, "{path}");
    }
}

/// A service that knows nothing of axum, with body types of its own.
#[tokio::test]
async fn any_service_of_http_requests_can_be_guarded() {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use tower::ServiceExt;

    let auth = sender();
    let cookie = cookie_of(&auth).await;
    let cookie = cookie.trim().strip_prefix("Cookie: ").unwrap();
    let echo = tower::service_fn(|request: http::Request<Body>| async {
        let bytes = request.into_body().collect().await.unwrap().to_bytes();
        Ok::<_, std::io::Error>(http::Response::new(Full::new(bytes)))
    });
    let service = auth.layer(echo);
    let send = async |path: &str, cookie: &str| {
        let request = http::Request::get(path)
            .header("cookie", cookie)
            .body(Full::new(Bytes::from_static(b"the body")))
            .unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    };
    assert_eq!(send("/open", "").await, (200, "the body".into()));
    assert_eq!(send("/assets/x", "").await, (200, "the body".into()));
    // Which pattern answers there, nothing says: the strictest of both holds.
    assert_eq!(send("/staff/me", "").await.0, 401);
    assert_eq!(send("/staff/1", "").await.0, 401);
    assert_eq!(send("/api/me", "").await.0, 401);
    assert_eq!(send("/api/me", cookie).await, (200, "the body".into()));
    assert_eq!(send("/files/private/x", "").await.0, 401);
    assert_eq!(send("/none", "").await.0, 401);
    assert_eq!(auth.unclassified(), 1);
    for path in [
        "/files/%70rivate/x",
        "/api/users/..%2fme",
        "//open",
        "/open;a",
    ] {
        assert_eq!(send(path, cookie).await.0, 400, "{path}");
    }
}

/// Asked for readiness as often as it is called, and no more.
#[derive(Clone)]
struct Limited(Arc<AtomicUsize>);

impl Service<Request> for Limited {
    type Response = Response;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        std::future::ready(Ok(Response::new(Body::from("limited"))))
    }
}

#[tokio::test]
async fn a_limiter_inside_reserves_nothing_for_what_is_refused() {
    let reserved = Arc::new(AtomicUsize::new(0));
    let app = sender().layer(Limited(Arc::clone(&reserved)));
    assert_eq!(got(&app, "GET", "/api/me").await, "401");
    assert_eq!(reserved.load(Ordering::SeqCst), 0);
    assert_eq!(got(&app, "GET", "/open").await, "limited");
    assert_eq!(reserved.load(Ordering::SeqCst), 1);
}

/// Busy at first, as often as it says; then it is ready, or never will be.
#[derive(Clone)]
struct Busy {
    left: usize,
    fails: bool,
}

impl Service<Request> for Busy {
    type Response = Response;
    type Error = &'static str;
    type Future = std::future::Ready<Result<Response, &'static str>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        if self.left > 0 {
            self.left -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.fails {
            // What has failed is not asked again.
            self.left = usize::MAX;
            return Poll::Ready(Err("broken"));
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        assert_eq!(self.left, 0, "called before it was ready");
        std::future::ready(Ok(Response::new(Body::from("waited for"))))
    }
}

#[tokio::test]
async fn a_service_inside_is_waited_for_and_its_failure_is_handed_on() {
    for left in [0, 1, 3] {
        for fails in [false, true] {
            let app = sender().layer(Busy { left, fails });
            let request = Request::get("/open").body(Body::empty()).unwrap();
            let answer = tokio::time::timeout(Duration::from_secs(5), app.oneshot(request));
            let answer = answer.await.expect("it is woken").map(|it| it.status());
            if fails {
                assert_eq!(answer, Err("broken"), "{left}");
            } else {
                assert_eq!(answer.unwrap(), 200, "{left}");
            }
        }
    }
}

#[tokio::test]
async fn an_undeclared_route_is_logged_at_error_once_and_not_each_time() {
    let log = common::log();
    let app = router().layer(sender());
    for path in [
        "/export", "/export", "/export", "/none/1", "/none/2", "/none/3",
    ] {
        assert_eq!(got(&app, "GET", path).await, "401");
    }
    let lines = log.lines("ERROR", "path=\"/export\"");
    let counts: Vec<_> = lines
        .iter()
        .filter_map(|line| line.rsplit_once("count="))
        .map(|(_, count)| count)
        .collect();
    assert_eq!(counts[..2], ["1", "2"], "{lines:?}");
    assert!(lines[0].contains("Add #[public_route], #[webhook_route] or #[session_route]"));
    // Paths that no route has share one counter: a scanner is one line, and not one a path.
    assert_eq!(log.lines("ERROR", "path=\"/none/3\"").len(), 0);
}

/// Without the verifier of a webhook that the program declares there is no layer.
#[test]
#[should_panic(expected = "session-auth cannot protect this service")]
fn a_layer_without_a_declared_verifier_panics() {
    let _ = axum::Router::<()>::new().layer(auth());
}
