//! What becomes of a session's cookie between this layer and everything that is not it: another layer
//! with the same keys, a browser that is closed, an answer that comes late.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod audiences;
mod bearer;
#[path = "../common/mod.rs"]
mod common;
mod late_answers;
mod lifetimes;
mod logout;
mod scopes;
mod shared_caches;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_auth::{Keys, Router, SessionAuthLayer, SessionAuthLayerBuilder};

/// A clock that a test moves.
#[derive(Clone)]
struct FakeClock(Arc<AtomicU64>);

impl FakeClock {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_700_000_000)))
    }

    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    fn clock(&self) -> impl Fn() -> SystemTime + Send + Sync + 'static {
        let seconds = Arc::clone(&self.0);
        move || UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::SeqCst))
    }
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// When a session ends that is not used, by the default idle timeout: a day, and the tenth of it
/// within which a use moves nothing.
const UNUSED: Duration = Duration::from_secs(26 * 3_600 + 24 * 60);

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::new([[7; 32]]).unwrap())
}

async fn serve(builder: SessionAuthLayerBuilder, routes: Router) -> SocketAddr {
    common::serve(common::protect(&builder.build().unwrap(), routes).unwrap()).await
}

async fn get(address: SocketAddr, path: &str, cookie: &str) -> common::Answer {
    common::request(address, "GET", path, &format!("Cookie: {cookie}\r\n")).await
}
