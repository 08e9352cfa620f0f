//! Routes that nobody declared, where the builder or the mode lets the service start: denied, counted,
//! and logged at ERROR. Never silently open, never silently shut.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use common::{ask, cookie_of, got, protect, service};
use session_auth::methods::{FALLBACK, GET};
use session_auth::routing::get;
use session_auth::{
    BuildError, Denial, Keys, Mode, Problem, Router, SessionAuthLayer, SessionAuthLayerBuilder,
    Unclassified, public, public_route, session, session_route, webhook_route,
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

#[public_route(GET, "/report", reason = "test", until = "2027-01-31")]
async fn report() {}

#[webhook_route(POST, "/hook", verify = "waf")]
async fn hook() {}

fn foreign(path: &str) -> axum::Router {
    axum::Router::new().route(path, axum::routing::get(legacy_export))
}

fn whole() -> axum::Router {
    axum::Router::new().route_service("/whole", service("whole"))
}

/// What nobody declared is served behind a session, and not in silence.
#[tokio::test]
async fn security_unclassified_routes_are_denied_counted_and_logged_where_they_may_start() {
    let log = common::log();
    let auth = builder().unclassified(Unclassified::Deny).build().unwrap();
    let cookie = cookie_of(&auth).await;
    let router = Router::new()
        .mount(public(GET, "/open", "x").to(|| async { "open" }))
        .route(
            "/moved",
            get(public(GET, "/other", "x").to(|| async { "moved" })),
        )
        .merge_axum(foreign("/denied").merge(whole()).fallback(legacy_export));
    let app = protect(&auth, router).unwrap();
    for line in [
        "GET /denied is mounted and has no access class",
        "a service is mounted on /whole",
        "the fallback has no access class",
        "GET /moved is answered by closure, and its attribute at",
    ] {
        assert_eq!(log.lines("ERROR", line).len(), 1, "{line}: {}", log.text());
    }
    for (method, path, member) in [
        ("GET", "/denied", "everything"),
        ("POST", "/whole", "whole"),
        ("GET", "/none/%0aERROR", "everything"),
        ("GET", "/moved", "moved"),
    ] {
        for _ in 0..3 {
            assert_eq!(got(&app, method, path).await, "401", "{method} {path}");
        }
        let answer = ask(&app, method, path, &cookie).await;
        assert_eq!(answer.body, member, "{method} {path}");
    }
    assert_eq!(got(&app, "GET", "/open").await, "open");
    assert_eq!(auth.unclassified(), 16);
    for route in ["GET /denied", "ANY /whole", "FALLBACK", "GET /moved"] {
        let activity = common::activity(&auth, route);
        assert_eq!(activity.declaration, None, "{route}");
        assert_eq!(activity.denied_for(Denial::Missing), 3, "{route}");
        assert_eq!(activity.passed, 1, "{route}");
        // The first, the second and the fourth request: seen, and never a flood.
        let lines = log.lines("ERROR", &format!("route=\"{route}\" method="));
        assert_eq!(lines.len(), 3, "{route}: {}", log.text());
        assert!(lines[0].contains("Add #[public_route], #[webhook_route] or #[session_route]"));
    }
    // No path writes a line of its own.
    let line = "path=\"/none/%0aERROR\"";
    assert_eq!(log.lines("ERROR", line).len(), 3, "{}", log.text());
}

/// Only what has no class starts by that. A class that cannot be kept does not.
#[test]
fn what_else_is_wrong_stops_a_start_that_denies_unclassified_routes() {
    let later = Date::from_calendar_date(2027, Month::February, 1).unwrap();
    let auth = builder()
        .unclassified(Unclassified::Deny)
        .clock(move || later.midnight().assume_utc().into())
        .build()
        .unwrap();
    let dropped = Router::new()
        .fallback(session(FALLBACK, "/").to(nothing))
        .fallback(public(FALLBACK, "/", "x").to(nothing));
    for (kind, router) in [
        ("missing verifier", Router::new().mount(hook)),
        (
            "malformed",
            Router::new().mount(public(GET, "/a", "").to(nothing)),
        ),
        (
            "mistake",
            Router::new()
                .mount(here)
                .mount(session(FALLBACK, "/").to(nothing)),
        ),
        ("expired-exemption", Router::new().mount(report)),
        ("unmounted-declaration", dropped),
        ("unreadable", Router::new()),
    ] {
        let error = protect(&auth, router).unwrap_err();
        assert_eq!(kinds(&error), [kind], "{error}");
    }
}

#[tokio::test]
async fn observing_starts_with_unclassified_routes_says_so_and_lets_through() {
    let log = common::log();
    let auth = builder().mode(Mode::Observe).build().unwrap();
    let router = Router::new().merge_axum(foreign("/observed"));
    let app = protect(&auth, router).unwrap();
    let line = "GET /observed is mounted and has no access class";
    assert_eq!(log.lines("ERROR", line).len(), 1, "{}", log.text());
    assert_eq!(got(&app, "GET", "/observed").await, "everything");
    assert_eq!(auth.unclassified(), 1);
    let observed = common::activity(&auth, "GET /observed").observed;
    assert_eq!(observed, [(Denial::Missing, 1)]);
    let error = protect(&auth, Router::new().mount(hook)).unwrap_err();
    assert_eq!(kinds(&error), ["missing verifier"]);
}
