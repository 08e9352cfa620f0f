//! axum's router and routing functions, by the names of `session_auth::adopt`, and then by those of
//! `session_auth` itself.

use std::collections::HashMap;
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ItemUse, UseTree};

use super::text::{Edit, Source};

/// What is taken over of axum: the router, and the module with all that belongs to it.
const TAKEN: [&str; 2] = ["Router", "routing"];

/// Crates whose own routers name axum's type: a file that uses one stays with axum.
const FOREIGN: [&str; 2] = ["aide", "utoipa_axum"];

/// Whether a file names a router of another crate that is built on axum's.
pub(super) fn foreign(source: &Source) -> Option<&'static str> {
    let mut found = None;
    each(source.tokens(), &mut |tokens| {
        let word = |token: &TokenTree| FOREIGN.into_iter().find(|name| is(token, name));
        found = found.or_else(|| tokens.iter().find_map(word));
    });
    found
}

/// axum's names become those of `library::adopt`. What only a test is built with stays: a router that
/// a test makes for itself is nobody's route.
pub(super) fn adopt(source: &Source, file: &syn::File, axum: &str, library: &str) -> Vec<Edit> {
    let mut uses = Uses {
        source,
        adopt: format!("{library}::adopt"),
        names: vec![axum.to_owned()],
        tests: Vec::new(),
        traits: HashMap::new(),
        edits: Vec::new(),
    };
    uses.visit_file(file);
    let Uses {
        adopt,
        names,
        mut tests,
        traits,
        mut edits,
        ..
    } = uses;
    // Implemented for both routers already.
    let both = traits.into_values().filter(|routers| routers.len() > 1);
    let own = both
        .flatten()
        .filter(|(path, _)| names.iter().any(|axum| *path == format!("{axum}::Router")));
    tests.extend(own.map(|(_, whole)| whole));
    each(source.tokens(), &mut |tokens| {
        for (nth, window) in tokens.windows(4).enumerate() {
            let [name, first, second, taken] = window else {
                continue;
            };
            let of_axum = names.iter().any(|axum| is(name, axum))
                && is(first, ":")
                && is(second, ":")
                && TAKEN.iter().any(|taken_over| is(taken, taken_over));
            // `other::axum::Router` is somebody else's.
            let inside = nth > 2
                && is(&tokens[nth - 1], ":")
                && matches!(&tokens[nth - 3], TokenTree::Ident(_));
            let range = name.span().byte_range();
            if of_axum && !inside && !tests.iter().any(|test| test.contains(&range.start)) {
                edits.push((range, adopt.clone()));
            }
        }
    });
    edits
}

/// The names of `library::adopt` become those of `library`.
pub(super) fn strict(source: &Source, library: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    each(source.tokens(), &mut |tokens| {
        for window in tokens.windows(7) {
            let [name, a, b, adopt, c, d, next] = window else {
                continue;
            };
            if is(name, library)
                && is(adopt, "adopt")
                && [a, b, c, d].into_iter().all(|colon| is(colon, ":"))
            {
                edits.push((start(adopt)..start(next), String::new()));
            }
        }
    });
    edits
}

fn start(token: &TokenTree) -> usize {
    token.span().byte_range().start
}

fn is(token: &TokenTree, text: &str) -> bool {
    match token {
        TokenTree::Ident(ident) => ident == text,
        TokenTree::Punct(punct) => text.len() == 1 && text.starts_with(punct.as_char()),
        _ => false,
    }
}

/// The tokens inside of each pair of brackets, and those outside of all.
fn each(tokens: TokenStream, visit: &mut impl FnMut(&[TokenTree])) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    visit(&tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            each(group.stream(), visit);
        }
    }
}

/// `#[cfg(test)]`, alone or among other conditions.
pub(super) fn is_test(attrs: &[Attribute]) -> bool {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
        .any(|attr| {
            let (mut test, mut not) = (false, false);
            if let syn::Meta::List(list) = &attr.meta {
                each(list.tokens.clone(), &mut |tokens| {
                    test |= tokens.iter().any(|token| is(token, "test"));
                    not |= tokens.iter().any(|token| is(token, "not"));
                });
            }
            test && !not
        })
}

/// `use axum::{..}`, of which a part stays.
struct Uses<'a> {
    source: &'a Source,
    adopt: String,
    /// axum, and what the file calls it.
    names: Vec<String>,
    tests: Vec<Range<usize>>,
    /// By the names of traits, the routers that they are implemented for, and where.
    traits: HashMap<String, Vec<(String, Range<usize>)>>,
    edits: Vec<Edit>,
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_test(&item.attrs) {
            self.tests.push(item.span().byte_range());
        } else {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some((path, _)) = &item.trait_
            && let syn::Type::Path(ty) = &*item.self_ty
            && let Some(name) = path.segments.last()
            && ty
                .path
                .segments
                .last()
                .is_some_and(|last| last.ident == "Router")
        {
            let words = ty.path.segments.iter().map(|word| word.ident.to_string());
            let router = words.collect::<Vec<_>>().join("::");
            let of_trait = self.traits.entry(name.ident.to_string()).or_default();
            of_trait.push((router, item.span().byte_range()));
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        match &item.tree {
            _ if is_test(&item.attrs) => self.tests.push(item.span().byte_range()),
            UseTree::Rename(tree) if self.names.iter().any(|axum| tree.ident == axum) => {
                self.names.push(tree.rename.to_string());
            }
            UseTree::Path(path) if self.names.iter().any(|axum| path.ident == axum) => {
                let root = path.ident.span().byte_range();
                match &*path.tree {
                    UseTree::Group(group) => {
                        self.group(item, root, &group.items.iter().collect::<Vec<_>>());
                    }
                    UseTree::Glob(_) => {
                        // A name that is imported by itself goes before one of a glob.
                        let all = TAKEN.map(str::to_owned);
                        let used = all
                            .into_iter()
                            .filter(|name| self.source.text.contains(name));
                        self.add(item, &used.collect::<Vec<_>>());
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

impl Uses<'_> {
    fn group(&mut self, item: &ItemUse, root: Range<usize>, items: &[&UseTree]) {
        let taken = |tree: &UseTree| match tree {
            UseTree::Path(tree) => TAKEN.iter().any(|name| tree.ident == name),
            UseTree::Name(tree) => TAKEN.iter().any(|name| tree.ident == name),
            UseTree::Rename(tree) => TAKEN.iter().any(|name| tree.ident == name),
            UseTree::Glob(_) | UseTree::Group(_) => false,
        };
        let range = |tree: &UseTree| tree.span().byte_range();
        let moved: Vec<String> = items
            .iter()
            .filter(|tree| taken(tree))
            .map(|tree| self.source.text[range(tree)].to_owned())
            .collect();
        if moved.len() == items.len() {
            self.edits.push((root, self.adopt.clone()));
            return;
        }
        let mut first = 0;
        for run in items.chunk_by(|a, b| taken(a) == taken(b)) {
            let next = first + run.len();
            if taken(run[0]) {
                // With the comma before it where it is the last.
                let gap = match items.get(next) {
                    Some(next) => range(run[0]).start..range(next).start,
                    None => range(items[first - 1]).end..range(run[run.len() - 1]).end,
                };
                self.edits.push((gap, String::new()));
            }
            first = next;
        }
        self.add(item, &moved);
    }

    /// One more import, with the visibility and the attributes of another.
    fn add(&mut self, item: &ItemUse, names: &[String]) {
        let whole = item.span().byte_range();
        let like = &self.source.text[whole.start..item.use_token.span().byte_range().start];
        let adopt = &self.adopt;
        let names = match names {
            [] => return,
            [one] => one.clone(),
            more => format!("{{{}}}", more.join(", ")),
        };
        let indent = self.source.indent(whole.start);
        let text = format!("\n{indent}{like}use {adopt}::{names};");
        self.edits.push((whole.end..whole.end, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> (String, String) {
        let mut source = Source::test(text);
        let file = source.parse().expect("it parses");
        let edits = adopt(&source, &file, "axum", "session_auth");
        source.edit(edits);
        source.parse().expect("it still does");
        let adopted = source.text.clone();
        let edits = strict(&source, "session_auth");
        source.edit(edits);
        (adopted, source.text)
    }

    #[test]
    fn imports_are_split() {
        for (text, adopted) in [
            ("use axum::Router;", "use session_auth::adopt::Router;"),
            (
                "use axum::routing::{get, post};",
                "use session_auth::adopt::routing::{get, post};",
            ),
            (
                "use axum::routing::*;",
                "use session_auth::adopt::routing::*;",
            ),
            (
                "use axum::routing as r;",
                "use session_auth::adopt::routing as r;",
            ),
            (
                "use axum::{Router as R, routing::get};",
                "use session_auth::adopt::{Router as R, routing::get};",
            ),
            (
                "use axum::{Router, Json, routing::{self, get}, extract::Path};",
                "use axum::{Json, extract::Path};\nuse session_auth::adopt::{Router, routing::{self, get}};",
            ),
            (
                "mod m {\n    pub(crate) use axum::{\n        Json, // json\n        routing::get,\n        Router,\n    };\n}",
                "mod m {\n    pub(crate) use axum::{\n        Json,\n    };\n    pub(crate) use session_auth::adopt::{routing::get, Router};\n}",
            ),
            (
                "use axum::*;\nfn f() -> Router {}",
                "use axum::*;\nuse session_auth::adopt::Router;\nfn f() -> Router {}",
            ),
            (
                "use axum as web;\nfn f() -> web::Router {}",
                "use axum as web;\nfn f() -> session_auth::adopt::Router {}",
            ),
        ] {
            let (is, strict) = both(text);
            assert_eq!(is, adopted);
            assert_eq!(strict, adopted.replace("::adopt", ""));
        }
    }

    #[test]
    fn paths_are_found_in_types_calls_and_macros() {
        let (adopted, _) = both(
            "fn f(r: ::axum::Router<S>) { r.route(\"/\", axum::routing::get(h)) }\n\
             routes! { axum::routing::post(h) }\n\
             macro_rules! m { () => { axum::Router::new() } }",
        );
        assert_eq!(
            adopted.matches("session_auth::adopt::").count(),
            4,
            "{adopted}"
        );
    }

    #[test]
    fn what_is_not_axums_or_of_a_test_alone_stays() {
        for text in [
            "use other::axum::Router;",
            "use axum::{Json, extract::State};",
            "use axum_extra::routing::RouterExt; // axum::Router",
            "#[cfg(test)]\nmod tests { use axum::{Json, Router}; fn f() -> axum::Router {} }",
            "#[cfg(all(test, unix))]\nuse axum::Router;",
            "impl Ext for session_auth::Router<u8> {}\nimpl Ext for axum::Router<u8> {}",
        ] {
            assert_eq!(both(text).0, text);
        }
        let (adopted, _) = both("#[cfg(not(test))]\nuse axum::Router;");
        assert!(adopted.contains("adopt"), "{adopted}");
        assert_eq!(
            foreign(&Source::test("use utoipa_axum::router::OpenApiRouter;")),
            Some("utoipa_axum")
        );
    }
}
