use session_auth::{BuildError, Protected, Router, SessionAuthLayer, audited_router};

fn ours() -> Router {
    Router::new()
}

fn axums() -> axum::Router {
    axum::Router::new()
}

#[audited_router]
fn without_its_state() -> Router<String> {
    Router::new()
}

#[audited_router]
async fn not_awaited() -> Router {
    Router::new()
}

fn protect(auth: &SessionAuthLayer) -> [Result<Protected, BuildError>; 4] {
    [
        auth.protect(ours()),
        auth.protect(axums()),
        auth.protect(without_its_state()),
        auth.protect(not_awaited()),
    ]
}

fn main() {
    let _ = protect;
}
