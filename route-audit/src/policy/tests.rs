//! Each key of the policy, broken and kept.

use expect_test::{Expect, expect};

use session_auth::audit::Code;

use super::*;
use crate::finding::Finding;
use crate::testing::{audit, report};

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

fn of_class(class: &str, path: &str) -> String {
    let terms = if class == "webhook" {
        " verify=postmark"
    } else {
        ""
    };
    format!("{class} POST {path}{terms}")
}

/// What breaks the policy where one router mounts these.
fn found(text: &str, routes: &[&str]) -> Vec<Breach> {
    policy(text).breaches(&audit(vec![report("routes", routes)]).routes)
}

#[track_caller]
fn finds(text: &str, routes: &[&str], expected: Expect) {
    let all: Vec<String> = found(text, routes)
        .iter()
        .map(|breach| {
            let (code, place) = (breach.code(), &breach.subject.place);
            let (message, help) = (breach.message(), breach.help());
            format!("error[{code}]: {message}\n  --> {place}\n  = help: {help}")
        })
        .collect();
    expected.assert_eq(&all.join("\n\n"));
}

const INTERNAL: &str = "[[allow]]\nprefix = \"/internal\"\nclasses = [\"webhook\"]\n";

#[test]
fn a_class_is_allowed_by_the_longest_prefix() {
    finds(
        INTERNAL,
        &["public GET /internal/events"],
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
        let found = found(&nested, &[&of_class(class, path)]);
        assert_eq!(!found.is_empty(), broken, "{class} {path}: {found:?}");
    }
    // Everything, and what everything falls back to.
    let all = "[[allow]]\nprefix = \"/\"\nclasses = [\"session\"]\n";
    for line in ["public FALLBACK -", "public ANY /a/**", "public GET /a"] {
        assert_eq!(found(all, &[line]).len(), 1, "{line}");
    }
    // Nobody said, which is another finding.
    assert_eq!(found(INTERNAL, &["none GET /internal/x"]), []);
}

#[test]
fn a_catch_all_does_not_reach_where_the_policy_forbids_its_class() {
    let admin = "[[allow]]\nprefix = \"/admin\"\nclasses = [\"session\"]\n";
    finds(
        admin,
        &["public GET /{*rest}", "session GET /admin/users"],
        expect![[r#"
            error[policy-class]: GET /{*rest} is public and answers `/admin`, `/admin/` and `/admin/{*rest}` too, where the policy allows session alone
              --> src/lib.rs:7
              = help: mount them on that router with a class that is allowed: what is written out answers first; the policy is at Cargo.toml:2"#]],
    );
    finds(
        admin,
        &["webhook POST /{tenant}/hook verify=postmark expect_every=6h"],
        expect![[r#"
            error[policy-class]: POST /{tenant}/hook is webhook and answers `/admin/hook` too, where the policy allows session alone
              --> src/lib.rs:7
              = help: mount it on that router with a class that is allowed: what is written out answers first; the policy is at Cargo.toml:2"#]],
    );
    let spa = "public GET /{*rest}";
    let [exact, slash, rest] = [
        "session GET /admin",
        "session GET /admin/",
        "session GET /admin/{*rest}",
    ];
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
    let both = audit(vec![
        report("one", &[spa]),
        report("two", &[exact, slash, rest]),
    ]);
    assert_eq!(policy(admin).breaches(&both.routes).len(), 1);
    // It opens nothing.
    assert_eq!(found(admin, &["session GET /{*rest}"]), []);
    let internal = found(INTERNAL, &["session GET /{*rest}"]);
    assert_eq!(internal, []);
    // The longer prefix decides there, too.
    let login = format!("{admin}[[allow]]\nprefix = \"/admin/login\"\nclasses = [\"public\"]\n");
    assert_eq!(found(&login, &["public GET /{tenant}/login"]), []);
}

#[test]
fn a_fallback_reaches_everything() {
    let admin = "[[allow]]\nprefix = \"/admin\"\nclasses = [\"session\"]\n";
    for fallback in ["FALLBACK", "FALLBACK /{tenant}", "ANY /**"] {
        let line = match fallback {
            "FALLBACK" => "public FALLBACK -".to_owned(),
            other => format!("public {other}"),
        };
        let found = found(admin, &[&line]);
        let start = format!("{fallback} is public and answers `/admin`, ");
        assert!(
            found[0].message().starts_with(&start),
            "{}",
            found[0].message()
        );
    }
}

#[test]
fn public_routes_are_counted() {
    let routes: [&str; 4] = [
        "public GET /a",
        "public GET /b",
        "public POST /b",
        "session GET /c",
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
    let both = audit(vec![report("one", &routes), report("two", &routes)]);
    assert_eq!(both.summary().public, 3);
    assert_eq!(policy("max_public = 3").breaches(&both.routes), []);
}

#[test]
fn owners_are_asked_of_every_class_or_some() {
    let routes: [&str; 3] = [
        "public GET /a owner=\" \"",
        "session GET /b",
        "public GET /c owner=platform",
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
            .filter_map(|breach| breach.subject.path)
            .collect()
    };
    assert_eq!(paths("require_owner = [\"session\"]"), ["/b"]);
    assert_eq!(paths("require_owner = [\"webhook\"]"), [""; 0]);
    assert_eq!(paths("require_owner = false"), [""; 0]);
}

#[test]
fn a_webhook_is_to_be_watched_and_that_is_said_once() {
    let routes: [&str; 2] = [
        "webhook POST /hook verify=postmark",
        "webhook POST /other verify=postmark expect_every=6h",
    ];
    finds(
        "require_expect_every = true",
        &routes,
        expect![[r#"
        error[policy-expect-every]: POST /hook is a webhook without `expect_every`, which the policy asks for: nothing will tell when its deliveries stop
          --> src/lib.rs:7
          = help: add the longest time that should pass between two deliveries: `expect_every = "6h"`"#]],
    );
    for (text, code) in [
        ("require_expect_every = true", Code::PolicyExpectEvery),
        ("require_expect_every = false", Code::UnmonitoredWebhook),
    ] {
        let mut audit = audit(vec![report("routes", &routes)]);
        audit.hold_to(&policy(text));
        let codes: Vec<_> = audit.findings().iter().map(Finding::code).collect();
        assert_eq!(codes, [code]);
    }
}

#[test]
fn a_handler_may_not_be_its_own_verifier() {
    let routes: [&str; 2] = [
        "webhook POST /hooks/{token} verify=handler expect_every=6h",
        "webhook POST /other verify=handlers expect_every=6h",
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
    assert_eq!(found("", &["webhook POST /x verify=handler"]), []);
}

const BY: &str =
    "[[allow]]\nprefix = \"/api\"\nclasses = [\"session\", \"public\"]\nby = [\"api\", \"idp\"]\n";

#[test]
fn what_proves_callers_is_allowed_by_the_prefix() {
    finds(
        BY,
        &[
            "session GET /api/a",
            "session GET /api/b by=\"session | api\"",
            "session GET /apis",
        ],
        expect![[r#"
            error[policy-class]: the callers of GET /api/a are proved by `session`, and below `/api` the policy allows `api` and `idp` alone
              --> src/lib.rs:7
              = help: name in `by` what is allowed there, or give it another path; the policy is at Cargo.toml:2

            error[policy-class]: the callers of GET /api/b are proved by `session | api`, and below `/api` the policy allows `api` and `idp` alone
              --> src/lib.rs:7
              = help: name in `by` what is allowed there, or give it another path; the policy is at Cargo.toml:2"#]],
    );
    let kept = [
        "session GET /api/a by=api",
        "session GET /api/b by=\"idp | api\"",
        "public GET /api/c",
        "session GET /other by=session",
    ];
    assert!(found(BY, &kept).is_empty(), "{:?}", found(BY, &kept));
}

#[test]
fn a_prefix_that_says_nothing_of_who_calls_is_refused() {
    for (text, what) in [
        (
            "classes = [\"session\"]\nby = []",
            "allows nothing to prove callers",
        ),
        (
            "classes = [\"webhook\"]\nby = [\"api\"]",
            "allows no `session`",
        ),
    ] {
        let text = format!("[[allow]]\nprefix = \"/api\"\n{text}\n");
        let raw: RawPolicy = toml::from_str(&text).expect("a policy");
        let problems = Policy::of(raw, |_| 1).expect_err("it is refused");
        let said = problems[0].1.to_string();
        assert!(said.contains(what), "{said}");
    }
}
