//! Stands for a crate that makes a router by axum's own functions.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::Router;
use axum::routing::get;

static PAGES: AtomicU64 = AtomicU64::new(0);

pub(crate) fn count_page() {
    PAGES.fetch_add(1, Relaxed);
}

pub(crate) fn router() -> Router {
    Router::new().route("/metrics", get(show))
}

async fn show() -> String {
    format!("pages_total {}\n", PAGES.load(Relaxed))
}
