//! From declarations to endpoints: what must hold before a service may start.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use time::Date;

use crate::access::{AccessClass, Declaration, Target};
use crate::activity::{Counters, Endpoint};
use crate::error::Problem;
use crate::webhook::Verifier;

/// The verifier of a handler that authenticates its caller itself.
pub(crate) const BY_HANDLER: &str = "handler";

/// What declarations are checked against.
pub(crate) struct Assembly<'a> {
    pub(crate) verifiers: &'a BTreeMap<String, Arc<dyn Verifier>>,
    pub(crate) today: Date,
}

impl Assembly<'_> {
    /// Makes the endpoint of one declaration, and says what is wrong with it.
    pub(crate) fn endpoint(
        &self,
        declaration: Declaration,
        problems: &mut Vec<Problem>,
    ) -> Arc<Endpoint> {
        let verifier = match declaration.verifier() {
            None | Some(BY_HANDLER) => None,
            Some(name) => self.verifiers.get(name).cloned(),
        };
        let needs_verifier = declaration.class() == AccessClass::Webhook
            && declaration.verifier() != Some(BY_HANDLER);
        if needs_verifier && verifier.is_none() {
            let configured = self.verifiers.keys().cloned().collect();
            problems.push(Problem::MissingVerifier {
                declaration,
                configured,
            });
        }
        // The day named is the last one on which the exemption holds.
        if declaration.until().is_some_and(|last| last < self.today) {
            problems.push(Problem::ExpiredExemption { declaration });
        }
        if let Some(why) = invalid_path(declaration.target()) {
            problems.push(Problem::InvalidPath { declaration, why });
        }
        Arc::new(Endpoint {
            declaration,
            verifier,
            counters: Counters::default(),
        })
    }

    /// Makes the endpoints of declarations that may stand in the way of each other. Of two that
    /// would be enforced alike, the first is kept.
    pub(crate) fn distinct(
        &self,
        declared: impl Iterator<Item = Declaration>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Arc<Endpoint>> {
        let mut kept: HashMap<Option<&'static str>, Vec<Declaration>> = HashMap::new();
        let mut endpoints = Vec::new();
        for declaration in declared {
            let same_path = kept.entry(declaration.path()).or_default();
            for first in same_path
                .iter()
                .filter(|first| overlap(first, &declaration))
            {
                if !first.same_policy(&declaration) {
                    problems.push(Problem::Conflict {
                        first: *first,
                        second: declaration,
                    });
                }
            }
            let Some(declaration) = remainder(declaration, same_path) else {
                continue;
            };
            same_path.push(declaration);
            endpoints.push(self.endpoint(declaration, problems));
        }
        endpoints
    }
}

/// Whether two declarations of one path speak of the same requests.
pub(crate) fn overlap(a: &Declaration, b: &Declaration) -> bool {
    match (a.target, b.target) {
        (
            Target::Route { methods, path },
            Target::Route {
                methods: others,
                path: other,
            },
        ) => path == other && !methods.overlap(others).is_empty(),
        (Target::Subtree { path }, Target::Subtree { path: other }) => path == other,
        // A service mounted on `/` is what requests fall back to.
        (Target::Fallback | Target::Subtree { path: "/" }, Target::Fallback)
        | (Target::Fallback, Target::Subtree { path: "/" }) => true,
        _ => false,
    }
}

/// What a declaration says beyond those before it; `None` where that is nothing.
fn remainder(declaration: Declaration, before: &[Declaration]) -> Option<Declaration> {
    before
        .iter()
        .filter(|first| overlap(first, &declaration))
        .try_fold(declaration, |rest, first| match rest.target {
            Target::Route { methods, path } => {
                let methods = methods.minus(first.methods());
                let target = Target::Route { methods, path };
                (!methods.is_empty()).then_some(Declaration { target, ..rest })
            }
            Target::Subtree { .. } | Target::Fallback => None,
        })
}

/// What no router takes, so that a declaration which no attribute has checked does not make axum
/// panic. The attributes check more, and say it better.
fn invalid_path(target: Target) -> Option<&'static str> {
    let path = match target {
        Target::Route { path, .. } => path,
        Target::Subtree { path: "/" } | Target::Fallback => return None,
        Target::Subtree { path } if path.ends_with('/') => {
            return Some("a service is mounted on a path without a slash at its end");
        }
        Target::Subtree { path } if path.contains("{*") => {
            return Some("a service gets all that is below its path: leave `{*..}` out");
        }
        Target::Subtree { path } => path,
    };
    if !path.starts_with('/') {
        return Some("it must start with `/`");
    }
    if path.contains("//") {
        return Some("it has an empty segment (`//`)");
    }
    if path.contains(['?', '#']) {
        return Some("a query or fragment is not part of a path");
    }
    if path
        .split('/')
        .any(|segment| segment.starts_with([':', '*']))
    {
        return Some("parameters are written `{id}` and `{*rest}`");
    }
    None
}
