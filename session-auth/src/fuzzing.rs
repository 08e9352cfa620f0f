//! What fuzzers try to break, and the tests that replay what they have found. Panics where something
//! does not hold.
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    missing_docs,
    reason = "it is for fuzzers"
)]

mod senders;

use std::time::SystemTime;

use axum::body::Body;
use base64::Engine as _;
use http::header::{AUTHORIZATION, COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};

use crate::access::methods_by_name::GET;
use crate::audit;
use crate::clock::Timestamp;
use crate::cookie::{CookieTemplate, DEFAULT_NAME, SameSite};
use crate::csrf::CrossOrigin;
use crate::inline::{self, public};
use crate::keys::{Keys, TokenKeys};
use crate::login::{LocalPath, LoginPage};
use crate::probe::{HEADER, MARK, Probes};
use crate::response::Denial;
use crate::routing::Router;
use crate::webhook::{BasicAuth, Setup, Verifier as _, WebhookRequest, schemes};
use crate::{mounted, paths, shared_cache, token};

pub use senders::public_url;
#[cfg(feature = "webhook-asymmetric")]
pub use senders::{certificate, issuer};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn keys() -> TokenKeys {
    Keys::new([[7; 32]]).unwrap().for_audience(DEFAULT_NAME)
}

/// Bytes that a client sends as `Cookie` headers, one a line.
pub fn cookie(data: &[u8]) {
    let headers: HeaderMap = data
        .split(|&byte| byte == b'\n')
        .filter_map(|line| Some((COOKIE, HeaderValue::from_bytes(line).ok()?)))
        .collect();
    let cookie = CookieTemplate::new(DEFAULT_NAME, SameSite::Lax).unwrap();
    for value in cookie.values(&headers) {
        assert!(!value.contains(&b';'), "a value ends where the cookie does");
        raw_token(value);
    }
}

/// Bytes that a client sends as the token, and, signed as only the service can, as what is in it.
pub fn token(data: &[u8]) {
    raw_token(data);
    let keys = keys();
    let mut signed = data.to_vec();
    if signed.len() > 5 {
        // A version that is known and a key that is there, or nothing behind them would be read.
        signed[0] = 1 + signed[0] % 2;
        let id = keys.ring().signing().id;
        signed[1..5].copy_from_slice(&id);
    }
    let value = token::sign_for_fuzzing(&keys, signed);
    let Ok(token) = token::decode(&keys, value.as_bytes(), NOW) else {
        return;
    };
    assert!(token.idle_deadline() > NOW && token.absolute_deadline() > NOW);
    let renewed = token.renewed(&keys, token.absolute_deadline());
    let again = token::decode(&keys, renewed.as_bytes(), NOW).ok().unwrap();
    assert_eq!(again.id(), token.id());
    assert_eq!(again.subject(), token.subject());
    assert_eq!(again.claims(), token.claims());
    assert!(again.scopes().eq(token.scopes()));
}

/// What a handler or a middleware writes as headers for caches, one a line after the name of the header
/// and a colon; without a colon it is `Cache-Control`.
pub fn caching(data: &[u8]) {
    let mut response = Response::new(Body::empty());
    for line in data.split(|&byte| byte == b'\n') {
        let (name, value) = match line.iter().position(|&byte| byte == b':') {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (&b"cache-control"[..], line),
        };
        if let Ok(name) = HeaderName::from_bytes(name)
            && let Ok(value) = HeaderValue::from_bytes(value)
        {
            response.headers_mut().append(name, value);
        }
    }
    shared_cache::make_private(response.headers_mut());
    assert!(
        shared_cache::may_carry_a_cookie(&response),
        "made private, and a shared cache may keep it: {response:?}"
    );
    let before = response.headers().clone();
    shared_cache::make_private(response.headers_mut());
    assert_eq!(*response.headers(), before, "once is enough");
    for _ in 0..2 {
        shared_cache::vary(response.headers_mut(), &COOKIE);
    }
    let added = response.headers().get_all(VARY).iter().count();
    assert!(added <= before.get_all(VARY).iter().count() + 1);
}

/// Nobody but the service can make a token.
fn raw_token(value: &[u8]) {
    let forged = token::decode(&keys(), value, NOW).is_ok();
    assert!(!forged, "it was accepted, and this key has signed nothing");
}

/// A path that a client asks for, or that stands in a link to the login page.
pub fn next(data: &[u8]) {
    let here = url::Url::parse("https://here.example/login").unwrap();
    let stays = |path: &str| {
        let there = here.join(path).unwrap();
        assert_eq!(there.origin(), here.origin(), "{path:?} leads to {there}");
    };
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(path) = LocalPath::parse(text) {
        stays(path.as_str());
        assert_eq!(path.as_str(), text);
    }
    let Ok(uri) = text.parse() else {
        return;
    };
    let page = LoginPage::new("/login").unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("text/html"));
    let Some(response) = page.redirect(Denial::Missing, &Method::GET, &uri, &headers) else {
        return;
    };
    let location = response.headers()["location"].to_str().unwrap();
    stays(location);
    let there = here.join(location).unwrap();
    assert_eq!(there.path(), "/login");
    let parameters: Vec<_> = there.query_pairs().collect();
    assert!(
        parameters.len() <= 1,
        "{location}: nothing is added but `next`"
    );
    for (name, value) in parameters {
        assert_eq!(name, "next");
        stays(&value);
        LocalPath::parse(&value).expect("the login page takes what it was sent");
    }
}

/// The text of a trusted origin, then the `Origin` and the `Host` of a request, one a line.
pub fn origin(data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (trusted, origin, host) = (next(), next(), next());
    let Ok(trusted) = std::str::from_utf8(trusted) else {
        return;
    };
    let Ok(cross_origin) = CrossOrigin::new(&[trusted.to_owned()]) else {
        return;
    };
    let known = origin_as_sent(trusted);
    assert_eq!(origin_as_sent(&known), known, "it is what it says");
    let Ok(url) = url::Url::parse(trusted) else {
        // Whether a label in punycode stands for anything is not looked at.
        assert!(known.contains("xn--"), "{trusted:?} is no URL");
        return;
    };
    if matches!(url.scheme(), "http" | "https") {
        // By the standard that browsers follow.
        assert_eq!(url.origin().ascii_serialization(), known, "{trusted:?}");
    }
    let (Ok(from), Ok(to)) = (
        HeaderValue::from_bytes(origin),
        HeaderValue::from_bytes(host),
    ) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert("host", to);
    headers.insert("origin", from);
    let of_ours = ["https://", "http://"].iter().any(|scheme| {
        let port: &[u8] = if scheme.len() == 8 { b":443" } else { b":80" };
        let of_scheme = origin.split_at_checked(scheme.len());
        of_scheme.is_some_and(|(given, rest)| {
            // tower-http reads a scheme in upper case, and a path, which no browser sends.
            let ends = |&byte: &u8| matches!(byte, b'/' | b'?' | b'#');
            let authority = rest.split(ends).next().unwrap_or_default();
            given.eq_ignore_ascii_case(scheme.as_bytes())
                && (authority == host || Some(authority) == host.strip_suffix(port))
        })
    });
    let allowed = cross_origin.allows(&Method::POST, &http::Uri::from_static("/"), &headers);
    if allowed && !origin.is_empty() {
        assert!(of_ours || origin == known.as_bytes(), "{headers:?}");
    }
    headers.insert("origin", HeaderValue::from_str(&known).unwrap());
    assert!(cross_origin.allows(&Method::POST, &http::Uri::from_static("/"), &headers));
}

fn origin_as_sent(text: &str) -> String {
    crate::csrf::origin::parse(text).expect("it was taken")
}

/// An `Authorization` header, and, behind a line end, a user and a password with a colon between.
pub fn basic(data: &[u8]) {
    let accepts = |verifier: &BasicAuth, value: HeaderValue| {
        let request = Request::post("/")
            .header(AUTHORIZATION, value)
            .body("")
            .unwrap();
        let request = WebhookRequest::new(&request, std::time::SystemTime::UNIX_EPOCH);
        verifier
            .verify_head(&request)
            .is_ok_and(|delivery| delivery.is_some())
    };
    let mut parts = data.splitn(2, |&byte| byte == b'\n');
    let value = parts.next().unwrap_or_default();
    if let Ok(header) = HeaderValue::from_bytes(value) {
        let is_ours = value
            .split_at_checked(6)
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"basic "))
            .is_some_and(|(_, rest)| {
                rest.iter()
                    .position(|b| *b != b' ')
                    .is_some_and(|at| &rest[at..] == b"dXNlcjpwYXNz")
            });
        let accepted = accepts(&BasicAuth::new("user", "pass"), header);
        assert_eq!(accepted, is_ours, "{:?}", String::from_utf8_lossy(value));
    }
    let text = parts.next().and_then(|text| std::str::from_utf8(text).ok());
    let Some((user, password)) = text.and_then(|text| text.split_once(':')) else {
        return;
    };
    let verifier = BasicAuth::new(user, password);
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let accepted = accepts(&verifier, format!("Basic {encoded}").parse().unwrap());
    assert_eq!(accepted, verifier.check().is_ok(), "{user:?} {password:?}");
}

/// A path in front of a service, which may read it otherwise than axum does.
pub fn path(data: &[u8]) {
    let Some(path) = std::str::from_utf8(data)
        .ok()
        .filter(|path| path.starts_with('/'))
    else {
        return;
    };
    let readings = paths::readings(path);
    assert!(!readings.contains(path));
    assert!(readings.iter().all(|reading| reading.starts_with('/')));
    assert!(
        readings.is_empty() || paths::may_have_readings(path),
        "{path:?} is read as {readings:?}, and the quick look saw nothing"
    );
    // What is left of a path that can be read in one way is the path, decoded and without a slash.
    if !paths::is_ambiguous(path) {
        let segments = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .count();
        for reading in readings {
            let there = reading.split('/').filter(|segment| !segment.is_empty());
            assert_eq!(there.count(), segments, "{path:?} is read as {reading:?}");
        }
    }
}

/// The text that axum prints of a router, and the patterns of one, one a line: whatever they are,
/// each that axum takes is read back and answered for.
pub fn router(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = mounted::read_for_tests(text);
    let mut matcher = matchit::Router::new();
    let mut router: Router = Router::new();
    // axum's own names of parameters stand for what axum mounts: they stop a start.
    let patterns = text
        .lines()
        .filter(|line| !line.contains("__private__axum"));
    for pattern in patterns {
        if inline::path_mistake(pattern).is_none() && matcher.insert(pattern, ()).is_ok() {
            let route = public(GET, pattern.to_owned(), "found by a fuzzer");
            router = router.mount(route.to(|| async {}));
        }
    }
    if router.has_routes() {
        let findings = audit::check(&router).unwrap();
        let errors = findings.iter().filter(|finding| finding.is_error());
        assert_eq!(errors.count(), 0, "{findings:?}");
    }
}

#[cfg(test)]
mod tests;

/// Headers, one a line, an empty line, and a body: what a stranger sends to every scheme. Nobody has
/// the secret, so none of it is accepted.
pub fn delivery(data: &[u8]) {
    let end = data.windows(2).position(|it| it == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (data, &[][..]),
    };
    let mut request = Request::post("/hooks/x?bodySHA256=00&a=b")
        .body(body)
        .unwrap();
    for line in head.split(|&byte| byte == b'\n') {
        let colon = line
            .iter()
            .position(|&byte| byte == b':')
            .unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or_default();
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            request.headers_mut().append(name, value);
        }
    }
    let mut setup = Setup::new([SECRET]);
    setup.public_url = Some("https://a.example".to_owned());
    for scheme in schemes() {
        let Ok(verifier) = scheme.verifier(&setup) else {
            continue;
        };
        let seen = WebhookRequest::new(&request, SystemTime::now());
        let head = verifier.verify_head(&seen);
        let whole = verifier.verify(&seen);
        assert!(head.is_ok() || whole.is_err(), "{scheme:?}");
        // Azure's handshake is a stranger's to make.
        if let Ok(delivery) = whole {
            assert!(delivery.answer().is_some(), "{scheme:?}");
        }
    }
}

/// The header of a probe, and of an answer to one, from whoever has no key: nothing of it is accepted.
pub fn probe(data: &[u8]) {
    let keys = Keys::new([[7; 32]]).unwrap();
    let signed = keys.probe_key().sign(&Method::GET, "/x", SystemTime::now());
    assert_eq!(signed.unwrap().read(data), None);
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let request = Request::get(format!("/x?{MARK}"))
        .header(HEADER, value)
        .body(())
        .unwrap();
    assert!(Probes::new(keys).accept(&request, || Some(NOW)).is_none());
}

/// That nobody guesses.
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
