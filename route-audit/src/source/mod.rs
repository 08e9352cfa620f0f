//! The third view: what the source registers.
//!
//! The reports say what the audited routers mount. What no audited router has is in no report: a
//! second router, a route that the audited configuration leaves out. So the packages' sources are
//! read, and held against the reports:
//!
//! 1. Every module that some build has is read, once for each target. One that cannot be read or
//!    parsed is 101.
//! 2. What a registration's path, methods or handler is, is taken from the text where it is
//!    constant; where it is not, the routers' own answer decides, and what they cannot answer for
//!    is a finding.
//! 3. What this build leaves out and another has is read as well, and what it registers is a
//!    finding: no audit of this run sees it.
//! 4. The source never takes a finding away; it gives it a better place.

mod attributes;
mod body;
mod cfg;
mod collect;
mod exceptions;
mod graph;
mod include;
mod load;
mod macros;
mod mounts;
mod names;
mod path;
mod pending;
mod placement;
mod register;
mod rules;
mod scan;
mod skim;
mod survey;
mod tables;
mod values;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::PathBuf;
use std::thread;

use cargo_metadata::{Metadata, Package};
use session_auth::audit::{Audit, Report};

use crate::Notes;
use crate::cargo::{self, Executable};
use crate::config::Config;
use crate::error::{CannotRun, Problem};

pub(crate) use self::survey::{
    At, By, Fun, Kindred, Registered, Survey, Whole, declared_by, survey,
};

use self::cfg::Platform;
use self::load::Target;
use self::scan::Scan;

/// A router of ten thousand routes is an expression of that depth, and the parser and the
/// destructor of its tree are recursive. Reserved, and used where needed.
const STACK: usize = 512 << 20;

/// Where the source is, and how it is built.
pub(crate) struct Input<'a> {
    pub(crate) metadata: &'a Metadata,
    pub(crate) packages: &'a [&'a Package],
    pub(crate) executables: &'a [Executable<'a>],
    pub(crate) config: &'a Config,
    pub(crate) reports: &'a [Report],
    pub(crate) current_dir: PathBuf,
    /// `--target`.
    pub(crate) target: Option<OsString>,
}

/// Adds what the source shows to an audit: findings of its own, and places for those without a
/// declaration.
pub(crate) fn reconcile(
    input: &Input<'_>,
    audit: &mut Audit,
    notes: &mut Notes<'_>,
) -> Result<(), CannotRun> {
    let said = on_a_large_stack(|| examine(input, audit))??;
    for text in said {
        notes.note(&text);
    }
    Ok(())
}

/// Runs where the deepest of routers can be parsed.
pub(crate) fn on_a_large_stack<R: Send>(read: impl FnOnce() -> R + Send) -> Result<R, Problem> {
    thread::scope(|scope| {
        let reader = thread::Builder::new()
            .name("source".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, read)
            .map_err(|error| {
                Problem::new(format!("cannot start a thread to read the source: {error}"))
                    .help("raise the limit on memory, of which it reserves 512 MiB")
            })?;
        match reader.join() {
            Ok(result) => Ok(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn examine(input: &Input<'_>, audit: &mut Audit) -> Result<Vec<String>, CannotRun> {
    let platform = Platform::new(
        std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
        input.target.clone(),
        input.current_dir.clone(),
    );
    let targets = targets(input);
    let root = input.metadata.workspace_root.as_std_path();
    let scan = Scan::of(&targets, root, &platform, input.reports)?;
    let excepts = input.config.unaudited.iter().any(|one| one.left_out);
    let any_build = if platform.has_decided() || excepts {
        let any = Platform::of_any_build();
        Some(Scan::of(&targets, root, &any, input.reports)?)
    } else {
        None
    };
    let members: Vec<String> = input
        .metadata
        .workspace_packages()
        .iter()
        .flat_map(|package| &package.targets)
        .map(|target| crate_name(&target.name))
        .collect();
    let mut notes = Vec::new();
    let mut found = rules::run(&scan, &mut notes);
    if let Some(any_build) = &any_build {
        found.extend(rules::left_out(&scan, any_build));
    }
    let exceptions = &input.config.unaudited;
    let findings = exceptions::apply(found, exceptions, &scan, any_build.as_ref(), &members)?;
    placement::place(&scan, audit);
    crate::add_findings(audit, findings);
    notes.sort();
    notes.dedup();
    Ok(notes)
}

fn crate_name(target: &str) -> String {
    target.replace('-', "_")
}

/// The libraries and programs of the packages.
fn targets(input: &Input<'_>) -> Vec<Target> {
    let resolve = input.metadata.resolve.as_ref();
    let node = |package: &Package| {
        let nodes = resolve
            .map(|resolve| resolve.nodes.as_slice())
            .unwrap_or_default();
        nodes.iter().find(|node| node.id == package.id)
    };
    let mut targets = Vec::new();
    let mut libraries = HashMap::new();
    let mut of_package = Vec::new();
    for package in input.packages {
        let features: BTreeSet<String> = input
            .executables
            .iter()
            .filter(|executable| executable.package.id == package.id)
            .flat_map(|executable| executable.features.iter().cloned())
            .collect();
        let out_dir = input
            .executables
            .iter()
            .filter(|executable| executable.package.id == package.id)
            .flat_map(|executable| &executable.vars)
            .find(|(name, _)| name == "OUT_DIR")
            .map(|(_, value)| PathBuf::from(value));
        for target in package
            .targets
            .iter()
            .filter(|target| cargo::audited(target))
        {
            if !target.is_bin() {
                libraries.insert(&package.id, targets.len());
            }
            of_package.push(*package);
            targets.push(Target {
                package: package.name.to_string(),
                name: crate_name(&target.name),
                root: target.src_path.clone().into_std_path_buf(),
                manifest_dir: cargo::directory(package).to_owned(),
                out_dir: out_dir.clone(),
                features: features.clone(),
                required_features: target.required_features.clone(),
                externs: HashMap::new(),
            });
        }
    }
    for at in 0..targets.len() {
        let package = of_package[at];
        let own = libraries.get(&package.id).filter(|library| **library != at);
        let own = own.map(|library| (targets[*library].name.clone(), *library));
        let dependencies = node(package).into_iter().flat_map(|node| &node.deps);
        let others = dependencies.filter_map(|dependency| {
            Some((dependency.name.clone(), *libraries.get(&dependency.pkg)?))
        });
        targets[at].externs = others.chain(own).collect();
    }
    targets
}
