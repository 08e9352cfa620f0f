//! What a path means, as far as the file that it stands in says: its imports, taken together.

use std::collections::HashMap;

use syn::visit::{self, Visit};
use syn::{Ident, Item, Type, UseTree};

use super::attributes::for_tests;
use super::calls;

/// Imports that lead to imports; a bound for those that lead in a circle.
const MAX_DEPTH: u32 = 8;

pub(super) struct Names<'a> {
    /// The crates' names here, and their real ones.
    crates: &'a HashMap<String, String>,
    /// A name may be imported twice, for two `cfg`s. An item of the file itself leads nowhere.
    names: HashMap<String, Vec<Vec<String>>>,
    globs: Vec<Vec<String>>,
}

impl<'a> Names<'a> {
    pub(super) fn of(file: &syn::File, crates: &'a HashMap<String, String>) -> Self {
        let mut names = Self {
            crates,
            names: HashMap::new(),
            globs: Vec::new(),
        };
        names.visit_file(file);
        names
    }

    /// The whole paths that it may stand for, each from its crate on.
    pub(super) fn meanings(&self, path: &[String]) -> Vec<Vec<String>> {
        self.look_up(path, true, MAX_DEPTH)
    }

    fn look_up(&self, path: &[String], globs: bool, depth: u32) -> Vec<Vec<String>> {
        // The modules of the file are taken together; other files are not known.
        let own = path
            .iter()
            .take_while(|name| *name == "self" || *name == "super");
        let below = path.get(own.count()..).unwrap_or_default();
        let (Some((first, rest)), Some(depth)) = (below.split_first(), depth.checked_sub(1)) else {
            return Vec::new();
        };
        if let Some(targets) = self.names.get(first) {
            let meaning = |target: &Vec<String>| {
                let whole = [target, rest].concat();
                // `use axum;`, and `use axum::{self}`.
                match target.first() == Some(first) {
                    true => vec![self.of_crate(&whole)],
                    false => self.look_up(&whole, globs, depth),
                }
            };
            return targets.iter().flat_map(meaning).collect();
        }
        let through = |glob: &Vec<String>| self.look_up(&[glob, path].concat(), false, depth);
        let all = self.globs.iter().filter(|_| globs).flat_map(through);
        let mut meanings: Vec<_> = all.filter(|meaning| calls::is_known(meaning)).collect();
        if meanings.is_empty() {
            meanings.push(self.of_crate(path));
        }
        meanings
    }

    fn of_crate(&self, path: &[String]) -> Vec<String> {
        // `::axum`.
        let path = path.strip_prefix(&[String::new()]).unwrap_or(path);
        let mut path = path.to_vec();
        if let Some(real) = path.first().and_then(|first| self.crates.get(first)) {
            path[0].clone_from(real);
        }
        path
    }

    fn add(&mut self, local: &Ident, target: Option<Vec<String>>) {
        self.names.entry(name(local)).or_default().extend(target);
    }

    fn import(&mut self, tree: &UseTree, mut path: Vec<String>) {
        let (local, last) = match tree {
            UseTree::Path(tree) => {
                path.push(name(&tree.ident));
                return self.import(&tree.tree, path);
            }
            UseTree::Group(group) => {
                return group
                    .items
                    .iter()
                    .for_each(|tree| self.import(tree, path.clone()));
            }
            UseTree::Glob(_) => return self.globs.push(path),
            UseTree::Name(tree) => (&tree.ident, &tree.ident),
            UseTree::Rename(tree) => (&tree.rename, &tree.ident),
        };
        // `use axum::{self as web}` imports the path before it.
        if last != "self" {
            path.push(name(last));
        }
        match path.last() {
            Some(last) if local == "self" => {
                self.names.entry(last.clone()).or_default().push(path);
            }
            _ => self.add(local, Some(path)),
        }
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Use(item) if !for_tests(&item.attrs) => {
                let global = item.leading_colon.map(|_| String::new());
                self.import(&item.tree, global.into_iter().collect());
            }
            Item::ExternCrate(item) => {
                if let Some((_, local)) = &item.rename {
                    self.add(local, Some(vec![String::new(), name(&item.ident)]));
                }
            }
            Item::Type(item) => {
                let alias = match &*item.ty {
                    Type::Path(alias) if alias.qself.is_none() => Some(segments(&alias.path)),
                    _ => None,
                };
                self.add(&item.ident, alias);
            }
            Item::Mod(module) if for_tests(&module.attrs) => {}
            Item::Mod(module) => {
                self.add(&module.ident, None);
                visit::visit_item(self, item);
            }
            Item::Fn(function) if for_tests(&function.attrs) => {}
            Item::Fn(function) => {
                self.add(&function.sig.ident, None);
                visit::visit_item(self, item);
            }
            _ => visit::visit_item(self, item),
        }
    }
}

/// A name without its `r#`.
pub(super) fn name(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").unwrap_or(&text).to_owned()
}

/// The segments, an empty one first for a leading `::`.
pub(super) fn segments(path: &syn::Path) -> Vec<String> {
    let global = path.leading_colon.map(|_| String::new());
    let names = path.segments.iter().map(|segment| name(&segment.ident));
    global.into_iter().chain(names).collect()
}
