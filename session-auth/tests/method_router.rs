//! The handlers of one path: by every function and method there is, each with its own guard.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use axum::routing::MethodFilter;
use common::{ask, auth, cookie_of, got, protect, protected, service};
use session_auth::methods::{ANY, CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE};
use session_auth::routing::{self, MethodRouter, any, get, on, post};
use session_auth::{Router, public, session, session_route};

/// Each method by its function, by the method router's method, by `on` and by `mount`, as a handler
/// and as a service; each is guarded, and each answers.
macro_rules! each_method {
    ($($method:ident, $name:ident, $service:ident;)*) => {{
        let auth = auth();
        let cookie = cookie_of(&auth).await;
        $(
            let method = stringify!($method);
            let says = || async { stringify!($method) };
            let declared = |path: &'static str| session($method, path);
            let routes: [(&str, MethodRouter); 6] = [
                ("/function", routing::$name(declared("/function").to(says))),
                ("/method", MethodRouter::new().$name(declared("/method").to(says))),
                ("/on", on(MethodFilter::$method, declared("/on").to(says))),
                ("/service", routing::$service(declared("/service"), service(method))),
                ("/s/method", MethodRouter::new().$service(declared("/s/method"), service(method))),
                ("/s/on", routing::on_service(declared("/s/on"), MethodFilter::$method, service(method))),
            ];
            let mut router = Router::new().mount(declared("/mount").to(says));
            let mut paths = vec!["/mount"];
            for (path, route) in routes {
                router = router.route(path, route);
                paths.push(path);
            }
            let app = protect(&auth, router).unwrap();
            for path in paths {
                let stranger = ask(&app, method, path, "").await;
                assert_eq!(stranger.status, 401, "{method} {path}");
                let member = ask(&app, method, path, &cookie).await;
                assert_eq!(member.status, 200, "{method} {path}: {member:?}");
                let says = if matches!(method, "HEAD" | "CONNECT") { "" } else { method };
                assert_eq!(member.body, says, "{method} {path}");
                let other = if method == "POST" { "PUT" } else { "POST" };
                assert_eq!(ask(&app, other, path, &cookie).await.status, 405, "{other} {path}");
            }
        )*
    }};
}

#[tokio::test]
async fn security_each_method_is_guarded_however_it_is_mounted() {
    each_method! {
        CONNECT, connect, connect_service;
        DELETE, delete, delete_service;
        GET, get, get_service;
        HEAD, head, head_service;
        OPTIONS, options, options_service;
        PATCH, patch, patch_service;
        POST, post, post_service;
        PUT, put, put_service;
        TRACE, trace, trace_service;
    }
}

#[tokio::test]
async fn any_serves_what_no_other_handler_of_the_path_names() {
    let says = |says: &'static str| move || async move { says };
    let app = protected(
        Router::new()
            .mount(public(ANY, "/a", "test").to(says("any")))
            .mount(session(PUT, "/a").to(says("put")))
            .route(
                "/b",
                any(session(ANY, "/b").to(says("any")))
                    .post(public(POST, "/b", "x").to(says("post"))),
            )
            .route(
                "/s",
                routing::any_service(public(ANY, "/s", "x"), service("service")),
            ),
    );
    for (method, path, expected) in [
        ("BREW", "/a", "any"),
        ("GET", "/a", "any"),
        ("PUT", "/a", "401"),
        ("BREW", "/b", "401"),
        ("GET", "/b", "401"),
        ("POST", "/b", "post"),
        ("BREW", "/s", "service"),
    ] {
        assert_eq!(got(&app, method, path).await, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_method_router_has_a_fallback_and_takes_another_in() {
    let says = |says: &'static str| move || async move { says };
    let two = get(public(GET, "/a", "x").to(says("get")))
        .merge(post(session(POST, "/a").to(says("post"))))
        .on(
            MethodFilter::PUT.or(MethodFilter::PATCH),
            public(PUT | PATCH, "/a", "x").to(says("on")),
        )
        .fallback(session(ANY, "/a").to(says("others")));
    let served = get(public(GET, "/s", "x").to(says("get")))
        .fallback_service(public(ANY, "/s", "x"), service("others"));
    let app = protected(Router::new().route("/a", two).route("/s", served));
    for (method, path, expected) in [
        ("GET", "/a", "get"),
        ("HEAD", "/a", ""),
        ("POST", "/a", "401"),
        ("PUT", "/a", "on"),
        ("PATCH", "/a", "on"),
        ("DELETE", "/a", "401"),
        ("BREW", "/a", "401"),
        ("GET", "/s", "get"),
        ("DELETE", "/s", "others"),
    ] {
        assert_eq!(got(&app, method, path).await, expected, "{method} {path}");
    }
}

#[session_route(FALLBACK)]
async fn other_methods() -> &'static str {
    "other methods"
}

#[tokio::test]
async fn method_not_allowed_fallback_is_for_the_paths_before_it() {
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let app = Router::new()
        .mount(public(GET, "/before", "x").to(|| async { "before" }))
        .method_not_allowed_fallback(other_methods)
        .mount(public(GET, "/after", "x").to(|| async { "after" }));
    let app = protect(&auth, app).unwrap();
    assert_eq!(got(&app, "PUT", "/before").await, "401");
    let member = ask(&app, "PUT", "/before", &cookie).await;
    assert_eq!(member.body, "other methods");
    assert_eq!(got(&app, "PUT", "/after").await, "405");
    assert_eq!(got(&app, "GET", "/before").await, "before");
}
