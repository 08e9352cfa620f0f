//! In what two declarations differ.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::access::{Declaration, Verify};

impl Declaration {
    /// In what two declarations of the same route differ, what matters most to callers first.
    ///
    /// Conflicts, the lock and `diff` ask here: two declarations say the same where this is empty.
    /// Where they are written, and by which name their handlers go, is no difference.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut all = Vec::new();
        let mut note = |differ: bool, what: Difference| {
            if differ {
                all.push(what);
            }
        };
        note(self.class() != other.class(), Difference::Class);
        note(self.verify() != other.verify(), Difference::Verify);
        note(
            self.verify() == Some(&Verify::Handler)
                && other.verify() == Some(&Verify::Handler)
                && self.handler() != other.handler(),
            Difference::Handler,
        );
        // Where only one of the two asks who calls, that is another difference.
        let ways = self.by().zip(other.by());
        note(
            ways.is_some_and(|(by, of_other)| by != of_other),
            Difference::By,
        );
        note(self.scope() != other.scope(), Difference::Scope);
        note(self.until() != other.until(), Difference::Until);
        note(self.max_body() != other.max_body(), Difference::MaxBody);
        note(
            self.issues_session() != other.issues_session(),
            Difference::IssuesSession,
        );
        note(
            self.optional_session() != other.optional_session(),
            Difference::OptionalSession,
        );
        note(
            self.cross_origin() != other.cross_origin(),
            Difference::CrossOrigin,
        );
        note(
            self.expect_every() != other.expect_every(),
            Difference::ExpectEvery,
        );
        note(self.owner() != other.owner(), Difference::Owner);
        note(self.reason() != other.reason(), Difference::Reason);
        all
    }
}

/// A term in which two declarations differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Difference {
    /// Who may call the route.
    Class,
    /// Who checks the proof of a webhook.
    Verify,
    /// Which handler checks the proof itself.
    Handler,
    /// What may prove the caller.
    By,
    /// The scope that a session needs.
    Scope,
    /// When the exemption ends.
    Until,
    /// The largest accepted body.
    MaxBody,
    /// Whether the handler may start sessions.
    IssuesSession,
    /// Whether the handler may see a session.
    OptionalSession,
    /// Whether, and why, requests from pages of other origins are let in.
    CrossOrigin,
    /// How often a delivery is expected.
    ExpectEvery,
    /// Who answers for the route.
    Owner,
    /// Why it is exempt, or why it is as it is.
    Reason,
}

/// As the attributes write it: `expect_every`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Class => "class",
            Self::Verify => "verify",
            Self::Handler => "handler",
            Self::By => "by",
            Self::Scope => "scope",
            Self::Until => "until",
            Self::MaxBody => "max_body",
            Self::IssuesSession => "issues_session",
            Self::OptionalSession => "optional_session",
            Self::CrossOrigin => "cross_origin",
            Self::ExpectEvery => "expect_every",
            Self::Owner => "owner",
            Self::Reason => "reason",
        })
    }
}
