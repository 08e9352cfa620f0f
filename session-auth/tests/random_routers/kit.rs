//! The calls that build a router, on this crate's and on axum's.

use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{MethodFilter, MethodRouter};
use session_auth::{Methods, methods, public, session, webhook};
use tower::layer::util::Identity;

use super::attributes::with_function;
use super::run::{App, State, TestLayer, body, matched, ran, service};
use super::spec::{Class, Handler, LayerSpec, MethodOp, Op, Position, Source, Spec};

/// So that this compiles with an axum that has no such method.
#[allow(dead_code, reason = "axum's own method goes before this one")]
trait SinceAxum084: Sized {
    fn reset_fallback(self) -> Self {
        self
    }
}

impl<S> SinceAxum084 for axum::Router<S> {}

/// Whether axum has `reset_fallback`, as it does since 0.8.4.
pub(crate) fn resets_fallbacks() -> bool {
    static RESETS: LazyLock<bool> = LazyLock::new(|| {
        let router = axum::Router::<()>::new().fallback(|| async {});
        format!("{:?}", router.reset_fallback()).contains("default_fallback: true")
    });
    *RESETS
}

/// A way to build what a [`Spec`] says.
pub(crate) trait Kit: 'static {
    type Router<S: State>: Clone;

    fn router<S: State>() -> Self::Router<S>;

    fn apply<S: State>(router: Self::Router<S>, op: &Op) -> Self::Router<S>;

    fn with_state<S: State, S2: State>(router: Self::Router<S>, state: S) -> Self::Router<S2>;

    /// What a layer, a state or a service hides.
    fn hidden(handler: &Handler) -> MethodRouter;

    fn build<S: State>(spec: &Spec) -> Self::Router<S> {
        match &spec.state {
            None => spec.ops.iter().fold(Self::router::<S>(), Self::apply::<S>),
            Some(hidden) => {
                let new = Self::router::<App>();
                let router = spec.ops.iter().fold(new, Self::apply::<App>);
                Self::with_state(router, App(hidden.as_ref().map(Self::hidden)))
            }
        }
    }
}

pub(crate) fn filter(methods: &[Method]) -> MethodFilter {
    let one = |method: &Method| MethodFilter::try_from(method.clone()).expect("a known method");
    let all = methods.iter().map(one);
    all.reduce(MethodFilter::or).expect("one method at least")
}

fn declared_methods(handler: &Handler) -> Methods {
    match (&handler.methods, handler.position) {
        (_, Position::Fallback | Position::NotAllowed) => methods::FALLBACK,
        (None, _) => methods::ANY,
        (Some(methods), _) => {
            let names = methods
                .iter()
                .filter_map(|one| Methods::from_name(one.as_str()));
            names.reduce(Methods::or).expect("one method at least")
        }
    }
}

/// Puts the inline declaration of `$handler` in the place of `$declared`.
macro_rules! declaring {
    ($handler:expr, $declared:ident => $then:expr) => {{
        let (methods, path) = (declared_methods($handler), $handler.path.clone());
        let id = $handler.id.to_string();
        match $handler.class {
            Class::Public => {
                let $declared = public(methods, path, "a test").owner(id);
                $then
            }
            Class::Session => {
                let $declared = session(methods, path).owner(id);
                $then
            }
            Class::Staff => {
                let $declared = session(methods, path).scope("staff").owner(id);
                $then
            }
            Class::Webhook => {
                let $declared = webhook(methods, path, "hook").owner(id);
                $then
            }
        }
    }};
}

/// Puts the classified handler in the place of `$classified`.
macro_rules! classified {
    ($handler:expr, $state:ty, $classified:ident => $then:expr) => {
        match $handler.source {
            Source::Attribute(number) => with_function!(number, $classified => $then),
            _ => declaring!($handler, declared => {
                let $classified = declared.to(body::<$state>($handler));
                if $handler.layered {
                    let layer = TestLayer::new::<Ours>(&LayerSpec::Header);
                    let $classified = session_auth::ClassifiedHandler::layer($classified, layer);
                    $then
                } else {
                    $then
                }
            }),
        }
    };
}

/// A layer with its type, or boxed.
macro_rules! layered {
    ($kit:ty, $router:expr, $spec:expr, $method:ident) => {
        match $spec {
            LayerSpec::Identity => $router.$method(Identity::new()),
            spec => $router.$method(TestLayer::new::<$kit>(spec)),
        }
    };
}

/// This crate's router.
pub(crate) struct Ours;

impl Ours {
    fn methods<S: State>(ops: &[MethodOp]) -> session_auth::routing::MethodRouter<S> {
        use session_auth::routing::{self, MethodRouter};

        let mut all = MethodRouter::new();
        for op in ops {
            all = match op {
                MethodOp::On(methods, handler) => {
                    classified!(handler, S, h => all.on(filter(methods), h))
                }
                MethodOp::Any(handler) => classified!(handler, S, h => routing::any(h)),
                MethodOp::Fallback(handler) => classified!(handler, S, h => all.fallback(h)),
                MethodOp::OnService(methods, handler) => {
                    declaring!(handler, d => all.on_service(d, filter(methods), service::<Self>(handler)))
                }
                MethodOp::AnyService(handler) => {
                    declaring!(handler, d => routing::any_service(d, service::<Self>(handler)))
                }
                MethodOp::FallbackService(handler) => {
                    declaring!(handler, d => all.fallback_service(d, service::<Self>(handler)))
                }
                MethodOp::Layer(layer) => layered!(Self, all, layer, layer),
                MethodOp::RouteLayer(layer) => layered!(Self, all, layer, route_layer),
                MethodOp::Merge(other) => all.merge(Self::methods(other)),
            };
        }
        all
    }
}

impl Kit for Ours {
    type Router<S: State> = session_auth::Router<S>;

    fn router<S: State>() -> Self::Router<S> {
        session_auth::Router::new()
    }

    fn apply<S: State>(router: Self::Router<S>, op: &Op) -> Self::Router<S> {
        match op {
            Op::Route(path, ops) => router.route(path, Self::methods(ops)),
            Op::RouteWithTsr(path, ops, _) => router.route_with_tsr(path, Self::methods(ops)),
            Op::Mount(handler) => classified!(handler, S, h => router.mount(h)),
            Op::RouteService(path, handler) => {
                declaring!(handler, d => router.route_service(d, path, service::<Self>(handler)))
            }
            Op::NestService(path, handler) => {
                declaring!(handler, d => router.nest_service(d, path, service::<Self>(handler)))
            }
            Op::Nest(path, spec) => router.nest(path, nested::<Self, S>(spec)),
            Op::Merge(spec) => router.merge(nested::<Self, S>(spec)),
            Op::MergeAxum(spec) => router.merge_axum(nested::<Layered, S>(spec)),
            Op::MountAxum(handler, spec) => {
                let inner = nested::<Layered, S>(spec);
                declaring!(handler, d => router.mount_axum(d, inner))
            }
            Op::Fallback(handler) => classified!(handler, S, h => router.fallback(h)),
            Op::FallbackService(handler) => {
                declaring!(handler, d => router.fallback_service(d, service::<Self>(handler)))
            }
            Op::MethodNotAllowed(handler) => {
                classified!(handler, S, h => router.method_not_allowed_fallback(h))
            }
            Op::ResetFallback => router.reset_fallback(),
            Op::Layer(layer) => layered!(Self, router, layer, layer),
            Op::RouteLayer(layer) => layered!(Self, router, layer, route_layer),
        }
    }

    fn with_state<S: State, S2: State>(router: Self::Router<S>, state: S) -> Self::Router<S2> {
        router.with_state(state)
    }

    fn hidden(handler: &Handler) -> MethodRouter {
        let hidden = classified!(handler, (), h => session_auth::routing::any(h));
        hidden.into()
    }
}

/// A router with a state of its own turns into one with any.
fn nested<K: Kit, S: State>(spec: &Spec) -> K::Router<S> {
    K::build(spec)
}

/// axum's router, built by the same calls, without classes.
pub(crate) struct Twin<const NAKED: bool>;

pub(crate) type Layered = Twin<false>;
/// Without layers, so that it shows whose each request is.
pub(crate) type Naked = Twin<true>;

impl<const NAKED: bool> Twin<NAKED> {
    fn methods<S: State>(ops: &[MethodOp]) -> MethodRouter<S> {
        use axum::routing;

        let mut all = MethodRouter::new();
        for op in ops {
            all = match op {
                MethodOp::On(methods, handler) => all.on(filter(methods), body::<S>(handler)),
                MethodOp::Any(handler) => routing::any(body::<S>(handler)),
                MethodOp::Fallback(handler) => all.fallback(body::<S>(handler)),
                MethodOp::OnService(methods, handler) => {
                    all.on_service(filter(methods), service::<Self>(handler))
                }
                MethodOp::AnyService(handler) => routing::any_service(service::<Self>(handler)),
                MethodOp::FallbackService(handler) => {
                    all.fallback_service(service::<Self>(handler))
                }
                MethodOp::Layer(_) | MethodOp::RouteLayer(_) if NAKED => all,
                MethodOp::Layer(layer) => layered!(Self, all, layer, layer),
                MethodOp::RouteLayer(layer) => layered!(Self, all, layer, route_layer),
                MethodOp::Merge(other) => all.merge(Self::methods(other)),
            };
        }
        all
    }

    fn redirect<S: State>(handler: &Handler) -> MethodRouter<S> {
        let id = handler.id;
        axum::routing::any(move |request: Request| async move {
            if NAKED {
                matched(&request);
                ran(id);
            }
            let original = request.extensions().get::<axum::extract::OriginalUri>();
            let path = original.expect("axum keeps it").path();
            let other = path.strip_suffix('/');
            let other = other.map_or_else(|| format!("{path}/"), str::to_owned);
            if other.starts_with("//") {
                // It would lead to another host.
                return StatusCode::BAD_REQUEST.into_response();
            }
            Redirect::permanent(&other).into_response()
        })
    }
}

impl<const NAKED: bool> Kit for Twin<NAKED> {
    type Router<S: State> = axum::Router<S>;

    fn router<S: State>() -> Self::Router<S> {
        axum::Router::new()
    }

    fn apply<S: State>(router: Self::Router<S>, op: &Op) -> Self::Router<S> {
        match op {
            Op::Route(path, ops) => router.route(path, Self::methods(ops)),
            Op::RouteWithTsr(path, ops, redirect) => {
                let other = path.strip_suffix('/');
                let other = other.map_or_else(|| format!("{path}/"), str::to_owned);
                router
                    .route(path, Self::methods(ops))
                    .route(&other, Self::redirect(redirect))
            }
            Op::Mount(handler) => {
                let methods = match &handler.methods {
                    None => axum::routing::any(body::<S>(handler)),
                    Some(methods) => axum::routing::on(filter(methods), body::<S>(handler)),
                };
                router.route(&handler.path, methods)
            }
            Op::RouteService(path, handler) => router.route_service(path, service::<Self>(handler)),
            Op::NestService(path, handler) => router.nest_service(path, service::<Self>(handler)),
            Op::Nest(path, spec) => router.nest(path, nested::<Self, S>(spec)),
            Op::Merge(spec) | Op::MergeAxum(spec) => router.merge(nested::<Self, S>(spec)),
            Op::MountAxum(handler, spec) if handler.path == "/" => {
                router.merge(nested::<Self, S>(spec))
            }
            Op::MountAxum(handler, spec) => router.nest(&handler.path, nested::<Self, S>(spec)),
            Op::Fallback(handler) => router.fallback(body::<S>(handler)),
            Op::FallbackService(handler) => router.fallback_service(service::<Self>(handler)),
            Op::MethodNotAllowed(handler) => router.method_not_allowed_fallback(body::<S>(handler)),
            Op::ResetFallback => router.reset_fallback(),
            Op::Layer(_) | Op::RouteLayer(_) if NAKED => router,
            Op::Layer(layer) => layered!(Self, router, layer, layer),
            Op::RouteLayer(layer) => layered!(Self, router, layer, route_layer),
        }
    }

    fn with_state<S: State, S2: State>(router: Self::Router<S>, state: S) -> Self::Router<S2> {
        router.with_state(state)
    }

    fn hidden(handler: &Handler) -> MethodRouter {
        axum::routing::any(body::<()>(handler))
    }
}
