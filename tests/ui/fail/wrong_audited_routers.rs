use session_auth::audited_router;

#[audited_router]
fn takes_arguments(_prefix: &str) -> axum::Router {
    axum::Router::new()
}

#[audited_router]
fn is_generic<S: Clone + Send + Sync + 'static>() -> axum::Router<S> {
    axum::Router::new()
}

#[audited_router]
async fn is_async() -> axum::Router {
    axum::Router::new()
}

#[audited_router(name = "routes")]
fn has_an_argument() -> axum::Router {
    axum::Router::new()
}

struct App;

impl App {
    #[audited_router]
    fn is_a_method(&self) -> axum::Router {
        axum::Router::new()
    }
}

session_auth::audit::audited_router!(takes_arguments("/api"));

fn main() {
    let _ = (takes_arguments, is_generic::<()>, is_async, has_an_argument, App::is_a_method);
}
