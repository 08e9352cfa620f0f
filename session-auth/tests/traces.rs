//! What a denial says to the span of its request, as OpenTelemetry gets it.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use session_auth::methods::{GET, POST};
use session_auth::webhook::Bearer;
use session_auth::{EndSession, Keys, Router, SessionAuthLayer, public, session, webhook};
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;

/// As `TraceLayer` makes one for each request, with fields that are not known yet.
async fn in_span(request: Request, next: Next) -> Response {
    let span = tracing::info_span!(
        "request",
        path = request.uri().path(),
        http.route = tracing::field::Empty,
        error.type = tracing::field::Empty,
    );
    next.run(request).instrument(span).await
}

#[tokio::test]
async fn a_denial_gives_its_reason_and_its_route_to_the_span_and_nobodys_session() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(traces));

    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("edge", Bearer::new("a-token"))
        .build()
        .unwrap();
    let routes = Router::new()
        .mount(public(GET, "/open", "test").to(|| async {}))
        .mount(session(GET, "/orders/{id}").scope("orders").to(|| async {}))
        .mount(webhook(POST, "/events", "edge").to(|| async {}))
        .mount(
            public(POST, "/logout", "test")
                .optional_session()
                .to(|session: EndSession| async move { session.await }),
        );
    let app = common::protect(&auth, routes)
        .unwrap()
        .layer(from_fn(in_span));
    let cookie = common::cookie_of(&auth).await;
    for (method, path, headers, status) in [
        ("GET", "/open", "", 200),
        ("GET", "/orders/7", "", 401),
        ("GET", "/orders/7", &*cookie, 403),
        ("POST", "/events", "Authorization: Bearer another", 401),
        ("POST", "/events", "Authorization: Bearer a-token", 200),
        ("POST", "/logout", "Sec-Fetch-Site: cross-site", 403),
        ("GET", "/none", "", 404),
    ] {
        assert_eq!(
            common::ask(&app, method, path, headers).await.status,
            status
        );
    }
    let mut seen = Vec::new();
    for span in exporter.get_finished_spans().unwrap() {
        let fields = span.attributes.iter();
        let fields: BTreeMap<_, _> = fields
            .map(|it| (it.key.to_string(), it.value.to_string()))
            .collect();
        let of = |name: &str| fields.get(name).cloned().unwrap_or_default();
        seen.push((of("path"), of("http.route"), of("error.type")));
        let secret = cookie.split('=').nth(1).unwrap();
        assert!(!format!("{span:?}").contains(secret), "{span:?}");
    }
    let text = |path: &str, route: &str, reason: &str| {
        (path.to_owned(), route.to_owned(), reason.to_owned())
    };
    assert_eq!(
        seen,
        [
            text("/open", "", ""),
            text("/orders/7", "/orders/{id}", "missing"),
            text("/orders/7", "/orders/{id}", "scope"),
            text("/events", "/events", "signature_invalid"),
            text("/events", "", ""),
            text("/logout", "/logout", "cross_origin"),
            text("/none", "", ""),
        ]
    );
}
