//! One file: its expressions, with the imports that they see.

use std::collections::HashMap;

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, ExprPath, Ident, UseName, UseRename};

use super::calls::{self, HANDLER_SERVICES};
use super::files::{for_tests, name};
use super::names::{Names, segments};
use super::{Found, Kind};

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
    reader.visit_file(file);
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
        let left_out = match kind {
            Kind::Axum => self.merged,
            Kind::Exit if call.starts_with("into_make_service") => self.served,
            Kind::Exit => call.starts_with("serve_connection") && !self.has_hyper,
        };
        if !left_out {
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
    }

    /// The arguments of what `function` reads and `called` names.
    fn call<'ast>(
        &mut self,
        called: Option<&Ident>,
        function: &'ast Expr,
        args: impl IntoIterator<Item = &'ast Expr>,
    ) {
        let before = self.found.len();
        self.visit_expr(function);
        let new = self.found.get(before..).unwrap_or_default();
        let served = new.iter().any(|found| found.kind == Kind::Exit);
        let outside = (self.merged, self.served);
        self.merged |= called.is_some_and(|name| name == "merge_axum" || name == "mount_axum");
        self.served |= served;
        args.into_iter().for_each(|one| self.visit_expr(one));
        (self.merged, self.served) = outside;
    }

    fn is_axum_router(&self, function: &syn::ItemFn) -> bool {
        struct Finder<'a>(&'a Names<'a>, bool);
        impl<'ast> Visit<'ast> for Finder<'_> {
            fn visit_path(&mut self, path: &'ast syn::Path) {
                let is_router = |path: &[String]| calls::is_router(path).then_some(());
                self.1 |= self.0.find(&segments(path), is_router).is_some();
                visit::visit_path(self, path);
            }
        }
        let mut finder = Finder(&self.names, false);
        finder.visit_return_type(&function.sig.output);
        finder.1
    }

    fn import(&mut self, imported: &Ident) {
        // A trait's methods are called without its name; this one has no others.
        if imported == HANDLER_SERVICES {
            let call = format!("axum::handler::{HANDLER_SERVICES}");
            self.add(Kind::Axum, call, imported.span());
        }
    }
}

/// Items are left out where tests alone have them.
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
        visit_file: File,
        visit_item_use: ItemUse,
        visit_item_mod: ItemMod,
        visit_item_impl: ItemImpl,
        visit_impl_item_fn: ImplItemFn,
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
        let outside = self.merged;
        self.merged |= is_audited && self.is_axum_router(function);
        visit::visit_item_fn(self, function);
        self.merged = outside;
    }

    fn visit_use_name(&mut self, tree: &'ast UseName) {
        self.import(&tree.ident);
    }

    fn visit_use_rename(&mut self, tree: &'ast UseRename) {
        self.import(&tree.ident);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let called = match &*call.func {
            Expr::Path(function) => function.path.segments.last().map(|last| &last.ident),
            _ => None,
        };
        self.call(called, &call.func, &call.args);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let called = name(&call.method);
        if calls::method(&called) {
            self.add(Kind::Exit, called, call.method.span());
        }
        // `axum_server::bind(address).serve(app.into_make_service())`: the receiver serves.
        self.call(Some(&call.method), &call.receiver, &call.args);
    }

    fn visit_expr_path(&mut self, expr: &'ast ExprPath) {
        if let Some((kind, call)) = self.names.find(&segments(&expr.path), calls::path)
            && let Some(first) = expr.path.segments.first()
        {
            self.add(kind, call, first.ident.span());
        }
        visit::visit_expr_path(self, expr);
    }
}
