//! A login under way.

use std::fmt;
use std::sync::Arc;

use crate::begun::Begun;
use crate::clock::Timestamp;
use crate::issue::{IssueError, IssueSession};
use crate::policy::SessionPolicy;
use crate::session_id::SessionId;
use crate::subject;

/// A login that [`Sessions::begin`](crate::Sessions::begin) began.
#[must_use = "no session is issued until `issue` is called and awaited"]
pub struct Login {
    policy: Arc<SessionPolicy>,
    subject: String,
    begun: Option<Begun>,
    of_browser: Vec<SessionId>,
}

impl Login {
    pub(crate) async fn begin(
        policy: Arc<SessionPolicy>,
        subject: String,
        of_browser: Vec<SessionId>,
    ) -> Result<Self, IssueError> {
        subject::check(&subject)?;
        let begun = match &policy.store {
            None => None,
            Some(store) => Some(Begun {
                at: Timestamp::of(&policy.clock).ok_or_else(IssueError::clock)?,
                generation: store.ask_of_one(|store| store.generation(&subject)).await?,
            }),
        };
        Ok(Self {
            policy,
            subject,
            begun,
            of_browser,
        })
    }

    /// Starts the session, as [`Sessions::issue`](crate::Sessions::issue) does. It is not issued, and
    /// the error [`is_revoked`](IssueError::is_revoked), where all sessions of the subject were
    /// revoked since the login began, or that was more than an hour ago.
    pub fn issue(self) -> IssueSession {
        IssueSession::begun(self.policy, self.subject, self.begun, self.of_browser)
    }

    /// Who wants to log in.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}
