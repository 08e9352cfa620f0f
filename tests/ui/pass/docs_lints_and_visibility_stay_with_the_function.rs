//! Documented, since `missing_docs` is an error here.
#![deny(warnings, missing_docs, unreachable_pub, single_use_lifetimes, unused_qualifications)]
#![deny(rust_2018_idioms, unnameable_types, let_underscore_drop, unused_lifetimes)]
#![forbid(unsafe_code, dead_code, unused_imports)]

/// A module.
pub mod api {
    use session_auth::{public_route, session_route};

    /// Documented.
    #[public_route(GET, "/documented", reason = "test")]
    pub async fn documented(/* nothing */) {}

    /// Old.
    #[public_route(GET, "/old", reason = "test")]
    #[deprecated = "use `documented`"]
    #[must_use]
    pub async fn old() -> u8 {
        1
    }

    #[session_route(GET, "/crate")]
    #[allow(clippy::too_many_arguments, unused_variables)]
    pub(crate) async fn in_crate(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) {}

    #[session_route(GET, "/super")]
    #[expect(unused_variables, reason = "to be filled")]
    pub(super) async fn in_super(unused: u8) {}

    #[session_route(GET, "/mut")]
    pub(in crate::api) async fn takes_mut(mut count: u8) -> u8 {
        count += 1;
        count
    }

    /// Calls one that nobody else may.
    pub async fn calls() -> u8 {
        takes_mut(1).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    api::documented().await;
    #[expect(deprecated)]
    let one = api::old().await;
    assert_eq!(one, 1);
    api::in_crate(1, 2, 3, 4, 5, 6, 7, 8).await;
    api::in_super(1).await;
    assert_eq!(api::calls().await, 2);
}
