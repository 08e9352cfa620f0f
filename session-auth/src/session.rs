//! Sessions in a handler: reading one, starting one, ending one.

use std::convert::Infallible;
use std::fmt;
use std::future::{IntoFuture, Ready, ready};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::response::{IntoResponse, IntoResponseParts, ResponseParts};
use http::HeaderValue;
use http::header::SET_COOKIE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::{Clock, Timestamp};
use crate::cookie::CookieTemplate;
use crate::keys::Keys;
use crate::token::{self, Contents, MAX_COOKIE_LEN, MAX_SUBJECT_LEN, SESSION_ID_LEN, Token};

/// What issuing and verifying sessions needs. One for each layer.
pub(crate) struct SessionPolicy {
    pub(crate) keys: Keys,
    pub(crate) cookie: CookieTemplate,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) idle_timeout: Duration,
    pub(crate) absolute_timeout: Duration,
}

/// The session of the caller: verified, unexpired and of the scope that the route asks for.
///
/// As an extractor it is for routes of class `session`; `Option<Session>` is for public routes with
/// `optional_session`, and is `None` whatever is wrong with the cookie. Anywhere else both are
/// refused with a 500 and an ERROR in the log that says which word the declaration lacks.
///
/// ```
/// use session_auth::{Session, session_route};
///
/// #[session_route(GET, "/api/me")]
/// async fn me(session: Session) -> String {
///     session.subject().to_owned()
/// }
/// ```
#[derive(Clone)]
pub struct Session {
    token: Arc<Token>,
}

impl Session {
    pub(crate) fn new(token: Token) -> Self {
        Self {
            token: Arc::new(token),
        }
    }

    /// The id of the session: random, and another one after each login.
    #[must_use]
    pub fn id(&self) -> SessionId {
        SessionId(self.token.id())
    }

    /// Whose session it is, in the words of the service that issued it.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.token.subject()
    }

    /// The scopes that the session was issued with.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.token.scopes()
    }

    /// Whether the session was issued with this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|has| has == scope)
    }

    /// The claims that the session was issued with.
    ///
    /// # Errors
    ///
    /// The session has none, or they are not of this type: after a deploy that changed the type,
    /// for instance. The session itself is still good.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, ClaimsError> {
        match self.token.claims() {
            [] => Err(ClaimsError(None)),
            json => serde_json::from_slice(json).map_err(|error| ClaimsError(Some(error))),
        }
    }

    /// When the session was issued, to the second.
    #[must_use]
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.token.issued.to_system_time()
    }

    /// When the session ends if it is not used again, to the second.
    #[must_use]
    pub fn idle_deadline(&self) -> Option<SystemTime> {
        self.token.idle_deadline.to_system_time()
    }

    /// When the session ends however much it is used, to the second.
    #[must_use]
    pub fn absolute_deadline(&self) -> Option<SystemTime> {
        self.token.absolute_deadline.to_system_time()
    }
}

/// Shows who and until when; no claims, and nothing that a cookie could be made of.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .field("subject", &self.subject())
            .finish_non_exhaustive()
    }
}

/// The id of a session: 128 random bits from the operating system.
///
/// It is not a secret by itself, as the cookie carries a signature too; `Debug` shows its first
/// bytes alone, enough to tell two apart in a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; SESSION_ID_LEN]);

impl SessionId {
    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; SESSION_ID_LEN] {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "SessionId({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// The claims of a session could not be read. The session is good all the same.
#[derive(Debug)]
pub struct ClaimsError(Option<serde_json::Error>);

impl ClaimsError {
    /// The session was issued without claims.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("the session was issued without claims"),
            Some(error) => write!(f, "the claims of the session are of another type: {error}"),
        }
    }
}

impl std::error::Error for ClaimsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_ref().map(|error| error as _)
    }
}

/// Starts and ends sessions.
///
/// As an extractor it is for public routes with `issues_session` and for routes of class `session`;
/// elsewhere it is refused like [`Session`]. Outside of a request,
/// [`SessionAuthLayer::sessions`](crate::SessionAuthLayer::sessions) gives one.
///
/// ```
/// use axum::Json;
/// use http::StatusCode;
/// use session_auth::{IssueError, IssuedSession, Sessions, public_route};
/// # use axum::response::{IntoResponse, Response};
/// # struct AppError; impl From<IssueError> for AppError { fn from(_: IssueError) -> Self { Self } }
/// # impl IntoResponse for AppError { fn into_response(self) -> Response { StatusCode::INTERNAL_SERVER_ERROR.into_response() } }
///
/// #[public_route(POST, "/login", reason = "creates the session", issues_session)]
/// async fn login(sessions: Sessions) -> Result<(IssuedSession, StatusCode), AppError> {
///     // .. check the password, then:
///     let session = sessions.issue("ada@example.com").scope("admin").await?;
///     Ok((session, StatusCode::NO_CONTENT))
/// }
/// ```
#[derive(Clone)]
pub struct Sessions {
    policy: Arc<SessionPolicy>,
}

impl Sessions {
    pub(crate) fn new(policy: Arc<SessionPolicy>) -> Self {
        Self { policy }
    }

    /// Starts a session of this subject: always with a new id, so that nobody can have planted it
    /// (session fixation, CWE-384). `.await` it, after naming scopes and claims.
    pub fn issue(&self, subject: impl Into<String>) -> IssueSession {
        IssueSession {
            policy: Arc::clone(&self.policy),
            subject: subject.into(),
            scopes: Vec::new(),
            claims: Ok(Vec::new()),
        }
    }

    /// Makes the browser forget the session: return it from a logout handler.
    ///
    /// Without a store this is all that logout can do: a copy of the cookie stays valid until its
    /// deadline.
    pub fn clear(&self) -> ClearedSession {
        ClearedSession {
            cookie: self.policy.cookie.clear(),
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("keys", &self.policy.keys)
            .finish_non_exhaustive()
    }
}

/// A session about to be issued: made by [`Sessions::issue`], finished by `.await`.
#[must_use = "no session is issued until this is awaited"]
pub struct IssueSession {
    policy: Arc<SessionPolicy>,
    subject: String,
    scopes: Vec<String>,
    claims: Result<Vec<u8>, serde_json::Error>,
}

impl IssueSession {
    /// Adds a scope, for routes with `scope = ".."`.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Sets the claims: any type of serde's. They are signed, not secret: whoever has the cookie
    /// can read them.
    ///
    /// What cannot be serialized as JSON is an error when the session is issued.
    pub fn claims<T: Serialize + ?Sized>(mut self, claims: &T) -> Self {
        self.claims = serde_json::to_vec(claims);
        self
    }

    fn issue(self) -> Result<IssuedSession, IssueError> {
        let Self {
            policy,
            subject,
            scopes,
            claims,
        } = self;
        if subject.is_empty() || subject.len() > MAX_SUBJECT_LEN {
            return Err(IssueError(Kind::SubjectLength {
                found: subject.len(),
            }));
        }
        if subject.chars().any(char::is_control) {
            return Err(IssueError(Kind::SubjectControl));
        }
        if let Some(scope) = scopes
            .iter()
            .find(|s| s.is_empty() || s.len() > u8::MAX.into())
        {
            return Err(IssueError(Kind::ScopeLength { found: scope.len() }));
        }
        let claims = claims.map_err(|error| IssueError(Kind::Claims(error)))?;
        let now = Timestamp::of(&policy.clock).ok_or(IssueError(Kind::Clock))?;
        let mut id = [0; SESSION_ID_LEN];
        getrandom::fill(&mut id).map_err(|error| IssueError(Kind::Random(error)))?;

        let absolute_deadline = now.plus(policy.absolute_timeout);
        let idle_deadline = now.plus(policy.idle_timeout).min(absolute_deadline);
        let contents = Contents {
            id,
            issued: now,
            idle_deadline,
            absolute_deadline,
            subject: &subject,
            scopes: &scopes,
            claims: &claims,
        };
        let too_large = |value_len: usize| {
            let found = policy.cookie.name().len() + 1 + value_len;
            (found > MAX_COOKIE_LEN).then_some(IssueError(Kind::TooLarge { found }))
        };
        let value = match token::encode(&policy.keys, &contents) {
            Ok(value) => value,
            Err(error) => {
                let found = policy.cookie.name().len() + 1 + error.encoded_len;
                return Err(IssueError(Kind::TooLarge { found }));
            }
        };
        if let Some(error) = too_large(value.len()) {
            return Err(error);
        }
        let cookie = policy
            .cookie
            .set(&value, idle_deadline.since(now))
            .ok_or(IssueError(Kind::TooLarge { found: value.len() }))?;
        Ok(IssuedSession {
            id: SessionId(id),
            cookie,
        })
    }
}

impl IntoFuture for IssueSession {
    type Output = Result<IssuedSession, IssueError>;
    // Ready for as long as there is no store to write to.
    type IntoFuture = Ready<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        ready(self.issue())
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
    cookie: HeaderValue,
}

impl IssuedSession {
    /// The id of the new session.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The value of the `Set-Cookie` header: a secret, for tests and for responses that are not
    /// axum's.
    #[must_use]
    pub fn set_cookie(&self) -> &HeaderValue {
        &self.cookie
    }
}

impl fmt::Debug for IssuedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedSession")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl IntoResponseParts for IssuedSession {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.headers_mut().append(SET_COOKIE, self.cookie);
        Ok(parts)
    }
}

impl IntoResponse for IssuedSession {
    fn into_response(self) -> axum::response::Response {
        (self, ()).into_response()
    }
}

/// A session that the browser is told to forget. Return it from the handler.
#[must_use = "the browser forgets the session only when told so by a response"]
#[derive(Clone, Debug)]
pub struct ClearedSession {
    cookie: Option<HeaderValue>,
}

impl IntoResponseParts for ClearedSession {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        if let Some(cookie) = self.cookie {
            parts.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(parts)
    }
}

impl IntoResponse for ClearedSession {
    fn into_response(self) -> axum::response::Response {
        (self, ()).into_response()
    }
}

/// A session could not be issued.
#[derive(Debug)]
pub struct IssueError(Kind);

#[derive(Debug)]
enum Kind {
    SubjectLength { found: usize },
    SubjectControl,
    ScopeLength { found: usize },
    Claims(serde_json::Error),
    TooLarge { found: usize },
    Clock,
    Random(getrandom::Error),
}

impl IssueError {
    /// Subject, scopes and claims together are too large for a cookie.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.0, Kind::TooLarge { .. })
    }

    /// The subject is empty, too long, or has control characters.
    #[must_use]
    pub fn is_subject(&self) -> bool {
        matches!(self.0, Kind::SubjectLength { .. } | Kind::SubjectControl)
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::SubjectLength { found } => write!(
                f,
                "the subject of a session has {found} bytes; it takes 1 to {MAX_SUBJECT_LEN}"
            ),
            Kind::SubjectControl => {
                f.write_str("the subject of a session has a control character in it")
            }
            Kind::ScopeLength { found } => {
                write!(
                    f,
                    "a scope of a session has {found} bytes; it takes 1 to 255"
                )
            }
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
                "the operating system gave no randomness for a session id: {error}"
            ),
        }
    }
}

impl std::error::Error for IssueError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Claims(error) => Some(error),
            _ => None,
        }
    }
}

/// What the layer leaves in a request's extensions for the extractors. Its absence means that the
/// route's declaration promises nothing of the kind.
#[derive(Clone)]
pub(crate) enum RequestAuth {
    /// A session route.
    Session(Session, Sessions),
    /// A public route with `optional_session`, perhaps `issues_session` too.
    Optional(Option<Session>, Option<Sessions>),
    /// A public route with `issues_session`.
    Issues(Sessions),
}
