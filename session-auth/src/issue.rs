//! Issuing a session.

use std::convert::Infallible;
use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, IntoResponseParts, ResponseParts};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::begun::Begun;
use crate::clock::Timestamp;
use crate::policy::{self, SessionPolicy};
use crate::response::Denial;
use crate::session::Session;
use crate::session_id::SessionId;
use crate::shared_cache::set_cookie;
use crate::store::{StoreError, StoredSession};
use crate::subject::{self, InvalidLabel, InvalidSubject};
use crate::token::{self, Contents, Lasts, MAX_COOKIE_LEN, SESSION_ID_LEN};
use crate::trail::AuditEvent;

/// A session about to be issued: made by [`Sessions::issue`] or [`Sessions::renew`], finished by
/// `.await`.
///
/// [`Sessions::issue`]: crate::Sessions::issue
/// [`Sessions::renew`]: crate::Sessions::renew
#[must_use = "no session is issued until this is awaited"]
pub struct IssueSession {
    policy: Arc<SessionPolicy>,
    subject: String,
    scopes: Vec<String>,
    claims: Result<Vec<u8>, serde_json::Error>,
    label: Option<String>,
    lifetime: Option<Duration>,
    idle_timeout: Option<Duration>,
    with_the_browser: bool,
    #[cfg(feature = "encrypt")]
    seal: bool,
    /// The session that this one takes the place of.
    renews: Option<Session>,
    /// When the login began, if that was before this.
    begun: Option<Begun>,
    /// Those that its cookie takes the place of in the browser.
    of_browser: Vec<SessionId>,
}

impl IssueSession {
    pub(crate) fn new(
        policy: Arc<SessionPolicy>,
        subject: String,
        of_browser: Vec<SessionId>,
    ) -> Self {
        Self::begun(policy, subject, None, of_browser)
    }

    pub(crate) fn begun(
        policy: Arc<SessionPolicy>,
        subject: String,
        begun: Option<Begun>,
        of_browser: Vec<SessionId>,
    ) -> Self {
        Self {
            policy,
            subject,
            scopes: Vec::new(),
            claims: Ok(Vec::new()),
            label: None,
            lifetime: None,
            idle_timeout: None,
            with_the_browser: false,
            #[cfg(feature = "encrypt")]
            seal: false,
            renews: None,
            begun,
            of_browser,
        }
    }

    pub(crate) fn renewing(
        policy: Arc<SessionPolicy>,
        session: &Session,
        of_browser: Vec<SessionId>,
    ) -> Self {
        Self {
            scopes: session.scopes().map(str::to_owned).collect(),
            claims: Ok(session.token().claims().to_vec()),
            with_the_browser: session.token().lasts().with_the_browser(),
            #[cfg(feature = "encrypt")]
            seal: session.token().is_sealed(),
            renews: Some(session.clone()),
            ..Self::new(policy, session.subject().to_owned(), of_browser)
        }
    }

    /// Adds a scope, for routes with `scope = ".."`.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Sets the scopes, in place of those that the session had: when one is renewed with less.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the claims: any type of serde's. They are signed, not secret: whoever has the cookie
    /// can read them.
    ///
    /// What cannot be serialized as JSON is an error when the session is issued.
    pub fn claims<T: Serialize + ?Sized>(mut self, claims: &T) -> Self {
        self.claims = serde_json::to_vec(claims);
        #[cfg(feature = "encrypt")]
        {
            self.seal = false;
        }
        self
    }

    /// Sets the claims like [`claims`](Self::claims), and seals them: only the service can read
    /// them. They are encrypted with XChaCha20-Poly1305, by a key of their own that is derived from
    /// the one that signs. Costs 40 bytes of the cookie.
    ///
    /// [`Session::claims`](crate::Session::claims) reads both kinds. Every process that shares the
    /// keys needs the feature `encrypt` before the first session is sealed: one without it refuses
    /// such a cookie as malformed.
    #[cfg(feature = "encrypt")]
    pub fn sealed_claims<T: Serialize + ?Sized>(self, claims: &T) -> Self {
        Self {
            seal: true,
            ..self.claims(claims)
        }
    }

    /// Sets what a person would know the session by in a list of their devices, such as
    /// `Firefox on Linux`: at most 256 bytes, without control characters. The store keeps it; without
    /// one it has no use. A renewed session keeps the label that it had, unless it gets another.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Makes the session last so long, used or not, in place of the layer's idle and absolute timeout:
    /// "remember me". Counted in whole seconds from the login, for a renewed session too; with less
    /// than a second left, issuing it is an error.
    ///
    /// For one that also ends when it is not used, set [`idle_timeout`](Self::idle_timeout) as well.
    /// Browsers keep a cookie for 400 days at the most (RFC 6265bis, section 5.5).
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Ends the session when it was not used for so long, in place of the layer's idle timeout.
    /// Counted in whole seconds; less than one is an error when the session is issued.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Lets the browser forget the session when it is closed: its cookie has no `Max-Age`. The
    /// deadlines hold all the same. A browser that restores its tabs at the next start restores such
    /// cookies, too.
    pub fn browser_session(mut self) -> Self {
        self.with_the_browser = true;
        self
    }

    /// Checks everything and makes the cookie. Nothing has happened when this fails.
    fn prepare(self) -> Result<Prepared, IssueError> {
        let Self {
            policy,
            subject,
            scopes,
            claims,
            label,
            lifetime,
            idle_timeout,
            with_the_browser,
            #[cfg(feature = "encrypt")]
            seal,
            renews,
            begun,
            of_browser,
        } = self;
        if !policy.has_sessions {
            return Err(IssueError(Kind::WithoutSessions));
        }
        subject::check(&subject)?;
        if let Some(scope) = scopes
            .iter()
            .find(|s| s.is_empty() || s.len() > u8::MAX.into())
        {
            return Err(IssueError(Kind::ScopeLength { found: scope.len() }));
        }
        if let Some(label) = &label {
            subject::check_label(label).map_err(|invalid| IssueError(Kind::Label(invalid)))?;
        }
        let claims = claims.map_err(|error| IssueError(Kind::Claims(error)))?;
        let now = Timestamp::of(&policy.clock).ok_or(IssueError(Kind::Clock))?;
        let id: [u8; SESSION_ID_LEN] = random()?;

        let issued = renews.as_ref().map_or(now, |old| old.token().issued());
        let absolute_deadline = match (lifetime, &renews) {
            (Some(lifetime), _) => issued.plus(lifetime),
            (None, Some(old)) => old.token().absolute_deadline(),
            (None, None) => issued.plus(policy.absolute_timeout),
        };
        let old = renews
            .as_ref()
            .and_then(|old| old.token().lasts().idle_timeout());
        if renews.is_some() && lifetime.is_none() && absolute_deadline <= now {
            return Err(IssueError(Kind::Over));
        }
        let own = idle_timeout.or(lifetime).or(old);
        let lasts = Lasts::new(own, with_the_browser);
        let idle_timeout = own.unwrap_or(policy.idle_timeout);
        if idle_timeout.as_secs() == 0 || absolute_deadline <= now {
            return Err(IssueError(Kind::Lifetime));
        }
        let idle_deadline = policy::idle_deadline(now, idle_timeout, absolute_deadline);
        let contents = Contents {
            id,
            issued,
            idle_deadline,
            absolute_deadline,
            lasts,
            subject: &subject,
            scopes: &scopes,
            claims: &claims,
            #[cfg(feature = "encrypt")]
            seal: if seal { Some(random()?) } else { None },
        };
        let too_large = |value_len: usize| {
            let found = policy.cookie.name().len() + 1 + value_len;
            IssueError(Kind::TooLarge { found })
        };
        let value =
            token::encode(&policy.keys, &contents).map_err(|error| too_large(error.encoded_len))?;
        if policy.cookie.name().len() + 1 + value.len() > MAX_COOKIE_LEN {
            return Err(too_large(value.len()));
        }
        let cookie = policy
            .cookie
            .set(&value, lasts.max_age(idle_deadline.since(now)))
            .ok_or_else(|| too_large(value.len()))?;
        Ok(Prepared {
            issued: IssuedSession {
                id: SessionId::from_bytes(id),
                subject: subject.clone(),
                cookie,
                of_browser,
                renews: renews.as_ref().map(Session::id),
                policy,
            },
            record: StoredSession {
                id: SessionId::from_bytes(id),
                subject,
                label,
                issued,
                last_seen: now,
                idle_deadline,
                absolute_deadline,
            },
            renews,
            begun,
            now,
        })
    }
}

fn random<const N: usize>() -> Result<[u8; N], IssueError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| IssueError(Kind::Random(error)))?;
    Ok(bytes)
}

/// A session that needs no more than to be stored.
struct Prepared {
    issued: IssuedSession,
    record: StoredSession,
    renews: Option<Session>,
    begun: Option<Begun>,
    now: Timestamp,
}

async fn save(policy: &SessionPolicy, prepared: Prepared) -> Result<IssuedSession, IssueError> {
    let Prepared {
        issued,
        mut record,
        renews,
        begun,
        now,
    } = prepared;
    let Some(store) = &policy.store else {
        return Ok(issued);
    };
    let is_login = renews.is_none();
    let stored = match renews {
        None => {
            let generation = match begun {
                Some(begun) => begun.generation(now).ok_or(IssueError(Kind::Revoked))?,
                // Before the insertion at least.
                None => {
                    store
                        .ask_of_one(|store| store.generation(&record.subject))
                        .await?
                }
            };
            store
                .ask_of_one(|store| store.insert(&record, generation))
                .await?
        }
        Some(old) => {
            if record.label.is_none() {
                let old = store.find(&record.subject, old.id()).await?;
                record.label = old.and_then(|old| old.label);
            }
            let until = now.plus(policy.renewal_grace);
            store
                .ask_of_one(|store| match policy.renewal_grace.is_zero() {
                    true => store.replace(old.id(), &record),
                    false => store.renew(old.id(), &record, until),
                })
                .await?
        }
    };
    if !stored {
        return Err(IssueError(Kind::Revoked));
    }
    let trimmed = store.ask_of_one(|store| {
        let most = policy.max_sessions;
        store.trim(&record.subject, record.id, most, now)
    });
    // A session that is renewed is no other one.
    if is_login && let Err(error) = trimmed.await {
        tracing::warn!(
            target: "session_auth",
            %error,
            "a subject may have more sessions than it should; this is tried again with the next"
        );
    }
    store.sweep(now, token::MAX_CLOCK_SKEW);
    Ok(issued)
}

impl IntoFuture for IssueSession {
    type Output = Result<IssuedSession, IssueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let prepared = self.prepare()?;
            // A renewed session is no other login.
            let subject = (prepared.renews.is_none() && policy.audit.is_some())
                .then(|| prepared.record.subject.clone());
            let issued = save(&policy, prepared).await?;
            if let Some(subject) = subject {
                policy.tell(|| AuditEvent::Login { subject });
            }
            Ok(issued)
        })
    }
}

impl fmt::Debug for IssueSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssueSession")
            .field("subject", &self.subject)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// A session that was issued. Return it from the handler: it sets the cookie.
#[must_use = "the session reaches the browser only as part of a response"]
#[derive(Clone)]
pub struct IssuedSession {
    id: SessionId,
    subject: String,
    cookie: HeaderValue,
    policy: Arc<SessionPolicy>,
    /// What is over in the browser that gets the cookie: the sessions that it had ..
    of_browser: Vec<SessionId>,
    /// .. and the one that this one goes on with.
    renews: Option<SessionId>,
}

impl IssuedSession {
    /// The id of the new session.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The session as a token for `Authorization: Bearer`, where the layer takes
    /// [`bearer_tokens`](crate::SessionAuthLayerBuilder::bearer_tokens): a secret. Give it to the client
    /// in the body of the answer, in the place of the session itself, or it would get a cookie as well.
    /// The answer is to be `Cache-Control: no-store`.
    #[must_use]
    pub fn bearer_token(&self) -> &str {
        // Neither has a `;` or another `=` in it: a token is base64url without padding.
        let cookie = self.cookie.to_str().unwrap_or_default();
        let pair = cookie.split(';').next().unwrap_or_default();
        pair.split_once('=').map_or("", |(_, token)| token)
    }

    /// The value of the `Set-Cookie` header: a secret, for tests and for responses that are not
    /// axum's. Such a response has to say `Cache-Control: private` or `no-store`, too.
    #[must_use]
    pub fn set_cookie(&self) -> &HeaderValue {
        self.replace();
        &self.cookie
    }

    /// From here on no answer that is still under way sets the browser's old cookie again.
    fn replace(&self) {
        for id in &self.of_browser {
            if Some(*id) != self.renews {
                self.policy.ended.note(*id);
            }
        }
        if let Some(id) = self.renews {
            self.policy.ended.note_renewed(id);
        }
    }
}

impl fmt::Debug for IssuedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedSession")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// In the extensions of an answer that sets the cookie of a session which got another id.
#[derive(Clone)]
pub(crate) struct Renewed {
    pub(crate) subject: String,
    pub(crate) id: SessionId,
    pub(crate) cookie: HeaderValue,
}

impl IntoResponseParts for IssuedSession {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        // While a session got its new id, its browser may have logged out.
        if !self
            .renews
            .is_some_and(|old| self.policy.ended.is_over(old))
        {
            self.replace();
            if self.renews.is_some() && self.policy.store.is_some() {
                parts.extensions_mut().insert(Renewed {
                    subject: self.subject,
                    id: self.id,
                    cookie: self.cookie.clone(),
                });
            }
            set_cookie(&mut parts, self.cookie);
        }
        Ok(parts)
    }
}

impl IntoResponse for IssuedSession {
    fn into_response(self) -> axum::response::Response {
        (self, ()).into_response()
    }
}

/// A session could not be issued.
#[derive(Debug)]
pub struct IssueError(Kind);

#[derive(Debug)]
enum Kind {
    Subject(InvalidSubject),
    ScopeLength { found: usize },
    Label(InvalidLabel),
    Lifetime,
    Claims(serde_json::Error),
    TooLarge { found: usize },
    Clock,
    Random(getrandom::Error),
    Store(StoreError),
    Revoked,
    Over,
    WithoutSessions,
}

impl IssueError {
    /// Subject, scopes and claims together are too large for a cookie.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.0, Kind::TooLarge { .. })
    }

    /// The subject is empty, too long, has control characters, or is the one under which times of webhooks are kept.
    #[must_use]
    pub fn is_subject(&self) -> bool {
        matches!(self.0, Kind::Subject(_))
    }

    /// The label is too long, or has control characters.
    #[must_use]
    pub fn is_label(&self) -> bool {
        matches!(self.0, Kind::Label(_))
    }

    /// The store is down. Nothing was issued; try again.
    #[must_use]
    pub fn is_store(&self) -> bool {
        matches!(self.0, Kind::Store(_))
    }

    /// Meanwhile all sessions of the subject were revoked, or the one to renew was, or it has reached its
    /// absolute deadline.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        matches!(self.0, Kind::Revoked | Kind::Over)
    }

    pub(crate) fn clock() -> Self {
        Self(Kind::Clock)
    }
}

impl From<StoreError> for IssueError {
    fn from(error: StoreError) -> Self {
        Self(Kind::Store(error))
    }
}

impl From<InvalidSubject> for IssueError {
    fn from(invalid: InvalidSubject) -> Self {
        Self(Kind::Subject(invalid))
    }
}

/// 503 with the reason `store_unavailable` where the store is down, 401 `revoked` or `expired` where the
/// session was revoked meanwhile or the one to renew is over, 400 where the subject or the label is none, as
/// both may be what a client sent. Anything else is the program's mistake: a 500, and an ERROR in the log.
impl IntoResponse for IssueError {
    fn into_response(self) -> axum::response::Response {
        if self.is_subject() || self.is_label() {
            tracing::debug!(target: "session_auth", error = %self, "no session was issued");
            return StatusCode::BAD_REQUEST.into_response();
        }
        if self.is_revoked() {
            // Two clicks on what renews the session are enough for that.
            tracing::info!(target: "session_auth", error = %self, "no session was issued");
            return match self.0 {
                Kind::Over => Denial::Expired.into_response(),
                _ => Denial::Revoked.into_response(),
            };
        }
        tracing::error!(target: "session_auth", error = %self, "no session was issued");
        match self.0 {
            Kind::Store(_) => Denial::StoreUnavailable.into_response(),
            _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Subject(invalid) => fmt::Display::fmt(invalid, f),
            Kind::Label(invalid) => fmt::Display::fmt(invalid, f),
            Kind::ScopeLength { found } => {
                write!(
                    f,
                    "a scope of a session has {found} bytes; it takes 1 to 255"
                )
            }
            Kind::Lifetime => f.write_str(
                "the session would be over at once: its lifetime, counted from the login, and its \
                 idle timeout must leave a second at least",
            ),
            Kind::Claims(error) => {
                write!(
                    f,
                    "the claims of a session cannot be written as JSON: {error}"
                )
            }
            Kind::TooLarge { found } => write!(
                f,
                "the session takes {found} bytes as a cookie; browsers keep {MAX_COOKIE_LEN}: put \
                 less into its claims"
            ),
            Kind::Clock => f.write_str(
                "the system clock stands before 1970: no session can be issued until it is set",
            ),
            Kind::Random(error) => write!(
                f,
                "the operating system gave no randomness for a session: {error}"
            ),
            Kind::Store(error) => fmt::Display::fmt(error, f),
            Kind::Revoked => f.write_str(
                "the subject's sessions were revoked while this one was issued: log in again",
            ),
            Kind::Over => {
                f.write_str("the session to renew has reached its deadline: log in again")
            }
            Kind::WithoutSessions => f.write_str(
                "the layer was built without sessions: build it with keys, by \
                 `SessionAuthLayer::builder(keys)`",
            ),
        }
    }
}

impl std::error::Error for IssueError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Claims(error) => Some(error),
            Kind::Store(error) => Some(error),
            _ => None,
        }
    }
}
