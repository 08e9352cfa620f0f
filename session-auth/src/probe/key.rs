//! The key of probes, and what is signed with it.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::said::ProbeAnswer;
use crate::keys::{KEY_ID_LEN, KEY_LEN};

/// How a key's text begins, with the version of probes.
const PREFIX: &str = "probe1_";
/// The version in both headers.
pub(super) const VERSION: &str = "1";
pub(super) const NONCE_LEN: usize = 16;

/// What signs probes and their answers. It opens nothing: whoever has it learns what a service would
/// answer.
///
/// `Debug` shows the id alone.
#[derive(Clone)]
pub struct ProbeKey {
    pub(super) id: [u8; KEY_ID_LEN],
    key: Zeroizing<[u8; KEY_LEN]>,
}

/// A text is no key of probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeKeyError(&'static str);

impl fmt::Display for ProbeKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no key of probes: {}; `route-audit probe --print-key` prints one where the session keys \
             are",
            self.0
        )
    }
}

impl std::error::Error for ProbeKeyError {}

impl fmt::Debug for ProbeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProbeKey({:08x})", u32::from_be_bytes(self.id))
    }
}

impl ProbeKey {
    pub(crate) fn new(id: [u8; KEY_ID_LEN], key: Zeroizing<[u8; KEY_LEN]>) -> Self {
        Self { id, key }
    }

    /// Reads what [`reveal`](Self::reveal) wrote. White space around it is allowed.
    ///
    /// # Errors
    ///
    /// It is something else: a session key, say, which is not for this.
    pub fn parse(text: &str) -> Result<Self, ProbeKeyError> {
        let rest = text.trim().strip_prefix(PREFIX);
        let rest = rest.ok_or(ProbeKeyError("it does not begin with `probe1_`"))?;
        let malformed = ProbeKeyError("what follows `probe1_` is not as it was printed");
        let bytes = Zeroizing::new(BASE64.decode(rest).map_err(|_| malformed.clone())?);
        let (id, key) = bytes
            .split_first_chunk::<KEY_ID_LEN>()
            .ok_or_else(|| malformed.clone())?;
        let key: [u8; KEY_LEN] = key.try_into().map_err(|_| malformed)?;
        Ok(Self::new(*id, Zeroizing::new(key)))
    }

    /// The key as text, for the settings of a CI. It is a secret.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_ID_LEN + KEY_LEN));
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&*self.key);
        let mut text = Zeroizing::new(PREFIX.to_owned());
        BASE64.encode_string(&*bytes, &mut text);
        text
    }

    /// Signs a probe of this method and path, without query, at this time. The path is the one that reaches the
    /// service.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness to give.
    pub fn sign(
        &self,
        method: &Method,
        path: &str,
        now: SystemTime,
    ) -> Result<SignedProbe, getrandom::Error> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)?;
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
        let nonce = BASE64.encode(nonce);
        let mac = self.mac_of_request(method, path, seconds, &nonce);
        let id = u32::from_be_bytes(self.id);
        let mac = BASE64.encode(mac.finalize().into_bytes());
        let header = format!("{VERSION}.{id:08x}.{seconds}.{nonce}.{mac}");
        Ok(SignedProbe {
            key: self.clone(),
            nonce,
            header,
        })
    }

    pub(super) fn mac_of_request(
        &self,
        method: &Method,
        path: &str,
        seconds: u64,
        nonce: &str,
    ) -> Hmac<Sha256> {
        // No method, path or nonce has a line break in it.
        self.mac(&[
            "request",
            method.as_str(),
            path,
            &seconds.to_string(),
            nonce,
        ])
    }

    pub(super) fn mac_of_answer(&self, nonce: &str, payload: &str) -> Hmac<Sha256> {
        self.mac(&["answer", nonce, payload])
    }

    fn mac(&self, lines: &[&str]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&*self.key);
        let mut mac = mac.expect("HMAC takes keys of any length");
        for line in lines {
            mac.update(line.as_bytes());
            mac.update(b"\n");
        }
        mac
    }
}

/// A probe that was signed: its header, and how its answer is known.
#[derive(Clone, Debug)]
pub struct SignedProbe {
    key: ProbeKey,
    nonce: String,
    header: String,
}

impl SignedProbe {
    /// The value of [`HEADER`](super::HEADER).
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// What the layer said, by the value of [`HEADER`](super::HEADER) in the answer. `None` where that is not of
    /// a layer with this key, or answers another probe.
    #[must_use]
    pub fn read(&self, header: &[u8]) -> Option<ProbeAnswer> {
        let text = std::str::from_utf8(header).ok()?;
        let mut parts = text.split('.');
        let (version, payload, mac) = (parts.next()?, parts.next()?, parts.next()?);
        if version != VERSION || parts.next().is_some() {
            return None;
        }
        let mac = BASE64.decode(mac).ok()?;
        let expected = self.key.mac_of_answer(&self.nonce, payload);
        expected.verify_slice(&mac).ok()?;
        serde_json::from_slice(&BASE64.decode(payload).ok()?).ok()
    }
}

/// The header of an answer.
pub(super) fn answer_header(key: &ProbeKey, nonce: &str, answer: &ProbeAnswer) -> Option<String> {
    let payload = BASE64.encode(serde_json::to_vec(answer).ok()?);
    let mac = key.mac_of_answer(nonce, &payload).finalize().into_bytes();
    Some(format!("{VERSION}.{payload}.{}", BASE64.encode(mac)))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::probe::ProbeDecision;

    #[test]
    fn an_answer_is_of_this_version_and_ends_where_it_ends() {
        let key = ProbeKey::new([1; KEY_ID_LEN], Zeroizing::new([2; KEY_LEN]));
        let probe = key
            .sign(&Method::GET, "/me", UNIX_EPOCH)
            .expect("randomness");
        let answer = ProbeAnswer {
            version: "0.1.0".into(),
            mode: "enforce".into(),
            lock: None,
            class: None,
            pattern: None,
            decision: ProbeDecision::NoRoute,
            reason: None,
            status: StatusCode::NOT_FOUND,
        };
        let header = answer_header(&key, &probe.nonce, &answer).expect("it is written");
        assert!(probe.read(header.as_bytes()).is_some());
        let other = header.replacen(VERSION, "2", 1);
        assert!(probe.read(other.as_bytes()).is_none(), "{other}");
        assert!(probe.read(format!("{header}.x").as_bytes()).is_none());
        assert!(probe.read(b"1..").is_none());
    }
}
