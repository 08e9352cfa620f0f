//! The text of a lock, which change opens a route, and that nothing of a lock goes missing.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use session_auth::audit::{Report, ReportFile};
use time::macros::date;

use super::compare::{Difference, compare};
use super::terms::{Direction, changes, direction};
use super::{Lock, format};

/// A lock of these lines.
#[track_caller]
fn lock(lines: &[&str]) -> Lock {
    let text = format!("schema 1\n{}", lines.join("\n"));
    match format::parse(&text, "routes.lock") {
        Ok(lock) => lock,
        Err(error) => panic!("{text}\n{error}"),
    }
}

/// The terms of a line such as `session  scope=admin`.
#[track_caller]
fn terms(class_and_terms: &str) -> super::terms::Terms {
    let (class, terms) = class_and_terms
        .split_once(' ')
        .unwrap_or((class_and_terms, ""));
    let mut terms = lock(&[&format!(
        "{} POST /x web/routes {terms}",
        class.replace("none", "session")
    )])
    .lines()[0]
        .terms
        .clone();
    if class == "none" {
        terms.class = None;
    }
    terms
}

fn said(differences: &[Difference]) -> Vec<String> {
    differences
        .iter()
        .map(|difference| format!("{}: {}", difference.code(), difference.message()))
        .collect()
}

/// What a change of one route is and says, after the route's name.
#[test]
fn every_change_of_terms_has_its_direction_and_its_sentence() {
    use Direction::{Changed, Narrowed, Widened};

    let table = [
        // The outage: its route is the first row.
        (
            "public to session",
            "public",
            "session",
            Narrowed,
            "was public and now needs a session: callers without one will get 401",
        ),
        (
            "public to a scope",
            "public",
            "session scope=admin",
            Narrowed,
            "was public and now needs a session with scope `admin`: callers without one will get 401, those without the scope 403",
        ),
        (
            "public to webhook",
            "public",
            "webhook verify=postmark",
            Narrowed,
            "was public and now needs proof for the verifier `postmark`: callers without it will get 401",
        ),
        (
            "public to a webhook of its handler",
            "public",
            "webhook verify=handler",
            Narrowed,
            "was public and is now a webhook whose handler proves the sender: callers without that proof are refused",
        ),
        (
            "public to no class",
            "public",
            "none",
            Narrowed,
            "was public and has no access class now: callers without a session will get 401",
        ),
        (
            "session to public",
            "session",
            "public",
            Widened,
            "needed a session and is now public: anyone may call it",
        ),
        (
            "a scope to public",
            "session scope=admin",
            "public",
            Widened,
            "needed a session with scope `admin` and is now public: anyone may call it",
        ),
        (
            "webhook to public",
            "webhook verify=postmark",
            "public",
            Widened,
            "needed proof for the verifier `postmark` and is now public: anyone may call it",
        ),
        (
            "a webhook of its handler to public",
            "webhook verify=handler",
            "public",
            Widened,
            "was a webhook whose handler proves the sender and is now public: anyone may call it",
        ),
        (
            "webhook to session is both",
            "webhook verify=postmark",
            "session",
            Changed,
            "needed proof for the verifier `postmark` and now needs a session: its senders will get 401, and callers with a session may call it",
        ),
        (
            "session to webhook is both",
            "session",
            "webhook verify=postmark",
            Changed,
            "needed a session and now needs proof for the verifier `postmark`: callers with no more than a session will get 401, senders may call it",
        ),
        (
            "session to a webhook of its handler",
            "session",
            "webhook verify=handler",
            Changed,
            "needed a session and is now a webhook whose handler proves the sender: a session is neither asked for nor enough any more",
        ),
        (
            "webhook to no class",
            "webhook verify=postmark",
            "none",
            Changed,
            "needed proof for the verifier `postmark` and has no access class now: its senders will get 401, and callers with a session may call it",
        ),
        (
            "session to no class lets in the same",
            "session",
            "none",
            Changed,
            "needed a session and has no access class now: a session is needed as before, and each request counts as unclassified",
        ),
        (
            "scope added",
            "session",
            "session scope=admin",
            Narrowed,
            "now needs scope `admin`: callers whose session lacks it will get 403",
        ),
        (
            "scope removed",
            "session scope=admin",
            "session",
            Widened,
            "no longer needs scope `admin`: callers with a session of any scope may call it",
        ),
        (
            "scope changed",
            "session scope=a",
            "session scope=b",
            Changed,
            "now needs scope `b` instead of `a`: callers whose session has no more than the old one will get 403",
        ),
        (
            "verifier changed",
            "webhook verify=a",
            "webhook verify=b",
            Changed,
            "now takes proof for the verifier `b` instead of `a`: senders with no more than the old proof will get 401",
        ),
        (
            "verifier to handler",
            "webhook verify=a",
            "webhook verify=handler",
            Widened,
            "needed proof for the verifier `a` and now leaves it to the handler: every request reaches the handler",
        ),
        (
            "handler to verifier",
            "webhook verify=handler",
            "webhook verify=a",
            Narrowed,
            "left the proof to the handler and now needs it for the verifier `a`: requests without it will get 401",
        ),
        (
            "until later",
            "public until=2027-01-31",
            "public until=2027-02-01",
            Widened,
            "may be called as it is until `2027-02-01`, and until `2027-01-31` before",
        ),
        (
            "until earlier",
            "public until=2027-01-31",
            "public until=2026-12-31",
            Narrowed,
            "may be called as it is until `2026-12-31`, and until `2027-01-31` before",
        ),
        (
            "until added",
            "public",
            "public until=2027-01-31",
            Narrowed,
            "may be called as it is until `2027-01-31`, and had no end before",
        ),
        (
            "until removed",
            "public until=2027-01-31",
            "public",
            Widened,
            "may be called as it is without end, and only until `2027-01-31` before",
        ),
        (
            "max_body raised",
            "webhook verify=a max_body=1MiB",
            "webhook verify=a max_body=2MiB",
            Widened,
            "now takes bodies of up to `2MiB`, and those over `1MiB` got 413 before",
        ),
        (
            "max_body lowered",
            "webhook verify=a max_body=2MiB",
            "webhook verify=a max_body=1MiB",
            Narrowed,
            "takes bodies of up to `2MiB` no longer: those over `1MiB` will get 413",
        ),
        (
            "max_body added",
            "webhook verify=a",
            "webhook verify=a max_body=1MiB",
            Changed,
            "now has a limit of its own for bodies, `1MiB`",
        ),
        (
            "max_body removed",
            "webhook verify=a max_body=1MiB",
            "webhook verify=a",
            Changed,
            "takes bodies up to the layer's limit, and up to `1MiB` before",
        ),
        (
            "issues_session added",
            "public",
            "public issues_session",
            Widened,
            "may now create sessions: whoever calls it can get one, and with it reach session routes",
        ),
        (
            "issues_session removed",
            "public issues_session",
            "public",
            Narrowed,
            "no longer creates sessions: nobody can get one there any more",
        ),
        (
            "optional_session added",
            "public",
            "public optional_session",
            Changed,
            "now sees the session of a caller who has one",
        ),
        (
            "optional_session removed",
            "public optional_session",
            "public",
            Changed,
            "no longer sees the session of a caller who has one",
        ),
        (
            "expect_every changed",
            "webhook verify=a expect_every=6h",
            "webhook verify=a expect_every=1d",
            Changed,
            "is overdue after `1d` without a delivery, was after `6h`",
        ),
        (
            "expect_every added",
            "webhook verify=a",
            "webhook verify=a expect_every=6h",
            Changed,
            "is now overdue after `6h` without a delivery",
        ),
        (
            "expect_every removed",
            "webhook verify=a expect_every=6h",
            "webhook verify=a",
            Changed,
            "is no longer watched: nothing will tell when its deliveries stop",
        ),
        (
            "owner changed",
            "public owner=a",
            "public owner=b",
            Changed,
            "has another owner: `b`, was `a`",
        ),
        (
            "owner added",
            "public",
            "public owner=a",
            Changed,
            "has an owner now: `a`",
        ),
        (
            "owner removed",
            "public owner=a",
            "public",
            Changed,
            "has lost its owner: `a`",
        ),
        (
            "reason changed",
            "public reason=\"a b\"",
            "public reason=c",
            Changed,
            "has another reason: `c`, was `a b`",
        ),
        (
            "reason added",
            "session",
            "session reason=a",
            Changed,
            "has a reason now: `a`",
        ),
        (
            "reason removed",
            "session reason=a",
            "session",
            Changed,
            "has lost its reason: `a`",
        ),
        (
            "opening and closing is both",
            "session scope=a until=2027-01-01",
            "session",
            Widened,
            "no longer needs scope `a`: callers with a session of any scope may call it; may be called as it is without end, and only until `2027-01-01` before",
        ),
        (
            "one field opens, another closes",
            "session scope=a",
            "session until=2027-01-01",
            Changed,
            "no longer needs scope `a`: callers with a session of any scope may call it; may be called as it is until `2027-01-01`, and had no end before",
        ),
        (
            "what is neither does not hide what opens",
            "session scope=a owner=x",
            "session owner=y",
            Widened,
            "no longer needs scope `a`: callers with a session of any scope may call it; has another owner: `y`, was `x`",
        ),
        (
            "a class that goes takes its terms along",
            "public until=2027-01-01 owner=a reason=b",
            "session owner=a",
            Narrowed,
            "was public and now needs a session: callers without one will get 401",
        ),
        (
            "a login that opens",
            "session",
            "public issues_session",
            Widened,
            "needed a session and is now public: anyone may call it; may now create sessions: whoever calls it can get one, and with it reach session routes",
        ),
    ];
    for (name, old, new, expected, sentence) in table {
        let found = changes(&terms(old), &terms(new));
        assert_eq!(direction(&found), Some(expected), "{name}");
        let all: Vec<String> = found.iter().map(|change| change.says.to_string()).collect();
        assert_eq!(all.join("; "), sentence, "{name}");
    }
}

/// Every pair of a set that has each term twice: the order holds by itself, whatever the sentences.
#[test]
fn a_change_and_its_undoing_are_opposite() {
    let all = [
        "public",
        "public issues_session",
        "public optional_session",
        "public until=2027-01-01",
        "public until=2028-01-01",
        "public owner=a",
        "public reason=b",
        "webhook verify=a",
        "webhook verify=b",
        "webhook verify=handler",
        "webhook verify=a max_body=1MiB",
        "webhook verify=a max_body=2MiB",
        "webhook verify=a expect_every=6h",
        "session",
        "session scope=a",
        "session scope=b",
        "session scope=a owner=x",
        "none",
    ]
    .map(terms);
    for old in &all {
        for new in &all {
            let there = direction(&changes(old, new));
            let back = match direction(&changes(new, old)) {
                Some(Direction::Widened) => Some(Direction::Narrowed),
                Some(Direction::Narrowed) => Some(Direction::Widened),
                other => other,
            };
            assert_eq!(there, back, "{old:?} to {new:?}");
            assert_eq!(there.is_none(), old == new, "{old:?} to {new:?}");
        }
    }
}

#[test]
fn a_scope_that_goes_with_its_class_opens() {
    let change = changes(&terms("session scope=admin"), &terms("none"));
    assert_eq!(direction(&change), Some(Direction::Widened));
    assert_eq!(
        change[0].says.to_string(),
        "needed a session with scope `admin` and has no access class now: callers with a session \
         of any scope may call it"
    );
}

const SERVICE: [&str; 6] = [
    "public POST /api/waitlist/signup web/routes reason=\"signup form; visitors have no account\"",
    "webhook POST /webhooks/postmark/delivery web/routes verify=postmark expect_every=6h",
    "session GET|POST /api/me web/routes",
    "public ANY /assets/** web/routes reason=assets",
    "session FALLBACK - web/routes",
    "session GET /metrics admin/ops scope=ops",
];

/// Whatever goes missing, in whatever combination, is reported by method and path.
#[test]
fn no_route_of_a_lock_can_go_missing_unreported() {
    let whole = lock(&SERVICE);
    for kept in 0..1_u32 << SERVICE.len() {
        let is_kept = |index: &usize| kept & (1 << index) != 0;
        let left: Vec<&str> = (0..SERVICE.len())
            .filter(is_kept)
            .map(|i| SERVICE[i])
            .collect();
        let reported: BTreeSet<_> = compare(&whole, &lock(&left))
            .into_iter()
            .inspect(|difference| {
                assert_eq!(difference.direction, Direction::Narrowed);
                assert!(difference.new.is_none());
            })
            .map(|difference| difference.path)
            .collect();
        let gone: BTreeSet<_> = (0..SERVICE.len())
            .filter(|index| !is_kept(index))
            .map(|index| SERVICE[index].split(' ').nth(2).filter(|path| *path != "-"))
            .map(|path| path.map(str::to_owned))
            .collect();
        assert_eq!(reported, gone, "kept {left:?}");
    }
}

#[track_caller]
fn compared(old: &[&str], new: &[&str], expected: Expect) {
    let text = said(&compare(&lock(old), &lock(new))).join("\n");
    expected.assert_eq(&text);
}

#[test]
fn routes_come_and_go() {
    compared(
        &["public GET /a web/routes", "public GET|POST /b web/routes"],
        &[
            "public GET /b web/routes",
            "public GET /c web/routes",
            "webhook POST /d web/routes verify=postmark",
            "webhook POST /e web/routes verify=handler",
            "session GET /f web/routes scope=admin",
            "session GET /g web/routes",
        ],
        expect![[r#"
            lock-narrowed: GET /a was public and is gone: its callers will get 404
            lock-narrowed: POST /b was public and is gone: its callers will get 405
            lock-widened: GET /c is new and public: anyone may call it
            lock-widened: POST /d is new: senders with proof for the verifier `postmark` may call it
            lock-widened: POST /e is new: every request reaches its handler, which proves the sender by itself
            lock-widened: GET /f is new: callers with a session that has scope `admin` may call it
            lock-widened: GET /g is new: callers with a session may call it"#]],
    );
    compared(
        &["session GET /a web/routes", "public FALLBACK - web/routes"],
        &["public FALLBACK - web/routes"],
        expect![
            "lock-narrowed: GET /a needed a session and is gone: its callers will get what the fallback answers"
        ],
    );
}

#[test]
fn methods_are_compared_one_by_one() {
    // How they are grouped says nothing.
    compared(
        &["session GET|POST /a web/routes"],
        &["session GET /a web/routes", "session POST /a web/routes"],
        expect![""],
    );
    // GET answers HEAD, until something else does.
    compared(
        &["public GET /a web/routes"],
        &["public GET|HEAD /a web/routes"],
        expect![""],
    );
    compared(
        &["public GET /a web/routes"],
        &["public GET /a web/routes", "session HEAD /a web/routes"],
        expect![
            "lock-narrowed: HEAD /a was public and now needs a session: callers without one will get 401"
        ],
    );
    // A method of its own takes over from ANY.
    compared(
        &["session ANY /a web/routes"],
        &["session ANY /a web/routes", "public POST /a web/routes"],
        expect!["lock-widened: POST /a needed a session and is now public: anyone may call it"],
    );
    compared(
        &["session ANY /a web/routes"],
        &["session GET /a web/routes"],
        expect![
            "lock-narrowed: ANY except GET /a needed a session and is gone: its callers will get 405"
        ],
    );
}

#[test]
fn a_route_may_move_to_another_router_of_its_package() {
    compared(
        &["session GET /a web/routes", "session GET /b web/routes"],
        &["session GET /a web/api", "public GET /b web/api"],
        expect![[r#"
            lock-changed: GET /a is mounted by router `api`, was by `routes`: it answers where that one is served
            lock-changed: GET /b needed a session and is now public: anyone may call it; is mounted by router `api`, was by `routes`: it answers where that one is served"#]],
    );
    // Another package is another program.
    compared(
        &["session GET /a web/routes"],
        &["session GET /a admin/routes"],
        expect![[r#"
            lock-widened: GET /a is new: callers with a session may call it
            lock-narrowed: GET /a needed a session and is gone: its callers will get 404"#]],
    );
}

#[test]
fn the_text_is_aligned_and_sorted_and_reads_back() {
    let routes = lock(&SERVICE);
    let text = format::write(&routes);
    expect![[r##"
        # Who may call each route. `route-audit check --locked` holds the routes against it,
        # `route-audit check --update` writes it. Review a change here as a change of who gets in.
        schema 1

        session  FALLBACK  -                                         web/routes
        session  GET|POST  /api/me                                   web/routes
        public   POST      /api/waitlist/signup                      web/routes            reason="signup form; visitors have no account"
        public   ANY       /assets/**                                web/routes            reason="assets"
        session  GET       /metrics                                  admin/ops             scope=ops
        webhook  POST      /webhooks/postmark/delivery               web/routes            verify=postmark  expect_every=6h
    "##]].assert_eq(&text);
    assert!(!text.contains('\r'));
    let again = format::parse(&text, "routes.lock").expect("it reads back");
    assert_eq!(compare(&routes, &again), []);
    assert_eq!(format::write(&again), text);
    // Whatever the order of lines and the line ends.
    let mut reversed: Vec<&str> = SERVICE.to_vec();
    reversed.reverse();
    assert_eq!(format::write(&lock(&reversed)), text);
    let crlf = text.replace('\n', "\r\n");
    let from_crlf = format::parse(&format!("\u{feff}{crlf}"), "routes.lock").expect("CRLF");
    assert_eq!(format::write(&from_crlf), text);
}

/// Two branches that add a route each can be merged, and a reviewer sees what was added.
#[test]
fn a_route_that_is_added_changes_no_other_line() {
    let before = format::write(&lock(&SERVICE));
    let long = format!(
        "public GET /{} very-long-package-name/routes_of_it reason=x",
        "long/".repeat(30)
    );
    for added in [
        long.as_str(),
        "public GET|POST|PUT|DELETE /a web/routes",
        "session GET / web/routes",
    ] {
        let after = format::write(&lock(&[&SERVICE[..], &[added]].concat()));
        let lines: Vec<&str> = after
            .lines()
            .filter(|line| !before.lines().any(|b| b == *line))
            .collect();
        assert_eq!(lines.len(), 1, "{added}");
        assert_eq!(after.lines().count(), before.lines().count() + 1);
    }
}

#[test]
fn any_text_survives() {
    for reason in [
        "",
        "-",
        "#",
        "a=b",
        "a b",
        "say \"no\" \\ twice",
        "tab\t",
        "\u{202e}edoc",
        "日本 ⚠",
        "<<<<<<< HEAD",
    ] {
        let mut routes = lock(&["public GET /a web/routes"]);
        for route in routes.mounts.values_mut().flat_map(|at| at.values_mut()) {
            route.terms.reason = Some(reason.to_owned());
            route.terms.owner = Some(reason.to_owned());
        }
        let text = format::write(&routes);
        assert!(!text.contains(['\t', '\u{202e}']), "{text}");
        let again = format::parse(&text, "routes.lock").expect("it reads back");
        assert_eq!(compare(&routes, &again), [], "{text}");
    }
}

#[track_caller]
fn refused(text: &str, expected: Expect) {
    let error = format::parse(text, "routes.lock").expect_err("refused");
    expected.assert_eq(&error.to_string());
}

#[test]
fn a_merge_conflict_is_named() {
    refused(
        "schema 1\n\n<<<<<<< HEAD\npublic GET /a web/routes\n=======\nsession GET /a web/routes\n>>>>>>> topic\n",
        expect![[r#"
            error: an unresolved merge conflict: line 3 is `<<<<<<< HEAD`
              --> routes.lock:3:1
              = help: keep the lines of both sides, or of either, and remove the markers; then run `route-audit check --update` and review what it changes

            route-audit: could not run
        "#]],
    );
    // Half of one, too.
    for rest in ["=======", "||||||| base", ">>>>>>> topic"] {
        let text = format!("schema 1\npublic GET /a web/routes\r\n{rest}\r\n");
        let error = format::parse(&text, "routes.lock")
            .expect_err(rest)
            .to_string();
        assert!(error.contains("routes.lock:3:1"), "{error}");
    }
}

#[test]
fn another_schema_is_refused() {
    refused(
        "schema 2\nroutes = []\n",
        expect![[r#"
        error: this lock is of schema 2, and route-audit 0.1.0 reads schema 1
          --> routes.lock:1:1
          = help: update route-audit to the version that wrote it, or a later one

        route-audit: could not run
    "#]],
    );
    refused(
        "# comment\nschema 0\n",
        expect![[r#"
        error: there is no lock of schema 0: route-audit 0.1.0 reads schema 1
          --> routes.lock:2:1
          = help: take the file as it was committed

        route-audit: could not run
    "#]],
    );
    refused(
        "",
        expect![[r#"
        error: not a route lock: its first line must be `schema 1`
          --> routes.lock:1:1
          = help: take the file as it was committed; where it never was a lock, remove it and run `route-audit check --update`

        route-audit: could not run
    "#]],
    );
    for wrong in [
        "schema",
        "schema one",
        "schema1",
        "version 1",
        "public GET / web/routes",
    ] {
        format::parse(wrong, "routes.lock").expect_err(wrong);
    }
}

#[test]
fn a_line_that_cannot_be_read_is_pointed_at() {
    let lines = [
        "pubic GET / web/routes",
        "public",
        "public get / web/routes",
        "public GET",
        "public GET api web/routes",
        "public GET /å web",
        "public GET / web/routes reasn=\"x\"",
        "public GET / web/routes \"issues_session\"",
        "public GET / web/routes reason=\"open",
        "public GET / web/routes reason=\"a\\n\"",
        "public GET / web/routes reason=\"\\u{110000}\"",
        "public GET / web/routes reason=\"a\"b",
        "public GET / web/routes until=2027-02-30",
        "webhook POST / web/routes expect_every=6",
        "webhook POST / web/routes max_body=big",
        "public GET / web/routes owner=a owner=b",
        "public GET / web/routes # why",
        "public GET|GET /twice web/routes",
    ];
    refused(
        &format!("schema 1\n{}", lines.join("\n")),
        expect![[r#"
        error: expected a class: `public`, `webhook` or `session`; found `pubic`
          --> routes.lock:2:1
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected methods: `GET`, `GET|POST`, `ANY` or `FALLBACK`; the line ends here
          --> routes.lock:3:7
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected methods: `GET`, `GET|POST`, `ANY` or `FALLBACK`; found `get`
          --> routes.lock:4:8
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected a path that starts with `/`, or `-` for a fallback; the line ends here
          --> routes.lock:5:11
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected a path that starts with `/`, or `-` for a fallback; found `api`
          --> routes.lock:6:12
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected `package/router`; found `web`
          --> routes.lock:7:15
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected `verify=…`, `scope=…`, `until=…`, `expect_every=…`, `max_body=…`, `owner=…`, `issues_session`, `optional_session` or `reason="…"`; found `reasn="x"`
          --> routes.lock:8:25
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected `verify=…`, `scope=…`, `until=…`, `expect_every=…`, `max_body=…`, `owner=…`, `issues_session`, `optional_session` or `reason="…"`; found `"issues_session"`
          --> routes.lock:9:25
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: these quotes are not closed on the line
          --> routes.lock:10:32
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected `\"`, `\\` or `\u{…}` after the backslash
          --> routes.lock:11:34
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected a character, such as `\u{202e}`
          --> routes.lock:12:33
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected a space between two words
          --> routes.lock:13:35
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected a day, such as `until=2027-01-31`; found `until=2027-02-30`
          --> routes.lock:14:25
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected a duration, such as `expect_every=6h`; found `expect_every=6`
          --> routes.lock:15:27
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected a size, such as `max_body=1MiB`; found `max_body=big`
          --> routes.lock:16:27
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: `owner` is on this line twice
          --> routes.lock:17:33
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected `verify=…`, `scope=…`, `until=…`, `expect_every=…`, `max_body=…`, `owner=…`, `issues_session`, `optional_session` or `reason="…"`; found `#`
          --> routes.lock:18:25
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: GET of this path and router is already on line 19: a route has one line
          --> routes.lock:19:8
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        route-audit: could not run
    "#]],
    );
    // As a merge that kept both sides leaves it.
    refused(
        "schema 1\npublic GET|POST /a web/routes\nsession POST /a web/routes\n",
        expect![[r#"
            error: POST of this path and router is already on line 2: a route has one line
              --> routes.lock:3:9
              = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

            route-audit: could not run
        "#]],
    );
}

fn report(router: &str, line: u32, mounted: &str, declared: &str) -> Report {
    let json = format!(
        r#"{{"schema":1,"router":{{"name":"{router}","package":"web","kind":"axum",
        "file":"src/lib.rs","line":{line}}},"mounted":[{mounted}],"declared":[{declared}]}}"#
    );
    match ReportFile::parse(&json) {
        Ok(ReportFile::Report(report)) => report,
        other => panic!("{other:?}"),
    }
}

const MOUNTED: &str = r#"{"shape":"route","methods":["GET"],"path":"/a","declaration":null}"#;

fn declared(path: &str, file: &str, line: u32, handler: &str) -> String {
    format!(
        r#"{{"methods":["GET"],"path":"{path}","class":"public","handler":"{handler}",
        "file":"{file}","line":{line},"reason":"open","verifier":null,"scope":null,
        "expect_every":null,"until":null,"owner":null,"issues_session":false,
        "optional_session":false,"package":"lib","router":null}}"#
    )
}

#[test]
fn files_lines_handlers_and_unmounted_declarations_leave_no_trace() {
    let today = date!(2026 - 11 - 22);
    let one = report(
        "routes",
        3,
        MOUNTED,
        &declared("/a", "src/a.rs", 1, "lib::a"),
    );
    let moved = [
        declared("/b", "src/b.rs", 2, "lib::b"),
        declared("/a", "src/c.rs", 99, "lib::c"),
    ];
    let other = report("routes", 77, MOUNTED, &moved.join(","));
    let text = |report| format::write(&Lock::of(&[report], today).expect("a lock"));
    let text_of_one = text(one);
    assert_eq!(text_of_one, text(other));
    assert!(text_of_one.contains("  /a "), "{text_of_one}");
}

#[test]
fn routers_that_a_lock_could_not_tell_apart_are_refused() {
    let today = date!(2026 - 11 - 22);
    let declared = declared("/a", "src/a.rs", 1, "lib::a");
    let one = || report("routes", 3, MOUNTED, &declared);
    let error =
        Lock::of(&[one(), report("routes", 9, MOUNTED, &declared)], today).expect_err("refused");
    expect![[r#"
        error: two audited routers of package `web` are called `routes`, at src/lib.rs:3 and src/lib.rs:9
          --> src/lib.rs:9
          = help: the lock tells routers apart by their names: rename one of the functions, or write `audited_router!(other_name = …)` for it

        route-audit: could not run
    "#]].assert_eq(&error.to_string());
    // The same one, in the library and in the binary of a package.
    assert_eq!(
        Lock::of(&[one(), one()], today).expect("one").lines().len(),
        1
    );
    Lock::of(&[one(), report("api", 9, MOUNTED, &declared)], today).expect("two names");
}
