//! The layer: its builder, and what all services made from it share.

mod builder;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;

use crate::access::{Declaration, DeclarationRef, Target};
use crate::activity::{Endpoint, RouteActivity};
use crate::bare::SessionAuth;
use crate::declared::declarations;
use crate::error::{BuildError, Problem};
use crate::keys::Keys;
use crate::mode::Mode;
use crate::sessions::Sessions;
use crate::shared::Shared;
use crate::table::RouteTable;
use crate::webhook_task;

pub use self::builder::SessionAuthLayerBuilder;

/// Enforces the access class of each route.
///
/// 1. On this crate's [`Router`](crate::Router), [`protect`](SessionAuthLayer::protect) asks the
///    audited router whose handler answers each route, and puts a guard around each.
/// 2. By a bare `.layer(auth)` inside an [`axum::Router`]: the class is looked up by the pattern that
///    axum matched and the method, among all declarations linked into the program. Whatever is not
///    among them needs a session, and so does what cannot be told apart from a handler there: axum's
///    own 404 and 405, a CORS preflight, a nested service beside a fallback.
/// 3. Around any other service of HTTP requests, the declared patterns are matched with the path by
///    axum's own matcher: the strictest of all that match holds, and paths that can be read in two ways
///    are refused with 400. An axum router that stands inside as a whole, by `auth.layer(router)` in place
///    of `router.layer(auth)`, is such a service: `/users/me` is as strict as `/users/{id}`, since either
///    pattern may be another router's.
///
/// A denial gives its reason and its route to the span of the request, in the fields `error.type` and
/// `http.route`, where the span has them (`tracing::field::Empty`): OpenTelemetry's names.
///
/// With a bare `.layer(auth)`, mind what axum does: a route added **after** the call is not behind
/// the layer, and nothing can see that from inside. `protect` takes the router as a whole and gives
/// no way to add to it.
///
/// ```standalone_crate
/// use axum::routing::get;
/// use session_auth::{Keys, Session, SessionAuthLayer, session_route};
///
/// #[session_route(GET, "/api/me")]
/// async fn me(session: Session) -> String {
///     session.subject().to_owned()
/// }
///
/// let auth = SessionAuthLayer::builder(Keys::random()?).build()?;
/// let app: axum::Router = axum::Router::new().route("/api/me", get(me)).layer(auth);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing until it is around a service"]
pub struct SessionAuthLayer {
    shared: Arc<Shared>,
}

impl SessionAuthLayer {
    /// A layer whose sessions are signed with these keys.
    pub fn builder(keys: Keys) -> SessionAuthLayerBuilder {
        SessionAuthLayerBuilder::new(Some(keys))
    }

    /// A layer for a service that has no sessions of this library's: its callers are proved by
    /// [authenticators](crate::authenticate) alone.
    ///
    /// Each session route then has to name one, in `by`. A route that has none or `session` there, or
    /// says `issues_session`, stops the start.
    pub fn builder_without_sessions() -> SessionAuthLayerBuilder {
        SessionAuthLayerBuilder::new(None)
    }

    /// Manages sessions outside of a request: in a test, a job, or a handler that ends those of somebody else.
    /// Where a handler logs its caller in or out, take [`Sessions`] as an extractor. This one does not know which
    /// sessions the browser has, so that a slow answer may bring them back; and a public route that does not say
    /// `issues_session` lets pages of other origins log people in. A layer that was built
    /// [without sessions](Self::builder_without_sessions) issues none: that is an error then.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        self.shared.sessions.clone()
    }

    /// What became of the requests to each route, unclassified ones last.
    #[must_use]
    pub fn activity(&self) -> Vec<RouteActivity> {
        let now = self.shared.now().unwrap_or_default();
        let all = self.shared.endpoints();
        all.iter().map(|endpoint| endpoint.activity(now)).collect()
    }

    /// How many requests went to routes that nobody declared, denied or not. What axum answers with
    /// its own 404 or 405 is not among them.
    #[must_use]
    pub fn unclassified(&self) -> u64 {
        let protected: u64 = self
            .shared
            .adopted()
            .iter()
            .map(|endpoint| endpoint.counters.all_unclassified())
            .sum();
        protected
            + self
                .shared
                .table
                .get()
                .map_or(0, |table| table.unclassified_requests())
    }

    /// Whether the layer enforces or only observes.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.shared.mode
    }

    /// The table of everything declared in the program.
    fn table(&self) -> Result<Arc<RouteTable>, BuildError> {
        if let Some(table) = self.shared.table.get() {
            return Ok(Arc::clone(table));
        }
        let mut table = RouteTable::default();
        let mut problems = Vec::new();
        for declaration in distinct(&mut problems) {
            if declaration
                .until
                .is_some_and(|last| last < self.shared.today())
            {
                problems.push(Problem::ExpiredExemption {
                    declaration: declaration.clone(),
                });
            }
            let declared = DeclarationRef::Static(declaration);
            let endpoint = self.shared.endpoint(&declared, &mut problems);
            let endpoint = Endpoint {
                handler: Some(declared),
                ..endpoint
            };
            if let Err(conflict) = table.insert(Arc::new(endpoint)) {
                problems.push(Problem::OverlappingPaths {
                    declaration: declaration.clone(),
                    with: conflict.with,
                });
            }
        }
        BuildError::unless_empty(problems)?;
        Ok(Arc::clone(
            self.shared.table.get_or_init(|| Arc::new(table)),
        ))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// What a bare layer has to tell apart: of two declarations of one method and path, it cannot know
/// which one answers.
fn distinct(problems: &mut Vec<Problem>) -> Vec<&'static Declaration> {
    let mut kept: Vec<&'static Declaration> = Vec::new();
    let mut by_path: HashMap<&'static str, Vec<&'static Declaration>> = HashMap::new();
    for declaration in declarations() {
        let target = declaration.target();
        let mut is_new = true;
        for path in target.paths() {
            let same_path = by_path.entry(path).or_default();
            for first in &*same_path {
                let overlap = match (first.target(), target) {
                    (
                        Target::Route { methods, .. },
                        Target::Route {
                            methods: others, ..
                        },
                    ) => !methods.overlap(*others).is_empty(),
                    (Target::Subtree { .. }, Target::Subtree { .. }) => true,
                    // The strictest of all fallbacks holds.
                    _ => false,
                };
                if overlap && first.differences(declaration).is_empty() {
                    is_new = false;
                } else if overlap {
                    problems.push(Problem::Conflict {
                        first: (*first).clone(),
                        second: declaration.clone(),
                    });
                    is_new = false;
                }
            }
            same_path.push(declaration);
        }
        if is_new {
            kept.push(declaration);
        }
    }
    kept
}

impl fmt::Debug for SessionAuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionAuthLayer")
            .field("keys", &self.shared.policy.keys)
            .field("cookie", &self.shared.policy.cookie)
            .field("idle_timeout", &self.shared.policy.idle_timeout)
            .field("absolute_timeout", &self.shared.policy.absolute_timeout)
            .field("mode", &self.shared.mode)
            .field("verifiers", &self.shared.verifiers.keys())
            .field("authenticators", &self.shared.authenticators.keys())
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for SessionAuthLayer {
    type Service = SessionAuth<S>;

    /// Puts the guard around a service.
    ///
    /// # Panics
    ///
    /// Where [`SessionAuthLayer::protect`] would return an error, with the same text: a service
    /// must not start with a webhook that nothing verifies, and `Layer` has no way to return one.
    fn layer(&self, inner: S) -> SessionAuth<S> {
        match self.table() {
            Ok(table) => {
                webhook_task::start(&self.shared);
                SessionAuth::new(inner, Arc::clone(&self.shared), table)
            }
            Err(error) => panic!("session-auth cannot protect this service: {error}"),
        }
    }
}
