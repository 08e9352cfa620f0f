//! The class in a handler's type.
//!
//! An attribute turns `async fn f(args) -> R` into
//! `fn f(args) -> Classified<Decl, impl Future<Output = R>>`: still a function that axum takes as a
//! handler and that a unit test can await, but one whose type says who may call it.
//! [`Router::mount`](crate::Router::mount) asks for such a type, so a handler that nobody
//! classified does not compile.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::access::Declaration;

/// The type that an attribute makes for a handler, to carry its declaration.
///
/// Public because macro output implements it; not part of the API.
#[doc(hidden)]
pub trait Declared: 'static {
    const DECLARATION: &'static Declaration;
}

pin_project! {
    /// The future of a handler that an attribute classified. Its output is the handler's.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Classified<D, F> {
        #[pin]
        future: F,
        // `fn() -> D`: the future is `Send` whatever the marker is.
        declared: PhantomData<fn() -> D>,
    }
}

impl<D, F> Classified<D, F> {
    #[doc(hidden)]
    pub const fn __new(future: F) -> Self {
        Self {
            future,
            declared: PhantomData,
        }
    }
}

impl<D, F: Future> Future for Classified<D, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(cx)
    }
}

impl<D, F> fmt::Debug for Classified<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classified").finish_non_exhaustive()
    }
}

/// A handler that says who may call it: a function under one of the attributes, or a closure
/// given to [`public`](crate::public), [`webhook`](crate::webhook()) or [`session`](crate::session()).
///
/// `T` is the tuple of its extractors, as in [`axum::handler::Handler`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no access class",
    label = "nobody said who may call this handler",
    note = "help: add `#[public_route(METHOD, \"/path\", reason = \"..\")]`, `#[webhook_route(METHOD, \"/path\", verify = \"..\")]` or `#[session_route(METHOD, \"/path\")]` to the function",
    note = "for a closure: `session_auth::public(METHOD, \"/path\", \"reason\").to(..)`, `webhook(..)` or `session(..)`"
)]
pub trait ClassifiedHandler<T, S> {
    /// What the handler says of itself.
    fn declaration(&self) -> Declaration;
}

macro_rules! for_each_arity {
    ($impl:ident) => {
        $impl!();
        $impl!(T1);
        $impl!(T1, T2);
        $impl!(T1, T2, T3);
        $impl!(T1, T2, T3, T4);
        $impl!(T1, T2, T3, T4, T5);
        $impl!(T1, T2, T3, T4, T5, T6);
        $impl!(T1, T2, T3, T4, T5, T6, T7);
        $impl!(T1, T2, T3, T4, T5, T6, T7, T8);
        $impl!(T1, T2, T3, T4, T5, T6, T7, T8, T9);
        $impl!(T1, T2, T3, T4, T5, T6, T7, T8, T9, T10);
        $impl!(T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11);
        $impl!(T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12);
        $impl!(T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13);
        $impl!(T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14);
        $impl!(
            T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15
        );
        $impl!(
            T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16
        );
    };
}

macro_rules! impl_classified_handler {
    () => {
        // axum's marker for a handler without extractors.
        #[diagnostic::do_not_recommend]
        impl<F, D, Fut, S> ClassifiedHandler<((),), S> for F
        where
            F: Fn() -> Classified<D, Fut>,
            D: Declared,
        {
            fn declaration(&self) -> Declaration {
                *D::DECLARATION
            }
        }
    };
    ($($arg:ident),+) => {
        #[diagnostic::do_not_recommend]
        impl<F, D, Fut, S, M, $($arg),+> ClassifiedHandler<(M, $($arg,)+), S> for F
        where
            F: Fn($($arg),+) -> Classified<D, Fut>,
            D: Declared,
        {
            fn declaration(&self) -> Declaration {
                *D::DECLARATION
            }
        }
    };
}

for_each_arity!(impl_classified_handler);
