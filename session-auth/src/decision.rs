//! The decision: a pure function of a declaration, the headers and the time.

use std::time::Duration;

use http::{HeaderMap, Method, Uri};

use crate::access::{AccessClass, Declaration};
use crate::assembly::BY_HANDLER;
use crate::clock::Timestamp;
use crate::cookie::{CookieTemplate, MAX_TRIED};
use crate::csrf::CrossOrigin;
use crate::keys::Keys;
use crate::response::Denial;
use crate::token::{self, Refusal, Token};

/// What a decision is made with, borrowed from the layer.
pub(crate) struct Means<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) cookie: &'a CookieTemplate,
    pub(crate) cross_origin: &'a CrossOrigin,
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
    pub(crate) max_age: Duration,
}

/// Decides on a request to the endpoint that this declaration speaks for; `None` for one that
/// nobody declared, which is treated as a session route.
pub(crate) fn decide(
    declaration: Option<&Declaration>,
    asked: &Asked<'_>,
    means: &Means<'_>,
) -> Decision {
    // Only where a session is to be used; a webhook's sender is no browser, and a public form may
    // stand on another site.
    let may_use_session = || {
        means
            .cross_origin
            .allows(asked.method, asked.uri, asked.headers)
    };
    let class = declaration.map_or(AccessClass::Session, Declaration::class);
    let terms = declaration.map(|declaration| &declaration.terms);
    match class {
        AccessClass::Public => match terms {
            Some(terms) if terms.optional_session => {
                let admitted = authenticate(asked.headers, means).ok();
                Decision::ForwardOptional(admitted.filter(|_| may_use_session()))
            }
            Some(terms) if terms.issues_session => Decision::ForwardIssuing,
            _ => Decision::Forward,
        },
        // The escape for handlers that authenticate the caller themselves.
        AccessClass::Webhook if terms.is_some_and(|t| t.verifier == Some(BY_HANDLER)) => {
            Decision::Forward
        }
        AccessClass::Webhook => Decision::VerifyWebhook,
        AccessClass::Session => match authenticate(asked.headers, means) {
            Ok(admitted) => match terms.and_then(|terms| terms.scope) {
                Some(scope) if !admitted.token.scopes().any(|has| has == scope) => {
                    Decision::Deny(Denial::Scope)
                }
                _ if !may_use_session() => Decision::Deny(Denial::CrossOrigin),
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
                    now,
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
/// not sent a cookie with each response; and at once where an older key signed the session, so that
/// it outlives that key.
fn renew(token: &Token, means: &Means<'_>, now: Timestamp) -> Option<Renewal> {
    let deadline = now.plus(means.idle_timeout).min(token.absolute_deadline);
    let gained = deadline.since(token.idle_deadline);
    // A gain of nothing is no reason to write, even where a tenth rounds down to nothing.
    let slides = !gained.is_zero() && gained >= means.idle_timeout / 10;
    if !slides && !token.is_signed_by_an_older_key() {
        return None;
    }
    Some(Renewal {
        value: token.renewed(means.keys, deadline),
        deadline,
        max_age: deadline.since(now),
    })
}

#[cfg(test)]
mod tests;
