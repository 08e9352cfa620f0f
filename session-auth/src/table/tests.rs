use super::*;
use crate::access::{AccessClass, Declaration, Location, Terms};

fn endpoint(name: &'static str, target: Target) -> Arc<Endpoint> {
    Arc::new(Endpoint {
        declaration: Declaration {
            target,
            class: AccessClass::Public,
            terms: Terms::NONE,
            handler: name,
            package: "package",
            location: Location {
                file: "file",
                line: 1,
                column: 1,
            },
        },
        verifier: None,
        counters: Counters::default(),
    })
}

fn route(methods: Methods, path: &'static str) -> Target {
    Target::Route { methods, path }
}

fn table(targets: &[(&'static str, Target)]) -> RouteTable {
    let mut table = RouteTable::default();
    for (name, target) in targets {
        table.insert(endpoint(name, *target)).expect("no conflict");
    }
    table
}

fn name(resolved: Resolved<'_>) -> &'static str {
    match resolved {
        Resolved::Endpoint(endpoint) => endpoint.declaration.handler,
        Resolved::Unclassified => "unclassified",
        Resolved::Ambiguous => "ambiguous",
    }
}

#[test]
fn methods_are_told_apart_as_axum_tells_them() {
    let table = table(&[
        ("get", route(Methods::GET, "/a")),
        ("post", route(Methods::POST | Methods::PUT, "/a")),
        ("any", route(Methods::ANY, "/b")),
        ("delete", route(Methods::DELETE, "/b")),
        ("head", route(Methods::HEAD, "/c")),
        ("get c", route(Methods::GET, "/c")),
    ]);
    let rows = [
        ("GET", "/a", "get"),
        ("HEAD", "/a", "get"),
        ("POST", "/a", "post"),
        ("PUT", "/a", "post"),
        ("DELETE", "/a", "unclassified"),
        ("BREW", "/a", "unclassified"),
        ("BREW", "/b", "any"),
        ("DELETE", "/b", "delete"),
        ("GET", "/b", "any"),
        ("HEAD", "/c", "head"),
        ("GET", "/c", "get c"),
    ];
    for (method, path, expected) in rows {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        assert_eq!(
            name(table.by_path(&method, path)),
            expected,
            "{method} {path}"
        );
        assert_eq!(
            name(table.by_pattern(&method, path, || path)),
            expected,
            "{method} {path}"
        );
    }
}

#[test]
fn a_prefix_is_not_a_match() {
    let table = table(&[("signup", route(Methods::GET, "/api/waitlist/signup"))]);
    for path in [
        "/api/waitlist",
        "/api/waitlist/",
        "/api/waitlist/signup/",
        "/api/waitlist/signup/x",
        "/api/waitlist/signup-admin",
        "/API/waitlist/signup",
        "",
        "*",
    ] {
        assert_eq!(
            name(table.by_path(&Method::GET, path)),
            "unclassified",
            "{path}"
        );
    }
}

#[test]
fn a_subtree_covers_its_mount_point_and_what_is_below() {
    let table = table(&[
        ("assets", Target::Subtree { path: "/assets" }),
        (
            "inner",
            Target::Subtree {
                path: "/assets/private",
            },
        ),
        ("logo", route(Methods::GET, "/assets/logo.png")),
    ]);
    let rows = [
        ("/assets", "assets"),
        ("/assets/", "assets"),
        ("/assets/a/b.css", "assets"),
        ("/assets/logo.png", "logo"),
        ("/assets/private/x", "inner"),
        ("/assets-admin", "unclassified"),
        ("/asset", "unclassified"),
    ];
    for (path, expected) in rows {
        assert_eq!(name(table.by_path(&Method::GET, path)), expected, "{path}");
    }
    // A nested router's own patterns.
    let by_pattern = |pattern| name(table.by_pattern(&Method::GET, pattern, || pattern));
    assert_eq!(by_pattern("/assets/{file}"), "assets");
    assert_eq!(by_pattern("/assets/private/{file}"), "inner");
    assert_eq!(by_pattern("/assets-admin/{file}"), "unclassified");
}

/// A catch-all may lead to a router that is declared route by route. The class of the one must not
/// pass for the class of the other, in either direction.
#[test]
fn security_behind_a_catch_all_the_path_must_agree() {
    let table = table(&[
        ("all", route(Methods::ANY, "/api/{*rest}")),
        ("me", route(Methods::GET, "/api/me")),
    ]);
    let by_pattern = |path| name(table.by_pattern(&Method::GET, "/api/{*rest}", || path));
    assert_eq!(by_pattern("/api/other"), "all");
    assert_eq!(by_pattern("/api/me"), "unclassified");
}

#[test]
fn the_fallback_is_for_paths_that_nothing_matches() {
    let table = table(&[
        ("a", route(Methods::GET, "/a")),
        ("fallback", Target::Fallback),
    ]);
    assert_eq!(name(table.by_path(&Method::GET, "/b")), "fallback");
    assert_eq!(name(table.by_path(&Method::POST, "/a")), "unclassified");
}

#[test]
fn patterns_that_the_matcher_cannot_tell_apart_are_a_conflict() {
    let mut table = table(&[("id", route(Methods::GET, "/users/{id}"))]);
    let other = endpoint("name", route(Methods::POST, "/users/{name}"));
    let conflict = table.insert(other).expect_err("they overlap");
    assert_eq!(conflict.with.as_deref(), Some("/users/{id}"));
}

#[test]
fn security_ambiguous_paths() {
    for path in [
        "/a%2fb",
        "/a%2Fb",
        "/a%5cb",
        "/a%5Cb",
        "/a%2eb",
        "/%2E%2E/b",
        "/a%00",
        "//a",
        "/a//b",
        "/a//",
        "/./a",
        "/a/.",
        "/a/..",
        "/../a",
        "/a;b",
        "/a;",
        "/a\\b",
        "/..;/a",
        "/a%3bb",
    ] {
        assert!(is_ambiguous(path), "{path}");
    }
    for path in [
        "/",
        "/a",
        "/a/",
        "/a.b",
        "/a..b",
        "/...",
        "/.well-known/x",
        "/a%20b",
        "/%e4",
        "/a%2",
        "/a%",
        "/~a",
        "/a:b",
        "/a@b",
        "/a,b",
        "/%6de",
        "",
    ] {
        assert!(!is_ambiguous(path), "{path}");
    }
}

#[test]
fn unclassified_routes_are_counted_apart_and_strangers_together() {
    let table = RouteTable::default();
    let count = |method: &str, pattern: Option<&str>, path: &str| {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        table.unclassified(&method, pattern, path).pass();
    };
    count("GET", Some("/a"), "/a");
    count("GET", Some("/a"), "/a");
    count("POST", Some("/a"), "/a");
    for n in 0..100 {
        count("GET", None, &format!("/scan/{n}"));
        count(&format!("X{n}"), Some("/b"), "/b");
    }
    let counted: Vec<_> = table
        .activity()
        .into_iter()
        .map(|route| (route.route, route.passed))
        .collect();
    let expected = [
        ("(no route)", 100),
        ("ANY /b", 100),
        ("GET /a", 2),
        ("POST /a", 1),
    ];
    assert_eq!(counted, expected.map(|(route, n)| (route.to_owned(), n)));
}

#[test]
fn patterns_that_differ_a_little_hash_apart() {
    use std::hash::BuildHasher;

    let hasher = BuildHasherDefault::<PatternHasher>::default();
    let patterns: Vec<String> = (0..10_000)
        .flat_map(|n| {
            [
                format!("/r{n:04}"),
                format!("/api/v1/resources/{n:04}/{{id}}"),
            ]
        })
        .collect();
    let hashes: Vec<u64> = patterns
        .iter()
        .map(|p| hasher.hash_one(p.as_str()))
        .collect();
    // What the map looks at: the lower bits for the place, the upper seven for a first comparison.
    let places: std::collections::HashSet<u64> = hashes.iter().map(|h| h % (1 << 15)).collect();
    // 20,000 into 32,768 at random fill 14,970 of them.
    assert!(places.len() > 13_000, "{} places", places.len());
    let tags: std::collections::HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
    assert_eq!(tags.len(), 128);
}
