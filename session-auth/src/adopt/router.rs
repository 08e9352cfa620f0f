//! The router, for any handler.

use std::any::Any;
use std::any::type_name;
use std::convert::Infallible;
use std::mem;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::{Route, RouterAsService, RouterIntoService};
use tower_layer::Layer;
use tower_service::Service;

use super::method_router::{MethodRouter, seal};
use super::watched::{self, Watched};
use crate::audited::{Auditable, Audited};
use crate::mounted::Record;
use crate::report::{RouterSite, report_dir};
use crate::routing::Router as Strict;
use crate::unauditable::report_adopted;
use crate::wrapper::like_axum;

/// [`axum::Router`], for any handler: see [`adopt`](crate::adopt).
#[must_use = "a router does nothing until it is served"]
pub struct Router<S = ()> {
    /// Without its record, which is in `watched`.
    strict: Strict<S>,
    watched: Watched,
}

impl<S> Router<S> {
    fn of(mut strict: Strict<S>, watched: Watched) -> Self {
        watched.put(mem::take(&mut strict.record));
        Self { strict, watched }
    }

    fn open(self) -> (Strict<S>, Watched) {
        let Self {
            mut strict,
            watched,
        } = self;
        strict.record = watched.take();
        (strict, watched)
    }

    /// With all that it mounts, and watched no more: it becomes a part of another, or is audited.
    fn into_strict(self) -> Strict<S> {
        self.open().0
    }
}

impl<S> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// As [`axum::Router::new`].
    #[track_caller]
    pub fn new() -> Self {
        Self::of(Strict::new(), Watched::new(Record::default()))
    }

    /// As [`axum::Router::without_v07_checks`].
    pub fn without_v07_checks(self) -> Self {
        let (router, watched) = self.open();
        Self::of(router.without_v07_checks(), watched)
    }

    /// As [`axum::Router::route`].
    #[track_caller]
    pub fn route(self, path: &str, method_router: MethodRouter<S>) -> Self {
        let (router, watched) = self.open();
        Self::of(router.route(path, method_router.0), watched)
    }

    /// As axum-extra's `route_with_tsr`.
    #[track_caller]
    pub fn route_with_tsr(self, path: &str, method_router: MethodRouter<S>) -> Self {
        let (router, watched) = self.open();
        Self::of(router.route_with_tsr(path, method_router.0), watched)
    }

    /// As [`axum::Router::route_service`].
    #[track_caller]
    pub fn route_service<T>(self, path: &str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let (service, note) = seal(service, None);
        let (Strict { inner, record }, watched) = self.open();
        let router = Strict {
            inner: inner.route_service(path, service),
            record: record.route_service(path, note),
        };
        Self::of(router, watched)
    }

    /// As [`axum::Router::nest`], for whatever turns into an axum router too.
    #[track_caller]
    pub fn nest<R>(self, path: &str, router: R) -> Self
    where
        R: Into<axum::Router<S>> + 'static,
    {
        let inner = strict(router);
        let (router, watched) = self.open();
        Self::of(router.nest(path, inner), watched)
    }

    /// As [`axum::Router::nest_service`].
    #[track_caller]
    pub fn nest_service<T>(self, path: &str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let (service, note) = seal(service, None);
        let (Strict { inner, record }, watched) = self.open();
        let router = Strict {
            inner: inner.nest_service(path, service),
            record: record.nest_service(path, note),
        };
        Self::of(router, watched)
    }

    /// As [`axum::Router::merge`].
    #[track_caller]
    pub fn merge<R>(self, other: R) -> Self
    where
        R: Into<axum::Router<S>> + 'static,
    {
        let (router, watched) = self.open();
        Self::of(router.merge(strict(other)), watched)
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
        let (router, watched) = self.open();
        Self::of(router.layer(layer), watched)
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
        let (router, watched) = self.open();
        Self::of(router.route_layer(layer), watched)
    }

    /// As [`axum::Router::has_routes`].
    #[must_use]
    pub fn has_routes(&self) -> bool {
        self.strict.has_routes()
    }

    /// As [`axum::Router::fallback`].
    #[track_caller]
    pub fn fallback<H, T>(self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let (handler, note) = seal(handler, Some(type_name::<T>()));
        let (Strict { inner, record }, watched) = self.open();
        let router = Strict {
            inner: inner.fallback(handler),
            record: record.fallback(note),
        };
        Self::of(router, watched)
    }

    /// As [`axum::Router::fallback_service`].
    #[track_caller]
    pub fn fallback_service<T>(self, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let (service, note) = seal(service, None);
        let (Strict { inner, record }, watched) = self.open();
        let router = Strict {
            inner: inner.fallback_service(service),
            record: record.fallback_service(note),
        };
        Self::of(router, watched)
    }

    /// As [`axum::Router::method_not_allowed_fallback`].
    #[track_caller]
    pub fn method_not_allowed_fallback<H, T>(self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let (handler, note) = seal(handler, Some(type_name::<T>()));
        let (Strict { inner, record }, watched) = self.open();
        let router = Strict {
            inner: inner.method_not_allowed_fallback(handler),
            record: record.method_not_allowed_fallback(note),
        };
        Self::of(router, watched)
    }

    /// As [`axum::Router::reset_fallback`].
    pub fn reset_fallback(self) -> Self {
        let (router, watched) = self.open();
        Self::of(router.reset_fallback(), watched)
    }

    /// As [`axum::Router::with_state`].
    #[track_caller]
    pub fn with_state<S2>(self, state: S) -> Router<S2> {
        watched::given::<S>();
        let (router, watched) = self.open();
        Router::of(router.with_state(state), watched)
    }

    /// As [`axum::Router::as_service`].
    pub fn as_service<B>(&mut self) -> RouterAsService<'_, B, S> {
        self.report();
        self.strict.as_service()
    }

    /// As [`axum::Router::into_service`].
    #[must_use]
    pub fn into_service<B>(self) -> RouterIntoService<B, S> {
        self.report();
        self.strict.into_service()
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
        return adopted.into_strict();
    }
    if let Some(strict) = any
        .downcast_mut::<Option<Strict<S>>>()
        .and_then(Option::take)
    {
        return strict;
    }
    match router {
        Some(router) => Strict::new().merge_axum(router),
        None => Strict::new(),
    }
}

impl<S> Router<S> {
    /// Writes what is mounted, where somebody asks for it.
    fn report(&self) {
        if report_dir().is_none() {
            return;
        }
        if let Err(error) =
            report_adopted(&self.watched.get(), || format!("{self:?}"), watched::states)
        {
            tracing::error!(target: "session_auth", "{error}");
        }
    }

    fn goes_out(&self) {
        self.watched.get().goes_out();
    }
}

like_axum! {
    Router<S> where [Clone + Send + Sync + 'static];
    axum: axum::Router<S>;
    error: Infallible;
    fields: strict, watched;
    goes_out: goes_out;
    served: report;
    /// As [`axum::Router::into_make_service`].
}

/// With all that it mounts, classified or not: what is not is found by the audit.
impl<S> From<Router<S>> for Strict<S> {
    fn from(router: Router<S>) -> Self {
        router.into_strict()
    }
}

impl<S> From<axum::Router<S>> for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    #[track_caller]
    fn from(router: axum::Router<S>) -> Self {
        Self::of(
            Strict::new().merge_axum(router),
            Watched::new(Record::default()),
        )
    }
}

#[diagnostic::do_not_recommend]
impl<S> Auditable for Router<S> {
    type Audited = Audited<S>;

    fn __audited(self, site: RouterSite) -> Audited<S> {
        self.into_strict().__audited(site)
    }
}
