//! Cargo and the service itself, run in the copy of the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cargo_metadata::Package;
use quote::ToTokens;
use session_auth::Location;
use session_auth::audit::{RouterRecord, StateRecord, Unbuilt};

use super::compile::{self, Error};
use super::outermost::{self, Way};
use super::record::{self, Records, Told};
use super::text::Source;
use super::{Hindrance, Work};
use crate::cargo::compile::cargo;
use crate::error::CannotRun;
use crate::supervised::shell;

impl Work<'_> {
    /// Cargo, in the copy.
    fn cargo(&self, subcommand: &str) -> Command {
        let mut args = self.ask.args.common.cargo.clone();
        args.manifest_path = self.copy.place(&self.root.join("Cargo.toml"));
        args.target_dir = Some(self.build());
        let mut command = cargo(self.ask.cargo);
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

    /// What routers mount, and what they are given as their state.
    pub(super) fn record(&mut self) -> Result<(Records, Vec<StateRecord>), CannotRun> {
        let folder = &self.scratch.path().to_owned();
        let common = &self.ask.args.common;
        let Told {
            records,
            states,
            how,
            ..
        } = match self.ask.run {
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
        Ok((records, states))
    }

    /// What the tests build, and tests that are added for the routers that they can. These are there for
    /// the record alone.
    fn tested(&mut self, folder: &Path, timeout: Duration) -> Result<Told, CannotRun> {
        let added = self.recording();
        let sources: BTreeSet<usize> = added.iter().map(|one| one.source).collect();
        let (mut added, mut built) = self.built_with(added)?;
        if !built && !added.is_empty() {
            added.clear();
            self.put_all(&sources)?;
            built = self.build_tests().is_ok_and(|errors| errors.is_empty());
        }
        if !built {
            let how = "they do not compile yet".to_owned();
            return Ok(Told {
                how,
                ..Told::default()
            });
        }
        let tests = self.tests();
        self.notes.note(
            "running the tests in a copy of the workspace; whether they pass does not matter",
        );
        let told = record::run(tests, folder, false, timeout)?;
        self.put_all(&sources)?;
        for Added { source, name, .. } in added {
            let of = |(router, why): &(RouterRecord, Option<Unbuilt>)| {
                let meant = router.name == name && self.source(&router.file) == Some(source);
                meant.then(|| why.clone())
            };
            let (what, panicked) = match told.audited.iter().find_map(of) {
                Some(None) => continue,
                Some(Some(Unbuilt { why, panicked })) => {
                    let what = format!("`{name}` could not be built in a test: ");
                    let (how, panicked) = self.panicked(panicked);
                    (what + &how + &why, panicked)
                }
                None => {
                    let how = &told.how;
                    let what = format!("`{name}` has returned no router to a test; {how}");
                    (what, None)
                }
            };
            let library = self.library(source);
            let help = format!(
                "put the attribute above `{name}` that fits: `#[{library}::audited_router(plain = {name}(..))]` says what a \
                 test has to have; where none has it: `#[{library}::audited_router(at_start)]`"
            );
            let hindrance = Hindrance {
                what,
                help,
                panicked,
            };
            self.unbuilt.insert((source, name), hindrance);
        }
        Ok(told)
    }

    /// Where a builder panicked, in words or as a mark in a file that is edited.
    fn panicked(&mut self, place: Option<Location>) -> (String, Option<(usize, usize)>) {
        let Some(place) = place else {
            return (String::new(), None);
        };
        let Some(source) = self.source(&place.file) else {
            return (format!("it panicked at {place}: "), None);
        };
        let text = &mut self.sources.all[source];
        let at = text.offset(place.line as usize, place.column as usize);
        ("it panicked: ".to_owned(), Some((source, text.mark(at))))
    }

    fn tests(&self) -> Command {
        let mut command = self.cargo("test");
        command.args(["--tests", "--no-fail-fast"]);
        for edited in &self.packages {
            command.args(["--package", &edited.package.name]);
        }
        command
    }

    /// Builds the tests, which may take its time, and returns what is wrong with them.
    fn build_tests(&self) -> Result<Vec<Error>, CannotRun> {
        let mut build = self.tests();
        build.args(["--no-run", "--message-format", "json"]);
        compile::check(build)
    }

    /// The added tests that compile, with which the tests are built. `false` where they do not compile
    /// all the same.
    fn built_with(&mut self, mut added: Vec<Added>) -> Result<(Vec<Added>, bool), CannotRun> {
        loop {
            let mut texts: BTreeMap<usize, Source> = BTreeMap::new();
            for one in &mut added {
                let text = texts.entry(one.source);
                let text = text.or_insert_with(|| self.sources.all[one.source].clone());
                // The others before it have made it longer.
                let longer = text.text.len() - self.sources.all[one.source].text.len();
                one.stands = one.at + longer..one.at + longer + one.text.len();
                text.edit(vec![(one.stands.start..one.stands.start, one.text.clone())]);
            }
            for text in texts.values() {
                self.put(text)?;
            }
            let errors = match self.build_tests() {
                Ok(errors) if errors.is_empty() => return Ok((added, true)),
                Ok(errors) => errors,
                Err(_) => return Ok((added, false)),
            };
            let why = |one: &Added| {
                let here = |error: &&Error| {
                    let text = &texts[&one.source];
                    self.source(&error.file) == Some(one.source)
                        && one
                            .stands
                            .contains(&text.offset(error.start.0, error.start.1))
                };
                let error = errors.iter().find(here)?;
                let (what, help) = outermost::returned(&one.name, &error.message);
                Some(Hindrance {
                    what,
                    help,
                    panicked: None,
                })
            };
            let whys: Vec<Option<Hindrance>> = added.iter().map(why).collect();
            if whys.iter().all(Option::is_none) {
                return Ok((added, false));
            }
            let mut good = Vec::new();
            for (one, why) in added.into_iter().zip(whys) {
                match why {
                    None => good.push(one),
                    Some(why) => {
                        self.put_all([&one.source])?;
                        self.unbuilt.insert((one.source, one.name), why);
                    }
                }
            }
            added = good;
        }
    }

    /// A function beside each outermost one that a test can call, under the attribute whose test does. From
    /// the first of a file to its last.
    fn recording(&self) -> Vec<Added> {
        let mut added: Vec<Added> = Vec::new();
        let mut seen = BTreeSet::new();
        for (nth, edited) in self.packages.iter().enumerate() {
            let mut items = self.outermost(nth);
            items.retain(|item| matches!(self.way(nth, item), Way::Test));
            for item in items.into_iter().filter(|item| seen.insert(&item.path)) {
                let (name, number) = (&item.sig.ident, added.len());
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
                added.push(Added {
                    source: item.source,
                    name: name.to_string(),
                    at: item.range.end,
                    stands: 0..0,
                    text,
                });
            }
        }
        added.sort_by_key(|one| (one.source, one.at));
        added
    }
}

/// A function that is there for the record alone, with its test.
struct Added {
    source: usize,
    /// Of the function that it calls, and stands behind.
    name: String,
    at: usize,
    text: String,
    /// Where it is, among the others.
    stands: Range<usize>,
}
