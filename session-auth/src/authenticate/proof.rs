//! What an authenticator answers.

use std::any::{Any, type_name};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use crate::response::Denial;

/// Who calls, what they may do, and for how long that is known.
pub struct Proof<I> {
    found: Found,
    identity: PhantomData<fn() -> I>,
}

/// A proof, whatever its type.
pub(crate) struct Found {
    pub(crate) identity: Arc<dyn Any + Send + Sync>,
    pub(crate) type_name: &'static str,
    pub(crate) scopes: Option<Arc<[String]>>,
    pub(crate) good_until: Option<SystemTime>,
}

/// What a guard keeps of one, and which authenticator found it.
pub(crate) struct Proved {
    pub(crate) found: Found,
    pub(crate) by: Arc<str>,
}

impl<I: Send + Sync + 'static> Proof<I> {
    /// This is who calls. They have no scopes, and are known for this request.
    pub fn new(identity: I) -> Self {
        Self::shared(Arc::new(identity))
    }

    /// The same of an identity that is kept, so that nothing is copied.
    pub fn shared(identity: Arc<I>) -> Self {
        Self {
            found: Found {
                identity,
                type_name: type_name::<I>(),
                scopes: None,
                good_until: None,
            },
            identity: PhantomData,
        }
    }

    /// Sets their scopes, in the words of `scope = ".."`.
    pub fn scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.shared_scopes(scopes.into_iter().map(Into::into).collect())
    }

    /// The same of scopes that are kept.
    pub fn shared_scopes(mut self, scopes: Arc<[String]>) -> Self {
        self.found.scopes = Some(scopes);
        self
    }

    /// Sets when it ends: the `exp` of a token. A proof that has ended is refused as `expired`.
    pub fn good_until(mut self, end: SystemTime) -> Self {
        self.found.good_until = Some(end);
        self
    }
}

impl Found {
    pub(crate) fn scopes(&self) -> &[String] {
        self.scopes.as_deref().unwrap_or_default()
    }
}

impl<I> fmt::Debug for Proof<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof")
            .field("scopes", &self.found.scopes())
            .field("good_until", &self.found.good_until)
            .finish_non_exhaustive()
    }
}

/// Why it is not known who calls, each with a detail for the log.
///
/// The detail is `'static`, so that no value of the request can be in it. The caller is told the reason
/// and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no credential of this kind. 401, `missing`.
    Missing,
    /// There is one, and it has not the form that it should have, or is there twice. 401, `malformed`.
    Malformed(&'static str),
    /// It is not genuine, or for somebody else. 401, `bad_signature`.
    BadSignature(&'static str),
    /// It was good, and its time is over. 401, `expired`.
    Expired(&'static str),
    /// It was good, and was ended. 401, `revoked`.
    Revoked(&'static str),
    /// Nobody can say: what would know is down. 503, `store_unavailable`, and no other is asked.
    Unavailable(&'static str),
}

impl Refusal {
    /// What exactly was wrong. For the log: to a caller it says how near a forgery came.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Missing => "no credential",
            Self::Malformed(detail)
            | Self::BadSignature(detail)
            | Self::Expired(detail)
            | Self::Revoked(detail)
            | Self::Unavailable(detail) => detail,
        }
    }

    pub(crate) const fn denial(self) -> Denial {
        match self {
            Self::Missing => Denial::Missing,
            Self::Malformed(_) => Denial::Malformed,
            Self::BadSignature(_) => Denial::BadSignature,
            Self::Expired(_) => Denial::Expired,
            Self::Revoked(_) => Denial::Revoked,
            Self::Unavailable(_) => Denial::StoreUnavailable,
        }
    }
}

/// The caller's reason, and the detail.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.denial(), self.detail())
    }
}

impl Error for Refusal {}

pub(super) type Later = Pin<Box<dyn Future<Output = Result<Found, Refusal>> + Send>>;

/// An answer, or the promise of one.
#[must_use]
pub struct Verdict<I> {
    pub(super) answer: Answer,
    identity: PhantomData<fn() -> I>,
}

pub(super) enum Answer {
    Now(Result<Found, Refusal>),
    Later(Later),
}

impl<I: 'static> Verdict<I> {
    /// An answer that has to be waited for. It is boxed, and cannot borrow from the request: whatever it
    /// needs of that is copied before.
    pub fn later(answer: impl Future<Output = Result<Proof<I>, Refusal>> + Send + 'static) -> Self {
        let answer = async move { answer.await.map(|proof| proof.found) };
        Self {
            answer: Answer::Later(Box::pin(answer)),
            identity: PhantomData,
        }
    }
}

impl<I> Verdict<I> {
    /// The same with these scopes.
    pub(super) fn with_scopes(self, scopes: Vec<String>) -> Self {
        let scopes: Arc<[String]> = scopes.into();
        let add = move |found: Found| Found {
            scopes: Some(scopes),
            ..found
        };
        let answer = match self.answer {
            Answer::Now(answer) => Answer::Now(answer.map(add)),
            Answer::Later(answer) => Answer::Later(Box::pin(async move { answer.await.map(add) })),
        };
        Self {
            answer,
            identity: PhantomData,
        }
    }
}

impl<I> From<Result<Proof<I>, Refusal>> for Verdict<I> {
    fn from(answer: Result<Proof<I>, Refusal>) -> Self {
        Self {
            answer: Answer::Now(answer.map(|proof| proof.found)),
            identity: PhantomData,
        }
    }
}

impl<I> From<Proof<I>> for Verdict<I> {
    fn from(proof: Proof<I>) -> Self {
        Ok(proof).into()
    }
}

impl<I> From<Refusal> for Verdict<I> {
    fn from(refusal: Refusal) -> Self {
        Err(refusal).into()
    }
}

impl<I> fmt::Debug for Verdict<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.answer {
            Answer::Now(Ok(_)) => "Verdict(proved)",
            Answer::Now(Err(_)) => "Verdict(refused)",
            Answer::Later(_) => "Verdict(later)",
        })
    }
}
