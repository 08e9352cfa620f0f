//! What `protect` makes of a router: guarded, closed, and ready to be served.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::response::IntoResponse;
use axum::routing::future::RouteFuture;
use axum::routing::{IntoMakeService, Route as AxumRoute};
use axum::serve::{IncomingStream, Listener, Serve};
use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};
use tower::ServiceExt as _;
use tower_layer::{Layer, layer_fn};
use tower_service::Service;

use crate::access::{Access, Declaration, DeclarationRef, Methods, Text};
use crate::activity::{Endpoint, Mount};
use crate::audited::Audited;
use crate::by;
use crate::error::{BuildError, Problem};
use crate::finding::Finding;
use crate::guard::{Bound, GuardLayer, Handshakes, Readings};
use crate::layer::SessionAuthLayer;
use crate::mode::Mode;
use crate::mounted::{Judged, Record, Route, RowKind, Texts, judge};
use crate::probed::{ProbedRoute, asked_apart};
use crate::report::form::Report;
use crate::report::{Failed, report_dir, write_report};
use crate::shared::{Shared, Unclassified};
use crate::shared_cache;
use crate::trail::AuditEvent;
use crate::unauditable::judged as judge_alone;
use crate::webhook_task;

/// A router with its guards on, and closed: nothing can be added to it.
///
/// A layer that is to see every request, denied ones too, goes on by [`layer`](Self::layer): tracing,
/// CORS, security headers, request ids. Such a layer sees which route was matched. What rewrites
/// paths (`NormalizePath`) goes around the whole.
///
/// ```
/// use axum::http::{HeaderName, HeaderValue};
/// use session_auth::{Keys, Router, SessionAuthLayer, audited_router, public_route};
/// use tower_http::set_header::SetResponseHeaderLayer;
///
/// #[public_route(GET, "/health", reason = "liveness probe")]
/// async fn health() {}
///
/// #[audited_router]
/// fn routes() -> Router {
///     Router::new().mount(health)
/// }
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = SessionAuthLayer::builder(Keys::random()?).build()?;
/// let nosniff = HeaderName::from_static("x-content-type-options");
/// let app = auth.protect(routes())?.layer(SetResponseHeaderLayer::if_not_present(
///     nosniff,
///     HeaderValue::from_static("nosniff"),
/// ));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// app.serve(listener).with_graceful_shutdown(async {}).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a service does nothing until it is served"]
pub struct Protected {
    router: axum::Router,
    contents: Arc<Contents>,
}

/// Behind one pointer, and not in the service that a connection gets: servers clone that for each
/// request, and each pointer more is a count that the processors share.
struct Contents {
    endpoints: Vec<Arc<Endpoint>>,
    /// Of `endpoints`, made when first asked for.
    declared: OnceLock<Vec<Declaration>>,
    asked: Vec<Asked>,
    shared: Arc<Shared>,
}

/// What `audit::probe` asks for.
struct Asked {
    declaration: DeclarationRef,
    methods: Methods,
    pattern: Option<String>,
    /// Whether it stands for what is below the pattern.
    below: bool,
}

mod sealed {
    pub trait Sealed {}
}

/// What [`SessionAuthLayer::protect`] takes, and nothing else is one: an [`Audited`] router that has
/// its state.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be protected",
    label = "not an audited router that has its state",
    note = "help: put `#[audited_router]` on the function that returns the router: it then returns `Audited<S>`",
    note = "help: a router that is built in place, in `main` say, moves to a function of its own first",
    note = "help: give an `Audited<S>` its state first: `routes().with_state(state)`"
)]
pub trait ProtectableRouter: sealed::Sealed {
    #[doc(hidden)]
    fn __audited(self) -> Audited;
}

impl sealed::Sealed for Audited {}

impl ProtectableRouter for Audited {
    fn __audited(self) -> Audited {
        self
    }
}

impl SessionAuthLayer {
    /// Puts a guard around each route of an audited router and closes it.
    ///
    /// The router is asked, in the very configuration that is started, whose handler answers each
    /// route: no handler and no middleware runs for that.
    ///
    /// # Errors
    ///
    /// Every problem at once: a mounted route without a class or with another handler's, a webhook
    /// without its verifier, an exemption past its `until`, a declaration that is malformed. With
    /// [`Unclassified::Deny`](crate::Unclassified::Deny) routes without a class do not stop the
    /// start, and in [`Mode::Observe`](crate::Mode::Observe) neither do those with another handler's;
    /// they are logged at ERROR.
    pub fn protect<R>(&self, router: R) -> Result<Protected, BuildError>
    where
        R: ProtectableRouter,
    {
        self.protect_audited(router.__audited())
    }

    fn protect_audited(&self, audited: Audited) -> Result<Protected, BuildError> {
        let site = audited.site();
        let self_test = audited.for_self_test();
        let record = audited.record().clone();
        let shared = self.shared();
        let unmatched = Arc::new(Endpoint::unclassified("(no route)".to_owned()));
        let guards = GuardLayer::new(Arc::clone(shared), Arc::clone(&unmatched));
        let (texts, router) = audited.guarded(&record, &guards);

        let mut problems: Vec<Problem> = record
            .mistakes
            .iter()
            .map(|mistake| Problem::Mistake {
                mounted: mistake.mounted.clone(),
                what: mistake.what.to_string(),
            })
            .collect();
        let judged = judge(&record, texts, Some(&router), shared.today());
        if let Some(dir) = report_dir().filter(|_| site.at_start) {
            let of_self_test = self_test.map(|shown| judge_alone(shown.record(), &shown.debug()));
            let report: Result<Report, Failed> = match (of_self_test, &judged, problems.first()) {
                (Some(Ok(judged)), ..) => Ok(Report::of(site.record(), &judged)),
                (Some(Err(unauditable)), ..) => Err(unauditable.to_string().into()),
                (None, Ok(judged), None) => Ok(Report::of(site.record(), judged)),
                (None, Err(unreadable), _) => Err(unreadable.to_string().into()),
                (None, _, Some(problem)) => Err(problem.to_string().into()),
            };
            if let Err(what) = write_report(&site, &dir, &report) {
                let mounted = site.location.clone();
                problems.push(Problem::Mistake { mounted, what });
            }
        }
        let judged = match judged {
            Ok(judged) => judged,
            Err(unreadable) => {
                problems.push(Problem::Unreadable(unreadable));
                return Err(BuildError::of(problems));
            }
        };
        let Judged {
            routes,
            of_axum,
            findings,
            unaskable,
        } = judged;
        for pattern in unaskable {
            tracing::warn!(
                target: "session_auth",
                pattern,
                "no request can have this path: it is mounted, and serves nobody"
            );
        }
        sort_findings(shared, findings, &mut problems);
        let endpoints = endpoints(shared, &routes, &mut problems);
        BuildError::unless_empty(problems)?;

        // For services alone: of a large router that is a matcher of all its patterns.
        let readings = routes.iter().any(|route| route.opaque).then(|| {
            Arc::new(Readings::new(routes.iter().zip(&endpoints).flat_map(
                |(route, endpoint)| {
                    let patterns = route.patterns.iter();
                    patterns.map(|pattern| (&**pattern, endpoint.access()))
                },
            )))
        });
        let handshakes =
            Handshakes::new(routes.iter().zip(&endpoints).flat_map(|(route, endpoint)| {
                let patterns = route.patterns.iter();
                patterns.map(move |pattern| (&**pattern, endpoint))
            }));
        let handshakes = Arc::new(handshakes);
        let bound = routes.iter().zip(&endpoints).flat_map(|(route, endpoint)| {
            let bound = |guard: &usize| {
                let bound = Bound::Route {
                    endpoint: Arc::clone(endpoint),
                    sealed: route.sealed,
                    readings: readings.clone().filter(|_| route.opaque),
                };
                (*guard, bound)
            };
            route.guards.iter().map(bound)
        });
        let of_axum = of_axum.into_iter();
        let of_axum = of_axum.map(|guard| (guard, Bound::OfAxum(Arc::clone(&handshakes))));
        guards.start(bound.chain(of_axum));

        let asked = routes.into_iter().filter_map(Asked::of).collect();
        let mut adopted = distinct(&endpoints);
        shared.policy.tell(|| AuditEvent::Start {
            mode: shared.mode.as_str(),
            version: env!("CARGO_PKG_VERSION"),
            lock: shared.lock.clone(),
            routes: adopted.len(),
        });
        adopted.push(unmatched);
        shared.adopt(adopted);
        webhook_task::start(shared);
        Ok(Protected {
            router,
            contents: Arc::new(Contents {
                endpoints,
                declared: OnceLock::new(),
                asked,
                shared: Arc::clone(shared),
            }),
        })
    }
}

impl Audited {
    /// The router with its guards, and its text from before.
    pub(crate) fn guarded(self, record: &Record, guards: &GuardLayer) -> (Texts, axum::Router) {
        Texts::read(record, || {
            // Eagerly: otherwise axum makes each route, its guards included, anew for each connection.
            let inner = self.into_inner().with_state(());
            (format!("{inner:?}"), inner.layer(guards.clone()))
        })
    }
}

/// Errors stop the start, unless the builder or the mode lets it go on; then they are logged.
fn sort_findings(shared: &Shared, findings: Vec<Finding>, problems: &mut Vec<Problem>) {
    use crate::finding::Code;

    for finding in findings {
        let unclassified = matches!(
            finding.code,
            Code::UnclassifiedRoute
                | Code::OpaqueMount
                | Code::WrongHandler
                | Code::ConflictingDeclaration
        );
        let starts = unclassified
            && (shared.unclassified == Unclassified::Deny || shared.mode == Mode::Observe);
        if !finding.is_error() {
            tracing::warn!(target: "session_auth", "{finding}");
        } else if starts {
            tracing::error!(target: "session_auth", "{finding}");
        } else {
            problems.push(Problem::Finding(finding));
        }
    }
}

/// One for each route; two methods of one declaration on one path share it.
fn endpoints(shared: &Shared, routes: &[Route], problems: &mut Vec<Problem>) -> Vec<Arc<Endpoint>> {
    type Key<'a> = (*const Declaration, Option<&'a str>);
    let mut known: FxHashMap<Key<'_>, Arc<Endpoint>> = FxHashMap::default();
    let mut judged: FxHashSet<*const Declaration> = FxHashSet::default();
    let mut all = Vec::new();
    for route in routes {
        let Some(declaration) = &route.declaration else {
            // A session is asked for, and no more: that is no proof for a webhook, and no scope.
            let handler = route.handler.as_ref().filter(|handler| {
                shared.mode == Mode::Observe
                    || match handler.access() {
                        Access::Public { .. } => true,
                        Access::Session { by, scope, .. } => scope.is_none() && by::has_session(by),
                        Access::Webhook { .. } => false,
                    }
            });
            all.push(Arc::new(Endpoint {
                handler: handler.cloned(),
                mount: Some(mount(route)),
                ..Endpoint::unclassified(route.subject().to_string())
            }));
            // What is wrong with the declaration itself is told at once.
            if let Some(declaration) = &route.handler
                && judged.insert(&raw const **declaration)
            {
                shared.endpoint(declaration, problems);
            }
            continue;
        };
        let key = (&raw const **declaration, route.path.as_deref());
        let endpoint = known.entry(key).or_insert_with(|| {
            // What is wrong with a declaration is so on each of its paths.
            let mut known = Vec::new();
            let is_new = judged.insert(&raw const **declaration);
            let endpoint = shared.endpoint(declaration, if is_new { problems } else { &mut known });
            let target = declaration.target();
            let is_where_declared = |path: &Text| target.paths() == std::slice::from_ref(path);
            Arc::new(Endpoint {
                route: match &route.path {
                    Some(path) if !is_where_declared(path) => {
                        let path = route.kind.shape().listed(path);
                        format!("{} {path}", target.methods())
                    }
                    _ => endpoint.route,
                },
                handler: route.handler.clone().or_else(|| Some(declaration.clone())),
                mount: Some(Mount {
                    methods: target.methods(),
                    ..mount(route)
                }),
                ..endpoint
            })
        });
        all.push(Arc::clone(endpoint));
    }
    all
}

fn mount(route: &Route) -> Mount {
    Mount {
        methods: route.methods,
        path: route.path.clone(),
        shape: route.kind.shape(),
        named: route.named,
        place: route.mounted.clone(),
        function: route.function.clone(),
    }
}

impl Asked {
    fn of(route: Route) -> Option<Self> {
        Some(Self {
            declaration: route.declaration?,
            methods: route.methods,
            pattern: route.pattern,
            below: matches!(route.kind, RowKind::Nested | RowKind::Fallback),
        })
    }

    fn probed(&self) -> ProbedRoute {
        let declaration = (*self.declaration).clone();
        let pattern = self.pattern.as_deref().unwrap_or("/");
        ProbedRoute::new(declaration, self.methods, pattern, self.below)
    }
}

/// Each once.
fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all.dedup();
    all
}

fn distinct(endpoints: &[Arc<Endpoint>]) -> Vec<Arc<Endpoint>> {
    let mut seen = FxHashSet::default();
    endpoints
        .iter()
        .filter(|endpoint| seen.insert(Arc::as_ptr(endpoint)))
        .cloned()
        .collect()
}

impl Protected {
    /// What the routes of this app declare.
    #[must_use]
    pub fn declared(&self) -> &[Declaration] {
        let Contents {
            endpoints,
            declared,
            ..
        } = &*self.contents;
        declared.get_or_init(|| {
            let all = endpoints.iter();
            let all = all.filter_map(|endpoint| endpoint.declaration.as_deref().cloned());
            sorted(all.collect())
        })
    }

    pub(crate) fn probed(&self) -> Vec<ProbedRoute> {
        let asked = self.contents.asked.iter();
        asked_apart(sorted(asked.map(Asked::probed).collect()))
    }

    /// Puts a layer around each endpoint, outside of its guard: it sees every request, denied ones
    /// too, and which route was matched.
    ///
    /// Where it marks answers for shared caches, by `Cache-Control: public` say, the ones that set a
    /// session's cookie are marked `private` all the same, and a session slides with another answer. What
    /// is around the app as a whole is not looked after.
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<AxumRoute> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self {
            router: self.router.layer(layer_fn(move |route| {
                layer
                    .layer(route)
                    .map_response(|answer| shared_cache::settle(answer.into_response()))
            })),
            ..self
        }
    }

    /// Serves the app: [`axum::serve()`], which can be shut down gracefully.
    ///
    /// Handlers and verifiers that need the peer's address take
    /// [`into_make_service_with_connect_info`](Self::into_make_service_with_connect_info).
    pub fn serve<L>(self, listener: L) -> Serve<L, axum::Router, axum::Router>
    where
        L: Listener,
    {
        webhook_task::start(&self.contents.shared);
        axum::serve(listener, self.router)
    }

    /// For `axum::serve` and other servers.
    pub fn into_make_service(self) -> IntoMakeService<axum::Router> {
        webhook_task::start(&self.contents.shared);
        self.router.into_make_service()
    }

    /// For `axum::serve`, with the peer's address (of type `C`, `SocketAddr` for TCP) for handlers
    /// and verifiers.
    pub fn into_make_service_with_connect_info<C>(
        self,
    ) -> IntoMakeServiceWithConnectInfo<axum::Router, C> {
        webhook_task::start(&self.contents.shared);
        self.router.into_make_service_with_connect_info()
    }

    /// As an axum router, for a helper that takes one. It is guarded; a route that is added to it is
    /// not.
    pub fn into_axum(self) -> axum::Router {
        self.router
    }
}

impl From<Protected> for axum::Router {
    fn from(app: Protected) -> Self {
        app.router
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

impl<L> Service<IncomingStream<'_, L>> for Protected
where
    L: Listener,
{
    type Response = axum::Router;
    type Error = Infallible;
    type Future = std::future::Ready<Result<axum::Router, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: IncomingStream<'_, L>) -> Self::Future {
        std::future::ready(Ok(self.router.clone()))
    }
}

impl fmt::Debug for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protected").finish_non_exhaustive()
    }
}
