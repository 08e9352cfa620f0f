//! The session cookie: its name and attributes, finding it in a request, writing it.

use std::fmt;
use std::time::Duration;

use cookie::{Cookie, SameSite as CookieSameSite};
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};

/// The name of the session cookie unless the builder says otherwise. The `__Host-` prefix makes a
/// browser refuse it without `Secure`, with a `Domain`, or with another path than `/` (RFC 6265bis,
/// section 4.1.3.2), so that no sibling domain can plant one.
pub(crate) const DEFAULT_NAME: &str = "__Host-session";

/// The name over plain http, where a browser takes no cookie with that prefix.
pub(crate) const INSECURE_NAME: &str = "session";

/// How many values of that name are tried. More than one is rare (a proxy that merges headers, an
/// older path); a request with hundreds must not buy hundreds of signatures.
pub(crate) const MAX_TRIED: usize = 4;

/// When a browser sends the session cookie along with a request from another site (RFC 6265bis,
/// section 5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// With a top-level navigation only: a link into the service finds the user logged in.
    #[default]
    Lax,
    /// Never.
    Strict,
    /// Always, so that the service can be embedded in pages of other sites. The cookie is `Partitioned`
    /// then (CHIPS): in each such site a browser has another one, and none of them is the one that it
    /// has where the service is visited by itself. So people log in once in each. Where it was
    /// `Lax` or `Strict` before, browsers go on sending the old cookie beside the new one until it expires:
    /// the one issued last counts, and a logout ends and clears both. The other way round a logout does not
    /// reach the old one: to go back from `None`, give the cookie another name.
    ///
    /// Pages of other sites cannot use the session all the same: their requests are refused as
    /// `cross_origin`, and without CORS they cannot read an answer.
    None,
}

/// The cookie's name and attributes.
#[derive(Clone, Debug)]
pub(crate) struct CookieTemplate {
    name: String,
    same_site: SameSite,
    /// Off over plain http, in development alone.
    secure: bool,
}

/// The name is not one that a cookie can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidName(pub(crate) String);

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} cannot be the name of a cookie: use letters, digits, `-` and `_` (RFC 6265, \
             section 4.1.1)",
            self.0
        )
    }
}

impl CookieTemplate {
    pub(crate) fn new(name: &str, same_site: SameSite) -> Result<Self, InvalidName> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(InvalidName(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            same_site,
            secure: true,
        })
    }

    /// Without `Secure`. The name must not have a prefix that asks for it.
    pub(crate) fn insecure(self) -> Self {
        Self {
            secure: false,
            ..self
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The values of the session cookie in a request, in order. Looks at bytes, so that a
    /// neighbouring cookie that is not UTF-8 hides nothing.
    pub(crate) fn values<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a [u8]> {
        headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|header| pairs(header.as_bytes()))
            .filter_map(|pair| {
                let value = pair
                    .trim_ascii()
                    .strip_prefix(self.name.as_bytes())?
                    .strip_prefix(b"=")?;
                // RFC 6265, section 4.1.1: a value may stand in double quotes.
                Some(
                    value
                        .strip_prefix(b"\"")
                        .and_then(|v| v.strip_suffix(b"\""))
                        .unwrap_or(value),
                )
            })
    }

    /// `Set-Cookie` with this value, kept by the browser for `max_age`, or until it is closed.
    ///
    /// `None` where the value is not one that a header can have, which a token never is.
    pub(crate) fn set(&self, value: &str, max_age: Option<Duration>) -> Option<HeaderValue> {
        let mut cookie = self.build(value);
        if let Some(max_age) = max_age {
            let seconds = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
            cookie = cookie.max_age(time::Duration::seconds(seconds));
        }
        let mut header = HeaderValue::from_str(&cookie.build().to_string()).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Each `Set-Cookie` that makes the browser forget it. To a browser a cookie with `Partitioned` is another than
    /// the one without, which it may have from before `SameSite` was `None`.
    pub(crate) fn clear(&self) -> impl Iterator<Item = HeaderValue> {
        let partitioned = self.is_partitioned();
        let own = std::iter::once(partitioned);
        own.chain(partitioned.then_some(false)).filter_map(|of| {
            let cookie = self
                .build("")
                .partitioned(of)
                .max_age(time::Duration::ZERO)
                .expires(time::OffsetDateTime::UNIX_EPOCH)
                .build();
            HeaderValue::from_str(&cookie.to_string()).ok()
        })
    }

    /// Without it browsers block the cookie of an embedded page, or let all sites share it.
    fn is_partitioned(&self) -> bool {
        self.same_site == SameSite::None
    }

    fn build<'a>(&'a self, value: &'a str) -> cookie::CookieBuilder<'a> {
        Cookie::build((self.name.as_str(), value))
            .path("/")
            .secure(self.secure)
            .http_only(true)
            .partitioned(self.is_partitioned())
            .same_site(match self.same_site {
                SameSite::Lax => CookieSameSite::Lax,
                SameSite::Strict => CookieSameSite::Strict,
                SameSite::None => CookieSameSite::None,
            })
    }

    /// Whether a response already sets this cookie, as login and logout do. Theirs is kept.
    pub(crate) fn is_set_by(&self, headers: &HeaderMap) -> bool {
        headers.get_all(SET_COOKIE).iter().any(|header| {
            header
                .as_bytes()
                .strip_prefix(self.name.as_bytes())
                .is_some_and(|rest| rest.starts_with(b"="))
        })
    }
}

/// The pairs of a `Cookie` header. By `memchr`, which axum has already: a browser sends kilobytes
/// of other cookies, and a byte at a time that costs more than the signature.
fn pairs(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(header);
    std::iter::from_fn(move || {
        let here = rest?;
        let (pair, next) = match memchr::memchr(b';', here) {
            Some(at) => (&here[..at], Some(&here[at + 1..])),
            None => (here, None),
        };
        rest = next;
        Some(pair)
    })
}

#[cfg(test)]
mod tests;
