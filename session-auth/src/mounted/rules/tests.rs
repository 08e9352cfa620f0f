//! The rules one by one, on rows that are made for them. What real routers give is in
//! `tests/protect_refuses.rs` and `tests/axum_shapes`.

use std::borrow::Cow;

use axum::extract::Request;
use time::Month;

use super::*;
use crate::access::{Access, Declaration, DeclarationRef, Location, Methods, Target, Verify};
use crate::mounted::record::MethodRecord;
use crate::mounted::stand_in::{Answer, Kind};

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

fn declaration(target: Target, access: Access) -> Declaration {
    Declaration {
        target,
        access,
        reason: None,
        owner: None,
        until: None,
        handler: "app::handler".into(),
        package: "app".into(),
        location: Location::caller(),
    }
}

fn to(methods: Methods, paths: &[&'static str]) -> Target {
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

fn route(kind: RowKind, path: Option<&'static str>) -> Route {
    Route {
        kind,
        methods: kind.methods(),
        path: path.map(Cow::Borrowed),
        pattern: path.map(str::to_owned),
        patterns: Vec::new(),
        declaration: None,
        handler: None,
        function: None,
        takes: None,
        named: false,
        sealed: false,
        opaque: false,
        mounted: Location::caller(),
        guards: Vec::new(),
    }
}

fn codes(findings: &[Finding]) -> Vec<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

mod wrong_handler_rule {
    use super::*;

    fn is_right(kind: &Kind, mut route: Route) -> bool {
        route.handler = kind.declaration().cloned();
        let findings = wrong_handler::check(&route, kind);
        assert!(findings.len() <= 1);
        findings.is_empty()
    }

    fn of(target: Target) -> DeclarationRef {
        DeclarationRef::Inline(Arc::new(declaration(target, SESSION)))
    }

    #[test]
    fn security_a_handler_stands_where_it_declares_and_nowhere_else() {
        let (get, post) = (
            RowKind::Method(Methods::GET),
            RowKind::Method(Methods::POST),
        );
        let head = RowKind::Method(Methods::HEAD);
        let a = Some("/a");
        for (target, kind, path, right) in [
            (to(Methods::GET, &["/a"]), get, a, true),
            (to(Methods::GET, &["/a"]), get, Some("/b"), false),
            (to(Methods::GET, &["/a"]), get, Some("/a/"), false),
            (to(Methods::GET, &["/a", "/b"]), get, Some("/b"), true),
            (to(Methods::GET, &[]), get, Some("/b"), true),
            (to(Methods::GET, &["/a"]), post, a, false),
            (to(Methods::GET, &["/a"]), head, a, true),
            (to(Methods::HEAD, &["/a"]), get, a, false),
            (to(Methods::GET | Methods::POST, &["/a"]), post, a, true),
            (to(Methods::ANY, &["/a"]), post, a, true),
            (to(Methods::GET, &["/a"]), RowKind::Any, a, false),
            (to(Methods::ANY, &["/a"]), RowKind::Any, a, true),
            (to(Methods::GET, &["/a"]), RowKind::MethodFallback, a, false),
            (to(Methods::ANY, &["/a"]), RowKind::MethodFallback, a, true),
            (to(Methods::ANY, &["/a"]), RowKind::Service, a, true),
            (to(Methods::GET, &["/a"]), RowKind::Service, a, false),
            (to(Methods::ANY, &["/a"]), RowKind::Refused, a, false),
            (to(Methods::ANY, &["/a"]), RowKind::Fallback, a, false),
            (to(Methods::ANY, &[]), RowKind::Fallback, None, false),
            (subtree("/a"), RowKind::Nested, a, true),
            (subtree("/a/"), RowKind::Nested, a, true),
            (subtree("/a"), RowKind::Nested, Some("/b"), false),
            (subtree("/a"), RowKind::Nested, Some("/a/b"), false),
            (subtree("/a"), RowKind::Service, Some("/a/{*rest}"), true),
            (subtree("/a"), RowKind::Service, Some("/a/{rest}"), false),
            (subtree("/a"), get, a, false),
            (subtree("/"), RowKind::Fallback, None, true),
            (subtree("/a"), RowKind::Fallback, a, true),
            (subtree("/a"), RowKind::Fallback, None, false),
            (fallback(None), RowKind::Fallback, None, true),
            (fallback(None), RowKind::Fallback, Some("/in"), false),
            (fallback(Some("/in")), RowKind::Fallback, Some("/in"), true),
            (fallback(Some("/in")), RowKind::Fallback, None, false),
            (fallback(None), RowKind::MethodFallback, a, true),
            (fallback(Some("/a")), RowKind::MethodFallback, a, true),
            (fallback(Some("/in")), RowKind::MethodFallback, a, false),
            (fallback(None), get, a, false),
        ] {
            let what = format!("{target} as {kind:?} at {path:?}");
            let named = Kind::Named(of(target));
            assert_eq!(is_right(&named, route(kind, path)), right, "{what}");
        }
    }

    #[test]
    fn what_is_in_a_whole_router_lies_below_its_path() {
        for (declared, kind, path, right) in [
            ("/a", RowKind::Any, Some("/a"), true),
            ("/a", RowKind::Any, Some("/a/b/{c}"), true),
            ("/a", RowKind::Any, Some("/ab"), false),
            ("/a", RowKind::Any, Some("/v2/a"), false),
            ("/a", RowKind::Fallback, None, false),
            ("/", RowKind::Any, Some("/b"), true),
            ("/", RowKind::Fallback, None, true),
        ] {
            let whole = Kind::Whole(of(subtree(declared)));
            let what = format!("{declared} as {kind:?} at {path:?}");
            assert_eq!(is_right(&whole, route(kind, path)), right, "{what}");
        }
        let no_subtree = Kind::Whole(of(to(Methods::ANY, &["/a"])));
        assert!(!is_right(&no_subtree, route(RowKind::Any, Some("/a"))));
    }

    #[test]
    fn the_finding_is_at_the_attribute_and_says_where_it_is_mounted() {
        let handler = of(to(Methods::GET, &["/a"]));
        let kind = Kind::Named(handler.clone());
        let mut route = route(RowKind::Any, Some("/b"));
        route.handler = Some(handler.clone());
        let [finding] = wrong_handler::check(&route, &kind).try_into().unwrap();
        assert_eq!(finding.code, Code::WrongHandler);
        assert_eq!(finding.subject.place, handler.location);
        let related = [
            Related::Declared((*handler).clone()),
            Related::Mounted(route.mounted),
        ];
        assert_eq!(finding.related, related);
    }
}

mod by_path_rule {
    use super::*;

    /// All that a program of the test declares: none is mounted by name.
    fn program(declared: &[(Target, Access)]) -> Program {
        let all = declared.iter().map(|(target, access)| {
            let declaration = declaration(target.clone(), access.clone());
            &*Box::leak(Box::new(declaration))
        });
        Program::of_declarations(all)
    }

    fn class(program: &Program, route: &Route) -> String {
        let (declaration, findings) = program.of(route);
        match (declaration, codes(&findings).as_slice()) {
            (Some(declaration), []) => declaration.target().to_string(),
            (None, [code]) => code.to_string(),
            (declaration, codes) => panic!("{declaration:?} {codes:?}"),
        }
    }

    #[test]
    fn security_a_route_takes_the_declaration_of_its_pattern_and_method() {
        let program = program(&[
            (to(Methods::GET, &["/a", "/b/{id}"]), SESSION),
            (to(Methods::POST, &["/a"]), PUBLIC),
            (to(Methods::ANY, &["/any"]), SESSION),
            (to(Methods::GET, &["/any"]), PUBLIC),
            (subtree("/files"), PUBLIC),
            (to(Methods::ANY, &["/files/own"]), SESSION),
            (subtree("/files/own"), PUBLIC),
            (fallback(None), SESSION),
            (fallback(Some("/in")), PUBLIC),
        ]);
        let (get, put) = (RowKind::Method(Methods::GET), RowKind::Method(Methods::PUT));
        let head = RowKind::Method(Methods::HEAD);
        let unclassified = "unclassified-route";
        for (kind, path, expected) in [
            (get, Some("/a"), "GET /a, /b/{id}"),
            (get, Some("/b/{id}"), "GET /a, /b/{id}"),
            (get, Some("/b/{name}"), unclassified),
            (head, Some("/a"), "GET /a, /b/{id}"),
            (put, Some("/a"), unclassified),
            (RowKind::Any, Some("/a"), unclassified),
            (RowKind::MethodFallback, Some("/a"), unclassified),
            // A method's own declaration goes before one for any.
            (get, Some("/any"), "GET /any"),
            (put, Some("/any"), "ANY /any"),
            (RowKind::Any, Some("/any"), "ANY /any"),
            (RowKind::MethodFallback, Some("/any"), "ANY /any"),
            (RowKind::Service, Some("/any"), "ANY /any"),
            (RowKind::Nested, Some("/files"), "ANY /files/**"),
            (RowKind::Service, Some("/files"), "ANY /files/**"),
            (RowKind::Service, Some("/files/{*path}"), "ANY /files/**"),
            (RowKind::Service, Some("/files/{path}"), "opaque-mount"),
            (RowKind::Service, Some("/files/x"), "opaque-mount"),
            (RowKind::Nested, Some("/files/x"), "opaque-mount"),
            // A route on the path goes before a mount there.
            (RowKind::Service, Some("/files/own"), "ANY /files/own"),
            (RowKind::Nested, Some("/files/own"), "ANY /files/own/**"),
            (get, Some("/files"), unclassified),
            (RowKind::Fallback, None, "FALLBACK"),
            (RowKind::Fallback, Some("/in"), "FALLBACK /in"),
            (RowKind::Fallback, Some("/other"), unclassified),
        ] {
            let seen = class(&program, &route(kind, path));
            assert_eq!(seen, expected, "{kind:?} {path:?}");
        }
        let service = Route {
            opaque: true,
            ..route(RowKind::Fallback, Some("/other"))
        };
        assert_eq!(class(&program, &service), "opaque-mount");
    }

    #[test]
    fn security_two_declarations_of_one_route_speak_for_it_neither() {
        let program = program(&[
            (to(Methods::GET, &["/a"]), SESSION),
            (to(Methods::GET | Methods::POST, &["/a"]), PUBLIC),
            (subtree("/files"), PUBLIC),
            (subtree("/files/"), SESSION),
        ]);
        let get = route(RowKind::Method(Methods::GET), Some("/a"));
        assert_eq!(class(&program, &get), "conflicting-declaration");
        let post = route(RowKind::Method(Methods::POST), Some("/a"));
        assert_eq!(class(&program, &post), "GET | POST /a");
        let files = route(RowKind::Nested, Some("/files"));
        assert_eq!(class(&program, &files), "conflicting-declaration");
    }

    /// What a handler declares that is mounted by its name is about that, and about no other route.
    #[test]
    fn security_a_declaration_that_is_mounted_by_name_says_nothing_of_another_route() {
        let a: &'static Declaration =
            Box::leak(Box::new(declaration(to(Methods::GET, &["/a"]), PUBLIC)));
        let get = route(RowKind::Method(Methods::GET), Some("/a"));
        let program = Program::of_declarations([a].into_iter());
        assert_eq!(class(&program, &get), "GET /a");
        let mounted = Note::new(Kind::Named(DeclarationRef::Static(a)));
        assert_eq!(class(&program, &get), "unclassified-route");
        let (_, findings) = program.of(&get);
        assert_eq!(findings[0].related, [Related::Other(a.clone())]);
        // Given to another crate's router, it is mounted here no more.
        drop(mounted);
        assert_eq!(class(&program, &get), "GET /a");
        let judged = Note::new(Kind::Named(DeclarationRef::Static(a)));
        judged.is_judged();
        drop(judged);
        assert_eq!(class(&program, &get), "unclassified-route");
    }

    #[test]
    fn what_was_meant_is_a_path_with_a_letter_a_slash_or_a_prefix_less() {
        let program = program(&[
            (to(Methods::GET, &["/api/users/{id}"]), SESSION),
            (to(Methods::POST, &["/signup"]), PUBLIC),
        ]);
        let meant = |path: &'static str| {
            let (_, findings) = program.of(&route(RowKind::Method(Methods::GET), Some(path)));
            match findings[0].related.as_slice() {
                [Related::Meant(meant)] => meant.target().to_string(),
                [] => "nothing".to_owned(),
                other => panic!("{other:?}"),
            }
        };
        for (path, expected) in [
            ("/api/users/{name}", "GET /api/users/{id}"),
            ("/api/users/{id}/", "GET /api/users/{id}"),
            ("/api/user/{id}", "GET /api/users/{id}"),
            ("/API/Users/{id}", "GET /api/users/{id}"),
            ("/v2/api/users/{id}", "GET /api/users/{id}"),
            ("/users/{id}", "GET /api/users/{id}"),
            ("/signup", "POST /signup"),
            ("/sginup", "POST /signup"),
            ("/", "nothing"),
            ("/export", "nothing"),
            ("/api/accounts/{id}", "nothing"),
        ] {
            assert_eq!(meant(path), expected, "{path}");
        }
    }

    #[test]
    fn suggestions_have_an_end() {
        let program = program(&[(to(Methods::POST, &["/a"]), PUBLIC)]);
        let get = route(RowKind::Method(Methods::GET), Some("/a"));
        let suggested = (0..100).filter(|_| !program.of(&get).1[0].related.is_empty());
        assert_eq!(suggested.count(), 50);
    }
}

#[test]
fn a_route_that_axums_functions_mounted_is_said_to_be_unnamed() {
    let declared = |handler: &'static str| {
        let mut declared = declaration(to(Methods::GET, &["/a"]), SESSION);
        declared.handler = handler.into();
        Some(DeclarationRef::Inline(Arc::new(declared)))
    };
    for (named, declaration, expected) in [
        (false, declared("app::me"), vec![Code::UnnamedRoute]),
        (true, declared("app::me"), vec![]),
        // Of `declare_route!`, which has no handler that could be mounted otherwise.
        (false, declared(""), vec![]),
        (false, None, vec![]),
    ] {
        let mut findings = Vec::new();
        let route = Route {
            named,
            declaration,
            ..route(RowKind::Method(Methods::GET), Some("/a"))
        };
        unnamed_route::check(&route, &mut findings);
        assert_eq!(codes(&findings), expected, "{named}");
    }
}

#[test]
fn an_exemption_ends_after_its_last_day() {
    let day = |day| Date::from_calendar_date(2027, Month::January, day).unwrap();
    let mut declared = declaration(to(Methods::GET, &["/a"]), PUBLIC);
    declared.until = Some(day(30));
    let ends = Route {
        declaration: Some(DeclarationRef::Inline(Arc::new(declared.clone()))),
        ..route(RowKind::Method(Methods::GET), Some("/a"))
    };
    let routes = [route(RowKind::Any, Some("/b")), ends];
    for (today, expected) in [(29, 0), (30, 0), (31, 1)] {
        let mut findings = Vec::new();
        expired_exemption::check(&routes, day(today), &mut findings);
        assert_eq!(findings.len(), expected, "{today}");
        for finding in findings {
            assert_eq!(finding.code, Code::ExpiredExemption);
            assert_eq!(finding.subject.place, declared.location);
        }
    }
}

#[test]
fn a_webhook_that_nobody_watches_is_said_to_be_so() {
    let minutes = |minutes: u64| Some(std::time::Duration::from_secs(minutes * 60));
    let by = |verify, expect_every| Access::Webhook {
        verify,
        expect_every,
        max_body: None,
    };
    let hook = |expect_every| by(Verify::Handler, expect_every);
    let of = |name, every| by(Verify::By(Cow::Borrowed(name)), every);
    for (access, expected) in [
        (hook(None), vec![Code::UnmonitoredWebhook]),
        (hook(minutes(1440)), vec![]),
        (SESSION, vec![]),
        (of("postmark", None), vec![Code::UnmonitoredWebhook]),
        // Postmark tries again for 21 minutes, GitHub never, and of others it is not known.
        (of("postmark", minutes(22)), vec![Code::ImpatientSender]),
        (of("postmark", minutes(21)), vec![]),
        (of("github", minutes(22)), vec![]),
        (of("edge", minutes(22)), vec![]),
    ] {
        let declared = declaration(to(Methods::POST, &["/a"]), access);
        let route = Route {
            declaration: Some(DeclarationRef::Inline(Arc::new(declared))),
            ..route(RowKind::Method(Methods::POST), Some("/a"))
        };
        let mut findings = Vec::new();
        unmonitored(&[route], &mut findings);
        assert_eq!(codes(&findings), expected);
    }
}

#[test]
fn a_route_without_a_class_has_the_name_of_its_function() {
    let note = Note::new(Kind::Unclassified("app::handler".into(), None));
    let record = Record::default().route("/a", MethodRecord::any(Arc::clone(&note)));
    let debug = format!("{:?}", record.stand_ins);
    let (texts, ()) = Texts::read(&record, || (debug, ()));
    let judged = judge(&record, texts, None, Date::MIN).unwrap();
    assert_eq!(codes(&judged.findings), [Code::UnclassifiedRoute]);
    let [route] = &judged.routes[..] else {
        panic!("{:?}", judged.routes.len());
    };
    assert_eq!(route.function.as_deref(), Some("app::handler"));
}

/// A mistake in the record opens nothing: such a router does not start.
#[test]
fn security_a_guard_with_two_owners_stops_the_start() {
    let note = || {
        let declaration = declaration(fallback(None), SESSION);
        Note::new(Kind::Service(DeclarationRef::Inline(Arc::new(declaration))))
    };
    let row = |path: &str, whose, guards: &[usize]| Asked {
        kind: RowKind::Any,
        path: Some(path.to_owned()),
        patterns: Vec::new(),
        whose,
        guards: guards.to_vec(),
    };
    let (one, other) = (note(), note());
    let of = |note: &Arc<Note>| Whose::Mounted(Arc::clone(note));
    let apart = [row("/a", of(&one), &[0, 1]), row("/b", of(&other), &[2])];
    assert_eq!(two_owners(&apart), Ok(()));
    let same = [row("/a", of(&one), &[0]), row("/b", of(&one), &[0])];
    assert_eq!(two_owners(&same), Ok(()));
    for whose in [of(&other), Whose::Axum] {
        let both = [row("/a", of(&one), &[0, 1]), row("/b", whose, &[2, 1])];
        let message = two_owners(&both).unwrap_err().to_string();
        assert!(
            message.contains("/a and /b are answered by one endpoint"),
            "{message}"
        );
    }
}

/// The two above, where a router is judged.
#[test]
fn security_a_router_is_judged_by_its_own_record_and_guards() {
    let note = || Note::new(Kind::Foreign);
    let record = |paths: &[&str]| {
        paths.iter().fold(Record::default(), |record, path| {
            record.route(path, MethodRecord::any(note()))
        })
    };
    let debug = |record: &Record| format!("{:?}", record.stand_ins);
    let (one, both) = (record(&["/a"]), record(&["/a", "/b"]));
    let judged = |debug: &str, guarded: Option<&axum::Router>| {
        let (texts, ()) = Texts::read(&both, || (debug, ()));
        judge(&both, texts, guarded, Date::MIN).map(|judged| judged.routes.len())
    };
    let differs = judged(&debug(&one), None).unwrap_err().to_string();
    assert!(differs.contains("differ in /b"), "{differs}");

    let guard = |number| {
        axum::routing::any(move |request: Request| async move {
            Answer::of_guard(number, &request);
        })
    };
    let guarded = |b| {
        axum::Router::new()
            .route("/a", guard(0))
            .route("/b", guard(b))
            .fallback_service(guard(2))
    };
    assert_eq!(judged(&debug(&both), Some(&guarded(1))), Ok(2));
    let shared = judged(&debug(&both), Some(&guarded(0))).unwrap_err();
    let shared = shared.to_string();
    assert!(shared.contains("answered by one endpoint"), "{shared}");
}

#[test]
fn security_a_router_and_its_record_differ_in_nothing() {
    let routes = |router: axum::Router| axum_0_8::read(&format!("{router:?}")).unwrap();
    let h = || async {};
    let get = |path: &str| axum::Router::new().route(path, axum::routing::get(h));
    let base = || get("/a");
    assert_eq!(difference(&routes(base()), &routes(base())), None);
    for (what, other, place) in [
        ("a route more", base().merge(get("/b")), "/b"),
        ("a route less", axum::Router::new(), "/a"),
        (
            "another method",
            axum::Router::new().route("/a", axum::routing::post(h)),
            "/a",
        ),
        ("a fallback", base().fallback(h), "/"),
        (
            "a nested fallback",
            base().nest("/in", axum::Router::new().fallback(h)),
            "/in",
        ),
        (
            "a nested service",
            base().nest_service("/x", axum::routing::get(h)),
            "/x",
        ),
    ] {
        let (one, other) = (routes(base()), routes(other));
        for (one, other) in [(&one, &other), (&other, &one)] {
            let difference = difference(one, other).unwrap_or_else(|| panic!("{what}"));
            let expected =
                format!("the router and the record of what was mounted differ in {place}");
            assert_eq!(difference, expected, "{what}");
        }
    }
}
