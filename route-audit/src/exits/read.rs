//! One file: its expressions, with the imports that they see.

use std::collections::HashMap;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, ExprPath, Ident, Macro};
use syn::{ReturnType, Type, UseName, UseRename};

use super::attributes::for_tests;
use super::calls::{self, HANDLER_SERVICES};
use super::found::{Found, Kind};
use super::names::{Names, name, segments};

pub(super) fn file(shown: &str, file: &syn::File, crates: &HashMap<String, String>) -> Vec<Found> {
    let mut reader = Reader {
        file: shown,
        names: Names::of(file, crates),
        // Others may have a `serve_connection` of their own.
        has_hyper: crates
            .values()
            .any(|name| name == "hyper" || name == "hyper_util"),
        merged: false,
        served: false,
        found: Vec::new(),
    };
    if !for_tests(&file.attrs) {
        reader.visit_file(file);
    }
    reader.found
}

struct Reader<'a> {
    file: &'a str,
    names: Names<'a>,
    has_hyper: bool,
    /// In what `merge_axum` takes, where an axum router has its place.
    merged: bool,
    /// In what a reported call serves: its make-service is the same exit.
    served: bool,
    found: Vec<Found>,
}

impl Reader<'_> {
    fn add(&mut self, kind: Kind, call: String, span: Span) {
        let is_make_service = call.starts_with("into_make_service");
        let is_hyper = call.starts_with("serve_connection");
        let left_out = match kind {
            Kind::Axum => self.merged,
            Kind::Exit => (is_make_service && self.served) || (is_hyper && !self.has_hyper),
        };
        if left_out {
            return;
        }
        let start = span.start();
        let number = |value| u32::try_from(value).unwrap_or(u32::MAX);
        self.found.push(Found {
            file: self.file.to_owned(),
            line: number(start.line),
            column: number(start.column + 1),
            kind,
            call,
        });
    }

    fn path(&mut self, path: &[String], span: Span) {
        let meanings = self.names.meanings(path);
        if let Some((kind, call)) = meanings.iter().find_map(|meaning| calls::path(meaning)) {
            self.add(kind, call, span);
        }
    }

    fn method(&mut self, method: &Ident) {
        let called = name(method);
        if calls::method(&called) {
            self.add(Kind::Exit, called, method.span());
        }
    }

    /// Whether something that serves is reported in it.
    fn exits(&mut self, read: impl FnOnce(&mut Self)) -> bool {
        let before = self.found.len();
        read(self);
        let new = self.found.get(before..).unwrap_or_default();
        new.iter().any(|found| found.kind == Kind::Exit)
    }

    fn inside(&mut self, merged: bool, served: bool, read: impl FnOnce(&mut Self)) {
        let outside = (self.merged, self.served);
        self.merged |= merged;
        self.served |= served;
        read(self);
        (self.merged, self.served) = outside;
    }

    fn is_axum_router(&self, output: &ReturnType) -> bool {
        struct Finder<'a>(&'a Names<'a>, bool);
        impl<'ast> Visit<'ast> for Finder<'_> {
            fn visit_path(&mut self, path: &'ast syn::Path) {
                let meanings = self.0.meanings(&segments(path));
                self.1 |= meanings.iter().any(|meaning| calls::is_router(meaning));
                visit::visit_path(self, path);
            }
        }
        let mut finder = Finder(&self.names, false);
        finder.visit_return_type(output);
        finder.1
    }

    fn import(&mut self, imported: &Ident) {
        // A trait's methods are called without its name; this one has no others.
        if imported == HANDLER_SERVICES {
            self.add(
                Kind::Axum,
                format!("axum::handler::{HANDLER_SERVICES}"),
                imported.span(),
            );
        }
    }

    /// What a macro is given may be expressions. Only what is called is taken for one.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let before = tokens.get(..at).unwrap_or_default();
            match token {
                TokenTree::Ident(ident) if ends_with(before, '.') => self.method(ident),
                TokenTree::Group(group) => {
                    let is_call = group.delimiter() == Delimiter::Parenthesis;
                    let (path, span, is_method) = path_at_end(if is_call { before } else { &[] });
                    let merged = path.last().is_some_and(|last| calls::takes_axum(last));
                    let served = !is_method && self.exits(|reader| reader.path(&path, span));
                    self.inside(merged, served, |reader| reader.tokens(group.stream()));
                }
                _ => {}
            }
        }
    }
}

fn ends_with(tokens: &[TokenTree], punct: char) -> bool {
    matches!(tokens, [.., TokenTree::Punct(last)] if last.as_char() == punct)
}

/// The path that what stands before arguments ends with, where it begins, and whether it is the
/// name of a method.
fn path_at_end(mut tokens: &[TokenTree]) -> (Vec<String>, Span, bool) {
    let (mut path, mut span) = (Vec::new(), Span::call_site());
    while let [before @ .., TokenTree::Ident(last)] = tokens {
        path.insert(0, name(last));
        span = last.span();
        tokens = before;
        // `::` is two tokens.
        match before {
            [before @ .., _, _] if ends_with(tokens, ':') => tokens = before,
            _ => break,
        }
    }
    (path, span, ends_with(tokens, '.'))
}

/// What has attributes is left out where tests alone have it.
macro_rules! not_for_tests {
    ($($visit:ident: $node:ident,)*) => {$(
        fn $visit(&mut self, node: &'ast syn::$node) {
            if !for_tests(&node.attrs) {
                visit::$visit(self, node);
            }
        }
    )*};
}

impl<'ast> Visit<'ast> for Reader<'_> {
    not_for_tests! {
        visit_item_use: ItemUse,
        visit_item_mod: ItemMod,
        visit_item_impl: ItemImpl,
        visit_item_trait: ItemTrait,
        visit_item_const: ItemConst,
        visit_item_static: ItemStatic,
        visit_item_macro: ItemMacro,
        visit_impl_item_fn: ImplItemFn,
        visit_impl_item_const: ImplItemConst,
        visit_trait_item_fn: TraitItemFn,
        visit_local: Local,
        visit_stmt_macro: StmtMacro,
        visit_expr_block: ExprBlock,
        visit_expr_if: ExprIf,
        visit_arm: Arm,
        visit_field_value: FieldValue,
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if for_tests(&function.attrs) {
            return;
        }
        let is_audited = function.attrs.iter().any(|attr| {
            let last = attr.path().segments.last();
            last.is_some_and(|last| last.ident == "audited_router")
        });
        // Such a function is taken as by `merge_axum`.
        let merged = is_audited && self.is_axum_router(&function.sig.output);
        self.inside(merged, false, |reader| {
            visit::visit_item_fn(reader, function)
        });
    }

    fn visit_use_name(&mut self, tree: &'ast UseName) {
        self.import(&tree.ident);
    }

    fn visit_use_rename(&mut self, tree: &'ast UseRename) {
        self.import(&tree.ident);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if for_tests(&call.attrs) {
            return;
        }
        let served = self.exits(|reader| reader.visit_expr(&call.func));
        let merged = match &*call.func {
            Expr::Path(function) => {
                let last = function.path.segments.last();
                last.is_some_and(|last| calls::takes_axum(&name(&last.ident)))
            }
            _ => false,
        };
        self.inside(merged, served, |reader| {
            call.args.iter().for_each(|one| reader.visit_expr(one));
        });
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if for_tests(&call.attrs) {
            return;
        }
        // `axum_server::bind(address).serve(app.into_make_service())`.
        let served = self.exits(|reader| reader.visit_expr(&call.receiver));
        self.method(&call.method);
        let merged = calls::takes_axum(&name(&call.method));
        self.inside(merged, served, |reader| {
            call.args.iter().for_each(|one| reader.visit_expr(one));
        });
    }

    fn visit_expr_path(&mut self, expr: &'ast ExprPath) {
        let Some(first) = expr.path.segments.first() else {
            return;
        };
        let span = first.ident.span();
        match &expr.qself {
            None => self.path(&segments(&expr.path), span),
            // `<axum::Router>::new`, `<axum::Router as Default>::default`.
            Some(qself) => {
                if let Type::Path(ty) = &*qself.ty {
                    let of_type = expr.path.segments.iter().skip(qself.position);
                    let mut path = segments(&ty.path);
                    path.extend(of_type.map(|segment| name(&segment.ident)));
                    self.path(&path, span);
                }
            }
        }
        visit::visit_expr_path(self, expr);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.tokens(mac.tokens.clone());
    }
}
