use session_auth::routing::get;
use session_auth::{Router, session_route};

struct NoResponse;

#[session_route(GET, "/me")]
async fn me() -> NoResponse {
    NoResponse
}

fn main() {
    let _: Router = Router::new().mount(me);
    let _: Router = Router::new().route("/me", get(me));
}
