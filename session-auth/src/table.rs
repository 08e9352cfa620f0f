//! Method and pattern → declaration, for routers that are not this crate's.
//!
//! The key is the endpoint that the router resolved: its method and its matched pattern. A URL is
//! matched here only where no router has done so yet, by the matcher that axum itself uses and
//! with the declared patterns; a path that two programs may read in two ways is refused then.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Method;
use rustc_hash::FxBuildHasher;

use crate::access::{Declaration, Methods, Target};
use crate::activity::{Counters, Endpoint, RouteActivity};

/// How often an unclassified route may repeat itself in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The most unclassified routes that are counted apart. Patterns come from the router, so real
/// programs stay far below; behind it they share one counter.
const MAX_UNCLASSIFIED: usize = 10_000;

/// What is counted and logged where no router resolved the path: one bucket, as paths come from
/// the caller.
const NO_ROUTE: &str = "(no route)";

#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    // A pattern is part of the program, whether a declaration or the router has it: no attacker picks
    // one, so the hash need not resist them.
    patterns: HashMap<Cow<'static, str>, usize, FxBuildHasher>,
    matcher: matchit::Router<usize>,
    paths: Vec<PathEntry>,
    /// Prefixes of subtrees, the longest first.
    subtrees: Vec<(&'static str, usize)>,
    fallback: Option<Arc<Endpoint>>,
    endpoints: Vec<Arc<Endpoint>>,
    unclassified: Mutex<HashMap<String, Unclassified>>,
}

/// The declarations of one pattern.
#[derive(Debug, Default)]
struct PathEntry {
    methods: Vec<(Methods, Arc<Endpoint>)>,
    any: Option<Arc<Endpoint>>,
    /// Ends in `{*rest}`: what is below it may be another router's.
    catch_all: bool,
}

#[derive(Debug)]
struct Unclassified {
    counters: Arc<Counters>,
    logged: Instant,
    suppressed: u64,
}

/// Two patterns that the matcher cannot tell apart: `/users/{id}` and `/users/{name}`.
#[derive(Debug)]
pub(crate) struct PatternConflict {
    pub(crate) with: Option<String>,
}

/// What the table says of a request.
pub(crate) enum Resolved<'a> {
    Endpoint(&'a Arc<Endpoint>),
    /// Nobody declared it.
    Unclassified,
    /// No router resolved it, and it can be read in more than one way.
    Ambiguous,
}

impl RouteTable {
    /// Adds an endpoint. The caller has seen to it that no method of it is there yet.
    pub(crate) fn insert(&mut self, endpoint: Arc<Endpoint>) -> Result<(), PatternConflict> {
        match endpoint.declaration.target {
            Target::Route { methods, path } => {
                let index = self.pattern(Cow::Borrowed(path))?;
                let entry = &mut self.paths[index];
                if methods.is_any() {
                    entry.any = Some(Arc::clone(&endpoint));
                } else {
                    entry.methods.push((methods, Arc::clone(&endpoint)));
                }
            }
            Target::Subtree { path } => {
                let prefix = path.trim_end_matches('/');
                // What axum's own `nest_service` mounts.
                let mut last = 0;
                for pattern in [format!("{prefix}/{{*rest}}"), format!("{prefix}/")]
                    .into_iter()
                    .chain((!prefix.is_empty()).then(|| prefix.to_owned()))
                {
                    last = self.pattern(Cow::Owned(pattern))?;
                    let entry = &mut self.paths[last];
                    // A route declared for the mount point itself is the more specific one.
                    entry.any.get_or_insert_with(|| Arc::clone(&endpoint));
                }
                self.subtrees.push((prefix, last));
                self.subtrees
                    .sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
            }
            Target::Fallback => self.fallback = Some(Arc::clone(&endpoint)),
        }
        self.endpoints.push(endpoint);
        Ok(())
    }

    fn pattern(&mut self, pattern: Cow<'static, str>) -> Result<usize, PatternConflict> {
        match self.patterns.entry(pattern) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(new) => {
                let index = self.paths.len();
                self.matcher
                    .insert(new.key().as_ref(), index)
                    .map_err(|error| PatternConflict {
                        with: match error {
                            matchit::InsertError::Conflict { with } => Some(with),
                            _ => None,
                        },
                    })?;
                self.paths.push(PathEntry {
                    catch_all: is_catch_all(new.key()),
                    ..PathEntry::default()
                });
                new.insert(index);
                Ok(index)
            }
        }
    }

    /// The endpoint of a pattern that a router has matched. `path`, the request's full path, matters
    /// for catch-alls alone.
    pub(crate) fn by_pattern<'p>(
        &self,
        method: &Method,
        pattern: &str,
        path: impl FnOnce() -> &'p str,
    ) -> Resolved<'_> {
        let Some(&index) = self.patterns.get(pattern) else {
            return self.by_subtree(pattern);
        };
        let entry = &self.paths[index];
        // Behind a catch-all there may be a whole router that is declared route by route. If the
        // path has a more specific declaration, then the two disagree, and the class of neither
        // may be taken for the other.
        if entry.catch_all
            && self
                .matcher
                .at(path())
                .is_ok_and(|found| *found.value != index)
        {
            return Resolved::Unclassified;
        }
        match entry.find(method) {
            Some(endpoint) => Resolved::Endpoint(endpoint),
            None => Resolved::Unclassified,
        }
    }

    /// A router that axum nested under a declared subtree matches patterns of its own there.
    #[cold]
    fn by_subtree(&self, pattern: &str) -> Resolved<'_> {
        self.subtrees
            .iter()
            .find(|(prefix, _)| {
                pattern
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with('/'))
            })
            .and_then(|(_, index)| self.paths[*index].any.as_ref())
            .map_or(Resolved::Unclassified, Resolved::Endpoint)
    }

    /// The endpoint of a path that no router has matched.
    pub(crate) fn by_path(&self, method: &Method, path: &str) -> Resolved<'_> {
        if is_ambiguous(path) {
            return Resolved::Ambiguous;
        }
        let found = match self.matcher.at(path) {
            Ok(found) => self.paths[*found.value].find(method),
            Err(_) => self.fallback.as_ref(),
        };
        found.map_or(Resolved::Unclassified, Resolved::Endpoint)
    }

    /// The counters of a route that nobody declared. Logs it at ERROR, at most once a minute.
    #[cold]
    pub(crate) fn unclassified(
        &self,
        method: &Method,
        pattern: Option<&str>,
        path: &str,
    ) -> Arc<Counters> {
        let mut known = self.lock_unclassified();
        let key = match pattern {
            Some(pattern) if known.len() < MAX_UNCLASSIFIED => {
                // An extension method is the caller's invention: it gets no counter of its own.
                let method = if Methods::of(method).is_some() {
                    method.as_str()
                } else {
                    "ANY"
                };
                format!("{method} {pattern}")
            }
            _ => NO_ROUTE.to_owned(),
        };
        let now = Instant::now();
        let suppressed = match known.entry(key) {
            Entry::Occupied(mut entry) => {
                let entry = entry.get_mut();
                if now.duration_since(entry.logged) < LOG_INTERVAL {
                    entry.suppressed += 1;
                    return Arc::clone(&entry.counters);
                }
                entry.logged = now;
                let suppressed = std::mem::take(&mut entry.suppressed);
                (suppressed, Arc::clone(&entry.counters))
            }
            Entry::Vacant(entry) => {
                let counters = Arc::new(Counters::default());
                entry.insert(Unclassified {
                    counters: Arc::clone(&counters),
                    logged: now,
                    suppressed: 0,
                });
                (0, counters)
            }
        };
        drop(known);
        let (suppressed, counters) = suppressed;
        tracing::error!(
            target: "session_auth",
            %method,
            // Debug: a path comes from the caller, and must not write lines of its own.
            path = ?pattern.unwrap_or(path),
            suppressed,
            "unclassified: nobody declared who may call this route, so it needs a session. Add \
             #[public_route], #[webhook_route] or #[session_route] to its handler"
        );
        counters
    }

    fn lock_unclassified(&self) -> MutexGuard<'_, HashMap<String, Unclassified>> {
        // Counters stay valid whatever a panicking thread was about to do to the map.
        self.unclassified
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn declared(&self) -> Arc<[Declaration]> {
        self.endpoints
            .iter()
            .map(|endpoint| endpoint.declaration)
            .collect()
    }

    pub(crate) fn activity(&self) -> Vec<RouteActivity> {
        let mut all: Vec<_> = self
            .endpoints
            .iter()
            .map(|endpoint| {
                let route = endpoint.declaration.target.to_string();
                endpoint
                    .counters
                    .snapshot(route, Some(endpoint.declaration))
            })
            .collect();
        let unclassified = self.lock_unclassified();
        let mut undeclared: Vec<_> = unclassified
            .iter()
            .map(|(route, entry)| entry.counters.snapshot(route.clone(), None))
            .collect();
        undeclared.sort_by(|a, b| a.route.cmp(&b.route));
        all.append(&mut undeclared);
        all
    }
}

impl PathEntry {
    fn find(&self, method: &Method) -> Option<&Arc<Endpoint>> {
        let named = |one: Methods| {
            let found = self
                .methods
                .iter()
                .find(|(methods, _)| !methods.overlap(one).is_empty());
            found.map(|(_, endpoint)| endpoint)
        };
        let found = match Methods::of(method) {
            Some(Methods::HEAD) => named(Methods::HEAD).or_else(|| named(Methods::GET)),
            Some(one) => named(one),
            None => None,
        };
        found.or(self.any.as_ref())
    }
}

fn is_catch_all(pattern: &str) -> bool {
    pattern
        .rsplit('/')
        .next()
        .is_some_and(|last| last.starts_with("{*"))
}

/// Whether two programs may read this path in two ways: the router behind the layer, a proxy in
/// front of it, a file system. Where a router has matched the path, its reading is the one that
/// counts; elsewhere such a path is refused.
///
/// The list is that of the bypasses on record: `..;/` and `;` (CVE-2020-1957, CVE-2020-5902), `%3b`
/// (CVE-2020-13933), `%2e` (CVE-2021-41773), and their kin: `//`, encoded slashes, backslashes, NUL.
pub(crate) fn is_ambiguous(path: &str) -> bool {
    let bytes = path.as_bytes();
    let encoded = |at: usize| {
        let low = |b: u8| b.to_ascii_lowercase();
        matches!(
            (
                bytes.get(at + 1).copied(),
                bytes.get(at + 2).copied().map(low)
            ),
            (Some(b'2'), Some(b'f' | b'e'))
                | (Some(b'3'), Some(b'b'))
                | (Some(b'5'), Some(b'c'))
                | (Some(b'0'), Some(b'0'))
        )
    };
    bytes.iter().enumerate().any(|(at, byte)| match byte {
        b';' | b'\\' | 0 => true,
        b'%' => encoded(at),
        b'/' => bytes.get(at + 1) == Some(&b'/'),
        _ => false,
    }) || path
        .split('/')
        .any(|segment| segment == "." || segment == "..")
}

#[cfg(test)]
mod tests;
