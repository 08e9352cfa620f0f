//! Method and pattern → endpoint, for a bare `.layer(auth)`: no record says what is behind it.
//!
//! 1. Inside an axum router the key is the pattern that axum matched, and the method, among all
//!    declarations linked into the program.
//! 2. Inside an axum router without a pattern, a fallback or a nested service answers, and which of
//!    them cannot be known: the strictest of what is declared for either holds.
//! 3. Around any other service the path is matched, by the matcher that axum itself uses: the strictest
//!    of all declared patterns that match it holds, and a path that can be read in two ways is refused.
//! 4. Whatever is declared nowhere needs a session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use rustc_hash::FxBuildHasher;

use crate::access::{Access, Methods, Target};
use crate::activity::Endpoint;
use crate::paths;

/// The most unclassified routes that are counted apart. Patterns come from the router, so real
/// programs stay far below; behind it they share one counter.
const MAX_UNCLASSIFIED: usize = 10_000;

/// What is counted where no router resolved the path: one bucket, as paths come from the caller.
const NO_ROUTE: &str = "(no route)";

#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    // A pattern is part of the program, whether a declaration or the router has it: no attacker picks
    // one, so the hash need not resist them.
    patterns: HashMap<String, usize, FxBuildHasher>,
    matcher: matchit::Router<usize>,
    /// The patterns with parameters one by one, by what stands before the first.
    parametric: HashMap<String, Vec<Parametric>, FxBuildHasher>,
    paths: Vec<PathEntry>,
    subtrees: Vec<(String, Arc<Endpoint>)>,
    fallbacks: Vec<(String, Arc<Endpoint>)>,
    endpoints: Vec<Arc<Endpoint>>,
    unclassified: Mutex<HashMap<String, Arc<Endpoint>>>,
}

/// The declarations of one pattern.
#[derive(Debug, Default)]
struct PathEntry {
    methods: Vec<(Methods, Arc<Endpoint>)>,
    /// Ends in `{*rest}`: what is below it may be another router's.
    catch_all: bool,
}

/// A pattern with parameters, for the paths that another, more specific pattern matches too.
#[derive(Debug)]
struct Parametric {
    matcher: matchit::Router<()>,
    index: usize,
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
    /// It can be read in more than one way.
    Ambiguous,
}

impl RouteTable {
    /// Adds an endpoint. The caller has seen to it that no method of it is there yet.
    pub(crate) fn insert(&mut self, endpoint: Arc<Endpoint>) -> Result<(), PatternConflict> {
        let Some(declaration) = endpoint.declaration.clone() else {
            return Ok(());
        };
        match declaration.target() {
            Target::Route { methods, paths } => {
                for path in &**paths {
                    let index = self.pattern(path)?;
                    let entry = &mut self.paths[index].methods;
                    // On a mount point, a route is more specific than the subtree.
                    entry.retain(|(_, other)| !other.is_subtree());
                    entry.push((*methods, Arc::clone(&endpoint)));
                }
            }
            // A path alone does not lead to it: its router knows it by name.
            Target::Glob { .. } => {}
            Target::Subtree { path } => {
                let prefix = path.trim_end_matches('/').to_owned();
                // What axum's own `nest_service` mounts: only the path of another service is
                // matched with these.
                for pattern in [
                    format!("{prefix}/{{*rest}}"),
                    format!("{prefix}/"),
                    prefix.clone(),
                ] {
                    if pattern.is_empty() || self.patterns.contains_key(&pattern) {
                        // A route declared for the mount point itself is the more specific one.
                        continue;
                    }
                    let index = self.pattern(&pattern)?;
                    let entry = (Methods::ANY, Arc::clone(&endpoint));
                    self.paths[index].methods.push(entry);
                }
                self.subtrees.push((prefix, Arc::clone(&endpoint)));
            }
            Target::Fallback { below } => {
                let below = below.as_deref().unwrap_or_default().to_owned();
                self.fallbacks.push((below, Arc::clone(&endpoint)));
            }
        }
        self.endpoints.push(endpoint);
        Ok(())
    }

    fn pattern(&mut self, pattern: &str) -> Result<usize, PatternConflict> {
        if let Some(known) = self.patterns.get(pattern) {
            return Ok(*known);
        }
        let index = self.paths.len();
        self.matcher
            .insert(pattern, index)
            .map_err(|error| PatternConflict {
                with: match error {
                    matchit::InsertError::Conflict { with } => Some(with),
                    _ => None,
                },
            })?;
        if let Some((before, _)) = pattern.split_once('{') {
            let mut matcher = matchit::Router::new();
            // The matcher of all patterns took it.
            let _ = matcher.insert(pattern, ());
            let known = self.parametric.entry(before.to_owned()).or_default();
            known.push(Parametric { matcher, index });
        }
        self.paths.push(PathEntry {
            catch_all: is_catch_all(pattern),
            ..PathEntry::default()
        });
        self.patterns.insert(pattern.to_owned(), index);
        Ok(index)
    }

    /// The endpoint of a pattern that a router has matched. `path`, the request's full path, matters
    /// for catch-alls alone.
    pub(crate) fn by_pattern<'p>(
        &self,
        method: &Method,
        pattern: &str,
        path: impl Fn() -> &'p str,
    ) -> Resolved<'_> {
        let Some(&index) = self.patterns.get(pattern) else {
            return self.by_mount(pattern, path());
        };
        let entry = &self.paths[index];
        // Behind a catch-all there may be a whole router or service. If the path has a more specific
        // declaration, or can be read as another one, the class of neither may be taken for the other.
        if entry.catch_all {
            if paths::is_ambiguous(path()) {
                return Resolved::Ambiguous;
            }
            let found = self.matcher.at(path());
            if found.is_ok_and(|found| *found.value != index) {
                return Resolved::Unclassified;
            }
        }
        match entry.find(method) {
            Some(endpoint) => Resolved::Endpoint(endpoint),
            None => Resolved::Unclassified,
        }
    }

    /// `/w/{*path}` is the mount of the subtree `/w`.
    #[cold]
    fn by_mount(&self, pattern: &str, path: &str) -> Resolved<'_> {
        let Some((prefix, last)) = pattern.rsplit_once('/') else {
            return Resolved::Unclassified;
        };
        let mut subtrees = self.subtrees.iter();
        match subtrees.find(|(declared, _)| declared == prefix) {
            Some((_, endpoint)) if last.starts_with("{*") => {
                if paths::is_ambiguous(path) {
                    return Resolved::Ambiguous;
                }
                let more_specific = self
                    .matcher
                    .at(path)
                    .is_ok_and(|found| !self.paths[*found.value].has(endpoint));
                if more_specific {
                    return Resolved::Unclassified;
                }
                Resolved::Endpoint(endpoint)
            }
            _ => Resolved::Unclassified,
        }
    }

    /// The endpoint of a request that an axum router has, without a pattern: a fallback answers it, or
    /// a nested service does.
    #[cold]
    pub(crate) fn without_pattern(&self, path: &str) -> Resolved<'_> {
        if paths::is_ambiguous(path) {
            return Resolved::Ambiguous;
        }
        let is_below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let service = self
            .subtrees
            .iter()
            .filter(|(prefix, _)| is_below(prefix))
            .max_by_key(|(prefix, _)| prefix.len());
        let fallbacks = || self.fallbacks.iter().filter(|(below, _)| is_below(below));
        // An undeclared fallback may be the one that answers.
        if fallbacks().next().is_none() {
            return match service.map(|(_, endpoint)| endpoint) {
                Some(endpoint)
                    if endpoint.strictness() >= 2
                        && endpoint.is_own_origin_alone()
                        && endpoint.is_by_session_alone() =>
                {
                    Resolved::Endpoint(endpoint)
                }
                _ => Resolved::Unclassified,
            };
        }
        let all: Vec<&Arc<Endpoint>> = fallbacks()
            .chain(service)
            .map(|(_, endpoint)| endpoint)
            .collect();
        strictest(&all)
    }

    /// The endpoint of a path, where no axum router is inside.
    pub(crate) fn by_path(&self, method: &Method, path: &str) -> Resolved<'_> {
        if paths::is_ambiguous(path) {
            return Resolved::Ambiguous;
        }
        let Ok(found) = self.matcher.at(path) else {
            return match self.fallbacks.as_slice() {
                [(below, endpoint)] if below.is_empty() => Resolved::Endpoint(endpoint),
                _ => Resolved::Unclassified,
            };
        };
        let found = *found.value;
        let Some(endpoint) = self.paths[found].find(method) else {
            return Resolved::Unclassified;
        };
        // The most specific pattern may be that of another router of the program: what is inside may be a
        // router that has another one alone, and lets fewer callers in there. A sender of webhooks shows its
        // proof in either case.
        if matches!(endpoint.access(), Some(Access::Webhook { .. })) {
            return Resolved::Endpoint(endpoint);
        }
        let stricter: Vec<_> = self
            .matching(path)
            .filter_map(|index| self.paths[index].find(method))
            .filter(|other| other.strictness() > endpoint.strictness())
            .collect();
        if stricter.is_empty() {
            return Resolved::Endpoint(endpoint);
        }
        strictest(&stricter)
    }

    /// The patterns with parameters that match a path.
    fn matching<'a>(&'a self, path: &'a str) -> impl Iterator<Item = usize> + 'a {
        let ends = (0..=path.len()).filter(|end| path.is_char_boundary(*end));
        let near = ends.filter_map(|end| self.parametric.get(&path[..end]));
        near.flatten()
            .filter(|pattern| pattern.matcher.at(path).is_ok())
            .map(|pattern| pattern.index)
    }

    /// What counts a route that nobody declared.
    #[cold]
    pub(crate) fn unclassified(&self, method: &Method, pattern: Option<&str>) -> Arc<Endpoint> {
        // Counters stay valid whatever a panicking thread was about to do to the map.
        let mut known = self
            .unclassified
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let route = match pattern {
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
        let endpoint = known
            .entry(route)
            .or_insert_with_key(|route| Arc::new(Endpoint::unclassified(route.clone())));
        Arc::clone(endpoint)
    }

    /// How many requests went to routes that nobody declared.
    pub(crate) fn unclassified_requests(&self) -> u64 {
        let unclassified = self
            .unclassified
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let all = unclassified.values();
        all.map(|endpoint| endpoint.counters.all_unclassified())
            .sum()
    }

    /// All endpoints, those of routes that nobody declared last.
    pub(crate) fn all(&self) -> Vec<Arc<Endpoint>> {
        let mut all = self.endpoints.clone();
        let unclassified = self
            .unclassified
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut undeclared: Vec<_> = unclassified.values().map(Arc::clone).collect();
        drop(unclassified);
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
        found.or_else(|| named(Methods::ANY))
    }

    fn has(&self, endpoint: &Arc<Endpoint>) -> bool {
        self.methods
            .iter()
            .any(|(_, one)| Arc::ptr_eq(one, endpoint))
    }
}

/// Of endpoints of which it is not known which one answers.
fn strictest<'a>(all: &[&'a Arc<Endpoint>]) -> Resolved<'a> {
    let strictest = all
        .iter()
        .copied()
        .max_by_key(|endpoint| endpoint.strictness());
    let Some(strictest) = strictest else {
        return Resolved::Unclassified;
    };
    let is_as_strict = |other: &Arc<Endpoint>| {
        other.strictness() < strictest.strictness() || other.access() == strictest.access()
    };
    let is_by_the_same = |other: &Arc<Endpoint>| {
        matches!(other.access(), Some(Access::Public { .. }))
            || other.access().and_then(Access::by) == strictest.access().and_then(Access::by)
    };
    // A webhook's proof is no session, and a session no proof; two scopes are two.
    let comparable = |other: &Arc<Endpoint>| {
        other.access() == strictest.access()
            || matches!(
                other.access(),
                Some(Access::Public { .. } | Access::Session { .. })
            ) && matches!(strictest.access(), Some(Access::Session { .. }))
                && strictest.is_own_origin_alone()
                && is_by_the_same(other)
    };
    if all
        .iter()
        .all(|other| is_as_strict(other) && comparable(other))
    {
        Resolved::Endpoint(strictest)
    } else {
        Resolved::Ambiguous
    }
}

fn is_catch_all(pattern: &str) -> bool {
    pattern
        .rsplit('/')
        .next()
        .is_some_and(|last| last.starts_with("{*"))
}

#[cfg(test)]
mod tests;
