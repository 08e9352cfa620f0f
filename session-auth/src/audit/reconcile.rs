//! All reports of a workspace, as one audit.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use time::Date;

use super::report::{
    Audit, Class, Report, RouteRecord, RouterName, RouterRecord, SCHEMA, Severity, Shape, Summary,
};
use super::rules;
use super::view::{Mount, Scope, Target, View};

/// Reconciles what the audited routers of a workspace mount with what its programs declare.
///
/// `today` is the day, in UTC, by which exemptions expire. The result does not depend on the order
/// of the reports, and a report given twice counts once. Of the routes,
///
/// - one that several routers of a package mount is listed once, with all of them: they are
///   configurations of one service, or share the handler,
/// - one that routers of two packages mount is listed for each package: these are two programs,
/// - one without a declaration is listed without a class, at its router's place,
/// - one that is declared and mounted nowhere is listed without a router,
/// - what a subtree's declaration covers is listed one by one, as it is mounted.
#[must_use]
pub fn reconcile(reports: &[Report], today: Date) -> Audit {
    let reports: Vec<&Report> = reports.iter().collect();
    audit(&reports, View::new(&reports, Scope::Workspace, today))
}

/// The same, where the audit looks at these packages alone: at the declarations of theirs, by name.
///
/// What others declare counts where it is mounted. Where it is not, that is no mistake: a library
/// brings routes that its user need not mount, and a member of the workspace that is not selected
/// may have a router of its own. It is not listed, and it is a finding only where a router mounts
/// what was probably meant, without a class.
#[must_use]
pub fn reconcile_packages(reports: &[Report], packages: &[&str], today: Date) -> Audit {
    let reports: Vec<&Report> = reports.iter().collect();
    let packages: HashSet<&str> = packages.iter().copied().collect();
    let view = View::new(&reports, Scope::Workspace, today).of_packages(&packages);
    audit(&reports, view)
}

fn audit(reports: &[&Report], view: View<'_>) -> Audit {
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
    let mut rows: BTreeMap<(RouteRecord, &str), BTreeSet<&RouterRecord>> = BTreeMap::new();
    for program in &view.programs {
        let router = program.router;
        for mount in &program.mounted {
            let key = (row(view, router, mount), router.package.as_str());
            rows.entry(key).or_default().insert(router);
        }
    }
    let mut all: Vec<RouteRecord> = rows
        .into_iter()
        .map(|((row, _), routers)| mounted_by(row, &routers))
        .collect();
    let unmounted = view.declared.iter().filter(|one| one.reached.is_empty());
    let unmounted = unmounted.filter(|one| one.ours);
    all.extend(unmounted.map(|one| one.record.clone().into_owned()));
    all.sort_by(|a, b| (&a.path, &a.methods, a).cmp(&(&b.path, &b.methods, b)));
    all
}

fn mounted_by(row: RouteRecord, routers: &BTreeSet<&RouterRecord>) -> RouteRecord {
    let first = routers.first();
    let (file, line) = match first {
        Some(router) if row.class.is_none() => (router.file.clone(), router.line),
        _ => (row.file, row.line),
    };
    let names = routers.iter().map(|router| RouterName {
        package: router.package.clone(),
        name: router.name.clone(),
    });
    RouteRecord {
        file,
        line,
        router: first.map(|router| router.name.clone()),
        routers: names.collect(),
        ..row
    }
}

/// What is listed of something mounted, without the routers and, where it has no class, without a
/// place: what is the same in two of them is one route.
fn row(view: &View<'_>, router: &RouterRecord, mount: &Mount<'_>) -> RouteRecord {
    let (methods, path) = as_listed(mount);
    let Some(one) = mount.covered_by.first().map(|id| &view.declared[*id]) else {
        return RouteRecord {
            methods,
            path,
            class: None,
            handler: None,
            file: String::new(),
            line: 0,
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
            router: None,
            routers: Vec::new(),
        };
    };
    let declared = one.record.clone().into_owned();
    match one.target {
        // As declared: one row for `GET | POST`, however the router splits it.
        Target::Route { .. } => declared,
        Target::Subtree { .. } | Target::Fallback => RouteRecord {
            methods,
            path,
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::audit::report::RouterKind;
    use crate::audit::rules::tests::{declared, file, mounted, routes, today};

    fn rows(audit: &Audit) -> Vec<String> {
        let class = |row: &RouteRecord| match row.class {
            Some(Class::Public) => "public",
            Some(Class::Webhook) => "webhook",
            Some(Class::Session) => "session",
            None => "?",
        };
        audit
            .routes
            .iter()
            .map(|row| {
                let path = row.path.as_deref().unwrap_or("-");
                let names: Vec<_> = row.routers.iter().map(|one| one.name.as_str()).collect();
                assert_eq!(row.router.as_deref(), names.first().copied());
                let routers = match names.as_slice() {
                    [] => "nowhere".to_owned(),
                    names => names.join("+"),
                };
                format!("{} {path} {} {routers}", row.methods.join("|"), class(row))
            })
            .collect()
    }

    fn workspace() -> Vec<Report> {
        let all = || {
            vec![
                declared(Class::Public, "GET|POST /b", 1),
                declared(Class::Session, "GET /a", 2),
                declared(Class::Public, "ANY /assets/**", 3),
                declared(Class::Public, "FALLBACK", 4),
                declared(Class::Webhook, "POST /gone", 5),
            ]
        };
        let mut web = routes(&[
            "GET /a",
            "POST /b",
            "GET /b",
            "GET /assets/logo",
            "DELETE /c",
        ]);
        web.extend([
            mounted(Shape::OpaqueMount, "ANY /assets"),
            mounted(Shape::Fallback, "ANY"),
            mounted(Shape::Fallback, "ANY /in"),
            mounted(Shape::OpaqueMount, "ANY /x"),
        ]);
        vec![
            file("web", web, all()),
            file("admin", routes(&["GET /a"]), all()),
        ]
    }

    #[test]
    fn routes_by_path_and_method_with_their_class_and_router() {
        let audit = reconcile(&workspace(), today());
        assert_eq!(
            rows(&audit),
            [
                "FALLBACK - public web",
                "GET /a session admin+web",
                "ANY /assets/** public web",
                "GET /assets/logo public web",
                "GET|POST /b public web",
                "DELETE /c ? web",
                "POST /gone webhook nowhere",
                "FALLBACK /in public web",
                "ANY /x/** ? web",
            ]
        );
        let open = &audit.routes[5];
        assert_eq!((open.file.as_str(), open.line), ("src/web.rs", 41));
        let Summary {
            routes,
            public,
            webhook,
            session,
            errors,
            warnings,
        } = audit.summary;
        assert_eq!(
            (routes, public, webhook, session, errors, warnings),
            (9, 5, 1, 1, 3, 0)
        );
        let names: Vec<&str> = audit.routers.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["admin", "web"]);
    }

    #[test]
    fn the_order_of_reports_and_of_what_is_in_them_changes_nothing() {
        let expected = reconcile(&workspace(), today());
        let mut reports = workspace();
        reports.reverse();
        for report in &mut reports {
            report.mounted.reverse();
            report.declared.reverse();
        }
        reports.extend(workspace());
        assert_eq!(reconcile(&reports, today()), expected);
    }

    #[test]
    fn what_a_library_declares_and_nobody_mounts_is_left_aside() {
        let of_library = |what: &str, line| RouteRecord {
            package: "lib".into(),
            until: Some("2020-01-01".into()),
            ..declared(Class::Public, what, line)
        };
        let report = |mounted: &[&str]| {
            let all = vec![
                declared(Class::Session, "GET /a", 1),
                of_library("GET|POST /health", 2),
                of_library("GET /b", 3),
            ];
            [file("web", routes(mounted), all)]
        };
        let codes = |mounted: &[&str], packages: &[&str]| {
            let audit = reconcile_packages(&report(mounted), packages, today());
            let codes = audit.findings.iter().map(|one| one.code.clone());
            (rows(&audit), codes.collect::<Vec<_>>())
        };
        // What is mounted of it counts, with all that is wrong with it.
        let (listed, found) = codes(&["GET /a", "GET /b"], &["app"]);
        assert_eq!(listed, ["GET /a session web", "GET /b public web"]);
        assert_eq!(found, ["expired-exemption"]);
        // One of its methods, but not the other: that is the user's choice.
        let (_, found) = codes(&["GET /a", "GET /health"], &["app"]);
        assert_eq!(found, ["expired-exemption"]);
        // Under another path.
        let (_, found) = codes(&["GET /a", "GET /in/health"], &["app"]);
        assert_eq!(found, ["unclassified-route", "unmounted-declaration"]);
        // Its own mistake.
        let (listed, found) = codes(&["GET /b"], &["app"]);
        assert_eq!(listed, ["GET /a session nowhere", "GET /b public web"]);
        assert_eq!(found, ["expired-exemption", "unmounted-declaration"]);
        // Looked at, it has to be mounted.
        let (_, found) = codes(&["GET /a", "GET /b"], &["app", "lib"]);
        assert!(found.contains(&"unmounted-declaration".to_owned()));
    }

    #[test]
    fn a_typed_router_lists_what_its_handlers_say() {
        let mut report = file("typed", routes(&["GET /a"]), vec![]);
        report.router.kind = RouterKind::Typed;
        report.mounted[0].declaration = Some(RouteRecord {
            // As the router may have noted it: still the same declaration.
            router: Some("typed".into()),
            ..declared(Class::Session, "GET /a", 1)
        });
        report.declared = vec![declared(Class::Session, "GET /a", 1)];
        let audit = reconcile(&[report], today());
        assert_eq!(rows(&audit), ["GET /a session typed"]);
        assert_eq!(audit.findings, []);
    }

    /// Nothing fits, and each path has hundreds of siblings to compare with.
    #[test]
    fn time_grows_with_the_routes_and_no_faster() {
        let time = |routes: u32| {
            let what = |kind: &str, n: u32| format!("GET /api/{}/{kind}-{n}", n % 2);
            let mounted = (0..routes)
                .map(|n| mounted(Shape::Route, &what("mounted", n)))
                .collect();
            let declared = (0..routes)
                .map(|n| declared(Class::Session, &what("declared", n), n))
                .collect();
            let reports = [file("routes", mounted, declared)];
            (0..3)
                .map(|_| {
                    let start = Instant::now();
                    let audit = reconcile(&reports, today());
                    assert_eq!(audit.summary.errors, 2 * routes as usize);
                    start.elapsed()
                })
                .min()
                .unwrap_or(Duration::MAX)
        };
        let (few, more) = (time(200), time(2_000));
        assert!(
            more < few * 40,
            "{few:?} for 200 routes, {more:?} for 2,000"
        );
    }
}
