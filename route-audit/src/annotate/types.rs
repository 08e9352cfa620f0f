//! The compiler's name of a type, as a file would write it.

use std::collections::HashSet;

use syn::visit::{self, Visit};
use syn::{Item, UseTree};

/// The name of a type that another file may have: what this one imports or defines by its own name
/// alone, what is of its crate from there on.
pub(super) fn named(ty: &str, file: &syn::File, own_crate: &str) -> String {
    let known = names(file);
    let mut text = String::new();
    let mut rest = ty;
    while !rest.is_empty() {
        let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
        let end = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
        let (path, after) = rest.split_at(end);
        text.push_str(&shortened(path, &known, own_crate));
        let end = after.find(is_path).unwrap_or(after.len());
        text.push_str(&after[..end]);
        rest = &after[end..];
    }
    text
}

/// In scope wherever nobody hides them.
const PRELUDE: [&str; 5] = ["Box", "Option", "Result", "String", "Vec"];

fn shortened(path: &str, known: &HashSet<String>, own_crate: &str) -> String {
    let Some((first, rest)) = path.split_once("::") else {
        return path.to_owned();
    };
    let last = rest.rsplit("::").next().unwrap_or(rest);
    let is_std = matches!(first, "alloc" | "core" | "std");
    if known.contains(last) || is_std && PRELUDE.contains(&last) {
        last.to_owned()
    } else if is_std {
        format!("std::{rest}")
    } else if first == own_crate {
        format!("crate::{rest}")
    } else {
        path.to_owned()
    }
}

/// What a file imports and defines, outside of its modules.
fn names(file: &syn::File) -> HashSet<String> {
    struct Imports(HashSet<String>);
    impl<'ast> Visit<'ast> for Imports {
        fn visit_use_tree(&mut self, tree: &'ast UseTree) {
            match tree {
                UseTree::Name(tree) => self.0.extend([tree.ident.to_string()]),
                UseTree::Rename(tree) => self.0.extend([tree.rename.to_string()]),
                _ => visit::visit_use_tree(self, tree),
            }
        }
    }
    let mut imports = Imports(HashSet::new());
    for item in &file.items {
        match item {
            Item::Use(item) => imports.visit_item_use(item),
            Item::Struct(item) => imports.0.extend([item.ident.to_string()]),
            Item::Enum(item) => imports.0.extend([item.ident.to_string()]),
            Item::Trait(item) => imports.0.extend([item.ident.to_string()]),
            _ => {}
        }
    }
    imports.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_called_as_its_file_would() {
        let file = syn::parse_file(
            "use std::sync::{Arc, Mutex as Lock}; mod state { struct Inner; } struct Mine;",
        )
        .expect("it parses");
        for (ty, expected) in [
            ("u8", "u8"),
            ("shop::Mine", "Mine"),
            ("shop::state::Inner", "crate::state::Inner"),
            ("other::Pool", "other::Pool"),
            (
                "alloc::sync::Arc<(dyn shop::Repo + core::marker::Send)>",
                "Arc<(dyn crate::Repo + std::marker::Send)>",
            ),
            (
                "(alloc::string::String, core::option::Option<&str>)",
                "(String, Option<&str>)",
            ),
        ] {
            assert_eq!(named(ty, &file, "shop"), expected);
        }
    }
}
