//! The names of `session_auth::adopt` in place of axum's, as far as that compiles.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::Error;
use super::{Edits, ROUNDS, Work, imports};
use crate::error::{CannotRun, Problem};

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
        let mut tried = BTreeSet::new();
        for _ in 0..ROUNDS {
            let mut errors = self.check()?;
            // Those of handlers without a class come later.
            errors.retain(|error| error.ours().is_none() && error.code != "E0061");
            if errors.is_empty() {
                return Ok(());
            }
            if self.convert(&errors, &mut tried)? {
                continue;
            }
            let mut back = BTreeMap::new();
            for error in &errors {
                for file in std::iter::once(&error.file).chain(&error.others) {
                    let source = self.source(file).filter(|source| adopted.contains(source));
                    back.extend(source.map(|source| (source, error.message.clone())));
                }
            }
            if back.is_empty() {
                return Err(self.does_not_compile(&errors));
            }
            for (source, why) in back {
                adopted.remove(&source);
                let text = &mut self.sources.all[source];
                text.text = text.original.trim_start_matches('\u{feff}').to_owned();
                let place = text.place(0);
                self.put(&self.sources.all[source])?;
                self.leave(
                    place,
                    format!("the file stays on axum's imports: with `session_auth`'s it does not compile ({why})"),
                    "where it meets another crate's router, `.into()`, `into_axum()` and `merge_axum(router)` lead over",
                );
            }
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
                    .push((at..at, ".into()".to_owned()));
            }
        }
        let any = !edits.is_empty();
        self.edit(edits)?;
        Ok(any)
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
