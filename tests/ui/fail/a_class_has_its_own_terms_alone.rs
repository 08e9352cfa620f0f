use session_auth::methods::GET;
use session_auth::{public, session, webhook};
use std::time::Duration;

fn main() {
    let _ = public(GET, "/", "test").scope("admin");
    let _ = public(GET, "/", "test").expect_every(Duration::from_secs(60));
    let _ = webhook(GET, "/", "verifier").issues_session();
    let _ = session(GET, "/").optional_session();
}
