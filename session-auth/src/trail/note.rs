//! Signed notes, by <https://c2sp.org/signed-note>: what Go's checksum database and Sigstore sign their
//! checkpoints with, Ed25519 alone.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

/// The type of an Ed25519 key in its text.
const ED25519_KEY: u8 = 1;
const PRIVATE: &str = "PRIVATE+KEY+";
/// What begins a line with a signature: an em dash and a blank.
const SIGNATURE: &str = "\u{2014} ";

/// The key that signs checkpoints. `Debug` shows its name alone.
pub struct TrailKey {
    name: String,
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

/// A text that is no key, and why.
#[derive(Debug)]
pub struct InvalidKey(&'static str);

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is no key of a trail: {}", self.0)
    }
}

impl std::error::Error for InvalidKey {}

impl fmt::Debug for TrailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrailKey")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn check_name(name: &str) -> Result<(), InvalidKey> {
    if name.is_empty()
        || name.contains(|it: char| it == '+' || it.is_whitespace() || it.is_control())
    {
        return Err(InvalidKey(
            "its name is empty, or has a blank or `+` in it: take the service's domain",
        ));
    }
    Ok(())
}

fn hash_of(name: &str, public: &[u8]) -> [u8; 4] {
    let digest = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', ED25519_KEY])
        .chain_update(public)
        .finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl TrailKey {
    /// A new key under this name, the service's domain say.
    ///
    /// # Errors
    ///
    /// The name is empty, or has white space or `+` in it; or the operating system has no randomness.
    pub fn generate(name: impl Into<String>) -> Result<Self, InvalidKey> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed)
            .map_err(|_| InvalidKey("there is no randomness to make it of"))?;
        Self::of(name.into(), seed)
    }

    /// Reads what [`private`](Self::private) wrote, or Go's `note.GenerateKey`.
    ///
    /// # Errors
    ///
    /// It is not of that form, or its parts do not belong together.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let rest = text.trim().strip_prefix(PRIVATE);
        let rest = rest.ok_or(InvalidKey("it does not begin with `PRIVATE+KEY+`"))?;
        let (name, hash, mut key) = parts(rest)?;
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&key);
        key.zeroize();
        let this = Self::of(name.to_owned(), seed)?;
        if hash != hex(&hash_of(&this.name, this.pair.public_key().as_ref())) {
            return Err(InvalidKey("its hash is another key's"));
        }
        Ok(this)
    }

    fn of(name: String, seed: Zeroizing<[u8; 32]>) -> Result<Self, InvalidKey> {
        check_name(&name)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed)
            .map_err(|_| InvalidKey("it is no seed of Ed25519"))?;
        Ok(Self { name, seed, pair })
    }

    /// The key as text: a secret.
    #[must_use]
    pub fn private(&self) -> String {
        let mut key = Zeroizing::new(vec![ED25519_KEY]);
        key.extend_from_slice(&*self.seed);
        let hash = hex(&hash_of(&self.name, self.pair.public_key().as_ref()));
        format!("{PRIVATE}{}+{hash}+{}", self.name, STANDARD.encode(&*key))
    }

    /// What verifies its signatures, as text: `auth.example.com+c5a1e0f2+AW4q..`.
    #[must_use]
    pub fn public(&self) -> String {
        let public = self.pair.public_key().as_ref();
        let mut key = vec![ED25519_KEY];
        key.extend_from_slice(public);
        format!(
            "{}+{}+{}",
            self.name,
            hex(&hash_of(&self.name, public)),
            STANDARD.encode(key)
        )
    }

    /// The checkpoint of so many lines, the last of which has this hash.
    pub(super) fn checkpoint(&self, lines: u64, last: &[u8; 32]) -> String {
        let text = format!("{}\n{lines}\n{}\n", self.name, STANDARD.encode(last));
        let mut signature = hash_of(&self.name, self.pair.public_key().as_ref()).to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!(
            "{text}\n{SIGNATURE}{} {}\n",
            self.name,
            STANDARD.encode(signature)
        )
    }
}

/// Name, hash and 32 bytes of a key in text.
fn parts(text: &str) -> Result<(&str, &str, Vec<u8>), InvalidKey> {
    let form = InvalidKey("it is not of the form `name+hash+key`");
    let (name, rest) = text.split_once('+').ok_or(form)?;
    let (hash, key) = rest
        .split_once('+')
        .ok_or(InvalidKey("it is not of the form `name+hash+key`"))?;
    check_name(name)?;
    let key = STANDARD
        .decode(key.trim())
        .map_err(|_| InvalidKey("its last part is no base64"))?;
    match key.split_first() {
        Some((&ED25519_KEY, key)) if key.len() == 32 => Ok((name, hash, key.to_vec())),
        _ => Err(InvalidKey("it is no key of Ed25519")),
    }
}

/// What verifies checkpoints.
pub(super) struct Checker {
    name: String,
    hash: [u8; 4],
    key: UnparsedPublicKey<Vec<u8>>,
}

impl Checker {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidKey> {
        let (name, hash, key) = parts(text.trim())?;
        let expected = hash_of(name, &key);
        if hash != hex(&expected) {
            return Err(InvalidKey("its hash is another key's"));
        }
        Ok(Self {
            name: name.to_owned(),
            hash: expected,
            key: UnparsedPublicKey::new(&ED25519, key),
        })
    }

    /// How many lines a checkpoint is of, and the hash of the last; `None` where the key did not sign
    /// it.
    pub(super) fn check(&self, note: &str) -> Option<(u64, [u8; 32])> {
        let (text, signatures) = note.split_once("\n\n")?;
        let signed = format!("{text}\n");
        let is_signed = signatures.lines().any(|line| {
            let signature = line
                .strip_prefix(SIGNATURE)
                .and_then(|line| line.split_once(' '));
            let Some((name, signature)) = signature.filter(|(name, _)| *name == self.name) else {
                return false;
            };
            let Ok(signature) = STANDARD.decode(signature) else {
                return false;
            };
            debug_assert_eq!(name, self.name);
            signature
                .strip_prefix(&self.hash)
                .is_some_and(|it| self.key.verify(signed.as_bytes(), it).is_ok())
        });
        let mut lines = text.lines();
        let is_ours = lines.next()? == self.name;
        let size = lines.next()?.parse().ok()?;
        let hash = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        (is_signed && is_ours).then_some((size, hash))
    }
}
