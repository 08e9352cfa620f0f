//! `route-audit check`: fails where something is wrong.

use session_auth::audit::{Code, Severity};

use crate::annotate::fix;
use crate::audit::Audit;
use crate::base::Base;
use crate::cli::Check;
use crate::count::count;
use crate::error::CannotRun;
use crate::exit;
use crate::finding::Finding;
use crate::gather::{Audited, audit};
use crate::lock::compare::{Difference, compare};
use crate::lock::digest::Digest;
use crate::lock::file::LockFile;
use crate::lock::{Lock, format};
use crate::render::{self, Output};
use crate::surroundings::{Env, Notes, print};
use crate::workspace::Workspace;

pub(crate) fn run(args: &Check, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let workspace = Workspace::read(&args.common, env)?;
    let (audit, notes) = checked(args, env, &workspace)?;
    let places = workspace.places();
    let output = Output::of(&args.common, args.format, &places, env.colors);
    print(env.stdout, &render::check(&audit, &output)?)?;
    let mut out = Notes::of(env.stderr, &args.common);
    notes.iter().for_each(|note| out.note(note));
    Ok(exit_code(&audit))
}

pub(crate) fn exit_code(audit: &Audit) -> u8 {
    if audit.has_errors() {
        exit::FINDINGS
    } else {
        exit::CLEAN
    }
}

/// All that `check` finds, and what is to be said of it.
pub(crate) fn checked(
    args: &Check,
    env: &mut Env<'_>,
    workspace: &Workspace,
) -> Result<(Audit, Vec<String>), CannotRun> {
    let file = workspace.lock_file();
    // Before anything is built: a lock that is missing or cannot be read is quick to find.
    let mut notes = Vec::new();
    let lock = match &args.base {
        Some(base) => Some(Base::read(workspace, &file, Some(base), &mut notes)?.lock),
        None if args.locked => Some(file.read_existing()?),
        None => None,
    };
    if args.update {
        file.read()?;
    }
    let mut audited = audit(&args.common, env, workspace)?;
    if args.fix {
        let files = fix(workspace, audited.reports())?;
        if !files.is_empty() {
            notes.push(format!("declarations were mended in {}", files.join(", ")));
            audited = audit(&args.common, env, workspace)?;
        }
    }
    if let Some(mut old) = lock {
        let (_, note) = file.leave_out(&mut old, &audited.unselected);
        notes.extend(note);
        let new = Lock::of(audited.reports());
        let differences = compare(&old, &new);
        notes.extend(audited.off.notes(&differences, &file.name));
        let left = acknowledge(args, differences, &mut notes);
        audited
            .audit
            .add(left.into_iter().map(Box::new).map(Finding::Lock));
    }
    if args.update {
        notes.extend(update(&file, &audited)?);
    }
    Ok((audited.audit, notes))
}

/// Takes out the differences that a reviewer has acknowledged: all, or none.
fn acknowledge(
    args: &Check,
    differences: Vec<Difference>,
    notes: &mut Vec<String>,
) -> Vec<Difference> {
    let Some(digest) = Digest::of(&differences) else {
        return differences;
    };
    match (&args.acknowledged, &args.base) {
        (Some(acknowledged), _) if *acknowledged == digest => {}
        (Some(_), _) => {
            notes.push(format!(
                "acknowledged were other changes than these, whose digest is {digest}: have them \
                 reviewed again"
            ));
            return differences;
        }
        (None, Some(base)) => {
            notes.push(format!(
                "compared with the lock at `{base}`: whoever has reviewed these changes lets them \
                 pass by `--acknowledged {digest}`"
            ));
            return differences;
        }
        (None, None) => return differences,
    }
    let differences = count(differences.len(), "difference");
    notes.push(format!("acknowledged: {differences} from the lock"));
    Vec::new()
}

/// Writes the lock, and says what that changed.
fn update(file: &LockFile, audited: &Audited) -> Result<Vec<String>, CannotRun> {
    let name = &file.name;
    let unsettled = unsettled(&audited.audit);
    if unsettled > 0 {
        return Ok(vec![format!(
            "{name} was not written: settle first who may call each route (errors that leave it \
             open: {unsettled})"
        )]);
    }
    let mut new = Lock::of(audited.reports());
    let Some((text, mut old)) = file.read()? else {
        file.write(&format::write(&new))?;
        let routes = count(new.lines().len(), "route");
        return Ok(vec![format!("{name} was written: {routes}")]);
    };
    let (kept, _) = file.leave_out(&mut old, &audited.unselected);
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
    let judges = |finding: &Finding| {
        matches!(finding, Finding::Policy(_)) || finding.code() == Code::ExpiredExemption
    };
    let errors = audit.findings().iter();
    errors
        .filter(|finding| finding.severity() == Severity::Error && !judges(finding))
        .count()
}
