use std::collections::BTreeSet;

use axum::routing;

use super::*;
use crate::access::{Access, Declaration, DeclarationRef, Location, Target};
use crate::mounted::axum_0_8;
use crate::mounted::record::{MethodRecord, Record};
use crate::mounted::stand_in::Kind;

/// A note of its own: two that say the same are two.
fn note(handler: &'static str) -> Arc<Note> {
    let declaration = Declaration {
        target: Target::Fallback { below: None },
        access: Access::Session {
            by: "session".into(),
            scope: None,
            cross_origin: None,
        },
        reason: None,
        owner: None,
        until: None,
        handler: handler.into(),
        package: "app".into(),
        location: Location::caller(),
    };
    Note::new(Kind::Named(DeclarationRef::Inline(Arc::new(declaration))))
}

fn fill(words: &Words, pattern: &str) -> Vec<String> {
    words.fill(pattern).collect()
}

fn routes(patterns: &[&str]) -> Routes {
    let router = patterns
        .iter()
        .fold(axum::Router::new(), |router, pattern| {
            router.route(pattern, routing::any(|| async {}))
        });
    axum_0_8::read(&format!("{:?}", router.with_state::<()>(()))).unwrap()
}

fn row(kind: RowKind, path: Option<&str>, whose: Whose, guard: usize) -> Asked {
    Asked {
        kind,
        path: path.map(str::to_owned),
        patterns: path.iter().map(ToString::to_string).collect(),
        whose,
        guards: vec![guard],
    }
}

fn name(asked: &Asked) -> String {
    let path = asked.path.as_deref().unwrap_or("-");
    match &asked.whose {
        Whose::Mounted(note) => {
            let handler = note.kind.declaration().map_or("?", |it| it.handler());
            format!("{:?} {path}: {handler}", asked.kind)
        }
        other => format!("{:?} {path}: {other:?}", asked.kind),
    }
}

#[test]
fn a_word_begins_with_a_character_that_no_pattern_has() {
    let words = Words::of(&routes(&["/a/{id}", "/~x", "/!/y"]));
    assert_eq!(words.word, "$0");
    // The longest has two slashes.
    assert_eq!(words.segments, 3);
    assert_eq!(fill(&words, "/a/{id}"), ["/a/$0"]);
    assert_eq!(fill(&words, "/plain"), ["/plain"]);
    assert_eq!(fill(&words, "/v{major}/x"), ["/v$0/x"]);
    assert_eq!(fill(&words, "/{{a}}/{b}"), ["/{a}/$0"]);
    // More segments than any pattern has, then fewer.
    let catch_all = ["/f/$0/$0/$0", "/f/$0/$0", "/f/$0"];
    assert_eq!(fill(&words, "/f/{*rest}"), catch_all);

    let all: String = (' '..='~')
        .filter(|char| !"{}/:*?#".contains(*char))
        .collect();
    let router = axum::Router::new().without_v07_checks();
    let router = router.route(&format!("/*{all}"), routing::any(|| async {}));
    let routes = axum_0_8::read(&format!("{:?}", router.with_state::<()>(()))).unwrap();
    let word = Words::of(&routes).word;
    assert_eq!(word, "~session-auth~");
}

#[test]
fn a_fallback_is_asked_where_routes_may_leave_it_something() {
    let words = Words::of(&routes(&["/a"]));
    let tail = words.fill_fallback(&format!("/in{FALLBACK_TAIL}"));
    assert_eq!(
        tail,
        ["/in/~0/~0", "/in/~0", "/in/~0/~0/", "/in/~0/", "/in//~0"]
    );
    assert_eq!(words.fill_fallback("/in"), ["/in"]);
}

#[test]
fn a_query_or_fragment_is_part_of_no_path() {
    assert!(is_askable("/a/{id}"));
    assert!(!is_askable("/a?b"));
    assert!(!is_askable("/a#b"));
}

#[test]
fn what_is_not_answered_at_once_has_no_answer() {
    let mut router: axum::Router =
        axum::Router::new().route("/never", routing::any(std::future::pending::<()>));
    assert!(ask(&mut router, &Method::GET, &Uri::from_static("/never")).is_none());
    let (status, said) = ask(&mut router, &Method::GET, &Uri::from_static("/other")).unwrap();
    assert!(status == StatusCode::NOT_FOUND && said.is_none());
}

/// Otherwise a guard that an earlier request reached would stand for what has none.
#[test]
fn security_what_was_said_before_is_no_answer() {
    let mut open: axum::Router = axum::Router::new().route("/a", routing::any(|| async {}));
    Answer::of_guard(7, &Request::new(Body::empty()));
    let (_, said) = ask(&mut open, &Method::GET, &Uri::from_static("/a")).unwrap();
    assert!(said.is_none());
}

/// A record of each kind of thing, and whose each row is.
#[test]
fn each_row_is_whose_it_is() {
    let methods = MethodRecord::default()
        .on(routing::MethodFilter::GET, note("get"))
        .fallback(note("others"));
    let nested = Record::default()
        .route("/a", MethodRecord::any(note("nested")))
        .fallback(note("fallback in"));
    let record = Record::default()
        .route("/a/{id}", methods)
        .route(
            "/b",
            MethodRecord::default().on(routing::MethodFilter::POST, note("post")),
        )
        .route_service("/service", note("service"))
        .nest_service("/files", note("files"))
        .nest("/in", nested)
        .fallback(note("fallback"));
    let routes = axum_0_8::read(&format!("{:?}", record.stand_ins)).unwrap();
    let asked = ask_all(&routes, &record.stand_ins, None);
    let mut names: Vec<_> = asked.iter().map(name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "Any /in/a: nested",
            "Fallback -: fallback",
            "Fallback /in: fallback in",
            "Method(Methods(GET)) /a/{id}: get",
            "Method(Methods(POST)) /b: post",
            "MethodFallback /a/{id}: others",
            "Nested /files: files",
            "Refused /b: Axum",
            "Service /service: service",
        ]
    );
    let files = asked
        .iter()
        .find(|row| row.kind == RowKind::Nested)
        .unwrap();
    let patterns: BTreeSet<_> = files.patterns.iter().map(String::as_str).collect();
    let tail = format!("/files{NEST_TAIL}");
    assert_eq!(patterns, BTreeSet::from(["/files", "/files/", &tail]));
}

/// Where a router does not do what the text says, that is seen and nothing is bound.
#[test]
fn a_row_that_nothing_reaches_is_told_with_what_was_met() {
    let stand_ins = Record::default()
        .route("/other", MethodRecord::any(note("other")))
        .stand_ins;
    let asked = ask_all(&routes(&["/a"]), &stand_ins, None);
    let row = asked.iter().find(|row| row.kind == RowKind::Any).unwrap();
    assert!(row.guards.is_empty());
    let Whose::Elsewhere(met) = &row.whose else {
        panic!("{row:?}");
    };
    assert_eq!(met, "/a reaches no route");

    let stand_ins = Record::default()
        .route("/{id}", MethodRecord::any(note("other")))
        .stand_ins;
    let asked = ask_all(&routes(&["/a"]), &stand_ins, None);
    let Whose::Elsewhere(met) = &asked[0].whose else {
        panic!("{asked:?}");
    };
    assert_eq!(met, "/a reaches /{id}");
}

/// The guarded router has to agree with the stand-ins.
#[test]
fn a_guard_that_says_another_pattern_or_path_is_elsewhere() {
    let stand_ins = Record::default()
        .route("/a", MethodRecord::any(note("a")))
        .stand_ins;
    let answering = |pattern: &str, path: &'static str| {
        let answer = move |mut request: Request| async move {
            *request.uri_mut() = Uri::from_static(path);
            Answer::of_guard(7, &request);
        };
        axum::Router::new().route(pattern, routing::any(answer))
    };
    let first = |guarded: &axum::Router| {
        let asked = ask_all(&routes(&["/a"]), &stand_ins, Some(guarded));
        format!("{:?} {:?}", asked[0].whose, asked[0].guards)
    };
    let right = first(&answering("/a", "/a"));
    assert!(
        right.starts_with("Mounted(") && right.ends_with("[7]"),
        "{right}"
    );
    assert_eq!(
        first(&answering("/{id}", "/a")),
        "Elsewhere(\"/a reaches /{id}\") []"
    );
    assert_eq!(
        first(&answering("/a", "/b")),
        "Elsewhere(\"/a arrives as /b\") []"
    );
}

/// It would be served to everybody: no start.
#[test]
fn security_what_no_guard_answers_is_elsewhere() {
    let stand_ins = Record::default()
        .route("/a", MethodRecord::any(note("a")))
        .fallback(note("fallback"))
        .stand_ins;
    let routes = axum_0_8::read(&format!("{stand_ins:?}")).unwrap();
    let open = axum::Router::new()
        .route("/a", routing::any(|| async {}))
        .fallback(std::future::pending::<()>);
    let seen: Vec<_> = ask_all(&routes, &stand_ins, Some(&open))
        .iter()
        .map(|row| format!("{:?} {:?}", row.kind, row.whose))
        .collect();
    assert_eq!(
        seen,
        [
            "Any Elsewhere(\"/a reaches no guard\")",
            "Fallback Elsewhere(\"/ reaches no guard\")",
            "Fallback Elsewhere(\"/~0/~0 reaches no guard\")",
            "Fallback Elsewhere(\"* reaches no guard\")",
            "Fallback Elsewhere(\"session-auth.invalid:1 reaches no guard\")",
        ]
    );
}

#[test]
fn three_rows_of_one_service_are_one_mount() {
    let (files, other) = (note("files"), note("other"));
    let of = |note: &Arc<Note>| Whose::Mounted(Arc::clone(note));
    let mut rows = vec![
        row(RowKind::Service, Some("/x"), of(&files), 1),
        row(RowKind::Service, Some("/x/"), of(&files), 2),
        row(RowKind::Nested, Some("/x"), of(&files), 3),
        row(RowKind::Service, Some("/y"), of(&files), 4),
        row(RowKind::Nested, Some("/z"), of(&files), 5),
        row(RowKind::Service, Some("/z"), of(&other), 6),
        row(RowKind::Service, Some("/z/"), Whose::Axum, 7),
    ];
    merge_nested(&mut rows);
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.kind, row.path.as_deref().unwrap(), row.guards.clone()))
        .collect();
    assert_eq!(
        seen,
        [
            (RowKind::Nested, "/x", vec![3, 2, 1]),
            (RowKind::Service, "/y", vec![4]),
            (RowKind::Nested, "/z", vec![5]),
            (RowKind::Service, "/z", vec![6]),
            (RowKind::Service, "/z/", vec![7]),
        ]
    );
}

#[test]
fn the_rows_of_one_fallback_are_one() {
    let (one, other) = (note("one"), note("other"));
    let of = |note: &Arc<Note>| Whose::Mounted(Arc::clone(note));
    let fallback = |path, whose, guard| row(RowKind::Fallback, path, whose, guard);
    let mut rows = vec![
        fallback(None, of(&one), 0),
        fallback(None, of(&one), 1),
        fallback(Some("/in"), of(&other), 2),
        fallback(None, of(&one), 3),
        fallback(None, of(&other), 4),
        fallback(None, Whose::Axum, 5),
        fallback(None, Whose::Axum, 6),
    ];
    merge_fallbacks(&mut rows, 1);
    let guards: Vec<_> = rows.iter().map(|row| row.guards.clone()).collect();
    // What came before is left alone.
    assert_eq!(guards, [vec![0], vec![1, 3], vec![2], vec![4], vec![5, 6]]);
}

/// A router of thousands of routes is asked in pieces, by several threads.
#[test]
fn what_is_asked_in_pieces_is_what_is_asked_in_one() {
    let mut record = Record::default().fallback(note("fallback"));
    for at in 0..100 {
        let methods = MethodRecord::default().on(routing::MethodFilter::GET, note("get"));
        record = record.route(&format!("/{at}/{{id}}"), methods);
    }
    for prefix in ["/a", "/z"] {
        record = record.nest_service(prefix, note("files"));
    }
    let routes = axum_0_8::read(&format!("{:?}", record.stand_ins)).unwrap();
    let words = Words::of(&routes);
    let asker = Asker {
        stand_ins: record.stand_ins.clone(),
        guarded: None,
        words: &words,
    };
    let rows: Vec<_> = routes.routes.iter().collect();
    let in_one = asker.ask_rows(&rows, 1);
    let names = |asked: &[Asked]| asked.iter().map(name).collect::<Vec<_>>();
    assert_eq!(in_one.len(), 206);
    for pieces in 2..9 {
        let in_pieces = asker.ask_rows(&rows, pieces);
        assert_eq!(names(&in_pieces), names(&in_one));
    }
}

/// A nested service has no pattern either.
#[test]
fn security_a_nested_service_is_no_fallback() {
    let record = Record::default()
        .nest_service("/{any}", note("service"))
        .fallback(note("fallback"));
    let routes = axum_0_8::read(&format!("{:?}", record.stand_ins)).unwrap();
    let asked = ask_all(&routes, &record.stand_ins, None);
    let names: Vec<_> = asked.iter().map(name).collect();
    assert_eq!(names, ["Nested /{any}: service", "Fallback -: fallback"]);
}

/// A row that the text shows is never left to axum: nothing would be asked of who calls it.
#[test]
fn security_a_row_that_only_axum_answers_is_elsewhere() {
    let none = axum::Router::new();
    for asked in ask_all(&routes(&["/a", "/b/{id}"]), &none, None) {
        match asked.kind {
            RowKind::Any => assert!(matches!(asked.whose, Whose::Elsewhere(_)), "{asked:?}"),
            _ => assert!(matches!(asked.whose, Whose::Axum), "{asked:?}"),
        }
    }
}

/// A route may take every path there is, and answer one method of them.
#[test]
fn security_the_405_of_a_route_is_no_fallback() {
    let get = MethodRecord::default().on(routing::MethodFilter::GET, note("get"));
    let record = Record::default()
        .route("/{*rest}", get)
        .fallback(note("fallback"));
    let routes = axum_0_8::read(&format!("{:?}", record.stand_ins)).unwrap();
    let asked = ask_all(&routes, &record.stand_ins, None);
    let fallbacks = asked.iter().filter(|row| row.kind == RowKind::Fallback);
    let names: Vec<_> = fallbacks.map(name).collect();
    assert_eq!(names, ["Fallback -: fallback"]);
}
