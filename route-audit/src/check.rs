//! `route-audit check`: fails where something is wrong.

use session_auth::audit::{Audit, Severity};

use crate::cli::Check;
use crate::diff::leave_out;
use crate::error::CannotRun;
use crate::lock::compare::{Difference, compare};
use crate::lock::file::LockFile;
use crate::lock::{Lock, format};
use crate::{Audited, Env, Notes, codes, exit, render, self_test};

pub(crate) fn run(args: &Check, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    if args.self_test {
        return self_test::run(args, env);
    }
    let workspace = crate::workspace(&args.common, env)?;
    let file = workspace.lock_file();
    // Before anything is built: a lock that is missing or cannot be read is quick to find.
    let lock = if args.locked {
        Some(file.read_existing()?)
    } else {
        None
    };
    if args.update {
        file.read()?;
    }
    let mut audited = crate::audit(&args.common, env, &workspace)?;
    let mut notes = Vec::new();
    if let Some(mut old) = lock {
        let (_, note) = leave_out(&mut old, &audited.unselected, &file);
        notes.extend(note);
        let new = Lock::of(&audited.reports, env.today);
        let differences = compare(&old, &new);
        notes.extend(audited.off.notes(&differences, &file.name));
        let found = differences.iter().map(Difference::finding).collect();
        crate::add_findings(&mut audited.audit, found);
    }
    if args.update {
        notes.extend(update(&file, &audited, env)?);
    }
    let places = workspace.places();
    let output = args.common.output(args.format, &places, env.colors);
    crate::print(env.stdout, &render::check(&audited.audit, &output)?)?;
    let mut out = Notes::of(env.stderr, &args.common);
    notes.iter().for_each(|note| out.note(note));
    Ok(if audited.audit.summary.errors > 0 {
        exit::FINDINGS
    } else {
        exit::CLEAN
    })
}

/// Writes the lock, and says what that changed.
fn update(file: &LockFile, audited: &Audited, env: &Env<'_>) -> Result<Vec<String>, CannotRun> {
    let name = &file.name;
    let unsettled = unsettled(&audited.audit);
    if unsettled > 0 {
        return Ok(vec![format!(
            "{name} was not written: settle first who may call each route (errors that leave it \
             open: {unsettled})"
        )]);
    }
    let mut new = Lock::of(&audited.reports, env.today);
    let Some((text, mut old)) = file.read()? else {
        file.write(&format::write(&new))?;
        let count = new.lines().len();
        let plural = if count == 1 { "" } else { "s" };
        return Ok(vec![format!("{name} was written: {count} route{plural}")]);
    };
    let (kept, _) = leave_out(&mut old, &audited.unselected, file);
    let differences = compare(&old, &new);
    new.merge(kept);
    let written = format::write(&new);
    if written == text {
        return Ok(vec![format!("{name} is up to date")]);
    }
    file.write(&written)?;
    if differences.is_empty() {
        return Ok(vec![format!(
            "{name} was written anew; no route has changed"
        )]);
    }
    let mut notes = vec![format!("{name} was written; review what it changes:")];
    notes.extend(
        differences
            .iter()
            .map(|difference| format!("{}: {}", difference.code(), difference.message())),
    );
    Ok(notes)
}

/// How many errors there are that say that the routes are not what the audit lists. The others
/// judge routes that are known.
fn unsettled(audit: &Audit) -> usize {
    let judges = |code: &str| code == codes::EXPIRED_EXEMPTION || codes::POLICY.contains(&code);
    audit
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error && !judges(&finding.code))
        .count()
}
