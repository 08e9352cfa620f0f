//! Why a router cannot be protected: everything at once.

use std::fmt;

use crate::access::{Declaration, Location};
use crate::by;
use crate::finding::Finding;
use crate::mounted::Unreadable;

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

    /// Of at least one problem.
    pub(crate) fn of(problems: Vec<Problem>) -> Self {
        Self { problems }
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
    /// A route names an authenticator that the layer does not have, or a session where the layer has none.
    MissingAuthenticator {
        /// The route.
        declaration: Declaration,
        /// The name.
        name: String,
        /// What `by` may name.
        configured: Vec<String>,
    },
    /// Two authenticators of the layer have the same name.
    DuplicateAuthenticator {
        /// The name.
        name: String,
    },
    /// An authenticator can prove nobody, or has a name that routes cannot write.
    UnusableAuthenticator {
        /// Its name.
        name: String,
        /// What is wrong with it.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A route issues sessions, and the layer has none.
    WithoutSessions {
        /// The route.
        declaration: Declaration,
    },
    /// Two declarations of one method and path differ in class or terms.
    Conflict {
        /// The first in the source.
        first: Declaration,
        /// The second.
        second: Declaration,
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
    /// Something is wrong with what a router mounts.
    Finding(Finding),
    /// The router cannot be read, or does not do what its record does.
    Unreadable(Unreadable),
    /// A declaration says what no attribute would take.
    Malformed {
        /// The declaration.
        declaration: Declaration,
        /// What is wrong with it.
        what: String,
    },
    /// Something was mounted in a way that it cannot be.
    Mistake {
        /// Where.
        mounted: Location,
        /// What is wrong, and what to do.
        what: String,
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
                let name = d.verify().map_or("", |verify| verify.as_str());
                write!(
                    f,
                    "{}: {} is a webhook verified by {name:?}, which the layer does not have",
                    d.location(),
                    route(d)
                )?;
                let nearest = configured
                    .iter()
                    .map(|known| (strsim::damerau_levenshtein(known, name), known))
                    .min()
                    // Half the letters of a name are another name.
                    .filter(|(distance, known)| *distance <= known.len() / 3);
                if let Some((_, nearest)) = nearest {
                    write!(f, "; did you mean {nearest:?}?")?;
                }
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
            Self::MissingAuthenticator {
                declaration: d,
                name,
                configured,
            } => {
                write!(
                    f,
                    "{}: {} names {name:?} in `by`, which the layer does not have",
                    d.location(),
                    route(d)
                )?;
                if let Some(near) = nearest(name, configured) {
                    return write!(f, "; did you mean {near:?}?");
                }
                if !configured.is_empty() {
                    write!(f, " (it has {})", configured.join(", "))?;
                }
                if name == by::SESSION {
                    f.write_str(
                        "; build it with keys, by `SessionAuthLayer::builder(keys)`, or name an \
                         authenticator",
                    )
                } else {
                    write!(f, "; add `.authenticator({name:?}, ..)` to its builder")
                }
            }
            Self::DuplicateAuthenticator { name } => write!(
                f,
                "two authenticators are named {name:?}: give one of them another name"
            ),
            Self::UnusableAuthenticator { name, error } => {
                write!(f, "the authenticator {name:?} cannot be used: {error}")
            }
            Self::WithoutSessions { declaration: d } => write!(
                f,
                "{}: {} issues sessions, and the layer was built without; build it with keys, by \
                 `SessionAuthLayer::builder(keys)`, or remove `issues_session`",
                d.location(),
                route(d)
            ),
            Self::Conflict { first, second } => write!(
                f,
                "{}: {} is {}, but {} declares it {}; keep one of the two",
                second.location(),
                route(second),
                second.access(),
                first.location(),
                first.access()
            ),
            Self::OverlappingPaths { declaration, with } => {
                write!(f, "{}: the router cannot tell ", declaration.location())?;
                let paths = declaration.target().paths();
                let path = paths.first().map_or("", |path| &**path);
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
            Self::Finding(finding) => write!(
                f,
                "{}: {} [{}]; {}",
                finding.subject.place,
                finding.message(),
                finding.code,
                finding.help()
            ),
            Self::Unreadable(unreadable) => unreadable.fmt(f),
            Self::Malformed { declaration, what } => {
                write!(
                    f,
                    "{}: {}: {what}",
                    declaration.location(),
                    route(declaration)
                )
            }
            Self::Mistake { mounted, what } => write!(f, "{mounted}: {what}"),
            Self::InvalidTimeout { message } => f.write_str(message),
            Self::InvalidSetting { setting, message } => write!(f, "{setting}: {message}"),
        }
    }
}

/// The known name that this was probably meant to be.
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a String> {
    known
        .iter()
        .map(|known| (strsim::osa_distance(name, known), known))
        .filter(|&(edits, known)| edits <= known.len().max(name.len()) / 3)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, known)| known)
}
