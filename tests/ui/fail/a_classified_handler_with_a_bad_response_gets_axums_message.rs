use session_auth::session_route;

struct NoResponse;

#[session_route(GET, "/me")]
async fn me() -> NoResponse {
    NoResponse
}

fn main() {
    let _ = session_auth::Router::<()>::new()
        .mount(me);
}
