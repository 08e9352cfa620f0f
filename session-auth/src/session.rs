//! A session as a handler sees it.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::bearer;
use crate::cookie::MAX_TRIED;
use crate::policy::SessionPolicy;
use crate::session_id::SessionId;
use crate::token::{self, Token};

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
    // One pointer, and one count, for both.
    inner: Arc<Inner>,
}

struct Inner {
    token: Token,
    policy: Arc<SessionPolicy>,
}

impl Session {
    pub(crate) fn new(token: Token, policy: Arc<SessionPolicy>) -> Self {
        Self {
            inner: Arc::new(Inner { token, policy }),
        }
    }

    /// The sessions that a request carries, live or not: what this layer issued.
    pub(crate) fn all_in(headers: &HeaderMap, policy: &Arc<SessionPolicy>) -> Vec<Self> {
        let session = |value| {
            let token = token::verify(&policy.keys, value).ok()?;
            Some(Self::new(token, Arc::clone(policy)))
        };
        let cookies = policy.cookie.values(headers).take(MAX_TRIED);
        // A request with both is refused wherever a session is to be used; each of them may end.
        let bearer = bearer::tokens(headers)
            .take(MAX_TRIED)
            .filter(|_| policy.bearer);
        cookies.chain(bearer).filter_map(session).collect()
    }

    pub(crate) fn token(&self) -> &Token {
        &self.inner.token
    }

    pub(crate) fn policy(&self) -> &Arc<SessionPolicy> {
        &self.inner.policy
    }

    /// The id of the session: random, and another one after each login.
    #[must_use]
    pub fn id(&self) -> SessionId {
        SessionId::from_bytes(self.token().id())
    }

    /// Whose session it is, in the words of the service that issued it.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.token().subject()
    }

    /// The scopes that the session was issued with.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.token().scopes()
    }

    /// Whether the session was issued with this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.token().has_scope(scope)
    }

    /// The claims that the session was issued with.
    ///
    /// # Errors
    ///
    /// The session has none, or they are not of this type: after a deploy that changed the type,
    /// for instance. The session itself is still good.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, ClaimsError> {
        match self.token().claims() {
            [] => Err(ClaimsError(None)),
            json => serde_json::from_slice(json).map_err(|error| ClaimsError(Some(error))),
        }
    }

    /// Waits for the end of the session: for what goes on after the request, such as a WebSocket or
    /// server-sent events.
    ///
    /// ```
    /// use std::pin::pin;
    ///
    /// use axum::extract::ws::{Message, WebSocketUpgrade};
    /// use axum::response::Response;
    /// use session_auth::{Session, session_route};
    ///
    /// #[session_route(GET, "/live")]
    /// async fn live(session: Session, upgrade: WebSocketUpgrade) -> Response {
    ///     upgrade.on_upgrade(async move |mut socket| {
    ///         let mut ended = pin!(session.ended());
    ///         loop {
    ///             let message = tokio::select! {
    ///                 () = &mut ended => break,
    ///                 message = socket.recv() => message,
    ///             };
    ///             let Some(Ok(Message::Text(text))) = message else { break };
    ///             if socket.send(Message::Text(text)).await.is_err() {
    ///                 return;
    ///             }
    ///         }
    ///         let _ = socket.send(Message::Close(None)).await;
    ///     })
    /// }
    /// ```
    ///
    /// It has ended past a deadline, and with a [`store`](crate::SessionAuthLayerBuilder::store) also
    /// when it is revoked: at once where this process does that, else within
    /// [`stream_lag`](crate::SessionAuthLayerBuilder::stream_lag), 2 seconds by default. One question
    /// to the store in that time is for 500 sessions, however many streams there are. Requests that
    /// use the session move its idle deadline, without a store those that this process answers; an open
    /// stream does not. A renewed session has another id, so a stream that was opened before
    /// [`renew`](crate::Sessions::renew) ends, without a store by its deadline. While the store is down, streams
    /// go on until the deadline that was known last.
    ///
    /// # Panics
    ///
    /// The future, outside of tokio's runtime.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let session = self.clone();
        async move {
            let SessionPolicy {
                watch,
                store,
                clock,
                ..
            } = &**session.policy();
            watch.ended(session.token(), store, clock).await;
        }
    }

    /// When the session was issued, to the second.
    #[must_use]
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.token().issued().to_system_time()
    }

    /// When the session ends if it is not used again, to the second.
    #[must_use]
    pub fn idle_deadline(&self) -> Option<SystemTime> {
        self.token().idle_deadline().to_system_time()
    }

    /// When the session ends however much it is used, to the second.
    #[must_use]
    pub fn absolute_deadline(&self) -> Option<SystemTime> {
        self.token().absolute_deadline().to_system_time()
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
