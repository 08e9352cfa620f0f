//! `conflicting-declaration`, across builds: a route of a router has one class here and another there.
//! A lock has one line for it, and a reader sees one.

use std::collections::BTreeMap;

use session_auth::audit::{Code, RouterRecord, Subject};
use session_auth::{Declaration, Difference};

use crate::listing::Build;

/// Two builds say different things of one route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Disagreement {
    pub(crate) subject: Subject,
    first: (String, Declaration),
    second: (String, Declaration),
    differences: Vec<Difference>,
}

impl Disagreement {
    pub(crate) const CODE: Code = Code::ConflictingDeclaration;

    pub(crate) fn message(&self) -> String {
        let side = |(build, declaration): &(String, Declaration)| {
            format!(
                "{} in the build `{build}` ({})",
                declaration.access(),
                declaration.location()
            )
        };
        let differences: Vec<_> = self
            .differences
            .iter()
            .map(|one| format!("`{one}`"))
            .collect();
        format!(
            "{} is {}, and {}: they differ in {}",
            self.subject,
            side(&self.first),
            side(&self.second),
            differences.join(", ")
        )
    }

    pub(crate) fn help() -> String {
        "give it one class and one set of terms in every build, or another path; the lock and the \
         listing have one line for it"
            .to_owned()
    }
}

/// The first of each route.
pub(crate) fn disagreements(builds: &[Build]) -> Vec<Disagreement> {
    let mut known = BTreeMap::new();
    let mut found = BTreeMap::new();
    for build in builds {
        for report in &build.reports {
            let RouterRecord { package, name, .. } = &report.router;
            for route in &report.routes {
                let Some(declaration) = &route.declaration else {
                    continue;
                };
                let key = (package, name, &route.path, route.shape, route.methods);
                let (first_build, first) = *known.entry(key).or_insert((build, declaration));
                let mut differences = first.differences(declaration);
                // A handler has the name of its crate, which may be a library and a binary.
                differences.retain(|one| *one != Difference::Handler);
                if !differences.is_empty() {
                    found.entry(key).or_insert_with(|| Disagreement {
                        subject: Subject {
                            path: route.path.clone(),
                            methods: route.methods,
                            shape: route.shape,
                            place: declaration.location().clone(),
                        },
                        first: (first_build.name.clone(), first.clone()),
                        second: (build.name.clone(), declaration.clone()),
                        differences,
                    });
                }
            }
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests;
