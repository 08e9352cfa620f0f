use axum::routing::get;
use session_auth::Router;

async fn export() {}

fn vendors() -> axum::Router {
    axum::Router::new()
}

fn main() {
    let _: Router = Router::new().route("/export", get(export));
    let _: Router = Router::new().nest("/vendor", vendors());
    let _: Router = Router::new().merge(vendors());
}
