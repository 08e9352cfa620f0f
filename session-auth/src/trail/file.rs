//! The trail in files, written by a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::note::TrailKey;
use super::{AuditEvent, AuditSink, TrailState};
use crate::clock::Timestamp;

/// How many events may wait for the disk.
const WAITING: usize = 8_192;
/// After how many lines a [`FileTrail`] signs a checkpoint; it also does so a minute after the last line.
pub const CHECKPOINT_EVERY: u64 = 100;
/// How long after the last line a checkpoint is signed.
const CHECKPOINT_AFTER: Duration = Duration::from_secs(60);
/// How large a file may become in bytes, unless the service says otherwise.
const DEFAULT_MAX_FILE: u64 = 64 * 1024 * 1024;

/// No line of a trail is as long, in bytes.
pub(super) const MAX_LINE: u64 = 1024 * 1024;

type OnCheckpoint = Box<dyn Fn(&str) + Send>;

/// Appends events to a file: see [`trail`](crate::trail). Beside `trail.jsonl` stand
/// `trail.jsonl.checkpoints`, and `trail.jsonl.1000` for what ended with line 1000.
///
/// One process writes to a path. Dropped, it writes what waits, and signs it.
pub struct FileTrail {
    events: Option<SyncSender<(Timestamp, AuditEvent)>>,
    counts: Arc<Counts>,
    settings: Arc<Mutex<Settings>>,
    thread: Option<JoinHandle<()>>,
}

struct Settings {
    max_file: u64,
    on_checkpoint: Option<OnCheckpoint>,
}

#[derive(Default)]
struct Counts {
    written: AtomicU64,
    lost: AtomicU64,
    error: Mutex<Option<String>>,
}

impl Counts {
    fn lose(&self, why: String) {
        let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
        // Each time there are twice as many: often enough to be seen, and never a flood.
        if lost.is_power_of_two() {
            tracing::error!(target: "session_auth", why, lost, "the trail has lost an event");
        }
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

/// One line.
#[derive(Serialize)]
struct Line {
    n: u64,
    at: u64,
    /// Events that were lost before this one, since the process started.
    lost: u64,
    previous: String,
    #[serde(flatten)]
    event: AuditEvent,
}

impl FileTrail {
    /// Opens a trail, or begins one. A line that a crash left half written is taken off.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, or its last line is none of a trail's.
    pub fn open(path: impl AsRef<Path>, key: TrailKey) -> io::Result<Self> {
        let (events, waiting) = sync_channel(WAITING);
        let counts = Arc::new(Counts::default());
        let settings = Arc::new(Mutex::new(Settings {
            max_file: DEFAULT_MAX_FILE,
            on_checkpoint: None,
        }));
        let writer = Writer::open(
            path.as_ref(),
            key,
            Arc::clone(&counts),
            Arc::clone(&settings),
        )?;
        let thread = thread::Builder::new()
            .name("session-auth trail".to_owned())
            .spawn(move || writer.run(&waiting))?;
        Ok(Self {
            events: Some(events),
            counts,
            settings,
            thread: Some(thread),
        })
    }

    /// Sets how large a file may become in bytes before another is begun. The default is 64 MiB.
    #[must_use]
    pub fn max_file(self, bytes: u64) -> Self {
        self.settings().max_file = bytes;
        self
    }

    /// Gives each checkpoint to this function as well, for a place where nobody can take it away who can
    /// write to the folder. It runs on the trail's thread.
    #[must_use]
    pub fn on_checkpoint(self, tell: impl Fn(&str) + Send + 'static) -> Self {
        self.settings().on_checkpoint = Some(Box::new(tell));
        self
    }

    fn settings(&self) -> std::sync::MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditSink for FileTrail {
    fn record(&self, at: Timestamp, event: AuditEvent) {
        let sent = self
            .events
            .as_ref()
            .map(|events| events.try_send((at, event)));
        if !matches!(sent, Some(Ok(()))) {
            self.counts
                .lose("events come faster than the disk takes them".to_owned());
        }
    }

    fn state(&self) -> TrailState {
        TrailState {
            written: self.counts.written.load(Ordering::Relaxed),
            lost: self.counts.lost.load(Ordering::Relaxed),
            error: self
                .counts
                .error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}

impl Drop for FileTrail {
    fn drop(&mut self) {
        drop(self.events.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for FileTrail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileTrail")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// The path of the checkpoints beside a trail.
pub(super) fn checkpoints_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".checkpoints");
    name.into()
}

/// The files of a trail that were rotated away, by the number of their last lines.
pub(super) fn rotated(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut all = Vec::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let last = entry.file_name().to_string_lossy().into_owned();
        let last = last
            .strip_prefix(&name)
            .and_then(|rest| rest.strip_prefix('.'));
        if let Some(last) = last.and_then(|last| last.parse().ok()) {
            all.push((last, entry.path()));
        }
    }
    all.sort();
    Ok(all)
}

struct Writer {
    path: PathBuf,
    key: TrailKey,
    file: File,
    /// Its length, up to the end of the last whole line.
    len: u64,
    n: u64,
    last: [u8; 32],
    signed: u64,
    counts: Arc<Counts>,
    settings: Arc<Mutex<Settings>>,
}

impl Writer {
    fn open(
        path: &Path,
        key: TrailKey,
        counts: Arc<Counts>,
        settings: Arc<Mutex<Settings>>,
    ) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let (mut len, mut last_line) = whole_lines(&mut file)?;
        file.set_len(len)?;
        if last_line.is_none()
            && let Some((_, before)) = rotated(path)?.pop()
        {
            last_line = whole_lines(&mut File::open(before)?)?.1;
            len = 0;
        }
        let (n, last) = match last_line {
            None => (0, [0; 32]),
            Some(line) => {
                let n = serde_json::from_slice::<Value>(&line)
                    .ok()
                    .and_then(|it| it["n"].as_u64());
                let why = "the last line is none of a trail's: move the file away, and keep it";
                let n = n.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, why))?;
                (n, Sha256::digest(&line).into())
            }
        };
        Ok(Self {
            path: path.to_owned(),
            key,
            file,
            len,
            n,
            last,
            signed: n,
            counts,
            settings,
        })
    }

    fn run(mut self, waiting: &Receiver<(Timestamp, AuditEvent)>) {
        loop {
            match waiting.recv_timeout(CHECKPOINT_AFTER) {
                Ok((at, event)) => match self.write(at, event) {
                    Ok(()) => {
                        self.counts.written.fetch_add(1, Ordering::Relaxed);
                        let mut error = self
                            .counts
                            .error
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner);
                        *error = None;
                    }
                    Err(error) => self.counts.lose(error.to_string()),
                },
                Err(RecvTimeoutError::Timeout) => self.sign_or_say(),
                Err(RecvTimeoutError::Disconnected) => return self.sign_or_say(),
            }
            if self.n - self.signed >= CHECKPOINT_EVERY {
                self.sign_or_say();
            }
        }
    }

    fn write(&mut self, at: Timestamp, event: AuditEvent) -> io::Result<()> {
        let max_file = self
            .settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .max_file;
        if self.len >= max_file {
            self.rotate()?;
        }
        let line = Line {
            n: self.n + 1,
            at: at.as_secs(),
            lost: self.counts.lost.load(Ordering::Relaxed),
            previous: self.last.iter().map(|byte| format!("{byte:02x}")).collect(),
            event,
        };
        let mut bytes = serde_json::to_vec(&line)?;
        let last = Sha256::digest(&bytes).into();
        bytes.push(b'\n');
        if let Err(error) = self.file.write_all(&bytes) {
            // Of a line that did not fit, nothing stays: the next one is to begin at its own place.
            let _ = self.file.set_len(self.len);
            return Err(error);
        }
        self.len += bytes.len() as u64;
        self.n += 1;
        self.last = last;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{}", self.n));
        std::fs::rename(&self.path, name)?;
        self.file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)?;
        self.len = 0;
        Ok(())
    }

    fn sign_or_say(&mut self) {
        if self.n == self.signed {
            return;
        }
        if let Err(error) = self.sign() {
            tracing::error!(target: "session_auth", %error, "a checkpoint of the trail was not written");
            let mut last = self
                .counts
                .error
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *last = Some(format!("a checkpoint was not written: {error}"));
        }
    }

    fn sign(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let note = self.key.checkpoint(self.n, &self.last);
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tell) = &settings.on_checkpoint {
            tell(&note);
        }
        drop(settings);
        let path = checkpoints_of(&self.path);
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(format!("{note}\n").as_bytes())?;
        self.signed = self.n;
        Ok(())
    }
}

/// Where the last whole line ends, and that line.
fn whole_lines(file: &mut File) -> io::Result<(u64, Option<Vec<u8>>)> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(file);
    let (mut len, mut last) = (0, None);
    loop {
        let mut line = Vec::new();
        let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if read as u64 == MAX_LINE {
            let why = "a line is longer than a trail's: move the file away, and keep it";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        if line.pop() != Some(b'\n') {
            return Ok((len, last));
        }
        len += read as u64;
        last = Some(line);
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn login() -> AuditEvent {
        let subject = "ada".to_owned();
        AuditEvent::Login { subject }
    }

    /// `/dev/full` is a disk without room.
    #[test]
    fn a_line_that_does_not_fit_leaves_the_chain_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.jsonl");
        let key = TrailKey::generate("auth.example.com").unwrap();
        let public = key.public();
        let settings = Settings {
            max_file: DEFAULT_MAX_FILE,
            on_checkpoint: None,
        };
        let settings = Arc::new(Mutex::new(settings));
        let mut writer = Writer::open(&path, key, Arc::default(), settings).unwrap();
        writer.write(Timestamp::from_secs(1), login()).unwrap();
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let room = std::mem::replace(&mut writer.file, full);
        let error = writer.write(Timestamp::from_secs(2), login()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        writer.counts.lose(error.to_string());
        writer.file = room;
        writer.write(Timestamp::from_secs(3), login()).unwrap();
        writer.sign().unwrap();
        let verified = super::super::verify(&path, &public).unwrap();
        assert_eq!((verified.lines, verified.signed, verified.lost), (2, 2, 1));
    }
}
