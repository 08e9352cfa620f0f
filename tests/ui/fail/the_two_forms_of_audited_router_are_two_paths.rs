use session_auth::audited_router;

audited_router!(admin = axum::Router::<()>::new());

fn main() {}
