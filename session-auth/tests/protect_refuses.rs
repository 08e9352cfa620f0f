//! What stops a start: `protect` lists all of it at once, each with the place and what to do.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::MethodFilter;
use common::{ask, auth, protect, protected, service};
use session_auth::audit::Code;
use session_auth::methods::{ANY, FALLBACK, GET, POST};
use session_auth::routing::{MethodRouter, any, get, get_service, post, post_service};
use session_auth::webhook::{BasicAuth, Bearer};
use session_auth::{
    BuildError, Keys, Problem, Router, SessionAuthLayer, SessionAuthLayerBuilder, declare_route,
    public, public_route, session, session_route, webhook, webhook_route,
};
use time::{Date, Month};

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap())
}

/// What kind of problem each is, in order.
fn kinds(error: &BuildError) -> Vec<String> {
    let kind = |problem: &Problem| match problem {
        Problem::Finding(finding) => finding.code.to_string(),
        Problem::Unreadable(_) => "unreadable".to_owned(),
        Problem::Malformed { .. } => "malformed".to_owned(),
        Problem::Mistake { .. } => "mistake".to_owned(),
        Problem::MissingVerifier { .. } => "missing verifier".to_owned(),
        other => panic!("{other:?}"),
    };
    error.problems().iter().map(kind).collect()
}

async fn nothing() {}

async fn legacy_export() -> &'static str {
    "everything"
}

#[session_route(GET, "/here")]
async fn here() {}

#[session_route(POST, "/there")]
async fn there() {}

#[session_route(FALLBACK)]
async fn fallback() {}

#[session_route(FALLBACK, "/in")]
async fn fallback_in() {}

#[session_route(GET)]
async fn without_a_path() {}

#[public_route(GET, "/report", reason = "test", until = "2027-01-31")]
async fn report() {}

#[webhook_route(POST, "/hook", verify = "waf")]
async fn hook() {}

// Neither is mounted by name.
declare_route!(session_route(GET, "/twice"));
declare_route!(public_route(GET, "/twice", reason = "the other"));

fn foreign(path: &str) -> axum::Router {
    axum::Router::new().route(path, axum::routing::get(legacy_export))
}

fn whole() -> axum::Router {
    axum::Router::new().route_service("/whole", service("whole"))
}

/// Each is refused for the one reason, and what differs in that alone is not.
#[test]
fn each_problem_alone_stops_a_start_and_its_absence_does_not() {
    let tree = || public(ANY, "/tree", "x");
    let at = |path: &'static str| public(GET, path, "x").to(nothing);
    let rows: Vec<(&str, Router, Option<Router>)> = vec![
        (
            "unclassified-route",
            Router::new().merge_axum(foreign("/export")),
            None,
        ),
        ("opaque-mount", Router::new().merge_axum(whole()), None),
        (
            "conflicting-declaration",
            Router::new().merge_axum(foreign("/twice")),
            None,
        ),
        (
            "wrong-handler",
            Router::new().route("/elsewhere", get(here)),
            Some(Router::new().route("/here", get(here))),
        ),
        (
            "wrong-handler",
            Router::new().route("/here", post(here)),
            Some(Router::new().route("/here", get(here))),
        ),
        (
            "wrong-handler",
            Router::new().route("/here", any(here)),
            None,
        ),
        (
            "wrong-handler",
            Router::new().route("/here", MethodRouter::new().fallback(here)),
            None,
        ),
        (
            "wrong-handler",
            Router::new().nest("/in", Router::new().mount(here)),
            Some(Router::new().merge(Router::new().mount(here))),
        ),
        (
            "wrong-handler",
            Router::new().fallback(here),
            Some(Router::new().fallback(fallback)),
        ),
        (
            "wrong-handler",
            Router::new().route("/here", get(fallback)),
            None,
        ),
        (
            "wrong-handler",
            Router::new().nest("/in", Router::new().fallback(fallback)),
            Some(Router::new().nest("/in", Router::new().fallback(fallback_in))),
        ),
        ("wrong-handler", Router::new().fallback(fallback_in), None),
        (
            "wrong-handler",
            Router::new().nest_service(tree(), "/three", service("")),
            Some(Router::new().nest_service(tree(), "/tree", service(""))),
        ),
        (
            "wrong-handler",
            Router::new().nest("/in", Router::new().mount_axum(tree(), foreign("/a"))),
            Some(Router::new().mount_axum(tree(), foreign("/a"))),
        ),
        // axum keeps a nested router's fallback only through one nest.
        (
            "unmounted-declaration",
            Router::new().mount(here).nest(
                "/a",
                Router::new().nest("/in", Router::new().fallback(fallback_in)),
            ),
            None,
        ),
        (
            "unmounted-declaration",
            Router::new()
                .fallback(fallback)
                .fallback(public(FALLBACK, "/", "x").to(nothing)),
            None,
        ),
        (
            "missing verifier",
            Router::new().mount(webhook(POST, "/h", "waf").to(nothing)),
            Some(Router::new().mount(webhook(POST, "/h", "handler").reason("x").to(nothing))),
        ),
        (
            "malformed",
            Router::new().mount(public(GET, "/a", " ").to(nothing)),
            None,
        ),
        (
            "malformed",
            Router::new().mount(webhook(POST, "/a", "handler").to(nothing)),
            None,
        ),
        (
            "malformed",
            Router::new().mount(session(GET, "/a").scope("").to(nothing)),
            None,
        ),
        (
            "malformed",
            Router::new().mount(session(GET, "/a").owner(" ").to(nothing)),
            None,
        ),
        (
            "mistake",
            Router::new().mount(here).mount(fallback),
            Some(Router::new().mount(here).fallback(fallback)),
        ),
        (
            "mistake",
            Router::new().mount(here).mount(without_a_path),
            Some(
                Router::new()
                    .mount(here)
                    .route("/anywhere", get(without_a_path)),
            ),
        ),
        (
            "mistake",
            Router::new()
                .mount(here)
                .mount_axum(public(GET, "/tree", "x"), foreign("/a")),
            None,
        ),
        (
            "mistake",
            Router::new().nest_service(tree(), "/tree", axum::Router::new()),
            None,
        ),
        (
            "mistake",
            Router::new().nest_service(tree(), "/tree", Router::<()>::new()),
            None,
        ),
        (
            "mistake",
            Router::new().route_service(tree(), "/tree", MethodRouter::<()>::new()),
            None,
        ),
        (
            "mistake",
            Router::new().route(
                "/a",
                get_service(public(GET, "/a", "x"), axum::Router::new()),
            ),
            None,
        ),
        (
            "mistake",
            Router::new().route(
                "/a",
                get(at("/a")).fallback_service(public(ANY, "/a", "x"), axum::Router::new()),
            ),
            None,
        ),
        // Of a part, too.
        (
            "mistake",
            Router::new().merge(Router::new().nest_service(tree(), "/tree", axum::Router::new())),
            None,
        ),
        (
            "mistake",
            Router::new().nest(
                "/in",
                Router::new().nest_service(
                    public(ANY, "/in/tree", "x"),
                    "/tree",
                    axum::Router::new(),
                ),
            ),
            None,
        ),
        (
            "mistake",
            Router::new().route(
                "/a",
                get(at("/a")).merge(post_service(public(POST, "/a", "x"), axum::Router::new())),
            ),
            None,
        ),
        (
            "mistake",
            Router::new().mount(here).under("v1"),
            Some(Router::new().mount(here).under("/v1")),
        ),
        ("mistake", Router::new().mount(here).under("/v1/"), None),
        ("mistake", Router::new().mount(here).under("/a//b"), None),
        (
            "mistake",
            Router::new().mount(here).under("/{tenant}"),
            None,
        ),
        ("mistake", Router::new().mount(here).under("/a b"), None),
        ("unreadable", Router::new(), None),
        (
            "unreadable",
            Router::new().route("/a", MethodRouter::new()),
            None,
        ),
    ];
    for (n, (kind, wrong, right)) in rows.into_iter().enumerate() {
        let error = protect(&auth(), wrong).expect_err(&format!("row {n}: {kind}"));
        assert_eq!(kinds(&error), [kind], "row {n}: {error}");
        assert!(
            error
                .to_string()
                .contains("session-auth/tests/protect_refuses.rs:")
                || kind == "unreadable",
            "row {n}: {error}"
        );
        if let Some(right) = right {
            let right = protect(&auth(), right);
            assert!(right.is_ok(), "row {n}: {right:?}");
        }
    }
}

#[test]
fn protect_says_everything_that_is_wrong_at_once() {
    let router = Router::new()
        .mount(webhook(POST, "/hooks/mail", "postmark").to(nothing))
        .mount(webhook(POST, "/hooks/pay", "stripe").to(nothing))
        .mount(public(GET, "/blank", "").to(nothing))
        .mount(report)
        .mount(fallback)
        .route("/elsewhere", get(here).post(there))
        .nest_service(public(ANY, "/tree", "x"), "/tree", Router::<()>::new())
        .merge_axum(foreign("/export").merge(foreign("/twice")).merge(whole()))
        .fallback(fallback_in);
    let later = Date::from_calendar_date(2027, Month::February, 1).unwrap();
    let auth = builder()
        .verifier("other", Bearer::new("token"))
        .clock(move || later.midnight().assume_utc().into())
        .build()
        .unwrap();
    let error = protect(&auth, router).unwrap_err();
    let mut kinds = kinds(&error);
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "conflicting-declaration",
            "expired-exemption",
            "malformed",
            "missing verifier",
            "missing verifier",
            "mistake",
            "mistake",
            "opaque-mount",
            "unclassified-route",
            "wrong-handler",
            "wrong-handler",
            "wrong-handler",
        ],
        "{error}"
    );
    let text = error.to_string();
    assert!(text.starts_with("12 problems:\n  - "), "{text}");
    for part in [
        "POST /hooks/mail is a webhook verified by \"postmark\", which the layer does not have \
         (it has other); add `.verifier(\"postmark\", ..)` to its builder",
        "POST /hooks/pay is a webhook verified by \"stripe\"",
        "GET /blank: the reason is blank: say why anyone may call it",
        "GET /report was to be public until 2027-01-31, and that day has passed",
        "FALLBACK: `mount` is for a route: give what declares `FALLBACK` to `.fallback(..)`",
        "GET /elsewhere is answered by protect_refuses::here, and its attribute at ",
        "POST /elsewhere is answered by protect_refuses::there, and its attribute at ",
        "FALLBACK is answered by protect_refuses::fallback_in",
        "a router is mounted as a service, so that its routes do not show: use `nest` or `merge`",
        "GET /export is mounted and has no access class",
        "GET /twice is declared twice: session at ",
        "a service is mounted on /whole: its methods cannot be listed, and it has no access class",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    for problem in text.lines().skip(1) {
        assert!(
            problem.contains("session-auth/tests/protect_refuses.rs:"),
            "{problem}"
        );
    }
}

/// Whatever is wrong with the place where it stands.
#[test]
fn a_declaration_is_judged_where_its_handler_must_not_stand() {
    let router = Router::new()
        .route("/elsewhere", get(public(GET, "here", " ").to(nothing)))
        .route(
            "/there",
            post(webhook(POST, "/hook", "missing").to(nothing)),
        );
    let mut kinds = kinds(&protect(&auth(), router).unwrap_err());
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "malformed",
            "malformed",
            "missing verifier",
            "wrong-handler",
            "wrong-handler",
        ]
    );
}

/// The same words as in the audit. No path is near to a declared one: a declaration is suggested while no
/// router of the process has mounted it, and the other tests mount theirs at the same time.
#[test]
fn a_start_is_refused_for_what_the_audit_finds() {
    let router = Router::new()
        .route("/elsewhere", get(here))
        .merge_axum(foreign("/not-classified").merge(whole()));
    let findings = session_auth::audit::check(&router).unwrap();
    let error = protect(&auth(), router).unwrap_err();
    let refused: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| match problem {
            Problem::Finding(finding) => finding.clone(),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(refused, findings);
    assert_eq!(findings.len(), 3);
    let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
    assert!(codes.contains(&Code::WrongHandler), "{codes:?}");
}

#[test]
fn two_applications_of_one_program_may_have_the_same_route() {
    let page = |reason: &'static str| public(GET, "/", reason).to(nothing);
    let apps = [
        protected(Router::new().mount(page("start page"))),
        protected(Router::new().mount(session(GET, "/").to(nothing))),
    ];
    assert_eq!(apps.map(|app| app.declared().len()), [1, 1]);
}

#[test]
fn an_exemption_holds_through_its_last_day() {
    let on = |month: Month, day: u8| {
        let date = Date::from_calendar_date(2027, month, day).unwrap();
        let now = date.with_hms(23, 59, 59).unwrap().assume_utc();
        let auth = builder().clock(move || now.into()).build().unwrap();
        protect(&auth, Router::new().mount(report))
    };
    assert!(on(Month::January, 31).is_ok());
    assert_eq!(
        kinds(&on(Month::February, 1).unwrap_err()),
        ["expired-exemption"]
    );
}

#[webhook_route(POST, "/hook/a", "/hook/b", verify = "waf")]
async fn hook_on_two_paths() {}

#[test]
fn a_webhook_starts_with_its_verifier() {
    // Once for a declaration, on however many paths.
    let error = protect(&auth(), Router::new().mount(hook_on_two_paths)).unwrap_err();
    assert_eq!(kinds(&error), ["missing verifier"]);
    let error = protect(&auth(), Router::new().mount(hook)).unwrap_err();
    assert_eq!(kinds(&error), ["missing verifier"]);
    let auth = builder()
        .verifier("waf", Bearer::new("token"))
        .build()
        .unwrap();
    assert!(protect(&auth, Router::new().mount(hook)).is_ok());
}

/// `protect` asks each route, and runs nothing of the service for it.
#[tokio::test]
async fn protect_runs_no_handler_and_no_middleware() {
    static RAN: AtomicUsize = AtomicUsize::new(0);

    async fn count(request: Request, next: Next) -> axum::response::Response {
        RAN.fetch_add(1, Ordering::SeqCst);
        next.run(request).await
    }
    let handler = || async {
        RAN.fetch_add(1, Ordering::SeqCst);
    };
    let counting = tower::service_fn(|_: Request| async {
        RAN.fetch_add(1, Ordering::SeqCst);
        Ok::<axum::response::Response, std::convert::Infallible>(Default::default())
    });
    let all = axum::Router::new()
        .route("/a", axum::routing::any(handler))
        .fallback(handler);
    let app = protected(
        Router::new()
            .mount(public(ANY, "/any", "x").to(handler))
            .route(
                "/get",
                get(public(GET, "/get", "x").to(handler))
                    .fallback(public(ANY, "/get", "x").to(handler)),
            )
            .route(
                "/on",
                MethodRouter::new().on(
                    MethodFilter::PUT,
                    public(session_auth::methods::PUT, "/on", "x").to(handler),
                ),
            )
            .nest_service(public(ANY, "/files", "x"), "/files", counting)
            .mount_axum(public(ANY, "/all", "x"), all)
            .fallback_service(public(ANY, "/", "x"), counting)
            .layer(from_fn(count)),
    );
    assert_eq!(RAN.load(Ordering::SeqCst), 0);
    ask(&app, "GET", "/any", "").await;
    assert_eq!(RAN.load(Ordering::SeqCst), 2);
}

#[test]
fn the_builder_says_everything_that_is_wrong_at_once() {
    use std::time::Duration;

    let error = builder()
        .cookie_name("my cookie")
        .idle_timeout(Duration::from_secs(60))
        .absolute_timeout(Duration::from_millis(999))
        .store_timeout(Duration::ZERO)
        .trusted_origin("example.com")
        .login_path("//evil.example")
        .verifier("a", Bearer::new("token"))
        .verifier("a", Bearer::new("token"))
        .verifier("handler", Bearer::new("token"))
        .verifier("b", BasicAuth::new("user", ""))
        .build()
        .unwrap_err();
    let text = error.to_string();
    for part in [
        "\"my cookie\" cannot be the name of a cookie",
        "a session must last a second at least",
        "the idle_timeout is longer than the absolute_timeout",
        "the store_timeout is zero",
        "trusted_origin: ",
        "login_path: ",
        "two verifiers are named \"a\"",
        "the verifier \"handler\" cannot be used: the name stands for a handler",
        "the verifier \"b\" cannot be used",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert_eq!(error.problems().len(), 9, "{text}");
    assert!(matches!(
        error.problems()[0],
        Problem::DuplicateVerifier { .. }
    ));
    assert!(builder().build().is_ok());
}

/// Each says what to do next, and what it says to do mends it.
#[test]
fn a_declaration_without_its_subtree_is_told_to_have_one() {
    mod without {
        session_auth::declare_route!(session_route(ANY, "/without", reason = "a console"));
    }
    mod with {
        session_auth::declare_route!(session_route(ANY, "/with", subtree, reason = "a console"));
    }
    let foreign = |path: &str| axum::Router::new().nest_service(path, service("console"));
    let error = protect(&auth(), foreign("/without"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("a service is mounted under /without"),
        "{error}"
    );
    assert!(
        error.contains("add `subtree` to it, `session_route(ANY, \"/without\", subtree, reason = "),
        "{error}"
    );
    assert!(protect(&auth(), foreign("/with")).is_ok());
}
