//! What is written, and what is said of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use cargo_metadata::Package;

use super::tree::{Item, Sources, Tree};
use super::write::{self, Change};
use super::{Edited, Left, Work, by, calls, declare, imports, manifest};
use crate::count::count;
use crate::error::CannotRun;

impl Work<'_> {
    /// Says what is not compiled, and so gets no attribute.
    pub(super) fn features(&mut self) {
        for Edited { package, .. } in &self.packages {
            let nodes = self
                .ask
                .metadata
                .resolve
                .iter()
                .flat_map(|resolve| &resolve.nodes);
            let node = nodes.into_iter().find(|node| node.id == package.id);
            let on = |name: &str| {
                node.is_some_and(|node| node.features.iter().any(|on| on.as_str() == name))
            };
            let names = package.features.keys().map(String::as_str);
            let off: Vec<&str> = names
                .filter(|name| *name != "default" && !on(name))
                .collect();
            if !off.is_empty() {
                self.notes.note(&format!(
                    "features of package `{}` are off, and what they add is not seen: {}; run this again with \
                     `--features`, or `--all-features`",
                    package.name,
                    off.join(", ")
                ));
            }
        }
    }

    pub(super) fn finish(mut self) -> Result<(String, bool), CannotRun> {
        let mut changes = Vec::new();
        for (source, owner) in &self.owners {
            let text = &self.sources.all[*source];
            let mut change = Change {
                name: text.name.clone(),
                path: text.path.clone(),
                old: text.original.clone(),
                new: text.output(),
            };
            if self.manifests.contains(source) {
                // The dependency, where its name is of use.
                let is_used = self.owners.iter().any(|(other, of)| {
                    let text = &self.sources.all[*other];
                    of == owner && !self.manifests.contains(other) && text.original != text.output()
                });
                change.new = match &self.ask.library {
                    _ if !is_used => change.old.clone(),
                    Some(library) => manifest::with_relative(&change.new, &change.path, library),
                    None => change.new,
                };
            } else {
                change.format(self.packages[*owner].package.edition.as_str());
            }
            self.new.insert(*source, change.new.clone());
            if change.old != change.new {
                changes.push(change);
            }
        }
        self.unselected();
        for (source, mark, what, help) in std::mem::take(&mut self.left_at) {
            let place = self.place(source, self.sources.all[source].marks[mark]);
            self.leave(place, what, help);
        }

        let mut text = String::new();
        if self.ask.args.dry_run {
            changes
                .iter()
                .for_each(|change| text.push_str(&change.diff()));
        } else if !changes.is_empty() {
            write::write(&self.root, &changes)?;
            changes
                .iter()
                .for_each(|change| text.push_str(&format!("edited {}\n", change.name)));
        }
        let count = |text: &str| {
            text.matches(declare::TODO.trim_start_matches("// "))
                .count()
        };
        let todos = changes
            .iter()
            .map(|change| count(&change.new).saturating_sub(count(&change.old)))
            .sum();
        for Left { place, what, help } in &self.left {
            let _ = write!(
                text,
                "\nleft to do: {what}\n  --> {place}\n  = help: {help}\n"
            );
        }
        if self.annotated > 0 {
            text.push_str(&by::skeleton(self.by(), &self.takes));
        }
        text.push_str(&self.next(changes.is_empty(), todos));
        Ok((text, self.left.is_empty()))
    }

    /// The place of an offset in what a file becomes.
    fn place(&self, source: usize, at: usize) -> String {
        let text = &self.sources.all[source];
        match self.new.get(&source) {
            Some(new) => text.place_in(new, at),
            None => text.place(at),
        }
    }

    /// Members that have handlers, perhaps, and that nobody asked to annotate.
    fn unselected(&mut self) {
        let mut members = self.ask.metadata.workspace_packages();
        members.retain(|member| {
            let selected = self
                .ask
                .selected
                .iter()
                .any(|package| package.id == member.id);
            !selected
                && !self.ask.excluded.contains(&member.name)
                && manifest::name_of(member, "axum").is_some()
                && manifest::name_of(member, "session-auth").is_none()
                && (self.mounted.contains(&member.name.replace('-', "_"))
                    || names_routers(member, &self.root))
        });
        let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        if names.is_empty() {
            return;
        }
        let mut help = format!(
            "`route-audit init --annotate --package {}`, with the same `--source`",
            names.join(" --package ")
        );
        let handlers = members
            .iter()
            .flat_map(|member| handlers(member, &self.root));
        let handlers: Vec<String> = handlers.collect();
        if !handlers.is_empty() {
            help.push_str(". It gives a class to what they mount:\n");
            for handler in handlers {
                let _ = write!(help, "\n      {handler}");
            }
        }
        self.leave(
            "Cargo.toml",
            format!(
                "members that depend on `axum` were not selected: {}",
                names.join(", ")
            ),
            help,
        );
    }

    fn next(&self, nothing: bool, todos: usize) -> String {
        if nothing && self.left.is_empty() {
            return "nothing to do: every handler has a class\n".to_owned();
        }
        let mut text = format!(
            "\n{} annotated, {} left to do\n",
            count(self.annotated, "handler"),
            self.left.len()
        );
        if self.ask.args.dry_run {
            text.push_str("nothing was written\n");
            return text;
        }
        let served = |(source, mark): &(usize, usize)| {
            let at = self.sources.all[*source].marks[*mark];
            self.place(*source, at)
        };
        let served: Vec<String> = self.served.iter().map(served).collect();
        let served = match served.as_slice() {
            [] => String::new(),
            places => format!(" ({})", places.join(", ")),
        };
        let mut steps = Vec::new();
        if !self.left.is_empty() {
            steps.push(if self.compiles {
                "Do what is left, by the list above.".to_owned()
            } else {
                "Do what is left, by the list above: until then it does not compile. Run this again.".to_owned()
            });
        }
        if todos > 0 {
            steps.push(format!(
                "Decide on each `TODO(access)` ({todos}): until then their class is `session`."
            ));
        }
        for (source, text) in self.sources.all.iter().enumerate() {
            let Some(file) = self.owners.get(&source).and_then(|_| text.parse().ok()) else {
                continue;
            };
            for at in calls::computed_nests(&file) {
                steps.push(format!(
                    "The path of `nest` is computed ({}). A prefix that only the configuration knows goes around all\n     \
                     routes by `routes.under(prefix)`: then no declaration has it. `check --fix` takes it out of them.",
                    self.place(source, at)
                ));
            }
        }
        let names: Vec<String> = self
            .at_start
            .iter()
            .map(|(_, name)| format!("`{name}`"))
            .collect();
        let mut check = "Run `route-audit check`: it says where router and declarations disagree, and with `--fix` mends\n     \
             methods and paths.";
        if !names.is_empty() {
            check = "Run `route-audit check --run \"COMMAND\"` with what starts the service: it says where router and\n     \
                 declarations disagree, and with `--fix` mends methods and paths.";
            steps.push(format!(
                "No test has what {} takes, so the router is audited where it is protected. In tests that want its\n     \
                 handlers to run, `.unprotected()` gives them a plain router; it needs `features = [\"testing\"]`\n     \
                 of `session-auth` in `dev-dependencies`.",
                names.join(", ")
            ));
        }
        steps.extend([
            format!(
                "Protect the router where it is served{}: `let app = auth.protect(routes())?;`, where\n     `auth` is \
                 `SessionAuthLayer::{}.build()?`. Until then its handlers refuse.",
                served,
                by::builder(self.by())
            ),
            check.to_owned(),
            "Run `route-audit init`: the lock, the configuration, a workflow.".to_owned(),
        ]);
        text.push_str("\nNext:\n");
        for (nth, step) in (1..).zip(steps) {
            let _ = writeln!(text, "  {nth}. {step}");
        }
        text
    }
}

/// Whether a package has to do with routers, outside of its tests: a library for handlers mounts nothing.
fn names_routers(package: &Package, root: &Path) -> bool {
    let (mut sources, mut tree) = (Sources::default(), Tree::default());
    let axum = manifest::name_of(package, "axum").unwrap_or_default();
    let mut targets = package.targets.iter();
    // What cannot be read says so when it is selected.
    if targets.any(|target| tree.add(&mut sources, target, root).is_err()) {
        return true;
    }
    tree.files
        .iter()
        .filter(|(_, is_test)| !**is_test)
        .any(|(source, _)| {
            let text = &sources.all[*source];
            let names = |file| !imports::adopt(text, &file, &axum, "session_auth").is_empty();
            text.parse().map_or(true, names)
        })
}

/// What a package mounts, as far as its source shows it, by place. One that cannot be read says so when
/// it is selected.
fn handlers(package: &Package, root: &Path) -> Vec<String> {
    let (mut sources, mut tree) = (Sources::default(), Tree::default());
    for target in &package.targets {
        let _ = tree.add(&mut sources, target, root);
    }
    let mut found = BTreeSet::new();
    for (source, _) in tree.files.iter().filter(|(_, is_test)| !**is_test) {
        let text = &sources.all[*source];
        let Ok(file) = text.parse() else { continue };
        for call in calls::of(&file).into_values() {
            let at = call.argument.start;
            let is_test = tree.around(*source, at).is_some_and(|item| item.is_test);
            if is_test || call.methods(&text.text, true).is_none() {
                continue;
            }
            let path = text.text[call.argument]
                .split('<')
                .next()
                .unwrap_or_default();
            let words = path
                .split("::")
                .filter(|word| !matches!(*word, "" | "crate" | "self" | "super"));
            let end = words.fold(String::new(), |end, word| end + "::" + word);
            let mut items: Vec<&Item> = tree.items.iter().collect();
            items.retain(|item| item.takes_attribute && !item.is_test && item.path.ends_with(&end));
            // Others of that name are meant elsewhere.
            if items.iter().any(|item| item.source == *source) {
                items.retain(|item| item.source == *source);
            }
            let shown = items.iter().map(|item| {
                (
                    item.source,
                    item.attribute_at,
                    format!("`{}`", item.sig.ident),
                )
            });
            found.extend(shown);
            if items.is_empty() && call.mounts_closure {
                found.insert((*source, at, "a closure".to_owned()));
            }
        }
    }
    found
        .into_iter()
        .map(|(source, at, what)| format!("{}: {what}", sources.all[source].place(at)))
        .collect()
}
