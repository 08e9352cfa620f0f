//! The routes of an app, as paths that a stranger can ask for.

use std::collections::HashMap;

use http::Method;

use crate::access::{Declaration, Methods};

/// The last segment of a path that no service is expected to have.
pub const NOWHERE: &str = "/route-audit-probe";

/// The methods to choose from, for a handler of any. `GET` serves `HEAD`.
const ASKED_BY: [Methods; 8] = [
    Methods::GET,
    Methods::POST,
    Methods::PUT,
    Methods::PATCH,
    Methods::DELETE,
    Methods::OPTIONS,
    Methods::TRACE,
    Methods::CONNECT,
];

/// A route to probe.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbedRoute {
    pub(crate) declaration: Declaration,
    pub(crate) methods: Methods,
    /// A path that reaches it.
    pub(crate) path: String,
}

impl ProbedRoute {
    /// `below`: whether it stands for what is below the pattern.
    #[must_use]
    pub fn new(declaration: Declaration, methods: Methods, pattern: &str, below: bool) -> Self {
        let path = if below {
            format!("{}{NOWHERE}", fill(pattern).trim_end_matches('/'))
        } else {
            fill(pattern)
        };
        Self {
            declaration,
            methods,
            path,
        }
    }

    /// What the route declares.
    #[must_use]
    pub fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// A path that reaches it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The methods to ask it by.
    #[must_use]
    pub fn asked_by(&self) -> Vec<Method> {
        if self.methods.is_any() || self.methods.is_fallback() {
            return vec![Method::GET];
        }
        let names = self.methods.names();
        let methods = names.iter().map(|name| Method::from_bytes(name.as_bytes()));
        methods.filter_map(Result::ok).collect()
    }
}

/// Has a handler for any method asked by one that no other handler of its path has; one that all the
/// others leave nothing to is not asked.
#[must_use]
pub fn asked_apart(routes: Vec<ProbedRoute>) -> Vec<ProbedRoute> {
    let mut named: HashMap<String, Methods> = HashMap::new();
    for route in routes.iter().filter(|route| !route.methods.is_any()) {
        let methods = named.entry(route.path.clone()).or_insert(Methods::NONE);
        *methods = methods.or(route.methods);
    }
    let apart = |mut route: ProbedRoute| {
        let taken = named.get(&route.path).copied();
        if let Some(taken) = taken.filter(|_| route.methods.is_any()) {
            let mut free = ASKED_BY.into_iter();
            route.methods = free.find(|method| taken.overlap(*method).is_empty())?;
        }
        Some(route)
    };
    routes.into_iter().filter_map(apart).collect()
}

/// A path that the pattern matches.
pub(crate) fn fill(pattern: &str) -> String {
    let mut path = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        path.push_str(&rest[..at]);
        let tail = &rest[at..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            path.push_str(&tail[..1]);
            rest = &tail[2..];
        } else {
            path.push_str("probe");
            rest = tail.find('}').map_or("", |end| &tail[end + 1..]);
        }
    }
    path.push_str(rest);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_filled_in() {
        assert_eq!(fill("/a"), "/a");
        assert_eq!(fill("/users/{id}/x"), "/users/probe/x");
        assert_eq!(fill("/files/{*rest}"), "/files/probe");
        assert_eq!(fill("/{a}.{b}"), "/probe.probe");
        assert_eq!(fill("/{{id}}"), "/{id}");
    }
}
