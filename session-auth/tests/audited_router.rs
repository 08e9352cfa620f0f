//! `#[audited_router]`: on every form of a function, with its test, its report, and what it gives.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use axum::extract::State;
use axum::middleware::from_fn;
use common::{auth, cookie_of, got, service};
use session_auth::__private::{Auditable, RouterKind, RouterSite, audit_router, location};
use session_auth::audit::{
    Code, ListedRoute, Report, ReportFile, Shape, Unauditable, assert_classified, check,
};
use session_auth::methods::{ANY, FALLBACK, GET, POST};
use session_auth::{
    AccessClass, Audited, Methods, Router, audited_router, declare_route, public, routing, session,
    session_route, webhook,
};

#[session_route(GET, "/api/me")]
async fn me() -> &'static str {
    "me"
}

#[session_route(GET, "/part/a")]
async fn part_a() -> &'static str {
    "a"
}

// The class of what axum's functions mount, below.
declare_route!(session_route(GET, "/foreign"));

#[audited_router]
fn typed() -> Router<&'static str> {
    Router::new().mount(me).mount(
        public(GET, "/state", "test").to(|State(state): State<&'static str>| async move { state }),
    )
}

#[audited_router]
fn of_axum() -> axum::Router {
    axum::Router::new().route("/foreign", axum::routing::get(|| async { "foreign" }))
}

#[audited_router]
async fn later() -> Result<(Router, &'static str), String> {
    tokio::task::yield_now().await;
    Ok((Router::new().mount(me), "a worker"))
}

#[audited_router(plain = configured("plain", false), beta = configured("beta", true))]
fn configured<S>(_name: S, beta: bool) -> Router
where
    S: Into<String>,
{
    let routes = Router::new().mount(me);
    if beta { routes.mount(part_a) } else { routes }
}

#[audited_router(at_start)]
fn with_a_pool(pool: &'static str) -> Router {
    Router::new().mount(me).layer(axum::Extension(pool))
}

/// Two of the above are parts of this one, which is audited as a whole.
#[audited_router]
fn whole() -> Router {
    Router::new()
        .nest("/part", Router::from(nested_part()))
        .merge(with_a_pool("pool"))
}

#[audited_router(at_start)]
fn nested_part() -> Router {
    Router::new().route("/a", routing::get(part_a))
}

/// Everything that a report can list.
#[audited_router(at_start)]
fn everything() -> Router {
    let foreign = axum::Router::new()
        .route("/undeclared", axum::routing::get(|| async {}))
        .nest_service("/opaque", service(""));
    Router::new()
        .mount(me)
        .mount(webhook(POST, "/hook", "waf").to(|| async {}))
        .route(
            "/other",
            routing::get(public(GET, "/other", "x").to(|| async {}))
                .fallback(session(ANY, "/other").to(|| async {})),
        )
        .route_service(public(ANY, "/one", "x"), "/one", service(""))
        .nest_service(public(ANY, "/files", "x"), "/files", service(""))
        .merge_axum(foreign)
        .fallback(session(FALLBACK, "/").to(|| async {}))
}

#[tokio::test]
async fn what_is_audited_has_its_state_and_layers_and_is_protected() {
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let audited: Audited<&'static str> = typed();
    let audited = audited.layer(from_fn(
        async |request: axum::extract::Request, next: axum::middleware::Next| {
            next.run(request).await
        },
    ));
    let app = auth.protect(audited.with_state("the state")).unwrap();
    assert_eq!(got(&app, "GET", "/state").await, "the state");
    assert_eq!(got(&app, "GET", "/api/me").await, "401");
    let answer = common::ask(&app, "GET", "/api/me", &cookie).await;
    assert_eq!(answer.body, "me");

    let app = auth.protect(of_axum()).unwrap();
    assert_eq!(got(&app, "GET", "/foreign").await, "401");
    let (audited, worker) = later().await.unwrap();
    assert_eq!(worker, "a worker");
    let app = auth.protect(audited).unwrap();
    assert_eq!(got(&app, "GET", "/api/me").await, "401");
    let app = auth.protect(whole()).unwrap();
    assert_eq!(got(&app, "GET", "/part/a").await, "401");
    assert_eq!(got(&app, "GET", "/api/me").await, "401");
}

#[cfg(feature = "testing")]
#[audited_router(at_start)]
fn every_class() -> Router {
    let never = async |_: axum::extract::Request, _: axum::middleware::Next| "a middleware";
    Router::new()
        .mount(me)
        .mount(session(GET, "/taken").to(|_: session_auth::Session| async { "a session" }))
        .mount(
            session(GET, "/optional").to(|session: Option<session_auth::Session>| async move {
                session.is_none().to_string()
            }),
        )
        .mount(webhook(POST, "/hook", "waf").to(|| async { "hook" }))
        .nest_service(session(ANY, "/files"), "/files", service("a file"))
        .nest(
            "/in",
            Router::new().fallback(session(FALLBACK, "/in").to(|| async { "rest" })),
        )
        .merge(
            Router::new()
                .mount(public(GET, "/layered", "x").to(|| async {}))
                .layer(from_fn(never)),
        )
        .fallback(session(FALLBACK, "/").to(|| async { "rest" }))
}

/// For tests of handlers: each runs for anyone, and it says so.
#[cfg(feature = "testing")]
#[tokio::test]
async fn an_unprotected_router_runs_every_handler_and_says_so() {
    let log = common::log();
    let app = every_class().unprotected();
    let line = "`unprotected`: every handler of this router runs for anyone";
    assert!(!log.lines("ERROR", line).is_empty(), "{}", log.text());
    for (method, path, expected) in [
        ("GET", "/api/me", "me"),
        ("POST", "/hook", "hook"),
        ("GET", "/files/x", "a file"),
        ("GET", "/in/x", "rest"),
        ("GET", "/none", "rest"),
        ("GET", "/layered", "a middleware"),
        ("PUT", "/layered", "a middleware"),
        ("PUT", "/api/me", "405"),
        // There is no session that could be taken.
        ("GET", "/taken", "401"),
        ("GET", "/optional", "true"),
    ] {
        assert_eq!(got(&app, method, path).await, expected, "{method} {path}");
    }
}

/// A part by itself has other paths: it is the whole that is audited.
#[test]
fn a_part_of_a_router_is_wrong_by_itself_and_right_as_a_part() {
    let codes: Vec<_> = check(&nested_part())
        .unwrap()
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert_eq!(codes, [Code::WrongHandler]);
    assert_classified(&whole());
    assert_classified(&Router::<()>::new().nest("/part", nested_part()));
}

#[test]
#[should_panic(expected = "GET /undeclared is mounted and has no access class")]
fn a_hand_written_test_fails_with_the_finding() {
    assert_classified(&everything());
}

#[test]
#[should_panic(expected = "the router could not be audited: the router mounts nothing")]
fn an_empty_router_fails_a_hand_written_test() {
    assert_classified(&Router::<()>::new());
}

#[test]
fn a_mistake_is_no_clean_audit() {
    let blank: Router = Router::new().mount(public(GET, "/a", "").to(|| async {}));
    let relative: Router = Router::new().mount(me).under("v1");
    for (router, words) in [
        (blank, "the reason is blank"),
        (relative, "\"v1\" is no prefix for all routes"),
    ] {
        let error: Unauditable = check(&router).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(words), "{message}");
        assert!(message.contains("tests/audited_router.rs:"), "{message}");
    }
}

fn site(name: &'static str) -> RouterSite {
    RouterSite {
        name,
        package: env!("CARGO_PKG_NAME"),
        manifest_dir: env!("CARGO_MANIFEST_DIR"),
        module: module_path!(),
        location: location("src/app.rs", 20, 1),
        at_start: false,
        kind: RouterKind::Typed,
    }
}

/// What the attribute generates, for a router with a finding. Runs only where a test below starts it: it
/// has to fail, and its environment has to be its own.
#[test]
#[ignore = "run by the tests below, in a process of its own"]
fn generated_open() {
    let open = || Router::from(everything()).__audited(site("open"));
    audit_router(site("open"), || async { open() });
}

/// What a service does at its start.
#[tokio::test]
#[ignore = "run by the tests below, in a process of its own"]
async fn starting() {
    assert!(auth().protect(with_a_pool("pool")).is_ok());
    // Not to be served, and reported all the same.
    assert!(auth().protect(everything()).is_err());
    // Its test has written one.
    assert!(auth().protect(of_axum()).is_ok());
}

fn run(test: &str, dir: Option<&Path>, runner: bool) -> (bool, String) {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", test, "--include-ignored"])
        .env_remove("ROUTE_AUDIT_RUNNER")
        .env_remove("ROUTE_AUDIT_REPORT_DIR");
    if runner {
        command.env("ROUTE_AUDIT_RUNNER", "1");
    }
    if let Some(dir) = dir {
        command.env("ROUTE_AUDIT_REPORT_DIR", dir);
    }
    let output = command.output().unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// All reports of a folder, by the name of their router.
fn reports(dir: &Path) -> Vec<Report> {
    let entries = fs::read_dir(dir).unwrap();
    let mut all: Vec<_> = entries
        .map(|entry| {
            let json = fs::read_to_string(entry.unwrap().path()).unwrap();
            match ReportFile::parse(&json).unwrap() {
                ReportFile::Report(report) => report,
                ReportFile::Failure(failure) => panic!("{}", failure.error),
            }
        })
        .collect();
    all.sort_by(|a, b| a.router.cmp(&b.router));
    all
}

#[test]
fn plain_cargo_test_fails_and_prints_the_finding() {
    let (passed, output) = run("route_audit_typed", None, false);
    assert!(passed && output.contains("1 passed"), "{output}");
    let (passed, output) = run("generated_open", None, false);
    assert!(!passed);
    assert!(
        output.contains("test generated_open ... FAILED"),
        "{output}"
    );
    assert!(output.contains("error[unclassified-route]"), "{output}");
}

#[test]
fn under_route_audit_each_test_writes_its_report() {
    let dir = tempfile::tempdir().unwrap();
    for test in [
        "generated_open",
        "route_audit_typed",
        "route_audit_of_axum",
        "route_audit_later",
        "route_audit_plain",
        "route_audit_beta",
    ] {
        let (passed, output) = run(test, Some(dir.path()), true);
        assert!(passed && output.contains("1 passed"), "{test}: {output}");
    }
    let seen: Vec<_> = reports(dir.path())
        .into_iter()
        .map(|it| {
            let errors = it.findings.iter().filter(|finding| finding.is_error());
            (
                it.router.name,
                it.router.kind,
                it.routes.len(),
                errors.count(),
            )
        })
        .collect();
    let row = |name: &str, kind, routes, errors| (name.to_owned(), kind, routes, errors);
    assert_eq!(
        seen,
        [
            row("beta", RouterKind::Typed, 2, 0),
            row("later", RouterKind::Typed, 1, 0),
            row("of_axum", RouterKind::Axum, 1, 0),
            row("open", RouterKind::Typed, 9, 2),
            row("plain", RouterKind::Typed, 1, 0),
            row("typed", RouterKind::Typed, 2, 0),
        ]
    );
    // A folder alone is no route-audit: nobody may read it.
    let (passed, output) = run("generated_open", Some(dir.path()), false);
    assert!(!passed && output.contains("unclassified-route"), "{output}");
}

/// The router that no test can build is reported where the service starts, and nothing else is.
#[test]
fn a_start_writes_the_report_of_a_router_that_no_test_builds() {
    let dir = tempfile::tempdir().unwrap();
    let (passed, output) = run("starting", Some(dir.path()), false);
    assert!(passed && output.contains("1 passed"), "{output}");
    let reports = reports(dir.path());
    let names: Vec<_> = reports.iter().map(|it| it.router.name.as_str()).collect();
    assert_eq!(names, ["everything", "with_a_pool"]);

    let everything = &reports[0];
    assert_eq!(everything.router.package, "session-auth");
    assert!(everything.router.file.ends_with("tests/audited_router.rs"));
    let row = |route: &ListedRoute| {
        let class = route.declaration.as_ref().map(|it| it.class());
        (
            route.methods,
            route.path.as_deref().unwrap_or("-").to_owned(),
            route.shape,
            route.named,
            class,
        )
    };
    let mut rows: Vec<_> = everything.routes.iter().map(row).collect();
    rows.sort_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(&b.0)));
    let route = |methods: Methods, path: &str, shape, named, class| {
        (methods, path.to_owned(), shape, named, class)
    };
    let (open, hook, closed) = (
        Some(AccessClass::Public),
        Some(AccessClass::Webhook),
        Some(AccessClass::Session),
    );
    assert_eq!(
        rows,
        [
            route(FALLBACK, "-", Shape::Fallback, true, closed),
            route(GET, "/api/me", Shape::Route, true, closed),
            route(ANY, "/files", Shape::OpaqueMount, true, open),
            route(POST, "/hook", Shape::Route, true, hook),
            route(ANY, "/one", Shape::OpaqueRoute, true, open),
            route(ANY, "/opaque", Shape::OpaqueMount, false, None),
            route(GET, "/other", Shape::Route, true, open),
            route(ANY, "/other", Shape::MethodFallback, true, closed),
            route(GET, "/undeclared", Shape::Route, false, None),
        ]
    );
    for route in &everything.routes {
        assert!(route.mounted.file.ends_with("tests/audited_router.rs"));
        assert_eq!(route.function, None);
    }
    // What the program declares, whether it is mounted here or not.
    let declared: Vec<_> = everything
        .declared
        .iter()
        .map(|it| it.target().to_string())
        .collect();
    assert_eq!(declared, ["GET /api/me", "GET /part/a", "GET /foreign"]);
    let codes: Vec<_> = everything.findings.iter().map(|it| it.code).collect();
    assert_eq!(
        codes,
        [
            Code::UnclassifiedRoute,
            Code::OpaqueMount,
            Code::UnmonitoredWebhook
        ]
    );

    // Without a report that somebody asked for, no service starts.
    let (passed, output) = run("starting", Some(Path::new("")), false);
    assert!(!passed && output.contains("is_ok()"), "{output}");
}
