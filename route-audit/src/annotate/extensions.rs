//! Traits that are implemented for the router, and that a test, or a file that stays on axum's imports,
//! calls on axum's own: they get a second implementation, for that one.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{ImplItem, ItemImpl, ItemUse, Type, UseTree};

use super::compile::Error;
use super::text::Source;
use super::{Edits, Work};
use crate::error::CannotRun;

impl Work<'_> {
    /// Implements for axum's router what errors miss there. `false` where nothing is missed, or it was
    /// tried.
    pub(super) fn extend(
        &mut self,
        errors: &[Error],
        adopted: &BTreeSet<usize>,
        tried: &mut BTreeSet<(usize, String)>,
    ) -> Result<bool, CannotRun> {
        let mut edits = Edits::new();
        for error in errors {
            let Some(missed) = Missed::of(error) else {
                continue;
            };
            let place = self.source(&error.file);
            for source in adopted {
                let text = &self.sources.all[*source];
                let adopt = format!("{}::adopt", self.library(*source));
                for one in implementations(text, &adopt, &missed) {
                    if !tried.insert((*source, one.name)) {
                        continue;
                    }
                    let for_tests = place.is_some_and(|place| {
                        place == *source && self.is_test(place, self.offset(error))
                    });
                    let indent = text.indent(one.range.start);
                    let attribute = if for_tests {
                        format!("#[cfg(test)]\n{indent}")
                    } else {
                        String::new()
                    };
                    let copy = format!("\n\n{indent}{attribute}{}", one.copy);
                    let of_file = edits.entry(*source).or_default();
                    of_file.push((one.range.end..one.range.end, copy));
                }
            }
        }
        let any = !edits.is_empty();
        self.edit(edits)?;
        Ok(any)
    }

    fn offset(&self, error: &Error) -> usize {
        self.source(&error.file).map_or(0, |source| {
            self.sources.all[source].offset(error.start.0, error.start.1)
        })
    }
}

/// What axum's router has not.
#[derive(Debug, PartialEq, Eq)]
enum Missed {
    Method(String),
    Trait(String),
}

impl Missed {
    fn of(error: &Error) -> Option<Self> {
        Self::of_message(&error.message)
    }

    fn of_message(message: &str) -> Option<Self> {
        if !message.contains("Router") {
            return None;
        }
        if let Some(rest) = message.strip_prefix("no method named `") {
            return Some(Self::Method(rest.split('`').next()?.to_owned()));
        }
        // "the trait bound `axum::Router: shop::Extended` is not satisfied"
        let bound = message
            .strip_prefix("the trait bound `")?
            .split('`')
            .next()?;
        let name = bound.rsplit(": ").next()?.split('<').next()?;
        Some(Self::Trait(name.rsplit("::").next()?.to_owned()))
    }
}

struct Implementation {
    name: String,
    range: Range<usize>,
    copy: String,
}

/// What a file implements for the router of `adopt`, as it would be for axum's.
fn implementations(source: &Source, adopt: &str, missed: &Missed) -> Vec<Implementation> {
    let Ok(file) = source.parse() else {
        return Vec::new();
    };
    let mut finder = Finder {
        adopt,
        names: HashMap::new(),
        missed,
        found: Vec::new(),
    };
    finder.visit_file(&file);
    let Finder { names, found, .. } = finder;
    let copied = |(name, range, tokens): (String, Range<usize>, TokenStream)| {
        let mut edits = Vec::new();
        axums(tokens, adopt, &names, &mut edits);
        // Only what names the router itself is implemented for it.
        let mut copy = source.text[range.clone()].to_owned();
        for (at, text) in edits.into_iter().rev() {
            copy.replace_range(at.start - range.start..at.end - range.start, &text);
        }
        (copy != source.text[range.clone()]).then_some(Implementation { name, range, copy })
    };
    found.into_iter().filter_map(copied).collect()
}

/// Leads the names of `adopt` back to axum's, also those that are imported.
fn axums(
    tokens: TokenStream,
    adopt: &str,
    names: &HashMap<String, String>,
    edits: &mut Vec<(Range<usize>, String)>,
) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let text = |nth: usize| tokens.get(nth).map(ToString::to_string).unwrap_or_default();
    let path: Vec<&str> = adopt.split("::").collect();
    let mut nth = 0;
    while nth < tokens.len() {
        let range = tokens[nth].span().byte_range();
        if let TokenTree::Group(group) = &tokens[nth] {
            axums(group.stream(), adopt, names, edits);
        } else if text(nth) == path[0] && text(nth + 3) == path[1] && text(nth + 1) == ":" {
            let end = tokens[nth + 3].span().byte_range().end;
            edits.push((range.start..end, "axum".to_owned()));
            nth += 3;
        } else if let Some(whole) = names.get(&text(nth)) {
            let before = nth.checked_sub(1).map(text).unwrap_or_default();
            if !matches!(before.as_str(), ":" | ".") {
                edits.push((range, format!("axum::{whole}")));
            }
        }
        nth += 1;
    }
}

struct Finder<'a> {
    adopt: &'a str,
    /// What the file calls the names of `adopt`, and the path of each from there.
    names: HashMap<String, String>,
    missed: &'a Missed,
    found: Vec<(String, Range<usize>, TokenStream)>,
}

impl Finder<'_> {
    fn import(&mut self, tree: &UseTree, path: &str) {
        let joined = |name: &syn::Ident| format!("{path}::{name}");
        let taken = |whole: &str| {
            let below = whole.strip_prefix(self.adopt)?;
            below.strip_prefix("::").map(str::to_owned)
        };
        match tree {
            UseTree::Path(tree) => {
                let whole = if path.is_empty() {
                    tree.ident.to_string()
                } else {
                    joined(&tree.ident)
                };
                self.import(&tree.tree, &whole);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, path);
                }
            }
            UseTree::Name(tree) if tree.ident == "self" => {
                let last = path.rsplit("::").next().unwrap_or(path).to_owned();
                self.names.extend(taken(path).map(|whole| (last, whole)));
            }
            UseTree::Name(tree) => {
                let whole = taken(&joined(&tree.ident));
                self.names
                    .extend(whole.map(|whole| (tree.ident.to_string(), whole)));
            }
            UseTree::Rename(tree) => {
                let whole = taken(&joined(&tree.ident));
                self.names
                    .extend(whole.map(|whole| (tree.rename.to_string(), whole)));
            }
            UseTree::Glob(_) => {}
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&item.tree, "");
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let Some((path, _)) = &item.trait_ else {
            return;
        };
        let name = path.segments.last().map(|last| last.ident.to_string());
        let is_router = matches!(&*item.self_ty, Type::Path(ty)
            if ty.path.segments.last().is_some_and(|last| last.ident == "Router" || self.names.get(&last.ident.to_string()).is_some_and(|whole| whole == "Router")));
        let is_meant = match self.missed {
            Missed::Trait(meant) => name.as_ref() == Some(meant),
            Missed::Method(meant) => item.items.iter().any(|item| match item {
                ImplItem::Fn(function) => function.sig.ident == meant,
                _ => false,
            }),
        };
        if let Some(name) = name.filter(|_| is_router && is_meant) {
            let range = item.span().byte_range();
            self.found.push((name, range, item.to_token_stream()));
        }
        visit::visit_item_impl(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(text: &str, missed: &Missed) -> Vec<String> {
        let found = implementations(&Source::test(text), "auth::adopt", missed);
        found.into_iter().map(|one| one.copy).collect()
    }

    #[test]
    fn a_trait_is_implemented_for_axums_router_too() {
        let text = "use auth::adopt::{Router as R, routing::{self, get}};\n\
                    impl<S> Ext for R<S> where S: Clone {\n    /// Docs.\n    fn probed(self) -> Self {\n        \
                    self.route(\"/p\", get(probe).post(routing::any(x.get)))\n    }\n}\n\
                    impl Other for auth::adopt::Router { fn other(self) {} }\n\
                    impl Ext for Third { fn probed(self) {} }";
        let copy = "impl<S> Ext for axum::Router<S> where S: Clone {\n    /// Docs.\n    fn probed(self) -> Self {\n        \
                    self.route(\"/p\", axum::routing::get(probe).post(axum::routing::any(x.get)))\n    }\n}";
        let probed = Missed::Method("probed".to_owned());
        assert_eq!(copies(text, &probed), [copy]);
        assert_eq!(copies(text, &Missed::Trait("Ext".to_owned())), [copy]);
        assert_eq!(
            copies(text, &Missed::Trait("Other".to_owned())),
            ["impl Other for axum::Router { fn other(self) {} }"]
        );
        assert!(copies(text, &Missed::Method("missing".to_owned())).is_empty());
    }

    #[test]
    fn what_the_compiler_misses_is_read_off_its_message() {
        let method =
            "no method named `probed` found for struct `axum::Router` in the current scope";
        for (message, missed) in [
            (method, Some(Missed::Method("probed".to_owned()))),
            (
                "the trait bound `axum::Router: shop::Ext<u8>` is not satisfied",
                Some(Missed::Trait("Ext".to_owned())),
            ),
            ("no method named `x` found for type `u8`", None),
            ("mismatched types: `axum::Router`", None),
        ] {
            assert_eq!(Missed::of_message(message), missed);
        }
    }
}
