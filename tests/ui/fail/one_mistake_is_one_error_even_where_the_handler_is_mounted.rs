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

fn mount<H, T, S>(_: H)
where
    H: session_auth::ClassifiedHandler<T, S> + axum::handler::Handler<T, S>,
{
}

fn main() {
    mount::<_, _, ()>(without_reason);
    mount::<_, _, ()>(lower_case);
    mount::<_, _, ()>(old_syntax);
    mount::<_, _, ()>(not_async);
}
