//! The `rust-version` of the published packages is one that their dependencies have, too. Code that
//! needs a later one than that is found by `clippy::incompatible_msrv`.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;

use cargo_metadata::semver::Version;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, Package, PackageId};

const PUBLISHED: [&str; 3] = ["session-auth", "session-auth-macros", "route-audit"];

/// Optional dependencies that need a later Rust than the rest, and that they do is documented.
const LATER: [(&str, &str); 1] = [("sqlx", "1.94.0")];

/// What `Cargo.lock` has: for all targets in CI, elsewhere for this one, which has been downloaded.
fn locked() -> Metadata {
    let mut options = vec!["--locked".to_owned()];
    if std::env::var("CI").as_deref() != Ok("true") {
        let rustc = Command::new("rustc").arg("-vV").output().unwrap();
        let about = String::from_utf8(rustc.stdout).unwrap();
        let host = about.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.expect("rustc names its host").to_owned();
        options.extend(["--offline".into(), "--filter-platform".into(), host]);
    }
    MetadataCommand::new()
        .manifest_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"))
        .features(cargo_metadata::CargoOpt::AllFeatures)
        .other_options(options)
        .exec()
        .unwrap()
}

struct Locked<'a> {
    packages: HashMap<&'a PackageId, &'a Package>,
    nodes: HashMap<&'a PackageId, &'a Node>,
}

impl<'a> Locked<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        let resolve = metadata.resolve.as_ref().unwrap();
        Self {
            packages: metadata.packages.iter().map(|it| (&it.id, it)).collect(),
            nodes: resolve.nodes.iter().map(|it| (&it.id, it)).collect(),
        }
    }

    /// What a user of this package builds, without what is behind these of its dependencies.
    fn built(&self, root: &'a PackageId, without: &[&str]) -> HashSet<&'a PackageId> {
        let mut built = HashSet::new();
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            if without.contains(&self.packages[id].name.as_str()) || !built.insert(id) {
                continue;
            }
            let deps = self.nodes[id].deps.iter();
            open.extend(
                deps.filter(|dep| {
                    let mut kinds = dep.dep_kinds.iter();
                    kinds.any(|kind| kind.kind != DependencyKind::Development)
                })
                .map(|dep| &dep.pkg),
            );
        }
        built
    }

    /// Those that need a later Rust than this one.
    fn too_new(&self, built: &HashSet<&PackageId>, rust: &Version) -> Vec<String> {
        let mut found: Vec<String> = built
            .iter()
            .map(|id| self.packages[*id])
            .filter_map(|package| {
                let needs = package.rust_version.as_ref()?;
                (needs > rust).then(|| format!("{} needs Rust {needs}", package.id))
            })
            .collect();
        found.sort();
        found
    }
}

#[test]
fn no_dependency_needs_a_later_rust() {
    let metadata = locked();
    let locked = Locked::new(&metadata);
    let later = LATER.map(|(name, _)| name);
    for name in PUBLISHED {
        let mut packages = metadata.workspace_packages().into_iter();
        let package = packages.find(|package| package.name == name).unwrap();
        let ours = package.rust_version.as_ref().expect("a rust-version");

        let built = locked.built(&package.id, &later);
        assert!(built.len() > 5, "{name} has dependencies: {built:?}");
        let found = locked.too_new(&built, ours);
        assert!(found.is_empty(), "{name} is for Rust {ours}; {found:#?}");
    }
    for (name, rust) in LATER {
        let package = metadata.packages.iter().find(|it| it.name == name).unwrap();
        assert_eq!(package.rust_version, Some(rust.parse().unwrap()), "{name}");
        let found = locked.too_new(&locked.built(&package.id, &[]), &rust.parse().unwrap());
        assert!(found.is_empty(), "{name} is for Rust {rust}; {found:#?}");
    }
}

#[test]
fn the_readme_says_which_rust_is_needed() {
    let readme = include_str!("../../README.md");
    let metadata = locked();
    let mut packages = metadata.workspace_packages().into_iter();
    let package = packages.find(|it| it.name == "session-auth").unwrap();
    let ours = package.rust_version.as_ref().expect("a rust-version");
    let mut versions = vec![ours.clone()];
    versions.extend(LATER.map(|(_, rust)| rust.parse().unwrap()));
    for Version { major, minor, .. } in versions {
        let rust = format!("Rust {major}.{minor}");
        assert!(readme.contains(&rust), "{rust}");
    }
}
