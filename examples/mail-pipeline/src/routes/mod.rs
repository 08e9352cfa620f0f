//! The handlers, by concern. Each says in place who may call it.

pub(crate) mod account;
pub(crate) mod inbound;
pub(crate) mod machines;
pub(crate) mod operators;

use session_auth::public_route;

#[public_route(GET, "/health", reason = "liveness probe of the platform")]
pub(crate) async fn health() -> &'static str {
    "ok"
}
