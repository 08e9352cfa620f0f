use session_auth::{Router, audited_router, declare_route, public_route};

struct Users;

#[public_route(GET, "/other", reason = "test")]
async fn other() {}

impl Users {
    #[public_route(GET, "/users", reason = "test")]
    async fn list() -> &'static str {
        "users"
    }

    #[audited_router]
    fn routes() -> Router {
        Router::new().mount(other)
    }
}

trait Api {
    #[public_route(GET, "/api", reason = "test")]
    async fn call() {}
}

fn main() {
    let _ = Users::routes();
    declare_route!(public_route(GET, "/metrics", reason = "a function is a place for it"));
}
