//! The exceptions of `[workspace.metadata.route-audit]`, `unaudited`.

use session_auth::audit::Finding;

use super::rules::Found;
use super::scan::Scan;
use crate::config::Exception;
use crate::error::{CannotRun, Problem};

/// The findings that no exception is for. An exception that is for none is an error: what it was
/// for has gone, and what comes next under its name should be seen. One for what builds leave out
/// is for those builds alone: where the function is in, its findings are shown, and there may be
/// none.
pub(super) fn apply(
    found: Vec<Found>,
    exceptions: &[Exception],
    scan: &Scan<'_>,
    any_build: Option<&Scan<'_>>,
    members: &[String],
) -> Result<Vec<Finding>, CannotRun> {
    let mut used = vec![false; exceptions.len()];
    let mut findings = Vec::new();
    for Found {
        function,
        left_out,
        finding,
    } in found
    {
        let mut excepted = false;
        for (exception, used) in exceptions.iter().zip(&mut used) {
            let fits = left_out || !exception.left_out;
            if fits && function.as_ref() == Some(&exception.function) {
                (*used, excepted) = (true, true);
            }
        }
        if !excepted {
            findings.push(finding);
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
        let conditional = any_build.is_some_and(|any_build| any_build.may_be_left_out(name));
        if used || elsewhere || (exception.left_out && conditional) {
            continue;
        }
        let why = if exception.left_out {
            "no such function is left out of any build"
        } else {
            "no such function registers a route that is not audited"
        };
        let or_left_out = if conditional && !exception.left_out {
            "; where it is for the builds that leave the function out, add `left_out = true`"
        } else {
            ""
        };
        problems.push(
            Problem::new(format!(
                "[workspace.metadata.route-audit]: the exception for `{name}` under `unaudited` \
                 matches nothing: {why}"
            ))
            .at(&exception.place)
            .help(format!(
                "remove it, or correct the name: `crate::module::function`{or_left_out}"
            )),
        );
    }
    CannotRun::unless_none(problems)?;
    Ok(findings)
}
