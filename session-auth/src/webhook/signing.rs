//! Signing deliveries as their senders do, for tests.

#[cfg(feature = "webhook-asymmetric")]
mod asymmetric;
#[cfg(feature = "webhook-asymmetric")]
mod private_key;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Request};

#[cfg(feature = "sha1")]
use super::form;
use super::key::{Key, KeyForm, Secret};
use super::mac::{Algorithm, encode_hex};
#[cfg(feature = "webhook-asymmetric")]
use super::public_key::{DISCORD, SENDGRID};
use super::row::{At, By, Id, Part, Row, Shape, Unit};
#[cfg(feature = "webhook-asymmetric")]
use super::senders::STANDARD_V1A;
use super::senders::{ADYEN_PLATFORM, HUBSPOT, META, ROWS};

#[cfg(feature = "webhook-asymmetric")]
pub use asymmetric::TestIssuer;

/// Signs a request as the sender of this scheme does, at this time: for tests of your own webhooks.
///
/// - Where the URL is signed, the request has to have all of it: `https://hooks.example.com/x`.
/// - Linear and Mailgun have their time and proof in the body: Mailgun's is put there.
/// - Where the sender has a private key (`discord`, `sendgrid`, `aws-sns`, `paypal`), the secret is one: PKCS#8
///   in PEM, of the kind that the sender has. `standard-webhooks` signs its version `v1a` with a `whsk_`.
///   A message of SNS is the body, with what it lacks filled in, but for its `TopicArn`. For PayPal the id of the
///   webhook stands in a line before the key.
/// - Where the sender shows a token (`google-pubsub`, `cloudflare-access`, `azure-event-grid`,
///   `cloudevents`), the secret is that token; `TestIssuer` makes tokens and the key set they are checked with.
///   All that a private key signs needs the feature `webhook-asymmetric`.
///
/// ```
/// use std::time::SystemTime;
///
/// use axum::http::Request;
/// use session_auth::testing::sign_webhook;
/// use session_auth::webhook::{Hmac, Verifier, WebhookRequest};
///
/// let request = Request::post("/hooks/stripe").body("{}".into())?;
/// let request = sign_webhook("stripe", "whsec_test", request, SystemTime::now());
/// let stripe = Hmac::stripe("whsec_test");
/// assert!(stripe.verify(&WebhookRequest::new(&request, SystemTime::now())).is_ok());
/// # Ok::<_, axum::http::Error>(())
/// ```
///
/// # Panics
///
/// Where there is no such scheme, and where the secret is none of it.
#[must_use]
pub fn sign_webhook(
    scheme: &str,
    secret: &str,
    mut request: Request<Bytes>,
    now: SystemTime,
) -> Request<Bytes> {
    let shown = |text: &str| HeaderValue::from_str(text).expect("a secret that a header can show");
    let mut put = |name: HeaderName, value: &str| {
        let value = shown(value);
        request.headers_mut().insert(name, value);
    };
    let row = match scheme {
        "postmark" => {
            put(AUTHORIZATION, &format!("Basic {}", STANDARD.encode(secret)));
            return request;
        }
        "telegram" => {
            put(
                HeaderName::from_static("x-telegram-bot-api-secret-token"),
                secret,
            );
            return request;
        }
        "gitlab" if !secret.starts_with("whsec_") => {
            put(HeaderName::from_static("x-gitlab-token"), secret);
            return request;
        }
        "google-pubsub" | "azure-event-grid" | "cloudevents" => {
            put(AUTHORIZATION, &format!("Bearer {secret}"));
            return request;
        }
        "cloudflare-access" => {
            put(HeaderName::from_static("cf-access-jwt-assertion"), secret);
            return request;
        }
        "mailgun" => return mailgun(secret, request, now),
        #[cfg(feature = "sha1")]
        "twilio" | "mandrill" => return with_fields(scheme, secret, request),
        #[cfg(feature = "webhook-asymmetric")]
        "aws-sns" => return asymmetric::sns(secret, request, now),
        #[cfg(feature = "webhook-asymmetric")]
        "paypal" => return asymmetric::paypal(secret, request, now),
        #[cfg(feature = "webhook-asymmetric")]
        "discord" => &DISCORD,
        #[cfg(feature = "webhook-asymmetric")]
        "sendgrid" => &SENDGRID,
        #[cfg(feature = "webhook-asymmetric")]
        "standard-webhooks" if secret.starts_with("whsk_") => &STANDARD_V1A,
        "gitlab" => row_of("standard-webhooks"),
        "meta" => &META,
        "adyen" => &ADYEN_PLATFORM,
        "hubspot" => &HUBSPOT,
        other => row_of(other),
    };
    by_row(row, secret, &mut request, now);
    request
}

fn row_of(scheme: &str) -> &'static Row {
    let row = ROWS.iter().find(|(name, _)| *name == scheme);
    row.unwrap_or_else(|| panic!("{scheme:?} is no scheme that a secret signs for"))
        .1
}

fn key(form: KeyForm, secret: &str) -> Secret {
    match form.parse(secret.as_bytes()) {
        Ok(Key::Secret(secret)) => secret,
        #[cfg(feature = "webhook-asymmetric")]
        Ok(Key::Public(_)) => panic!("a public key signs nothing"),
        Err(fault) => panic!("{fault}"),
    }
}

fn time(now: SystemTime, unit: Unit) -> String {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    match unit {
        Unit::Seconds => now.as_secs().to_string(),
        Unit::Milliseconds => now.as_millis().to_string(),
    }
}

fn by_row(row: &Row, secret: &str, request: &mut Request<Bytes>, now: SystemTime) {
    let time = row.time.map(|at| time(now, at.unit)).unwrap_or_default();
    if let Some(At::Header([header, ..])) = row.time.map(|time| time.at) {
        let value = HeaderValue::from_str(&time).expect("digits");
        request.headers_mut().insert(*header, value);
    }
    let mut id = String::new();
    if let Id::Header([header, ..]) = row.id {
        let known = request
            .headers()
            .get(*header)
            .and_then(|it| it.to_str().ok());
        id = known.unwrap_or("msg_test").to_owned();
        let value = HeaderValue::from_str(&id).expect("it was a header's");
        request.headers_mut().insert(*header, value);
    }
    let (url, method) = (request.uri().to_string(), request.method().clone());
    let part = |part: &Part| match part {
        Part::Text(text) => text.as_bytes(),
        Part::Id => id.as_bytes(),
        Part::Time => time.as_bytes(),
        Part::Method => method.as_str().as_bytes(),
        Part::Url | Part::DecodedUrl => url.as_bytes(),
        Part::Body => request.body().as_ref(),
    };
    let message = row.message.iter().map(part);
    let tag = match row.by {
        By::Hmac(algorithm) => {
            let tag = algorithm.tag(&key(row.key, secret), message);
            row.encoding.encode(&tag)
        }
        #[cfg(feature = "webhook-asymmetric")]
        By::PublicKey => {
            let message = message.collect::<Vec<_>>().concat();
            let signature = private_key::PrivateKey::read(secret).sign(&message);
            row.encoding.encode(&signature)
        }
    };
    let value = match row.shape {
        Shape::Whole { prefix } => format!("{prefix}{tag}"),
        Shape::Each => tag,
        Shape::Pairs {
            separator,
            time: name,
            version,
            ..
        } => format!("{name}={time}{separator}{version}={tag}"),
        Shape::List { version } => format!("{version},{tag}"),
    };
    let value = HeaderValue::from_str(&value).expect("ASCII");
    request.headers_mut().insert(row.signature[0], value);
}

/// The URL and the sorted fields of a form.
#[cfg(feature = "sha1")]
fn with_fields(scheme: &str, secret: &str, mut request: Request<Bytes>) -> Request<Bytes> {
    let mut fields = form::pairs(request.body());
    fields.sort();
    if scheme == "twilio" {
        fields.dedup();
    }
    let url = request.uri().to_string();
    let fields = fields
        .iter()
        .flat_map(|(name, value)| [name.as_slice(), value.as_slice()]);
    let message = std::iter::once(url.as_bytes()).chain(fields);
    let tag = Algorithm::Sha1.tag(&key(KeyForm::Text, secret), message);
    let value = HeaderValue::from_str(&STANDARD.encode(&*tag)).expect("ASCII");
    let header = if scheme == "twilio" {
        "x-twilio-signature"
    } else {
        "x-mandrill-signature"
    };
    request.headers_mut().insert(header, value);
    request
}

/// Time, token and signature, in the body.
fn mailgun(secret: &str, request: Request<Bytes>, now: SystemTime) -> Request<Bytes> {
    let time = time(now, Unit::Seconds);
    let mut random = [0; 25];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    let token = encode_hex(&random);
    let message = [time.as_bytes(), token.as_bytes()];
    let tag = Algorithm::Sha256.tag(&key(KeyForm::Text, secret), message.into_iter());
    let signature = encode_hex(&tag);
    request.map(|body| {
        let mut body: serde_json::Value =
            serde_json::from_slice(&body).expect("a body of JSON, to put the proof in");
        body["signature"] = serde_json::json!({
            "timestamp": time, "token": token, "signature": signature,
        });
        body.to_string().into()
    })
}
