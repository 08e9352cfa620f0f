//! `routes.lock`: who may call each route, checked in and reviewed like code.
//!
//! It holds what a reviewer decides about and no more: no line numbers, no files, no handlers. So
//! it stays as it is when code moves. See [`format`](mod@format) for the text and
//! [`terms`] for which change opens a route.

pub(crate) mod compare;
pub(crate) mod digest;
pub(crate) mod file;
pub(crate) mod format;
pub(crate) mod mount;
pub(crate) mod running;
pub(crate) mod said;
pub(crate) mod terms;
#[cfg(test)]
mod tests;
pub(crate) mod values;
pub(crate) mod verb;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use session_auth::audit::{ListedRoute, Report};
use session_auth::{Declaration, Location, Methods};

use self::mount::{At, Mount};
use self::said::Said;

/// The routes of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    /// By the methods one by one.
    mounts: BTreeMap<Mount, BTreeMap<Methods, Route>>,
}

/// What is said of a method, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// `None` where nobody said; such a route is never written into a lock.
    pub(crate) said: Option<Said>,
    /// The declaration's place; where there is none, that of the mount.
    pub(crate) place: Location,
}

/// A line of the text: the methods of a mount of which the same is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) mount: &'a Mount,
    pub(crate) verbs: Methods,
    pub(crate) said: Option<&'a Said>,
}

impl Lock {
    /// What the audited routers mount. A declaration that none of them mounts is no route.
    pub(crate) fn of<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Self {
        let mut lock = Self::default();
        for report in reports {
            for mounted in &report.routes {
                let mount = Mount {
                    at: At::of(mounted.path.as_deref(), mounted.shape),
                    package: report.router.package.clone(),
                    router: report.router.name.clone(),
                };
                let at = lock.mounts.entry(mount).or_default();
                for verb in mounted.methods.iter() {
                    at.entry(verb).or_insert_with(|| Route::of(mounted));
                }
            }
        }
        lock.normalize();
        lock
    }

    fn normalize(&mut self) {
        for at in self.mounts.values_mut() {
            verb::normalize(at, |one, other| one.said == other.said);
        }
    }

    /// Sorted by path, then method, then router. Methods that one declaration names and methods
    /// that several name alike make the same line.
    pub(crate) fn lines(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        for (mount, at) in &self.mounts {
            let mut alike: BTreeMap<Option<&Said>, Methods> = BTreeMap::new();
            for (verb, route) in at {
                let verbs = alike.entry(route.said.as_ref()).or_insert(*verb);
                *verbs = verbs.or(*verb);
            }
            lines.extend(
                alike
                    .into_iter()
                    .map(|(said, verbs)| Line { mount, verbs, said }),
            );
        }
        lines.sort_by_cached_key(|line| {
            let path = line.mount.at.path().map(|path| path.into_owned());
            (path, line.verbs.iter().next(), line.mount)
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

    /// Leaves what this router mounts, and nothing else.
    pub(crate) fn keep_router(&mut self, package: &str, router: &str) {
        self.mounts
            .retain(|mount, _| mount.package == package && mount.router == router);
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

impl Route {
    pub(crate) fn declaration(&self) -> Option<&Declaration> {
        self.said.as_ref().map(|Said(declaration)| declaration)
    }

    fn of(mounted: &ListedRoute) -> Self {
        let declaration = mounted.declaration.as_ref();
        let place = declaration.map_or(&mounted.mounted, Declaration::location);
        Self {
            said: declaration.cloned().map(Said),
            place: place.clone(),
        }
    }
}
