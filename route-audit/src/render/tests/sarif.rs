//! SARIF, and the schema of the standard.

use std::collections::BTreeSet;

use expect_test::expect;
use jsonschema::Validator;
use serde_json::{Value, json};
use session_auth::Location;
use session_auth::audit::Code;

use super::{
    FILE, Format, Workspace, assert_valid, at, audit, clean, declaration, finding, found, route,
    subject, validator,
};
use crate::audit::Audit;
use crate::listing::Route;

fn sarif(workspace: &Workspace, audit: &Audit) -> Value {
    serde_json::from_str(&workspace.check(audit, Format::Sarif)).expect("JSON")
}

fn official() -> Validator {
    let schema = include_str!("../../../tests/data/sarif-schema-2.1.0.json");
    // The pattern of languages is no regular expression; errata 01 of the standard mends it so.
    let (wrong, right) = (
        "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$",
        "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$",
    );
    validator(&schema.replace(wrong, right))
}

#[test]
fn sarif_is_as_the_standard_s_schema_says() {
    let workspace = Workspace::new();
    let schema = official();
    for audit in [found(), clean()] {
        let document = sarif(&workspace, &audit);
        assert_valid(&schema, &document);
        let run = &document["runs"][0];
        let results = run["results"]
            .as_array()
            .expect("results, even if there are none");
        assert_eq!(results.len(), audit.findings().len());
        for result in results {
            let index = result["ruleIndex"].as_u64().expect("a number");
            let index = usize::try_from(index).expect("a small one");
            assert_eq!(
                run["tool"]["driver"]["rules"][index]["id"],
                result["ruleId"]
            );
        }
    }
    // The schema does judge.
    let mut document = sarif(&workspace, &found());
    document["runs"][0]["results"][0]["level"] = json!("fatal");
    assert!(!schema.is_valid(&document));
}

/// Who may call the route, and by what they are proved.
#[test]
fn a_result_has_the_class_of_its_route_and_what_proves_callers() {
    let workspace = Workspace::new();
    let of = |declared: &str, path: &str| Route {
        subject: subject(path, at(FILE, 3)),
        declaration: Some(declaration(declared, 3)),
        ..route(false, path)
    };
    let paths = ["/me", "/open", "/legacy", "/twice"];
    let audit = audit(
        &["routes"],
        vec![
            of("session GET /me by=\"session | api\"", "/me"),
            of("public GET /open", "/open"),
            of("session GET /twice", "/twice"),
            of("public GET /twice", "/twice"),
        ],
        paths
            .map(|path| finding(Code::UnnamedRoute, path, at(FILE, 3)))
            .to_vec(),
    );
    let document = sarif(&workspace, &audit);
    assert_valid(&official(), &document);
    let results = document["runs"][0]["results"].as_array().expect("results");
    for (path, expected) in [
        ("/me", json!({ "class": "session", "by": "session | api" })),
        ("/open", json!({ "class": "public", "by": null })),
        ("/legacy", json!(null)),
        ("/twice", json!(null)),
    ] {
        let named = |result: &&Value| {
            let text = result["message"]["text"].as_str().expect("a text");
            text.contains(path)
        };
        let result = results.iter().find(named).expect(path);
        assert_eq!(result["properties"], expected, "{path}");
    }
}

#[test]
fn sarif_has_the_findings_as_results() {
    let workspace = Workspace::new();
    let mut document = sarif(&workspace, &found());
    let results = document["runs"][0]["results"].take();
    let shown = |value: &Value| format!("{value:#}\n");
    expect![[r#"
        [
          {
            "level": "error",
            "locations": [
              {
                "physicalLocation": {
                  "artifactLocation": {
                    "uri": "backend/src/my%20routes%2C%20%C3%A9.rs",
                    "uriBaseId": "%SRCROOT%"
                  },
                  "region": {
                    "startLine": 3
                  }
                }
              }
            ],
            "message": {
              "text": "GET /legacy/{{id}} is mounted and has no access class\nhelp: add `#[public_route(GET, \"/legacy/{{id}}\", reason = \"…\")]`, `#[webhook_route(GET, \"/legacy/{{id}}\", verify = \"…\")]` or `#[session_route(GET, \"/legacy/{{id}}\")]` to its handler"
            },
            "partialFingerprints": {
              "primaryLocationLineHash": "24ebbc65593df1fb:1",
              "routeAudit/v1": "24ebbc65593df1fb:1"
            },
            "ruleId": "unclassified-route",
            "ruleIndex": 0
          },
          {
            "level": "error",
            "locations": [
              {
                "physicalLocation": {
                  "artifactLocation": {
                    "uri": "file:///elsewhere/lib.rs"
                  },
                  "region": {
                    "startLine": 3
                  }
                }
              }
            ],
            "message": {
              "text": "GET /a|b/@team/<img src=x>] (https://evil.example)\\u{{1b}}[2J\\n::error::100% is declared twice: public at src/lib.rs:3, and session at src/lib.rs:9\nhelp: keep one of the two; two routers that both have this path mount their handlers by name"
            },
            "partialFingerprints": {
              "primaryLocationLineHash": "5f2583ca74992a68:1",
              "routeAudit/v1": "5f2583ca74992a68:1"
            },
            "ruleId": "conflicting-declaration",
            "ruleIndex": 2
          },
          {
            "level": "warning",
            "locations": [
              {
                "physicalLocation": {
                  "artifactLocation": {
                    "uri": "backend/src/gone.rs",
                    "uriBaseId": "%SRCROOT%"
                  },
                  "region": {
                    "startLine": 3
                  }
                }
              }
            ],
            "message": {
              "text": "GET /hook is a webhook of which nobody notices when it falls silent\nhelp: add `expect_every = \"…\"`: the longest time that passes between two deliveries when all is well"
            },
            "partialFingerprints": {
              "primaryLocationLineHash": "0d3af8720f9c97d2:1",
              "routeAudit/v1": "0d3af8720f9c97d2:1"
            },
            "ruleId": "unmonitored-webhook",
            "ruleIndex": 12
          }
        ]
    "#]].assert_eq(&shown(&results));
    // The rules have tests of their own.
    let driver = &mut document["runs"][0]["tool"]["driver"];
    driver["version"] = json!("[VERSION]");
    driver["semanticVersion"] = json!("[VERSION]");
    let rules = driver["rules"].take();
    expect![[r##"
        {
          "defaultConfiguration": {
            "level": "error"
          },
          "fullDescription": {
            "text": "A router mounts a route that nobody gave an access class. This crate's `Router` does not compile with such a handler, so it is one of a router that was taken in by `merge_axum`, of `adopt`, or a fallback. `protect` does not start with it; where the builder lets it start (`Unclassified::Deny`), it is answered with `401`, logged at ERROR and counted."
          },
          "help": {
            "markdown": "# unclassified-route\n\nSeverity: error.\n\n## What it means\n\nA router mounts a route that nobody gave an access class. This crate's `Router` does not compile\nwith such a handler, so it is one of a router that was taken in by `merge_axum`, of `adopt`, or a\nfallback. `protect` does not start with it; where the builder lets it start\n(`Unclassified::Deny`), it is answered with `401`, logged at ERROR and counted.\n\n## How it comes about\n\nSomeone adds a route and does not think of authentication, because nothing near the route asks about\nit. In the outage that this check is made for, six routes (a signup form, a mail provider's delivery\nwebhook, two help-desk webhooks, an event feed) were added after the list of exempt prefixes had\nbeen written. When the middleware was switched on they answered `401` for eight days. The form\nswallowed the error, the mail provider does not retry a 4xx, and no alarm watched either.\n\n## What to do\n\nSay on the handler who may call it:\n\n```rust\n#[public_route(POST, \"/api/waitlist/signup\", reason = \"signup form; visitors have no account\")]\n#[webhook_route(POST, \"/webhooks/postmark/delivery\", verify = \"postmark\")]\n#[session_route(GET, \"/api/me\")]\n```\n\nA closure or a service takes `public(..)`, `webhook(..)` or `session(..)`; a handler of another\ncrate takes `declare_route!`. Where the handler has an attribute already, compare its path with the\none that is mounted: the attribute holds the full path, with every `nest` prefix in it. A\ndeclaration whose handler is mounted by name on another router speaks for that route alone.\n",
            "text": "# unclassified-route\n\nSeverity: error.\n\n## What it means\n\nA router mounts a route that nobody gave an access class. This crate's `Router` does not compile\nwith such a handler, so it is one of a router that was taken in by `merge_axum`, of `adopt`, or a\nfallback. `protect` does not start with it; where the builder lets it start\n(`Unclassified::Deny`), it is answered with `401`, logged at ERROR and counted.\n\n## How it comes about\n\nSomeone adds a route and does not think of authentication, because nothing near the route asks about\nit. In the outage that this check is made for, six routes (a signup form, a mail provider's delivery\nwebhook, two help-desk webhooks, an event feed) were added after the list of exempt prefixes had\nbeen written. When the middleware was switched on they answered `401` for eight days. The form\nswallowed the error, the mail provider does not retry a 4xx, and no alarm watched either.\n\n## What to do\n\nSay on the handler who may call it:\n\n```rust\n#[public_route(POST, \"/api/waitlist/signup\", reason = \"signup form; visitors have no account\")]\n#[webhook_route(POST, \"/webhooks/postmark/delivery\", verify = \"postmark\")]\n#[session_route(GET, \"/api/me\")]\n```\n\nA closure or a service takes `public(..)`, `webhook(..)` or `session(..)`; a handler of another\ncrate takes `declare_route!`. Where the handler has an attribute already, compare its path with the\none that is mounted: the attribute holds the full path, with every `nest` prefix in it. A\ndeclaration whose handler is mounted by name on another router speaks for that route alone.\n"
          },
          "id": "unclassified-route",
          "properties": {
            "tags": [
              "security"
            ]
          },
          "shortDescription": {
            "text": "A router mounts a route that nobody gave an access class."
          }
        }
    "##]].assert_eq(&shown(&rules[0]));
    expect![[r#"
        {
          "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
          "runs": [
            {
              "invocations": [
                {
                  "executionSuccessful": true
                }
              ],
              "originalUriBaseIds": {
                "%SRCROOT%": {
                  "description": {
                    "text": "The top of the repository"
                  }
                }
              },
              "results": null,
              "tool": {
                "driver": {
                  "name": "route-audit",
                  "rules": null,
                  "semanticVersion": "[VERSION]",
                  "version": "[VERSION]"
                }
              }
            }
          ],
          "version": "2.1.0"
        }
    "#]].assert_eq(&shown(&document));
}

#[test]
fn a_fingerprint_holds_while_lines_move() {
    let workspace = Workspace::new();
    let fingerprints = |audit: &Audit| -> Vec<String> {
        let document = sarif(&workspace, audit);
        let results = document["runs"][0]["results"].as_array().expect("results");
        results
            .iter()
            .map(|result| result["partialFingerprints"]["routeAudit/v1"].to_string())
            .collect()
    };
    // The last two are alike in all but their lines, as two declarations of one route are.
    let all = |first: (Code, &str, Location), moved: u32| {
        let (code, path, place) = first;
        let of = |code, path: &str, place: Location| {
            let line = place.line + moved;
            finding(code, path, Location { line, ..place })
        };
        let findings = vec![
            of(code, path, place),
            of(Code::WrongHandler, "/b", at(FILE, 3)),
            of(Code::UnmonitoredWebhook, "/hook", at("src/gone.rs", 3)),
            of(Code::UnmonitoredWebhook, "/hook", at("src/gone.rs", 90)),
        ];
        fingerprints(&audit(&["routes"], Vec::new(), findings))
    };
    let first = || (Code::UnclassifiedRoute, "/a", at(FILE, 3));
    let before = all(first(), 0);
    let distinct: BTreeSet<_> = before.iter().collect();
    assert_eq!(distinct.len(), 4, "{before:?}");
    assert_eq!(all(first(), 7), before);
    for other in [
        (Code::OpaqueMount, "/a", at(FILE, 3)),
        (Code::UnclassifiedRoute, "/other", at(FILE, 3)),
        (Code::UnclassifiedRoute, "/a", at("src/other.rs", 3)),
    ] {
        let after = all(other, 0);
        assert_ne!(after[0], before[0]);
        assert_eq!(after[1..], before[1..]);
    }
}

/// Where the workspace is in its repository, and whether there is one, changes the paths alone.
#[test]
fn paths_are_the_repository_s_where_only_it_is_known() {
    let workspace = Workspace::new();
    let at = |workspace: &Workspace| {
        let document = sarif(workspace, &found());
        let location = &document["runs"][0]["results"][0]["locations"][0];
        location["physicalLocation"]["artifactLocation"].clone()
    };
    assert_eq!(
        at(&workspace),
        json!({ "uri": "backend/src/my%20routes%2C%20%C3%A9.rs", "uriBaseId": "%SRCROOT%" })
    );
    std::fs::remove_dir(workspace.folder.path().join(".git")).expect("removed");
    assert_eq!(
        at(&workspace),
        json!({ "uri": "src/my%20routes%2C%20%C3%A9.rs", "uriBaseId": "%SRCROOT%" })
    );
}
