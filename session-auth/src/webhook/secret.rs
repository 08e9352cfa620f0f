//! Secrets: where they come from, what they must not be like, and how they change.

use std::fmt;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::{ArcSwap, Guard};
use zeroize::Zeroizing;

use super::key::{Key, KeyForm};
use super::uses::{SecretIds, SecretUses};
use super::verifier::ConfigError;

/// How often a file of secrets is looked at, at the most.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The secrets that deliveries of one sender are proved by: several at once, and others from one moment
/// to the next.
///
/// A verifier takes a text in its place. As a value of its own it can be kept beside the verifier, to
/// [rotate](Self::rotate) the secrets while the service runs; clones share them. `Debug` shows how many
/// there are, and memory is overwritten when they are dropped.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Hmac, Secrets};
///
/// let secrets = Secrets::new(["the old secret"]);
/// let github = Hmac::github(secrets.clone());
/// // The sender is given the new one; until it uses it, both are good.
/// secrets.rotate(["the new secret", "the old secret"])?;
/// assert_eq!(secrets.uses(), [0, 0]);
/// secrets.rotate(["the new secret"])?;
/// # drop(github);
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    current: ArcSwap<Set>,
    file: Option<File>,
    /// What the verifiers that use them make of them.
    forms: Mutex<Vec<KeyForm>>,
    /// Why there are none.
    fault: Option<ConfigError>,
}

/// The secrets of one moment.
#[derive(Default)]
pub(super) struct Set(Vec<Entry>);

pub(super) struct Entry {
    pub(super) raw: Zeroizing<Vec<u8>>,
    /// What it is in each form that a verifier asked for: made once, as a delivery must not wait for it.
    keys: [OnceLock<Option<Box<Key>>>; KeyForm::COUNT],
    uses: AtomicU64,
}

impl Entry {
    /// `None` for what is no key in this form: it proves nothing.
    pub(super) fn key(&self, form: KeyForm) -> Option<&Key> {
        let key = self.keys[form as usize].get_or_init(|| form.parse(&self.raw).ok().map(Box::new));
        key.as_deref()
    }

    /// Counts a delivery that it has proved.
    pub(super) fn used(&self) {
        self.uses.fetch_add(1, Ordering::Relaxed);
    }
}

struct File {
    path: PathBuf,
    /// Modified when, and of what length.
    seen: Mutex<Option<(SystemTime, u64)>>,
    looked: AtomicU64,
}

impl Set {
    fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let entry = |secret: S| Entry {
            raw: Zeroizing::new(secret.as_ref().to_vec()),
            keys: Default::default(),
            uses: AtomicU64::new(0),
        };
        Self(secrets.into_iter().map(entry).collect())
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }
}

impl Secrets {
    /// These secrets; any of them proves a delivery.
    pub fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Self {
        Self::of(Set::new(secrets), None, None)
    }

    /// The secret in this variable of the environment.
    ///
    /// Where the variable is unset or no Unicode, [`check`](super::Verifier::check) of the verifier
    /// says so, and the service does not start.
    pub fn from_env(variable: &str) -> Self {
        let fault = match std::env::var(variable) {
            Ok(value) => return Self::new([Zeroizing::new(value).as_bytes()]),
            Err(std::env::VarError::NotPresent) => "is not set: set it to the secret",
            Err(std::env::VarError::NotUnicode(_)) => "is not Unicode: set it to the secret",
        };
        let fault = ConfigError::new(format!("the variable {variable} {fault}"));
        Self::of(Set::default(), None, Some(fault))
    }

    /// The secrets in this file, one a line. The file is looked at again while the service runs, every
    /// two seconds at the most, when a delivery comes: a new one has to be moved into its place. Where
    /// it is gone, empty or cannot be read, the secrets stay as they were, and the log says so at
    /// ERROR.
    ///
    /// Where it cannot be read at first, [`check`](super::Verifier::check) of the verifier says so, and
    /// the service does not start.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let seen = stamp(&path);
        let (set, fault) = match read(&path) {
            Ok(set) => (set, None),
            Err(fault) => (Set::default(), Some(fault)),
        };
        let file = File {
            path,
            seen: Mutex::new(seen),
            looked: AtomicU64::new(millis()),
        };
        Self::of(set, Some(file), fault)
    }

    /// None, for this reason.
    pub(super) fn faulty(fault: &'static str) -> Self {
        Self::of(Set::default(), None, Some(ConfigError::new(fault)))
    }

    fn of(set: Set, file: Option<File>, fault: Option<ConfigError>) -> Self {
        Self(Arc::new(Inner {
            current: ArcSwap::from_pointee(set),
            file,
            forms: Mutex::default(),
            fault,
        }))
    }

    /// Takes these secrets from now on, in the place of all there were. The uses of those that stay
    /// are kept.
    ///
    /// # Errors
    ///
    /// Where one of them is empty, has white space around it or something in it that does not show, or
    /// is none that the sender can have;
    /// or where there is none. Then nothing changes.
    pub fn rotate<S: AsRef<[u8]>>(
        &self,
        secrets: impl IntoIterator<Item = S>,
    ) -> Result<(), ConfigError> {
        self.replace(Set::new(secrets))
    }

    fn replace(&self, set: Set) -> Result<(), ConfigError> {
        let forms = self.0.forms.lock().unwrap_or_else(PoisonError::into_inner);
        if set.0.is_empty() {
            return Err(ConfigError::new("there is no secret: give one at least"));
        }
        for (index, entry) in set.0.iter().enumerate() {
            for form in &*forms {
                if let Err(fault) = form.parse(&entry.raw) {
                    let number = index + 1;
                    return Err(ConfigError::new(format!("{fault} (number {number})")));
                }
            }
        }
        let before = self.0.current.load();
        for entry in &set.0 {
            let same = before.0.iter().find(|old| old.raw == entry.raw);
            if let Some(old) = same {
                entry
                    .uses
                    .store(old.uses.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        drop(before);
        self.0.current.store(Arc::new(set));
        Ok(())
    }

    /// How often each of them has proved a delivery since it is among them, in their order: an old one
    /// that is not used any more may go.
    #[must_use]
    pub fn uses(&self) -> Vec<u64> {
        let current = self.0.current.load();
        let uses = |entry: &Entry| entry.uses.load(Ordering::Relaxed);
        current.0.iter().map(uses).collect()
    }

    /// The same, by the ids of the secrets.
    pub(super) fn uses_by(&self, ids: &SecretIds) -> Vec<SecretUses> {
        let current = self.0.current.load();
        let uses =
            |entry: &Entry| SecretUses::new(ids.of(&entry.raw), entry.uses.load(Ordering::Relaxed));
        current.0.iter().map(uses).collect()
    }

    /// Has them checked, now and when they change, for what this scheme makes of a secret.
    pub(super) fn used_as(&self, form: KeyForm) {
        let mut forms = self.0.forms.lock().unwrap_or_else(PoisonError::into_inner);
        if !forms.contains(&form) {
            forms.push(form);
        }
    }

    pub(super) fn current(&self) -> Guard<Arc<Set>> {
        if let Some(file) = &self.0.file {
            self.look(file);
        }
        self.0.current.load()
    }

    /// Why there is none, or what is wrong with one.
    pub(super) fn check(
        &self,
        form: KeyForm,
        before: usize,
        at: &Location<'_>,
    ) -> Result<usize, ConfigError> {
        let at = || format!("given at {}:{}", at.file(), at.line());
        if let Some(fault) = &self.0.fault {
            return Err(ConfigError::new(format!("{fault} ({})", at())));
        }
        let current = self.0.current.load();
        for (index, entry) in current.0.iter().enumerate() {
            if let Err(fault) = form.parse(&entry.raw) {
                let number = before + index + 1;
                let at = at();
                return Err(ConfigError::new(format!(
                    "{fault} (number {number} of this verifier, {at})"
                )));
            }
        }
        Ok(current.0.len())
    }

    fn look(&self, file: &File) {
        let now = millis();
        let looked = file.looked.load(Ordering::Relaxed);
        let every = LOOK_EVERY.as_millis() as u64;
        if now.saturating_sub(looked) < every
            || file
                .looked
                .compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        self.look_now(file);
    }

    fn look_now(&self, file: &File) {
        let mut seen = file.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&file.path);
        if stamp == *seen {
            return;
        }
        *seen = stamp;
        match read(&file.path).and_then(|set| self.replace(set)) {
            Ok(()) => tracing::info!(
                target: "session_auth",
                path = %file.path.display(),
                "the secrets of webhooks were read anew"
            ),
            Err(error) => tracing::error!(
                target: "session_auth",
                path = %file.path.display(),
                %error,
                "the secrets of webhooks stay as they were"
            ),
        }
    }

    #[cfg(test)]
    fn look_for_tests(&self) {
        if let Some(file) = &self.0.file {
            self.look_now(file);
        }
    }
}

/// Milliseconds since the first call in this process.
fn millis() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Every line is a secret; the last one may end with the file. A file ends in a line end by custom, and
/// that one is no part of it.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.strip_suffix('\n').unwrap_or(text).split('\n')
}

fn read(path: &Path) -> Result<Set, ConfigError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| ConfigError::new(format!("the file {shown} cannot be read: {error}")))?;
    if text.trim().is_empty() {
        let empty = format!("the file {shown} is empty: write the secret into it");
        return Err(ConfigError::new(empty));
    }
    let set = Set::new(lines(&text).map(|line| line.strip_suffix('\r').unwrap_or(line)));
    Ok(set)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrets = self.0.current.load().0.len();
        f.debug_struct("Secrets")
            .field("secrets", &secrets)
            .finish_non_exhaustive()
    }
}

/// What a verifier takes as its secrets: a text, bytes, or [`Secrets`] that are kept beside it.
pub trait IntoSecrets: sealed::Sealed {
    #[doc(hidden)]
    fn into_secrets(self) -> Secrets;
}

mod sealed {
    pub trait Sealed {}
    impl<T: AsRef<[u8]>> Sealed for T {}
    impl Sealed for super::Secrets {}
}

impl<T: AsRef<[u8]>> IntoSecrets for T {
    fn into_secrets(self) -> Secrets {
        Secrets::new([self])
    }
}

impl IntoSecrets for Secrets {
    fn into_secrets(self) -> Secrets {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: KeyForm = KeyForm::Text;

    #[test]
    fn what_is_rotated_counts_on_and_a_bad_secret_changes_nothing() {
        let secrets = Secrets::new(["old"]);
        secrets.used_as(FORM);
        secrets.current().entries()[0].used();
        secrets.rotate(["new", "old"]).expect("two secrets");
        assert_eq!(secrets.uses(), [0, 1]);
        secrets.current().entries()[0].used();
        for bad in [&["x", "s3cret\n"][..], &[""], &[]] {
            let error = secrets.rotate(bad).expect_err("a bad secret");
            assert!(!error.to_string().contains("s3cret"), "{error}");
            assert_eq!(secrets.uses(), [1, 1]);
        }
        assert!(
            secrets
                .rotate(["x", "s3cret "])
                .expect_err("bad")
                .to_string()
                .contains("number 2")
        );
        assert_eq!(format!("{secrets:?}"), "Secrets { secrets: 2, .. }");
    }

    #[test]
    fn a_file_is_read_anew_and_one_that_is_gone_changes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("secret");
        let missing = Secrets::from_file(&path)
            .check(FORM, 0, Location::caller())
            .expect_err("no file");
        assert!(missing.to_string().contains("secret.rs:"), "{missing}");

        std::fs::write(&path, "first\n").expect("written");
        let secrets = Secrets::from_file(&path);
        secrets.used_as(FORM);
        let now = |secrets: &Secrets| {
            secrets.look_for_tests();
            let set = secrets.current();
            let texts = set
                .entries()
                .iter()
                .map(|it| String::from_utf8_lossy(&it.raw).into_owned());
            texts.collect::<Vec<_>>()
        };
        assert_eq!(now(&secrets), ["first"]);
        std::fs::write(&path, "the second\nfirst\n").expect("written");
        assert_eq!(now(&secrets), ["the second", "first"]);
        for bad in ["", " \n", "a\n\nb\n", "trailing \n"] {
            std::fs::write(&path, bad).expect("written");
            assert_eq!(now(&secrets), ["the second", "first"], "{bad:?}");
        }
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(now(&secrets), ["the second", "first"]);
        std::fs::write(&path, "third").expect("written");
        assert_eq!(now(&secrets), ["third"]);
    }

    #[test]
    fn a_bad_secret_is_numbered_among_all_of_its_verifier() {
        let secrets = Secrets::new(["good", " bad"]);
        let error = secrets.check(FORM, 3, Location::caller()).expect_err("bad");
        assert!(error.to_string().contains("number 5 of"), "{error}");
        let good = Secrets::new(["good", "fine"]);
        assert_eq!(good.check(FORM, 3, Location::caller()), Ok(2));
    }

    #[test]
    fn a_file_is_looked_at_every_two_seconds_at_the_most() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("secret");
        std::fs::write(&path, "first").expect("written");
        let secrets = Secrets::from_file(&path);
        let count = || secrets.current().entries().len();
        std::fs::write(&path, "first\nsecond").expect("written");
        assert_eq!(count(), 1, "it was looked at just now");
        std::thread::sleep(LOOK_EVERY + Duration::from_millis(50));
        assert_eq!(count(), 2);
        std::fs::write(&path, "first").expect("written");
        assert_eq!(count(), 2, "it was looked at just now");
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let unset = Secrets::from_env("SESSION_AUTH_TEST_NO_SUCH_VARIABLE");
        let error = unset
            .check(FORM, 0, Location::caller())
            .expect_err("unset")
            .to_string();
        assert!(
            error.contains("SESSION_AUTH_TEST_NO_SUCH_VARIABLE is not set"),
            "{error}"
        );
    }
}
