//! Whether the reports are all there and can be read. What is missing is never taken for clean.

use std::collections::{BTreeMap, BTreeSet};

use session_auth::audit::{Failure, Report, ReportError, ReportFile, RouterRecord};

use crate::error::{CannotRun, Problem};
use crate::run::{Run, TEST_PREFIX};

/// The reports of the runs, where nothing is missing: every audit test wrote one that can be read,
/// and every router mounts something.
pub(crate) fn accept(runs: &[Run]) -> Result<Vec<Report>, CannotRun> {
    let mut problems = Vec::new();
    let mut reports = Vec::new();
    for run in runs {
        match read(run) {
            Ok(read) => reports.extend(read),
            Err(found) => problems.extend(found),
        }
    }
    CannotRun::unless_none(problems)?;
    Ok(reports)
}

/// Whether the reports of one build are those of all its packages (by name and manifest): each has an
/// audited router or is part of one, each router that is to be started has reported, and no two
/// routers of a package have one name.
pub(crate) fn complete(
    packages: &[(String, String)],
    started: &BTreeSet<(String, String)>,
    reports: &[&Report],
) -> Result<(), CannotRun> {
    let mut problems = same_name(reports);
    problems.extend(without_router(packages, started, reports));
    problems.extend(not_started(started, reports));
    CannotRun::unless_none(problems)
}

/// Reads what a run wrote, and holds it against its tests.
fn read(run: &Run) -> Result<Vec<Report>, Vec<Problem>> {
    let who = format!("{} of package `{}`", run.target, run.package);
    let Files {
        reports,
        failures,
        mut problems,
    } = Files::read(&run.files, &who, &run.source);
    // Whose file it is that cannot be read is not known: whose is missing is not, either.
    if problems.is_empty() {
        let routers = reports
            .iter()
            .map(|report| &report.router)
            .chain(failures.iter().map(|failure| &failure.router));
        problems = uneven(run, routers);
    }
    problems.extend(unusable(&reports, &failures));
    // Where a report is asked for, findings do not fail the test: something else has.
    if problems.is_empty() && !run.passed {
        problems.push(
            Problem::new(format!(
                "the audit tests of {who} wrote their reports, and failed"
            ))
            .at(&run.source)
            .output(&run.output)
            .help("make `cargo test route_audit_` pass"),
        );
    }
    if problems.is_empty() {
        Ok(reports)
    } else {
        Err(problems)
    }
}

/// What a command wrote that starts the service, of whatever routers.
pub(crate) fn of_command(files: &[String], command: &str) -> Result<Vec<Report>, CannotRun> {
    let Files {
        reports,
        failures,
        mut problems,
    } = Files::read(files, &format!("`{command}`"), "the command of `run`");
    problems.extend(unusable(&reports, &failures));
    CannotRun::unless_none(problems)?;
    Ok(reports)
}

/// What files hold.
#[derive(Default)]
struct Files {
    reports: Vec<Report>,
    failures: Vec<Failure>,
    problems: Vec<Problem>,
}

impl Files {
    fn read(texts: &[String], who: &str, source: &str) -> Self {
        let mut files = Self::default();
        for text in texts {
            match ReportFile::parse(text) {
                Ok(ReportFile::Report(report)) => files.reports.push(report),
                Ok(ReportFile::Failure(failure)) => files.failures.push(failure),
                Err(error) => {
                    let problem =
                        Problem::new(format!("{who} wrote a file that cannot be read: {error}"))
                            .at(source);
                    files.problems.push(match error {
                        // Says what to do by itself.
                        ReportError::Schema(_) => problem,
                        _ => problem.help("leave the reports to `#[audited_router]`"),
                    });
                }
            }
        }
        files
    }
}

/// The routers that could not be audited, and those that have nothing to audit.
fn unusable(reports: &[Report], failures: &[Failure]) -> Vec<Problem> {
    let failures = failures.iter().map(|Failure { router, error, .. }| {
        Problem::new(format!("package `{}`: {error}", router.package)).at(place(router))
    });
    let empty = reports.iter().filter(|report| report.routes.is_empty());
    let empty = empty.map(|Report { router, .. }| {
        Problem::new(format!(
            "nothing to audit: router `{}` of package `{}` mounts nothing",
            router.name, router.package
        ))
        .at(place(router))
        .help("mount the service's routes on it; are they behind a feature?")
    });
    failures.chain(empty).collect()
}

/// What keeps a run's reports from being one for each of its tests.
fn uneven<'a>(run: &Run, routers: impl Iterator<Item = &'a RouterRecord>) -> Vec<Problem> {
    // Counted: two modules may each have a router of the same name.
    let mut reports: BTreeMap<&str, usize> = BTreeMap::new();
    for router in routers {
        *reports.entry(&router.name).or_default() += 1;
    }
    let mut problems = Vec::new();
    for test in &run.tests {
        let last = test.rsplit("::").next().unwrap_or(test);
        let router = last.strip_prefix(TEST_PREFIX).unwrap_or(last);
        match reports.get_mut(router) {
            Some(left @ 1..) => *left -= 1,
            _ => problems.push(
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
            ),
        }
    }
    let surplus = reports.into_iter().filter(|(_, left)| *left > 0);
    problems.extend(surplus.map(|(router, _)| {
        Problem::new(format!(
            "{} of package `{}` wrote more reports of router `{router}` than it has tests for it",
            run.target, run.package
        ))
        .at(&run.source)
        .help("leave the reports to `#[audited_router]`")
    }));
    problems
}

/// The packages that have no audited router and whose declarations no audited router of another
/// package has linked: nobody looks at their routes.
fn without_router(
    packages: &[(String, String)],
    started: &BTreeSet<(String, String)>,
    reports: &[&Report],
) -> Vec<Problem> {
    let is_started = |package: &String| started.iter().any(|(of, _)| of == package);
    packages
        .iter()
        .filter(|(package, _)| !is_covered(package, reports) && !is_started(package))
        .map(|(package, manifest)| {
            Problem::new(format!(
                "package `{package}` depends on `session-auth` but has no audited router"
            ))
            .at(manifest)
            .help(
                "add `#[audited_router]` to the function that returns its router (one that `main` \
                 builds moves to a function first); one that no test can build has `#[audited_router(at_start)]`, and `--run COMMAND` starts what \
                 reports it; where the package registers no routes, name it under `exclude` in \
                 [workspace.metadata.route-audit], or select other packages with `-p`",
            )
        })
        .collect()
}

/// Those of `#[audited_router(at_start)]` that nothing has started.
fn not_started(started: &BTreeSet<(String, String)>, reports: &[&Report]) -> Vec<Problem> {
    started
        .iter()
        .filter(|router| !has(router, reports))
        .map(|(package, router)| {
            Problem::new(format!(
                "router `{router}` of package `{package}` reports from a start alone \
                 (`#[audited_router(at_start)]`), and wrote no report"
            ))
            .help(
                "start what protects it, by `--run COMMAND` or `run` in \
                 [workspace.metadata.route-audit]",
            )
        })
        .collect()
}

/// Whether this router, by package and name, has reported.
pub(crate) fn has(router: &(String, String), reports: &[&Report]) -> bool {
    let (package, name) = router;
    reports
        .iter()
        .any(|report| report.router.package == *package && report.router.name == *name)
}

/// Whether a router of this package has reported, or one of a program that it is part of.
pub(crate) fn is_covered(package: &str, reports: &[&Report]) -> bool {
    reports.iter().any(|report| {
        let mut declared = report.declared.iter();
        report.router.package == package || declared.any(|one| one.package() == package)
    })
}

/// The routers that neither a listing nor the lock could tell apart. One file that is part of two
/// targets is one router, audited twice.
fn same_name(reports: &[&Report]) -> Vec<Problem> {
    let mut routers: Vec<&RouterRecord> = reports.iter().map(|report| &report.router).collect();
    routers.sort_by_key(|router| (&router.package, &router.name, &router.file, router.line));
    routers.dedup();
    let mut problems = Vec::new();
    for pair in routers.windows(2) {
        let [one, other] = pair else { continue };
        if (&one.package, &one.name) == (&other.package, &other.name) {
            problems.push(
                Problem::new(format!(
                    "two audited routers of package `{}` are called `{}`, at {} and {}",
                    one.package,
                    one.name,
                    place(one),
                    place(other)
                ))
                .at(place(other))
                .help(
                    "routers are told apart by their names: rename one of the functions, or give it \
                     another name for the audit: `#[audited_router(other_name = …)]`",
                ),
            );
        }
    }
    problems
}

fn place(router: &RouterRecord) -> String {
    format!("{}:{}", router.file, router.line)
}

#[cfg(test)]
mod tests;
