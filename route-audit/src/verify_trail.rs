//! `route-audit verify-trail`: whether trails are as they were written.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use session_auth::trail::{CHECKPOINT_EVERY, TrailError, Verified, verify};

use crate::cli::{VerifyFormat, VerifyTrail};
use crate::error::{CannotRun, Problem};
use crate::exit;
use crate::render::json::{SCHEMA, document};
use crate::surroundings::{Env, print};
use crate::visible::visible;

/// A crash may leave as many lines without a checkpoint as there are between two, and then as many come
/// before the next: more than that has none because it was taken away, or could not be written.
const UNSIGNED: u64 = 2 * CHECKPOINT_EVERY;

/// What is to be said of one trail, as `docs/route-audit-trail.schema.json` describes it.
#[derive(Debug, Serialize)]
struct Trail {
    path: String,
    verdict: Verdict,
    /// Its lines; `None` where it was not read to its end.
    lines: Option<u64>,
    signed: Option<u64>,
    lost: Option<u64>,
    /// The first bad line; with `line`.
    file: Option<String>,
    line: Option<usize>,
    message: String,
    /// What to do about it.
    #[serde(skip)]
    help: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// It is as it was written.
    Verified,
    /// It is not.
    Changed,
    /// Nothing signed proves it, or too little of it.
    Unsigned,
    /// It could not be read, or there is nothing in it.
    Unread,
}

pub(crate) fn run(args: &VerifyTrail, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let mut trails = Vec::new();
    for path in &args.paths {
        let at = env.current_dir.join(path);
        trails.push(one(&at, path, &args.public_key)?);
    }
    let text = match args.format {
        VerifyFormat::Human => human(&trails),
        VerifyFormat::Json => {
            #[derive(Serialize)]
            struct Document<'a> {
                schema: u32,
                trails: &'a [Trail],
            }
            document(&Document {
                schema: SCHEMA,
                trails: &trails,
            })?
        }
    };
    print(env.stdout, &text)?;
    let unread = trails.iter().filter(|it| it.verdict == Verdict::Unread);
    CannotRun::unless_none(
        unread
            .map(|trail| {
                let problem = Problem::new(&trail.message).at(&trail.path);
                match trail.help {
                    Some(help) => problem.help(help),
                    None => problem,
                }
            })
            .collect(),
    )?;
    let clean = trails.iter().all(|it| it.verdict == Verdict::Verified);
    Ok(if clean { exit::CLEAN } else { exit::FINDINGS })
}

fn human(trails: &[Trail]) -> String {
    let mut text = String::new();
    for trail in trails.iter().filter(|it| it.verdict != Verdict::Unread) {
        let _ = writeln!(text, "{}: {}", trail.path, trail.message);
    }
    text
}

/// The error is that the key is none: that is wrong for all of them.
fn one(at: &Path, path: &Path, public: &str) -> Result<Trail, Problem> {
    let shown = visible(&path.display().to_string());
    let result = verify(at, public);
    let mut trail = Trail {
        path: shown,
        verdict: Verdict::Verified,
        lines: None,
        signed: None,
        lost: None,
        file: None,
        line: None,
        message: String::new(),
        help: None,
    };
    match result {
        Ok(verified) => {
            // What was written between two looks is not what was taken away.
            let signed = match verified.lines - verified.signed {
                0..=UNSIGNED => verified.signed,
                _ => verify(at, public).map_or(verified.signed, |again| again.signed),
            };
            trail.lines = Some(verified.lines);
            trail.signed = Some(verified.signed);
            trail.lost = Some(verified.lost);
            (trail.verdict, trail.message) = judge(&verified, signed);
            if trail.verdict == Verdict::Unread {
                trail.help = Some("is this the file that the service writes to?");
            }
        }
        Err(error @ (TrailError::Line { .. } | TrailError::Checkpoint { .. })) => {
            trail.verdict = Verdict::Changed;
            trail.message = format!("not as it was written: {}", visible(&error.to_string()));
            if let TrailError::Line { file, line, .. } = error {
                trail.file = Some(visible(&file.display().to_string()));
                trail.line = Some(line);
            }
        }
        Err(TrailError::Key(error)) => {
            return Err(Problem::new(format!("--public-key: {error}"))
                .help("give what `TrailKey::public` gave for the key of this trail"));
        }
        Err(error) => {
            trail.verdict = Verdict::Unread;
            trail.message = visible(&error.to_string());
        }
    }
    Ok(trail)
}

/// `signed`: as far as a checkpoint reaches, by the last look.
fn judge(trail: &Verified, signed: u64) -> (Verdict, String) {
    let lines = trail.lines;
    if lines == 0 {
        let message = "the trail has no line: there is nothing to verify";
        return (Verdict::Unread, message.to_owned());
    }
    // Without a checkpoint, who can write to the file can have made the whole of it.
    if signed == 0 {
        let message = format!(
            "no checkpoint is signed, so nothing proves its {lines} lines: were the checkpoints beside \
             it deleted?"
        );
        return (Verdict::Unsigned, message);
    }
    if lines.saturating_sub(signed) > UNSIGNED {
        let message = format!(
            "the last checkpoint is of line {signed}, and {lines} lines are there: a checkpoint is \
             signed every {CHECKPOINT_EVERY} lines, so later ones were deleted or could not be written"
        );
        return (Verdict::Unsigned, message);
    }
    let message = format!(
        "{lines} lines are as they were written, the first {} are signed; {} events were lost before \
         they were written",
        trail.signed, trail.lost
    );
    (Verdict::Verified, message)
}
