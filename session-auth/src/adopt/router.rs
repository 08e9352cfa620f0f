//! The router, for any handler.

use std::any::Any;
use std::convert::Infallible;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::{Route, RouterAsService, RouterIntoService};
use tower_layer::Layer;
use tower_service::Service;

use super::method_router::{MethodRouter, seal};
use crate::audited::{Auditable, Audited};
use crate::report::RouterSite;
use crate::routing::Router as Strict;
use crate::unauditable::report_adopted;
use crate::wrapper::like_axum;

/// [`axum::Router`], for any handler: see [`adopt`](crate::adopt).
#[must_use = "a router does nothing until it is served"]
pub struct Router<S = ()>(Strict<S>);

impl<S> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// As [`axum::Router::new`].
    pub fn new() -> Self {
        Self(Strict::new())
    }

    /// As [`axum::Router::without_v07_checks`].
    pub fn without_v07_checks(self) -> Self {
        Self(self.0.without_v07_checks())
    }

    /// As [`axum::Router::route`].
    #[track_caller]
    pub fn route(self, path: &str, method_router: MethodRouter<S>) -> Self {
        Self(self.0.route(path, method_router.0))
    }

    /// As axum-extra's `route_with_tsr`.
    #[track_caller]
    pub fn route_with_tsr(self, path: &str, method_router: MethodRouter<S>) -> Self {
        Self(self.0.route_with_tsr(path, method_router.0))
    }

    /// As [`axum::Router::route_service`].
    #[track_caller]
    pub fn route_service<T>(self, path: &str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let (service, note) = seal(service);
        Self(Strict {
            inner: self.0.inner.route_service(path, service),
            record: self.0.record.route_service(path, note),
        })
    }

    /// As [`axum::Router::nest`], for whatever turns into an axum router too.
    #[track_caller]
    pub fn nest<R>(self, path: &str, router: R) -> Self
    where
        R: Into<axum::Router<S>> + 'static,
    {
        Self(self.0.nest(path, strict(router)))
    }

    /// As [`axum::Router::nest_service`].
    #[track_caller]
    pub fn nest_service<T>(self, path: &str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let (service, note) = seal(service);
        Self(Strict {
            inner: self.0.inner.nest_service(path, service),
            record: self.0.record.nest_service(path, note),
        })
    }

    /// As [`axum::Router::merge`].
    #[track_caller]
    pub fn merge<R>(self, other: R) -> Self
    where
        R: Into<axum::Router<S>> + 'static,
    {
        Self(self.0.merge(strict(other)))
    }

    /// As [`axum::Router::layer`].
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self(self.0.layer(layer))
    }

    /// As [`axum::Router::route_layer`].
    #[track_caller]
    pub fn route_layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self(self.0.route_layer(layer))
    }

    /// As [`axum::Router::has_routes`].
    #[must_use]
    pub fn has_routes(&self) -> bool {
        self.0.has_routes()
    }

    /// As [`axum::Router::fallback`].
    #[track_caller]
    pub fn fallback<H, T>(self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let (handler, note) = seal(handler);
        Self(Strict {
            inner: self.0.inner.fallback(handler),
            record: self.0.record.fallback(note),
        })
    }

    /// As [`axum::Router::fallback_service`].
    #[track_caller]
    pub fn fallback_service<T>(self, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let (service, note) = seal(service);
        Self(Strict {
            inner: self.0.inner.fallback_service(service),
            record: self.0.record.fallback_service(note),
        })
    }

    /// As [`axum::Router::method_not_allowed_fallback`].
    #[track_caller]
    pub fn method_not_allowed_fallback<H, T>(self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let (handler, note) = seal(handler);
        Self(Strict {
            inner: self.0.inner.method_not_allowed_fallback(handler),
            record: self.0.record.method_not_allowed_fallback(note),
        })
    }

    /// As [`axum::Router::reset_fallback`].
    pub fn reset_fallback(self) -> Self {
        Self(self.0.reset_fallback())
    }

    /// As [`axum::Router::with_state`].
    pub fn with_state<S2>(self, state: S) -> Router<S2> {
        Router(self.0.with_state(state))
    }

    /// As [`axum::Router::as_service`].
    pub fn as_service<B>(&mut self) -> RouterAsService<'_, B, S> {
        self.report();
        self.0.as_service()
    }

    /// As [`axum::Router::into_service`].
    #[must_use]
    pub fn into_service<B>(self) -> RouterIntoService<B, S> {
        self.report();
        self.0.into_service()
    }
}

/// A router with its record, where it has one; else a foreign one.
#[track_caller]
fn strict<R, S>(router: R) -> Strict<S>
where
    R: Into<axum::Router<S>> + 'static,
    S: Clone + Send + Sync + 'static,
{
    let mut router = Some(router);
    let any: &mut dyn Any = &mut router;
    if let Some(adopted) = any
        .downcast_mut::<Option<Router<S>>>()
        .and_then(Option::take)
    {
        return adopted.0;
    }
    if let Some(strict) = any
        .downcast_mut::<Option<Strict<S>>>()
        .and_then(Option::take)
    {
        return strict;
    }
    match router {
        Some(router) => Strict::new().merge_axum(router.into()),
        None => Strict::new(),
    }
}

impl<S> Router<S> {
    /// Writes what is mounted, where somebody asks for it.
    fn report(&self) {
        if let Err(error) = report_adopted(&self.0.record, || format!("{self:?}")) {
            tracing::error!(target: "session_auth", "{error}");
        }
    }
}

like_axum! {
    Router<S> where [Clone + Send + Sync + 'static];
    axum: axum::Router<S>;
    error: Infallible;
    fields: 0;
    served: report;
    /// As [`axum::Router::into_make_service`].
}

/// With all that it mounts, classified or not: what is not is found by the audit.
impl<S> From<Router<S>> for Strict<S> {
    fn from(router: Router<S>) -> Self {
        router.0
    }
}

impl<S> From<axum::Router<S>> for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn from(router: axum::Router<S>) -> Self {
        Self(Strict::new().merge_axum(router))
    }
}

#[diagnostic::do_not_recommend]
impl<S> Auditable for Router<S> {
    type Audited = Audited<S>;

    fn __audited(self, site: RouterSite) -> Audited<S> {
        self.0.__audited(site)
    }
}
