//! The head of a request, as an authenticator sees it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::SystemTime;

use axum::extract::{ConnectInfo, OriginalUri};
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderName, Method, Request, Uri};

use super::proof::Refusal;
use crate::clock::Clock;

/// The head of a request. `Debug` shows the method alone: the rest may be the proof.
#[derive(Clone, Copy)]
pub struct RequestParts<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    now: Now<'a>,
}

/// Asked only by those who need it.
#[derive(Clone, Copy)]
enum Now<'a> {
    At(SystemTime),
    By(&'a dyn Clock),
}

impl<'a> RequestParts<'a> {
    /// The head of a request at the time `now`, for tests.
    #[must_use]
    pub fn new<B>(request: &'a Request<B>, now: SystemTime) -> Self {
        Self::of(request, Now::At(now))
    }

    pub(crate) fn by_clock<B>(request: &'a Request<B>, clock: &'a dyn Clock) -> Self {
        Self::of(request, Now::By(clock))
    }

    fn of<B>(request: &'a Request<B>, now: Now<'a>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
            now,
        }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The target as the client sent it, also where a router has taken a prefix off it.
    #[must_use]
    pub fn uri(&self) -> &'a Uri {
        match self.extensions.get::<OriginalUri>() {
            Some(OriginalUri(uri)) => uri,
            None => self.uri,
        }
    }

    /// The headers. A name can be there more than once, and `get` returns the first only: see
    /// [`header`](Self::header).
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// What middlewares outside of the guard have put on the request.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// The address of the other end of the connection: behind a proxy, the proxy's. That of an IPv4
    /// client is an IPv4 address on every socket. `None` where the service was made without connect
    /// info.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        let ConnectInfo(peer) = self.extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(peer.ip().to_canonical())
    }

    /// The time that deadlines are held against.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        match self.now {
            Now::At(now) => now,
            Now::By(clock) => clock.now(),
        }
    }

    /// A header that is there once, and ASCII.
    ///
    /// # Errors
    ///
    /// [`Refusal::Missing`] where there is none, else [`Refusal::Malformed`]: of two, a proxy in front may
    /// have looked at the other one.
    pub fn header(&self, name: &HeaderName) -> Result<&'a str, Refusal> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().ok_or(Refusal::Missing)?;
        if values.next().is_some() {
            return Err(Refusal::Malformed("the header is there twice"));
        }
        // As `HeaderValue::to_str` has it, which looks at one byte after the other.
        let is_shown = |byte: u8| (byte == b'\t') | (b' '..=b'~').contains(&byte);
        let bytes = value.as_bytes();
        match str::from_utf8(bytes) {
            Ok(text) if all(bytes, is_shown) => Ok(text),
            _ => Err(Refusal::Malformed("the header is not ASCII")),
        }
    }

    /// The token of `Authorization: Bearer` (RFC 6750, section 2.1).
    ///
    /// # Errors
    ///
    /// [`Refusal::Missing`] where there is no such header or it has another scheme, which may be for
    /// another authenticator; [`Refusal::Malformed`] where the header is there twice, or what follows the
    /// scheme is no token.
    pub fn bearer(&self) -> Result<&'a str, Refusal> {
        const SCHEME: &str = "bearer";
        let value = self.header(&AUTHORIZATION)?.trim_ascii();
        let (scheme, rest) = match value.split_at_checked(SCHEME.len()) {
            Some(parts) if parts.0.eq_ignore_ascii_case(SCHEME) => parts,
            _ => return Err(Refusal::Missing),
        };
        debug_assert_eq!(scheme.len(), SCHEME.len());
        // RFC 9110, section 11.4: one or more spaces.
        let blanks = rest.bytes().take_while(|byte| *byte == b' ').count();
        let token = &rest[blanks..];
        if rest.is_empty() {
            return Err(Refusal::Malformed("a scheme without a token"));
        }
        if blanks == 0 {
            // `BearerToken`, `Bearer\tx`: another scheme, or none.
            return Err(Refusal::Missing);
        }
        let padding = token.bytes().rev().take_while(|byte| *byte == b'=');
        let unpadded = &token.as_bytes()[..token.len() - padding.count()];
        let is_of_token = |b: u8| {
            let is_of = |range: RangeInclusive<u8>| range.contains(&b);
            is_of(b'a'..=b'z')
                | is_of(b'A'..=b'Z')
                // With `/` before them, and `-` and `.` before that.
                | is_of(b'-'..=b'9')
                | (b == b'_')
                | (b == b'~')
                | (b == b'+')
        };
        if unpadded.is_empty() || !all(unpadded, is_of_token) {
            return Err(Refusal::Malformed("what follows the scheme is no token"));
        }
        Ok(token)
    }
}

/// Whether all bytes are so. It looks at each, whatever it has found: then a processor looks at many at once.
fn all(bytes: &[u8], is_so: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & is_so(*byte))
}

impl fmt::Debug for RequestParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestParts")
            .field("method", self.method)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_read_as_the_rfc_writes_it() {
        let malformed = |detail| Err(Refusal::Malformed(detail));
        let no_token = malformed("what follows the scheme is no token");
        let rows: [(&[&str], Result<&str, Refusal>); 14] = [
            (&[], Err(Refusal::Missing)),
            (&["Basic YTpi"], Err(Refusal::Missing)),
            (&["Bearer"], malformed("a scheme without a token")),
            (&["bearer"], malformed("a scheme without a token")),
            (&["Bearer  "], malformed("a scheme without a token")),
            (&["Bearertoken"], Err(Refusal::Missing)),
            (&["Bearer cafe"], Ok("cafe")),
            (&["bEARER cafe=="], Ok("cafe==")),
            (&["Bearer  a.b-c_d~e+f/g"], Ok("a.b-c_d~e+f/g")),
            (&["Bearer cafe,"], no_token),
            (&["Bearer ca fe"], no_token),
            (&["Bearer =="], no_token),
            (&["Bearer ca\"fe\""], no_token),
            (
                &["Bearer a", "Bearer a"],
                malformed("the header is there twice"),
            ),
        ];
        for (values, expected) in rows {
            let mut request = Request::new(());
            for value in values {
                let value = value.parse().expect("a header value");
                request.headers_mut().append(AUTHORIZATION, value);
            }
            let parts = RequestParts::new(&request, SystemTime::UNIX_EPOCH);
            assert_eq!(parts.bearer(), expected, "{values:?}");
        }
    }
}
