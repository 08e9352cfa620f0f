//! The URL that a sender has signed: the public one, which this service may not see.

use http::Uri;

use super::verifier::{ConfigError, WebhookRequest};

/// The public address of the service: scheme and authority, and the path in front of what reaches
/// this process, where a proxy takes one off.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublicUrl {
    base: String,
}

impl PublicUrl {
    pub(super) fn new(base: &str) -> Result<Self, ConfigError> {
        let wrong = |what: &str| {
            ConfigError::new(format!(
                "the public URL {what}: give it as the sender has it, without the path of the \
                 route: `https://hooks.example.com`"
            ))
        };
        let uri: Uri = base.parse().map_err(|_| wrong("is no URL"))?;
        match uri.scheme_str() {
            Some("https" | "http") => {}
            _ => return Err(wrong("begins with neither `https://` nor `http://`")),
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(wrong("has no host"));
        }
        if uri.query().is_some() || base.contains('#') {
            return Err(wrong("has a query or a fragment"));
        }
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { base })
    }

    /// The URL of a request, as its sender has it.
    pub(super) fn of(&self, request: &WebhookRequest<'_>) -> String {
        let target = request.uri().path_and_query();
        let target = target.map_or("/", |target| target.as_str());
        // Over HTTP/1.1 a target can be `?query` in the absolute form.
        let slash = if target.starts_with('/') { "" } else { "/" };
        format!("{}{slash}{target}", self.base)
    }
}

pub(super) const NO_URL: &str = "the signature covers the public URL, and none is given: add \
     `.public_url(\"https://hooks.example.com\")`, as the sender has it. It is never read from \
     `Host`, which the caller chooses";

/// The escapes that HubSpot decodes before it signs: "Validating requests", v3, step 2.
const DECODED: [(&str, char); 12] = [
    ("%3A", ':'),
    ("%2F", '/'),
    ("%3F", '?'),
    ("%40", '@'),
    ("%21", '!'),
    ("%24", '$'),
    ("%27", '\''),
    ("%28", '('),
    ("%29", ')'),
    ("%2A", '*'),
    ("%2C", ','),
    ("%3B", ';'),
];

pub(super) fn decoded(url: &str) -> String {
    let mut decoded = String::with_capacity(url.len());
    let mut rest = url;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let escape = rest.get(..3).unwrap_or(rest);
        let known = DECODED
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(escape));
        match known {
            Some((_, character)) => decoded.push(*character),
            None => decoded.push_str(escape),
        }
        rest = &rest[escape.len()..];
    }
    decoded.push_str(rest);
    decoded
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::Request;

    use super::*;

    #[test]
    fn the_url_is_the_base_with_the_target_and_never_the_host() {
        for (base, target, expected) in [
            ("https://a.example", "/x?y=1", "https://a.example/x?y=1"),
            ("https://a.example/", "/x", "https://a.example/x"),
            ("https://a.example/api", "/x/", "https://a.example/api/x/"),
            (
                "https://u:p@a.example:8443",
                "/",
                "https://u:p@a.example:8443/",
            ),
            (
                "http://a.example",
                "http://evil.example/x",
                "http://a.example/x",
            ),
        ] {
            let request = Request::post(target)
                .header("host", "evil.example")
                .header("x-forwarded-host", "evil.example")
                .body("")
                .expect("a request");
            let request = WebhookRequest::new(&request, SystemTime::now());
            let url = PublicUrl::new(base).expect("a base");
            assert_eq!(url.of(&request), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for base in [
            "",
            "a.example",
            "/x",
            "ftp://a.example",
            "https://",
            "https://a/?x",
            "https://a/#b",
        ] {
            assert!(PublicUrl::new(base).is_err(), "{base:?}");
        }
    }

    #[test]
    fn the_listed_escapes_are_decoded_and_no_others() {
        assert_eq!(
            decoded("https://a.example/x%3ay?z=%2F%3F%40%21%24%27%28%29%2A%2C%3B%20%25%e4%"),
            "https://a.example/x:y?z=/?@!$'()*,;%20%25%e4%"
        );
        assert_eq!(decoded("%3"), "%3");
        assert_eq!(decoded("%\u{e4}\u{e4}x%3A"), "%\u{e4}\u{e4}x:");
    }
}
