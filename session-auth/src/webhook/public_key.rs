//! Senders that sign with a private key of their own: nothing that is kept here can sign.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::greeting::Greeting;
use super::key::KeyForm;
use super::mac::Encoding;
use super::row::{At, By, Id, Part, Row, Shape, Time, Tolerance, Unit};
use super::scheme::{self, Scheme, Setup};
use super::secret::{IntoSecrets, Secrets};
use super::senders::{self, STANDARD_V1A};
use super::signed::Signed;
use super::terms::Terms;
use super::uses::{SecretIds, SecretUses};
use super::verifier::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

const fn header_time(header: &'static [&'static str]) -> Option<Time> {
    Some(Time {
        at: At::Header(header),
        unit: Unit::Seconds,
        tolerance: Tolerance::None,
        early: false,
    })
}

pub(super) static DISCORD: Row = Row {
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

pub(super) static SENDGRID: Row = Row {
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
        build: |setup| {
            PublicKey::of(scheme::known(SCHEMES, "discord"), &DISCORD, setup.secrets())
                .configured(setup)
        },
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
        build: |setup| {
            PublicKey::of(
                scheme::known(SCHEMES, "sendgrid"),
                &SENDGRID,
                setup.secrets(),
            )
            .configured(setup)
        },
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
        Self::of(
            scheme::known(SCHEMES, "discord"),
            &DISCORD,
            public_key.into_secrets(),
        )
    }

    /// SendGrid's event webhook, with its verification key. The time is signed, and not judged:
    /// events are tried again for a day. For inbound mail, set
    /// [`refuse_with`](Self::refuse_with) to 503.
    #[track_caller]
    pub fn sendgrid(public_key: impl IntoSecrets) -> Self {
        Self::of(
            scheme::known(SCHEMES, "sendgrid"),
            &SENDGRID,
            public_key.into_secrets(),
        )
    }

    /// Standard Webhooks, version `v1a`: the sender's `whpk_` and base64.
    #[track_caller]
    pub fn standard_webhooks(public_key: impl IntoSecrets) -> Self {
        let scheme = scheme::known(senders::SCHEMES, "standard-webhooks");
        Self::of(scheme, &STANDARD_V1A, public_key.into_secrets())
    }

    #[track_caller]
    fn of(scheme: Option<&'static Scheme>, row: &Row, keys: Secrets) -> Self {
        let signed = Signed::new(scheme, row, keys);
        Self { signed }
    }

    fn configured(mut self, setup: &Setup) -> Result<Box<dyn Verifier>, ConfigError> {
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

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        self.signed.keys.uses(ids)
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
