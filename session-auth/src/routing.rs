//! axum's router, method router and functions, for handlers that have an access class.
//!
//! Everything has axum's name and does what axum's does; what is added to a route must have a class,
//! and nothing else compiles. So a service changes its imports and not its code:
//!
//! ```
//! use session_auth::routing::{get, post};
//! use session_auth::{Router, public_route, session_route};
//!
//! #[session_route(GET, "/api/items")]
//! async fn list() {}
//!
//! #[session_route(POST, "/api/items")]
//! async fn create() {}
//!
//! #[public_route(GET, "/health", reason = "liveness probe")]
//! async fn health() {}
//!
//! let routes: Router = Router::new()
//!     .route("/health", get(health))
//!     .nest("/api", Router::new().route("/items", get(list).post(create)));
//! session_auth::audit::assert_classified(&routes);
//! ```
//!
//! A handler without a class does not compile, and neither does axum's own `get`:
//!
//! ```compile_fail,E0277
//! use session_auth::{Router, routing::get};
//!
//! let routes: Router = Router::new().route("/export", get(|| async { "everything" }));
//! ```
//!
//! ```compile_fail,E0277
//! use axum::routing::get;
//! use session_auth::Router;
//!
//! let routes: Router = Router::new().route("/export", get(|| async { "everything" }));
//! ```
//!
//! What has no class of its own comes with one: the functions for services take a declaration first,
//! which speaks for all that the service answers.

mod method_router;
mod router;
mod sealing;

use std::convert::Infallible;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::IntoResponse;
pub use axum::routing::{
    IntoMakeService, MethodFilter, Route, RouterAsService, RouterIntoService, future,
};
use tower_service::Service;

pub use self::method_router::MethodRouter;
#[doc(hidden)]
pub use self::router::SealedRouter;
pub use self::router::{IntoMethodRouter, IntoRouter, Router};
use crate::classified::HasAccessClass;
use crate::inline::InlineDeclaration;
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

/// Routes requests with one of these methods to the handler, as [`axum::routing::on`] does.
#[track_caller]
pub fn on<H, T, S>(filter: MethodFilter, handler: H) -> MethodRouter<S, Infallible>
where
    H: HasAccessClass<T> + Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    MethodRouter::new().on(filter, handler)
}

/// Routes every request to the handler, whatever its method, as [`axum::routing::any`] does.
#[track_caller]
pub fn any<H, T, S>(handler: H) -> MethodRouter<S, Infallible>
where
    H: HasAccessClass<T> + Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    MethodRouter::of_any(handler)
}

/// Routes requests with one of these methods to the service, as [`axum::routing::on_service`] does.
#[track_caller]
pub fn on_service<D, T, S>(
    declaration: D,
    filter: MethodFilter,
    svc: T,
) -> MethodRouter<S, T::Error>
where
    D: InlineDeclaration,
    T: Service<Request> + Clone + Send + Sync + 'static,
    T::Response: IntoResponse + 'static,
    T::Future: Send + 'static,
    S: Clone,
{
    MethodRouter::new().on_service(declaration, filter, svc)
}

/// Routes every request to the service, whatever its method, as [`axum::routing::any_service`] does.
#[track_caller]
pub fn any_service<D, T, S>(declaration: D, svc: T) -> MethodRouter<S, T::Error>
where
    D: InlineDeclaration,
    T: Service<Request> + Clone + Send + Sync + 'static,
    T::Response: IntoResponse + 'static,
    T::Future: Send + 'static,
    S: Clone,
{
    MethodRouter::of_any_service(declaration, svc)
}

macro_rules! top_level {
    ($($name:ident, $service:ident, $method:ident;)*) => {$(
        #[doc = concat!(
            "Routes `", stringify!($method), "` requests to the handler, as [`axum::routing::",
            stringify!($name), "`] does."
        )]
        #[track_caller]
        pub fn $name<H, T, S>(handler: H) -> MethodRouter<S, Infallible>
        where
            H: HasAccessClass<T> + Handler<T, S>,
            T: 'static,
            S: Clone + Send + Sync + 'static,
        {
            on(MethodFilter::$method, handler)
        }

        #[doc = concat!(
            "Routes `", stringify!($method), "` requests to the service, as [`axum::routing::",
            stringify!($service), "`] does."
        )]
        #[track_caller]
        pub fn $service<D, T, S>(declaration: D, svc: T) -> MethodRouter<S, T::Error>
        where
            D: InlineDeclaration,
            T: Service<Request> + Clone + Send + Sync + 'static,
            T::Response: IntoResponse + 'static,
            T::Future: Send + 'static,
            S: Clone,
        {
            on_service(declaration, MethodFilter::$method, svc)
        }
    )*};
}

methods!(top_level);
