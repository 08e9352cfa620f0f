//! Mandrill: the public URL and the fields of a form, signed together.

use std::fmt;

use http::{HeaderName, Method, StatusCode};

use super::form;
use super::key::{Key, KeyForm};
use super::mac::{Algorithm, Encoding, Tag};
use super::ring::Ring;
use super::scheme::{self, Scheme};
use super::secret::IntoSecrets;
use super::terms::{Binds, Terms};
use super::url::{NO_URL, PublicUrl};
use super::uses::{SecretIds, SecretUses};
use super::verifier::{Answer, ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

const SIGNATURE: HeaderName = HeaderName::from_static("x-mandrill-signature");

pub(super) static SCHEMES: &[Scheme] = &[Scheme {
    name: "mandrill",
    sender: "Mandrill",
    constructor: "Mandrill::new",
    signs: "the public URL and the sorted fields of the form; HMAC-SHA1, base64",
    proof: "X-Mandrill-Signature",
    binds: Binds::Fields,
    handshake: Some("a HEAD without a signature gets a 200"),
    handshake_by: &["HEAD"],
    feature: Some("sha1"),
    build: |setup| {
        let mandrill = Mandrill::new(setup.secrets());
        Ok(Box::new(match &setup.public_url {
            Some(url) => mandrill.public_url(url),
            None => mandrill,
        }))
    },
    ..Scheme::UNSAID
}];

/// Mandrill: `X-Mandrill-Signature`, over the public URL and the fields of the form. Needs the feature
/// `sha1`.
///
/// Before there is a key, Mandrill asks by HEAD whether the URL is there: the layer says yes.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Mandrill, Verifier};
///
/// let mandrill = Mandrill::new("the webhook key").public_url("https://hooks.example.com");
/// mandrill.check()?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct Mandrill {
    keys: Ring,
    url: Option<PublicUrl>,
    url_fault: Option<ConfigError>,
}

impl Mandrill {
    /// Accepts what is signed with this webhook key.
    #[track_caller]
    pub fn new(key: impl IntoSecrets) -> Self {
        Self {
            keys: Ring::new(KeyForm::Text, key.into_secrets()),
            url: None,
            url_fault: None,
        }
    }

    /// Accepts this key too.
    #[track_caller]
    pub fn or(mut self, key: impl IntoSecrets) -> Self {
        self.keys.add(key.into_secrets());
        self
    }

    /// Sets the public address of the service, as it was given to Mandrill:
    /// `https://hooks.example.com`. `Host` is never read: the caller chooses it.
    pub fn public_url(mut self, url: &str) -> Self {
        match PublicUrl::new(url) {
            Ok(url) => self.url = Some(url),
            Err(error) => self.url_fault = Some(error),
        }
        self
    }
}

fn signature(request: &WebhookRequest<'_>) -> Result<Tag, Rejection> {
    let len = Algorithm::Sha1.tag_len();
    Encoding::Base64
        .decode(request.proof(&SIGNATURE)?, len, len)
        .ok_or(Rejection::SignatureInvalid("another encoding or length"))
}

impl Verifier for Mandrill {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        if request.method() == Method::HEAD {
            return Ok(Delivery::new().with_answer(Answer::new(StatusCode::OK)));
        }
        let signature = signature(request)?;
        if !form::is_form(request) {
            return Err(Rejection::SignatureInvalid("the body is no form"));
        }
        let url = self.url.as_ref().ok_or(Rejection::SignatureInvalid(
            "the public URL is not configured",
        ))?;
        let url = url.of(request);
        let mut fields = form::fields(request.body())?;
        fields.sort();
        let fields: Vec<u8> = fields
            .into_iter()
            .flat_map(|(name, value)| [name, value])
            .flatten()
            .collect();
        let number = self.keys.find(|key| match key {
            Key::Secret(secret) => {
                let parts = [url.as_bytes(), &fields];
                let tag = secret.tag(Algorithm::Sha1, parts.into_iter());
                tag.is(&signature).into()
            }
            #[cfg(feature = "webhook-asymmetric")]
            Key::Public(_) => false,
        });
        let number = number.ok_or(Rejection::SignatureInvalid(
            "no secret gives this signature of this URL and these fields",
        ))?;
        let mut delivery = Delivery::new();
        delivery.scheme = Some("mandrill");
        delivery.secret = Some(number);
        Ok(delivery)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        if request.method() == Method::HEAD {
            return self.verify(request).map(Some);
        }
        signature(request).map(|_| None)
    }

    fn terms(&self) -> Terms {
        scheme::known(SCHEMES, "mandrill").map_or_else(Terms::default, Scheme::terms)
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        self.keys.uses(ids)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.keys.check()?;
        match (&self.url_fault, &self.url) {
            (Some(fault), _) => Err(fault.clone()),
            (None, None) => Err(ConfigError::new(NO_URL)),
            (None, Some(_)) => Ok(()),
        }
    }
}

impl fmt::Debug for Mandrill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mandrill")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}
