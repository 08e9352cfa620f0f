//! The router.

use std::convert::Infallible;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{self, Route, RouterAsService, RouterIntoService};
use http::Uri;
use tower_layer::Layer;
use tower_service::Service;

use super::method_router::MethodRouter;
use super::sealing::{Mounted, is_router, seal, seal_service};
use crate::access::{DeclarationRef, Location, Methods, Target};
use crate::classified::{HasAccessClass, Sealed};
use crate::inline::{self, InlineDeclaration};
use crate::mounted::{Kind, MethodRecord, Mistake, Note, Record, reset_fallback};
use crate::wrapper::like_axum;

/// [`axum::Router`], for handlers that have an access class.
///
/// It has axum's methods, and does what axum's router does: it holds one, and beside it the record of
/// what was mounted. [`SessionAuthLayer::protect`](crate::SessionAuthLayer::protect) takes it, once
/// `#[audited_router]` stands on the function that returns it.
///
/// ```
/// use session_auth::{Keys, Router, Session, SessionAuthLayer, audited_router, public_route, session_route};
///
/// #[public_route(GET, "/health", reason = "liveness probe")]
/// async fn health() -> &'static str {
///     "ok"
/// }
///
/// #[session_route(GET, "/api/me")]
/// async fn me(session: Session) -> String {
///     session.subject().to_owned()
/// }
///
/// #[audited_router]
/// fn routes() -> Router {
///     Router::new().mount(health).mount(me)
/// }
///
/// let auth = SessionAuthLayer::builder(Keys::random()?).build()?;
/// let app = auth.protect(routes())?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// A handler that nobody classified does not compile:
///
/// ```compile_fail,E0277
/// async fn legacy_export() -> &'static str {
///     "everything"
/// }
///
/// let routes: session_auth::Router = session_auth::Router::new().mount(legacy_export);
/// ```
///
/// A router by itself is a service, as axum's is, and it turns into axum's router. Neither opens
/// anything: a handler of class `session` or `webhook` runs only with the pass of its guard.
#[must_use = "a router does nothing until it is protected and served"]
pub struct Router<S = ()> {
    pub(crate) inner: axum::Router<S>,
    pub(crate) record: Record,
}

/// What [`Router::route`] takes: this crate's [`MethodRouter`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not made by `session_auth::routing`, so its handlers have no access class",
    label = "made by axum's own functions",
    note = "help: import `session_auth::routing::{{get, post, ..}}` in place of `axum::routing::{{get, post, ..}}`",
    note = "a router that another crate builds comes in by `merge_axum(router)` or `mount_axum(declaration, router)`"
)]
pub trait IntoMethodRouter<S>: SealedRouter {
    #[doc(hidden)]
    fn __into(self) -> MethodRouter<S>;
}

/// What [`Router::nest`] and [`Router::merge`] take: this crate's [`Router`], and one that was
/// audited by itself and is now a part of another.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `session_auth::Router`, so its routes have no access class",
    label = "not this crate's router",
    note = "help: a router that another crate builds comes in by `merge_axum(router)` or `mount_axum(declaration, router)`"
)]
pub trait IntoRouter<S>: SealedRouter {
    #[doc(hidden)]
    fn __into(self) -> Router<S>;
}

/// Nobody else implements what the router takes.
#[doc(hidden)]
pub trait SealedRouter {}

impl<S> SealedRouter for MethodRouter<S> {}
impl<S> SealedRouter for Router<S> {}

impl<S> IntoMethodRouter<S> for MethodRouter<S> {
    fn __into(self) -> Self {
        self
    }
}

impl<S> IntoRouter<S> for Router<S> {
    fn __into(self) -> Self {
        self
    }
}

impl<S> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// A router without routes.
    #[track_caller]
    pub fn new() -> Self {
        Self {
            inner: axum::Router::new(),
            record: Record::new(),
        }
    }

    /// Mounts a handler under the methods and paths that it declares.
    ///
    /// The paths are absolute, so this is for the outermost router: mounted on a nested one, they are
    /// found to be wrong.
    ///
    /// # Panics
    ///
    /// As [`axum::Router::route`]: where the route is there already, or overlaps with another.
    #[track_caller]
    pub fn mount<H, T>(mut self, handler: H) -> Self
    where
        H: HasAccessClass<T> + Handler<T, S>,
        T: 'static,
    {
        let declaration = handler.__class().declaration;
        let mounted = Location::caller();
        let mistake = |what: &str| Mistake {
            mounted: mounted.clone(),
            what: format!("{}: {what}", declaration.target()).into(),
        };
        let (methods, paths) = match declaration.target() {
            Target::Route { methods, paths } if !paths.is_empty() => (methods, paths),
            Target::Route { .. } | Target::Glob { .. } => {
                let what = "`mount` needs the path in the declaration: add it there, or say where \
                            by `.route(path, ..)`";
                self.record.mistakes.push(mistake(what));
                return self;
            }
            Target::Subtree { .. } | Target::Fallback { .. } => {
                let what =
                    "`mount` is for a route: give what declares `FALLBACK` to `.fallback(..)`";
                self.record.mistakes.push(mistake(what));
                return self;
            }
        };
        for path in &**paths {
            let method_router = match filter(*methods) {
                Some(filter) => MethodRouter::new().on(filter, handler.clone()),
                None => MethodRouter::of_any(handler.clone()),
            };
            self = self.route(path, method_router);
        }
        self
    }

    /// Mounts the handlers of a method router on a path.
    ///
    /// # Panics
    ///
    /// As [`axum::Router::route`]: where the route is there already, or overlaps with another.
    #[track_caller]
    pub fn route<M>(self, path: &str, method_router: M) -> Self
    where
        M: IntoMethodRouter<S>,
    {
        let MethodRouter { inner, record } = method_router.__into();
        Self {
            inner: self.inner.route(path, inner),
            record: self.record.route(path, record),
        }
    }

    /// As [`route`](Self::route), and the same path with or without a slash at its end redirects
    /// there, as axum-extra's `route_with_tsr` does. The redirect has the class of its target; where the
    /// methods differ in theirs, the one that most may call.
    ///
    /// # Panics
    ///
    /// As [`route`](Self::route); for the path `/`, which has no other form, and where the other form
    /// is there already.
    #[track_caller]
    pub fn route_with_tsr<M>(self, path: &str, method_router: M) -> Self
    where
        M: IntoMethodRouter<S>,
    {
        let method_router = method_router.__into();
        // The redirect says that the path is there, which whoever may ask one of its methods knows.
        let declaration = method_router
            .record
            .notes()
            .iter()
            .filter_map(|note| note.kind.declaration().cloned())
            .min_by_key(|declaration| (declaration.class(), declaration.scope().is_some()));
        self.route(path, method_router)
            .redirect(path, declaration.as_ref())
    }

    /// As [`route_service`](Self::route_service), with the redirect of
    /// [`route_with_tsr`](Self::route_with_tsr).
    ///
    /// # Panics
    ///
    /// As these two.
    #[track_caller]
    pub fn route_service_with_tsr<D, T>(self, declaration: D, path: &str, service: T) -> Self
    where
        D: InlineDeclaration,
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let declaration = inline::of_service(declaration, false);
        self.service_at(&declaration, path, service)
            .redirect(path, Some(&declaration))
    }

    #[track_caller]
    fn redirect(self, path: &str, declaration: Option<&DeclarationRef>) -> Self {
        assert_ne!(
            path, "/",
            "Cannot add a trailing slash redirect route for `/`"
        );
        let other = match path.strip_suffix('/') {
            Some(without) => without.to_owned(),
            None => format!("{path}/"),
        };
        let Some(declaration) = declaration else {
            return self;
        };
        let note = Note::new(Kind::Redirect(declaration.clone()));
        let handler = Sealed::new(to_other_slash, declaration, false);
        Self {
            inner: self.inner.route(&other, routing::any(handler)),
            record: self.record.route(&other, MethodRecord::any(note)),
        }
    }

    /// Mounts a service on a path, of the class that is declared for it.
    ///
    /// # Panics
    ///
    /// As [`axum::Router::route_service`]: where the route is there already, or overlaps with
    /// another.
    #[track_caller]
    pub fn route_service<D, T>(self, declaration: D, path: &str, service: T) -> Self
    where
        D: InlineDeclaration,
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let declaration = inline::of_service(declaration, false);
        self.service_at(&declaration, path, service)
    }

    #[track_caller]
    fn service_at<T>(mut self, declaration: &DeclarationRef, path: &str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        self.record.mistakes.extend(is_router::<T>());
        let (service, note) = seal_service(declaration.clone(), service);
        Self {
            inner: self.inner.route_service(path, service),
            record: self.record.route_service(path, note),
        }
    }

    /// Mounts the routes of another router below a path.
    ///
    /// # Panics
    ///
    /// As [`axum::Router::nest`]: where the path is empty or `/`, and where routes overlap.
    #[track_caller]
    pub fn nest<R>(self, path: &str, router: R) -> Self
    where
        R: IntoRouter<S>,
    {
        let Self { inner, record } = router.__into();
        Self {
            inner: self.inner.nest(path, inner),
            record: self.record.nest(path, record),
        }
    }

    /// Puts all routes below a prefix that only the configuration knows: `nest`, but declared paths,
    /// lock and listing are without it. An empty prefix and `/` leave the router as it is.
    ///
    /// A prefix that is none (`v1`, `/v1/`, `/{tenant}`) is told by
    /// [`protect`](crate::SessionAuthLayer::protect), and the service does not start.
    ///
    /// ```
    /// use session_auth::{Router, public_route};
    ///
    /// #[public_route(GET, "/health", reason = "liveness probe")]
    /// async fn health() {}
    ///
    /// let base = "/shop"; // of the configuration
    /// let routes: Router = Router::new().mount(health).under(base);
    /// session_auth::audit::assert_classified(&routes);
    /// ```
    #[track_caller]
    pub fn under(mut self, prefix: &str) -> Self {
        if matches!(prefix, "" | "/") {
            return self;
        }
        let why = if !prefix.starts_with('/') {
            "it must start with `/`"
        } else if prefix.ends_with('/') {
            "it has a slash at its end"
        } else if prefix.contains("//") {
            "it has an empty segment (`//`)"
        } else if prefix.contains(['{', '}', '?', '#', '*', ':'])
            || prefix.contains(char::is_whitespace)
        {
            "it is plain text: no parameters, no query, no blanks"
        } else {
            return Self {
                inner: axum::Router::new().nest(prefix, self.inner),
                record: Record::default().nest(prefix, self.record.under(prefix)),
            };
        };
        self.record.mistakes.push(Mistake {
            mounted: Location::caller(),
            what: format!("{prefix:?} is no prefix for all routes: {why}").into(),
        });
        self
    }

    /// Mounts a service below a path, of the class that is declared for all that it serves: `ServeDir`,
    /// say. The service sees paths without that prefix.
    ///
    /// In front of it, a path is refused with 400 where another reading of it (decoded, without dot
    /// segments, ..) would lead to a mounted route of another class.
    ///
    /// ```
    /// use session_auth::methods::ANY;
    /// use session_auth::{Router, session};
    /// # let exports = tower::service_fn(|_: axum::extract::Request| async {
    /// #     Ok::<_, std::convert::Infallible>(axum::response::Response::new(axum::body::Body::empty()))
    /// # });
    ///
    /// let staff = session(ANY, "/exports").scope("staff");
    /// let routes: Router = Router::new().nest_service(staff, "/exports", exports);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`axum::Router::nest_service`]: where the path is empty or `/`, and where routes overlap.
    #[track_caller]
    pub fn nest_service<D, T>(mut self, declaration: D, path: &str, service: T) -> Self
    where
        D: InlineDeclaration,
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        self.record.mistakes.extend(is_router::<T>());
        let (service, note) = seal_service(inline::of_service(declaration, true), service);
        Self {
            inner: self.inner.nest_service(path, service),
            record: self.record.nest_service(path, note),
        }
    }

    /// Adds the routes of another router.
    ///
    /// # Panics
    ///
    /// As [`axum::Router::merge`]: where routes overlap, and where both have a fallback.
    #[track_caller]
    pub fn merge<R>(self, other: R) -> Self
    where
        R: IntoRouter<S>,
    {
        let Self { inner, record } = other.__into();
        Self {
            inner: self.inner.merge(inner),
            record: self.record.merge(record),
        }
    }

    /// Takes in a router that another crate builds, route by route: each takes the declaration of its
    /// pattern and method, by an attribute or by [`declare_route!`](crate::declare_route).
    ///
    /// What axum's own functions mounted has no name here, so it is of the class of its path, and a
    /// declaration that is mounted by name elsewhere says nothing of it.
    ///
    /// # Panics
    ///
    /// As [`axum::Router::merge`]: where routes overlap, and where both have a fallback.
    #[track_caller]
    pub fn merge_axum<R>(self, router: R) -> Self
    where
        R: Into<axum::Router<S>>,
    {
        self.foreign(&Kind::Foreign, router.into(), None)
    }

    /// Takes in a router that another crate builds, under one class for all of its routes.
    ///
    /// # Panics
    ///
    /// As [`axum::Router::nest`] and [`axum::Router::merge`]: where routes overlap, and where both
    /// have a fallback.
    #[track_caller]
    pub fn mount_axum<D, R>(mut self, declaration: D, router: R) -> Self
    where
        D: InlineDeclaration,
        R: Into<axum::Router<S>>,
    {
        let declaration = inline::of_service(declaration, true);
        let Target::Subtree { path } = declaration.target() else {
            self.record.mistakes.push(Mistake {
                mounted: Location::caller(),
                what: "a whole router answers every method: declare it `ANY`, with its path".into(),
            });
            return self;
        };
        let path = path.clone();
        self.foreign(&Kind::Whole(declaration), router.into(), Some(&path))
    }

    #[track_caller]
    fn foreign(mut self, kind: &Kind, router: axum::Router<S>, below: Option<&str>) -> Self {
        let record = match Record::of_foreign(&router, kind) {
            Ok(record) => record,
            Err(unreadable) => {
                self.record.mistakes.push(Mistake {
                    mounted: Location::caller(),
                    what: unreadable.to_string().into(),
                });
                // The router's text and the record's differ now, whatever is done: no start.
                Record::default()
            }
        };
        match below {
            None | Some("/") => Self {
                inner: self.inner.merge(router),
                record: self.record.merge(record),
            },
            Some(below) => Self {
                inner: self.inner.nest(below, router),
                record: self.record.nest(below, record),
            },
        }
    }

    /// Puts a layer around each route mounted so far, and around the fallbacks, 404 and 405 answers,
    /// **inside** of the guards: it sees requests that were let through. A layer that is to see all
    /// goes on [`Protected`](crate::Protected).
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self {
            inner: self.inner.layer(layer),
            record: self.record,
        }
    }

    /// Puts a layer around each route mounted so far, but not around the fallbacks and the 404
    /// answer, inside of the guards.
    ///
    /// # Panics
    ///
    /// Where there is no route yet.
    #[track_caller]
    pub fn route_layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self {
            inner: self.inner.route_layer(layer),
            record: self.record,
        }
    }

    /// Whether there is a route.
    #[must_use]
    pub fn has_routes(&self) -> bool {
        self.inner.has_routes()
    }

    /// Sets the handler for requests that no route matches. It declares `FALLBACK`; on a router that
    /// is nested at `/in`, `FALLBACK, "/in"`.
    #[track_caller]
    pub fn fallback<H, T>(self, handler: H) -> Self
    where
        H: HasAccessClass<T> + Handler<T, S>,
        T: 'static,
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

    /// Sets the service for requests that no route matches, of the class that is declared for it: with
    /// `FALLBACK` or `ANY`, and the path `/`, or the path that the router is nested at.
    #[track_caller]
    pub fn fallback_service<D, T>(mut self, declaration: D, service: T) -> Self
    where
        D: InlineDeclaration,
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        self.record.mistakes.extend(is_router::<T>());
        let (service, note) = seal_service(inline::of_service(declaration, true), service);
        Self {
            inner: self.inner.fallback_service(service),
            record: self.record.fallback_service(note),
        }
    }

    /// Sets the handler for methods that a path does not have, on every path mounted so far. It
    /// declares `FALLBACK`.
    #[track_caller]
    pub fn method_not_allowed_fallback<H, T>(self, handler: H) -> Self
    where
        H: HasAccessClass<T> + Handler<T, S>,
        T: 'static,
    {
        let (handler, note) = seal(handler);
        Self {
            inner: match handler {
                Mounted::Open(handler) => self.inner.method_not_allowed_fallback(handler),
                Mounted::Sealed(handler) => self.inner.method_not_allowed_fallback(handler),
                Mounted::Elsewhere(handler) => self.inner.method_not_allowed_fallback(handler),
            },
            record: self.record.method_not_allowed_fallback(note),
        }
    }

    /// Sets the fallback back to axum's own 404.
    ///
    /// axum before 0.8.4 has no such method: there it is a fallback as any other, that answers 404.
    pub fn reset_fallback(self) -> Self {
        Self {
            inner: reset_fallback(self.inner),
            record: self.record.reset_fallback(),
        }
    }

    /// Allows paths with segments that begin with `:` or `*`, as
    /// [`axum::Router::without_v07_checks`] does.
    pub fn without_v07_checks(self) -> Self {
        Self {
            inner: self.inner.without_v07_checks(),
            record: self.record.without_v07_checks(),
        }
    }

    /// Gives the handlers their state.
    pub fn with_state<S2>(self, state: S) -> Router<S2> {
        Router {
            inner: self.inner.with_state(state),
            record: self.record,
        }
    }

    /// The router as a service with a known body type. Nothing of it is guarded: handlers of class
    /// `session` and `webhook` refuse to run.
    pub fn as_service<B>(&mut self) -> RouterAsService<'_, B, S> {
        self.inner.as_service()
    }

    /// As [`as_service`](Self::as_service), by value.
    #[must_use]
    pub fn into_service<B>(self) -> RouterIntoService<B, S> {
        self.inner.into_service()
    }

    /// axum's own router, for a crate that asks for one. It opens nothing: handlers of class
    /// `session` and `webhook` refuse to run without their guard.
    pub fn into_axum(self) -> axum::Router<S> {
        self.into()
    }
}

like_axum! {
    Router<S> where [Clone + Send + Sync + 'static];
    axum: axum::Router<S>;
    error: Infallible;
    fields: inner, record;
    goes_out: record.goes_out;
    /// For `axum::serve`, unguarded: handlers of class `session` and `webhook` refuse to run.
}

/// To the same path with or without its last slash, with the query.
async fn to_other_slash(uri: axum::extract::OriginalUri) -> axum::response::Response {
    let path = uri.path();
    let other = match path.strip_suffix('/') {
        Some(without) => without.to_owned(),
        None => format!("{path}/"),
    };
    let target = match uri.query() {
        Some(query) => format!("{other}?{query}"),
        None => other,
    };
    // `//evil.example/` would lead to another host.
    match target.parse::<Uri>() {
        Ok(_) if !target.starts_with("//") => Redirect::permanent(&target).into_response(),
        _ => http::StatusCode::BAD_REQUEST.into_response(),
    }
}

/// axum's filter for these methods; `None` for all of them.
fn filter(methods: Methods) -> Option<routing::MethodFilter> {
    if methods.is_any() {
        return None;
    }
    methods
        .iter()
        .filter_map(crate::mounted::filter)
        .reduce(routing::MethodFilter::or)
}
