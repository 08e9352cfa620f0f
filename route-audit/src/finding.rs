//! What is wrong, of whatever origin: data until it is shown.

use session_auth::Location;
use session_auth::audit::{self, Code, Severity, Subject};

use crate::disagreement::Disagreement;
use crate::exits;
use crate::lock::compare::Difference;
use crate::policy::Breach;
use crate::program::stray::Stray;
use crate::running::found::Found;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Finding {
    /// With a router, or with a declaration. The library has the words, which `cargo test` prints.
    Router(audit::Finding),
    /// Against the lock.
    Lock(Box<Difference>),
    /// Against the workspace's policy.
    Policy(Breach),
    /// Between the tests and the program.
    Stray(Box<Stray>),
    /// Between two builds.
    Builds(Box<Disagreement>),
    /// In the source.
    Exit(exits::Found),
    /// With a running service.
    Running(Box<Found>),
}

impl Finding {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Router(finding) => finding.code,
            Self::Lock(difference) => difference.code(),
            Self::Policy(breach) => breach.code(),
            Self::Stray(stray) => stray.code(),
            Self::Builds(_) => Disagreement::CODE,
            Self::Exit(_) => Code::UnguardedRouter,
            Self::Running(found) => found.code,
        }
    }

    pub(crate) fn severity(&self) -> Severity {
        self.code().severity()
    }

    /// The route and the place.
    pub(crate) fn subject(&self) -> Subject {
        match self {
            Self::Router(finding) => finding.subject.clone(),
            Self::Lock(difference) => difference.subject(),
            Self::Policy(breach) => breach.subject.clone(),
            Self::Stray(stray) => stray.subject(),
            Self::Builds(disagreement) => disagreement.subject.clone(),
            Self::Exit(found) => Subject::of_place(Location {
                file: found.file.clone().into(),
                line: found.line,
                column: found.column,
            }),
            Self::Running(found) => found.subject.clone(),
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::Router(finding) => finding.message(),
            Self::Lock(difference) => difference.message(),
            Self::Policy(breach) => breach.message(),
            Self::Stray(stray) => stray.message(),
            Self::Builds(disagreement) => disagreement.message(),
            Self::Exit(found) => found.message(),
            Self::Running(found) => found.message.clone(),
        }
    }

    pub(crate) fn help(&self) -> String {
        match self {
            Self::Router(finding) => finding.help(),
            Self::Lock(difference) => difference.help(),
            Self::Policy(breach) => breach.help(),
            Self::Stray(stray) => stray.help(),
            Self::Builds(_) => Disagreement::help(),
            Self::Exit(found) => found.help(),
            Self::Running(found) => found.help.clone(),
        }
    }
}
