#![deny(warnings)]

use session_auth::audited_router;

#[audited_router]
fn routes() -> axum::Router<String> {
    axum::Router::new()
}

// No function of this name exists: the expression is for tests only, and this is none.
session_auth::audit::audited_router!(
    admin = no_such_function(&Config::test()),
    site = no_such_function(),
);

mod expression_alone {
    use session_auth::audit::audited_router;

    audited_router!(admin = axum::Router::<()>::new());
}

fn main() {
    let _ = routes();
}
