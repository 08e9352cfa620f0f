//! Which packages are audited: cargo's own selection, less those without session-auth.

use std::collections::{BTreeMap, HashMap, HashSet};

use cargo_metadata::{DependencyKind, Metadata, Node, NodeDep, Package, PackageId};
use glob::Pattern;

use crate::cli::CargoArgs;
use crate::config::Config;
use crate::error::{CannotRun, Problem};

/// The package whose attributes and routers are audited.
pub(crate) const LIBRARY: &str = "session-auth";

/// What a package may serve routes with.
const FRAMEWORK: &str = "axum";

/// What `[package.metadata]` of the library holds: a table of its name, and this in it.
const MARKER: (&str, &str) = ("audited-by", "route-audit");

#[derive(Debug)]
pub(crate) struct Selection<'a> {
    /// The packages whose routers are audited.
    pub(crate) examined: Vec<&'a Package>,
    /// What cargo builds: the examined, and the selected packages that depend on one of them.
    /// These can turn on features of it, as they do in the program and in `cargo test`.
    pub(crate) built: Vec<&'a Package>,
    /// The names of the members that are not audited and may serve routes, by the reason.
    pub(crate) left_out: BTreeMap<&'static str, String>,
    /// The selected packages that have nothing to do with routes.
    pub(crate) unrelated: Vec<String>,
}

pub(crate) fn select<'a>(
    metadata: &'a Metadata,
    args: &CargoArgs,
    config: &Config,
) -> Result<Selection<'a>, CannotRun> {
    let graph = Graph::of(metadata)?;
    let selected = selected(metadata, args)?;
    let by_name = !args.package.is_empty();
    let excluded =
        |package: &Package| !by_name && config.exclude.iter().any(|name| package.name == *name);
    let examined: Vec<&Package> = selected
        .iter()
        .copied()
        .filter(|package| graph.uses_library(&package.id) && !excluded(package))
        .collect();
    CannotRun::unless_none(graph.strangers(&examined))?;
    if examined.is_empty() {
        return Err(Problem::new(format!(
            "nothing to audit: none of the selected packages depends on `session-auth` ({})",
            names(&selected)
        ))
        .help(
            "select the packages that register routes with `-p NAME` or `--workspace`; a package \
             whose dependency is optional needs the feature that turns it on",
        )
        .into());
    }
    let targets: HashSet<_> = examined.iter().map(|package| &package.id).collect();
    let framework = named(metadata, FRAMEWORK);
    let mut left_out: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut unrelated = Vec::new();
    let mut members = metadata.workspace_packages();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    for member in members {
        if targets.contains(&member.id) || graph.library.contains(&member.id) {
            continue;
        }
        let is_selected = selected.iter().any(|package| package.id == member.id);
        let links = |targets: &HashSet<_>| graph.reaches(&member.id, targets, is_normal);
        let why = if is_selected && excluded(member) {
            "excluded by [workspace.metadata.route-audit]"
        } else if ![&targets, &framework, &graph.library]
            .into_iter()
            .any(links)
        {
            if is_selected {
                unrelated.push(member.name.to_string());
            }
            continue;
        } else if !is_selected {
            "not selected"
        } else if links(&targets) {
            "depends on an audited package, and not on `session-auth` itself"
        } else {
            "depends on `axum`, and not on `session-auth`"
        };
        left_out.entry(why).or_default().push(member);
    }
    let built = selected
        .iter()
        .copied()
        .filter(|package| graph.reaches(&package.id, &targets, |_| true))
        .collect();
    Ok(Selection {
        examined,
        built,
        left_out: left_out
            .into_iter()
            .map(|(why, packages)| (why, list(&packages)))
            .collect(),
        unrelated,
    })
}

/// `` `a`, `b` ``.
fn list(packages: &[&Package]) -> String {
    let names: Vec<_> = packages
        .iter()
        .map(|package| format!("`{}`", package.name))
        .collect();
    names.join(", ")
}

fn names(packages: &[&Package]) -> String {
    const SHOWN: usize = 5;
    let mut names: Vec<_> = packages
        .iter()
        .take(SHOWN)
        .map(|package| format!("`{}`", package.name))
        .collect();
    if packages.len() > SHOWN {
        names.push(format!("and {} more", packages.len() - SHOWN));
    }
    names.join(", ")
}

/// The packages that cargo would select for the same arguments.
pub(crate) fn selected<'a>(
    metadata: &'a Metadata,
    args: &CargoArgs,
) -> Result<Vec<&'a Package>, CannotRun> {
    let mut members = metadata.workspace_packages();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    let unknown = |flag: &str, spec: &str| {
        Problem::new(format!(
            "`{flag} {spec}` matches no member of the workspace"
        ))
        .at(metadata.workspace_root.join("Cargo.toml"))
        .help(format!("the members are: {}", names(&members)))
    };
    let problems = |flag: &'static str, specs: &[String]| -> Vec<Problem> {
        specs
            .iter()
            .filter(|spec| !members.iter().any(|package| matches(spec, package)))
            .map(|spec| unknown(flag, spec))
            .collect()
    };
    // Cargo only warns of an unknown `--exclude`: here a typo would audit the wrong packages.
    CannotRun::unless_none(problems("--package", &args.package))?;
    CannotRun::unless_none(problems("--exclude", &args.exclude))?;

    let matches_any =
        |specs: &[String], package: &Package| specs.iter().any(|spec| matches(spec, package));
    Ok(if args.workspace {
        members
            .into_iter()
            .filter(|package| !matches_any(&args.exclude, package))
            .collect()
    } else if !args.package.is_empty() {
        members
            .into_iter()
            .filter(|package| matches_any(&args.package, package))
            .collect()
    } else {
        // Of the manifest that cargo started from: its package, or the workspace's defaults.
        members
            .into_iter()
            .filter(|package| metadata.workspace_default_members.contains(&package.id))
            .collect()
    })
}

/// Whether a package id specification, or a glob over names, means this package.
/// <https://doc.rust-lang.org/cargo/reference/pkgid-spec.html>
fn matches(spec: &str, package: &Package) -> bool {
    let version = package.version.to_string();
    matches_parts(spec, &package.name, &version, &package.id.repr)
}

fn matches_parts(spec: &str, name: &str, version: &str, id: &str) -> bool {
    if spec.contains("://") {
        let url = id.split_once('+').map_or(id, |(_, url)| url);
        let source = url.split_once('#').map_or(url, |(source, _)| source);
        return [id, url, source].contains(&spec);
    }
    let (wanted, wanted_version) = match spec.split_once(['@', ':']) {
        Some((wanted, version)) => (wanted, Some(version)),
        None => (spec, None),
    };
    // `1`, `1.2` and `1.2.3` all mean 1.2.3.
    let version_matches = wanted_version.is_none_or(|wanted| {
        version
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    // By the crate that cargo takes for it.
    version_matches && Pattern::new(wanted).is_ok_and(|wanted| wanted.matches(name))
}

/// The resolved dependencies, with the features that were asked for.
struct Graph<'a> {
    nodes: HashMap<&'a PackageId, &'a Node>,
    packages: HashMap<&'a PackageId, &'a Package>,
    /// Whatever is called like the library.
    library: HashSet<&'a PackageId>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Metadata) -> Result<Self, CannotRun> {
        let Some(resolve) = &metadata.resolve else {
            return Err(Problem::new("cargo metadata shows no resolved dependencies").into());
        };
        Ok(Self {
            nodes: resolve.nodes.iter().map(|node| (&node.id, node)).collect(),
            packages: metadata
                .packages
                .iter()
                .map(|package| (&package.id, package))
                .collect(),
            library: named(metadata, LIBRARY),
        })
    }

    /// Whether the package itself depends on the library, under whatever name. A dependency of
    /// its tests alone registers no route of the program.
    fn uses_library(&self, package: &PackageId) -> bool {
        self.libraries_of(package).next().is_some()
    }

    fn libraries_of(&self, package: &PackageId) -> impl Iterator<Item = &'a PackageId> {
        let node = self.nodes.get(package);
        node.into_iter()
            .flat_map(|node| &node.deps)
            .filter(|dependency| self.library.contains(&dependency.pkg) && is_normal(dependency))
            .map(|dependency| &dependency.pkg)
    }

    /// Why what one of these packages depends on is called like the library and is not this one.
    fn strangers(&self, packages: &[&Package]) -> Vec<Problem> {
        let mut problems = Vec::new();
        for package in packages {
            for id in self.libraries_of(&package.id) {
                let Some(why) = self.packages.get(id).and_then(|found| stranger(found)) else {
                    continue;
                };
                problems.push(
                    Problem::new(format!(
                        "the `session-auth` that package `{}` depends on is not the library of \
                         this route-audit: {why}",
                        package.name
                    ))
                    .at(&package.manifest_path)
                    .help(
                        "depend on the library by its path, or by the address of its repository \
                         with `rev`, from the revision that this route-audit is built from; \
                         where the other crate is meant, name the package under `exclude` in \
                         [workspace.metadata.route-audit]",
                    ),
                );
            }
        }
        problems
    }

    /// Whether the package is one of the targets or depends on one, however far away, by
    /// dependencies of this kind.
    fn reaches(
        &self,
        package: &'a PackageId,
        targets: &HashSet<&PackageId>,
        follow: impl Fn(&NodeDep) -> bool,
    ) -> bool {
        let mut seen = HashSet::from([package]);
        let mut left = vec![package];
        while let Some(id) = left.pop() {
            if targets.contains(id) {
                return true;
            }
            let dependencies = self.nodes.get(id).into_iter().flat_map(|node| &node.deps);
            for dependency in dependencies.filter(|dependency| follow(dependency)) {
                if seen.insert(&dependency.pkg) {
                    left.push(&dependency.pkg);
                }
            }
        }
        false
    }
}

fn named<'a>(metadata: &'a Metadata, name: &str) -> HashSet<&'a PackageId> {
    let packages = metadata.packages.iter();
    packages
        .filter(|package| package.name == name)
        .map(|package| &package.id)
        .collect()
}

/// Part of the program, not of its tests or its build alone.
fn is_normal(dependency: &NodeDep) -> bool {
    let mut kinds = dependency.dep_kinds.iter();
    kinds.any(|kind| kind.kind == DependencyKind::Normal)
}

/// Why a package of the library's name is not the library. A registry's never is: there the name
/// belongs to another project, and this one publishes nothing.
fn stranger(package: &Package) -> Option<String> {
    let (key, value) = MARKER;
    let version = package.version.to_string();
    let from = package.source.as_ref().map(|source| &source.repr);
    if let Some(source) = from.filter(|source| !source.starts_with("git+")) {
        return Some(format!(
            "it is version {version} from `{source}`, and there the name is another project's"
        ));
    }
    if package.metadata[LIBRARY][key] != value {
        return Some(format!(
            "{} has no `[package.metadata.{LIBRARY}]` with `{key} = {value:?}`",
            package.manifest_path
        ));
    }
    (version != env!("CARGO_PKG_VERSION")).then(|| {
        format!(
            "it is version {version}, and this is route-audit {}",
            env!("CARGO_PKG_VERSION")
        )
    })
}

#[cfg(test)]
mod tests;
