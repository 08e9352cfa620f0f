//! Routers of `adopt`: any handler compiles, what has no class is denied and recorded.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use session_auth::adopt::Router;
use session_auth::adopt::routing::{get, post};
use session_auth::audit::{self, Code};
use session_auth::public_route;

async fn export() -> &'static str {
    "everything"
}

#[public_route(GET, "/health", reason = "liveness probe")]
async fn health() -> &'static str {
    "ok"
}

fn routes() -> Router {
    let api = Router::new().route("/export", get(export).post(|| async { "closure" }));
    Router::new()
        .route("/health", get(health))
        .nest("/api", api)
        .merge(axum::Router::new().route("/foreign", axum::routing::get(|| async { "foreign" })))
}

#[tokio::test]
async fn what_has_a_class_runs_and_what_has_none_is_denied() {
    let address = common::serve(routes()).await;
    let answer = common::request(address, "GET", "/health", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    for method in ["GET", "POST"] {
        let answer = common::request(address, method, "/api/export", "").await;
        assert_eq!(answer.status, 401, "{method}");
    }
}

#[test]
fn the_record_names_functions_and_full_paths() {
    let strict = session_auth::Router::from(routes());
    let findings = audit::check(&strict).unwrap();
    let mut missing: Vec<String> = findings
        .iter()
        .filter(|finding| finding.code == Code::UnclassifiedRoute)
        .map(|finding| finding.subject.to_string())
        .collect();
    missing.sort();
    assert_eq!(
        missing,
        ["GET /api/export", "GET /foreign", "POST /api/export"]
    );
}

#[test]
fn routers_fold_and_turn_into_each_other() {
    let all = vec![routes(), Router::new().route("/late", post(export))];
    let folded: Router = all.into_iter().fold(Router::new(), Router::merge);
    let axum: axum::Router = folded.clone().into();
    let again: Router = Router::new().merge(axum);
    assert!(folded.has_routes() && again.has_routes());
}
