//! Which probes are accepted: those that are signed, new, and of this minute.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use axum::extract::OriginalUri;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::Mac as _;
use http::Request;

use super::key::{NONCE_LEN, ProbeKey, VERSION};
use super::{HEADER, is_marked};
use crate::clock::Timestamp;
use crate::keys::{KEY_ID_LEN, Keys};

/// How far a probe's time may be from the layer's, in seconds.
const WINDOW: u64 = 60;
/// How many probes are remembered. More in two minutes are not accepted.
const REMEMBERED: usize = 10_000;

/// The probes of one layer.
pub(crate) struct Probes {
    /// The ring whose keys of probes are accepted.
    keys: Keys,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Time and nonce of those that could be sent again.
    nonces: BTreeSet<(u64, [u8; NONCE_LEN])>,
    /// The latest time of those that were forgotten: where the clock jumps back, nothing of that time
    /// is accepted again.
    forgotten: Option<u64>,
}

/// A probe that was accepted.
pub(crate) struct Accepted {
    pub(super) key: ProbeKey,
    pub(super) nonce: String,
}

impl Probes {
    pub(crate) fn new(keys: Keys) -> Self {
        Self {
            keys,
            seen: Mutex::default(),
        }
    }

    /// `None` for a request that is to be answered as any other.
    #[inline]
    pub(crate) fn accept<B>(
        &self,
        request: &Request<B>,
        now: impl FnOnce() -> Option<Timestamp>,
    ) -> Option<Accepted> {
        if !is_marked(request) {
            return None;
        }
        self.accept_marked(request, now()?)
    }

    #[cold]
    fn accept_marked<B>(&self, request: &Request<B>, now: Timestamp) -> Option<Accepted> {
        let mut headers = request.headers().get_all(HEADER).into_iter();
        let (header, None) = (headers.next()?, headers.next()) else {
            return None;
        };
        let mut parts = header.to_str().ok()?.split('.');
        let (version, id, seconds) = (parts.next()?, parts.next()?, parts.next()?);
        let (nonce, mac) = (parts.next()?, parts.next()?);
        if version != VERSION || parts.next().is_some() {
            return None;
        }
        let id: [u8; KEY_ID_LEN] = u32::from_str_radix(id, 16).ok()?.to_be_bytes();
        let seconds: u64 = seconds.parse().ok()?;
        let unique: [u8; NONCE_LEN] = BASE64.decode(nonce).ok()?.try_into().ok()?;
        let mac = BASE64.decode(mac).ok()?;
        let key = self.keys.probe_key_of(id)?;
        // As the sender has it: a nested router has a shorter one.
        let path = match request.extensions().get::<OriginalUri>() {
            Some(OriginalUri(original)) => original.path(),
            None => request.uri().path(),
        };
        let expected = key.mac_of_request(request.method(), path, seconds, nonce);
        // In constant time.
        expected.verify_slice(&mac).ok()?;
        if seconds.abs_diff(now.as_secs()) > WINDOW {
            return None;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_new(seconds, unique, now.as_secs())
            .then(|| Accepted {
                key,
                nonce: nonce.to_owned(),
            })
    }
}

impl Seen {
    fn is_new(&mut self, seconds: u64, nonce: [u8; NONCE_LEN], now: u64) -> bool {
        while let Some(&(first, _)) = self.nonces.first()
            && first.saturating_add(WINDOW) < now
        {
            self.nonces.pop_first();
            self.forgotten = self.forgotten.max(Some(first));
        }
        if self.forgotten.is_some_and(|last| seconds <= last) || self.nonces.len() >= REMEMBERED {
            return false;
        }
        self.nonces.insert((seconds, nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_new_once_also_where_the_clock_jumps_back() {
        let mut seen = Seen::default();
        assert!(seen.is_new(1_000, [1; NONCE_LEN], 1_000));
        assert!(!seen.is_new(1_000, [1; NONCE_LEN], 1_060));
        // An hour ahead the first is forgotten, and back again it is not accepted.
        assert!(seen.is_new(4_600, [2; NONCE_LEN], 4_600));
        assert!(!seen.is_new(1_000, [1; NONCE_LEN], 1_001));
        assert!(seen.is_new(1_001, [3; NONCE_LEN], 1_001));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut seen = Seen::default();
        let nonce = |number: usize| {
            let mut nonce = [0; NONCE_LEN];
            nonce[..8].copy_from_slice(&(number as u64).to_be_bytes());
            nonce
        };
        for number in 0..REMEMBERED {
            assert!(seen.is_new(1_000, nonce(number), 1_000));
        }
        assert!(!seen.is_new(1_000, nonce(REMEMBERED), 1_000));
        assert!(seen.is_new(1_061, nonce(REMEMBERED), 1_061));
        assert_eq!(seen.nonces.len(), 1);
    }
}
