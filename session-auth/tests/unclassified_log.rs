//! An unclassified route shows in the log. A program of its own: `tracing` caches for all threads
//! whether anyone listens.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::io;
use std::sync::{Arc, Mutex};

use axum::routing::get;
use session_auth::{Keys, SessionAuthLayer};

fn app() -> axum::Router {
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .build()
        .unwrap();
    axum::Router::new()
        .route("/export", get(|| async { "everything" }))
        .layer(auth)
}

/// Everything that is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_unclassified_route_is_logged_at_error_once_and_not_each_time() {
    use tower::ServiceExt;

    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let app = app();
    for path in ["/export", "/export", "/export", "/none/%0aERROR", "/none/2"] {
        let request = http::Request::get(path)
            .body(axum::body::Body::empty())
            .unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 401);
    }

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let errors: Vec<_> = text
        .lines()
        .filter(|line| line.contains("ERROR session_auth:"))
        .collect();
    assert_eq!(errors.len(), 2, "{text}");
    assert!(
        errors[0].contains("method=GET") && errors[0].contains("path=\"/export\""),
        "{text}"
    );
    assert!(
        errors[0].contains("Add #[public_route], #[webhook_route] or #[session_route]"),
        "{text}"
    );
    assert!(errors[1].contains("path=\"/none/%0aERROR\""), "{text}");
}
