//! The pass: what a guard puts on a request that it lets through, and what a handler asks for.
//!
//! 1. Only a guard can make one: the type is private to the crate.
//! 2. It is for one declaration. Another handler's opens nothing.
//! 3. It is used once in each copy of a request: a retry or a mirror clones a request before its
//!    handler has run.
//! 4. It ends with the guard's answer, and [`GRACE`] later for work that a middleware has spawned.
//!    A copy that was kept opens nothing afterwards.

pub(crate) mod places;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum_core::extract::DefaultBodyLimit;
use http::header::CONTENT_TYPE;
use http::{Extensions, HeaderValue, Request, Response, StatusCode};

use crate::access::{DeclarationRef, Location};
use crate::activity::Endpoint;
use crate::authenticate::Proved;
use crate::mode::Mode;
use crate::response::Denial;
use crate::session::Session;
use crate::sessions::Sessions;
use crate::webhook::Delivery;

/// How long a pass works after the answer: a middleware may have spawned the handler's work.
const GRACE: Duration = Duration::from_secs(30);

/// What a guard found out about the caller.
pub(crate) enum Caller {
    /// A session.
    Session(Session),
    /// Whom an authenticator proved.
    Proved {
        proved: Proved,
        endpoint: Arc<Endpoint>,
        sessions: Sessions,
    },
    /// A public route that may see who calls, and end a session.
    Optional {
        who: Option<Who>,
        sessions: Sessions,
        /// Whether it may start one.
        issuing: bool,
        /// The request's endpoint, where it comes from a page of another origin, and what that is to mean.
        cross_origin: Option<(Arc<Endpoint>, Mode)>,
    },
    /// A public route that may start a session.
    Issues(Sessions),
    /// A webhook, verified unless its handler does that, and how large a body its handler may read.
    Delivery(Option<Delivery>, Option<DefaultBodyLimit>),
    /// Nobody who may come in, but mode `observe` lets everybody through.
    Observed {
        denial: Denial,
        sessions: Sessions,
        /// Who it is, where that is known.
        who: Option<Who>,
        /// How large a body a webhook's handler may read.
        limit: Option<DefaultBodyLimit>,
    },
    /// A CORS preflight, which the check refused: it goes in for a `CorsLayer` to answer, and no
    /// further.
    Preflight(Denial),
}

impl Caller {
    /// Somebody whom mode `observe` lets through, and of whom nothing is known.
    pub(crate) fn observed(denial: Denial, sessions: &Sessions) -> Self {
        Self::Observed {
            denial,
            sessions: sessions.clone(),
            who: None,
            limit: None,
        }
    }
}

/// Who calls a route that does not need to know, or lets them in all the same.
pub(crate) enum Who {
    Session(Session),
    Proved(Proved, Arc<Endpoint>),
}

/// In a request's extensions from the guard to the handler.
#[derive(Clone)]
pub(crate) struct Pass {
    grant: Arc<Grant>,
    used: bool,
}

struct Grant {
    /// `None` on a route that nobody declared.
    declaration: Option<DeclarationRef>,
    caller: Caller,
    /// When the guard answered, as [`now`] counts; 0 until then.
    answered: AtomicU64,
}

/// Ends a pass when it is dropped: with the guard's answer, or with a request that was given up.
pub(crate) struct PassEnd(Arc<Grant>);

impl Drop for PassEnd {
    fn drop(&mut self) {
        // Where nobody holds the pass any more, nobody will ask when it ended: the clock costs more
        // than the rest of it.
        if Arc::strong_count(&self.0) > 1 {
            self.0.answered.store(now(), Ordering::Relaxed);
        }
    }
}

/// Milliseconds since the first call in this process, and 1 at least.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

/// Why a handler does not run.
#[derive(Debug)]
pub(crate) enum Unpassed {
    /// There is no pass: no guard is around it, or a middleware made a request of its own.
    None,
    /// The pass is for another declaration.
    OfAnother(Option<DeclarationRef>),
    /// It has let a handler run already.
    Used,
    /// Its request was answered long ago.
    Late,
    /// The check refused a preflight, and nothing inside answered it.
    Preflight(Denial),
}

impl Pass {
    /// Puts a pass on a request, in the place of whatever an outer guard left there.
    #[must_use = "the pass ends when this is dropped"]
    pub(crate) fn put(
        extensions: &mut Extensions,
        declaration: Option<DeclarationRef>,
        caller: Caller,
    ) -> PassEnd {
        let grant = Arc::new(Grant {
            declaration,
            caller,
            answered: AtomicU64::new(0),
        });
        extensions.insert(Self {
            grant: Arc::clone(&grant),
            used: false,
        });
        PassEnd(grant)
    }

    /// Takes off what an outer guard left: it was for another route.
    pub(crate) fn take_off(extensions: &mut Extensions) {
        extensions.remove::<Self>();
    }

    /// What the guard found out about the caller.
    pub(crate) fn caller(extensions: &Extensions) -> Option<&Caller> {
        extensions.get::<Self>().map(|pass| &pass.grant.caller)
    }

    /// Lets the handler read a webhook's body as far as its declaration says, whatever a router-wide
    /// [`DefaultBodyLimit`] and axum's own, of 2 MB, say of all others.
    pub(crate) fn limit_body<B>(request: &mut Request<B>) {
        let pass = request.extensions().get::<Self>();
        if let Some(limit) = pass.and_then(Self::limit) {
            limit.apply(request);
        }
    }

    fn limit(&self) -> Option<DefaultBodyLimit> {
        match self.grant.caller {
            Caller::Delivery(_, limit) | Caller::Observed { limit, .. } => limit,
            _ => None,
        }
    }

    /// The declaration that the request was checked against.
    pub(crate) fn declaration(extensions: &Extensions) -> Option<&DeclarationRef> {
        extensions.get::<Self>()?.grant.declaration.as_ref()
    }

    /// Uses the pass of this copy of the request, if it is for this declaration, and limits the body
    /// once more: a layer of the router has had its say since the guard.
    pub(crate) fn demand<B>(
        request: &mut Request<B>,
        declaration: &DeclarationRef,
    ) -> Result<(), Unpassed> {
        if let Some(limit) = Self::demand_at(request.extensions_mut(), declaration, now)? {
            limit.apply(request);
        }
        Ok(())
    }

    fn demand_at(
        extensions: &mut Extensions,
        declaration: &DeclarationRef,
        now: impl FnOnce() -> u64,
    ) -> Result<Option<DefaultBodyLimit>, Unpassed> {
        let Some(pass) = extensions.get_mut::<Self>() else {
            return Err(Unpassed::None);
        };
        match &pass.grant.declaration {
            Some(of) if of.is(declaration) => {}
            of => return Err(Unpassed::OfAnother(of.clone())),
        }
        if pass.used {
            return Err(Unpassed::Used);
        }
        let answered = pass.grant.answered.load(Ordering::Relaxed);
        if answered != 0 && now().saturating_sub(answered) > GRACE.as_millis() as u64 {
            return Err(Unpassed::Late);
        }
        if let Caller::Preflight(denial) = pass.grant.caller {
            return Err(Unpassed::Preflight(denial));
        }
        pass.used = true;
        Ok(pass.limit())
    }
}

/// A handler that was reached without its pass, and refused to run: since the program started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnguardedHandler {
    /// The handler by its full path; `closure` or `service` for what has none.
    pub handler: String,
    /// Where it was mounted.
    pub mounted: Location,
    /// How often it refused.
    pub refused: u64,
}

type Refused = BTreeMap<(Location, String), u64>;

/// Apart from any layer: such a handler has none around it, or the wrong one.
static REFUSED: Mutex<Refused> = Mutex::new(BTreeMap::new());

/// The handlers that were reached without their guard's pass and refused to run, with how often.
/// Empty in a program without mistakes; each refusal was answered with a 500 and logged at ERROR.
#[must_use]
pub fn unguarded_handlers() -> Vec<UnguardedHandler> {
    let refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let all = refused
        .iter()
        .map(|((mounted, handler), count)| UnguardedHandler {
            handler: handler.clone(),
            mounted: mounted.clone(),
            refused: *count,
        });
    all.collect()
}

impl Unpassed {
    /// Counts and logs the refusal, and makes its response.
    #[cold]
    pub(crate) fn refuse(
        &self,
        declaration: &DeclarationRef,
        mounted: &Location,
    ) -> Response<Body> {
        if let Self::Preflight(denial) = self {
            return denial.into_response();
        }
        let key = (mounted.clone(), declaration.handler().to_owned());
        let count = {
            let mut refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
            let count = refused.entry(key).or_default();
            *count += 1;
            *count
        };
        // Each time there are twice as many: often enough to be seen, and never a flood.
        if count.is_power_of_two() {
            tracing::error!(
                target: "session_auth",
                handler = declaration.handler(),
                declared = %declaration.location(),
                %mounted,
                count,
                "{} {} was reached without its guard and refused to run: {self}",
                declaration.class(),
                declaration.target(),
            );
        }
        let mut response = Response::new(Body::from(r#"{"error":"Internal server error"}"#));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl fmt::Display for Unpassed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str(
                "no guard checked the request. Serve what `SessionAuthLayer::protect` returns, and \
                 let a middleware that builds a request of its own keep the extensions of the old \
                 one",
            ),
            Self::OfAnother(Some(other)) => write!(
                f,
                "the request was checked for another handler, {} ({}, declared at {}). Mount the \
                 handler on the router itself, not inside a service, a layer or a state",
                other.handler(),
                other.target(),
                other.location()
            ),
            Self::OfAnother(None) => f.write_str(
                "the request came in on a route that nobody declared. Mount the handler on the \
                 router itself, not inside a service, a layer or a state",
            ),
            Self::Used => f.write_str(
                "the request has run a handler already. A middleware that calls a handler twice \
                 has to clone the request before the first call",
            ),
            Self::Late => write!(
                f,
                "the request was answered more than {} seconds ago. Nothing that was kept of a \
                 request lets a later one in",
                GRACE.as_secs()
            ),
            Self::Preflight(denial) => denial.fmt(f),
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
