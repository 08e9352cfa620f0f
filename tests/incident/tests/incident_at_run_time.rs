//! Step 2, at run time: what became of the outage's form on a plain router where nobody classified
//! it. It is denied, as it was then; unlike then, that is an ERROR in the log and a count of its own.
#![allow(clippy::unwrap_used)]

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::routing::post;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use session_auth::{Keys, SessionAuthLayer, public_route};
use tower::ServiceExt as _;
use tracing_subscriber::fmt::MakeWriter;

#[public_route(POST, "/api/marketing/waitlist", reason = "signup form")]
async fn classified() -> StatusCode {
    StatusCode::ACCEPTED
}

#[tokio::test]
async fn an_unclassified_route_is_denied_logged_and_counted() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    // Of this thread, which is the test's only one.
    let _guard = tracing::subscriber::set_default(subscriber);

    let called = Arc::new(AtomicBool::new(false));
    let signup = {
        let called = Arc::clone(&called);
        async move || called.store(true, Ordering::SeqCst)
    };
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .build()
        .unwrap();
    let router = axum::Router::new()
        .route("/api/waitlist/signup", post(signup))
        .route("/api/marketing/waitlist", post(classified));
    let app = auth.clone().protect(router).unwrap();
    let send = |path| {
        let request = Request::post(path).body(Body::empty()).unwrap();
        app.clone().oneshot(request)
    };

    // A route with a class beside it: served, not logged, not counted.
    let answer = send("/api/marketing/waitlist").await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(auth.unclassified(), 0);
    assert_eq!(log.lines(), [""; 0]);

    for count in 1..=3 {
        let answer = send("/api/waitlist/signup").await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            body,
            r#"{"error":"Authentication required","reason":"missing"}"#
        );
        assert_eq!(auth.unclassified(), count);
    }
    assert!(!called.load(Ordering::SeqCst), "the handler ran");

    // Once: the log is not to be filled by whoever repeats a request.
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    for part in [
        "ERROR",
        "session_auth: unclassified",
        Method::POST.as_str(),
        "/api/waitlist/signup",
    ] {
        assert!(lines[0].contains(part), "{part:?}: {lines:#?}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        str::from_utf8(&bytes)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
