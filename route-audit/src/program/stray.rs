//! What a build shows of declarations that the audit did not, or not alike.

use std::collections::{BTreeMap, BTreeSet};

use session_auth::audit::{Code, Report, Shape, Subject};
use session_auth::{Declaration, Location};

use super::Declared;

/// A declaration whose place in the tests is not its place in the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stray {
    pub(crate) declared: Declared,
    /// All of it, where a router has reported it.
    pub(crate) declaration: Option<Declaration>,
    pub(crate) why: Why,
    /// ``binary `web` ``.
    pub(crate) target: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// The tests of the target have it, and the target has not.
    InTestsOnly,
    /// The target has it, and its tests have not.
    InProgramOnly,
    /// The target has it, and no audited router of any target links it.
    Unaudited,
}

/// Those that are findings, with what is reported of them.
///
/// - A declaration that only tests have is one where it is of these packages or speaks for a route. A
///   dependency of the tests may declare what nobody mounts.
/// - So is one that only the program has.
/// - One that no audited router links is one where it is of these packages.
pub(crate) fn judged(
    strays: Vec<Stray>,
    reports: &[&Report],
    packages: &BTreeSet<&str>,
) -> Vec<Stray> {
    let key = |declaration: &Declaration| {
        let place = declaration.location();
        let package = declaration.package().to_owned();
        (package, place.file.to_string(), place.line, place.column)
    };
    let declared = reports.iter().flat_map(|report| &report.declared);
    let declared: BTreeMap<_, &Declaration> = declared.map(|one| (key(one), one)).collect();
    let routes = reports.iter().flat_map(|report| &report.routes);
    let speaks: BTreeSet<_> = routes
        .filter_map(|route| route.declaration.as_ref())
        .collect();

    let mut found = BTreeSet::new();
    for mut stray in strays {
        let one = &stray.declared;
        let at = (one.package.clone(), one.file.clone(), one.line, one.column);
        let declaration = declared.get(&at).copied();
        let is_ours = packages.contains(one.package.as_str());
        let is_finding = match stray.why {
            Why::InTestsOnly => is_ours || declaration.is_some_and(|one| speaks.contains(one)),
            Why::InProgramOnly => true,
            Why::Unaudited => is_ours && declaration.is_none(),
        };
        if is_finding {
            stray.declaration = declaration.cloned();
            found.insert(stray);
        }
    }
    // What only the program has is in no report, either.
    let only: BTreeSet<_> = found
        .iter()
        .filter(|stray| stray.why == Why::InProgramOnly)
        .map(|stray| stray.declared.clone())
        .collect();
    let is_said = |stray: &Stray| stray.why == Why::Unaudited && only.contains(&stray.declared);
    let mut found: Vec<_> = found.into_iter().filter(|stray| !is_said(stray)).collect();
    // A library is part of the binaries that link it.
    found.sort_by(|a, b| (&a.declared, a.why, &b.target).cmp(&(&b.declared, b.why, &a.target)));
    found.dedup_by(|a, b| (&a.declared, a.why) == (&b.declared, b.why));
    found
}

impl Stray {
    pub(crate) fn code(&self) -> Code {
        match self.why {
            Why::InTestsOnly | Why::InProgramOnly => Code::TestOnlyDeclaration,
            Why::Unaudited => Code::UnmountedDeclaration,
        }
    }

    pub(crate) fn subject(&self) -> Subject {
        let Declared {
            file, line, column, ..
        } = &self.declared;
        let place = Location {
            file: file.clone().into(),
            line: *line,
            column: *column,
        };
        match &self.declaration {
            Some(declaration) => Subject {
                path: declaration.target().paths().first().cloned(),
                methods: declaration.target().methods(),
                shape: Shape::of(declaration.target()),
                place,
            },
            None => Subject::of_place(place),
        }
    }

    /// The route where it is known, or else the handler.
    fn name(&self) -> String {
        match &self.declaration {
            Some(declaration) => format!("the declaration of {}", declaration.target()),
            None => format!("the declaration of `{}`", self.declared.handler),
        }
    }

    pub(crate) fn message(&self) -> String {
        let Self { target, why, .. } = self;
        let package = &self.declared.package;
        let name = self.name();
        match why {
            Why::InTestsOnly => format!(
                "{name} is in the tests of {target} and not in the program: what was audited is not \
                 what is served"
            ),
            Why::InProgramOnly => format!(
                "{name} is in {target} and not in its tests: no audit has seen what it speaks for"
            ),
            Why::Unaudited => {
                format!("{name} is in {target} of package `{package}`, and no audited router is")
            }
        }
    }

    pub(crate) fn help(&self) -> String {
        match self.why {
            Why::InTestsOnly => {
                "declare it where the program has it; a handler that only tests need goes into a file \
                 below `tests/`, and a dependency that declares routes into `[dependencies]`"
            }
            Why::InProgramOnly => {
                "take the `cfg` from it that leaves it out of tests, and audit the router that mounts \
                 it in the same configuration"
            }
            Why::Unaudited => {
                "put `#[audited_router]` on the function that mounts it, or remove it"
            }
        }
        .to_owned()
    }
}
