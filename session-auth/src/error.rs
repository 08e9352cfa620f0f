//! Why a router cannot be protected: everything at once.

use std::fmt;

use crate::access::{Declaration, Location};

/// Why a layer or a router could not be built. Lists every problem that was found, not the first.
///
/// `Display` prints one problem a line, each with what is wrong, where, and what to do.
pub struct BuildError {
    problems: Vec<Problem>,
}

impl BuildError {
    /// `Ok` where there is no problem.
    pub(crate) fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }

    /// The problems.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [one] => write!(f, "{one}"),
            all => {
                write!(f, "{} problems:", all.len())?;
                all.iter()
                    .try_for_each(|problem| write!(f, "\n  - {problem}"))
            }
        }
    }
}

/// The message: it is what `fn main() -> Result<..>` prints of an error.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for BuildError {}

/// One reason why a layer or a router cannot be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// A webhook names a verifier that the layer does not have.
    MissingVerifier {
        /// The webhook.
        declaration: Declaration,
        /// The verifiers that the layer has.
        configured: Vec<String>,
    },
    /// Two verifiers of the layer have the same name.
    DuplicateVerifier {
        /// The name.
        name: String,
    },
    /// A verifier can never accept anything: its secret is empty, for instance.
    UnusableVerifier {
        /// Its name.
        name: String,
        /// What is wrong with it.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Two declarations of one method and path differ in class or terms.
    Conflict {
        /// The first in the source.
        first: Declaration,
        /// The second.
        second: Declaration,
    },
    /// One method and path is mounted twice.
    Duplicate {
        /// The first.
        first: Declaration,
        /// Where it is mounted.
        first_mounted: Location,
        /// The second.
        second: Declaration,
        /// Where that is mounted.
        second_mounted: Location,
    },
    /// Two paths that the router cannot tell apart: `/users/{id}` and `/users/{name}`.
    OverlappingPaths {
        /// The declaration that came second.
        declaration: Declaration,
        /// The path that was there before, where the router says.
        with: Option<String>,
    },
    /// An exemption is past its `until`.
    ExpiredExemption {
        /// The exemption.
        declaration: Declaration,
    },
    /// A path that no router takes: only for declarations that no attribute checked.
    InvalidPath {
        /// The declaration.
        declaration: Declaration,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A mounted service without a reason.
    MissingReason {
        /// The declaration.
        declaration: Declaration,
        /// Where it is mounted.
        mounted: Location,
    },
    /// A handler for one purpose was mounted for another: a `FALLBACK` by `mount`, for instance.
    Misplaced {
        /// The declaration.
        declaration: Declaration,
        /// Where it is mounted.
        mounted: Location,
        /// What to call instead.
        instead: &'static str,
    },
    /// A timeout is zero, or the idle timeout is longer than the absolute one.
    InvalidTimeout {
        /// What is wrong with it.
        message: &'static str,
    },
    /// A setting is not one that it can have: the name of the cookie, the mode, a
    /// trusted origin, the login path.
    InvalidSetting {
        /// The method of the builder, or the variable.
        setting: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let route = |declaration: &Declaration| declaration.target().to_string();
        match self {
            Self::MissingVerifier {
                declaration: d,
                configured,
            } => {
                let name = d.verifier().unwrap_or_default();
                write!(
                    f,
                    "{}: {} is a webhook verified by {name:?}, which the layer does not have",
                    d.location(),
                    route(d)
                )?;
                if !configured.is_empty() {
                    write!(f, " (it has {})", configured.join(", "))?;
                }
                write!(f, "; add `.verifier({name:?}, ..)` to its builder")
            }
            Self::DuplicateVerifier { name } => {
                write!(
                    f,
                    "two verifiers are named {name:?}: give one of them another name"
                )
            }
            Self::UnusableVerifier { name, error } => {
                write!(f, "the verifier {name:?} cannot be used: {error}")
            }
            Self::Conflict { first, second } => write!(
                f,
                "{}: {} is {}, but {} declares it {}; keep one of the two",
                second.location(),
                route(second),
                policy(second),
                first.location(),
                policy(first)
            ),
            Self::Duplicate {
                first,
                first_mounted,
                second,
                second_mounted,
            } => write!(
                f,
                "{second_mounted}: {} ({}) is mounted already, at {first_mounted} ({}); remove one \
                 of the two",
                route(second),
                second.handler(),
                first.handler()
            ),
            Self::OverlappingPaths { declaration, with } => {
                write!(f, "{}: the router cannot tell ", declaration.location())?;
                let path = declaration.path().unwrap_or_default();
                match with {
                    Some(with) => write!(f, "{path:?} from {with:?}")?,
                    None => write!(f, "{path:?} from another path")?,
                }
                f.write_str("; give the parameter the same name in both, or change one path")
            }
            Self::ExpiredExemption { declaration } => {
                write!(
                    f,
                    "{}: the exemption of {}",
                    declaration.location(),
                    route(declaration)
                )?;
                if let Some(day) = declaration.until() {
                    write!(f, " ended on {day}")?;
                }
                f.write_str("; remove the route, or extend its `until`")
            }
            Self::InvalidPath { declaration, why } => write!(
                f,
                "{}: {:?} is not a path that a router takes: {why}",
                declaration.location(),
                declaration.path().unwrap_or_default()
            ),
            Self::MissingReason {
                declaration,
                mounted,
            } => write!(
                f,
                "{mounted}: {} is a whole service, so it needs a reason: add `.reason(\"..\")` to \
                 its declaration",
                route(declaration)
            ),
            Self::Misplaced {
                declaration,
                mounted,
                instead,
            } => write!(
                f,
                "{mounted}: {} is declared {}; {instead}",
                declaration.handler(),
                route(declaration)
            ),
            Self::InvalidTimeout { message } => f.write_str(message),
            Self::InvalidSetting { setting, message } => write!(f, "{setting}: {message}"),
        }
    }
}

/// `session with scope "admin"`.
fn policy(declaration: &Declaration) -> String {
    let mut text = declaration.class().to_string();
    if let Some(verifier) = declaration.verifier() {
        text.push_str(&format!(" verified by {verifier:?}"));
    }
    if let Some(scope) = declaration.scope() {
        text.push_str(&format!(" with scope {scope:?}"));
    }
    for (set, word) in [
        (declaration.issues_session(), " with issues_session"),
        (declaration.optional_session(), " with optional_session"),
    ] {
        if set {
            text.push_str(word);
        }
    }
    if let Some(limit) = declaration.max_body() {
        text.push_str(&format!(" with max_body of {limit} bytes"));
    }
    if let Some(day) = declaration.until() {
        text.push_str(&format!(" until {day}"));
    }
    text
}
