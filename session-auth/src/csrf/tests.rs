use super::*;

#[test]
fn a_change_needs_an_origin_that_is_trusted() {
    let guard = CrossOrigin::new(&["https://admin.example.com".to_owned()]).expect("an origin");
    type Row = (
        &'static str,
        Method,
        &'static [(&'static str, &'static str)],
        bool,
    );
    let table: [Row; 15] = [
        (
            "reading, from anywhere",
            Method::GET,
            &[("sec-fetch-site", "cross-site")],
            true,
        ),
        (
            "same origin",
            Method::POST,
            &[("sec-fetch-site", "same-origin")],
            true,
        ),
        (
            "typed into the address bar",
            Method::POST,
            &[("sec-fetch-site", "none")],
            true,
        ),
        (
            "another site",
            Method::POST,
            &[("sec-fetch-site", "cross-site")],
            false,
        ),
        (
            "a sibling domain",
            Method::DELETE,
            &[("sec-fetch-site", "same-site")],
            false,
        ),
        ("no browser", Method::POST, &[], true),
        (
            "an older browser, same origin",
            Method::POST,
            &[("origin", "https://example.com"), ("host", "example.com")],
            true,
        ),
        (
            "an older browser, another origin",
            Method::POST,
            &[("origin", "https://evil.example"), ("host", "example.com")],
            false,
        ),
        (
            "an origin that is trusted",
            Method::POST,
            &[
                ("sec-fetch-site", "same-site"),
                ("origin", "https://admin.example.com"),
            ],
            true,
        ),
        (
            "a WebSocket, same origin",
            Method::GET,
            &[
                ("upgrade", "websocket"),
                ("origin", "https://example.com"),
                ("host", "example.com"),
            ],
            true,
        ),
        (
            "a WebSocket, another origin",
            Method::GET,
            &[
                ("upgrade", "websocket"),
                ("origin", "https://evil.example"),
                ("host", "example.com"),
            ],
            false,
        ),
        (
            "a WebSocket of a program",
            Method::GET,
            &[("upgrade", "websocket"), ("host", "example.com")],
            true,
        ),
        (
            "a WebSocket over HTTP/2, another origin",
            Method::CONNECT,
            &[("origin", "https://evil.example"), ("host", "example.com")],
            false,
        ),
        (
            "a host with the default port",
            Method::POST,
            &[
                ("origin", "https://example.com"),
                ("host", "example.com:443"),
            ],
            true,
        ),
        (
            "a sandboxed frame",
            Method::POST,
            &[("sec-fetch-site", "cross-site"), ("origin", "null")],
            false,
        ),
    ];
    for (name, method, headers, expected) in table {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_static(name);
                (name, value.parse().expect("a header value"))
            })
            .collect();
        let allowed = guard.allows(&method, &Uri::from_static("/"), &headers);
        assert_eq!(allowed, expected, "{name}");
    }
}

#[test]
fn refuses_what_is_no_origin() {
    for origin in [
        "example.com",
        "https://example.com/path",
        "ftp://example.com",
        "",
    ] {
        assert!(
            CrossOrigin::new(&[origin.to_owned()]).is_err(),
            "{origin:?}"
        );
    }
}
