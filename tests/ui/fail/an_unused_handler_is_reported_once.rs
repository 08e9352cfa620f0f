#![deny(unused, missing_docs)]
//! Lints see the user's function, once, and nothing of the attribute's.

use session_auth::session_route;

#[session_route(GET, "/unused")]
async fn unused(body: String) {}

#[session_route(GET, "/undocumented")]
pub async fn undocumented() {
    let mut x = 1;
}

fn main() {
    let _ = undocumented;
}
