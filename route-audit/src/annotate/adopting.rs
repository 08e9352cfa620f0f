//! The names of `session_auth::adopt` in place of axum's, as far as that compiles.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::Error;
use super::{Edits, ROUNDS, Work, imports};
use crate::error::{CannotRun, Problem};

const INTO: &str = ".into()";

impl Work<'_> {
    /// Takes axum's names over, where a file has some. These files can go back.
    pub(super) fn adopt(&mut self) -> Result<BTreeSet<usize>, CannotRun> {
        let mut adopted = Edits::new();
        for (source, is_test) in self.tree.files.clone() {
            let edited = &self.packages[self.owners[&source]];
            let Some(axum) = edited.axum.as_deref().filter(|_| !is_test) else {
                continue;
            };
            let text = &self.sources.all[source];
            if let Some(other) = imports::foreign(text) {
                let library = &edited.library;
                let help = format!(
                    "put attributes on its handlers (`#[{library}::session_route(GET, \"/path\")]`), and where its \
                     router comes out, take it in by `{library}::Router::new().merge_axum(router)`"
                );
                let what =
                    format!("the file stays on axum's imports: `{other}` names axum's own router");
                self.leave(text.place(0), what, help);
                continue;
            }
            let edits = imports::adopt(text, &text.parse()?, axum, &edited.library);
            if !edits.is_empty() {
                adopted.insert(source, edits);
            }
        }
        let files = adopted.keys().copied().collect();
        self.edit(adopted)?;
        Ok(files)
    }

    /// Makes the packages compile: by `.into()` where the compiler says so, and with axum's own names
    /// in the files where that does not do.
    pub(super) fn settle(&mut self, mut adopted: BTreeSet<usize>) -> Result<(), CannotRun> {
        let (mut tried, mut extended) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..ROUNDS {
            let mut errors = self.check()?;
            // Those of handlers without a class come later.
            errors.retain(|error| error.ours().is_none() && error.code != "E0061");
            if errors.is_empty() {
                return Ok(());
            }
            if self.convert(&errors, &mut tried)?
                || self.extend(&errors, &adopted, &mut extended)?
            {
                continue;
            }
            let mut back = BTreeMap::new();
            for error in &errors {
                for file in std::iter::once(&error.file).chain(&error.others) {
                    let source = self.source(file).filter(|source| adopted.contains(source));
                    let why = format!("{}: {}", error.place(), error.message);
                    back.extend(source.map(|source| (source, why)));
                }
            }
            if back.is_empty() {
                return Err(self.does_not_compile(&errors));
            }
            for (source, why) in back {
                adopted.remove(&source);
                let text = &mut self.sources.all[source];
                text.text = text.original.trim_start_matches('\u{feff}').to_owned();
                self.converted.retain(|(converted, _)| *converted != source);
                let text = &self.sources.all[source];
                let place = text.place(0);
                self.put(&self.sources.all[source])?;
                self.leave(
                    place,
                    format!("the file stays on axum's imports: with `session_auth`'s it does not compile ({why})"),
                    "where it meets another crate's router, `.into()`, `into_axum()` and `merge_axum(router)` lead over",
                );
            }
            self.read()?;
        }
        let errors = self.check()?;
        Err(self.does_not_compile(&errors))
    }

    /// `.into()`, where the compiler would write it. `false` if it would nowhere, or had it tried.
    pub(super) fn convert(
        &mut self,
        errors: &[Error],
        tried: &mut BTreeSet<(usize, String)>,
    ) -> Result<bool, CannotRun> {
        let mut edits = Edits::new();
        for (file, line, column) in errors.iter().filter_map(|error| error.into.as_ref()) {
            let source = self.source(file);
            let Some(source) = source.filter(|source| self.owners.contains_key(source)) else {
                continue;
            };
            let text = &self.sources.all[source];
            let at = text.offset(*line, *column);
            // The same text before it: the same place, wherever that is by now.
            if tried.insert((source, text.text[..at].to_owned())) {
                edits
                    .entry(source)
                    .or_default()
                    .push((at..at, INTO.to_owned()));
            }
        }
        let any = !edits.is_empty();
        let mut marked = Vec::new();
        for (source, edits) in &edits {
            let marks = &mut self.sources.all[*source].marks;
            for (at, _) in edits {
                marks.push(at.start);
                marked.push((*source, marks.len() - 1));
            }
        }
        self.edit(edits)?;
        for (source, mark) in marked {
            // It has moved behind what was put in at its place.
            self.sources.all[source].marks[mark] -= INTO.len();
            self.converted.push((source, mark));
        }
        Ok(any)
    }

    /// Takes out what [`convert`](Self::convert) put in: of other types the compiler may want none. Where
    /// it does, it says so again.
    pub(super) fn unconvert(&mut self) -> Edits {
        let mut edits = Edits::new();
        for (source, mark) in std::mem::take(&mut self.converted) {
            let text = &self.sources.all[source];
            let at = text.marks[mark];
            if text.text[at..].starts_with(INTO) {
                let of_file = edits.entry(source).or_default();
                of_file.push((at..at + INTO.len(), String::new()));
            }
        }
        edits
    }

    fn does_not_compile(&self, errors: &[Error]) -> CannotRun {
        let problems = errors.iter().take(5).map(|error| {
            let help = if self.source(&error.file).is_some() {
                "make `cargo check --all-targets` pass, and run this again"
            } else {
                "its package is not selected, and uses one that is: select it, too"
            };
            Problem::new("the packages do not compile")
                .at(error.place())
                .output(&error.rendered)
                .help(help)
        });
        CannotRun::unless_none(problems.collect()).expect_err("there is one")
    }
}
