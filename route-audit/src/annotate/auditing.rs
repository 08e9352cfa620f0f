//! Which functions get `#[audited_router]`, and what becomes of those that call them.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, GenericArgument, PathArguments, ReturnType, Type};

use super::apart::{self, Apart, Known};
use super::compile::Error;
use super::tree::Item;
use super::{Edits, Hindrance, ROUNDS, Work, manifest, types, write};
use crate::error::CannotRun;

/// Package, file, place, function and line.
type Attribute = (usize, usize, usize, String, String);

/// A file's text, and the marks in it.
type Before = (String, Vec<usize>);

impl Work<'_> {
    /// Audits the outermost functions that return a router, where that is plain: by a test, or where no
    /// test can call them, at the start. The others are listed, with the text to write. In packages that do not
    /// compile yet nothing is audited before the next run.
    pub(super) fn audit(&mut self, broken: &BTreeSet<usize>) -> Result<(), CannotRun> {
        let (mut attributes, mut left) = (Vec::new(), Vec::new());
        let mut started = BTreeSet::new();
        for (nth, edited) in self.packages.iter().enumerate() {
            for item in self.outermost(nth) {
                let (source, at) = (item.source, item.attribute_at);
                let name = item.sig.ident.to_string();
                let unbuilt = self.unbuilt.get(&(source, name.clone())).cloned();
                let panicked = unbuilt.as_ref().and_then(|unbuilt| unbuilt.panicked);
                let way = match unbuilt {
                    Some(Hindrance { what, help, .. }) => Way::Hand(what, help),
                    None => self.way(nth, item),
                };
                let at_start = match way {
                    Way::Test | Way::Start if broken.contains(&nth) => continue,
                    Way::Test => false,
                    Way::Start => true,
                    Way::Hand(what, help) => {
                        left.push((source, item.path.clone(), what, help, panicked));
                        continue;
                    }
                };
                let end = if at_start { "(at_start)" } else { "" };
                let line = format!("#[{}::audited_router{end}]", edited.library);
                attributes.push((nth, source, at, item.path.clone(), line));
                if at_start {
                    started.insert((source, name));
                }
            }
        }
        self.at_start = started;
        let failed = self.put_attributes(&attributes, broken)?;
        for (nth, source, _, path, line) in attributes {
            let name = path.rsplit("::").next().unwrap_or(&path).to_owned();
            let (what, help) = match self.refused.get(&(source, path.clone())) {
                Some(message) => returned(&name, message),
                None if failed.contains(&nth) => (
                    format!(
                        "`{name}` returns a router, and its callers do not compile with one that is audited"
                    ),
                    format!(
                        "write `{line}` above it, and `auth.protect({name}(..))?` where it is served"
                    ),
                ),
                None => continue,
            };
            self.at_start.remove(&(source, name));
            left.push((source, path, what, help, None));
        }
        for (source, path, what, help, panicked) in left {
            let items = self.tree.named(&path);
            let at = items.first().map_or(0, |item| item.attribute_at);
            match panicked {
                Some((source, mark)) => self.left_at.push((source, mark, what, help)),
                None => self.leave_at(source, at, what, help),
            }
        }
        Ok(())
    }

    /// Puts attributes above functions. Returns the
    /// packages that do not compile with theirs, and are as they were.
    fn put_attributes(
        &mut self,
        all: &[Attribute],
        broken: &BTreeSet<usize>,
    ) -> Result<BTreeSet<usize>, CannotRun> {
        if all.is_empty() {
            return Ok(BTreeSet::new());
        }
        let texts = self.sources.all.iter();
        let before: Vec<_> = texts
            .map(|source| (source.text.clone(), source.marks.clone()))
            .collect();
        let mut edits = Edits::new();
        self.written.clear();
        for (_, source, at, path, line) in all {
            let lines = vec![line.clone()];
            let edit = self.sources.all[*source].lines(*at, &lines);
            edits.entry(*source).or_default().push(edit);
            self.written.insert((*source, path.clone()), lines);
        }
        self.edit(edits)?;
        self.repair(&before, broken)
    }

    /// The names of the functions that return a router.
    fn builders(&self, nth: usize) -> HashSet<&str> {
        let mut items: Vec<&Item> = self.tree.items.iter().collect();
        items.retain(|item| {
            self.owners.get(&item.source) == Some(&nth) && !item.is_test && returns_router(item)
        });
        let names = items.into_iter();
        names
            .filter_map(|item| item.path.rsplit("::").next())
            .collect()
    }

    /// The functions that build a router which no other function takes into its own. None, where
    /// somebody has chosen already.
    pub(super) fn outermost(&self, nth: usize) -> Vec<&Item> {
        let mut seen = BTreeSet::new();
        let names = self.builders(nth);
        let mut builders: Vec<&Item> = self.tree.items.iter().collect();
        builders.retain(|item| {
            self.owners.get(&item.source) == Some(&nth)
                && !item.is_test
                && (item.builds
                    || returns_router(item)
                    || item
                        .extends
                        .iter()
                        .any(|name| names.contains(name.as_str())))
                && seen.insert((item.source, item.attribute_at))
        });
        if builders.iter().any(|item| item.is_audited) {
            return Vec::new();
        }
        let is_inner = |item: &Item| {
            let name = item.sig.ident.to_string();
            let mut others = builders.iter().filter(|other| !std::ptr::eq(**other, item));
            returns_something(item) && others.any(|other| other.words.contains(&name))
        };
        builders
            .iter()
            .copied()
            .filter(|item| !is_inner(item))
            .collect()
    }

    pub(super) fn way(&self, nth: usize, item: &Item) -> Way {
        let (source, library) = (&self.sources.all[item.source], &self.packages[nth].library);
        let name = &item.sig.ident;
        let attribute = format!("#[{library}::audited_router]");
        let returns = returns_router(item);
        if returns && (!item.is_free || item.is_inner) {
            let what = if item.is_inner {
                "stands in another function"
            } else {
                "is a method"
            };
            return Way::Hand(
                format!("`{name}` returns a router, and {what}"),
                format!("write a function in a module that returns the same, with `{attribute}`"),
            );
        }
        if returns && item.sig.inputs.is_empty() && item.sig.generics.params.is_empty() {
            return Way::Test;
        }
        let what = if returns {
            format!("`{name}` returns a router, and takes arguments that a test has to have, too")
        } else {
            format!("`{name}` builds its router among other things, where no test can call it")
        };
        let state = |at| self.state(nth, item, at);
        let known = Known {
            library,
            builders: self.builders(nth),
            state: &state,
        };
        let help = match apart::apart(source, item, &known, !returns) {
            Some(apart) if returns && !apart.takes.is_empty() => return Way::Start,
            Some(Apart {
                function,
                call,
                takes,
                unknown,
            }) => {
                let function =
                    write::rustfmt(&function, "2024", Path::new(".")).unwrap_or(function);
                let returned = if returns {
                    format!(", which then returns `{library}::Audited`,")
                } else {
                    String::new()
                };
                let unknown = if unknown.is_empty() {
                    String::new()
                } else {
                    format!(" (for {})", unknown.join(" and "))
                };
                let started = if takes.is_empty() {
                    String::new()
                } else {
                    format!(
                        ". It is audited when the program protects it, by `route-audit check --run \"COMMAND\"`; where a \
                     test has {}, by `plain = routes(..)` in place of `at_start`",
                        takes.join(" and ")
                    )
                };
                format!(
                    "in `{name}`{returned} write `{call}` for the router, which becomes a function of its own{unknown}{started}:\n\n{}",
                    indented(&function)
                )
            }
            None if returns => return Way::Start,
            None => format!(
                "move it to a function of its own: `{attribute} fn routes() -> {library}::Router {{ .. }}`; a state goes in \
             after it: `fn routes() -> {library}::Router<AppState>`, and `routes().with_state(state)` in `{name}`"
            ),
        };
        Way::Hand(what, help)
    }

    /// The type of what `with_state` at an offset is given, as a file of that package writes it.
    fn state(&self, nth: usize, item: &Item, at: usize) -> Option<String> {
        let source = &self.sources.all[item.source];
        let is_there = |(key, _): &(&(usize, usize), &String)| {
            key.0 == item.source && source.marks[key.1] == at
        };
        let (_, ty) = self.states.iter().find(is_there)?;
        // A program has the same name as the library of its package, often.
        let targets = &self.packages[nth].package.targets;
        let own = item.path.split("::").next().unwrap_or_default();
        let is_library = targets
            .iter()
            .any(|target| target.is_lib() && target.name.replace('-', "_") == own);
        let is_main = targets
            .iter()
            .any(|target| target.is_bin() && target.src_path.as_std_path() == source.path);
        let own = if is_library && is_main { "" } else { own };
        Some(types::named(ty, &source.parse().ok()?, own))
    }

    /// Leads from an audited router over to a plain one, where the callers want that. Packages that do
    /// not compile all the same get their texts of before.
    fn repair(
        &mut self,
        before: &[Before],
        broken: &BTreeSet<usize>,
    ) -> Result<BTreeSet<usize>, CannotRun> {
        let (mut tried, mut failed) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..ROUNDS {
            let mut errors = self.check()?;
            errors.retain(|error| self.owner(error).is_none_or(|nth| !broken.contains(&nth)));
            if errors.is_empty() {
                return Ok(failed);
            }
            if self.take_back(&errors)? > 0 {
                continue;
            }
            let mut edits = Edits::new();
            let (mut testing, mut seen) = (BTreeSet::new(), BTreeSet::new());
            let mut served = Vec::new();
            let about = |error: &&Error| error.rendered.contains("Audited") && !error.in_macro;
            for error in errors.iter().filter(about) {
                let Some(source) = self.source(&error.file) else {
                    continue;
                };
                let text = &self.sources.all[source];
                let at = text.offset(error.start.0, error.start.1)
                    ..text.offset(error.end.0, error.end.1);
                let Some(Range { start, end }) = router_at(&text.parse()?, &at, error) else {
                    continue;
                };
                if !seen.insert((source, start)) {
                    continue;
                }
                let of_file = edits.entry(source).or_default();
                if self.is_test(source, start) {
                    // An axum router already: there is nothing to turn it into.
                    let into = text.text[end..]
                        .strip_prefix(".into()")
                        .map_or(0, |_| ".into()".len());
                    of_file.push((end..end + into, ".unprotected()".to_owned()));
                    testing.extend(self.owners.get(&source).copied());
                } else {
                    served.push((source, start));
                    of_file.push((
                        start..start,
                        format!("{}::Router::from(", self.library(source)),
                    ));
                    of_file.push((end..end, ")".to_owned()));
                }
            }
            if edits.is_empty() && !self.convert(&errors, &mut tried)? {
                let files = errors.iter().filter_map(|error| self.source(&error.file));
                let mut back: BTreeSet<usize> = files
                    .filter_map(|source| self.owners.get(&source).copied())
                    .collect();
                back.retain(|nth| failed.insert(*nth));
                if back.is_empty() {
                    break;
                }
                self.restore(before, &failed)?;
            }
            for (source, start) in served {
                let mark = self.sources.all[source].mark(start);
                self.served.insert((source, mark));
            }
            self.edit(edits)?;
            for nth in testing {
                let source = self.manifests[nth];
                let text = &mut self.sources.all[source].text;
                *text = manifest::with_testing(text)?;
                self.put(&self.sources.all[source])?;
            }
        }
        failed.extend(0..self.packages.len());
        self.restore(before, &failed)?;
        Ok(failed)
    }

    fn restore(&mut self, before: &[Before], packages: &BTreeSet<usize>) -> Result<(), CannotRun> {
        for (source, (text, marks)) in before.iter().enumerate() {
            if self
                .owners
                .get(&source)
                .is_some_and(|nth| packages.contains(nth))
            {
                self.sources.all[source].text.clone_from(text);
                self.sources.all[source].marks.clone_from(marks);
                self.put(&self.sources.all[source])?;
                self.served.retain(|(served, _)| *served != source);
            }
        }
        Ok(self.read()?)
    }
}

/// How the router of a function comes to be audited.
pub(super) enum Way {
    /// By the attribute, whose test calls it.
    Test,
    /// By the attribute, when the program protects it: it takes what no test has.
    Start,
    /// By a person: what is in the way, and what to do.
    Hand(String, String),
}

/// What to say of a function whose return type is called `Router`, and does not compile as one.
pub(super) fn returned(name: &str, message: &str) -> (String, String) {
    (
        format!("what `{name}` returns cannot be audited: {message}"),
        "if there is a router of axum's in it, return that; if not, there is nothing to do"
            .to_owned(),
    )
}

fn indented(text: &str) -> String {
    let line = |line: &str| format!("      {line}").trim_end().to_owned() + "\n";
    text.lines().map(line).collect()
}

/// Whether a caller gets anything from a function, so that it may be a router: not of `async fn serve()`.
fn returns_something(item: &Item) -> bool {
    fn is_something(ty: &Type) -> bool {
        match ty {
            Type::Never(_) => false,
            Type::Tuple(tuple) => !tuple.elems.is_empty(),
            Type::Path(path) => path.path.segments.last().is_none_or(|last| {
                match &last.arguments {
                    PathArguments::AngleBracketed(args) if last.ident == "Result" => {
                        !matches!(args.args.first(), Some(GenericArgument::Type(ty)) if !is_something(ty))
                    }
                    _ => true,
                }
            }),
            _ => true,
        }
    }
    matches!(&item.sig.output, ReturnType::Type(_, ty) if is_something(ty))
}

/// `Router`, a `Result` of one, or a tuple that begins with one.
fn returns_router(item: &Item) -> bool {
    fn is_router(ty: &Type) -> bool {
        match ty {
            Type::Path(path) => path.path.segments.last().is_some_and(|last| match &last.arguments {
                _ if last.ident == "Router" => true,
                PathArguments::AngleBracketed(args) if last.ident == "Result" => {
                    matches!(args.args.first(), Some(GenericArgument::Type(ty)) if is_router(ty))
                }
                _ => false,
            }),
            Type::Tuple(tuple) => tuple.elems.first().is_some_and(is_router),
            _ => false,
        }
    }
    matches!(&item.sig.output, ReturnType::Type(_, ty) if is_router(ty))
}

/// The expression that an error is about: at its place, or what a method of that name is called on.
fn router_at(file: &syn::File, at: &Range<usize>, error: &Error) -> Option<Range<usize>> {
    struct Finder<'a>(&'a Range<usize>, bool, Option<Range<usize>>);
    impl<'ast> Visit<'ast> for Finder<'_> {
        fn visit_expr(&mut self, expr: &'ast Expr) {
            let range = expr.span().byte_range();
            if range == *self.0 {
                self.2 = Some(range.clone());
            }
            if let Expr::MethodCall(call) = expr
                && self.1
                && call.method.span().byte_range() == *self.0
            {
                self.2 = Some(call.receiver.span().byte_range());
            }
            if range.start <= self.0.start && self.0.end <= range.end {
                visit::visit_expr(self, expr);
            }
        }
    }
    // A method of the audited router, or `.into()` on one: not of what it is an argument of.
    let before = error.message.split("Audited").next().unwrap_or_default();
    let before = before.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':'));
    let is_receiver = before.ends_with("struct `") || before.ends_with("From<");
    let mut finder = Finder(at, is_receiver, None);
    finder.visit_file(file);
    finder.2
}
