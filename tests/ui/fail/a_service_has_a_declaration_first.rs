use axum::extract::Request;
use axum::response::Response;
use session_auth::Router;
use session_auth::routing::get_service;
use std::convert::Infallible;

async fn serve(_: Request) -> Result<Response, Infallible> {
    unreachable!()
}

fn main() {
    let _: Router = Router::new().nest_service("/assets", tower::service_fn(serve));
    let _: Router = Router::new().route_service("public", "/logo", tower::service_fn(serve));
    let _: Router = Router::new().route("/logo", get_service((), tower::service_fn(serve)));
}
