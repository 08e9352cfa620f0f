use session_auth::{session_route, public_route};

struct Users;

impl Users {
    #[session_route(GET, "/users/{id}")]
    async fn with_self(&self) {}

    #[public_route(GET, "/users", reason = "test")]
    async fn without_self() -> &'static str {
        "users"
    }
}

trait Api {
    #[session_route(GET, "/api")]
    async fn call();
}

fn main() {
    let _ = Users::without_self;
}
