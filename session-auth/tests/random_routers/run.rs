//! What runs: handlers, services and layers that report it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tower::buffer::Buffer;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use super::kit::Kit;
use super::spec::{Handler, Holder, Id, LayerSpec};

/// Asks a layer to answer by itself, or by what it holds.
pub(crate) const TRIGGER: HeaderName = HeaderName::from_static("x-trigger");

/// What ran since it was last taken: one request is sent at a time.
static RAN: Mutex<Vec<Id>> = Mutex::new(Vec::new());

pub(crate) fn ran(id: Id) {
    RAN.lock().unwrap_or_else(PoisonError::into_inner).push(id);
}

pub(crate) fn take_ran() -> Vec<Id> {
    std::mem::take(&mut *RAN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The pattern of the request of which a handler has run last.
static PATTERN: Mutex<Option<String>> = Mutex::new(None);

pub(crate) fn matched(request: &Request) {
    let pattern = request.extensions().get::<MatchedPath>();
    *PATTERN.lock().unwrap_or_else(PoisonError::into_inner) =
        pattern.map(|pattern| pattern.as_str().to_owned());
}

pub(crate) fn take_pattern() -> Option<String> {
    PATTERN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The state of a router.
pub(crate) trait State: Clone + Send + Sync + 'static {
    fn hidden(&self) -> Option<MethodRouter>;
}

impl State for () {
    fn hidden(&self) -> Option<MethodRouter> {
        None
    }
}

/// A state with a handler in it, as it may be in a service.
#[derive(Clone)]
pub(crate) struct App(pub(crate) Option<MethodRouter>);

impl State for App {
    fn hidden(&self) -> Option<MethodRouter> {
        self.0.clone()
    }
}

/// The function of a handler.
pub(crate) fn body<S: State>(
    handler: &Handler,
) -> impl Fn(axum::extract::State<S>, Request) -> Answering + Clone + Send + Sync + 'static {
    let (id, calls_state) = (handler.id, handler.calls_state);
    move |axum::extract::State(state), request| {
        matched(&request);
        Box::pin(async move {
            ran(id);
            match state.hidden().filter(|_| calls_state) {
                Some(hidden) => answer(hidden, request).await,
                None => StatusCode::OK.into_response(),
            }
        })
    }
}

async fn answer<S>(service: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let Ok(response) = service.oneshot(request).await;
    response
}

pub(crate) type BoxService = BoxCloneSyncService<Request, Response, Infallible>;

/// A service: a closure, or one around a `ServeDir` that falls back to a handler.
pub(crate) fn service<K: Kit>(handler: &Handler) -> BoxService {
    let id = handler.id;
    match &handler.serve_dir {
        None => BoxCloneSyncService::new(service_fn(move |request: Request| {
            matched(&request);
            async move {
                ran(id);
                Ok(StatusCode::OK.into_response())
            }
        })),
        Some(hidden) => {
            let files = ServeDir::new("/nonexistent")
                .call_fallback_on_method_not_allowed(true)
                .fallback(K::hidden(hidden));
            BoxCloneSyncService::new(service_fn(move |request: Request| {
                matched(&request);
                ran(id);
                let files = files.clone();
                async move { Ok(files.oneshot(request).await.into_response()) }
            }))
        }
    }
}

/// A layer of a test.
#[derive(Clone)]
pub(crate) struct TestLayer {
    spec: LayerSpec,
    held: Option<Held>,
}

#[derive(Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "a layer has it in its field as it is"
)]
enum Held {
    Field(MethodRouter),
    Router(axum::Router),
    Buffer(Buffer<Request, <MethodRouter as Service<Request>>::Future>),
    Pool(Arc<Mutex<Vec<MethodRouter>>>),
}

impl TestLayer {
    pub(crate) fn new<K: Kit>(spec: &LayerSpec) -> Self {
        let held = match spec {
            LayerSpec::Holds(holder, handler) => {
                let hidden = K::hidden(handler);
                Some(match holder {
                    Holder::Field => Held::Field(hidden),
                    Holder::Router => Held::Router(
                        axum::Router::new()
                            .route("/", hidden.clone())
                            .route("/{*rest}", hidden),
                    ),
                    Holder::Buffer => Held::Buffer(Buffer::new(hidden, 4)),
                    Holder::Pool => Held::Pool(Arc::new(Mutex::new(vec![hidden.clone(), hidden]))),
                })
            }
            _ => None,
        };
        let spec = spec.clone();
        Self { spec, held }
    }
}

impl Held {
    async fn answer(self, request: Request) -> Response {
        match self {
            Self::Field(hidden) => answer(hidden, request).await,
            Self::Router(hidden) => answer(hidden, request).await,
            Self::Buffer(hidden) => match hidden.oneshot(request).await {
                Ok(response) => response,
                Err(_) => StatusCode::IM_A_TEAPOT.into_response(),
            },
            Self::Pool(pool) => {
                let one = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let one = one.expect("it is put back");
                let response = answer(one.clone(), request).await;
                pool.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(one);
                response
            }
        }
    }
}

async fn spawning(request: Request, next: Next) -> Response {
    let work = tokio::spawn(next.run(request));
    work.await.expect("no handler panics")
}

async fn passing(request: Request, next: Next) -> Response {
    next.run(request).await
}

impl<I> Layer<I> for TestLayer
where
    I: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    I::Future: Send + 'static,
{
    type Service = BoxService;

    fn layer(&self, inner: I) -> BoxService {
        let header = HeaderName::from_static("x-layer");
        let value = HeaderValue::from_static("1");
        match &self.spec {
            LayerSpec::Identity | LayerSpec::Boxed => BoxCloneSyncService::new(inner),
            LayerSpec::Cors => BoxCloneSyncService::new(CorsLayer::permissive().layer(inner)),
            LayerSpec::Header => {
                let layer = SetResponseHeaderLayer::if_not_present(header, value);
                BoxCloneSyncService::new(layer.layer(inner))
            }
            LayerSpec::FromFn => BoxCloneSyncService::new(from_fn(passing).layer(inner)),
            LayerSpec::Spawn => BoxCloneSyncService::new(from_fn(spawning).layer(inner)),
            LayerSpec::Answers | LayerSpec::Holds(..) => {
                let held = self.held.clone();
                BoxCloneSyncService::new(service_fn(move |request: Request| {
                    let (held, inner) = (held.clone(), inner.clone());
                    async move {
                        if !request.headers().contains_key(TRIGGER) {
                            return inner.oneshot(request).await;
                        }
                        Ok(match held {
                            Some(held) => held.answer(request).await,
                            None => StatusCode::OK.into_response(),
                        })
                    }
                }))
            }
        }
    }
}
