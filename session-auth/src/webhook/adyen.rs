//! Adyen: classic payment notifications sign some of their fields, in the body; the newer ones sign
//! the body, in a header.

use std::fmt;

use http::{HeaderName, StatusCode};
use serde_json::Value;

use super::hmac::Hmac;
use super::json;
use super::key::Key;
use super::mac::{Algorithm, Encoding};
use super::scheme::{self, Scheme};
use super::secret::IntoSecrets;
use super::senders::ADYEN_PLATFORM;
use super::terms::{Binds, Terms};
use super::uses::{SecretIds, SecretUses};
use super::verifier::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

const HEADER: HeaderName = HeaderName::from_static("hmacsignature");

pub(super) static SCHEMES: &[Scheme] = &[Scheme {
    name: "adyen",
    sender: "Adyen",
    constructor: "Adyen::new",
    signs: "payments: eight fields of each item; platform and management: the body; HMAC-SHA256, \
            base64",
    proof: "additionalData.hmacSignature in the body; HmacSignature",
    binds: Binds::Fields,
    retry_budget: Some(30 * 86_400),
    retries: "3 times at once, then for up to 30 days",
    delivery_id: Some("pspReference, eventCode and success of a single item"),
    build: |setup| Ok(Box::new(Adyen::new(setup.secrets()))),
    ..Scheme::UNSAID
}];

/// Adyen: the HMAC key, in hexadecimal.
///
/// Platform and management webhooks sign their bodies, in `HmacSignature`. Classic payment
/// notifications sign eight fields of each item: **everything else in them is unproven.** Each item of a
/// notification has to be signed.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Adyen, Verifier};
///
/// let key = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
/// Adyen::new(key).check()?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct Adyen(Hmac);

impl Adyen {
    /// Accepts what is signed with this key.
    #[track_caller]
    pub fn new(key: impl IntoSecrets) -> Self {
        Self(Hmac::of(
            scheme::known(SCHEMES, "adyen"),
            &ADYEN_PLATFORM,
            key.into_secrets(),
        ))
    }

    /// Accepts this key too.
    #[track_caller]
    pub fn or(self, key: impl IntoSecrets) -> Self {
        Self(self.0.or(key))
    }

    /// Sets the status of a refusal. The default is 401.
    pub fn refuse_with(self, status: StatusCode) -> Self {
        Self(self.0.refuse_with(status))
    }

    fn verify_items(&self, body: &[u8]) -> Result<Delivery, Rejection> {
        let missing = Rejection::SignatureMissing("neither a header nor an item is signed");
        let body = json::whole(body).ok_or(Rejection::SignatureMissing(
            "no header, and the body is no JSON",
        ))?;
        let items = body
            .get("notificationItems")
            .and_then(Value::as_array)
            .filter(|items| !items.is_empty())
            .ok_or(missing)?;
        let mut number = None;
        let mut id = None;
        for item in items {
            let item = item.get("NotificationRequestItem").ok_or(missing)?;
            let shown = item
                .pointer("/additionalData/hmacSignature")
                .and_then(Value::as_str)
                .ok_or(missing)?;
            let len = Algorithm::Sha256.tag_len();
            let shown = Encoding::Base64
                .decode(shown, len, len)
                .ok_or(Rejection::SignatureInvalid("another encoding or length"))?;
            let signed = signed(item)?;
            let by = self.0.keys().find(|key| match key {
                Key::Secret(secret) => {
                    let message = std::iter::once(signed.as_bytes());
                    secret.tag(Algorithm::Sha256, message).is(&shown).into()
                }
                #[cfg(feature = "webhook-asymmetric")]
                Key::Public(_) => false,
            });
            number = Some(by.ok_or(Rejection::SignatureInvalid(
                "no secret gives this signature of these fields",
            ))?);
            let field = |name| item.get(name).and_then(text).unwrap_or_default();
            id = Some(format!(
                "{}:{}:{}",
                field("pspReference"),
                field("eventCode"),
                field("success")
            ));
        }
        let mut delivery = Delivery::new();
        delivery.scheme = Some("adyen");
        delivery.secret = number;
        delivery.id = id.filter(|_| items.len() == 1);
        Ok(delivery)
    }
}

/// As in `src/utils/hmacValidator.ts` of Adyen's library for Node.
fn signed(item: &Value) -> Result<String, Rejection> {
    let fields = [
        "/pspReference",
        "/originalReference",
        "/merchantAccountCode",
        "/merchantReference",
        "/amount/value",
        "/amount/currency",
        "/eventCode",
        "/success",
    ];
    let mut values = Vec::with_capacity(fields.len());
    for field in fields {
        values.push(match item.pointer(field) {
            None | Some(Value::Null) => String::new(),
            Some(value) => text(value).ok_or(Rejection::SignatureInvalid(
                "a field that is signed is neither a text nor a number",
            ))?,
        });
    }
    Ok(values.join(":"))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

impl Verifier for Adyen {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        // Where the header is there it decides: whoever can add an item cannot take it away.
        if request.headers().contains_key(HEADER) {
            return self.0.verify(request);
        }
        self.verify_items(request.body())
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        if request.headers().contains_key(HEADER) {
            return self.0.verify_head(request);
        }
        Ok(None)
    }

    fn terms(&self) -> Terms {
        Terms {
            binds: Some(Binds::Fields),
            ..self.0.terms()
        }
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        self.0.secret_uses(ids)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.0.check()
    }
}

impl fmt::Debug for Adyen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Adyen").field(&self.0).finish()
    }
}
