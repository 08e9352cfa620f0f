//! `route-audit diff`: what a branch changes for callers, for its pull request.
//!
//! It shows and judges nothing: the exit code is 0 whenever it could run.

mod comparison;
mod git;
mod render;
#[cfg(test)]
mod tests;

use crate::cli::{Diff, DiffFormat};
use crate::error::CannotRun;
use crate::exit;
use crate::gather::audit;
use crate::lock::compare::compare;
use crate::lock::{Lock, format};
use crate::surroundings::{Env, Notes, print};
use crate::workspace::Workspace;

use self::comparison::Comparison;
use self::git::Git;
pub(crate) use self::render::MARKER;

pub(crate) fn run(args: &Diff, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let workspace = Workspace::read(&args.common, env)?;
    let file = workspace.lock_file();
    // Before anything is built: it is quick to fail.
    let git = Git {
        folder: workspace.root(),
    };
    let base = args.base.as_deref().unwrap_or("HEAD");
    let mut commit = git.commit(base)?;
    let mut notes = Vec::new();
    if args.base.is_some() {
        match git.merge_base(&commit)? {
            Some(common) => commit = common,
            None => notes.push(format!(
                "`{base}` and HEAD have no common commit here (a shallow clone?): compared with \
                 `{base}` itself, so what it changed since shows as well"
            )),
        }
    }
    let text = git.file(&commit, &file.name)?;
    let lock_at_base = text.is_some();
    let mut old = match text {
        Some(text) => format::parse(&text, &format!("{base}:{}", file.name))?,
        None => {
            notes.push(format!(
                "there is no {} at `{base}`: every route shows as new",
                file.name
            ));
            Lock::default()
        }
    };
    let new = if args.lock_only {
        file.read_existing()?
    } else {
        let audited = audit(&args.common, env, &workspace)?;
        let (_, note) = file.leave_out(&mut old, &audited.unselected);
        notes.extend(note);
        let new = Lock::of(audited.reports());
        notes.extend(audited.off.notes(&compare(&old, &new), &file.name));
        new
    };
    let mut out = Notes::of(env.stderr, &args.common);
    notes.iter().for_each(|note| out.note(note));
    let comparison = Comparison {
        base: base.to_owned(),
        commit,
        lock_at_base,
        differences: compare(&old, &new),
    };
    let text = match args.format {
        DiffFormat::Human => {
            let colors = args.common.colors(env.colors);
            render::human(&comparison, args.common.cargo.quiet, colors)
        }
        DiffFormat::Markdown => render::markdown(&comparison),
        DiffFormat::Json => render::json(&comparison)?,
    };
    print(env.stdout, &text)?;
    Ok(exit::CLEAN)
}
