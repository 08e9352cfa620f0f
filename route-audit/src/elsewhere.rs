//! `unclassified-route`, across the routers of a program: a declaration whose handler one router mounts
//! by name speaks for that route, and for none by its path on another.
//!
//! `protect` sees it where the other router is built first, and so does a test; in which order tests
//! run is for nobody to say. Here the order plays no part.

use std::collections::{BTreeMap, BTreeSet};

use session_auth::audit::{Code, Finding, Related, Subject};

use crate::listing::{Build, Known};

pub(crate) fn findings(builds: &[Build]) -> Vec<Finding> {
    let mut found = Vec::new();
    for build in builds {
        let mut named: BTreeMap<&str, BTreeSet<Known<'_>>> = BTreeMap::new();
        for report in &build.reports {
            let routes = report.routes.iter().filter(|route| route.named);
            named.entry(&report.router.package).or_default().extend(
                routes
                    .filter_map(|route| route.declaration.as_ref())
                    .map(Known::of),
            );
        }
        for report in &build.reports {
            let Some(named) = named.get(report.router.package.as_str()) else {
                continue;
            };
            for route in report.routes.iter().filter(|route| !route.named) {
                let declaration = route.declaration.as_ref();
                if let Some(declaration) = declaration.filter(|one| named.contains(&Known::of(one)))
                {
                    found.push(Finding {
                        code: Code::UnclassifiedRoute,
                        subject: Subject {
                            path: route.path.clone(),
                            methods: route.methods,
                            shape: route.shape,
                            place: route.mounted.clone(),
                        },
                        related: vec![Related::Other(declaration.clone())],
                    });
                }
            }
        }
    }
    found
}
