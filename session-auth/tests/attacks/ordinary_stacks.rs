//! Layers that services have: handlers behind them run, and nobody's request does.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{
    Next, from_extractor, from_fn, from_fn_with_state, map_request, map_response,
};
use axum::response::Response;
use axum::{BoxError, Extension};
use session_auth::methods::{GET, POST};
use session_auth::routing::{MethodRouter, get, post};
use session_auth::{Protected, Router, public, session, webhook};
use tower::ServiceBuilder;
use tower::layer::util::Identity;
use tower::retry::Policy;
use tower::util::BoxCloneSyncServiceLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::propagate_header::PropagateHeaderLayer;
use tower_http::request_id::{MakeRequestUuid, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::set_header::{SetRequestHeaderLayer, SetResponseHeaderLayer};
use tower_http::trace::TraceLayer;

use crate::world::{Class, FORGED, auth, proof, protect, request, status};

const NAME: HeaderName = HeaderName::from_static("x-layer");
const VALUE: HeaderValue = HeaderValue::from_static("1");

/// Sends a request again while the answer is a 503, and never more than twice.
#[derive(Clone)]
struct Again(usize);

impl<E> Policy<Request, Response, E> for Again {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request, result: &mut Result<Response, E>) -> Option<Ready<()>> {
        let again = matches!(result, Ok(response) if response.status() == 503) && self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        again.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        // A body cannot be cloned; the extensions, and with them the pass, can.
        let mut copy = Request::new(axum::body::Body::from("the bytes"));
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        Some(copy)
    }
}

async fn spawned(request: Request, next: Next) -> Response {
    tokio::spawn(next.run(request)).await.unwrap()
}

async fn passed(request: Request, next: Next) -> Response {
    next.run(request).await
}

struct Nothing;

impl<S: Sync> axum::extract::FromRequestParts<S> for Nothing {
    type Rejection = Infallible;

    async fn from_request_parts(
        _: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

/// Errors of a layer become a status that no test expects.
fn handled() -> HandleErrorLayer<impl Fn(BoxError) -> Ready<StatusCode> + Clone, ()> {
    HandleErrorLayer::new(|_: BoxError| ready(StatusCode::IM_A_TEAPOT))
}

fn methods() -> [(&'static str, MethodRouter); 3] {
    let says = || async { "ran" };
    [
        ("/me", get(session(GET, "/me").to(says))),
        ("/open", get(public(GET, "/open", "a test").to(says))),
        ("/hook", post(webhook(POST, "/hook", "repeated").to(says))),
    ]
}

fn routes() -> Router {
    let all = methods().into_iter();
    all.fold(Router::new(), |router, (path, methods)| {
        router.route(path, methods)
    })
}

async fn assert_works(what: &str, build: impl Fn(&session_auth::SessionAuthLayer) -> Protected) {
    let auth = auth();
    let app = build(&auth);
    let cookie = proof(Class::Session, &auth).await;
    let repeated = proof(Class::Webhook, &auth).await;
    for (method, path, headers, expected) in [
        ("GET", "/me", "", 401),
        ("GET", "/me", FORGED, 401),
        ("GET", "/me", &*repeated, 401),
        ("GET", "/me", &*cookie, 200),
        ("GET", "/open", "", 200),
        ("POST", "/hook", "", 401),
        ("POST", "/hook", &*cookie, 401),
        ("POST", "/hook", &*repeated, 200),
        ("GET", "/none", "", 404),
        ("GET", "/none", &*cookie, 404),
        ("DELETE", "/me", "", 405),
        ("DELETE", "/me", &*cookie, 405),
        // Once more: nothing of the first requests is left over.
        ("GET", "/me", &*cookie, 200),
        ("GET", "/me", "", 401),
    ] {
        let got = status(&app, request(method, path, headers)).await;
        assert_eq!(got, expected, "{what}: {method} {path} {headers}");
    }
}

/// A stack inside the guards on the router, on each method router, and outside on the app.
macro_rules! stacks {
    ($($name:literal: $layer:expr;)*) => {
        let mut stacks = 0;
        $(
            stacks += 1;
            assert_works(concat!($name, " on the router"), |auth| {
                protect(auth, routes().layer($layer))
            })
            .await;
            assert_works(concat!($name, " on each method router"), |auth| {
                let all = methods().into_iter();
                let routes = all.fold(Router::new(), |router, (path, methods)| {
                    router.route(path, methods.layer::<_, Infallible>($layer))
                });
                protect(auth, routes)
            })
            .await;
            assert_works(concat!($name, " on the app"), |auth| {
                protect(auth, routes()).layer($layer)
            })
            .await;
        )*
        assert!(stacks >= 31, "{stacks}");
    };
}

#[tokio::test]
async fn handlers_run_behind_ordinary_stacks_of_layers() {
    stacks! {
        "identity": Identity::new();
        "a boxed layer": BoxCloneSyncServiceLayer::new(Identity::new());
        "from_fn": from_fn(passed);
        "from_fn that spawns": from_fn(spawned);
        "from_fn twice": ServiceBuilder::new().layer(from_fn(spawned)).layer(from_fn(passed));
        "from_fn_with_state": from_fn_with_state((), async |request: Request, next: Next| next.run(request).await);
        "from_extractor": from_extractor::<Nothing>();
        "map_request": map_request(async |request: Request| request);
        "map_response": map_response(async |response: Response| response);
        "an extension": Extension("extension");
        "a default body limit": DefaultBodyLimit::max(1024);
        "tower's map_request": ServiceBuilder::new().map_request(|request: Request| request);
        "tower's map_response": ServiceBuilder::new().map_response(|response: Response| response);
        "tower's and_then": ServiceBuilder::new().and_then(async |response: Response| Ok::<_, Infallible>(response));
        "a response header": SetResponseHeaderLayer::if_not_present(NAME, VALUE);
        "a request header": SetRequestHeaderLayer::overriding(NAME, VALUE);
        "a propagated header": PropagateHeaderLayer::new(NAME);
        "a request id": SetRequestIdLayer::new(NAME, MakeRequestUuid);
        "sensitive headers": SetSensitiveRequestHeadersLayer::new([NAME]);
        "trace": TraceLayer::new_for_http();
        "CORS": CorsLayer::permissive();
        "catch-panic": CatchPanicLayer::new();
        "compression": CompressionLayer::new();
        "a body limit": RequestBodyLimitLayer::new(1024);
        "normalized paths": NormalizePathLayer::trim_trailing_slash();
        "tower-http's timeout": tower_http::timeout::TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(60),
        );
        "a timeout": ServiceBuilder::new().layer(handled()).timeout(Duration::from_secs(60));
        "a buffer": ServiceBuilder::new().layer(handled()).buffer(16);
        "load-shed": ServiceBuilder::new().layer(handled()).load_shed();
        "a concurrency limit": ServiceBuilder::new().concurrency_limit(16);
        "a rate limit": ServiceBuilder::new().layer(handled()).buffer(16).rate_limit(10_000, Duration::from_secs(1));
        "a filter": ServiceBuilder::new().layer(handled()).filter(|request: Request| Ok::<_, BoxError>(request));
        "an async filter": ServiceBuilder::new().layer(handled()).filter_async(async |request: Request| Ok::<_, BoxError>(request));
        "retry": ServiceBuilder::new().retry(Again(2));
        "all sorts": ServiceBuilder::new()
            .layer(handled())
            .load_shed()
            .buffer(16)
            .timeout(Duration::from_secs(60))
            .layer(TraceLayer::new_for_http())
            .layer(from_fn(spawned))
            .retry(Again(1))
            .layer(CorsLayer::permissive());
    }
}

/// A handler that fails first runs once more, as a retry clones the request before.
#[tokio::test]
async fn a_retry_runs_the_handler_again() {
    let ran = crate::world::Counter::default();
    let count = ran.clone();
    let flaky = move || {
        count.add();
        let first = count.get() == 1;
        async move {
            if first {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::OK
            }
        }
    };
    let auth = auth();
    let flaky = session(GET, "/flaky").to(flaky);
    let routes = Router::new()
        .mount(flaky)
        .layer(ServiceBuilder::new().retry(Again(2)));
    let app = protect(&auth, routes);
    let cookie = proof(Class::Session, &auth).await;
    assert_eq!(status(&app, request("GET", "/flaky", &cookie)).await, 200);
    assert_eq!(ran.get(), 2);
    assert_eq!(status(&app, request("GET", "/flaky", "")).await, 401);
    assert_eq!(ran.get(), 2);
}
