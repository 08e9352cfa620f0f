//! PayPal: an id, a time, the webhook's id and a checksum of the body, signed with a key whose
//! certificate the headers name.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, StatusCode};

use super::blanks::setting;
use super::certificate::{Certificates, Hash, host_and_path, rfc3339};
use super::scheme::{self, Scheme};
use super::terms::{Binds, Terms};
use super::times::{self, within};
use super::verifier::{ConfigError, Delivery, Preparing, Rejection, Verifier, WebhookRequest};

const ID: HeaderName = HeaderName::from_static("paypal-transmission-id");
const TIME: HeaderName = HeaderName::from_static("paypal-transmission-time");
const SIGNATURE: HeaderName = HeaderName::from_static("paypal-transmission-sig");
const CERTIFICATE: HeaderName = HeaderName::from_static("paypal-cert-url");
const ALGORITHM: HeaderName = HeaderName::from_static("paypal-auth-algo");

pub(super) static SCHEMES: &[Scheme] = &[Scheme {
    name: "paypal",
    sender: "PayPal",
    constructor: "PayPal::new",
    signs: "`{id}|{time}|{webhook id}|{CRC-32 of the body}`; RSA with SHA-256",
    proof: "PAYPAL-TRANSMISSION-SIG",
    // Another body of the same checksum is easily made.
    binds: Binds::Sender,
    retry_budget: Some(3 * 86_400),
    retries: "25 times in 3 days",
    delivery_id: Some("paypal-transmission-id"),
    feature: Some("webhook-asymmetric"),
    build: |setup| {
        let pem = setup.secrets.first().ok_or(ConfigError::new(
            "there is no certificate: give the file of it, in PEM",
        ))?;
        let id = setup.webhook_id.as_deref().unwrap_or_default();
        let mut paypal = PayPal::new(id, Certificates::given(pem.as_slice()));
        paypal.tolerance = setup.tolerance().flatten();
        paypal.any_url = setup.diagnosing;
        Ok(Box::new(paypal))
    },
    ..Scheme::UNSAID
}];

/// PayPal: the webhook's id as PayPal shows it, and the certificate that a delivery names. Needs the
/// feature `webhook-asymmetric`.
///
/// **Of the body, a CRC-32 is signed, which anybody can give to another body.** Keep a replay window:
/// the transmission's id, which is signed, is good for one delivery then.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Certificates, PayPal, Verifier};
///
/// # async fn get(url: &str) -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
/// let certificates = Certificates::fetched(|url| async move { Ok(get(&url).await?) });
/// PayPal::new("4JH86294D6297924G", certificates).check()?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct PayPal {
    webhook_id: String,
    certificates: Certificates,
    any_url: bool,
    tolerance: Option<Duration>,
    refuse_with: Option<StatusCode>,
}

impl PayPal {
    /// Accepts the deliveries of this webhook.
    pub fn new(webhook_id: impl Into<String>, certificates: Certificates) -> Self {
        Self {
            webhook_id: webhook_id.into(),
            certificates,
            any_url: false,
            tolerance: None,
            refuse_with: None,
        }
    }

    /// Sets how far the time of a delivery may be from now, to either side. In whole seconds. By
    /// default any time is good: PayPal tries again for three days, and signs the time of the first
    /// attempt.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Sets the status of a refusal. The default is 401.
    pub fn refuse_with(mut self, status: StatusCode) -> Self {
        self.refuse_with = Some(status);
        self
    }

    fn certificate_url<'a>(&self, request: &WebhookRequest<'a>) -> Result<&'a str, Rejection> {
        let url = match request.proof(&CERTIFICATE) {
            Ok(url) => url,
            // A captured delivery may come without it.
            Err(Rejection::SignatureMissing(_)) if self.any_url => return Ok(""),
            Err(rejection) => return Err(rejection),
        };
        let is_paypals = host_and_path(url)
            .is_some_and(|(host, _)| host == "paypal.com" || host.ends_with(".paypal.com"));
        is_paypals.then_some(url).ok_or(Rejection::SignatureInvalid(
            "the URL of the certificate is not one of PayPal",
        ))
    }
}

/// CRC-32 (ISO 3309), as in gzip.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |mut crc: u32, &byte| {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
        crc
    })
}

impl Verifier for PayPal {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let signature = request.proof(&SIGNATURE)?;
        let (id, time) = (request.proof(&ID)?, request.proof(&TIME)?);
        match request.proof(&ALGORITHM) {
            Ok("SHA256withRSA") | Err(Rejection::SignatureMissing(_)) => {}
            _ => return Err(Rejection::SignatureInvalid("another algorithm")),
        }
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| Rejection::SignatureInvalid("another encoding or length"))?;
        let url = self.certificate_url(request)?;
        let certificate = self.certificates.get(url).ok_or(Rejection::Unavailable(
            "the sender's certificate is not there",
        ))?;
        let signed = format!("{id}|{time}|{}|{}", self.webhook_id, crc32(request.body()));
        certificate.verify(Hash::Sha256, signed.as_bytes(), &signature, request.now())?;
        let seconds =
            rfc3339(time).ok_or(Rejection::SignatureInvalid("the time is of another form"))?;
        within(seconds, self.tolerance, request.now())?;
        let mut delivery = Delivery::new().with_id(id);
        delivery.timestamp = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        delivery.scheme = Some("paypal");
        Ok(delivery)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        request.proof(&SIGNATURE)?;
        self.certificate_url(request).map(|_| None)
    }

    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        let url = self.certificate_url(request).ok()?.to_owned();
        self.certificates.fetch(url)
    }

    fn terms(&self) -> Terms {
        let mut terms = scheme::known(SCHEMES, "paypal").map_or_else(Terms::default, Scheme::terms);
        if let Some(status) = self.refuse_with {
            terms.refuse_with = status;
        }
        terms
    }

    fn check(&self) -> Result<(), ConfigError> {
        setting("the webhook's id of PayPal", &self.webhook_id)?;
        times::check(self.tolerance)?;
        self.certificates.check()
    }
}

impl fmt::Debug for PayPal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayPal")
            .field("webhook_id", &self.webhook_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_that_of_gzip() {
        assert_eq!(super::crc32(b""), 0);
        assert_eq!(super::crc32(b"123456789"), 0xcbf4_3926);
    }
}
