use session_auth::routing::get;
use session_auth::{Router, audited_router, public_route};

#[public_route(GET, "/late", reason = "test")]
async fn late() {}

#[audited_router]
fn routes() -> Router {
    Router::new()
}

fn main() {
    let _ = routes().mount(late);
    let _ = routes().route("/late", get(late));
    let _ = routes().merge(Router::new());
    let _ = routes().nest("/late", Router::new());
    let _ = routes().fallback(late);
}
