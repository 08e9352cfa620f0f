//! Routers that are put together by helpers, in `main`, from other crates, by conditions and tables:
//! what is served is what is checked, and nothing else runs.
//!
//! What the types refuse is in `tests/ui/fail`: routes added to an audited router, a router that no
//! attribute stands on, a handler that is one of two. Declarations that only tests have are found by
//! `route-audit`.

use session_auth::audit::{self, Code};
use session_auth::routing::{MethodRouter, get};
use session_auth::{
    Audited, Router, audited_router, declare_route, public_route, session_route, webhook_route,
};

use crate::common;
use crate::world::{Class, FORGED, auth, proof, protect, request, status};

#[public_route(GET, "/composed/open", reason = "a test")]
async fn open() {}

#[session_route(GET, "/composed/mine")]
async fn mine() {}

#[session_route(POST, "/composed/mine")]
async fn change() {}

#[webhook_route(GET, "/composed/hook", verify = "repeated")]
async fn hook() {}

/// A helper of the kind that adds the same routes wherever it is called.
fn crud(router: Router, path: &str, methods: MethodRouter) -> Router {
    router.route(path, methods)
}

/// The same as a trait.
trait Crud {
    fn crud(self, path: &str, methods: MethodRouter) -> Self;
}

impl Crud for Router {
    fn crud(self, path: &str, methods: MethodRouter) -> Self {
        crud(self, path, methods)
    }
}

/// The same as a builder.
struct Builder(Router);

impl Builder {
    fn crud(self, path: &str, methods: MethodRouter) -> Self {
        Self(crud(self.0, path, methods))
    }
}

#[audited_router]
fn routes() -> Router {
    Router::new()
        .crud("/composed/mine", get(mine).post(change))
        .crud("/composed/open", get(open))
        .crud("/composed/hook", get(hook))
}

/// An audited router that a program goes on with, by the ways that there are.
fn gone_on_with() -> Vec<(&'static str, Router)> {
    let routes = || Router::from(routes());
    vec![
        ("a helper", crud(routes(), "/admin", get(mine))),
        ("a trait", routes().crud("/admin", get(mine))),
        ("a builder", Builder(routes()).crud("/admin", get(mine)).0),
        ("a nest around it", Router::new().nest("/api", routes())),
        ("a helper that nests", {
            let versioned = |version: &str| Router::new().nest(version, routes());
            routes().merge(versioned("/v2"))
        }),
        ("a fold", {
            let all = ["/v1", "/v2"].into_iter();
            all.fold(Router::new(), |all, version| all.nest(version, routes()))
        }),
    ]
}

/// It has to be audited again, as a part of the whole; and then its handlers stand where they do not
/// declare.
#[tokio::test]
async fn security_what_is_added_to_an_audited_router_starts_nowhere() {
    for (what, router) in gone_on_with() {
        let error = common::protect(&auth(), router.clone()).unwrap_err();
        assert!(
            error.to_string().contains("[wrong-handler]"),
            "{what}: {error}"
        );
        let findings = audit::check(&router).unwrap();
        assert!(findings.iter().any(|one| one.code == Code::WrongHandler));
        // Served all the same, in the ways that compile, it refuses.
        for path in [
            "/admin",
            "/api/composed/mine",
            "/v2/composed/mine",
            "/composed/mine",
        ] {
            for method in ["GET", "POST"] {
                let got = status(&router, request(method, path, FORGED)).await;
                assert!(
                    [500, 404, 405].contains(&got),
                    "{what}: {method} {path}: {got}"
                );
            }
        }
    }
    let right: Audited = routes();
    let auth = auth();
    let app = auth.protect(right).unwrap();
    let cookie = proof(Class::Session, &auth).await;
    assert_eq!(
        status(&app, request("POST", "/composed/mine", &cookie)).await,
        200
    );
}

mod admin {
    use super::*;

    #[session_route(GET, "/admin/panel", scope = "admin")]
    pub(super) async fn panel() {}

    pub(super) fn router() -> Router {
        Router::new().route("/panel", get(panel))
    }
}

/// A part that is served by itself, in a task or in another binary, beside the whole that nests it.
#[tokio::test]
async fn security_a_part_that_is_served_beside_the_whole_refuses() {
    let whole = protect(&auth(), Router::new().nest("/admin", admin::router()));
    assert_eq!(
        status(&whole, request("GET", "/admin/panel", "")).await,
        401
    );
    let part = common::serve(admin::router()).await;
    let answer = common::request(part, "GET", "/panel", FORGED).await;
    assert_eq!(answer.status, 500, "{answer:?}");
    // With a guard of its own it stands at another path than it declares.
    let error = common::protect(&auth(), admin::router()).unwrap_err();
    assert!(error.to_string().contains("[wrong-handler]"), "{error}");
}

/// A router of another crate, whichever way it comes: what it mounts is read from itself.
mod foreign {
    use axum::Router;
    use axum::routing::get;

    pub(super) fn router() -> Router {
        Router::new().route("/foreign/undeclared", get(|| async { "everything" }))
    }

    pub(super) async fn later() -> Router {
        router()
    }

    pub(super) fn fallible() -> Result<Router, String> {
        Ok(router())
    }

    pub(super) struct Parts {
        pub(super) router: Router,
    }
}

/// As a macro of another crate makes routes.
macro_rules! vendor_routes {
    ($router:expr, $($path:literal),*) => {
        $router$(.route($path, axum::routing::get(|| async { "everything" })))*
    };
}

#[tokio::test]
async fn security_a_foreign_route_without_a_class_starts_nowhere() {
    use foreign::*;

    let variable = router();
    let parts = Parts { router: router() };
    let glob = vendor_routes!(axum::Router::new(), "/foreign/undeclared", "/foreign/too");
    let all = ["/x", "/y"].into_iter();
    let folded = all.fold(axum::Router::new(), |all, at| all.nest(at, router()));
    let fallible = || -> Result<Router, String> { Ok(Router::new().merge_axum(fallible()?)) };
    for (what, routes) in [
        ("a variable", Router::new().merge_axum(variable)),
        ("a future", Router::new().merge_axum(later().await)),
        ("a result", fallible().unwrap()),
        ("a field", Router::new().merge_axum(parts.router)),
        ("a macro", Router::new().merge_axum(glob)),
        ("a fold", Router::new().merge_axum(folded)),
        (
            "nested deeper",
            Router::new().nest("/in", Router::new().merge_axum(router())),
        ),
    ] {
        let error = common::protect(&auth(), routes.clone()).unwrap_err();
        assert!(
            error.to_string().contains("[unclassified-route]"),
            "{what}: {error}"
        );
        assert!(
            error.to_string().contains("/foreign/undeclared"),
            "{what}: {error}"
        );
        assert!(
            error.to_string().contains("composition.rs:"),
            "{what}: {error}"
        );
        let findings = audit::check(&routes).unwrap();
        assert!(
            findings
                .iter()
                .any(|one| one.code == Code::UnclassifiedRoute)
        );
    }
}

declare_route!(public_route(GET, "/configured", reason = "a test"));

#[audited_router(plain = configured(false))]
fn configured(release: bool) -> Router {
    let common = axum::Router::new().route("/configured", axum::routing::get(|| async {}));
    let mut routes = Router::new().merge_axum(common);
    if release {
        routes = routes.merge_axum(foreign::router());
    }
    routes
}

/// The start asks the router of the very configuration that is started: no audit of another one
/// stands in for it.
#[tokio::test]
async fn security_a_route_of_one_configuration_starts_in_none_without_a_class() {
    let _ = auth().protect(configured(false)).unwrap();
    let error = auth().protect(configured(true)).unwrap_err();
    assert!(
        error.to_string().contains("[unclassified-route]"),
        "{error}"
    );

    // Not in tests: the module, the merge or the nest of a build that no test sees.
    let of_build = |in_test: bool| {
        let routes = Router::new().mount(open);
        if in_test {
            routes
        } else {
            routes.nest("/v2", Router::new().mount(mine))
        }
    };
    let _ = protect(&auth(), of_build(true));
    let error = common::protect(&auth(), of_build(false)).unwrap_err();
    assert!(error.to_string().contains("[wrong-handler]"), "{error}");
}

/// A handler from a table or a loop is who it is, whichever path it lands on.
#[tokio::test]
async fn security_a_handler_from_a_table_is_checked_as_itself() {
    let build = |debug: bool| {
        type Row = (&'static str, fn() -> MethodRouter);
        let table: [Row; 2] = [
            ("/composed/mine", || get(mine)),
            ("/composed/open", || get(open)),
        ];
        let mut router = Router::new();
        for (at, (path, _)) in table.iter().enumerate() {
            let of = if debug { 1 - at } else { at };
            router = router.route(path, table[of].1());
        }
        router
    };
    let _ = protect(&auth(), build(false));
    let error = common::protect(&auth(), build(true)).unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
    let one_or_other = |debug: bool| if debug { get(open) } else { get(mine) };
    let plain = Router::new().route("/composed/mine", one_or_other(false));
    let _ = protect(&auth(), plain);
    let debug = Router::new().route("/composed/mine", one_or_other(true));
    let error = common::protect(&auth(), debug.clone()).unwrap_err();
    assert!(error.to_string().contains("[wrong-handler]"), "{error}");
}

/// What must pass: two classes in one method router, put together step by step.
#[tokio::test]
async fn a_method_router_in_a_variable_keeps_both_classes() {
    #[public_route(GET, "/two", reason = "a test")]
    async fn list() {}

    #[session_route(POST, "/two")]
    async fn create() {}

    let mut methods = get(list);
    methods = methods.post(create);
    let auth = auth();
    let app = protect(&auth, Router::new().route("/two", methods));
    let cookie = proof(Class::Session, &auth).await;
    assert_eq!(status(&app, request("GET", "/two", "")).await, 200);
    assert_eq!(status(&app, request("POST", "/two", "")).await, 401);
    assert_eq!(status(&app, request("POST", "/two", &cookie)).await, 200);
}

/// What must pass: a router that is built once and kept.
#[tokio::test]
async fn a_router_in_a_static_is_protected() {
    use std::sync::LazyLock;

    static ROUTES: LazyLock<Audited> = LazyLock::new(routes);

    let app = auth().protect(ROUTES.clone()).unwrap();
    tokio::select! {
        got = status(&app, request("GET", "/composed/mine", "")) => assert_eq!(got, 401),
        () = std::future::pending() => {}
    }
    let again = auth().protect(ROUTES.clone()).unwrap();
    assert_eq!(
        status(&again, request("GET", "/composed/open", "")).await,
        200
    );
}
