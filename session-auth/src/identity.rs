//! Who calls, as an authenticator found it.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::access::Declaration;
use crate::activity::Endpoint;
use crate::authenticate::Proved;
use crate::by;
use crate::extract::{ExtractorMisuse, SessionRejection};
use crate::pass::{Caller, Pass, Who};

/// Who calls, as the [authenticator](crate::authenticate) that the route names found it: in place of
/// [`Session`](crate::Session), on a route with `by`.
///
/// `T` is the [`Identity`](crate::authenticate::Authenticate::Identity) of the authenticator; with another
/// one the answer is a 500, and an ERROR in the log that says which handler takes what.
///
/// `Option<Identity<T>>` is for public routes with `optional_session`, and for routes with several names in
/// `by`: it is `None` where another of them proved the caller.
///
/// ```
/// use session_auth::{Identity, Session, public_route, session_route};
///
/// struct Client {
///     name: String,
/// }
///
/// #[session_route(GET, "/api/export", by = "api", scope = "export")]
/// async fn export(client: Identity<Client>) -> String {
///     format!("for {}", client.name)
/// }
///
/// #[session_route(GET, "/api/me", by = "session | api")]
/// async fn me(session: Option<Session>, client: Option<Identity<Client>>) -> String {
///     match (session, client) {
///         (Some(session), _) => session.subject().to_owned(),
///         (_, Some(client)) => client.name.clone(),
///         (None, None) => unreachable!("one of the two proved the caller"),
///     }
/// }
///
/// #[public_route(GET, "/", reason = "front page", optional_session, by = "api")]
/// async fn front(client: Option<Identity<Client>>) -> &'static str {
///     if client.is_some() { "welcome back" } else { "welcome" }
/// }
/// ```
pub struct Identity<T> {
    identity: Arc<T>,
    scopes: Option<Arc<[String]>>,
    good_until: Option<SystemTime>,
    by: Arc<str>,
}

impl<T> Identity<T> {
    /// The name of the authenticator that proved the caller.
    #[must_use]
    pub fn by(&self) -> &str {
        &self.by
    }

    /// The caller's scopes.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.scopes.as_deref().unwrap_or_default()
    }

    /// Whether the caller has this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().iter().any(|one| one == scope)
    }

    /// When the proof ends, if it says so: what goes on after the request, such as a WebSocket, should
    /// end then too.
    #[must_use]
    pub fn good_until(&self) -> Option<SystemTime> {
        self.good_until
    }

    /// The identity itself, shared with whoever keeps it.
    #[must_use]
    pub fn into_inner(self) -> Arc<T> {
        self.identity
    }
}

impl<T> Deref for Identity<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.identity
    }
}

impl<T> Clone for Identity<T> {
    fn clone(&self) -> Self {
        Self {
            identity: Arc::clone(&self.identity),
            scopes: self.scopes.clone(),
            good_until: self.good_until,
            by: Arc::clone(&self.by),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Identity<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("identity", &self.identity)
            .field("by", &self.by)
            .finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Identity<T> {
    fn of(proved: &Proved) -> Option<Self> {
        let found = &proved.found;
        let identity = Arc::clone(&found.identity).downcast::<T>().ok()?;
        Some(Self {
            identity,
            scopes: found.scopes.clone(),
            good_until: found.good_until,
            by: Arc::clone(&proved.by),
        })
    }

    fn misuse(parts: &Parts, optional: bool, why: Option<String>) -> ExtractorMisuse {
        let name = type_name::<T>();
        let extractor = if optional {
            format!("Option<Identity<{name}>>")
        } else {
            format!("Identity<{name}>")
        };
        ExtractorMisuse::because(parts, Cow::Owned(extractor), why.map(Cow::Owned))
    }

    /// The identity of who was proved, or `None` where another authenticator of the route has this type.
    fn optional(
        parts: &Parts,
        proved: &Proved,
        endpoint: &Endpoint,
    ) -> Result<Option<Self>, ExtractorMisuse> {
        match Self::of(proved) {
            Some(identity) => Ok(Some(identity)),
            None if endpoint.identifies::<T>() => Ok(None),
            None => Err(Self::misuse(parts, true, Some(is_another(proved)))),
        }
    }
}

fn is_another(proved: &Proved) -> String {
    let Proved { found, by } = proved;
    format!(
        "the authenticator {by:?} identifies its callers as `{}`",
        found.type_name
    )
}

const SESSION_PROVED: &str = "the caller was proved by a session: take `Session`, or name an authenticator \
                              in `by`";

impl<T, S> FromRequestParts<S> for Identity<T>
where
    T: Send + Sync + 'static,
    S: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        let why = match Pass::caller(&parts.extensions) {
            Some(
                Caller::Proved { proved, .. }
                | Caller::Observed {
                    who: Some(Who::Proved(proved, _)),
                    ..
                },
            ) => match Self::of(proved) {
                Some(identity) => return Ok(identity),
                None => Some(is_another(proved)),
            },
            Some(
                Caller::Session(_)
                | Caller::Observed {
                    who: Some(Who::Session(_)),
                    ..
                },
            ) => Some(SESSION_PROVED.to_owned()),
            Some(Caller::Observed { denial, .. }) => {
                return Err(SessionRejection::Denied(*denial));
            }
            _ => None,
        };
        let misuse = Self::misuse(parts, false, why);
        Err(SessionRejection::Misuse(misuse))
    }
}

impl<T, S> OptionalFromRequestParts<S> for Identity<T>
where
    T: Send + Sync + 'static,
    S: Send + Sync,
{
    type Rejection = ExtractorMisuse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ExtractorMisuse> {
        let declaration = Pass::declaration(&parts.extensions);
        let by = declaration.and_then(|it| Declaration::by(it));
        let has_others = by.is_some_and(|by| by != by::SESSION);
        let why = match Pass::caller(&parts.extensions) {
            Some(
                Caller::Proved {
                    proved, endpoint, ..
                }
                | Caller::Optional {
                    who: Some(Who::Proved(proved, endpoint)),
                    ..
                }
                | Caller::Observed {
                    who: Some(Who::Proved(proved, endpoint)),
                    ..
                },
            ) => return Self::optional(parts, proved, endpoint),
            Some(Caller::Session(_) | Caller::Optional { .. }) if has_others => return Ok(None),
            Some(Caller::Session(_) | Caller::Optional { .. }) => Some(SESSION_PROVED.to_owned()),
            Some(Caller::Observed { .. }) => return Ok(None),
            _ => None,
        };
        Err(Self::misuse(parts, true, why))
    }
}
