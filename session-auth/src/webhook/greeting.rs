//! Handshakes that are signed like any delivery. The layer answers them, and the handler sees none.

#[cfg(feature = "webhook-asymmetric")]
use http::StatusCode;
use serde_json::Value;

use super::mac::{Algorithm, encode_hex};
use super::ring::Ring;
use super::verifier::Answer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    /// `url_verification`: the challenge is echoed.
    Slack,
    /// `endpoint.url_validation`: the token is echoed with its HMAC.
    Zoom,
    /// A ping: type 1 of interactions, type 0 of events.
    #[cfg(feature = "webhook-asymmetric")]
    Discord,
}

impl Greeting {
    /// The answer, where a body that was proved by this key is a handshake.
    pub(super) fn answer(self, body: &[u8], keys: &Ring, key: usize) -> Option<Answer> {
        // Most deliveries are none, and are not parsed for it.
        let marker: &[u8] = match self {
            Self::Slack => b"url_verification",
            Self::Zoom => b"endpoint.url_validation",
            #[cfg(feature = "webhook-asymmetric")]
            Self::Discord => b"\"type\"",
        };
        memchr::memmem::find(body, marker)?;
        let body: Value = serde_json::from_slice(body).ok()?;
        match self {
            Self::Slack => {
                let challenge = body.get("challenge")?.as_str()?;
                (body.get("type")? == "url_verification").then(|| Answer::text(challenge))
            }
            Self::Zoom => {
                if body.get("event")? != "endpoint.url_validation" {
                    return None;
                }
                let token = body.get("payload")?.get("plainToken")?.as_str()?;
                let tag = keys.tag(key, Algorithm::Sha256, token.as_bytes())?;
                let token = Value::from(token);
                let tag = encode_hex(&tag);
                Some(Answer::json(format!(
                    r#"{{"plainToken":{token},"encryptedToken":"{tag}"}}"#
                )))
            }
            #[cfg(feature = "webhook-asymmetric")]
            Self::Discord => match body.get("type")?.as_u64()? {
                // An event has `event`, an interaction `data`: a ping of either kind has neither.
                0 => Some(Answer::new(StatusCode::NO_CONTENT)),
                1 if body.get("event").is_none() => Some(Answer::json(r#"{"type":1}"#)),
                _ => None,
            },
        }
    }
}
