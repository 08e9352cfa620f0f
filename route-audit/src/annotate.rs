//! `route-audit init --annotate`: access classes for a service that has none.
//!
//! The source says which routes there are; each of them gets class `session`, the strictest, and
//! what that may shut out is marked for a person to decide. No policy is guessed. All edits are
//! made up, and parsed, before the first file is written; what cannot be done is listed.

mod auditing;
mod chains;
mod edits;
mod endpoints;
mod manifest;
#[path = "annotate/annotate_marks.rs"]
mod marks;
mod plan;
mod routers;
mod text;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Package};

use crate::cli::Init;
use crate::error::{CannotRun, Problem};
use crate::lock::file::LockFile;
use crate::select::{self, LIBRARY};
use crate::source::{self, At, Input};
use crate::{Env, Notes, Workspace, exit};

/// What a person has to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Left {
    at: At,
    what: String,
    help: String,
}

/// What becomes of a file.
#[derive(Debug)]
struct Change {
    /// From the root of the workspace.
    name: String,
    path: PathBuf,
    old: String,
    new: String,
    /// As the user is told.
    what: String,
}

#[derive(Debug, Default)]
struct Outcome {
    changes: Vec<Change>,
    left: Vec<Left>,
    /// Places with a comment that asks whether the route is public.
    marks: usize,
}

pub(crate) fn run(args: &Init, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let workspace = crate::workspace(&args.common, env)?;
    let packages = packages(&workspace, args, &mut Notes::of(env.stderr, &args.common))?;
    let library = args
        .session_auth
        .as_deref()
        .map(|path| library_at(&env.current_dir.join(path)))
        .transpose()?;
    // What others nest has their prefix, so all are read; only the selected are edited.
    let mut read: Vec<_> = workspace.metadata.workspace_packages();
    read.retain(|package| depends_on_axum(package));
    let current_dir = env.current_dir.clone();
    let outcome = source::on_a_large_stack(|| -> Result<Outcome, CannotRun> {
        let input = Input {
            metadata: &workspace.metadata,
            packages: &read,
            executables: &[],
            config: &workspace.config,
            reports: &[],
            current_dir,
            target: args.common.cargo.target.clone(),
        };
        let survey = source::survey(&input)?;
        let mut outcome = plan::plan(&survey, &packages, workspace.root())?;
        manifests(&workspace, &packages, library.as_deref(), &mut outcome)?;
        Ok(outcome)
    })??;

    let mut text = String::new();
    if args.dry_run {
        for change in &outcome.changes {
            text.push_str(&diff(change));
        }
    } else {
        write(&outcome.changes)?;
        for Change { name, what, .. } in &outcome.changes {
            let _ = writeln!(text, "edited {name}: {what}");
        }
    }
    text.push_str(&left(&outcome.left));
    text.push_str(&next(&outcome, args.dry_run));
    crate::print(env.stdout, &text)?;
    Ok(if outcome.left.is_empty() {
        exit::CLEAN
    } else {
        exit::FINDINGS
    })
}

/// The selected packages that have to do with axum.
fn packages<'a>(
    workspace: &'a Workspace,
    args: &Init,
    notes: &mut Notes<'_>,
) -> Result<Vec<&'a Package>, CannotRun> {
    let cargo = &args.common.cargo;
    let mut packages = Vec::new();
    for package in select::selected(&workspace.metadata, cargo)? {
        let by_name = !cargo.package.is_empty();
        if !depends_on_axum(package) {
            let name = &package.name;
            notes.detail(&format!(
                "package `{name}` is left alone: it does not depend on `axum`"
            ));
        } else if by_name || !workspace.config.exclude.contains(&package.name) {
            packages.push(package);
        }
    }
    if packages.is_empty() {
        return Err(Problem::new(
            "nothing to annotate: none of the selected packages depends on `axum`",
        )
        .at(workspace.root().join("Cargo.toml").display())
        .help("select the packages that register routes with `-p NAME` or `--workspace`")
        .into());
    }
    Ok(packages)
}

fn depends_on_axum(package: &Package) -> bool {
    package.dependencies.iter().any(|dependency| {
        dependency.kind == DependencyKind::Normal
            && (dependency.name == "axum" || dependency.name == LIBRARY)
    })
}

/// The folder of the library, given as that or as its Cargo.toml.
fn library_at(path: &Path) -> Result<PathBuf, CannotRun> {
    let problem = |message: String| {
        Problem::new(message)
            .at(path.display())
            .help("`--session-auth` takes the folder that has the Cargo.toml of `session-auth`")
    };
    let folder = path.canonicalize();
    let folder = folder.map_err(|error| problem(format!("cannot find `session-auth`: {error}")))?;
    let text = fs::read_to_string(folder.join("Cargo.toml")).map_err(|error| {
        problem(format!(
            "cannot read the Cargo.toml of `session-auth`: {error}"
        ))
    })?;
    let name = toml::from_str::<toml::Table>(&text)
        .ok()
        .and_then(|manifest| {
            let name = manifest.get("package")?.get("name")?.as_str()?;
            Some(name.to_owned())
        });
    if name.as_deref() != Some(LIBRARY) {
        return Err(problem("the package there is not `session-auth`".to_owned()).into());
    }
    Ok(folder)
}

/// The dependency, for packages that name the library from now on.
fn manifests(
    workspace: &Workspace,
    packages: &[&Package],
    library: Option<&Path>,
    outcome: &mut Outcome,
) -> Result<(), CannotRun> {
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| {
            Problem::new(format!("cannot read Cargo.toml: {error}")).at(path.display())
        })
    };
    let root = workspace.root();
    let edited = |package: &Package| {
        let folder = crate::cargo::directory(package);
        outcome.changes.iter().any(|change| {
            // The innermost package that a file is in.
            change.path.starts_with(folder)
                && !packages.iter().any(|other| {
                    let inner = crate::cargo::directory(other);
                    inner != folder && inner.starts_with(folder) && change.path.starts_with(inner)
                })
        })
    };
    let mut changes = Vec::new();
    for package in packages.iter().copied() {
        if manifest::library(package).is_some() || !edited(package) {
            continue;
        }
        let path = package.manifest_path.as_std_path();
        let old = read(path)?;
        let of_root = read(&root.join("Cargo.toml"))?;
        let folder = crate::cargo::directory(package);
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let new = manifest::with_library(&old, &of_root, &folder, library)
            .map_err(|problem| problem.at(path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(path);
        changes.push(Change {
            name: name.display().to_string(),
            path: path.to_owned(),
            old,
            new,
            what: format!("the dependency `{LIBRARY}`"),
        });
    }
    outcome.changes.extend(changes);
    Ok(())
}

/// Writes the files, each in one step. Where one cannot be written, those before it are put back.
fn write(changes: &[Change]) -> Result<(), CannotRun> {
    let file = |change: &Change| LockFile {
        name: change.name.clone(),
        path: change.path.clone(),
    };
    for (nth, change) in changes.iter().enumerate() {
        let Err(error) = file(change).replace(&change.new) else {
            continue;
        };
        let mut problems = vec![
            Problem::new(format!("cannot write {}: {error}", change.name))
                .at(change.path.display())
                .help("nothing was changed; run this again once it can be written"),
        ];
        for done in &changes[..nth] {
            if let Err(error) = file(done).replace(&done.old) {
                problems.push(
                    Problem::new(format!("cannot put {} back: {error}", done.name))
                        .at(done.path.display())
                        .help("it has its annotations; take it as it was committed"),
                );
            }
        }
        return CannotRun::unless_none(problems);
    }
    Ok(())
}

fn diff(change: &Change) -> String {
    let diff = similar::TextDiff::from_lines(&change.old, &change.new);
    let name = change.name.replace('\\', "/");
    diff.unified_diff()
        .context_radius(2)
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}

fn left(left: &[Left]) -> String {
    let mut text = String::new();
    for Left { at, what, help } in left {
        let _ = write!(
            text,
            "\nleft to do: {what}\n  --> {}:{}\n",
            at.file, at.line
        );
        let _ = writeln!(text, "  = help: {help}");
    }
    text
}

fn next(outcome: &Outcome, dry_run: bool) -> String {
    if outcome.changes.is_empty() && outcome.left.is_empty() {
        return "nothing to do: every route that the source registers has a class\n".to_owned();
    }
    if dry_run {
        return "\nnothing was written\n".to_owned();
    }
    let mut steps = Vec::new();
    if !outcome.left.is_empty() {
        steps.push("Do what is left, by the list above.".to_owned());
    }
    if outcome.marks > 0 {
        steps.push(marks::next(outcome.marks));
    }
    steps.extend(
        [
            "Run `route-audit check`: it says where routers and declarations disagree.",
            "Put the layer around the router: `let app = auth.protect(router)?;` in place of \
             `router`,\n     where `auth` is `SessionAuthLayer::builder(Keys::from_env()?).build()?`.",
            "Run `route-audit init`: the lock, the configuration, a workflow.",
        ]
        .map(str::to_owned),
    );
    let mut text = "\nNext:\n".to_owned();
    for (nth, step) in (1..).zip(steps) {
        let _ = writeln!(text, "  {nth}. {step}");
    }
    text
}
