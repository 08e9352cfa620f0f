//! Whole services and routers under one class; and the router as a service.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use common::{ask, auth, cookie_of, got, protect, protected, service};
use http::StatusCode;
use session_auth::methods::{ANY, FALLBACK, GET, POST};
use session_auth::routing::{self, get};
use session_auth::{Methods, Router, declare_route, public, public_route, session, session_route};
use tower::ServiceExt;

#[tokio::test]
async fn a_whole_router_has_one_class() {
    let foreign = || {
        axum::Router::new()
            .route("/", axum::routing::get(|| async { "root" }))
            .route("/deep/{id}", axum::routing::get(|| async { "deep" }))
            .fallback(|| async { (StatusCode::NOT_FOUND, "none of mine") })
    };
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let routes = Router::new()
        .mount_axum(session(ANY, "/admin").reason("back office"), foreign())
        .mount_axum(public(ANY, "/docs", "documentation"), foreign());
    let app = protect(&auth, routes).unwrap();
    for (method, path, stranger, member) in [
        ("GET", "/admin", "401", "root"),
        ("GET", "/admin/deep/1", "401", "deep"),
        ("POST", "/admin/deep/1", "405", "405"),
        ("GET", "/admin/none", "401", "404"),
        ("GET", "/docs", "root", "root"),
        ("GET", "/docs/deep/1", "deep", "deep"),
        ("GET", "/docs/none", "404", "404"),
        ("GET", "/docs-admin", "404", "404"),
    ] {
        assert_eq!(got(&app, method, path).await, stranger, "{method} {path}");
        let answer = ask(&app, method, path, &cookie).await;
        assert_eq!(answer.shown(), member, "{method} {path}");
    }
}

/// As axum's `merge`, what is no router but turns into one: swagger-ui's builder, say.
#[tokio::test]
async fn whatever_turns_into_axums_router_is_taken_in() {
    struct Console(&'static str);
    impl<S: Clone + Send + Sync + 'static> From<Console> for axum::Router<S> {
        fn from(console: Console) -> Self {
            Self::new().route(console.0, axum::routing::get(|| async { "console" }))
        }
    }
    declare_route!(public_route(GET, "/open", reason = "a console"));
    let auth = auth();
    let routes = Router::new()
        .merge_axum(Console("/open"))
        .mount_axum(session(ANY, "/"), Console("/console"));
    let app = protect(&auth, routes).unwrap();
    assert_eq!(got(&app, "GET", "/open").await, "console");
    assert_eq!(got(&app, "GET", "/console").await, "401");
}

/// One guard for each way in which a router takes something.
#[tokio::test]
async fn security_each_kind_of_mount_is_guarded() {
    let inside = || axum::Router::new().fallback(|| async { "inside" });
    let by =
        |methods: Methods, path: &'static str| session(methods, path).to(|| async { "inside" });
    let routers: [(&str, &str, Router); 13] = [
        ("a handler", "/x", Router::new().mount(by(GET, "/x"))),
        ("any", "/x", Router::new().mount(by(ANY, "/x"))),
        (
            "a route",
            "/x",
            Router::new().route("/x", get(by(GET, "/x"))),
        ),
        (
            "a nested route",
            "/x/y",
            Router::new().nest("/x", Router::new().route("/y", get(by(GET, "/x/y")))),
        ),
        (
            "a merged route",
            "/x",
            Router::new().merge(Router::new().mount(by(GET, "/x"))),
        ),
        (
            "a service on a path",
            "/x",
            Router::new().route_service(session(ANY, "/x"), "/x", service("inside")),
        ),
        (
            "a service below a path",
            "/x/y",
            Router::new().nest_service(session(ANY, "/x"), "/x", service("inside")),
        ),
        (
            "the path of a service",
            "/x",
            Router::new().nest_service(session(ANY, "/x"), "/x", service("inside")),
        ),
        (
            "an axum router",
            "/x/y",
            Router::new().mount_axum(session(ANY, "/x"), inside()),
        ),
        (
            "an axum router on the root",
            "/x",
            Router::new().mount_axum(session(ANY, "/"), inside()),
        ),
        (
            "a fallback",
            "/x",
            Router::new().fallback(by(FALLBACK, "/")),
        ),
        (
            "a fallback service",
            "/x",
            Router::new().fallback_service(session(FALLBACK, "/"), service("inside")),
        ),
        (
            "a redirect to the other form of the slash",
            "/x/",
            Router::new().route_with_tsr("/x", get(by(GET, "/x"))),
        ),
    ];
    for (what, path, router) in routers {
        let auth = auth();
        let cookie = cookie_of(&auth).await;
        let app = protect(&auth, router).unwrap();
        let stranger = ask(&app, "GET", path, "").await;
        assert_eq!(stranger.status, 401, "{what}: {stranger:?}");
        let member = ask(&app, "GET", path, &cookie).await;
        if what.starts_with("a redirect") {
            assert_eq!(member.status, 308, "{what}: {member:?}");
        } else {
            assert_eq!(member.body, "inside", "{what}: {member:?}");
        }
    }
}

#[tokio::test]
async fn errors_of_services_become_responses() {
    let failing = tower::service_fn(|_: Request| async { Err::<Response, _>("out of order") });
    let on_failure = routing::get_service(session(GET, "/a"), failing)
        .handle_error(|error: &'static str| async move { (StatusCode::BAD_GATEWAY, error) });
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let app = protect(&auth, Router::new().route("/a", on_failure)).unwrap();
    assert_eq!(ask(&app, "GET", "/a", "").await.status, 401);
    let answer = ask(&app, "GET", "/a", &cookie).await;
    assert_eq!((answer.status, answer.body.as_str()), (502, "out of order"));
}

#[session_route(GET, "/page")]
async fn members_page() -> &'static str {
    "here"
}

#[tokio::test]
async fn a_router_is_a_service_in_which_only_public_handlers_run() {
    let routes = || {
        Router::new()
            .mount(public(GET, "/open", "test").to(|| async { "open" }))
            .mount(members_page)
    };
    async fn checked<S>(what: &str, service: S)
    where
        S: tower::Service<Request, Response = Response, Error = Infallible> + Clone,
    {
        assert_eq!(
            ask(&service, "GET", "/open", "").await.body,
            "open",
            "{what}"
        );
        assert_eq!(
            ask(&service, "GET", "/page", "").await.status,
            500,
            "{what}"
        );
    }
    checked("itself", routes()).await;
    checked("into_service", routes().into_service::<Body>()).await;
    checked("into_axum", routes().into_axum()).await;
    checked("into", axum::Router::<()>::from(routes())).await;
    checked("merged", axum::Router::new().merge(routes())).await;
    let mut router = routes();
    let request = http::Request::get("/page").body(String::new()).unwrap();
    let answer = router.as_service().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 500, "as_service");
    // Of any body type.
    let request = http::Request::get("/open").body(String::new()).unwrap();
    assert_eq!(routes().oneshot(request).await.unwrap().status(), 200);

    let methods = || get(public(GET, "/open", "test").to(|| async { "open" })).post(post_page);
    let axums: axum::routing::MethodRouter = methods().into();
    for (what, router) in [("into", axums), ("into_axum", methods().into_axum())] {
        assert_eq!(ask(&router, "GET", "/", "").await.body, "open", "{what}");
        assert_eq!(ask(&router, "POST", "/", "").await.status, 500, "{what}");
    }
    assert_eq!(ask(&methods(), "GET", "/", "").await.body, "open");
    assert_eq!(ask(&methods(), "POST", "/", "").await.status, 500);
    // A method router is a handler of axum's.
    let handler = axum::routing::any(methods());
    assert_eq!(ask(&handler, "GET", "/", "").await.body, "open");
    assert_eq!(ask(&handler, "POST", "/", "").await.status, 500);
}

#[session_route(POST, "/page")]
async fn post_page() -> &'static str {
    "here"
}

/// Each can be given to `axum::serve`, as it is and by its make-services.
#[tokio::test]
async fn everything_is_served_as_axum_serves() {
    async fn serving<L, F>(what: &str, serve: F)
    where
        F: FnOnce(tokio::net::TcpListener) -> L,
        L: IntoFuture<Output = std::io::Result<()>>,
        L::IntoFuture: Send + 'static,
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener).into_future());
        let answer = common::request(address, "GET", "/open", "").await;
        assert_eq!(answer.body, "open", "{what}");
        server.abort();
    }
    let open = || get(public(GET, "/open", "test").to(|| async { "open" }));
    let routes = || Router::new().route("/open", open());
    let app = protected(routes());
    serving("a router", |on| axum::serve(on, routes())).await;
    serving("its make-service", |on| {
        axum::serve(on, routes().into_make_service())
    })
    .await;
    serving("its make-service with the peer", |on| {
        axum::serve(
            on,
            routes().into_make_service_with_connect_info::<SocketAddr>(),
        )
    })
    .await;
    serving("a method router", |on| axum::serve(on, open())).await;
    serving("its make-service", |on| {
        axum::serve(on, open().into_make_service())
    })
    .await;
    serving("its make-service with the peer", |on| {
        axum::serve(
            on,
            open().into_make_service_with_connect_info::<SocketAddr>(),
        )
    })
    .await;
    serving("a protected app", |on| app.clone().serve(on)).await;
    serving("its make-service", |on| {
        axum::serve(on, app.clone().into_make_service())
    })
    .await;
    serving("its make-service with the peer", |on| {
        axum::serve(
            on,
            app.clone()
                .into_make_service_with_connect_info::<SocketAddr>(),
        )
    })
    .await;
    serving("its axum router", |on| {
        axum::serve(on, app.clone().into_axum())
    })
    .await;
}

#[public_route(GET, "/one", "/two/{id}", reason = "the same in two places")]
async fn in_two_places() -> &'static str {
    "here"
}

#[tokio::test]
async fn a_served_app_shuts_down_when_it_is_told_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let app = protected(Router::new().mount(in_two_places));
    let served = app.serve(listener).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let server = tokio::spawn(served.into_future());
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn extractors_of_bodies_work_behind_the_guards() {
    let sum =
        |Json(numbers): Json<Vec<u32>>| async move { numbers.iter().sum::<u32>().to_string() };
    let app = protected(Router::new().mount(public(POST, "/sum", "test").to(sum)));
    let address = common::serve(app).await;
    let headers = "Content-Type: application/json\r\n";
    let answer = common::post(address, "/sum", headers, "[1,2,3]").await;
    assert_eq!(answer.body, "6");
}

declare_route!(session_route(ANY, "/declared/route", reason = "test"));
declare_route!(session_route(
    ANY,
    "/declared/below",
    reason = "test",
    subtree
));
declare_route!(session_route(FALLBACK, "/declared", reason = "test"));

/// As the help of `opaque-mount` says.
#[tokio::test]
async fn declare_route_speaks_for_the_services_of_a_foreign_router() {
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let inside = axum::Router::new()
        .route_service("/route", service("on a path"))
        .nest_service("/below", service("below a path"))
        .fallback_service(service("the rest"));
    let foreign = axum::Router::new().nest("/declared", inside);
    let app = protect(&auth, Router::new().merge_axum(foreign)).unwrap();
    for (path, member, route) in [
        ("/declared/route", "on a path", "ANY /declared/route"),
        (
            "/declared/below/x",
            "below a path",
            "ANY /declared/below/**",
        ),
        ("/declared/below", "below a path", "ANY /declared/below/**"),
        ("/declared/none", "the rest", "FALLBACK /declared"),
    ] {
        assert_eq!(got(&app, "GET", path).await, "401", "{path}");
        let before = common::activity(&auth, route).passed;
        let answer = ask(&app, "GET", path, &cookie).await;
        assert_eq!(answer.body, member, "{path}");
        assert_eq!(common::activity(&auth, route).passed, before + 1, "{path}");
    }
}
