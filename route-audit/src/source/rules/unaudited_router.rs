//! `unaudited-router`: the source registers a route that no audited router has.

use session_auth::Methods;

use super::{Report, Rule, audit_it, label, or_except, unless_fine_elsewhere};
use crate::source::attributes;
use crate::source::graph::{Site, What};
use crate::source::scan::Scan;
use crate::source::tables::{Function, Kind};

pub(super) const RULE: Rule = Rule {
    code: "unaudited-router",
    check,
};

/// Why no audited router has it.
enum Missing {
    /// No audited router leads to the function.
    Unreached(Option<Methods>),
    /// One does, and mounts no such route.
    LeftOut(Option<Methods>),
}

fn check(scan: &Scan<'_>, report: &mut Report<'_>) {
    let judged = scan
        .sites()
        .filter(|site| !matches!(site.what, What::Foreign(_) | What::Macro(_)))
        .map(|site| (site, missing(scan, site)));
    for (site, missing) in unless_fine_elsewhere(judged) {
        let function = scan.function(site);
        let path = site.path.as_deref().map(|path| site.under.path(path));
        let (methods, left_out) = match missing {
            Missing::Unreached(methods) => (methods, false),
            Missing::LeftOut(methods) => (methods, true),
        };
        let fallback = matches!(site.what, What::Fallback | What::FallbackService);
        let methods: Vec<String> = if fallback {
            vec!["FALLBACK".to_owned()]
        } else {
            let names = methods.map(Methods::names).unwrap_or_default();
            names.into_iter().map(str::to_owned).collect()
        };
        let what = match site.what {
            What::Fallback | What::FallbackService => "a fallback".to_owned(),
            What::NestService => match &path {
                Some(path) => format!("a service under {path}"),
                None => "a service under a path that is no constant".to_owned(),
            },
            What::Nest { .. } => match &path {
                Some(path) => format!("an audited router under {path}"),
                None => "an audited router under a path that is no constant".to_owned(),
            },
            _ => label(&methods, path.as_deref()),
        };
        let (name, place) = (&function.path, &site.place);
        let at = format!("{}:{}", place.file, place.line);
        let message = if left_out {
            format!(
                "`{name}` registers {what} ({at}), but the audited router that it is part of does \
                 not have it: another configuration may"
            )
        } else {
            format!("`{name}` registers {what} ({at}), which no audited router has")
        };
        report.add(
            Some(name),
            place,
            (methods, path),
            message,
            help(scan, site, function, left_out),
        );
    }
}

fn help(scan: &Scan<'_>, site: &Site, function: &Function, left_out: bool) -> String {
    let name = &function.name;
    let except = or_except(&function.path);
    if left_out {
        return format!(
            "audit the configuration that has it as well: \
             `session_auth::audit::audited_router!(name = ..)` with the arguments that turn it on; \
             {except}"
        );
    }
    if scan.is_unreported_root(function) {
        return format!(
            "`{name}` has `#[audited_router]`, but its `cfg` leaves it out of the tests, where it \
             would be audited: take away the `cfg`; {except}"
        );
    }
    if matches!(site.what, What::Nest { .. }) {
        return format!(
            "its routes are declared and audited without that prefix: nest it in a router that is \
             audited, and declare the whole paths; {except}"
        );
    }
    let returns_router = scan.tables.kind_of_output(function) == Kind::Router;
    format!("{}; {except}", audit_it(function, returns_router))
}

fn missing(scan: &Scan<'_>, site: &Site) -> Option<Missing> {
    let mountings: Vec<_> = scan.mountings(site).collect();
    if mountings.is_empty() {
        return unreached(scan, site).then(|| Missing::Unreached(all_methods(site)));
    }
    // What may not be compiled may be missing; what is behind a service shows in no report, and
    // then the service is what needs a class.
    let is_nest = matches!(site.what, What::Nest { .. });
    if is_nest || !site.certain || mountings.iter().any(|mounting| mounting.opaque) {
        return None;
    }
    let fallback = matches!(site.what, What::Fallback | What::FallbackService);
    let missing: Vec<_> = Scan::methods(site)
        .into_iter()
        .filter(|methods| {
            let wanted = Scan::wanted(site, *methods);
            !mountings.iter().any(|mounting| match &mounting.path {
                None if !fallback => true,
                path => {
                    let path = path.as_deref().unwrap_or_default();
                    let found = scan
                        .mounts
                        .find(mounting.report, path, mounting.exact, wanted);
                    !found.is_empty()
                }
            })
        })
        .collect();
    let some = !missing.is_empty();
    some.then(|| Missing::LeftOut(missing.into_iter().fold(None, attributes::or)))
}

fn unreached(scan: &Scan<'_>, site: &Site) -> bool {
    let reports = scan.reports_of(scan.package(site));
    if let What::Nest { edges } = &site.what {
        // Its routes are registered where they are registered; what is new is the prefix.
        let audited = edges.iter().any(|node| scan.is_reached(*node));
        let prefix = site.path.as_deref().map(|path| site.under.path(path));
        let known = prefix
            .is_some_and(|prefix| reports.iter().any(|at| scan.mounts.any_below(*at, &prefix)));
        return audited && !known;
    }
    let fallback = matches!(site.what, What::Fallback | What::FallbackService);
    let path = match &site.path {
        Some(path) => site.under.path(path),
        None if fallback => String::new(),
        None => return true,
    };
    let explained = |methods| {
        let wanted = Scan::wanted(site, methods);
        reports.iter().any(|at| scan.explains(*at, &path, wanted))
    };
    !Scan::methods(site).into_iter().all(explained)
}

pub(super) fn all_methods(site: &Site) -> Option<Methods> {
    let methods = site.entries.iter().map(|entry| entry.methods);
    methods.fold(None, attributes::or)
}
