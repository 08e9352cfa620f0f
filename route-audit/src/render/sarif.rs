//! SARIF 2.1.0, for code scanning: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>.

use std::collections::HashMap;

use serde_json::{Value, json};
use session_auth::Declaration;
use session_auth::audit::{Code, Severity, Subject};
use sha2::{Digest, Sha256};

use super::json;
use super::output::Output;
use super::place::Place;
use super::rules::{self, Rule};
use crate::audit::Audit;
use crate::error::CannotRun;
use crate::finding::Finding;
use crate::visible::visible;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The top of the repository, which is for the reader to know.
const ROOT: &str = "%SRCROOT%";

pub(super) fn check(audit: &Audit, output: &Output<'_>) -> Result<String, CannotRun> {
    let mut seen = HashMap::new();
    let results: Vec<Value> = audit
        .findings()
        .iter()
        .map(|finding| result(finding, audit, &mut seen, output))
        .collect();
    json::document(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "route-audit",
                    "version": env!("CARGO_PKG_VERSION"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules::all().map(|rule| descriptor(&rule)).collect::<Vec<_>>(),
                }
            },
            "invocations": [{ "executionSuccessful": true }],
            "originalUriBaseIds": {
                ROOT: { "description": { "text": "The top of the repository" } }
            },
            "results": results,
        }]
    }))
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "shortDescription": { "text": message(&rule.short) },
        "fullDescription": { "text": message(&rule.full) },
        "help": {
            "text": message(rule.help),
            // The same, where a viewer renders it: GitHub does.
            "markdown": braces(rule.help),
        },
        "defaultConfiguration": { "level": level(rule.code.severity()) },
        "properties": { "tags": ["security"] },
    })
}

fn result(
    finding: &Finding,
    audit: &Audit,
    seen: &mut HashMap<String, usize>,
    output: &Output<'_>,
) -> Value {
    let (code, subject) = (finding.code(), finding.subject());
    let identity = identity(code, &subject);
    let nth = seen.entry(identity.clone()).or_default();
    *nth += 1;
    let fingerprint = format!("{identity}:{nth}");
    let text = format!(
        "{}\nhelp: {}",
        visible(&finding.message()),
        visible(&finding.help())
    );
    let mut result = json!({
        "ruleId": code,
        "ruleIndex": Code::ALL.iter().position(|known| *known == code),
        "level": level(finding.severity()),
        "message": { "text": message(&text) },
        "locations": location(&subject, output),
        "partialFingerprints": {
            // The only one that GitHub reads. It would make its own from the text of the line,
            // which is one for all the routes of a router.
            "primaryLocationLineHash": fingerprint,
            "routeAudit/v1": fingerprint,
        },
    });
    if let Some(declaration) = declared(audit, &subject) {
        // Who may call it, beside what is wrong with it (section 3.8).
        result["properties"] = json!({
            "class": declaration.class().as_str(),
            "by": declaration.by().map(visible),
        });
    }
    result
}

/// What the route that a finding is about says of itself, if it is one route that says something.
fn declared<'a>(audit: &'a Audit, subject: &Subject) -> Option<&'a Declaration> {
    let mut found = audit.routes.iter().filter(|route| {
        route.subject.path == subject.path
            && !route.subject.methods.overlap(subject.methods).is_empty()
    });
    match (found.next(), found.next()) {
        (Some(route), None) => route.declaration.as_ref(),
        _ => None,
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn location(subject: &Subject, output: &Output<'_>) -> Value {
    let artifact = match output.places.in_repository(&subject.place.file) {
        Place::Inside(path) => json!({ "uri": encode(&path), "uriBaseId": ROOT }),
        // `C:/a` has no slash before it.
        Place::Outside(path) => {
            json!({ "uri": format!("file:///{}", encode(path.trim_start_matches('/'))) })
        }
    };
    json!([{ "physicalLocation": {
        "artifactLocation": artifact,
        "region": { "startLine": subject.place.line },
    } }])
}

/// A path as the path of a URI (RFC 3986, section 3.3). A colon is escaped too: before the first
/// slash of a relative reference it would end a scheme.
fn encode(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// A message string: no argument, and no link (section 3.11.6).
fn message(text: &str) -> String {
    braces(text).replace("](", "] (")
}

/// Braces doubled, for single ones hold the number of an argument (section 3.11.5).
fn braces(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// A hash of what makes it the same finding after the code around it has changed: neither its line nor
/// its message, which may name lines. Those that are alike are told apart by their number; audits
/// sort their findings.
fn identity(code: Code, subject: &Subject) -> String {
    let identity = (
        code.as_str(),
        subject.methods.names(),
        subject.listed_path(),
        &subject.place.file,
    );
    let digest = Sha256::digest(format!("{identity:?}"));
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
