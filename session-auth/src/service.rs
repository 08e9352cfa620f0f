//! What every guard does with a request: a verdict by the decision, and what that says. It decides nothing
//! itself.

mod authenticate;
mod check;
mod unread;
mod webhook;

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::OriginalUri;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response};

use self::check::Standing;
use crate::access::AccessClass;
use crate::activity::Endpoint;
use crate::authenticate::RequestParts;
use crate::by;
use crate::clock::Timestamp;
use crate::decision::{self, Admitted, Asked, Decision, Grant, Means, Proven};
use crate::future::{Outcome, RenewCookie, ResponseFuture, Vary};
use crate::mode::Mode;
use crate::pass::{Caller, Pass, Who};
use crate::response::Denial;
use crate::session::Session;
use crate::session_id::SessionId;
use crate::shared::Shared;

/// The service inside a guard.
pub(crate) trait Next {
    type Future;

    /// Calls it, once.
    fn call(self, request: Request<Body>) -> Self::Future;

    /// The same later, for a future that outlives the guard's call.
    fn later(self) -> impl FnOnce(Request<Body>) -> Self::Future + Send + 'static;
}

/// What becomes of a request.
pub(crate) enum Verdict<'a> {
    /// It goes in, and nothing is to be done with the answer.
    Open,
    /// It goes in, and this is to be done with the answer.
    LetIn(Outcome),
    /// It is answered.
    Answered(Response<Body>),
    /// Its head does not say.
    Later {
        rest: Rest,
        endpoint: &'a Arc<Endpoint>,
        /// Whether the handler asks for its pass by itself.
        sealed: bool,
    },
}

/// What became of a request that was judged to the end.
pub(crate) enum Settled {
    /// It goes in, and this is to be done with the answer.
    LetIn(Outcome),
    /// It is answered.
    Answered(Response<Body>),
}

impl From<Settled> for Verdict<'_> {
    fn from(settled: Settled) -> Self {
        match settled {
            Settled::LetIn(outcome) => Self::LetIn(outcome),
            Settled::Answered(response) => Self::Answered(response),
        }
    }
}

/// What is to be done for a verdict.
pub(crate) enum Rest {
    Authenticate,
    VerifyWebhook,
    LeaveToHandler,
    /// The store knows whether the session still is one.
    CheckStore(Grant),
}

/// Does with a request what was decided.
///
/// In line, and apart from the decision, for which the request stays in its place: it is large, and each
/// call by value copies it.
#[inline]
pub(crate) fn carry_out<N, E>(
    next: N,
    shared: &Arc<Shared>,
    verdict: Verdict<'_>,
    request: Request<Body>,
) -> ResponseFuture<N::Future, E>
where
    N: Next,
    N::Future: Future<Output = Result<Response<Body>, E>> + Send + 'static,
    E: Send + 'static,
{
    match verdict {
        Verdict::Open => ResponseFuture::open(next.call(request)),
        Verdict::LetIn(outcome) => ResponseFuture::forward(next.call(request), outcome),
        Verdict::Answered(response) => {
            // As on the other paths it is moved: what may have to be dropped at the end is copied first.
            unread::discard(request);
            ResponseFuture::denied(response)
        }
        Verdict::Later {
            rest,
            endpoint,
            sealed,
        } => go_on(next, shared, endpoint, sealed, rest, request),
    }
}

fn go_on<N, E>(
    next: N,
    shared: &Arc<Shared>,
    endpoint: &Arc<Endpoint>,
    sealed: bool,
    rest: Rest,
    request: Request<Body>,
) -> ResponseFuture<N::Future, E>
where
    N: Next,
    N::Future: Future<Output = Result<Response<Body>, E>> + Send + 'static,
    E: Send + 'static,
{
    match rest {
        Rest::Authenticate => authenticate::authenticate(next, shared, endpoint, sealed, request),
        Rest::LeaveToHandler => webhook::leave_to_handler(next, shared, endpoint, sealed, request),
        Rest::VerifyWebhook => {
            let next = next.later();
            let (shared, endpoint) = (Arc::clone(shared), Arc::clone(endpoint));
            let verified = webhook::verify(next, shared, endpoint, sealed, request);
            ResponseFuture::boxed(verified)
        }
        Rest::CheckStore(grant) => {
            let next = next.later();
            let (shared, endpoint) = (Arc::clone(shared), Arc::clone(endpoint));
            let checked = check_store(next, shared, endpoint, sealed, grant, request);
            ResponseFuture::boxed(checked)
        }
    }
}

/// Why a request is refused, and what the answer asks for where that is not what it always is.
pub(crate) struct Denied {
    pub(crate) denial: Denial,
    /// That of the authenticator which was asked last.
    pub(crate) challenge: Option<HeaderValue>,
}

impl From<Denial> for Denied {
    fn from(denial: Denial) -> Self {
        Self {
            denial,
            challenge: None,
        }
    }
}

impl<'a> Asked<'a> {
    fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            revoked: &[],
        }
    }

    /// The same, without the sessions that the store does not have.
    fn without(self, revoked: &'a [SessionId]) -> Self {
        Self { revoked, ..self }
    }
}

impl Grant {
    fn admitted(&self) -> Option<&Admitted> {
        match self {
            Self::Proven(Proven::Session(admitted))
            | Self::Observed(Proven::Session(admitted), _)
            | Self::Optional {
                proven: Some(Proven::Session(admitted)),
                ..
            } => Some(admitted),
            _ => None,
        }
    }

    /// The same, and the browser keeps the cookie that it has: it is of the session's new id, or will
    /// be.
    fn without_renewal(mut self) -> Self {
        if let Self::Proven(Proven::Session(admitted))
        | Self::Observed(Proven::Session(admitted), _)
        | Self::Optional {
            proven: Some(Proven::Session(admitted)),
            ..
        } = &mut self
        {
            admitted.renewal = None;
        }
        self
    }
}

impl Shared {
    /// What decisions are made with.
    fn with_means<T>(&self, decide: impl FnOnce(&Means<'_>) -> T) -> T {
        let policy = &self.policy;
        decide(&Means {
            keys: &policy.keys,
            cookie: &policy.cookie,
            bearer: policy.bearer,
            cross_origin: &self.cross_origin,
            idle_timeout: policy.idle_timeout,
            observes: self.mode == Mode::Observe,
            now: &|| Timestamp::of(&policy.clock),
        })
    }

    /// Decides on a request by its head, and where that is all there is to it, puts the pass on the
    /// request or makes the answer.
    #[inline]
    pub(crate) fn judge<'a>(
        self: &Arc<Self>,
        endpoint: &'a Arc<Endpoint>,
        sealed: bool,
        request: &mut Request<Body>,
    ) -> Verdict<'a> {
        if !self.reserving.is_empty() {
            self.take_off_reserved(request);
        }
        if endpoint.is_open {
            Pass::take_off(request.extensions_mut());
            endpoint.counters.pass();
            return Verdict::Open;
        }
        self.decide(endpoint, sealed, request)
    }

    fn decide<'a>(
        self: &Arc<Self>,
        endpoint: &'a Arc<Endpoint>,
        sealed: bool,
        request: &mut Request<Body>,
    ) -> Verdict<'a> {
        if endpoint.declaration.is_none() && !endpoint.is_probed {
            log_unclassified(endpoint, request);
        }
        let later = |rest| Verdict::Later {
            rest,
            endpoint,
            sealed,
        };
        let decision = self
            .with_means(|means| decision::decide(endpoint.access(), &Asked::of(request), means));
        let grant = match decision {
            Decision::Grant(grant) => grant,
            Decision::Authenticate => return later(Rest::Authenticate),
            Decision::VerifyWebhook => return later(Rest::VerifyWebhook),
            Decision::LeaveToHandler => return later(Rest::LeaveToHandler),
            Decision::Deny(denial) => {
                return self.refuse(endpoint, denial.into(), sealed, request).into();
            }
        };
        if self.policy.store.is_some() && grant.admitted().is_some() {
            return later(Rest::CheckStore(grant));
        }
        Verdict::LetIn(self.let_in(request, endpoint, grant))
    }

    /// Answers a request that is denied whatever its endpoint says, or lets it through where the layer only
    /// observes.
    pub(crate) fn deny(
        &self,
        endpoint: &Arc<Endpoint>,
        denial: Denial,
        sealed: bool,
        request: &mut Request<Body>,
    ) -> Verdict<'static> {
        if !self.reserving.is_empty() {
            self.take_off_reserved(request);
        }
        self.refuse(endpoint, denial.into(), sealed, request).into()
    }

    /// Takes off what only the peers of an authenticator may send.
    #[cold]
    fn take_off_reserved(&self, request: &mut Request<Body>) {
        for authenticator in &self.reserving {
            let parts = RequestParts::by_clock(request, &*self.policy.clock);
            for name in authenticator.forbidden(&parts) {
                request.headers_mut().remove(name);
            }
        }
    }

    /// Decides once more where the store does not have the session: the request may have the cookie of another
    /// one. `None` where it has none; an error where that one is not good for this route.
    #[cold]
    fn by_another_cookie(
        &self,
        endpoint: &Endpoint,
        request: &Request<Body>,
        grant: &Grant,
        revoked: &mut Vec<SessionId>,
    ) -> Option<Result<Grant, Denial>> {
        revoked.push(SessionId::from_bytes(grant.admitted()?.token.id()));
        let asked = Asked::of(request).without(revoked);
        match self.with_means(|means| decision::decide(endpoint.access(), &asked, means)) {
            Decision::Grant(other) => other.admitted().is_some().then_some(Ok(other)),
            Decision::Deny(denial @ (Denial::Scope | Denial::CrossOrigin)) => Some(Err(denial)),
            _ => None,
        }
    }

    /// Puts the pass on a request, counts it, and says what is to be done with the answer.
    fn let_in(
        self: &Arc<Self>,
        request: &mut Request<Body>,
        endpoint: &Arc<Endpoint>,
        grant: Grant,
    ) -> Outcome {
        let vary = match grant {
            Grant::Optional { .. } if self.policy.bearer || !endpoint.is_by_session_alone() => {
                Vary::CookieAndToken
            }
            Grant::Optional { .. } => Vary::Cookie,
            _ => Vary::Nothing,
        };
        let mut renewal = None;
        let mut session_of = |admitted: Admitted| {
            let mut token = admitted.token;
            if let Some(deadline) = admitted.renewal {
                token.slide(deadline);
            }
            let session = Session::new(token, Arc::clone(&self.policy));
            renewal = admitted.renewal.map(|deadline| {
                let policy = Arc::clone(&self.policy);
                Box::new(RenewCookie::new(policy, session.clone(), deadline))
            });
            session
        };
        let mut who = |proven| match proven {
            Proven::Session(admitted) => Who::Session(session_of(admitted)),
            Proven::By(proved, _) => Who::Proved(proved, Arc::clone(endpoint)),
        };
        let caller = match grant {
            Grant::Nothing => Caller::Delivery(None, None),
            Grant::Issuing => Caller::Issues(self.sessions.clone()),
            Grant::Optional {
                proven,
                issuing,
                same_origin,
            } => {
                if issuing && !same_origin {
                    // Else it had been refused.
                    endpoint.observe(Denial::CrossOrigin, self.now());
                }
                let of_others = !issuing && !same_origin;
                Caller::Optional {
                    who: proven.map(|proven| {
                        endpoint.count_caller(proven.by());
                        who(proven)
                    }),
                    sessions: self.sessions.clone(),
                    issuing,
                    cross_origin: of_others.then(|| (Arc::clone(endpoint), self.mode)),
                }
            }
            Grant::Proven(Proven::Session(admitted)) => {
                endpoint.count_caller(by::SESSION);
                endpoint.counters.saw_session(admitted.now);
                Caller::Session(session_of(admitted))
            }
            Grant::Proven(Proven::By(proved, now)) => {
                endpoint.count_caller(&proved.by);
                if let Some(now) = Timestamp::at(now) {
                    endpoint.counters.saw_session(now);
                }
                Caller::Proved {
                    proved,
                    endpoint: Arc::clone(endpoint),
                    sessions: self.sessions.clone(),
                }
            }
            Grant::Observed(proven, denial) => {
                endpoint.observe(denial, self.now());
                Caller::Observed {
                    denial,
                    sessions: self.sessions.clone(),
                    who: Some(who(proven)),
                    limit: None,
                }
            }
        };
        if !matches!(caller, Caller::Observed { .. }) {
            self.show(request, endpoint);
        }
        let end = Pass::put(request.extensions_mut(), endpoint.handler.clone(), caller);
        endpoint.counters.pass();
        Outcome::of_pass(end, renewal).varying(vary)
    }

    /// The same, by what the store says of the session.
    fn let_in_if(
        self: &Arc<Self>,
        checked: Result<Standing, Denial>,
        endpoint: &Arc<Endpoint>,
        grant: Grant,
        request: &mut Request<Body>,
    ) -> Result<Outcome, Denial> {
        let grant = match (checked, grant) {
            (Ok(Standing::Live), grant) => grant,
            (Ok(Standing::Renewed), grant) => grant.without_renewal(),
            // Nothing of a session can break this route.
            (
                Err(_),
                Grant::Optional {
                    issuing,
                    same_origin,
                    ..
                },
            ) => Grant::Optional {
                proven: None,
                issuing,
                same_origin,
            },
            (Err(denial), _) => return Err(denial),
        };
        Ok(self.let_in(request, endpoint, grant))
    }

    /// Gives the listing what it shows, for whom it may be shown to.
    pub(crate) fn show(self: &Arc<Self>, request: &mut Request<Body>, endpoint: &Endpoint) {
        #[cfg(feature = "listing")]
        if endpoint.is_listing() {
            let shown = crate::listing::Shown(Arc::clone(self));
            request.extensions_mut().insert(shown);
        }
        #[cfg(not(feature = "listing"))]
        let _ = (request, endpoint);
    }

    /// Counts a denial and makes its response, unless the request goes on all the same: since the layer
    /// only observes, or for a `CorsLayer` inside to answer a preflight, where no handler runs.
    pub(crate) fn refuse(
        &self,
        endpoint: &Arc<Endpoint>,
        denied: Denied,
        sealed: bool,
        request: &mut Request<Body>,
    ) -> Settled {
        let Denied { denial, challenge } = denied;
        let handler = endpoint.handler.clone();
        if self.mode == Mode::Observe {
            endpoint.observe(denial, self.now());
            if endpoint.class() == Some(AccessClass::Webhook) {
                return Settled::LetIn(webhook::observe(self, endpoint, denial, request));
            }
            endpoint.counters.pass();
            let caller = Caller::observed(denial, &self.sessions);
            let end = Pass::put(request.extensions_mut(), handler, caller);
            return Settled::LetIn(Outcome::of_pass(end, None));
        }
        if sealed && is_preflight(request) {
            let caller = Caller::Preflight(denial);
            let end = Pass::put(request.extensions_mut(), handler, caller);
            return Settled::LetIn(Outcome::of_preflight(end));
        }
        if !endpoint.is_probed {
            tracing::debug!(target: "session_auth", route = endpoint.route, reason = %denial, "denied");
        }
        endpoint.deny(denial, self.now());
        let login = self.login.as_ref().filter(|_| endpoint.is_for_browsers());
        let redirect = login.and_then(|login| {
            // As the browser sees it: a nested router has a shorter one.
            let uri = match request.extensions().get::<OriginalUri>() {
                Some(OriginalUri(original)) => original,
                None => request.uri(),
            };
            login.redirect(denial, request.method(), uri, request.headers())
        });
        let answer = || {
            let mut response = endpoint.denied(denial, request);
            if let Some(challenge) = challenge {
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            } else if self.policy.bearer && denial.is_unauthenticated() {
                let challenge = HeaderValue::from_static("Bearer");
                response.headers_mut().append(WWW_AUTHENTICATE, challenge);
            }
            response
        };
        Settled::Answered(redirect.unwrap_or_else(answer))
    }
}

/// Says that a request went to a route that nobody declared, denied or not.
#[cold]
pub(crate) fn log_unclassified(endpoint: &Endpoint, request: &Request<Body>) {
    let count = endpoint.counters.unclassified();
    // Each time there are twice as many: often enough to be seen, and never a flood.
    if count.is_power_of_two() {
        tracing::error!(
            target: "session_auth",
            route = endpoint.route,
            method = %request.method(),
            // Debug: a path comes from the caller, and must not write lines of its own.
            path = ?request.uri().path(),
            count,
            "unclassified: nobody declared who may call this route, so it needs a session. Add \
             #[public_route], #[webhook_route] or #[session_route] to its handler"
        );
    }
}

/// A CORS preflight, by the Fetch standard: `OPTIONS` with the two headers that it always has.
pub(crate) fn is_preflight(request: &Request<Body>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Asks the store whether the session still is one, then goes on as without a store.
///
/// A block and not an `async fn`, whose future holds its arguments twice; what few requests wait for is boxed
/// apart. A future of more than a kilobyte costs the allocator more than the rest of this.
fn check_store<F, E>(
    next: impl FnOnce(Request<Body>) -> F + Send + 'static,
    shared: Arc<Shared>,
    endpoint: Arc<Endpoint>,
    sealed: bool,
    mut grant: Grant,
    mut request: Request<Body>,
) -> Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>
where
    F: Future<Output = Result<Response<Body>, E>> + Send + 'static,
    E: Send + 'static,
{
    Box::pin(async move {
        let mut revoked = Vec::new();
        let checked = loop {
            let checked = match grant.admitted() {
                Some(admitted) => check::check(&shared.policy, admitted).await,
                None => Ok(Standing::Live),
            };
            if !matches!(checked, Err(Denial::Revoked)) {
                break checked;
            }
            match shared.by_another_cookie(&endpoint, &request, &grant, &mut revoked) {
                Some(Ok(other)) => grant = other,
                Some(Err(denial)) => break Err(denial),
                None => break checked,
            }
        };
        let settled = match shared.let_in_if(checked, &endpoint, grant, &mut request) {
            Ok(outcome) => Settled::LetIn(outcome),
            Err(denial) => shared.refuse(&endpoint, denial.into(), sealed, &mut request),
        };
        match settled {
            Settled::LetIn(outcome) => outcome.after(&shared.policy, next(request)).await,
            Settled::Answered(response) => {
                unread::discard(request);
                Ok(response)
            }
        }
    })
}
