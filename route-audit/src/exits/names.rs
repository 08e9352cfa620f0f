//! What a path means, as far as the file that it stands in says: its imports, taken together.

use std::collections::HashMap;

use syn::visit::{self, Visit};
use syn::{ItemUse, UseTree};

use super::files::{for_tests, name};

pub(super) struct Names<'a> {
    /// The crates' names here, and their real ones.
    crates: &'a HashMap<String, String>,
    /// A name may be imported twice, for two `cfg`s.
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

    /// The first of the whole paths that it may stand for, from its crate on, which the lint knows.
    pub(super) fn find<T>(
        &self,
        path: &[String],
        known: impl Fn(&[String]) -> Option<T>,
    ) -> Option<T> {
        // The modules of the file are taken together; other files are not known.
        let own = path
            .iter()
            .take_while(|one| *one == "self" || *one == "super");
        let path = path.get(own.count()..).unwrap_or_default();
        let (first, rest) = path.split_first()?;
        let imported = self.names.get(first).map(Vec::as_slice);
        let globs = self.globs.iter().filter(|_| imported.is_none());
        imported
            .into_iter()
            .flatten()
            .map(|target| [target, rest].concat())
            .chain(globs.map(|glob| [glob, path].concat()))
            .chain([path.to_vec()])
            .find_map(|mut whole| {
                if let Some(real) = self.crates.get(whole.first()?) {
                    whole[0].clone_from(real);
                }
                known(&whole)
            })
    }

    fn import(&mut self, tree: &UseTree, mut path: Vec<String>) {
        let (local, last) = match tree {
            UseTree::Path(tree) => {
                path.push(name(&tree.ident));
                return self.import(&tree.tree, path);
            }
            UseTree::Group(group) => {
                let trees = group.items.iter();
                return trees.for_each(|tree| self.import(tree, path.clone()));
            }
            UseTree::Glob(_) => return self.globs.push(path),
            UseTree::Name(tree) => (&tree.ident, &tree.ident),
            UseTree::Rename(tree) => (&tree.rename, &tree.ident),
        };
        // `use axum::{self as web}` imports the path before it.
        if last != "self" {
            path.push(name(last));
        }
        let local = match path.last() {
            Some(last) if local == "self" => last.clone(),
            _ => name(local),
        };
        self.names.entry(local).or_default().push(path);
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !for_tests(&item.attrs) {
            self.import(&item.tree, Vec::new());
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
}

pub(super) fn segments(path: &syn::Path) -> Vec<String> {
    let segments = path.segments.iter();
    segments.map(|segment| name(&segment.ident)).collect()
}
