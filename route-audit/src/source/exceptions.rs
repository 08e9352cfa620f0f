//! The exceptions of `[workspace.metadata.route-audit]`, `unaudited`.

use session_auth::audit::Finding;

use super::rules::Found;
use super::scan::Scan;
use crate::config::Exception;
use crate::error::{CannotRun, Problem};

/// The findings that no exception is for. An exception that is for none is an error: what it was
/// for has gone, and what comes next under its name should be seen.
pub(super) fn apply(
    found: Vec<Found>,
    exceptions: &[Exception],
    scan: &Scan<'_>,
    members: &[String],
) -> Result<Vec<Finding>, CannotRun> {
    let mut used = vec![false; exceptions.len()];
    let mut findings = Vec::new();
    for Found { function, finding } in found {
        let excepted = exceptions
            .iter()
            .position(|exception| function.as_ref() == Some(&exception.function));
        match excepted {
            Some(at) => used[at] = true,
            None => findings.push(finding),
        }
    }
    let mut problems = Vec::new();
    for (exception, used) in exceptions.iter().zip(used) {
        let name = &exception.function;
        let krate = name.split("::").next().unwrap_or(name);
        let read = scan
            .tables
            .crates
            .iter()
            .any(|one| scan.tables.modules[one.root].path == krate);
        // Of a package that is not selected, nothing is known.
        let elsewhere = !read && members.iter().any(|member| member == krate);
        if !used && !elsewhere {
            problems.push(
                Problem::new(format!(
                    "[workspace.metadata.route-audit]: the exception for `{name}` under \
                     `unaudited` matches nothing: no such function registers a route that is not \
                     audited"
                ))
                .at(&exception.place)
                .help("remove it, or correct the name: `crate::module::function`"),
            );
        }
    }
    CannotRun::unless_none(problems)?;
    Ok(findings)
}
