//! `wrong-handler`: a plain router mounts another function on a method and path than the one that
//! declared it. The layer goes by method and path, so that function would inherit the class.

use std::collections::BTreeSet;

use session_auth::Methods;
use session_auth::audit::{Class, RouteRecord};

use super::{Report, Rule, label};
use crate::source::graph::{Entry, Handler, Site, What};
use crate::source::scan::Scan;
use crate::source::tables::FnId;

pub(super) const RULE: Rule = Rule {
    code: "wrong-handler",
    check,
};

/// What `declare_route!` puts in the place of a handler: any is meant.
const BY_MACRO: &str = "declare_route! at ";

fn check(scan: &Scan<'_>, report: &mut Report<'_>) {
    let declared: Vec<_> = (0..scan.reports.len())
        .map(|at| scan.declared(at))
        .collect();
    let mut seen = BTreeSet::new();
    for site in scan.sites() {
        let fallback = site.what == What::Fallback;
        if !fallback && !matches!(site.what, What::Route | What::RouteService) {
            continue;
        }
        let paths = paths(scan, site);
        if paths.is_empty() {
            continue;
        }
        let own = scan.reports_of(scan.package(site)).iter().copied();
        let linked = scan.mountings(site).map(|mounting| mounting.report);
        let reports: BTreeSet<usize> = linked.chain(own).collect();
        for path in &paths {
            for entry in &site.entries {
                let records: Vec<&RouteRecord> = reports
                    .iter()
                    .flat_map(|at| declared[*at].get(&path.as_deref()).into_iter().flatten())
                    .copied()
                    .collect();
                let judged = if fallback {
                    vec![(vec!["FALLBACK".to_owned()], records)]
                } else {
                    by_method(&records, entry.methods)
                };
                for (methods, records) in judged {
                    let key = (site.place.clone(), methods.clone(), path.clone());
                    match verdict(scan, &records, entry) {
                        Verdict::Wrong(record) if seen.insert(key.clone()) => {
                            wrong(scan, report, site, entry, (methods, path.clone()), record);
                        }
                        Verdict::Unknown(record) if seen.insert(key.clone()) => {
                            unknown(scan, report, site, (methods, path.clone()), record);
                        }
                        Verdict::Reexported(record) if seen.insert(key) => report.notes.push(format!(
                            "{}:{}: whether {} is served by `{}`, which declares it, cannot be told",
                            site.place.file,
                            site.place.line,
                            label(&methods, path.as_deref()),
                            record.handler.as_deref().unwrap_or_default(),
                        )),
                        _ => {}
                    }
                }
            }
        }
    }
}

/// The paths that the registration has in the audited routers; of one that is in none, as it is
/// written. A fallback has `None`.
fn paths(scan: &Scan<'_>, site: &Site) -> BTreeSet<Option<String>> {
    if site.what == What::Fallback {
        let opaque = scan.mountings(site).any(|mounting| mounting.opaque);
        return (!opaque).then_some(None).into_iter().collect();
    }
    let mut paths = BTreeSet::new();
    let mut reached = false;
    for mounting in scan.mountings(site) {
        reached = true;
        match mounting.path {
            Some(path) if mounting.exact && !mounting.opaque => drop(paths.insert(Some(path))),
            Some(path) if !mounting.opaque => {
                // The routers know the prefix; if only one of their paths ends in this.
                let ends: BTreeSet<_> = Scan::methods(site)
                    .into_iter()
                    .flat_map(|methods| {
                        let wanted = Scan::wanted(site, methods);
                        scan.mounts.find(mounting.report, &path, false, wanted)
                    })
                    .filter_map(|at| scan.reports[mounting.report].mounted[at].path.clone())
                    .collect();
                if ends.len() == 1 {
                    paths.extend(ends.into_iter().map(Some));
                }
            }
            _ => {}
        }
    }
    if !reached && let Some(path) = &site.path {
        paths.insert(Some(site.under.path(path)));
    }
    paths
}

/// The declarations that decide over each of the methods, as the layer takes them: a method's own
/// before one for any. Of methods that are not known, all that declare the path.
fn by_method<'a>(
    records: &[&'a RouteRecord],
    methods: Option<Methods>,
) -> Vec<(Vec<String>, Vec<&'a RouteRecord>)> {
    let Some(methods) = methods else {
        let names: BTreeSet<&String> = records.iter().flat_map(|one| &one.methods).collect();
        return vec![(names.into_iter().cloned().collect(), records.to_vec())];
    };
    let any: Vec<_> = records
        .iter()
        .copied()
        .filter(|record| record.methods == ["ANY"])
        .collect();
    let mut judged: Vec<(Vec<String>, Vec<&RouteRecord>)> = Vec::new();
    for method in methods.iter() {
        let name = method.names().join("");
        let serves = |record: &RouteRecord| {
            let has = |wanted: &str| record.methods.iter().any(|one| one == wanted);
            has(&name) || (name == "HEAD" && has("GET"))
        };
        let own: Vec<_> = records
            .iter()
            .copied()
            .filter(|record| serves(record))
            .collect();
        let deciding = if own.is_empty() { any.clone() } else { own };
        match judged.iter_mut().find(|(_, records)| *records == deciding) {
            Some((methods, _)) => methods.push(name),
            None => judged.push((vec![name], deciding)),
        }
    }
    judged
}

enum Verdict<'a> {
    Right,
    /// A function of its name, by another path into the same crate, whose source is not read.
    Reexported(&'a RouteRecord),
    /// The text does not show what is mounted. It may be any function, and would inherit the class.
    Unknown(&'a RouteRecord),
    Wrong(&'a RouteRecord),
}

fn verdict<'a>(scan: &Scan<'_>, records: &[&'a RouteRecord], entry: &Entry) -> Verdict<'a> {
    // Subtrees and other packages' inline declarations have no function either.
    let handlers: Vec<&str> = records
        .iter()
        .filter_map(|record| record.handler.as_deref())
        .collect();
    let (Some(record), false) = (
        records.first(),
        handlers.iter().any(|handler| handler.starts_with(BY_MACRO)),
    ) else {
        return Verdict::Right;
    };
    let is_declared = |ids: &[FnId]| {
        let mut functions = ids.iter().map(|id| &scan.tables.functions[*id]);
        functions.any(|one| handlers.iter().any(|handler| scan.is_same(one, handler)))
    };
    match &entry.handler {
        Handler::Functions(ids) if is_declared(ids) => Verdict::Right,
        Handler::Functions(_) | Handler::Closure | Handler::Value => Verdict::Wrong(record),
        Handler::Foreign(path) => {
            let ends = |handler: &str| {
                let mut names = handler.split("::");
                let (first, last) = (names.next(), names.last());
                (first, last)
                    == (
                        path.first().map(String::as_str),
                        path.last().map(String::as_str),
                    )
            };
            let has_name =
                |handler: &&str| handler.rsplit("::").next() == path.last().map(String::as_str);
            if handlers.contains(&path.join("::").as_str()) {
                Verdict::Right
            } else if handlers.iter().any(|handler| ends(handler)) {
                Verdict::Reexported(record)
            } else if handlers.iter().any(has_name) {
                // Another crate may re-export it, or have one of its own.
                Verdict::Unknown(record)
            } else {
                Verdict::Wrong(record)
            }
        }
        // A wrapper, or what makes the handler, has it from somewhere.
        Handler::Unknown(named) if is_declared(&scan.led_to(named)) => Verdict::Right,
        Handler::Unknown(_) => Verdict::Unknown(record),
    }
}

fn wrong(
    scan: &Scan<'_>,
    report: &mut Report<'_>,
    site: &Site,
    entry: &Entry,
    route: (Vec<String>, Option<String>),
    record: &RouteRecord,
) {
    let mounted = match &entry.handler {
        Handler::Functions(ids) => {
            let first = ids
                .first()
                .map(|id| scan.tables.functions[*id].path.as_str());
            format!("`{}`", first.unwrap_or_default())
        }
        Handler::Foreign(path) => format!("`{}`", path.join("::")),
        Handler::Closure => "a closure".to_owned(),
        Handler::Value | Handler::Unknown(_) => "another value".to_owned(),
    };
    let declared = record.handler.as_deref().unwrap_or_default();
    let what = what(&route);
    let class = class(record);
    let message = format!(
        "{what} is declared by `{declared}` ({}:{}), but `{}` mounts {mounted} on it, which would \
         inherit the class `{class}`",
        record.file,
        record.line,
        scan.function(site).path,
    );
    let target = target(&route);
    let help = format!(
        "mount `{declared}`, or remove its attribute and declare what is mounted: by an attribute \
         on it, or by `session_auth::declare_route!({class}_route({target}, ..))`"
    );
    report.add(None, &site.place, route, message, help);
}

fn unknown(
    scan: &Scan<'_>,
    report: &mut Report<'_>,
    site: &Site,
    route: (Vec<String>, Option<String>),
    record: &RouteRecord,
) {
    let (what, class, target) = (what(&route), class(record), target(&route));
    let declared = record.handler.as_deref().unwrap_or_default();
    let message = format!(
        "{what} is declared by `{declared}` ({}:{}), but whether that is what `{}` mounts on it \
         cannot be told: another function would inherit the class `{class}`",
        record.file,
        record.line,
        scan.function(site).path,
    );
    let help = format!(
        "mount `{declared}` by its name; or, if whatever is mounted there is meant, say so with \
         `session_auth::declare_route!({class}_route({target}, ..))`"
    );
    report.add(None, &site.place, route, message, help);
}

fn what(route: &(Vec<String>, Option<String>)) -> String {
    match &route.1 {
        None => "the fallback".to_owned(),
        path => label(&route.0, path.as_deref()),
    }
}

/// What `declare_route!` takes.
fn target(route: &(Vec<String>, Option<String>)) -> String {
    match &route.1 {
        None => "FALLBACK".to_owned(),
        Some(path) => format!("{}, {path:?}", route.0.join(" | ")),
    }
}

fn class(record: &RouteRecord) -> &'static str {
    match record.class {
        Some(Class::Public) => "public",
        Some(Class::Webhook) => "webhook",
        Some(Class::Session) => "session",
        _ => "none",
    }
}
