//! The text of a lock, which change opens a route, and that nothing of a lock goes missing.

mod of_audits;
mod of_changes;
mod of_locks;
mod of_text;

use session_auth::Declaration;

use super::said::Said;
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

/// The declaration of a line such as `session  scope=admin`; of `none`, none.
#[track_caller]
fn terms(class_and_terms: &str) -> Option<Declaration> {
    if class_and_terms == "none" {
        return None;
    }
    let (class, terms) = class_and_terms
        .split_once(' ')
        .unwrap_or((class_and_terms, ""));
    let lock = lock(&[&format!("{class} POST /x web/routes {terms}")]);
    lock.lines()[0].said.map(|Said(said)| said.clone())
}

const SERVICE: [&str; 6] = [
    "public POST /api/waitlist/signup web/routes reason=\"signup form; visitors have no account\"",
    "webhook POST /webhooks/postmark/delivery web/routes verify=postmark expect_every=6h",
    "session GET|POST /api/me web/routes",
    "public ANY /assets/** web/routes reason=assets",
    "session FALLBACK - web/routes",
    "session GET /metrics admin/ops scope=ops",
];
