use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A store could not do what it was asked to.
#[derive(Clone)]
pub struct StoreError {
    kind: Kind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unavailable,
    Unreadable,
    Rejected,
    TimedOut,
    Refused,
}

impl StoreError {
    /// The store did not answer, or refused to: down, locked, read-only, full. Counts toward the
    /// circuit breaker.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Unavailable,
            source: Some(Arc::from(source.into())),
        }
    }

    /// The store answered with something that cannot be read: half a row, one that a newer version
    /// wrote. It concerns that session alone, so it does not count toward the circuit breaker.
    pub fn unreadable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Unreadable,
            source: Some(Arc::from(source.into())),
        }
    }

    /// The store refused what this one question asks: a value that it cannot hold, or a conflict with
    /// another question. It says nothing of the others, so it does not count toward the circuit
    /// breaker.
    pub fn rejected(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Rejected,
            source: Some(Arc::from(source.into())),
        }
    }

    pub(super) fn timed_out() -> Self {
        Self {
            kind: Kind::TimedOut,
            source: None,
        }
    }

    /// The store itself gave up on it.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn cut_off(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::TimedOut,
            source: Some(Arc::from(source.into())),
        }
    }

    pub(super) fn refused() -> Self {
        Self {
            kind: Kind::Refused,
            source: None,
        }
    }

    /// Whether the store as a whole is to blame, and not one row of it or one question.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        !matches!(self.kind, Kind::Unreadable | Kind::Rejected)
    }

    /// Whether no answer came in time.
    pub(crate) fn is_timed_out(&self) -> bool {
        self.kind == Kind::TimedOut
    }

    /// Whether the store was not even asked, since it failed a moment ago.
    pub(crate) fn is_refused(&self) -> bool {
        self.kind == Kind::Refused
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Unavailable => "the session store is unavailable",
            Kind::Unreadable => "the session store holds a session that cannot be read",
            Kind::Rejected => "the session store refused one question",
            Kind::TimedOut => "the session store did not answer in time",
            Kind::Refused => "the session store failed a moment ago and was not asked again",
        })?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
