//! `unmounted-declaration`, across the routers: an audited package declares it, and no audited router
//! mounts it. Its path is misspelt, or its router is not audited, or it is left over.

use std::collections::{BTreeMap, BTreeSet};

use session_auth::audit::{Code, Finding, Related, Report, Shape, Subject};
use session_auth::{Declaration, Methods, Target};

use crate::listing::Known;

/// A declaration, and what of it no router mounts.
pub(crate) type Unmounted = (Declaration, Subject);

/// What these packages declare and no router mounts: each path by itself, and of its methods those
/// that are missing. What other packages declare is their user's to mount or not.
pub(crate) fn unmounted(reports: &[&Report], packages: &BTreeSet<&str>) -> Vec<Unmounted> {
    let mut mounted: BTreeMap<(Known<'_>, Option<&str>), Methods> = BTreeMap::new();
    for route in reports.iter().flat_map(|report| &report.routes) {
        let Some(declaration) = &route.declaration else {
            continue;
        };
        // Of one without a path, of a glob and of a subtree, any mount is all of it.
        let path = match declaration.target() {
            Target::Route { paths, .. } if !paths.is_empty() => route.path.as_deref(),
            _ => None,
        };
        let at = mounted.entry((Known::of(declaration), path));
        let methods = at.or_insert(route.methods);
        *methods = methods.or(route.methods);
    }
    let judged: BTreeSet<Known<'_>> = reports
        .iter()
        .flat_map(|report| &report.findings)
        .filter(|finding| finding.is_error())
        .flat_map(|finding| &finding.related)
        .filter_map(|related| match related {
            Related::Declared(declaration) | Related::Other(declaration) => Some(declaration),
            _ => None,
        })
        .map(Known::of)
        .collect();

    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for declaration in reports.iter().flat_map(|report| &report.declared) {
        let known = Known::of(declaration);
        if !packages.contains(declaration.package())
            || !seen.insert(known)
            // Where it is mounted wrongly, that is the finding.
            || judged.contains(&known)
        {
            continue;
        }
        let paths: Vec<Option<&str>> = match declaration.target() {
            Target::Route { paths, .. } if !paths.is_empty() => {
                paths.iter().map(|path| Some(&**path)).collect()
            }
            _ => vec![None],
        };
        for path in paths {
            let missing = match mounted.get(&(known, path)) {
                None => declaration.target().methods(),
                Some(methods) => missing(declaration.target(), *methods),
            };
            if !missing.is_empty() {
                let path = match (path, declaration.target()) {
                    (Some(path), _) => Some(path.to_owned().into()),
                    (None, Target::Glob { glob, .. }) => Some(glob.clone()),
                    (None, target) => target.paths().first().cloned(),
                };
                let subject = Subject {
                    path,
                    methods: missing,
                    shape: Shape::of(declaration.target()),
                    place: declaration.location().clone(),
                };
                all.push((declaration.clone(), subject));
            }
        }
    }
    all
}

/// The declared methods that are mounted nowhere. `ANY` is for whatever it is mounted for.
fn missing(target: &Target, mounted: Methods) -> Methods {
    let declared = target.methods();
    match target {
        Target::Route { .. } | Target::Glob { .. } if !declared.is_any() && !mounted.is_any() => {
            // axum answers HEAD by GET.
            let served = if mounted.overlap(Methods::GET).is_empty() {
                mounted
            } else {
                mounted.or(Methods::HEAD)
            };
            declared.minus(served)
        }
        _ => declared.minus(declared),
    }
}

/// Each as a finding, with the route without a class that was probably meant.
pub(crate) fn findings(unmounted: &[Unmounted], reports: &[&Report]) -> Vec<Finding> {
    // The library has compared each such route with what is declared.
    let mut meant: BTreeMap<Known<'_>, &Subject> = BTreeMap::new();
    for finding in reports.iter().flat_map(|report| &report.findings) {
        for related in &finding.related {
            if let (Code::UnclassifiedRoute, Related::Meant(declaration)) = (finding.code, related)
            {
                meant
                    .entry(Known::of(declaration))
                    .or_insert(&finding.subject);
            }
        }
    }
    let finding = |(declaration, subject): &Unmounted| {
        let mut related = vec![Related::Declared(declaration.clone())];
        let meant = meant.get(&Known::of(declaration));
        related.extend(meant.map(|subject| Related::Unclassified((*subject).clone())));
        Finding {
            code: Code::UnmountedDeclaration,
            subject: subject.clone(),
            related,
        }
    };
    unmounted.iter().map(finding).collect()
}
