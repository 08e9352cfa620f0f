//! SARIF, and the schema of the standard.

use std::collections::BTreeSet;

use expect_test::expect;
use jsonschema::Validator;
use serde_json::{Value, json};
use session_auth::audit::{Audit, Finding};

use super::{Format, Workspace, assert_valid, clean, found, validator};

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
    let mut odd = found();
    odd.findings[0].code = "brand-new".to_owned();
    odd.findings[1].file = String::new();
    odd.findings[2].line = 0;
    for audit in [found(), clean(), odd] {
        let document = sarif(&workspace, &audit);
        assert_valid(&schema, &document);
        let run = &document["runs"][0];
        let results = run["results"]
            .as_array()
            .expect("results, even if there are none");
        assert_eq!(results.len(), audit.findings.len());
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
              "text": "GET /legacy/{{id}} is mounted by router `routes` and has no access class\nhelp: add `#[session_route(GET, \"/legacy/{{id}}\")]` to its handler"
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
              "text": "GET /a|b/@team/<img src=x>] (https://evil.example)\\u{{1b}}[2J\\n::error::100% is declared as `public` and as `session`\nhelp: add `#[session_route(GET, \"/a|b/@team/<img src=x>] (https://evil.example)\\u{{1b}}[2J\\n::error::100%\")]` to its handler"
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
              "text": "GET /hook is a webhook without `expect_every`\nhelp: add `#[session_route(GET, \"/hook\")]` to its handler"
            },
            "partialFingerprints": {
              "primaryLocationLineHash": "0d3af8720f9c97d2:1",
              "routeAudit/v1": "0d3af8720f9c97d2:1"
            },
            "ruleId": "unmonitored-webhook",
            "ruleIndex": 5
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
            "text": "A router mounts a route that nobody gave an access class. On an `axum::Router` the layer holds it to the strictest class that a caller can meet, `session`: it answers `401` to everybody else, logs at ERROR and counts the request as unclassified. This crate's `Router` does not compile with it."
          },
          "help": {
            "markdown": "# unclassified-route\n\nSeverity: error.\n\n## What it means\n\nA router mounts a route that nobody gave an access class. On an `axum::Router` the layer holds it to\nthe strictest class that a caller can meet, `session`: it answers `401` to everybody else, logs at\nERROR and counts the request as unclassified. This crate's `Router` does not compile with it.\n\n## How it comes about\n\nSomeone adds a route and does not think of authentication, because nothing near the route asks about\nit. In the outage that this check is made for, six routes (a signup form, a mail provider's delivery\nwebhook, two help-desk webhooks, an event feed) were added after the list of exempt prefixes had\nbeen written. When the middleware was switched on they answered `401` for eight days. The form\nswallowed the error, the mail provider does not retry a 4xx, and no alarm watched either.\n\n## What to do\n\nSay on the handler who may call it:\n\n```rust\n#[public_route(POST, \"/api/waitlist/signup\", reason = \"signup form; visitors have no account\")]\n#[webhook_route(POST, \"/webhooks/postmark/delivery\", verify = \"postmark\")]\n#[session_route(GET, \"/api/me\")]\n```\n\nA closure or a service takes `public(..)`, `webhook(..)` or `session(..)`; a handler of another\ncrate takes `declare_route!`. Where the handler has an attribute already, compare its path with the\none that is mounted: the attribute holds the full path, with every `nest` prefix in it.\n",
            "text": "# unclassified-route\n\nSeverity: error.\n\n## What it means\n\nA router mounts a route that nobody gave an access class. On an `axum::Router` the layer holds it to\nthe strictest class that a caller can meet, `session`: it answers `401` to everybody else, logs at\nERROR and counts the request as unclassified. This crate's `Router` does not compile with it.\n\n## How it comes about\n\nSomeone adds a route and does not think of authentication, because nothing near the route asks about\nit. In the outage that this check is made for, six routes (a signup form, a mail provider's delivery\nwebhook, two help-desk webhooks, an event feed) were added after the list of exempt prefixes had\nbeen written. When the middleware was switched on they answered `401` for eight days. The form\nswallowed the error, the mail provider does not retry a 4xx, and no alarm watched either.\n\n## What to do\n\nSay on the handler who may call it:\n\n```rust\n#[public_route(POST, \"/api/waitlist/signup\", reason = \"signup form; visitors have no account\")]\n#[webhook_route(POST, \"/webhooks/postmark/delivery\", verify = \"postmark\")]\n#[session_route(GET, \"/api/me\")]\n```\n\nA closure or a service takes `public(..)`, `webhook(..)` or `session(..)`; a handler of another\ncrate takes `declare_route!`. Where the handler has an attribute already, compare its path with the\none that is mounted: the attribute holds the full path, with every `nest` prefix in it.\n"
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
    let mut audit = found();
    // Alike in all but their lines, as two declarations of one route are.
    audit.findings.push(Finding {
        line: 90,
        ..audit.findings[2].clone()
    });
    let before = fingerprints(&audit);
    let distinct: BTreeSet<_> = before.iter().collect();
    assert_eq!(distinct.len(), 4, "{before:?}");

    let mut moved = audit.clone();
    for finding in &mut moved.findings {
        finding.line += 7;
        finding.message.push_str(", at src/a.rs:12");
    }
    assert_eq!(fingerprints(&moved), before);

    let changes: [fn(&mut Finding); 4] = [
        |finding| finding.code = "opaque-mount".to_owned(),
        |finding| finding.path = Some("/other".to_owned()),
        |finding| finding.methods = vec!["POST".to_owned()],
        |finding| finding.file = "src/other.rs".to_owned(),
    ];
    for change in changes {
        let mut other = audit.clone();
        change(&mut other.findings[0]);
        let after = fingerprints(&other);
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
