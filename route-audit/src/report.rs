//! Whether the reports are all there and can be read. What is missing is never taken for clean.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use session_auth::audit::report::{Report, RouterRecord, SCHEMA};

use crate::error::{CannotRun, Problem};
use crate::run::TEST_PREFIX;

/// One executable's audit tests, run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) package: String,
    /// ``library `web` ``.
    pub(crate) target: String,
    /// The root file of the target.
    pub(crate) source: String,
    /// The audit tests by their paths.
    pub(crate) tests: Vec<String>,
    /// What they wrote, as text.
    pub(crate) files: Vec<String>,
    /// What they printed.
    pub(crate) output: String,
    /// Whether all of them passed.
    pub(crate) passed: bool,
}

/// The reports of the runs, where nothing is missing: every audit test wrote one that can be read,
/// every package (by name and manifest) has a router or is part of one, and there is a route.
pub(crate) fn accept(packages: &[(&str, &str)], runs: &[Run]) -> Result<Vec<Report>, CannotRun> {
    let mut problems = Vec::new();
    let mut reports = Vec::new();
    for run in runs {
        reports.extend(read(run, &mut problems));
    }
    CannotRun::unless_none(problems)?;
    CannotRun::unless_none(without_router(packages, runs, &reports))?;
    if reports.iter().all(|report| report.mounted.is_empty()) {
        let empty = reports.iter().map(|report| {
            Problem::new(format!(
                "nothing to audit: {} mounts no route",
                describe(&report.router)
            ))
            .at(place(&report.router))
            .help("mount the service's routes on it; are they behind a feature?")
        });
        CannotRun::unless_none(empty.collect())?;
    }
    Ok(reports)
}

/// What one file holds.
#[derive(Debug)]
enum Outcome {
    Report(Report),
    /// The router panicked, or could not be read.
    Failed(RouterRecord, String),
}

/// Reads the reports of a run, and holds them against its tests.
fn read(run: &Run, problems: &mut Vec<Problem>) -> Vec<Report> {
    let mut reports = Vec::new();
    // Two modules may each have a router of the same name: count.
    let mut balance: HashMap<String, i64> = HashMap::new();
    let mut unreadable = false;
    for file in &run.files {
        match parse(file, run) {
            Ok(outcome) => {
                let router = match &outcome {
                    Outcome::Report(report) => &report.router,
                    Outcome::Failed(router, _) => router,
                };
                *balance.entry(router.name.clone()).or_default() += 1;
                match outcome {
                    Outcome::Report(report) => reports.push(report),
                    Outcome::Failed(router, error) => problems.push(
                        Problem::new(format!("{} cannot be audited: {error}", describe(&router)))
                            .at(place(&router))
                            .help("fix the router, and see `cargo test route_audit_` for the rest"),
                    ),
                }
            }
            Err(problem) => {
                unreadable = true;
                problems.push(problem);
            }
        }
    }
    if unreadable {
        return reports;
    }
    for test in &run.tests {
        let last = test.rsplit("::").next().unwrap_or(test);
        let router = last.strip_prefix(TEST_PREFIX).unwrap_or(last);
        let count = balance.entry(router.to_owned()).or_default();
        *count -= 1;
        if *count < 0 {
            problems.push(
                Problem::new(format!(
                    "router `{router}` of package `{}` wrote no report (test `{test}` in {})",
                    run.package, run.target
                ))
                .at(&run.source)
                .output(&run.output)
                .help(
                    "the test must run to its end; a test of your own needs a name that does not \
                     begin with `route_audit_`",
                ),
            );
        }
    }
    for (router, count) in balance {
        if count > 0 {
            problems.push(
                Problem::new(format!(
                    "{} of package `{}` wrote {count} more reports of router `{router}` than it \
                     has tests for",
                    run.target, run.package
                ))
                .at(&run.source)
                .help("use one version of session-auth throughout the workspace"),
            );
        }
    }
    reports
}

fn parse(text: &str, run: &Run) -> Result<Outcome, Problem> {
    #[derive(Deserialize)]
    struct Failure {
        router: RouterRecord,
        error: String,
    }

    let unreadable = |error: serde_json::Error| {
        Problem::new(format!(
            "{} of package `{}` wrote a report that cannot be read: {error}",
            run.target, run.package
        ))
        .at(&run.source)
        .help(SAME_VERSION)
    };
    let value: Value = serde_json::from_str(text).map_err(unreadable)?;
    // First of all: what follows may look different in another version.
    match value.get("schema") {
        Some(schema) if *schema == SCHEMA => {}
        schema => {
            let found = schema.map_or("none".to_owned(), Value::to_string);
            return Err(Problem::new(format!(
                "{} of package `{}` wrote a report of schema {found}; this route-audit reads \
                 schema {SCHEMA}",
                run.target, run.package
            ))
            .at(&run.source)
            .help(SAME_VERSION));
        }
    }
    if value.get("error").is_some() {
        let Failure { router, error } = serde_json::from_value(value).map_err(unreadable)?;
        return Ok(Outcome::Failed(router, error));
    }
    serde_json::from_value(value)
        .map(Outcome::Report)
        .map_err(unreadable)
}

const SAME_VERSION: &str =
    "use the same version of route-audit as of session-auth: `cargo install route-audit`";

/// The packages that have no audited router and whose declarations no audited router of another
/// package has linked: nobody looks at their routes.
fn without_router(packages: &[(&str, &str)], runs: &[Run], reports: &[Report]) -> Vec<Problem> {
    let linked = |package: &str| {
        reports
            .iter()
            .flat_map(|report| &report.declared)
            .any(|route| route.package == package)
    };
    let has_router = |package: &str| {
        runs.iter()
            .any(|run| run.package == package && !run.tests.is_empty())
    };
    packages
        .iter()
        .filter(|(package, _)| !has_router(package) && !linked(package))
        .map(|(package, manifest)| {
            Problem::new(format!(
                "package `{package}` depends on `session-auth` but has no audited router"
            ))
            .at(manifest)
            .help(
                "add `#[audited_router]` to the function that returns its router; where it \
                 registers no routes, name it under `exclude` in \
                 [workspace.metadata.route-audit], or select other packages with `-p`",
            )
        })
        .collect()
}

fn describe(router: &RouterRecord) -> String {
    format!("router `{}` of package `{}`", router.name, router.package)
}

fn place(router: &RouterRecord) -> String {
    format!("{}:{}", router.file, router.line)
}
