//! The class in a handler's type.
//!
//! An attribute turns `async fn f(args) -> R` into
//! `fn f(args) -> Classified<Decl, impl Future<Output = R>>`: still a function that axum takes as a
//! handler and that a unit test can await, but one whose type says who may call it. The router and
//! its functions ask for such a type, so a handler that nobody classified does not compile. They
//! put what they take into [`Sealed`], which runs it only with the pass of its own guard.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::handler::{Handler, Layered};
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::access::{AccessClass, Declaration, DeclarationRef, Location};
use crate::declared;
use crate::pass::{Pass, places};
use crate::response::Denial;

/// The type that an attribute makes for a handler, to carry its declaration.
///
/// Public because macro output implements it; not part of the API.
#[doc(hidden)]
pub trait Declared: 'static {
    /// A `static`: two handlers are told apart by its address.
    fn declaration() -> &'static Declaration;
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

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(cx)
    }
}

impl<D, F> fmt::Debug for Classified<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classified").finish_non_exhaustive()
    }
}

/// The access class of a handler, and whether it asks for its pass by itself.
///
/// Public because a trait names it; not part of the API.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct HandlerClass {
    pub(crate) declaration: DeclarationRef,
    pub(crate) sealed: bool,
    /// Where the declaration is one made in place: what the handler's own attribute says otherwise.
    pub(crate) attribute: Option<DeclarationRef>,
}

/// Whose access class is known: a function under one of the attributes, or a closure given to
/// [`public`](crate::public), [`webhook`](crate::webhook()) or [`session`](crate::session()).
///
/// `T` is the tuple of its extractors, as in [`axum::handler::Handler`]. A bound of your own is
/// [`ClassifiedHandler`], which is both; the router asks for the two one by one, so that the compiler
/// says which is missing. Nobody else can implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no access class",
    label = "nobody said who may call this handler",
    note = "help: add `#[public_route(METHOD, \"/path\", reason = \"..\")]`, `#[webhook_route(METHOD, \"/path\", verify = \"..\")]` or `#[session_route(METHOD, \"/path\")]` to the function",
    note = "for a closure: `session_auth::public(METHOD, \"/path\", \"reason\").to(..)`, `webhook(..)` or `session(..)`"
)]
pub trait HasAccessClass<T> {
    #[doc(hidden)]
    type __Seal: Seal;

    #[doc(hidden)]
    fn __class(&self) -> HandlerClass;
}

/// A handler that says who may call it: a function under one of the attributes, or a closure
/// given to [`public`](crate::public), [`webhook`](crate::webhook()) or [`session`](crate::session()).
///
/// The bound for your own functions that take a handler:
///
/// ```
/// use session_auth::routing::{MethodRouter, get};
/// use session_auth::{ClassifiedHandler, public_route};
///
/// fn cached<H, T, S>(handler: H) -> MethodRouter<S>
/// where
///     H: ClassifiedHandler<T, S>,
///     T: 'static,
///     S: Clone + Send + Sync + 'static,
/// {
///     get(handler)
/// }
///
/// #[public_route(GET, "/logo.svg", reason = "on every page")]
/// async fn logo() -> &'static str {
///     "<svg/>"
/// }
///
/// let route: MethodRouter = cached(logo);
/// ```
///
/// It is implemented for every handler of which the class is known, and for nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler with an access class",
    label = "not a handler, or nobody said who may call it",
    note = "help: add `#[public_route(METHOD, \"/path\", reason = \"..\")]`, `#[webhook_route(METHOD, \"/path\", verify = \"..\")]` or `#[session_route(METHOD, \"/path\")]` to the function",
    note = "where it has one, `#[axum::debug_handler]` says what axum does not take: an extractor, or the response"
)]
pub trait ClassifiedHandler<T, S>: Handler<T, S> + HasAccessClass<T> {
    /// What the handler says of itself.
    fn declaration(&self) -> Declaration {
        (*self.__class().declaration).clone()
    }

    /// Puts a layer around the handler, as [`Handler::layer`] does. The handler asks for its pass
    /// inside the layer, so a copy of it that the layer keeps opens nothing.
    ///
    /// axum's [`Handler::layer`] keeps the class as well, but what it gives the layer asks for no
    /// pass: a copy that the layer keeps runs for whoever it is called for.
    ///
    /// Where both traits are in scope, and in a function that is generic over the handler, write
    /// `ClassifiedHandler::layer(handler, layer)`.
    #[track_caller]
    fn layer<L>(self, layer: L) -> InlineRoute<Layered<L, Sealed<Self>, T, S>>
    where
        L: Layer<axum::handler::HandlerService<Sealed<Self>, T, S>> + Clone,
        L::Service: Service<Request>,
    {
        let class = self.__class();
        let sealed = Sealed::new(self, class.demanded(), false);
        InlineRoute::sealed(class, Handler::layer(sealed, layer))
    }
}

impl<H, T, S> ClassifiedHandler<T, S> for H where H: Handler<T, S> + HasAccessClass<T> {}

/// `M` is axum's marker; it has another for a handler without extractors.
macro_rules! impl_has_access_class {
    (@ [$($generic:ident),*] [$($arg:ident),*] $marker:ty) => {
        #[diagnostic::do_not_recommend]
        impl<F, D, Fut, $($generic),*> HasAccessClass<$marker> for F
        where
            F: Fn($($arg),*) -> Classified<D, Fut>,
            D: Declared,
        {
            type __Seal = OfType<D>;

            fn __class(&self) -> HandlerClass {
                HandlerClass::of::<D>()
            }
        }

        impl<F, D, Fut, $($generic),*> StaticClass<$marker> for F
        where
            F: Fn($($arg),*) -> Classified<D, Fut>,
            D: Declared,
        {
            type Declared = D;
        }
    };
    () => {
        impl_has_access_class!(@ [] [] ((),));
    };
    ($first:ident $($arg:ident)*) => {
        impl_has_access_class!(@ [M, $first $(, $arg)*] [$first $(, $arg)*] (M, $first, $($arg,)*));
        impl_has_access_class!($($arg)*);
    };
}

impl_has_access_class!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15 T16);

impl HandlerClass {
    fn of<D: Declared>() -> Self {
        Self {
            declaration: DeclarationRef::Static(D::declaration()),
            sealed: false,
            attribute: None,
        }
    }

    /// Whose pass the handler asks for: its attribute has the last word.
    pub(crate) fn demanded(&self) -> &DeclarationRef {
        self.attribute.as_ref().unwrap_or(&self.declaration)
    }
}

/// A handler layered by axum's own [`Handler::layer`]: of the class of the function in it.
#[diagnostic::do_not_recommend]
impl<L, H, T, S> HasAccessClass<T> for Layered<L, H, T, S>
where
    H: StaticClass<T>,
{
    type __Seal = OfType<H::Declared>;

    fn __class(&self) -> HandlerClass {
        HandlerClass::of::<H::Declared>()
    }
}

/// A function under an attribute: its type alone says its class.
///
/// Public because an `impl` names it; not part of the API.
#[doc(hidden)]
pub trait StaticClass<T> {
    #[doc(hidden)]
    type Declared: Declared;
}

/// A handler with a declaration made in place.
#[derive(Clone, Debug)]
#[must_use = "a route does nothing until it is mounted"]
pub struct InlineRoute<H> {
    // One pointer: axum clones the handler for each request.
    class: Arc<HandlerClass>,
    handler: H,
}

impl<H> InlineRoute<H> {
    pub(crate) fn new(declaration: DeclarationRef, handler: H) -> Self {
        let attribute = declared::of_function::<H>().filter(|attribute| {
            // Who may call it, and where: another reason opens nothing.
            attribute.target() != declaration.target() || attribute.access() != declaration.access()
        });
        let class = HandlerClass {
            declaration,
            sealed: false,
            attribute: attribute.map(DeclarationRef::Static),
        };
        let class = Arc::new(class);
        Self { class, handler }
    }

    fn sealed(class: HandlerClass, handler: H) -> Self {
        let class = HandlerClass {
            sealed: true,
            ..class
        };
        let class = Arc::new(class);
        Self { class, handler }
    }
}

#[diagnostic::do_not_recommend]
impl<H, T> HasAccessClass<T> for InlineRoute<H> {
    type __Seal = OfValue;

    fn __class(&self) -> HandlerClass {
        (*self.class).clone()
    }
}

#[diagnostic::do_not_recommend]
impl<H, T, S> Handler<T, S> for InlineRoute<H>
where
    H: Handler<T, S>,
{
    type Future = H::Future;

    fn call(self, request: Request, state: S) -> Self::Future {
        self.handler.call(request, state)
    }
}

/// What a handler asks for before it runs.
///
/// Public because an `impl` names it; not part of the API.
#[doc(hidden)]
pub trait Seal: Clone + Send + Sync + 'static {
    /// `None` where it has no room for what it is to know.
    fn new(class: &HandlerClass, mounted: Location) -> Option<Self>;

    /// The answer where the handler may not run.
    fn refuse(&self, request: &mut Request) -> Option<Response>;
}

/// The seal of a function under an attribute, whose type alone says whose pass it asks for. It is of no
/// size: axum clones a handler twice for each request, and allocates both times if it has one.
///
/// Public because an `impl` names it; not part of the API.
#[doc(hidden)]
pub struct OfType<D>(PhantomData<fn() -> D>);

impl<D> Clone for OfType<D> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<D> fmt::Debug for OfType<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfType").finish_non_exhaustive()
    }
}

impl<D: Declared> Seal for OfType<D> {
    /// For the first place where the function is mounted: of another one, its type says nothing.
    fn new(_: &HandlerClass, mounted: Location) -> Option<Self> {
        places::is_first(D::declaration(), mounted).then_some(Self(PhantomData))
    }

    fn refuse(&self, request: &mut Request) -> Option<Response> {
        let declaration = DeclarationRef::Static(D::declaration());
        let refused = Pass::demand(request, &declaration).err()?;
        let mounted = places::first(D::declaration());
        Some(refused.refuse(&declaration, &mounted))
    }
}

/// The seal of what has a declaration by value.
///
/// Public because an `impl` names it; not part of the API.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct OfValue(
    /// `None` for what anyone may call, and for what has a seal inside. One pointer: axum clones it for
    /// each request.
    Option<Arc<Asked>>,
);

#[derive(Debug)]
enum Asked {
    /// For the pass of this declaration.
    Pass {
        declaration: DeclarationRef,
        mounted: Location,
    },
    /// Lets nobody in: nobody said who may call it.
    Unclassified { name: &'static str },
}

impl OfValue {
    fn for_pass(declaration: &DeclarationRef, mounted: Location) -> Self {
        let declaration = declaration.clone();
        Self(Some(Arc::new(Asked::Pass {
            declaration,
            mounted,
        })))
    }
}

impl Seal for OfValue {
    fn new(class: &HandlerClass, mounted: Location) -> Option<Self> {
        Some(Self::for_pass(class.demanded(), mounted))
    }

    fn refuse(&self, request: &mut Request) -> Option<Response> {
        match self.0.as_deref()? {
            Asked::Pass {
                declaration,
                mounted,
            } => {
                let refused = Pass::demand(request, declaration).err()?;
                Some(refused.refuse(declaration, mounted))
            }
            Asked::Unclassified { name } => {
                tracing::error!(
                    target: "session_auth",
                    handler = name,
                    "nobody said who may call this handler, so it is denied: give it an attribute"
                );
                Some(Denial::Missing.into_response())
            }
        }
    }
}

/// A handler or service that runs only with the pass of its own guard, unless it is public.
///
/// Public because [`ClassifiedHandler::layer`] names it; nobody else can make one.
#[derive(Clone, Debug)]
pub struct Sealed<H, S = OfValue> {
    inner: H,
    seal: S,
}

impl<H> Sealed<H> {
    #[track_caller]
    pub(crate) fn new(inner: H, declaration: &DeclarationRef, is_sealed: bool) -> Self {
        let open = is_sealed || declaration.class() == AccessClass::Public;
        let seal = if open {
            OfValue(None)
        } else {
            OfValue::for_pass(declaration, Location::caller())
        };
        Self { inner, seal }
    }

    /// Of what nobody classified.
    pub(crate) fn unclassified(inner: H, name: &'static str) -> Self {
        let seal = OfValue(Some(Arc::new(Asked::Unclassified { name })));
        Self { inner, seal }
    }
}

impl<H, S> Sealed<H, S> {
    pub(crate) const fn with(inner: H, seal: S) -> Self {
        Self { inner, seal }
    }
}

#[diagnostic::do_not_recommend]
impl<H, T, S, L> Handler<T, S> for Sealed<H, L>
where
    H: Handler<T, S>,
    L: Seal,
{
    type Future = SealedFuture<H::Future>;

    fn call(self, mut request: Request, state: S) -> Self::Future {
        match self.seal.refuse(&mut request) {
            None => SealedFuture::run(self.inner.call(request, state)),
            Some(response) => SealedFuture::refused(response),
        }
    }
}

impl<S, L> Service<Request> for Sealed<S, L>
where
    S: Service<Request>,
    S::Response: IntoResponse,
    L: Seal,
{
    type Response = Response;
    type Error = S::Error;
    type Future = SealedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match self.seal.refuse(&mut request) {
            None => SealedFuture::run(self.inner.call(request)),
            Some(response) => SealedFuture::refused(response),
        }
    }
}

pin_project! {
    /// The future of a [`Sealed`] handler or service.
    #[must_use = "futures do nothing unless awaited"]
    pub struct SealedFuture<F> {
        #[pin]
        running: Option<F>,
        // Boxed: it is rare, and the future moves with every request.
        refused: Option<Box<Response<Body>>>,
    }
}

impl<F> SealedFuture<F> {
    fn run(running: F) -> Self {
        let running = Some(running);
        let refused = None;
        Self { running, refused }
    }

    fn refused(response: Response<Body>) -> Self {
        let refused = Some(Box::new(response));
        let running = None;
        Self { running, refused }
    }
}

impl<F: Future> Future for SealedFuture<F>
where
    F::Output: Answer,
{
    type Output = <F::Output as Answer>::As;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.running.as_pin_mut() {
            Some(running) => Poll::Ready(ready!(running.poll(cx)).into_answer()),
            None => {
                let response = this.refused.take().expect("polled after completion");
                Poll::Ready(<F::Output as Answer>::of(*response))
            }
        }
    }
}

impl<F> fmt::Debug for SealedFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedFuture").finish_non_exhaustive()
    }
}

/// What the future of a handler or of a service gives, and how a refusal looks like it.
///
/// Public because an `impl` names it; not part of the API.
#[doc(hidden)]
pub trait Answer {
    type As;

    fn into_answer(self) -> Self::As;

    fn of(response: Response) -> Self::As;
}

impl Answer for Response {
    type As = Self;

    fn into_answer(self) -> Self {
        self
    }

    fn of(response: Response) -> Self {
        response
    }
}

impl<R: IntoResponse, E> Answer for Result<R, E> {
    type As = Result<Response, E>;

    fn into_answer(self) -> Self::As {
        self.map(IntoResponse::into_response)
    }

    fn of(response: Response) -> Self::As {
        Ok(response)
    }
}
