use session_auth::session_route;

struct NoExtractor;

#[session_route(GET, "/me")]
async fn me(_: NoExtractor) -> &'static str {
    "me"
}

fn main() {
    let _ = session_auth::Router::<()>::new()
        .mount(me);
}
