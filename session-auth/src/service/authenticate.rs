//! Callers who may be proved in several ways: each is asked in the order of the declaration, until one
//! proves them.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use http::{Request, Response};

use super::check::{self, Standing};
use super::{Denied, Next, Settled, unread};
use crate::activity::{Endpoint, Way};
use crate::authenticate::{self, Pending, Proved, Refusal, Registered, RequestParts};
use crate::decision::{self, Admitted, Asked, Proven};
use crate::future::ResponseFuture;
use crate::response::Denial;
use crate::session_id::SessionId;
use crate::shared::Shared;

/// How far the ways of an endpoint were tried.
#[derive(Default)]
struct Trial {
    next: usize,
    last: Option<Denied>,
    /// Sessions that the store does not have.
    revoked: Vec<SessionId>,
}

/// What one way said.
struct Attempt {
    proven: Result<Proven, Denied>,
    /// Whether a browser sent the credential by itself.
    ambient: bool,
}

enum Step {
    Ended(Attempt),
    Wait(Waiting),
}

/// What has to be waited for.
enum Waiting {
    /// The store, which knows whether the session still is one.
    Store { admitted: Admitted, ambient: bool },
    By {
        answer: Pending,
        authenticator: Arc<Registered>,
    },
}

/// Finds out who calls, and hands the request on or refuses it. Boxed only where something has to be
/// waited for.
pub(super) fn authenticate<N, E>(
    next: N,
    shared: &Arc<Shared>,
    endpoint: &Arc<Endpoint>,
    sealed: bool,
    mut request: Request<Body>,
) -> ResponseFuture<N::Future, E>
where
    N: Next,
    N::Future: Future<Output = Result<Response<Body>, E>> + Send + 'static,
    E: Send + 'static,
{
    let mut trial = Trial::default();
    match trial.go_on(shared, endpoint, &request) {
        Step::Ended(attempt) => {
            let concluded = conclude(shared, endpoint, sealed, &mut request, attempt);
            match concluded {
                Settled::LetIn(outcome) => ResponseFuture::forward(next.call(request), outcome),
                Settled::Answered(response) => {
                    unread::discard(request);
                    ResponseFuture::denied(response)
                }
            }
        }
        Step::Wait(waiting) => {
            let next = next.later();
            let (shared, endpoint) = (Arc::clone(shared), Arc::clone(endpoint));
            // A body can be sent to another thread, and not be shared with one.
            let (parts, body) = request.into_parts();
            let head = Request::from_parts(parts, ());
            ResponseFuture::boxed(Box::pin(async move {
                let attempt = trial.finish(&shared, &endpoint, &head, waiting).await;
                let mut request = head.map(|()| body);
                match conclude(&shared, &endpoint, sealed, &mut request, attempt) {
                    Settled::LetIn(outcome) => outcome.after(&shared.policy, next(request)).await,
                    Settled::Answered(response) => {
                        unread::discard(request);
                        Ok(response)
                    }
                }
            }))
        }
    }
}

/// Judges what was found out, and puts the pass on the request or makes the answer.
fn conclude(
    shared: &Arc<Shared>,
    endpoint: &Arc<Endpoint>,
    sealed: bool,
    request: &mut Request<Body>,
    attempt: Attempt,
) -> Settled {
    let Attempt { proven, ambient } = attempt;
    let mut challenge = None;
    let proven = proven.map_err(|denied| {
        challenge = denied.challenge;
        denied.denial
    });
    let granted = shared.with_means(|means| {
        let access = endpoint.access();
        decision::admit(access, proven, ambient, &Asked::of(request), means)
    });
    match granted {
        Ok(grant) => Settled::LetIn(shared.let_in(request, endpoint, grant)),
        Err(denial) => shared.refuse(endpoint, Denied { denial, challenge }, sealed, request),
    }
}

impl Trial {
    /// Asks one way after the other, until one proves the caller, cannot say, or has to be waited for.
    fn go_on<B>(&mut self, shared: &Shared, endpoint: &Endpoint, request: &Request<B>) -> Step {
        while let Some(way) = endpoint.ways.get(self.next) {
            self.next += 1;
            let attempt = match way {
                Way::Session => {
                    let asked = Asked::of(request).without(&self.revoked);
                    let (found, ambient) =
                        shared.with_means(|means| decision::session(&asked, means));
                    match found {
                        // The request has no cookie but theirs.
                        Err(_) if !self.revoked.is_empty() => Attempt {
                            proven: Err(Denial::Revoked.into()),
                            ambient,
                        },
                        Ok(admitted) if shared.policy.store.is_some() => {
                            return Step::Wait(Waiting::Store { admitted, ambient });
                        }
                        found => Attempt {
                            proven: found.map(Proven::Session).map_err(Denied::from),
                            ambient,
                        },
                    }
                }
                Way::By(authenticator) => {
                    // Once for all who need it: the clock costs as much as the rest of a short proof.
                    let now = shared.policy.clock.now();
                    match authenticator.ask(&RequestParts::new(request, now)) {
                        authenticate::Asked::Now(answer) => Attempt::of(authenticator, answer, now),
                        authenticate::Asked::Later(answer) => {
                            let authenticator = Arc::clone(authenticator);
                            return Step::Wait(Waiting::By {
                                answer,
                                authenticator,
                            });
                        }
                    }
                }
            };
            if let Some(attempt) = self.take(attempt) {
                return Step::Ended(attempt);
            }
        }
        let last = self.last.take();
        Step::Ended(Attempt {
            proven: Err(last.unwrap_or(Denied::from(Denial::Missing))),
            // Whoever was not recognized may be a browser.
            ambient: true,
        })
    }

    /// The same, with a wait.
    async fn finish(
        mut self,
        shared: &Shared,
        endpoint: &Endpoint,
        request: &Request<()>,
        mut waiting: Waiting,
    ) -> Attempt {
        loop {
            let session = waiting.session();
            let attempt = waiting.end(shared).await;
            if let (Some(id), Err(denied)) = (session, &attempt.proven)
                && denied.denial == Denial::Revoked
            {
                // The request may have the cookie of another one: the same way is tried again.
                self.revoked.push(id);
                self.next -= 1;
            } else if let Some(attempt) = self.take(attempt) {
                return attempt;
            }
            match self.go_on(shared, endpoint, request) {
                Step::Ended(attempt) => return attempt,
                Step::Wait(next) => waiting = next,
            }
        }
    }

    /// The attempt, if it is the last one.
    fn take(&mut self, attempt: Attempt) -> Option<Attempt> {
        match attempt.proven {
            Err(denied) if denied.denial != Denial::StoreUnavailable => {
                self.last = Some(denied);
                None
            }
            _ => Some(attempt),
        }
    }
}

impl Waiting {
    /// The session that the store is asked for.
    fn session(&self) -> Option<SessionId> {
        match self {
            Self::Store { admitted, .. } => Some(SessionId::from_bytes(admitted.token.id())),
            Self::By { .. } => None,
        }
    }

    async fn end(self, shared: &Shared) -> Attempt {
        match self {
            Self::Store {
                mut admitted,
                ambient,
            } => {
                let proven = match check::check(&shared.policy, &admitted).await {
                    Ok(standing) => {
                        if let Standing::Renewed = standing {
                            admitted.renewal = None;
                        }
                        Ok(Proven::Session(admitted))
                    }
                    Err(denial) => Err(denial.into()),
                };
                Attempt { proven, ambient }
            }
            Self::By {
                answer,
                authenticator,
            } => {
                let answer = answer.answer(shared.authenticator_timeout).await;
                Attempt::of(&authenticator, answer, shared.policy.clock.now())
            }
        }
    }
}

impl Attempt {
    fn of(authenticator: &Registered, answer: Result<Proved, Refusal>, now: SystemTime) -> Self {
        let answer = answer.and_then(|proved| match proved.found.good_until {
            Some(end) if end <= now => {
                Err(Refusal::Expired("it was good until a moment that is past"))
            }
            _ => Ok(proved),
        });
        let denied = |refusal: Refusal| {
            tracing::debug!(
                target: "session_auth",
                authenticator = authenticator.name(),
                detail = refusal.detail(),
                "not proved"
            );
            let denial = refusal.denial();
            let challenge = denial
                .is_unauthenticated()
                .then(|| authenticator.challenge(&refusal));
            Denied { denial, challenge }
        };
        Self {
            proven: answer.map(|proved| Proven::By(proved, now)).map_err(denied),
            ambient: authenticator.is_ambient(),
        }
    }
}
