//! What several formats say.

use session_auth::Declaration;
use session_auth::audit::RouterRecord;

use crate::audit::{Audit, Summary};
use crate::count::count;
use crate::listing::Route;

pub(super) fn class(route: &Route) -> &'static str {
    route.class().map_or("NONE", |class| class.as_str())
}

/// How a caller proves who they are, and what the handler may do with sessions.
pub(super) fn proof(declaration: Option<&Declaration>) -> String {
    let mut words = Vec::new();
    if let Some(declaration) = declaration {
        words.extend(declaration.verify().map(|by| by.as_str().to_owned()));
        let by = declaration.by().filter(|by| *by != "session");
        words.extend(by.map(|by| format!("by {by}")));
        words.extend(declaration.scope().map(|scope| format!("scope {scope}")));
        for (given, word) in [
            (declaration.issues_session(), "issues session"),
            (declaration.optional_session(), "optional session"),
            (declaration.cross_origin().is_some(), "any origin"),
        ] {
            words.extend(given.then(|| word.to_owned()));
        }
        words.extend(declaration.until().map(|until| format!("until {until}")));
    }
    if words.is_empty() {
        words.push("-".to_owned());
    }
    words.join(", ")
}

/// Whether it is worth a column which router has a route.
pub(super) fn several_routers(audit: &Audit) -> bool {
    audit.routers.len() > 1
}

/// The routers that mount a route, with their package where the workspace has routers of another.
/// `all 3` where each router of the package does, so that it stands out which are not everywhere.
pub(super) fn routers(audit: &Audit, route: &Route) -> Vec<String> {
    let Some(first) = route.routers.iter().next() else {
        return vec!["-".to_owned()];
    };
    let own = |one: &&RouterRecord| one.package == first.package;
    let of_package = audit.routers.iter().filter(own).count();
    let one_package = of_package == audit.routers.len();
    if of_package > 1 && of_package == route.routers.len() {
        return vec![if one_package {
            format!("all {of_package}")
        } else {
            format!("all {of_package} of {}", first.package)
        }];
    }
    let shown = route.routers.iter().map(|router| {
        if one_package {
            router.name.clone()
        } else {
            format!("{}/{}", router.package, router.name)
        }
    });
    shown.collect()
}

/// `route-audit: 4 routes (1 public, 3 session) in 1 router: clean`, and a line break.
pub(super) fn summary(audit: &Audit) -> String {
    format!("route-audit: {}: {}\n", counts(audit), found(audit))
}

/// `clean`, or `1 error, 0 warnings`.
pub(super) fn found(audit: &Audit) -> String {
    let Summary {
        errors, warnings, ..
    } = audit.summary();
    if errors == 0 && warnings == 0 {
        "clean".to_owned()
    } else {
        format!("{}, {}", count(errors, "error"), count(warnings, "warning"))
    }
}

/// `4 routes (1 public, 3 session) in 1 router`.
pub(super) fn counts(audit: &Audit) -> String {
    let Summary {
        routes,
        public,
        webhook,
        session,
        ..
    } = audit.summary();
    let mut classes: Vec<_> = [
        (public, "public"),
        (webhook, "webhook"),
        (session, "session"),
        (
            routes.saturating_sub(public + webhook + session),
            "unclassified",
        ),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, class)| format!("{count} {class}"))
    .collect();
    if classes.is_empty() {
        classes.push("none classified".to_owned());
    }
    format!(
        "{} ({}) in {}",
        count(routes, "route"),
        classes.join(", "),
        count(audit.routers.len(), "router"),
    )
}

#[cfg(test)]
mod tests;
