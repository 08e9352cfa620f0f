#![deny(warnings)]

use session_auth::{declarations, public_route};

#[cfg(any())]
#[public_route(GET, "/above", reason = "never")]
async fn handler(body: NoSuchType) {}

#[public_route(GET, "/below", reason = "never")]
#[cfg(any())]
async fn handler(body: NoSuchType) {}

#[public_route(GET, "/cfg-attr", reason = "never")]
#[cfg_attr(all(), cfg(any()))]
async fn handler(body: NoSuchType) {}

#[public_route(GET, "/stays", reason = "always")]
#[cfg(all())]
#[cfg_attr(all(), doc = "Documented.")]
async fn handler(#[cfg(any())] absent: NoSuchType, #[cfg(all())] present: u8) -> u8 {
    present
}

#[cfg_attr(all(), public_route(GET, "/by-cfg-attr", reason = "always"))]
async fn by_cfg_attr() {}

#[public_route(GET, "/instrumented", reason = "always")]
#[cfg_attr(all(), tracing::instrument)]
async fn instrumented() {}

#[session_auth::audited_router]
#[cfg(any())]
fn routes() -> NoSuchRouter {}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(handler(1).await, 1);
    by_cfg_attr().await;
    instrumented().await;
    let paths: Vec<_> = declarations().iter().flat_map(|declared| declared.target().paths()).collect();
    assert_eq!(paths, ["/stays", "/by-cfg-attr", "/instrumented"]);
}
