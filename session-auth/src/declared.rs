//! Declarations as the attributes and the lock write them, and all that are linked into the program.
//!
//! Public because macro output names it; [`declarations`] alone is part of the API.
#![allow(missing_docs, reason = "not part of the API")]

use std::any::type_name;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use time::Date;

use crate::access::{Access, AccessClass, Declaration, Location, Methods, Target, Text, Verify};
use crate::by::SESSION;

/// A declaration as the attributes leave it for [`inventory`] to collect, and the text by which
/// `route-audit` finds it in the file that the linker leaves.
///
/// Public because macro output names it; not part of the API.
#[doc(hidden)]
#[derive(Debug)]
pub struct Registration(pub &'static Declaration, pub &'static str);

inventory::collect!(Registration);

/// A router that no test builds, by the text with which `route-audit` finds in what was built that
/// it has to report.
///
/// Public because macro output names it; not part of the API.
#[doc(hidden)]
#[derive(Debug)]
pub struct AtStart(pub &'static str);

inventory::collect!(AtStart);

/// Every declaration linked into this program, in the order of the source.
#[must_use]
pub fn declarations() -> Vec<&'static Declaration> {
    let mut all: Vec<_> = inventory::iter::<Registration>
        .into_iter()
        .map(|r| r.0)
        .collect();
    all.sort_by_key(|d| (&d.package, &d.location, &d.handler));
    // An attribute that another macro repeats (a copy of the function for a check, say) is still
    // one declaration.
    all.dedup_by(|a, b| a == b);
    all
}

/// The declaration of a function with an attribute, by the name that the compiler gives its type: for
/// where the bound is axum's, which says nothing of a class.
pub(crate) fn of_function<H>() -> Option<&'static Declaration> {
    static BY_HANDLER: LazyLock<HashMap<&str, &Declaration>> = LazyLock::new(|| {
        // By `declare_route!` it has no name.
        let all = declarations().into_iter().rev();
        all.map(|declaration| (declaration.handler(), declaration))
            .filter(|(handler, _)| !handler.is_empty())
            .collect()
    });
    // A generic function's type has its arguments behind its name, and what stands in an `impl` of a
    // trait begins with that: `<Router as Routes>::add::{{closure}}`.
    let name = type_name::<H>().split('<').next().unwrap_or_default();
    BY_HANDLER.get(name).copied()
}

/// What an attribute says beside its target, as literals.
///
/// Public because macro output names it; not part of the API.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub reason: Option<&'static str>,
    pub verifier: Option<&'static str>,
    pub by: Option<&'static str>,
    pub scope: Option<&'static str>,
    pub owner: Option<&'static str>,
    pub until: Option<Date>,
    pub expect_every: Option<Duration>,
    pub max_body: Option<usize>,
    pub issues_session: bool,
    pub optional_session: bool,
    pub cross_origin: Option<&'static str>,
}

impl Terms {
    pub const NONE: Self = Self {
        reason: None,
        verifier: None,
        by: None,
        scope: None,
        owner: None,
        until: None,
        expect_every: None,
        max_body: None,
        issues_session: false,
        optional_session: false,
        cross_origin: None,
    };

    const fn access(self, class: AccessClass) -> Access {
        match class {
            AccessClass::Public => Access::Public {
                issues_session: self.issues_session,
                optional_session: self.optional_session,
                by: by(self.by),
                cross_origin: text(self.cross_origin),
            },
            AccessClass::Webhook => Access::Webhook {
                verify: match self.verifier {
                    Some(name) => Verify::named(name),
                    None => panic!("the attribute has checked that a webhook names its verifier"),
                },
                expect_every: self.expect_every,
                max_body: self.max_body,
            },
            AccessClass::Session => Access::Session {
                by: by(self.by),
                scope: text(self.scope),
                cross_origin: text(self.cross_origin),
            },
        }
    }
}

const fn by(by: Option<&'static str>) -> Text {
    match by {
        Some(by) => Cow::Borrowed(by),
        None => Cow::Borrowed(SESSION),
    }
}

const fn text(text: Option<&'static str>) -> Option<Text> {
    match text {
        Some(text) => Some(Cow::Borrowed(text)),
        None => None,
    }
}

pub const fn path(path: &'static str) -> Text {
    Cow::Borrowed(path)
}

pub const fn route(methods: Methods, paths: &'static [Text]) -> Target {
    Target::Route {
        methods,
        paths: Cow::Borrowed(paths),
    }
}

pub const fn glob(methods: Methods, glob: &'static str) -> Target {
    Target::Glob {
        methods,
        glob: Cow::Borrowed(glob),
    }
}

pub const fn subtree(path: &'static str) -> Target {
    Target::Subtree {
        path: Cow::Borrowed(path),
    }
}

pub const fn fallback(below: Option<&'static str>) -> Target {
    Target::Fallback { below: text(below) }
}

pub const fn location(file: &'static str, line: u32, column: u32) -> Location {
    Location {
        file: Cow::Borrowed(file),
        line,
        column,
    }
}

pub const fn declaration(
    target: Target,
    class: AccessClass,
    terms: Terms,
    handler: &'static str,
    package: &'static str,
    location: Location,
) -> Declaration {
    Declaration {
        target,
        access: terms.access(class),
        reason: text(terms.reason),
        owner: text(terms.owner),
        until: terms.until,
        handler: Cow::Borrowed(handler),
        package: Cow::Borrowed(package),
        location,
    }
}

/// What a file says of a route beside its target and class.
///
/// Public for route-audit, which reads its lock; not part of the API.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct ReadTerms {
    pub reason: Option<Text>,
    pub owner: Option<Text>,
    pub until: Option<Date>,
}

impl Declaration {
    /// What a file says of a route, which knows neither its handler nor its package.
    ///
    /// Public for route-audit, which reads its lock; not part of the API.
    #[doc(hidden)]
    #[must_use]
    pub fn read(target: Target, access: Access, terms: ReadTerms, location: Location) -> Self {
        Self {
            target,
            access,
            reason: terms.reason,
            owner: terms.owner,
            until: terms.until,
            handler: Cow::Borrowed(""),
            package: Cow::Borrowed(""),
            location,
        }
    }
}
