//! axum's functions by axum's names, for any handler: see [`adopt`](crate::adopt).

use std::convert::Infallible;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::IntoResponse;
pub use axum::routing::{
    IntoMakeService, MethodFilter, Route, RouterAsService, RouterIntoService, future,
};
use tower_service::Service;

pub use super::method_router::MethodRouter;
pub use super::router::Router;
use crate::wrapper::methods;

/// axum's module of the same name.
pub mod method_routing {
    pub use super::{
        MethodFilter, MethodRouter, any, any_service, connect, connect_service, delete,
        delete_service, get, get_service, head, head_service, on, on_service, options,
        options_service, patch, patch_service, post, post_service, put, put_service, trace,
        trace_service,
    };
}

/// As [`axum::routing::on`].
#[track_caller]
pub fn on<H, T, S>(filter: MethodFilter, handler: H) -> MethodRouter<S, Infallible>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    MethodRouter::new().on(filter, handler)
}

/// As [`axum::routing::any`].
#[track_caller]
pub fn any<H, T, S>(handler: H) -> MethodRouter<S, Infallible>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    MethodRouter::of_any(handler)
}

/// As [`axum::routing::on_service`].
#[track_caller]
pub fn on_service<T, S>(filter: MethodFilter, svc: T) -> MethodRouter<S, T::Error>
where
    T: Service<Request> + Clone + Send + Sync + 'static,
    T::Response: IntoResponse + 'static,
    T::Future: Send + 'static,
    S: Clone,
{
    MethodRouter::new().on_service(filter, svc)
}

/// As [`axum::routing::any_service`].
#[track_caller]
pub fn any_service<T, S>(svc: T) -> MethodRouter<S, T::Error>
where
    T: Service<Request> + Clone + Send + Sync + 'static,
    T::Response: IntoResponse + 'static,
    T::Future: Send + 'static,
    S: Clone,
{
    MethodRouter::of_any_service(svc)
}

macro_rules! top_level {
    ($($name:ident, $service:ident, $method:ident;)*) => {$(
        #[doc = concat!("As [`axum::routing::", stringify!($name), "`].")]
        #[track_caller]
        pub fn $name<H, T, S>(handler: H) -> MethodRouter<S, Infallible>
        where
            H: Handler<T, S>,
            T: 'static,
            S: Clone + Send + Sync + 'static,
        {
            on(MethodFilter::$method, handler)
        }

        #[doc = concat!("As [`axum::routing::", stringify!($service), "`].")]
        #[track_caller]
        pub fn $service<T, S>(svc: T) -> MethodRouter<S, T::Error>
        where
            T: Service<Request> + Clone + Send + Sync + 'static,
            T::Response: IntoResponse + 'static,
            T::Future: Send + 'static,
            S: Clone,
        {
            on_service(MethodFilter::$method, svc)
        }
    )*};
}

methods!(top_level);
