//! An authenticator with its name, and what stands between a request and one that fails.

use std::any::TypeId;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::proof::{Answer, Found, Later, Proved, Refusal};
use super::{Authenticate, RequestParts};
use crate::trail::AuditSink;

/// An authenticator of a layer.
pub(crate) struct Registered {
    name: Arc<str>,
    by: Box<dyn Erased>,
    identity: TypeId,
    ambient: bool,
    /// That only its own peers may send.
    reserved: Vec<HeaderName>,
    /// How often it could not say.
    unavailable: AtomicU64,
}

/// An [`Authenticate`] of any type of identity.
trait Erased: Send + Sync {
    fn authenticate(&self, request: &RequestParts<'_>) -> Answer;
    fn challenge(&self, refusal: &Refusal) -> HeaderValue;
    fn may_send(&self, request: &RequestParts<'_>) -> bool;
    fn tell(&self, sink: &Arc<dyn AuditSink>);
}

impl<A: Authenticate> Erased for A {
    fn authenticate(&self, request: &RequestParts<'_>) -> Answer {
        Authenticate::authenticate(self, request).answer
    }

    fn challenge(&self, refusal: &Refusal) -> HeaderValue {
        Authenticate::challenge(self, refusal)
    }

    fn may_send(&self, request: &RequestParts<'_>) -> bool {
        Authenticate::may_send(self, request)
    }

    fn tell(&self, sink: &Arc<dyn AuditSink>) {
        Authenticate::tell(self, sink);
    }
}

/// What an authenticator answers to a request.
pub(crate) enum Asked {
    Now(Result<Proved, Refusal>),
    Later(Pending),
}

/// An answer that is waited for.
pub(crate) struct Pending {
    answer: Later,
    of: Arc<Registered>,
}

impl Registered {
    pub(crate) fn new<A: Authenticate>(name: Arc<str>, by: A) -> Self {
        Self {
            name,
            ambient: by.is_ambient(),
            reserved: by.reserved_headers(),
            identity: TypeId::of::<A::Identity>(),
            by: Box::new(by),
            unavailable: AtomicU64::new(0),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How often it could not say.
    #[cfg(feature = "metrics")]
    pub(crate) fn unavailable(&self) -> u64 {
        self.unavailable.load(Ordering::Relaxed)
    }

    pub(crate) fn is_ambient(&self) -> bool {
        self.ambient
    }

    /// Whether its identities are of this type.
    pub(crate) fn identifies(&self, identity: TypeId) -> bool {
        self.identity == identity
    }

    /// The headers that this request must not have.
    pub(crate) fn forbidden(&self, request: &RequestParts<'_>) -> &[HeaderName] {
        let is_there = |name: &HeaderName| request.headers().contains_key(name);
        if !self.reserved.iter().any(is_there) {
            return &[];
        }
        // One that panics has not said so.
        let may_send = catch_unwind(AssertUnwindSafe(|| self.by.may_send(request)));
        if may_send.unwrap_or(false) {
            &[]
        } else {
            &self.reserved
        }
    }

    pub(crate) fn tell(&self, sink: &Arc<dyn AuditSink>) {
        self.by.tell(sink);
    }

    pub(crate) fn has_reserved_headers(&self) -> bool {
        !self.reserved.is_empty()
    }

    pub(crate) fn challenge(&self, refusal: &Refusal) -> HeaderValue {
        catch_unwind(AssertUnwindSafe(|| self.by.challenge(refusal)))
            .unwrap_or(HeaderValue::from_static("Bearer"))
    }

    pub(crate) fn ask(self: &Arc<Self>, request: &RequestParts<'_>) -> Asked {
        // What it keeps is its own; this keeps nothing that a panic could have left half done.
        match catch_unwind(AssertUnwindSafe(|| self.by.authenticate(request))) {
            Ok(Answer::Now(answer)) => Asked::Now(self.judge(answer)),
            Ok(Answer::Later(answer)) => Asked::Later(Pending {
                answer,
                of: Arc::clone(self),
            }),
            Err(_) => Asked::Now(self.judge(Err(PANICKED))),
        }
    }

    fn judge(&self, answer: Result<Found, Refusal>) -> Result<Proved, Refusal> {
        match answer {
            Ok(found) => Ok(Proved {
                found,
                by: Arc::clone(&self.name),
            }),
            Err(refusal) => {
                if let Refusal::Unavailable(detail) = refusal {
                    self.report(detail);
                }
                Err(refusal)
            }
        }
    }

    #[cold]
    fn report(&self, detail: &str) {
        let count = self.unavailable.fetch_add(1, Ordering::Relaxed) + 1;
        // Each time there are twice as many: often enough to be seen, and never a flood.
        if count.is_power_of_two() {
            tracing::error!(
                target: "session_auth",
                authenticator = &*self.name,
                detail,
                count,
                "an authenticator cannot say who calls: its routes answer 503"
            );
        }
    }
}

const PANICKED: Refusal = Refusal::Unavailable("it panicked");

impl Pending {
    /// Waits for the answer, and not for ever.
    pub(crate) async fn answer(self, timeout: Duration) -> Result<Proved, Refusal> {
        let Self { mut answer, of } = self;
        let caught = poll_fn(|context| {
            match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
                Ok(polled) => polled,
                Err(_) => Poll::Ready(Err(PANICKED)),
            }
        });
        let answer = tokio::time::timeout(timeout, caught).await;
        of.judge(answer.unwrap_or(Err(Refusal::Unavailable("it did not answer in time"))))
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registered").field(&self.name).finish()
    }
}
