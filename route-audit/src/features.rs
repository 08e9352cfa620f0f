//! Which features the packages were built without: what a lock may have been written with.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::Package;

use crate::cargo::Executable;
use crate::lock::compare::Difference;

/// The packages that were built without some of their features, and these.
#[derive(Debug, Default)]
pub(crate) struct Off(BTreeMap<String, BTreeSet<String>>);

impl Off {
    pub(crate) fn of(packages: &[&Package], executables: &[Executable<'_>]) -> Self {
        let off = |package: &&Package| {
            let built = executables
                .iter()
                .filter(|one| one.package.id == package.id);
            let on: BTreeSet<&String> = built.flat_map(|one| &one.features).collect();
            let off = package.features.keys().filter(|name| !on.contains(name));
            (package.name.to_string(), off.cloned().collect())
        };
        Self(packages.iter().map(off).collect())
    }

    /// What to say of routes that are gone: whether features that are off may be why.
    pub(crate) fn notes(&self, differences: &[Difference], lock: &str) -> Vec<String> {
        let gone = differences.iter().filter(|one| one.new.is_nothing());
        let packages: BTreeSet<&str> = gone.map(|one| one.package.as_str()).collect();
        let note = |package: &str| {
            let off = self.0.get(package).filter(|off| !off.is_empty())?;
            let off: Vec<_> = off.iter().map(|name| format!("`{name}`")).collect();
            Some(format!(
                "package `{package}` is built without features, and {lock} may have been written \
                 with them (see `--features`; `--workspace` where another member turns them on): {}",
                off.join(", ")
            ))
        };
        packages.into_iter().filter_map(note).collect()
    }
}
