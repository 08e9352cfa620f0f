//! Logging out.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;

use http::HeaderMap;

use crate::session::Session;
use crate::sessions::{ClearedSession, Sessions, SessionsError};

/// Ends the caller's session, whether or not there still is one: for the handler that logs people out.
///
/// It goes on a public route with `optional_session`, so that everybody gets the same answer and a
/// browser without a cookie: who is logged in, whose session has expired or was revoked, who clicks
/// twice, and whose cookie an old key has signed. `.await` it, and return what it gives.
///
/// ```
/// use axum::response::Redirect;
/// use session_auth::{ClearedSession, EndSession, SessionsError, public_route};
///
/// #[public_route(POST, "/logout", reason = "ends the session", optional_session)]
/// async fn logout(session: EndSession) -> Result<(ClearedSession, Redirect), SessionsError> {
///     Ok((session.await?, Redirect::to("/")))
/// }
/// ```
///
/// With a store the session ends there, also where the caller's cookie has expired: a copy of it may
/// have been used since. Without one the browser forgets the cookie, and no answer that is still under
/// way in this process brings it back.
///
/// A page of another origin cannot log anybody out, as long as the route is no GET: 403 with the reason
/// `cross_origin`, as on session routes. On a session route the extractor works too, but whose session is over gets a 401 there.
///
/// # Errors
///
/// `.await` gives an error where the store is down: 503 as a response. Then nothing has ended, and the
/// browser keeps its cookie.
#[must_use = "nothing ends until this is awaited"]
pub struct EndSession {
    sessions: Sessions,
    of_caller: Vec<Session>,
}

impl EndSession {
    /// For a request with these headers.
    pub(crate) fn new(sessions: &Sessions, headers: &HeaderMap) -> Self {
        Self {
            sessions: sessions.clone(),
            of_caller: sessions.all_in(headers),
        }
    }

    /// The session that is to end, if the caller has a cookie that this layer has signed: to write down
    /// who has logged out. Of several it is the one issued last, which counts on other routes too. **It may be
    /// over:** let nobody do anything for having it.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        let all = self.of_caller.iter();
        all.max_by_key(|session| session.token().age())
    }

    async fn end(self) -> Result<ClearedSession, SessionsError> {
        let Self {
            sessions,
            of_caller,
        } = self;
        if sessions.has_store() {
            for session in &of_caller {
                sessions.revoke_id(session.subject(), session.id()).await?;
            }
        }
        Ok(sessions.cleared(of_caller.iter().map(Session::id)))
    }
}

impl IntoFuture for EndSession {
    type Output = Result<ClearedSession, SessionsError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.end())
    }
}

impl fmt::Debug for EndSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndSession")
            .field("session", &self.session())
            .finish_non_exhaustive()
    }
}
