//! `route-audit check --self-test`: whether the gate sees, on the user's own workspace.
//!
//! A gate that has gone blind passes. So a copy of the workspace gets a route that nobody has
//! classified, in each program part that the audit examines, and the check of the copy has to fail
//! because of it. The workspace itself is only read.

mod copy;
mod probe;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use fs4::FileExt;
use session_auth::audit::Code;
use tempfile::TempDir;

use self::copy::Copy;
use self::probe::{Probe, probes};
use crate::audit::Audit;
use crate::check::{checked, exit_code};
use crate::cli::Check;
use crate::error::{CannotRun, Problem};
use crate::exit;
use crate::select;
use crate::surroundings::{Env, print};
use crate::workspace::Workspace;

/// Below the target folder: what is built here must not be taken for what is built there, and has
/// the same names.
const FOLDER: &str = "route-audit-self-test";

pub(crate) fn run(args: &Check, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let workspace = Workspace::read(&args.common, env)?;
    let metadata = &workspace.metadata;
    let selection = select::select(metadata, &args.common.cargo, &workspace.config)?;
    let probes = probes(metadata, &selection.examined)?;

    let target = match &args.common.cargo.target_dir {
        Some(folder) => env.current_dir.join(folder),
        None => metadata.target_directory.as_std_path().to_owned(),
    };
    let folder = target.join(FOLDER);
    // Held to the end, and taken before anything is copied: another self-test that builds into the
    // same folder gives its executables the same names, and cargo goes by the times of the sources.
    let (scratch, _lock) = scratch(&folder)?;
    let copy = Copy::make(metadata, &target, scratch.path())?;
    for probe in &probes {
        let source = copy.place(&probe.source).ok_or_else(|| {
            Problem::new("the self-test did not copy a file that it has to change")
                .at(probe.source.display())
                .help("move the root file of the target into the workspace")
        })?;
        probe.add_to(&source)?;
    }

    let audit = check_copy(args, env, &copy, workspace.root(), &folder)?.map_err(|failure| {
        failure.and(
            Problem::new("the self-test could not audit its copy of the workspace; see above")
                .at(workspace.root().display())
                .help(
                    "make `route-audit check` run to its end first; where it does, the packages \
                     need a file that lies outside of them, or inside a folder that the copy \
                     leaves out: `.git`, `node_modules` and build output",
                ),
        )
    })?;
    CannotRun::unless_none(judge(exit_code(&audit), &audit, &probes))?;
    let places: Vec<_> = probes.iter().map(Probe::described).collect();
    let text = format!(
        "route-audit: self-test passed: an unclassified route was found in a copy of {}\n",
        places.join(", ")
    );
    print(env.stdout, &text)?;
    Ok(exit::CLEAN)
}

/// A folder for the copy, and a lock on the folder that it is in.
fn scratch(folder: &Path) -> Result<(TempDir, File), Problem> {
    let make = || -> io::Result<(TempDir, File)> {
        fs::create_dir_all(folder)?;
        let lock = File::create(folder.join("lock"))?;
        FileExt::lock(&lock)?;
        // Made absolute, since cargo runs elsewhere.
        let scratch = TempDir::with_prefix_in("copy-", fs::canonicalize(folder)?)?;
        Ok((scratch, lock))
    };
    make().map_err(|error| {
        Problem::new(format!("cannot make a folder for the self-test: {error}"))
            .at(folder.display())
            .help("name a folder that can be written to with `--target-dir`")
    })
}

/// The very `check` that guards the workspace, on the copy.
fn check_copy(
    args: &Check,
    env: &mut Env<'_>,
    copy: &Copy,
    root: &Path,
    folder: &Path,
) -> Result<Result<Audit, CannotRun>, CannotRun> {
    let mut common = args.common.clone();
    // From the same folder where it is part of the workspace: cargo selects by it.
    let current_dir = copy.place(&env.current_dir);
    common.cargo.manifest_path = match &args.common.cargo.manifest_path {
        Some(path) => {
            let path = env.current_dir.join(path);
            let copied = copy.place(&path).ok_or_else(|| {
                Problem::new("the self-test did not copy this manifest").at(path.display())
            })?;
            Some(copied)
        }
        None => None,
    };
    common.cargo.target_dir = Some(
        fs::canonicalize(folder)
            .unwrap_or_else(|_| folder.to_owned())
            .join("build"),
    );
    if current_dir.is_none() && common.cargo.manifest_path.is_none() {
        common.cargo.manifest_path = copy.place(&root.join("Cargo.toml"));
    }
    let check = Check {
        locked: false,
        update: false,
        self_test: false,
        common,
        ..args.clone()
    };
    let mut env = Env {
        args: Vec::new(),
        current_dir: current_dir.unwrap_or_else(|| env.current_dir.clone()),
        cargo: env.cargo.clone(),
        colors: false,
        stdout: &mut *env.stdout,
        stderr: &mut *env.stderr,
    };
    let audit = Workspace::read(&check.common, &env)
        .and_then(|workspace| checked(&check, &mut env, &workspace));
    Ok(audit.map(|(audit, _)| audit))
}

/// Why the check of the copy does not prove that the gate sees. What else it found is not for the
/// self-test to say.
fn judge(code: u8, audit: &Audit, probes: &[Probe]) -> Vec<Problem> {
    const BLIND: &str = "do not rely on this gate: look for what keeps the audit from the router \
                         (a test that is filtered or replaced, a patched `session-auth`), and \
                         report it where you find nothing";
    let mut problems = Vec::new();
    for probe in probes {
        let at: Vec<_> = audit
            .findings()
            .iter()
            .filter(|finding| finding.subject().path.as_deref() == Some(&*probe.path))
            .collect();
        let seen = match at.as_slice() {
            [] => "was not found".to_owned(),
            [one] if one.code() != Code::UnclassifiedRoute => {
                format!("was taken for `{}`", one.code())
            }
            [_] => continue,
            more => format!("was found {} times", more.len()),
        };
        problems.push(
            Problem::new(format!(
                "the gate is blind: the unclassified route {} that the self-test added to a copy \
                 of {} {seen}",
                probe.path,
                probe.described(),
            ))
            .at(probe.source.display())
            .help(BLIND),
        );
    }
    // Only where each probe was found: clean is a consequence otherwise.
    if problems.is_empty() && code != exit::FINDINGS {
        problems.push(
            Problem::new(format!(
                "the gate is blind: with an unclassified route found, `check` ended in {code} and \
                 not in {}",
                exit::FINDINGS
            ))
            .help(BLIND),
        );
    }
    let mut unprobed: Vec<_> = audit
        .routers
        .iter()
        .filter(|router| probes.iter().all(|probe| probe.package != router.package))
        .collect();
    unprobed.dedup_by(|a, b| a.package == b.package);
    problems.extend(unprobed.into_iter().map(|router| {
        Problem::new(format!(
            "the self-test cannot add a route to package `{}`, which has the audited router `{}`",
            router.package, router.name
        ))
        .at(&router.file)
        .help("add `axum` to its `[dev-dependencies]`, in the version that `session-auth` uses")
    }));
    problems
}

#[cfg(test)]
mod tests;
