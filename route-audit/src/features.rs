//! Which features the packages were built without: what a lock may have been written with.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Metadata, Package};

use crate::cargo::Executable;
use crate::lock::compare::Difference;

/// The packages that were built without some of their features.
#[derive(Debug, Default)]
pub(crate) struct Off(BTreeMap<String, OfPackage>);

#[derive(Debug)]
struct OfPackage {
    /// Off, and on in a run over the whole workspace: another member turns them on.
    by_selection: BTreeSet<String>,
    /// Off in any run with these flags.
    by_flags: BTreeSet<String>,
}

impl Off {
    pub(crate) fn of(
        metadata: &Metadata,
        packages: &[&Package],
        executables: &[Executable<'_>],
    ) -> Self {
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let resolved: BTreeMap<_, BTreeSet<String>> = nodes
            .map(|node| {
                let features = node.features.iter().map(ToString::to_string);
                (&node.id, features.collect())
            })
            .collect();
        let of_package = |package: &Package| {
            let on: BTreeSet<&String> = executables
                .iter()
                .filter(|executable| executable.package.id == package.id)
                .flat_map(|executable| &executable.features)
                .collect();
            let off = package.features.keys().filter(|name| !on.contains(name));
            let (by_selection, by_flags) = off.cloned().partition(|name| {
                resolved
                    .get(&package.id)
                    .is_some_and(|all| all.contains(name))
            });
            OfPackage {
                by_selection,
                by_flags,
            }
        };
        let all = packages
            .iter()
            .map(|package| (package.name.to_string(), of_package(package)));
        Self(all.collect())
    }

    /// What to say of routes that are gone: whether features that are off may be why.
    pub(crate) fn notes(&self, differences: &[Difference], lock: &str) -> Vec<String> {
        let gone = differences.iter().filter(|one| one.new.is_nothing());
        let packages: BTreeSet<&str> = gone.map(|one| one.package.as_str()).collect();
        let note = |package: &str| {
            let OfPackage {
                by_selection,
                by_flags,
            } = self.0.get(package)?;
            if !by_selection.is_empty() {
                return Some(format!(
                    "package `{package}` is built without {}, which other members of the workspace \
                     turn on: {lock} may have been written with {} (see `--workspace`)",
                    listed(by_selection),
                    them(by_selection)
                ));
            }
            (!by_flags.is_empty()).then(|| {
                format!(
                    "package `{package}` is built without {}: {lock} may have been written with \
                     {} (see `--features`)",
                    listed(by_flags),
                    them(by_flags)
                )
            })
        };
        packages.into_iter().filter_map(note).collect()
    }
}

fn them(names: &BTreeSet<String>) -> &'static str {
    if names.len() == 1 { "it" } else { "them" }
}

fn listed(names: &BTreeSet<String>) -> String {
    const SHOWN: usize = 5;
    let mut shown: Vec<_> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    let noun = if names.len() == 1 {
        "its feature"
    } else {
        "its features"
    };
    format!("{noun} {}", shown.join(", "))
}
