//! Meta (Facebook, Instagram, WhatsApp): signed deliveries, and a GET that proves who subscribes.

use std::fmt;

use http::{Method, StatusCode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::form;
use super::hmac::Hmac;
use super::key::{Key, KeyForm};
use super::ring::Ring;
use super::scheme::{self, Scheme};
use super::secret::IntoSecrets;
use super::senders::META;
use super::terms::Terms;
use super::uses::{SecretIds, SecretUses};
use super::verifier::{Answer, ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

/// A challenge is a number of some digits.
const LONGEST_CHALLENGE: usize = 256;

pub(super) static SCHEMES: &[Scheme] = &[Scheme {
    name: "meta",
    sender: "Meta, WhatsApp",
    constructor: "Meta::new",
    signs: "the body as it was sent; HMAC-SHA256, hexadecimal",
    proof: "X-Hub-Signature-256",
    retry_budget: Some(36 * 3600),
    retries: "ever more rarely for up to 36 h; WhatsApp for 7 days",
    handshake: Some("GET with `hub.verify_token`: the challenge is echoed"),
    handshake_by: &["GET"],
    build: |setup| Ok(Box::new(Meta::new(setup.secrets(), setup.secrets()))),
    ..Scheme::UNSAID
}];

/// Meta (Facebook, Instagram, WhatsApp): `X-Hub-Signature-256` under the app secret, and the verify
/// token of the subscription, which the layer checks and answers.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Meta, Verifier};
///
/// Meta::new("the app secret", "the verify token").check()?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct Meta {
    signed: Hmac,
    verify_token: Ring,
}

impl Meta {
    /// Accepts what is signed with this app secret, and a subscription with this verify token.
    #[track_caller]
    pub fn new(app_secret: impl IntoSecrets, verify_token: impl IntoSecrets) -> Self {
        Self {
            signed: Hmac::of(
                scheme::known(SCHEMES, "meta"),
                &META,
                app_secret.into_secrets(),
            ),
            verify_token: Ring::new(KeyForm::Text, verify_token.into_secrets()),
        }
    }

    /// Accepts this app secret too.
    #[track_caller]
    pub fn or(mut self, app_secret: impl IntoSecrets) -> Self {
        self.signed = self.signed.or(app_secret);
        self
    }

    /// Sets the status of a refusal. The default is 401.
    pub fn refuse_with(mut self, status: StatusCode) -> Self {
        self.signed = self.signed.refuse_with(status);
        self
    }

    fn subscribe(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let query = form::pairs(request.uri().query().unwrap_or_default().as_bytes());
        let one = |name| form::only(&query, name);
        let token = one("hub.verify_token").ok_or(Rejection::SignatureMissing(
            "the GET has no `hub.verify_token`, or several",
        ))?;
        if one("hub.mode") != Some(b"subscribe") {
            return Err(Rejection::SignatureInvalid("the GET is of another mode"));
        }
        let challenge = one("hub.challenge")
            .and_then(|challenge| std::str::from_utf8(challenge).ok())
            .filter(|challenge| (1..=LONGEST_CHALLENGE).contains(&challenge.len()))
            .ok_or(Rejection::SignatureInvalid("the GET has no challenge"))?;
        let shown = Sha256::digest(token);
        let number = self.verify_token.find(|key| match key {
            Key::Secret(secret) => {
                let known: [u8; 32] = Sha256::digest(&**secret).into();
                known.as_slice().ct_eq(&shown).into()
            }
            #[cfg(feature = "webhook-asymmetric")]
            Key::Public(_) => false,
        });
        let number = number.ok_or(Rejection::SignatureInvalid("another verify token"))?;
        let mut delivery = Delivery::new().with_answer(Answer::text(challenge));
        delivery.scheme = Some("meta");
        delivery.secret = Some(number);
        Ok(delivery)
    }
}

impl Verifier for Meta {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        if request.method() == Method::GET {
            return self.subscribe(request);
        }
        self.signed.verify(request)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        if request.method() == Method::GET {
            return self.subscribe(request).map(Some);
        }
        self.signed.verify_head(request)
    }

    fn terms(&self) -> Terms {
        self.signed.terms()
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        let mut uses = self.signed.keys().uses(ids);
        uses.extend(self.verify_token.uses(ids));
        uses
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.signed.check()?;
        self.verify_token.check()
    }
}

impl fmt::Debug for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meta").field(&self.signed).finish()
    }
}
