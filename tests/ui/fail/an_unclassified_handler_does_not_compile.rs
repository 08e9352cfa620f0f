use axum::extract::Path;
use axum::routing::MethodFilter;
use session_auth::Router;
use session_auth::routing::{any, get, on};
use session_auth::session_route;

#[session_route(GET, "/items")]
async fn list() {}

async fn mounted(Path(id): Path<u64>) -> String {
    id.to_string()
}
async fn got() {}
async fn chained() {}
async fn filtered() {}
async fn of_any_method() {}
async fn not_found() {}
async fn not_allowed() {}
async fn other_methods() {}

fn main() {
    let _: Router = Router::new().mount(mounted);
    let _: Router = Router::new().route("/get", get(got));
    let _: Router = Router::new().route("/items", get(list).post(chained));
    let _: Router = Router::new().route("/on", on(MethodFilter::PUT, filtered));
    let _: Router = Router::new().route("/any", any(of_any_method));
    let _: Router = Router::new().fallback(not_found);
    let _: Router = Router::new().method_not_allowed_fallback(not_allowed);
    let _: Router = Router::new().route("/items", get(list).fallback(other_methods));
    let _: Router = Router::new().route("/closure", get(|| async { "closure" }));
}
