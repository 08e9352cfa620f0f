//! From the record to attributes, and from the errors of the strict types to all else.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use session_auth::Location;
use session_auth::audit::{ListedRoute, Shape, StateRecord};

use super::calls::{self, Call, Calls};
use super::compile::{Error, Ours};
use super::declare::Target;
use super::record::Records;
use super::text::Edit;
use super::{Edits, ROUNDS, Work, by};
use crate::count::count;
use crate::error::CannotRun;

/// By file, and the number of a mark in it: the place in the record.
pub(super) type Places = HashMap<(usize, usize), (String, u32, u32)>;

/// What is to be declared above a function.
type Wanted = BTreeMap<(usize, usize), (String, Target)>;

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
    fn rows<'r>(
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
    fn target(&self, rows: Vec<&ListedRoute>) -> Option<Target> {
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
    fn declare(&mut self, wanted: Wanted, mut edits: Edits) -> Result<(), CannotRun> {
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

    /// Mends what the strict types find, round by round. What is left is listed; the packages that do not
    /// compile with it are returned.
    pub(super) fn strict(
        &mut self,
        records: &Records,
        places: &Places,
    ) -> Result<BTreeSet<usize>, CannotRun> {
        let mut tried = BTreeSet::new();
        let mut left = Vec::new();
        for _ in 0..ROUNDS {
            let errors = self.check()?;
            if errors.is_empty() {
                return Ok(BTreeSet::new());
            }
            let taken = self.take_back(&errors)?;
            self.annotated -= taken;
            if taken > 0 {
                continue;
            }
            let (mut wanted, mut edits) = (Wanted::new(), Edits::new());
            let mut parsed = HashMap::new();
            left.clear();
            for error in &errors {
                match self.mend(error, records, places, &mut parsed, &mut wanted) {
                    Ok(Some((source, more))) => edits.entry(source).or_default().extend(more),
                    Ok(None) => {}
                    Err(help) => left.push((error.clone(), help)),
                }
            }
            if !wanted.is_empty() || !edits.is_empty() {
                self.declare(wanted, edits)?;
            } else if !self.convert(&errors, &mut tried)? {
                break;
            }
        }
        let broken = self.broken(left.iter().map(|(error, _)| error));
        for (error, help) in left {
            let mut what = error.message.clone();
            // The compiler names one by its place in the copy.
            if let Some((_, rest)) = what
                .strip_prefix("`{closure@")
                .and_then(|rest| rest.split_once("}`"))
            {
                what = format!("a closure{rest}");
            }
            if let Some(source) = self.source(&error.file) {
                let at = self.sources.all[source].offset(error.start.0, error.start.1);
                let known = self.target(self.rows(records, places, source, at));
                what.extend(known.map(|target| format!(" ({})", target.arguments())));
            }
            self.leave_there((&error.file, error.start.0, error.start.1), what, help);
        }
        Ok(broken)
    }

    /// The packages that errors are of, and those that are built with them.
    fn broken<'e>(&self, errors: impl Iterator<Item = &'e Error>) -> BTreeSet<usize> {
        let all = || (0..self.packages.len()).collect();
        let owner = |error: &Error| self.owner(error);
        let Some(mut broken) = errors.map(owner).collect::<Option<BTreeSet<usize>>>() else {
            return all();
        };
        if broken.is_empty() {
            return all();
        }
        loop {
            let names: Vec<&str> = broken
                .iter()
                .map(|nth| self.packages[*nth].package.name.as_str())
                .collect();
            let uses = |nth: &usize| {
                let mut used = self.packages[*nth].package.dependencies.iter();
                used.any(|used| used.path.is_some() && names.contains(&used.name.as_str()))
            };
            let more: Vec<usize> = (0..self.packages.len())
                .filter(|nth| !broken.contains(nth) && uses(nth))
                .collect();
            if more.is_empty() {
                return broken;
            }
            broken.extend(more);
        }
    }

    /// The package whose file an error is in.
    pub(super) fn owner(&self, error: &Error) -> Option<usize> {
        let source = self.source(&error.file)?;
        self.owners.get(&source).copied()
    }

    /// What mends an error: an attribute, which goes to `wanted`, or an edit. `Err` says what a person
    /// can do.
    fn mend(
        &self,
        error: &Error,
        records: &Records,
        places: &Places,
        parsed: &mut HashMap<usize, Calls>,
        wanted: &mut Wanted,
    ) -> Result<Option<(usize, Vec<Edit>)>, &'static str> {
        let Some(ours) = error.ours() else {
            let source = self.source(&error.file).filter(|_| !error.in_macro);
            if let Some(source) = source.filter(|_| error.is_axums_router()) {
                let text = &self.sources.all[source];
                let start = text.offset(error.start.0, error.start.1);
                let end = text.offset(error.end.0, error.end.1);
                return Ok(Some((source, self.merged(source, start..end))));
            }
            return Err("the compiler's own message says more: `cargo check`");
        };
        const BY_HAND: &str = "mount it with a class in place: `get(session_auth::session(GET, \"/path\").to(handler))`; \
                               a helper of your own asks for `H: session_auth::ClassifiedHandler<T, S>`";
        const IN_SERVICE: &str = "a method router in a service shows nothing of its routes: mount it by `route`, or give a service of \
                                  tower's in its place, `tower::service_fn(..)`, which has the class of the whole mount";
        let (source, call) = self.call(error, parsed).ok_or(BY_HAND)?;
        let text = &self.sources.all[source];
        if call.in_service {
            return Err(IN_SERVICE);
        }
        let rows = self.rows(records, places, source, call.callee.start);
        let on_router = !error.rendered.contains("MethodRouter::<S>::fallback")
            && !error.rendered.contains("MethodRouter::<S, E>::fallback");
        let written = || {
            let methods = call.methods(&text.text, on_router)?;
            let path = call.path.as_deref().filter(|_| !methods.is_fallback());
            Some(Target::new(methods, path))
        };
        let target = if rows.is_empty() {
            written()
        } else {
            self.target(rows)
        };
        let library = self.library(source);
        match ours {
            Ours::Handler(shown) => {
                let mut items = self.tree.shown(shown, &error.target);
                items.retain(|item| {
                    item.takes_attribute
                        && !self.refused.contains_key(&(item.source, item.path.clone()))
                });
                let name = items.first().map_or("", |item| &item.path);
                let rows = records.rows(|row| {
                    row.function
                        .as_deref()
                        .is_some_and(|one| plain(one) == name)
                });
                // What one attribute cannot say is said where it is mounted.
                let known = if rows.is_empty() {
                    target.clone()
                } else {
                    self.target(rows)
                };
                if let Some(known) =
                    known.filter(|_| items.first().is_some_and(|item| !item.has_class))
                {
                    for item in &items {
                        let one = wanted.entry((item.source, item.attribute_at));
                        one.or_insert_with(|| (name.to_owned(), Target::default()))
                            .1
                            .add(&known);
                    }
                    return Ok(None);
                }
                if self.is_parameter(source, &call) {
                    return Err(BY_HAND);
                }
                let target = target.ok_or(BY_HAND)?;
                let inline = target.inline(library, false).ok_or(BY_HAND)?;
                let inline = by::in_place(inline, self.by());
                let Range { start, end } = call.argument;
                let todo = target.todo("").map_or(String::new(), |todo| {
                    let line = text.text[..start].rsplit('\n').next().unwrap_or_default();
                    let indent = &line[..line.len() - line.trim_start().len()];
                    format!("\n{indent}    {todo}\n{indent}    ")
                });
                Ok(Some((
                    source,
                    vec![
                        (start..start, format!("{todo}{inline}.to(")),
                        (end..end, ")".to_owned()),
                    ],
                )))
            }
            Ours::Service => {
                let inline = target.and_then(|target| target.inline(library, true)).ok_or(
                    "give it a declaration first, for all that it serves: `session_auth::session(methods::ANY, \
                     \"/path\").reason(\"..\")`",
                )?;
                let inline = by::in_place(inline, self.by());
                let at = call.first.start;
                Ok(Some((source, vec![(at..at, format!("{inline}, "))])))
            }
            Ours::Foreign if call.name == "merge" => {
                Ok(Some((source, vec![(call.callee, "merge_axum".to_owned())])))
            }
            // `fold(Router::new(), Router::merge)`
            Ours::Foreign if text.text[call.argument.clone()].ends_with("::merge") => {
                let end = call.argument.end;
                Ok(Some((source, vec![(end..end, "_axum".to_owned())])))
            }
            Ours::Foreign => Ok(Some((source, self.merged(source, call.argument)))),
        }
    }

    /// A router of axum's, taken into one of this crate's.
    fn merged(&self, source: usize, Range { start, end }: Range<usize>) -> Vec<Edit> {
        let before = format!("{}::Router::new().merge_axum(", self.library(source));
        vec![(start..start, before), (end..end, ")".to_owned())]
    }

    /// The call that an error is about. `parsed` are those of files that were read before.
    fn call(&self, error: &Error, parsed: &mut HashMap<usize, Calls>) -> Option<(usize, Call)> {
        let source = self.source(&error.file).filter(|_| !error.in_macro)?;
        let text = &self.sources.all[source];
        let calls = match parsed.entry(source) {
            Entry::Occupied(parsed) => parsed.into_mut(),
            Entry::Vacant(new) => new.insert(calls::of(&text.parse().ok()?)),
        };
        let start = text.offset(error.start.0, error.start.1);
        let end = text.offset(error.end.0, error.end.1);
        Some((source, calls.get(&(start, end))?.clone()))
    }

    /// Whether what is mounted came in as an argument: it is another one at each call.
    fn is_parameter(&self, source: usize, call: &Call) -> bool {
        let (Some(word), Some(item)) = (&call.word, self.tree.around(source, call.callee.start))
        else {
            return false;
        };
        item.sig.inputs.iter().any(|input| match input {
            syn::FnArg::Typed(typed) => {
                matches!(&*typed.pat, syn::Pat::Ident(pat) if pat.ident == word)
            }
            syn::FnArg::Receiver(_) => false,
        })
    }

    /// Takes attributes away again that do not compile, and says how many.
    pub(super) fn take_back(&mut self, errors: &[Error]) -> Result<usize, CannotRun> {
        let (mut edits, mut taken) = (Edits::new(), 0);
        for error in errors.iter().filter(|error| error.ours().is_none()) {
            let Some(source) = self.source(&error.file) else {
                continue;
            };
            let text = &self.sources.all[source];
            let at = text.offset(error.start.0, error.start.1);
            let Some(item) = self.tree.around(source, at).filter(|item| at < item.body) else {
                continue;
            };
            let key = (source, item.path.clone());
            if let Some(lines) = self.written.remove(&key) {
                let (_, inserted) = text.lines(item.attribute_at, &lines);
                let length = inserted.len() + if text.is_crlf() { lines.len() } else { 0 };
                let gone = item.attribute_at.saturating_sub(length)..item.attribute_at;
                edits.entry(source).or_default().push((gone, String::new()));
                self.refused.insert(key, error.message.clone());
                taken += 1;
            }
        }
        self.edit(edits)?;
        Ok(taken)
    }
}

/// A function's name without the arguments of a generic one; nothing for a trait's method.
fn plain(name: &str) -> &str {
    name.split('<')
        .next()
        .unwrap_or(name)
        .trim_end_matches("::")
}
