//! `routes.lock`: who may call each route, checked in and reviewed like code.
//!
//! It holds what a reviewer decides about and no more: no line numbers, no files, no handlers. So
//! it stays as it is when code moves. See [`format`](mod@format) for the text and
//! [`terms`] for which change opens a route.

pub(crate) mod compare;
pub(crate) mod file;
pub(crate) mod format;
pub(crate) mod terms;
#[cfg(test)]
mod tests;
pub(crate) mod values;
pub(crate) mod verb;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use session_auth::audit::{Report, reconcile};
use time::Date;

use self::terms::Terms;
use self::verb::Verb;

/// The version of the format. A reader refuses any other.
pub(crate) const SCHEMA: u32 = 1;

/// The routes of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    mounts: BTreeMap<Mount, BTreeMap<Verb, Route>>,
}

/// Where something is mounted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mount {
    /// `None` for the fallback of a whole router.
    pub(crate) path: Option<String>,
    pub(crate) package: String,
    pub(crate) router: String,
}

/// What is said of it, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) terms: Terms,
    pub(crate) place: Place,
}

/// The declaration of a route that was audited, or the line of one that a lock holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// A line of the text: the methods of a mount that have the same terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) mount: &'a Mount,
    pub(crate) verbs: BTreeSet<Verb>,
    pub(crate) terms: &'a Terms,
}

impl Lock {
    /// What the audited routers mount. A declaration that none of them mounts is no route.
    pub(crate) fn of(reports: &[Report], today: Date) -> Self {
        let mut lock = Self::default();
        for report in reports {
            // One by one: a listed route has the name of its router alone, and routers of two
            // packages may share it.
            for record in reconcile(slice::from_ref(report), today).routes {
                if record.router.is_none() {
                    continue;
                }
                let mount = Mount {
                    path: record.path.clone(),
                    package: report.router.package.clone(),
                    router: report.router.name.clone(),
                };
                let verbs = record
                    .methods
                    .iter()
                    .filter_map(|name| Verb::from_name(name));
                let at = lock.mounts.entry(mount).or_default();
                for verb in verbs {
                    at.entry(verb).or_insert_with(|| Route {
                        terms: Terms::of(&record),
                        place: Place {
                            file: record.file.clone(),
                            line: record.line,
                        },
                    });
                }
            }
        }
        lock.normalize();
        lock
    }

    fn normalize(&mut self) {
        for at in self.mounts.values_mut() {
            verb::normalize(at, |one, other| one.terms == other.terms);
        }
    }

    /// Sorted by path, then method, then router. Methods that one declaration names and methods
    /// that several name alike make the same line.
    pub(crate) fn lines(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        for (mount, at) in &self.mounts {
            let mut by_terms: BTreeMap<&Terms, BTreeSet<Verb>> = BTreeMap::new();
            for (verb, route) in at {
                by_terms.entry(&route.terms).or_default().insert(*verb);
            }
            lines.extend(by_terms.into_iter().map(|(terms, verbs)| Line {
                mount,
                verbs,
                terms,
            }));
        }
        lines.sort_by(|a, b| {
            let key = |line: &Line<'_>| (line.mount.path.clone(), line.verbs.first().copied());
            key(a).cmp(&key(b)).then_with(|| a.mount.cmp(b.mount))
        });
        lines
    }

    /// Takes out what is mounted by routers of these packages.
    pub(crate) fn split_off(&mut self, packages: &BTreeSet<String>) -> Self {
        let mounts = std::mem::take(&mut self.mounts);
        let (taken, left) = mounts
            .into_iter()
            .partition(|(mount, _)| packages.contains(&mount.package));
        self.mounts = left;
        Self { mounts: taken }
    }

    /// The packages whose routers mount something.
    pub(crate) fn packages(&self) -> BTreeSet<&str> {
        self.mounts
            .keys()
            .map(|mount| mount.package.as_str())
            .collect()
    }

    /// Adds the routes of packages that this one has none of.
    pub(crate) fn merge(&mut self, other: Self) {
        self.mounts.extend(other.mounts);
    }
}
