//! A session in `Authorization: Bearer` (RFC 6750), for clients that keep no cookies.
//!
//! No browser adds that header by itself, so a page of another origin cannot use it, and no rule about
//! origins is needed. That holds for the token in the header alone: a request that has it **and** the
//! session cookie is refused, and never falls back to the cookie.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::cookie::CookieTemplate;

/// By what a request says whose it is.
pub(crate) enum Presented<'a> {
    /// By cookies, if at all.
    Cookies,
    /// By this token.
    Bearer(&'a [u8]),
    /// By both, or by two tokens: RFC 6750, section 2, allows one.
    TooMuch,
}

impl<'a> Presented<'a> {
    /// `accepted`: whether the layer takes such tokens.
    pub(crate) fn by(headers: &'a HeaderMap, cookie: &CookieTemplate, accepted: bool) -> Self {
        if !accepted {
            return Self::Cookies;
        }
        let Some(token) = tokens(headers).next() else {
            return Self::Cookies;
        };
        let several = headers.get_all(AUTHORIZATION).iter().nth(1).is_some();
        if several || cookie.values(headers).next().is_some() {
            return Self::TooMuch;
        }
        Self::Bearer(token)
    }

    /// Whether a browser may have sent it by itself.
    pub(crate) fn is_ambient(&self) -> bool {
        !matches!(self, Self::Bearer(_))
    }
}

/// All such tokens of a request.
pub(crate) fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(AUTHORIZATION).iter();
    values.filter_map(|value| token(value.as_bytes()))
}

/// The scheme's name may be in any case (RFC 9110, section 11.1).
fn token(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer";
    let (scheme, rest) = value.trim_ascii().split_at_checked(SCHEME.len())?;
    let alone = rest.first().is_none_or(u8::is_ascii_whitespace);
    (scheme.eq_ignore_ascii_case(SCHEME) && alone).then(|| rest.trim_ascii())
}
