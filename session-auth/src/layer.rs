//! The layer: its builder, and what all services made from it share.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tower_layer::Layer;

use crate::access::{Declaration, DeclarationRef, Target, Verify};
use crate::activity::{Endpoint, RouteActivity};
use crate::authenticate::{Authenticate, Registered};
use crate::by;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::cookie::{CookieTemplate, DEFAULT_NAME, INSECURE_NAME, SameSite};
use crate::csrf::CrossOrigin;
use crate::declared::declarations;
use crate::ended::{self, Watch};
use crate::error::{BuildError, Problem};
use crate::keys::Keys;
use crate::known_ended::KnownEnded;
use crate::login::LoginPage;
use crate::mode::{MODE_VARIABLE, Mode};
use crate::policy::SessionPolicy;
use crate::service::SessionAuth;
use crate::sessions::Sessions;
use crate::shared::{REPLAY_TIMEOUT, Replays, Shared, Unclassified};
use crate::silence::{self, Ping, Pinger, Silence};
use crate::store::ReplayStore;
use crate::store::{GuardedStore, MAX_LISTED};
use crate::table::RouteTable;
use crate::trail::AuditSink;
use crate::webhook::Verifier;
use crate::webhook::replay::ReplayWindow;
use crate::webhook_task;

/// How long a session lasts without being used.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a session lasts at the most.
const DEFAULT_ABSOLUTE_TIMEOUT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How many sessions a subject may have in the store.
const DEFAULT_MAX_SESSIONS: u32 = 100;
/// For how long the id of before a renewal is still good.
const DEFAULT_RENEWAL_GRACE: Duration = Duration::from_secs(10);
/// How long an authenticator may take that has to wait.
const DEFAULT_AUTHENTICATOR_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest accepted body of a webhook, in bytes.
const DEFAULT_MAX_BODY: usize = 1024 * 1024;
/// How long the body of a webhook may take.
const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(30);

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

    /// Starts sessions outside of a request: in a test, or in a handler that gets it as state. One that
    /// was built [without sessions](Self::builder_without_sessions) issues none: that is an error then.
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

/// Builds a [`SessionAuthLayer`].
#[must_use = "call `build` to get the layer"]
pub struct SessionAuthLayerBuilder {
    /// None for a layer without sessions.
    keys: Option<Keys>,
    cookie_name: Option<String>,
    audience: Option<String>,
    same_site: SameSite,
    clock: Arc<dyn Clock>,
    idle_timeout: Duration,
    absolute_timeout: Duration,
    max_body: usize,
    body_timeout: Duration,
    verifiers: BTreeMap<String, Arc<dyn Verifier>>,
    replays: Replays,
    authenticators: BTreeMap<Arc<str>, Arc<Registered>>,
    authenticator_timeout: Duration,
    problems: Vec<Problem>,
    mode: Option<Mode>,
    unclassified: Unclassified,
    trusted_origins: Vec<String>,
    login_path: Option<String>,
    insecure_http: bool,
    bearer: bool,
    store: Option<Arc<dyn crate::store::ErasedStore>>,
    store_timeout: Duration,
    store_breaker: (u32, Duration),
    max_sessions: u32,
    renewal_grace: Duration,
    stream_lag: Duration,
    silence_grace: Duration,
    pinger: Option<Pinger>,
    lock: Option<String>,
    audit: Option<Arc<dyn AuditSink>>,
}

impl SessionAuthLayerBuilder {
    fn new(keys: Option<Keys>) -> Self {
        Self {
            keys,
            cookie_name: None,
            audience: None,
            same_site: SameSite::default(),
            clock: Arc::new(SystemClock),
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            absolute_timeout: DEFAULT_ABSOLUTE_TIMEOUT,
            max_body: DEFAULT_MAX_BODY,
            body_timeout: DEFAULT_BODY_TIMEOUT,
            verifiers: BTreeMap::new(),
            replays: Replays::default(),
            authenticators: BTreeMap::new(),
            authenticator_timeout: DEFAULT_AUTHENTICATOR_TIMEOUT,
            problems: Vec::new(),
            mode: None,
            unclassified: Unclassified::default(),
            trusted_origins: Vec::new(),
            login_path: None,
            insecure_http: false,
            bearer: false,
            store: None,
            store_timeout: crate::store::DEFAULT_TIMEOUT,
            store_breaker: crate::store::DEFAULT_BREAKER,
            max_sessions: DEFAULT_MAX_SESSIONS,
            renewal_grace: DEFAULT_RENEWAL_GRACE,
            stream_lag: ended::DEFAULT_LAG,
            silence_grace: silence::DEFAULT_GRACE,
            pinger: None,
            lock: None,
            audit: None,
        }
    }

    /// Adds what proves callers of routes with `by = "name"`: see [`authenticate`](crate::authenticate).
    /// The name `session` is taken: it stands for sessions of this library.
    pub fn authenticator(mut self, name: impl Into<String>, by: impl Authenticate) -> Self {
        let name = name.into();
        let unusable = |name: &str, error: Box<dyn std::error::Error + Send + Sync>| {
            let name = name.to_owned();
            Problem::UnusableAuthenticator { name, error }
        };
        if let Err(error) = by.check() {
            self.problems.push(unusable(&name, Box::new(error)));
        }
        if let Some(what) = by::mistake_of_name(&name) {
            let error = format!("its name {what}");
            self.problems.push(unusable(&name, error.into()));
        }
        if name == by::SESSION {
            let error = "the name stands for sessions of this library: choose another";
            self.problems.push(unusable(&name, error.into()));
            return self;
        }
        let name = Arc::<str>::from(name);
        match self.authenticators.entry(Arc::clone(&name)) {
            Entry::Occupied(_) => {
                let name = name.to_string();
                self.problems.push(Problem::DuplicateAuthenticator { name });
            }
            Entry::Vacant(entry) => {
                entry.insert(Arc::new(Registered::new(name, by)));
            }
        }
        self
    }

    /// Sets how long an authenticator may wait for what it needs to know, before the request gets a 503.
    /// The default is 2 seconds.
    ///
    /// One that blocks its thread, in place of waiting, cannot be ended.
    pub fn authenticator_timeout(mut self, timeout: Duration) -> Self {
        self.authenticator_timeout = timeout;
        self
    }

    /// Adds the verifier for webhooks with `verify = "name"`. The name `handler` is taken: it stands
    /// for handlers that authenticate the caller themselves.
    pub fn verifier(mut self, name: impl Into<String>, verifier: impl Verifier) -> Self {
        let name = name.into();
        if let Err(error) = verifier.check() {
            let error = Box::new(error);
            self.problems.push(Problem::UnusableVerifier {
                name: name.clone(),
                error,
            });
        }
        if name == Verify::HANDLER {
            let error = "the name stands for a handler that is its own verifier: choose another";
            self.problems.push(Problem::UnusableVerifier {
                name,
                error: error.into(),
            });
            return self;
        }
        match self.verifiers.entry(name) {
            Entry::Occupied(entry) => {
                let name = entry.key().clone();
                self.problems.push(Problem::DuplicateVerifier { name });
            }
            Entry::Vacant(entry) => {
                entry.insert(Arc::new(verifier));
            }
        }
        self
    }

    /// Has every delivery of a webhook handled once, and remembered for so long: for longer than its
    /// sender tries again. A delivery that comes again gets a 200 and no handler; one that is being
    /// handled, by whatever process, gets a 503, so that it comes later.
    ///
    /// A handler that answers with a 4xx or 5xx, panics or is given up gives the delivery back: what the
    /// sender sends again is handled. A delivery is known by its id within its route and verifier; by
    /// its body where its sender names none. `GET` and the other safe methods deliver nothing, and what
    /// has neither id nor body is not known again: these are handled as often as they come.
    ///
    /// The store is one of the stores of sessions for services of several processes, which then handle a
    /// delivery once among them, or [`MemoryReplays`](crate::store::MemoryReplays).
    ///
    /// By default there is one in this process alone, of 24 hours, for webhooks whose proof binds the
    /// sender alone ([`Binds::Sender`](crate::webhook::Binds::Sender)) and whose deliveries have an id; a
    /// warning at the start names them. See also [`replay_exempt`](Self::replay_exempt).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use session_auth::store::MemoryReplays;
    /// use session_auth::webhook::BasicAuth;
    /// # let keys = session_auth::Keys::random()?;
    /// let auth = session_auth::SessionAuthLayer::builder(keys)
    ///     .verifier("postmark", BasicAuth::postmark("postmark", "password"))
    ///     .replay_window(MemoryReplays::new(), Duration::from_secs(24 * 3600))
    ///     .build()?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn replay_window(mut self, store: impl ReplayStore, remember: Duration) -> Self {
        if remember.as_secs() == 0 {
            let message =
                "the replay_window remembers deliveries for less than a second: make it longer";
            self.problems.push(Problem::InvalidTimeout { message });
        }
        let timeout = REPLAY_TIMEOUT;
        self.replays.window = Some(ReplayWindow::new(store, remember, timeout));
        self
    }

    /// Lets deliveries of this verifier be handled as often as they come, for this reason: the handler
    /// does the same however often it runs, say.
    pub fn replay_exempt(mut self, verifier: impl Into<String>, reason: impl Into<String>) -> Self {
        let (verifier, reason) = (verifier.into(), reason.into());
        if reason.trim().is_empty() {
            self.problems.push(Problem::InvalidSetting {
                setting: "replay_exempt",
                message: format!("the reason for {verifier:?} is blank: say why it does no harm"),
            });
        }
        self.replays.exempt.insert(verifier, reason);
        self
    }

    /// Sets the name of the session cookie. The default is `__Host-session`, whose prefix makes
    /// browsers insist on the attributes that keep it safe.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = Some(name.into());
        self
    }

    /// Sets for whom sessions are issued. The default is the cookie's name.
    ///
    /// A layer takes sessions of its own audience alone. Two layers with the same keys, one for
    /// customers and one for staff, have cookies of different names, and so a customer's value under
    /// the staff's name is refused: `bad_signature`. Services with the same keys **and** the same
    /// cookie name take each other's sessions: that is how several processes serve one
    /// site. Give each an audience where they are services apart; and give layers one audience
    /// where a session is to go with the user from one cookie name to another.
    ///
    /// It is no secret, and is not in the cookie. A store knows nothing of it: layers that share a
    /// store share its subjects, so that `revoke_all("7")` ends the sessions of the customer and of
    /// the member of staff who are both number 7. Give each a store of its own, or subjects that
    /// differ.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Sets when browsers send the cookie from other sites. The default is [`SameSite::Lax`].
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Sets how long a session lasts without being used; each use starts the time anew. Counted in
    /// whole seconds. The default is 24 hours.
    ///
    /// It ends up to a tenth of that later, and never earlier: within a tenth of the time a use brings
    /// no new cookie, so that a busy client is not sent one with each response.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets how long a session lasts however much it is used. Counted in whole seconds. The default
    /// is 30 days.
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = timeout;
        self
    }

    /// Sets the largest accepted body of a webhook in bytes, for those without a `max_body` of their
    /// own. The default is 1 MiB. The handler's extractors read as much, whatever axum's own limit is.
    pub fn max_webhook_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets how long the body of a webhook may take to arrive, from the first wait for it to its end.
    /// A slower sender gets a 408, and its connection is closed. The default is 30 seconds.
    pub fn webhook_body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// Lets pages of this origin use sessions to change something, start them and open WebSockets,
    /// besides those of the service's own: `https://admin.example.com`, `capacitor://localhost`. By
    /// default requests with an unsafe method, and WebSockets, from any other origin are denied on
    /// session routes, and logins on routes with `issues_session`, sibling domains included.
    /// `cross_origin` on a route is the exception for that one.
    ///
    /// Where they come from is told by `Sec-Fetch-Site` and `Origin`, so a proxy in front has to
    /// pass these on, and `Host` as the browser sent it.
    ///
    /// An origin is a scheme, a host and a port where it is not the scheme's default; it is taken in
    /// upper case too. Anything else ([`build`](Self::build) says what) would match no browser's, and is
    /// an error.
    pub fn trusted_origin(mut self, origin: impl Into<String>) -> Self {
        self.trusted_origins.push(origin.into());
        self
    }

    /// Sends people who open a page without a session to this path, with 303 and the page they
    /// wanted in the parameter `next` (read it as a [`LocalPath`](crate::LocalPath)). Scripts and
    /// API clients still get a 401. By default everyone does.
    pub fn login_path(mut self, path: impl Into<String>) -> Self {
        self.login_path = Some(path.into());
        self
    }

    /// Sets the mode. The default is what `SESSION_AUTH_MODE` says, and [`Mode::Enforce`] where
    /// that is unset.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Sets what [`protect`](SessionAuthLayer::protect) does with routes that nobody declared. The
    /// default is to refuse the start.
    pub fn unclassified(mut self, unclassified: Unclassified) -> Self {
        self.unclassified = unclassified;
        self
    }

    /// Makes sessions work over plain http, on an address other than `localhost`: the cookie is
    /// named `session`, and has no `Secure`. **For development alone**, and said so in the log:
    /// whoever is on the network path can read and take over sessions.
    ///
    /// On `localhost` browsers take the cookie over http without this.
    pub fn insecure_http(mut self, insecure: bool) -> Self {
        self.insecure_http = insecure;
        self
    }

    /// Takes the session from `Authorization: Bearer` as well, for clients that keep no cookies: apps
    /// and programs. By default nothing reads that header.
    ///
    /// A handler gives the token out, by
    /// [`IssuedSession::bearer_token`](crate::IssuedSession::bearer_token). It is checked as the
    /// cookie is: by signature, deadlines, scope and store. It is not asked where a request comes from, since no
    /// browser sends the header by itself. A request with the header never uses the cookie; with both it
    /// is refused as `malformed`.
    ///
    /// Such a session does not slide, as nothing is written back: give it a
    /// [`lifetime`](crate::IssueSession::lifetime), or a route that
    /// [renews](crate::Sessions::renew) it. For the same reason it ends with the key that signed it.
    pub fn bearer_tokens(mut self, accept: bool) -> Self {
        self.bearer = accept;
        self
    }

    /// Keeps sessions in a store, so that they can be listed and ended. The default is none: then a
    /// session is its cookie.
    ///
    /// Sessions that were issued without the store are not in it, and are refused as revoked.
    pub fn store(mut self, store: impl crate::store::SessionStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets how long the store may take to answer before the request gets a 503. The default is
    /// 250 milliseconds.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Sets when the circuit breaker opens, and for how long: when so many more questions to the store
    /// have failed than were answered since, none is asked for `pause`, and then one, to find out.
    /// The default is 8, and one second.
    ///
    /// What concerns one session or subject alone does not count: a row that cannot be read, a text
    /// that the store refuses, a list or a login that takes too long.
    pub fn store_breaker(mut self, failures: u32, pause: Duration) -> Self {
        self.store_breaker = (failures, pause);
        self
    }

    /// Sets how many sessions a subject may have in the store: 1 to 1,000. With one more, the one that
    /// was not used for the longest time ends. The default is 100.
    pub fn max_sessions(mut self, sessions: u32) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// Sets for how long the id that a session had before [`renew`](Sessions::renew) is still good, for
    /// requests that are under way. Counted in whole seconds; zero is for none. The default is 10
    /// seconds.
    pub fn renewal_grace(mut self, grace: Duration) -> Self {
        self.renewal_grace = grace;
        self
    }

    /// Sets how late [`Session::ended`](crate::Session::ended) may be. The default is 2 seconds.
    pub fn stream_lag(mut self, lag: Duration) -> Self {
        self.stream_lag = lag;
        self
    }

    /// Sets how much longer than `expect_every` a webhook may be silent before it rings, and how long a
    /// process that has just started waits: see [`silence`]. Counted in whole seconds.
    /// The default is 5 minutes.
    pub fn silence_grace(mut self, grace: Duration) -> Self {
        self.silence_grace = grace;
        self
    }

    /// Tells this sink what happens: see [`trail`](crate::trail). The default is none.
    pub fn audit(mut self, sink: impl AuditSink) -> Self {
        self.audit = Some(Arc::new(sink));
        self
    }

    /// Names the route lock that the service was built with, by `include_str!("../routes.lock")`: its
    /// SHA-256 is in the listing and in the metrics, so that one sees which review is running.
    pub fn lock(mut self, text: impl AsRef<[u8]>) -> Self {
        let digest = Sha256::digest(text.as_ref());
        self.lock = Some(digest.iter().map(|byte| format!("{byte:02x}")).collect());
        self
    }

    /// Pings a service elsewhere every so often while nothing rings, so that it rings when this process
    /// is dead. By healthchecks' protocol: a request to the
    /// URL, and one to `URL/fail` when something begins to ring. `send` sends it, by whatever client
    /// the service has; within ten seconds. Pings are sent every 15 seconds at most.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use session_auth::silence::Ping;
    /// use session_auth::{Keys, SessionAuthLayer};
    ///
    /// # async fn post(url: String, body: String) -> Result<(), std::io::Error> { Ok(()) }
    /// let auth = SessionAuthLayer::builder(Keys::random()?)
    ///     .ping("https://ping.example.com/your-uuid", Duration::from_secs(60), |ping: Ping| {
    ///         post(ping.url, ping.body) // by reqwest, say: client.post(url).body(body).send()
    ///     })
    ///     .build()?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn ping<F, R, E>(mut self, url: impl Into<String>, every: Duration, send: F) -> Self
    where
        F: Fn(Ping) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.pinger = Some(Pinger::new(url.into(), every, send));
        self
    }

    /// Sets the clock. The default is the operating system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Every problem at once: a name that a cookie cannot have, an empty audience, a timeout of less
    /// than a second or an idle timeout longer than the absolute one, a `store_breaker` or
    /// `max_sessions` out of its range, two verifiers or authenticators of one name, one that can accept
    /// nothing, a `SESSION_AUTH_MODE` that is no mode, an origin, a login path or the URL of a ping that is none.
    pub fn build(self) -> Result<SessionAuthLayer, BuildError> {
        let Self { mut problems, .. } = self;
        if self.idle_timeout.as_secs() == 0 || self.absolute_timeout.as_secs() == 0 {
            let message = "a session must last a second at least: set a longer idle_timeout and \
                           absolute_timeout";
            problems.push(Problem::InvalidTimeout { message });
        }
        if self.idle_timeout > self.absolute_timeout {
            let message = "the idle_timeout is longer than the absolute_timeout, so it would never \
                           end a session: make it shorter";
            problems.push(Problem::InvalidTimeout { message });
        }
        if self.stream_lag.is_zero() {
            let message = "the stream_lag is zero, so streams would be looked after without a pause: \
                           make it longer";
            problems.push(Problem::InvalidTimeout { message });
        }
        if self.store_timeout.is_zero() {
            let message = "the store_timeout is zero, so no store could answer in time: make it \
                           longer";
            problems.push(Problem::InvalidTimeout { message });
        }
        if self.body_timeout.is_zero() {
            let message = "the webhook_body_timeout is zero, so no body could arrive in time: make \
                           it longer";
            problems.push(Problem::InvalidTimeout { message });
        }
        if self.authenticator_timeout.is_zero() {
            let message = "the authenticator_timeout is zero, so nothing could be waited for: make \
                           it longer";
            problems.push(Problem::InvalidTimeout { message });
        }
        let has_sessions = self.keys.is_some();
        if !has_sessions && (self.store.is_some() || self.bearer) {
            let setting = if self.bearer {
                "bearer_tokens"
            } else {
                "store"
            };
            let message = "the layer was built without sessions: build it with keys, by \
                           `SessionAuthLayer::builder(keys)`, or leave this out"
                .to_owned();
            problems.push(Problem::InvalidSetting { setting, message });
        }
        // A layer without sessions has keys that nobody knows, so that no value verifies.
        let keys = self.keys.map_or_else(Keys::random, Ok);
        let keys = keep(&mut problems, "builder_without_sessions", keys);
        if self.store_breaker.0 == 0 {
            let message =
                "a store_breaker of 0 failures would never ask the store: set 1 or more".to_owned();
            let setting = "store_breaker";
            problems.push(Problem::InvalidSetting { setting, message });
        }
        if !(1..=MAX_LISTED).contains(&self.max_sessions) {
            let message = format!(
                "a subject cannot have {} sessions at the most: set 1 to {MAX_LISTED}",
                self.max_sessions
            );
            let setting = "max_sessions";
            problems.push(Problem::InvalidSetting { setting, message });
        }
        if let Some(message) = self.pinger.as_ref().and_then(Pinger::mistake) {
            let (setting, message) = ("ping", message.to_owned());
            problems.push(Problem::InvalidSetting { setting, message });
        }
        for verifier in self.replays.exempt.keys() {
            if !self.verifiers.contains_key(verifier) {
                problems.push(Problem::InvalidSetting {
                    setting: "replay_exempt",
                    message: format!("there is no verifier {verifier:?}: name one of the layer's"),
                });
            }
        }
        let mode = Mode::resolve(self.mode, std::env::var(MODE_VARIABLE));
        let mode = keep(&mut problems, MODE_VARIABLE, mode);
        let cross_origin = CrossOrigin::new(&self.trusted_origins);
        let cross_origin = keep(&mut problems, "trusted_origin", cross_origin);
        let login = self.login_path.as_deref().map(LoginPage::new).transpose();
        let login = keep(&mut problems, "login_path", login);
        let cookie = keep(
            &mut problems,
            "cookie_name",
            cookie(self.cookie_name, self.same_site, self.insecure_http),
        );
        if self
            .audience
            .as_deref()
            .is_some_and(|it| it.trim().is_empty())
        {
            problems.push(Problem::InvalidSetting {
                setting: "audience",
                message: "it is empty: name whom the sessions are for, or leave it out".to_owned(),
            });
        }
        let (Some(mode), Some(cross_origin), Some(login), Some(cookie), Some(keys)) =
            (mode, cross_origin, login, cookie, keys)
        else {
            return Err(BuildError::unless_empty(problems).expect_err("it was just added to"));
        };
        BuildError::unless_empty(problems)?;
        if mode == Mode::Observe {
            tracing::warn!(
                target: "session_auth",
                "mode `observe`: NOTHING IS PROTECTED. Requests that would be denied are counted, \
                 logged and let through. Set {MODE_VARIABLE}=enforce to protect the service"
            );
        }
        if self.insecure_http {
            tracing::warn!(
                target: "session_auth",
                "insecure_http: the session cookie goes over plain http, where anyone on the way \
                 can take it. Never run a real service like this"
            );
        }
        let audience = self.audience.as_deref().unwrap_or(cookie.name());
        let started = Timestamp::of(&self.clock);
        let policy = Arc::new(SessionPolicy {
            keys: keys.for_audience(audience),
            has_sessions,
            cookie,
            bearer: self.bearer,
            clock: self.clock,
            idle_timeout: self.idle_timeout,
            absolute_timeout: self.absolute_timeout,
            store: self
                .store
                .map(|store| GuardedStore::new(store, self.store_timeout, self.store_breaker))
                .map(Arc::new),
            max_sessions: self.max_sessions,
            renewal_grace: self.renewal_grace,
            watch: Watch::new(self.stream_lag),
            ended: KnownEnded::default(),
            audit: self.audit,
        });
        Ok(SessionAuthLayer {
            shared: Arc::new(Shared {
                sessions: Sessions::new(Arc::clone(&policy)),
                policy,
                max_body: self.max_body,
                body_timeout: self.body_timeout,
                mode,
                cross_origin,
                login,
                verifiers: self.verifiers,
                replays: self.replays,
                reserving: self
                    .authenticators
                    .values()
                    .filter(|authenticator| authenticator.has_reserved_headers())
                    .cloned()
                    .collect(),
                authenticators: self.authenticators,
                authenticator_timeout: self.authenticator_timeout,
                unclassified: self.unclassified,
                lock: self.lock,
                silence: Silence::new(self.silence_grace, self.pinger, started),
                table: OnceLock::new(),
                adopted: Mutex::default(),
            }),
        })
    }
}

/// Keeps what is right, and notes what is wrong.
fn keep<T, E: fmt::Display>(
    problems: &mut Vec<Problem>,
    setting: &'static str,
    result: Result<T, E>,
) -> Option<T> {
    let note = |error: E| {
        problems.push(Problem::InvalidSetting {
            setting,
            message: error.to_string(),
        });
    };
    result.map_err(note).ok()
}

/// The cookie by its settings. A name with a prefix that asks for `Secure` cannot go without it.
fn cookie(
    name: Option<String>,
    same_site: SameSite,
    insecure_http: bool,
) -> Result<CookieTemplate, String> {
    let default = if insecure_http {
        INSECURE_NAME
    } else {
        DEFAULT_NAME
    };
    let name = name.as_deref().unwrap_or(default);
    let prefix = ["__host-", "__secure-"]
        .into_iter()
        .find(|prefix| name.to_ascii_lowercase().starts_with(prefix));
    if insecure_http && same_site == SameSite::None {
        return Err(
            "with insecure_http, browsers refuse a cookie with SameSite=None: it has to be `Secure`. \
             Leave out same_site, or insecure_http"
                .to_owned(),
        );
    }
    if let (Some(_), true) = (prefix, insecure_http) {
        return Err(format!(
            "with insecure_http, browsers refuse a cookie named {name:?}: that prefix asks for \
             https. Leave the name out, or insecure_http"
        ));
    }
    let cookie = CookieTemplate::new(name, same_site).map_err(|invalid| invalid.to_string())?;
    Ok(if insecure_http {
        cookie.insecure()
    } else {
        cookie
    })
}

impl fmt::Debug for SessionAuthLayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionAuthLayerBuilder")
            .field("keys", &self.keys)
            .field("cookie_name", &self.cookie_name)
            .field("verifiers", &self.verifiers.keys())
            .field("authenticators", &self.authenticators.keys())
            .finish_non_exhaustive()
    }
}
