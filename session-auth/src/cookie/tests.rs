use super::*;

fn template() -> CookieTemplate {
    CookieTemplate::new(DEFAULT_NAME, SameSite::Lax).expect("the default name is valid")
}

fn values(headers: &[&[u8]]) -> Vec<String> {
    let map: HeaderMap = headers
        .iter()
        .map(|value| {
            (
                COOKIE,
                HeaderValue::from_bytes(value).expect("a header value"),
            )
        })
        .collect();
    let template = template();
    template
        .values(&map)
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect()
}

#[test]
fn finds_its_values_among_junk() {
    type Row = (
        &'static str,
        &'static [&'static [u8]],
        &'static [&'static str],
    );
    let table: [Row; 9] = [
        ("alone", &[b"__Host-session=a"], &["a"]),
        ("among others", &[b"x=1; __Host-session=a; y=2"], &["a"]),
        ("in a second header", &[b"x=1", b"__Host-session=a"], &["a"]),
        (
            "several",
            &[b"__Host-session=a; __Host-session=b"],
            &["a", "b"],
        ),
        (
            "beside bytes that are not UTF-8",
            &[b"x=\xff\xfe; __Host-session=a"],
            &["a"],
        ),
        ("quoted", &[b"__Host-session=\"a\""], &["a"]),
        (
            "a longer name is another cookie",
            &[b"__Host-session2=a; x__Host-session=b"],
            &[],
        ),
        ("names are case-sensitive", &[b"__host-session=a"], &[]),
        (
            "no value, no name, no pair",
            &[b"__Host-session=; =; ;;"],
            &[""],
        ),
    ];
    for (name, headers, expected) in table {
        assert_eq!(values(headers), expected, "{name}");
    }
}

#[test]
fn has_every_attribute_that_the_prefix_demands() {
    let header = template()
        .set("token", Some(Duration::from_secs(60)))
        .expect("a header");
    assert_eq!(
        header,
        "__Host-session=token; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
    );
    assert!(header.is_sensitive());
}

#[test]
fn clearing_keeps_the_attributes() {
    let cleared: Vec<_> = template().clear().collect();
    assert_eq!(
        cleared,
        [
            "__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; Expires=Thu, 01 \
             Jan 1970 00:00:00 GMT"
        ]
    );
}

/// To a browser a cookie with `Partitioned` is another than the one without.
#[test]
fn for_embedded_pages_it_is_partitioned_and_cleared_either_way() {
    let template = CookieTemplate::new("__Host-session", SameSite::None).expect("a name");
    let set = template.set("token", None).into_iter();
    let all: Vec<_> = set.chain(template.clear()).collect();
    let partitioned = all.iter().map(|header| {
        let text = header.to_str().expect("ASCII");
        let attributes: Vec<_> = text.split("; ").collect();
        for attribute in ["SameSite=None", "Secure", "Path=/", "HttpOnly"] {
            assert!(attributes.contains(&attribute), "{text}");
        }
        attributes.contains(&"Partitioned")
    });
    assert_eq!(partitioned.collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn refuses_names_that_a_cookie_cannot_have() {
    for name in ["", "a b", "a;b", "a=b", "sitzung-ä", "a\r\nb"] {
        assert!(
            CookieTemplate::new(name, SameSite::Lax).is_err(),
            "{name:?}"
        );
    }
}

#[test]
fn knows_when_a_response_sets_it() {
    let mut headers = HeaderMap::new();
    headers.append(SET_COOKIE, HeaderValue::from_static("__Host-session2=x"));
    assert!(!template().is_set_by(&headers));
    headers.append(
        SET_COOKIE,
        HeaderValue::from_static("__Host-session=x; Path=/"),
    );
    assert!(template().is_set_by(&headers));
}
