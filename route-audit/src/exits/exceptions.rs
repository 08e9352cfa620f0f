//! `exits` of `[workspace.metadata.route-audit]`: the calls that may stay, each with the reason.
//!
//! One exception is for one way out: whoever serves a second router from the same file has to say
//! why. Of axum's own routers it takes all that the file has below a path (`axum::routing`), since
//! a file that builds one for another crate names its functions at each route.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::found::{Found, Kind, Lint};
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
/// for has gone, and what comes next in its place should be seen.
///
/// `members` are the folders of all packages, from the root of the workspace, with whether the
/// package was read: of another one's files nothing is known.
pub(crate) fn apply(
    lint: &Lint,
    exceptions: &[Exception],
    members: &BTreeMap<String, bool>,
) -> Result<Vec<Found>, CannotRun> {
    let mut left: BTreeSet<&Found> = lint.found.iter().collect();
    let mut problems = Vec::new();
    for exception in exceptions {
        let covered = left.iter().copied().filter(|found| exception.covers(found));
        let mut covered: Vec<_> = covered.collect();
        if matches!(covered.as_slice(), [first, ..] if first.kind == Kind::Exit) {
            covered.truncate(1);
        }
        let is_unread = lint.unread.iter().any(|(file, _)| *file == exception.file);
        if covered.is_empty() && !is_unread && was_read(&exception.file, members) {
            problems.push(surplus(exception, lint));
        }
        left.retain(|found| !covered.contains(found));
    }
    CannotRun::unless_none(problems)?;
    Ok(left.into_iter().cloned().collect())
}

/// Whether the package that the file belongs to was read, or none is there that it belongs to.
fn was_read(file: &str, members: &BTreeMap<String, bool>) -> bool {
    let holds = |folder: &str| {
        let rest = file.strip_prefix(folder);
        folder.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let owners = members.iter().filter(|(folder, _)| holds(folder));
    let owner = owners.max_by_key(|(folder, _)| folder.len());
    owner.is_none_or(|(_, was_read)| *was_read)
}

fn surplus(exception: &Exception, lint: &Lint) -> Problem {
    let Exception { file, call, place } = exception;
    let here = lint.found.iter().filter(|found| found.file == *file);
    let here: BTreeSet<String> = here
        .map(|found| format!("`{}` on line {}", found.call, found.line))
        .collect();
    let has = if here.is_empty() {
        "that file has nothing to except".to_owned()
    } else {
        format!("that file has {}", Vec::from_iter(here).join(", "))
    };
    Problem::new(format!(
        "the exception for `{call}` in `{file}` under `exits` matches nothing: {has}"
    ))
    .at(place)
    .help(
        "remove it, or correct it: `file` is from the root of the workspace, and each way out has \
         an exception of its own",
    )
}
