//! The router does what axum's does: the same routes, the same 404 and 405, the same nests, merges and
//! fallbacks. What it adds is that each route has its own class.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use axum::extract::{MatchedPath, Path};
use common::{ask, auth, cookie_of, got, protect, protected, service};
use session_auth::methods::{ANY, FALLBACK, GET, HEAD, POST};
use session_auth::routing::{MethodRouter, get};
use session_auth::{Denial, Router, Session, public, public_route, session, session_route};

#[tokio::test]
async fn unknown_paths_are_404_and_unregistered_methods_405() {
    let app = protected(
        Router::new()
            .mount(public(GET | POST, "/a", "test").to(|| async { "a" }))
            .mount(session(GET, "/b").to(|| async { "b" }))
            .route("/none-of-them", MethodRouter::new()),
    );
    let address = common::serve(app).await;
    for (method, path, status, allow) in [
        ("GET", "/none", 404, None),
        ("GET", "/a/", 404, None),
        ("DELETE", "/a", 405, Some("GET,HEAD,POST")),
        ("DELETE", "/b", 405, Some("GET,HEAD")),
        ("BREW", "/b", 405, Some("GET,HEAD")),
        ("GET", "/none-of-them", 405, Some("")),
    ] {
        let answer = common::request(address, method, path, "").await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("allow").next(), allow, "{method} {path}");
        assert_eq!(answer.body, "", "{method} {path}");
    }
}

#[tokio::test]
async fn head_is_served_as_get_unless_it_is_declared() {
    let app = protected(
        Router::new()
            .mount(public(GET, "/a", "test").to(|| async { "a" }))
            .mount(public(GET, "/b", "test").to(|| async { "b" }))
            .mount(session(HEAD, "/b").to(|| async {})),
    );
    let address = common::serve(app).await;
    let head = common::request(address, "HEAD", "/a", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(common::request(address, "HEAD", "/b", "").await.status, 401);
    assert_eq!(common::request(address, "GET", "/b", "").await.status, 200);
}

#[tokio::test]
async fn merged_routers_keep_their_classes() {
    let open = Router::new().mount(public(GET, "/open", "test").to(|| async { "open" }));
    let closed = Router::new()
        .mount(session(GET, "/closed").to(|| async { "closed" }))
        .fallback(public(FALLBACK, "/", "a page of our own").to(|| async { "fallback" }));
    let app = protected(open.merge(closed));
    assert_eq!(got(&app, "GET", "/open").await, "open");
    assert_eq!(got(&app, "GET", "/closed").await, "401");
    assert_eq!(got(&app, "GET", "/none").await, "fallback");
}

#[tokio::test]
async fn nested_routers_declare_their_full_paths() {
    let at = |path: &'static str| {
        public(GET, path, "x").to(|path: MatchedPath| async move { path.as_str().to_owned() })
    };
    let inner = Router::new()
        .route("/", get(at("/t/{tenant}/x")))
        .route("/{id}", get(at("/t/{tenant}/x/{id}")));
    let outer = Router::new()
        .nest("/x", inner)
        .route("/y", get(session(GET, "/t/{tenant}/y").to(|| async {})));
    let slash = Router::new()
        .route("/", get(at("/slash/")))
        .route("/a", get(at("/slash/a")));
    let app = protected(
        Router::new()
            .nest("/t/{tenant}", outer)
            .nest("/slash/", slash),
    );
    for (path, expected) in [
        ("/t/1/x", "/t/{tenant}/x"),
        ("/t/1/x/2", "/t/{tenant}/x/{id}"),
        ("/t/1/y", "401"),
        ("/t/1/x/", "404"),
        ("/slash/", "/slash/"),
        ("/slash/a", "/slash/a"),
        ("/slash", "404"),
    ] {
        assert_eq!(got(&app, "GET", path).await, expected, "{path}");
    }
}

#[public_route(GET, "/one", "/two/{id}", reason = "the same in two places")]
async fn in_two_places() -> &'static str {
    "here"
}

#[tokio::test]
async fn mount_takes_every_path_that_is_declared() {
    let app = protected(Router::new().mount(in_two_places));
    assert_eq!(got(&app, "GET", "/one").await, "here");
    assert_eq!(got(&app, "GET", "/two/1").await, "here");
    assert_eq!(got(&app, "GET", "/two").await, "404");
}

#[session_route(FALLBACK)]
async fn members_only() -> &'static str {
    "outermost"
}

#[session_route(FALLBACK, "/in")]
async fn members_only_in() -> &'static str {
    "nested"
}

#[tokio::test]
async fn security_each_fallback_speaks_for_itself() {
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let open = public(FALLBACK, "/open", "a page of our own").to(|| async { "open" });
    let routes = Router::new()
        .nest("/in", Router::new().fallback(members_only_in))
        .nest("/open", Router::new().fallback(open))
        .fallback(members_only);
    let app = protect(&auth, routes).unwrap();
    for (method, path, stranger, member) in [
        ("GET", "/", "401", "outermost"),
        ("GET", "/none", "401", "outermost"),
        ("GET", "/in", "401", "nested"),
        ("GET", "/in/none", "401", "nested"),
        // axum gives this one to the outermost.
        ("GET", "/in/", "401", "outermost"),
        ("GET", "/open/none", "open", "open"),
        ("OPTIONS", "*", "401", "outermost"),
        ("CONNECT", "example.com:443", "401", ""),
    ] {
        assert_eq!(got(&app, method, path).await, stranger, "{method} {path}");
        let answer = ask(&app, method, path, &cookie).await;
        assert_eq!(answer.shown(), member, "{method} {path}");
    }
}

#[tokio::test]
async fn a_fallback_is_taken_back() {
    let app = protected(
        Router::new()
            .mount(public(GET, "/a", "x").to(|| async {}))
            .fallback(members_only)
            .reset_fallback(),
    );
    assert_eq!(got(&app, "GET", "/none").await, "404");
    // With it, axum takes back that of a nested router, which is said; before 0.8.4 it had no such method, and
    // what stands for it leaves the nested one.
    let routes = Router::new()
        .nest("/in", Router::new().fallback(members_only_in))
        .fallback(members_only)
        .reset_fallback();
    match protect(&auth(), routes) {
        Ok(app) => assert_eq!(got(&app, "GET", "/in/none").await, "401"),
        Err(refused) => assert!(
            refused
                .to_string()
                .contains("members_only_in (FALLBACK /in) is given to the router, but"),
            "{refused}"
        ),
    }
}

#[tokio::test]
async fn a_route_on_the_root_goes_before_the_fallback() {
    let app = protected(
        Router::new()
            .mount(public(GET, "/", "start page").to(|| async { "start" }))
            .fallback(members_only),
    );
    assert_eq!(got(&app, "GET", "/").await, "start");
    assert_eq!(got(&app, "POST", "/").await, "405");
    assert_eq!(got(&app, "GET", "/none").await, "401");
}

#[tokio::test]
async fn the_other_form_of_the_slash_redirects_and_keeps_the_query() {
    let says = || async { "here" };
    let routes = Router::new()
        .route_with_tsr("/a", get(public(GET, "/a", "x").to(says)))
        .route_with_tsr("/b/{id}/", get(public(GET, "/b/{id}/", "x").to(says)))
        .route_service_with_tsr(public(ANY, "/s", "x"), "/s", service("here"))
        .route_with_tsr("/{any}/c", get(public(GET, "/{any}/c", "x").to(says)));
    let nested = Router::new().nest(
        "/in",
        Router::new().route_with_tsr("/d", get(public(GET, "/in/d", "x").to(says))),
    );
    let address = common::serve(protected(routes.merge(nested))).await;
    for (path, location) in [
        ("/a/?x=1", "/a?x=1"),
        ("/b/1", "/b/1/"),
        ("/s/", "/s"),
        ("/in/d/", "/in/d"),
    ] {
        let answer = common::request(address, "GET", path, "").await;
        assert_eq!(answer.status, 308, "{path}");
        assert_eq!(answer.header("location").collect::<Vec<_>>(), [location]);
        let answer = common::request(address, "GET", location, "").await;
        assert_eq!(answer.body, "here", "{location}");
    }
    // `//evil.example/c` would be another host.
    let answer = common::request(address, "GET", "//evil.example/c/", "").await;
    assert_ne!(answer.status, 308, "{answer:?}");
}

#[public_route(GET, reason = "no attribute takes such a path")]
async fn without_a_path() -> &'static str {
    "here"
}

#[public_route(GET, glob = "/style.*.css", reason = "sign-in page's style")]
async fn style() -> &'static str {
    "style"
}

#[session_route(GET, glob = "/t/{tenant}/report.*")]
async fn computed_report() -> &'static str {
    "report"
}

/// A path with a hash of the build in it: the router has it, and the declaration what it is like.
#[tokio::test]
async fn a_computed_path_is_what_its_glob_describes() {
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let tenant = Router::new().route("/report.2026", get(computed_report));
    let routes = Router::new()
        .route(&format!("/style.{}.css", "0a1b"), get(style))
        .route(&format!("/style.{}.css", "0a1b-dark"), get(style))
        .nest("/t/{tenant}", tenant);
    let app = protect(&auth, routes).unwrap();
    for (path, stranger, member) in [
        ("/style.0a1b.css", "style", "style"),
        ("/style.0a1b-dark.css", "style", "style"),
        ("/style.other.css", "404", "404"),
        ("/style.*.css", "404", "404"),
        ("/t/7/report.2026", "401", "report"),
    ] {
        assert_eq!(got(&app, "GET", path).await, stranger, "{path}");
        assert_eq!(ask(&app, "GET", path, &cookie).await.shown(), member);
    }
    // One route, however many paths.
    assert_eq!(common::activity(&auth, "GET /style.*.css").passed, 4);
    session_auth::audit::probe(app).await;

    for path in ["/style.css", "/in/style.0a1b.css", "/style.{hash}"] {
        let error = protect(&auth, Router::new().route(path, get(style))).unwrap_err();
        let message = error.to_string();
        let says = concat!("its attribute at ", file!(), ":");
        assert!(message.contains(says), "{message}");
        assert!(message.contains("says GET /style.*.css"), "{message}");
    }
    let error = protect(&auth, Router::new().mount(style)).unwrap_err();
    assert!(
        error.to_string().contains("`mount` needs the path"),
        "{error}"
    );
}

#[tokio::test]
async fn colons_and_stars_are_names_where_they_are_allowed() {
    let app = Router::new()
        .without_v07_checks()
        .route("/:literal", get(without_a_path));
    assert!(app.has_routes());
    let app = protected(app);
    assert_eq!(got(&app, "GET", "/:literal").await, "here");
    assert_eq!(got(&app, "GET", "/other").await, "404");
}

#[tokio::test]
async fn a_prefix_of_the_configuration_is_no_part_of_what_is_declared() {
    let id = |Path(id): Path<String>| async move { id };
    let routes = |base: &str| {
        Router::new()
            .mount(public(GET, "/a/{id}", "x").to(id))
            .mount(session(GET, "/").to(|| async {}))
            .nest("/in", Router::new().fallback(members_only_in))
            .fallback(members_only)
            .under(base)
    };
    let app = protected(routes("/shop"));
    for (path, expected) in [
        ("/shop/a/7", "7"),
        ("/shop", "401"),
        ("/shop/in/x", "401"),
        ("/a/7", "404"),
        ("/", "404"),
    ] {
        assert_eq!(got(&app, "GET", path).await, expected, "{path}");
    }
    let declared: Vec<_> = app
        .declared()
        .iter()
        .map(|declared| declared.target().to_string())
        .collect();
    assert_eq!(
        declared,
        ["GET /", "GET /a/{id}", "FALLBACK", "FALLBACK /in"]
    );
    for none in ["", "/"] {
        assert_eq!(got(&protected(routes(none)), "GET", "/a/7").await, "7");
    }
    let routes: Router = Router::new().mount(public(GET, "/a/{id}", "x").to(id));
    let twice = protected(routes.under("/inner").under("/outer"));
    assert_eq!(got(&twice, "GET", "/outer/inner/a/7").await, "7");
}

/// The class is bound to the endpoint. A router that is mounted under a prefix, against the advice,
/// must not take the prefixed pattern of one route for another's.
#[tokio::test]
async fn security_nesting_a_protected_router_changes_no_class() {
    let app = protected(
        Router::new()
            .mount(session(GET, "/x").to(|| async { "secret" }))
            .mount(public(GET, "/open/x", "test").to(|| async { "public" })),
    );
    let outer = axum::Router::new().nest_service("/open", app.clone());
    assert_eq!(ask(&outer, "GET", "/open/x", "").await.status, 401);
    assert_eq!(ask(&outer, "GET", "/open/open/x", "").await.body, "public");
    let nested = axum::Router::new().nest("/open", app.clone().into_axum());
    assert_eq!(ask(&nested, "GET", "/open/x", "").await.status, 401);
    assert_eq!(ask(&nested, "GET", "/open/open/x", "").await.body, "public");
    let part = protected(Router::new().nest_service(public(ANY, "/open", "x"), "/open", app));
    assert_eq!(got(&part, "GET", "/open/x").await, "401");
    assert_eq!(got(&part, "GET", "/open/open/x").await, "public");
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
    let app = protect(&auth, routes).unwrap();
    for _ in 0..3 {
        ask(&app, "GET", "/open", "").await;
        ask(&app, "GET", "/closed", "").await;
    }
    ask(&app, "GET", "/closed", "Cookie: __Host-session=x\r\n").await;

    let open = common::activity(&auth, "GET /open");
    assert_eq!((open.passed, open.denied.len()), (3, 0));
    let closed = common::activity(&auth, "GET /closed");
    assert_eq!(closed.passed, 0);
    assert_eq!(closed.denied_for(Denial::Missing), 3);
    assert_eq!(closed.denied_for(Denial::Malformed), 1);
    assert_eq!(auth.unclassified(), 0);
}
