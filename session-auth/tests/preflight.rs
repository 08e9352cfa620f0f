//! CORS: a browser asks by a preflight, without a cookie, whether it may. A `CorsLayer` inside of the
//! guards gets to answer; no handler that needs a session or a proof runs on one.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use common::{Answer, ask, auth, cookie_of, protect, protected, service};
use http::{HeaderValue, Method, StatusCode, header};
use session_auth::methods::{ANY, FALLBACK, GET, OPTIONS, POST};
use session_auth::webhook::Bearer;
use session_auth::{
    Denial, Keys, Router, SessionAuthLayer, declare_route, public, session, webhook,
};
use tower_http::cors::CorsLayer;

const PREFLIGHT: &str = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n";

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static("https://app.example"))
        .allow_methods([Method::GET, Method::POST])
}

fn allowed(answer: &Answer) -> bool {
    answer.header("access-control-allow-origin").next() == Some("https://app.example")
}

fn sender() -> SessionAuthLayer {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("sender", Bearer::new("secret"))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_cors_layer_inside_answers_preflights_of_every_class() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let count = || async {
        RAN.fetch_add(1, Ordering::SeqCst);
    };
    let routes = Router::new()
        .mount(public(POST, "/public", "test").to(count))
        .mount(webhook(POST, "/hook", "sender").to(count))
        .mount(session(GET | POST, "/me").to(count))
        .mount(public(ANY, "/any/public", "test").to(count))
        .mount(webhook(ANY, "/any/hook", "sender").to(count))
        .mount(session(ANY, "/any/me").to(count))
        .mount(session(OPTIONS, "/options").to(count))
        .nest_service(session(ANY, "/files"), "/files", service("a file"))
        .fallback(session(FALLBACK, "/").to(count))
        .layer(cors());
    let auth = sender();
    let app = protect(&auth, routes).unwrap();
    for path in [
        "/public",
        "/hook",
        "/me",
        "/any/public",
        "/any/hook",
        "/any/me",
        "/options",
        "/files/x",
        "/none",
    ] {
        let answer = ask(&app, "OPTIONS", path, PREFLIGHT).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
        assert!(allowed(&answer), "{path}: {answer:?}");
        let methods = answer.header("access-control-allow-methods").next();
        assert_eq!(methods, Some("GET,POST"), "{path}");
    }
    assert_eq!(RAN.load(Ordering::SeqCst), 0);
    // None of them was denied, and none got in.
    for activity in auth.activity() {
        let public = activity.route == "ANY /any/public";
        assert_eq!(activity.passed, u64::from(public), "{activity:?}");
        assert!(activity.denied.is_empty(), "{activity:?}");
    }
}

/// Where nothing inside answers a preflight it is refused by what asks for a pass.
#[tokio::test]
async fn security_no_session_or_webhook_handler_runs_on_a_preflight() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let never = || async {
        RAN.fetch_add(1, Ordering::SeqCst);
    };
    let never_served = tower::service_fn(|_: Request| async {
        RAN.fetch_add(1, Ordering::SeqCst);
        Ok::<Response, std::convert::Infallible>(Response::default())
    });
    let routes = Router::new()
        .mount(session(ANY, "/any").to(never))
        .mount(session(OPTIONS, "/options").to(never))
        .mount(webhook(ANY, "/hook", "sender").to(never))
        .nest_service(session(ANY, "/files"), "/files", never_served)
        .fallback_service(session(FALLBACK, "/"), never_served);
    // Neither by another method, which a middleware gives it.
    let disguised = routes
        .clone()
        .layer(from_fn(async |mut request: Request, next: Next| {
            *request.method_mut() = Method::POST;
            next.run(request).await
        }));
    for app in [routes, disguised] {
        let app = protect(&sender(), app).unwrap();
        for path in ["/any", "/options", "/hook", "/files/x", "/none"] {
            let answer = ask(&app, "OPTIONS", path, PREFLIGHT).await;
            assert_eq!((answer.status, answer.body.as_str()), (401, ""), "{path}");
        }
    }
    assert_eq!(RAN.load(Ordering::SeqCst), 0);
}

/// Half a preflight is none: it does not come in at all.
#[tokio::test]
async fn security_only_a_whole_preflight_goes_in() {
    let routes = Router::new()
        .mount(session(ANY, "/any").to(|| async {}))
        .layer(from_fn(async |_: Request, _: Next| -> Response {
            panic!("it came in");
        }));
    let auth = auth();
    let app = protect(&auth, routes).unwrap();
    let (origin, method) = PREFLIGHT.split_once("\r\n").unwrap();
    for (http_method, headers) in [
        ("OPTIONS", ""),
        ("OPTIONS", origin),
        ("OPTIONS", method),
        ("GET", PREFLIGHT),
        ("POST", PREFLIGHT),
    ] {
        let answer = ask(&app, http_method, "/any", headers).await;
        assert_eq!(answer.status, 401, "{http_method} {headers}");
        assert!(answer.body.contains("missing"), "{http_method} {headers}");
    }
    let denied = common::activity(&auth, "ANY /any").denied;
    assert_eq!(denied, [(Denial::Missing, 5)]);
}

declare_route!(session_route(ANY, "/foreign"));

/// What axum's own functions mounted asks for no pass, so no preflight goes in to it.
#[tokio::test]
async fn security_a_route_without_a_seal_gets_no_preflight() {
    let foreign = axum::Router::new().route(
        "/foreign",
        axum::routing::any(|| async { "it runs on a preflight" }),
    );
    let app = protected(Router::new().merge_axum(foreign.clone()).layer(cors()));
    let answer = ask(&app, "OPTIONS", "/foreign", PREFLIGHT).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("missing"), "{answer:?}");
    assert!(!allowed(&answer), "{answer:?}");

    let whole = Router::new().mount_axum(session(ANY, "/whole"), foreign);
    let app = protected(whole.layer(cors()));
    let answer = ask(&app, "OPTIONS", "/whole/foreign", PREFLIGHT).await;
    assert_eq!(answer.status, 401);
    assert!(!allowed(&answer), "{answer:?}");
}

#[tokio::test]
async fn what_has_a_session_is_no_stranger_for_being_a_preflight() {
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let routes = Router::new().mount(session(OPTIONS, "/options").to(|| async { "my options" }));
    let app = protect(&auth, routes).unwrap();
    let answer = ask(&app, "OPTIONS", "/options", &format!("{cookie}{PREFLIGHT}")).await;
    assert_eq!(answer.body, "my options");
}

/// Nobody was let in: the status and the CORS headers go out, and nothing of a body.
#[tokio::test]
async fn security_an_answer_to_options_without_a_pass_has_no_body() {
    async fn tell(request: Request, next: Next) -> Response {
        if request.method() != Method::OPTIONS {
            return next.run(request).await;
        }
        let headers = [
            (header::CONTENT_TYPE, "text/plain"),
            (header::CONTENT_LENGTH, "13"),
            (header::CONTENT_ENCODING, "identity"),
            (header::ETAG, "\"a secret\""),
            (header::LAST_MODIFIED, "Thu, 01 Jan 2026 00:00:00 GMT"),
            (header::CONTENT_RANGE, "bytes 0-12/13"),
            (header::CONTENT_LOCATION, "/a/secret"),
            (header::CONTENT_DISPOSITION, "attachment; filename=secret"),
            (header::CONTENT_LANGUAGE, "en"),
            (header::ACCEPT_RANGES, "bytes"),
            (header::TRAILER, "x-secret"),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "https://app.example"),
            (header::ALLOW, "GET"),
        ];
        (StatusCode::ACCEPTED, headers, "what a secret").into_response()
    }

    let routes = Router::new()
        .mount(session(GET, "/me").to(|| async {}))
        .mount(session(ANY, "/any").to(|| async {}))
        .layer(from_fn(tell));
    let auth = auth();
    let cookie = cookie_of(&auth).await;
    let app = protect(&auth, routes).unwrap();
    // A path without `OPTIONS`, one with it, and no path.
    for path in ["/me", "/any", "/none"] {
        let answer = ask(&app, "OPTIONS", path, PREFLIGHT).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{path}");
        let mut names: Vec<_> = answer
            .head
            .lines()
            .filter_map(|line| line.split_once(": "))
            // axum says that there is no body.
            .filter(|header| *header != ("content-length", "0"))
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        names.dedup();
        let cors = ["access-control-allow-origin", "allow"];
        assert_eq!(names, cors, "{path}: {answer:?}");
    }
    // With a session it is the service's own affair.
    let answer = ask(&app, "OPTIONS", "/any", &format!("{cookie}{PREFLIGHT}")).await;
    assert_eq!(answer.body, "what a secret");
}

#[tokio::test]
async fn denials_carry_cors_headers_where_the_layer_is_on_the_protected_app() {
    let routes = || Router::new().mount(session(GET, "/me").to(|| async {}));
    let origin = "Origin: https://app.example\r\n";
    let inside = ask(&protected(routes().layer(cors())), "GET", "/me", origin).await;
    assert_eq!((inside.status, allowed(&inside)), (401, false));
    let outside = ask(&protected(routes()).layer(cors()), "GET", "/me", origin).await;
    assert_eq!((outside.status, allowed(&outside)), (401, true));
    let answer = ask(
        &protected(routes()).layer(cors()),
        "OPTIONS",
        "/me",
        PREFLIGHT,
    )
    .await;
    assert_eq!((answer.status, allowed(&answer)), (200, true));
}
