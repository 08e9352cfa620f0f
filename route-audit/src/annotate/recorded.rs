//! From the record to attributes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use session_auth::Location;
use session_auth::audit::{ListedRoute, Shape, StateRecord};

use super::declare::Target;
use super::record::Records;
use super::{Edits, Work, by};
use crate::count::count;
use crate::error::CannotRun;

/// By file, and the number of a mark in it: the place in the record.
pub(super) type Places = HashMap<(usize, usize), (String, u32, u32)>;

/// What is to be declared above a function.
pub(super) type Wanted = BTreeMap<(usize, usize), (String, Target)>;

impl Work<'_> {
    /// Marks the places of the record in the files as they are. What is mounted by a test's own code is
    /// no route of the program.
    pub(super) fn places(&mut self, records: &mut Records) -> Places {
        let mut places = Places::new();
        let mut of_tests = HashSet::new();
        let mut seen = HashSet::new();
        for row in records.0.iter().flatten() {
            let key = (
                row.mounted.file.to_string(),
                row.mounted.line,
                row.mounted.column,
            );
            if seen.insert(key.clone())
                && let Some(source) = self.source(&row.mounted.file)
            {
                let text = &mut self.sources.all[source];
                let at = text.offset(key.1 as usize, key.2 as usize);
                let mark = text.mark(at);
                if self.is_test(source, at) {
                    of_tests.insert(key.clone());
                }
                places.insert((source, mark), key);
            }
        }
        for record in &mut records.0 {
            record.retain(|ListedRoute { mounted, .. }| {
                !of_tests.contains(&(mounted.file.to_string(), mounted.line, mounted.column))
            });
        }
        places
    }

    /// Marks where routers are given their state.
    pub(super) fn mark(&mut self, states: &[StateRecord]) {
        for StateRecord { given, ty } in states {
            if let Some(source) = self.source(&given.file) {
                let text = &mut self.sources.all[source];
                let mark = text.mark(text.offset(given.line as usize, given.column as usize));
                self.states.insert((source, mark), ty.to_string());
            }
        }
    }

    pub(super) fn is_test(&self, source: usize, at: usize) -> bool {
        let item = self.tree.around(source, at);
        self.tree.files.get(&source) == Some(&true) || item.is_some_and(|item| item.is_test)
    }

    /// What the record has at an offset of a file.
    pub(super) fn rows<'r>(
        &self,
        records: &'r Records,
        places: &Places,
        source: usize,
        at: usize,
    ) -> Vec<&'r ListedRoute> {
        let marks = self.sources.all[source].marks.iter().enumerate();
        let mut keys = marks
            .filter(|(_, mark)| **mark == at)
            .filter_map(|(nth, _)| places.get(&(source, nth)));
        let Some((file, line, column)) = keys.next() else {
            return Vec::new();
        };
        records.rows(|row| {
            row.mounted.file == *file && row.mounted.line == *line && row.mounted.column == *column
        })
    }

    /// What one declaration says of routes of the record, in any build.
    pub(super) fn target(&self, rows: Vec<&ListedRoute>) -> Option<Target> {
        let stands = |part: &str| {
            let mut all = self.sources.all.iter();
            all.any(|source| source.original.contains(part))
        };
        Some(Target::of_rows(rows)?.of_any_build(stands))
    }

    /// Attributes for all functions of the record.
    pub(super) fn attributes(&mut self, records: &Records) -> Result<(), CannotRun> {
        let all = records
            .0
            .iter()
            .flatten()
            .filter_map(|row| row.function.as_deref());
        let names: BTreeSet<String> = all.map(|name| plain(name).to_owned()).collect();
        let crates = names.iter().filter_map(|name| name.split("::").next());
        self.mounted = crates.map(str::to_owned).collect();
        let mut wanted = Wanted::new();
        for name in names.iter().filter(|name| !name.is_empty()) {
            let rows = records.rows(|row| {
                row.function
                    .as_deref()
                    .is_some_and(|one| plain(one) == name)
            });
            let mut items = self.tree.named(name);
            items.retain(|item| item.takes_attribute && !item.has_class);
            if let Some(target) = self.target(rows) {
                let places = items.iter().map(|item| (item.source, item.attribute_at));
                wanted.extend(places.map(|place| (place, (name.clone(), target.clone()))));
            }
        }
        self.foreign_rows(records);
        self.declare(wanted, BTreeMap::new())
    }

    /// Routes of routers that axum's own functions made: nobody knows whose they are.
    fn foreign_rows(&mut self, records: &Records) {
        let rows = records.rows(|row| row.function.is_none() && row.declaration.is_none());
        let mut by_place: BTreeMap<(&str, u32, u32), Vec<String>> = BTreeMap::new();
        for row in rows {
            let route = match row.shape {
                Shape::OpaqueMount | Shape::OpaqueRoute => {
                    format!(
                        "(ANY, {:?}, subtree, reason = \"..\")",
                        row.path.as_deref().unwrap_or("/")
                    )
                }
                _ => format!(
                    "({})",
                    Target::new(row.methods, row.path.as_deref()).arguments()
                ),
            };
            let Location { file, line, column } = &row.mounted;
            by_place
                .entry((file, *line, *column))
                .or_default()
                .push(route);
        }
        for ((file, line, column), routes) in by_place {
            self.leave_there(
                (file, line as usize, column as usize),
                format!("a router that axum's own functions made has {} without a class", count(routes.len(), "route")),
                format!(
                    "put `#[session_auth::session_route{0}]` on the handler, or declare the route in a module: \
                     `session_auth::declare_route!(session_route{0});`{1}; or give all of its routes one class: \
                     `mount_axum(session_auth::session(session_auth::methods::ANY, \"/\"), router)`",
                    routes[0],
                    match &routes[1..] {
                        [] => String::new(),
                        more => format!("; likewise {}", more.join(", ")),
                    }
                ),
            );
        }
    }

    /// Puts attributes above functions, and other edits elsewhere.
    pub(super) fn declare(&mut self, wanted: Wanted, mut edits: Edits) -> Result<(), CannotRun> {
        for ((source, at), (name, target)) in wanted {
            let mut lines = target.lines(self.library(source), &name);
            by::in_attribute(&mut lines, self.by());
            let edit = self.sources.all[source].lines(at, &lines);
            self.written.insert((source, name), lines);
            edits.entry(source).or_default().push(edit);
            self.annotated += 1;
        }
        self.edit(edits)
    }
}

/// A function's name without the arguments of a generic one; nothing for a trait's method.
pub(super) fn plain(name: &str) -> &str {
    name.split('<')
        .next()
        .unwrap_or(name)
        .trim_end_matches("::")
}
