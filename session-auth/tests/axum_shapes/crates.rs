//! Routers that other crates build.

use axum::routing::get;
use axum_extra::routing::{Resource, RouterExt, TypedPath};

use super::{Shape, check, h, other};

#[derive(TypedPath, serde::Deserialize)]
#[typed_path("/users/{id}")]
struct UserPath {
    id: u32,
}

async fn typed(UserPath { id }: UserPath) -> String {
    id.to_string()
}

#[tokio::test]
async fn axum_extra() {
    let new = axum::Router::new;
    check(vec![
        Shape {
            name: "typed paths",
            router: new().typed_get(typed).typed_delete(typed),
            lists: &["DELETE /users/{id}", "GET /users/{id}"],
            answers: &[
                ("GET", "/users/7", "GET /users/{id}", "7"),
                ("DELETE", "/users/7", "DELETE /users/{id}", "7"),
                ("PUT", "/users/7", "405", ""),
            ],
        },
        Shape {
            name: "a resource",
            router: new().merge(
                Resource::named("cats")
                    .index(h)
                    .create(h)
                    .show(other)
                    .destroy(h),
            ),
            lists: &[
                "DELETE /cats/{cats_id}",
                "GET /cats",
                "GET /cats/{cats_id}",
                "POST /cats",
            ],
            answers: &[
                ("POST", "/cats", "POST /cats", "h"),
                ("GET", "/cats/1", "GET /cats/{cats_id}", "other"),
            ],
        },
        Shape {
            name: "security: the redirect from the other form of the slash is a route too",
            router: new().route_with_tsr("/a", get(h)),
            lists: &["ANY /a/", "GET /a"],
            answers: &[
                ("GET", "/a", "GET /a", "h"),
                ("GET", "/a/", "ANY /a/", "308"),
                ("BREW", "/a/", "ANY /a/", "308"),
            ],
        },
    ])
    .await;
}

#[tokio::test]
async fn open_api_routers() {
    #[utoipa::path(post, path = "/pets", responses((status = OK)))]
    async fn create_pet() -> &'static str {
        "created"
    }

    let (router, _) = utoipa_axum::router::OpenApiRouter::<u8>::new()
        .routes(utoipa_axum::routes!(create_pet))
        .route("/plain", get(h))
        .split_for_parts();

    let mut api = aide::openapi::OpenApi::default();
    let documented = aide::axum::ApiRouter::<u8>::new()
        .api_route("/pets", aide::axum::routing::post(async || ()))
        .route("/plain", get(h))
        .finish_api(&mut api);

    let lists = &["GET /plain", "POST /pets"];
    check(vec![
        Shape {
            name: "utoipa-axum",
            router,
            lists,
            answers: &[
                ("GET", "/plain", "GET /plain", "h"),
                ("POST", "/pets", "POST /pets", "created"),
                ("GET", "/pets", "405", ""),
            ],
        },
        Shape {
            name: "aide",
            router: documented,
            lists,
            answers: &[
                ("GET", "/plain", "GET /plain", "h"),
                ("POST", "/pets", "POST /pets", ""),
                ("GET", "/pets", "405", ""),
            ],
        },
    ])
    .await;
}
