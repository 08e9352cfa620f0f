//! The compiler's name of a type, as a file would write it.

use std::collections::{HashMap, HashSet};

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Expr, Item, Lit, UseTree};

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

/// The type of a value, where its expression alone shows it: of a literal, of what `Default` makes, in an
/// `Arc`, and of another value that is known.
pub(super) fn of_value(expr: &Expr, known: &HashMap<String, String>) -> Option<String> {
    let path = |path: &syn::Path| path.to_token_stream().to_string().replace(' ', "");
    let copied = |expr: &Expr| {
        let of = match expr {
            Expr::Reference(lent) => &*lent.expr,
            other => other,
        };
        let ty = of_value(of, known)?;
        Some(ty.trim_start_matches('&').trim_start().to_owned())
    };
    match expr {
        Expr::Lit(literal) => matches!(literal.lit, Lit::Str(_)).then(|| "&str".to_owned()),
        Expr::Struct(literal) if literal.path.segments.len() == 1 => Some(path(&literal.path)),
        Expr::Path(value) => known.get(&value.path.get_ident()?.to_string()).cloned(),
        Expr::MethodCall(call) if call.method == "clone" => copied(&call.receiver),
        Expr::Call(call) => {
            let Expr::Path(function) = &*call.func else {
                return None;
            };
            let function = path(&function.path);
            let (of, name) = function.rsplit_once("::")?;
            match (of, name, call.args.first()) {
                ("Arc", "new", Some(inner)) => Some(format!("Arc<{}>", of_value(inner, known)?)),
                ("Arc", "clone", Some(inner)) => copied(inner),
                // `Default::default()` says nothing.
                (of, "default", None) if of != "Default" && !of.contains(['<', ':']) => {
                    Some(of.to_owned())
                }
                _ => None,
            }
        }
        _ => None,
    }
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
    fn a_value_shows_its_type_or_none() {
        let known = [("db", "Db"), ("lent", "& Db")];
        let known = known.map(|(name, ty)| (name.to_owned(), ty.to_owned()));
        let known = HashMap::from(known);
        for (value, expected) in [
            ("\"x\"", Some("&str")),
            ("7", None),
            ("App { db }", Some("App")),
            ("Kind::Some { db }", None),
            ("Shared::default()", Some("Shared")),
            ("Default::default()", None),
            ("Vec::<u8>::default()", None),
            ("Arc::new(App { db })", Some("Arc<App>")),
            ("Arc::new(f())", None),
            ("Arc::clone(&db)", Some("Db")),
            ("db.clone()", Some("Db")),
            ("lent.clone()", Some("Db")),
            ("&db", None),
            ("db.open()", None),
            ("App::new()", None),
        ] {
            let expr = syn::parse_str(value).expect("it parses");
            assert_eq!(of_value(&expr, &known).as_deref(), expected, "{value}");
        }
    }

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
