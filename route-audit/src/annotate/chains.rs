//! The routers that a function builds among other things, and what they use of it.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::str::FromStr;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprMethodCall, Item, Pat, Signature, Stmt, UseTree};

use super::text::Source;

/// Calls that give a router again.
const KEEPS: &[&str] = &[
    "fallback",
    "fallback_service",
    "layer",
    "merge",
    "method_not_allowed_fallback",
    "nest",
    "nest_service",
    "reset_fallback",
    "route",
    "route_layer",
    "route_service",
    "with_state",
    "without_v07_checks",
];

/// `Router::new().route(..).layer(..)`.
pub(super) struct Chain {
    pub(super) root: Range<usize>,
    /// The type as it is written before `::new`; `None` where the root is another router.
    pub(super) ty: Option<String>,
    /// In the order of the text.
    pub(super) calls: Vec<Call>,
    /// The variable that it is bound to.
    pub(super) bound: Option<Bound>,
}

pub(super) struct Call {
    pub(super) method: String,
    /// What it is called with, a turbofish included.
    pub(super) arguments: Range<usize>,
    pub(super) end: usize,
    /// `await`, `?` and the like, which only the function itself can do.
    pub(super) leaves: bool,
    pub(super) state: Option<String>,
}

pub(super) struct Bound {
    pub(super) name: String,
    pub(super) statement: Range<usize>,
    /// The end of the block that it is in.
    pub(super) scope: usize,
}

impl Chain {
    pub(super) fn start(&self) -> usize {
        self.root.start
    }

    pub(super) fn end(&self) -> usize {
        self.calls.last().map_or(self.root.end, |call| call.end)
    }
}

impl Call {
    pub(super) fn registers(&self) -> bool {
        !matches!(
            self.method.as_str(),
            "layer" | "reset_fallback" | "route_layer" | "with_state" | "without_v07_checks"
        ) && self.keeps()
    }

    /// Whether nothing but a router has such a method.
    fn is_a_routers(&self) -> bool {
        matches!(
            self.method.as_str(),
            "nest" | "nest_service" | "route" | "route_service"
        )
    }

    pub(super) fn keeps(&self) -> bool {
        KEEPS.contains(&self.method.as_str())
    }
}

/// The chains of a function, in the order of the text, none of them inside another.
pub(super) fn of(source: &Source, block: &Block) -> Vec<Chain> {
    let mut finder = Finder {
        source,
        chains: Vec::new(),
        routers: HashSet::new(),
        scope: block.span().byte_range().end,
    };
    finder.visit_block(block);
    finder.chains
}

struct Finder<'a> {
    source: &'a Source,
    chains: Vec<Chain>,
    /// Variables that are bound to a router.
    routers: HashSet<String>,
    scope: usize,
}

impl Finder<'_> {
    fn chain(&self, expr: &Expr) -> Option<Chain> {
        let mut calls = Vec::new();
        let mut root = expr;
        while let Expr::MethodCall(call) = root {
            calls.push(self.call(call));
            root = &call.receiver;
        }
        calls.reverse();
        let ty = match root {
            Expr::Call(call) => match &*call.func {
                Expr::Path(path) => {
                    let names: Vec<_> = path.path.segments.iter().map(|s| &s.ident).collect();
                    match names.as_slice() {
                        [.., ty, new] if **ty == "Router" && **new == "new" => {
                            let types = &names[..names.len() - 1];
                            let types: Vec<_> = types.iter().map(|s| s.to_string()).collect();
                            let global = path.path.leading_colon.map_or("", |_| "::");
                            Some(format!("{global}{}", types.join("::")))
                        }
                        // `app().route(..)`: some function's router.
                        _ if calls.iter().any(Call::is_a_routers) => None,
                        _ => return None,
                    }
                }
                _ => return None,
            },
            Expr::Path(path)
                if path
                    .path
                    .get_ident()
                    .is_some_and(|name| self.routers.contains(&name.to_string())) =>
            {
                None
            }
            _ => return None,
        };
        Some(Chain {
            root: root.span().byte_range(),
            ty,
            calls,
            bound: None,
        })
    }

    fn call(&self, call: &ExprMethodCall) -> Call {
        let mut leaves = Leaves(false);
        call.args.iter().for_each(|arg| leaves.visit_expr(arg));
        let end = call.span().byte_range().end;
        let state = call.args.first().filter(|_| call.method == "with_state");
        Call {
            method: call.method.to_string(),
            arguments: call.method.span().byte_range().end..end,
            end,
            leaves: leaves.0,
            state: state.map(|state| self.source.slice(state.span()).to_owned()),
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_block(&mut self, block: &'ast Block) {
        let outer = std::mem::replace(&mut self.scope, block.span().byte_range().end);
        visit::visit_block(self, block);
        self.scope = outer;
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        let pat = match &local.pat {
            Pat::Type(typed) => &*typed.pat,
            pat => pat,
        };
        if let (Pat::Ident(name), Some(init)) = (pat, &local.init)
            && let Some(mut chain) = self.chain(&init.expr)
        {
            let name = name.ident.to_string();
            if chain.calls.iter().all(Call::keeps) {
                self.routers.insert(name.clone());
            }
            chain.bound = Some(Bound {
                name,
                statement: local.span().byte_range(),
                scope: self.scope,
            });
            self.chains.push(chain);
            return;
        }
        if let (Pat::Ident(name), Some(init)) = (pat, &local.init)
            && init.diverge.is_none()
            && !matches!(*init.expr, Expr::Path(_))
            && is_plain(&init.expr)
        {
            self.chains.push(Chain {
                root: init.expr.span().byte_range(),
                ty: None,
                calls: Vec::new(),
                bound: Some(Bound {
                    name: name.ident.to_string(),
                    statement: local.span().byte_range(),
                    scope: self.scope,
                }),
            });
            return;
        }
        visit::visit_local(self, local);
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        match self.chain(expr) {
            Some(chain) if chain.calls.iter().any(Call::registers) => self.chains.push(chain),
            _ => visit::visit_expr(self, expr),
        }
    }

    // A function of its own.
    fn visit_item(&mut self, _: &'ast Item) {}
}

/// Whether an expression is a value that is the same wherever it is made: `PathBuf::from("assets")`,
/// `ServeDir::new(assets)`. What it is made of may have to move as well.
fn is_plain(expr: &Expr) -> bool {
    const TYPES: &[&str] = &[
        "Duration",
        "Path",
        "PathBuf",
        "ServeDir",
        "ServeFile",
        "String",
    ];
    match expr {
        Expr::Lit(_) | Expr::Path(_) => true,
        Expr::Reference(inner) => is_plain(&inner.expr),
        Expr::Macro(mac) => {
            let name = mac.mac.path.segments.last();
            name.is_some_and(|name| name.ident == "env" || name.ident == "concat")
        }
        // Of a variable or a constant, a method may do anything.
        Expr::MethodCall(call) if matches!(*call.receiver, Expr::Path(_)) => false,
        Expr::MethodCall(call) => is_plain(&call.receiver) && call.args.iter().all(is_plain),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                let ty = path.path.segments.iter().rev().nth(1);
                ty.is_some_and(|ty| TYPES.contains(&ty.ident.to_string().as_str()))
                    && call.args.iter().all(is_plain)
            }
            _ => false,
        },
        _ => false,
    }
}

/// What gives control back to the function around.
pub(super) struct Leaves(pub(super) bool);

impl<'ast> Visit<'ast> for Leaves {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Await(_)
            | Expr::Try(_)
            | Expr::Return(_)
            | Expr::Break(_)
            | Expr::Continue(_) => self.0 = true,
            Expr::Closure(_) | Expr::Async(_) => {}
            expr => visit::visit_expr(self, expr),
        }
    }
}

/// The names that a function gives, and where.
pub(super) struct Names(Vec<(String, usize)>);

impl Names {
    pub(super) fn of(sig: &Signature, block: &Block) -> Self {
        let mut names = Self(Vec::new());
        names.visit_signature(sig);
        for param in &sig.generics.params {
            let ident = match param {
                syn::GenericParam::Type(param) => &param.ident,
                syn::GenericParam::Const(param) => &param.ident,
                syn::GenericParam::Lifetime(param) => &param.lifetime.ident,
            };
            names.add(ident);
        }
        names.visit_block(block);
        for name in ["self", "Self"] {
            names.0.push((name.to_owned(), 0));
        }
        names
    }

    fn add(&mut self, ident: &syn::Ident) {
        let start = ident.span().byte_range().start;
        self.0.push((ident.to_string(), start));
    }

    /// Known in the whole block, wherever it stands.
    fn item(&mut self, ident: &syn::Ident) {
        self.0.push((ident.to_string(), 0));
    }

    /// Those that a part of the text uses and does not give itself.
    pub(super) fn used(&self, source: &Source, part: &Range<usize>) -> BTreeSet<String> {
        let text = &source.text[part.clone()];
        let words = words(text);
        self.0
            .iter()
            // What is bound later, or inside, is another of that name.
            .filter(|(name, at)| *at < part.start && words.contains(name))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
        self.add(&pat.ident);
        visit::visit_pat_ident(self, pat);
    }

    fn visit_stmt(&mut self, stmt: &'ast Stmt) {
        let Stmt::Item(item) = stmt else {
            return visit::visit_stmt(self, stmt);
        };
        match item {
            Item::Fn(item) => self.item(&item.sig.ident),
            Item::Const(item) => self.item(&item.ident),
            Item::Static(item) => self.item(&item.ident),
            Item::Struct(item) => self.item(&item.ident),
            Item::Enum(item) => self.item(&item.ident),
            Item::Type(item) => self.item(&item.ident),
            Item::Mod(item) => self.item(&item.ident),
            Item::Trait(item) => self.item(&item.ident),
            Item::Use(item) => self.imported(&item.tree),
            Item::Macro(item) => item.ident.iter().for_each(|name| self.item(name)),
            _ => {}
        }
    }
}

impl Names {
    fn imported(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(tree) => self.imported(&tree.tree),
            UseTree::Name(tree) => self.item(&tree.ident),
            UseTree::Rename(tree) => self.item(&tree.rename),
            UseTree::Group(tree) => tree.items.iter().for_each(|tree| self.imported(tree)),
            // What it brings is not known; and it is rare.
            UseTree::Glob(_) => {}
        }
    }
}

/// The words of a text that may be names of values: not `.field`, not `path::segment`. Of a string,
/// those that `format!` would take.
pub(super) fn words(text: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    if let Ok(tokens) = TokenStream::from_str(text) {
        collect(tokens, &mut found);
    }
    found
}

/// All words of a text, its comments left out.
pub(super) fn all_words(text: &str) -> HashSet<String> {
    fn walk(tokens: TokenStream, found: &mut HashSet<String>) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) => drop(found.insert(name.to_string())),
                TokenTree::Group(group) => walk(group.stream(), found),
                _ => {}
            }
        }
    }
    let mut found = HashSet::new();
    if let Ok(tokens) = TokenStream::from_str(text) {
        walk(tokens, &mut found);
    }
    found
}

/// Whether a text uses a name; of one that is no whole statement, comments count as well.
pub(super) fn uses(text: &str, name: &str) -> bool {
    match TokenStream::from_str(text) {
        Ok(tokens) => {
            let mut found = HashSet::new();
            collect(tokens, &mut found);
            found.contains(name)
        }
        Err(_) => super::routers::contains_word(text, name),
    }
}

fn collect(tokens: TokenStream, found: &mut HashSet<String>) {
    let mut before = [' ', ' '];
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                // `0..n` has two dots.
                let is_member = before[1] == '.' && before[0] != '.' || before == [':', ':'];
                if !is_member {
                    found.insert(name.to_string());
                }
                before = [' ', ' '];
            }
            TokenTree::Punct(punct) => before = [before[1], punct.as_char()],
            TokenTree::Group(group) => {
                collect(group.stream(), found);
                before = [' ', ' '];
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                for part in text.split('{').skip(1) {
                    let name = part
                        .split(|c: char| !c.is_alphanumeric() && c != '_')
                        .next();
                    found.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
                }
                before = [' ', ' '];
            }
        }
    }
}
