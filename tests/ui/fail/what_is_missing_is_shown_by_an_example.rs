use session_auth::{declare_route, public_route, session_route, webhook_route};

#[public_route]
async fn public() {}

#[webhook_route(POST, "/hook")]
async fn webhook() {}

#[webhook_route(POST, "/hook/{token}", verify = "handler")]
async fn by_handler() {}

#[session_route("/me")]
async fn session() {}

declare_route!(public_route(GET, "/metrics"));
declare_route!(session_route(ANY, "/admin", subtree));

fn main() {
    let _ = (public, webhook, by_handler, session);
}
