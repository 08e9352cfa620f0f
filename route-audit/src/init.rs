//! `route-audit init`: the lock, the configuration, and a workflow, for a repository that has none.
//!
//! Everything is made up before anything is written, and what exists is left alone. Where the audit
//! finds an error nothing is written at all: a check that fails from its first day on gets ignored.

mod source;
mod workflow;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use self::source::Source;
use crate::annotate;
use crate::cli::{Format, Init};
use crate::error::{CannotRun, Problem};
use crate::exit;
use crate::exits::CLIPPY;
use crate::gather::{Audited, audit};
use crate::lock::file::LockFile;
use crate::lock::{Lock, format};
use crate::render::{self, Output};
use crate::surroundings::{Env, Notes, print};
use crate::workspace::Workspace;

const BLOCK: &str = include_str!("init/metadata.toml");

/// What becomes of one file.
#[derive(Debug)]
struct Step {
    /// As the user is told.
    name: String,
    path: PathBuf,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// It does not exist.
    Create(String),
    /// It exists, and has this text from now on. `shown` is the part that is new.
    Replace {
        old: String,
        text: String,
        shown: String,
    },
    /// It stays as it is, and why.
    Keep(String),
    /// It is not written, and why.
    LeaveOut(String),
}

pub(crate) fn run(args: &Init, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    if args.annotate {
        let source = args.source.as_ref();
        let source = source.map(|_| Source::of(args, &env.current_dir));
        let library = source.transpose()?.map(Source::library);
        return annotate::run(args, library, env);
    }
    // Before anything is built: what is missing or wrong is quick to find.
    let source = Source::of(args, &env.current_dir)?;
    let workspace = Workspace::read(&args.common, env)?;
    let file = workspace.lock_file();
    // Before anything is built: one that cannot be read is quick to find.
    file.read()?;
    let audited = audit(&args.common, env, &workspace)?;
    if audited.audit.has_errors() {
        let places = workspace.places();
        let output = Output::of(&args.common, Format::Human, &places, env.colors);
        print(env.stdout, &render::check(&audited.audit, &output)?)?;
        Notes::of(env.stderr, &args.common).note(
            "nothing was written: settle the errors first, then run `route-audit init` again",
        );
        return Ok(exit::FINDINGS);
    }

    let (manifest, becomes_root) = manifest(&workspace)?;
    let steps = [
        manifest,
        lock(args, &file, &audited)?,
        workflow(args, &workspace, &source),
    ];
    let has_workflow = !matches!(steps[2].what, What::LeaveOut(_));
    let mut text = String::new();
    if args.dry_run {
        for step in &steps {
            text.push_str(&step.preview());
        }
        print(env.stdout, &text)?;
        return Ok(exit::CLEAN);
    }
    for step in &steps {
        let written = step.write().map_err(CannotRun::from).and_then(|line| {
            if step.path == workspace.root().join("Cargo.toml") {
                still_a_workspace(args, env, step, &workspace)?;
            }
            Ok(line)
        });
        match written {
            Ok(line) => text.push_str(&line),
            Err(failure) => {
                // What was written before it is there to stay.
                print(env.stdout, &text)?;
                return Err(failure);
            }
        }
    }
    text.push_str(&next(&file.name, has_workflow, becomes_root));
    print(env.stdout, &text)?;
    Ok(exit::CLEAN)
}

/// The block of the configuration, at the end of the root's Cargo.toml; and whether that makes the
/// package the root of a workspace.
fn manifest(workspace: &Workspace) -> Result<(Step, bool), CannotRun> {
    let path = workspace.root().join("Cargo.toml");
    let step = |what| Step {
        name: "Cargo.toml".to_owned(),
        path: path.clone(),
        what,
    };
    let metadata = &workspace.metadata.workspace_metadata;
    if metadata.get("route-audit").is_some() {
        let why = "[workspace.metadata.route-audit] is there".to_owned();
        return Ok((step(What::Keep(why)), false));
    }
    let text = fs::read_to_string(&path).map_err(|error| {
        Problem::new(format!("cannot read Cargo.toml: {error}")).at(path.display())
    })?;
    let added = appended(&text);
    let parsed = toml::from_str::<toml::Table>(&added);
    let becomes_root = toml::from_str::<toml::Table>(&text)
        .is_ok_and(|manifest| !manifest.contains_key("workspace"));
    let what = match parsed {
        Ok(_) => What::Replace {
            old: text,
            text: added,
            shown: BLOCK.to_owned(),
        },
        // `workspace = { .. }` is closed to further tables.
        Err(_) => What::Keep(
            "a table cannot be added to the way its `workspace` is written; the defaults hold \
             without one"
                .to_owned(),
        ),
    };
    let becomes_root = becomes_root && matches!(what, What::Replace { .. });
    Ok((step(what), becomes_root))
}

/// The text with the block after it, in the line ends that it has.
fn appended(text: &str) -> String {
    let mut added = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        added.push('\n');
    }
    if !text.is_empty() {
        added.push('\n');
    }
    added.push_str(BLOCK);
    let crlf = text.lines().next().is_some_and(|first| {
        text.get(first.len()..)
            .is_some_and(|rest| rest.starts_with("\r\n"))
    });
    if crlf {
        let start = text.len();
        let (old, new) = added.split_at(start);
        return format!("{old}{}", new.replace('\n', "\r\n"));
    }
    added
}

/// A package that becomes the root of a workspace takes in what lies below it, which can be in the
/// way of another workspace: cargo says so.
fn still_a_workspace(
    args: &Init,
    env: &Env<'_>,
    step: &Step,
    before: &Workspace,
) -> Result<(), CannotRun> {
    let What::Replace { old, .. } = &step.what else {
        return Ok(());
    };
    let members = |workspace: &Workspace| {
        let mut members = workspace.metadata.workspace_members.clone();
        members.sort();
        members
    };
    let problem = match Workspace::read(&args.common, env) {
        Ok(after) if members(&after) == members(before) => return Ok(()),
        Ok(_) => Problem::new(
            "with [workspace.metadata.route-audit] the package becomes a workspace of more members",
        ),
        Err(_) => Problem::new("cargo does not read Cargo.toml with the block; see above"),
    };
    let file = LockFile::new(before.root(), &step.name);
    let problem = match file.replace(old) {
        Ok(()) => problem.help(
            "Cargo.toml was put back; give it a table `[workspace]` with the `members` that it \
             should have, and run this again",
        ),
        Err(error) => problem.help(format!(
            "Cargo.toml could not be put back ({error}): take the block at its end out again"
        )),
    };
    Err(problem.at(step.path.display()).into())
}

fn lock(args: &Init, file: &LockFile, audited: &Audited) -> Result<Step, CannotRun> {
    let mut new = Lock::of(audited.reports());
    let what = match file.read()? {
        None => What::Create(format::write(&new)),
        Some(_) if !args.force => What::Keep("it exists".to_owned()),
        Some((text, mut old)) => {
            let (kept, _) = file.leave_out(&mut old, &audited.unselected);
            new.merge(kept);
            replace(&text, format::write(&new))
        }
    };
    Ok(Step {
        name: file.name.clone(),
        path: file.path.clone(),
        what,
    })
}

fn workflow(args: &Init, workspace: &Workspace, source: &Source) -> Step {
    let places = workspace.places();
    let path = places.repository().join(workflow::PATH);
    let text = |install: &str| {
        workflow::text(
            workspace.root(),
            places.repository(),
            install,
            &args.common.cargo,
        )
    };
    let what = match (
        fs::read_to_string(&path),
        source.install(places.repository()),
    ) {
        (Ok(_), _) if !args.force => What::Keep("it exists".to_owned()),
        (_, Err(why)) => What::LeaveOut(format!("{why}, where CI does not find it")),
        (Ok(old), Ok(install)) => replace(&old, text(&install)),
        (Err(error), Ok(install)) if error.kind() == io::ErrorKind::NotFound => {
            What::Create(text(&install))
        }
        (Err(_), Ok(_)) => What::Keep("it exists".to_owned()),
    };
    Step {
        name: workflow::PATH.to_owned(),
        path,
        what,
    }
}

fn replace(old: &str, text: String) -> What {
    if old == text {
        return What::Keep("it is up to date".to_owned());
    }
    What::Replace {
        old: old.to_owned(),
        shown: text.clone(),
        text,
    }
}

impl Step {
    fn write(&self) -> Result<String, Problem> {
        let name = &self.name;
        let (result, line) = match &self.what {
            What::Keep(why) => return Ok(format!("  kept {name}: {why}\n")),
            What::LeaveOut(why) => return Ok(format!("no {name}: {why}\n")),
            What::Create(text) => (self.create(text), format!(" wrote {name}\n")),
            What::Replace { text, .. } => (
                LockFile {
                    name: name.clone(),
                    path: self.path.clone(),
                }
                .replace(text),
                format!("edited {name}\n"),
            ),
        };
        result.map(|()| line).map_err(|error| {
            Problem::new(format!("cannot write {name}: {error}"))
                .at(self.path.display())
                .help("what is listed above was written; run this again once it can be")
        })
    }

    /// Fails where there is a file by now: it is not this program's.
    fn create(&self, text: &str) -> io::Result<()> {
        fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.path)?
            .write_all(text.as_bytes())
    }

    fn preview(&self) -> String {
        let (verb, text) = match &self.what {
            What::Keep(why) => return format!("would keep {}: {why}\n\n", self.name),
            What::LeaveOut(why) => return format!("would not write {}: {why}\n\n", self.name),
            What::Create(text) => ("write", text),
            What::Replace { shown, .. } => ("edit", shown),
        };
        format!("would {verb} {}:\n\n{}\n", self.name, indented(text))
    }
}

fn indented(text: &str) -> String {
    let lines = text.lines();
    lines
        .map(|line| format!("    {line}").trim_end().to_owned() + "\n")
        .collect()
}

fn next(lock: &str, has_workflow: bool, becomes_root: bool) -> String {
    let mut text = format!(
        "\nNext:\n  1. Read {lock}: it says who may call each route.\n  2. Run `route-audit check \
         --self-test`: it proves that the check sees.\n  3. Commit these files. "
    );
    text.push_str(if has_workflow {
        "On GitHub, require the check `route-audit` for pull requests.\n"
    } else {
        "CI needs a route-audit that it can install, and runs\n     `route-audit check --locked`. \
         For a workflow of GitHub Actions that does, either copy the repository of\n     \
         route-audit into this one and commit it, and run `route-audit init --source` with that \
         folder; or run\n     `route-audit init --source ADDRESS --rev REVISION`, with a git \
         address that CI may fetch from and the full\n     hash of a commit.\n"
    });
    text.push_str(&format!(
        "\nFor clippy, which finds the ways around a guard that the source names, in clippy.toml:\n\n{}",
        indented(CLIPPY)
    ));
    if becomes_root {
        text.push_str(
            "\nThe package is now the root of a workspace, as a table `[workspace…]` makes it. A \
             package below it that\nis none of its members needs a line in `workspace.exclude`.\n",
        );
    }
    text
}

#[cfg(test)]
mod tests;
