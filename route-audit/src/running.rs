//! What `probe`, `drift` and `preflight` share: the routes of the lock that a service is held
//! against, a client, and a document of what was found.

pub(crate) mod address;
pub(crate) mod client;
pub(crate) mod document;
pub(crate) mod found;
pub(crate) mod listing;
pub(crate) mod locked;

use crate::cli::Running;
use crate::error::CannotRun;
use crate::exit;
use crate::running::document::Asked;
use crate::running::found::Found;
use crate::running::locked::Locked;
use crate::surroundings::{Env, print};

/// Shows what was found, and says with which code to exit. `told` are lines for people, before the
/// findings.
pub(crate) fn show(
    args: &Running,
    locked: &Locked,
    asked: &Asked,
    told: &document::Told,
    found: Vec<Found>,
    env: &mut Env<'_>,
) -> Result<u8, CannotRun> {
    let audit = locked.audit(found);
    let text = document::render(args, locked, asked, told, &audit, env.colors)?;
    print(env.stdout, &text)?;
    Ok(if audit.has_errors() {
        exit::FINDINGS
    } else {
        exit::CLEAN
    })
}

/// Says something on the way.
pub(crate) fn note(args: &Running, env: &mut Env<'_>, text: &str) {
    if !args.quiet {
        // Nobody is left to tell where standard error is closed.
        let _ = writeln!(env.stderr, "note: {text}");
    }
}
