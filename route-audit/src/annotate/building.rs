//! Cargo and the service itself, run in the copy of the workspace.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cargo_metadata::Package;
use quote::ToTokens;

use super::compile::{self, Error};
use super::record::Records;
use super::text::Edit;
use super::{Edits, Work, auditing};
use crate::error::CannotRun;
use crate::supervised::shell;

impl Work<'_> {
    /// Cargo, in the copy.
    fn cargo(&self, subcommand: &str) -> Command {
        let mut args = self.ask.args.common.cargo.clone();
        args.manifest_path = self.copy.place(&self.root.join("Cargo.toml"));
        args.target_dir = Some(self.build());
        let mut command = Command::new(self.ask.cargo);
        command.arg(subcommand).args(args.build());
        if let Some(folder) = self.folder() {
            command.current_dir(folder);
        }
        command
    }

    fn build(&self) -> PathBuf {
        self.scratch
            .path()
            .parent()
            .unwrap_or(Path::new("."))
            .join("build")
    }

    fn folder(&self) -> Option<PathBuf> {
        self.copy
            .place(self.ask.current_dir)
            .or_else(|| self.copy.place(&self.root))
    }

    /// The errors of the selected packages, and of the members that use them.
    pub(super) fn check(&self) -> Result<Vec<Error>, CannotRun> {
        let mut command = self.cargo("check");
        command.args(["--all-targets", "--keep-going", "--message-format", "json"]);
        let mut packages: Vec<&Package> =
            self.packages.iter().map(|edited| edited.package).collect();
        let mut nth = 0;
        while let Some(package) = packages.get(nth).copied() {
            let mut more = self.ask.metadata.workspace_packages();
            more.retain(|member| {
                let uses = member
                    .dependencies
                    .iter()
                    .any(|used| used.path.is_some() && used.name == *package.name);
                uses && packages.iter().all(|known| known.id != member.id)
            });
            packages.extend(more);
            nth += 1;
        }
        for package in packages {
            command.args(["--package", &package.name]);
        }
        compile::check(command)
    }

    pub(super) fn record(&self) -> Result<Records, CannotRun> {
        let folder = self.scratch.path();
        let timeout = self.ask.args.common.timeout();
        let records = match self.ask.run {
            Some(text) => {
                let mut command = shell(text);
                command.env("CARGO_TARGET_DIR", self.build());
                if let Some(folder) = self.folder() {
                    command.current_dir(folder);
                }
                self.note(format!("running `{text}` in a copy of the workspace"));
                Records::of(command, folder, true, timeout)?
            }
            None => self.tested(folder, timeout)?,
        };
        if records.0.is_empty() {
            self.note(format!(
                "no router was seen{}: paths are those that stand where a handler is mounted, without what it is \
                 nested in; `route-audit check --fix` completes them",
                if self.ask.run.is_some() {
                    ""
                } else {
                    " in the tests; `--run \"COMMAND\"` runs the service"
                }
            ));
        }
        Ok(records)
    }

    /// What the tests build, and tests that are added for the routers that they can. These are there for
    /// the record alone.
    fn tested(&self, folder: &Path, timeout: Duration) -> Result<Records, CannotRun> {
        let test = || {
            let mut command = self.cargo("test");
            command.args(["--tests", "--no-fail-fast"]);
            for edited in &self.packages {
                command.args(["--package", &edited.package.name]);
            }
            command
        };
        // Built first: that may take its time.
        let builds = || {
            let mut build = test();
            build.args(["--no-run", "--message-format", "json"]);
            let status = build.stdout(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        let added = self.recording();
        let mut sources = BTreeSet::new();
        for (source, edits) in added {
            let mut text = self.sources.all[source].clone();
            text.edit(edits);
            self.put(&text)?;
            sources.insert(source);
        }
        let restore = || {
            let mut sources = sources.iter().map(|source| &self.sources.all[*source]);
            sources.try_for_each(|source| self.put(source))
        };
        let mut built = builds();
        if !built && !sources.is_empty() {
            restore()?;
            built = builds();
        }
        if !built {
            return Ok(Records::default());
        }
        self.note(
            "running the tests in a copy of the workspace; whether they pass does not matter",
        );
        let records = Records::of(test(), folder, false, timeout)?;
        restore()?;
        Ok(records)
    }

    /// A function beside each outermost one that a test can call, under the attribute whose test does.
    fn recording(&self) -> Edits {
        let mut edits = Edits::new();
        for (nth, edited) in self.packages.iter().enumerate() {
            for (number, item) in self.outermost(nth).into_iter().enumerate() {
                let name = &item.sig.ident;
                if auditing::by_hand(item, &name.to_string(), &edited.library).is_some() {
                    continue;
                }
                let (asynchronous, awaited) = match item.sig.asyncness {
                    Some(_) => ("async ", ".await"),
                    None => ("", ""),
                };
                // On the last line of the function: all others keep their numbers.
                let text = format!(
                    " #[cfg(test)] #[::{}::audited_router] {asynchronous}fn route_audit_record_{number}() {} {{ {name}(){awaited} }}",
                    edited.library,
                    item.sig.output.to_token_stream(),
                );
                let of_file: &mut Vec<Edit> = edits.entry(item.source).or_default();
                of_file.push((item.range.end..item.range.end, text));
            }
        }
        edits
    }
}
