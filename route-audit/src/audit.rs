//! An audit: the routes of a workspace, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use session_auth::AccessClass;
use session_auth::audit::{Code, Report, RouterRecord, Severity, Subject};

use crate::disagreement::disagreements;
use crate::elsewhere;
use crate::finding::Finding;
use crate::listing::{Build, Listing, Route};
use crate::policy::Policy;
use crate::program::stray::{self, Stray};
use crate::unmounted::{self, unmounted};

/// The routes, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audit {
    pub(crate) routers: Vec<RouterRecord>,
    pub(crate) routes: Vec<Route>,
    /// Errors first.
    findings: Vec<Finding>,
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Summary {
    pub(crate) routes: usize,
    pub(crate) public: usize,
    pub(crate) webhook: usize,
    pub(crate) session: usize,
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
}

impl Audit {
    /// Of what the audited routers report, of what is declared in these packages, and of what is in the
    /// tests and not in the program or the other way round.
    pub(crate) fn of(builds: &[Build], packages: &BTreeSet<&str>, strays: Vec<Stray>) -> Self {
        let reports: Vec<&Report> = builds.iter().flat_map(|build| &build.reports).collect();
        let strays = stray::judged(strays, &reports, packages);
        let mut unmounted = unmounted(&reports, packages);
        // Once is enough.
        unmounted.retain(|(declaration, _)| {
            let stray = |stray: &Stray| stray.declaration.as_ref() == Some(declaration);
            !strays.iter().any(stray)
        });
        let Listing { routers, routes } = Listing::of(builds, &unmounted);
        let mut audit = Self {
            routers,
            routes,
            findings: Vec::new(),
        };
        // What several routers or builds share is wrong once.
        let mut once: BTreeMap<(Code, &Subject), Finding> = BTreeMap::new();
        let of_reports = reports.iter().flat_map(|report| &report.findings);
        let elsewhere = elsewhere::findings(builds);
        for finding in of_reports.chain(&elsewhere) {
            once.entry((finding.code, &finding.subject))
                .or_insert_with(|| Finding::Router(finding.clone()));
        }
        audit.add(once.into_values());
        let unmounted = unmounted::findings(&unmounted, &reports);
        audit.add(unmounted.into_iter().map(Finding::Router));
        audit.add(strays.into_iter().map(Box::new).map(Finding::Stray));
        audit.add(
            disagreements(builds)
                .into_iter()
                .map(Box::new)
                .map(Finding::Builds),
        );
        audit
    }

    /// Of routes that are judged elsewhere.
    pub(crate) fn of_routes(routers: Vec<RouterRecord>, routes: Vec<Route>) -> Self {
        Self {
            routers,
            routes,
            findings: Vec::new(),
        }
    }

    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(crate) fn add(&mut self, found: impl IntoIterator<Item = Finding>) {
        self.findings.extend(found);
        self.findings.sort_by_cached_key(|finding| {
            (
                finding.severity(),
                finding.code(),
                finding.subject(),
                finding.message(),
            )
        });
        self.findings.dedup();
    }

    /// Adds what breaks the workspace's policy.
    pub(crate) fn hold_to(&mut self, policy: &Policy) {
        if policy.requires_expect_every() {
            // The same thing as an error: once is enough.
            self.findings
                .retain(|finding| finding.code() != Code::UnmonitoredWebhook);
        }
        let breaches = policy.breaches(&self.routes);
        self.add(breaches.into_iter().map(Finding::Policy));
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.of_severity(Severity::Error) > 0
    }

    fn of_severity(&self, severity: Severity) -> usize {
        let findings = self.findings.iter();
        findings
            .filter(|finding| finding.severity() == severity)
            .count()
    }

    pub(crate) fn summary(&self) -> Summary {
        let of_class = |class| {
            let routes = self.routes.iter();
            routes.filter(|route| route.class() == Some(class)).count()
        };
        Summary {
            routes: self.routes.len(),
            public: of_class(AccessClass::Public),
            webhook: of_class(AccessClass::Webhook),
            session: of_class(AccessClass::Session),
            errors: self.of_severity(Severity::Error),
            warnings: self.of_severity(Severity::Warning),
        }
    }
}

#[cfg(test)]
mod tests;
