//! The README's table of what stops a route that nobody thought of: the cells of `route-audit`.

use crate::library::package;

/// Routes that nobody thought of, each behind a feature.
const APP: &str = r#"
use session_auth::{Router, audited_router, public_route, routing::get};

#[public_route(GET, "/status", reason = "status page")]
async fn status() {}

#[session_auth::session_route(GET, "/reports")]
async fn reports() {}

fn vendors() -> axum::Router {
    axum::Router::new().route("/export", axum::routing::get(|| async { "everything" }))
}

#[audited_router]
pub fn app() -> Router {
    let app = Router::new().route("/status", get(status));
    let app = if cfg!(feature = "misplaced") {
        app.route("/reports/all", get(reports))
    } else {
        app.route("/reports", get(reports))
    };
    if cfg!(feature = "export") {
        return app.merge_axum(vendors());
    }
    app
}

#[cfg(feature = "layered")]
pub fn layered(auth: session_auth::SessionAuthLayer) -> axum::routing::IntoMakeService<axum::Router> {
    let bare: axum::Router = axum::Router::new();
    bare.route("/export", axum::routing::get(reports)).layer(auth).into_make_service()
}

#[cfg(feature = "around")]
pub fn around<S: Clone>(
    auth: session_auth::SessionAuthLayer,
    service: S,
) -> axum::routing::IntoMakeService<session_auth::SessionAuth<S>>
where
    session_auth::SessionAuth<S>: tower_service::Service<axum::extract::Request>,
{
    use axum::ServiceExt as _;
    tower_layer::Layer::layer(&auth, service).into_make_service()
}
"#;

#[track_caller]
fn found(name: &str, feature: &str, code: &str) {
    let towers = "tower-layer = \"0.3\"\ntower-service = \"0.3\"\n";
    let app = package(name, towers, "").file("src/lib.rs", APP).write();
    let ran = app.run(&["-F", feature]).expect_code(100);
    assert!(ran.stdout.contains(code), "{}", ran.stdout);
}

#[test]
fn what_stops_a_misplaced_handler_in_route_audit() {
    found(
        "what-stops-misplaced",
        "misplaced",
        "error[wrong-handler]: GET /reports/all ",
    );
}

#[test]
fn what_stops_another_crates_route_in_route_audit() {
    found(
        "what-stops-vendors",
        "export",
        "error[unclassified-route]: GET /export ",
    );
}

#[test]
fn what_stops_axums_route_under_a_bare_layer_in_route_audit() {
    found("what-stops-layered", "layered", "error[unguarded-router]: ");
}

#[test]
fn what_stops_another_services_path_under_a_bare_layer_in_route_audit() {
    found("what-stops-around", "around", "error[unguarded-router]: ");
}
