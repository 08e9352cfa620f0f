//! Audits the routes of a workspace: which are mounted, who may call them, and who said so.
//!
//! The audit is a test: `#[audited_router]` adds one to the crate that builds the router. This
//! program builds those tests with cargo, runs them, reconciles the reports that they write with
//! each other, and shows what comes out. It holds to three rules:
//!
//! 1. The exit code is one of three: 0 clean, 100 findings, 101 could not run. A usage error, an
//!    error of cargo's and a panic are all 101.
//! 2. It never passes for want of something to look at: no audited router, no route, a report
//!    that is missing, unreadable or of another version, each is 101.
//! 3. Standard output carries the result and nothing else; progress, notes and errors go to
//!    standard error.
//!
//! The library part exists for the two binaries, `route-audit` and `cargo-route-audit`; it is not
//! an API.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod cargo;
mod check;
mod cli;
mod codes;
mod config;
mod diff;
mod error;
mod explain;
mod features;
mod init;
mod list;
mod lock;
mod markdown;
mod policy;
mod render;
mod report;
mod run;
mod select;
mod self_test;
mod sentence;

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use cargo_metadata::Metadata;
use session_auth::audit::{Audit, Finding, Report, Severity, reconcile_packages};
use time::{Date, OffsetDateTime};

use crate::cargo::Cargo;
use crate::cli::{Command, Common, Parsed};
use crate::config::Config;
use crate::error::{CannotRun, Problem};
use crate::lock::file::LockFile;
use crate::render::Places;

/// The exit codes. There is no fourth.
pub mod exit {
    /// Nothing that fails the audit.
    pub const CLEAN: u8 = 0;
    /// At least one finding of severity `error`.
    pub const FINDINGS: u8 = 100;
    /// The audit could not run, so nothing is known.
    pub const COULD_NOT_RUN: u8 = 101;
}

/// Everything that the program takes from its surroundings.
pub struct Env<'a> {
    /// The arguments, the program's own name first.
    pub args: Vec<OsString>,
    /// Where cargo runs.
    pub current_dir: PathBuf,
    /// The cargo to run.
    pub cargo: OsString,
    /// The day, in UTC, that exemptions are held against.
    pub today: Date,
    /// Whether the result may have colours, where the arguments do not say.
    pub colors: bool,
    /// Takes the result.
    pub stdout: &'a mut dyn Write,
    /// Takes everything else. Cargo's own output goes to the process's standard error.
    pub stderr: &'a mut dyn Write,
}

/// Runs with the surroundings of this process.
pub fn main() -> ExitCode {
    let current_dir = match env::current_dir() {
        Ok(dir) => dir,
        Err(error) => {
            let problem = Problem::new(format!("cannot read the current directory: {error}"))
                .help("change to a directory that exists");
            let _ = write!(io::stderr(), "{}", CannotRun::from(problem));
            return exit::COULD_NOT_RUN.into();
        }
    };
    let env = Env {
        args: env::args_os().collect(),
        current_dir,
        // Set where cargo started this program: the same toolchain then does the building.
        cargo: env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
        today: OffsetDateTime::now_utc().date(),
        colors: colors(),
        // Colours are for the arguments to decide: the stream passes them on, and tells an old
        // Windows console by its own means.
        stdout: &mut AutoStream::always(io::stdout()),
        stderr: &mut io::stderr(),
    };
    run(env).into()
}

/// As cargo decides: its own variable first, then the terminal and what all programs share.
fn colors() -> bool {
    match env::var("CARGO_TERM_COLOR").as_deref() {
        Ok("always") => true,
        Ok("never") => false,
        _ => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
    }
}

/// Runs, and returns the exit code: one of [`exit`].
pub fn run(mut env: Env<'_>) -> u8 {
    let result = panic::catch_unwind(AssertUnwindSafe(|| dispatch(&mut env)));
    let failure = match result {
        Ok(Ok(code)) => return code,
        Ok(Err(failure)) => failure,
        Err(_) => Problem::new("route-audit panicked; the message is above")
            .help("this is a bug of route-audit: please report it with that message")
            .into(),
    };
    // Nobody is left to tell where standard error is closed.
    let _ = write!(env.stderr, "{failure}");
    exit::COULD_NOT_RUN
}

fn dispatch(env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let command = match cli::parse(&env.args) {
        Ok(Parsed::Run(command)) => command,
        Ok(Parsed::Show(text)) => {
            print(env.stdout, &text)?;
            return Ok(exit::CLEAN);
        }
        // Clap's own exit code would be 2.
        Err(usage) => {
            let _ = write!(env.stderr, "{usage}");
            return Ok(exit::COULD_NOT_RUN);
        }
    };
    match *command {
        Command::Check(args) => check::run(&args, env),
        Command::List(args) => list::run(&args, env),
        Command::Diff(args) => diff::run(&args, env),
        Command::Init(args) => init::run(&args, env),
        Command::Explain(args) => explain::run(&args.code, env),
    }
}

/// What cargo and its Cargo.toml say of the workspace.
struct Workspace {
    metadata: Metadata,
    config: Config,
}

impl Workspace {
    fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    fn lock_file(&self) -> LockFile {
        LockFile::new(self.root(), &self.config.lock)
    }

    /// Where the files of findings are.
    fn places(&self) -> Places {
        Places::of(self.root())
    }
}

fn workspace(common: &Common, env: &Env<'_>) -> Result<Workspace, CannotRun> {
    let cargo = Cargo {
        program: &env.cargo,
        current_dir: &env.current_dir,
        args: &common.cargo,
    };
    let metadata = cargo.metadata()?;
    let config = Config::of(&metadata)?;
    Ok(Workspace { metadata, config })
}

/// The audit, and what it was made of.
struct Audited {
    audit: Audit,
    /// One a router.
    reports: Vec<Report>,
    /// The members of the workspace that cargo's selection leaves out. What configuration leaves
    /// out is not among them: that must not take a route from sight.
    unselected: BTreeSet<String>,
    off: features::Off,
}

/// Builds, runs and reads the audited routers of the selected packages.
fn audit(common: &Common, env: &mut Env<'_>, workspace: &Workspace) -> Result<Audited, CannotRun> {
    let Workspace { metadata, config } = workspace;
    let cargo = Cargo {
        program: &env.cargo,
        current_dir: &env.current_dir,
        args: &common.cargo,
    };
    let selection = select::select(metadata, &common.cargo, config)?;
    let mut notes = Notes::of(env.stderr, common);
    for (why, packages) in &selection.left_out {
        notes.note(&format!("not audited ({why}): {}", select::list(packages)));
    }
    for package in &selection.unrelated {
        notes.detail(&format!(
            "package `{}` is not audited: it does not depend on `session-auth`",
            package.name
        ));
    }
    cargo::refuse_own_harness(&selection.examined)?;
    let executables = cargo.build_tests(&selection, &mut notes)?;

    let mut runs = Vec::new();
    let mut problems = Vec::new();
    for executable in &executables {
        match run::run(executable, common.timeout(), &mut notes) {
            Ok(run) => runs.push(run),
            Err(problem) => problems.push(problem),
        }
    }
    CannotRun::unless_none(problems)?;
    let packages: Vec<_> = selection
        .examined
        .iter()
        .map(|package| (package.name.as_str(), package.manifest_path.as_str()))
        .collect();
    let reports = report::accept(&packages, &runs)?;
    // What configuration leaves out is looked at all the same, as far as others link it.
    let names: Vec<&str> = selection
        .selected
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut audit = reconcile_packages(&reports, &names, env.today);
    config.policy.apply(&mut audit);
    let unselected = metadata
        .workspace_packages()
        .into_iter()
        .filter(|member| {
            !selection
                .selected
                .iter()
                .any(|package| package.id == member.id)
        })
        .map(|member| member.name.to_string())
        .collect();
    Ok(Audited {
        audit,
        reports,
        unselected,
        off: features::Off::of(metadata, &selection.examined, &executables),
    })
}

/// Adds findings where they belong, and counts all of them again.
fn add_findings(audit: &mut Audit, found: Vec<Finding>) {
    audit.findings.extend(found);
    audit.findings.sort();
    audit.findings.dedup();
    let of = |severity| {
        let findings = audit.findings.iter();
        findings.filter(|one| one.severity == severity).count()
    };
    (audit.summary.errors, audit.summary.warnings) = (of(Severity::Error), of(Severity::Warning));
}

/// Writes a result. A reader that has seen enough (`| head`) is no failure: the exit code stays
/// what the audit found.
fn print(out: &mut dyn Write, text: &str) -> Result<(), CannotRun> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Problem::new(format!(
            "cannot write the result to standard output: {error}"
        ))
        .into()),
        _ => Ok(()),
    }
}

/// What is said on the way.
struct Notes<'a> {
    out: &'a mut dyn Write,
    verbose: bool,
    quiet: bool,
}

impl<'a> Notes<'a> {
    fn of(out: &'a mut dyn Write, common: &Common) -> Self {
        Self {
            out,
            verbose: common.verbose,
            quiet: common.cargo.quiet,
        }
    }

    /// Something that the reader should know unless they asked for quiet.
    fn note(&mut self, text: &str) {
        if !self.quiet {
            let _ = writeln!(self.out, "note: {text}");
        }
    }

    /// Something for `--verbose`.
    fn detail(&mut self, text: &str) {
        if self.verbose {
            let _ = writeln!(self.out, "note: {text}");
        }
    }

    /// Somebody else's words, unless the reader asked for quiet.
    fn pass_on(&mut self, text: &str) {
        if !self.quiet {
            let _ = writeln!(self.out, "{text}");
        }
    }
}
