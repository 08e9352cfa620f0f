use session_auth::session_route;

struct NoExtractor;

#[session_route(GET, "/me")]
async fn me(_: NoExtractor) -> &'static str {
    "me"
}

fn mount<H, T, S>(_: H)
where
    H: session_auth::ClassifiedHandler<T, S> + axum::handler::Handler<T, S>,
{
}

fn main() {
    mount::<_, _, ()>(me);
}
