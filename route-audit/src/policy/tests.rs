//! Each key of the policy, broken and kept.

use expect_test::{Expect, expect};
use session_auth::audit::{Report, ReportFile, reconcile};
use time::macros::date;

use super::*;

/// A policy as Cargo.toml has it.
#[track_caller]
fn policy(text: &str) -> Policy {
    let raw: RawPolicy = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => panic!("{error}"),
    };
    Policy::of(raw, |span| {
        u32::try_from(text[..span.start].matches('\n').count() + 1).unwrap()
    })
    .expect("a policy")
}

/// Methods, path, class, and what else is declared: `verifier`, `owner`, `expect_every`.
type Route<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)]);

fn audit(router: &str, routes: &[Route<'_>]) -> Report {
    let mut mounted = Vec::new();
    let mut declared = Vec::new();
    for (method, path, class, terms) in routes {
        mounted.push(format!(
            r#"{{"shape":"route","methods":["{method}"],"path":"{path}","declaration":null}}"#
        ));
        let term = |key: &str| {
            let found = terms.iter().find(|(known, _)| *known == key);
            found.map_or_else(|| "null".to_owned(), |(_, value)| format!("{value:?}"))
        };
        if *class == "none" {
            continue;
        }
        declared.push(format!(
            r#"{{"methods":["{method}"],"path":"{path}","class":"{class}","handler":"web::f",
            "file":"src/lib.rs","line":7,"reason":null,"verifier":{},"scope":null,
            "expect_every":{},"until":null,"owner":{},"issues_session":false,
            "optional_session":false,"package":"web","router":null}}"#,
            term("verifier"),
            term("expect_every"),
            term("owner"),
        ));
    }
    let json = format!(
        r#"{{"schema":1,"router":{{"name":"{router}","package":"web","kind":"axum",
        "file":"src/lib.rs","line":3}},"mounted":[{}],"declared":[{}]}}"#,
        mounted.join(","),
        declared.join(",")
    );
    match ReportFile::parse(&json) {
        Ok(ReportFile::Report(report)) => report,
        other => panic!("{other:?}"),
    }
}

/// What the policy adds to the audit of one router with these routes.
fn found(text: &str, routes: &[Route<'_>]) -> Vec<Finding> {
    let mut audit = reconcile(&[audit("routes", routes)], date!(2026 - 11 - 22));
    policy(text).apply(&mut audit);
    let errors = audit
        .findings
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .count();
    assert_eq!(audit.summary.errors, errors);
    let mut found = audit.findings;
    found.retain(|finding| codes::POLICY.contains(&finding.code.as_str()));
    found
}

#[track_caller]
fn finds(text: &str, routes: &[Route<'_>], expected: Expect) {
    let all: Vec<String> = found(text, routes).iter().map(Finding::to_string).collect();
    expected.assert_eq(&all.join("\n\n"));
}

const INTERNAL: &str = "[[allow]]\nprefix = \"/internal\"\nclasses = [\"webhook\"]\n";

#[test]
fn a_class_is_allowed_by_the_longest_prefix() {
    finds(
        INTERNAL,
        &[("GET", "/internal/events", "public", &[])],
        expect![[r#"
            error[policy-class]: GET /internal/events is public, and below `/internal` the policy allows webhook alone
              --> src/lib.rs:7
              = help: give it a class that is allowed there, or another path; the policy is at Cargo.toml:2"#]],
    );
    let nested = format!(
        "{INTERNAL}[[allow]]\nprefix = \"/internal/ui\"\nclasses = [\"session\", \"public\"]\n"
    );
    for (path, class, broken) in [
        ("/internal", "webhook", false),
        ("/internal", "session", true),
        ("/internal/{id}", "session", true),
        ("/internal/ui", "session", false),
        ("/internal/ui/x", "public", false),
        ("/internal/ui/x", "webhook", true),
        // Whole segments.
        ("/internals", "public", false),
        ("/internal-ui", "public", false),
        ("/", "public", false),
        ("/api/internal", "public", false),
    ] {
        let found = found(&nested, &[("POST", path, class, &[])]);
        assert_eq!(!found.is_empty(), broken, "{class} {path}: {found:?}");
    }
    // Everything, and what everything falls back to.
    let all = policy("[[allow]]\nprefix = \"/\"\nclasses = [\"session\"]\n");
    assert!(all.allowed_at(None).is_some() && all.allowed_at(Some("/a/**")).is_some());
    // Nobody said, which is another finding.
    assert_eq!(found(INTERNAL, &[("GET", "/internal/x", "none", &[])]), []);
}

#[test]
fn a_catch_all_does_not_reach_where_the_policy_forbids_its_class() {
    let admin = "[[allow]]\nprefix = \"/admin\"\nclasses = [\"session\"]\n";
    finds(
        admin,
        &[
            ("GET", "/{*rest}", "public", &[]),
            ("GET", "/admin/users", "session", &[]),
        ],
        expect![[r#"
            error[policy-class]: GET /{*rest} is public and answers `/admin`, `/admin/` and `/admin/{*rest}` too, where the policy allows session alone
              --> src/lib.rs:7
              = help: mount them on that router with a class that is allowed: what is written out answers first; the policy is at Cargo.toml:2"#]],
    );
    finds(
        admin,
        &[(
            "POST",
            "/{tenant}/hook",
            "webhook",
            &[("expect_every", "6h")],
        )],
        expect![[r#"
            error[policy-class]: POST /{tenant}/hook is webhook and answers `/admin/hook` too, where the policy allows session alone
              --> src/lib.rs:7
              = help: mount it on that router with a class that is allowed: what is written out answers first; the policy is at Cargo.toml:2"#]],
    );
    let spa: Route<'_> = ("GET", "/{*rest}", "public", &[]);
    let [exact, slash, rest] = ["/admin", "/admin/", "/admin/{*rest}"].map(|path| {
        let route: Route<'_> = ("GET", path, "session", &[]);
        route
    });
    // What is written out answers first; one of the three is not all of them.
    assert_eq!(found(admin, &[spa, exact, slash, rest]), []);
    for some in [
        &[spa, exact, slash],
        &[spa, exact, rest],
        &[spa, slash, rest],
    ] {
        assert_eq!(found(admin, some).len(), 1, "{some:?}");
    }
    // On another router it stands before nothing.
    let reports = [audit("one", &[spa]), audit("two", &[exact, slash, rest])];
    let mut both = reconcile(&reports, date!(2026 - 11 - 22));
    policy(admin).apply(&mut both);
    assert_eq!(both.summary.errors, 1);
    // It opens nothing.
    assert_eq!(found(admin, &[("GET", "/{*rest}", "session", &[])]), []);
    let internal = found(INTERNAL, &[("GET", "/{*rest}", "session", &[])]);
    assert_eq!(internal, []);
    // The longer prefix decides there, too.
    let login = format!("{admin}[[allow]]\nprefix = \"/admin/login\"\nclasses = [\"public\"]\n");
    assert_eq!(
        found(&login, &[("GET", "/{tenant}/login", "public", &[])]),
        []
    );
}

#[test]
fn a_fallback_reaches_everything() {
    let admin = policy("[[allow]]\nprefix = \"/admin\"\nclasses = [\"session\"]\n");
    let mut audit = reconcile(
        &[audit("routes", &[("GET", "/{*rest}", "public", &[])])],
        date!(2026 - 11 - 22),
    );
    audit.routes[0].path = None;
    audit.routes[0].methods = vec!["FALLBACK".to_owned()];
    admin.apply(&mut audit);
    let message = &audit.findings[0].message;
    assert!(
        message.starts_with("FALLBACK is public and answers `/admin`, "),
        "{message}"
    );
}

#[test]
fn public_routes_are_counted() {
    let routes: [Route<'_>; 4] = [
        ("GET", "/a", "public", &[]),
        ("GET", "/b", "public", &[]),
        ("POST", "/b", "public", &[]),
        ("GET", "/c", "session", &[]),
    ];
    assert_eq!(found("max_public = 3", &routes), []);
    finds(
        "\nmax_public = 2",
        &routes,
        expect![[r#"
        error[policy-max-public]: 3 routes are public, and the policy allows 2: GET /a, GET /b, POST /b
          --> Cargo.toml:2
          = help: give one of them another class, or raise `max_public` in a change that is reviewed"#]],
    );
    assert_eq!(found("max_public = 0", &routes[3..]), []);

    // Mounted by two routers, decided about once.
    let reports = [audit("one", &routes), audit("two", &routes)];
    let mut both = reconcile(&reports, date!(2026 - 11 - 22));
    assert_eq!(both.summary.public, 3);
    policy("max_public = 3").apply(&mut both);
    assert_eq!(both.summary.errors, 0);
}

#[test]
fn owners_are_asked_of_every_class_or_some() {
    let routes: [Route<'_>; 3] = [
        ("GET", "/a", "public", &[("owner", " ")]),
        ("GET", "/b", "session", &[]),
        ("GET", "/c", "public", &[("owner", "platform")]),
    ];
    finds(
        "require_owner = true",
        &routes,
        expect![[r#"
            error[policy-owner]: GET /a has no owner, which the policy asks of public routes
              --> src/lib.rs:7
              = help: say who answers for it: `owner = "team"`

            error[policy-owner]: GET /b has no owner, which the policy asks of session routes
              --> src/lib.rs:7
              = help: say who answers for it: `owner = "team"`"#]],
    );
    let paths = |text| -> Vec<_> {
        found(text, &routes)
            .into_iter()
            .filter_map(|f| f.path)
            .collect()
    };
    assert_eq!(paths("require_owner = [\"session\"]"), ["/b"]);
    assert_eq!(paths("require_owner = [\"webhook\"]"), [""; 0]);
    assert_eq!(paths("require_owner = false"), [""; 0]);
}

#[test]
fn a_webhook_is_to_be_watched_and_that_is_said_once() {
    let routes: [Route<'_>; 2] = [
        ("POST", "/hook", "webhook", &[("verifier", "postmark")]),
        (
            "POST",
            "/other",
            "webhook",
            &[("verifier", "postmark"), ("expect_every", "6h")],
        ),
    ];
    finds(
        "require_expect_every = true",
        &routes,
        expect![[r#"
        error[policy-expect-every]: POST /hook is a webhook without `expect_every`, which the policy asks for: nothing will tell when its deliveries stop
          --> src/lib.rs:7
          = help: add the longest time that should pass between two deliveries: `expect_every = "6h"`"#]],
    );
    let reports = [audit("routes", &routes)];
    for (text, code) in [
        ("require_expect_every = true", "policy-expect-every"),
        ("require_expect_every = false", "unmonitored-webhook"),
    ] {
        let mut audit = reconcile(&reports, date!(2026 - 11 - 22));
        policy(text).apply(&mut audit);
        let codes: Vec<_> = audit.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(codes, [code]);
    }
}

#[test]
fn a_handler_may_not_be_its_own_verifier() {
    let routes: [Route<'_>; 2] = [
        (
            "POST",
            "/hooks/{token}",
            "webhook",
            &[("verifier", "handler"), ("expect_every", "6h")],
        ),
        (
            "POST",
            "/other",
            "webhook",
            &[("verifier", "handlers"), ("expect_every", "6h")],
        ),
    ];
    finds(
        "forbid_verify_handler = true",
        &routes,
        expect![[r#"
        error[policy-verify-handler]: POST /hooks/{token} leaves the proof of its sender to the handler, which the policy forbids
          --> src/lib.rs:7
          = help: name a verifier, `verify = "…"`, and register it with the layer's builder; one of your own implements `Verifier`"#]],
    );
    assert_eq!(found("forbid_verify_handler = false", &routes), []);
}

#[test]
fn an_empty_policy_asks_for_nothing() {
    assert_eq!(policy(""), Policy::default());
    assert_eq!(
        found("", &[("POST", "/x", "webhook", &[("verifier", "handler")])]),
        []
    );
}
