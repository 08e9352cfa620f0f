//! The decision: a pure function of a declaration, the headers and the time.

use std::time::Duration;

use http::HeaderMap;

use crate::access::{AccessClass, Declaration};
use crate::assembly::BY_HANDLER;
use crate::clock::Timestamp;
use crate::cookie::{CookieTemplate, MAX_TRIED};
use crate::keys::Keys;
use crate::response::Denial;
use crate::token::{self, Refusal, Token};

/// What a decision is made with, borrowed from the layer.
pub(crate) struct Means<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) cookie: &'a CookieTemplate,
    pub(crate) idle_timeout: Duration,
    /// Asked only where the class needs it; `None` where the clock stands before 1970.
    pub(crate) now: &'a dyn Fn() -> Option<Timestamp>,
}

/// What becomes of a request.
pub(crate) enum Decision {
    /// To the handler, untouched.
    Forward,
    /// To the handler, which may start a session.
    ForwardIssuing,
    /// To the handler, with the session of the caller if there is a good one.
    ForwardOptional(Option<Admitted>),
    /// To the handler, with the session of the caller.
    Admit(Admitted),
    /// To the verifier, with the body.
    VerifyWebhook,
    /// Nowhere.
    Deny(Denial),
}

/// A verified session, and the cookie to write if it slides.
pub(crate) struct Admitted {
    pub(crate) token: Token,
    pub(crate) renewal: Option<Renewal>,
}

/// The token with its new deadline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    pub(crate) value: String,
    pub(crate) max_age: Duration,
}

/// Decides on a request to the endpoint that this declaration speaks for; `None` for one that
/// nobody declared, which is treated as a session route.
pub(crate) fn decide(
    declaration: Option<&Declaration>,
    headers: &HeaderMap,
    means: &Means<'_>,
) -> Decision {
    let class = declaration.map_or(AccessClass::Session, Declaration::class);
    let terms = declaration.map(|declaration| &declaration.terms);
    match class {
        AccessClass::Public => match terms {
            Some(terms) if terms.optional_session => {
                Decision::ForwardOptional(authenticate(headers, means).ok())
            }
            Some(terms) if terms.issues_session => Decision::ForwardIssuing,
            _ => Decision::Forward,
        },
        // The escape for handlers that authenticate the caller themselves.
        AccessClass::Webhook if terms.is_some_and(|t| t.verifier == Some(BY_HANDLER)) => {
            Decision::Forward
        }
        AccessClass::Webhook => Decision::VerifyWebhook,
        AccessClass::Session => match authenticate(headers, means) {
            Ok(admitted) => match terms.and_then(|terms| terms.scope) {
                Some(scope) if !admitted.token.scopes().any(|has| has == scope) => {
                    Decision::Deny(Denial::Scope)
                }
                _ => Decision::Admit(admitted),
            },
            Err(denial) => Decision::Deny(denial),
        },
    }
}

/// Finds the caller's session: the first value of the cookie that verifies wins. Where none does,
/// the reason is that of the value that came furthest.
fn authenticate(headers: &HeaderMap, means: &Means<'_>) -> Result<Admitted, Denial> {
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
                });
            }
            Err(refusal) => furthest = furthest.max(Some(refusal)),
        }
    }
    Err(match furthest {
        None => Denial::Missing,
        Some(Refusal::Malformed) => Denial::Malformed,
        Some(Refusal::BadSignature) => Denial::BadSignature,
        Some(Refusal::Expired) => Denial::Expired,
    })
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

/// Slides the idle deadline, at most once in a tenth of the idle time, so that a busy client is
/// not sent a cookie with each response.
fn renew(token: &Token, means: &Means<'_>, now: Timestamp) -> Option<Renewal> {
    let deadline = now.plus(means.idle_timeout).min(token.absolute_deadline);
    let gained = deadline.since(token.idle_deadline);
    // A gain of nothing is no reason to write, even where a tenth rounds down to nothing.
    if gained.is_zero() || gained < means.idle_timeout / 10 {
        return None;
    }
    Some(Renewal {
        value: token.renewed(means.keys, deadline),
        max_age: deadline.since(now),
    })
}

#[cfg(test)]
mod tests;
