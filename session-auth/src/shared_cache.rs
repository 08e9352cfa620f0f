//! What a cache that several people share may keep of an answer: never one person's session.
//!
//! RFC 9111, section 3: such a cache keeps what is not marked `private` or `no-store`, also where it is
//! marked with nothing and only has a `Last-Modified`; `Set-Cookie` does not keep it from that (section
//! 7.3). Of what a marked answer says, the reading is taken by which more would be kept.

use axum::body::Body;
use axum::response::ResponseParts;
use http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");
const EDGE_CONTROL: HeaderName = HeaderName::from_static("edge-control");
/// nginx's, in seconds; 0 keeps nothing.
const X_ACCEL_EXPIRES: HeaderName = HeaderName::from_static("x-accel-expires");

const PRIVATE: HeaderValue = HeaderValue::from_static("private");

/// In the extensions of an answer that sets a session's cookie, for what is outside of the guard.
#[derive(Clone)]
pub(crate) struct CarriesCookie {
    /// The cookie, where it only slides; it can go without.
    pub(crate) slid: Option<HeaderValue>,
}

/// What `Cache-Control` says, and what others like it do.
#[derive(Clone, Copy, Default)]
struct Said {
    /// Words by which a shared cache keeps it.
    shared: bool,
    private: bool,
    no_store: bool,
    /// A cache that knows the status may ignore `no-store` (RFC 9111, section 5.2.2.3).
    must_understand: bool,
}

impl Said {
    fn in_value(self, value: &HeaderValue) -> Self {
        directives(value.as_bytes()).fold(self, |said, (word, plain)| {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            Self {
                shared: said.shared || is("public") || is("s-maxage"),
                // With field names it is about these headers alone.
                private: said.private || (plain && is("private")),
                no_store: said.no_store || (plain && is("no-store")),
                must_understand: said.must_understand || is("must-understand"),
            }
        })
    }

    fn in_headers(headers: &HeaderMap, name: &HeaderName) -> Self {
        let values = headers.get_all(name).iter();
        values.fold(Self::default(), Self::in_value)
    }

    fn is_private(self) -> bool {
        !self.shared && (self.private || (self.no_store && !self.must_understand))
    }
}

/// The words of a list of directives, wherever they stand, and whether each is a directive by itself:
/// not in quotes, and without a value. Caches read a list that is not well-formed in many ways.
fn directives(value: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut rest = value;
    let mut quoted = false;
    std::iter::from_fn(move || {
        let start = rest.iter().position(is_word)?;
        let mut escaped = false;
        for byte in &rest[..start] {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = quoted,
                b'"' => quoted = !quoted,
                _ => {}
            }
        }
        rest = &rest[start..];
        let end = rest.iter().position(|byte| !is_word(byte));
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        let plain = !quoted && matches!(after.trim_ascii_start().first(), None | Some(b','));
        Some((word, plain))
    })
}

/// Headers by which the one who keeps a cache is told more than the browser (RFC 9213).
fn is_targeted(name: &HeaderName) -> bool {
    name.as_str().ends_with("-cache-control")
        || [SURROGATE_CONTROL, EDGE_CONTROL, X_ACCEL_EXPIRES].contains(name)
}

fn lets_a_cache_keep(headers: &HeaderMap, name: &HeaderName) -> bool {
    if *name == X_ACCEL_EXPIRES {
        return headers.get_all(name).iter().any(|value| value != "0");
    }
    !Said::in_headers(headers, name).is_private()
}

/// Whether a cookie may go out with the answer: not where a shared cache is told to keep it, and not
/// with a 304 that does not say of itself that it is private, as its headers go to what a cache has
/// kept (RFC 9111, section 3.2).
pub(crate) fn may_carry_a_cookie(response: &Response<Body>) -> bool {
    let headers = response.headers();
    let said = Said::in_headers(headers, &CACHE_CONTROL);
    let targeted = headers
        .keys()
        .any(|name| is_targeted(name) && lets_a_cache_keep(headers, name));
    let of_a_stored_one = response.status() == StatusCode::NOT_MODIFIED && !said.is_private();
    !said.shared && !targeted && !of_a_stored_one
}

/// Makes an answer one that no shared cache keeps, whatever it said before.
pub(crate) fn make_private(headers: &mut HeaderMap) {
    let targeted: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_targeted(name) && lets_a_cache_keep(headers, name))
        .cloned()
        .collect();
    for name in targeted {
        headers.remove(name);
    }
    let said = Said::in_headers(headers, &CACHE_CONTROL);
    if said.is_private() {
        return;
    }
    let mut value = PRIVATE.as_bytes().to_vec();
    // How long a browser may keep it can stay. In front, where no quote is open.
    for before in headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter(|_| !said.shared)
    {
        value.extend_from_slice(b", ");
        value.extend_from_slice(before.as_bytes());
    }
    let value = HeaderValue::from_bytes(&value).unwrap_or(PRIVATE);
    headers.insert(CACHE_CONTROL, value);
}

/// Sets a cookie on an answer that no shared cache may keep.
pub(crate) fn set_cookie(parts: &mut ResponseParts, cookie: HeaderValue) {
    parts.headers_mut().append(SET_COOKIE, cookie);
    make_private(parts.headers_mut());
    let slid = None;
    parts.extensions_mut().insert(CarriesCookie { slid });
}

/// After a middleware outside of the guard: takes a cookie that slides off an answer that was marked
/// for shared caches there, and keeps one that logs somebody in from these caches.
pub(crate) fn settle(mut response: Response<Body>) -> Response<Body> {
    let Some(CarriesCookie { slid }) = response.extensions().get().cloned() else {
        return response;
    };
    if let Some(slid) = slid
        && !may_carry_a_cookie(&response)
    {
        let headers = response.headers_mut();
        let all: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
        headers.remove(SET_COOKIE);
        for cookie in all.into_iter().filter(|cookie| *cookie != slid) {
            headers.append(SET_COOKIE, cookie);
        }
        return response;
    }
    make_private(response.headers_mut());
    response
}

/// Says that the answer is for requests with the same such header: the cookie was looked at.
pub(crate) fn vary(headers: &mut HeaderMap, on: &HeaderName) {
    let said = headers.get_all(VARY).iter().any(|value| {
        directives(value.as_bytes())
            .any(|(word, _)| word.eq_ignore_ascii_case(on.as_str().as_bytes()))
            || value.as_bytes().contains(&b'*')
    });
    if !said {
        let value = if *on == COOKIE {
            HeaderValue::from_static("Cookie")
        } else {
            HeaderValue::from_name(on.clone())
        };
        headers.append(VARY, value);
    }
}

#[cfg(test)]
mod tests;
