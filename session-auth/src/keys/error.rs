//! Why there are no keys.

use std::fmt;

/// The variable that allows the development key.
pub(super) const DEV_VARIABLE: &str = "SESSION_AUTH_DEV";

/// The length of a key in bytes, before base64.
pub(crate) const KEY_LEN: usize = 32;

/// The length of a key's id in a token.
pub(crate) const KEY_ID_LEN: usize = 4;

/// The variable that [`Keys::from_env`] reads.
pub(super) const KEYS_VARIABLE: &str = "SESSION_AUTH_KEYS";

/// Why there are no keys. Says which one is wrong, by its position; never what it is.
pub struct KeysError(pub(super) Kind);

pub(super) enum Kind {
    Missing { dev: Option<String> },
    Malformed { position: usize },
    Length { position: usize, found: usize },
    Duplicate { first: usize, second: usize },
    Published { position: usize },
    Weak { position: usize },
    Random(getrandom::Error),
}

impl KeysError {
    /// There is no key at all.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.0, Kind::Missing { .. })
    }

    /// A key is not base64.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        matches!(self.0, Kind::Malformed { .. })
    }

    /// A key is not of 32 bytes.
    #[must_use]
    pub fn is_length(&self) -> bool {
        matches!(self.0, Kind::Length { .. })
    }

    /// A key stands in this library's documentation or is its development key, so everyone has it.
    #[must_use]
    pub fn is_published(&self) -> bool {
        matches!(self.0, Kind::Published { .. })
    }

    /// A key is all zeros, or otherwise not random.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        matches!(self.0, Kind::Weak { .. })
    }

    /// A key stands twice.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        matches!(self.0, Kind::Duplicate { .. })
    }
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Missing { dev } => {
                write!(
                    f,
                    "no session key: set {KEYS_VARIABLE} to a key made with `openssl rand -base64 32`"
                )?;
                match dev {
                    Some(value) => write!(
                        f,
                        " ({DEV_VARIABLE} is {value:?}; only `true` allows the development key, and \
                         only where {KEYS_VARIABLE} is unset)"
                    ),
                    None => write!(
                        f,
                        ", or {DEV_VARIABLE}=true to use the development key on your own machine"
                    ),
                }
            }
            Kind::Malformed { position } => write!(
                f,
                "session key {position} is not base64: {KEYS_VARIABLE} takes keys made with \
                 `openssl rand -base64 32`, separated by commas"
            ),
            Kind::Length { position, found } => write!(
                f,
                "session key {position} has {found} bytes instead of {KEY_LEN}: make one with \
                 `openssl rand -base64 32`"
            ),
            Kind::Duplicate { first, second } => write!(
                f,
                "session keys {first} and {second} are the same: remove one from {KEYS_VARIABLE}"
            ),
            Kind::Published { position } => write!(
                f,
                "session key {position} is published, so anyone can make sessions with it: make one \
                 with `openssl rand -base64 32`, or set {DEV_VARIABLE}=true on your own machine"
            ),
            Kind::Weak { position } => write!(
                f,
                "session key {position} is not random (zeros, the same bytes over and over, a \
                 sequence, or text), so it can be guessed: make one with `openssl rand -base64 32`, or set \
                 {DEV_VARIABLE}=true on your own machine"
            ),
            Kind::Random(error) => {
                write!(
                    f,
                    "the operating system gave no randomness for a key: {error}"
                )
            }
        }
    }
}

/// The message: it is what `fn main() -> Result<..>` prints of an error.
impl fmt::Debug for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for KeysError {}
