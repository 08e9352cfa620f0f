#![deny(warnings)]

use session_auth::{public_route, session_route};

// A function and a module of one name.
mod health {
    use session_auth::public_route;

    #[public_route(GET, "/health", reason = "liveness probe")]
    pub async fn health() -> &'static str {
        "ok"
    }
}
use health::health;

#[session_route(GET, "/me")]
async fn me() -> &'static str {
    "me"
}

// Types of the handlers' names.
#[allow(non_camel_case_types)]
struct me {
    name: &'static str,
}

#[public_route(GET, "/one", reason = "test")]
async fn one() {}

mod other {
    use session_auth::public_route;

    #[public_route(GET, "/two", reason = "test")]
    pub async fn one() {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(health().await, "ok");
    let me = me().await;
    assert_eq!(me, "me");
    let it = self::me { name: me };
    assert_eq!(it.name, "me");
    one().await;
    other::one().await;
    // In a function, too.
    #[public_route(GET, "/local", reason = "test")]
    async fn local() -> u8 {
        1
    }
    assert_eq!(local().await, 1);
    assert_eq!(session_auth::declarations().len(), 5);
}
