//! The rules, one file each.
//!
//! A rule looks at a [`View`] and adds findings; it neither prints nor decides an exit code.

mod conflicting_declaration;
mod expired_exemption;
mod opaque_mount;
mod unclassified_route;
mod unmonitored_webhook;
mod unmounted_declaration;

#[cfg(test)]
pub(super) mod tests;

use super::report::{Finding, RouteRecord, RouterRecord, Severity};
use super::view::{Scope, View};
use crate::access::Methods;

/// A rule and what it is called.
#[derive(Clone)]
pub(super) struct Rule {
    pub(super) code: &'static str,
    severity: Severity,
    /// The least that it has to see: what one router does not mount, another may.
    needs: Scope,
    check: fn(&View<'_>, &mut Report<'_>),
}

/// Every rule of the library. `route-audit` adds those that need the source or the lock.
pub(super) const RULES: [Rule; 6] = [
    unclassified_route::RULE,
    opaque_mount::RULE,
    conflicting_declaration::RULE,
    unmounted_declaration::RULE,
    expired_exemption::RULE,
    unmonitored_webhook::RULE,
];

/// Where a rule puts what it finds.
struct Report<'o> {
    rule: &'o Rule,
    out: &'o mut Vec<Finding>,
}

/// A place for a finding.
struct Place<'a> {
    methods: Vec<String>,
    path: Option<&'a str>,
    file: &'a str,
    line: u32,
}

impl Report<'_> {
    fn add(&mut self, at: Place<'_>, message: String, help: String) {
        self.out.push(Finding {
            severity: self.rule.severity,
            code: self.rule.code.to_owned(),
            message,
            help,
            methods: at.methods,
            path: at.path.map(str::to_owned),
            file: at.file.to_owned(),
            line: at.line,
        });
    }
}

/// What the rules find: errors first, each finding once, in an order that depends on nothing else.
pub(super) fn run(rules: &[Rule], view: &View<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for rule in rules {
        if rule.needs == Scope::Workspace && view.scope == Scope::OneRouter {
            continue;
        }
        (rule.check)(
            view,
            &mut Report {
                rule,
                out: &mut out,
            },
        );
    }
    out.sort();
    out.dedup();
    out
}

/// At the declaration.
fn at_declaration(record: &RouteRecord) -> Place<'_> {
    Place {
        methods: record.methods.clone(),
        path: record.path.as_deref(),
        file: &record.file,
        line: record.line,
    }
}

/// At the audited router, for what has no declaration.
fn at_router<'a>(router: &'a RouterRecord, methods: &[String], path: Option<&'a str>) -> Place<'a> {
    Place {
        methods: methods.to_vec(),
        path,
        file: &router.file,
        line: router.line,
    }
}

/// ``router `routes` ``; a router that a test passes by value has no name.
fn called(router: &RouterRecord) -> String {
    if router.name.is_empty() {
        "the router".to_owned()
    } else {
        format!("router `{}`", router.name)
    }
}

/// The same of several: ``routers `a`, `b` and `c` ``.
fn called_together(routers: &[&RouterRecord]) -> String {
    match routers {
        [router] => called(router),
        [] => "no router".to_owned(),
        [others @ .., last] => {
            let others: Vec<_> = others.iter().map(|one| format!("`{}`", one.name)).collect();
            format!("routers {} and `{}`", others.join(", "), last.name)
        }
    }
}

/// `GET | POST /x`, `FALLBACK`.
fn label(methods: &[String], path: Option<&str>) -> String {
    let methods = methods.join(" | ");
    match path {
        Some(path) => format!("{methods} {path}"),
        None => methods,
    }
}

fn names(methods: Methods) -> Vec<String> {
    methods.names().into_iter().map(str::to_owned).collect()
}

/// The attributes to choose from, ready to paste.
fn attributes(methods: &str, path: &str) -> String {
    format!(
        "add `#[public_route({methods}, {path:?}, reason = \"…\")]`, \
         `#[webhook_route({methods}, {path:?}, verify = \"…\")]` or \
         `#[session_route({methods}, {path:?})]` to its handler"
    )
}

const FALLBACK_ATTRIBUTES: &str = "add `#[session_route(FALLBACK)]` or \
     `#[public_route(FALLBACK, reason = \"…\")]` to the fallback handler";
