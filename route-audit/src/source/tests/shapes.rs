//! What a registration may look like.

use super::program;

const HANDLERS: &str = "
use axum::{Router, routing::{self, get, post, on, any, get_service, MethodFilter, MethodRouter}};
mod admin { pub async fn list() {} pub async fn drop() {} pub const PATH: &str = \"/admin\"; }
async fn home() {}
async fn save() {}
const HOME: &str = \"/home\";
static SAVE: &'static str = concat!(\"/\", \"save\");
struct Api;
struct App { router: Router }
struct OwnRouter;
impl OwnRouter { fn new() -> Self { OwnRouter } }
impl App { fn parts(&self) -> Router { Router::new() } }
fn built() -> Result<Router, Error> { Ok(Router::new()) }
async fn later() -> Router { Router::new() }
impl Api { const PATH: &'static str = \"/api\"; async fn index() {} fn router() -> Router { Router::new().route(Self::PATH, get(Self::index)) } }
";

/// The registrations of a function `app`, which is audited, beside some handlers.
fn of(body: &str) -> Vec<String> {
    program(&format!(
        "{HANDLERS}\n#[audited_router]\nfn app() -> Router {{\n{body}\n}}"
    ))
    .registrations()
    .into_iter()
    .filter(|line| line != "GET unreached shop::Api::index")
    .collect()
}

#[test]
fn paths() {
    for (name, path, expected) in [
        ("a literal", r#""/a""#, "/a"),
        ("a constant", "HOME", "/home"),
        ("a static", "SAVE", "/save"),
        ("of a module", "admin::PATH", "/admin"),
        ("of a type", "Api::PATH", "/api"),
        ("a reference", r#"&"/a""#, "/a"),
        ("a string", r#"&String::from("/a")"#, "/a"),
        ("concat!", r#"concat!("/a", "/", "b")"#, "/a/b"),
        ("a raw string", r##"r#"/a"#"##, "/a"),
        ("format!", r#"&format!("/a/{}", 1)"#, "?"),
        ("a call", "&path()", "?"),
    ] {
        let found = of(&format!("Router::new().route({path}, get(home))"));
        assert_eq!(found, [format!("GET {expected} shop::home")], "{name}");
    }
    assert_eq!(
        of("let p = \"/a\"; Router::new().route(p, get(home))"),
        ["GET /a shop::home"]
    );
}

#[test]
fn method_routers() {
    for (name, service, expected) in [
        ("one", "get(home)", &["GET /a shop::home"][..]),
        (
            "two",
            "get(home).post(save)",
            &["GET /a shop::home", "POST /a shop::save"],
        ),
        (
            "by module",
            "routing::delete(admin::drop)",
            &["DELETE /a shop::admin::drop"],
        ),
        (
            "by crate",
            "axum::routing::put(save)",
            &["PUT /a shop::save"],
        ),
        ("any", "any(home)", &["ANY /a shop::home"]),
        (
            "a filter",
            "on(MethodFilter::GET.or(MethodFilter::PUT), home)",
            &["GET|PUT /a shop::home"],
        ),
        (
            "a filter on one",
            "get(home).on(MethodFilter::TRACE, save)",
            &["GET /a shop::home", "TRACE /a shop::save"],
        ),
        (
            "empty first",
            "MethodRouter::new().patch(save)",
            &["PATCH /a shop::save"],
        ),
        (
            "with a fallback service",
            "get(home).fallback_service(Dir)",
            &["GET /a shop::home", "ANY /a Unknown([])"],
        ),
        (
            "with a fallback",
            "get(home).fallback(save)",
            &["GET /a shop::home", "ANY /a shop::save"],
        ),
        (
            "merged",
            "get(home).merge(post(save))",
            &["GET /a shop::home", "POST /a shop::save"],
        ),
        (
            "layers",
            "get(home.layer(timeout())).layer(trace()).route_layer(auth())",
            &["GET /a shop::home"],
        ),
        ("turbofish", "get(home::<Db>)", &["GET /a shop::home"]),
        ("a method", "get(Api::index)", &["GET /a shop::Api::index"]),
        ("a closure", "get(|| async { 1 })", &["GET /a Closure"]),
        ("a value", "get(\"hello\")", &["GET /a Value"]),
        ("a call", "get(make())", &["GET /a Unknown([])"]),
        (
            "of another crate",
            "get(metrics::render)",
            &["GET /a foreign metrics::render"],
        ),
        (
            "a service",
            "get_service(ServeFile::new(\"x\"))",
            &["GET /a Unknown([])"],
        ),
        (
            "aide",
            "get_with(home, |op| op).post_with(save, docs)",
            &["GET /a shop::home", "POST /a shop::save"],
        ),
        (
            "a variable that is not known",
            "service",
            &["? /a Unknown([])"],
        ),
    ] {
        let found = of(&format!("Router::new().route(\"/a\", {service})"));
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(
        of(
            "let both = get(home).post(save); let h = home; Router::new().route(\"/a\", both).route(\"/b\", get(h))"
        ),
        [
            "GET /a shop::home",
            "POST /a shop::save",
            "GET /b shop::home"
        ]
    );
}

#[test]
fn ways_to_register() {
    for (name, body, expected) in [
        (
            "nest",
            "Router::new().nest(\"/api\", Router::new().route(\"/a\", get(home)).route(\"/\", post(save)))",
            &["GET /api/a shop::home", "POST /api shop::save"][..],
        ),
        (
            "nest in nest",
            "Router::new().nest(\"/v1\", Router::new().nest(HOME, Router::new().route(\"/a\", get(home))))",
            &["GET /v1/home/a shop::home"],
        ),
        (
            "nest of a block",
            "Router::new().nest(\"/api\", { let r = Router::new().route(\"/a\", get(home)); r })",
            &["GET /api/a shop::home"],
        ),
        (
            "nest under something",
            "Router::new().nest(prefix(), Router::new().route(\"/a\", get(home)))",
            &["GET ../a shop::home"],
        ),
        (
            "merge",
            "Router::new().route(\"/a\", get(home)).merge(Router::new().route(\"/b\", get(save)))",
            &["GET /a shop::home", "GET /b shop::save"],
        ),
        (
            "merge into what is not known",
            "y.merge(Router::new().route(\"/a\", get(home))).fallback(save)",
            &["GET /a shop::home", "ANY ? shop::save"],
        ),
        (
            "a variable",
            "let mut api = Router::new().route(\"/a\", get(home)); api = api.route(\"/b\", get(home)); \
             let api = api.route(\"/c\", get(home)); Router::new().nest(\"/api\", api.clone())",
            &[
                "GET /api/a shop::home",
                "GET /api/b shop::home",
                "GET /api/c shop::home",
            ],
        ),
        (
            "a tuple",
            "let (api, docs) = OpenApiRouter::new().route(\"/a\", get(home)).split_for_parts(); \
             Router::new().nest(\"/api\", api)",
            &["GET /api/a shop::home"],
        ),
        (
            "what is thrown away",
            "let _ = Router::new().route(\"/a\", get(home)); Router::new()",
            &["GET /a shop::home"],
        ),
        (
            "services",
            "Router::new().route_service(\"/a\", Dir).nest_service(\"/b\", Dir).fallback_service(Dir)",
            &["? /a Unknown([])", "NestService /b", "FallbackService ?"],
        ),
        (
            "a router behind a service",
            "Router::new().nest_service(\"/b\", Router::new().route(\"/a\", get(home)))",
            &["NestService /b", "GET /a(behind) shop::home"],
        ),
        (
            "a service that is handlers",
            "Router::new().route_service(\"/a\", get(home))",
            &["GET /a shop::home"],
        ),
        (
            "a fallback",
            "Router::new().fallback(home)",
            &["ANY ? shop::home"],
        ),
        (
            "a function of its own path",
            "Router::route(Router::new(), \"/a\", get(home))",
            &["GET /a shop::home"],
        ),
        (
            "another slash",
            "Router::new().route_with_tsr(\"/a\", get(home)).route_service_with_tsr(\"/b\", get(save))",
            &["GET /a shop::home", "GET /b shop::save"],
        ),
        (
            "aide",
            "ApiRouter::new().api_route(\"/a\", get_with(home, docs)).nest_api_service(\"/b\", Dir)",
            &["GET /a shop::home", "NestService /b"],
        ),
        (
            "a resource",
            "Router::new().merge(Resource::named(\"users\").index(home).create(save).show(home).update(save))",
            &[
                "GET /users shop::home",
                "POST /users shop::save",
                "GET /users/{users_id} shop::home",
                "PUT|PATCH /users/{users_id} shop::save",
            ],
        ),
        (
            "inline declarations",
            "Router::new().mount(session_auth::public(GET | HEAD, \"/health\", \"probe\").to(|| async {}))\
             .mount_service(session_auth::session(ANY, \"/files\").reason(\"r\"), Dir)",
            &["GET|HEAD /health Unknown([])", "NestService /files"],
        ),
        (
            "if and match",
            "let mut r = Router::new(); if beta { r = r.route(\"/a\", get(home)); } \
             match mode { 1 => r.route(\"/b\", get(home)), _ => r }",
            &["GET /a shop::home", "GET /b shop::home"],
        ),
        (
            "a closure over routers",
            "let add = |r: Router| r.route(\"/a\", get(home)); add(Router::new())",
            &["GET /a shop::home"],
        ),
        (
            "a fold",
            "paths.iter().fold(Router::new(), |r, p| r.route(p, get(home)))",
            &["GET ? shop::home"],
        ),
        (
            "in a macro whose arguments are expressions",
            "dbg!(Router::new().route(\"/a\", get(home)))",
            &["GET /a shop::home"],
        ),
        (
            "a macro that hides them",
            "service! { Router => GET \"/a\" }",
            &["Macro(\"service!\") ?"],
        ),
        (
            "what is named alike",
            "let c = Figment::new().merge(Toml::file(\"x\")); map.route(1, 2); config.nest(&a, b); \
             info!(route = %x, \"m\"); debug!(kind = %Router::kind(), \"m\"); client.get(\"/a\").fallback(home); Router::new()",
            &[],
        ),
    ] {
        assert_eq!(of(body), expected, "{name}");
    }
}

#[test]
fn what_is_a_router() {
    for (name, router) in [
        ("made", "Router::new()"),
        ("of another name", "ApiRouter::default()"),
        ("of the crate's own", "OwnRouter::new()"),
        ("returned", "built().unwrap()"),
        ("returned, or an error", "built()?"),
        ("awaited", "later().await"),
        ("by a method", "config.parts()"),
        ("a field", "self.router"),
        ("a branch", "(if x { Router::new() } else { y })"),
        ("the other branch", "(if x { y } else { Router::new() })"),
        ("an arm", "(match x { 1 => y, _ => Router::new() })"),
        ("a block", "{ let r = Router::new(); r }"),
        ("what takes one in", "y.merge(Router::new())"),
        (
            "a variable with its type",
            "{ let r: Router<Db> = y.into(); r }",
        ),
    ] {
        // A call by this name alone would say nothing.
        let found = of(&format!("let all = {router}; all.fallback(home)"));
        assert_eq!(found, ["ANY ? shop::home"], "{name}");
    }
    for (name, other) in [
        ("unknown", "y"),
        ("a client", "Client::new()"),
        ("served", "Router::new().into_make_service()"),
        ("handlers", "get(save)"),
        ("a literal", "\"x\""),
    ] {
        let found = of(&format!(
            "let all = {other}; all.fallback(home); all.mount(home)"
        ));
        assert_eq!(found, [""; 0], "{name}");
    }
}

#[test]
fn a_variable_with_two_values_has_neither() {
    for (name, body, expected) in [
        (
            "a path",
            "let mut p = \"/a\"; p = other(); Router::new().route(p, get(home))",
            "GET ? shop::home",
        ),
        (
            "a handler",
            "let mut h = home; h = save; Router::new().route(\"/a\", get(h))",
            "GET /a Unknown([])",
        ),
        (
            "a method router",
            "let mut m = get(home); m = post(save); Router::new().route(\"/a\", m)",
            "? /a Unknown([])",
        ),
    ] {
        assert_eq!(of(body), [expected], "{name}");
    }
}

#[test]
fn handlers_bring_their_path_to_a_typed_router() {
    let found = program(
        r#"
use session_auth::{Router, session_route as needs_session};
#[session_auth::public_route(GET | POST, "/a", reason = "r")]
async fn open() {}
mod inner {
    #[super::needs_session(GET, "/b", scope = "admin")]
    pub async fn closed() {}
    #[cfg_attr(unix, session_auth::webhook_route(POST, "/c", verify = "v"))]
    pub async fn hook() {}
}
#[audited_router]
fn app() -> Router { Router::new().mount(open).mount(inner::closed).mount(inner::hook) }
"#,
    )
    .registrations();
    assert_eq!(
        found,
        [
            "GET|POST /a shop::open",
            "GET /b shop::inner::closed",
            "POST /c shop::inner::hook"
        ]
    );
}

#[test]
fn routes_of_utoipa_axum() {
    let found = program(
        r#"
use utoipa_axum::{router::OpenApiRouter, routes};
#[utoipa::path(get, path = "/users/{id}", responses((status = 200)))]
async fn show() {}
mod users {
    #[utoipa::path(method(put, patch), path = "/users/{id}")]
    pub async fn update() {}
    use utoipa::path;
    #[path(delete, path = "/x", context_path = "/v1")]
    pub async fn drop() {}
    #[other::path(get, path = "/y")]
    pub async fn other() {}
}
#[audited_router]
fn app() -> axum::Router {
    let (router, api) = OpenApiRouter::new()
        .routes(routes!(show, users::update))
        .nest("/api", OpenApiRouter::new().routes(utoipa_axum::routes!(users::drop)))
        .routes(routes!(users::other))
        .split_for_parts();
    router
}
"#,
    )
    .registrations();
    assert_eq!(
        found,
        [
            "GET /users/{id} shop::show",
            "PUT|PATCH /users/{id} shop::users::update",
            "DELETE /api/v1/x shop::users::drop",
            "? ? shop::users::other",
        ]
    );
}

#[test]
fn typed_paths_of_axum_extra() {
    let found = program(
        r#"
use axum_extra::routing::{RouterExt, TypedPath};
#[derive(TypedPath)]
#[typed_path("/users/{id}")]
struct User { id: u32 }
async fn show(User { id }: User) {}
async fn other(user: User, State(db): State<Db>) {}
async fn none() {}
#[audited_router]
fn app() -> axum::Router {
    axum::Router::new().typed_get(show).typed_delete(other).typed_post(none).route(User::PATH, put(none))
}
"#,
    )
    .registrations();
    assert_eq!(
        found,
        [
            "GET /users/{id} shop::show",
            "DELETE /users/{id} shop::other",
            "POST ? shop::none",
            "PUT /users/{id} shop::none"
        ]
    );
}
