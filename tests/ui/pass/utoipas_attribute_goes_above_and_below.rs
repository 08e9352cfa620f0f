#![deny(warnings)]

use axum::extract::{Json, Path};
use session_auth::audit::assert_classified;
use session_auth::{Router, public_route, session_route};
use utoipa::OpenApi;

/// Above.
#[utoipa::path(get, path = "/above/{id}", params(("id" = u8, Path)), responses((status = 200, body = String)))]
#[session_route(GET, "/above/{id}")]
async fn above(Path(id): Path<u8>) -> Json<String> {
    Json(id.to_string())
}

/// Below.
#[public_route(POST, "/below", reason = "test")]
#[utoipa::path(post, path = "/below", request_body = String, responses((status = 201)))]
#[tracing::instrument]
pub async fn below(Json(body): Json<String>) -> axum::http::StatusCode {
    drop(body);
    axum::http::StatusCode::CREATED
}

#[derive(OpenApi)]
#[openapi(paths(above, below))]
struct Api;

fn main() {
    let paths = Api::openapi().paths.paths;
    let above_is = paths["/above/{id}"].get.as_ref().expect("get");
    assert_eq!(above_is.summary.as_deref(), Some("Above."));
    let below_is = paths["/below"].post.as_ref().expect("post");
    assert_eq!(below_is.summary.as_deref(), Some("Below."));
    assert!(below_is.request_body.is_some());
    let routes: Router = Router::new().mount(above).mount(below);
    assert_classified(&routes);
}
