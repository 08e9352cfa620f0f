//! A handler that is reached otherwise than on its own route, behind a route that lets the caller in:
//! out of a layer, a state, a service, a buffer, through a second router.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use axum::Extension;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter as AxumMethodRouter;
use session_auth::methods::{ANY, GET};
use session_auth::routing::{MethodRouter, any, get};
use session_auth::{
    ClassifiedHandler as _, Router, public, session, session_route, unguarded_handlers,
    webhook_route,
};
use tower::buffer::Buffer;
use tower::util::MapRequestLayer;
use tower::{BoxError, ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::services::ServeDir;

use crate::common::{cookie_of, log};
use crate::world::{
    BOTH, Class, FORGED, PREFLIGHT, auth, closed, closed_post, proof, protect, request, status,
};

/// A handler as nothing but a service: how it comes into other hands.
type Hidden = AxumMethodRouter;

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

async fn call(hidden: Hidden, request: Request) -> Response {
    let Ok(response) = hidden.oneshot(request).await;
    response
}

/// Routes that let the caller in: `/open` anyone, `/mine` with a session.
fn routes() -> Router {
    Router::new()
        .mount(public(ANY, "/open", "a test").to(|| async {}))
        .mount(session(ANY, "/mine").to(|| async {}))
}

/// The routes with handlers that answer by what is hidden.
fn through(how: impl Fn(Request) -> Answering + Clone + Send + Sync + 'static) -> Router {
    let mine = how.clone();
    Router::new()
        .mount(public(ANY, "/open", "a test").to(how))
        .mount(session(ANY, "/mine").to(mine))
}

fn in_a_layers_field(hidden: Hidden) -> Router {
    routes().layer(from_fn(move |request: Request, _: Next| {
        call(hidden.clone(), request)
    }))
}

fn in_a_layers_state(hidden: Hidden) -> Router {
    async fn answer(State(hidden): State<Hidden>, request: Request, _: Next) -> Response {
        call(hidden, request).await
    }
    routes().layer(from_fn_with_state(hidden, answer))
}

fn in_the_routers_state(hidden: Hidden) -> Router {
    async fn answer(State(hidden): State<Hidden>, request: Request) -> Response {
        call(hidden, request).await
    }
    Router::new()
        .mount(public(ANY, "/open", "a test").to(answer))
        .mount(session(ANY, "/mine").to(answer))
        .with_state(hidden)
}

fn in_an_extension(hidden: Hidden) -> Router {
    async fn answer(Extension(hidden): Extension<Hidden>, request: Request) -> Response {
        call(hidden, request).await
    }
    Router::new()
        .mount(public(ANY, "/open", "a test").to(answer))
        .mount(session(ANY, "/mine").to(answer))
        .layer(Extension(hidden))
}

fn in_a_handler(hidden: Hidden) -> Router {
    through(move |request| Box::pin(call(hidden.clone(), request)))
}

fn in_a_spawned_task(hidden: Hidden) -> Router {
    through(move |request| {
        let task = tokio::spawn(call(hidden.clone(), request));
        Box::pin(async move { task.await.unwrap() })
    })
}

fn in_a_buffer(hidden: Hidden) -> Router {
    let buffer = Buffer::new(hidden, 8);
    through(move |request| {
        let buffer = buffer.clone();
        Box::pin(async move { buffer.oneshot(request).await.unwrap() })
    })
}

fn in_a_pool(hidden: Hidden) -> Router {
    let pool = Arc::new(Mutex::new(vec![hidden.clone(), hidden]));
    through(move |request| {
        let one = pool.lock().unwrap()[1].clone();
        Box::pin(call(one, request))
    })
}

fn in_a_second_router(hidden: Hidden) -> Router {
    let second = axum::Router::new().route("/{*path}", hidden);
    through(move |request| Box::pin(answer_of(second.clone(), request)))
}

fn in_a_second_routers_fallback(hidden: Hidden) -> Router {
    let second = axum::Router::new().fallback_service(hidden);
    through(move |request| Box::pin(answer_of(second.clone(), request)))
}

async fn answer_of(router: axum::Router, request: Request) -> Response {
    let Ok(response) = router.oneshot(request).await;
    response
}

fn in_a_layer_of_the_method_router(hidden: Hidden) -> Router {
    let layer = from_fn(move |request: Request, _: Next| call(hidden.clone(), request));
    let open: MethodRouter = any(public(ANY, "/open", "a test").to(|| async {}));
    let mine: MethodRouter = any(session(ANY, "/mine").to(|| async {}));
    Router::new()
        .route("/open", open.layer(layer.clone()))
        .route("/mine", mine.layer(layer))
}

fn in_a_layer_of_the_handler(hidden: Hidden) -> Router {
    let layer = from_fn(move |request: Request, _: Next| call(hidden.clone(), request));
    let open = public(ANY, "/open", "a test").to(|| async {});
    let mine = session(ANY, "/mine").to(|| async {});
    Router::new()
        .mount(open.layer(layer.clone()))
        .mount(mine.layer(layer))
}

/// Under `/open` and `/mine`, as whole services.
fn as_services<S>(service: S) -> Router
where
    S: tower::Service<Request, Response = Response, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    Router::new()
        .nest_service(public(ANY, "/open", "a test"), "/open", service.clone())
        .route_service(session(ANY, "/mine"), "/mine", service)
}

fn as_the_fallback_of_files(hidden: Hidden) -> Router {
    let files = ServeDir::new("/nonexistent")
        .call_fallback_on_method_not_allowed(true)
        .fallback(hidden);
    as_services(service_fn(move |request: Request| {
        let files = files.clone();
        async move { Ok(files.oneshot(request).await.into_response()) }
    }))
}

fn in_a_closures_service(hidden: Hidden) -> Router {
    as_services(service_fn(move |request: Request| {
        let hidden = hidden.clone();
        async move { Ok(call(hidden, request).await) }
    }))
}

fn in_a_buffered_service(hidden: Hidden) -> Router {
    let service = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(|_: BoxError| async {
            StatusCode::IM_A_TEAPOT
        }))
        .buffer(8)
        .service(hidden);
    as_services(service)
}

fn as_a_service_itself(hidden: Hidden) -> Router {
    as_services(
        ServiceBuilder::new()
            .map_request(|request: Request| request)
            .service(hidden),
    )
}

type Way = (&'static str, fn(Hidden) -> Router);

const WAYS: &[Way] = &[
    ("a layer's field", in_a_layers_field),
    ("a layer's state", in_a_layers_state),
    ("the router's state", in_the_routers_state),
    ("an extension", in_an_extension),
    ("a handler", in_a_handler),
    ("a spawned task", in_a_spawned_task),
    ("a buffer", in_a_buffer),
    ("a pool", in_a_pool),
    ("a second router", in_a_second_router),
    ("a second router's fallback", in_a_second_routers_fallback),
    (
        "a layer of the method router",
        in_a_layer_of_the_method_router,
    ),
    ("a layer of the handler", in_a_layer_of_the_handler),
    ("the fallback of files", as_the_fallback_of_files),
    ("a closure's service", in_a_closures_service),
    ("a buffered service", in_a_buffered_service),
    ("a service itself", as_a_service_itself),
];

#[tokio::test]
async fn security_a_hidden_handler_refuses_whoever_is_let_in() {
    for class in BOTH {
        for (way, build) in WAYS {
            let (hidden, ran) = closed(class, "/hidden");
            let auth = auth();
            let app = protect(&auth, build(hidden.into()));
            let cookie = cookie_of(&auth).await;
            // What lets in on `/open` or `/mine` is no pass for the handler, even where it is the
            // right session or proof.
            let right = proof(class, &auth).await;
            for method in ["GET", "POST", "BREW", "OPTIONS"] {
                for (path, headers) in [
                    ("/open", ""),
                    ("/open", FORGED),
                    ("/open", &right),
                    ("/open", PREFLIGHT),
                    ("/mine", &cookie),
                    ("/mine", &format!("{cookie}x-proof: the bytes\r\n")),
                    ("/mine", &format!("{cookie}{PREFLIGHT}")),
                ] {
                    if method != "OPTIONS" && headers.ends_with(PREFLIGHT) {
                        // From another origin: the guard itself refuses it.
                        continue;
                    }
                    let got = status(&app, request(method, path, headers)).await;
                    let met = format!("{class:?} in {way}: {method} {path} {headers}");
                    assert_eq!(ran.get(), 0, "{met}");
                    assert_eq!(got, 500, "{met}");
                }
            }
        }
    }
}

/// Where the outer route does not let in, what is hidden is not reached at all, but for a preflight:
/// that goes in to a layer inside, and no further.
#[tokio::test]
async fn security_a_hidden_handler_runs_for_no_preflight_that_is_let_in() {
    for class in BOTH {
        for (way, build) in WAYS {
            let (hidden, ran) = closed(class, "/hidden");
            let app = protect(&auth(), build(hidden.into()));
            let got = status(&app, request("OPTIONS", "/mine", PREFLIGHT)).await;
            assert_eq!(ran.get(), 0, "{class:?} in {way}");
            assert!([401, 500].contains(&got), "{class:?} in {way}: {got}");
            assert_eq!(status(&app, request("GET", "/mine", "")).await, 401);
        }
    }
}

/// The same ways do run what is public, so that the tests above try something.
#[tokio::test]
async fn a_hidden_handler_that_is_public_runs() {
    for (way, build) in WAYS {
        let hidden: MethodRouter = any(public(ANY, "/hidden", "a test").to(|| async { "ran" }));
        let app = protect(&auth(), build(hidden.into()));
        let got = status(&app, request("GET", "/open", "")).await;
        assert_eq!(got, 200, "{way}");
    }
}

#[session_route(ANY, "/hidden/and/counted")]
async fn counted() {}

#[tokio::test]
async fn a_refusal_is_counted_and_logged_with_both_places() {
    log();
    let hidden: MethodRouter = any(counted);
    let mounted_on = line!() - 1;
    let app = protect(&auth(), in_a_handler(hidden.into()));
    for _ in 0..3 {
        assert_eq!(status(&app, request("GET", "/open", "")).await, 500);
    }
    let all = unguarded_handlers();
    let found = all.iter().find(|one| one.handler.ends_with("::counted"));
    let found = found.unwrap_or_else(|| panic!("{all:?}"));
    assert_eq!(found.refused, 3);
    assert_eq!(found.mounted.line, mounted_on);
    assert!(found.mounted.file.ends_with("hidden.rs"), "{found:?}");
    // Each time there are twice as many.
    let lines = log().lines("ERROR", "ANY /hidden/and/counted");
    assert_eq!(lines.len(), 2, "{lines:?}");
    let source = include_str!("hidden.rs").lines();
    let attribute = "#[session_route(ANY, \"/hidden/and/counted\")]";
    let declared = 1 + source.take_while(|line| *line != attribute).count();
    for place in [
        format!("hidden.rs:{mounted_on}"),
        format!("hidden.rs:{declared}"),
    ] {
        assert!(lines[0].contains(&place), "{place}: {}", lines[0]);
    }
}

#[session_route(GET, "/anew/session")]
async fn anew_by_session() {
    panic!("a session handler runs without its pass");
}

#[webhook_route(GET, "/anew/webhook", verify = "repeated")]
async fn anew_by_webhook() {
    panic!("a webhook handler runs without its pass");
}

/// A request that a middleware makes itself has no pass.
#[tokio::test]
async fn security_a_request_made_anew_is_refused_and_the_log_says_why() {
    async fn anew(request: Request, next: Next) -> Response {
        let (parts, body) = request.into_parts();
        let mut anew = Request::new(body);
        *anew.method_mut() = parts.method;
        *anew.uri_mut() = parts.uri;
        *anew.headers_mut() = parts.headers;
        next.run(anew).await
    }
    log();
    let auth = auth();
    let routes = Router::new().mount(anew_by_session).mount(anew_by_webhook);
    let app = protect(&auth, routes.layer(from_fn(anew)));
    for (class, path) in [
        (Class::Session, "/anew/session"),
        (Class::Webhook, "/anew/webhook"),
    ] {
        let right = proof(class, &auth).await;
        assert_eq!(status(&app, request("GET", path, &right)).await, 500);
        let lines = log().lines("ERROR", path);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].contains("keep the extensions of the old"),
            "{lines:?}"
        );
    }
}

/// One that keeps the extensions runs: the batch of a middleware, say.
#[tokio::test]
async fn a_request_made_anew_with_the_extensions_runs() {
    async fn anew(request: Request, next: Next) -> Response {
        let (parts, body) = request.into_parts();
        let mut anew = Request::new(body);
        *anew.extensions_mut() = parts.extensions;
        next.run(anew).await
    }
    for class in BOTH {
        let (methods, ran) = closed(class, "/kept");
        let auth = auth();
        let app = protect(
            &auth,
            Router::new().route("/kept", methods).layer(from_fn(anew)),
        );
        let right = proof(class, &auth).await;
        assert_eq!(status(&app, request("GET", "/kept", &right)).await, 200);
        assert_eq!(status(&app, request("GET", "/kept", "")).await, 401);
        assert_eq!(ran.get(), 1, "{class:?}");
    }
}

/// A middleware that changes the method changes neither the route nor its class.
#[tokio::test]
async fn security_a_changed_method_opens_nothing() {
    fn change(mut request: Request) -> Request {
        if let Some(to) = request.headers().get("x-http-method-override") {
            *request.method_mut() = Method::from_bytes(to.as_bytes()).unwrap();
        }
        request
    }
    let layer = || MapRequestLayer::new(change);
    for class in BOTH {
        let (post, ran) = closed_post(class, "/item");
        let open = get(public(GET, "/item", "a test").to(|| async {}));
        let methods = open.merge(post);
        let bare = || Router::new().route("/item", methods.clone());
        let of_methods = Router::new().route("/item", methods.clone().layer(layer()));
        let apps = [
            ("inside", protect(&auth(), bare().layer(layer()))),
            ("around the method router", protect(&auth(), of_methods)),
            ("on the app", protect(&auth(), bare()).layer(layer())),
        ];
        let method = |to: &str| format!("x-http-method-override: {to}\r\n");
        for (place, app) in apps {
            for to in ["POST", "DELETE", "OPTIONS", "BREW"] {
                // The public handler of the route that axum chose runs, as in axum alone.
                let got = status(&app, request("GET", "/item", &method(to))).await;
                assert_eq!((got, ran.get()), (200, 0), "{class:?} {place} {to}");
                let got = status(&app, request("POST", "/item", &method(to))).await;
                assert_eq!((got, ran.get()), (401, 0), "{class:?} {place} {to}");
            }
            let got = status(&app, request("POST", "/item", &method("GET"))).await;
            assert_eq!((got, ran.get()), (401, 0), "{class:?} {place}");
        }
        // Around the whole it comes before the route is chosen.
        let around = ServiceBuilder::new()
            .layer(layer())
            .service(protect(&auth(), bare()));
        let got = status(&around, request("GET", "/item", &method("POST"))).await;
        assert_eq!((got, ran.get()), (401, 0), "{class:?}");
    }
}
