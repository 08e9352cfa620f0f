//! Sessions of the crate tower-sessions.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderValue;
use serde::de::DeserializeOwned;
use tower_sessions_core::Session;
use tower_sessions_core::session::Error;

use super::{Authenticate, ConfigError, Proof, Refusal, RequestParts, Verdict};

/// The key of axum-login's own data.
const AXUM_LOGIN: &str = "axum-login.data";

type Scopes<T> = Arc<dyn Fn(&T) -> Vec<String> + Send + Sync>;

/// Callers whose session of tower-sessions 0.14 has a `T` under a key: what the service's login puts
/// there. Handlers take it as [`Identity<T>`](crate::Identity). Needs the feature `tower-sessions`.
///
/// - The `SessionManagerLayer` has to be outside: `auth.protect(routes())?.layer(sessions)`. Inside, it
///   loads the session only after the guard has asked for it, and the answer is a 503.
/// - A session without the key is nobody's: `missing`. tower-sessions itself sees to it that the session
///   has not ended; while its store is down, the answer is a 503.
/// - The credential is a cookie, so that a page of another origin cannot use it.
///
/// **With axum-login** use [`Extension::of`](super::Extension::of) its `AuthSession`: the key in the session
/// stays when its user is deleted, and only the `AuthSession` has asked for the user.
///
/// # Example
///
/// ```
/// use session_auth::authenticate::TowerSessions;
/// use session_auth::{Identity, Router, SessionAuthLayer, audited_router, session_route};
/// use tower_sessions::{MemoryStore, SessionManagerLayer};
///
/// #[session_route(GET, "/me", by = "login")]
/// async fn me(user_id: Identity<u64>) -> String {
///     format!("user {}", *user_id) // the login has done `session.insert("user_id", id)`
/// }
///
/// #[audited_router]
/// fn routes() -> Router {
///     Router::new().mount(me)
/// }
///
/// let auth = SessionAuthLayer::builder_without_sessions()
///     .authenticator("login", TowerSessions::<u64>::new("user_id"))
///     .build()?;
/// let sessions = SessionManagerLayer::new(MemoryStore::default());
/// let app = auth.protect(routes())?.layer(sessions);
/// # let _ = app;
/// # Ok::<_, session_auth::BuildError>(())
/// ```
#[must_use]
pub struct TowerSessions<T> {
    key: &'static str,
    scopes: Option<Scopes<T>>,
    identity: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + Send + Sync + 'static> TowerSessions<T> {
    /// Takes what the session has under this key for the caller.
    pub fn new(key: &'static str) -> Self {
        Self {
            key,
            scopes: None,
            identity: PhantomData,
        }
    }

    /// Says which scopes a caller has. The default is none.
    pub fn scopes<S>(mut self, of: impl Fn(&T) -> S + Send + Sync + 'static) -> Self
    where
        S: IntoIterator<Item = String>,
    {
        self.scopes = Some(Arc::new(move |caller| of(caller).into_iter().collect()));
        self
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Authenticate for TowerSessions<T> {
    type Identity = T;

    fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<T> {
        let Some(session) = request.extensions().get::<Session>() else {
            return Refusal::Unavailable(
                "tower-sessions has put no session on the request: its layer belongs outside, \
                 `protect(..)?.layer(sessions)`",
            )
            .into();
        };
        let (key, scopes, session) = (self.key, self.scopes.clone(), session.clone());
        Verdict::later(async move {
            let caller: T = match session.get(key).await {
                Ok(Some(caller)) => caller,
                Ok(None) => return Err(Refusal::Missing),
                Err(Error::SerdeJson(_)) => {
                    return Err(Refusal::Malformed(
                        "what the session has under the key is not what handlers take",
                    ));
                }
                Err(error) => {
                    tracing::error!(target: "session_auth", %error, "the store of tower-sessions failed");
                    return Err(Refusal::Unavailable("the store of tower-sessions failed"));
                }
            };
            let scopes = scopes.map(|scopes| scopes(&caller));
            Ok(Proof::new(caller)
                .scopes(scopes.unwrap_or_default())
                .good_until(SystemTime::from(session.expiry_date())))
        })
    }

    fn challenge(&self, _: &Refusal) -> HeaderValue {
        HeaderValue::from_static("Cookie")
    }

    fn is_ambient(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.key == AXUM_LOGIN {
            return Err(ConfigError::new(
                "the key `axum-login.data` stays in a session whose user was deleted: take what axum-login has \
                 found, by `Extension::of(|login: &AuthSession<Backend>| login.user.clone())`",
            ));
        }
        Ok(())
    }
}

impl<T> fmt::Debug for TowerSessions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerSessions")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
