//! The README's table: what stops a route that nobody thought of, and when. The cells of
//! `route-audit` are in its own tests, under the same name.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::cell::RefCell;
use std::sync::Once;

use axum::body::Body;
use axum::routing::get as axum_get;
use http::{Request, StatusCode};
use session_auth::audit::{self, Code};
use session_auth::routing::get;
use session_auth::{
    Audited, Keys, Problem, Protected, Router, SessionAuthLayer, Unclassified, audited_router,
    session_route,
};
use tower::{Service, ServiceExt};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

#[session_route(GET, "/reports")]
async fn reports() {}

/// Mounted where its attribute does not say.
#[audited_router(at_start)]
fn misplaced() -> Router {
    Router::new().route("/reports/all", get(reports))
}

/// Built by another crate: nobody said who may call its route.
#[audited_router(at_start)]
fn foreign() -> Router {
    Router::new().merge_axum(forgotten())
}

fn forgotten() -> axum::Router {
    axum::Router::new().route("/export", axum_get(|| async { "everything" }))
}

fn auth(unclassified: Unclassified) -> SessionAuthLayer {
    let keys = Keys::random().unwrap();
    let builder = SessionAuthLayer::builder(keys).unclassified(unclassified);
    builder.build().unwrap()
}

/// What plain `cargo test` does with an audited router.
fn fails_cargo_test(router: &Audited) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        audit::assert_classified(router);
    }))
    .is_err()
}

fn codes_at_start(audited: Audited) -> Vec<Code> {
    let error = auth(Unclassified::Refuse).protect(audited).unwrap_err();
    let codes = error.problems().iter().map(|problem| match problem {
        Problem::Finding(finding) => finding.code,
        other => panic!("{other}"),
    });
    codes.collect()
}

async fn ask<A>(app: A, path: &str) -> StatusCode
where
    A: Service<Request<Body>, Response = http::Response<Body>>,
    A::Error: std::fmt::Debug,
{
    let request = Request::get(path).body(Body::empty()).unwrap();
    app.oneshot(request).await.unwrap().status()
}

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What this thread logged at ERROR since it was asked the last time.
fn errors() -> Vec<String> {
    static ONCE: Once = Once::new();
    // One subscriber for all threads: a callsite that a thread without one reaches first is remembered
    // as of interest to nobody.
    ONCE.call_once(|| tracing::subscriber::set_global_default(Errors).expect("there is no other"));
    LINES.take()
}

struct Errors;

struct Text<'a>(&'a mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = String::new();
        event.record(&mut Text(&mut line));
        LINES.with_borrow_mut(|lines| lines.push(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn what_stops_an_unclassified_handler_at_compile_time() {
    let cases = trybuild::TestCases::new();
    // One that compiles beside it: trybuild then builds, as for `ui.rs`, and finds the dependencies built.
    cases.pass("ui/pass/the_name_of_a_handler_stays_free.rs");
    cases.compile_fail("ui/fail/an_unclassified_handler_does_not_compile.rs");
}

#[test]
fn what_stops_a_misplaced_handler_in_cargo_test() {
    assert!(fails_cargo_test(&misplaced()));
    assert_eq!(
        audit::check(&misplaced()).unwrap()[0].code,
        Code::WrongHandler
    );
}

#[test]
fn what_stops_a_misplaced_handler_at_start() {
    assert_eq!(codes_at_start(misplaced()), [Code::WrongHandler]);
}

#[test]
fn what_stops_another_crates_route_in_cargo_test() {
    assert!(fails_cargo_test(&foreign()));
    assert_eq!(
        audit::check(&foreign()).unwrap()[0].code,
        Code::UnclassifiedRoute
    );
}

#[test]
fn what_stops_another_crates_route_at_start() {
    assert_eq!(codes_at_start(foreign()), [Code::UnclassifiedRoute]);
}

#[test]
fn what_stops_another_crates_route_is_logged_at_a_start_that_is_allowed() {
    errors();
    let _: Protected = auth(Unclassified::Deny).protect(foreign()).unwrap();
    let lines = errors();
    assert!(
        lines.iter().any(|line| line.contains("GET /export")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn what_stops_another_crates_route_at_a_request() {
    let auth = auth(Unclassified::Deny);
    let app = auth.protect(foreign()).unwrap();
    errors();
    assert_eq!(ask(app, "/export").await, StatusCode::UNAUTHORIZED);
    assert_eq!(auth.unclassified(), 1);
    assert_eq!(errors().len(), 1);
}

#[tokio::test]
async fn what_stops_axums_route_under_a_bare_layer_at_a_request() {
    let auth = auth(Unclassified::Refuse);
    errors();
    let app = forgotten().layer(auth.clone());
    assert_eq!(ask(app, "/export").await, StatusCode::UNAUTHORIZED);
    assert_eq!(auth.unclassified(), 1);
    assert_eq!(errors().len(), 1);
}

#[tokio::test]
async fn what_stops_another_services_path_under_a_bare_layer_at_a_request() {
    let auth = auth(Unclassified::Refuse);
    errors();
    let service = tower::service_fn(|_: Request<Body>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::from("everything")))
    });
    let app = tower::Layer::layer(&auth, service);
    assert_eq!(ask(app, "/export").await, StatusCode::UNAUTHORIZED);
    assert_eq!(auth.unclassified(), 1);
    assert_eq!(errors().len(), 1);
}
