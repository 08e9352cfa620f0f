//! The ring of keys that sign and verify sessions.

mod error;
mod flaw;

use std::env::VarError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

pub use self::error::KeysError;
use self::error::{DEV_VARIABLE, KEYS_VARIABLE, Kind};
pub(crate) use self::error::{KEY_ID_LEN, KEY_LEN};
use self::flaw::{DEVELOPMENT_KEY, Flaw};
use crate::per_thread;
use crate::probe::ProbeKey;
#[cfg(any(feature = "listing", feature = "metrics"))]
use crate::webhook::SecretIds;

/// Standard alphabet, with or without `=`: both are what key generators print.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys that sign and verify sessions: the first signs, all verify.
///
/// A key is 32 random bytes. Each use of a key has its own sub-key (HKDF-Expand of RFC 5869 with
/// SHA-256), so that no two uses ever share one; so has each
/// [audience](crate::SessionAuthLayerBuilder::audience), so that two layers with the same keys do not
/// take each other's sessions. A token names its key by an id that is derived in
/// the same way and says nothing about the key. Only derived keys are kept; they are wiped from
/// memory when dropped, and `Debug` shows ids alone.
///
/// Make a key with `openssl rand -base64 32`.
///
/// ```
/// use session_auth::Keys;
///
/// let keys = Keys::new([[1; 32], [2; 32]])?; // a test's; a service has `Keys::from_env`
/// assert_eq!(keys.len(), 2);
/// assert!(Keys::parse("c2hvcnQ=").is_err_and(|error| error.is_length()));
/// // Whoever reads this page has this key, too.
/// let published = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
/// assert!(Keys::parse(published).is_err_and(|error| error.is_published()));
/// # Ok::<_, session_auth::KeysError>(())
/// ```
///
/// Outside of development, which is where `SESSION_AUTH_DEV` is `true`, a key that is published (the
/// development key, those of this documentation) is refused, and so is one that is all zeros; in text,
/// also one that cannot be random: the same bytes over and over, a sequence, or words.
///
/// # Rotation
///
/// Clones share one ring, so a clone kept from before [`SessionAuthLayer::builder`] turns it while
/// the service runs: [`Keys::rotate`]. Nobody is logged out: sessions signed by any key of the ring
/// are good, and one that is signed by an older key gets a cookie signed by the first as soon as it
/// is used. [`Keys::uses`] says which keys are still in use.
///
/// With several machines, a key has to be known everywhere before any of them signs with it:
///
/// 1. `old,new` everywhere: the new key verifies, and signs nothing yet.
/// 2. `new,old` everywhere: the new key signs.
/// 3. `new` everywhere, once the old key's uses stand still, or after the absolute timeout.
///
/// [`SessionAuthLayer::builder`]: crate::SessionAuthLayer::builder
#[derive(Clone)]
pub struct Keys {
    // Read by every request that carries a session, and hardly ever written.
    ring: Arc<ArcSwap<Ring>>,
}

/// The keys as one layer uses them: for tokens of its audience.
#[derive(Clone)]
pub(crate) struct TokenKeys {
    keys: Keys,
    /// Its place in [`Ring::audiences`], which only grows.
    audience: usize,
}

/// The keys at one time: one at least, the first signs.
struct Ring {
    keys: Vec<Arc<Key>>,
    audiences: Vec<Box<str>>,
    /// For each audience, a state for each key. Keyed once: a token costs a copy of it, not the two
    /// blocks that make it.
    macs: Vec<Vec<Hmac<Sha256>>>,
}

/// The ring as one request sees it.
pub(crate) struct TokenRing {
    ring: Guard<Arc<Ring>>,
    audience: usize,
}

/// One key, for one audience.
#[derive(Clone, Copy)]
pub(crate) struct TokenKey<'a> {
    key: &'a Key,
    mac: &'a Hmac<Sha256>,
}

/// One key, in the form in which it is used.
pub(crate) struct Key {
    pub(crate) id: [u8; KEY_ID_LEN],
    /// What the keys for each audience are derived from.
    token_key: Zeroizing<[u8; KEY_LEN]>,
    #[cfg(feature = "encrypt")]
    pub(crate) claims_key: Zeroizing<[u8; KEY_LEN]>,
    probe_key: Zeroizing<[u8; KEY_LEN]>,
    /// What secrets of webhooks are named by.
    #[cfg(any(feature = "listing", feature = "metrics"))]
    secret_ids: Zeroizing<[u8; KEY_LEN]>,
    signed: AtomicU64,
    verified: per_thread::Count,
}

impl Key {
    fn new(mut secret: [u8; KEY_LEN]) -> Self {
        let id = derive(&secret, b"session-auth v1 key id");
        let key = Self {
            id: [id[0], id[1], id[2], id[3]],
            token_key: Zeroizing::new(derive(&secret, b"session-auth v1 token")),
            #[cfg(feature = "encrypt")]
            claims_key: Zeroizing::new(derive(&secret, b"session-auth v1 claims")),
            probe_key: Zeroizing::new(derive(&secret, b"session-auth v1 probe")),
            #[cfg(any(feature = "listing", feature = "metrics"))]
            secret_ids: Zeroizing::new(derive(&secret, b"session-auth v1 secret ids")),
            signed: AtomicU64::new(0),
            verified: per_thread::Count::default(),
        };
        secret.zeroize();
        key
    }

    /// Keyed for one audience.
    fn token_mac(&self, audience: &str) -> Hmac<Sha256> {
        keyed(&Zeroizing::new(derive(
            &self.token_key,
            audience.as_bytes(),
        )))
    }
}

impl Ring {
    fn new(keys: Vec<Arc<Key>>, audiences: Vec<Box<str>>) -> Self {
        let macs = audiences
            .iter()
            .map(|audience| keys.iter().map(|key| key.token_mac(audience)).collect())
            .collect();
        Self {
            keys,
            audiences,
            macs,
        }
    }
}

impl TokenRing {
    fn key(&self, position: usize) -> TokenKey<'_> {
        TokenKey {
            key: &self.ring.keys[position],
            mac: &self.ring.macs[self.audience][position],
        }
    }

    /// The key that signs.
    pub(crate) fn signing(&self) -> TokenKey<'_> {
        self.key(0)
    }

    /// The key of this id. Ids are public, so the search need not be constant in time.
    pub(crate) fn find(&self, id: [u8; KEY_ID_LEN]) -> Option<TokenKey<'_>> {
        let position = self.ring.keys.iter().position(|key| key.id == id)?;
        Some(self.key(position))
    }
}

impl TokenKey<'_> {
    /// The state to authenticate a token with.
    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        self.mac.clone()
    }

    pub(crate) fn count_signed(&self) {
        self.key.signed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_verified(&self) {
        self.key.verified.add_one();
    }
}

impl std::ops::Deref for TokenKey<'_> {
    type Target = Key;

    fn deref(&self) -> &Key {
        self.key
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

/// What `SESSION_AUTH_DEV` says.
fn is_development(dev: Result<String, VarError>) -> bool {
    dev.is_ok_and(|dev| dev == "true")
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
    /// ([`KeysError::is_malformed`]), is not of 32 bytes ([`KeysError::is_length`]), stands twice
    /// ([`KeysError::is_duplicate`]), or is known to others or no secret, outside of development
    /// ([`KeysError::is_published`], [`KeysError::is_weak`]).
    pub fn from_env() -> Result<Self, KeysError> {
        Self::from_variables(std::env::var(KEYS_VARIABLE), std::env::var(DEV_VARIABLE))
    }

    fn from_variables(
        keys: Result<String, VarError>,
        dev: Result<String, VarError>,
    ) -> Result<Self, KeysError> {
        match (keys, dev) {
            (Ok(text), dev) => Self::parse_for(&Zeroizing::new(text), is_development(dev)),
            (Err(VarError::NotUnicode(_)), _) => Err(KeysError(Kind::Malformed { position: 1 })),
            (Err(VarError::NotPresent), Ok(dev)) if dev == "true" => {
                tracing::warn!(
                    target: "session_auth",
                    "{KEYS_VARIABLE} is unset and {DEV_VARIABLE}=true: sessions are signed with the \
                     development key, which everyone knows. Never run a real service like this."
                );
                Self::ring_of([DEVELOPMENT_KEY], |_| None)
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
        Self::parse_for(text, is_development(std::env::var(DEV_VARIABLE)))
    }

    fn parse_for(text: &str, development: bool) -> Result<Self, KeysError> {
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
        Self::ring_of(keys, |key| {
            Flaw::of_text(key).filter(|flaw| flaw.matters(development))
        })
    }

    /// A ring of these keys, the one that signs first.
    ///
    /// # Errors
    ///
    /// There is no key, one stands twice, or, outside of development, one is published or all zeros.
    pub fn new(keys: impl IntoIterator<Item = [u8; KEY_LEN]>) -> Result<Self, KeysError> {
        let development = || is_development(std::env::var(DEV_VARIABLE));
        Self::ring_of(keys, |key| {
            Flaw::of(key).filter(|flaw| flaw.matters(development()))
        })
    }

    fn ring_of(
        keys: impl IntoIterator<Item = [u8; KEY_LEN]>,
        flaw: impl Fn(&[u8; KEY_LEN]) -> Option<Flaw>,
    ) -> Result<Self, KeysError> {
        let mut ring: Vec<Arc<Key>> = Vec::new();
        for key in keys {
            let position = ring.len() + 1;
            match flaw(&key) {
                None => ring.push(Arc::new(Key::new(key))),
                Some(Flaw::Published) => return Err(KeysError(Kind::Published { position })),
                Some(Flaw::Weak) => return Err(KeysError(Kind::Weak { position })),
            }
        }
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
        Ok(Self {
            ring: Arc::new(ArcSwap::from_pointee(Ring::new(ring, Vec::new()))),
        })
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

    /// Replaces the ring by another, at once and for all clones: the first key signs from now on,
    /// and a key that is not in the new ring verifies nothing any more. Counts of keys that stay
    /// are kept.
    ///
    /// ```
    /// use session_auth::{Keys, SessionAuthLayer};
    ///
    /// # let old = [1; 32]; let new = [2; 32];
    /// let keys = Keys::new([old])?;
    /// let auth = SessionAuthLayer::builder(keys.clone()).build()?;
    /// // Later, while `auth` serves requests:
    /// keys.rotate(&Keys::new([new, old])?);
    /// assert_eq!(keys.len(), 2);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn rotate(&self, to: &Self) {
        let next = to.ring.load();
        // Read, copy, update: of two rotations at a time none may lose a count.
        self.ring.rcu(|now| {
            let keys = next.keys.iter().map(|key| {
                let kept = now.keys.iter().find(|old| old.id == key.id);
                Arc::clone(kept.unwrap_or(key))
            });
            Ring::new(keys.collect(), now.audiences.clone())
        });
        tracing::info!(target: "session_auth", keys = ?self, "session keys rotated");
    }

    /// How much each key was used since the program started, the one that signs first.
    #[must_use]
    pub fn uses(&self) -> Vec<KeyUses> {
        let ring = self.ring.load();
        ring.keys
            .iter()
            .enumerate()
            .map(|(position, key)| KeyUses {
                key: format!("{:08x}", u32::from_be_bytes(key.id)),
                signs: position == 0,
                signed: key.signed.load(Ordering::Relaxed),
                verified: key.verified.all(),
            })
            .collect()
    }

    /// The key for probes of a running service, from the key that signs: see [`probe`](crate::probe). No session can
    /// be signed with it, and no other key be derived from it.
    #[must_use]
    pub fn probe_key(&self) -> ProbeKey {
        let key = &self.ring.load().keys[0];
        ProbeKey::new(key.id, key.probe_key.clone())
    }

    /// That of the key of this id.
    pub(crate) fn probe_key_of(&self, id: [u8; KEY_ID_LEN]) -> Option<ProbeKey> {
        let ring = self.ring.load();
        let key = ring.keys.iter().find(|key| key.id == id)?;
        Some(ProbeKey::new(key.id, key.probe_key.clone()))
    }

    /// The number of keys.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a ring has at least one key")]
    pub fn len(&self) -> usize {
        self.ring.load().keys.len()
    }

    /// The keys for tokens of this audience.
    pub(crate) fn for_audience(&self, audience: &str) -> TokenKeys {
        // Read, copy, update, as for a rotation at the same time.
        self.ring.rcu(|now| {
            let mut audiences = now.audiences.clone();
            if !audiences.iter().any(|known| **known == *audience) {
                audiences.push(audience.into());
            }
            Ring::new(now.keys.clone(), audiences)
        });
        let ring = self.ring.load();
        let position = ring.audiences.iter().position(|it| **it == *audience);
        TokenKeys {
            keys: self.clone(),
            audience: position.expect("it was just added, and none is ever removed"),
        }
    }
}

impl TokenKeys {
    /// What gives secrets of webhooks their ids.
    #[cfg(any(feature = "listing", feature = "metrics"))]
    pub(crate) fn secret_ids(&self) -> SecretIds {
        SecretIds::new(self.keys.ring.load().keys[0].secret_ids.clone())
    }

    pub(crate) fn uses(&self) -> Vec<KeyUses> {
        self.keys.uses()
    }

    /// The keys as they are now: one request sees one ring.
    pub(crate) fn ring(&self) -> TokenRing {
        TokenRing {
            ring: self.keys.ring.load(),
            audience: self.audience,
        }
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys.fmt(f)
    }
}

/// How much a key was used, from [`Keys::uses`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyUses {
    /// The id that tokens name the key by, in hexadecimal: what `Debug` of [`Keys`] shows.
    pub key: String,
    /// Whether it signs new sessions.
    pub signs: bool,
    /// Cookies that it signed: sessions issued, and cookies written anew.
    pub signed: u64,
    /// Cookies that it verified. Where this stands still for as long as a session can last, the
    /// key may go.
    pub verified: u64,
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
            .entries(self.ring.load().keys.iter().map(|key| Id(key.id)))
            .finish()
    }
}

#[cfg(test)]
mod tests;
