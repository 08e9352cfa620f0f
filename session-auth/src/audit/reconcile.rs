//! All reports of a workspace, as one audit.

use std::collections::BTreeSet;

use time::Date;

use super::report::{
    Audit, Class, Report, RouteRecord, RouterRecord, SCHEMA, Severity, Shape, Summary,
};
use super::rules;
use super::view::{Mount, Scope, Target, View};

/// Reconciles what the audited routers of a workspace mount with what its programs declare.
///
/// `today` is the day, in UTC, by which exemptions expire. The result does not depend on the order
/// of the reports, and a report given twice counts once. Of the routes,
///
/// - one that two routers mount is listed for each,
/// - one without a declaration is listed without a class, at its router's place,
/// - one that is declared and mounted nowhere is listed without a router,
/// - what a subtree's declaration covers is listed one by one, as it is mounted.
#[must_use]
pub fn reconcile(reports: &[Report], today: Date) -> Audit {
    let view = View::new(&reports.iter().collect::<Vec<_>>(), Scope::Workspace, today);
    let findings = rules::run(&rules::RULES, &view);

    let mut routers: Vec<RouterRecord> = reports.iter().map(|r| r.router.clone()).collect();
    routers.sort();
    routers.dedup();

    let routes = routes(&view);
    let of_class = |class| {
        routes
            .iter()
            .filter(|route| route.class == Some(class))
            .count()
    };
    let of_severity = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let summary = Summary {
        routes: routes.len(),
        public: of_class(Class::Public),
        webhook: of_class(Class::Webhook),
        session: of_class(Class::Session),
        errors: of_severity(Severity::Error),
        warnings: of_severity(Severity::Warning),
    };
    Audit {
        schema: SCHEMA,
        routers,
        routes,
        findings,
        summary,
    }
}

fn routes(view: &View<'_>) -> Vec<RouteRecord> {
    let mut rows = BTreeSet::new();
    for program in &view.programs {
        for mount in &program.mounted {
            // The router belongs to the key: routers of two packages may have one name.
            rows.insert((row(view, program.router, mount), program.router));
        }
    }
    let mut all: Vec<RouteRecord> = rows.into_iter().map(|(row, _)| row).collect();
    let unmounted = view.declared.iter().filter(|one| one.reached.is_empty());
    all.extend(unmounted.map(|one| one.record.clone().into_owned()));
    all.sort_by(|a, b| (&a.path, &a.methods, a).cmp(&(&b.path, &b.methods, b)));
    all
}

fn row(view: &View<'_>, router: &RouterRecord, mount: &Mount<'_>) -> RouteRecord {
    let (methods, path) = as_listed(mount);
    let name = Some(router.name.clone());
    let Some(one) = mount.covered_by.first().map(|id| &view.declared[*id]) else {
        return RouteRecord {
            methods,
            path,
            class: None,
            handler: None,
            file: router.file.clone(),
            line: router.line,
            reason: None,
            verifier: None,
            scope: None,
            expect_every: None,
            until: None,
            owner: None,
            issues_session: false,
            optional_session: false,
            max_body: None,
            package: router.package.clone(),
            router: name,
        };
    };
    let declared = one.record.clone().into_owned();
    match one.target {
        // As declared: one row for `GET | POST`, however the router splits it.
        Target::Route { .. } => RouteRecord {
            router: name,
            ..declared
        },
        Target::Subtree { .. } | Target::Fallback => RouteRecord {
            methods,
            path,
            router: name,
            ..declared
        },
    }
}

fn as_listed(mount: &Mount<'_>) -> (Vec<String>, Option<String>) {
    let path = mount.mounted.path.clone();
    match mount.mounted.shape {
        Shape::Fallback | Shape::OpaqueFallback => (vec!["FALLBACK".to_owned()], path),
        Shape::OpaqueMount => {
            let below = path.map(|path| format!("{}/**", path.trim_end_matches('/')));
            (mount.mounted.methods.clone(), below)
        }
        Shape::Route | Shape::OpaqueRoute | Shape::MethodFallback => {
            (mount.mounted.methods.clone(), path)
        }
    }
}
