//! Denials, and the responses they become.

use std::fmt;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use crate::webhook::Rejection;
use crate::webhook::body::BodyError;

/// When a client may try again that met a store which is down, in seconds: by then the store is
/// asked again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Lists the reasons once: as variants, in [`Denial::ALL`] and as text. Counters are indexed by the
/// discriminant, so none of the three may lag behind.
macro_rules! denials {
    ($($(#[$doc:meta])* $variant:ident => $text:literal,)*) => {
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
        }
    };
}

denials! {
    /// There is no session cookie.
    Missing => "missing",
    /// There is one, but not of a form that any version of a token has.
    Malformed => "malformed",
    /// No key of the ring signed it.
    BadSignature => "bad_signature",
    /// It is past its idle or its absolute deadline.
    Expired => "expired",
    /// It was revoked: the store has no such session.
    Revoked => "revoked",
    /// The session lacks the scope that the route asks for.
    Scope => "scope",
    /// The request changes something and comes from a page of another origin.
    CrossOrigin => "cross_origin",
    /// The session store is down, so nobody can say whether the session was revoked.
    StoreUnavailable => "store_unavailable",
    /// The proof of a webhook is missing.
    SignatureMissing => "signature_missing",
    /// The proof of a webhook is wrong.
    SignatureInvalid => "signature_invalid",
    /// The proof of a webhook is too old, or from the future.
    TimestampOutOfRange => "timestamp_out_of_range",
    /// The body of a webhook is over the limit.
    BodyTooLarge => "body_too_large",
    /// The body of a webhook broke off.
    BodyIncomplete => "body_incomplete",
    /// No router resolved the path, and it is one that two programs may read in two ways: `//`,
    /// `..`, `;`, a backslash, an encoded slash.
    AmbiguousPath => "ambiguous_path",
}

impl Denial {
    /// The status of the response.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Missing
            | Self::Malformed
            | Self::BadSignature
            | Self::Expired
            | Self::Revoked
            | Self::SignatureMissing
            | Self::SignatureInvalid
            | Self::TimestampOutOfRange => StatusCode::UNAUTHORIZED,
            Self::Scope | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyIncomplete | Self::AmbiguousPath => StatusCode::BAD_REQUEST,
        }
    }

    /// Whether logging in may help.
    pub(crate) fn is_unauthenticated(self) -> bool {
        self.challenge() == Some("Cookie")
    }

    const fn body(self) -> &'static str {
        match self {
            Self::Missing => r#"{"error":"Authentication required","reason":"missing"}"#,
            Self::Malformed => r#"{"error":"Authentication required","reason":"malformed"}"#,
            Self::BadSignature => r#"{"error":"Authentication required","reason":"bad_signature"}"#,
            Self::Expired => r#"{"error":"Authentication required","reason":"expired"}"#,
            Self::Revoked => r#"{"error":"Authentication required","reason":"revoked"}"#,
            Self::Scope => r#"{"error":"Forbidden","reason":"scope"}"#,
            Self::CrossOrigin => r#"{"error":"Forbidden","reason":"cross_origin"}"#,
            Self::StoreUnavailable => {
                r#"{"error":"Service unavailable","reason":"store_unavailable"}"#
            }
            Self::SignatureMissing => {
                r#"{"error":"Authentication required","reason":"signature_missing"}"#
            }
            Self::SignatureInvalid => {
                r#"{"error":"Authentication required","reason":"signature_invalid"}"#
            }
            Self::TimestampOutOfRange => {
                r#"{"error":"Authentication required","reason":"timestamp_out_of_range"}"#
            }
            Self::BodyTooLarge => r#"{"error":"Payload too large","reason":"body_too_large"}"#,
            Self::BodyIncomplete => r#"{"error":"Bad request","reason":"body_incomplete"}"#,
            Self::AmbiguousPath => r#"{"error":"Bad request","reason":"ambiguous_path"}"#,
        }
    }

    /// RFC 9110, section 11.6.1: a 401 names a way to authenticate. `Cookie` and `Webhook` are no
    /// registered schemes, and are meant not to be: a browser must not open its password dialog.
    const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::Missing
            | Self::Malformed
            | Self::BadSignature
            | Self::Expired
            | Self::Revoked => Some("Cookie"),
            Self::SignatureMissing | Self::SignatureInvalid | Self::TimestampOutOfRange => {
                Some("Webhook")
            }
            _ => None,
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(Bytes::from_static(self.body().as_bytes())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if self == Self::StoreUnavailable {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
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
        }
    }
}

impl From<&BodyError> for Denial {
    fn from(error: &BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::BodyTooLarge,
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
