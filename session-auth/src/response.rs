//! Denials, and the responses they become.

use std::fmt;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Extensions, HeaderValue, Response, StatusCode};

use crate::webhook::Rejection;
use crate::webhook::body::BodyError;

/// When a client may try again that met a store which is down, in seconds: by then the store is
/// asked again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// One row each: the variant, its text, and the response's status, error and challenge. Counters are
/// indexed by the discriminant, so nothing may lag behind.
macro_rules! denials {
    ($($(#[$doc:meta])* $variant:ident => $text:literal, $status:ident, $error:literal
       $(, $challenge:literal)?;)*) => {
        /// Why a request was denied.
        ///
        /// It is the `reason` in the response's body, stands in the response's extensions for outer
        /// layers, and has a counter of its own for each route.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Denial {
            $($(#[$doc])* $variant,)*
        }

        impl Denial {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The `reason` in the body: `bad_signature`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The status of the response.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)*
                }
            }

            const fn body(self) -> &'static str {
                match self {
                    $(Self::$variant => {
                        concat!(r#"{"error":""#, $error, r#"","reason":""#, $text, r#""}"#)
                    })*
                }
            }

            /// RFC 9110, section 11.6.1: a 401 names a way to authenticate. `Cookie` and `Webhook`
            /// are no registered schemes, and are meant not to be: a browser must not open its
            /// password dialog. What a verifier asks for goes in the place of `Webhook`.
            fn challenge(self) -> Option<&'static str> {
                let challenge: &[&'static str] = match self {
                    $(Self::$variant => &[$($challenge)?],)*
                };
                challenge.first().copied()
            }
        }
    };
}

denials! {
    /// There is no session cookie.
    Missing => "missing", UNAUTHORIZED, "Authentication required", "Cookie";
    /// There is one, but not of a form that any version of a token has.
    Malformed => "malformed", UNAUTHORIZED, "Authentication required", "Cookie";
    /// No key of the ring signed it.
    BadSignature => "bad_signature", UNAUTHORIZED, "Authentication required", "Cookie";
    /// It is past its idle or its absolute deadline.
    Expired => "expired", UNAUTHORIZED, "Authentication required", "Cookie";
    /// It was revoked: the store has no such session.
    Revoked => "revoked", UNAUTHORIZED, "Authentication required", "Cookie";
    /// The session lacks the scope that the route asks for.
    Scope => "scope", FORBIDDEN, "Forbidden";
    /// The request changes something, starts a session or opens a WebSocket, and comes from a page of
    /// another origin.
    CrossOrigin => "cross_origin", FORBIDDEN, "Forbidden";
    /// The session store is down, so nobody can say whether the session was revoked.
    StoreUnavailable => "store_unavailable", SERVICE_UNAVAILABLE, "Service unavailable";
    /// The proof of a webhook is missing.
    SignatureMissing => "signature_missing", UNAUTHORIZED, "Authentication required", "Webhook";
    /// The proof of a webhook is wrong.
    SignatureInvalid => "signature_invalid", UNAUTHORIZED, "Authentication required", "Webhook";
    /// The proof of a webhook is too old, or from the future.
    TimestampOutOfRange => "timestamp_out_of_range", UNAUTHORIZED, "Authentication required", "Webhook";
    /// What is needed to verify a webhook cannot be had just now.
    VerifierUnavailable => "verifier_unavailable", SERVICE_UNAVAILABLE, "Service unavailable";
    /// A webhook's delivery is being handled just now, or it cannot be known whether it was handled.
    ReplayUnavailable => "replay_unavailable", SERVICE_UNAVAILABLE, "Service unavailable";
    /// The body of a webhook is over the limit.
    BodyTooLarge => "body_too_large", PAYLOAD_TOO_LARGE, "Payload too large";
    /// The body of a webhook did not arrive in time.
    BodyTimeout => "body_timeout", REQUEST_TIMEOUT, "Request timeout";
    /// The body of a webhook broke off.
    BodyIncomplete => "body_incomplete", BAD_REQUEST, "Bad request";
    /// No router resolved the path, and it is one that two programs may read in two ways: `//`,
    /// `..`, `;`, a backslash, an encoded slash.
    AmbiguousPath => "ambiguous_path", BAD_REQUEST, "Bad request";
}

impl Denial {
    /// Whether it is about the proof of a webhook.
    pub(crate) fn is_of_proof(self) -> bool {
        self.challenge() == Some("Webhook")
    }

    /// Whether logging in may help.
    pub(crate) fn is_unauthenticated(self) -> bool {
        self.challenge() == Some("Cookie")
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        self.into_response_in(Extensions::new())
    }

    pub(crate) fn into_response_in(self, extensions: Extensions) -> Response<Body> {
        let mut response = Response::new(Body::from(Bytes::from_static(self.body().as_bytes())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        if self == Self::BodyTimeout {
            // RFC 9110, section 15.5.9. HTTP/2 has no such header, and hyper takes it off.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        *response.extensions_mut() = extensions;
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Rejection> for Denial {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::SignatureMissing(_) => Self::SignatureMissing,
            Rejection::SignatureInvalid(_) => Self::SignatureInvalid,
            Rejection::TimestampOutOfRange(_) => Self::TimestampOutOfRange,
            Rejection::Unavailable(_) => Self::VerifierUnavailable,
        }
    }
}

impl From<&BodyError> for Denial {
    fn from(error: &BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::BodyTooLarge,
            BodyError::TimedOut => Self::BodyTimeout,
            BodyError::Broken(_) => Self::BodyIncomplete,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_carries_its_reason_and_every_401_a_challenge() {
        for &denial in Denial::ALL {
            let body: serde_json::Value =
                serde_json::from_str(denial.body()).expect("the body is JSON");
            assert_eq!(body["reason"], denial.as_str());
            let response = denial.into_response();
            assert_eq!(
                response.headers().contains_key(WWW_AUTHENTICATE),
                response.status() == StatusCode::UNAUTHORIZED,
                "{denial}"
            );
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
            assert_eq!(response.extensions().get(), Some(&denial));
        }
    }
}
