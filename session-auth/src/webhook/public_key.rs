//! Senders that sign with a private key of their own: nothing that is kept here can sign.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};

use super::greeting::Greeting;
use super::hmac::{STANDARD_ID, STANDARD_MESSAGE, STANDARD_TIME};
use super::key::KeyForm;
use super::mac::{Encoding, decode_hex};
use super::row::{At, By, Id, Part, Row, Shape, Time, Tolerance, Unit};
use super::scheme::{self, Scheme, Setup};
use super::secret::{IntoSecrets, Secrets};
use super::signed::Signed;
use super::terms::Terms;
use super::verifier::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

/// What a signature is checked with.
pub(super) struct VerifyingKey(UnparsedPublicKey<Vec<u8>>);

impl VerifyingKey {
    fn new(algorithm: &'static dyn VerificationAlgorithm, bytes: Vec<u8>) -> Self {
        Self(UnparsedPublicKey::new(algorithm, bytes))
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(message, signature).is_ok()
    }
}

fn trimmed(raw: &[u8]) -> Option<&str> {
    std::str::from_utf8(raw).map(str::trim).ok()
}

pub(super) fn ed25519_hex(raw: &[u8]) -> Result<VerifyingKey, &'static str> {
    let bytes = trimmed(raw)
        .and_then(decode_hex)
        .filter(|bytes| bytes.len() == 32)
        .ok_or(
            "a public key is not 32 bytes in hexadecimal: copy it from the application's page again",
        )?;
    Ok(VerifyingKey::new(&ED25519, bytes))
}

pub(super) fn whpk(raw: &[u8]) -> Result<VerifyingKey, &'static str> {
    let wrong = "a public key is not `whpk_` with 32 bytes in base64 behind it: copy it from the \
                 sender again";
    let text = trimmed(raw).ok_or(wrong)?;
    if text.starts_with("whsk_") {
        return Err(
            "a key begins with `whsk_`, so it is the sender's private one: take its `whpk_`, and have \
             the sender change its keys",
        );
    }
    let encoded = text.strip_prefix("whpk_").unwrap_or(text);
    let bytes = STANDARD.decode(encoded).map_err(|_| wrong)?;
    if bytes.len() != 32 {
        return Err(wrong);
    }
    Ok(VerifyingKey::new(&ED25519, bytes))
}

/// A SubjectPublicKeyInfo (RFC 5280) of an uncompressed point on P-256 (RFC 5480) up to the point.
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

pub(super) fn p256(raw: &[u8]) -> Result<VerifyingKey, &'static str> {
    let wrong = "a public key is not one on P-256 in base64 or PEM: copy it from the sender again";
    let text = trimmed(raw).ok_or(wrong)?;
    let encoded: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .flat_map(|line| line.trim().chars())
        .collect();
    let der = STANDARD.decode(encoded).map_err(|_| wrong)?;
    let point = der.strip_prefix(&P256_SPKI).unwrap_or(&der);
    if point.len() != 65 || point[0] != 4 {
        return Err(wrong);
    }
    Ok(VerifyingKey::new(&ECDSA_P256_SHA256_ASN1, point.to_vec()))
}

static STANDARD_V1A: Row = Row {
    signature: &["webhook-signature", "svix-signature"],
    shape: Shape::List { version: "v1a" },
    encoding: Encoding::Base64,
    by: By::PublicKey,
    key: KeyForm::Whpk,
    message: STANDARD_MESSAGE,
    time: STANDARD_TIME,
    id: STANDARD_ID,
    greeting: None,
};

const fn header_time(header: &'static [&'static str]) -> Option<Time> {
    Some(Time {
        at: At::Header(header),
        unit: Unit::Seconds,
        tolerance: Tolerance::None,
        early: false,
    })
}

static DISCORD: Row = Row {
    signature: &["x-signature-ed25519"],
    shape: Shape::Whole { prefix: "" },
    encoding: Encoding::Hex,
    by: By::PublicKey,
    key: KeyForm::Ed25519Hex,
    message: &[Part::Time, Part::Body],
    time: header_time(&["x-signature-timestamp"]),
    id: Id::Body("/id"),
    greeting: Some(Greeting::Discord),
};

static SENDGRID: Row = Row {
    signature: &["x-twilio-email-event-webhook-signature"],
    shape: Shape::Whole { prefix: "" },
    encoding: Encoding::Base64,
    by: By::PublicKey,
    key: KeyForm::P256,
    message: &[Part::Time, Part::Body],
    time: header_time(&["x-twilio-email-event-webhook-timestamp"]),
    id: Id::None,
    greeting: None,
};

pub(super) static SCHEMES: &[Scheme] = &[
    Scheme {
        name: "discord",
        sender: "Discord",
        constructor: "PublicKey::discord",
        signs: "`{timestamp}{body}`; Ed25519, hexadecimal",
        proof: "X-Signature-Ed25519",
        retry_budget: Some(600),
        retries: "events for 10 min; interactions never",
        handshake: Some("a ping gets its answer: type 1 of interactions, type 0 of events"),
        delivery_id: DISCORD.delivery_id(),
        feature: Some("webhook-asymmetric"),
        build: |setup| PublicKey::of("discord", &DISCORD, setup.secrets()).configured(setup),
        ..Scheme::UNSAID
    },
    Scheme {
        name: "sendgrid",
        sender: "SendGrid",
        constructor: "PublicKey::sendgrid",
        signs: "`{timestamp}{body}`; ECDSA on P-256 with SHA-256, base64",
        proof: "X-Twilio-Email-Event-Webhook-Signature",
        // Events; inbound mail: 3 days, and a 4xx drops it.
        retry_budget: Some(86_400),
        retries: "events for 24 h; inbound mail for 3 days, and only after a 5xx: it needs 503",
        feature: Some("webhook-asymmetric"),
        build: |setup| PublicKey::of("sendgrid", &SENDGRID, setup.secrets()).configured(setup),
        ..Scheme::UNSAID
    },
];

/// What is signed with a sender's private key, the signature in a header. Needs the feature
/// `webhook-asymmetric`.
///
/// Several keys can be valid at once: see [`or`](Self::or).
///
/// # Example
///
/// ```
/// use session_auth::webhook::{PublicKey, Verifier};
///
/// let key = "25b573092c76a64f7588fddf76cd7c53774099c163a53a039d314c0ebd323c92";
/// PublicKey::discord(key).check()?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct PublicKey {
    signed: Signed,
}

impl PublicKey {
    /// Discord: interactions and webhook events, with the application's public key. Its pings are
    /// answered by the layer. Discord sends forged signatures, to see that they are refused.
    #[track_caller]
    pub fn discord(public_key: impl IntoSecrets) -> Self {
        Self::of("discord", &DISCORD, public_key.into_secrets())
    }

    /// SendGrid's event webhook, with its verification key. The time is signed, and not judged:
    /// events are tried again for a day. For inbound mail, set
    /// [`refuse_with`](Self::refuse_with) to 503.
    #[track_caller]
    pub fn sendgrid(public_key: impl IntoSecrets) -> Self {
        Self::of("sendgrid", &SENDGRID, public_key.into_secrets())
    }

    /// Standard Webhooks, version `v1a`: the sender's `whpk_` and base64.
    #[track_caller]
    pub fn standard_webhooks(public_key: impl IntoSecrets) -> Self {
        Self::of(
            "standard-webhooks",
            &STANDARD_V1A,
            public_key.into_secrets(),
        )
    }

    #[track_caller]
    fn of(scheme: &str, row: &Row, keys: Secrets) -> Self {
        let signed = Signed::new(scheme::known(scheme), row, keys);
        Self { signed }
    }

    pub(super) fn configured(mut self, setup: &Setup) -> Result<Box<dyn Verifier>, ConfigError> {
        self.signed.configure(setup);
        Ok(Box::new(self))
    }

    /// Takes this key too.
    #[track_caller]
    pub fn or(mut self, public_key: impl IntoSecrets) -> Self {
        self.signed.keys.add(public_key.into_secrets());
        self
    }

    /// Sets how far the time of a delivery may be from now, to either side. In whole seconds.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.signed.set_tolerance(Some(tolerance));
        self
    }

    /// Where in a body of JSON the delivery is named: a pointer (RFC 6901) to a string or a whole
    /// number.
    pub fn delivery_id_at(mut self, pointer: impl Into<String>) -> Self {
        self.signed.set_id_pointer(pointer.into());
        self
    }

    /// Sets the status of a refusal: 503 where a sender would give up on a 4xx. The default is 401.
    pub fn refuse_with(mut self, status: StatusCode) -> Self {
        self.signed.set_refuse_with(status);
        self
    }
}

impl Verifier for PublicKey {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        self.signed.verify(request)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        self.signed.verify_head(request).map(|()| None)
    }

    fn terms(&self) -> Terms {
        self.signed.terms()
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.signed.check()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.signed).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_length_and_no_private_one_is_taken() {
        let whpk = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
        assert!(super::whpk(whpk.as_bytes()).is_ok());
        assert!(super::whpk(format!("{whpk}\n").as_bytes()).is_ok());
        for bad in ["", "whpk_", "whpk_AAAA", "whsk_AAAA", "whpk_!"] {
            assert!(super::whpk(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in ["", "00", "zz", &"00".repeat(31), &"00".repeat(33)] {
            assert!(ed25519_hex(bad.as_bytes()).is_err(), "{bad}");
        }
        let spki = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpV\
                    KS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
        assert!(p256(spki.as_bytes()).is_ok());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n");
        assert!(p256(pem.as_bytes()).is_ok());
        for bad in ["", "MFkw", "!"] {
            assert!(p256(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
