//! Every place where a handler or service can stand: none runs before its session or its proof, and a
//! webhook gets the very bytes that were verified.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use session_auth::methods::{ANY, FALLBACK, GET, POST};
use session_auth::routing::{MethodFilter, any, any_service, get, on, post_service};
use session_auth::{Router, public, session, webhook};
use tower::{Service, ServiceExt as _, service_fn};

use crate::world::{BOTH, Class, Counter, FORGED, PREFLIGHT, auth, proof, protect, request};

macro_rules! declaring {
    ($class:expr, $methods:expr, $path:expr, $declared:ident => $then:expr) => {
        match $class {
            Class::Session => {
                let $declared = session($methods, $path);
                $then
            }
            Class::Webhook => {
                let $declared = webhook($methods, $path, "repeated");
                $then
            }
        }
    };
}

/// A handler that counts and gives its body back.
fn echo(
    ran: &Counter,
) -> impl Fn(Bytes) -> std::future::Ready<Bytes> + Clone + Send + Sync + 'static {
    let ran = ran.clone();
    move |body| {
        ran.add();
        std::future::ready(body)
    }
}

/// The same as a service.
fn service(
    ran: &Counter,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let ran = ran.clone();
    service_fn(move |request: Request| {
        ran.add();
        std::future::ready(Ok(Response::new(request.into_body())))
    })
}

/// The same as a router of another crate's.
fn foreign(ran: &Counter) -> axum::Router {
    axum::Router::new()
        .route("/a", axum::routing::any(echo(ran)))
        .fallback(echo(ran))
}

struct Position {
    name: &'static str,
    router: Router,
    method: &'static str,
    paths: &'static [&'static str],
}

fn positions(class: Class, ran: &Counter) -> Vec<Position> {
    let open = || public(GET, "/a", "a test").to(|| async {});
    let new = || Router::new();
    let h = || echo(ran);
    let s = || service(ran);
    let at = |name, method, paths, router| Position {
        name,
        router,
        method,
        paths,
    };
    vec![
        at(
            "mount",
            "POST",
            &["/a"],
            declaring!(class, POST, "/a", d => new().mount(d.to(h()))),
        ),
        at(
            "any",
            "BREW",
            &["/a"],
            declaring!(class, ANY, "/a", d => new().route("/a", any(d.to(h())))),
        ),
        at(
            "on",
            "PUT",
            &["/a"],
            declaring!(class, ANY, "/a", d => {
                new().route("/a", on(MethodFilter::PUT.or(MethodFilter::DELETE), d.to(h())))
            }),
        ),
        at(
            "a second method",
            "POST",
            &["/a"],
            declaring!(class, POST, "/a", d => new().route("/a", get(open()).post(d.to(h())))),
        ),
        at(
            "a second route",
            "POST",
            &["/a"],
            declaring!(class, POST, "/a", d => new().mount(open()).mount(d.to(h()))),
        ),
        at(
            "a method fallback",
            "POST",
            &["/a"],
            declaring!(class, ANY, "/a", d => new().route("/a", get(open()).fallback(d.to(h())))),
        ),
        at(
            "method_not_allowed_fallback",
            "POST",
            &["/a"],
            declaring!(class, FALLBACK, "/", d => {
                new().mount(open()).method_not_allowed_fallback(d.to(h()))
            }),
        ),
        at(
            "a fallback",
            "GET",
            &["/", "/none", "/a/b", "*"],
            declaring!(class, FALLBACK, "/", d => new().mount(open()).fallback(d.to(h()))),
        ),
        at(
            "a nested fallback",
            "GET",
            &["/in", "/in/none"],
            declaring!(class, FALLBACK, "/in", d => {
                new().mount(open()).nest("/in", new().fallback(d.to(h())))
            }),
        ),
        at(
            "a merged fallback",
            "GET",
            &["/none"],
            declaring!(class, FALLBACK, "/", d => new().mount(open()).merge(new().fallback(d.to(h())))),
        ),
        at(
            "nested twice",
            "GET",
            &["/x/7/a"],
            declaring!(class, GET, "/x/{id}/a", d => {
                let inner = new().nest("/{id}", new().route("/a", get(d.to(h()))));
                new().nest("/x", inner)
            }),
        ),
        at(
            "nested with a slash",
            "GET",
            &["/x/"],
            declaring!(class, GET, "/x/", d => new().nest("/x/", new().route("/", get(d.to(h()))))),
        ),
        at(
            "a catch-all",
            "GET",
            &["/w/a", "/w/a/b", "/w//", "/w/../a", "/w/%2e%2e"],
            declaring!(class, GET, "/w/{*rest}", d => new().mount(d.to(h()))),
        ),
        at(
            "route_with_tsr",
            "GET",
            &["/a"],
            declaring!(class, GET, "/a", d => new().route_with_tsr("/a", get(d.to(h())))),
        ),
        at(
            "under",
            "GET",
            &["/base/a"],
            declaring!(class, GET, "/a", d => new().mount(d.to(h())).under("/base")),
        ),
        at(
            "route_service",
            "BREW",
            &["/a"],
            declaring!(class, ANY, "/a", d => new().route_service(d, "/a", s())),
        ),
        at(
            "nest_service",
            "GET",
            &["/a", "/a/", "/a/b", "/a//", "/a/;x", "/a/%61"],
            declaring!(class, ANY, "/a", d => new().nest_service(d, "/a", s())),
        ),
        at(
            "fallback_service",
            "GET",
            &["/", "/none", "/none/"],
            declaring!(class, FALLBACK, "/", d => new().mount(open()).fallback_service(d, s())),
        ),
        at(
            "a service by method",
            "POST",
            &["/a"],
            declaring!(class, POST, "/a", d => new().route("/a", get(open()).merge(post_service(d, s())))),
        ),
        at(
            "any_service",
            "BREW",
            &["/a"],
            declaring!(class, ANY, "/a", d => new().route("/a", any_service(d, s()))),
        ),
        at(
            "mount_axum",
            "GET",
            &["/f/a", "/f/none", "/f"],
            declaring!(class, ANY, "/f", d => new().mount_axum(d, foreign(ran))),
        ),
        at(
            "mount_axum at the root",
            "GET",
            &["/a", "/none", "/"],
            declaring!(class, ANY, "/", d => new().mount_axum(d, foreign(ran))),
        ),
    ]
}

#[tokio::test]
async fn security_nothing_runs_before_its_session_or_proof_wherever_it_stands() {
    for class in BOTH {
        let other = match class {
            Class::Session => Class::Webhook,
            Class::Webhook => Class::Session,
        };
        let ran = Counter::default();
        for position in positions(class, &ran) {
            let Position {
                name,
                router,
                method,
                paths,
            } = position;
            let auth = auth();
            let app = protect(&auth, router);
            let (right, wrong) = (proof(class, &auth).await, proof(other, &auth).await);
            let of_others = proof(class, &crate::world::auth()).await;
            for path in paths {
                // `OPTIONS *` has no other method.
                let method = if *path == "*" { "OPTIONS" } else { method };
                let mut tries = vec!["", FORGED, &*wrong];
                if matches!(class, Class::Session) {
                    tries.push(&of_others);
                }
                let before = ran.get();
                for headers in tries {
                    let (status, _) = answer(&app, request(method, path, headers)).await;
                    let met = format!("{class:?} by {name}: {method} {path} {headers}");
                    assert_eq!((status, ran.get()), (401, before), "{met}");
                }
                let (status, body) = answer(&app, request("OPTIONS", path, PREFLIGHT)).await;
                assert!(
                    status >= 400,
                    "{class:?} by {name}: a preflight of {path}: {status}"
                );
                assert_eq!(
                    ran.get(),
                    before,
                    "{class:?} by {name}: a preflight of {path}"
                );
                assert_ne!(body, "the bytes");
                let (status, body) = answer(&app, request(method, path, &right)).await;
                let met = format!("{class:?} by {name}: {method} {path}");
                assert_eq!((status, &*body), (200, "the bytes"), "{met}");
                assert_eq!(ran.get(), before + 1, "{met}");
            }
        }
    }
}

async fn answer(app: &session_auth::Protected, request: Request) -> (u16, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body: Body = response.into_body();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The redirect to the other form of a path is of the class of its target.
#[tokio::test]
async fn security_the_other_form_of_a_slash_says_nothing_to_a_stranger() {
    for class in BOTH {
        let ran = Counter::default();
        let routes = declaring!(class, GET, "/a", d => {
            Router::new().route_with_tsr("/a", get(d.to(echo(&ran))))
        });
        let auth = auth();
        let app = protect(&auth, routes);
        for (method, headers) in [("GET", ""), ("POST", FORGED), ("OPTIONS", PREFLIGHT)] {
            let (status, _) = answer(&app, request(method, "/a/", headers)).await;
            assert_eq!(status, 401, "{class:?} {method}");
        }
        let right = proof(class, &auth).await;
        let (status, _) = answer(&app, request("GET", "/a/", &right)).await;
        assert_eq!(status, 308);
        assert_eq!(ran.get(), 0);
    }
}

/// One of our routers or axum's inside a service shows nothing of its routes.
#[tokio::test]
async fn a_router_in_a_service_is_told_to_be_nested() {
    use session_auth::audit;

    let ran = Counter::default();
    let inner = || Router::new().mount(session(GET, "/a").to(echo(&ran)));
    let class = || public(ANY, "/in", "a test");
    let methods = || get(session(GET, "/in").to(echo(&ran)));
    let axums: axum::Router = inner().into();
    let axums_methods: axum::routing::MethodRouter = methods().into();
    for (what, routes) in [
        ("ours", Router::new().nest_service(class(), "/in", inner())),
        (
            "axum's",
            Router::new().nest_service(class(), "/in", axums.clone()),
        ),
        (
            "a method router",
            Router::new().nest_service(class(), "/in", methods()),
        ),
        (
            "axum's method router",
            Router::new().nest_service(class(), "/in", axums_methods),
        ),
        (
            "on a path",
            Router::new().route_service(class(), "/in", inner()),
        ),
        (
            "as a fallback",
            Router::new().fallback_service(public(FALLBACK, "/", "a test"), axums.clone()),
        ),
        (
            "by method",
            Router::new().route("/in", any_service(class(), axums)),
        ),
    ] {
        let error = crate::common::protect(&auth(), routes.clone()).unwrap_err();
        let says = "use `nest` or `merge`";
        assert!(error.to_string().contains(says), "{what}: {error}");
        assert!(
            error.to_string().contains("positions.rs:"),
            "{what}: {error}"
        );
        let error = audit::check(&routes).unwrap_err();
        assert!(error.to_string().contains(says), "{what}: {error}");
    }
}

/// A protected app in a service keeps its guards.
#[tokio::test]
async fn security_a_protected_app_in_a_service_is_guarded() {
    for class in BOTH {
        let ran = Counter::default();
        let auth = auth();
        let inner = declaring!(class, GET, "/a", d => Router::new().mount(d.to(echo(&ran))));
        let inner = protect(&auth, inner);
        let outer = Router::new().nest_service(public(ANY, "/in", "a test"), "/in", inner);
        let app = protect(&auth, outer);
        let (status, _) = answer(&app, request("GET", "/in/a", FORGED)).await;
        assert_eq!((status, ran.get()), (401, 0), "{class:?}");
        let right = proof(class, &auth).await;
        let (status, _) = answer(&app, request("GET", "/in/a", &right)).await;
        assert_eq!((status, ran.get()), (200, 1), "{class:?}");
    }
}

/// A prefix that is none does not start, and says why.
#[tokio::test]
async fn a_prefix_that_is_none_does_not_start() {
    let routes = || Router::new().mount(session(GET, "/a").to(|| async {}));
    for (prefix, why) in [
        ("v1", "start with `/`"),
        ("/v1/", "slash at its end"),
        ("/a//b", "empty segment"),
        ("/{tenant}", "plain text"),
        ("/{*rest}", "plain text"),
        ("/a?b", "plain text"),
        ("/a b", "plain text"),
        ("/:a", "plain text"),
    ] {
        let error = crate::common::protect(&auth(), routes().under(prefix)).unwrap_err();
        assert!(error.to_string().contains(why), "{prefix:?}: {error}");
    }
}

/// `FALLBACK` without a path is the outermost router's, with one a nested router's.
#[tokio::test]
async fn security_a_fallback_speaks_for_its_own_router_alone() {
    for class in BOTH {
        let ran = Counter::default();
        let outermost =
            || declaring!(class, FALLBACK, "/", d => Router::new().fallback(d.to(echo(&ran))));
        let of_in =
            || declaring!(class, FALLBACK, "/in", d => Router::new().fallback(d.to(echo(&ran))));
        let open = || Router::new().mount(public(GET, "/a", "a test").to(|| async {}));
        for (what, routes) in [
            ("the outermost's, nested", open().nest("/in", outermost())),
            ("a nested one's, outermost", open().merge(of_in())),
            ("a nested one's, elsewhere", open().nest("/other", of_in())),
            (
                "a nested one's, deeper",
                open().nest(
                    "/x",
                    Router::new()
                        .nest("/in", of_in())
                        .fallback(public(FALLBACK, "/x", "a test").to(|| async {})),
                ),
            ),
        ] {
            let error = crate::common::protect(&auth(), routes).unwrap_err();
            let says = error.to_string();
            assert!(says.contains("wrong-handler"), "{class:?}: {what}: {says}");
        }
    }
}
