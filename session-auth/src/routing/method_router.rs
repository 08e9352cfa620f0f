//! The handlers of one path, by method.

use std::convert::Infallible;

use axum::error_handling::HandleError;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::future::InfallibleRouteFuture;
use axum::routing::{self, MethodFilter, Route};
use tower_layer::Layer;
use tower_service::Service;

use super::sealing::{Mounted, is_router, seal, seal_service};
use crate::classified::HasAccessClass;
use crate::inline::{self, InlineDeclaration};
use crate::mounted::MethodRecord;
use crate::wrapper::{like_axum, methods};

/// [`axum::routing::MethodRouter`], for handlers that have an access class.
///
/// It has axum's methods. Those for services take a declaration first: the class of all that the
/// service answers.
///
/// It is a service, and it turns into axum's method router for a crate that asks for that; neither
/// opens anything: a handler of class `session` or `webhook` runs only with the pass of its guard.
#[must_use = "a method router does nothing until it is mounted"]
pub struct MethodRouter<S = (), E = Infallible> {
    pub(crate) inner: routing::MethodRouter<S, E>,
    pub(crate) record: MethodRecord,
}

impl<S> MethodRouter<S, Infallible>
where
    S: Clone,
{
    /// Adds a handler for requests with one of these methods.
    ///
    /// # Panics
    ///
    /// As [`axum::routing::MethodRouter::on`]: where a method has a handler already.
    #[track_caller]
    pub fn on<H, T>(self, filter: MethodFilter, handler: H) -> Self
    where
        H: HasAccessClass<T> + Handler<T, S>,
        T: 'static,
        S: Send + Sync + 'static,
    {
        let (handler, note) = seal(handler);
        Self {
            inner: match handler {
                Mounted::Open(handler) => self.inner.on(filter, handler),
                Mounted::Sealed(handler) => self.inner.on(filter, handler),
                Mounted::Elsewhere(handler) => self.inner.on(filter, handler),
            },
            record: self.record.on(filter, note),
        }
    }

    /// Sets the handler for all methods that have none. It declares `FALLBACK`, or `ANY` and the
    /// path.
    #[track_caller]
    pub fn fallback<H, T>(self, handler: H) -> Self
    where
        H: HasAccessClass<T> + Handler<T, S>,
        T: 'static,
        S: Send + Sync + 'static,
    {
        let (handler, note) = seal(handler);
        Self {
            inner: match handler {
                Mounted::Open(handler) => self.inner.fallback(handler),
                Mounted::Sealed(handler) => self.inner.fallback(handler),
                Mounted::Elsewhere(handler) => self.inner.fallback(handler),
            },
            record: self.record.fallback(note),
        }
    }

    #[track_caller]
    pub(super) fn of_any<H, T>(handler: H) -> Self
    where
        H: HasAccessClass<T> + Handler<T, S>,
        T: 'static,
        S: Send + Sync + 'static,
    {
        let (handler, note) = seal(handler);
        Self {
            inner: match handler {
                Mounted::Open(handler) => routing::any(handler),
                Mounted::Sealed(handler) => routing::any(handler),
                Mounted::Elsewhere(handler) => routing::any(handler),
            },
            record: MethodRecord::any(note),
        }
    }
}

macro_rules! chained {
    ($($name:ident, $service:ident, $method:ident;)*) => {
        impl<S> MethodRouter<S, Infallible>
        where
            S: Clone,
        {
            $(
                #[doc = concat!("Adds a handler for `", stringify!($method), "` requests.")]
                #[track_caller]
                pub fn $name<H, T>(self, handler: H) -> Self
                where
                    H: HasAccessClass<T> + Handler<T, S>,
                    T: 'static,
                    S: Send + Sync + 'static,
                {
                    self.on(MethodFilter::$method, handler)
                }
            )*
        }

        impl<S, E> MethodRouter<S, E>
        where
            S: Clone,
        {
            $(
                #[doc = concat!("Adds a service for `", stringify!($method), "` requests.")]
                #[track_caller]
                pub fn $service<D, T>(self, declaration: D, svc: T) -> Self
                where
                    D: InlineDeclaration,
                    T: Service<Request, Error = E> + Clone + Send + Sync + 'static,
                    T::Response: IntoResponse + 'static,
                    T::Future: Send + 'static,
                {
                    self.on_service(declaration, MethodFilter::$method, svc)
                }
            )*
        }
    };
}

methods!(chained);

impl<S, E> MethodRouter<S, E>
where
    S: Clone,
{
    /// A method router that answers 405 to everything.
    pub fn new() -> Self {
        Self {
            inner: routing::MethodRouter::new(),
            record: MethodRecord::default(),
        }
    }

    /// Gives the handlers their state.
    pub fn with_state<S2>(self, state: S) -> MethodRouter<S2, E> {
        MethodRouter {
            inner: self.inner.with_state(state),
            record: self.record,
        }
    }

    /// Adds a service for requests with one of these methods, of the class that is declared for it.
    ///
    /// # Panics
    ///
    /// As [`axum::routing::MethodRouter::on_service`]: where a method has a handler already.
    #[track_caller]
    pub fn on_service<D, T>(self, declaration: D, filter: MethodFilter, svc: T) -> Self
    where
        D: InlineDeclaration,
        T: Service<Request, Error = E> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse + 'static,
        T::Future: Send + 'static,
    {
        let mistake = is_router::<T>();
        let (svc, note) = seal_service(inline::of_service(declaration, false), svc);
        Self {
            inner: self.inner.on_service(filter, svc),
            record: self.record.on(filter, note).with_mistake(mistake),
        }
    }

    #[track_caller]
    pub(super) fn of_any_service<D, T>(declaration: D, svc: T) -> Self
    where
        D: InlineDeclaration,
        T: Service<Request, Error = E> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse + 'static,
        T::Future: Send + 'static,
    {
        let mistake = is_router::<T>();
        let (svc, note) = seal_service(inline::of_service(declaration, false), svc);
        Self {
            inner: routing::any_service(svc),
            record: MethodRecord::any(note).with_mistake(mistake),
        }
    }

    /// Sets the service for all methods that have no handler, of the class that is declared for it.
    #[track_caller]
    pub fn fallback_service<D, T>(self, declaration: D, svc: T) -> Self
    where
        D: InlineDeclaration,
        T: Service<Request, Error = E> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse + 'static,
        T::Future: Send + 'static,
    {
        let mistake = is_router::<T>();
        let (svc, note) = seal_service(inline::of_service(declaration, false), svc);
        Self {
            inner: self.inner.fallback_service(svc),
            record: self.record.fallback(note).with_mistake(mistake),
        }
    }

    /// Puts a layer around all handlers so far and around the 405 answer, inside of their guards.
    pub fn layer<L, NewError>(self, layer: L) -> MethodRouter<S, NewError>
    where
        L: Layer<Route<E>> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<NewError> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
        E: 'static,
        S: 'static,
        NewError: 'static,
    {
        MethodRouter {
            inner: self.inner.layer(layer),
            record: self.record,
        }
    }

    /// Puts a layer around all handlers so far, but not around the 405 answer.
    ///
    /// # Panics
    ///
    /// Where there is no handler yet.
    #[track_caller]
    pub fn route_layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route<E>> + Clone + Send + Sync + 'static,
        L::Service: Service<Request, Error = E> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
        E: 'static,
        S: 'static,
    {
        Self {
            inner: self.inner.route_layer(layer),
            record: self.record,
        }
    }

    /// Adds the handlers of another method router.
    ///
    /// # Panics
    ///
    /// Where both have one for the same method, or a fallback.
    #[track_caller]
    pub fn merge(self, other: Self) -> Self {
        Self {
            inner: self.inner.merge(other.inner),
            record: self.record.merge(other.record),
        }
    }

    /// Turns errors of services into responses.
    pub fn handle_error<F, T>(self, f: F) -> MethodRouter<S, Infallible>
    where
        F: Clone + Send + Sync + 'static,
        HandleError<Route<E>, F, T>: Service<Request, Error = Infallible>,
        <HandleError<Route<E>, F, T> as Service<Request>>::Future: Send,
        <HandleError<Route<E>, F, T> as Service<Request>>::Response: IntoResponse + Send,
        T: 'static,
        E: 'static,
        S: 'static,
    {
        MethodRouter {
            inner: self.inner.handle_error(f),
            record: self.record,
        }
    }

    /// axum's own method router, for a crate that asks for one. It opens nothing: handlers of class
    /// `session` and `webhook` refuse to run without their guard.
    pub fn into_axum(self) -> routing::MethodRouter<S, E> {
        self.into()
    }
}

like_axum! {
    MethodRouter<S, E> where [Clone];
    axum: routing::MethodRouter<S, E>;
    error: E;
    fields: inner, record;
    goes_out: record.goes_out;
    /// For `axum::serve`, unguarded: handlers of class `session` and `webhook` refuse to run.
}

#[diagnostic::do_not_recommend]
impl<S> Handler<(), S> for MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    type Future = InfallibleRouteFuture;

    fn call(self, request: Request, state: S) -> Self::Future {
        Handler::call(self.inner, request, state)
    }
}
