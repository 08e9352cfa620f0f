//! What other crates build and mount, in a protected app on a socket: documented routers, typed paths,
//! services of which each is one mount with one class.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;

use aide::axum::ApiRouter;
use aide::openapi::OpenApi;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum_extra::routing::{RouterExt, TypedPath};
use common::{auth, cookie_of, protect};
use session_auth::methods::{ANY, POST};
use session_auth::routing;
use session_auth::{Router, declare_route, public, public_route, session, session_route};
use tower::buffer::Buffer;
use tower::{Service, ServiceBuilder, ServiceExt};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

/// The app on a socket, with the header of a session.
async fn served(router: Router) -> (SocketAddr, String) {
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let app = protect(&auth, router).unwrap_or_else(|error| panic!("{error}"));
    (common::serve(app).await, cookie)
}

/// What a request without and one with a session gets: the body of a 200, or the status.
async fn both(at: &(SocketAddr, String), method: &str, path: &str) -> (String, String) {
    let (address, cookie) = at;
    let stranger = common::request(*address, method, path, "").await;
    let member = common::request(*address, method, path, cookie).await;
    (stranger.shown(), member.shown())
}

macro_rules! asserts {
    ($at:expr; $($method:literal $path:literal => $stranger:literal, $member:literal;)*) => {
        let at = $at;
        $(assert_eq!(
            both(at, $method, $path).await,
            ($stranger.to_owned(), $member.to_owned()),
            "{} {}", $method, $path
        );)*
    };
}

/// The codes of what is found, with errors and warnings.
fn found(router: &Router) -> Vec<String> {
    let findings = session_auth::audit::check(router).unwrap();
    findings
        .iter()
        .map(|one| one.code.as_str().to_owned())
        .collect()
}

mod documented {
    use super::*;

    #[utoipa::path(get, path = "/utoipa/pets/{id}", responses((status = OK)))]
    #[session_route(GET, "/utoipa/pets/{id}")]
    pub(super) async fn pet(Path(id): Path<u32>) -> String {
        format!("pet {id}")
    }

    #[public_route(POST, "/utoipa/pets", reason = "test")]
    #[utoipa::path(post, path = "/utoipa/pets", responses((status = OK)))]
    pub(super) async fn create() -> &'static str {
        "created"
    }
}

/// An adapter as services write them, around what `routes!` makes.
trait Authorize<S> {
    fn authorize(self, says: &'static str) -> Self;
}

impl<S: Clone + Send + Sync + 'static> Authorize<S> for UtoipaMethodRouter<S> {
    fn authorize(self, says: &'static str) -> Self {
        let (schemas, paths, methods) = self;
        let layer = axum::middleware::map_response(move |mut response: Response| async move {
            let value = http::HeaderValue::from_static(says);
            response.headers_mut().insert("x-authorized", value);
            response
        });
        (schemas, paths, methods.layer(layer))
    }
}

#[tokio::test]
async fn what_utoipas_router_mounts_has_the_class_of_its_pattern() {
    let (router, api) = OpenApiRouter::<()>::new()
        .routes(routes!(documented::pet).authorize("members"))
        .routes(routes!(documented::create))
        .split_for_parts();
    assert_eq!(api.paths.paths.len(), 2);
    let routes = Router::new().merge_axum(router);
    assert_eq!(found(&routes), ["unnamed-route", "unnamed-route"]);
    let at = served(routes).await;
    asserts! { &at;
        "GET" "/utoipa/pets/7" => "401", "pet 7";
        "POST" "/utoipa/pets" => "created", "created";
        "PUT" "/utoipa/pets" => "405", "405";
    }
    let answer = common::request(at.0, "GET", "/utoipa/pets/7", &at.1).await;
    assert_eq!(answer.header("x-authorized").next(), Some("members"));
}

mod documented_by_name {
    use super::*;

    #[utoipa::path(get, path = "/named/pets/{id}", responses((status = OK)))]
    #[session_route(GET, "/named/pets/{id}")]
    pub(super) async fn pet(Path(id): Path<u32>) -> String {
        format!("pet {id}")
    }

    #[session_route(GET, "/named/owners")]
    pub(super) async fn owners() -> &'static str {
        "owners"
    }

    #[public_route(POST, "/named/owners", reason = "test")]
    pub(super) async fn add_owner() -> &'static str {
        "added"
    }
}

/// The third part of what `routes!` makes is the method router: given this crate's, the handlers ask
/// for their pass.
#[tokio::test]
async fn security_handlers_that_utoipas_router_takes_by_name_ask_for_their_pass() {
    use documented_by_name::{add_owner, owners, pet};

    let router = || {
        let (schemas, paths, _): UtoipaMethodRouter = routes!(documented_by_name::pet);
        let (router, _) = OpenApiRouter::<()>::new()
            .routes((schemas, paths, routing::get(pet).into()))
            .route("/named/owners", routing::get(owners).post(add_owner).into())
            .split_for_parts();
        router
    };
    let routes = Router::new().merge_axum(router());
    assert_eq!(found(&routes), [""; 0]);
    let at = served(routes).await;
    asserts! { &at;
        "GET" "/named/pets/7" => "401", "pet 7";
        "GET" "/named/owners" => "401", "owners";
        "POST" "/named/owners" => "added", "added";
    }
    // Served without its guards it refuses.
    let bare = (common::serve(router()).await, at.1.clone());
    asserts! { &bare;
        "GET" "/named/pets/7" => "500", "500";
        "POST" "/named/owners" => "added", "added";
    }
}

mod out_and_in {
    use super::*;

    #[session_route(GET, "/out/me")]
    pub(super) async fn me() -> &'static str {
        "me"
    }
}

/// This crate's router goes into another crate's, and comes back with it.
#[tokio::test]
async fn a_router_that_went_into_another_crates_comes_back() {
    let ours: Router = Router::new().route("/me", routing::get(out_and_in::me));
    let (router, _) = OpenApiRouter::<()>::new()
        .nest("/out", OpenApiRouter::from(ours.into_axum()))
        .split_for_parts();
    let routes = Router::new().merge_axum(router);
    assert_eq!(found(&routes), [""; 0]);
    asserts! { &served(routes).await;
        "GET" "/out/me" => "401", "me";
        "GET" "/out/none" => "404", "404";
    }
}

mod of_aide {
    use super::*;

    #[session_route(POST, "/aide/pets")]
    pub(super) async fn create(name: String) -> String {
        format!("created {name}")
    }

    #[session_route(GET, "/aide/owners")]
    pub(super) async fn owners() -> &'static str {
        "owners"
    }
}

#[tokio::test]
async fn what_aides_router_mounts_has_the_class_of_its_pattern() {
    let mut api = OpenApi::default();
    let router = ApiRouter::<()>::new()
        .api_route("/aide/pets", aide::axum::routing::post(of_aide::create))
        .route("/aide/owners", routing::get(of_aide::owners).into_axum())
        .finish_api(&mut api);
    let routes = Router::new().merge_axum(router);
    assert_eq!(found(&routes), ["unnamed-route"]);
    let at = served(routes).await;
    asserts! { &at;
        "POST" "/aide/pets" => "401", "created ";
        "GET" "/aide/owners" => "401", "owners";
    }
}

#[derive(TypedPath, serde::Deserialize)]
#[typed_path("/typed/{id}")]
struct Typed {
    id: u32,
}

#[session_route(GET, "/typed/{id}")]
async fn typed(Typed { id }: Typed) -> String {
    id.to_string()
}

#[session_route(DELETE, "/typed/{id}")]
async fn delete_typed(_: Typed) -> &'static str {
    "deleted"
}

/// By axum-extra's own function, and by the path's constant.
#[tokio::test]
async fn typed_paths_are_mounted_either_way() {
    let foreign = axum::Router::new().typed_delete(delete_typed);
    let routes = Router::new()
        .route(Typed::PATH, routing::get(typed))
        .merge_axum(foreign);
    asserts! { &served(routes).await;
        "GET" "/typed/7" => "401", "7";
        "DELETE" "/typed/7" => "401", "deleted";
    }
}

/// A service that says what it was asked for, as tonic's and as swagger-ui's are.
fn asked(
    name: &'static str,
) -> impl Service<
    Request,
    Response = Response,
    Error = Infallible,
    Future = impl Future<Output = Result<Response, Infallible>> + Send,
> + Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(move |request: Request| async move {
        let body = format!("{name} {}", request.uri().path());
        Ok(Response::new(Body::from(body)))
    })
}

/// As `SwaggerUi` makes it: routes on full paths, a file each and a description.
fn swagger_ui() -> axum::Router {
    axum::Router::new()
        .route(
            "/api-docs/openapi.json",
            axum::routing::get(|| async { "{}" }),
        )
        .route("/swagger-ui/", axum::routing::get(|| async { "index" }))
        .route(
            "/swagger-ui/{*rest}",
            axum::routing::get(|Path(rest): Path<String>| async { rest }),
        )
}

#[tokio::test]
async fn documentation_and_static_files_are_one_mount_each() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("site.css"), "css").unwrap();
    let files = tower_http::services::ServeDir::new(folder.path());
    let routes = Router::new()
        .mount(session(POST, "/orders").to(|| async { "ordered" }))
        .mount_axum(public(ANY, "/", "the API's documentation"), swagger_ui())
        .nest_service(
            public(ANY, "/assets", "style sheets"),
            "/assets",
            files.clone(),
        )
        .nest_service(session(ANY, "/reports"), "/reports", files);
    asserts! { &served(routes).await;
        "GET" "/swagger-ui/" => "index", "index";
        "GET" "/swagger-ui/a/b.js" => "a/b.js", "a/b.js";
        "GET" "/api-docs/openapi.json" => "{}", "{}";
        "GET" "/assets/site.css" => "css", "css";
        "GET" "/assets/none.css" => "404", "404";
        "GET" "/reports/site.css" => "401", "css";
        "POST" "/orders" => "401", "ordered";
        "GET" "/none" => "404", "404";
    }
}

/// tonic's `Routes` is an axum router with a service for each of its own, and a fallback that says
/// that there is no such method.
fn grpc() -> axum::Router {
    axum::Router::new()
        .route_service("/shop.Orders/{*method}", asked("orders"))
        .route_service("/shop.Stock/{*method}", asked("stock"))
        .fallback(|| async { "unimplemented" })
}

#[tokio::test]
async fn services_of_grpc_are_one_class_or_one_each() {
    // Its fallback is the whole service's then, of the same class; `reset_fallback` leaves it out.
    let whole = Router::new().mount_axum(session(ANY, "/").scope("shop"), grpc());
    asserts! { &served(whole).await;
        "POST" "/shop.Orders/Create" => "401", "403";
        "POST" "/none.Service/Method" => "401", "403";
    }

    let apart = Router::new()
        .mount(public(POST, "/login", "test").to(|| async { "hello" }))
        .route_service(
            session(ANY, "/shop.Orders/{*method}"),
            "/shop.Orders/{*method}",
            asked("orders"),
        )
        .route_service(
            public(
                ANY,
                "/grpc.health.v1.Health/{*method}",
                "the balancer's check",
            ),
            "/grpc.health.v1.Health/{*method}",
            asked("health"),
        );
    asserts! { &served(apart).await;
        "POST" "/shop.Orders/Create" => "401", "orders /shop.Orders/Create";
        "POST" "/grpc.health.v1.Health/Check" =>
            "health /grpc.health.v1.Health/Check", "health /grpc.health.v1.Health/Check";
        "POST" "/none.Service/Method" => "404", "404";
    }
}

declare_route!(session_route(
    ANY,
    "/merged.Orders/{*method}",
    reason = "test"
));
declare_route!(public_route(
    ANY,
    "/merged.Health/{*method}",
    reason = "test"
));

#[tokio::test]
async fn a_merged_router_of_grpc_takes_its_classes_by_pattern() {
    let grpc = axum::Router::new()
        .route_service("/merged.Orders/{*method}", asked("orders"))
        .route_service("/merged.Health/{*method}", asked("health"));
    let routes = Router::new().merge_axum(grpc);
    asserts! { &served(routes).await;
        "POST" "/merged.Orders/Create" => "401", "orders /merged.Orders/Create";
        "POST" "/merged.Health/Check" =>
            "health /merged.Health/Check", "health /merged.Health/Check";
    }
}

/// As leptos and dioxus have it: one handler that finds a function by the request's path.
async fn server_functions(request: Request) -> String {
    format!("called {}", request.uri().path())
}

#[tokio::test]
async fn server_functions_have_the_class_of_their_prefix() {
    let routes = Router::new()
        .mount(session(ANY, "/api/{*function}").to(server_functions))
        .mount(public(ANY, "/public-api/{*function}", "the shop window").to(server_functions));
    asserts! { &served(routes).await;
        "POST" "/api/delete_user" => "401", "called /api/delete_user";
        "POST" "/public-api/list" => "called /public-api/list", "called /public-api/list";
    }
}

#[tokio::test]
async fn a_graphql_endpoint_is_one_route_and_two_schemas_are_two() {
    let schema = |name: &'static str| {
        move |Json(query): Json<serde_json::Value>| async move {
            Json(serde_json::json!({ "data": { name: query["query"] } }))
        }
    };
    let routes = Router::new()
        .mount(session(POST, "/graphql").to(schema("all")))
        .mount(public(POST, "/graphql/public", "the shop window").to(schema("window")));
    let (address, cookie) = served(routes).await;
    let json = "Content-Type: application/json\r\n";
    let query = r#"{"query":"{ me }"}"#;
    let stranger = common::post(address, "/graphql", json, query).await;
    assert_eq!(stranger.status, 401);
    let headers = format!("{json}{cookie}");
    let member = common::post(address, "/graphql", &headers, query).await;
    assert_eq!(member.body, r#"{"data":{"all":"{ me }"}}"#);
    let stranger = common::post(address, "/graphql/public", json, query).await;
    assert_eq!(stranger.body, r#"{"data":{"window":"{ me }"}}"#);
}

/// A buffer is around a service, or around a router on its way to one.
#[tokio::test]
async fn a_buffered_service_is_one_mount() {
    let refused = |_: tower::BoxError| async { http::StatusCode::SERVICE_UNAVAILABLE };
    let buffered = ServiceBuilder::new()
        .layer(axum::error_handling::HandleErrorLayer::new(refused))
        .service(Buffer::new(asked("buffered").boxed_clone(), 8));
    let routes = Router::new()
        .nest_service(session(ANY, "/buffered"), "/buffered", buffered)
        .mount(session(POST, "/layered").to(|| async { "layered" }))
        .layer(
            ServiceBuilder::new()
                .layer(axum::error_handling::HandleErrorLayer::new(refused))
                .buffer(8),
        );
    asserts! { &served(routes).await;
        "GET" "/buffered/a" => "401", "buffered /a";
        "POST" "/layered" => "401", "layered";
        "GET" "/none" => "404", "404";
    }
}

const PATH: &str = "/of/a/constant";

enum Page {
    Orders,
    Customers,
}

impl Page {
    const fn path(&self) -> &'static str {
        match self {
            Self::Orders => "/pages/orders",
            Self::Customers => "/pages/customers",
        }
    }
}

#[session_route(GET)]
async fn a_page() -> &'static str {
    "page"
}

#[session_route(GET, "/of/a/constant", "/alias")]
async fn constant() -> &'static str {
    "constant"
}

#[cfg(test)]
fn beta() -> Router {
    Router::new().mount(session(ANY, "/beta/on").to(|| async { "beta" }))
}

#[cfg(not(test))]
fn legacy() -> Router {
    Router::new().mount(session(ANY, "/legacy").to(|| async { "legacy" }))
}

/// Paths from constants, enums and loops, one handler on several, and routers that some builds have.
#[tokio::test]
async fn paths_need_not_be_literals_and_routers_need_not_be_in_each_build() {
    let mut routes = Router::new()
        .route(PATH, routing::get(constant))
        .route("/alias", routing::get(constant));
    for page in [Page::Orders, Page::Customers] {
        routes = routes.route(page.path(), routing::get(a_page));
    }
    #[cfg(test)]
    {
        routes = routes.merge(beta());
    }
    #[cfg(not(test))]
    {
        routes = routes.nest("/old", legacy());
    }
    assert_eq!(found(&routes), [""; 0]);
    asserts! { &served(routes).await;
        "GET" "/of/a/constant" => "401", "constant";
        "GET" "/alias" => "401", "constant";
        "GET" "/pages/orders" => "401", "page";
        "GET" "/pages/customers" => "401", "page";
        "GET" "/beta/on" => "401", "beta";
        "GET" "/old/legacy" => "404", "404";
    }
}
