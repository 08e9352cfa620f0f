//! Routes of axum's own router, whose class is that of their path: a declaration speaks for the route
//! that it names, and for no other that happens to answer there.

use axum::routing::get;
use session_auth::methods::{FALLBACK, GET};
use session_auth::{Router, declare_route, public_route, session, session_route};
use tower::Layer as _;
use tower_http::services::ServeDir;

use crate::common;
use crate::world::{Class, Counter, FORGED, PREFLIGHT, auth, proof, protect, request, status};

declare_route!(public_route(
    ANY,
    "/assets",
    reason = "of another router",
    subtree
));
declare_route!(public_route(
    GET,
    "/assets/logo.svg",
    reason = "on every page"
));
declare_route!(public_route(GET, "/metrics", reason = "of another router"));
declare_route!(public_route(GET, "/users/me", reason = "of another router"));
declare_route!(session_route(GET, "/users/{id}"));
declare_route!(webhook_route(POST, "/users/{id}", verify = "repeated"));
declare_route!(session_route(FALLBACK));

/// A router with a fallback that needs a session, and others whose declared paths lead there.
fn with_a_fallback(ran: &Counter) -> axum::Router {
    let count = ran.clone();
    let inner = axum::Router::new().route("/logo.svg", get(|| async { "<svg/>" }));
    axum::Router::new()
        .nest("/assets", inner)
        .fallback(move || count.added())
}

/// A parameter where another router has a name.
fn with_a_parameter(ran: &Counter) -> axum::Router {
    let (first, second) = (ran.clone(), ran.clone());
    axum::Router::new().route(
        "/users/{id}",
        get(move || first.added()).post(move || second.added()),
    )
}

/// On this crate's router, and with the layer on axum's.
macro_rules! each_way {
    ($router:expr, $auth:ident, $app:ident => $then:block) => {{
        {
            let $auth = auth();
            let $app = protect(&$auth, Router::new().merge_axum($router));
            $then
        }
        {
            let $auth = auth();
            let $app = $router.layer($auth.clone());
            $then
        }
    }};
}

/// Around a router from outside the layer knows the path alone. So it cannot tell these routes from
/// those that declare the paths, and a fallback not from a route; their handlers, mounted by this crate's functions, refuse.
#[tokio::test]
async fn security_around_a_router_the_handlers_refuse_what_the_path_opens() {
    let ran = Counter::default();
    let (first, second) = (ran.clone(), ran.clone());
    let parameter = session(GET, "/users/{id}").to(move || first.added());
    let fallback = session(FALLBACK, "/").to(move || second.added());
    let router = Router::new()
        .mount(parameter)
        .fallback(fallback)
        .into_axum();
    let app = auth().layer(router);
    for path in ["/assets", "/assets/none", "/metrics"] {
        let got = status(&app, request("GET", path, FORGED)).await;
        assert_eq!((got, ran.get()), (500, 0), "{path}");
    }
    // Of all patterns that match, the strictest holds.
    for path in ["/users/me", "/users/1", "/none"] {
        let got = status(&app, request("GET", path, FORGED)).await;
        assert_eq!((got, ran.get()), (401, 0), "{path}");
    }
}

#[tokio::test]
async fn security_a_fallback_is_not_public_because_a_subtree_is() {
    let ran = Counter::default();
    each_way!(with_a_fallback(&ran), auth, app => {
        for path in ["/assets", "/assets/", "/assets/none", "/metrics", "/none", "/"] {
            for method in ["GET", "POST", "HEAD"] {
                for headers in ["", FORGED] {
                    let got = status(&app, request(method, path, headers)).await;
                    assert_eq!(got, 401, "{method} {path}");
                }
            }
            let got = status(&app, request("OPTIONS", path, PREFLIGHT)).await;
            assert_eq!((got, ran.get()), (401, 0), "{path}");
        }
        // The route that is declared is open.
        assert_eq!(status(&app, request("GET", "/assets/logo.svg", "")).await, 200);
        let _ = &auth;
    });
    assert_eq!(ran.get(), 0);
}

#[tokio::test]
async fn the_fallback_runs_with_a_session() {
    let ran = Counter::default();
    let auth = auth();
    let app = protect(&auth, Router::new().merge_axum(with_a_fallback(&ran)));
    let cookie = proof(Class::Session, &auth).await;
    for (times, path) in ["/assets", "/assets/none", "/metrics", "/"]
        .iter()
        .enumerate()
    {
        assert_eq!(status(&app, request("GET", path, &cookie)).await, 200);
        assert_eq!(ran.get(), times + 1, "{path}");
    }
}

#[tokio::test]
async fn security_a_parameter_is_not_public_because_a_name_elsewhere_is() {
    let ran = Counter::default();
    each_way!(with_a_parameter(&ran), auth, app => {
        for (method, path) in [
            ("GET", "/users/me"),
            ("HEAD", "/users/me"),
            ("POST", "/users/me"),
            ("GET", "/users/1"),
            ("POST", "/users/1"),
        ] {
            let got = status(&app, request(method, path, FORGED)).await;
            assert_eq!((got, ran.get()), (401, 0), "{method} {path}");
        }
        let _ = &auth;
    });
}

/// The class of one method says nothing of another on the same path.
#[tokio::test]
async fn security_each_method_has_its_own_class() {
    let ran = Counter::default();
    let auth = auth();
    let app = protect(&auth, Router::new().merge_axum(with_a_parameter(&ran)));
    let cookie = proof(Class::Session, &auth).await;
    let repeated = proof(Class::Webhook, &auth).await;
    for (method, headers, expected) in [
        ("GET", &*cookie, 200),
        ("GET", &*repeated, 401),
        ("POST", &*cookie, 401),
        ("POST", &*repeated, 200),
        ("DELETE", &*cookie, 405),
    ] {
        let got = status(&app, request(method, "/users/1", headers)).await;
        assert_eq!(got, expected, "{method} {headers}");
    }
    assert_eq!(ran.get(), 2);
}

#[public_route(GET, "/swapped/open", reason = "a test")]
async fn open() -> &'static str {
    "open"
}

#[session_route(GET, "/swapped/mine")]
async fn mine() -> &'static str {
    "mine"
}

/// Two handlers that are swapped: this crate's functions tell, and axum's own cannot, so that a bare
/// layer goes by the path; what this crate's functions mounted refuses there.
#[tokio::test]
async fn security_swapped_handlers_do_not_start_and_refuse_where_they_are_served() {
    use session_auth::routing::get as ours;

    let swapped = || {
        Router::new()
            .route("/swapped/open", ours(mine))
            .route("/swapped/mine", ours(open))
    };
    let error = common::protect(&auth(), swapped()).unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
    for handler in ["by_path::mine", "by_path::open"] {
        assert!(error.to_string().contains(handler), "{error}");
    }
    let app = swapped().into_axum().layer(auth());
    assert_eq!(status(&app, request("GET", "/swapped/open", "")).await, 500);
    assert_eq!(status(&app, request("GET", "/swapped/mine", "")).await, 401);
}

/// A service that axum's own functions mount is as the declaration of its path says, and a path that
/// can be read as another's is refused.
#[tokio::test]
async fn security_services_of_foreign_routers_are_read_as_careless_services_do() {
    declare_route!(public_route(ANY, "/vendor", reason = "a test", subtree));
    declare_route!(session_route(GET, "/vendor/private/{name}"));
    declare_route!(public_route(GET, "/shop/{*path}", reason = "a test"));
    declare_route!(session_route(GET, "/shop/private/{name}"));

    let folder = tempfile::tempdir().unwrap();
    // `get_service` takes no prefix off.
    for below in ["", "shop"] {
        let below = folder.path().join(below);
        std::fs::create_dir_all(below.join("private")).unwrap();
        std::fs::write(below.join("private/a.txt"), "secret").unwrap();
        std::fs::write(below.join("a.txt"), "open").unwrap();
    }
    let files = ServeDir::new(folder.path());
    let secret = || get(|| async { "of the handler" });
    let nested = axum::Router::new()
        .nest_service("/vendor", files.clone())
        .route("/vendor/private/{name}", secret());
    let by_method = axum::Router::new()
        .route("/shop/{*path}", axum::routing::get_service(files))
        .route("/shop/private/{name}", secret());
    for (prefix, router) in [("/vendor", nested), ("/shop", by_method)] {
        let app = protect(&auth(), Router::new().merge_axum(router.clone()));
        let layered = router.layer(auth());
        for tail in [
            "private/a.txt",
            "%70rivate/a.txt",
            "%2570rivate/a.txt",
            "/private/a.txt",
            "./private/a.txt",
            "x/../private/a.txt",
            "x;y/..;z/private/a.txt",
            "private;x/a.txt",
            "private%2fa.txt",
            "private%5ca.txt",
            "private\\a.txt",
        ] {
            let path = format!("{prefix}/{tail}");
            for (what, got) in [
                ("protected", status(&app, request("GET", &path, "")).await),
                ("layered", status(&layered, request("GET", &path, "")).await),
            ] {
                assert!([400, 401].contains(&got), "{what}: {path}: {got}");
            }
        }
        let path = format!("{prefix}/a.txt");
        assert_eq!(status(&app, request("GET", &path, "")).await, 200, "{path}");
    }
}
