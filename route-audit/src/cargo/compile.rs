//! What cargo compiles: the libraries and binaries of some packages, with their tests or without.

use std::ffi::{OsStr, OsString};
use std::io;
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use cargo_metadata::{Message, Package};

use crate::error::{CannotRun, Problem};
use crate::surroundings::Notes;
use crate::targets::library;

pub(crate) struct Compile<'a> {
    pub(crate) cargo: &'a OsStr,
    pub(crate) current_dir: &'a Path,
    /// Cargo's own, and the same for both.
    pub(crate) args: Vec<OsString>,
    pub(crate) packages: &'a [&'a Package],
}

impl Compile<'_> {
    /// Their unit tests.
    pub(crate) fn tests(&self, notes: &mut Notes<'_>) -> Result<Vec<Message>, CannotRun> {
        let failed = || {
            Problem::new(format!(
                "cargo could not build the tests of {}; its message is above",
                names(self.packages)
            ))
            .help("the audit reads routers by running them: make `cargo test --no-run` pass")
        };
        self.run(&["test", "--no-run"], failed, notes)
    }

    /// Themselves.
    pub(crate) fn program(&self, notes: &mut Notes<'_>) -> Result<Vec<Message>, CannotRun> {
        let failed = || {
            Problem::new("cargo could not build the program; its message is above").help(
                "the audit holds the tests against the program: make `cargo build` pass with the \
                 same flags",
            )
        };
        self.run(&["build"], failed, notes)
    }

    fn run(
        &self,
        subcommand: &[&str],
        failed: impl Fn() -> Problem,
        notes: &mut Notes<'_>,
    ) -> Result<Vec<Message>, CannotRun> {
        let mut command = command(self.cargo, self.current_dir);
        command
            .args(subcommand)
            .args(["--message-format", "json-render-diagnostics", "--bins"])
            .args(&self.args);
        // Cargo refuses `--lib` where there is none.
        if self.packages.iter().any(|package| library(package)) {
            command.arg("--lib");
        }
        for package in self.packages {
            command.args(["--package", &package.id.repr]);
        }
        let cannot_start = |error: io::Error| cannot_start(self.cargo, &error);
        let mut child = command.spawn().map_err(cannot_start)?;
        let stdout = child.stdout.take().into_iter();
        let (mut messages, mut unreadable) = (Vec::new(), None);
        for message in stdout.flat_map(|stdout| Message::parse_stream(BufReader::new(stdout))) {
            match message {
                Ok(Message::TextLine(line)) => notes.pass_on(&line),
                Ok(message) => messages.push(message),
                // Read on, so that cargo is not stopped by a full pipe.
                Err(error) => unreadable = Some(error),
            }
        }
        if !child.wait().map_err(cannot_start)?.success() {
            return Err(failed().into());
        }
        match unreadable {
            Some(error) => Err(Problem::new(format!(
                "cannot read the output of `cargo {}`: {error}",
                subcommand.join(" ")
            ))
            .into()),
            None => Ok(messages),
        }
    }
}

/// Cargo, as if no other cargo had started this program.
///
/// `cargo run` and `cargo test` tell what they start of its package. A build script that asks for one of
/// those variables, as that of `ring` does, would run again, and all that depends on it be built again:
/// here, and in whatever cargo is called for next.
pub(crate) fn cargo(program: &OsStr) -> Command {
    let mut cargo = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if is_of_a_package(&name) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// <https://doc.rust-lang.org/cargo/reference/environment-variables.html#environment-variables-cargo-sets-for-crates>
fn is_of_a_package(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == "OUT_DIR" || name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")
}

pub(super) fn command(program: &OsStr, current_dir: &Path) -> Command {
    let mut command = cargo(program);
    command
        .current_dir(current_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Progress and compile errors, as cargo prints them.
        .stderr(Stdio::inherit());
    command
}

pub(super) fn cannot_start(cargo: &OsStr, error: &io::Error) -> Problem {
    Problem::new(format!("cannot run `{}`: {error}", cargo.to_string_lossy()))
        .help("install cargo, or set the variable CARGO to its path")
}

fn names(packages: &[&Package]) -> String {
    let names: Vec<_> = packages
        .iter()
        .map(|package| format!("`{}`", package.name))
        .collect();
    names.join(", ")
}
