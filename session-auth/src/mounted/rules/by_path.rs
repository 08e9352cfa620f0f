//! `unclassified-route`, `opaque-mount` and `conflicting-declaration`: the class of a route of which
//! the handler is not known. It is that of the declaration with its pattern and method, if that is
//! the only one and not mounted by name elsewhere.

use std::cell::Cell;
use std::collections::HashMap;

use super::super::ask::RowKind;
use super::super::route::{Route, is_subtree};
use super::super::stand_in::is_mounted_by_name;
use crate::access::{Declaration, DeclarationRef, Methods, Target};
use crate::declared::declarations;
use crate::finding::{Code, Finding, Related};

/// How many routes get a suggestion: comparing all with all takes its time, and nobody reads more.
const SUGGESTIONS: usize = 50;
/// More edits than this make another path.
const MAX_EDITS: usize = 2;

/// All that the program declares.
pub(super) struct Program {
    by_path: HashMap<&'static str, Vec<&'static Declaration>>,
    subtrees: Vec<&'static Declaration>,
    fallbacks: Vec<&'static Declaration>,
    suggested: Cell<usize>,
}

impl Program {
    pub(super) fn new() -> Self {
        Self::of_declarations(declarations().into_iter())
    }

    pub(super) fn of_declarations(all: impl Iterator<Item = &'static Declaration>) -> Self {
        let mut program = Self {
            by_path: HashMap::new(),
            subtrees: Vec::new(),
            fallbacks: Vec::new(),
            suggested: Cell::new(0),
        };
        for declaration in all {
            match &declaration.target {
                Target::Route { paths, .. } => {
                    for path in &**paths {
                        program.by_path.entry(path).or_default().push(declaration);
                    }
                }
                // Its handler is known, or nothing is.
                Target::Glob { .. } => {}
                Target::Subtree { .. } => program.subtrees.push(declaration),
                Target::Fallback { .. } => program.fallbacks.push(declaration),
            }
        }
        program
    }

    /// The declaration that speaks for a route, and what is wrong where none does.
    pub(super) fn of(&self, route: &Route) -> (Option<DeclarationRef>, Vec<Finding>) {
        let all = self.candidates(route);
        let (named, free): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|one| is_mounted_by_name(one));
        match free.as_slice() {
            [one] => (Some(DeclarationRef::Static(one)), Vec::new()),
            [] => (None, vec![self.unclassified(route, named.first().copied())]),
            [first, second, ..] => {
                let mut related = vec![Related::Declared((*first).clone())];
                related.extend(
                    free[1..]
                        .iter()
                        .map(|other| Related::Other((*other).clone())),
                );
                related.push(Related::Differs(first.differences(second)));
                (
                    None,
                    vec![route.finding(Code::ConflictingDeclaration, related)],
                )
            }
        }
    }

    fn candidates(&self, route: &Route) -> Vec<&'static Declaration> {
        let path = route.path.as_deref();
        let on_path = |fits: &dyn Fn(Methods) -> bool| -> Vec<&'static Declaration> {
            let declared = path.and_then(|path| self.by_path.get(path));
            declared
                .into_iter()
                .flatten()
                .copied()
                .filter(|declaration| fits(declaration.target.methods()))
                .collect()
        };
        match route.kind {
            RowKind::Method(method) => {
                // The method's own declaration goes before one for any method.
                let own = on_path(&|declared| {
                    !declared.is_any()
                        && (!declared.overlap(method).is_empty()
                            || method == Methods::HEAD
                                && !declared.overlap(Methods::GET).is_empty())
                });
                if own.is_empty() {
                    on_path(&|declared: Methods| declared.is_any())
                } else {
                    own
                }
            }
            RowKind::Any | RowKind::MethodFallback | RowKind::Refused => {
                on_path(&|declared: Methods| declared.is_any())
            }
            RowKind::Service | RowKind::Nested => {
                let own = on_path(&|declared: Methods| declared.is_any());
                if !own.is_empty() && route.kind == RowKind::Service {
                    return own;
                }
                let subtree = |declaration: &&&'static Declaration| {
                    let declared = declaration.target.paths();
                    declared
                        .iter()
                        .any(|declared| path.is_some_and(|path| is_subtree(declared, path)))
                };
                self.subtrees.iter().filter(subtree).copied().collect()
            }
            RowKind::Fallback => {
                let fallback = |declaration: &&&'static Declaration| {
                    declaration.target.paths().first().map(|below| &**below) == path
                };
                self.fallbacks.iter().filter(fallback).copied().collect()
            }
        }
    }

    /// What is wrong with a route that nobody declared.
    pub(super) fn unclassified(
        &self,
        route: &Route,
        named: Option<&'static Declaration>,
    ) -> Finding {
        let code = match route.kind {
            RowKind::Service | RowKind::Nested => Code::OpaqueMount,
            // A service, that no attribute can stand on.
            RowKind::Fallback if route.opaque => Code::OpaqueMount,
            _ => Code::UnclassifiedRoute,
        };
        let mut related = Vec::new();
        if let Some(named) = named {
            related.push(Related::Other(named.clone()));
        } else if route.kind == RowKind::Nested
            && let Some(path) = route.path.as_deref()
            && let Some(declared) = self.by_path.get(path)
        {
            // By `declare_route!`, without the word that makes it a mount's.
            let without = declared.iter().find(|one| one.handler.is_empty());
            related.extend(without.map(|one| Related::Meant((*one).clone())));
        } else if code == Code::UnclassifiedRoute
            && let Some(meant) = self.meant(route)
        {
            related.push(Related::Meant(meant.clone()));
        }
        route.finding(code, related)
    }

    /// The declaration that was probably meant: of the same path with another method, or of one that
    /// lacks a prefix, a slash or a letter.
    fn meant(&self, route: &Route) -> Option<&'static Declaration> {
        let path = route.path.as_deref()?;
        if self.suggested.get() >= SUGGESTIONS {
            return None;
        }
        self.suggested.set(self.suggested.get() + 1);
        let distance = |declared: &str| {
            let (declared, path) = (simplify(declared), simplify(path));
            let prefix = declared != path
                && (declared.ends_with(&path) && !path.is_empty()
                    || path.ends_with(&declared) && !declared.is_empty());
            if prefix {
                return 1;
            }
            strsim::osa_distance(&declared, &path)
        };
        let free = self
            .by_path
            .iter()
            .filter(|(_, declared)| declared.iter().any(|one| !is_mounted_by_name(one)));
        let (_, _, declared) = free
            .map(|(declared, all)| (distance(declared), *declared, all))
            .filter(|(distance, ..)| *distance <= MAX_EDITS)
            .min_by_key(|(distance, path, _)| (*distance, *path))?;
        declared.first().copied()
    }
}

/// Lower case, parameters without their names, no slash at the end.
fn simplify(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut in_parameter = false;
    for char in path.chars() {
        match char {
            '{' => in_parameter = true,
            '}' => in_parameter = false,
            _ if in_parameter && char != '*' => continue,
            _ => {}
        }
        out.extend(char.to_lowercase());
    }
    out.truncate(out.trim_end_matches('/').len());
    out
}
