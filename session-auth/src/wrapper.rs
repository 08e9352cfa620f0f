//! What the wrappers around axum's router and method router have in common.

/// Gives a macro the functions of `axum::routing`, each with that for services and its method.
macro_rules! methods {
    ($macro:ident) => {
        $macro! {
            connect, connect_service, CONNECT;
            delete, delete_service, DELETE;
            get, get_service, GET;
            head, head_service, HEAD;
            options, options_service, OPTIONS;
            patch, patch_service, PATCH;
            post, post_service, POST;
            put, put_service, PUT;
            trace, trace_service, TRACE;
        }
    };
}
pub(crate) use methods;

/// A wrapper is a service as what it wraps, and shows axum's text: there are programs that read it.
///
/// The first field wraps. The method `goes_out` is called where it becomes axum's, and
/// `served` there too and whenever it is served.
macro_rules! like_axum {
    (
        $name:ident<S $(, $e:ident)?> where [$($bound:tt)+];
        axum: $axum:ty;
        error: $error:ty;
        fields: $inner:tt $(, $field:tt)*;
        $(goes_out: $($goes_out:ident).+;)?
        $(served: $served:ident;)?
        $(#[$doc:meta])*
    ) => {
        impl $name {
            $(#[$doc])*
            #[must_use]
            pub fn into_make_service(self) -> axum::routing::IntoMakeService<Self> {
                $(self.$served();)?
                axum::ServiceExt::<axum::extract::Request>::into_make_service(self.with_state(()))
            }

            /// The same, with the peer's address.
            #[must_use]
            pub fn into_make_service_with_connect_info<C>(
                self,
            ) -> axum::extract::connect_info::IntoMakeServiceWithConnectInfo<Self, C> {
                $(self.$served();)?
                axum::ServiceExt::<axum::extract::Request>::into_make_service_with_connect_info(
                    self.with_state(()),
                )
            }
        }

        impl<S $(, $e)?> From<$name<S $(, $e)?>> for $axum {
            fn from(router: $name<S $(, $e)?>) -> Self {
                $(router.$served();)?
                $(router.$($goes_out).+();)?
                router.$inner.into()
            }
        }

        impl<S $(, $e)?> Clone for $name<S $(, $e)?> {
            fn clone(&self) -> Self {
                Self {
                    $inner: self.$inner.clone(),
                    $($field: self.$field.clone(),)*
                }
            }
        }

        impl<S $(, $e)?> Default for $name<S $(, $e)?>
        where
            S: $($bound)+,
        {
            #[track_caller]
            fn default() -> Self {
                Self::new()
            }
        }

        impl<S $(, $e)?> std::fmt::Debug for $name<S $(, $e)?> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.$inner, f)
            }
        }

        impl<B $(, $e)?> tower_service::Service<http::Request<B>> for $name<() $(, $e)?>
        where
            B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
            B::Error: Into<axum::BoxError>,
        {
            type Response = axum::response::Response;
            type Error = $error;
            type Future = axum::routing::future::RouteFuture<$error>;

            fn poll_ready(
                &mut self,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Result<(), $error>> {
                tower_service::Service::<http::Request<B>>::poll_ready(&mut self.$inner, cx)
            }

            fn call(&mut self, request: http::Request<B>) -> Self::Future {
                $(self.$served();)?
                tower_service::Service::call(&mut self.$inner, request)
            }
        }

        impl<L> tower_service::Service<axum::serve::IncomingStream<'_, L>> for $name
        where
            L: axum::serve::Listener,
        {
            type Response = Self;
            type Error = std::convert::Infallible;
            type Future = std::future::Ready<Result<Self, std::convert::Infallible>>;

            fn poll_ready(
                &mut self,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Result<(), std::convert::Infallible>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn call(&mut self, _: axum::serve::IncomingStream<'_, L>) -> Self::Future {
                $(self.$served();)?
                std::future::ready(Ok(self.clone().with_state(())))
            }
        }
    };
}
pub(crate) use like_axum;
