//! `unaudited-router`, of what this build leaves out: a feature that is off or a target that is
//! another keeps a router from the audit, and nothing else would say so.
//!
//! What the same function registers in this build as well is not missing: `#[cfg(unix)]` and
//! `#[cfg(windows)]` may each have their own.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use session_auth::Methods;
use session_auth::audit::{Finding, Severity};

use super::{Found, label, unaudited_router};
use crate::source::attributes;
use crate::source::graph::{Site, What};
use crate::source::scan::Scan;
use crate::source::tables::{FnId, Function, Place};

/// A function of another build.
struct LeftOut<'s> {
    function: &'s Function,
    /// What it registers there, by place.
    sites: BTreeMap<&'s Place, &'s Site>,
}

pub(super) fn check(now: &Scan<'_>, any_build: &Scan<'_>) -> Vec<Found> {
    let present: HashSet<&Place> = now.graph.sites.iter().map(|site| &site.place).collect();
    let same: HashSet<_> = now.sites().map(|site| what(now, site)).collect();
    let sites = any_build
        .sites()
        .filter(|site| !present.contains(&site.place) && !same.contains(&what(any_build, site)));
    let sites: Vec<&Site> = sites.collect();
    let audited: BTreeSet<_> = audits(now).flat_map(|(_, keys)| keys).collect();
    let routers: Vec<FnId> = audits(any_build)
        .filter(|(_, keys)| !keys.iter().any(|key| audited.contains(key)))
        .map(|(function, _)| function)
        .collect();
    let reached = any_build.graph.reach(&routers);
    let routers = routers.iter().enumerate().filter(|(at, function)| {
        // `audited_router!(admin = admin::router())` beside that function: one of them is enough.
        let mut reached = sites.iter().flat_map(|site| &reached[site.node]);
        any_build.tables.functions[**function].in_program() || reached.all(|(root, _)| root != at)
    });
    let routers: Vec<_> = routers.map(|(_, function)| (*function, None)).collect();
    let sites = sites
        .into_iter()
        .map(|site| (any_build.graph.function(site), Some(site)));
    let left_out: Vec<(FnId, Option<&Site>)> = sites.chain(routers).collect();
    // A module that a library and a program share is read for each: it is the same line.
    let mut by_place: BTreeMap<&Place, LeftOut<'_>> = BTreeMap::new();
    for (function, site) in left_out {
        let function = &any_build.tables.functions[function];
        let one = by_place.entry(&function.place).or_insert(LeftOut {
            function,
            sites: BTreeMap::new(),
        });
        one.sites.extend(site.map(|site| (&site.place, site)));
    }
    let whole: HashSet<_> = now.tables.functions.iter().map(|one| &one.place).collect();
    by_place
        .into_values()
        .map(|one| one.found(!whole.contains(&one.function.place)))
        .collect()
}

/// The audited routers: each by its path, and by its place, which the targets of a package share.
fn audits<'s>(
    scan: &'s Scan<'_>,
) -> impl Iterator<Item = (FnId, [(&'s str, Option<&'s Place>); 2])> {
    let functions = scan.tables.functions.iter().enumerate();
    functions.filter_map(|(id, function)| {
        let name = function.audits.as_deref()?;
        let audited = scan.is_compiled_into_tests(function);
        let keys = [
            (function.path.as_str(), None),
            (name, Some(&function.place)),
        ];
        audited.then_some((id, keys))
    })
}

/// What a function registers, without the place.
fn what(scan: &Scan<'_>, site: &Site) -> (String, &'static str, Option<String>, Vec<&'static str>) {
    let methods = unaudited_router::all_methods(site).map(Methods::names);
    (
        scan.function(site).path.clone(),
        kind(&site.what),
        site.path.as_deref().map(|path| site.under.path(path)),
        methods.unwrap_or_default(),
    )
}

fn kind(what: &What) -> &'static str {
    match what {
        What::Fallback | What::FallbackService => "a fallback",
        What::NestService => "a service",
        What::Nest { .. } => "a router",
        What::Foreign(_) => "routes of another crate",
        What::Macro(_) => "routes of a macro",
        What::Route | What::Mount | What::RouteService => "",
    }
}

impl LeftOut<'_> {
    fn found(&self, whole: bool) -> Found {
        let Function {
            path: name,
            place,
            conditions,
            audits,
            ..
        } = self.function;
        let first = self.sites.first_key_value().map(|(_, site)| *site);
        let at = match first {
            Some(site) if !whole => &site.place,
            _ => place,
        };
        let (registers, methods, path) = self.registers();
        let here = format!("({}:{})", at.file, at.line);
        let subject = match audits {
            Some(_) if whole => format!("the audited router `{name}` {here}"),
            _ => format!("`{name}` registers {registers} {here}, which"),
        };
        let condition = if conditions.is_empty() {
            "its `cfg`".to_owned()
        } else {
            format!("`{}`", conditions.join("`, `"))
        };
        let message = format!(
            "{subject} is left out of this build by {condition}: no audit of this run has it"
        );
        let help = format!(
            "run the audit in a build that has it: with `--features ..` or `--all-features`, or on \
             the target that it is for; if another run does, or none has to, say so in \
             [workspace.metadata.route-audit]: `unaudited = [{{ function = \"{name}\", left_out = \
             true, reason = \"…\" }}]`"
        );
        Found {
            function: Some(name.clone()),
            left_out: true,
            finding: Finding {
                severity: Severity::Error,
                code: unaudited_router::RULE.code.to_owned(),
                message,
                help,
                methods,
                path,
                file: at.file.clone(),
                line: at.line,
            },
        }
    }

    /// In words; of a single route, its methods and path.
    fn registers(&self) -> (String, Vec<String>, Option<String>) {
        let mut sites = self.sites.values();
        let Some(site) = sites.next() else {
            return (String::new(), Vec::new(), None);
        };
        let path = site.path.as_deref().map(|path| site.under.path(path));
        let methods: Vec<String> = match site.what {
            What::Fallback | What::FallbackService => vec!["FALLBACK".to_owned()],
            _ => {
                let methods = site.entries.iter().map(|entry| entry.methods);
                let methods = methods.fold(None, attributes::or).map(Methods::names);
                let names = methods.unwrap_or_default();
                names.into_iter().map(str::to_owned).collect()
            }
        };
        let words = match (kind(&site.what), &path) {
            ("", _) => label(&methods, path.as_deref()),
            (kind, Some(path)) => format!("{kind} under {path}"),
            (kind, None) => kind.to_owned(),
        };
        match sites.count() {
            0 => (words, methods, path),
            more => (format!("{words} and {more} more"), Vec::new(), None),
        }
    }
}
