//! A place for what has no declaration: the call that registers it.

use std::collections::{BTreeMap, HashMap};

use session_auth::Methods;
use session_auth::audit::{Audit, Finding, RouteRecord};

use super::graph::{Handler, Site, What};
use super::mounts::Wanted;
use super::scan::Scan;
use super::tables::{Function, Place};

/// Moves the findings and routes that stand at an audited router, for want of a better place, to
/// the call that registers them, where that is one.
pub(super) fn place(scan: &Scan<'_>, audit: &mut Audit) {
    let index = Index::of(scan);
    let mut more = Vec::new();
    for finding in &mut audit.findings {
        let fallback = finding.methods == ["FALLBACK"];
        let subtree = finding
            .path
            .as_deref()
            .and_then(|path| path.strip_suffix("/**"));
        let wanted = match finding.code.as_str() {
            "unclassified-route" if fallback => Wanted::Fallback,
            "unclassified-route" => Wanted::Route(methods(&finding.methods)),
            "opaque-mount" if fallback => Wanted::Fallback,
            "opaque-mount" if subtree.is_some() => Wanted::Subtree,
            "opaque-mount" => Wanted::Service,
            _ => continue,
        };
        let path = match (subtree, &finding.path) {
            (Some(path), _) if wanted == Wanted::Subtree => path.to_owned(),
            (_, Some(path)) => path.clone(),
            (_, None) => String::new(),
        };
        let sites = index.find_all(scan, &finding.file, finding.line, &path, wanted);
        let unplaced = finding.clone();
        for (at, site) in sites.into_iter().enumerate() {
            if at == 0 {
                place_at(scan, finding, site, wanted);
            } else {
                let mut another = unplaced.clone();
                place_at(scan, &mut another, site, wanted);
                more.push(another);
            }
        }
    }
    audit.findings.extend(more);
    for route in audit
        .routes
        .iter_mut()
        .filter(|route| route.class.is_none())
    {
        unclassified(scan, &index, route);
    }
}

fn place_at(scan: &Scan<'_>, finding: &mut Finding, site: &Site, wanted: Wanted) {
    finding.file.clone_from(&site.place.file);
    finding.line = site.place.line;
    if finding.code != "unclassified-route" {
        return;
    }
    match handler(scan, site, wanted) {
        Some(Named::Function(function)) => {
            let Function { name, place, .. } = function;
            finding.message.push_str(&format!(" (handler `{name}`)"));
            finding.help = with_definition(&finding.help, name, place);
        }
        Some(Named::Closure) => finding.message.push_str(" (its handler is a closure)"),
        None => {}
    }
}

fn unclassified(scan: &Scan<'_>, index: &Index<'_>, route: &mut RouteRecord) {
    let subtree = route
        .path
        .as_deref()
        .and_then(|path| path.strip_suffix("/**"));
    let (path, wanted) = match (subtree, &route.path) {
        _ if route.methods == ["FALLBACK"] => (String::new(), Wanted::Fallback),
        (Some(path), _) => (path.to_owned(), Wanted::Subtree),
        (None, Some(path)) => (path.clone(), Wanted::Route(methods(&route.methods))),
        (None, None) => return,
    };
    let Some(site) = index.find(scan, &route.file, route.line, &path, wanted) else {
        return;
    };
    route.file.clone_from(&site.place.file);
    route.line = site.place.line;
    if let Some(Named::Function(function)) = handler(scan, site, wanted) {
        route.handler = Some(function.path.clone());
    }
}

/// The attributes go on the handler: say where that is.
fn with_definition(help: &str, name: &str, place: &Place) -> String {
    let at = format!("`{name}` ({}:{})", place.file, place.line);
    for end in ["to its handler", "to the fallback handler"] {
        if let Some(start) = help.strip_suffix(end) {
            return format!("{start}{end} {at}");
        }
    }
    format!("{help}; its handler is {at}")
}

fn methods(names: &[String]) -> Option<Methods> {
    let known = names.iter().filter_map(|name| Methods::from_name(name));
    known.reduce(Methods::or)
}

enum Named<'a> {
    Function(&'a Function),
    Closure,
}

fn handler<'a>(scan: &'a Scan<'_>, site: &Site, wanted: Wanted) -> Option<Named<'a>> {
    let entry = site.entries.iter().find(|entry| match wanted {
        Wanted::Route(methods) => meet(entry.methods, methods),
        _ => true,
    })?;
    match &entry.handler {
        Handler::Functions(ids) => ids
            .first()
            .map(|id| Named::Function(&scan.tables.functions[*id])),
        Handler::Closure => Some(Named::Closure),
        _ => None,
    }
}

fn meet(a: Option<Methods>, b: Option<Methods>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.iter().any(|one| b.iter().any(|other| one == other)),
        _ => true,
    }
}

/// The registrations by path: those whose whole path is known, and those of which its end is.
struct Index<'s> {
    whole: HashMap<(usize, String), Vec<&'s Site>>,
    ends: HashMap<(usize, String), Vec<&'s Site>>,
}

impl<'s> Index<'s> {
    fn of(scan: &'s Scan<'_>) -> Self {
        let mut index = Self {
            whole: HashMap::new(),
            ends: HashMap::new(),
        };
        for site in scan.sites() {
            for mounting in scan.mountings(site).filter(|mounting| !mounting.opaque) {
                let fallback = matches!(site.what, What::Fallback | What::FallbackService);
                let path = match mounting.path {
                    _ if fallback => String::new(),
                    Some(path) => path,
                    None => continue,
                };
                let into = if mounting.exact {
                    &mut index.whole
                } else {
                    &mut index.ends
                };
                into.entry((mounting.report, path)).or_default().push(site);
            }
        }
        index
    }

    /// The one registration of this in the audited router at that place.
    fn find(
        &self,
        scan: &Scan<'_>,
        file: &str,
        line: u32,
        path: &str,
        wanted: Wanted,
    ) -> Option<&'s Site> {
        self.find_in(scan.report_at(file, line), path, wanted)
    }

    /// The same, and then those of the package's other routers that mount it: a finding is of all of
    /// them, and they need not share the call.
    fn find_all(
        &self,
        scan: &Scan<'_>,
        file: &str,
        line: u32,
        path: &str,
        wanted: Wanted,
    ) -> Vec<&'s Site> {
        let mut sites: Vec<&Site> = self
            .find(scan, file, line, path, wanted)
            .into_iter()
            .collect();
        // Of fallbacks, each prefix has its own.
        let Some(first) = scan
            .report_at(file, line)
            .next()
            .filter(|_| wanted != Wanted::Fallback)
        else {
            return sites;
        };
        let package = &scan.reports[first].router.package;
        let others = (0..scan.reports.len()).filter(|at| {
            scan.reports[*at].router.package == *package
                && !scan.mounts.find(*at, path, true, wanted).is_empty()
        });
        for site in others.filter_map(|at| self.find_in([at].into_iter(), path, wanted)) {
            if !sites.iter().any(|known| known.place == site.place) {
                sites.push(site);
            }
        }
        sites
    }

    fn find_in(
        &self,
        reports: impl Iterator<Item = usize>,
        path: &str,
        wanted: Wanted,
    ) -> Option<&'s Site> {
        let mut found: BTreeMap<&Place, &Site> = BTreeMap::new();
        for report in reports {
            let whole = self.whole.get(&(report, path.to_owned()));
            let ends = path
                .match_indices('/')
                .map(|(slash, _)| &path[slash..])
                .chain([""])
                .filter_map(|end| self.ends.get(&(report, end.to_owned())));
            for site in whole.into_iter().chain(ends).flatten() {
                if is(site, wanted) {
                    found.insert(&site.place, site);
                }
            }
        }
        match found.len() {
            1 => found.into_values().next(),
            _ => None,
        }
    }
}

fn is(site: &Site, wanted: Wanted) -> bool {
    match (wanted, &site.what) {
        (Wanted::Route(methods), What::Route) => site
            .entries
            .iter()
            .any(|entry| meet(entry.methods, methods)),
        // A listing says of neither which it is.
        (Wanted::Route(_) | Wanted::Service, What::RouteService) => true,
        (Wanted::Subtree, What::NestService) => true,
        (Wanted::Fallback, What::Fallback | What::FallbackService) => true,
        _ => false,
    }
}
