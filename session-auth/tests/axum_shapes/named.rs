//! The same shapes by this crate's functions: each handler is known, so nothing is listed without its
//! class, and each route has a guard of its own.

use std::convert::Infallible;

use axum::middleware::from_fn;
use axum::routing::MethodFilter;
use session_auth::audit;
use session_auth::methods::{
    ANY, CONNECT, DELETE, FALLBACK, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE,
};
use session_auth::routing::{
    MethodRouter, any, any_service, connect, get, get_service, on, on_service, post, put, trace,
};
use session_auth::{InlineRoute, Methods, Router, session};

use super::common::service;
use super::{Answer, pass, serve};

type Handler = fn() -> std::future::Ready<&'static str>;

/// A handler of class `session`.
fn h(methods: Methods, path: &'static str) -> InlineRoute<Handler> {
    session(methods, path).to(|| std::future::ready("h"))
}

fn other(methods: Methods, path: &'static str) -> InlineRoute<Handler> {
    session(methods, path).to(|| std::future::ready("other"))
}

/// Name, router, all of its routes, and who answers what.
type Row<'a> = (&'a str, Router<u8>, &'a [&'a str], &'a [Answer<'a>]);

async fn check(rows: Vec<Row<'_>>) {
    for (name, router, routes, answers) in rows {
        let layered = router.clone().layer(from_fn(pass)).layer(from_fn(pass));
        let merged = Router::new().merge(router.clone());
        let with_state = Router::<()>::new().merge(router.clone().with_state(1));
        assert_eq!(
            audit::check(&with_state).unwrap(),
            [],
            "{name}, with its state"
        );
        for (how, router) in [
            ("as it is", router),
            ("below layers", layered),
            ("merged", merged),
        ] {
            let what = format!("{name}, {how}");
            assert_eq!(audit::check(&router).unwrap(), [], "{what}");
            serve(&what, router.with_state(1), routes.to_vec(), answers).await;
        }
    }
}

#[tokio::test]
async fn routes_of_methods() {
    let new = Router::new;
    let both = GET | POST;
    check(vec![
        (
            "get",
            new().route("/a", get(h(GET, "/a"))),
            &["GET /a"],
            &[
                ("GET", "/a", "GET /a", "h"),
                ("HEAD", "/a", "GET /a", ""),
                ("POST", "/a", "405", ""),
                ("GET", "/a/", "404", ""),
            ],
        ),
        (
            "get and head, each its own",
            new().route("/a", get(h(GET, "/a")).head(other(HEAD, "/a"))),
            &["GET /a", "HEAD /a"],
            &[("GET", "/a", "GET /a", "h"), ("HEAD", "/a", "HEAD /a", "")],
        ),
        (
            "several methods in several calls",
            new()
                .route("/a", get(h(GET, "/a")).post(other(POST, "/a")))
                .route("/a", put(h(PUT, "/a"))),
            &["GET /a", "POST /a", "PUT /a"],
            &[
                ("GET", "/a", "GET /a", "h"),
                ("POST", "/a", "POST /a", "other"),
                ("PUT", "/a", "PUT /a", "h"),
            ],
        ),
        (
            "one handler on two methods",
            new().route(
                "/a",
                on(MethodFilter::GET.or(MethodFilter::POST), h(both, "/a")),
            ),
            &["GET | POST /a"],
            &[
                ("GET", "/a", "GET | POST /a", "h"),
                ("POST", "/a", "GET | POST /a", "h"),
            ],
        ),
        (
            "every other method there is",
            new()
                .route(
                    "/a",
                    connect(h(CONNECT, "/a"))
                        .delete(h(DELETE, "/a"))
                        .options(h(OPTIONS, "/a"))
                        .patch(h(PATCH, "/a")),
                )
                .route("/a", trace(h(TRACE, "/a"))),
            &[
                "CONNECT /a",
                "DELETE /a",
                "OPTIONS /a",
                "PATCH /a",
                "TRACE /a",
            ],
            &[
                ("CONNECT", "/a", "CONNECT /a", ""),
                ("DELETE", "/a", "DELETE /a", "h"),
                ("OPTIONS", "/a", "OPTIONS /a", "h"),
                ("PATCH", "/a", "PATCH /a", "h"),
                ("TRACE", "/a", "TRACE /a", "h"),
            ],
        ),
        (
            "any and post",
            new().route("/a", any(h(ANY, "/a")).post(other(POST, "/a"))),
            &["ANY /a", "POST /a"],
            &[
                ("BREW", "/a", "ANY /a", "h"),
                ("POST", "/a", "POST /a", "other"),
            ],
        ),
        (
            "a fallback for other methods",
            new().route("/a", get(h(GET, "/a")).fallback(other(ANY, "/a"))),
            &["ANY /a", "GET /a"],
            &[
                ("GET", "/a", "GET /a", "h"),
                ("PUT", "/a", "ANY /a", "other"),
            ],
        ),
        (
            "method_not_allowed_fallback, on two paths",
            new()
                .route("/a", get(h(GET, "/a")))
                .route("/b", get(h(GET, "/b")))
                .method_not_allowed_fallback(other(FALLBACK, "/")),
            &["FALLBACK /a", "FALLBACK /b", "GET /a", "GET /b"],
            &[
                ("PUT", "/a", "FALLBACK /a", "other"),
                ("PUT", "/b", "FALLBACK /b", "other"),
                ("GET", "/none", "404", ""),
            ],
        ),
        (
            "a method router without a method, and layers",
            new()
                .route("/a", MethodRouter::new())
                .route(
                    "/b",
                    get(h(GET, "/b"))
                        .layer::<_, Infallible>(from_fn(pass))
                        .post(other(POST, "/b")),
                )
                .route_layer(from_fn(pass)),
            &["GET /b", "POST /b"],
            &[
                ("GET", "/a", "405", ""),
                ("GET", "/b", "GET /b", "h"),
                ("POST", "/b", "POST /b", "other"),
            ],
        ),
    ])
    .await;
}

#[tokio::test]
async fn nests_and_fallbacks() {
    let new = Router::new;
    check(vec![
        (
            "nest, with its root and with a slash",
            new()
                .nest(
                    "/x",
                    new()
                        .route("/", post(h(POST, "/x")))
                        .route("/a", get(h(GET, "/x/a"))),
                )
                .nest(
                    "/y/",
                    new()
                        .route("/", post(h(POST, "/y/")))
                        .route("/a", get(h(GET, "/y/a"))),
                ),
            &["GET /x/a", "GET /y/a", "POST /x", "POST /y/"],
            &[
                ("POST", "/x", "POST /x", "h"),
                ("POST", "/y/", "POST /y/", "h"),
                ("GET", "/y/a", "GET /y/a", "h"),
                ("POST", "/y", "404", ""),
            ],
        ),
        (
            "fallbacks, each its own",
            new()
                .nest("/in", new().fallback(h(FALLBACK, "/in")))
                .fallback(other(FALLBACK, "/")),
            &["FALLBACK", "FALLBACK /in"],
            &[
                ("GET", "/in", "FALLBACK /in", "h"),
                ("GET", "/in/x", "FALLBACK /in", "h"),
                ("GET", "/in/", "FALLBACK", "other"),
                ("GET", "/x", "FALLBACK", "other"),
                ("OPTIONS", "*", "FALLBACK", "other"),
            ],
        ),
        (
            "a catch-all that leaves the fallback no path",
            new()
                .route("/", get(h(GET, "/")))
                .route("/{*rest}", any(h(ANY, "/{*rest}")))
                .fallback(other(FALLBACK, "/")),
            &["ANY /{*rest}", "FALLBACK", "GET /"],
            &[
                ("GET", "/x/y", "ANY /{*rest}", "h"),
                ("OPTIONS", "*", "FALLBACK", "other"),
            ],
        ),
        (
            "the redirect to the other form of the slash",
            new().route_with_tsr("/a", get(h(GET, "/a"))),
            &["GET /a", "GET /a/"],
            &[
                ("GET", "/a", "GET /a", "h"),
                ("BREW", "/a/", "GET /a/", "308"),
            ],
        ),
    ])
    .await;
}

#[tokio::test]
async fn services() {
    let new = Router::new;
    let s = || service("service");
    let foreign = axum::Router::new()
        .route("/a", axum::routing::get(|| async { "a" }))
        .nest_service("/files", s())
        .fallback(|| async { "none" });
    check(vec![
        (
            "for methods that show",
            new()
                .route("/a", get_service(session(GET, "/a"), s()))
                .route(
                    "/b",
                    on_service(session(DELETE, "/b"), MethodFilter::DELETE, s()),
                )
                .route("/c", any_service(session(ANY, "/c"), s()))
                .route(
                    "/d",
                    get(h(GET, "/d")).fallback_service(session(ANY, "/d"), s()),
                ),
            &["ANY /c", "ANY /d", "DELETE /b", "GET /a", "GET /d"],
            &[
                ("GET", "/a", "GET /a", "service"),
                ("DELETE", "/b", "DELETE /b", "service"),
                ("BREW", "/c", "ANY /c", "service"),
                ("PUT", "/d", "ANY /d", "service"),
                ("GET", "/d", "GET /d", "h"),
            ],
        ),
        (
            "for a path, below one, and for the rest",
            new()
                .route_service(session(ANY, "/on"), "/on", s())
                .nest_service(session(ANY, "/below"), "/below", s())
                .nest_service(session(ANY, "/slash"), "/slash/", s())
                .nest("/in", new().fallback_service(session(FALLBACK, "/in"), s()))
                .fallback_service(session(ANY, "/"), service("rest")),
            &[
                "ANY /**",
                "ANY /below/**",
                "ANY /on",
                "ANY /slash/**",
                "FALLBACK /in",
            ],
            &[
                ("BREW", "/on", "ANY /on", "service"),
                ("GET", "/below", "ANY /below/**", "service"),
                ("GET", "/below/", "ANY /below/**", "service"),
                ("GET", "/below/a/b", "ANY /below/**", "service"),
                ("GET", "/slash/a", "ANY /slash/**", "service"),
                ("GET", "/slash", "ANY /**", "rest"),
                ("GET", "/in/a", "FALLBACK /in", "service"),
                ("GET", "/none", "ANY /**", "rest"),
            ],
        ),
        (
            "a whole router",
            new().mount_axum(session(ANY, "/whole"), foreign),
            &["ANY /whole/**", "ANY /whole/a", "ANY /whole/files/**"],
            &[
                ("GET", "/whole/a", "ANY /whole/a", "a"),
                ("GET", "/whole/files/x", "ANY /whole/files/**", "service"),
                ("GET", "/whole/none", "ANY /whole/**", "none"),
                ("PUT", "/whole/a", "405", ""),
            ],
        ),
    ])
    .await;
}
