use session_auth::{public_route, session_route};

#[session_route(GET, "/me")]
#[public_route(POST, "/me", reason = "test")]
async fn me() {}

fn main() {
    let _ = me;
}
