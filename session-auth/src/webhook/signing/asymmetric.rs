//! What Amazon and PayPal sign, and the tokens of an issuer.

use std::fmt;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request};
use serde_json::Value;
use time::OffsetDateTime;

use super::private_key::PrivateKey;
use crate::webhook::paypal::crc32;
use crate::webhook::sns::Message;

/// RFC 3339, in UTC and in seconds.
fn rfc3339(now: SystemTime) -> String {
    let now = OffsetDateTime::from(now);
    let (date, time) = (now.date(), now.time());
    format!(
        "{}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// The signature stands in the message.
pub(super) fn sns(secret: &str, request: Request<Bytes>, now: SystemTime) -> Request<Bytes> {
    request.map(|body| {
        let message: Value = serde_json::from_slice(&body).expect("a message of SNS, in JSON");
        let mut message = Message(message);
        let fields = message.0.as_object_mut().expect("a message is an object");
        for (name, value) in [
            ("Type", "Notification"),
            ("MessageId", "msg_test"),
            ("Message", ""),
            ("Timestamp", &*rfc3339(now)),
            ("SignatureVersion", "2"),
            (
                "SigningCertURL",
                "https://sns.us-east-1.amazonaws.com/test.pem",
            ),
        ] {
            fields.entry(name).or_insert_with(|| value.into());
        }
        let signed = message.signed();
        let signed = signed.unwrap_or_else(|refused| panic!("{}", refused.detail()));
        let signature = PrivateKey::read(secret).sign(signed.as_bytes());
        message.0["Signature"] = STANDARD.encode(signature).into();
        message.0.to_string().into()
    })
}

pub(super) fn paypal(secret: &str, mut request: Request<Bytes>, now: SystemTime) -> Request<Bytes> {
    let (webhook, key) = secret
        .split_once('\n')
        .expect("the id of the webhook, in a line before the key");
    let time = rfc3339(now);
    let signed = format!("msg_test|{time}|{webhook}|{}", crc32(request.body()));
    let signature = STANDARD.encode(PrivateKey::read(key).sign(signed.as_bytes()));
    for (name, value) in [
        ("paypal-transmission-id", "msg_test"),
        ("paypal-transmission-time", &time),
        ("paypal-transmission-sig", &signature),
        ("paypal-auth-algo", "SHA256withRSA"),
        ("paypal-cert-url", "https://api.paypal.com/test.pem"),
    ] {
        let value = HeaderValue::from_str(value).expect("ASCII");
        request.headers_mut().insert(name, value);
    }
    request
}

/// An issuer of tokens for tests: of webhooks that show one, and of callers whom
/// [`JwtBearer`](crate::authenticate::JwtBearer) proves. Needs the features `testing` and `webhook-asymmetric`.
/// `Debug` shows no key.
///
/// # Example
///
/// ```
/// use std::time::SystemTime;
///
/// use axum::http::Request;
/// use serde_json::json;
/// use session_auth::testing::{TestIssuer, sign_webhook};
/// use session_auth::webhook::{Jwks, JwtIssuer, Verifier, WebhookRequest};
///
/// // `openssl genpkey -algorithm ed25519`
/// let key = "-----BEGIN PRIVATE KEY-----
/// MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
/// -----END PRIVATE KEY-----";
/// let team = TestIssuer::new("key-1", key);
/// let address = "https://team.cloudflareaccess.com";
/// let verifier = JwtIssuer::cloudflare_access(address, "hooks", Jwks::given(&team.jwks()));
///
/// let claims = json!({ "iss": address, "aud": ["hooks"], "exp": 4_102_444_800_u64 });
/// let request = Request::post("/hooks").body("{}".into())?;
/// let request = sign_webhook("cloudflare-access", &team.token(&claims), request, SystemTime::now());
/// assert!(verifier.verify(&WebhookRequest::new(&request, SystemTime::now())).is_ok());
/// # Ok::<_, axum::http::Error>(())
/// ```
pub struct TestIssuer {
    kid: String,
    key: PrivateKey,
}

impl TestIssuer {
    /// With this private key, PKCS#8 in PEM: Ed25519 signs by `EdDSA`, P-256 by `ES256`, RSA by `RS256`.
    ///
    /// # Panics
    ///
    /// Where it is no such key.
    #[must_use]
    pub fn new(kid: impl Into<String>, private_key: &str) -> Self {
        Self {
            kid: kid.into(),
            key: PrivateKey::read(private_key),
        }
    }

    /// A JWT of these claims, as they are.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.key.token(&self.kid, claims)
    }

    /// The key set that its tokens are checked with.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.key.jwks(&self.kid)
    }
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
