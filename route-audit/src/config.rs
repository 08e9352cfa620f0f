//! `[workspace.metadata.route-audit]`.

use std::fs;
use std::ops::Range;
use std::path::{Component, Path};

use cargo_metadata::{Metadata, Package};
use serde::Deserialize;
use toml::Spanned;

use crate::builds::{Builds, RawBuilds};
use crate::error::{CannotRun, Problem};
use crate::exits::exceptions::{Exception, RawException};
use crate::policy::{Policy, RawPolicy};

const KEY: &str = "route-audit";

const TABLE: &str = "[workspace.metadata.route-audit]";

/// The lock, where the configuration does not say.
const LOCK: &str = "routes.lock";

/// What the workspace says of its audit. A key that is not here is an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Packages that depend on session-auth but register no route: tools, helpers. One that is
    /// named by `-p` is audited all the same.
    pub(crate) exclude: Vec<String>,
    /// The file of the route lock, from the root of the workspace.
    pub(crate) lock: String,
    /// The builds that are audited; `None` for the one that the command line asks for.
    pub(crate) builds: Option<Builds>,
    /// Starts what reports the routers that no test can build.
    pub(crate) run: Option<String>,
    /// The ways out that may stay.
    pub(crate) exits: Vec<Exception>,
    /// What routes may be like here.
    pub(crate) policy: Policy,
}

/// As it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    exclude: Vec<Spanned<String>>,
    lock: Option<Spanned<String>>,
    builds: Option<RawBuilds>,
    run: Option<Spanned<String>>,
    #[serde(default)]
    exits: Vec<RawException>,
    #[serde(default)]
    policy: RawPolicy,
}

/// As much of Cargo.toml as leads there. Cargo answers for the rest.
#[derive(Deserialize)]
struct Manifest {
    workspace: Option<Workspace>,
}

#[derive(Deserialize)]
struct Workspace {
    metadata: Option<Tables>,
}

#[derive(Deserialize)]
struct Tables {
    #[serde(rename = "route-audit")]
    route_audit: Option<Raw>,
}

impl Config {
    /// Reads it, and checks that it names packages of this workspace.
    ///
    /// From the file, not from what cargo makes of it: an error has to point at its line.
    pub(crate) fn of(metadata: &Metadata) -> Result<Self, CannotRun> {
        CannotRun::unless_none(misplaced(metadata))?;
        let manifest = metadata.workspace_root.join("Cargo.toml");
        let text = if metadata.workspace_metadata.get("route-audit").is_some() {
            fs::read_to_string(&manifest).map_err(|error| {
                Problem::new(format!("cannot read Cargo.toml: {error}")).at(&manifest)
            })?
        } else {
            String::new()
        };
        Self::parse(&text, manifest.as_str(), &metadata.workspace_packages())
    }

    fn parse(text: &str, manifest: &str, members: &[&Package]) -> Result<Self, CannotRun> {
        let at = |span: Range<usize>| {
            let (line, column) = position(text, span.start);
            format!("{manifest}:{line}:{column}")
        };
        let parsed: Manifest = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or_else(|| manifest.to_owned(), at);
            Problem::new(format!("{TABLE}: {}", error.message()))
                .at(place)
                .help(
                    "the keys are `exclude`, a list of package names, `lock`, a path, `builds`, a \
                     list of tables, `run`, a command, `exits`, a list of tables, and the table \
                     `policy`, with `allow`, `max_public`, `require_owner`, \
                     `require_expect_every` and `forbid_verify_handler`",
                )
        })?;
        let raw = parsed
            .workspace
            .and_then(|workspace| workspace.metadata)
            .and_then(|tables| tables.route_audit)
            .unwrap_or_default();
        let mut problems: Vec<Problem> = raw
            .exclude
            .iter()
            .filter(|name| members.iter().all(|member| member.name != *name.get_ref()))
            .map(|name| {
                Problem::new(format!(
                    "{TABLE}: `exclude` names `{}`, which is no member of the workspace",
                    name.get_ref()
                ))
                .at(at(name.span()))
                .help("correct the name, or remove it")
            })
            .collect();
        if let Some(lock) = &raw.lock
            && !inside(lock.get_ref())
        {
            problems.push(
                Problem::new(format!(
                    "{TABLE}: `lock` is `{}`, which is no file inside the workspace",
                    lock.get_ref()
                ))
                .at(at(lock.span()))
                .help("write a path from the root of the workspace: `lock = \"routes.lock\"`"),
            );
        }
        if let Some(run) = &raw.run
            && run.get_ref().trim().is_empty()
        {
            problems.push(
                Problem::new(format!("{TABLE}: `run` is no command"))
                    .at(at(run.span()))
                    .help(
                        "write what starts the service, `run = \"cargo run -p web\"`, or remove it",
                    ),
            );
        }
        let builds = raw.builds.map(|raw| Builds::of(raw, members, at));
        let builds = builds.transpose().map_err(|found| problems.extend(found));
        let mut exits = Vec::new();
        for raw in raw.exits {
            match Exception::of(raw, at) {
                Ok(exception) => exits.push(exception),
                Err(problem) => problems.push(problem),
            }
        }
        let policy = Policy::of(raw.policy, |span| position(text, span.start).0);
        let policy = policy.map_err(|found| {
            problems.extend(
                found
                    .into_iter()
                    .map(|(span, problem)| problem.at(at(span))),
            );
        });
        CannotRun::unless_none(problems)?;
        Ok(Self {
            exclude: raw.exclude.into_iter().map(Spanned::into_inner).collect(),
            lock: raw
                .lock
                .map_or_else(|| LOCK.to_owned(), Spanned::into_inner),
            builds: builds.unwrap_or_default(),
            run: raw.run.map(Spanned::into_inner),
            exits,
            policy: policy.unwrap_or_default(),
        })
    }
}

/// Tables that were meant to be this one, and that nobody would read: a policy in them would hold
/// for nothing.
fn misplaced(metadata: &Metadata) -> Vec<Problem> {
    let members = metadata.workspace_packages();
    let packages = members
        .iter()
        .map(|member| (&member.metadata, member.manifest_path.as_path(), "package"));
    let root = metadata.workspace_root.join("Cargo.toml");
    let workspace = (&metadata.workspace_metadata, root.as_path(), "workspace");
    let mut problems = Vec::new();
    for (tables, manifest, of) in packages.chain([workspace]) {
        let keys = tables
            .as_object()
            .into_iter()
            .flat_map(|tables| tables.keys());
        for key in keys {
            let is_ours = key == KEY;
            if is_ours && of == "workspace" || !is_ours && !resembles(key) {
                continue;
            }
            problems.push(
                Problem::new(format!("[{of}.metadata.{key}] is read by nobody"))
                    .at(manifest)
                    .help(format!(
                        "the configuration is {TABLE}, in the Cargo.toml of the workspace ({root})"
                    )),
            );
        }
    }
    problems
}

/// `route_audit`, `route-audits`.
fn resembles(key: &str) -> bool {
    strsim::osa_distance(&key.to_lowercase(), KEY) <= 2
}

fn inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\\')
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

/// Line and column, in characters, both from 1.
fn position(text: &str, byte: usize) -> (u32, usize) {
    let before = &text[..byte.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |line| line.chars().count())
        + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), column)
}

#[cfg(test)]
mod tests;
