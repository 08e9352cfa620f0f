use super::*;

fn response(status: u16, headers: &[(&str, &str)]) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Body::empty()).expect("a response")
}

fn cache_control(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(CACHE_CONTROL).iter();
    values.map(|value| value.to_str().expect("ASCII")).collect()
}

/// Headers, and `Cache-Control` after a cookie was set; `None` where it is not set.
type Row = (
    &'static [(&'static str, &'static str)],
    Option<&'static str>,
);

/// Which answers a cookie that slides goes with, and what these say afterwards.
#[test]
fn what_a_shared_cache_may_keep_carries_no_cookie() {
    let table: [Row; 46] = [
        (&[], Some("private")),
        (&[("last-modified", "x")], Some("private")),
        (&[("expires", "x")], Some("private")),
        (&[("cache-control", "")], Some("private, ")),
        (
            &[("cache-control", "max-age=60")],
            Some("private, max-age=60"),
        ),
        (&[("cache-control", "no-cache")], Some("private, no-cache")),
        (
            &[("cache-control", "no-cache=\"Set-Cookie\"")],
            Some("private, no-cache=\"Set-Cookie\""),
        ),
        (&[("cache-control", "no-store")], Some("no-store")),
        (
            &[("cache-control", "No-Store, max-age=0")],
            Some("No-Store, max-age=0"),
        ),
        (&[("cache-control", "private")], Some("private")),
        (
            &[("cache-control", "max-age=0 , PRIVATE")],
            Some("max-age=0 , PRIVATE"),
        ),
        // With two lines.
        (
            &[("cache-control", "max-age=5"), ("cache-control", "private")],
            Some("max-age=5"),
        ),
        (
            &[
                ("cache-control", "max-age=5"),
                ("cache-control", "immutable"),
            ],
            Some("private, max-age=5, immutable"),
        ),
        // For these headers alone.
        (
            &[("cache-control", "private=\"Set-Cookie\"")],
            Some("private, private=\"Set-Cookie\""),
        ),
        (
            &[("cache-control", "private = \"x\"")],
            Some("private, private = \"x\""),
        ),
        // Not where it stands in quotes, or in something that is no list.
        (
            &[("cache-control", "x=\"private\"")],
            Some("private, x=\"private\""),
        ),
        (
            &[("cache-control", "x=\"\\\"private,\"")],
            Some("private, x=\"\\\"private,\""),
        ),
        (
            &[("cache-control", "x=\", private")],
            Some("private, x=\", private"),
        ),
        (
            &[("cache-control", "private; x")],
            Some("private, private; x"),
        ),
        (
            &[("cache-control", "not-private")],
            Some("private, not-private"),
        ),
        (
            &[("cache-control", "must-understand, no-store")],
            Some("private, must-understand, no-store"),
        ),
        (&[("cache-control", "public")], None),
        (&[("cache-control", "Public, max-age=60")], None),
        (&[("cache-control", "max-age=60;public")], None),
        (&[("cache-control", "s-maxage=60")], None),
        (&[("cache-control", "private, s-maxage=60")], None),
        (&[("cache-control", "s-maxage=0, s-maxage=60")], None),
        (&[("cache-control", "private, s-maxage=0x")], None),
        (&[("cache-control", "private, s-maxage")], None),
        (&[("cache-control", "public, s-maxage=0")], None),
        // No shared cache keeps it for any time, and after that time it asks again.
        (
            &[("cache-control", "s-maxage=0")],
            Some("private, s-maxage=0"),
        ),
        (
            &[("cache-control", "private, s-maxage=0, max-age=0")],
            Some("private, s-maxage=0, max-age=0"),
        ),
        (
            &[("cache-control", "private, S-MaxAge = \"00\"")],
            Some("private, S-MaxAge = \"00\""),
        ),
        (
            &[("cache-control", "no-store, s-maxage=0")],
            Some("no-store, s-maxage=0"),
        ),
        (&[("cache-control", "no-store, public")], None),
        (
            &[("cache-control", "private"), ("cache-control", "public")],
            None,
        ),
        (&[("cdn-cache-control", "max-age=60")], None),
        (
            &[
                ("cache-control", "private"),
                ("surrogate-control", "max-age=60"),
            ],
            None,
        ),
        (
            &[
                ("cache-control", "private"),
                ("cloudflare-cdn-cache-control", "max-age=60"),
            ],
            None,
        ),
        (
            &[
                ("cache-control", "no-store"),
                ("edge-control", "max-age=60"),
            ],
            None,
        ),
        (
            &[("cache-control", "private"), ("x-accel-expires", "60")],
            None,
        ),
        (
            &[("cache-control", "private"), ("x-accel-expires", "0")],
            Some("private"),
        ),
        (&[("cdn-cache-control", "no-store")], Some("private")),
        (&[("surrogate-control", "private")], Some("private")),
        (
            &[("surrogate-control", "no-store, content=\"ESI/1.0\"")],
            Some("private"),
        ),
        (&[("surrogate-control", "content=\"ESI/1.0\"")], None),
    ];
    for (headers, expected) in table {
        let mut response = response(200, headers);
        let may = may_carry_a_cookie(&response);
        assert_eq!(may, expected.is_some(), "{headers:?}");
        make_private(response.headers_mut());
        let says = cache_control(response.headers());
        match expected {
            Some(expected) => assert_eq!(says[0], expected, "{headers:?}"),
            // One that logs somebody in has to carry it.
            None => assert_eq!(says.len(), 1, "{headers:?}"),
        }
        let after = Said::in_headers(response.headers(), &CACHE_CONTROL);
        assert!(after.is_private(), "{headers:?} became {says:?}");
        assert!(may_carry_a_cookie(&response), "{headers:?} became {says:?}");
    }
}

/// What an answer says that logs somebody in, and does not go without its cookie.
#[test]
fn what_forbids_stays_and_what_allows_is_taken_off() {
    for (before, after) in [
        (&["public"][..], "private"),
        (&["public, max-age=60"], "private"),
        (&["public, max-age=00 ,immutable"], "private, max-age=00"),
        (&["public, no-store"], "private, no-store"),
        (
            &["no-cache, no-store, max-age=0, s-maxage=60, must-revalidate"],
            "private, no-cache, no-store, max-age=0, must-revalidate",
        ),
        (&["PUBLIC", "no-cache"], "private, no-cache"),
        (&["no-cache=\"Set-Cookie, Public\", s-maxage=60"], "private"),
        (
            &["no-cache=\"a, b\\\"\", public, x"],
            "private, no-cache=\"a, b\\\"\"",
        ),
        (&["max-age=60; public"], "private"),
        (&["x=\", public"], "private"),
        (&[", ,public,,"], "private"),
    ] {
        let lines: Vec<_> = before
            .iter()
            .map(|value| ("cache-control", *value))
            .collect();
        let mut response = response(200, &lines);
        make_private(response.headers_mut());
        assert_eq!(cache_control(response.headers()), [after], "{before:?}");
        let said = Said::in_headers(response.headers(), &CACHE_CONTROL);
        assert!(said.is_private(), "{before:?}");
    }
}

#[test]
fn the_headers_of_a_304_go_to_what_a_cache_has_kept() {
    for (headers, may) in [
        (&[][..], false),
        (&[("etag", "\"x\"")], false),
        (&[("cache-control", "no-cache")], false),
        (&[("cache-control", "max-age=60")], false),
        (&[("cache-control", "public")], false),
        (&[("cache-control", "private, no-cache")], true),
        (&[("cache-control", "no-store")], true),
    ] {
        assert_eq!(
            may_carry_a_cookie(&response(304, headers)),
            may,
            "{headers:?}"
        );
    }
}

#[test]
fn it_varies_on_the_cookie_once() {
    for (before, after) in [
        (&[][..], &["Cookie"][..]),
        (&["cookie"], &["cookie"]),
        (&["Accept-Encoding, COOKIE"], &["Accept-Encoding, COOKIE"]),
        (&["accept", "Cookie"], &["accept", "Cookie"]),
        (&["Accept"], &["Accept", "Cookie"]),
        (&["Cookie2, X-Cookie"], &["Cookie2, X-Cookie", "Cookie"]),
        (&["*"], &["*"]),
    ] {
        let lines: Vec<_> = before.iter().map(|value| ("vary", *value)).collect();
        let mut response = response(200, &lines);
        vary(response.headers_mut(), &COOKIE);
        let values = response.headers().get_all(VARY).iter();
        assert!(values.eq(after.iter()), "{before:?}: {response:?}");
    }
}
