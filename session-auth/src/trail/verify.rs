//! Whether a trail is as it was written.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::file::{MAX_LINE, checkpoints_of, rotated};
use super::note::{Checker, InvalidKey};

/// How often a trail is read anew that is rotated meanwhile.
const TRIES: usize = 5;
/// For as long as there may be no file between one and the next.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// A trail that is as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Its lines.
    pub lines: u64,
    /// How many of them are below a checkpoint. Those after it are chained, and no more: who can write
    /// to the file can change them.
    pub signed: u64,
    /// Events that were lost while it was written, as the last line says.
    pub lost: u64,
}

/// Why a trail is not as it was written.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrailError {
    /// It cannot be read.
    Io(io::Error),
    /// The key is none.
    Key(InvalidKey),
    /// This line is not the one that was written, or it follows another.
    Line {
        /// The file.
        file: PathBuf,
        /// The line of the file, counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A checkpoint is not signed by the key.
    Checkpoint {
        /// Which one, counted from 1.
        checkpoint: usize,
    },
}

impl fmt::Display for TrailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the trail cannot be read: {error}"),
            Self::Key(error) => error.fmt(f),
            Self::Line { file, line, what } => write!(f, "{}:{line}: {what}", file.display()),
            Self::Checkpoint { checkpoint } => {
                write!(f, "checkpoint {checkpoint} is not signed by this key")
            }
        }
    }
}

impl std::error::Error for TrailError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Key(error) => Some(error),
            Self::Line { .. } | Self::Checkpoint { .. } => None,
        }
    }
}

impl From<io::Error> for TrailError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A line that was read, and where it stands.
struct Line {
    hash: [u8; 32],
    file: usize,
    line: usize,
}

/// Reads a trail, with the files that were rotated away, and its checkpoints; `public` is what
/// [`TrailKey::public`](super::TrailKey::public) gave. A line that is being written is left out.
///
/// # Errors
///
/// The first line that is not as it was written.
pub fn verify(path: impl AsRef<Path>, public: &str) -> Result<Verified, TrailError> {
    let path = path.as_ref();
    let checker = Checker::parse(public).map_err(TrailError::Key)?;
    // Checkpoints first: lines that come after are not missed.
    let notes = match std::fs::read_to_string(checkpoints_of(path)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let files = open(path)?;
    let mut lines: Vec<Line> = Vec::new();
    let (mut previous, mut lost) = ([0_u8; 32], 0);
    let last_file = files.len() - 1;
    for (at, (name, file)) in files.iter().enumerate() {
        let mut reader = BufReader::new(file);
        for line in 1.. {
            let mut bytes = Vec::new();
            let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut bytes)?;
            let bad = |what: String| TrailError::Line {
                file: name.clone(),
                line,
                what,
            };
            if bytes.is_empty() {
                break;
            }
            if read as u64 == MAX_LINE {
                return Err(bad("it is longer than a line of a trail".to_owned()));
            }
            if bytes.pop() != Some(b'\n') {
                // It is being written, or a crash left it.
                if at == last_file {
                    break;
                }
                return Err(bad("the file ends within a line".to_owned()));
            }
            let parsed: Value = serde_json::from_slice(&bytes)
                .map_err(|error| bad(format!("it is no JSON: {error}")))?;
            let expected = lines.len() as u64 + 1;
            if parsed["n"].as_u64() != Some(expected) {
                return Err(bad(format!(
                    "line {expected} of the trail is expected, and it is {}",
                    parsed["n"]
                )));
            }
            let chained: String = previous.iter().map(|byte| format!("{byte:02x}")).collect();
            if parsed["previous"].as_str() != Some(&chained) {
                return Err(bad(
                    "the line before it is another than the one that it was written after"
                        .to_owned(),
                ));
            }
            lost = parsed["lost"].as_u64().unwrap_or(0);
            previous = Sha256::digest(&bytes).into();
            lines.push(Line {
                hash: previous,
                file: at,
                line,
            });
        }
    }
    let mut signed = 0;
    for (index, note) in split(&notes).enumerate() {
        let checkpoint = index + 1;
        let (size, hash) = checker
            .check(&note)
            .ok_or(TrailError::Checkpoint { checkpoint })?;
        let of = usize::try_from(size)
            .ok()
            .and_then(|size| lines.get(size.checked_sub(1)?));
        match of {
            Some(line) if line.hash == hash => signed = signed.max(size),
            Some(line) => {
                return Err(TrailError::Line {
                    file: files[line.file].0.clone(),
                    line: line.line,
                    what: format!(
                        "checkpoint {checkpoint} was signed of another line: it, or one of those after \
                         line {signed} of the trail, was changed"
                    ),
                });
            }
            None => {
                return Err(TrailError::Line {
                    file: files[last_file].0.clone(),
                    line: lines.last().map_or(0, |line| line.line) + 1,
                    what: format!(
                        "the trail ends with line {}, and checkpoint {checkpoint} was signed of \
                         {size}: its end was cut off",
                        lines.len()
                    ),
                });
            }
        }
    }
    Ok(Verified {
        lines: lines.len() as u64,
        signed,
        lost,
    })
}

/// The notes of a file, each with the line end that it was signed with. A note that was cut is none, and
/// one more blank line stands between two of them.
fn split(notes: &str) -> impl Iterator<Item = String> {
    // A note is a text, a blank line and signatures; then comes a blank line.
    let mut parts = notes.split("\n\n").filter(|part| !part.trim().is_empty());
    std::iter::from_fn(move || {
        let text = parts.next()?;
        let signatures = parts.next().unwrap_or_default();
        Some(format!("{text}\n\n{signatures}\n"))
    })
}

/// The files of a trail, opened, the oldest first; none of them was rotated in between.
fn open(path: &Path) -> io::Result<Vec<(PathBuf, File)>> {
    let mut is_gone = false;
    for _ in 0..TRIES {
        let before = rotated(path)?;
        let mut files = Vec::new();
        for (_, path) in &before {
            files.push((path.clone(), File::open(path)?));
        }
        match File::open(path) {
            Ok(file) => files.push((path.to_owned(), file)),
            // Between a file and the next one there is none for a moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !before.is_empty() => {
                is_gone = true;
                thread::sleep(BETWEEN_TRIES);
                continue;
            }
            Err(error) => return Err(error),
        }
        if rotated(path)? == before {
            return Ok(files);
        }
    }
    Err(if is_gone {
        let what = "its last file is gone, and older ones are there";
        io::Error::new(io::ErrorKind::NotFound, what)
    } else {
        io::Error::other("it is rotated faster than it can be read")
    })
}
