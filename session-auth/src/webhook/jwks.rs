//! The keys of an issuer of tokens (RFC 7517), given or looked up.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ::hmac::{Hmac, KeyInit as _, Mac as _};
use arc_swap::{ArcSwap, Guard};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::Value;
use sha2::Sha256;
use tokio::runtime::Handle;
use tokio::sync::Mutex as AsyncMutex;

use super::key::KeyForm;
use super::verifier::{ConfigError, FetchError, Preparing, in_time};

/// How long fetched keys are good before they are looked up again, in seconds.
const FRESH: u64 = 3600;
/// How often they are looked up at the most, in seconds: whoever sends tokens of unknown keys cannot
/// make the service ask for each.
const PAUSE: u64 = 30;

/// The shortest secret for HS256 that RFC 7518, section 3.2, allows, in bytes.
const SHORTEST_SECRET: usize = 32;

/// The algorithms of the keys below.
pub(super) const ALGORITHMS: [&str; 4] = ["RS256", "ES256", "EdDSA", "HS256"];

/// Whether less than this has passed since then. A time of the future is long ago: the clock was ahead, and
/// is right again. By less than a pause, it is that of a request that came a little later.
fn is_within(at: u64, now: u64, seconds: u64) -> bool {
    at <= now.saturating_add(PAUSE) && now.saturating_sub(at) < seconds
}

type Fetching = Pin<Box<dyn Future<Output = Result<String, FetchError>> + Send>>;
type Fetch = dyn Fn() -> Fetching + Send + Sync;

/// The published keys of an issuer (JWK Set, RFC 7517). Needs the feature `webhook-asymmetric`.
#[derive(Clone)]
pub struct Jwks(Arc<Inner>);

struct Inner {
    keys: ArcSwap<Keys>,
    fetch: Option<Box<Fetch>>,
    /// When they were last asked for, in seconds since 1970.
    asked: AtomicU64,
    /// Whether they were asked for and have not come, or are no keys.
    is_behind: AtomicBool,
    /// Held while they are looked up.
    looking: Arc<AsyncMutex<()>>,
    fault: Option<ConfigError>,
}

#[derive(Default)]
pub(super) struct Keys {
    /// Nothing for an id that several keys have: nobody knows which one is meant.
    by_id: HashMap<String, Option<IssuerKey>>,
    /// Of the service's own tokens, whatever they call it.
    secret: Option<IssuerKey>,
    /// In seconds since 1970; `None` where they were never there.
    pub(super) fetched_at: Option<u64>,
}

pub(super) enum IssuerKey {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
    /// Of the service's own tokens, which need not name it. Keyed once: a token costs a copy of it.
    Secret(Hmac<Sha256>),
}

impl IssuerKey {
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa { .. } => "RS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
            Self::Secret(_) => "HS256",
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
            Self::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point)
                .verify(message, signature)
                .is_ok(),
            // In constant time.
            Self::Secret(mac) => mac
                .clone()
                .chain_update(message)
                .verify_slice(signature)
                .is_ok(),
        }
    }

    /// `None` for a key that is for something else.
    fn read(key: &Value) -> Option<(String, Self)> {
        let field = |name: &str| key.get(name)?.as_str();
        let bytes = |name: &str| {
            URL_SAFE_NO_PAD
                .decode(field(name)?.trim_end_matches('='))
                .ok()
        };
        if field("use").is_some_and(|it| it != "sig") {
            return None;
        }
        let read = match field("kty")? {
            "RSA" => Self::Rsa {
                n: bytes("n")?,
                e: bytes("e")?,
            },
            "EC" if field("crv")? == "P-256" => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                Self::P256([&[4], &*x, &*y].concat())
            }
            "OKP" if field("crv")? == "Ed25519" => {
                Self::Ed25519(bytes("x").filter(|x| x.len() == 32)?)
            }
            _ => return None,
        };
        if field("alg").is_some_and(|algorithm| algorithm != read.algorithm()) {
            return None;
        }
        Some((field("kid")?.to_owned(), read))
    }
}

impl Keys {
    fn read(text: &str, now: u64) -> Result<Self, ConfigError> {
        let wrong = "the keys of the issuer are no JWK Set with a key for RS256, ES256 or EdDSA that has a `kid`";
        let set: Value = serde_json::from_str(text).map_err(|_| ConfigError::new(wrong))?;
        let keys = set.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or(ConfigError::new(wrong))?;
        let mut by_id = HashMap::new();
        for (id, key) in keys.iter().filter_map(IssuerKey::read) {
            match by_id.entry(id) {
                Entry::Vacant(entry) => drop(entry.insert(Some(key))),
                Entry::Occupied(mut entry) => drop(entry.insert(None)),
            }
        }
        if by_id.is_empty() {
            return Err(ConfigError::new(wrong));
        }
        Ok(Self {
            by_id,
            secret: None,
            fetched_at: Some(now),
        })
    }

    /// The one key of this id; a secret of the service's own, whatever the token calls it.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&IssuerKey> {
        self.secret
            .as_ref()
            .or_else(|| self.by_id.get(kid?)?.as_ref())
    }
}

impl Jwks {
    /// These keys, as JSON, for ever: an issuer that changes its keys needs
    /// [`fetched`](Self::fetched).
    #[must_use]
    pub fn given(json: &str) -> Self {
        let (keys, fault) = match Keys::read(json, 0) {
            Ok(keys) => (keys, None),
            Err(fault) => (Keys::default(), Some(fault)),
        };
        Self::of(keys, None, fault)
    }

    /// Fetched by this client when a token names a key that is not known, and once an hour; never more
    /// often than every 30 seconds. While the issuer's host is down, the keys that are known stay good.
    /// The client is given up after 5 seconds. Until it has answered, tokens of unknown keys wait for it, and it
    /// is asked to the end, also where nobody waits any more.
    pub fn fetched<F>(fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, FetchError>> + Send + 'static,
    {
        let fetch: Box<Fetch> = Box::new(move || Box::pin(fetch()));
        Self::of(Keys::default(), Some(fetch), None)
    }

    fn of(keys: Keys, fetch: Option<Box<Fetch>>, fault: Option<ConfigError>) -> Self {
        Self(Arc::new(Inner {
            keys: ArcSwap::from_pointee(keys),
            fetch,
            asked: AtomicU64::new(0),
            is_behind: AtomicBool::new(false),
            looking: Arc::default(),
            fault,
        }))
    }

    /// A secret for HS256.
    #[track_caller]
    pub(super) fn secret(secret: &[u8]) -> Self {
        let at = Location::caller();
        let fault = match KeyForm::Text.parse(secret) {
            Err(fault) => Some(fault),
            Ok(_) if secret.len() < SHORTEST_SECRET => Some(
                "the secret of the tokens has less than 32 bytes (RFC 7518, section 3.2): make a longer one",
            ),
            Ok(_) => None,
        };
        let fault = fault.map(|fault| {
            let (file, line) = (at.file(), at.line());
            ConfigError::new(format!("{fault} (given at {file}:{line})"))
        });
        let mac = Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
        let secret = IssuerKey::Secret(mac);
        let keys = Keys {
            secret: Some(secret),
            fetched_at: Some(0),
            ..Keys::default()
        };
        Self::of(keys, None, fault)
    }

    pub(super) fn keys(&self) -> Guard<Arc<Keys>> {
        self.0.keys.load()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.0.fault.clone().map_or(Ok(()), Err)
    }

    /// Whether the issuer may have other keys by now: they are being looked up, or could not be.
    pub(super) fn is_behind(&self) -> bool {
        self.0.is_behind.load(Ordering::Relaxed)
    }

    /// Whether a token of this key has to wait for the keys.
    pub(super) fn is_to_fetch(&self, kid: &str, now: u64) -> bool {
        let Needs { known, fresh } = self.needs(kid, now);
        !fresh && (self.may_ask(now) || !known && self.0.looking.try_lock().is_err())
    }

    fn needs(&self, kid: &str, now: u64) -> Needs {
        let keys = self.0.keys.load();
        let known = keys.find(Some(kid)).is_some();
        let is_fresh = || keys.fetched_at.is_some_and(|at| is_within(at, now, FRESH));
        let fresh = self.0.fetch.is_none() || known && is_fresh();
        Needs { known, fresh }
    }

    fn may_ask(&self, now: u64) -> bool {
        !is_within(self.0.asked.load(Ordering::Relaxed), now, PAUSE)
    }

    /// Looks up the keys, where this token needs it; or waits until they were, where its key is not known and
    /// somebody else has asked.
    pub(super) fn fetch(&self, kid: &str, now: u64) -> Option<Preparing<'static>> {
        let Needs { known, fresh } = self.needs(kid, now);
        if fresh {
            return None;
        }
        let asked = self.0.asked.load(Ordering::Relaxed);
        let is_first = self.may_ask(now)
            && self
                .0
                .asked
                .compare_exchange(asked, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_first {
            return Some(self.look_up(now));
        }
        if known || self.0.looking.try_lock().is_ok() {
            return None;
        }
        let looking = Arc::clone(&self.0.looking);
        Some(Box::pin(async move {
            drop(looking.lock().await);
            Ok(())
        }))
    }

    /// In a task: whoever has asked may hang up, or be given up sooner than the issuer, and nobody else may ask for a
    /// while.
    fn look_up(&self, now: u64) -> Preparing<'static> {
        let inner = Arc::clone(&self.0);
        inner.is_behind.store(true, Ordering::Relaxed);
        let held = Arc::clone(&inner.looking).try_lock_owned();
        let looking = async move {
            let _held = held;
            let Some(fetch) = &inner.fetch else { return };
            let read = match in_time(fetch()).await {
                Ok(text) => Keys::read(&text, now).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match read {
                Ok(keys) => {
                    inner.keys.store(Arc::new(keys));
                    inner.is_behind.store(false, Ordering::Relaxed);
                }
                Err(error) => tracing::error!(
                    target: "session_auth",
                    error,
                    "the keys of an issuer of tokens could not be looked up"
                ),
            }
        };
        let Ok(runtime) = Handle::try_current() else {
            return Box::pin(async move {
                looking.await;
                Ok(())
            });
        };
        let task = runtime.spawn(looking);
        Box::pin(async move {
            // Whether there is a key now, the token finds out.
            let _ = task.await;
            Ok(())
        })
    }
}

/// What is known of the key of a token.
struct Needs {
    known: bool,
    /// Whether there is nothing to look up.
    fresh: bool,
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_32_bytes_is_long_enough_and_one_of_31_is_not() {
        assert_eq!(Jwks::secret(&[0xa7; 32]).check(), Ok(()));
        let short = Jwks::secret(&[0xa7; 31]).check().expect_err("too short");
        assert!(short.to_string().contains("less than 32 bytes"), "{short}");
    }

    #[test]
    fn keys_are_looked_up_where_one_is_missing_or_an_hour_old_and_not_all_the_time() {
        let jwks = Jwks::fetched(|| async { Ok(String::new()) });
        let set = r#"{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}"#;
        let keys = Keys::read(set, 10_000).expect("a key");
        jwks.0.keys.store(Arc::new(keys));
        for (kid, now, is) in [
            ("a", 10_000, false),
            ("a", 13_599, false),
            ("a", 13_600, true),
            ("b", 10_000, true),
        ] {
            assert_eq!(jwks.is_to_fetch(kid, now), is, "{kid} {now}");
        }
        assert!(jwks.fetch("b", 20_000).is_some());
        assert!(!jwks.is_to_fetch("b", 20_029), "it was asked just now");
        assert!(jwks.fetch("b", 20_029).is_none());
        assert!(jwks.is_to_fetch("b", 20_030));
    }

    #[test]
    fn a_time_of_the_future_is_long_ago() {
        let jwks = Jwks::fetched(|| async { Ok(String::new()) });
        let set = r#"{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}"#;
        let keys = Keys::read(set, 10_000).expect("a key");
        jwks.0.keys.store(Arc::new(keys));
        assert!(jwks.fetch("b", 10_000).is_some());
        for (kid, now, is) in [
            ("a", 9_970, false),
            ("a", 9_969, true),
            ("b", 9_970, false),
            ("b", 9_969, true),
        ] {
            assert_eq!(jwks.is_to_fetch(kid, now), is, "{kid} {now}");
        }
    }
}
