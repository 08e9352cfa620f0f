//! Senders that sign nothing and show a secret in `Authorization`.

use std::fmt;
use std::panic::Location;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::secret::{Given, ends};
use super::verifier::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

/// What is accepted, as digests: of one length, so that comparing them does not tell that of the
/// secret, and the secrets themselves need not be kept.
#[derive(Default)]
struct Accepted {
    digests: Vec<Zeroizing<[u8; 32]>>,
    given: Given,
}

impl Accepted {
    /// Takes what a caller has to show, unless it has a fault: then it is not accepted at all.
    fn add(&mut self, shown: &[u8], fault: Option<&str>, at: &Location<'_>) {
        if self.given.add(fault, at) {
            self.digests.push(digest(shown));
        }
    }

    fn verify(&self, shown: &[u8]) -> Result<Delivery, Rejection> {
        let shown = digest(shown);
        let mut matches = Choice::from(0);
        // `subtle` and to the end, so that the delay says neither how much nor which one matched.
        for known in &self.digests {
            matches |= known.as_slice().ct_eq(shown.as_slice());
        }
        if matches.into() {
            Ok(Delivery::new())
        } else {
            Err(Rejection::SignatureInvalid("other credentials"))
        }
    }
}

fn digest(of: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(Sha256::digest(of).into())
}

/// What follows the scheme in the one `Authorization` header.
fn credentials<'a>(request: &WebhookRequest<'a>, scheme: &str) -> Result<&'a str, Rejection> {
    let value = request.proof(&AUTHORIZATION)?;
    // RFC 9110 §11.4: the scheme's case does not matter; one or more spaces follow it.
    let Some((given, credentials)) = value.split_once(' ') else {
        return Err(Rejection::SignatureInvalid("a scheme without credentials"));
    };
    if !given.eq_ignore_ascii_case(scheme) {
        return Err(Rejection::SignatureInvalid("another scheme"));
    }
    Ok(credentials.trim_start_matches(' '))
}

/// HTTP Basic credentials (RFC 7617): what a sender makes of `https://user:password@host/..`.
///
/// Texts are compared as UTF-8. Several pairs can be valid at once, for rotation. A pair with an
/// empty password, a `:` in the user, a control character, or white space at the start or end of either
/// verifies nothing, and [`check`](Verifier::check) says so.
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
/// let verifier = BasicAuth::new("postmark", "new password").or("postmark", "old password");
/// verifier.check()?;
///
/// let request = Request::post("/webhooks/postmark/delivery")
///     .header("Authorization", "Basic cG9zdG1hcms6b2xkIHBhc3N3b3Jk")
///     .body("{}")?;
/// assert!(verifier.verify(&WebhookRequest::new(&request, SystemTime::now())).is_ok());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct BasicAuth(Accepted);

impl BasicAuth {
    /// Accepts this user with this password.
    #[track_caller]
    pub fn new(user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        Self(Accepted::default()).or(user, password)
    }

    /// Accepts this pair too.
    #[track_caller]
    pub fn or(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let (user, password) = (user.as_ref(), password.as_ref());
        // RFC 7617 §2 for the last two: the first colon ends the user, and neither part may have
        // control characters, which here are mostly the newline at the end of a secret's file.
        let fault = if password.is_empty() {
            Some("a password is empty: set it, or leave the pair out")
        } else if user.contains(':') {
            Some("a user has a colon in it, which ends the user in HTTP Basic: choose another one")
        } else if user.chars().chain(password.chars()).any(char::is_control) {
            Some(
                "a user or password has a control character in it: take it away (a newline at the \
                 end?)",
            )
        } else if ends(password.as_bytes()).is_some() {
            Some("a password begins or ends with white space: take it away")
        } else if ends(user.as_bytes()).is_some() {
            Some("a user begins or ends with white space: take it away")
        } else {
            None
        };
        // Room for all at once: growing would leave a copy behind.
        let mut shown = Zeroizing::new(Vec::with_capacity(user.len() + 1 + password.len()));
        shown.extend_from_slice(user.as_bytes());
        shown.push(b':');
        shown.extend_from_slice(password.as_bytes());
        self.0.add(&shown, fault, Location::caller());
        self
    }
}

impl Verifier for BasicAuth {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let shown = STANDARD
            .decode(credentials(request, "Basic")?)
            .map(Zeroizing::new)
            .map_err(|_| Rejection::SignatureInvalid("the credentials are not base64"))?;
        self.0.verify(&shown)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        self.verify(request).map(Some)
    }

    fn challenge(&self) -> Option<HeaderValue> {
        // RFC 7617, section 2.1: without the `charset`, clients encode what is not ASCII as they like.
        let challenge = r#"Basic realm="webhook", charset="UTF-8""#;
        Some(HeaderValue::from_static(challenge))
    }

    fn binds(&self) -> Option<&'static str> {
        Some("sender")
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.0.given.check()
    }
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth").finish_non_exhaustive()
    }
}

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
pub struct Bearer(Accepted);

impl Bearer {
    /// Accepts this token.
    #[track_caller]
    pub fn new(token: impl AsRef<str>) -> Self {
        Self(Accepted::default()).or(token)
    }

    /// Accepts this token too.
    #[track_caller]
    pub fn or(mut self, token: impl AsRef<str>) -> Self {
        let token = token.as_ref();
        let fault = if token.is_empty() {
            Some("a token is empty: set it, or leave it out")
        } else if !token.bytes().all(|b| b.is_ascii_graphic()) {
            Some("a token has more than visible ASCII in it (a newline at the end?)")
        } else {
            None
        };
        self.0.add(token.as_bytes(), fault, Location::caller());
        self
    }
}

impl Verifier for Bearer {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        self.0.verify(credentials(request, "Bearer")?.as_bytes())
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        self.verify(request).map(Some)
    }

    fn challenge(&self) -> Option<HeaderValue> {
        Some(HeaderValue::from_static(r#"Bearer realm="webhook""#))
    }

    fn binds(&self) -> Option<&'static str> {
        Some("sender")
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.0.given.check()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").finish_non_exhaustive()
    }
}
