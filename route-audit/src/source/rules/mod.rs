//! The rules that need the source, one file each. What they find has the form of every finding.

mod left_out;
mod opaque_mount;
mod unaudited_router;
mod wrong_handler;

use std::collections::BTreeMap;

use session_auth::audit::{Finding, Severity};

use super::graph::Site;
use super::scan::Scan;
use super::tables::{Function, Place};

/// A finding, and the function that an exception would name.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// `None` where there are no exceptions.
    pub(super) function: Option<String>,
    /// Whether it is of what this build leaves out.
    pub(super) left_out: bool,
    pub(super) finding: Finding,
}

pub(super) struct Rule {
    pub(super) code: &'static str,
    check: fn(&Scan<'_>, &mut Report<'_>),
}

pub(super) const RULES: [Rule; 3] = [
    unaudited_router::RULE,
    opaque_mount::RULE,
    wrong_handler::RULE,
];

/// Where a rule puts what it finds.
struct Report<'o> {
    code: &'static str,
    out: &'o mut Vec<Found>,
    notes: &'o mut Vec<String>,
}

impl Report<'_> {
    fn add(
        &mut self,
        function: Option<&str>,
        at: &Place,
        route: (Vec<String>, Option<String>),
        message: String,
        help: String,
    ) {
        let (methods, path) = route;
        self.out.push(Found {
            function: function.map(str::to_owned),
            left_out: false,
            finding: Finding {
                severity: Severity::Error,
                code: self.code.to_owned(),
                message,
                help,
                methods,
                path,
                file: at.file.clone(),
                line: at.line,
            },
        });
    }
}

pub(super) fn run(scan: &Scan<'_>, notes: &mut Vec<String>) -> Vec<Found> {
    let mut out = Vec::new();
    for rule in &RULES {
        (rule.check)(
            scan,
            &mut Report {
                code: rule.code,
                out: &mut out,
                notes,
            },
        );
    }
    out
}

/// What another build registers and this one leaves out.
pub(super) fn left_out(now: &Scan<'_>, any_build: &Scan<'_>) -> Vec<Found> {
    left_out::check(now, any_build)
}

/// A module that a library and a program share is read for each. What one of them audits is
/// audited: it is the same line.
fn unless_fine_elsewhere<'s, T>(
    judged: impl Iterator<Item = (&'s Site, Option<T>)>,
) -> Vec<(&'s Site, T)> {
    let mut by_place: BTreeMap<&Place, (&Site, Option<T>)> = BTreeMap::new();
    for (site, verdict) in judged {
        by_place
            .entry(&site.place)
            .and_modify(|(_, known)| {
                if verdict.is_none() {
                    *known = None;
                }
            })
            .or_insert((site, verdict));
    }
    by_place
        .into_values()
        .filter_map(|(site, verdict)| Some((site, verdict?)))
        .collect()
}

/// `GET | POST /x`; what is not known is left out.
fn label(methods: &[String], path: Option<&str>) -> String {
    match (methods, path) {
        ([], None) => "a route whose path is no constant".to_owned(),
        ([], Some(path)) => path.to_owned(),
        (methods, None) => format!("{} of a path that is no constant", methods.join(" | ")),
        (methods, Some(path)) => format!("{} {path}", methods.join(" | ")),
    }
}

/// How to have a function audited.
fn audit_it(function: &Function, returns_router: bool) -> String {
    let name = &function.name;
    let path = &function.path;
    let in_crate = path
        .split_once("::")
        .map_or(path.as_str(), |(_, rest)| rest);
    if !returns_router {
        format!(
            "move the router out of `{name}` into a function that returns it, with \
             `#[audited_router]`, or merge it into a router that is audited"
        )
    } else if function.parameters.is_empty() && !function.is_async && function.self_type.is_none() {
        format!("put `#[audited_router]` on `{name}`, or merge its router into one that is audited")
    } else {
        format!(
            "add `session_auth::audit::audited_router!({} = crate::{in_crate}(..));` with the \
             arguments of a test, or merge its router into one that is audited",
            name.to_lowercase()
        )
    }
}

/// The exception to paste.
fn or_except(function: &str) -> String {
    format!(
        "if it is meant to stay outside, say why in [workspace.metadata.route-audit]: \
         `unaudited = [{{ function = \"{function}\", reason = \"…\" }}]`"
    )
}
