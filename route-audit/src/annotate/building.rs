//! Cargo and the service itself, run in the copy of the workspace.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cargo_metadata::Package;
use quote::ToTokens;
use session_auth::audit::RouterRecord;

use super::auditing::{self, Way};
use super::compile::{self, Error};
use super::record::{self, Records, Told};
use super::text::Edit;
use super::{Edits, Work};
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

    pub(super) fn record(&mut self) -> Result<Records, CannotRun> {
        let folder = &self.scratch.path().to_owned();
        let common = &self.ask.args.common;
        let Told { records, how, .. } = match self.ask.run {
            Some(text) => {
                let mut command = shell(text);
                command.env("CARGO_TARGET_DIR", self.build());
                if let Some(folder) = self.folder() {
                    command.current_dir(folder);
                }
                self.notes
                    .note(&format!("running `{text}` in a copy of the workspace"));
                record::run(command, folder, true, common.run_timeout())?
            }
            None => self.tested(folder, common.timeout())?,
        };
        if records.0.is_empty() {
            let (place, way) = match self.ask.run {
                Some(_) => ("", ""),
                None => (" in the tests", "; `--run \"COMMAND\"` runs the service"),
            };
            self.notes.note(&format!(
                "no router was seen{place} ({how}){way}. Paths are those that stand where a handler is mounted, without \
                 what it is nested in; `route-audit check --fix` completes them"
            ));
        }
        Ok(records)
    }

    /// What the tests build, and tests that are added for the routers that they can. These are there for
    /// the record alone.
    fn tested(&mut self, folder: &Path, timeout: Duration) -> Result<Told, CannotRun> {
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
        let (edits, calls) = self.recording();
        for (source, edits) in &edits {
            let mut text = self.sources.all[*source].clone();
            text.edit(edits.clone());
            self.put(&text)?;
        }
        let mut built = builds();
        let is_recorded = built;
        if !built && !edits.is_empty() {
            self.put_all(edits.keys())?;
            built = builds();
        }
        if !built {
            let how = "they do not compile yet".to_owned();
            return Ok(Told {
                how,
                ..Told::default()
            });
        }
        let tests = test();
        self.notes.note(
            "running the tests in a copy of the workspace; whether they pass does not matter",
        );
        let told = record::run(tests, folder, false, timeout)?;
        self.put_all(edits.keys())?;
        for (source, name) in calls.into_iter().filter(|_| is_recorded) {
            let of = |(router, why): &(RouterRecord, Option<String>)| {
                let meant = router.name == name && self.source(&router.file) == Some(source);
                meant.then(|| why.clone())
            };
            let why = match told.audited.iter().find_map(of) {
                Some(why) => why,
                None => Some(format!(
                    "`{name}` has returned no router to a test; {}",
                    told.how
                )),
            };
            let library = self.library(source);
            let help = format!(
                "put the attribute above it that fits: `#[{library}::audited_router(plain = {name}(..))]` says what a \
                 test has to have; where none has it: `#[{library}::audited_router(at_start)]`"
            );
            self.unbuilt
                .extend(why.map(|why| ((source, name), (why, help))));
        }
        Ok(told)
    }

    /// A function beside each outermost one that a test can call, under the attribute whose test does; and
    /// which these are, by file and name.
    fn recording(&self) -> (Edits, Vec<(usize, String)>) {
        let (mut edits, mut calls) = (Edits::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for (nth, edited) in self.packages.iter().enumerate() {
            let mut items = self.outermost(nth);
            items.retain(|item| {
                let source = &self.sources.all[item.source];
                matches!(auditing::way(source, item, &edited.library), Way::Test)
            });
            for item in items.into_iter().filter(|item| seen.insert(&item.path)) {
                let of_file: &mut Vec<Edit> = edits.entry(item.source).or_default();
                let (name, number) = (&item.sig.ident, of_file.len());
                let (asynchronous, awaited) = match item.sig.asyncness {
                    Some(_) => ("async ", ".await"),
                    None => ("", ""),
                };
                // On the last line of the function: all others keep their numbers.
                let text = format!(
                    " #[cfg(test)] #[::{}::audited_router({name} = route_audit_{number}())] \
                     {asynchronous}fn route_audit_{number}() {} {{ {name}(){awaited} }}",
                    edited.library,
                    item.sig.output.to_token_stream(),
                );
                of_file.push((item.range.end..item.range.end, text));
                calls.push((item.source, name.to_string()));
            }
        }
        (edits, calls)
    }
}
