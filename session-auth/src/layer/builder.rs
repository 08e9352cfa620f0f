//! The builder: what a service sets, before anything of it is checked together.

mod build;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::access::Verify;
use crate::authenticate::{Authenticate, Registered};
use crate::by;
use crate::clock::{Clock, SystemClock};
use crate::cookie::SameSite;
use crate::ended::{self};
use crate::error::Problem;
use crate::keys::Keys;
use crate::mode::Mode;
use crate::shared::{REPLAY_TIMEOUT, Replays, Unclassified};
use crate::silence::{self, Ping, Pinger};
use crate::store::ReplayStore;
use crate::trail::AuditSink;
use crate::webhook::Verifier;
use crate::webhook::replay::ReplayWindow;

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
/// How long the body of a webhook may take.
const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Builds a [`SessionAuthLayer`](crate::SessionAuthLayer).
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
    max_body: Option<usize>,
    body_timeout: Duration,
    verifiers: BTreeMap<String, Arc<dyn Verifier>>,
    authenticators: BTreeMap<Arc<str>, Arc<Registered>>,
    authenticator_timeout: Duration,
    replays: Replays,
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
    probe_keys: Option<Keys>,
    lock: Option<String>,
    audit: Option<Arc<dyn AuditSink>>,
}

impl SessionAuthLayerBuilder {
    pub(super) fn new(keys: Option<Keys>) -> Self {
        Self {
            keys,
            cookie_name: None,
            audience: None,
            same_site: SameSite::default(),
            clock: Arc::new(SystemClock),
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            absolute_timeout: DEFAULT_ABSOLUTE_TIMEOUT,
            max_body: None,
            body_timeout: DEFAULT_BODY_TIMEOUT,
            verifiers: BTreeMap::new(),
            authenticators: BTreeMap::new(),
            authenticator_timeout: DEFAULT_AUTHENTICATOR_TIMEOUT,
            replays: Replays::default(),
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
            probe_keys: None,
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
    /// no new cookie, so that a busy client is not sent one with each response. A use lasts until its
    /// answer goes out.
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
    /// own. The handler's extractors read as much, whatever axum's own limit is.
    ///
    /// The default is 1 MiB; where the handler checks the proof itself it is axum's own limit, of 2 MB
    /// or what a `DefaultBodyLimit` says.
    pub fn max_webhook_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// Sets how long the body of a webhook may take to arrive, from the first wait for it to its end.
    /// A slower sender gets a 408, and its connection is closed. The default is 30 seconds.
    ///
    /// Where the handler checks the proof itself, the body fails while that reads it: axum's extractors
    /// answer 400.
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

    /// Sets what [`protect`](crate::SessionAuthLayer::protect) does with routes that nobody declared. The
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

    /// Sets how many sessions a subject may have in the store: 1 to 1,000. With one more, one that is over
    /// ends, or else the one that was not used for the longest time; never the one just issued. The
    /// default is 100.
    pub fn max_sessions(mut self, sessions: u32) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// Sets for how long the id that a session had before [`renew`](crate::Sessions::renew) is still good, for
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

    /// Sets the ring whose [keys for probes](crate::probe) are accepted. The default is that of the
    /// session keys; a layer without sessions accepts none unless it is set.
    pub fn probe_keys(mut self, keys: Keys) -> Self {
        self.probe_keys = Some(keys);
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
