//! The seam to the library's audit.

use session_auth::audit::report::{
    Audit, Class, Finding, Report, RouteRecord, SCHEMA, Severity, Summary,
};
use time::Date;

/// Stands in until `session_auth::audit::reconcile` is there.
pub(crate) fn reconcile(reports: &[Report], _today: Date) -> Audit {
    let mut audit = Audit {
        schema: SCHEMA,
        routers: reports.iter().map(|r| r.router.clone()).collect(),
        routes: Vec::new(),
        findings: Vec::new(),
        summary: Summary::default(),
    };
    for report in reports {
        for mounted in &report.mounted {
            let known = mounted.declaration.clone().or_else(|| {
                report
                    .declared
                    .iter()
                    .find(|d| d.path == mounted.path && d.methods == mounted.methods)
                    .cloned()
            });
            let mut route = known.unwrap_or_else(|| RouteRecord {
                methods: mounted.methods.clone(),
                path: mounted.path.clone(),
                class: None,
                handler: None,
                file: report.router.file.clone(),
                line: report.router.line,
                reason: None,
                verifier: None,
                scope: None,
                expect_every: None,
                until: None,
                owner: None,
                issues_session: false,
                optional_session: false,
                max_body: None,
                package: report.router.package.clone(),
                router: None,
            });
            route.router = Some(report.router.name.clone());
            if route.class.is_none() {
                audit.findings.push(Finding {
                    severity: Severity::Error,
                    code: "unclassified-route".to_owned(),
                    message: format!(
                        "{} {} has no access class",
                        route.methods.join(" | "),
                        route.path.as_deref().unwrap_or("(fallback)")
                    ),
                    help: "add an attribute".to_owned(),
                    methods: route.methods.clone(),
                    path: route.path.clone(),
                    file: route.file.clone(),
                    line: route.line,
                });
            }
            if route.class == Some(Class::Webhook) && route.expect_every.is_none() {
                audit.findings.push(Finding {
                    severity: Severity::Warning,
                    code: "unmonitored-webhook".to_owned(),
                    message: format!(
                        "{} {} has no `expect_every`",
                        route.methods.join(" | "),
                        route.path.as_deref().unwrap_or("(fallback)")
                    ),
                    help: "add `expect_every`".to_owned(),
                    methods: route.methods.clone(),
                    path: route.path.clone(),
                    file: route.file.clone(),
                    line: route.line,
                });
            }
            audit.routes.push(route);
        }
    }
    audit
        .routes
        .sort_by(|a, b| (&a.path, &a.methods).cmp(&(&b.path, &b.methods)));
    audit.findings.sort();
    let class = |class| {
        audit
            .routes
            .iter()
            .filter(|r| r.class == Some(class))
            .count()
    };
    let severity = |s| audit.findings.iter().filter(|f| f.severity == s).count();
    audit.summary = Summary {
        routes: audit.routes.len(),
        public: class(Class::Public),
        webhook: class(Class::Webhook),
        session: class(Class::Session),
        errors: severity(Severity::Error),
        warnings: severity(Severity::Warning),
    };
    audit
}

/// Stands in until `Finding` is `Display`.
pub(crate) fn display(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        _ => "warning",
    };
    format!(
        "{severity}[{}]: {}\n  --> {}:{}\n   = help: {}",
        finding.code, finding.message, finding.file, finding.line, finding.help
    )
}
