//! The text itself: a release of axum that prints another is noticed here first.

use axum::Router;
use axum::routing::get;
use session_auth::audit;

use super::h;

#[test]
fn the_text_of_one_router() {
    let router: Router = Router::new().route("/a", get(h).post(h)).fallback(h);
    let text = format!("{router:?}");

    let route = "MethodRouter(MethodRouter { get: BoxedHandler, head: None, delete: None, \
                 options: None, patch: None, post: BoxedHandler, put: None, trace: None, \
                 connect: None, fallback: Default(Route), \
                 allow_header: Bytes(b\"GET,HEAD,POST\") })";
    let any = "MethodRouter(MethodRouter { get: None, head: None, delete: None, options: None, \
               patch: None, post: None, put: None, trace: None, connect: None, \
               fallback: BoxedHandler, allow_header: Skip })";
    let root = "RouteId(1): \"/\"";
    let tail = "RouteId(2): \"/{*__private__axum_fallback}\"";
    let mut possible = Vec::new();
    // The two entries of a hash map come in either order.
    for (first, second) in [(1, 2), (2, 1)] {
        for (one, two) in [(root, tail), (tail, root)] {
            possible.push(format!(
                "Router {{ path_router: PathRouter {{ routes: {{RouteId(1): {route}}}, \
                 node: Node {{ paths: {{RouteId(1): \"/a\"}} }} }}, \
                 fallback_router: PathRouter {{ \
                 routes: {{RouteId({first}): {any}, RouteId({second}): {any}}}, \
                 node: Node {{ paths: {{{one}, {two}}} }} }}, \
                 default_fallback: false, catch_all_fallback: BoxedHandler }}"
            ));
        }
    }
    assert!(
        possible.contains(&text),
        "axum prints another text now: {text}"
    );
}

#[test]
fn a_state_needs_no_debug_and_none_of_it_shows() {
    #[derive(Clone)]
    struct Secret(#[allow(dead_code, reason = "must not be printed")] &'static str);

    async fn handler(_: axum::extract::State<Secret>) {}

    let router: Router = Router::new()
        .route("/a", get(handler))
        .with_state(Secret("hunter2"));
    assert!(!format!("{router:?}").contains("hunter2"));
    let findings = audit::check(&session_auth::Router::new().merge_axum(router)).unwrap();
    assert!(!format!("{findings:?}").contains("hunter2"));
    assert_eq!(findings.len(), 1);
}

#[test]
fn a_router_without_routes_is_no_clean_audit() {
    for router in [
        Router::<()>::new(),
        Router::new().route("/a", axum::routing::MethodRouter::new()),
        Router::new().fallback(h).reset_fallback(),
    ] {
        let error = audit::check(&session_auth::Router::new().merge_axum(router)).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("the router mounts nothing"), "{message}");
    }
}
