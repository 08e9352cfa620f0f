//! A router under `#[audited_router]`.

use std::fmt;

use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::Route;
use std::convert::Infallible;
use tower_layer::Layer;
use tower_service::Service;

use crate::mounted::Record;
use crate::report::RouterSite;
use crate::routing::{IntoRouter, Router, SealedRouter};

/// What a function under [`#[audited_router]`](macro@crate::audited_router) returns in place of its
/// router: the only thing that [`SessionAuthLayer::protect`](crate::SessionAuthLayer::protect) takes.
///
/// Nothing can be added to it, so that what is served is what was audited:
///
/// ```compile_fail,E0599
/// use session_auth::{Router, audited_router, public_route, routing::get};
///
/// #[public_route(GET, "/late", reason = "an example")]
/// async fn late() {}
///
/// #[audited_router]
/// fn routes() -> Router {
///     Router::new()
/// }
///
/// let more = routes().route("/late", get(late));
/// ```
///
/// It turns back into a [`Router`], which [`Router::nest`] and [`Router::merge`] take: then it is a
/// part of another, and that one is to be audited.
#[derive(Clone)]
#[must_use = "a router does nothing until it is protected and served"]
pub struct Audited<S = ()> {
    router: Router<S>,
    site: RouterSite,
}

impl<S> Audited<S> {
    pub(crate) fn new(router: Router<S>, site: RouterSite) -> Self {
        Self { router, site }
    }

    pub(crate) fn site(&self) -> RouterSite {
        self.site.clone()
    }

    pub(crate) fn record(&self) -> &Record {
        &self.router.record
    }

    /// The text that axum prints of the router.
    pub(crate) fn debug(&self) -> String {
        format!("{:?}", self.router.inner)
    }
}

impl<S> Audited<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// Gives the handlers their state.
    pub fn with_state<S2>(self, state: S) -> Audited<S2> {
        Audited {
            router: self.router.with_state(state),
            site: self.site,
        }
    }

    /// Puts a layer around each route, inside of its guard: see [`Router::layer`].
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self {
            router: self.router.layer(layer),
            site: self.site,
        }
    }
}

/// Set by `route-audit check --self-test`, which proves that an audit sees what it has to.
const SELF_TEST: &str = "ROUTE_AUDIT_SELF_TEST";

impl<S> Audited<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// The same with a route that nobody has classified, to be reported and not served, where a
    /// self-test asks for that.
    pub(crate) fn for_self_test(&self) -> Option<Self> {
        std::env::var_os(SELF_TEST)?;
        let path = self.site.record().self_test_path();
        let route = axum::Router::new().route(&path, axum::routing::get(|| async {}));
        Some(Self {
            router: self.router.clone().merge_axum(route),
            site: self.site(),
        })
    }
}

impl Audited {
    pub(crate) fn into_inner(self) -> axum::Router {
        self.router.inner
    }
}

impl<S> From<Audited<S>> for Router<S> {
    fn from(audited: Audited<S>) -> Self {
        audited.router
    }
}

impl<S> SealedRouter for Audited<S> {}

impl<S> IntoRouter<S> for Audited<S> {
    fn __into(self) -> Router<S> {
        self.router
    }
}

impl<S> fmt::Debug for Audited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audited")
            .field("name", &self.site.name)
            .field("router", &self.router)
            .finish()
    }
}

/// What [`#[audited_router]`](macro@crate::audited_router) makes of the type that a function returns:
/// [`Audited<S>`] of a [`Router<S>`] and of an [`axum::Router<S>`], and the same inside of a `Result`
/// and at the beginning of a tuple.
///
/// ```
/// use session_auth::{Audited, AuditedOf, Router};
///
/// fn same(result: AuditedOf<Result<Router, String>>) -> Result<Audited, String> {
///     result
/// }
/// ```
pub type AuditedOf<R> = <R as Auditable>::Audited;

/// What a function under `#[audited_router]` may return, and what becomes of it.
///
/// Public because macro output names it; not part of the API.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`#[audited_router]` goes on a function that returns a router, and not `{Self}`",
    label = "not a `session_auth::Router<S>` or `axum::Router<S>`, nor a `Result` of one or a tuple that begins with one",
    note = "write the type of the router itself: the attribute makes `Audited<S>` of it",
    note = "where the router is in a struct, put the attribute on the function that builds it"
)]
pub trait Auditable {
    type Audited;

    /// The routes of axum's router stand where the attribute does.
    #[track_caller]
    fn __audited(self, site: RouterSite) -> Self::Audited;
}

#[diagnostic::do_not_recommend]
impl<S> Auditable for Router<S> {
    type Audited = Audited<S>;

    fn __audited(self, site: RouterSite) -> Audited<S> {
        Audited::new(self, site)
    }
}

#[diagnostic::do_not_recommend]
impl<S> Auditable for axum::Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    type Audited = Audited<S>;

    fn __audited(self, site: RouterSite) -> Audited<S> {
        let site = site.of_axum();
        Audited::new(Router::new().merge_axum(self), site)
    }
}

#[diagnostic::do_not_recommend]
impl<R: Auditable, E> Auditable for Result<R, E> {
    type Audited = Result<R::Audited, E>;

    // Not by `map`: a closure has no caller.
    fn __audited(self, site: RouterSite) -> Self::Audited {
        Ok(self?.__audited(site))
    }
}

macro_rules! tuples {
    ($(($($rest:ident),+))*) => {$(
        #[diagnostic::do_not_recommend]
        impl<R: Auditable, $($rest),+> Auditable for (R, $($rest),+) {
            type Audited = (R::Audited, $($rest),+);

            #[allow(non_snake_case, reason = "the names of the types serve for the values")]
            fn __audited(self, site: RouterSite) -> Self::Audited {
                let (router, $($rest),+) = self;
                (router.__audited(site), $($rest),+)
            }
        }
    )*};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) }

/// The audited router in what a function under `#[audited_router]` returned.
///
/// Public because macro output names it; not part of the API.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`#[audited_router(name = expression)]` takes the router that the function returns, and not `{Self}`",
    label = "not what a function under `#[audited_router]` returns",
    note = "call the function, such as `plain = routes(&Config::test())`; in a block, end with the call and its `.await`"
)]
pub trait AuditedOutput {
    type State: Clone + Send + Sync + 'static;

    /// Why there is no router, in words.
    fn __output(self) -> Result<Audited<Self::State>, String>;
}

impl<S> AuditedOutput for Audited<S>
where
    S: Clone + Send + Sync + 'static,
{
    type State = S;

    fn __output(self) -> Result<Audited<S>, String> {
        Ok(self)
    }
}

impl<R: AuditedOutput, E: fmt::Debug> AuditedOutput for Result<R, E> {
    type State = R::State;

    fn __output(self) -> Result<Audited<R::State>, String> {
        match self {
            Ok(router) => router.__output(),
            Err(error) => Err(format!("{error:?}")),
        }
    }
}

macro_rules! output_tuples {
    ($(($($rest:ident),+))*) => {$(
        #[diagnostic::do_not_recommend]
        impl<R: AuditedOutput, $($rest),+> AuditedOutput for (R, $($rest),+) {
            type State = R::State;

            fn __output(self) -> Result<Audited<R::State>, String> {
                self.0.__output()
            }
        }
    )*};
}

output_tuples! { (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) }
