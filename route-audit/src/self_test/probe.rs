//! The route that nobody has classified.

use std::path::{Path, PathBuf};
use std::{fs, io};

use cargo_metadata::{DependencyKind, Metadata, Package, PackageId, Target};

use crate::cargo::{audited, describe};
use crate::error::{CannotRun, Problem};
use crate::select::LIBRARY;

/// One more audited router, for one target.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) package: String,
    /// ``library `web` ``.
    pub(super) target: String,
    /// The root file of the target, which it is added to.
    pub(super) source: PathBuf,
    /// What its route is called. No two are the same.
    pub(super) path: String,
    pub(super) code: String,
}

impl Probe {
    pub(super) fn described(&self) -> String {
        format!("{} of package `{}`", self.target, self.package)
    }

    /// Adds it to the copy of its source.
    pub(super) fn add_to(&self, copy: &Path) -> Result<(), Problem> {
        let add = || -> io::Result<()> {
            let mut text = fs::read_to_string(copy)?;
            text.push_str(&self.code);
            // It has the permissions of the original, which may be no one's to write.
            fs::remove_file(copy)?;
            fs::write(copy, text)
        };
        add().map_err(|error| {
            Problem::new(format!("cannot add a route for the self-test: {error}"))
                .at(self.source.display())
                .help("the root file of a target is UTF-8 text")
        })
    }
}

/// One for each library and binary of these packages that can name the router.
pub(super) fn probes(metadata: &Metadata, packages: &[&Package]) -> Result<Vec<Probe>, CannotRun> {
    let mut probes: Vec<Probe> = Vec::new();
    for package in packages {
        let Some(names) = Names::of(metadata, package) else {
            continue;
        };
        for target in package.targets.iter().filter(|target| {
            audited(target) && !target.is_proc_macro() && built(metadata, package, target)
        }) {
            let source = target.src_path.as_std_path().to_owned();
            // One file may be the root of several targets.
            if probes.iter().any(|probe| probe.source == source) {
                continue;
            }
            let path = format!("/__route-audit-self-test/{}", probes.len());
            probes.push(Probe {
                package: package.name.to_string(),
                target: describe(target),
                code: names.code(&path),
                source,
                path,
            });
        }
    }
    if probes.is_empty() {
        return Err(Problem::new(
            "the self-test has nowhere to add a route: no audited package depends on the `axum` \
             that `session-auth` depends on",
        )
        .at(metadata.workspace_root.join("Cargo.toml"))
        .help("add `axum` to the `[dev-dependencies]` of a package with an audited router")
        .into());
    }
    Ok(probes)
}

/// Whether cargo builds it with the features that are on.
fn built(metadata: &Metadata, package: &Package, target: &Target) -> bool {
    let node = nodes(metadata).find(|node| node.id == package.id);
    target.required_features.iter().all(|feature| {
        node.is_some_and(|node| node.features.iter().any(|active| **active == **feature))
    })
}

fn nodes(metadata: &Metadata) -> impl Iterator<Item = &cargo_metadata::Node> {
    metadata.resolve.iter().flat_map(|resolve| &resolve.nodes)
}

/// What a package calls the crates, which Cargo.toml may rename.
struct Names<'a> {
    library: &'a str,
    axum: &'a str,
}

impl<'a> Names<'a> {
    fn of(metadata: &'a Metadata, package: &Package) -> Option<Self> {
        let (library_id, library) = dependency(metadata, &package.id, LIBRARY, None)?;
        // A package may have another version of axum as well.
        let (axum_id, _) = dependency(metadata, library_id, "axum", None)?;
        let (_, axum) = dependency(metadata, &package.id, "axum", Some(axum_id))?;
        Some(Self { library, axum })
    }

    /// A router of axum's, whose handler has no class: one of this crate's would not compile. In a
    /// module, where no name of the file's is in its way.
    fn code(&self, path: &str) -> String {
        let Self { library, axum } = self;
        format!(
            "\n#[cfg(test)]\nmod __route_audit_self_test {{\n    \
             #[::{library}::audited_router]\n    fn self_test() -> ::{axum}::Router {{\n        \
             ::{axum}::Router::new().route({path:?}, ::{axum}::routing::get(|| async {{}}))\n    \
             }}\n}}\n"
        )
    }
}

/// A package that another one's tests can name, and the name.
fn dependency<'a>(
    metadata: &'a Metadata,
    of: &PackageId,
    name: &str,
    only: Option<&PackageId>,
) -> Option<(&'a PackageId, &'a str)> {
    let is = |id: &PackageId| match only {
        Some(only) => id == only,
        None => metadata
            .packages
            .iter()
            .any(|package| package.id == *id && package.name == name),
    };
    let node = nodes(metadata).find(|node| node.id == *of)?;
    node.deps
        .iter()
        .filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| {
                matches!(
                    kind.kind,
                    DependencyKind::Normal | DependencyKind::Development
                )
            })
        })
        .find(|dependency| is(&dependency.pkg))
        .map(|dependency| (&dependency.pkg, &*dependency.name))
}
