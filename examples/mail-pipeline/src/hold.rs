//! Where tests stop the process for good: with `HOLD_AT=after-post` and `SESSION_AUTH_DEV=true` it says so
//! on its standard error, and waits there to be killed.

use std::sync::OnceLock;

static POINT: OnceLock<String> = OnceLock::new();

pub(crate) fn at(point: String) {
    let _ = POINT.set(point);
}

pub(crate) async fn hold(point: &str) {
    if POINT.get().is_some_and(|at| at == point) {
        eprintln!("held at {point}");
        std::future::pending::<()>().await;
    }
}
