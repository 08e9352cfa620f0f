//! What the text of axum's own router shows of each shape.

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{
    MethodFilter, MethodRouter, any, any_service, connect, get, get_service, on, on_service, post,
    put, trace,
};
use tower_http::services::ServeDir;

use super::common::service;
use super::{Shape, check, h, other, pass};

#[tokio::test]
async fn routes_of_methods() {
    let new = Router::new;
    check(vec![
        Shape {
            name: "get serves HEAD without saying so",
            router: new().route("/a", get(h)),
            lists: &["GET /a"],
            answers: &[
                ("GET", "/a", "GET /a", "h"),
                ("HEAD", "/a", "GET /a", ""),
                ("POST", "/a", "405", ""),
                ("GET", "/a/", "404", ""),
                ("GET", "/", "404", ""),
            ],
        },
        Shape {
            name: "get and head, each its own",
            router: new().route("/a", get(h).head(other)),
            lists: &["GET /a", "HEAD /a"],
            answers: &[("GET", "/a", "GET /a", "h"), ("HEAD", "/a", "HEAD /a", "")],
        },
        Shape {
            name: "several methods",
            router: new().route("/a", get(h).post(other)).route("/a", put(h)),
            lists: &["GET /a", "POST /a", "PUT /a"],
            answers: &[
                ("GET", "/a", "GET /a", "h"),
                ("POST", "/a", "POST /a", "other"),
                ("PUT", "/a", "PUT /a", "h"),
                ("DELETE", "/a", "405", ""),
            ],
        },
        Shape {
            name: "on",
            router: new().route("/a", on(MethodFilter::GET.or(MethodFilter::POST), h)),
            lists: &["GET /a", "POST /a"],
            answers: &[
                ("GET", "/a", "GET /a", "h"),
                ("HEAD", "/a", "GET /a", ""),
                ("POST", "/a", "POST /a", "h"),
            ],
        },
        Shape {
            name: "every other method there is",
            router: new()
                .route("/a", connect(h).delete(h).options(h).patch(h))
                .route("/a", trace(h)),
            lists: &[
                "CONNECT /a",
                "DELETE /a",
                "OPTIONS /a",
                "PATCH /a",
                "TRACE /a",
            ],
            answers: &[
                ("CONNECT", "/a", "CONNECT /a", ""),
                ("DELETE", "/a", "DELETE /a", "h"),
                ("OPTIONS", "/a", "OPTIONS /a", "h"),
                ("PATCH", "/a", "PATCH /a", "h"),
                ("TRACE", "/a", "TRACE /a", "h"),
                ("GET", "/a", "405", ""),
            ],
        },
        Shape {
            name: "security: any",
            router: new().route("/a", any(h)),
            lists: &["ANY /a"],
            answers: &[
                ("GET", "/a", "ANY /a", "h"),
                ("HEAD", "/a", "ANY /a", ""),
                ("OPTIONS", "/a", "ANY /a", "h"),
                ("BREW", "/a", "ANY /a", "h"),
            ],
        },
        Shape {
            name: "security: any and post",
            router: new().route("/a", any(h).post(other)),
            lists: &["ANY /a", "POST /a"],
            answers: &[
                ("GET", "/a", "ANY /a", "h"),
                ("POST", "/a", "POST /a", "other"),
                ("BREW", "/a", "ANY /a", "h"),
            ],
        },
        Shape {
            name: "security: any merged into get",
            router: new().route("/a", get(h)).route("/a", any(other)),
            lists: &["ANY /a", "GET /a"],
            answers: &[
                ("GET", "/a", "GET /a", "h"),
                ("HEAD", "/a", "GET /a", ""),
                ("PUT", "/a", "ANY /a", "other"),
            ],
        },
        Shape {
            name: "parameters and wildcards as they are written",
            router: new()
                .route("/u/{id}", get(h))
                .route("/f/{*rest}", get(other)),
            lists: &["GET /f/{*rest}", "GET /u/{id}"],
            answers: &[
                ("GET", "/u/1", "GET /u/{id}", "h"),
                ("GET", "/f/1/2", "GET /f/{*rest}", "other"),
                ("GET", "/u/", "404", ""),
                ("GET", "/u/1/2", "404", ""),
                ("GET", "/f/", "404", ""),
            ],
        },
        Shape {
            name: "a path that needs escapes in a string",
            router: new().route("/a\"b\\c\u{e9}", get(h)),
            lists: &["GET /a\"b\\c\u{e9}"],
            answers: &[],
        },
        Shape {
            name: "a colon, by permission",
            router: new().without_v07_checks().route("/:id", get(h)),
            lists: &["GET /:id"],
            answers: &[("GET", "/:id", "GET /:id", "h"), ("GET", "/1", "404", "")],
        },
        Shape {
            name: "a method router without a method",
            router: new().route("/a", MethodRouter::new()).route("/b", get(h)),
            lists: &["GET /b"],
            answers: &[("GET", "/a", "405", ""), ("GET", "/b", "GET /b", "h")],
        },
        Shape {
            name: "layers on a method router",
            router: new().route("/a", get(h).layer(from_fn(pass)).post(other)),
            lists: &["GET /a", "POST /a"],
            answers: &[
                ("GET", "/a", "GET /a", "h"),
                ("POST", "/a", "POST /a", "other"),
            ],
        },
        Shape {
            name: "a route layer",
            router: new().route("/a", get(h)).route_layer(from_fn(pass)),
            lists: &["GET /a"],
            answers: &[("GET", "/a", "GET /a", "h"), ("PUT", "/a", "405", "")],
        },
        Shape {
            name: "a method router with a state of its own",
            router: new().route("/a", get(h).post(h).with_state(())),
            lists: &["GET /a", "POST /a"],
            answers: &[("GET", "/a", "GET /a", "h")],
        },
    ])
    .await;
}

#[tokio::test]
async fn nested_and_merged_routers() {
    let new = Router::new;
    check(vec![
        Shape {
            name: "nest",
            router: new().nest("/api", new().route("/a", get(h)).route("/", post(other))),
            lists: &["GET /api/a", "POST /api"],
            answers: &[
                ("GET", "/api/a", "GET /api/a", "h"),
                ("POST", "/api", "POST /api", "other"),
                ("POST", "/api/", "404", ""),
                ("GET", "/api", "405", ""),
                ("GET", "/a", "404", ""),
            ],
        },
        Shape {
            name: "nest in nest, below a parameter",
            router: new().nest(
                "/t/{tenant}",
                new().nest("/x", new().route("/{id}", get(h))),
            ),
            lists: &["GET /t/{tenant}/x/{id}"],
            answers: &[
                ("GET", "/t/1/x/2", "GET /t/{tenant}/x/{id}", "h"),
                ("GET", "/t/1/x", "404", ""),
            ],
        },
        Shape {
            name: "nest with a slash at the end",
            router: new().nest("/api/", new().route("/a", get(h)).route("/", post(other))),
            lists: &["GET /api/a", "POST /api/"],
            answers: &[
                ("GET", "/api/a", "GET /api/a", "h"),
                ("POST", "/api/", "POST /api/", "other"),
                ("POST", "/api", "404", ""),
            ],
        },
        Shape {
            name: "merge",
            router: new()
                .route("/a", get(h))
                .merge(new().route("/a", post(other))),
            lists: &["GET /a", "POST /a"],
            answers: &[
                ("GET", "/a", "GET /a", "h"),
                ("POST", "/a", "POST /a", "other"),
            ],
        },
    ])
    .await;
}

#[tokio::test]
async fn services() {
    let new = Router::new;
    let inner = || Router::new().route("/hidden", get(h));
    let dir = ServeDir::new("/nowhere").fallback(service("fallback"));
    check(vec![
        Shape {
            name: "get_service",
            router: new().route("/a", get_service(service("service"))),
            lists: &["GET /a"],
            answers: &[("GET", "/a", "GET /a", "service"), ("PUT", "/a", "405", "")],
        },
        Shape {
            name: "on_service",
            router: new().route("/a", on_service(MethodFilter::DELETE, service("service"))),
            lists: &["DELETE /a"],
            answers: &[("DELETE", "/a", "DELETE /a", "service")],
        },
        Shape {
            name: "security: any_service is for every method",
            router: new().route("/a", any_service(service("service"))),
            lists: &["ANY /a"],
            answers: &[("BREW", "/a", "ANY /a", "service")],
        },
        Shape {
            name: "security: route_service loses its methods",
            router: new().route_service("/a", service("service")),
            lists: &["service ANY /a"],
            answers: &[
                ("GET", "/a", "ANY /a", "service"),
                ("BREW", "/a", "ANY /a", "service"),
                ("GET", "/a/", "404", ""),
            ],
        },
        Shape {
            name: "security: nest_service is one opaque mount",
            router: new().nest_service("/assets", dir),
            lists: &["service ANY /assets/**"],
            answers: &[
                ("GET", "/assets", "ANY /assets/**", "fallback"),
                ("GET", "/assets/", "ANY /assets/**", "fallback"),
                ("GET", "/assets/a/b", "ANY /assets/**", "fallback"),
                ("GET", "/assets-2", "404", ""),
            ],
        },
        Shape {
            name: "nest_service with a slash at the end",
            router: new().nest_service("/assets/", service("service")),
            lists: &["service ANY /assets/**"],
            answers: &[
                ("GET", "/assets/", "ANY /assets/**", "service"),
                ("GET", "/assets/a", "ANY /assets/**", "service"),
                ("GET", "/assets", "404", ""),
            ],
        },
        Shape {
            name: "nest_service with a slash at the end, a route without it",
            router: new()
                .nest_service("/assets/", service("service"))
                .route("/assets", get(h)),
            lists: &["GET /assets", "service ANY /assets/**"],
            answers: &[
                ("GET", "/assets", "GET /assets", "h"),
                ("GET", "/assets/a", "ANY /assets/**", "service"),
            ],
        },
        Shape {
            name: "security: a router as a service hides its routes",
            router: new().nest_service("/x", inner()),
            lists: &["service ANY /x/**"],
            answers: &[
                ("GET", "/x/hidden", "ANY /x/**", "h"),
                ("GET", "/x/none", "ANY /x/**", "404"),
            ],
        },
        Shape {
            name: "nest_service inside nest",
            router: new().nest(
                "/api",
                new()
                    .nest_service("/x", service("service"))
                    .route("/y", get(h)),
            ),
            lists: &["GET /api/y", "service ANY /api/x/**"],
            answers: &[
                ("GET", "/api/y", "GET /api/y", "h"),
                ("GET", "/api/x", "ANY /api/x/**", "service"),
                ("GET", "/api/x/1/2", "ANY /api/x/**", "service"),
            ],
        },
        Shape {
            name: "two mounts, one below the other",
            router: new()
                .nest_service("/x", service("outer"))
                .nest_service("/x/y", service("inner")),
            lists: &["service ANY /x/**", "service ANY /x/y/**"],
            answers: &[
                ("GET", "/x/1", "ANY /x/**", "outer"),
                ("GET", "/x/y", "ANY /x/y/**", "inner"),
                ("GET", "/x/y/1", "ANY /x/y/**", "inner"),
                ("GET", "/x/y2", "ANY /x/**", "outer"),
            ],
        },
    ])
    .await;
}

#[tokio::test]
async fn fallbacks() {
    let new = Router::new;
    let inner = || Router::new().route("/hidden", get(h));
    let a = || Router::new().route("/a", get(h));
    check(vec![
        Shape {
            name: "security: a handler",
            router: a().fallback(other),
            lists: &["FALLBACK", "GET /a"],
            answers: &[
                ("GET", "/a", "GET /a", "h"),
                ("GET", "/", "FALLBACK", "other"),
                ("BREW", "/none", "FALLBACK", "other"),
                ("GET", "/none/more/", "FALLBACK", "other"),
                ("OPTIONS", "*", "FALLBACK", "other"),
                ("CONNECT", "example.com:443", "FALLBACK", ""),
                ("PUT", "/a", "405", ""),
            ],
        },
        Shape {
            name: "a fallback alone",
            router: new().fallback(h),
            lists: &["FALLBACK"],
            answers: &[
                ("GET", "/", "FALLBACK", "h"),
                ("GET", "/x", "FALLBACK", "h"),
            ],
        },
        Shape {
            name: "security: a service",
            router: a().fallback_service(service("service")),
            lists: &["GET /a", "service FALLBACK"],
            answers: &[
                ("GET", "/none", "FALLBACK", "service"),
                ("OPTIONS", "*", "FALLBACK", "service"),
            ],
        },
        Shape {
            name: "security: a router hides its routes",
            router: a().fallback_service(inner()),
            lists: &["GET /a", "service FALLBACK"],
            answers: &[
                ("GET", "/hidden", "FALLBACK", "h"),
                ("GET", "/none", "FALLBACK", "404"),
            ],
        },
        Shape {
            name: "taken back",
            router: a().fallback(h).reset_fallback(),
            lists: &["GET /a"],
            answers: &[("GET", "/none", "404", ""), ("OPTIONS", "*", "404", "")],
        },
        Shape {
            name: "security: of a nested router, while the outermost is axum's own",
            router: new().nest("/in", a().fallback(other)),
            lists: &["FALLBACK /in", "GET /in/a"],
            answers: &[
                ("GET", "/in/a", "GET /in/a", "h"),
                ("GET", "/in", "FALLBACK /in", "other"),
                ("GET", "/in/none", "FALLBACK /in", "other"),
                ("GET", "/in/", "404", ""),
                ("GET", "/none", "404", ""),
            ],
        },
        Shape {
            name: "a service, of a nested router",
            router: new().nest("/in", a().fallback_service(service("service"))),
            lists: &["GET /in/a", "service FALLBACK /in"],
            answers: &[("GET", "/in/none", "FALLBACK /in", "service")],
        },
        Shape {
            name: "of both",
            router: new()
                .nest("/in", a().fallback(other))
                .fallback_service(service("service")),
            lists: &["FALLBACK /in", "GET /in/a", "service FALLBACK"],
            answers: &[
                ("GET", "/in/none", "FALLBACK /in", "other"),
                ("GET", "/in/", "FALLBACK", "service"),
                ("GET", "/none", "FALLBACK", "service"),
            ],
        },
        Shape {
            name: "two routers down",
            router: new().nest("/o", new().nest("/in", a().fallback(h)).fallback(other)),
            lists: &["FALLBACK /o", "FALLBACK /o/in", "GET /o/in/a"],
            answers: &[
                ("GET", "/o/in/none", "FALLBACK /o/in", "h"),
                ("GET", "/o/none", "FALLBACK /o", "other"),
                ("GET", "/none", "404", ""),
            ],
        },
        Shape {
            name: "two routers down, and axum drops it",
            router: new().nest("/o", new().nest("/in", a().fallback(h))),
            lists: &["GET /o/in/a"],
            answers: &[("GET", "/o/in/none", "404", "")],
        },
        Shape {
            name: "of a router nested with a slash at the end",
            router: new().nest("/in/", a().fallback(other)),
            lists: &["FALLBACK /in", "GET /in/a"],
            answers: &[
                ("GET", "/in/", "FALLBACK /in", "other"),
                ("GET", "/in/none", "FALLBACK /in", "other"),
                ("GET", "/in", "404", ""),
            ],
        },
        Shape {
            name: "merge brings it along",
            router: a().merge(new().route("/b", get(h)).fallback(other)),
            lists: &["FALLBACK", "GET /a", "GET /b"],
            answers: &[("GET", "/none", "FALLBACK", "other")],
        },
        Shape {
            name: "a route at the root shadows one of its paths",
            router: new().route("/", get(h)).fallback(other),
            lists: &["FALLBACK", "GET /"],
            answers: &[
                ("GET", "/", "GET /", "h"),
                ("PUT", "/", "405", ""),
                ("GET", "/none", "FALLBACK", "other"),
            ],
        },
        Shape {
            name: "security: for other methods",
            router: new().route("/a", get(h).fallback(other)),
            lists: &["ANY /a", "GET /a"],
            answers: &[
                ("GET", "/a", "GET /a", "h"),
                ("PUT", "/a", "ANY /a", "other"),
                ("BREW", "/a", "ANY /a", "other"),
            ],
        },
        Shape {
            name: "a service for other methods",
            router: new().route("/a", get(h).fallback_service(service("service"))),
            lists: &["ANY /a", "GET /a"],
            answers: &[("PUT", "/a", "ANY /a", "service")],
        },
        Shape {
            name: "method_not_allowed_fallback",
            router: a().method_not_allowed_fallback(other).route("/b", get(h)),
            lists: &["ANY /a", "GET /a", "GET /b"],
            answers: &[
                ("PUT", "/a", "ANY /a", "other"),
                ("PUT", "/b", "405", ""),
                ("GET", "/none", "404", ""),
            ],
        },
        Shape {
            name: "for other methods than none",
            router: new().route("/a", MethodRouter::new().fallback(h)),
            lists: &["ANY /a"],
            answers: &[("GET", "/a", "ANY /a", "h")],
        },
    ])
    .await;
}
