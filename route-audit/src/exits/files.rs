//! The files of a package's library and binaries: their modules, less what `#[cfg(test)]` has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::Package;
use syn::{Attribute, Expr, ExprLit, Ident, Item, Lit, Meta, Token, punctuated::Punctuated};

use crate::targets::audited;

/// A file, or why nothing is known of it.
pub(super) type Sources = BTreeMap<PathBuf, Result<syn::File, String>>;

pub(super) fn program(package: &Package) -> Sources {
    let mut sources = Sources::new();
    for target in package.targets.iter().filter(|target| audited(target)) {
        let root = target.src_path.as_std_path();
        add(root, root.parent().unwrap_or(root), &mut sources);
    }
    sources
}

/// A file with its modules, which lie in `children`.
fn add(path: &Path, children: &Path, sources: &mut Sources) {
    if sources.contains_key(path) {
        return;
    }
    let parsed = fs::read_to_string(path)
        .map_err(|error| error.to_string())
        .and_then(|text| syn::parse_file(&text).map_err(|error| error.to_string()));
    let parsed = sources.entry(path.to_owned()).or_insert(parsed);
    let items = match parsed {
        Ok(file) if !for_tests(&file.attrs) => file.items.clone(),
        _ => return,
    };
    add_modules(&items, children, path.parent().unwrap_or(path), sources);
}

/// `beside` is what a `#[path]` starts from.
fn add_modules(items: &[Item], children: &Path, beside: &Path, sources: &mut Sources) {
    for item in items {
        let Item::Mod(module) = item else { continue };
        if for_tests(&module.attrs) {
            continue;
        }
        let below = children.join(name(&module.ident));
        let set = module.attrs.iter().find_map(path);
        let set = set.map(|path| beside.join(path));
        if let Some((_, items)) = &module.content {
            let below = set.unwrap_or(below);
            add_modules(items, &below, &below, sources);
        } else if let Some(file) = set {
            add(&file, file.parent().unwrap_or(&file), sources);
        } else {
            let (file, inner) = (below.with_extension("rs"), below.join("mod.rs"));
            add(
                if inner.is_file() { &inner } else { &file },
                &below,
                sources,
            );
        }
    }
}

/// The value of `#[path = ".."]`.
fn path(attr: &Attribute) -> Option<String> {
    match &attr.meta.require_name_value().ok()?.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) if attr.path().is_ident("path") => Some(text.value()),
        _ => None,
    }
}

/// Whether only tests have it: `#[cfg(test)]`, `#[cfg(all(test, ..))]`, `#[test]`,
/// `#[tokio::test]`.
pub(super) fn for_tests(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let last = attr.path().segments.last();
        match attr.parse_args::<Meta>() {
            Ok(condition) if attr.path().is_ident("cfg") => is_test(&condition),
            _ => last.is_some_and(|last| last.ident == "test"),
        }
    })
}

fn is_test(condition: &Meta) -> bool {
    match condition {
        Meta::List(list) if list.path.is_ident("all") => list
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .is_ok_and(|all| all.iter().any(is_test)),
        condition => condition.path().is_ident("test"),
    }
}

/// A name without its `r#`.
pub(super) fn name(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").unwrap_or(&text).to_owned()
}
