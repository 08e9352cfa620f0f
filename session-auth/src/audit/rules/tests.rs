//! Every rule with what it finds and what it leaves alone.
//!
//! One table feeds all tests, so a rule that is not in the registry, or not in the table, fails.

use std::collections::BTreeSet;

use time::{Date, Month};

use super::*;
use crate::audit::report::{Class, Mounted, Report as File, RouterKind, SCHEMA, Shape};

pub(in crate::audit) fn today() -> Date {
    Date::from_calendar_date(2027, Month::January, 31).unwrap()
}

pub(in crate::audit) fn router(name: &str) -> RouterRecord {
    RouterRecord {
        name: name.into(),
        package: "app".into(),
        kind: RouterKind::Axum,
        file: format!("src/{name}.rs"),
        line: 41,
    }
}

/// `GET /a`, `GET|POST /a`, `ANY /a/**` or `FALLBACK`, declared on a line of `src/handlers.rs`.
pub(in crate::audit) fn declared(class: Class, what: &str, line: u32) -> RouteRecord {
    let (methods, path) = match what.split_once(' ') {
        Some((methods, path)) => (methods, Some(path.to_owned())),
        None => (what, None),
    };
    RouteRecord {
        methods: methods.split('|').map(str::to_owned).collect(),
        path,
        class: Some(class),
        handler: Some(format!("app::handlers::h{line}")),
        file: "src/handlers.rs".into(),
        line,
        reason: Some("test".into()),
        verifier: (class == Class::Webhook).then(|| "postmark".into()),
        scope: None,
        expect_every: (class == Class::Webhook).then(|| "6h".into()),
        until: None,
        owner: None,
        issues_session: false,
        optional_session: false,
        max_body: None,
        package: "app".into(),
        router: None,
        routers: Vec::new(),
    }
}

pub(in crate::audit) fn mounted(shape: Shape, what: &str) -> Mounted {
    let (method, path) = what.split_once(' ').unwrap_or((what, ""));
    Mounted {
        shape,
        methods: method.split('|').map(str::to_owned).collect(),
        path: (!path.is_empty()).then(|| path.to_owned()),
        declaration: None,
    }
}

pub(in crate::audit) fn routes(all: &[&str]) -> Vec<Mounted> {
    all.iter().map(|what| mounted(Shape::Route, what)).collect()
}

pub(in crate::audit) fn file(
    name: &str,
    mounted: Vec<Mounted>,
    declared: Vec<RouteRecord>,
) -> File {
    File {
        schema: SCHEMA,
        router: router(name),
        mounted,
        declared,
    }
}

fn typed(mounted: Vec<(&str, RouteRecord)>) -> File {
    let mounted = mounted
        .into_iter()
        .map(|(what, record)| Mounted {
            declaration: Some(record),
            ..super::tests::mounted(Shape::Route, what)
        })
        .collect();
    let mut file = file("typed", mounted, vec![]);
    file.router.kind = RouterKind::Typed;
    file
}

fn find(rules: &[Rule], files: &[File], scope: Scope) -> Vec<Finding> {
    run(
        rules,
        &View::new(&files.iter().collect::<Vec<_>>(), scope, today()),
    )
}

struct Case {
    name: &'static str,
    files: Vec<File>,
    /// Of each finding its code and, for the reader, the start of its message.
    expected: Vec<(&'static str, &'static str)>,
}

fn one(
    name: &'static str,
    mounted: Vec<Mounted>,
    declared: Vec<RouteRecord>,
    expected: &[(&'static str, &'static str)],
) -> Case {
    several(name, vec![file("routes", mounted, declared)], expected)
}

fn several(
    name: &'static str,
    files: Vec<File>,
    expected: &[(&'static str, &'static str)],
) -> Case {
    Case {
        name,
        files,
        expected: expected.to_vec(),
    }
}

const UNCLASSIFIED: &str = "unclassified-route";
const UNMOUNTED: &str = "unmounted-declaration";
const CONFLICT: &str = "conflicting-declaration";
const OPAQUE: &str = "opaque-mount";
const EXPIRED: &str = "expired-exemption";
const UNMONITORED: &str = "unmonitored-webhook";

fn unclassified_cases() -> Vec<Case> {
    use Class::{Public, Session};
    let get = |shape| mounted(shape, "ANY /a");
    vec![
        one(
            "declared",
            routes(&["GET /a"]),
            vec![declared(Session, "GET /a", 1)],
            &[],
        ),
        one(
            "security: nobody said",
            routes(&["POST /a"]),
            vec![],
            &[(UNCLASSIFIED, "POST /a is")],
        ),
        one(
            "GET covers HEAD",
            routes(&["GET /a", "HEAD /a"]),
            vec![declared(Session, "GET /a", 1)],
            &[],
        ),
        one(
            "security: HEAD does not cover GET",
            routes(&["GET /a", "HEAD /a"]),
            vec![declared(Public, "HEAD /a", 1)],
            &[(UNCLASSIFIED, "GET /a is")],
        ),
        one(
            "security: another method",
            routes(&["GET /a", "POST /a"]),
            vec![declared(Public, "GET /a", 1)],
            &[(UNCLASSIFIED, "POST /a is")],
        ),
        one(
            "ANY covers each",
            routes(&["GET /a", "POST /a"]),
            vec![declared(Public, "ANY /a", 1)],
            &[],
        ),
        one(
            "security: any needs ANY",
            routes(&["ANY /a"]),
            vec![declared(Public, "GET|POST /a", 1)],
            &[(UNCLASSIFIED, "ANY /a is")],
        ),
        one(
            "security: a longer name is no subtree",
            routes(&["GET /waitlist-admin", "GET /waitlist"]),
            vec![declared(Public, "ANY /waitlist/**", 1)],
            &[(UNCLASSIFIED, "GET /waitlist-admin is")],
        ),
        one(
            "a subtree covers itself, its slash and what is below",
            routes(&["GET /a", "POST /a/", "ANY /a/b/{c}"]),
            vec![declared(Public, "ANY /a/**", 1)],
            &[],
        ),
        one(
            "security: a subtree does not cover what is above",
            routes(&["GET /", "GET /a/b", "GET /a"]),
            vec![declared(Public, "ANY /a/b/**", 1)],
            &[(UNCLASSIFIED, "GET / is"), (UNCLASSIFIED, "GET /a is")],
        ),
        one(
            "the subtree of everything",
            routes(&["GET /", "GET /a/b"]),
            vec![declared(Public, "ANY /**", 1)],
            &[],
        ),
        one(
            "security: a pattern covers only its own text",
            routes(&["GET /u/{id}", "GET /u/{user}/x"]),
            vec![
                declared(Public, "GET /u/{id}", 1),
                declared(Public, "ANY /u/{id}/**", 2),
            ],
            &[(UNCLASSIFIED, "GET /u/{user}/x is")],
        ),
        one(
            "security: a slash more is another path",
            routes(&["GET /a", "GET /a/"]),
            vec![declared(Public, "GET /a", 1)],
            &[(UNCLASSIFIED, "GET /a/ is")],
        ),
        one(
            "security: a fallback's declaration covers no route",
            vec![
                mounted(Shape::Fallback, "ANY"),
                mounted(Shape::Route, "GET /a"),
            ],
            vec![declared(Public, "FALLBACK", 1)],
            &[(UNCLASSIFIED, "GET /a is")],
        ),
        one(
            "security: a fallback",
            vec![mounted(Shape::Fallback, "ANY")],
            vec![],
            &[(UNCLASSIFIED, "the fallback of router `routes` has")],
        ),
        one(
            "security: a subtree of everything is no fallback",
            vec![
                mounted(Shape::Fallback, "ANY"),
                mounted(Shape::Route, "GET /a"),
            ],
            vec![declared(Public, "ANY /**", 1)],
            &[(UNCLASSIFIED, "the fallback of router `routes` has")],
        ),
        one(
            "a nested router's fallback, by its subtree",
            vec![mounted(Shape::Fallback, "ANY /in")],
            vec![declared(Public, "ANY /in/**", 1)],
            &[],
        ),
        one(
            "a nested router's fallback, by FALLBACK",
            vec![mounted(Shape::Fallback, "ANY /in")],
            vec![declared(Public, "FALLBACK", 1)],
            &[],
        ),
        one(
            "security: a nested router's fallback",
            vec![mounted(Shape::Fallback, "ANY /in")],
            vec![],
            &[(
                UNCLASSIFIED,
                "the fallback below /in of router `routes` has",
            )],
        ),
        one(
            "security: a fallback for other methods needs ANY",
            vec![get(Shape::MethodFallback), mounted(Shape::Route, "GET /a")],
            vec![declared(Public, "GET /a", 1)],
            &[(UNCLASSIFIED, "the fallback of /a for other methods")],
        ),
        one(
            "a fallback for other methods with ANY",
            vec![get(Shape::MethodFallback), mounted(Shape::Route, "GET /a")],
            vec![declared(Public, "GET /a", 1), declared(Public, "ANY /a", 2)],
            &[],
        ),
        one(
            "security: only ANY covers a method that nobody knows",
            routes(&["BREW /a", "BREW /b"]),
            vec![
                declared(Public, "ANY /b", 1),
                declared(Public, "BREW /a", 2),
            ],
            &[(UNCLASSIFIED, "BREW /a is")],
        ),
        several(
            "security: a program's declarations are not another's",
            vec![
                file(
                    "web",
                    routes(&["GET /health"]),
                    vec![declared(Public, "GET /health", 1)],
                ),
                file("admin", routes(&["GET /health"]), vec![]),
            ],
            &[(UNCLASSIFIED, "GET /health is mounted by router `admin`")],
        ),
        several(
            "security: a typed router without a class",
            vec![File {
                router: RouterRecord {
                    kind: RouterKind::Typed,
                    ..router("typed")
                },
                ..file("typed", routes(&["GET /a"]), vec![])
            }],
            &[(UNCLASSIFIED, "GET /a is")],
        ),
    ]
}

fn opaque_cases() -> Vec<Case> {
    use Class::Public;
    let mount = || vec![mounted(Shape::OpaqueMount, "ANY /x")];
    let route = || vec![mounted(Shape::OpaqueRoute, "ANY /x")];
    let fallback = || vec![mounted(Shape::OpaqueFallback, "ANY")];
    vec![
        one(
            "security: a mount",
            mount(),
            vec![],
            &[(OPAQUE, "a service is mounted under /x")],
        ),
        one(
            "a mount with its subtree",
            mount(),
            vec![declared(Public, "ANY /x/**", 1)],
            &[],
        ),
        one(
            "a mount in a subtree",
            mount(),
            vec![declared(Public, "ANY /**", 1)],
            &[],
        ),
        one(
            "security: a mount needs more than its path",
            [mount(), routes(&["ANY /x"])].concat(),
            vec![declared(Public, "ANY /x", 1)],
            &[(OPAQUE, "a service is mounted under /x")],
        ),
        one(
            "security: a route",
            route(),
            vec![],
            &[(OPAQUE, "a service is mounted on /x")],
        ),
        one(
            "a route with ANY",
            route(),
            vec![declared(Public, "ANY /x", 1)],
            &[],
        ),
        one(
            "a route in a subtree",
            route(),
            vec![declared(Public, "ANY /x/**", 1)],
            &[],
        ),
        one(
            "security: a route needs every method",
            route(),
            vec![declared(Public, "GET /x", 1)],
            &[(OPAQUE, "a service is mounted on /x")],
        ),
        one(
            "security: a fallback",
            fallback(),
            vec![],
            &[(OPAQUE, "the fallback of")],
        ),
        one(
            "a fallback with FALLBACK",
            fallback(),
            vec![declared(Public, "FALLBACK", 1)],
            &[],
        ),
        one(
            "security: a nested router's fallback",
            vec![mounted(Shape::OpaqueFallback, "ANY /in")],
            vec![],
            &[(OPAQUE, "the fallback below /in of")],
        ),
    ]
}

fn unmounted_cases() -> Vec<Case> {
    use Class::{Public, Session};
    let a = || declared(Session, "GET /a", 1);
    vec![
        one(
            "nowhere",
            routes(&["GET /a"]),
            vec![a(), declared(Public, "GET /b", 2)],
            &[(UNMOUNTED, "GET /b is declared for `app::handlers::h2`, but")],
        ),
        one(
            "one method of two",
            routes(&["GET /a"]),
            vec![declared(Public, "GET|POST /a", 1)],
            &[(UNMOUNTED, "POST /a is declared")],
        ),
        one(
            "HEAD, by get",
            routes(&["GET /a"]),
            vec![declared(Public, "GET|HEAD /a", 1)],
            &[],
        ),
        one(
            "a subtree of nothing",
            routes(&["GET /a"]),
            vec![a(), declared(Public, "ANY /assets/**", 2)],
            &[(UNMOUNTED, "ANY /assets/** is declared")],
        ),
        one(
            "a fallback that is not there",
            routes(&["GET /a"]),
            vec![a(), declared(Public, "FALLBACK", 2)],
            &[(UNMOUNTED, "FALLBACK is declared")],
        ),
        one(
            "behind a service",
            vec![mounted(Shape::OpaqueMount, "ANY /x")],
            vec![
                declared(Public, "ANY /x/**", 1),
                declared(Public, "GET /x/y", 2),
            ],
            &[(UNMOUNTED, "GET /x/y is declared")],
        ),
        one(
            "misspelt",
            routes(&["POST /api/signup"]),
            vec![declared(Public, "POST /api/singup", 1)],
            &[
                (UNCLASSIFIED, "POST /api/signup is"),
                (UNMOUNTED, "POST /api/singup is"),
            ],
        ),
        several(
            "by another router of the program",
            vec![
                file(
                    "web",
                    routes(&["GET /a"]),
                    vec![a(), declared(Public, "GET /b", 2)],
                ),
                file(
                    "admin",
                    routes(&["GET /b"]),
                    vec![a(), declared(Public, "GET /b", 2)],
                ),
            ],
            &[],
        ),
        several(
            "security: another program's route of that path is another route",
            vec![
                file(
                    "web",
                    routes(&["GET /a"]),
                    vec![a(), declared(Public, "GET /b", 2)],
                ),
                file(
                    "admin",
                    routes(&["GET /b"]),
                    vec![declared(Session, "GET /b", 3)],
                ),
            ],
            &[(UNMOUNTED, "GET /b is declared for `app::handlers::h2`")],
        ),
        several(
            "a typed router mounts its own declaration and no other",
            vec![File {
                declared: vec![a(), declared(Session, "GET /a", 2)],
                ..typed(vec![("GET /a", a())])
            }],
            &[(UNMOUNTED, "GET /a is declared for `app::handlers::h2`")],
        ),
    ]
}

fn conflict_cases() -> Vec<Case> {
    use Class::{Public, Session, Webhook};
    let both = |a, b| {
        one(
            "",
            routes(&["GET /a"]),
            vec![a, b],
            &[(CONFLICT, "GET /a is declared")],
        )
    };
    let with = |change: fn(&mut RouteRecord)| {
        let mut record = declared(Webhook, "GET /a", 2);
        change(&mut record);
        let mut case = both(declared(Webhook, "GET /a", 1), record);
        case.name = "another term";
        case
    };
    let mut cases: Vec<Case> = [
        |r: &mut RouteRecord| r.verifier = Some("stripe".into()),
        |r: &mut RouteRecord| r.scope = Some("admin".into()),
        |r: &mut RouteRecord| r.until = Some("2027-02-01".into()),
        |r: &mut RouteRecord| r.expect_every = Some("7h".into()),
        |r: &mut RouteRecord| r.max_body = Some(1),
        |r: &mut RouteRecord| r.issues_session = true,
        |r: &mut RouteRecord| r.optional_session = true,
    ]
    .into_iter()
    .map(with)
    .collect();
    let by_handler = |line| RouteRecord {
        verifier: Some("handler".into()),
        ..declared(Webhook, "GET /a", line)
    };
    let mut handlers = both(by_handler(1), by_handler(2));
    handlers.name = "two handlers that verify";
    cases.push(handlers);
    cases.extend([
        one(
            "security: two classes",
            routes(&["GET /a"]),
            vec![
                declared(Public, "GET /a", 1),
                declared(Session, "GET /a", 2),
            ],
            &[(
                CONFLICT,
                "GET /a is declared as `public` at src/handlers.rs:1 and as `session` at",
            )],
        ),
        one(
            "the methods that both have",
            routes(&["GET /a", "POST /a", "PUT /a"]),
            vec![
                declared(Public, "GET|POST /a", 1),
                declared(Session, "POST|PUT /a", 2),
            ],
            &[(CONFLICT, "POST /a is declared as `public`")],
        ),
        one(
            "two methods are two routes, and any is the rest",
            routes(&["GET /a", "POST /a", "ANY /a"]),
            vec![
                declared(Public, "GET /a", 1),
                declared(Session, "POST /a", 2),
                declared(Session, "ANY /a", 3),
            ],
            &[],
        ),
        one(
            "a route in a subtree says more",
            routes(&["GET /a/b", "GET /a/c"]),
            vec![
                declared(Public, "ANY /a/**", 1),
                declared(Session, "GET /a/b", 2),
            ],
            &[],
        ),
        one(
            "subtrees",
            routes(&["GET /a/b"]),
            vec![
                declared(Public, "ANY /a/**", 1),
                declared(Session, "ANY /a/**", 2),
            ],
            &[(CONFLICT, "ANY /a/** is declared as `public`")],
        ),
        one(
            "fallbacks",
            vec![mounted(Shape::Fallback, "ANY")],
            vec![
                declared(Public, "FALLBACK", 1),
                declared(Session, "FALLBACK", 2),
            ],
            &[(CONFLICT, "FALLBACK is declared as `public`")],
        ),
        one(
            "words for people may differ",
            routes(&["GET /a"]),
            vec![
                declared(Public, "GET /a", 1),
                RouteRecord {
                    reason: Some("other".into()),
                    owner: Some("team".into()),
                    ..declared(Public, "GET /a", 2)
                },
            ],
            &[],
        ),
        one(
            "security: declared in two packages",
            routes(&["GET /a"]),
            vec![
                declared(Public, "GET /a", 1),
                RouteRecord {
                    package: "lib".into(),
                    ..declared(Session, "GET /a", 2)
                },
            ],
            &[(CONFLICT, "GET /a is declared as `public`")],
        ),
        several(
            "the same declaration, seen by the tests of a library and of its program",
            vec![
                file(
                    "lib",
                    routes(&["GET /a"]),
                    vec![declared(Public, "GET /a", 1)],
                ),
                file(
                    "bin",
                    routes(&["GET /a"]),
                    vec![declared(Public, "GET /a", 1)],
                ),
            ],
            &[],
        ),
        several(
            "two programs",
            vec![
                file(
                    "web",
                    routes(&["GET /a"]),
                    vec![declared(Public, "GET /a", 1)],
                ),
                file(
                    "admin",
                    routes(&["GET /a"]),
                    vec![declared(Session, "GET /a", 2)],
                ),
            ],
            &[],
        ),
        several(
            "one conflict, linked by two programs",
            ["web", "admin"]
                .map(|name| {
                    let both = vec![
                        declared(Public, "GET /a", 1),
                        declared(Session, "GET /a", 2),
                    ];
                    file(name, routes(&["GET /a"]), both)
                })
                .into(),
            &[(CONFLICT, "GET /a is declared as `public`")],
        ),
        several(
            "security: a typed router with two classes",
            vec![typed(vec![
                ("GET /a", declared(Public, "GET /a", 1)),
                ("GET /a", declared(Session, "GET /a", 2)),
            ])],
            &[(CONFLICT, "GET /a is declared as `public`")],
        ),
        several(
            "a typed router with two handlers",
            vec![typed(vec![
                ("GET /a", declared(Public, "GET /a", 1)),
                ("GET /a", declared(Public, "GET /a", 2)),
            ])],
            &[(CONFLICT, "GET /a is mounted twice by router `typed`")],
        ),
        several(
            "what else a typed router's program declares is not its",
            vec![
                typed(vec![("GET /a", declared(Public, "GET /a", 1))]),
                File {
                    router: RouterRecord {
                        kind: RouterKind::Typed,
                        ..router("second")
                    },
                    ..typed(vec![("GET /a", declared(Session, "GET /a", 2))])
                },
            ],
            &[],
        ),
    ]);
    cases
}

fn term_cases() -> Vec<Case> {
    use Class::{Public, Webhook};
    let until = |day: &str| RouteRecord {
        until: Some(day.into()),
        ..declared(Public, "GET /a", 1)
    };
    let case = |name, day, expected| one(name, routes(&["GET /a"]), vec![until(day)], expected);
    vec![
        case("tomorrow", "2027-02-01", &[]),
        case("the last day", "2027-01-31", &[]),
        case(
            "security: the day after",
            "2027-01-30",
            &[(EXPIRED, "GET /a was to be public until")],
        ),
        case(
            "security: last year",
            "2026-12-31",
            &[(EXPIRED, "GET /a was to be public until")],
        ),
        case(
            "security: no date",
            "soon",
            &[(EXPIRED, "the `until` of GET /a, \"soon\", is not")],
        ),
        one(
            "a webhook that is watched",
            routes(&["POST /w"]),
            vec![declared(Webhook, "POST /w", 1)],
            &[],
        ),
        one(
            "a webhook that nobody watches",
            routes(&["POST /w"]),
            vec![RouteRecord {
                expect_every: None,
                ..declared(Webhook, "POST /w", 1)
            }],
            &[(UNMONITORED, "POST /w is a webhook without `expect_every`")],
        ),
    ]
}

fn cases() -> Vec<Case> {
    [
        unclassified_cases(),
        opaque_cases(),
        unmounted_cases(),
        conflict_cases(),
        term_cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn each_case_finds_what_it_says_and_nothing_else() {
    for case in cases() {
        let found = find(&RULES, &case.files, Scope::Workspace);
        let codes: Vec<&str> = found.iter().map(|f| f.code.as_str()).collect();
        let expected: Vec<&str> = case.expected.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, expected, "{}: {found:#?}", case.name);
        for (finding, (_, start)) in found.iter().zip(&case.expected) {
            assert!(
                finding.message.starts_with(start),
                "{}: {}",
                case.name,
                finding.message
            );
        }
    }
}

#[test]
fn without_a_rule_its_cases_find_nothing() {
    for gone in &RULES {
        let rest: Vec<Rule> = RULES
            .iter()
            .filter(|rule| rule.code != gone.code)
            .cloned()
            .collect();
        let own: Vec<Case> = cases()
            .into_iter()
            .filter(|case| {
                !case.expected.is_empty()
                    && case.expected.iter().all(|(code, _)| *code == gone.code)
            })
            .collect();
        assert!(!own.is_empty(), "no case is about {} alone", gone.code);
        for case in own {
            let found = find(&rest, &case.files, Scope::Workspace);
            assert!(
                found.is_empty(),
                "{} without {}: {found:#?}",
                case.name,
                gone.code
            );
        }
    }
}

#[test]
fn each_file_of_this_folder_is_a_registered_rule() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/audit/rules");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|stem| stem != "mod" && stem != "tests")
        .map(|stem| stem.replace('_', "-"))
        .collect();
    let registered: BTreeSet<String> = RULES.iter().map(|rule| rule.code.to_owned()).collect();
    assert_eq!(files, registered);
    assert_eq!(RULES.len(), registered.len(), "a code twice");
}

#[test]
fn one_router_is_not_asked_for_what_another_may_mount() {
    let files = [file(
        "routes",
        routes(&["GET /a"]),
        vec![
            declared(Class::Session, "GET /a", 1),
            RouteRecord {
                until: Some("2020-01-01".into()),
                expect_every: None,
                ..declared(Class::Webhook, "GET /b", 2)
            },
        ],
    )];
    assert_eq!(find(&RULES, &files, Scope::OneRouter), []);
    let codes: Vec<String> = find(&RULES, &files, Scope::Workspace)
        .into_iter()
        .map(|f| f.code)
        .collect();
    assert_eq!(codes, [EXPIRED, UNMOUNTED, UNMONITORED]);
}

#[test]
fn errors_go_first_and_two_reports_of_one_router_count_once() {
    let report = || {
        let webhook = RouteRecord {
            expect_every: None,
            ..declared(Class::Webhook, "GET /a", 1)
        };
        file("routes", routes(&["GET /a", "GET /b"]), vec![webhook])
    };
    let once = find(&RULES, &[report()], Scope::Workspace);
    assert_eq!(once.len(), 2);
    assert_eq!(once[0].severity, Severity::Error);
    assert_eq!(once[1].severity, Severity::Warning);
    assert_eq!(find(&RULES, &[report(), report()], Scope::Workspace), once);
}

/// The texts, read as a reader meets them.
#[test]
fn what_a_finding_says() {
    use Class::{Public, Session};
    for (name, files, scope, expected) in [
        (
            "a route",
            vec![file(
                "routes",
                routes(&["POST /api/waitlist/signup"]),
                vec![],
            )],
            Scope::OneRouter,
            "error[unclassified-route]: POST /api/waitlist/signup is mounted by router `routes` and has no access class\n  \
               --> src/routes.rs:41\n  \
               = help: add `#[public_route(POST, \"/api/waitlist/signup\", reason = \"…\")]`, `#[webhook_route(POST, \"/api/waitlist/signup\", verify = \"…\")]` or `#[session_route(POST, \"/api/waitlist/signup\")]` to its handler",
        ),
        (
            "a misspelt declaration",
            vec![file(
                "routes",
                routes(&["POST /api/signup"]),
                vec![declared(Public, "POST /api/singup", 7)],
            )],
            Scope::OneRouter,
            "error[unclassified-route]: POST /api/signup is mounted by router `routes` and has no access class\n  \
               --> src/routes.rs:41\n  \
               = help: did you mean POST /api/singup, which is declared at src/handlers.rs:7 and which this router does not mount? If not, add `#[public_route(POST, \"/api/signup\", reason = \"…\")]`, `#[webhook_route(POST, \"/api/signup\", verify = \"…\")]` or `#[session_route(POST, \"/api/signup\")]` to its handler",
        ),
        (
            "any, where methods are declared",
            vec![file(
                "routes",
                routes(&["ANY /a"]),
                vec![declared(Public, "GET /a", 7)],
            )],
            Scope::OneRouter,
            "error[unclassified-route]: ANY /a is mounted by router `routes` and has no access class\n  \
               --> src/routes.rs:41\n  \
               = help: GET /a is declared, but the route is mounted for every method (`any`): register the declared methods only, or add `#[public_route(ANY, \"/a\", reason = \"…\")]`, `#[webhook_route(ANY, \"/a\", verify = \"…\")]` or `#[session_route(ANY, \"/a\")]` to its handler",
        ),
        (
            "a mount",
            vec![file(
                "routes",
                vec![mounted(Shape::OpaqueMount, "ANY /assets")],
                vec![],
            )],
            Scope::OneRouter,
            "error[opaque-mount]: a service is mounted under /assets by router `routes`: its routes cannot be listed, and /assets/** has no access class\n  \
               --> src/routes.rs:41\n  \
               = help: if it is a router, use `nest` instead of `nest_service`, so that its routes show; otherwise declare all that it serves: `session_auth::declare_route!(session_route(ANY, \"/assets\", subtree, reason = \"…\"))`, or `public_route` in place of `session_route`",
        ),
        (
            "a forgotten prefix",
            vec![file(
                "routes",
                routes(&["GET /api/me", "GET /ok"]),
                vec![
                    declared(Session, "GET /ok", 1),
                    declared(Session, "GET /me", 9),
                ],
            )],
            Scope::Workspace,
            "error[unclassified-route]: GET /api/me is mounted by router `routes` and has no access class\n  \
               --> src/routes.rs:41\n  \
               = help: did you mean GET /me, which is declared at src/handlers.rs:9 and which no router mounts? If not, add `#[public_route(GET, \"/api/me\", reason = \"…\")]`, `#[webhook_route(GET, \"/api/me\", verify = \"…\")]` or `#[session_route(GET, \"/api/me\")]` to its handler\n\n\
             error[unmounted-declaration]: GET /me is declared for `app::handlers::h9`, but no audited router mounts it\n  \
               --> src/handlers.rs:9\n  \
               = help: did you mean GET /api/me, which router `routes` (src/routes.rs:41) mounts without a class? If not, mount the handler, remove its attribute, or put `#[audited_router]` on the function that mounts it",
        ),
        (
            "another term",
            vec![file(
                "routes",
                routes(&["GET /a"]),
                vec![
                    declared(Session, "GET /a", 1),
                    RouteRecord {
                        scope: Some("admin".into()),
                        package: "lib".into(),
                        until: Some("2030-01-01".into()),
                        ..declared(Session, "GET /a", 2)
                    },
                ],
            )],
            Scope::OneRouter,
            "error[conflicting-declaration]: GET /a is declared as `session` at src/handlers.rs:1 and again at src/handlers.rs:2 (packages `app` and `lib`) with another `scope`, another `until`\n  \
               --> src/handlers.rs:1\n  \
               = help: remove one of the two, or make them say the same: one route has one class",
        ),
    ] {
        let found = find(&RULES, &files, scope);
        assert_eq!(crate::audit::render::all(&found), expected, "{name}");
    }
}
