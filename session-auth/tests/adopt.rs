//! Routers of `adopt`: any handler compiles, what has no class is denied and recorded.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use session_auth::adopt::Router;
use session_auth::adopt::routing::{get, post};
use session_auth::audit::{self, Code};
use session_auth::{declare_route, public_route};

// Its handler has no name.
declare_route!(public_route(GET, "/elsewhere", reason = "another router's"));

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

trait Routes {
    fn add(self) -> Self;
}

impl Routes for Router {
    fn add(self) -> Self {
        self.route("/late", get(|| async { "everything" }))
    }
}

#[tokio::test]
async fn security_what_has_no_name_is_not_taken_for_what_is_declared_without_one() {
    let answer = common::ask(&Router::new().add(), "GET", "/late", "").await;
    assert_eq!(answer.status, 401);
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

/// The functions' caller is then the standard library.
#[test]
fn what_a_function_value_mounts_is_placed_where_its_router_begins() {
    let begun = line!() + 1;
    let router: Router = Router::new();
    let methods = [export].map(get);
    let router = methods
        .into_iter()
        .fold(router, |router, methods| router.route("/export", methods));
    let foreign = axum::Router::new().route("/foreign", axum::routing::get(|| async {}));
    let router = [foreign].into_iter().fold(router, Router::merge);
    let findings = audit::check(&session_auth::Router::from(router)).unwrap();
    let places: Vec<String> = findings
        .iter()
        .map(|finding| finding.subject.place.to_string())
        .collect();
    let expected = format!("{}:{begun}", file!());
    assert_eq!(places, [expected.clone(), expected]);
}

/// Whatever holds a router for a while, the program that serves it above all.
#[test]
fn what_the_program_holds_is_reported_without_a_request() {
    const FOLDER: &str = "ROUTE_AUDIT_REPORT_DIR";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let part: Router = Router::new().route("/part", get(export));
        let part = part.merge(Router::new().route("/seven", get(export)).with_state(7_u8));
        let kept = Router::new().nest("/whole", part);
        let given: Router = Router::new().route("/given", get(export));
        let _axum: axum::Router = given.into();
        // The thread that looks at them needs two looks.
        let enough = || std::fs::read_dir(&folder).unwrap().count() >= 2;
        let start = std::time::Instant::now();
        while !enough() && start.elapsed().as_secs() < 20 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        drop(kept);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let test = "what_the_program_holds_is_reported_without_a_request";
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(FOLDER, folder.path())
        .status()
        .unwrap();
    assert!(status.success());
    let (mut paths, mut states) = (Vec::new(), Vec::new());
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let audit::ReportFile::Report(report) = audit::ReportFile::parse(&text).unwrap() else {
            panic!("{text}");
        };
        states.extend(report.states);
        paths.extend(report.routes.into_iter().filter_map(|route| route.path));
    }
    paths.sort();
    assert_eq!(paths, ["/given", "/whole/part", "/whole/seven"]);
    states.dedup();
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].ty, "u8");
    assert_eq!(states[0].given.file, file!());
}
