//! Deliveries signed with an HMAC: the general form.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::headers::header_name;
use super::key::KeyForm;
use super::mac::{Algorithm, Encoding};
use super::ring::Ring;
use super::row::{By, Id, Part, Row, Shape};
use super::scheme::{Scheme, Setup};
use super::secret::{IntoSecrets, Secrets};
use super::signed::Signed;
use super::terms::Terms;
use super::uses::{SecretIds, SecretUses};
use super::verifier::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

/// A body signed with HMAC-SHA256, in one header in hexadecimal: what most senders do.
pub(super) const PLAIN: Row = Row {
    signature: &["x-signature"],
    shape: Shape::Whole { prefix: "" },
    encoding: Encoding::Hex,
    by: By::Hmac(Algorithm::Sha256),
    key: KeyForm::Text,
    message: &[Part::Body],
    time: None,
    id: Id::None,
    greeting: None,
};

/// What is signed with HMAC (RFC 2104) under a shared secret, the signature in a header.
///
/// For a known sender there is a constructor. For any other that signs its bodies,
/// [`sha256`](Self::sha256) and its like: the header has to be there once and to hold the prefix,
/// exactly, and the signature.
///
/// Several secrets can be valid at once: add the new one with [`or`](Self::or), have the sender switch,
/// then take the old one away; or hand in [`Secrets`], to do that while the service runs. Their order
/// does not matter.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Encoding, Hmac};
///
/// let stripe = Hmac::stripe("whsec_..").or("whsec_of_before");
///
/// let other = Hmac::sha256("X-Acme-Signature", Encoding::Hex, "the secret")?
///     .prefix("sha256=")
///     .delivery_id("X-Acme-Delivery")?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct Hmac {
    signed: Signed,
}

impl Hmac {
    /// HMAC-SHA256 of the body, written in this header in this encoding.
    ///
    /// # Errors
    ///
    /// Where `header` is not a header's name (RFC 9110 §5.1), or the secret is empty, or
    /// a text with white space at its start or end, or with something in it that does not show.
    #[track_caller]
    pub fn sha256(
        header: &str,
        encoding: Encoding,
        secret: impl IntoSecrets,
    ) -> Result<Self, ConfigError> {
        Self::checked(Algorithm::Sha256, header, encoding, secret.into_secrets())
    }

    /// HMAC-SHA512 of the body, written in this header in this encoding.
    ///
    /// # Errors
    ///
    /// As [`sha256`](Self::sha256).
    #[track_caller]
    pub fn sha512(
        header: &str,
        encoding: Encoding,
        secret: impl IntoSecrets,
    ) -> Result<Self, ConfigError> {
        Self::checked(Algorithm::Sha512, header, encoding, secret.into_secrets())
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
        secret: impl IntoSecrets,
    ) -> Result<Self, ConfigError> {
        Self::checked(Algorithm::Sha1, header, encoding, secret.into_secrets())
    }

    #[track_caller]
    fn checked(
        algorithm: Algorithm,
        header: &str,
        encoding: Encoding,
        secrets: Secrets,
    ) -> Result<Self, ConfigError> {
        let row = Row {
            encoding,
            by: By::Hmac(algorithm),
            ..PLAIN
        };
        let signed = Signed::new(None, &row, secrets).with_header(header_name(header)?);
        signed.check()?;
        Ok(Self { signed })
    }

    #[track_caller]
    pub(super) fn of(scheme: Option<&'static Scheme>, row: &Row, secrets: Secrets) -> Self {
        let signed = Signed::new(scheme, row, secrets);
        Self { signed }
    }

    pub(super) fn configure(&mut self, setup: &Setup) {
        self.signed.configure(setup);
    }

    /// Has it be known as another scheme, that signs alike.
    pub(super) fn rename(&mut self, scheme: Option<&'static Scheme>) {
        self.signed.set_scheme(scheme);
    }

    pub(super) fn keys(&self) -> &Ring {
        &self.signed.keys
    }

    /// Takes this secret too. An empty one, and a text with white space at its start or end or with
    /// something in it that does not show, verifies nothing, and [`check`](Verifier::check) says so.
    #[track_caller]
    pub fn or(mut self, secret: impl IntoSecrets) -> Self {
        self.signed.keys.add(secret.into_secrets());
        self
    }

    /// What stands before the signature, `sha256=` say; upper and lower case differ. It has no effect
    /// where signatures stand in a list.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.signed.set_prefix(prefix.into());
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
        self.signed.set_id_header(header_name(header)?);
        Ok(self)
    }

    /// Where in a body of JSON the delivery is named: a pointer (RFC 6901) to a string or a whole
    /// number, `/data/id`.
    pub fn delivery_id_at(mut self, pointer: impl Into<String>) -> Self {
        self.signed.set_id_pointer(pointer.into());
        self
    }

    /// Sets how far the time of a delivery may be from now, to either side. In whole seconds; the
    /// default is the scheme's. It has no effect where the sender signs no time.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.signed.set_tolerance(Some(tolerance));
        self
    }

    /// Sets the public address of the service, where the URL is signed, as the sender has it:
    /// `https://hooks.example.com`, with the path that a proxy takes off, if one does. The target of the
    /// request is put behind it. `Host` is never read: the caller chooses it.
    pub fn public_url(mut self, url: &str) -> Self {
        self.signed.set_url(url);
        self
    }

    /// Sets the status of a refusal: 503 where a sender would give up on a 4xx. The default is the
    /// scheme's.
    pub fn refuse_with(mut self, status: StatusCode) -> Self {
        self.signed.set_refuse_with(status);
        self
    }
}

impl Verifier for Hmac {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        self.signed.verify(request)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        // Whoever shows nothing that could be a signature needs no body read.
        self.signed.verify_head(request).map(|()| None)
    }

    fn terms(&self) -> Terms {
        self.signed.terms()
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        self.signed.keys.uses(ids)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.signed.check()
    }
}

impl fmt::Debug for Hmac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hmac").field(&self.signed).finish()
    }
}
