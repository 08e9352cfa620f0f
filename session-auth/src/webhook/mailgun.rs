//! Mailgun: a time and a token are signed, and both stand in the body, which is not.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;

use super::form;
use super::json;
use super::key::{Key, KeyForm};
use super::mac::{Algorithm, Encoding};
use super::ring::Ring;
use super::row::{Tolerance, Unit};
use super::scheme::{self, Scheme};
use super::secret::IntoSecrets;
use super::terms::{Binds, Terms};
use super::times::{self, parse, within};
use super::uses::{SecretIds, SecretUses};
use super::verifier::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

const TOLERANCE: u64 = 300;

pub(super) static SCHEMES: &[Scheme] = &[Scheme {
    name: "mailgun",
    sender: "Mailgun",
    constructor: "Mailgun::new",
    signs: "`{timestamp}{token}`, and nothing of what happened; HMAC-SHA256, hexadecimal",
    proof: "signature.signature in the body, or the form's field",
    binds: Binds::Sender,
    retry_budget: Some(8 * 3600),
    retries: "after 5, 10, 15 min, 1, 2, 4 h; 406 ends it",
    delivery_id: Some("/signature/token"),
    tolerance: Tolerance::Chosen(TOLERANCE),
    build: |setup| {
        let mut mailgun = Mailgun::new(setup.secrets());
        if let Some(tolerance) = setup.tolerance() {
            mailgun.tolerance = tolerance;
        }
        Ok(Box::new(mailgun))
    },
    ..Scheme::UNSAID
}];

/// Mailgun: `signature` in a body of JSON, or `timestamp`, `token` and `signature` in a form, under the
/// webhook signing key.
///
/// **The event is not signed.** Whoever has seen one delivery can send any event with its signature:
/// keep a replay window, in which the token, which is the delivery's id, is good for one use.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Binds, Mailgun, Verifier};
///
/// let mailgun = Mailgun::new("the webhook signing key");
/// assert_eq!(mailgun.terms().binds, Some(Binds::Sender));
/// ```
#[must_use]
pub struct Mailgun {
    keys: Ring,
    tolerance: Option<Duration>,
    refuse_with: Option<StatusCode>,
}

impl Mailgun {
    /// Accepts what is signed with this webhook signing key.
    #[track_caller]
    pub fn new(key: impl IntoSecrets) -> Self {
        Self {
            keys: Ring::new(KeyForm::Text, key.into_secrets()),
            tolerance: Some(Duration::from_secs(TOLERANCE)),
            refuse_with: None,
        }
    }

    /// Accepts this key too.
    #[track_caller]
    pub fn or(mut self, key: impl IntoSecrets) -> Self {
        self.keys.add(key.into_secrets());
        self
    }

    /// Sets how far the time of a delivery may be from now, to either side. In whole seconds; the
    /// default is 300.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Sets the status of a refusal. The default is 401; 406 ends Mailgun's attempts.
    pub fn refuse_with(mut self, status: StatusCode) -> Self {
        self.refuse_with = Some(status);
        self
    }
}

/// The field of this name.
type Field<'a> = dyn Fn(&str) -> Option<String> + 'a;

struct Proof {
    timestamp: String,
    token: String,
    signature: String,
}

fn proof(request: &WebhookRequest<'_>) -> Result<Proof, Rejection> {
    let missing = Rejection::SignatureMissing("the body has no timestamp, token and signature");
    let body = request.body();
    let field: Box<Field<'_>> = match form::media_type(request).as_deref() {
        Some("application/x-www-form-urlencoded") => {
            let pairs = form::fields(body)?;
            Box::new(move |name| String::from_utf8(form::only(&pairs, name)?.to_vec()).ok())
        }
        Some("multipart/form-data") => {
            let boundary = form::boundary(request).ok_or(missing)?;
            Box::new(move |name| form::part(body, &boundary, name))
        }
        _ => Box::new(|name| json::pointer(body, &format!("/signature/{name}"))),
    };
    Ok(Proof {
        timestamp: field("timestamp").ok_or(missing)?,
        token: field("token").ok_or(missing)?,
        signature: field("signature").ok_or(missing)?,
    })
}

impl Verifier for Mailgun {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let proof = proof(request)?;
        let seconds = parse(&proof.timestamp, Unit::Seconds)?;
        if proof.token.is_empty() {
            return Err(Rejection::SignatureInvalid("the token is empty"));
        }
        let len = Algorithm::Sha256.tag_len();
        let signature = Encoding::Hex
            .decode(&proof.signature, len, len)
            .ok_or(Rejection::SignatureInvalid("another encoding or length"))?;
        let number = self.keys.find(|key| match key {
            Key::Secret(secret) => {
                let parts = [proof.timestamp.as_bytes(), proof.token.as_bytes()];
                let tag = secret.tag(Algorithm::Sha256, parts.into_iter());
                tag.is(&signature).into()
            }
            #[cfg(feature = "webhook-asymmetric")]
            Key::Public(_) => false,
        });
        let number = number.ok_or(Rejection::SignatureInvalid(
            "no secret gives this signature of this time and token",
        ))?;
        within(seconds, self.tolerance, request.now())?;
        let mut delivery = Delivery::new().with_id(proof.token);
        delivery.timestamp = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        delivery.scheme = Some("mailgun");
        delivery.secret = Some(number);
        Ok(delivery)
    }

    fn terms(&self) -> Terms {
        let mut terms =
            scheme::known(SCHEMES, "mailgun").map_or_else(Terms::default, Scheme::terms);
        if let Some(status) = self.refuse_with {
            terms.refuse_with = status;
        }
        terms
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        self.keys.uses(ids)
    }

    fn check(&self) -> Result<(), ConfigError> {
        times::check(self.tolerance)?;
        self.keys.check()
    }
}

impl fmt::Debug for Mailgun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailgun")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}
