//! What a cache that several people share may keep of an answer: never one person's session.
//!
//! RFC 9111, section 3: such a cache keeps what is not marked `private` or `no-store`, also where it is
//! marked with nothing and only has a `Last-Modified`; `Set-Cookie` does not keep it from that (section
//! 7.3). Of what a marked answer says, the reading is taken by which more would be kept.

use axum::body::Body;
use axum::response::ResponseParts;
use http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE, VARY};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");
const EDGE_CONTROL: HeaderName = HeaderName::from_static("edge-control");
/// nginx's, in seconds; 0 keeps nothing.
const X_ACCEL_EXPIRES: HeaderName = HeaderName::from_static("x-accel-expires");

const PRIVATE: HeaderValue = HeaderValue::from_static("private");

/// In the extensions of an answer that sets cookies of sessions, for what is outside of the guard. Several layers
/// may each set theirs.
#[derive(Clone, Default)]
pub(crate) struct CarriesCookie {
    /// Whether one logs somebody in or out: the answer does not go without it.
    issued: bool,
    /// Those that only slide; it can go without them.
    pub(crate) slid: Vec<HeaderValue>,
}

impl CarriesCookie {
    pub(crate) fn in_answer(extensions: &mut Extensions) -> &mut Self {
        extensions.get_or_insert_default()
    }
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
        directives(value.as_bytes()).fold(self, |said, directive| Self {
            shared: said.shared || directive.is_for_shared_caches(),
            // With field names it is about these headers alone.
            private: said.private || (directive.is_plain() && directive.is("private")),
            no_store: said.no_store || (directive.is_plain() && directive.is("no-store")),
            must_understand: said.must_understand || directive.is("must-understand"),
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

/// A word of a list of directives, wherever it stands.
struct Directive<'a> {
    word: &'a [u8],
    quoted: bool,
    after: &'a [u8],
}

impl Directive<'_> {
    fn is(&self, name: &str) -> bool {
        self.word.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Whether it is a directive by itself: not in quotes, and without a value.
    fn is_plain(&self) -> bool {
        !self.quoted && matches!(self.after.trim_ascii_start().first(), None | Some(b','))
    }

    fn is_for_shared_caches(&self) -> bool {
        self.is("public") || (self.is("s-maxage") && !self.is_zero())
    }

    /// `=0`, for no time at all.
    fn is_zero(&self) -> bool {
        let value = self.after.trim_ascii_start().strip_prefix(b"=");
        let value = value.unwrap_or_default().trim_ascii_start();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let zeros = value.iter().take_while(|byte| **byte == b'0').count();
        zeros > 0
            && matches!(
                value[zeros..].trim_ascii_start().first(),
                None | Some(b',' | b'"')
            )
    }
}

/// The words of a list of directives. Caches read a list that is not well-formed in many ways.
fn directives(value: &[u8]) -> impl Iterator<Item = Directive<'_>> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut rest = value;
    let mut quoted = false;
    std::iter::from_fn(move || {
        let start = rest.iter().position(is_word)?;
        quoted = rest[..start]
            .iter()
            .fold(Quotes::of(quoted), Quotes::after)
            .open;
        rest = &rest[start..];
        let end = rest.iter().position(|byte| !is_word(byte));
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some(Directive {
            word,
            quoted,
            after,
        })
    })
}

/// Whether a quoted string is open (RFC 9110, section 5.6.4).
#[derive(Clone, Copy, Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    fn of(open: bool) -> Self {
        Self {
            open,
            escaped: false,
        }
    }

    fn after(self, byte: &u8) -> Self {
        match byte {
            _ if self.escaped => Self::of(self.open),
            b'\\' => Self {
                escaped: self.open,
                ..self
            },
            b'"' => Self::of(!self.open),
            _ => self,
        }
    }
}

/// The parts of a list, between its commas.
fn parts_of(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quotes = Quotes::default();
    value.split(move |byte| {
        let separates = *byte == b',' && !quotes.open;
        quotes = quotes.after(byte);
        separates
    })
}

/// Whether a part of a list only forbids: it may stay whatever is said beside it.
fn narrows(part: &[u8]) -> bool {
    let mut words = directives(part);
    let Some(first) = words.next() else {
        return false;
    };
    let forbids = ["no-cache", "no-store", "must-revalidate", "must-understand"];
    let forbids = forbids.iter().any(|name| first.is(name));
    (forbids || (first.is("max-age") && first.is_zero()))
        && !words.any(|word| word.is_for_shared_caches())
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
    // In front, where no quote is open. How long a browser may keep it can stay, unless it was said to everybody:
    // then what forbids it does.
    let mut value = PRIVATE.as_bytes().to_vec();
    for before in headers.get_all(CACHE_CONTROL) {
        let mut kept: Vec<&[u8]> = vec![before.as_bytes()];
        if said.shared {
            kept = parts_of(before.as_bytes())
                .map(<[u8]>::trim_ascii)
                .collect();
            kept.retain(|part| narrows(part));
        }
        for part in kept {
            value.extend_from_slice(b", ");
            value.extend_from_slice(part);
        }
    }
    let value = HeaderValue::from_bytes(&value).unwrap_or(PRIVATE);
    headers.insert(CACHE_CONTROL, value);
}

/// Sets a cookie on an answer that no shared cache may keep.
pub(crate) fn set_cookie(parts: &mut ResponseParts, cookie: HeaderValue) {
    parts.headers_mut().append(SET_COOKIE, cookie);
    make_private(parts.headers_mut());
    CarriesCookie::in_answer(parts.extensions_mut()).issued = true;
}

/// After a middleware outside of the guard: takes cookies that slide off an answer that was marked for
/// shared caches there, and keeps one that logs somebody in from these caches.
pub(crate) fn settle(mut response: Response<Body>) -> Response<Body> {
    let Some(CarriesCookie { issued, slid }) = response.extensions().get().cloned() else {
        return response;
    };
    if issued || may_carry_a_cookie(&response) {
        make_private(response.headers_mut());
        return response;
    }
    take_off(response.headers_mut(), &slid);
    response
}

/// Sets none of these cookies.
pub(crate) fn take_off(headers: &mut HeaderMap, cookies: &[HeaderValue]) {
    let all: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for cookie in all.into_iter().filter(|cookie| !cookies.contains(cookie)) {
        headers.append(SET_COOKIE, cookie);
    }
}

/// Says that the answer is for requests with the same such header: the cookie was looked at.
pub(crate) fn vary(headers: &mut HeaderMap, on: &HeaderName) {
    let said = headers.get_all(VARY).iter().any(|value| {
        directives(value.as_bytes()).any(|it| it.is(on.as_str()))
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
