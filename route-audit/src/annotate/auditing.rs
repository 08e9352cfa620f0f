//! `#[audited_router]`, and what becomes of what calls functions that get it.

use std::collections::BTreeSet;
use std::ops::Range;

use syn::Expr;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::compile::Error;
use super::outermost::{Way, returned};
use super::{Edits, Hindrance, ROUNDS, Work, manifest};
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
