//! A router on which every route has an access class, and what it becomes when it is protected.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::future::RouteFuture;
use axum::routing::{self, IntoMakeService, MethodFilter, MethodRouter, Route};
use bytes::Bytes;
use http::StatusCode;
use tower_layer::Layer;
use tower_service::Service;

use crate::access::{Declaration, Location, Methods, Target};
use crate::activity::Endpoint;
use crate::assembly::overlap;
use crate::classified::ClassifiedHandler;
use crate::error::{BuildError, Problem};
use crate::inline::Inline;
use crate::layer::SessionAuthLayer;
use crate::table::RouteTable;

/// A router that takes classified handlers only.
///
/// It is [`axum::Router`] underneath, with its matching, its 404 and its 405, and with paths that
/// are written in full: there is no `nest`. [`protect`](Router::protect) turns it into a service.
///
/// ```
/// use axum::Json;
/// use session_auth::{Keys, Router, Session, SessionAuthLayer, public_route, session_route};
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
/// let auth = SessionAuthLayer::builder(Keys::random()?).build()?;
/// let app = Router::new().mount(health).mount(me).with_state(()).protect(auth)?;
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
#[must_use = "a router does nothing until it is protected and served"]
pub struct Router<S = ()> {
    mounts: Vec<Mount<S>>,
    fallback: Option<Mount<S>>,
    /// Answers 404 where there is no fallback: apart, so that layers apply to it too.
    not_found: MethodRouter<S>,
    misplaced: Vec<Problem>,
}

/// One thing mounted, before it has a guard.
struct Mount<S> {
    declaration: Declaration,
    at: Location,
    service: Mounted<S>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are handlers; a box would serve the few"
)]
enum Mounted<S> {
    Handler(MethodRouter<S>),
    Axum(axum::Router<S>),
}

impl<S> Mount<S> {
    fn map<S2>(
        self,
        handler: impl FnOnce(MethodRouter<S>) -> MethodRouter<S2>,
        axum: impl FnOnce(axum::Router<S>) -> axum::Router<S2>,
    ) -> Mount<S2> {
        Mount {
            declaration: self.declaration,
            at: self.at,
            service: match self.service {
                Mounted::Handler(method_router) => Mounted::Handler(handler(method_router)),
                Mounted::Axum(router) => Mounted::Axum(axum(router)),
            },
        }
    }

    fn is_any(&self) -> bool {
        self.declaration.methods().is_any()
    }
}

impl<S> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// A router without routes.
    pub fn new() -> Self {
        Self {
            mounts: Vec::new(),
            fallback: None,
            not_found: routing::any(|| async { StatusCode::NOT_FOUND }),
            misplaced: Vec::new(),
        }
    }

    /// Mounts a handler under the methods and path that it declares.
    ///
    /// Whatever is wrong with it (the same route twice, an overlapping path) is said by
    /// [`protect`](Router::protect), with everything else.
    #[track_caller]
    pub fn mount<H, T>(mut self, handler: H) -> Self
    where
        H: ClassifiedHandler<T, S> + Handler<T, S>,
        T: 'static,
    {
        let declaration = handler.declaration();
        let at = Location::caller();
        let Target::Route { methods, .. } = declaration.target() else {
            let instead = "give it to `.fallback(..)`";
            self.misplaced.push(Problem::Misplaced {
                declaration,
                mounted: at,
                instead,
            });
            return self;
        };
        let service = Mounted::Handler(match filter(methods) {
            Some(filter) => routing::on(filter, handler),
            None => routing::any(handler),
        });
        self.mounts.push(Mount {
            declaration,
            at,
            service,
        });
        self
    }

    /// Sets the handler for requests that no route matches. It declares `FALLBACK`.
    #[track_caller]
    pub fn fallback<H, T>(mut self, handler: H) -> Self
    where
        H: ClassifiedHandler<T, S> + Handler<T, S>,
        T: 'static,
    {
        let declaration = handler.declaration();
        let at = Location::caller();
        let service = Mounted::Handler(routing::any(handler));
        if declaration.target() != Target::Fallback {
            let instead = "give it to `.mount(..)`, or declare it `FALLBACK`";
            self.misplaced.push(Problem::Misplaced {
                declaration,
                mounted: at,
                instead,
            });
            return self;
        }
        self.set_fallback(Mount {
            declaration,
            at,
            service,
        });
        self
    }

    /// Mounts a service under a path, with one class for all that is below it: `ServeDir`, say.
    /// The service sees paths without that prefix, as with [`axum::Router::nest_service`].
    ///
    /// Its inside cannot be listed, so the declaration needs a reason whatever its class; its
    /// methods are `ANY`.
    ///
    /// ```
    /// use session_auth::methods::ANY;
    /// use session_auth::{Router, session};
    /// # let exports = tower::service_fn(|_: axum::extract::Request| async {
    /// #     Ok::<_, std::convert::Infallible>(axum::response::Response::new(axum::body::Body::empty()))
    /// # });
    ///
    /// let files = session(ANY, "/exports").reason("monthly reports, for staff").scope("staff");
    /// let routes: Router = Router::new().mount_service(files, exports);
    /// ```
    #[track_caller]
    pub fn mount_service<T>(self, declaration: Inline, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse + 'static,
        T::Future: Send + 'static,
    {
        self.mount_subtree(declaration, Mounted::Handler(routing::any_service(service)))
    }

    /// Mounts an [`axum::Router`] under a path, with one class for all that is below it. As
    /// [`mount_service`](Router::mount_service), but the router shares the state.
    #[track_caller]
    pub fn mount_axum(self, declaration: Inline, router: axum::Router<S>) -> Self {
        self.mount_subtree(declaration, Mounted::Axum(router))
    }

    #[track_caller]
    fn mount_subtree(mut self, inline: Inline, service: Mounted<S>) -> Self {
        let at = Location::caller();
        let declaration = inline.into_subtree();
        if declaration
            .reason()
            .is_none_or(|reason| reason.trim().is_empty())
        {
            self.misplaced.push(Problem::MissingReason {
                declaration,
                mounted: at,
            });
        }
        if !inline.methods().is_any() {
            let instead = "a whole service answers every method: declare it `ANY`";
            self.misplaced.push(Problem::Misplaced {
                declaration,
                mounted: at,
                instead,
            });
        }
        self.mounts.push(Mount {
            declaration,
            at,
            service,
        });
        self
    }

    /// Adds the routes of another router.
    pub fn merge(mut self, other: Self) -> Self {
        self.mounts.extend(other.mounts);
        self.misplaced.extend(other.misplaced);
        if let Some(fallback) = other.fallback {
            self.set_fallback(fallback);
        }
        self
    }

    fn set_fallback(&mut self, fallback: Mount<S>) {
        if let Some(first) = &self.fallback {
            self.misplaced.push(duplicate(first, &fallback));
        } else {
            self.fallback = Some(fallback);
        }
    }

    /// Puts a layer around each route mounted so far, and around the 404 and 405 answers, as
    /// [`axum::Router::layer`] does. It is **inside** the guard: it sees requests that were let
    /// through. A layer that is to see all goes around what [`protect`](Router::protect) returns.
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let around = |mount: Mount<S>| {
            mount.map(
                |handler| handler.layer(layer.clone()),
                |axum| axum.layer(layer.clone()),
            )
        };
        Self {
            mounts: self.mounts.into_iter().map(around).collect(),
            fallback: self.fallback.map(around),
            not_found: self.not_found.layer(layer.clone()),
            misplaced: self.misplaced,
        }
    }

    /// Puts a layer around each route mounted so far, but not around 404 and 405 answers, as
    /// [`axum::Router::route_layer`] does.
    pub fn route_layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let around = |mount: Mount<S>| {
            // axum holds an `any` handler as the fallback of its path, which its own
            // `route_layer` passes over.
            let any = mount.is_any();
            mount.map(
                |handler| {
                    if any {
                        handler.layer(layer.clone())
                    } else {
                        handler.route_layer(layer.clone())
                    }
                },
                |axum| axum.layer(layer.clone()),
            )
        };
        Self {
            mounts: self.mounts.into_iter().map(around).collect(),
            ..self
        }
    }

    /// Gives the handlers their state.
    pub fn with_state<S2>(self, state: S) -> Router<S2> {
        let with = |mount: Mount<S>| {
            mount.map(
                |handler| handler.with_state(state.clone()),
                |axum| axum.with_state(state.clone()),
            )
        };
        Router {
            mounts: self.mounts.into_iter().map(with).collect(),
            fallback: self.fallback.map(with),
            not_found: self.not_found.with_state(state.clone()),
            misplaced: self.misplaced,
        }
    }
}

impl<S> Router<S> {
    /// What is mounted, in the order in which it was.
    pub fn routes(&self) -> impl Iterator<Item = &Declaration> {
        self.mounts
            .iter()
            .chain(&self.fallback)
            .map(|mount| &mount.declaration)
    }
}

impl Router {
    /// Puts a guard around each route and closes the router.
    ///
    /// # Errors
    ///
    /// Every problem at once: a webhook without its verifier, conflicting declarations, a route
    /// mounted twice, paths that the router cannot tell apart, an exemption past its `until`.
    pub fn protect(self, auth: SessionAuthLayer) -> Result<Protected, BuildError> {
        let Self {
            mounts,
            fallback,
            not_found,
            misplaced: mut problems,
        } = self;
        let assembly = auth.assembly();
        // Only here to find what axum would panic about.
        let mut patterns = RouteTable::default();

        let mut guarded: Vec<(Mount<()>, Arc<Endpoint>)> = Vec::new();
        // By path without a slash at its end: what can stand in each other's way has the same.
        let mut by_path: HashMap<&str, Vec<usize>> = HashMap::new();
        for mount in mounts.into_iter().chain(fallback) {
            let path = mount
                .declaration
                .path()
                .unwrap_or("/")
                .trim_end_matches('/');
            let neighbours = by_path.entry(path).or_default();
            let near = || neighbours.iter().map(|index| &guarded[*index].0);
            if let Some(first) = near().find(|it| overlap(&it.declaration, &mount.declaration)) {
                problems.push(if first.declaration.same_policy(&mount.declaration) {
                    duplicate(first, &mount)
                } else {
                    Problem::Conflict {
                        first: first.declaration,
                        second: mount.declaration,
                    }
                });
                continue;
            }
            let endpoint = assembly.endpoint(mount.declaration, &mut problems);
            if let Some(first) = near().find(|first| {
                takes_mount_point(&first.declaration, &mount.declaration)
                    || takes_mount_point(&mount.declaration, &first.declaration)
            }) {
                problems.push(Problem::OverlappingPaths {
                    declaration: mount.declaration,
                    with: Some(first.declaration.target().to_string()),
                });
                continue;
            }
            if let Err(conflict) = patterns.insert(Arc::clone(&endpoint)) {
                let declaration = mount.declaration;
                problems.push(Problem::OverlappingPaths {
                    declaration,
                    with: conflict.with,
                });
            }
            neighbours.push(guarded.len());
            guarded.push((mount, endpoint));
        }
        BuildError::unless_empty(problems)?;

        let declared = guarded.iter().map(|(mount, _)| mount.declaration).collect();
        auth.adopt(guarded.iter().map(|(_, endpoint)| Arc::clone(endpoint)));
        let mut router = axum::Router::new().fallback_service(not_found);
        for (mount, endpoint) in guarded {
            let guard = auth.for_endpoint(endpoint);
            let any = mount.is_any();
            router = match (mount.declaration.target(), mount.service) {
                (Target::Route { path, .. }, Mounted::Handler(handler)) if any => {
                    router.route(path, handler.layer(guard))
                }
                // Not around the 405 of the path: that says nothing which a guard would keep.
                (Target::Route { path, .. }, Mounted::Handler(handler)) => {
                    router.route(path, handler.route_layer(guard))
                }
                (Target::Subtree { path: "/" } | Target::Fallback, Mounted::Handler(handler)) => {
                    router.fallback_service(handler.layer(guard))
                }
                (Target::Subtree { path }, Mounted::Handler(handler)) => {
                    router.nest_service(path, handler.layer(guard))
                }
                (Target::Subtree { path: "/" }, Mounted::Axum(axum)) => {
                    router.fallback_service(axum.layer(guard))
                }
                (Target::Subtree { path }, Mounted::Axum(axum)) => {
                    router.nest_service(path, axum.layer(guard))
                }
                (Target::Route { .. } | Target::Fallback, Mounted::Axum(_)) => {
                    unreachable!("`mount_axum` declares a subtree")
                }
            };
        }
        Ok(Protected::new(router, declared))
    }
}

/// Whether a route has the very path that a subtree is mounted on: axum gives that path to the
/// mounted service.
fn takes_mount_point(route: &Declaration, subtree: &Declaration) -> bool {
    match (route.target(), subtree.target()) {
        (Target::Route { path: route, .. }, Target::Subtree { path: mount }) if mount != "/" => {
            route
                .strip_prefix(mount)
                .is_some_and(|rest| matches!(rest, "" | "/"))
        }
        _ => false,
    }
}

fn duplicate<S>(first: &Mount<S>, second: &Mount<S>) -> Problem {
    Problem::Duplicate {
        first: first.declaration,
        first_mounted: first.at,
        second: second.declaration,
        second_mounted: second.at,
    }
}

/// axum's filter for these methods; `None` for all of them.
fn filter(methods: Methods) -> Option<MethodFilter> {
    if methods.is_any() {
        return None;
    }
    methods
        .iter()
        .map(|method| match method {
            Methods::GET => MethodFilter::GET,
            Methods::HEAD => MethodFilter::HEAD,
            Methods::POST => MethodFilter::POST,
            Methods::PUT => MethodFilter::PUT,
            Methods::PATCH => MethodFilter::PATCH,
            Methods::DELETE => MethodFilter::DELETE,
            Methods::OPTIONS => MethodFilter::OPTIONS,
            Methods::TRACE => MethodFilter::TRACE,
            Methods::CONNECT => MethodFilter::CONNECT,
            other => unreachable!("`Methods` holds no {other}"),
        })
        .reduce(MethodFilter::or)
}

impl<S> Default for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Router<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self
            .routes()
            .map(|declaration| format!("{} {}", declaration.class(), declaration.target()));
        f.debug_list().entries(routes).finish()
    }
}

/// A router with its guards on, and closed: a service to hand to `axum::serve`.
///
/// Layers that are to see every request, denied ones too, go around it:
///
/// ```
/// use axum::ServiceExt as _;
/// use axum::extract::Request;
/// use session_auth::{Keys, Router, SessionAuthLayer};
/// use tower::ServiceBuilder;
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = SessionAuthLayer::builder(Keys::random()?).build()?;
/// let app = Router::new().protect(auth)?;
/// let note = |request: Request| {
///     tracing::info!(method = %request.method(), "a request");
///     request
/// };
/// let app = ServiceBuilder::new().map_request(note).service(app);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// axum::serve(listener, app.into_make_service()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a service does nothing until it is served"]
pub struct Protected {
    router: axum::Router,
    declared: Arc<[Declaration]>,
}

impl Protected {
    pub(crate) fn new(router: axum::Router, declared: Arc<[Declaration]>) -> Self {
        // As `axum::Router::into_make_service` does: without it, axum makes each route, its layers
        // included, anew for every request.
        let router = router.with_state(());
        Self { router, declared }
    }

    /// What the routes of this app declare.
    #[must_use]
    pub fn declared(&self) -> &[Declaration] {
        &self.declared
    }

    /// For `axum::serve`.
    pub fn into_make_service(self) -> IntoMakeService<Self> {
        axum::ServiceExt::<Request>::into_make_service(self)
    }

    /// For `axum::serve`, with the peer's address (of type `C`, `SocketAddr` for TCP) for handlers
    /// and verifiers.
    pub fn into_make_service_with_connect_info<C>(self) -> IntoMakeServiceWithConnectInfo<Self, C> {
        axum::ServiceExt::<Request>::into_make_service_with_connect_info(self)
    }
}

impl<B> Service<http::Request<B>> for Protected
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // As axum's own router: always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        self.router.call(request.map(Body::new))
    }
}

impl fmt::Debug for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protected").finish_non_exhaustive()
    }
}
