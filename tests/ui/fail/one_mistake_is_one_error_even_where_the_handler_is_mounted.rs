use session_auth::routing::{any, get};
use session_auth::{Router, audited_router, public_route, session_route, webhook_route};

#[public_route(GET, "/files/{*rest}/more", reason = "test")]
async fn public() {}

#[webhook_route(POST, "/hook", verify = "v", expect_every = "213503982334602d")]
async fn webhook() {}

#[session_route(GET, "/me", until = "2027-01-31")]
async fn session() {}

#[session_route(GET, "/sync")]
fn not_async() -> &'static str {
    "sync"
}

#[audited_router]
const fn routes() -> u8 {
    1
}

fn main() {
    let _ = routes();
    let _: Router = Router::new()
        .mount(public)
        .route("/hook", any(webhook))
        .route("/me", get(session).post(not_async));
}
