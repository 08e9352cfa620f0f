//! From the errors of the strict types to what mends them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::calls::{self, Call, Calls};
use super::compile::{Error, Ours};
use super::declare::Target;
use super::record::Records;
use super::recorded::{Places, Wanted, plain};
use super::text::Edit;
use super::{Edits, ROUNDS, Work, by};
use crate::error::CannotRun;

impl Work<'_> {
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
