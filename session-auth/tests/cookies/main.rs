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
mod several;
mod shared_caches;

use std::net::SocketAddr;
use std::time::Duration;

use session_auth::{Keys, Router, SessionAuthLayer, SessionAuthLayerBuilder};

use crate::common::clock::FakeClock;

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
