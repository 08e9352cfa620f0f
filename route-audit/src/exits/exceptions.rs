//! `exits` of `[workspace.metadata.route-audit]`: the calls that may stay, each with the reason.
//!
//! An exception is for a call in a file, however often it stands there. Of axum's own routers it
//! takes all that the file has below a path (`axum::routing`), since a file that builds one for
//! another crate names its functions at each route.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{Found, Kind, Lint};
use crate::error::{CannotRun, Problem};

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawException {
    file: Spanned<String>,
    call: Spanned<String>,
    reason: Spanned<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    /// From the root of the workspace.
    pub(crate) file: String,
    pub(crate) call: String,
    /// Where it is written.
    pub(crate) place: String,
}

impl Exception {
    /// Checks what the type does not; `at` makes a place of a span.
    pub(crate) fn of(
        raw: RawException,
        at: impl Fn(Range<usize>) -> String,
    ) -> Result<Self, Problem> {
        let RawException { file, call, reason } = raw;
        if reason.get_ref().trim().is_empty() {
            return Err(Problem::new(format!(
                "the exception for `{}` in `{}` under `exits` has no reason",
                call.get_ref(),
                file.get_ref()
            ))
            .at(at(reason.span()))
            .help("say why what is served there needs no guard"));
        }
        Ok(Self {
            place: at(file.span()),
            file: file.into_inner(),
            call: call.into_inner(),
        })
    }

    fn covers(&self, found: &Found) -> bool {
        let below = || {
            let rest = found.call.strip_prefix(&self.call);
            rest.is_some_and(|rest| rest.starts_with("::"))
        };
        self.file == found.file
            && (self.call == found.call || (found.kind == Kind::Axum && below()))
    }
}

/// The findings that no exception is for. An exception that is for none is an error: what it was
/// for has gone, and what comes next in its place should be seen. Of a file that is there and was
/// not read nothing is known; `root` is the workspace's.
pub(crate) fn apply(
    lint: &Lint,
    exceptions: &[Exception],
    root: &Path,
) -> Result<Vec<Found>, CannotRun> {
    let is_known = |file: &str| lint.read.contains(file) || !root.join(file).is_file();
    let surplus = exceptions.iter().filter(|exception| {
        is_known(&exception.file) && !lint.found.iter().any(|found| exception.covers(found))
    });
    CannotRun::unless_none(surplus.map(|one| surplus_of(one, lint)).collect())?;
    let is_excepted = |found: &Found| exceptions.iter().any(|one| one.covers(found));
    let found = lint.found.iter().filter(|found| !is_excepted(found));
    Ok(found.cloned().collect())
}

fn surplus_of(exception: &Exception, lint: &Lint) -> Problem {
    let Exception { file, call, place } = exception;
    let here = lint.found.iter().filter(|found| found.file == *file);
    let here: Vec<String> = here
        .map(|found| format!("`{}` on line {}", found.call, found.line))
        .collect();
    let has = if here.is_empty() {
        "that file has nothing to except".to_owned()
    } else {
        format!("that file has {}", here.join(", "))
    };
    Problem::new(format!(
        "the exception for `{call}` in `{file}` under `exits` matches nothing: {has}"
    ))
    .at(place)
    .help("remove it, or correct it: `file` is from the root of the workspace")
}
