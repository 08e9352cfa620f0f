//! Webhooks: a [`Verifier`] proves that a delivery came from its sender.
//!
//! 1. A verifier sees the exact bytes received, before anything parsed them, and the handler runs
//!    only once it has accepted them. The body is read up to a limit, in bytes, and not past it.
//! 2. A proof that is there twice is ambiguous, and refused: a proxy in front may have looked at
//!    the other one. So is one that is not ASCII, in another encoding or of another length.
//! 3. Secrets are compared in constant time, and all of them every time, so that neither the
//!    answer's delay nor its content says which one was nearly right.
//! 4. The caller is told the [reason](Rejection::as_str) and no more; the
//!    [detail](Rejection::detail) is for the log. Neither holds a value from the request.
//! 5. A verifier that could not verify anything, for its secret is empty or has a line end at its end,
//!    refuses everything, and [`Verifier::check`] stops the start.
//! 6. Where the head alone is the proof, and it is wrong, nothing of the body is read. All of a body
//!    has to be there in 30 seconds, or what
//!    [`webhook_body_timeout`](crate::SessionAuthLayerBuilder::webhook_body_timeout) says.
//!
//! 7. A handshake is between the sender and the layer: it is answered, and no handler sees it.
//! 8. A refusal has the status after which the sender tries again: 401, or 503 where it takes a 4xx as
//!    final. See [`Terms`].
//!
//! Senders that are known have a constructor each: [`Hmac::stripe`], [`BasicAuth::postmark`], and what
//! [`schemes`] lists. `docs/webhooks.md` has the table of them.
//!
//! A signature over the body alone stays valid for ever: whoever has seen one delivery can send it
//! again. Where the sender signs no time, keep a replay window, or make the handler idempotent.
//! [`BasicAuth`] and [`Bearer`] do not cover the body at all: they rest on TLS up to this service.
//!
//! # Example
//!
//! ```
//! use std::time::SystemTime;
//!
//! use axum::http::Request;
//! use session_auth::webhook::{Hmac, Rejection, Verifier, WebhookRequest};
//!
//! // The example of GitHub's documentation.
//! let github = Hmac::github("It's a Secret to Everybody");
//! let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
//!
//! let genuine = Request::post("/webhooks/github")
//!     .header("X-Hub-Signature-256", signature)
//!     .body("Hello, World!")?;
//! let request = WebhookRequest::new(&genuine, SystemTime::now());
//! assert!(github.verify(&request).is_ok());
//!
//! let altered = genuine.map(|_| "Hello, World?");
//! let request = WebhookRequest::new(&altered, SystemTime::now());
//! let rejection = github.verify(&request).unwrap_err();
//! assert!(matches!(rejection, Rejection::SignatureInvalid(_)));
//! assert_eq!(rejection.as_str(), "signature_invalid");
//! # Ok::<_, axum::http::Error>(())
//! ```

mod adyen;
mod blanks;
pub(crate) mod body;
#[cfg(feature = "webhook-asymmetric")]
mod both;
#[cfg(feature = "webhook-asymmetric")]
mod certificate;
#[cfg(feature = "webhook-asymmetric")]
mod claims;
mod combined;
pub(crate) mod deadline;
mod events;
mod form;
mod greeting;
pub(crate) mod handed;
mod headers;
mod hmac;
mod http_auth;
mod hubspot;
mod json;
#[cfg(feature = "webhook-asymmetric")]
mod jwks;
#[cfg(feature = "webhook-asymmetric")]
mod jwt;
mod key;
mod mac;
mod mailgun;
#[cfg(feature = "sha1")]
mod mandrill;
mod meta;
mod network;
#[cfg(feature = "webhook-asymmetric")]
mod paypal;
#[cfg(feature = "webhook-asymmetric")]
mod public_key;
pub(crate) mod replay;
mod ring;
mod row;
mod scheme;
mod schemes;
mod secret;
mod senders;
mod signed;
#[cfg(feature = "testing")]
pub(crate) mod signing;
#[cfg(feature = "webhook-asymmetric")]
mod sns;
mod tenants;
mod terms;
mod times;
#[cfg(feature = "sha1")]
mod twilio;
mod url;
mod uses;
mod verifier;
#[cfg(feature = "webhook-asymmetric")]
mod verifying_key;

pub use self::adyen::Adyen;
#[cfg(feature = "webhook-asymmetric")]
pub use self::certificate::Certificates;
pub use self::combined::{AllOf, AnyOf, IpAllowlist, all_of, any_of};
pub use self::events::{CloudEvents, EventGrid};
pub use self::hmac::Hmac;
pub use self::http_auth::{ApiKey, BasicAuth, Bearer};
pub use self::hubspot::HubSpot;
#[cfg(feature = "webhook-asymmetric")]
pub use self::jwks::Jwks;
#[cfg(feature = "webhook-asymmetric")]
pub use self::jwt::JwtIssuer;
#[cfg(feature = "webhook-asymmetric")]
pub(crate) use self::jwt::{Fault, Token};
pub use self::mac::Encoding;
pub use self::mailgun::Mailgun;
#[cfg(feature = "sha1")]
pub use self::mandrill::Mandrill;
pub use self::meta::Meta;
pub(crate) use self::network::{Network, networks};
#[cfg(feature = "webhook-asymmetric")]
pub use self::paypal::PayPal;
#[cfg(feature = "webhook-asymmetric")]
pub use self::public_key::PublicKey;
pub use self::scheme::{Scheme, Setup};
pub(crate) use self::schemes::known_scheme;
pub use self::schemes::{scheme, schemes};
pub use self::secret::{IntoSecrets, Secrets};
#[cfg(feature = "webhook-asymmetric")]
pub use self::sns::Sns;
pub use self::tenants::PerTenant;
pub use self::terms::{Binds, Terms};
#[cfg(feature = "sha1")]
pub use self::twilio::Twilio;
pub use self::uses::{SecretIds, SecretUses};
pub use self::verifier::{
    Answer, ConfigError, Delivery, FetchError, Preparing, Rejection, Verifier, WebhookRequest,
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
