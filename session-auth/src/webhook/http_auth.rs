//! Senders that sign nothing and show a secret in a header.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::headers::{credentials, header_name, id_in};
use super::json;
use super::key::{Key, KeyForm};
use super::ring::Ring;
use super::scheme::{self, Scheme, Setup};
use super::secret::{IntoSecrets, Secrets};
use super::terms::{Binds, Terms};
use super::uses::{SecretIds, SecretUses};
use super::verifier::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

/// The senders that show a secret.
pub(super) static SCHEMES: &[Scheme] = &[
    Scheme {
        name: "postmark",
        sender: "Postmark",
        constructor: "BasicAuth::postmark",
        signs: "nothing; the credentials of the webhook's URL",
        proof: "Authorization",
        binds: Binds::Sender,
        // Delivery, open and click events. Bounces and inbound mail: 10 hours.
        retry_budget: Some(21 * 60),
        retries: "events after 1, 5, 15 min; bounces and inbound mail 10 times in 10 h; 403 ends it",
        delivery_id: Some("/MessageID"),
        build: |setup| Ok(Box::new(BasicAuth::pairs(setup.secrets()).of_postmark())),
        ..Scheme::UNSAID
    },
    Scheme {
        name: "telegram",
        sender: "Telegram",
        constructor: "ApiKey::telegram",
        signs: "nothing; the `secret_token` of `setWebhook`",
        proof: "X-Telegram-Bot-Api-Secret-Token",
        binds: Binds::Sender,
        retries: "for a while",
        delivery_id: Some("/update_id"),
        build: |setup| Ok(Box::new(ApiKey::telegram(setup.secrets()))),
        ..Scheme::UNSAID
    },
    Scheme {
        name: "gitlab",
        sender: "GitLab",
        constructor: "ApiKey::gitlab, Hmac::standard_webhooks",
        signs: "with a signing token (`whsec_`) as Standard Webhooks; else nothing, but a secret token",
        proof: "webhook-signature; X-Gitlab-Token",
        binds: Binds::Sender,
        retries: "switched off after repeated failures",
        delivery_id: Some("webhook-id, Idempotency-Key"),
        build: gitlab,
        ..Scheme::UNSAID
    },
];

/// By its secret one knows which of the two ways it signs.
fn gitlab(setup: &Setup) -> Result<Box<dyn Verifier>, ConfigError> {
    let signing = |secret: &Zeroizing<Vec<u8>>| secret.starts_with(b"whsec_");
    if setup.secrets.iter().any(signing) {
        let mut hmac = super::Hmac::standard_webhooks(setup.secrets());
        hmac.configure(setup);
        hmac.rename(scheme::known(SCHEMES, "gitlab"));
        return Ok(Box::new(hmac));
    }
    Ok(Box::new(ApiKey::gitlab(setup.secrets())))
}

/// A secret that a header shows.
struct Shown {
    header: HeaderName,
    keys: Ring,
    scheme: Option<&'static Scheme>,
    id_header: Option<HeaderName>,
    id_pointer: Option<String>,
    /// What is in a body whose id others have, too.
    shared_where: Option<&'static str>,
    refuse_with: Option<StatusCode>,
}

impl Shown {
    #[track_caller]
    fn new(header: HeaderName, form: KeyForm, secrets: Secrets) -> Self {
        Self {
            header,
            keys: Ring::new(form, secrets),
            scheme: None,
            id_header: None,
            id_pointer: None,
            shared_where: None,
            refuse_with: None,
        }
    }

    fn verify(&self, shown: &[u8]) -> Result<Delivery, Rejection> {
        // Of one length, so that comparing them does not tell that of the secret.
        let shown = digest(shown);
        let number = self.keys.find(|key| match key {
            Key::Secret(secret) => digest(secret).as_slice().ct_eq(shown.as_slice()).into(),
            #[cfg(feature = "webhook-asymmetric")]
            Key::Public(_) => false,
        });
        let number = number.ok_or(Rejection::SignatureInvalid("other credentials"))?;
        let mut delivery = Delivery::new();
        delivery.scheme = self.scheme.map(|scheme| scheme.name);
        delivery.secret = Some(number);
        Ok(delivery)
    }

    /// What the whole request says of a delivery that the head has proved.
    fn identify(
        &self,
        mut delivery: Delivery,
        request: &WebhookRequest<'_>,
    ) -> Result<Delivery, Rejection> {
        delivery.id = match (&self.id_header, &self.id_pointer) {
            (Some(header), _) => id_in(request, header)?,
            (None, Some(pointer)) => json::pointer(request.body(), pointer),
            (None, None) => None,
        };
        let is_there = |pointer| json::pointer(request.body(), pointer).is_some();
        delivery.shares_its_id = self.shared_where.is_some_and(is_there);
        Ok(delivery)
    }

    /// Nothing of the body is needed, unless the id is in it.
    fn of_head(&self, delivery: Delivery) -> Option<Delivery> {
        self.id_pointer.is_none().then_some(delivery)
    }

    fn terms(&self) -> Terms {
        let mut terms = match self.scheme {
            Some(scheme) => scheme.terms(),
            None => Terms {
                binds: Some(Binds::Sender),
                ..Terms::default()
            },
        };
        if let Some(status) = self.refuse_with {
            terms.refuse_with = status;
        }
        terms
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.keys.check()?;
        self.id_pointer.as_deref().map_or(Ok(()), json::check)
    }
}

fn digest(of: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(Sha256::digest(of).into())
}

/// What the three have in common.
macro_rules! shown {
    ($type:ident, $challenge:expr) => {
        impl $type {
            /// Where in a body of JSON the delivery is named: a pointer (RFC 6901) to a string or a
            /// whole number, `/MessageID`.
            pub fn delivery_id_at(mut self, pointer: impl Into<String>) -> Self {
                self.0.id_pointer = Some(pointer.into());
                self
            }

            /// The header that names the delivery. It may be missing, but not be there twice.
            ///
            /// # Errors
            ///
            /// Where `header` is not a header's name (RFC 9110 §5.1).
            pub fn delivery_id(mut self, header: &str) -> Result<Self, ConfigError> {
                self.0.id_header = Some(header_name(header)?);
                Ok(self)
            }

            /// Sets the status of a refusal: 503 where a sender would give up on a 4xx. The default
            /// is 401.
            pub fn refuse_with(mut self, status: StatusCode) -> Self {
                self.0.refuse_with = Some(status);
                self
            }
        }

        impl Verifier for $type {
            fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
                let delivery = self.of_head(request)?;
                self.0.identify(delivery, request)
            }

            fn verify_head(
                &self,
                request: &WebhookRequest<'_>,
            ) -> Result<Option<Delivery>, Rejection> {
                let delivery = self.of_head(request)?;
                let delivery = self.0.of_head(delivery);
                delivery.map(|it| self.0.identify(it, request)).transpose()
            }

            fn challenge(&self) -> Option<HeaderValue> {
                $challenge
            }

            fn terms(&self) -> Terms {
                self.0.terms()
            }

            fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
                self.0.keys.uses(ids)
            }

            fn check(&self) -> Result<(), ConfigError> {
                self.0.check()
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    };
}

/// HTTP Basic credentials (RFC 7617): what a sender makes of `https://user:password@host/..`.
///
/// Texts are compared as UTF-8. Several pairs can be valid at once, for rotation. A pair with an
/// empty password, a `:` in the user, a control character, a sign without a width, or white space at the
/// start or end of either verifies nothing, and [`check`](Verifier::check) says so.
///
/// It needs no body, so whoever shows other credentials is refused before any of it is read. A refusal
/// asks for credentials, by `WWW-Authenticate: Basic`: some clients send them only then.
///
/// # Example
///
/// ```
/// use std::time::SystemTime;
///
/// use axum::http::Request;
/// use session_auth::webhook::{BasicAuth, Verifier, WebhookRequest};
///
/// let verifier = BasicAuth::new("acme", "new password").or("acme", "old password");
/// verifier.check()?;
///
/// let request = Request::post("/webhooks/acme")
///     .header("Authorization", "Basic YWNtZTpvbGQgcGFzc3dvcmQ=")
///     .body("{}")?;
/// assert!(verifier.verify(&WebhookRequest::new(&request, SystemTime::now())).is_ok());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct BasicAuth(Shown);

impl BasicAuth {
    /// Accepts this user with this password.
    #[track_caller]
    pub fn new(user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        Self::pairs(pair(user.as_ref(), password.as_ref()))
    }

    /// Accepts these pairs, each written `user:password`.
    #[track_caller]
    pub fn pairs(pairs: impl IntoSecrets) -> Self {
        Self(Shown::new(
            AUTHORIZATION,
            KeyForm::Basic,
            pairs.into_secrets(),
        ))
    }

    /// Postmark: the credentials of the webhook's URL, and `MessageID` of the body as the delivery's
    /// id. A refusal is never a 403, on which Postmark gives up.
    ///
    /// All events of one mail have its `MessageID`: its delivery, then a complaint or each time it is opened.
    /// So what has a `RecordType` is known again by its whole body, and a mail that came in by its id.
    #[track_caller]
    pub fn postmark(user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        Self::new(user, password).of_postmark()
    }

    fn of_postmark(self) -> Self {
        let mut basic = self.delivery_id_at("/MessageID");
        basic.0.scheme = scheme::known(SCHEMES, "postmark");
        basic.0.shared_where = Some("/RecordType");
        basic
    }

    /// Accepts this pair too.
    #[track_caller]
    pub fn or(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        self.0.keys.add(pair(user.as_ref(), password.as_ref()));
        self
    }

    fn of_head(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let shown = STANDARD
            .decode(credentials(request, "Basic")?)
            .map(Zeroizing::new)
            .map_err(|_| Rejection::SignatureInvalid("the credentials are not base64"))?;
        self.0.verify(&shown)
    }
}

fn pair(user: &str, password: &str) -> Secrets {
    if user.contains(':') {
        return Secrets::faulty(
            "a user has a colon in it, which ends the user in HTTP Basic: choose another one",
        );
    }
    // Room for all at once: growing would leave a copy behind.
    let mut pair = Zeroizing::new(Vec::with_capacity(user.len() + 1 + password.len()));
    pair.extend_from_slice(user.as_bytes());
    pair.push(b':');
    pair.extend_from_slice(password.as_bytes());
    Secrets::new([&*pair])
}

// RFC 7617, section 2.1: without the `charset`, clients encode what is not ASCII as they like.
shown!(
    BasicAuth,
    Some(HeaderValue::from_static(
        r#"Basic realm="webhook", charset="UTF-8""#
    ))
);

/// A bearer token in `Authorization` (RFC 6750 §2.1).
///
/// Any visible ASCII is taken as a token, not only what the RFC's grammar has. Several can be
/// valid at once, for rotation. A token that is empty or has anything else in it verifies nothing,
/// and [`check`](Verifier::check) says so. As with [`BasicAuth`], no body is read for another token.
///
/// # Example
///
/// ```
/// use std::time::SystemTime;
///
/// use axum::http::Request;
/// use session_auth::webhook::{Bearer, Verifier, WebhookRequest};
///
/// let verifier = Bearer::new("new-token").or("old-token");
/// verifier.check()?;
///
/// let request = Request::post("/internal/waf-events")
///     .header("Authorization", "Bearer old-token")
///     .body("{}")?;
/// assert!(verifier.verify(&WebhookRequest::new(&request, SystemTime::now())).is_ok());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Bearer(Shown);

impl Bearer {
    /// Accepts this token.
    #[track_caller]
    pub fn new(token: impl IntoSecrets) -> Self {
        Self(Shown::new(
            AUTHORIZATION,
            KeyForm::Token,
            token.into_secrets(),
        ))
    }

    /// Accepts this token too.
    #[track_caller]
    pub fn or(mut self, token: impl IntoSecrets) -> Self {
        self.0.keys.add(token.into_secrets());
        self
    }

    fn of_head(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        self.0.verify(credentials(request, "Bearer")?.as_bytes())
    }
}

shown!(
    Bearer,
    Some(HeaderValue::from_static(r#"Bearer realm="webhook""#))
);

/// A token in a header of the sender's own: `X-Gitlab-Token`.
///
/// As with [`Bearer`], any visible ASCII is a token, several can be valid at once, and no body is read
/// for another one.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{ApiKey, Verifier};
///
/// let verifier = ApiKey::new("X-Acme-Key", "the token")?;
/// assert!(verifier.check().is_err(), "a blank in it: no visible ASCII");
/// ApiKey::telegram("a-Z_09").check()?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct ApiKey(Shown);

impl ApiKey {
    /// Accepts this token in this header.
    ///
    /// # Errors
    ///
    /// Where `header` is not a header's name (RFC 9110 §5.1).
    #[track_caller]
    pub fn new(header: &str, token: impl IntoSecrets) -> Result<Self, ConfigError> {
        let header = header_name(header)?;
        Ok(Self(Shown::new(
            header,
            KeyForm::Token,
            token.into_secrets(),
        )))
    }

    /// Telegram: `X-Telegram-Bot-Api-Secret-Token`, the `secret_token` that was given to `setWebhook`:
    /// 1 to 256 of `A-Z`, `a-z`, `0-9`, `_` and `-`. The delivery's id is `update_id`.
    #[track_caller]
    pub fn telegram(token: impl IntoSecrets) -> Self {
        let header = HeaderName::from_static("x-telegram-bot-api-secret-token");
        let mut shown = Shown::new(header, KeyForm::Telegram, token.into_secrets());
        shown.scheme = scheme::known(SCHEMES, "telegram");
        shown.id_pointer = Some("/update_id".to_owned());
        Self(shown)
    }

    /// GitLab's secret token, `X-Gitlab-Token`. Newer ones sign: with a signing token, `whsec_..`, use
    /// [`Hmac::standard_webhooks`](super::Hmac::standard_webhooks).
    #[track_caller]
    pub fn gitlab(token: impl IntoSecrets) -> Self {
        let header = HeaderName::from_static("x-gitlab-token");
        let mut shown = Shown::new(header, KeyForm::Token, token.into_secrets());
        shown.scheme = scheme::known(SCHEMES, "gitlab");
        shown.id_header = Some(HeaderName::from_static("idempotency-key"));
        Self(shown)
    }

    /// Accepts this token too.
    #[track_caller]
    pub fn or(mut self, token: impl IntoSecrets) -> Self {
        self.0.keys.add(token.into_secrets());
        self
    }

    fn of_head(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        self.0.verify(request.proof(&self.0.header)?.as_bytes())
    }
}

shown!(ApiKey, None);
