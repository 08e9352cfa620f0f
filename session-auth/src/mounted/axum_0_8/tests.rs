//! What the reader takes from a text, and what it refuses. Every shape of a real router is in
//! `tests/axum_shapes.rs`, beside the routers of other crates.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{any, get};

use super::*;
use crate::access::Methods;

async fn h() {}

fn text() -> String {
    let router: Router = Router::new()
        .route("/a/{id}", get(h).post(h).fallback(h))
        .route("/b\"\n", any(h))
        .nest_service("/x", Router::new())
        .nest("/in", Router::new().route("/c", get(h)).fallback(h))
        .fallback(h);
    format!("{router:?}")
}

fn refused(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

/// How much was read.
fn size(routes: &Routes) -> usize {
    let methods = |endpoint: &Endpoint| match endpoint {
        Endpoint::Service => 1,
        Endpoint::Methods { named, rest } => {
            named.iter().count() + usize::from(*rest != Rest::Refused)
        }
    };
    let all = routes.routes.values().chain(routes.fallbacks.values());
    all.map(methods).sum()
}

fn methods(named: &[Methods], rest: Rest) -> Endpoint {
    let named = named.iter().fold(Methods::NONE, |all, one| all.or(*one));
    Endpoint::Methods { named, rest }
}

#[test]
fn the_sample_is_read_whole() {
    let routes = [
        (
            "/a/{id}",
            methods(&[Methods::GET, Methods::POST], Rest::Fallback),
        ),
        ("/b\"\n", methods(&[], Rest::Any)),
        ("/in/c", methods(&[Methods::GET], Rest::Refused)),
        ("/x", Endpoint::Service),
        ("/x/", Endpoint::Service),
        ("/x/{*__private__axum_nest_tail_param}", Endpoint::Service),
    ];
    let fallbacks = [
        ("/", methods(&[], Rest::Any)),
        ("/in", methods(&[], Rest::Any)),
        ("/in/{*__private__axum_fallback}", methods(&[], Rest::Any)),
        ("/{*__private__axum_fallback}", methods(&[], Rest::Any)),
    ];
    let of = |rows: &[(&str, Endpoint)]| {
        let rows = rows.iter().cloned();
        rows.map(|(path, endpoint)| (path.to_owned(), endpoint))
            .collect()
    };
    let whole = Routes {
        routes: of(&routes),
        fallbacks: of(&fallbacks),
        default_fallback: false,
    };
    assert_eq!(read(&text()), Ok(whole));
}

#[test]
fn an_error_says_what_was_met_where_and_what_to_do() {
    let changed = text().replace("default_fallback: ", "query: None, default_fallback: ");
    let message = refused(&changed);
    let at = changed.find("query: ").unwrap() + "query: ".len();
    assert!(
        message.contains("the unknown field `query` of `Router`"),
        "{message}"
    );
    assert!(message.contains(&format!("at byte {at}")), "{message}");
    assert!(
        message.contains("`") && message.contains("query: None"),
        "{message}"
    );
    assert!(message.contains("axum 0.8.0 to 0.8.9"), "{message}");
}

/// The text with one thing replaced, which has to be there.
#[track_caller]
fn with(from: &str, to: &str) -> String {
    let text = text();
    assert!(text.contains(from), "{from} in {text}");
    text.replacen(from, to, 1)
}

#[test]
fn whatever_axum_does_not_print_is_refused() {
    for (name, text, expected) in [
        ("nothing", String::new(), "the end where a value belongs"),
        (
            "another struct",
            with("Router {", "Rooter {"),
            "`Rooter` for the struct `Router`",
        ),
        (
            "a name alone",
            "Router".into(),
            "`Router` for the struct `Router`",
        ),
        ("more after the end", text() + " ", "where the end belongs"),
        (
            "the pretty form",
            text().replace(" { ", " {\n    "),
            "where the end belongs",
        ),
        (
            "a field less",
            with(", default_fallback: false", ""),
            "without its field `default_fallback`",
        ),
        (
            "a field twice",
            with("get: None, head: None", "get: None, get: None, head: None"),
            "repeated or in another order",
        ),
        (
            "fields reordered",
            with("get: None, head: None", "head: None, get: None"),
            "another order",
        ),
        (
            "the last field twice",
            with("Node { paths: ", "Node { paths: {}, paths: "),
            "repeated or in another order",
        ),
        (
            "an unknown method",
            with("get: None", "query: None, get: None"),
            "field `query`",
        ),
        (
            "an unknown handler",
            with("get: BoxedHandler", "get: Closure"),
            "`Closure` for a handler",
        ),
        (
            "an unknown endpoint",
            with(": Route(Route)", ": Mount(Route)"),
            "`Mount(..)` for an endpoint",
        ),
        (
            "an unknown route",
            with(": Route(Route)", ": Route(Mount)"),
            "does not hold a `Route`",
        ),
        (
            "an unknown fallback",
            with("fallback: BoxedHandler", "fallback: None"),
            "`None` for a fallback",
        ),
        (
            "a default fallback that is no route",
            with("fallback: Default(Route)", "fallback: Default(Mount)"),
            "`Default(..)` for a fallback",
        ),
        (
            "a fallback service that is no route",
            with("fallback: BoxedHandler", "fallback: Service(Mount)"),
            "`Service(..)` for a fallback",
        ),
        (
            "two method routers in one",
            with(
                "MethodRouter(MethodRouter {",
                "MethodRouter(7, MethodRouter {",
            ),
            "of several values",
        ),
        (
            "an unknown flag",
            with("fallback: false", "fallback: maybe"),
            "`maybe` for a flag",
        ),
        (
            "a flag that begins as bytes do",
            with("fallback: false", "fallback: both"),
            "`both` for a flag",
        ),
        (
            "an unknown allow header",
            with("allow_header: Skip", "allow_header: All"),
            "`All` for an",
        ),
        (
            "a number for an allow header",
            with("allow_header: Skip", "allow_header: 7"),
            "number 7",
        ),
        (
            "a number in an allow header",
            with("Bytes(b\"GET,HEAD,POST\")", "Bytes(7)"),
            "that is not a byte string",
        ),
        (
            "ids from 0",
            with("RouteId(1)", "RouteId(0)"),
            "a route id that is not a number from 1",
        ),
        (
            "an id of another type",
            text().replace("RouteId", "Id"),
            "`Id(..)` for a route id",
        ),
        (
            "a number for a map",
            "Router { path_router: 7, fallback_router: PathRouter { routes: 7, node: Node { \
             paths: {} } }, default_fallback: true, catch_all_fallback: Default(Route) }"
                .into(),
            "the number 7 for a map",
        ),
        (
            "a number for a path",
            with("RouteId(1): \"/a/{id}\"", "RouteId(1): 7"),
            "the number 7 for a path",
        ),
        (
            "a number too large",
            with("RouteId(1)", "RouteId(99999999999999999999)"),
            "the number `9",
        ),
        (
            "a list",
            with("routes: {", "routes: ["),
            "'[' where a value belongs",
        ),
        (
            "a path without its slash",
            with("\"/a", "\"a"),
            "without its first slash",
        ),
        ("an unknown escape", with("\\n", "\\q"), "the escape `\\q`"),
        (
            "no such character",
            with("\\n", "\\u{110000}"),
            "in a string",
        ),
        (
            "a long escape",
            with("\\n", "\\u{00000000a}"),
            "in a string",
        ),
        (
            "half a nested fallback",
            with("\"/in/{*__private__axum_fallback}\"", "\"/on\""),
            "without its tail",
        ),
        (
            "no root fallback",
            with("\"/{*__private__axum_fallback}\"", "\"/on\""),
            "a fallback router without",
        ),
        (
            "a flag that denies the fallback",
            with("default_fallback: false", "default_fallback: true"),
            "beside a fallback that is Handler",
        ),
        (
            "a fallback that denies the flag",
            with(
                "catch_all_fallback: BoxedHandler",
                "catch_all_fallback: Default(Route)",
            ),
            "beside a fallback that is Default",
        ),
        (
            "security: a method that the allow header has",
            with("post: BoxedHandler", "post: None"),
            "an `Allow` header of",
        ),
        (
            "security: an allow header without a method",
            with("GET,HEAD,POST", "GET,HEAD"),
            "an `Allow` header of",
        ),
        (
            "security: a catch-all without a handler",
            with(
                "fallback: BoxedHandler, allow_header: Skip",
                "fallback: Default(Route), allow_header: Skip",
            ),
            "without a handler",
        ),
    ] {
        let message = refused(&text);
        assert!(message.contains(expected), "{name}: {message}");
    }
}

/// Each is refused for what it is, and not for what the reader would stumble over next.
#[test]
fn a_token_that_is_cut_or_malformed_is_named() {
    let byte = "an escape or byte that no byte string has";
    for (text, expected) in [
        ("\"abc", "a string without its end"),
        ("\"abc\\n", "a string without its end"),
        ("\"abc\\", "the escape `\\` in a string"),
        ("b\"GET", "a byte string without its end"),
        ("b\"\\x4", byte),
        ("b\"\\xzz\"", byte),
        ("b\"\\q\"", byte),
        ("b\"é\"", byte),
        ("Router { : 1 }", "':' where a name belongs"),
    ] {
        let message = refused(text);
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn strings_and_byte_strings_are_read_as_they_were() {
    let string = "plain \"quoted\" back\\slash 'single' \r\n\t\0 \u{200b} \u{1f600} é";
    match text::parse(&format!("{string:?}")).expect("a string").value {
        text::Value::Text(read) => assert_eq!(read, string),
        other => panic!("{}", other.describe()),
    }
    let string = bytes::Bytes::from_static(b"GET \"\\\r\n\t\0\x01\x7f\xff/");
    match text::parse(&format!("{string:?}"))
        .expect("a byte string")
        .value
    {
        text::Value::Bytes(read) => assert_eq!(read, string),
        other => panic!("{}", other.describe()),
    }
}

#[test]
fn a_text_has_a_depth_and_a_length() {
    let nested = |depth| format!("{}1{}", "A(".repeat(depth), ")".repeat(depth));
    assert!(text::parse(&nested(24)).is_ok());
    assert!(text::parse(&nested(25)).is_err());
    let deep = refused(&"A(".repeat(30));
    assert!(deep.contains("more than 24 values inside"), "{deep}");
    let long = " ".repeat((256 << 20) + 1);
    let error = read(&long).expect_err("too long").to_string();
    assert!(error.contains("268435457 bytes of text, more"), "{error}");
}

/// Of what serves a fallback, the text says the same in several places; each is looked at.
#[test]
fn a_fallback_is_what_each_part_of_the_text_says() {
    let text = format!("{:?}", Router::<()>::new().route("/a", any(h)));
    let (_, endpoint) = text.split_once("routes: {RouteId(1): ").unwrap();
    let (endpoint, _) = endpoint.split_once("}, node").unwrap();
    let handler = text.replacen("Route(Route)", endpoint, 1);
    let message = refused(&handler);
    assert!(message.contains("beside a fallback handler"), "{message}");

    let text = format!("{:?}", Router::<()>::new().fallback(h));
    let (routes, fallbacks) = text.split_once("fallback_router").unwrap();
    let of_get = fallbacks.replacen("get: None", "get: BoxedHandler", 1);
    let message = refused(&format!("{routes}fallback_router{of_get}"));
    assert!(message.contains("not for any method"), "{message}");
}

/// A nested fallback has two paths, and nothing promises that both serve the same.
#[test]
fn half_of_a_nested_fallback_may_be_a_service() {
    let text = format!(
        "{:?}",
        Router::<()>::new().nest("/in", Router::new().fallback(h))
    );
    let id = |path: &str| {
        let (before, _) = text.split_once(&format!(": {path:?}")).unwrap();
        before.rsplit("RouteId").next().unwrap().to_owned()
    };
    for path in ["/in", "/in/{*__private__axum_fallback}"] {
        let endpoint = format!("RouteId{}: MethodRouter(", id(path));
        let (before, after) = text.split_once(&endpoint).unwrap();
        let (_, after) = after.split_once(" })").unwrap();
        let changed = format!("{before}RouteId{}: Route(Route){after}", id(path));
        let fallbacks = read(&changed).unwrap().fallbacks;
        let services: Vec<&String> = fallbacks
            .iter()
            .filter(|(path, endpoint)| path.starts_with("/in") && **endpoint == Endpoint::Service)
            .map(|(path, _)| path)
            .collect();
        assert_eq!(services, [path]);
    }
}

#[test]
fn an_endpoint_and_its_path_need_each_other() {
    let router: Router = Router::new().route("/a", get(h)).route("/b", get(h));
    let text = format!("{router:?}");
    let entry = |id: u8, path: &str| format!("RouteId({id}): {path:?}");
    let (a, b) = (entry(1, "/a"), entry(2, "/b"));
    for (name, from, to, expected) in [
        ("no path", &b, entry(1, "/a"), "without an endpoint"),
        (
            "no endpoint",
            &b,
            entry(3, "/b"),
            "the path \"/b\" without an endpoint",
        ),
        (
            "one path twice",
            &b,
            entry(2, "/a"),
            "the path \"/a\" twice",
        ),
        (
            "the other",
            &a,
            entry(7, "/a"),
            "the path \"/a\" without an endpoint",
        ),
    ] {
        let message = refused(&text.replacen(from.as_str(), &to, 1));
        assert!(message.contains(expected), "{name}: {message}");
    }
    let one_path = text
        .replace(&format!("{a}, {b}"), &a)
        .replace(&format!("{b}, {a}"), &a);
    assert!(refused(&one_path).contains("the endpoint with the id 2 without a path"));
    let same_id = text.replacen("RouteId(2): MethodRouter", "RouteId(1): MethodRouter", 1);
    assert!(refused(&same_id).contains("two endpoints with the id 1"));
}

/// axum's main branch has a `QUERY` method and no router of fallbacks, and has stored its endpoints
/// in a list. Each difference is enough to refuse the text.
#[test]
fn the_format_of_the_next_axum_is_refused() {
    let route = |query: &str| {
        format!(
            "MethodRouter(MethodRouter {{ get: BoxedHandler, head: None, delete: None, \
             options: None, patch: None, post: None, put: None, {query}trace: None, \
             connect: None, fallback: Default(Route), allow_header: Bytes(b\"GET,HEAD\") }})"
        )
    };
    let router = |routes: String, id: u8, fallbacks: &str| {
        format!(
            "Router {{ path_router: PathRouter {{ routes: {routes}, \
             node: Node {{ paths: {{RouteId({id}): \"/a\"}} }} }}, {fallbacks}\
             default_fallback: true, catch_all_fallback: Default(Route) }}"
        )
    };
    let known = "fallback_router: PathRouter { \
                 routes: {RouteId(1): Route(Route), RouteId(2): Route(Route)}, \
                 node: Node { paths: {RouteId(1): \"/\", \
                 RouteId(2): \"/{*__private__axum_fallback}\"} } }, ";
    let map = |id: u8, query: &str| format!("{{RouteId({id}): {}}}", route(query));

    assert_eq!(read(&router(map(1, ""), 1, known)).unwrap().routes.len(), 1);
    for (name, text, expected) in [
        (
            "a list",
            router(format!("[{}]", route("")), 1, known),
            "'[' where a value belongs",
        ),
        (
            "ids from 0",
            router(map(0, ""), 0, known),
            "a route id that is not a number from 1",
        ),
        (
            "QUERY",
            router(map(1, "query: None, "), 1, known),
            "the unknown field `query`",
        ),
        (
            "no fallbacks",
            router(map(1, ""), 1, ""),
            "without its field `fallback_router`",
        ),
        (
            "all of it",
            router(format!("[{}]", route("query: None, ")), 0, ""),
            "'['",
        ),
    ] {
        let message = refused(&text);
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn no_part_of_a_text_reads() {
    let text = text();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert!(read(&text[..end]).is_err(), "{}", &text[..end]);
    }
    for start in (1..text.len()).filter(|start| text.is_char_boundary(*start)) {
        assert!(read(&text[start..]).is_err(), "{}", &text[start..]);
    }
}

/// One byte less, more or other: refused, or nothing of the router is lost.
#[test]
fn damage_never_hides_a_route() {
    let text = text();
    let whole = size(&read(&text).unwrap());
    let check = |damaged: Vec<u8>| {
        let damaged = String::from_utf8(damaged).unwrap();
        if let Ok(routes) = read(&damaged) {
            assert!(size(&routes) >= whole, "{damaged}");
        }
    };
    for at in 0..text.len() {
        let bytes = text.as_bytes();
        check([&bytes[..at], &bytes[at + 1..]].concat());
        for byte in [
            b'0', b'9', b'x', b'/', b'"', b'\\', b'{', b'}', b'(', b')', b' ', b',',
        ] {
            check([&bytes[..at], &[byte], &bytes[at + 1..]].concat());
            check([&bytes[..at], &[byte], &bytes[at..]].concat());
        }
    }
}

#[test]
fn garbage_is_refused_without_a_panic() {
    for open in [
        "{",
        "(",
        "Router { ",
        "A(",
        "{1: ",
        "{{",
        "\"",
        "b\"",
        "\\",
        "R { a: ",
    ] {
        for times in [1, 10, 100_000] {
            assert!(read(&open.repeat(times)).is_err(), "{open}");
        }
    }
    for text in [
        "\u{0}",
        "é",
        "-1",
        "1",
        "true",
        "\"\\",
        "\"\\u",
        "\"\\u{",
        "\"\\u{}\"",
        "\"\\u{d800}\"",
        "b\"\\x\"",
        "b\"\\xé\"",
        "b\"\\xzz\"",
        "b\"é\"",
        "b\"\\é\"",
        "\"\\é\"",
        "{}",
        "{:}",
        "A()",
        "A {}",
        "A { }",
        "A { : }",
        "{1}",
        "{1: }",
        "{1: 2, }",
        "b",
        "0x1f",
        "\u{1f600}Router",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    // Pseudo-random mixtures of the tokens themselves.
    let tokens = [
        "Router", " { ", " }", "{", "}", "(", ")", ": ", ", ", "routes", "RouteId", "1", "\"/a\"",
        "b\"GET\"", "None", "é", "\\",
    ];
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            text.push_str(tokens[usize::try_from(seed % tokens.len() as u64).unwrap()]);
        }
        assert!(read(&text).is_err(), "{text}");
    }
}

fn many(routes: usize) -> String {
    let router = (0..routes).fold(Router::<()>::new(), |router, n| {
        router.route(&format!("/section/{n}/{{id}}"), get(h))
    });
    format!("{router:?}")
}

#[test]
fn time_grows_with_the_routes_and_no_faster() {
    let time = |routes: usize| {
        let text = many(routes);
        (0..3)
            .map(|_| {
                let start = Instant::now();
                assert_eq!(read(&text).unwrap().routes.len(), routes);
                start.elapsed()
            })
            .min()
            .unwrap_or(Duration::MAX)
    };
    let (few, more) = (time(1_000), time(10_000));
    // Ten times the routes; a quadratic reader would take a hundred times as long.
    assert!(
        more < few * 40,
        "{few:?} for 1,000 routes, {more:?} for 10,000"
    );
}
