//! A program that is clean, and each way to spoil it: what finds the one needs every part of the
//! scan that the other goes through.

use session_auth::audit::Shape;

use super::{Program, program};
use crate::source::rules;

const LIB: &str = r#"
mod admin;
mod users;
use admin::Area as _;
use axum::{Router, routing::{any, get, on, MethodFilter}};
use axum_extra::routing::{Resource, RouterExt};
use utoipa_axum::{router::OpenApiRouter, routes};

const HEALTH: &str = "/health";

#[audited_router]
pub fn app() -> Router {
    let (api, _docs) = OpenApiRouter::new().routes(routes!(report)).split_for_parts();
    let mut api = api.nest("/users", users::router());
    if cfg!(feature = "export") {
        api = api.route("/export", any(export));
    }
    Router::new()
        .route(HEALTH, on(MethodFilter::GET, health))
        .nest("/api", api)
        .merge(admin::Admin.routes())
        .merge(Resource::named("notes").index(notes))
        .typed_get(item)
        .nest_service("/assets", ServeDir::new("assets"))
        .fallback(not_found)
}

async fn health() {}
async fn export() {}
async fn notes() {}
async fn not_found() {}
async fn other() {}
async fn item(_: Item) {}
#[typed_path("/items/{id}")]
struct Item { id: u32 }
#[utoipa::path(get, path = "/report")]
async fn report() {}

#[cfg(test)]
mod tests {
    fn service() -> axum::Router { axum::Router::new().route("/test", get(super::other)) }
}
"#;

const USERS: &str = r#"
use axum::{Router, routing::{get, MethodRouter}};
pub fn router() -> Router { Router::new().route("/", list()).route("/{id}", get(show)) }
fn list() -> MethodRouter { get(index).post(create) }
async fn index() {}
async fn create() {}
async fn show() {}
"#;

const ADMIN: &str = r#"
use axum::{Router, routing::get};
pub trait Area { fn routes(&self) -> Router; }
pub struct Admin;
impl Admin { const ROOT: &'static str = "/admin"; }
impl Area for Admin {
    fn routes(&self) -> Router { Router::new().route(Self::ROOT, get(root)) }
}
async fn root() {}
"#;

/// With one text in place of another, in whichever file has it.
fn with(from: &str, to: &str) -> Program {
    let mut changed = 0;
    let mut text = |text: &str| {
        changed += usize::from(text.contains(from));
        text.replacen(from, to, 1)
    };
    let (lib, users, admin) = (text(LIB), text(USERS), text(ADMIN));
    assert!(
        from.is_empty() || changed == 1,
        "{from} is in {changed} files"
    );
    let routes = [
        ("GET /health", "shop::health"),
        ("GET /api/report", "shop::report"),
        ("GET /api/users", "shop::users::index"),
        ("POST /api/users", "shop::users::create"),
        ("GET /api/users/{id}", "shop::users::show"),
        ("ANY /api/export", "shop::export"),
        ("GET /admin", "shop::admin::root"),
        ("GET /notes", "shop::notes"),
        ("GET /items/{id}", "shop::item"),
    ];
    let program = program(&lib)
        .file("src/users.rs", &users)
        .file("src/admin.rs", &admin)
        .feature("export")
        .mount(Shape::OpaqueMount, "ANY /assets")
        .mount(Shape::Fallback, "ANY")
        .declares("FALLBACK", "shop::not_found");
    routes
        .into_iter()
        .fold(program, |program, (route, handler)| {
            program.mounts(&[route]).declares(route, handler)
        })
}

#[test]
fn every_way_to_spoil_a_clean_program_is_found() {
    assert_eq!(with("", "").codes(), [""; 0]);
    for (from, to, expected) in [
        // A path, wherever it is written.
        (
            "\"/health\"",
            "\"/healthz\"",
            "unaudited-router GET /healthz src/lib.rs:19",
        ),
        (
            "\"/users\"",
            "\"/user\"",
            "unaudited-router GET|POST / src/users.rs:3",
        ),
        (
            "\"/api\"",
            "\"/v2\"",
            "unaudited-router GET /report src/lib.rs:13",
        ),
        (
            "\"/{id}\"",
            "\"/{name}\"",
            "unaudited-router GET /{name} src/users.rs:3",
        ),
        (
            "\"/admin\"",
            "\"/root\"",
            "unaudited-router GET /root src/admin.rs:7",
        ),
        (
            "\"/report\"",
            "\"/reports\"",
            "unaudited-router GET /reports src/lib.rs:13",
        ),
        (
            "\"notes\"",
            "\"note\"",
            "unaudited-router GET /note src/lib.rs:22",
        ),
        (
            "\"/items/{id}\"",
            "\"/item/{id}\"",
            "unaudited-router GET /item/{id} src/lib.rs:23",
        ),
        (
            "\"/assets\"",
            "\"/static\"",
            "unaudited-router  /static src/lib.rs:24",
        ),
        // A method.
        (
            ".post(create)",
            ".put(create)",
            "unaudited-router PUT / src/users.rs:3",
        ),
        (
            "MethodFilter::GET,",
            "MethodFilter::PUT,",
            "unaudited-router PUT /health src/lib.rs:19",
        ),
        (
            "path(get",
            "path(post",
            "unaudited-router POST /report src/lib.rs:13",
        ),
        (
            ".typed_get",
            ".typed_put",
            "unaudited-router PUT /items/{id} src/lib.rs:23",
        ),
        (
            ".index(",
            ".create(",
            "unaudited-router POST /notes src/lib.rs:22",
        ),
        // A handler.
        (
            ", health)",
            ", other)",
            "wrong-handler GET /health src/lib.rs:19",
        ),
        (
            "get(index)",
            "get(show)",
            "wrong-handler GET /api/users src/users.rs:3",
        ),
        (
            "get(root)",
            "get(|| async {})",
            "wrong-handler GET /admin src/admin.rs:7",
        ),
        (
            "any(export)",
            "any(other)",
            "wrong-handler ANY /api/export src/lib.rs:16",
        ),
        (
            "index(notes)",
            "index(other)",
            "wrong-handler GET /notes src/lib.rs:22",
        ),
        (
            "fallback(not_found)",
            "fallback(other)",
            "wrong-handler FALLBACK - src/lib.rs:25",
        ),
        // A router that is not taken in.
        (
            "async fn show() {}",
            "async fn show() {} pub fn more() -> Router { Router::new().route(\"/more\", get(show)) }",
            "unaudited-router GET /more src/users.rs:7",
        ),
        (
            "async fn root() {}",
            "async fn root() {} extra_routes!{ GET => root }",
            "opaque-mount  - src/admin.rs:9",
        ),
        (
            "#[cfg(test)]",
            "",
            "unaudited-router GET /test src/lib.rs:41",
        ),
    ] {
        let found = with(from, to).codes();
        assert!(
            found.contains(&expected.to_owned()),
            "{from} -> {to}: {found:?}"
        );
    }
}

#[test]
fn a_router_without_a_report_is_not_audited() {
    let mut program = with("", "");
    program.reports[0].router.name = "another".to_owned();
    program.reports[0].mounted.clear();
    let found = program.codes();
    assert_eq!(found.len(), 10, "{found:?}");
    assert!(
        found
            .iter()
            .all(|line| line.starts_with("unaudited-router"))
    );
}

#[test]
fn each_rule_finds_what_no_other_does() {
    for (code, from, to) in [
        ("unaudited-router", "\"/health\"", "\"/healthz\""),
        (
            "opaque-mount",
            "async fn root() {}",
            "async fn root() {} include!(\"x.rs\");",
        ),
        ("wrong-handler", "get(root)", "get(|| async {})"),
    ] {
        let codes = with(from, to).codes();
        assert!(
            codes.iter().all(|line| line.starts_with(code)),
            "{code}: {codes:?}"
        );
        assert!(!codes.is_empty(), "{code}");
        assert!(rules::RULES.iter().any(|rule| rule.code == code), "{code}");
    }
    assert_eq!(rules::RULES.len(), 3);
}
