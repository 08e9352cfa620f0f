//! For tests: a router whose handlers run for anyone, and deliveries signed as their senders do.

use std::sync::Arc;

use crate::activity::Endpoint;
use crate::audited::Audited;
use crate::guard::{Bound, GuardLayer};
use crate::keys::Keys;
use crate::layer::SessionAuthLayer;
use crate::mode::Mode;
use crate::mounted::judge;

#[cfg(feature = "webhook-asymmetric")]
pub use crate::webhook::signing::TestIssuer;
pub use crate::webhook::signing::sign_webhook;

impl Audited {
    /// **Nothing is protected**: an axum router on which each handler runs for anyone, for tests of
    /// handlers (feature `testing`). It says so at ERROR.
    ///
    /// There is no session: a handler that takes `Session` answers 401, and `Option<Session>` is
    /// `None`. To test with sessions, protect the router and sign in by
    /// [`SessionAuthLayer::sessions`](crate::SessionAuthLayer::sessions).
    ///
    /// # Panics
    ///
    /// Where the router mounts nothing or cannot be read, as `protect` would say, and where the
    /// operating system has no random bytes.
    pub fn unprotected(self) -> axum::Router {
        tracing::error!(
            target: "session_auth",
            "`unprotected`: every handler of this router runs for anyone. It is for tests alone"
        );
        let keys = Keys::random().expect("the operating system has random bytes");
        let layer = SessionAuthLayer::builder(keys)
            .mode(Mode::Enforce)
            .build()
            .unwrap_or_else(|error| panic!("{error}"));
        let shared = layer.shared();
        let record = self.record().clone();
        let unmatched = Arc::new(Endpoint::unclassified("(no route)".to_owned()));
        let guards = GuardLayer::new(Arc::clone(shared), unmatched);
        let (texts, router) = self.guarded(&record, &guards);
        let judged = judge(&record, texts, Some(&router), shared.today())
            .unwrap_or_else(|error| panic!("{error}"));
        let routes = judged.routes.into_iter().flat_map(|route| {
            let handler = route.handler;
            let bound = move |guard| (guard, Bound::Open(handler.clone()));
            route.guards.into_iter().map(bound)
        });
        // Whatever a middleware answers there is its own affair in a test.
        let of_axum = judged.of_axum.into_iter();
        guards.start(routes.chain(of_axum.map(|guard| (guard, Bound::Open(None)))));
        router
    }
}
