use std::borrow::Cow;

use super::*;
use crate::access::{Declaration, DeclarationRef, Location};
use crate::clock::Timestamp;
use crate::response::Denial;

const PUBLIC: Access = Access::Public {
    issues_session: false,
    optional_session: false,
    by: std::borrow::Cow::Borrowed("session"),
    cross_origin: None,
};
const SESSION: Access = Access::Session {
    by: std::borrow::Cow::Borrowed("session"),
    scope: None,
    cross_origin: None,
};

fn endpoint(name: &'static str, target: Target, access: Access) -> Arc<Endpoint> {
    let declaration = DeclarationRef::Inline(Arc::new(Declaration {
        target,
        access,
        reason: None,
        owner: None,
        until: None,
        handler: name.into(),
        package: "package".into(),
        location: Location::caller(),
    }));
    Arc::new(Endpoint::new(name.to_owned(), Some(declaration)))
}

fn route(methods: Methods, path: &'static str) -> Target {
    routes(methods, &[path])
}

fn routes(methods: Methods, paths: &[&'static str]) -> Target {
    Target::Route {
        methods,
        paths: paths.iter().map(|path| Cow::Borrowed(*path)).collect(),
    }
}

fn subtree(path: &'static str) -> Target {
    Target::Subtree { path: path.into() }
}

fn fallback(below: Option<&'static str>) -> Target {
    Target::Fallback {
        below: below.map(Cow::Borrowed),
    }
}

fn scope(name: &'static str) -> Access {
    Access::Session {
        by: "session".into(),
        scope: Some(name.into()),
        cross_origin: None,
    }
}

fn webhook(verify: crate::access::Verify) -> Access {
    Access::Webhook {
        verify,
        expect_every: None,
        max_body: None,
    }
}

fn table(rows: &[(&'static str, Target, Access)]) -> RouteTable {
    let mut table = RouteTable::default();
    for (name, target, access) in rows {
        let endpoint = endpoint(name, target.clone(), access.clone());
        table.insert(endpoint).expect("no conflict");
    }
    table
}

fn public(rows: &[(&'static str, Target)]) -> RouteTable {
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, target)| (*name, target.clone(), PUBLIC))
        .collect();
    table(&rows)
}

fn name<'a>(resolved: &Resolved<'a>) -> &'a str {
    match resolved {
        Resolved::Endpoint(endpoint) => &endpoint.route,
        Resolved::Unclassified => "unclassified",
        Resolved::Ambiguous => "ambiguous",
    }
}

fn by_path<'a>(table: &'a RouteTable, path: &str) -> &'a str {
    name(&table.by_path(&Method::GET, path))
}

fn by_pattern<'a>(table: &'a RouteTable, pattern: &str, path: &str) -> &'a str {
    name(&table.by_pattern(&Method::GET, pattern, || path))
}

fn without_pattern<'a>(table: &'a RouteTable, path: &str) -> &'a str {
    name(&table.without_pattern(path))
}

/// What is inside may be an axum router that has one of the patterns alone.
#[test]
fn security_around_a_service_the_strictest_of_all_patterns_holds() {
    let table = table(&[
        ("user", route(Methods::GET, "/users/{id}"), SESSION),
        ("me", route(Methods::GET, "/users/me"), PUBLIC),
        ("post me", route(Methods::POST, "/users/me"), PUBLIC),
        ("health", route(Methods::GET, "/health"), PUBLIC),
        (
            "staff",
            route(Methods::GET, "/{area}/staff"),
            scope("staff"),
        ),
        ("files", subtree("/files"), PUBLIC),
        ("private", subtree("/files/private"), SESSION),
        ("page", route(Methods::GET, "/{page}"), PUBLIC),
        (
            "hook",
            route(Methods::GET, "/users/hook"),
            webhook(crate::access::Verify::named("a")),
        ),
    ]);
    for (path, expected) in [
        ("/users/me", "user"),
        ("/users/1", "user"),
        ("/users/staff", "staff"),
        ("/health", "health"),
        ("/about", "page"),
        ("/files/a", "files"),
        ("/files/private/a", "private"),
        ("/users/hook", "hook"),
    ] {
        assert_eq!(by_path(&table, path), expected, "{path}");
    }
    let posted = name(&table.by_path(&Method::POST, "/users/me")).to_owned();
    assert_eq!(posted, "post me");
    // An axum router that has matched says which it is.
    assert_eq!(by_pattern(&table, "/users/me", "/users/me"), "me");
}

#[test]
fn methods_are_told_apart_as_axum_tells_them() {
    let table = public(&[
        ("get", route(Methods::GET, "/a")),
        ("post", route(Methods::POST | Methods::PUT, "/a")),
        ("any", route(Methods::ANY, "/b")),
        ("delete", route(Methods::DELETE, "/b")),
        ("head", route(Methods::HEAD, "/c")),
        ("get c", route(Methods::GET, "/c")),
        ("both", routes(Methods::GET, &["/d", "/e/{id}"])),
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
        ("GET", "/d", "both"),
        ("GET", "/e/{id}", "both"),
    ];
    for (method, path, expected) in rows {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let resolved = table.by_path(&method, path);
        assert_eq!(name(&resolved), expected, "{method} {path}");
        let resolved = table.by_pattern(&method, path, || path);
        assert_eq!(name(&resolved), expected, "{method} {path}");
    }
}

#[test]
fn a_prefix_is_not_a_match() {
    let table = public(&[("signup", route(Methods::GET, "/api/waitlist/signup"))]);
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
        assert_eq!(by_path(&table, path), "unclassified", "{path}");
    }
}

#[test]
fn a_subtree_covers_its_mount_point_and_what_is_below() {
    let table = public(&[
        ("assets", subtree("/assets")),
        ("inner", subtree("/assets/private")),
        ("logo", route(Methods::GET, "/assets/logo.png")),
    ]);
    for (path, expected) in [
        ("/assets", "assets"),
        ("/assets/", "assets"),
        ("/assets/a/b.css", "assets"),
        ("/assets/logo.png", "logo"),
        ("/assets/private/x", "inner"),
        ("/assets-admin", "unclassified"),
        ("/asset", "unclassified"),
    ] {
        assert_eq!(by_path(&table, path), expected, "{path}");
    }
}

/// A router may have a pattern below a declared subtree that nobody declared: it is not the mount.
#[test]
fn security_a_subtree_is_its_mount_and_not_each_pattern_below() {
    let table = public(&[("w", subtree("/w")), ("inner", subtree("/w/private"))]);
    assert_eq!(by_pattern(&table, "/w/{*path}", "/w/x"), "w");
    assert_eq!(by_pattern(&table, "/w/{file}", "/w/x"), "unclassified");
    assert_eq!(by_pattern(&table, "/w/x", "/w/x"), "unclassified");
    assert_eq!(
        by_pattern(&table, "/w-admin/{*path}", "/w-admin/x"),
        "unclassified"
    );
    assert_eq!(by_pattern(&table, "no-slash", "/w/x"), "unclassified");
    // What is declared below has its own class, whatever reading of the path leads there.
    assert_eq!(
        by_pattern(&table, "/w/{*path}", "/w/private/x"),
        "unclassified"
    );
    assert_eq!(
        by_pattern(&table, "/w/{*path}", "/w/%70rivate/x"),
        "ambiguous"
    );
    let root = public(&[("root", subtree("/"))]);
    assert_eq!(by_pattern(&root, "/{*path}", "/x"), "root");
}

/// In whichever order the two are written.
#[test]
fn security_a_route_on_the_mount_point_goes_before_the_subtree() {
    let rows = [
        ("files", subtree("/files"), PUBLIC),
        ("index", route(Methods::ANY, "/files"), SESSION),
    ];
    for rows in [rows.clone(), [rows[1].clone(), rows[0].clone()]] {
        let table = table(&rows);
        assert_eq!(by_path(&table, "/files"), "index");
        assert_eq!(by_pattern(&table, "/files", "/files"), "index");
        assert_eq!(by_path(&table, "/files/x"), "files");
    }
    let rows = [
        ("files", subtree("/files"), PUBLIC),
        ("index", route(Methods::GET, "/files"), SESSION),
    ];
    for rows in [rows.clone(), [rows[1].clone(), rows[0].clone()]] {
        let table = table(&rows);
        let posted = table.by_path(&Method::POST, "/files");
        assert_eq!(name(&posted), "unclassified");
    }
}

/// A catch-all may lead to a router that is declared route by route. The class of the one must not
/// pass for the class of the other, in either direction.
#[test]
fn security_behind_a_catch_all_the_path_must_agree() {
    let table = public(&[
        ("all", route(Methods::ANY, "/api/{*rest}")),
        ("me", route(Methods::GET, "/api/me")),
    ]);
    for (path, expected) in [
        ("/api/other", "all"),
        ("/api/me", "unclassified"),
        ("/api/%6de", "ambiguous"),
        ("/api/x/../me", "ambiguous"),
    ] {
        assert_eq!(by_pattern(&table, "/api/{*rest}", path), expected, "{path}");
    }
    // A pattern that catches nothing more is not looked at twice.
    assert_eq!(by_pattern(&table, "/api/me", "/api/%6de"), "me");
}

#[test]
fn around_another_service_a_path_with_two_readings_is_ambiguous() {
    let table = public(&[
        ("a", route(Methods::GET, "/a")),
        ("files", subtree("/files")),
        ("fallback", fallback(None)),
    ]);
    for path in ["/a/../a", "//a", "/%61", "/a;b", "/files/%2e%2e/a", "/x\\y"] {
        assert_eq!(by_path(&table, path), "ambiguous", "{path}");
    }
    assert_eq!(by_path(&table, "/a"), "a");
}

#[test]
fn around_another_service_the_one_fallback_answers_what_nothing_matches() {
    let one = public(&[
        ("a", route(Methods::GET, "/a")),
        ("fallback", fallback(None)),
    ]);
    assert_eq!(by_path(&one, "/b"), "fallback");
    let posted = one.by_path(&Method::POST, "/a");
    assert_eq!(name(&posted), "unclassified");

    let nested = public(&[("nested", fallback(Some("/in")))]);
    assert_eq!(by_path(&nested, "/in/b"), "unclassified");
    let both = public(&[
        ("fallback", fallback(None)),
        ("nested", fallback(Some("/in"))),
    ]);
    assert_eq!(by_path(&both, "/b"), "unclassified");
}

/// Without a pattern a nested service answers, or a fallback: which of them cannot be seen.
#[test]
fn security_without_a_pattern_the_strictest_holds() {
    let files = |access: Access| ("files", subtree("/files"), access);
    let root = |access: Access| ("root", fallback(None), access);
    let nested = |access: Access| ("nested", fallback(Some("/files")), access);
    let exempt = |scope: Option<&'static str>| Access::Session {
        by: "session".into(),
        scope: scope.map(Cow::Borrowed),
        cross_origin: Some("partners embed it".into()),
    };
    let by = |name: &'static str| webhook(crate::access::Verify::By(name.into()));

    for (what, rows, expected) in [
        ("nothing declared", vec![], "unclassified"),
        ("a public service", vec![files(PUBLIC)], "unclassified"),
        ("a session service", vec![files(SESSION)], "files"),
        ("a webhook service", vec![files(by("a"))], "unclassified"),
        ("a public fallback", vec![root(PUBLIC)], "root"),
        ("both public", vec![files(PUBLIC), root(PUBLIC)], "files"),
        (
            "a public service, a session fallback",
            vec![files(PUBLIC), root(SESSION)],
            "root",
        ),
        (
            "a session service, a public fallback",
            vec![files(SESSION), root(PUBLIC)],
            "files",
        ),
        (
            "one scope and none",
            vec![files(SESSION), root(scope("admin"))],
            "root",
        ),
        (
            "two scopes",
            vec![files(scope("staff")), root(scope("admin"))],
            "ambiguous",
        ),
        (
            "a webhook and a session",
            vec![files(by("a")), root(SESSION)],
            "ambiguous",
        ),
        (
            "a webhook and a public fallback",
            vec![files(by("a")), root(PUBLIC)],
            "ambiguous",
        ),
        (
            "two webhooks",
            vec![files(by("a")), root(by("b"))],
            "ambiguous",
        ),
        (
            "a session service that lets in pages of other origins",
            vec![files(exempt(None))],
            "unclassified",
        ),
        (
            "the same, and a session fallback",
            vec![files(exempt(Some("staff"))), root(SESSION)],
            "ambiguous",
        ),
        (
            "the same, and a fallback that asks for more",
            vec![files(exempt(None)), root(scope("admin"))],
            "root",
        ),
        (
            "two that say the same",
            vec![files(exempt(None)), root(exempt(None))],
            "files",
        ),
        (
            "two fallbacks",
            vec![root(PUBLIC), nested(SESSION)],
            "nested",
        ),
        (
            "another router's fallback",
            vec![root(PUBLIC), ("in", fallback(Some("/in")), SESSION)],
            "root",
        ),
    ] {
        assert_eq!(
            without_pattern(&table(&rows), "/files/x"),
            expected,
            "{what}"
        );
    }
    // Another router's fallback, which nobody declared, may need a session.
    let proved = |by: &'static str| Access::Session {
        by: by.into(),
        scope: None,
        cross_origin: None,
    };
    for (access, expected) in [
        (proved("session"), "files"),
        (proved("api"), "unclassified"),
    ] {
        let alone = table(&[files(access)]);
        assert_eq!(without_pattern(&alone, "/files/x"), expected);
    }
    let open = table(&[files(PUBLIC), root(PUBLIC)]);
    assert_eq!(without_pattern(&open, "/files/%78"), "ambiguous");
    assert_eq!(without_pattern(&open, "/filesystem"), "root");
    // The innermost of two services.
    let two = table(&[
        ("inner", subtree("/files/private"), SESSION),
        files(PUBLIC),
        root(PUBLIC),
    ]);
    assert_eq!(without_pattern(&two, "/files/private/x"), "inner");
}

#[test]
fn patterns_that_the_matcher_cannot_tell_apart_are_a_conflict() {
    let mut table = public(&[("id", route(Methods::GET, "/users/{id}"))]);
    let other = endpoint("name", route(Methods::POST, "/users/{name}"), PUBLIC);
    let conflict = table.insert(other).expect_err("they overlap");
    assert_eq!(conflict.with.as_deref(), Some("/users/{id}"));
}

#[test]
fn unclassified_routes_are_counted_apart_and_strangers_together() {
    let table = RouteTable::default();
    let count = |method: &str, pattern: Option<&str>| {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let counters = &table.unclassified(&method, pattern).counters;
        counters.unclassified();
        counters.deny(Denial::Missing, None);
    };
    count("GET", Some("/a"));
    count("GET", Some("/a"));
    count("POST", Some("/a"));
    for n in 0..100 {
        count("GET", None);
        count(&format!("X{n}"), Some("/b"));
    }
    let counted: Vec<_> = table
        .all()
        .into_iter()
        .map(|endpoint| endpoint.activity(Timestamp::default()))
        .map(|route| (route.denied_for(Denial::Missing), route.route))
        .collect();
    let expected = [
        (100, "(no route)"),
        (100, "ANY /b"),
        (2, "GET /a"),
        (1, "POST /a"),
    ];
    assert_eq!(counted, expected.map(|(n, route)| (n, route.to_owned())));
    assert_eq!(table.unclassified_requests(), 203);
}

#[test]
fn the_counters_of_unclassified_routes_have_an_end() {
    let table = RouteTable::default();
    for n in 0..MAX_UNCLASSIFIED + 50 {
        table.unclassified(&Method::GET, Some(&format!("/{n}")));
    }
    assert_eq!(table.all().len(), MAX_UNCLASSIFIED + 1);
}
