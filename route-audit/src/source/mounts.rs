//! What the reports mount, by path.

use std::collections::HashMap;

use session_auth::Methods;
use session_auth::audit::{Mounted, Report, Shape};

pub(super) struct Mounts<'a> {
    reports: &'a [Report],
    /// By the path and each end of it: `/api/users` is under `/users` too, and under ``.
    by_end: HashMap<(usize, &'a str), Vec<usize>>,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A handler; `None` for methods that are not known.
    Route(Option<Methods>),
    /// A service on one path.
    Service,
    /// A service under a path.
    Subtree,
    /// A fallback, whatever its path.
    Fallback,
}

impl<'a> Mounts<'a> {
    pub(super) fn of(reports: &'a [Report]) -> Self {
        let mut by_end: HashMap<_, Vec<_>> = HashMap::new();
        for (report, Report { mounted, .. }) in reports.iter().enumerate() {
            for (at, one) in mounted.iter().enumerate() {
                let path = one.path.as_deref().unwrap_or_default();
                let ends = path.match_indices('/').map(|(slash, _)| &path[slash..]);
                for end in ends.chain([""]) {
                    by_end.entry((report, end)).or_default().push(at);
                }
            }
        }
        Self { reports, by_end }
    }

    /// What a report mounts under this path, or under one that ends in it.
    pub(super) fn find(
        &self,
        report: usize,
        path: &str,
        exact: bool,
        wanted: Wanted,
    ) -> Vec<usize> {
        let mounted = &self.reports[report].mounted;
        let end = if wanted == Wanted::Fallback { "" } else { path };
        let candidates = self.by_end.get(&(report, end)).into_iter().flatten();
        candidates
            .copied()
            .filter(|at| {
                let one = &mounted[*at];
                let whole = !exact || one.path.as_deref() == Some(path);
                (whole || wanted == Wanted::Fallback) && is(one, wanted)
            })
            .collect()
    }

    /// Whether a report mounts anything at or below a path.
    pub(super) fn any_below(&self, report: usize, prefix: &str) -> bool {
        let prefix = prefix.trim_end_matches('/');
        self.reports[report].mounted.iter().any(|one| {
            let rest = one
                .path
                .as_deref()
                .and_then(|path| path.strip_prefix(prefix));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

fn is(one: &Mounted, wanted: Wanted) -> bool {
    match (wanted, one.shape) {
        (Wanted::Route(Some(methods)), Shape::Route) => meet(one, methods),
        (Wanted::Route(Some(methods)), Shape::MethodFallback) => methods.is_any(),
        (Wanted::Route(None), Shape::Route | Shape::MethodFallback) => true,
        (Wanted::Service, Shape::OpaqueRoute | Shape::Route | Shape::MethodFallback) => true,
        (Wanted::Subtree, Shape::OpaqueMount) => true,
        (Wanted::Fallback, Shape::Fallback | Shape::OpaqueFallback) => true,
        _ => false,
    }
}

/// Whether the mounted methods are among those.
fn meet(one: &Mounted, methods: Methods) -> bool {
    let names = methods.names();
    one.methods
        .iter()
        .any(|name| names.contains(&name.as_str()))
}
