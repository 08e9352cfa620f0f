use session_auth::{public_route, session_route};

#[public_route(GET, "/health")]
async fn without_reason() {}

#[session_route(get, "/me")]
async fn lower_case() {}

#[session_route(GET, "/users/:id")]
async fn old_syntax() {}

#[session_route(GET, "/sync")]
fn not_async() -> &'static str {
    "sync"
}

fn main() {
    let _ = session_auth::Router::<()>::new()
        .mount(without_reason)
        .mount(lower_case)
        .mount(old_syntax)
        .mount(not_async);
}
