//! The functions of a package, by the names that the compiler gives them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use cargo_metadata::Target;
use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Block, Expr, ImplItemFn, ItemFn, ItemMod, Lit, Meta, Pat, Signature, Visibility,
};

use super::calls::ADDERS;
use super::imports::is_test;
use super::text::Source;
use crate::error::Problem;

/// The files of the packages that are edited, each read once.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) all: Vec<Source>,
    by_path: BTreeMap<PathBuf, usize>,
}

impl Sources {
    pub(super) fn read(&mut self, path: &Path, root: &Path) -> Result<usize, Problem> {
        if let Some(&known) = self.by_path.get(path) {
            return Ok(known);
        }
        let name = path.strip_prefix(root).unwrap_or(path);
        let source = Source::read(path, name.to_string_lossy().replace('\\', "/"))?;
        self.all.push(source);
        self.by_path.insert(path.to_owned(), self.all.len() - 1);
        Ok(self.all.len() - 1)
    }

    /// The file that the compiler calls so: from the root of the workspace, or wherever it is.
    pub(super) fn find(&self, root: &Path, name: &str) -> Option<usize> {
        let path = fs::canonicalize(root.join(name)).ok()?;
        self.by_path.get(&path).copied()
    }
}

/// A function.
pub(super) struct Item {
    pub(super) source: usize,
    /// `crate::module::name`.
    pub(super) path: String,
    /// Where an attribute goes: below its others, before its visibility.
    pub(super) attribute_at: usize,
    pub(super) range: Range<usize>,
    /// Where its body begins.
    pub(super) body: usize,
    pub(super) sig: Signature,
    /// `async`, and no method.
    pub(super) takes_attribute: bool,
    pub(super) has_class: bool,
    pub(super) is_audited: bool,
    pub(super) is_test: bool,
    pub(super) is_free: bool,
    /// In the body of another.
    pub(super) is_inner: bool,
    /// The words of its body, and whether `Router::new` is among them.
    pub(super) words: HashSet<String>,
    pub(super) builds: bool,
    /// The functions to whose result it adds what `ADDERS` do.
    pub(super) extends: HashSet<String>,
}

/// All functions of some targets.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) items: Vec<Item>,
    /// The files, and whether tests alone are built with them.
    pub(super) files: BTreeMap<usize, bool>,
}

impl Tree {
    /// Reads the module tree of a target. Files that the tree names and nobody has belong to a
    /// feature that is off, or are made by a build script.
    pub(super) fn add(
        &mut self,
        sources: &mut Sources,
        target: &Target,
        root: &Path,
    ) -> Result<(), Problem> {
        let path = target.src_path.as_std_path();
        let path = fs::canonicalize(path).map_err(|error| {
            Problem::new(format!("cannot read the source: {error}")).at(path.display())
        })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let is_test = target.is_test() || target.is_bench();
        let module = target.name.replace('-', "_");
        self.file(sources, &path, &folder, (root, &module, is_test))
    }

    fn file(
        &mut self,
        sources: &mut Sources,
        path: &Path,
        folder: &Path,
        (root, module, is_test): (&Path, &str, bool),
    ) -> Result<(), Problem> {
        let source = sources.read(path, root)?;
        let file = sources.all[source].parse()?;
        self.files
            .entry(source)
            .and_modify(|test| *test &= is_test)
            .or_insert(is_test);
        let mut reader = Reader {
            source,
            module: module.to_owned(),
            file: path.parent().unwrap_or(folder).to_owned(),
            folder: folder.to_owned(),
            is_test,
            in_function: false,
            items: &mut self.items,
            modules: Vec::new(),
        };
        reader.visit_file(&file);
        for (path, folder, module, is_test) in reader.modules {
            self.file(sources, &path, &folder, (root, &module, is_test))?;
        }
        Ok(())
    }

    /// The functions of this name: several where they are behind features that exclude each other.
    pub(super) fn named(&self, name: &str) -> Vec<&Item> {
        self.first(|item| item.path == name)
    }

    /// The functions that a message of the compiler calls so, which leaves modules out where that is
    /// clear enough: none, where it is not.
    pub(super) fn shown(&self, name: &str, target: &str) -> Vec<&Item> {
        let name = name
            .split('<')
            .next()
            .unwrap_or(name)
            .trim_end_matches("::");
        let tail = format!("::{name}");
        let own = format!("{}::", target.replace('-', "_"));
        if name.is_empty() {
            return Vec::new();
        }
        let mut found = self.first(|item| item.path == name || item.path.ends_with(&tail));
        let several = |found: &[&Item]| found.windows(2).any(|two| two[0].path != two[1].path);
        if several(&found) {
            found.retain(|item| item.path.starts_with(&own));
        }
        if several(&found) { Vec::new() } else { found }
    }

    /// A file that two targets share has each of its functions once.
    fn first(&self, is_meant: impl Fn(&Item) -> bool) -> Vec<&Item> {
        let mut seen = HashSet::new();
        let found = self.items.iter().filter(|item| is_meant(item));
        found
            .filter(|item| seen.insert((item.source, item.attribute_at)))
            .collect()
    }

    /// The function at an offset, the innermost.
    pub(super) fn around(&self, source: usize, at: usize) -> Option<&Item> {
        let items = self.items.iter();
        items
            .filter(|item| item.source == source && item.range.contains(&at))
            .min_by_key(|item| item.range.len())
    }
}

struct Reader<'a> {
    source: usize,
    module: String,
    /// Where the file is, and where those of its modules are.
    file: PathBuf,
    folder: PathBuf,
    is_test: bool,
    in_function: bool,
    items: &'a mut Vec<Item>,
    modules: Vec<(PathBuf, PathBuf, String, bool)>,
}

impl Reader<'_> {
    fn function(
        &mut self,
        attrs: &[Attribute],
        vis: &Visibility,
        sig: &Signature,
        block: &Block,
        whole: Range<usize>,
    ) {
        let named = |names: &[&str]| {
            let last = |attr: &Attribute| {
                attr.path()
                    .segments
                    .last()
                    .map(|last| last.ident.to_string())
            };
            attrs
                .iter()
                .filter_map(last)
                .any(|last| names.contains(&last.as_str()))
        };
        let start = match vis {
            Visibility::Inherited => sig.span().byte_range().start,
            vis => vis.span().byte_range().start,
        };
        let mut words = HashSet::new();
        let mut builds = false;
        let mut before = String::new();
        flat(block.to_token_stream(), &mut |token| {
            if let TokenTree::Ident(ident) = token {
                let word = ident.to_string();
                builds |= before == "Router" && matches!(word.as_str(), "new" | "default");
                before.clone_from(&word);
                words.insert(word);
            }
        });
        let is_free = sig.receiver().is_none() && !self.module.ends_with('>');
        self.items.push(Item {
            source: self.source,
            path: format!("{}::{}", self.module, sig.ident),
            attribute_at: start,
            range: whole,
            body: block.span().byte_range().start,
            sig: sig.clone(),
            takes_attribute: is_free && sig.asyncness.is_some(),
            has_class: named(&["public_route", "webhook_route", "session_route"]),
            is_audited: named(&["audited_router"]),
            is_test: self.is_test || is_test(attrs) || named(&["test"]),
            is_free,
            is_inner: self.in_function,
            words,
            builds,
            extends: extended(block),
        });
    }

    fn inside(&mut self, module: &str, is_test: bool, visit: impl FnOnce(&mut Self)) {
        let outer = self.module.len();
        self.module.push_str("::");
        self.module.push_str(module);
        let was_test = self.is_test;
        self.is_test |= is_test;
        visit(self);
        self.is_test = was_test;
        self.module.truncate(outer);
    }

    fn module(&mut self, item: &ItemMod) {
        let name = item.ident.to_string();
        let name = name.trim_start_matches("r#");
        let is_test = self.is_test || is_test(&item.attrs);
        if item.content.is_some() {
            let folder = self.folder.join(name);
            let outer = std::mem::replace(&mut self.folder, folder);
            self.inside(name, is_test, |this| visit::visit_item_mod(this, item));
            self.folder = outer;
            return;
        }
        let given = item.attrs.iter().find_map(|attr| match &attr.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                syn::Expr::Lit(lit) => match &lit.lit {
                    Lit::Str(path) => Some(path.value()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
        let own = self.folder.join(name);
        let candidates = match given {
            // From the folder of the file; its own modules are then beside it.
            Some(path) => {
                let path = self.file.join(path);
                let folder = path.parent().unwrap_or(&self.file).to_owned();
                vec![(path, folder)]
            }
            None => vec![
                (self.folder.join(format!("{name}.rs")), own.clone()),
                (own.join("mod.rs"), own),
            ],
        };
        let module = format!("{}::{name}", self.module);
        for (path, folder) in candidates {
            if let Ok(path) = fs::canonicalize(path) {
                self.modules.push((path, folder, module, is_test));
                return;
            }
        }
    }
}

/// `routes` of `routes().merge(..)`, also with a name for it in between.
fn extended(block: &Block) -> HashSet<String> {
    #[derive(Default)]
    struct Extended {
        called: HashMap<String, String>,
        found: HashSet<String>,
    }
    impl Extended {
        fn function(&self, expr: &Expr) -> Option<String> {
            match expr {
                Expr::MethodCall(call) => self.function(&call.receiver),
                Expr::Await(wait) => self.function(&wait.base),
                Expr::Try(tried) => self.function(&tried.expr),
                Expr::Path(path) => self
                    .called
                    .get(&path.path.get_ident()?.to_string())
                    .cloned(),
                Expr::Call(call) => match &*call.func {
                    Expr::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
                    _ => None,
                },
                _ => None,
            }
        }
    }
    impl<'ast> Visit<'ast> for Extended {
        fn visit_local(&mut self, local: &'ast syn::Local) {
            visit::visit_local(self, local);
            if let (Pat::Ident(pat), Some(init)) = (&local.pat, &local.init)
                && let Some(function) = self.function(&init.expr)
            {
                self.called.insert(pat.ident.to_string(), function);
            }
        }
        fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
            if ADDERS.contains(&call.method.to_string().as_str()) {
                self.found.extend(self.function(&call.receiver));
            }
            visit::visit_expr_method_call(self, call);
        }
    }
    let mut extended = Extended::default();
    extended.visit_block(block);
    extended.found
}

/// All tokens, those in brackets too.
pub(super) fn flat(tokens: proc_macro2::TokenStream, visit: &mut impl FnMut(&TokenTree)) {
    for token in tokens {
        visit(&token);
        if let TokenTree::Group(group) = token {
            flat(group.stream(), visit);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module(item);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(
            &item.attrs,
            &item.vis,
            &item.sig,
            &item.block,
            item.span().byte_range(),
        );
        let name = item.sig.ident.to_string();
        let outer = std::mem::replace(&mut self.in_function, true);
        self.inside(&name, is_test(&item.attrs), |this| {
            visit::visit_item_fn(this, item)
        });
        self.in_function = outer;
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.inside("<impl>", is_test(&item.attrs), |this| {
            visit::visit_item_impl(this, item)
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(
            &item.attrs,
            &item.vis,
            &item.sig,
            &item.block,
            item.span().byte_range(),
        );
        let name = item.sig.ident.to_string();
        let outer = std::mem::replace(&mut self.in_function, true);
        self.inside(&name, false, |this| visit::visit_impl_item_fn(this, item));
        self.in_function = outer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_the_compilers_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("it is there");
        for (path, text) in [
            (
                "src/lib.rs",
                "mod a;\nmod gone;\nmod b { pub mod c; pub async fn f() { async fn g() {} } }\n#[path = \"odd/x.rs\"] mod d;\n#[cfg(test)] mod t;",
            ),
            (
                "src/a/mod.rs",
                "#[cfg(x)]\n/// Docs.\npub async fn h<T>() {}\n#[cfg(not(x))]\nasync fn h() {}\nimpl S { async fn m() {} }",
            ),
            ("src/b/c.rs", "fn f() -> Router { axum::Router::new() }"),
            ("src/odd/x.rs", "mod y;"),
            (
                "src/odd/y.rs",
                "#[session_auth::session_route(GET)] async fn z() {}",
            ),
            ("src/t.rs", "fn f() {}"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let mut sources = Sources::default();
        let mut tree = Tree::default();
        let target = serde_json::json!({
            "name": "my-api", "kind": ["lib"], "crate_types": ["lib"],
            "src_path": root.join("src/lib.rs"), "edition": "2024", "doctest": false, "test": true, "doc": true,
        });
        let target: Target = serde_json::from_value(target).expect("a target");
        tree.add(&mut sources, &target, &root).expect("it is read");
        let one = |name: &str| {
            let found = tree.named(name);
            assert_eq!(found.len(), 1, "{name}");
            found[0]
        };
        assert!(one("my_api::b::f").takes_attribute);
        assert!(one("my_api::b::f::g").takes_attribute);
        assert!(one("my_api::b::c::f").builds && !one("my_api::b::c::f").takes_attribute);
        assert!(one("my_api::d::y::z").has_class);
        assert!(one("my_api::t::f").is_test);
        let both = tree.named("my_api::a::h");
        assert_eq!(both.len(), 2);
        assert!(sources.all[both[0].source].text[both[0].attribute_at..].starts_with("pub async"));
        assert!(tree.named("my_api::a::S::m").is_empty());
        assert_eq!(tree.shown("h::<String>", "my-api").len(), 2);
        assert_eq!(tree.shown("c::f", "my-api").len(), 1);
        assert!(tree.shown("f", "my-api").is_empty(), "there are several");
        assert_eq!(sources.find(&root, "src/odd/y.rs"), Some(4));
    }
}
