//! The ring of keys that sign and verify sessions.

use std::env::VarError;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

/// The variable that [`Keys::from_env`] reads.
const KEYS_VARIABLE: &str = "SESSION_AUTH_KEYS";
/// The variable that allows the development key.
const DEV_VARIABLE: &str = "SESSION_AUTH_DEV";
/// The length of a key in bytes, before base64.
pub(crate) const KEY_LEN: usize = 32;
/// The length of a key's id in a token.
pub(crate) const KEY_ID_LEN: usize = 4;

/// Known to everyone who can read this line: worth nothing as a secret, and never used unless
/// asked for by name.
const DEVELOPMENT_KEY: [u8; KEY_LEN] = *b"session-auth development key 000";

/// Standard alphabet, with or without `=`: both are what key generators print.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys that sign and verify sessions: the first signs, all verify.
///
/// A key is 32 random bytes. Each use of a key has its own sub-key (HKDF-Expand of RFC 5869 with
/// SHA-256), so that no two uses ever share one. A token names its key by an id that is derived in
/// the same way and says nothing about the key. Only derived keys are kept; they are wiped from
/// memory when dropped, and `Debug` shows ids alone.
///
/// Make a key with `openssl rand -base64 32`.
///
/// ```
/// use session_auth::Keys;
///
/// let keys = Keys::parse(
///     "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=,\
///      AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
/// )?;
/// assert_eq!(keys.len(), 2);
/// assert!(Keys::parse("c2hvcnQ=").is_err_and(|error| error.is_length()));
/// # Ok::<_, session_auth::KeysError>(())
/// ```
#[derive(Clone)]
pub struct Keys {
    ring: Arc<[Key]>,
}

/// One key, in the form in which it is used.
pub(crate) struct Key {
    pub(crate) id: [u8; KEY_ID_LEN],
    /// Keyed once: a token costs a copy of this state, not the two blocks that make it.
    token_mac: Hmac<Sha256>,
}

impl Key {
    fn new(mut secret: [u8; KEY_LEN]) -> Self {
        let mut token_key = derive(&secret, b"session-auth v1 token");
        let id = derive(&secret, b"session-auth v1 key id");
        secret.zeroize();
        let key = Self {
            id: [id[0], id[1], id[2], id[3]],
            token_mac: keyed(&token_key),
        };
        token_key.zeroize();
        key
    }

    /// The state to authenticate a token with.
    pub(crate) fn token_mac(&self) -> Hmac<Sha256> {
        self.token_mac.clone()
    }
}

/// HKDF-Expand (RFC 5869, section 2.3) for one block of output: `HMAC(key, info || 0x01)`. The
/// input is a uniformly random key, so the extract step is not needed (section 3.3).
fn derive(secret: &[u8; KEY_LEN], info: &[u8]) -> [u8; KEY_LEN] {
    keyed(secret)
        .chain_update(info)
        .chain_update([1])
        .finalize()
        .into_bytes()
        .into()
}

fn keyed(key: &[u8; KEY_LEN]) -> Hmac<Sha256> {
    // A fixed-size key, no longer than the block: every length is valid for HMAC all the same.
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl Keys {
    /// Reads `SESSION_AUTH_KEYS`: base64 of exactly 32 bytes each, separated by commas, the one
    /// that signs first.
    ///
    /// Where that variable is unset **and** `SESSION_AUTH_DEV` is `true`, a fixed development key
    /// is used, with a warning in the log: anyone can forge sessions that it signed.
    ///
    /// # Errors
    ///
    /// The variable is unset or empty ([`KeysError::is_missing`]), a key is not base64
    /// ([`KeysError::is_malformed`]), is not of 32 bytes ([`KeysError::is_length`]) or stands twice
    /// ([`KeysError::is_duplicate`]).
    pub fn from_env() -> Result<Self, KeysError> {
        Self::from_variables(std::env::var(KEYS_VARIABLE), std::env::var(DEV_VARIABLE))
    }

    fn from_variables(
        keys: Result<String, VarError>,
        dev: Result<String, VarError>,
    ) -> Result<Self, KeysError> {
        match (keys, dev) {
            (Ok(text), _) => Self::parse(&Zeroizing::new(text)),
            (Err(VarError::NotUnicode(_)), _) => Err(KeysError(Kind::Malformed { position: 1 })),
            (Err(VarError::NotPresent), Ok(dev)) if dev == "true" => {
                tracing::warn!(
                    target: "session_auth",
                    "{KEYS_VARIABLE} is unset and {DEV_VARIABLE}=true: sessions are signed with the \
                     development key, which everyone knows. Never run a real service like this."
                );
                Self::new([DEVELOPMENT_KEY])
            }
            (Err(VarError::NotPresent), Err(VarError::NotPresent)) => {
                Err(KeysError(Kind::Missing { dev: None }))
            }
            (Err(VarError::NotPresent), Ok(dev)) => {
                Err(KeysError(Kind::Missing { dev: Some(dev) }))
            }
            (Err(VarError::NotPresent), Err(VarError::NotUnicode(dev))) => {
                Err(KeysError(Kind::Missing {
                    dev: Some(dev.to_string_lossy().into_owned()),
                }))
            }
        }
    }

    /// Reads keys from text in the form of `SESSION_AUTH_KEYS`. White space around a key is
    /// allowed.
    ///
    /// # Errors
    ///
    /// As [`Keys::from_env`].
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        if text.trim().is_empty() {
            return Err(KeysError(Kind::Missing { dev: None }));
        }
        let mut keys = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let position = index + 1;
            let bytes = Zeroizing::new(
                BASE64
                    .decode(entry.trim())
                    .map_err(|_| KeysError(Kind::Malformed { position }))?,
            );
            if bytes.is_empty() {
                return Err(KeysError(Kind::Malformed { position }));
            }
            let key: [u8; KEY_LEN] = bytes.as_slice().try_into().map_err(|_| {
                KeysError(Kind::Length {
                    position,
                    found: bytes.len(),
                })
            })?;
            keys.push(key);
        }
        Self::new(keys)
    }

    /// A ring of these keys, the one that signs first.
    ///
    /// # Errors
    ///
    /// There is no key, or one stands twice.
    pub fn new(keys: impl IntoIterator<Item = [u8; KEY_LEN]>) -> Result<Self, KeysError> {
        let ring: Vec<Key> = keys.into_iter().map(Key::new).collect();
        if ring.is_empty() {
            return Err(KeysError(Kind::Missing { dev: None }));
        }
        for (second, key) in ring.iter().enumerate() {
            if let Some(first) = ring[..second]
                .iter()
                .position(|earlier| earlier.id == key.id)
            {
                return Err(KeysError(Kind::Duplicate {
                    first: first + 1,
                    second: second + 1,
                }));
            }
        }
        Ok(Self { ring: ring.into() })
    }

    /// A ring of one random key. Sessions end when the process does: for tests.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness to give.
    pub fn random() -> Result<Self, KeysError> {
        let mut key = [0; KEY_LEN];
        getrandom::fill(&mut key).map_err(|error| KeysError(Kind::Random(error)))?;
        Self::new([key])
    }

    /// The number of keys.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a ring has at least one key")]
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// The key that signs.
    pub(crate) fn signing(&self) -> &Key {
        &self.ring[0]
    }

    /// The key of this id. Ids are public, so the search need not be constant in time.
    pub(crate) fn find(&self, id: [u8; KEY_ID_LEN]) -> Option<&Key> {
        self.ring.iter().find(|key| key.id == id)
    }
}

/// Ids alone.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Id([u8; KEY_ID_LEN]);
        impl fmt::Debug for Id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:08x}", u32::from_be_bytes(self.0))
            }
        }
        f.write_str("Keys")?;
        f.debug_list()
            .entries(self.ring.iter().map(|key| Id(key.id)))
            .finish()
    }
}

/// Why there are no keys. Says which one is wrong, by its position; never what it is.
pub struct KeysError(Kind);

enum Kind {
    Missing { dev: Option<String> },
    Malformed { position: usize },
    Length { position: usize, found: usize },
    Duplicate { first: usize, second: usize },
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

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const TWO: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";

    fn unset() -> Result<String, VarError> {
        Err(VarError::NotPresent)
    }

    #[test]
    fn each_mistake_is_its_own_error_and_says_where_it_is() {
        let thirty_one = BASE64.encode([7; 31]);
        let thirty_three = BASE64.encode([7; 33]);
        let table = [
            ("empty", String::new(), "no session key"),
            ("blank", "  ".into(), "no session key"),
            (
                "not base64",
                "not base64!".into(),
                "session key 1 is not base64",
            ),
            (
                "second is not base64",
                format!("{ONE},%%%"),
                "session key 2 is not base64",
            ),
            (
                "comma at the end",
                format!("{ONE},"),
                "session key 2 is not base64",
            ),
            (
                "31 bytes",
                thirty_one,
                "session key 1 has 31 bytes instead of 32",
            ),
            (
                "33 bytes",
                format!("{ONE},{thirty_three}"),
                "session key 2 has 33 bytes",
            ),
            (
                "twice",
                format!("{ONE},{TWO},{ONE}"),
                "session keys 1 and 3 are the same",
            ),
        ];
        for (name, text, expected) in table {
            let error = Keys::parse(&text).expect_err(name).to_string();
            assert!(error.starts_with(expected), "{name}: {error}");
            assert!(!error.contains("AAECAw"), "{name}: the key is in the error");
        }
    }

    #[test]
    fn errors_answer_questions() {
        assert!(Keys::parse("").expect_err("empty").is_missing());
        assert!(Keys::parse("?").expect_err("malformed").is_malformed());
        assert!(Keys::parse("AAAA").expect_err("short").is_length());
        assert!(
            Keys::parse(&format!("{ONE},{ONE}"))
                .expect_err("twice")
                .is_duplicate()
        );
    }

    #[test]
    fn padding_and_white_space_do_not_matter() {
        let keys = Keys::parse(&format!(" {} ,\n{TWO}", ONE.trim_end_matches('='))).expect("valid");
        assert_eq!(keys.len(), 2);
    }

    #[test]
    fn the_development_key_needs_both_conditions() {
        let dev = |value: &str| Ok(value.to_owned());
        assert!(Keys::from_variables(unset(), dev("true")).is_ok());

        let nothing = Keys::from_variables(unset(), unset()).expect_err("no key");
        assert!(nothing.is_missing());
        for value in ["1", "yes", "TRUE", ""] {
            let error = Keys::from_variables(unset(), dev(value)).expect_err("not `true`");
            assert!(error.is_missing());
            assert!(error.to_string().contains("only `true` allows"), "{error}");
        }
        // A key that is set and wrong is never replaced by the development key.
        let wrong = Keys::from_variables(Ok("?".into()), dev("true")).expect_err("malformed");
        assert!(wrong.is_malformed());
        let empty = Keys::from_variables(Ok(String::new()), dev("true")).expect_err("empty");
        assert!(empty.is_missing());
    }

    #[test]
    fn the_first_key_signs() {
        let keys = Keys::parse(&format!("{TWO},{ONE}")).expect("valid");
        let alone = Keys::parse(TWO).expect("valid");
        assert_eq!(keys.signing().id, alone.signing().id);
        assert!(
            keys.find(Keys::parse(ONE).expect("valid").signing().id)
                .is_some()
        );
        assert!(
            alone
                .find(Keys::parse(ONE).expect("valid").signing().id)
                .is_none()
        );
    }

    #[test]
    fn debug_shows_ids_alone() {
        let keys = Keys::new([[0x41; KEY_LEN]]).expect("valid");
        let debug = format!("{keys:?}");
        assert!(debug.len() == "Keys[00000000]".len(), "{debug}");
        assert!(!debug.contains("4141"), "{debug}");
    }
}
