//! The text: what is written, what is read, what is refused.

use expect_test::{Expect, expect};
use session_auth::__private::ReadTerms;
use session_auth::Declaration;
use session_auth::audit::Shape;

use super::super::compare::compare;
use super::super::format;
use super::super::said::Said;
use super::{SERVICE, lock};
use crate::lock::Lock;
use crate::testing::report;

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

/// Lines that are kept as they were read, those of a package that was not selected, are too.
#[test]
fn what_says_the_same_is_written_the_same() {
    let one = format::write(&lock(&[
        "session ANY /b web/routes",
        "public GET /a web/routes",
    ]));
    let other = format::write(&lock(&[
        "public HEAD /a web/routes",
        "public GET /a web/routes",
        "session POST|ANY /b web/routes",
    ]));
    assert_eq!(one, other);
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
            let old = route.declaration().expect("a class");
            let terms = ReadTerms {
                reason: Some(reason.to_owned().into()),
                owner: Some(reason.to_owned().into()),
                until: None,
            };
            let (target, access) = (old.target().clone(), old.access().clone());
            let new = Declaration::read(target, access, terms, route.place.clone());
            route.said = Some(Said(new));
        }
        let text = format::write(&routes);
        assert!(!text.contains(['\t', '\u{202e}']), "{text}");
        let again = format::parse(&text, "routes.lock").expect("it reads back");
        assert_eq!(compare(&routes, &again), [], "{text}");
    }
}

/// axum takes such a path without its checks.
#[test]
fn a_path_of_two_asterisks_is_not_all_that_is_below() {
    let report = |shape| {
        let mut report = report("routes", &["session ANY /a"]);
        let route = &mut report.routes[0];
        (route.path, route.shape) = match shape {
            Shape::OpaqueMount => (Some("/a".into()), shape),
            shape => (Some("/a/**".into()), shape),
        };
        report
    };
    for shape in [Shape::OpaqueMount, Shape::Route] {
        let written = Lock::of([&report(shape)]);
        let text = format::write(&written);
        let again = format::parse(&text, "routes.lock").expect("it reads back");
        assert_eq!(compare(&written, &again), [], "{text}");
    }
    let both = [&report(Shape::OpaqueMount), &report(Shape::Route)].map(|one| Lock::of([one]));
    assert_eq!(compare(&both[0], &both[1]).len(), 2);
}

#[test]
fn an_exemption_from_the_rule_of_origins_is_on_its_line() {
    let text = format::write(&lock(&[
        "public POST /login/apple web/routes issues_session cross_origin=\"Apple posts its form\" reason=login",
        "session POST /embed web/routes scope=a cross_origin=partners",
    ]));
    for line in [
        r#"issues_session  cross_origin="Apple posts its form"  reason="login""#,
        r#"scope=a  cross_origin="partners""#,
    ] {
        assert!(text.contains(line), "{text}");
    }
    let again = format::parse(&text, "routes.lock").expect("it reads back");
    assert_eq!(format::write(&again), text);
}

#[test]
fn a_term_of_another_class_is_refused() {
    refused(
        "schema 1\npublic GET /a web/routes scope=admin\nsession GET /b web/routes issues_session\n\
         webhook POST /c web/routes\nsession GET /d web/routes verify=postmark\n\
         webhook POST /e web/routes verify=a cross_origin=b\n",
        expect![[r#"
            error: a term of session routes alone, on one that is public
              --> routes.lock:2:26
              = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

            error: a term of public routes alone, on one that is session
              --> routes.lock:3:27
              = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

            error: a webhook needs `verify=…`
              --> routes.lock:4:1
              = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

            error: a term of webhook routes alone, on one that is session
              --> routes.lock:5:27
              = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

            error: no term of webhook routes: their senders have no origin
              --> routes.lock:6:37
              = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

            route-audit: could not run
        "#]],
    );
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
fn a_path_and_a_router_have_no_key_and_are_whole() {
    for (line, expected) in [
        ("public GET at=/ web/routes", "expected a path"),
        ("public GET / in=web/routes", "expected `package/router`"),
        ("public GET / /routes", "expected `package/router`"),
        ("public GET / web/", "expected `package/router`"),
    ] {
        let text = format!("schema 1\n{line} reason=\"open\"");
        let refusal = format::parse(&text, "routes.lock").expect_err(line);
        let refusal = refusal.to_string();
        assert!(refusal.contains(expected), "{line}: {refusal}");
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
        "public GET / web/routes \"optional_session\"",
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

        error: expected `verify=…`, `by=…`, `scope=…`, `until=…`, `expect_every=…`, `max_body=…`, `owner=…`, `issues_session`, `optional_session`, `cross_origin="…"` or `reason="…"`; found `reasn="x"`
          --> routes.lock:8:25
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected `verify=…`, `by=…`, `scope=…`, `until=…`, `expect_every=…`, `max_body=…`, `owner=…`, `issues_session`, `optional_session`, `cross_origin="…"` or `reason="…"`; found `"issues_session"`
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

        error: expected `verify=…`, `by=…`, `scope=…`, `until=…`, `expect_every=…`, `max_body=…`, `owner=…`, `issues_session`, `optional_session`, `cross_origin="…"` or `reason="…"`; found `#`
          --> routes.lock:18:25
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: GET of this path and router is already on line 19: a route has one line
          --> routes.lock:19:8
          = help: take the file as it was committed, then run `route-audit check --update` and review what it changes

        error: expected `verify=…`, `by=…`, `scope=…`, `until=…`, `expect_every=…`, `max_body=…`, `owner=…`, `issues_session`, `optional_session`, `cross_origin="…"` or `reason="…"`; found `"optional_session"`
          --> routes.lock:20:25
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
