//! What an expression takes of the function that it stands in.

use std::collections::HashSet;

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall};

use super::calls::ADDERS;
use super::tree::flat;

/// What an expression takes of the function around it.
pub(super) struct Uses<'a> {
    pub(super) own: HashSet<&'a str>,
    /// In order, and whether it is more than lent.
    pub(super) found: Vec<(String, bool)>,
    pub(super) in_closure: bool,
    /// Whether there is a router that something is added to.
    pub(super) mounts: bool,
    /// Whether it waits or returns: that is for the function itself.
    pub(super) leaves: bool,
}

impl Uses<'_> {
    fn takes(&mut self, name: &str, by_value: bool) {
        if !self.own.contains(name) {
            return;
        }
        // A closure that a router holds outlives what it is lent.
        let by_value = by_value || self.in_closure;
        match self.found.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known |= by_value,
            None => self.found.push((name.to_owned(), by_value)),
        }
    }
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let Some(name) = path.path.get_ident() {
            self.takes(&name.to_string(), true);
        }
    }

    fn visit_expr_reference(&mut self, reference: &'ast syn::ExprReference) {
        match word(&reference.expr) {
            Some(name) => self.takes(&name, false),
            None => visit::visit_expr_reference(self, reference),
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.mounts |= ADDERS.contains(&call.method.to_string().as_str());
        match &*call.receiver {
            Expr::Path(path) if call.method == "clone" => {
                if let Some(name) = path.path.get_ident() {
                    self.takes(&name.to_string(), false);
                }
            }
            receiver => self.visit_expr(receiver),
        }
        call.args.iter().for_each(|arg| self.visit_expr(arg));
    }

    fn visit_expr_field(&mut self, field: &'ast syn::ExprField) {
        match word(&field.base) {
            // What is of it may be moved, or not.
            Some(name) => self.takes(&name, false),
            None => visit::visit_expr_field(self, field),
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let is_lent = call.path.is_ident("format");
        flat(call.tokens.clone(), &mut |token| {
            if let TokenTree::Ident(word) = token {
                self.takes(&word.to_string(), !is_lent);
            }
        });
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        let leaves = self.leaves;
        let outside = std::mem::replace(&mut self.in_closure, true);
        visit::visit_expr_closure(self, closure);
        (self.in_closure, self.leaves) = (outside, leaves);
    }

    fn visit_expr_await(&mut self, _: &'ast syn::ExprAwait) {
        self.leaves = true;
    }

    fn visit_expr_try(&mut self, _: &'ast syn::ExprTry) {
        self.leaves = true;
    }
}

/// `state` of `state` and `state.clone()`.
pub(super) fn word(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        Expr::MethodCall(call) if call.method == "clone" => word(&call.receiver),
        _ => None,
    }
}
