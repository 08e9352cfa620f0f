//! `route-audit diff`: what a branch changes for callers, for its pull request.
//!
//! It shows and judges nothing: the exit code is 0 whenever it could run.

mod comparison;
mod render;
#[cfg(test)]
mod tests;

use crate::base::Base;
use crate::cli::{Diff, DiffFormat};
use crate::error::CannotRun;
use crate::exit;
use crate::gather::audit;
use crate::lock::Lock;
use crate::lock::compare::compare;
use crate::lock::digest::Digest;
use crate::surroundings::{Env, Notes, print};
use crate::workspace::Workspace;

use self::comparison::Comparison;
pub(crate) use self::render::{ACKNOWLEDGE, MARKER};

pub(crate) fn run(args: &Diff, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let workspace = Workspace::read(&args.common, env)?;
    let file = workspace.lock_file();
    let mut notes = Vec::new();
    // Before anything is built: it is quick to fail.
    let mut base = Base::read(&workspace, &file, args.base.as_deref(), &mut notes)?;
    let old = &mut base.lock;
    let new = if args.lock_only {
        file.read_existing()?
    } else {
        let audited = audit(&args.common, env, &workspace)?;
        let (_, note) = file.leave_out(old, &audited.unselected);
        notes.extend(note);
        let new = Lock::of(audited.reports());
        notes.extend(audited.off.notes(&compare(old, &new), &file.name));
        new
    };
    let mut out = Notes::of(env.stderr, &args.common);
    notes.iter().for_each(|note| out.note(note));
    let differences = compare(&base.lock, &new);
    let comparison = Comparison {
        digest: Digest::of(&differences),
        base,
        differences,
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
