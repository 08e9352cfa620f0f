//! Deliveries signed with an HMAC of their body.

use std::fmt;
use std::panic::Location;

use ::hmac::{EagerHash, KeyInit, Mac};
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD};
use http::HeaderName;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::secret::{Ends, Given, ends};
use super::verifier::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

/// How a signature is written in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Hexadecimal, in either case (RFC 4648 §8).
    Hex,
    /// Base64 with padding (RFC 4648 §4).
    Base64,
    /// Base64 in the alphabet that is safe in URLs, padded or not (RFC 4648 §5).
    Base64Url,
}

/// `urlsafe_b64encode` of one language pads, that of the next one does not.
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Encoding {
    /// The bytes that `text` stands for; `None` unless they are exactly `len`.
    fn decode(self, text: &str, len: usize) -> Option<Vec<u8>> {
        // Before decoding, so that a header of any size costs nothing.
        if text.len() > 2 * len {
            return None;
        }
        let bytes = match self {
            Self::Hex => decode_hex(text)?,
            Self::Base64 => STANDARD.decode(text).ok()?,
            Self::Base64Url => URL_SAFE.decode(text).ok()?,
        };
        (bytes.len() == len).then_some(bytes)
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| {
        char::from(c)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    #[cfg(feature = "sha1")]
    Sha1,
}

impl Algorithm {
    /// Bytes in a tag.
    const fn tag_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            #[cfg(feature = "sha1")]
            Self::Sha1 => 20,
        }
    }

    fn matches(self, secret: &[u8], message: &[&[u8]], tag: &[u8]) -> Choice {
        match self {
            Self::Sha256 => tag_matches::<Sha256>(secret, message, tag),
            #[cfg(feature = "sha1")]
            Self::Sha1 => tag_matches::<sha1::Sha1>(secret, message, tag),
        }
    }
}

fn tag_matches<D: EagerHash>(secret: &[u8], message: &[&[u8]], tag: &[u8]) -> Choice {
    // HMAC takes a key of any length, so this is never an error; if it were, nothing matches.
    let Ok(mut mac) = ::hmac::Hmac::<D>::new_from_slice(secret) else {
        return Choice::from(0);
    };
    for part in message {
        mac.update(part);
    }
    // `subtle`, not `==`: that stops at the first byte that differs, and the delay would tell a
    // forger how many bytes of a tag are right.
    mac.finalize().into_bytes().as_slice().ct_eq(tag)
}

/// The secrets of one sender. What they sign, and where the signature stands, is up to the scheme.
struct Secrets {
    algorithm: Algorithm,
    /// No empty one among them: anybody can sign with that.
    usable: Vec<Zeroizing<Vec<u8>>>,
    given: Given,
}

impl Secrets {
    #[track_caller]
    fn new(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Self {
        let mut secrets = Self {
            algorithm,
            usable: Vec::new(),
            given: Given::default(),
        };
        secrets.add(secret.as_ref());
        secrets
    }

    #[track_caller]
    fn add(&mut self, secret: &[u8]) {
        let fault = if secret.is_empty() {
            Some("an HMAC secret is empty: set it, or leave it out")
        } else {
            ends(secret).map(|ends| match ends {
                Ends::All => "an HMAC secret is white space: set it, or leave it out",
                Ends::First => "an HMAC secret begins with white space: take it away",
                Ends::Last => {
                    "an HMAC secret ends with white space: take it away (a newline at the end?)"
                }
            })
        };
        if self.given.add(fault, Location::caller()) {
            self.usable.push(Zeroizing::new(secret.to_vec()));
        }
    }

    /// Whether `tag` is that of the message, its parts taken as one, under any of the secrets.
    fn signed(&self, message: &[&[u8]], tag: &[u8]) -> bool {
        let mut matches = Choice::from(0);
        // To the end whatever matches: which one did is nobody's business.
        for secret in &self.usable {
            matches |= self.algorithm.matches(secret, message, tag);
        }
        matches.into()
    }
}

/// The body, signed with HMAC (RFC 2104) under a shared secret, the signature in a header.
///
/// The header has to be there once and to hold the prefix, exactly, and the signature. Several
/// secrets can be valid at once: add the new one with [`or`](Self::or), have the sender switch,
/// then take the old one away. Their order does not matter.
///
/// A sender that signs more than the body (a time, the URL) needs another verifier.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Encoding, Hmac};
///
/// // Shopify's form, while its secret is being changed.
/// let shopify = Hmac::sha256("X-Shopify-Hmac-SHA256", Encoding::Base64, "the new secret")?
///     .or("the old secret")
///     .delivery_id("X-Shopify-Event-Id")?;
///
/// let github = Hmac::github("the secret");
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct Hmac {
    secrets: Secrets,
    header: HeaderName,
    encoding: Encoding,
    prefix: String,
    delivery_id: Option<HeaderName>,
}

impl Hmac {
    /// HMAC-SHA256 of the body, written in this header in this encoding.
    ///
    /// # Errors
    ///
    /// Where `header` is not a header's name (RFC 9110 §5.1), or the secret is empty, or
    /// a text with white space at its start or end.
    #[track_caller]
    pub fn sha256(
        header: &str,
        encoding: Encoding,
        secret: impl AsRef<[u8]>,
    ) -> Result<Self, ConfigError> {
        Self::checked(Algorithm::Sha256, header, encoding, secret)
    }

    /// HMAC-SHA1 of the body, written in this header in this encoding.
    ///
    /// Only for senders that have nothing better. The collisions known of SHA-1 do not forge an
    /// HMAC (RFC 6194), but nothing new should be built on it. Needs the feature `sha1`.
    ///
    /// # Errors
    ///
    /// As [`sha256`](Self::sha256).
    #[cfg(feature = "sha1")]
    #[track_caller]
    pub fn sha1(
        header: &str,
        encoding: Encoding,
        secret: impl AsRef<[u8]>,
    ) -> Result<Self, ConfigError> {
        Self::checked(Algorithm::Sha1, header, encoding, secret)
    }

    /// GitHub: `X-Hub-Signature-256`, the webhook's secret, and `X-GitHub-Delivery` as the
    /// delivery's id.
    ///
    /// The signature does not cover the id, so whoever replays a delivery can give it a new one.
    #[track_caller]
    pub fn github(secret: impl AsRef<[u8]>) -> Self {
        let header = HeaderName::from_static("x-hub-signature-256");
        Self {
            delivery_id: Some(HeaderName::from_static("x-github-delivery")),
            ..Self::new(Algorithm::Sha256, header, Encoding::Hex, secret).prefix("sha256=")
        }
    }

    /// FreeScout: `X-FreeScout-Signature`, HMAC-SHA1, and the secret of 32 hexadecimal digits as
    /// its webhooks page shows it. It names no delivery. Needs the feature `sha1`.
    #[cfg(feature = "sha1")]
    #[track_caller]
    pub fn freescout(secret: impl AsRef<[u8]>) -> Self {
        let header = HeaderName::from_static("x-freescout-signature");
        Self::new(Algorithm::Sha1, header, Encoding::Base64, secret)
    }

    #[track_caller]
    fn checked(
        algorithm: Algorithm,
        header: &str,
        encoding: Encoding,
        secret: impl AsRef<[u8]>,
    ) -> Result<Self, ConfigError> {
        let hmac = Self::new(algorithm, header_name(header)?, encoding, secret);
        hmac.check()?;
        Ok(hmac)
    }

    #[track_caller]
    fn new(
        algorithm: Algorithm,
        header: HeaderName,
        encoding: Encoding,
        secret: impl AsRef<[u8]>,
    ) -> Self {
        Self {
            secrets: Secrets::new(algorithm, secret),
            header,
            encoding,
            prefix: String::new(),
            delivery_id: None,
        }
    }

    /// Takes this secret too. An empty one, and a text with white space at its start or end,
    /// verifies nothing, and [`check`](Verifier::check) says so.
    #[track_caller]
    pub fn or(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.secrets.add(secret.as_ref());
        self
    }

    /// What stands before the signature, `sha256=` say; upper and lower case differ.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The header that names the delivery. It may be missing, but not be there twice.
    ///
    /// The signature does not cover it, so whoever replays a delivery can give it a new one.
    ///
    /// # Errors
    ///
    /// Where `header` is not a header's name (RFC 9110 §5.1).
    pub fn delivery_id(mut self, header: &str) -> Result<Self, ConfigError> {
        self.delivery_id = Some(header_name(header)?);
        Ok(self)
    }

    /// The signature that the request shows, whatever it signs.
    fn tag(&self, request: &WebhookRequest<'_>) -> Result<Vec<u8>, Rejection> {
        let value = request.proof(&self.header)?;
        let signature = value
            .strip_prefix(self.prefix.as_str())
            .ok_or(Rejection::SignatureInvalid("another prefix"))?;
        self.encoding
            .decode(signature, self.secrets.algorithm.tag_len())
            .ok_or(Rejection::SignatureInvalid("another encoding or length"))
    }

    fn delivery(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let delivery = Delivery::new();
        let Some(header) = &self.delivery_id else {
            return Ok(delivery);
        };
        match request.proof(header) {
            Ok("") | Err(Rejection::SignatureMissing(_)) => Ok(delivery),
            Ok(id) => Ok(delivery.with_id(id)),
            Err(_) => Err(Rejection::SignatureInvalid(
                "the delivery id is there twice or not ASCII",
            )),
        }
    }
}

fn header_name(name: &str) -> Result<HeaderName, ConfigError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        ConfigError::new(format!(
            "{name:?} is not a header's name: letters, digits and hyphens make one"
        ))
    })
}

impl Verifier for Hmac {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let tag = self.tag(request)?;
        if !self.secrets.signed(&[request.body()], &tag) {
            return Err(Rejection::SignatureInvalid(
                "no secret gives this signature of this body",
            ));
        }
        self.delivery(request)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        // Whoever shows nothing that could be a signature needs no body read.
        self.tag(request).map(|_| None)
    }

    fn binds(&self) -> Option<&'static str> {
        Some("body")
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.secrets.given.check()?;
        // HTTP takes blanks off the start of a header's value.
        let fits = |b: u8| b == b' ' || b.is_ascii_graphic();
        if self.prefix.starts_with(' ') || !self.prefix.bytes().all(fits) {
            return Err(ConfigError::new(format!(
                "the prefix {:?} begins with a blank, or is not visible ASCII: no header matches it",
                self.prefix
            )));
        }
        Ok(())
    }
}

impl fmt::Debug for Hmac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hmac")
            .field("algorithm", &self.secrets.algorithm)
            .field("header", &self.header)
            .field("prefix", &self.prefix)
            .field("encoding", &self.encoding)
            .field("secrets", &self.secrets.usable.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
