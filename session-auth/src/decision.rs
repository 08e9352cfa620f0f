//! The decision: a pure function of a declaration, the headers and the time.

use std::time::Duration;

use http::{HeaderMap, Method, Uri};

use crate::access::{Access, Verify};
use crate::bearer::Presented;
use crate::clock::Timestamp;
use crate::cookie::{CookieTemplate, MAX_TRIED};
use crate::csrf::CrossOrigin;
use crate::keys::TokenKeys;
use crate::policy;
use crate::response::Denial;
use crate::scope::Scopes;
use crate::token::{self, Refusal, Token};

/// What a decision is made with, borrowed from the layer.
pub(crate) struct Means<'a> {
    pub(crate) keys: &'a TokenKeys,
    pub(crate) cookie: &'a CookieTemplate,
    /// Whether a token may come in `Authorization`.
    pub(crate) bearer: bool,
    pub(crate) cross_origin: &'a CrossOrigin,
    pub(crate) idle_timeout: Duration,
    /// Asked only where the class needs it; `None` where the clock stands before 1970.
    pub(crate) now: &'a dyn Fn() -> Option<Timestamp>,
}

/// What becomes of a request.
pub(crate) enum Decision {
    /// To the handler, with what it may have.
    Grant(Grant),
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
    /// The session of the caller if there is a good one; and it may start one.
    Optional {
        admitted: Option<Admitted>,
        issuing: bool,
        /// Whether a session may be used at all: not by a page of another origin.
        same_origin: bool,
    },
    /// The session of the caller.
    Session(Admitted),
}

/// What a decision looks at of a request.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
}

/// A verified session, and the cookie to write if it slides.
pub(crate) struct Admitted {
    pub(crate) token: Token,
    pub(crate) renewal: Option<Renewal>,
    /// When it was judged.
    pub(crate) now: Timestamp,
}

/// The token with its new deadline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    pub(crate) value: String,
    pub(crate) deadline: Timestamp,
    /// `None` where it ends with the browser.
    pub(crate) max_age: Option<Duration>,
}

/// Decides on a request to the endpoint of this access; `None` for one that nobody declared, which
/// needs a session.
pub(crate) fn decide(access: Option<&Access>, asked: &Asked<'_>, means: &Means<'_>) -> Decision {
    // Only where a session is to be used or started; a webhook's sender is no browser, and a public
    // form may stand on another site.
    let presented = Presented::by(asked.headers, means.cookie, means.bearer);
    let is_of_us = || {
        // No browser adds a token by itself.
        matches!(presented, Presented::Bearer(_))
            || access.is_some_and(|access| access.cross_origin().is_some())
            || means
                .cross_origin
                .allows(asked.method, asked.uri, asked.headers)
    };
    let scope = match access {
        // Or a page elsewhere logs its visitors in to an account that it knows (login CSRF, CWE-352).
        Some(Access::Public {
            issues_session: true,
            ..
        }) if !is_of_us() => return Decision::Deny(Denial::CrossOrigin),
        Some(Access::Public {
            issues_session,
            optional_session: true,
            ..
        }) => {
            let same_origin = *issues_session || is_of_us();
            let admitted = authenticate(&presented, asked.headers, means).ok();
            return Decision::Grant(Grant::Optional {
                admitted: admitted.filter(|_| same_origin),
                issuing: *issues_session,
                same_origin,
            });
        }
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
        Some(Access::Session { scope, .. }) => scope.as_deref(),
        None => None,
    };
    match authenticate(&presented, asked.headers, means) {
        Ok(admitted) => match scope {
            Some(scope) if !Scopes::of(scope).are_met_by(|name| admitted.token.has_scope(name)) => {
                Decision::Deny(Denial::Scope)
            }
            _ if !is_of_us() => Decision::Deny(Denial::CrossOrigin),
            _ => Decision::Grant(Grant::Session(admitted)),
        },
        Err(denial) => Decision::Deny(denial),
    }
}

/// Finds the caller's session: the first value of the cookie that verifies wins. Where none does,
/// the reason is that of the value that came furthest.
fn authenticate(
    presented: &Presented<'_>,
    headers: &HeaderMap,
    means: &Means<'_>,
) -> Result<Admitted, Denial> {
    match presented {
        Presented::Cookies => {}
        Presented::Bearer(value) => {
            let now = (means.now)().ok_or_else(clock_before_1970)?;
            let token = token::decode(means.keys, value, now).map_err(Denial::from)?;
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
    let mut furthest = None;
    let mut now = None;
    for value in means.cookie.values(headers).take(MAX_TRIED) {
        let now = match now {
            Some(now) => now,
            None => *now.insert((means.now)().ok_or_else(clock_before_1970)?),
        };
        match token::decode(means.keys, value, now) {
            Ok(token) => {
                return Ok(Admitted {
                    renewal: renew(&token, means, now),
                    token,
                    now,
                });
            }
            Err(refusal) => furthest = furthest.max(Some(refusal)),
        }
    }
    Err(furthest.map_or(Denial::Missing, Denial::from))
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
fn renew(token: &Token, means: &Means<'_>, now: Timestamp) -> Option<Renewal> {
    let idle_timeout = token.idle_timeout(means.idle_timeout);
    let deadline = policy::idle_deadline(now, idle_timeout, token.absolute_deadline());
    let gained = deadline.since(token.idle_deadline());
    let last = deadline == token.absolute_deadline() && !gained.is_zero();
    let slides = last || gained >= policy::step(idle_timeout);
    if !slides && !token.is_signed_by_an_older_key() {
        return None;
    }
    Some(Renewal {
        value: token.renewed(means.keys, deadline),
        deadline,
        max_age: token.lasts().max_age(deadline.since(now)),
    })
}

#[cfg(test)]
mod tests;
