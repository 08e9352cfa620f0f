//! Secrets at rest: each sealed with XChaCha20-Poly1305 under a master key from the environment, its
//! name bound in. A nonce of 24 random bytes stands before each, the tag behind.
//!
//! The master key is rotated in two phases: start with the new one as `MASTER_KEY` and the old one as
//! `MASTER_KEY_OLD`, when both are read; `secrets rotate` seals anew what the old one sealed, and may
//! run twice; then the old one goes.

use std::collections::HashMap;
use std::env::VarError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::config::Secret;
use crate::database::{Db, either};
use crate::fanout::{SECRET, signing_key};
use crate::queue::BoxError;

const NONCE: usize = 24;
/// Of plain text, in bytes.
const MOST: usize = 64 * 1024;
/// Everyone has it.
const DEVELOPMENT: [u8; 32] = *b"mail-pipeline's development key!";

/// The sealed secrets, each with the place where it is shown.
pub(crate) const NAMES: [(&str, &str); 5] = [
    ("helpdesk_api_key", "X-FreeScout-API-Key, to HELPDESK_URL"),
    ("access_client_id", "CF-Access-Client-Id, to HELPDESK_URL"),
    (
        "access_client_secret",
        "CF-Access-Client-Secret, to HELPDESK_URL",
    ),
    ("smtp_url", "the mail server that auto-replies leave by"),
    (SECRET, "signs what DEAD_LETTER_URL is told"),
];

/// The master key, and during a rotation the one before.
#[derive(Clone)]
pub struct MasterKeys {
    current: Arc<MasterKey>,
    old: Option<Arc<MasterKey>>,
}

struct MasterKey {
    id: String,
    cipher: XChaCha20Poly1305,
}

/// Why there is no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// The variable is unset.
    Missing(&'static str),
    /// It is no base64.
    Malformed(&'static str),
    /// It is base64 of another number of bytes.
    WrongLength(&'static str, usize),
}

impl fmt::Display for MasterKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, why) = match self {
            Self::Missing(name) => (name, "is unset".to_owned()),
            Self::Malformed(name) => (name, "is no base64".to_owned()),
            Self::WrongLength(name, bytes) => (name, format!("is base64 of {bytes} bytes")),
        };
        write!(
            f,
            "{name} {why}: set it to the base64 of 32 random bytes, `openssl rand -base64 32`"
        )
    }
}

impl std::error::Error for MasterKeyError {}

impl MasterKeys {
    /// Reads `MASTER_KEY` and `MASTER_KEY_OLD`.
    ///
    /// # Errors
    ///
    /// The first is unset where `development` is false; or either is no base64 of 32 bytes.
    pub fn read(
        variable: impl Fn(&str) -> Result<String, VarError>,
        development: bool,
    ) -> Result<Self, MasterKeyError> {
        let current = match variable("MASTER_KEY") {
            Err(VarError::NotPresent) if development => {
                tracing::warn!(
                    "MASTER_KEY is unset and SESSION_AUTH_DEV=true: secrets are sealed under a key \
                     that everyone has"
                );
                MasterKey::new(&DEVELOPMENT)
            }
            given => MasterKey::parse("MASTER_KEY", given)?,
        };
        let old = match variable("MASTER_KEY_OLD") {
            Err(VarError::NotPresent) => None,
            given => Some(Arc::new(MasterKey::parse("MASTER_KEY_OLD", given)?)),
        };
        Ok(Self {
            current: Arc::new(current),
            old,
        })
    }

    fn of(&self, id: &str) -> Option<&MasterKey> {
        let all = std::iter::once(&self.current).chain(&self.old);
        all.map(|key| &**key).find(|key| key.id == id)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKeys(..)")
    }
}

impl MasterKey {
    fn new(bytes: &[u8; 32]) -> Self {
        let id = Sha256::digest(bytes);
        Self {
            id: clock::hex(&id[..4]),
            cipher: XChaCha20Poly1305::new(bytes.into()),
        }
    }

    fn parse(name: &'static str, given: Result<String, VarError>) -> Result<Self, MasterKeyError> {
        let text = match given {
            Err(VarError::NotPresent) => return Err(MasterKeyError::Missing(name)),
            Err(VarError::NotUnicode(_)) => return Err(MasterKeyError::Malformed(name)),
            Ok(text) => text,
        };
        let bytes = STANDARD
            .decode(text.trim())
            .map_err(|_| MasterKeyError::Malformed(name))?;
        let bytes: [u8; 32] = bytes
            .try_into()
            .map_err(|bytes: Vec<u8>| MasterKeyError::WrongLength(name, bytes.len()))?;
        Ok(Self::new(&bytes))
    }

    fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, BoxError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        let payload = Payload {
            msg: plain,
            aad: name.as_bytes(),
        };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| "it cannot be sealed")?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: name.as_bytes(),
        };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()
    }
}

/// The sealed secrets of a database.
#[derive(Clone)]
pub struct Vault {
    db: Db,
    keys: MasterKeys,
    /// Since they were last written down.
    uses: Arc<Mutex<HashMap<String, i64>>>,
}

/// A line of the inventory.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Where it is shown.
    pub place: String,
    /// The id of the master key that sealed it.
    pub key_id: String,
    /// When it was set, in milliseconds since 1970.
    pub set_at: i64,
    /// How often it was used.
    pub uses: i64,
    /// When it was used last.
    pub used_at: Option<i64>,
}

impl Vault {
    pub(crate) fn new(db: Db, keys: MasterKeys) -> Self {
        Self {
            db,
            keys,
            uses: Arc::default(),
        }
    }

    /// Seals a secret, in the place of what was there.
    ///
    /// # Errors
    ///
    /// There is no secret of this name, the value is empty, longer than 64 KiB or not of the form that the
    /// secret has, or the database fails.
    pub async fn set(&self, name: &str, value: &Secret) -> Result<(), BoxError> {
        let Some((name, place)) = NAMES.iter().find(|(known, _)| *known == name) else {
            let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "no secret is named {name:?}: it is one of {}",
                names.join(", ")
            )
            .into());
        };
        let plain: &[u8] = value.as_ref();
        if plain.is_empty() || plain.len() > MOST {
            return Err(format!("{name} has 1 to {MOST} bytes, not {}", plain.len()).into());
        }
        if *name == SECRET {
            signing_key(value)?;
        }
        let sealed = self.keys.current.seal(name, plain)?;
        either!(&self.db.pool, pool => sqlx::query(
            "INSERT INTO secrets (name, sealed, key_id, place, set_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, key_id = excluded.key_id,
                 place = excluded.place, set_at = excluded.set_at, uses = 0, used_at = NULL",
        )
        .bind(*name)
        .bind(sealed)
        .bind(&self.keys.current.id)
        .bind(*place)
        .bind(clock::now())
        .execute(pool)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Opens a secret, as it is now: nothing is kept that a rotation could make stale.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<Secret>, BoxError> {
        let row: Option<(Vec<u8>, String)> = either!(&self.db.pool, pool => sqlx::query_as(
            "SELECT sealed, key_id FROM secrets WHERE name = $1",
        )
        .bind(name)
        .fetch_optional(pool)
        .await)?;
        let Some((sealed, key_id)) = row else {
            return Ok(None);
        };
        let key = self.keys.of(&key_id).ok_or_else(|| {
            format!("{name} was sealed under the master key {key_id}, which is neither MASTER_KEY nor MASTER_KEY_OLD")
        })?;
        let plain = key.open(name, &sealed);
        let plain = plain.ok_or_else(|| format!("{name} was changed after it was sealed"))?;
        let text = String::from_utf8(plain).map_err(|_| format!("{name} is no text"))?;
        *self.counts().entry(name.to_owned()).or_default() += 1;
        Ok(Some(text.into()))
    }

    /// Seals anew what the old master key sealed. How many.
    ///
    /// # Errors
    ///
    /// A secret was sealed under a third key, or was changed; or the database fails. What was done until
    /// then is done.
    pub async fn rotate(&self) -> Result<u64, BoxError> {
        let mut sealed_anew = 0;
        for entry in self.list().await? {
            if entry.key_id == self.keys.current.id {
                continue;
            }
            let Some(plain) = self.get(&entry.name).await? else {
                continue;
            };
            let sealed = self.keys.current.seal(&entry.name, plain.as_ref())?;
            // Unless it was set in between.
            either!(&self.db.pool, pool => sqlx::query(
                "UPDATE secrets SET sealed = $2, key_id = $3 WHERE name = $1 AND key_id = $4",
            )
            .bind(&entry.name)
            .bind(sealed)
            .bind(&self.keys.current.id)
            .bind(&entry.key_id)
            .execute(pool)
            .await
            .map(drop))?;
            sealed_anew += 1;
        }
        Ok(sealed_anew)
    }

    /// What there is, without any value.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub async fn list(&self) -> Result<Vec<Entry>, BoxError> {
        type Row = (String, String, String, i64, i64, Option<i64>);
        let rows: Vec<Row> = either!(&self.db.pool, pool => sqlx::query_as(
            "SELECT name, place, key_id, set_at, uses, used_at FROM secrets ORDER BY name",
        )
        .fetch_all(pool)
        .await)?;
        let entry = |(name, place, key_id, set_at, uses, used_at)| Entry {
            name,
            place,
            key_id,
            set_at,
            uses,
            used_at,
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Writes down the uses since the last time.
    pub(crate) async fn write_uses(&self) -> Result<(), sqlx::Error> {
        let uses = std::mem::take(&mut *self.counts());
        for (name, count) in uses {
            either!(&self.db.pool, pool => sqlx::query(
                "UPDATE secrets SET uses = uses + $2, used_at = $3 WHERE name = $1",
            )
            .bind(name)
            .bind(count)
            .bind(clock::now())
            .execute(pool)
            .await
            .map(drop))?;
        }
        Ok(())
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, HashMap<String, i64>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], development: bool) -> Result<MasterKeys, MasterKeyError> {
        let find = |name: &str| {
            let mut all = variables.iter().filter(|(known, _)| *known == name);
            all.next()
                .map(|(_, value)| (*value).to_owned())
                .ok_or(VarError::NotPresent)
        };
        MasterKeys::read(find, development)
    }

    #[test]
    fn missing_malformed_and_wrong_length_are_three_errors() {
        let good = STANDARD.encode([7; 32]);
        let short = STANDARD.encode([7; 31]);
        assert!(read(&[("MASTER_KEY", &good)], false).is_ok());
        for (variables, error) in [
            (vec![], MasterKeyError::Missing("MASTER_KEY")),
            (
                vec![("MASTER_KEY", "")],
                MasterKeyError::WrongLength("MASTER_KEY", 0),
            ),
            (
                vec![("MASTER_KEY", "not base64")],
                MasterKeyError::Malformed("MASTER_KEY"),
            ),
            (
                vec![("MASTER_KEY", short.as_str())],
                MasterKeyError::WrongLength("MASTER_KEY", 31),
            ),
            (
                vec![("MASTER_KEY", good.as_str()), ("MASTER_KEY_OLD", "?")],
                MasterKeyError::Malformed("MASTER_KEY_OLD"),
            ),
        ] {
            assert_eq!(read(&variables, false).err(), Some(error));
            assert!(
                error.to_string().contains("openssl rand -base64 32"),
                "{error}"
            );
        }
        // In development a missing one is excused, and nothing else.
        assert!(read(&[], true).is_ok());
        assert!(read(&[("MASTER_KEY", "?")], true).is_err());
    }

    #[test]
    fn what_was_changed_or_is_under_another_name_does_not_open() {
        let key = MasterKey::new(&[7; 32]);
        let sealed = key.seal("a", b"hunter2").unwrap();
        assert_eq!(
            key.open("a", &sealed).as_deref(),
            Some(b"hunter2".as_slice())
        );
        assert_ne!(
            sealed,
            key.seal("a", b"hunter2").unwrap(),
            "each time another nonce"
        );
        assert_eq!(key.open("b", &sealed), None);
        assert_eq!(MasterKey::new(&[8; 32]).open("a", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open("a", &changed), None, "byte {at}");
            assert_eq!(key.open("a", &sealed[..at]), None, "cut at {at}");
        }
    }
}
