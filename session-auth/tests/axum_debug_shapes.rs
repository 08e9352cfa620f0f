//! Every shape that an axum 0.8 router can have, read from the real thing.
//!
//! A row here is a promise about what the audit sees; where axum changes its `Debug` output, these
//! tests and the reader say so before a user's audit does.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{
    MethodFilter, MethodRouter, any, any_service, connect, get, get_service, on, on_service, post,
    put, trace,
};
use axum_extra::routing::{Resource, RouterExt, TypedPath};
use session_auth::audit::{Mounted, Shape, axum_debug};
use tower::service_fn;
use tower::util::BoxCloneSyncService;
use tower_http::services::ServeDir;

async fn h() {}

async fn other() {}

fn service() -> BoxCloneSyncService<Request, Response, Infallible> {
    BoxCloneSyncService::new(service_fn(|_: Request| async {
        Ok(Response::new(Body::empty()))
    }))
}

async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

fn read<S>(router: &Router<S>) -> Vec<String> {
    let mounted = axum_debug::read(&format!("{router:?}")).expect("a real router can be read");
    mounted.iter().map(line).collect()
}

/// `route GET /a`
fn line(mounted: &Mounted) -> String {
    let shape = match mounted.shape {
        Shape::Route => "route",
        Shape::OpaqueRoute => "opaque-route",
        Shape::OpaqueMount => "opaque-mount",
        Shape::Fallback => "fallback",
        Shape::OpaqueFallback => "opaque-fallback",
        Shape::MethodFallback => "method-fallback",
        _ => unreachable!(),
    };
    let path = mounted.path.as_deref().unwrap_or("-");
    format!("{shape} {} {path}", mounted.methods.join("|"))
}

type Row<'a> = (&'a str, Router<u8>, &'a [&'a str]);

/// Each shape before its state is given, after it, below layers, and merged: all read alike.
fn shapes(rows: Vec<Row<'_>>) {
    for (name, router, expected) in rows {
        assert_eq!(read(&router), expected, "{name}");
        let with_state: Router = router.clone().with_state(1);
        assert_eq!(read(&with_state), expected, "{name}, with its state");
        let layered = router.clone().layer(from_fn(pass)).layer(from_fn(pass));
        assert_eq!(read(&layered), expected, "{name}, below layers");
        let merged = Router::new().without_v07_checks().merge(router);
        assert_eq!(read(&merged), expected, "{name}, merged");
    }
}

#[test]
fn routes_of_methods() {
    let new = Router::new;
    shapes(vec![
        (
            "get serves HEAD without saying so",
            new().route("/a", get(h)),
            &["route GET /a"],
        ),
        (
            "get and head, each its own",
            new().route("/a", get(h).head(h)),
            &["route GET /a", "route HEAD /a"],
        ),
        (
            "several methods",
            new().route("/a", get(h).post(h)).route("/a", put(h)),
            &["route GET /a", "route POST /a", "route PUT /a"],
        ),
        (
            "on",
            new().route("/a", on(MethodFilter::GET.or(MethodFilter::POST), h)),
            &["route GET /a", "route POST /a"],
        ),
        (
            "every other method there is",
            new()
                .route("/a", connect(h).delete(h).options(h).patch(h))
                .route("/a", trace(h)),
            &[
                "route CONNECT /a",
                "route DELETE /a",
                "route OPTIONS /a",
                "route PATCH /a",
                "route TRACE /a",
            ],
        ),
        (
            "security: any",
            new().route("/a", any(h)),
            &["route ANY /a"],
        ),
        (
            "security: any and post",
            new().route("/a", any(h).post(h)),
            &["route ANY /a", "route POST /a"],
        ),
        (
            "security: any merged into get",
            new().route("/a", get(h)).route("/a", any(h)),
            &["route ANY /a", "route GET /a"],
        ),
        (
            "parameters and wildcards as they are written",
            new().route("/u/{id}", get(h)).route("/f/{*rest}", get(h)),
            &["route GET /f/{*rest}", "route GET /u/{id}"],
        ),
        (
            "a path that needs escapes in a string",
            new().route("/a\"b\\c\n\u{7f}é\u{202e}", get(h)),
            &["route GET /a\"b\\c\n\u{7f}é\u{202e}"],
        ),
        (
            "a colon, by permission",
            new().without_v07_checks().route("/:id", get(h)),
            &["route GET /:id"],
        ),
        (
            "a method router without a method",
            new().route("/a", MethodRouter::new()),
            &[],
        ),
        (
            "layers on a method router",
            new().route("/a", get(h).layer(from_fn(pass)).post(h)),
            &["route GET /a", "route POST /a"],
        ),
        (
            "a route layer",
            new().route("/a", get(h)).route_layer(from_fn(pass)),
            &["route GET /a"],
        ),
        (
            "a method router with a state of its own",
            new().route("/a", get(h).post(h).with_state(())),
            &["route GET /a", "route POST /a"],
        ),
    ]);
}

#[test]
fn nested_and_merged_routers() {
    let new = Router::new;
    shapes(vec![
        (
            "nest",
            new().nest("/api", new().route("/a", get(h)).route("/", post(h))),
            &["route GET /api/a", "route POST /api"],
        ),
        (
            "nest in nest, below a parameter",
            new().nest(
                "/t/{tenant}",
                new().nest("/x", new().route("/{id}", get(h))),
            ),
            &["route GET /t/{tenant}/x/{id}"],
        ),
        (
            "nest with a slash at the end",
            new().nest("/api/", new().route("/a", get(h)).route("/", post(h))),
            &["route GET /api/a", "route POST /api/"],
        ),
        (
            "merge",
            new().route("/a", get(h)).merge(new().route("/a", post(h))),
            &["route GET /a", "route POST /a"],
        ),
    ]);
}

#[test]
fn services() {
    let new = Router::new;
    let inner = || Router::new().route("/hidden", get(h));
    shapes(vec![
        (
            "get_service",
            new().route("/a", get_service(service())),
            &["route GET /a"],
        ),
        (
            "on_service",
            new().route("/a", on_service(MethodFilter::DELETE, service())),
            &["route DELETE /a"],
        ),
        (
            "security: any_service is for every method",
            new().route("/a", any_service(service())),
            &["route ANY /a"],
        ),
        (
            "security: route_service loses its methods",
            new().route_service("/a", service()),
            &["opaque-route ANY /a"],
        ),
        (
            "security: nest_service is one opaque mount",
            new().nest_service("/assets", ServeDir::new(".").fallback(service())),
            &["opaque-mount ANY /assets"],
        ),
        (
            "nest_service with a slash at the end",
            new().nest_service("/assets/", service()),
            &["opaque-mount ANY /assets"],
        ),
        (
            "nest_service with a slash at the end, a route without it",
            new()
                .nest_service("/assets/", service())
                .route("/assets", get(h)),
            &["route GET /assets", "opaque-mount ANY /assets"],
        ),
        (
            "security: a router as a service hides its routes",
            new().nest_service("/x", inner()),
            &["opaque-mount ANY /x"],
        ),
        (
            "nest_service inside nest",
            new().nest(
                "/api",
                new().nest_service("/x", inner()).route("/y", get(h)),
            ),
            &["route GET /api/y", "opaque-mount ANY /api/x"],
        ),
        (
            "two mounts, one below the other",
            new()
                .nest_service("/x", inner())
                .nest_service("/x/y", inner()),
            &["opaque-mount ANY /x", "opaque-mount ANY /x/y"],
        ),
    ]);
}

#[test]
fn fallbacks() {
    let new = Router::new;
    let inner = || Router::new().route("/hidden", get(h));
    let a = || Router::new().route("/a", get(h));
    shapes(vec![
        ("no route at all", new(), &[]),
        (
            "security: a handler",
            a().fallback(h),
            &["route GET /a", "fallback ANY -"],
        ),
        ("a fallback alone", new().fallback(h), &["fallback ANY -"]),
        (
            "security: a service",
            a().fallback_service(service()),
            &["route GET /a", "opaque-fallback ANY -"],
        ),
        (
            "security: a router hides its routes",
            a().fallback_service(inner()),
            &["route GET /a", "opaque-fallback ANY -"],
        ),
        (
            "taken back",
            a().fallback(h).reset_fallback(),
            &["route GET /a"],
        ),
        (
            "security: of a nested router, while `default_fallback` is true",
            new().nest("/in", a().fallback(h)),
            &["route GET /in/a", "fallback ANY /in"],
        ),
        (
            "a service, of a nested router",
            new().nest("/in", a().fallback_service(service())),
            &["route GET /in/a", "opaque-fallback ANY /in"],
        ),
        (
            "of both",
            new()
                .nest("/in", a().fallback(h))
                .fallback_service(service()),
            &[
                "route GET /in/a",
                "fallback ANY /in",
                "opaque-fallback ANY -",
            ],
        ),
        (
            "two routers down",
            new().nest("/o", new().nest("/in", a().fallback(h)).fallback(other)),
            &["route GET /o/in/a", "fallback ANY /o", "fallback ANY /o/in"],
        ),
        (
            "of a router nested with a slash at the end",
            new().nest("/in/", a().fallback(h)),
            &["route GET /in/a", "fallback ANY /in"],
        ),
        (
            "merge brings it along",
            a().merge(new().route("/b", get(h)).fallback(h)),
            &["route GET /a", "route GET /b", "fallback ANY -"],
        ),
        (
            "security: for other methods",
            new().route("/a", get(h).fallback(other)),
            &["route GET /a", "method-fallback ANY /a"],
        ),
        (
            "a service for other methods",
            new().route("/a", get(h).fallback_service(service())),
            &["route GET /a", "method-fallback ANY /a"],
        ),
        (
            "method_not_allowed_fallback",
            a().method_not_allowed_fallback(other),
            &["route GET /a", "method-fallback ANY /a"],
        ),
        (
            "for other methods than none",
            new().route("/a", MethodRouter::new().fallback(h)),
            &["method-fallback ANY /a"],
        ),
    ]);
}

#[derive(TypedPath, serde::Deserialize)]
#[typed_path("/users/{id}")]
struct UserPath {
    #[allow(dead_code, reason = "only the extractor reads it")]
    id: u32,
}

async fn typed(_: UserPath) {}

#[test]
fn axum_extra() {
    let new = Router::new;
    shapes(vec![
        (
            "typed paths",
            new().typed_get(typed).typed_delete(typed),
            &["route DELETE /users/{id}", "route GET /users/{id}"],
        ),
        (
            "a resource",
            new().merge(
                Resource::named("cats")
                    .index(h)
                    .create(h)
                    .show(h)
                    .destroy(h),
            ),
            &[
                "route DELETE /cats/{cats_id}",
                "route GET /cats",
                "route GET /cats/{cats_id}",
                "route POST /cats",
            ],
        ),
        (
            "security: the redirect from the other form of the slash is a route too",
            new().route_with_tsr("/a", get(h)),
            &["route ANY /a/", "route GET /a"],
        ),
    ]);
}

#[test]
fn open_api_routers() {
    #[utoipa::path(post, path = "/pets", responses((status = OK)))]
    async fn create_pet() {}

    let (router, _) = utoipa_axum::router::OpenApiRouter::<u8>::new()
        .routes(utoipa_axum::routes!(create_pet))
        .route("/plain", get(h))
        .split_for_parts();

    let mut api = aide::openapi::OpenApi::default();
    let documented = aide::axum::ApiRouter::<u8>::new()
        .api_route("/pets", aide::axum::routing::post(async || ()))
        .route("/plain", get(h))
        .finish_api(&mut api);

    shapes(vec![
        (
            "utoipa-axum",
            router,
            &["route GET /plain", "route POST /pets"],
        ),
        (
            "aide",
            documented,
            &["route GET /plain", "route POST /pets"],
        ),
    ]);
}

/// The text itself: a release of axum that prints another is noticed here first.
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
    assert_eq!(read(&router), ["route GET /a"]);
    assert!(!format!("{router:?}").contains("hunter2"));
}
