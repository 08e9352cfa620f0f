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
    pub(super) fn of_text(key: &[u8; KEY_LEN]) -> Option<Self> {
        let mut sorted = *key;
        sorted.sort_unstable();
        let distinct = 1 + sorted.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let step = key[1].wrapping_sub(key[0]);
        let is_sequence = key
            .windows(2)
            .all(|pair| pair[1].wrapping_sub(pair[0]) == step);
        let is_text = key
            .iter()
            .all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
        let is_weak = distinct < MIN_DISTINCT || is_sequence || is_text;
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
