//! Keys that are no secrets.

use super::error::{DEV_VARIABLE, KEY_LEN};

/// Known to everyone who can read this line: worth nothing as a secret, and never used unless
/// asked for by name.
pub(super) const DEVELOPMENT_KEY: [u8; KEY_LEN] = *b"session-auth development key 000";

/// What stands in the documentation of `Keys`: what is copied from there is a key of everybody's.
const OF_DOCUMENTATION: [u8; KEY_LEN] =
    *b"\xab\xcd\xef\x12\x34\x56\x78\x90\xab\xcd\xef\x12\x34\x56\x78\x90\
       \xab\xcd\xef\x12\x34\x56\x78\x90\xab\xcd\xef\x12\x34\x56\x78\x90";

/// Of 32 random bytes 30 differ, on average; that fewer than these do, happens never.
const MIN_DISTINCT: usize = 12;

/// Why a key is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Published,
    Weak,
}

impl Flaw {
    /// Of a key that a program has, its tests included.
    pub(super) fn of(key: &[u8; KEY_LEN]) -> Option<Self> {
        if *key == DEVELOPMENT_KEY || *key == OF_DOCUMENTATION {
            return Some(Self::Published);
        }
        // What a buffer is before anything is read into it.
        let is_blank = *key == [0; KEY_LEN] || *key == [0xff; KEY_LEN];
        is_blank.then_some(Self::Weak)
    }

    /// Of a key that somebody has configured.
    ///
    /// Of 10^13 random keys one is taken for text, by chance; by all other rules, not one of 2^80.
    pub(super) fn of_text(key: &[u8; KEY_LEN]) -> Option<Self> {
        let mut sorted = *key;
        sorted.sort_unstable();
        let distinct = 1 + sorted.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let is_weak =
            distinct < MIN_DISTINCT || is_repeated(key) || is_sequence(key) || is_text(key);
        Self::of(key).or(is_weak.then_some(Self::Weak))
    }

    /// Whether the key is refused; in development it is let through with a warning.
    pub(super) fn matters(self, development: bool) -> bool {
        if development {
            tracing::warn!(
                target: "session_auth",
                "a session key is published or can be guessed, and {DEV_VARIABLE}=true: anyone can \
                 make sessions with it. Never run a real service like this"
            );
        }
        !development
    }
}

/// The same bytes over and over.
fn is_repeated(key: &[u8; KEY_LEN]) -> bool {
    (1..=KEY_LEN / 2).any(|period| key[period..] == key[..KEY_LEN - period])
}

/// Bytes that go up or down; or that go on by the same step, one by one or each so many places further;
/// or numbers of several bytes that do, whichever comes first of their bytes.
fn is_sequence(key: &[u8; KEY_LEN]) -> bool {
    let goes_on = |apart: usize| {
        let step = |at: usize| key[at + apart].wrapping_sub(key[at]);
        (apart..KEY_LEN - apart).all(|at| step(at) == step(at - apart))
    };
    let mut back = *key;
    back.reverse();
    let counts = |key: &[u8; KEY_LEN], width: usize| {
        let number = |at: usize| {
            let bytes = &key[at..at + width];
            bytes.iter().fold(0, |all, &b| all << 8 | u64::from(b))
        };
        let step = |at: usize| number(at + width).wrapping_sub(number(at));
        let mut later = (width..KEY_LEN - width).step_by(width);
        later.all(|at| step(at) == step(0))
    };
    key.is_sorted()
        || back.is_sorted()
        || (1..=KEY_LEN / 4).any(goes_on)
        || [2, 4, 8]
            .iter()
            .any(|&it| counts(key, it) || counts(&back, it))
}

/// Text: padded with NULs as well, and of two bytes a sign.
fn is_text(key: &[u8; KEY_LEN]) -> bool {
    key.iter()
        .all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace() || *b == 0)
}
