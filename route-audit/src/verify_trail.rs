//! `route-audit verify-trail`: whether trails are as they were written.

use std::fmt::Write as _;

use session_auth::trail::{TrailError, verify};

use crate::cli::VerifyTrail;
use crate::error::{CannotRun, Problem};
use crate::exit;
use crate::surroundings::{Env, print};
use crate::visible::visible;

pub(crate) fn run(args: &VerifyTrail, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let (mut text, mut problems, mut changed) = (String::new(), Vec::new(), false);
    for path in &args.paths {
        let name = path.display().to_string();
        let name = visible(&name);
        let line = match verify(env.current_dir.join(path), &args.public_key) {
            Ok(trail) if trail.lines == 0 => {
                problems.push(
                    Problem::new("the trail has no line: there is nothing to verify")
                        .at(name)
                        .help("is this the file that the service writes to?"),
                );
                continue;
            }
            // Without a checkpoint, who can write to the file can have made the whole of it.
            Ok(trail) if trail.signed == 0 => {
                changed = true;
                format!(
                    "{name}: no checkpoint is signed, so nothing proves its {} lines: were the \
                     checkpoints beside it deleted?",
                    trail.lines
                )
            }
            Ok(trail) => format!(
                "{name}: {} lines are as they were written, the first {} are signed; {} events were \
                 lost before they were written",
                trail.lines, trail.signed, trail.lost
            ),
            Err(error @ (TrailError::Line { .. } | TrailError::Checkpoint { .. })) => {
                changed = true;
                let error = error.to_string();
                format!("{name}: not as it was written: {}", visible(&error))
            }
            Err(TrailError::Key(error)) => {
                return Err(Problem::new(format!("--public-key: {error}"))
                    .help("give what `TrailKey::public` gave for the key of this trail")
                    .into());
            }
            Err(error) => {
                problems.push(Problem::new(error.to_string()).at(name));
                continue;
            }
        };
        let _ = writeln!(text, "{line}");
    }
    print(env.stdout, &text)?;
    CannotRun::unless_none(problems)?;
    Ok(if changed { exit::FINDINGS } else { exit::CLEAN })
}
