#![deny(warnings)]

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use session_auth::routing::get;
use session_auth::{Router, public_route};

#[public_route(GET, "/", reason = "home page")]
async fn home() -> impl IntoResponse {
    (StatusCode::CREATED, "home")
}

#[public_route(GET, "/old", reason = "moved")]
async fn old(body: String) -> Result<impl IntoResponse, StatusCode> {
    if body.is_empty() {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Redirect::permanent("/"))
}

#[public_route(GET, "/nothing", reason = "answers with nothing")]
async fn nothing() {}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _: Router = Router::new()
        .route("/", get(home))
        .route("/old", get(old))
        .route("/nothing", get(nothing));
    assert_eq!(home().await.into_response().status(), StatusCode::CREATED);
}
