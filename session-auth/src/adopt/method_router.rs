//! The handlers of one path, classified or not.

use std::any::type_name;
use std::convert::Infallible;
use std::sync::Arc;

use axum::error_handling::HandleError;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::future::InfallibleRouteFuture;
use axum::routing::{self, MethodFilter, Route};
use tower_layer::Layer;
use tower_service::Service;

use crate::access::DeclarationRef;
use crate::classified::Sealed;
use crate::declared;
use crate::mounted::{Kind, MethodRecord, Note};
use crate::routing::MethodRouter as Strict;
use crate::wrapper::{like_axum, methods};

/// [`axum::routing::MethodRouter`], for any handler.
#[must_use = "a method router does nothing until it is mounted"]
pub struct MethodRouter<S = (), E = Infallible>(pub(super) Strict<S, E>);

/// A handler in its seal, and the note of where it stands. `takes` is the compiler's name of its
/// extractors; a service has none.
#[track_caller]
pub(super) fn seal<H>(handler: H, takes: Option<&'static str>) -> (Sealed<H>, Arc<Note>) {
    let name = type_name::<H>();
    match declared::of_function::<H>() {
        Some(declaration) => {
            let declaration = DeclarationRef::Static(declaration);
            let handler = Sealed::new(handler, &declaration, false);
            (handler, Note::new(Kind::Named(declaration)))
        }
        None => {
            let note = Note::new(Kind::Unclassified(name.into(), takes.map(Into::into)));
            (Sealed::unclassified(handler, name), note)
        }
    }
}

impl<S> MethodRouter<S, Infallible>
where
    S: Clone,
{
    /// As [`axum::routing::MethodRouter::on`].
    #[track_caller]
    pub fn on<H, T>(self, filter: MethodFilter, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Send + Sync + 'static,
    {
        let (handler, note) = seal(handler, Some(type_name::<T>()));
        Self(Strict {
            inner: self.0.inner.on(filter, handler),
            record: self.0.record.on(filter, note),
        })
    }

    /// As [`axum::routing::MethodRouter::fallback`].
    #[track_caller]
    pub fn fallback<H, T>(self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Send + Sync + 'static,
    {
        let (handler, note) = seal(handler, Some(type_name::<T>()));
        Self(Strict {
            inner: self.0.inner.fallback(handler),
            record: self.0.record.fallback(note),
        })
    }

    #[track_caller]
    pub(super) fn of_any<H, T>(handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Send + Sync + 'static,
    {
        let (handler, note) = seal(handler, Some(type_name::<T>()));
        Self(Strict {
            inner: routing::any(handler),
            record: MethodRecord::any(note),
        })
    }
}

macro_rules! chained {
    ($($name:ident, $service:ident, $method:ident;)*) => {
        impl<S> MethodRouter<S, Infallible>
        where
            S: Clone,
        {
            $(
                #[doc = concat!("As [`axum::routing::MethodRouter::", stringify!($name), "`].")]
                #[track_caller]
                pub fn $name<H, T>(self, handler: H) -> Self
                where
                    H: Handler<T, S>,
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
                #[doc = concat!("As [`axum::routing::MethodRouter::", stringify!($service), "`].")]
                #[track_caller]
                pub fn $service<T>(self, svc: T) -> Self
                where
                    T: Service<Request, Error = E> + Clone + Send + Sync + 'static,
                    T::Response: IntoResponse + 'static,
                    T::Future: Send + 'static,
                {
                    self.on_service(MethodFilter::$method, svc)
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
    /// As [`axum::routing::MethodRouter::new`].
    pub fn new() -> Self {
        Self(Strict::new())
    }

    /// As [`axum::routing::MethodRouter::with_state`].
    pub fn with_state<S2>(self, state: S) -> MethodRouter<S2, E> {
        MethodRouter(self.0.with_state(state))
    }

    /// As [`axum::routing::MethodRouter::on_service`].
    #[track_caller]
    pub fn on_service<T>(self, filter: MethodFilter, svc: T) -> Self
    where
        T: Service<Request, Error = E> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse + 'static,
        T::Future: Send + 'static,
    {
        let (svc, note) = seal(svc, None);
        Self(Strict {
            inner: self.0.inner.on_service(filter, svc),
            record: self.0.record.on(filter, note),
        })
    }

    #[track_caller]
    pub(super) fn of_any_service<T>(svc: T) -> Self
    where
        T: Service<Request, Error = E> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse + 'static,
        T::Future: Send + 'static,
    {
        let (svc, note) = seal(svc, None);
        Self(Strict {
            inner: routing::any_service(svc),
            record: MethodRecord::any(note),
        })
    }

    /// As [`axum::routing::MethodRouter::fallback_service`].
    #[track_caller]
    pub fn fallback_service<T>(self, svc: T) -> Self
    where
        T: Service<Request, Error = E> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse + 'static,
        T::Future: Send + 'static,
    {
        let (svc, note) = seal(svc, None);
        Self(Strict {
            inner: self.0.inner.fallback_service(svc),
            record: self.0.record.fallback(note),
        })
    }

    /// As [`axum::routing::MethodRouter::layer`].
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
        MethodRouter(self.0.layer(layer))
    }

    /// As [`axum::routing::MethodRouter::route_layer`].
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
        Self(self.0.route_layer(layer))
    }

    /// As [`axum::routing::MethodRouter::merge`].
    #[track_caller]
    pub fn merge(self, other: Self) -> Self {
        Self(self.0.merge(other.0))
    }

    /// As [`axum::routing::MethodRouter::handle_error`].
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
        MethodRouter(self.0.handle_error(f))
    }
}

like_axum! {
    MethodRouter<S, E> where [Clone];
    axum: routing::MethodRouter<S, E>;
    error: E;
    fields: 0;
    /// As [`axum::routing::MethodRouter::into_make_service`].
}

#[diagnostic::do_not_recommend]
impl<S> Handler<(), S> for MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    type Future = InfallibleRouteFuture;

    fn call(self, request: Request, state: S) -> Self::Future {
        Handler::call(self.0, request, state)
    }
}
