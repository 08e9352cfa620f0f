//! Sessions as a service manages them: starting, listing and ending.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::SystemTime;

use axum::response::{IntoResponse, IntoResponseParts, ResponseParts};
use http::{HeaderMap, StatusCode};

use crate::begin::Login;
use crate::clock::Timestamp;
use crate::issue::{IssueError, IssueSession};
use crate::policy::SessionPolicy;
use crate::response::Denial;
use crate::session::Session;
use crate::session_id::SessionId;
use crate::shared_cache::set_cookie;
use crate::store::{GuardedStore, StoreError, StoredSession};
use crate::subject::{self, InvalidSubject};
use crate::trail::AuditEvent;

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
///     let login = sessions.begin("ada@example.com").await?;
///     // .. check the password, then:
///     let session = login.issue().scope("admin").await?;
///     Ok((session, StatusCode::NO_CONTENT))
/// }
/// ```
#[derive(Clone)]
pub struct Sessions {
    policy: Arc<SessionPolicy>,
    /// Those that the browser has until this request is answered.
    of_browser: Vec<SessionId>,
}

impl Sessions {
    pub(crate) fn new(policy: Arc<SessionPolicy>) -> Self {
        Self {
            policy,
            of_browser: Vec::new(),
        }
    }

    /// For a request of this browser.
    pub(crate) fn of_request(&self, headers: &HeaderMap) -> Self {
        Self {
            policy: Arc::clone(&self.policy),
            of_browser: self.all_in(headers).iter().map(Session::id).collect(),
        }
    }

    /// The sessions that a request carries, live or not.
    pub(crate) fn all_in(&self, headers: &HeaderMap) -> Vec<Session> {
        Session::all_in(headers, &self.policy)
    }

    /// Begins a login of this subject: call it **before** the password, or whatever else, is looked up
    /// and checked, and [`issue`](Login::issue) the session by what it gives. If all sessions of the
    /// subject are revoked in between, as with a change of password, none is issued: else somebody who
    /// posts the old password at that moment would come in, as a check takes its time.
    ///
    /// A login of several requests, with a second factor say, begins with each: issue a session
    /// without scopes after the first and [`renew`](Self::renew) it after the last.
    ///
    /// # Errors
    ///
    /// The subject is none, or the store is down. Without a store it asks nothing: there, nothing can
    /// be revoked.
    pub fn begin(
        &self,
        subject: impl Into<String>,
    ) -> impl Future<Output = Result<Login, IssueError>> + Send + 'static {
        Login::begin(
            Arc::clone(&self.policy),
            subject.into(),
            self.of_browser.clone(),
        )
    }

    /// Starts a session of this subject: always with a new id, so that nobody can have planted it
    /// (session fixation, CWE-384). `.await` it, after naming scopes and claims.
    ///
    /// It begins and ends the login at once. Where something is checked before, use
    /// [`begin`](Self::begin).
    pub fn issue(&self, subject: impl Into<String>) -> IssueSession {
        IssueSession::new(
            Arc::clone(&self.policy),
            subject.into(),
            self.of_browser.clone(),
        )
    }

    /// Gives a session a new id, with its subject, scopes and claims: for a change of privilege,
    /// such as a second factor or another role (CWE-384). `.await` it, after changing scopes and
    /// claims. Its absolute deadline stays.
    ///
    /// With a store, the old id is good for
    /// [`renewal_grace`](crate::SessionAuthLayerBuilder::renewal_grace) more, 10 seconds by default, so
    /// that requests that are under way with the old cookie do not fail; then it is refused as revoked.
    /// Whoever ends the session in the meantime ends both, however often it was renewed since. Without a
    /// store, the old cookie stays what it was until its deadline, and may be renewed again.
    pub fn renew(&self, session: &Session) -> IssueSession {
        IssueSession::renewing(Arc::clone(&self.policy), session, self.of_browser.clone())
    }

    /// Makes the browser forget the session. For a logout take [`EndSession`](crate::EndSession), which
    /// does so for every caller and ends the session in the store.
    ///
    /// That is all it does: a copy of the cookie stays valid until its deadline. To end the session,
    /// use `revoke`, which needs a store.
    ///
    /// # Answers that come late
    ///
    /// A request that was let in before may be answered after. If its session slides, its cookie would
    /// undo this: it is written only if the session still is one when that answer goes out. With a
    /// store, the store is asked. Beside that it counts what **this process** has cleared, renewed or
    /// replaced by a login, by whichever of its layers that have this cookie, of the last 16,384 sessions. What it cannot know: without a store, what
    /// another process has done; with one, that somebody has logged in over a live session in another
    /// process, which ends nothing (let a login page log out first); in which order two answers
    /// arrive that it has sent at the same time; and that an answer was lost: a session that a login has
    /// replaced slides no more in this process, whether or not the browser got the new one.
    pub fn clear(&self) -> ClearedSession {
        self.cleared(self.of_browser.iter().copied())
    }

    pub(crate) fn has_store(&self) -> bool {
        self.policy.store.is_some()
    }

    pub(crate) fn cleared(&self, ids: impl IntoIterator<Item = SessionId>) -> ClearedSession {
        ClearedSession {
            policy: Arc::clone(&self.policy),
            ids: ids.into_iter().collect(),
        }
    }
}

impl Sessions {
    /// Tells the [`trail`](crate::trail) that a login failed: only the service knows. `subject` is who
    /// somebody said to be, at most 1,024 bytes of it.
    pub fn login_failed(&self, subject: &str) {
        self.policy.tell(|| AuditEvent::LoginFailed {
            subject: subject.chars().take(256).collect(),
        });
    }

    /// Ends this session: logout. Return what it gives, so that the browser forgets the cookie.
    ///
    /// # Errors
    ///
    /// The layer has no [`store`](crate::SessionAuthLayerBuilder::store), or the store is down:
    /// then nothing has ended. A session that had ended already is no error.
    #[track_caller]
    pub fn revoke(
        &self,
        session: &Session,
    ) -> impl Future<Output = Result<ClearedSession, SessionsError>> + Send {
        let id = session.id();
        let ended = self.revoke_id(session.subject(), id);
        async move {
            ended.await?;
            Ok(self.cleared([id]))
        }
    }

    /// Ends the session of this id if it is one of this subject's, and says whether it was: for one
    /// row of a list of devices.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    #[track_caller]
    pub fn revoke_id(
        &self,
        subject: &str,
        id: SessionId,
    ) -> impl Future<Output = Result<bool, SessionsError>> + Send {
        let store = self.store("revoke");
        async move {
            let store = store?;
            subject::check(subject)?;
            let ended = store.ask_of_one(|store| store.revoke(subject, id)).await?;
            if ended {
                self.policy.watch.look_at(subject, store).await;
                self.policy.tell(|| AuditEvent::Revoke {
                    subject: subject.to_owned(),
                    sessions: 1,
                });
            }
            Ok(ended)
        }
    }

    /// Ends all sessions of this session's subject but this one, and says how many: "sign out
    /// everywhere else".
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    #[track_caller]
    pub fn revoke_others(
        &self,
        session: &Session,
    ) -> impl Future<Output = Result<u64, SessionsError>> + Send {
        let store = self.store("revoke_others");
        self.end_all(store, session.subject(), Some(session.id()))
    }

    /// Ends all sessions of a subject, and says how many: after a change of password, or when an
    /// account is closed. A login that was under way does not survive it.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    #[track_caller]
    pub fn revoke_all(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<u64, SessionsError>> + Send {
        let store = self.store("revoke_all");
        self.end_all(store, subject, None)
    }

    async fn end_all(
        &self,
        store: Result<&GuardedStore, SessionsError>,
        subject: &str,
        except: Option<SessionId>,
    ) -> Result<u64, SessionsError> {
        let (store, now) = (store?, self.now()?);
        subject::check(subject)?;
        let ended = store
            .ask_of_one(|store| store.revoke_all(subject, except, now))
            .await?;
        self.policy.watch.look_at(subject, store).await;
        self.policy.tell(|| AuditEvent::Revoke {
            subject: subject.to_owned(),
            sessions: ended,
        });
        Ok(ended)
    }

    /// The sessions of a subject, the one used last first: for a list of their devices. There are at
    /// most as many as [`max_sessions`](crate::SessionAuthLayerBuilder::max_sessions).
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    #[track_caller]
    pub fn list(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Vec<SessionInfo>, SessionsError>> + Send {
        let store = self.store("list");
        async move {
            let store = store?;
            let now = self.now()?;
            subject::check(subject)?;
            let sessions = store.ask_of_one(|store| store.list(subject, now)).await?;
            Ok(sessions.into_iter().map(SessionInfo).collect())
        }
    }

    /// Whether a session still is one: before something that takes effect long after its request began.
    /// For streams there is [`Session::ended`].
    ///
    /// Without a store that is whether its deadlines have not passed.
    ///
    /// # Errors
    ///
    /// The store is down.
    pub async fn is_live(&self, session: &Session) -> Result<bool, SessionsError> {
        let now = self.now()?;
        let token = session.token();
        if now >= token.absolute_deadline() {
            return Ok(false);
        }
        let Some(store) = &self.policy.store else {
            return Ok(now < token.idle_deadline());
        };
        let (subject, id) = (session.subject(), session.id());
        if let Some(stored) = store.find(subject, id).await? {
            // Other requests may have moved it.
            return Ok(now < stored.idle_deadline.max(token.idle_deadline()));
        }
        // Nothing moves the deadline of an id of before.
        Ok(now < token.idle_deadline()
            && store
                .ask(|store| store.was_renewed(subject, id, now))
                .await?)
    }

    #[track_caller]
    fn store(&self, operation: &'static str) -> Result<&GuardedStore, SessionsError> {
        // Outside of the closure, which has a caller of its own.
        let caller = Location::caller();
        self.policy.store.as_deref().ok_or_else(|| {
            let error = SessionsError(SessionsErrorKind::NoStore { operation, caller });
            // The result may be dropped; this stays.
            tracing::error!(target: "session_auth", "{error}");
            error
        })
    }

    pub(crate) fn now(&self) -> Result<Timestamp, SessionsError> {
        Timestamp::of(&self.policy.clock).ok_or(SessionsError(SessionsErrorKind::Clock))
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("keys", &self.policy.keys)
            .finish_non_exhaustive()
    }
}

/// A session that the browser is told to forget. Return it from the handler.
#[must_use = "the browser forgets the session only when told so by a response"]
#[derive(Clone)]
pub struct ClearedSession {
    policy: Arc<SessionPolicy>,
    ids: Vec<SessionId>,
}

impl fmt::Debug for ClearedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClearedSession")
            .field("ids", &self.ids)
            .finish_non_exhaustive()
    }
}

impl IntoResponseParts for ClearedSession {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        // From here on no answer that is still under way sets its cookie again.
        for id in self.ids {
            self.policy.ended.note(id);
        }
        for cookie in self.policy.cookie.clear() {
            set_cookie(&mut parts, cookie);
        }
        Ok(parts)
    }
}

impl IntoResponse for ClearedSession {
    fn into_response(self) -> axum::response::Response {
        (self, ()).into_response()
    }
}

/// One of a subject's sessions, from [`Sessions::list`].
#[derive(Clone, Debug)]
pub struct SessionInfo(StoredSession);

impl SessionInfo {
    /// The id, for [`Sessions::revoke_id`], and to tell the caller's own session by.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// What a person would know the session by, if it was issued with a label.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// When it was issued, to the second.
    #[must_use]
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.0.issued.to_system_time()
    }

    /// When it was last used, to a minute, or to a tenth of the idle timeout where that is less.
    #[must_use]
    pub fn last_seen(&self) -> Option<SystemTime> {
        self.0.last_seen.to_system_time()
    }

    /// When it ends if it is not used again, to the second.
    #[must_use]
    pub fn idle_deadline(&self) -> Option<SystemTime> {
        self.0.idle_deadline.to_system_time()
    }
}

/// Sessions could not be listed or ended.
///
/// As a response it is a 503 with the reason `store_unavailable` where the store is down, a 400 where
/// the subject is none, and a 500 where there is no store.
#[must_use = "the sessions have not ended"]
pub struct SessionsError(SessionsErrorKind);

enum SessionsErrorKind {
    NoStore {
        operation: &'static str,
        caller: &'static Location<'static>,
    },
    Store(StoreError),
    Subject(InvalidSubject),
    Clock,
}

impl SessionsError {
    /// The layer has no store: sessions are kept in the cookie alone, and nothing can end them.
    #[must_use]
    pub fn is_stateless(&self) -> bool {
        matches!(self.0, SessionsErrorKind::NoStore { .. })
    }

    /// The store is down, or answered with something that cannot be read. Try again.
    #[must_use]
    pub fn is_store(&self) -> bool {
        matches!(self.0, SessionsErrorKind::Store(_))
    }

    /// The subject is empty, too long, has control characters, or is the one under which times of webhooks are
    /// kept, so it has no sessions.
    #[must_use]
    pub fn is_subject(&self) -> bool {
        matches!(self.0, SessionsErrorKind::Subject(_))
    }
}

impl From<InvalidSubject> for SessionsError {
    fn from(invalid: InvalidSubject) -> Self {
        Self(SessionsErrorKind::Subject(invalid))
    }
}

impl From<StoreError> for SessionsError {
    fn from(error: StoreError) -> Self {
        Self(SessionsErrorKind::Store(error))
    }
}

impl fmt::Display for SessionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            SessionsErrorKind::NoStore { operation, caller } => write!(
                f,
                "{caller}: `{operation}` needs a session store, and this layer has none: sessions \
                 are kept in the cookie alone and end only by their deadlines. Give the layer one \
                 with `.store(..)`, or use `clear`, which makes the browser forget the cookie"
            ),
            SessionsErrorKind::Store(error) => fmt::Display::fmt(error, f),
            SessionsErrorKind::Subject(invalid) => fmt::Display::fmt(invalid, f),
            SessionsErrorKind::Clock => f.write_str(
                "the system clock stands before 1970: sessions cannot be told from expired ones",
            ),
        }
    }
}

impl fmt::Debug for SessionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for SessionsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            SessionsErrorKind::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl IntoResponse for SessionsError {
    fn into_response(self) -> axum::response::Response {
        match self.0 {
            SessionsErrorKind::Store(error) => {
                tracing::error!(target: "session_auth", %error, "sessions not listed or ended");
                Denial::StoreUnavailable.into_response()
            }
            SessionsErrorKind::Subject(_) => StatusCode::BAD_REQUEST.into_response(),
            _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}
