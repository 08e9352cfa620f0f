//! HubSpot: version 3 signs method, URL, body and time. Versions 1 and 2 are no HMAC: they hash the
//! secret and what follows it.

use std::fmt;

use http::{HeaderName, StatusCode};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::hmac::Hmac;
use super::key::Key;
use super::mac::decode_hex;
use super::scheme::{self, Scheme};
use super::secret::IntoSecrets;
use super::senders::HUBSPOT;
use super::terms::Terms;
use super::url::PublicUrl;
use super::uses::{SecretIds, SecretUses};
use super::verifier::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

pub(super) static SCHEMES: &[Scheme] = &[Scheme {
    name: "hubspot",
    sender: "HubSpot",
    constructor: "HubSpot::new",
    signs: "`{method}{url}{body}{timestamp}` (version 3); HMAC-SHA256, base64",
    proof: "X-HubSpot-Signature-v3",
    retry_budget: Some(86_400),
    retries: "up to 10 times in 24 h",
    tolerance: HUBSPOT.tolerance(),
    build: |setup| {
        let mut hubspot = HubSpot::new(setup.secrets()).dangerous_legacy(setup.diagnosing);
        hubspot.v3.configure(setup);
        // Version 1 signs no URL.
        let nowhere = setup.diagnosing.then_some("https://unknown.invalid");
        if let Some(url) = setup.public_url.as_deref().or(nowhere) {
            hubspot = hubspot.public_url(url);
        }
        Ok(Box::new(hubspot))
    },
    ..Scheme::UNSAID
}];

const SIGNATURE_V3: HeaderName = HeaderName::from_static("x-hubspot-signature-v3");
const SIGNATURE: HeaderName = HeaderName::from_static("x-hubspot-signature");
const VERSION: HeaderName = HeaderName::from_static("x-hubspot-signature-version");

/// HubSpot: `X-HubSpot-Signature-v3` under the app's client secret, over method, public URL, body and
/// time.
///
/// The older `X-HubSpot-Signature` is a plain hash of the secret and what follows it, to which whoever
/// has seen one can append (length extension). It is refused, unless
/// [`dangerous_legacy`](Self::dangerous_legacy) allows it.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{HubSpot, Verifier};
///
/// let hubspot = HubSpot::new("the client secret").public_url("https://hooks.example.com");
/// hubspot.check()?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct HubSpot {
    v3: Hmac,
    url: Option<PublicUrl>,
    legacy: bool,
}

impl HubSpot {
    /// Accepts what is signed with this client secret.
    #[track_caller]
    pub fn new(secret: impl IntoSecrets) -> Self {
        Self {
            v3: Hmac::of(
                scheme::known(SCHEMES, "hubspot"),
                &HUBSPOT,
                secret.into_secrets(),
            ),
            url: None,
            legacy: false,
        }
    }

    /// Takes this secret too.
    #[track_caller]
    pub fn or(mut self, secret: impl IntoSecrets) -> Self {
        self.v3 = self.v3.or(secret);
        self
    }

    /// Sets the public address of the service, as HubSpot has it: `https://hooks.example.com`.
    pub fn public_url(mut self, url: &str) -> Self {
        self.url = PublicUrl::new(url).ok();
        self.v3 = self.v3.public_url(url);
        self
    }

    /// Sets the status of a refusal.
    pub fn refuse_with(mut self, status: StatusCode) -> Self {
        self.v3 = self.v3.refuse_with(status);
        self
    }

    /// Accepts versions 1 and 2, too, where a request has no version 3. **They sign no time, and can be
    /// extended by whoever has seen one.**
    pub fn dangerous_legacy(mut self, accept: bool) -> Self {
        self.legacy = accept;
        self
    }

    fn is_legacy(&self, request: &WebhookRequest<'_>) -> bool {
        self.legacy && !request.headers().contains_key(SIGNATURE_V3)
    }

    fn verify_legacy(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let signature = request.proof(&SIGNATURE)?;
        let shown = decode_hex(signature)
            .filter(|shown| shown.len() == 32)
            .ok_or(Rejection::SignatureInvalid("another encoding or length"))?;
        let url = match request.proof(&VERSION) {
            Ok("v1") => None,
            Ok("v2") => {
                let url = self.url.as_ref().ok_or(Rejection::SignatureInvalid(
                    "the public URL is not configured",
                ))?;
                Some(url.of(request))
            }
            _ => return Err(Rejection::SignatureInvalid("another version")),
        };
        let number = self.v3.keys().find(|key| {
            #[cfg_attr(not(feature = "webhook-asymmetric"), allow(irrefutable_let_patterns))]
            let Key::Secret(secret) = key else {
                return false;
            };
            let mut hash = Sha256::new_with_prefix(&**secret);
            if let Some(url) = &url {
                hash.update(request.method().as_str());
                hash.update(url);
            }
            hash.update(request.body());
            let is: Choice = hash.finalize().as_slice().ct_eq(&shown);
            is.into()
        });
        let number = number.ok_or(Rejection::SignatureInvalid(
            "no secret gives this signature of this body",
        ))?;
        let mut delivery = Delivery::new();
        delivery.scheme = self.v3.terms().scheme;
        delivery.secret = Some(number);
        Ok(delivery)
    }
}

impl Verifier for HubSpot {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        if self.is_legacy(request) {
            return self.verify_legacy(request);
        }
        self.v3.verify(request)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        if self.is_legacy(request) {
            return request.proof(&SIGNATURE).map(|_| None);
        }
        self.v3.verify_head(request)
    }

    fn terms(&self) -> Terms {
        self.v3.terms()
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        self.v3.secret_uses(ids)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.v3.check()
    }
}

impl fmt::Debug for HubSpot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSpot")
            .field("v3", &self.v3)
            .field("legacy", &self.legacy)
            .finish_non_exhaustive()
    }
}
