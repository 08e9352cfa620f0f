//! The decision: a pure function of a declaration, the headers and the time.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, Uri};

use crate::access::{Access, Verify};
use crate::authenticate::Proved;
use crate::bearer::Presented;
use crate::by;
use crate::clock::Timestamp;
use crate::cookie::{CookieTemplate, MAX_TRIED};
use crate::csrf::CrossOrigin;
use crate::keys::TokenKeys;
use crate::policy;
use crate::response::Denial;
use crate::scope::Scopes;
use crate::session_id::SessionId;
use crate::token::{self, Refusal, Token};

/// What a decision is made with, borrowed from the layer.
pub(crate) struct Means<'a> {
    pub(crate) keys: &'a TokenKeys,
    pub(crate) cookie: &'a CookieTemplate,
    /// Whether a token may come in `Authorization`.
    pub(crate) bearer: bool,
    pub(crate) cross_origin: &'a CrossOrigin,
    pub(crate) idle_timeout: Duration,
    /// Whether the layer only says what it would refuse.
    pub(crate) observes: bool,
    /// Asked only where the class needs it; `None` where the clock stands before 1970.
    pub(crate) now: &'a dyn Fn() -> Option<Timestamp>,
}

/// What becomes of a request.
pub(crate) enum Decision {
    /// To the handler, with what it may have.
    Grant(Grant),
    /// To what may prove the caller, in the order of `by`.
    Authenticate,
    /// To the verifier, with the body.
    VerifyWebhook,
    /// To the handler of a webhook, which checks the proof itself.
    LeaveToHandler,
    /// Nowhere.
    Deny(Denial),
}

/// What a handler may have of the caller.
pub(crate) enum Grant {
    /// Nothing: a public route.
    Nothing,
    /// It may start a session.
    Issuing,
    /// Who calls, if that is known; and it may start a session.
    Optional {
        proven: Option<Proven>,
        issuing: bool,
        /// Whether a session may be used at all: not by a page of another origin.
        same_origin: bool,
    },
    /// Who calls.
    Proven(Proven),
    /// The same where the layer only observes, and why enforcing would refuse them.
    Observed(Proven, Denial),
}

/// What proved the caller.
pub(crate) enum Proven {
    Session(Admitted),
    /// An authenticator, at this time.
    By(Proved, SystemTime),
}

impl Proven {
    /// The name of what proved the caller.
    pub(crate) fn by(&self) -> &str {
        match self {
            Self::Session(_) => by::SESSION,
            Self::By(proved, _) => &proved.by,
        }
    }
}

/// What a decision looks at of a request.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    /// Sessions that the store was asked for and does not have: their cookies count for nothing.
    pub(crate) revoked: &'a [SessionId],
}

/// A verified session.
pub(crate) struct Admitted {
    pub(crate) token: Token,
    /// The deadline that it slides to, if it slides. The cookie is made when the answer goes out.
    pub(crate) renewal: Option<Timestamp>,
    /// When it was judged.
    pub(crate) now: Timestamp,
}

/// Whether anyone may call, and the handler sees nothing of who does.
#[inline]
pub(crate) fn is_open(access: &Access) -> bool {
    matches!(
        access,
        Access::Public {
            issues_session: false,
            optional_session: false,
            ..
        }
    )
}

/// Decides on a request to the endpoint of this access; `None` for one that nobody declared, which
/// needs a session.
pub(crate) fn decide(access: Option<&Access>, asked: &Asked<'_>, means: &Means<'_>) -> Decision {
    match access {
        // Or a page elsewhere logs its visitors in to an account that it knows (login CSRF, CWE-352). Where the
        // layer only observes, that is told when it is known who calls.
        Some(
            access @ Access::Public {
                issues_session: true,
                optional_session,
                ..
            },
        ) if !(means.observes && *optional_session) && is_login_of_others(access, asked, means) => {
            return Decision::Deny(Denial::CrossOrigin);
        }
        Some(Access::Public {
            optional_session: true,
            by,
            ..
        }) if by == by::SESSION => {}
        Some(Access::Public {
            optional_session: true,
            ..
        }) => return Decision::Authenticate,
        Some(Access::Public {
            issues_session: true,
            ..
        }) => return Decision::Grant(Grant::Issuing),
        Some(Access::Public { .. }) => return Decision::Grant(Grant::Nothing),
        // The escape for handlers that authenticate the caller themselves.
        Some(Access::Webhook {
            verify: Verify::Handler,
            ..
        }) => return Decision::LeaveToHandler,
        Some(Access::Webhook { .. }) => return Decision::VerifyWebhook,
        Some(Access::Session { by, .. }) if by != by::SESSION => return Decision::Authenticate,
        Some(Access::Session { .. }) | None => {}
    }
    let presented = Presented::by(asked.headers, means.cookie, means.bearer);
    let ambient = presented.is_ambient();
    let proven = authenticate(&presented, asked, means).map(Proven::Session);
    match admit(access, proven, ambient, asked, means) {
        Ok(grant) => Decision::Grant(grant),
        Err(denial) => Decision::Deny(denial),
    }
}

/// Decides on a caller who was looked for in each way that the route names: who it is, or the last
/// reason why that is not known. `ambient`: whether a browser sent the credential by itself.
pub(crate) fn admit(
    access: Option<&Access>,
    proven: Result<Proven, Denial>,
    ambient: bool,
    asked: &Asked<'_>,
    means: &Means<'_>,
) -> Result<Grant, Denial> {
    if let Some(public @ Access::Public { issues_session, .. }) = access {
        let same_origin = match issues_session {
            true => !means.observes || !is_login_of_others(public, asked, means),
            false => is_of_us(access, ambient, asked, means),
        };
        return Ok(Grant::Optional {
            proven: proven.ok().filter(|_| same_origin || means.observes),
            issuing: *issues_session,
            same_origin,
        });
    }
    let proven = proven?;
    match refusal(access, &proven, ambient, asked, means) {
        None => Ok(Grant::Proven(proven)),
        Some(denial) if means.observes => Ok(Grant::Observed(proven, denial)),
        Some(denial) => Err(denial),
    }
}

/// Why somebody who is known may not come in all the same.
fn refusal(
    access: Option<&Access>,
    proven: &Proven,
    ambient: bool,
    asked: &Asked<'_>,
    means: &Means<'_>,
) -> Option<Denial> {
    if let Some(Access::Session {
        scope: Some(scope), ..
    }) = access
        && !Scopes::of(scope).are_met_by(|name| proven.has_scope(name))
    {
        return Some(Denial::Scope);
    }
    (!is_of_us(access, ambient, asked, means)).then_some(Denial::CrossOrigin)
}

/// The session of the caller, and whether a browser sent it by itself.
pub(crate) fn session(asked: &Asked<'_>, means: &Means<'_>) -> (Result<Admitted, Denial>, bool) {
    let presented = Presented::by(asked.headers, means.cookie, means.bearer);
    let admitted = authenticate(&presented, asked, means);
    (admitted, presented.is_ambient())
}

fn is_by_cookie(asked: &Asked<'_>, means: &Means<'_>) -> bool {
    Presented::by(asked.headers, means.cookie, means.bearer).is_ambient()
}

/// Whether a page of another origin would start a session for its visitor.
fn is_login_of_others(access: &Access, asked: &Asked<'_>, means: &Means<'_>) -> bool {
    !is_of_us(Some(access), is_by_cookie(asked, means), asked, means)
}

/// Whether no page of another origin is at work. Asked only where a credential is to be used or a session
/// started; a webhook's sender is no browser, and a public form may stand on another site.
fn is_of_us(access: Option<&Access>, ambient: bool, asked: &Asked<'_>, means: &Means<'_>) -> bool {
    // No browser adds a token by itself.
    !ambient
        || access.is_some_and(|access| access.cross_origin().is_some())
        || means
            .cross_origin
            .allows(asked.method, asked.uri, asked.headers)
}

impl Proven {
    fn has_scope(&self, name: &str) -> bool {
        match self {
            Self::Session(admitted) => admitted.token.has_scope(name),
            Self::By(proved, _) => proved.found.scopes().iter().any(|scope| scope == name),
        }
    }
}

/// Finds the caller's session. Of several cookies that verify the one issued last counts, of the same second the
/// last of the header, where RFC 6265, section 5.4, has the one that the browser got last: it may have kept an
/// older one, of another path or partition. Where none verifies, the reason is that of the value that came
/// furthest.
fn authenticate(
    presented: &Presented<'_>,
    asked: &Asked<'_>,
    means: &Means<'_>,
) -> Result<Admitted, Denial> {
    let is_revoked = |token: &Token| asked.revoked.iter().any(|id| *id.as_bytes() == token.id());
    match presented {
        Presented::Cookies => {}
        Presented::Bearer(value) => {
            let now = (means.now)().ok_or_else(clock_before_1970)?;
            let token = token::decode(means.keys, value, now).map_err(Denial::from)?;
            if is_revoked(&token) {
                return Err(Denial::Revoked);
            }
            // Nothing can be written back.
            let renewal = None;
            return Ok(Admitted {
                token,
                renewal,
                now,
            });
        }
        Presented::TooMuch => return Err(Denial::Malformed),
    }
    let mut found: Option<Token> = None;
    let mut furthest = None;
    let mut clock = None;
    for value in means.cookie.values(asked.headers).take(MAX_TRIED) {
        let now = match clock {
            Some(now) => now,
            None => *clock.insert((means.now)().ok_or_else(clock_before_1970)?),
        };
        match token::decode(means.keys, value, now) {
            Ok(token) if is_revoked(&token) => {}
            Ok(token) => {
                if found
                    .as_ref()
                    .is_none_or(|other| token.age() >= other.age())
                {
                    found = Some(token);
                }
            }
            Err(refusal) => furthest = furthest.max(Some(refusal)),
        }
    }
    match (found, clock) {
        (Some(token), Some(now)) => Ok(Admitted {
            renewal: renewal(&token, means, now),
            token,
            now,
        }),
        _ => Err(furthest.map_or(Denial::Missing, Denial::from)),
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::Malformed,
            Refusal::BadSignature => Self::BadSignature,
            Refusal::Expired => Self::Expired,
        }
    }
}

/// No deadline can be judged, so none holds.
#[cold]
fn clock_before_1970() -> Denial {
    tracing::error!(
        target: "session_auth",
        "the system clock stands before 1970: every session is refused until it is set"
    );
    Denial::Expired
}

/// Slides the idle deadline if that gains a tenth of the idle time, or the absolute deadline; and at
/// once where an older key signed the session, so that it outlives that key.
fn renewal(token: &Token, means: &Means<'_>, now: Timestamp) -> Option<Timestamp> {
    let idle_timeout = token.idle_timeout(means.idle_timeout);
    let deadline = policy::idle_deadline(now, idle_timeout, token.absolute_deadline());
    let gained = deadline.since(token.idle_deadline());
    let last = deadline == token.absolute_deadline() && !gained.is_zero();
    let slides = last || gained >= policy::step(idle_timeout);
    (slides || token.is_signed_by_an_older_key()).then_some(deadline)
}

#[cfg(test)]
mod tests;
