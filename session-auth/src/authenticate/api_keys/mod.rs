//! API keys: secrets of the service's own making, which programs send.

mod manage;
mod text;
mod warm;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderName, HeaderValue};
use subtle::ConstantTimeEq as _;

pub use self::manage::{ApiKeyError, IssuedApiKey, NewApiKey};
use self::text::{Digest, id_of};
use self::warm::{Known, Warm};
use super::{Authenticate, ConfigError, Proof, Refusal, RequestParts, Verdict};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::store::{ApiKey, ApiKeyStore, DEFAULT_TIMEOUT, GuardedApiKeys, Steady};
use crate::trail::{AuditEvent, AuditSink};

/// How exact `last_used` is: a write for each request would cost more than it tells.
const USED_EVERY: Duration = Duration::from_secs(60);
const DEFAULT_LAG: Duration = Duration::from_secs(5);
const DEFAULT_KEYS: usize = 10_000;

/// Callers with an API key that this service has issued, in `Authorization: Bearer` or a
/// [header](Self::header) of its own. Handlers take it as [`Identity<ApiKey>`](crate::Identity).
///
/// A key is `acme_live_`, 64 hexadecimal digits of 256 random bits, and 8 of a checksum.
///
/// - The **prefix** says whose key it is and of which environment: people see it, and so do programs that
///   look for secrets in sources (`acme_live_[0-9a-f]{72}`). A key with another prefix is refused, also
///   where both environments have one store: the prefix is part of what is hashed.
/// - A key that was mistyped or cut off has another **checksum**, and is refused without a question to the
///   store. Who wants to guess can work out checksums; they guess 256 bits.
/// - The **store** has the SHA-256 alone: no slow hash is needed for that many random bits.
/// - Keys are remembered for 5 seconds, 10,000 of them ([`remember`](Self::remember)): so long may a key
///   live on that another process has revoked. What this process revokes is over at once.
/// - A layer with a [sink](crate::SessionAuthLayerBuilder::audit) tells it which keys were issued, rotated and
///   revoked, whichever clone did it.
/// - While the store is down, keys that are remembered stay good, and others get a 503, as with sessions.
///
/// A clone is the same keys: one for the builder, one for the handlers that issue and revoke them.
///
/// # Example
///
/// ```
/// use axum::extract::State;
/// use session_auth::authenticate::{ApiKeyError, ApiKeys, NewApiKey};
/// use session_auth::store::{ApiKey, MemoryStore};
/// use session_auth::{Identity, Keys, Router, Session, SessionAuthLayer, audited_router, session_route};
///
/// #[session_route(GET, "/api/export", by = "api", scope = "export")]
/// async fn export(key: Identity<ApiKey>) -> String {
///     format!("for {}", key.subject)
/// }
///
/// #[session_route(POST, "/keys")]
/// async fn issue(State(keys): State<ApiKeys>, session: Session) -> Result<String, ApiKeyError> {
///     let new = NewApiKey::of(session.subject()).label("nightly export").scopes(["export"]);
///     Ok(keys.issue(new).await?.reveal().to_owned())
/// }
///
/// #[audited_router(keys = routes(ApiKeys::new("acme_test", MemoryStore::new())))]
/// fn routes(keys: ApiKeys) -> Router {
///     Router::new().mount(export).mount(issue).with_state(keys)
/// }
///
/// let keys = ApiKeys::new("acme_live", MemoryStore::new());
/// let auth = SessionAuthLayer::builder(Keys::random()?).authenticator("api", keys.clone()).build()?;
/// let app = auth.protect(routes(keys))?;
/// # let _ = app;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct ApiKeys {
    prefix: Arc<str>,
    header: Option<HeaderName>,
    store: Arc<GuardedApiKeys>,
    warm: Arc<Warm>,
    clock: Arc<dyn Clock>,
    /// By which keys that have ended are forgotten.
    steady: Arc<Steady>,
    told: Arc<Told>,
}

/// The sinks of the layers that have these keys.
#[derive(Default)]
struct Told(Mutex<Vec<Arc<dyn AuditSink>>>);

impl Told {
    fn add(&self, sink: &Arc<dyn AuditSink>) {
        let mut sinks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !sinks.iter().any(|known| Arc::ptr_eq(known, sink)) {
            sinks.push(Arc::clone(sink));
        }
    }

    fn tell(&self, at: Timestamp, event: &AuditEvent) {
        // Not while they are told: a sink is the service's own.
        let sinks = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for sink in sinks {
            sink.record(at, event.clone());
        }
    }
}

impl ApiKeys {
    /// Keys of this prefix, such as `acme_live`, kept in this store: one of those of sessions.
    pub fn new(prefix: impl Into<String>, store: impl ApiKeyStore) -> Self {
        Self {
            prefix: prefix.into().into(),
            header: None,
            store: Arc::new(GuardedApiKeys::new(Arc::new(store), DEFAULT_TIMEOUT)),
            warm: Arc::new(Warm::new(DEFAULT_LAG, DEFAULT_KEYS)),
            clock: Arc::new(SystemClock),
            steady: Arc::default(),
            told: Arc::default(),
        }
    }

    /// Takes the key from this header, such as `x-api-key`, and from no other. The default is
    /// `Authorization: Bearer`.
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = Some(name);
        self
    }

    /// Sets for how long a key is remembered, and how many are at the most: about 500 bytes each. So long
    /// may a key be used that another process has revoked. The default is 5 seconds and 10,000 keys; with a
    /// time of zero the store is asked for each request.
    pub fn remember(mut self, lag: Duration, keys: usize) -> Self {
        self.warm = Arc::new(Warm::new(lag, keys));
        self
    }

    /// Sets how long the store may take to answer before the request gets a 503. The default is
    /// 250 milliseconds.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store = Arc::new(self.store.with_timeout(timeout));
        self
    }

    /// Sets the clock that keys are issued and revoked by. The default is the operating system's. Requests
    /// are judged by the layer's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Whether it is good now, and if so, its proof.
    fn judge(&self, known: &Arc<Known>, now: Timestamp) -> Result<Proof<ApiKey>, Refusal> {
        let key = &known.key;
        if key.revoked.is_some() {
            return Err(Refusal::Revoked("the API key was revoked"));
        }
        if !key.is_live(now) {
            return Err(Refusal::Expired("the API key has ended"));
        }
        self.note_use(known, now);
        let proof = Proof::shared(Arc::clone(key)).shared_scopes(Arc::clone(&known.scopes));
        Ok(match key.expires.and_then(Timestamp::to_system_time) {
            Some(end) => proof.good_until(end),
            None => proof,
        })
    }

    /// Beside the request: that a key was used is nothing to refuse it for.
    fn note_use(&self, known: &Known, now: Timestamp) {
        if !known.is_first_to_note(now, USED_EVERY) {
            return;
        }
        let (store, id) = (Arc::clone(&self.store), known.key.id);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // An error is logged by the store's guard.
            runtime.spawn(async move { store.note(|store| store.use_key(id, now)).await });
        }
    }

    async fn look_up(&self, digest: Digest, now: Timestamp) -> Result<Proof<ApiKey>, Refusal> {
        let id = id_of(&digest);
        let ended = self.warm.ended(id);
        let found = self.store.ask(|store| store.find_key(id)).await;
        let found =
            found.map_err(|_| Refusal::Unavailable("the store of API keys did not answer"))?;
        // The id is half of it.
        let is_it = |key: &ApiKey| bool::from(key.digest.ct_eq(&digest));
        let key = found
            .filter(is_it)
            .ok_or(Refusal::BadSignature("there is no such API key"))?;
        self.judge(&self.warm.know(key, ended), now)
    }
}

impl Authenticate for ApiKeys {
    type Identity = ApiKey;

    fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<ApiKey> {
        let text = match &self.header {
            None => request.bearer(),
            Some(name) => request.header(name),
        };
        let digest = match text.and_then(|text| text::read(text, &self.prefix)) {
            Ok(digest) => digest,
            Err(refusal) => return refusal.into(),
        };
        let Ok(since) = request.now().duration_since(UNIX_EPOCH) else {
            return Refusal::Unavailable("the clock stands before 1970").into();
        };
        let now = Timestamp::from_secs(since.as_secs());
        if let Some(known) = self.warm.get(&digest) {
            return self.judge(&known, now).into();
        }
        let this = self.clone();
        Verdict::later(async move { this.look_up(digest, now).await })
    }

    /// That of a bearer token; `ApiKey` where the key has a header of its own, as a 401 has to name a
    /// scheme (RFC 9110, section 15.5.2) and there is none for such headers.
    fn challenge(&self, refusal: &Refusal) -> HeaderValue {
        HeaderValue::from_static(match (&self.header, refusal) {
            (Some(_), _) => "ApiKey",
            (None, Refusal::Missing) => "Bearer",
            (None, _) => r#"Bearer error="invalid_token""#,
        })
    }

    fn tell(&self, sink: &Arc<dyn AuditSink>) {
        self.told.add(sink);
    }

    fn check(&self) -> Result<(), ConfigError> {
        // Keys are issued seldom: from here on the clock has time to prove itself.
        if let Some(now) = Timestamp::of(&self.clock) {
            self.steady.past(now);
        }
        match text::mistake(&self.prefix) {
            Some(what) => Err(ConfigError::new(what)),
            None => Ok(()),
        }
    }
}

/// The prefix and no key.
impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys")
            .field("prefix", &self.prefix)
            .field("header", &self.header)
            .field("lag", &self.warm.lag())
            .finish_non_exhaustive()
    }
}
