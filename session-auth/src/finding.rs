//! What can be wrong with routes: findings as data, and the words for them.
//!
//! A [`Finding`] names its [`Code`], the route it is about and what else is related. Its sentences are
//! made when it is rendered, in one place, so that `cargo test`, the start of a service and
//! `route-audit` say the same; nothing reads them back.

mod code;
mod prose;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::code::{Code, Severity};
use crate::access::{Declaration, Location, Methods, Target, Text};
use crate::difference::Difference;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// The route that it is about.
    pub subject: Subject,
    /// What else has to do with it, the most important first.
    pub related: Vec<Related>,
}

/// The route that a finding is about, and the place to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The path; `None` for the outermost fallback, and for something else than a route.
    pub path: Option<Text>,
    /// The methods; none for a finding about something else than a route.
    pub methods: Methods,
    /// What kind of thing is mounted or declared there.
    pub shape: Shape,
    /// Where to look first.
    pub place: Location,
}

/// What a finding has to do with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Related {
    /// The declaration of the subject.
    Declared(Declaration),
    /// Another declaration that has the same route.
    Other(Declaration),
    /// A declaration that was probably meant.
    Meant(Declaration),
    /// A route without a class, which was probably meant.
    Unclassified(Subject),
    /// Where the subject is mounted.
    Mounted(Location),
    /// In what the two declarations differ.
    Differs(Vec<Difference>),
}

/// What kind of thing is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Shape {
    /// A handler, or a service mounted for a path and methods that show.
    Route,
    /// A service mounted on one path: its methods do not show.
    OpaqueRoute,
    /// A service mounted under a path: its inside does not show.
    OpaqueMount,
    /// A fallback, of the whole router or of a nested one.
    Fallback,
    /// A fallback for the methods that a path does not name (`get(a).fallback(b)`).
    MethodFallback,
}

impl Finding {
    /// What is wrong, in one sentence.
    #[must_use]
    pub fn message(&self) -> String {
        prose::message(self)
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        prose::help(self)
    }

    /// Whether it fails an audit and stops a start.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

/// The first related thing of a kind.
macro_rules! related {
    ($($name:ident: $kind:ident($of:ty);)*) => {
        impl Finding {$(
            fn $name(&self) -> Option<&$of> {
                self.related.iter().find_map(|related| match related {
                    Related::$kind(one) => Some(one),
                    _ => None,
                })
            }
        )*}
    };
}

related! {
    declared: Declared(Declaration);
    other: Other(Declaration);
    meant: Meant(Declaration);
    mounted: Mounted(Location);
    unclassified: Unclassified(Subject);
}

/// One finding for the methods of a route of which the same is to be said, sorted.
pub(crate) fn together(findings: Vec<Finding>) -> Vec<Finding> {
    let mut all: BTreeMap<Finding, Methods> = BTreeMap::new();
    for finding in findings {
        let methods = finding.subject.methods;
        let mut key = finding;
        // What any method or a fallback answers is a row of its own.
        if !methods.is_any() && !methods.is_fallback() {
            key.subject.methods = Methods::NONE;
        }
        let known = all.entry(key).or_insert(Methods::NONE);
        *known = known.or(methods);
    }
    let mut together: Vec<_> = all
        .into_iter()
        .map(|(mut finding, methods)| {
            finding.subject.methods = methods;
            finding
        })
        .collect();
    together.sort();
    together
}

impl Subject {
    /// A place alone, of something that is no route.
    #[must_use]
    pub const fn of_place(place: Location) -> Self {
        Self {
            path: None,
            methods: Methods::NONE,
            shape: Shape::Route,
            place,
        }
    }

    /// The path as reports, lock and listing write it: `/assets/**` for all that is below a mount.
    #[must_use]
    pub fn listed_path(&self) -> Option<Cow<'_, str>> {
        let path = self.path.as_deref()?;
        Some(self.shape.listed(path))
    }
}

impl Shape {
    /// What a declaration is for, where nothing is mounted that would say it.
    #[must_use]
    pub const fn of(target: &Target) -> Self {
        match target {
            Target::Route { .. } | Target::Glob { .. } => Self::Route,
            Target::Subtree { .. } => Self::OpaqueMount,
            Target::Fallback { .. } => Self::Fallback,
        }
    }

    /// A path of this shape as reports, lock and listing write it: `/assets/**` for all that is below
    /// a mount.
    #[must_use]
    pub fn listed(self, path: &str) -> Cow<'_, str> {
        match self {
            Self::OpaqueMount => format!("{}/**", path.trim_end_matches('/')).into(),
            _ => path.into(),
        }
    }
}

/// `POST /api/waitlist/signup`, `FALLBACK`, `ANY /assets/**`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.methods)?;
        match self.listed_path() {
            Some(path) => write!(f, " {path}"),
            None => Ok(()),
        }
    }
}

/// The form of a compiler's message, without colours.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}[{}]: {}\n  --> {}\n  = help: {}",
            self.code.severity(),
            self.code,
            self.message(),
            self.subject.place,
            self.help()
        )
    }
}
