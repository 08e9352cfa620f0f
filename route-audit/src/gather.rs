//! Builds, runs and reads the audited routers of the selected packages, and judges them.

mod plan;

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::Package;
use session_auth::audit::Report;

use self::plan::Plan;
use crate::audit::Audit;
use crate::cargo::{Cargo, Executable, refuse_own_harness};
use crate::cli::Common;
use crate::error::CannotRun;
use crate::exits::{Lint, exceptions};
use crate::features::Off;
use crate::finding::Finding;
use crate::listing::Build;
use crate::program::stray::{Stray, Why};
use crate::program::{Declared, Program, Unit, declared_in};
use crate::report;
use crate::run;
use crate::select;
use crate::start::Start;
use crate::surroundings::{Env, Notes};
use crate::targets::describe;
use crate::workspace::Workspace;

/// What the routers are listed under that a command has reported.
const OF_COMMAND: &str = "run";

/// The audit, and what it was made of.
pub(crate) struct Audited {
    pub(crate) audit: Audit,
    builds: Vec<Build>,
    /// The members of the workspace that cargo's selection leaves out. What configuration leaves
    /// out is not among them: that must not take a route from sight.
    pub(crate) unselected: BTreeSet<String>,
    /// Of the one build that the arguments ask for; nothing where the configuration names some.
    pub(crate) off: Off,
}

impl Audited {
    /// One a router and build.
    pub(crate) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.builds.iter().flat_map(|build| &build.reports)
    }
}

pub(crate) fn audit(
    common: &Common,
    env: &mut Env<'_>,
    workspace: &Workspace,
) -> Result<Audited, CannotRun> {
    let Workspace { metadata, config } = workspace;
    let (program, current_dir) = (env.cargo.clone(), env.current_dir.clone());
    let cargo = Cargo::of(common, &program, &current_dir);
    let mut notes = Notes::of(env.stderr, common);

    let plans = Plan::all(common, &cargo, workspace)?;
    let mut selections = Vec::new();
    for plan in &plans {
        selections.push(select::select(&plan.metadata, &common.cargo, config)?);
    }
    let left_out: BTreeSet<_> = selections.iter().flat_map(|one| &one.left_out).collect();
    for (why, packages) in left_out {
        notes.note(&format!("not audited ({why}): {packages}"));
    }
    for package in selections
        .iter()
        .flat_map(|one| &one.unrelated)
        .collect::<BTreeSet<_>>()
    {
        notes.detail(&format!(
            "package `{package}` is not audited: it does not depend on `session-auth`"
        ));
    }
    // Quick to find, before anything is built.
    let examined = selections.iter().flat_map(|one| &one.examined);
    let examined: BTreeMap<_, &Package> = examined.map(|one| (&one.id, *one)).collect();
    let examined: Vec<&Package> = examined.into_values().collect();
    refuse_own_harness(&examined)?;
    let exits = exits(workspace, &examined, &mut notes)?;

    let (mut builds, mut packages, mut strays) = (Vec::new(), Vec::new(), Vec::new());
    let mut started = Vec::new();
    let mut off = Off::default();
    for (plan, selection) in plans.iter().zip(&selections) {
        if plans.len() > 1 {
            notes.detail(&format!("the build `{}`", plan.name()));
        }
        let cargo = plan.cargo(&cargo);
        let executables = cargo.build_tests(selection, &mut notes)?;
        let mut runs = Vec::new();
        let mut problems = Vec::new();
        for executable in &executables {
            match run::run(executable, common, &mut notes) {
                Ok(run) => runs.push(run),
                Err(problem) => problems.push(problem),
            }
        }
        CannotRun::unless_none(problems)?;
        builds.push(Build {
            name: plan.name(),
            reports: report::accept(&runs)?,
        });
        let names = |package: &&Package| {
            let manifest = package.manifest_path.to_string();
            (package.name.to_string(), manifest)
        };
        packages.push(selection.examined.iter().map(names).collect::<Vec<_>>());
        let built = cargo.compile(&selection.built).program(&mut notes)?;
        let program = Program::read(built, &plan.metadata)?;
        let of_build = packages.last().map(Vec::as_slice).unwrap_or_default();
        let of_build: BTreeSet<_> = program.at_start(of_build).cloned().collect();
        started.push(of_build);
        strays.extend(self::strays(&program, &executables)?);
        if config.builds.is_none() {
            off = Off::of(&selection.examined, &executables);
        }
    }

    if let Some(command) = common.run.as_ref().or(config.run.as_ref()) {
        let reports = at_start(command, common, workspace, &builds, &packages, &started)?;
        builds.push(Build {
            name: OF_COMMAND.to_owned(),
            reports,
        });
    }
    let of_command = builds.iter().find(|build| build.name == OF_COMMAND);
    let of_command = of_command
        .map(|build| build.reports.as_slice())
        .unwrap_or_default();
    for ((build, packages), started) in builds.iter().zip(&packages).zip(&started) {
        let reports: Vec<&Report> = build.reports.iter().chain(of_command).collect();
        report::complete(packages, started, &reports)?;
    }

    // What configuration leaves out is looked at all the same, as far as others link it.
    let selected = select::selected(metadata, &common.cargo)?;
    let names = selected
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut audit = Audit::of(&builds, &names, strays);
    audit.add(exits.into_iter().map(Finding::Exit));
    audit.hold_to(&config.policy);
    let unselected = metadata
        .workspace_packages()
        .into_iter()
        .filter(|member| selected.iter().all(|package| package.id != member.id))
        .map(|member| member.name.to_string())
        .collect();
    Ok(Audited {
        audit,
        builds,
        unselected,
        off,
    })
}

/// What the command of `run` reports, which is enough once every package has a router.
fn at_start(
    command: &str,
    common: &Common,
    workspace: &Workspace,
    builds: &[Build],
    packages: &[Vec<(String, String)>],
    started: &[BTreeSet<(String, String)>],
) -> Result<Vec<Report>, CannotRun> {
    let start = Start {
        command,
        root: workspace.root(),
        timeout: common.run_timeout(),
        self_test: common.self_test,
    };
    start.reports(|new| {
        let is_covered = |build: &Build, package: &str| {
            let reports: Vec<&Report> = build.reports.iter().chain(new).collect();
            report::is_covered(package, &reports)
        };
        let mut all = builds.iter().zip(packages);
        let new: Vec<&Report> = new.iter().collect();
        started
            .iter()
            .flatten()
            .all(|router| report::has(router, &new))
            && all.all(|(build, packages)| packages.iter().all(|(name, _)| is_covered(build, name)))
    })
}

/// The ways out of these packages that no exception is for.
fn exits(
    workspace: &Workspace,
    examined: &[&Package],
    notes: &mut Notes<'_>,
) -> Result<Vec<crate::exits::Found>, CannotRun> {
    let mut all = Lint::default();
    for package in examined {
        all.add(package, workspace.root());
    }
    for (file, why) in &all.unread {
        notes.note(&format!("{file} is not searched for ways out: {why}"));
    }
    exceptions::apply(&all, &workspace.config.exits, workspace.root())
}

/// What the tests and the program of each target do not have alike.
fn strays(program: &Program, executables: &[Executable<'_>]) -> Result<Vec<Stray>, CannotRun> {
    let mut strays = Vec::new();
    for executable in executables {
        let unit = Unit::of(&executable.package.id, executable.target);
        let tests = declared_in(&executable.path)?;
        let stray = |why: Why| {
            let target = describe(executable.target);
            move |declared: Declared| Stray {
                declared,
                declaration: None,
                why,
                target: target.clone(),
            }
        };
        if let Some(difference) = program.compare(&unit, &tests) {
            let (tests, program) = (difference.in_tests_only, difference.in_program_only);
            strays.extend(tests.into_iter().map(stray(Why::InTestsOnly)));
            strays.extend(program.into_iter().map(stray(Why::InProgramOnly)));
        }
        let declared = program.declared(&unit).into_iter().flatten().cloned();
        strays.extend(declared.map(stray(Why::Unaudited)));
    }
    Ok(strays)
}
