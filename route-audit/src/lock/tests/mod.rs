//! The text of a lock, which change opens a route, and that nothing of a lock goes missing.

mod of_audits;
mod of_changes;
mod of_locks;
mod of_text;

use super::terms::Terms;
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
fn terms(class_and_terms: &str) -> Terms {
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

const SERVICE: [&str; 6] = [
    "public POST /api/waitlist/signup web/routes reason=\"signup form; visitors have no account\"",
    "webhook POST /webhooks/postmark/delivery web/routes verify=postmark expect_every=6h",
    "session GET|POST /api/me web/routes",
    "public ANY /assets/** web/routes reason=assets",
    "session FALLBACK - web/routes",
    "session GET /metrics admin/ops scope=ops",
];
