//! What the body of a function registers, and what it hands on.
//!
//! Nothing is run: a variable is what any of its assignments make it, a call is the function that
//! its name means, and a method is any of that name. What that finds too much of, the routers
//! themselves put right: they say what they mount.

use std::collections::HashMap;

use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprCall, ExprMethodCall, Local, Macro, Pat, Stmt};

use super::cfg::{Conditions, Truth};
use super::graph::{Entry, Graph, Handler, NodeId, Site, Under, What};
use super::load::place;
use super::tables::{Body, FnId, Kind, Meaning, ModId, Place, Tables};
use super::{macros, path, register};

/// Adds what a function registers and whom it calls.
pub(super) fn walk(
    tables: &Tables,
    conditions: &Conditions<'_>,
    graph: &mut Graph,
    function: FnId,
) {
    let mut walker = Walker::new(tables, conditions, graph, function);
    match &tables.functions[function].body {
        Body::Block(block) => walker.visit_block(block),
        Body::Expr(expr) => walker.visit_expr(expr),
    }
}

pub(super) struct Walker<'a> {
    pub(super) tables: &'a Tables,
    pub(super) conditions: &'a Conditions<'a>,
    pub(super) graph: &'a mut Graph,
    pub(super) function: FnId,
    pub(super) scope: ModId,
    pub(super) node: NodeId,
    pub(super) under: Under,
    certain: bool,
    pub(super) locals: HashMap<String, Variable>,
    /// The files that are included, as they are shown.
    pub(super) files: Vec<String>,
}

/// A variable, as its last binding makes it.
#[derive(Clone)]
pub(super) struct Variable {
    node: Option<NodeId>,
    pub(super) kind: Kind,
    pub(super) text: Option<String>,
    pub(super) entries: Option<Vec<Entry>>,
    pub(super) handler: Option<Handler>,
}

impl Variable {
    fn of(kind: Kind) -> Self {
        Self {
            node: None,
            kind,
            text: None,
            entries: None,
            handler: None,
        }
    }
}

impl<'a> Walker<'a> {
    fn new(
        tables: &'a Tables,
        conditions: &'a Conditions<'a>,
        graph: &'a mut Graph,
        function: FnId,
    ) -> Self {
        let it = &tables.functions[function];
        let locals = it
            .parameters
            .iter()
            .map(|(name, ty)| {
                let kind = match tables.kind_of_type(it.scope, ty) {
                    // A generic parameter, or a type that says nothing.
                    Kind::Other => Kind::Unknown,
                    kind => kind,
                };
                (name.clone(), Variable::of(kind))
            })
            .collect();
        Self {
            tables,
            conditions,
            graph,
            function,
            scope: it.scope,
            node: function,
            under: Under::ROOT,
            certain: it.presence.program == Truth::Yes,
            locals,
            files: Vec::new(),
        }
    }

    /// For a look at another function's last expression, in which its variables are not known.
    pub(super) fn reader(
        tables: &'a Tables,
        conditions: &'a Conditions<'a>,
        graph: &'a mut Graph,
        function: FnId,
        scope: ModId,
    ) -> Self {
        Self {
            tables,
            conditions,
            graph,
            function,
            scope,
            node: function,
            under: Under::ROOT,
            certain: true,
            locals: HashMap::new(),
            files: Vec::new(),
        }
    }

    /// The one that is read: the function's, or one that it includes.
    pub(super) fn file(&self) -> &str {
        let own = &self.tables.functions[self.function].place.file;
        self.files.last().unwrap_or(own)
    }

    fn place(&self, ident: &syn::Ident) -> Place {
        place(ident.span(), self.file())
    }

    pub(super) fn site(
        &mut self,
        at: &syn::Ident,
        what: What,
        path: Option<String>,
        entries: Vec<Entry>,
    ) {
        let site = Site {
            node: self.node,
            place: self.place(at),
            what,
            under: self.under.clone(),
            path,
            entries,
            certain: self.certain,
        };
        self.graph.sites.push(site);
    }

    /// With another prefix, for the time of a call.
    pub(super) fn with(&mut self, under: Under, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.under, under);
        visit(self);
        self.under = outer;
    }

    /// What is bound to a variable is registered where the variable is used.
    fn bound_to(&mut self, node: NodeId, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.node, node);
        self.with(Under::ROOT, visit);
        self.node = outer;
    }

    fn bind(&mut self, name: String, node: NodeId, variable: Variable) {
        let variable = Variable {
            node: Some(node),
            ..variable
        };
        self.locals.insert(name, variable);
    }

    /// The node of a variable, old or new.
    fn node_of(&mut self, name: &str) -> NodeId {
        if let Some(Variable {
            node: Some(node), ..
        }) = self.locals.get(name)
        {
            return *node;
        }
        let node = self.graph.add_node(self.function);
        if let Some(known) = self.locals.get_mut(name) {
            known.node = Some(node);
        }
        node
    }

    fn where_compiled(&mut self, attrs: &[syn::Attribute], visit: impl FnOnce(&mut Self)) {
        if attrs.is_empty() {
            return visit(self);
        }
        let presence = self.conditions.presence(attrs).program;
        self.under_condition(presence, visit);
    }

    fn under_condition(&mut self, holds: Truth, visit: impl FnOnce(&mut Self)) {
        if holds == Truth::No {
            return;
        }
        let outer = self.certain;
        self.certain &= holds == Truth::Yes;
        visit(self);
        self.certain = outer;
    }

    /// `a.b(..).c(..)`: iteratively, as a router of a thousand routes is a chain of that depth.
    fn chain(&mut self, outermost: &ExprMethodCall) {
        let (root, calls) = flatten(outermost);
        self.visit_expr(root);
        let mut kind = self.kind(root);
        for call in calls.into_iter().rev() {
            self.where_compiled(&call.attrs, |this| this.call(&mut kind, root, call));
        }
    }

    fn call(&mut self, kind: &mut Kind, root: &Expr, call: &ExprMethodCall) {
        let name = path::name(&call.method);
        let args: Vec<&Expr> = call.args.iter().collect();
        if let Some(registers) = self.register(*kind, root, &name, &call.method, &args) {
            *kind = registers;
            return;
        }
        if let Some(functions) = self.tables.methods.get(&name) {
            for id in functions {
                if self.tables.functions[*id].has_receiver {
                    self.graph.add_edge(self.node, *id, &self.under);
                }
            }
        }
        for arg in args {
            self.visit_expr(arg);
        }
        *kind = after(*kind, &name);
    }

    fn edges_to(&mut self, expr: &syn::ExprPath) {
        let path = path::segments(&expr.path);
        if expr.qself.is_none() {
            if let [name] = path.as_slice()
                && let Some(variable) = self.locals.get(name)
            {
                if let Some(node) = variable.node {
                    self.graph.add_edge(self.node, node, &self.under);
                }
                return;
            }
            match self.value(&path) {
                Meaning::Functions(functions) => {
                    for id in functions {
                        self.graph.add_edge(self.node, id, &self.under);
                    }
                    return;
                }
                Meaning::Other(_) => {}
                _ => return,
            }
        }
        // `T::routes`, `<T as Module>::routes`: any of that name.
        let generic = &self.tables.functions[self.function].type_parameters;
        let by_name = expr.qself.is_some()
            || matches!(path.as_slice(), [ty, _] if ty == "Self" || generic.contains(ty));
        if by_name
            && let Some(functions) = path.last().and_then(|name| self.tables.methods.get(name))
        {
            for id in functions {
                self.graph.add_edge(self.node, *id, &self.under);
            }
        }
    }

    /// With `Self` written out.
    pub(super) fn value(&self, path: &[String]) -> Meaning {
        if let [first, name] = path
            && first == "Self"
            && let Some(ty) = &self.tables.functions[self.function].self_type
            && let Some(found) = self.tables.associated.get(&(ty.clone(), name.clone()))
        {
            return Meaning::Functions(found.clone());
        }
        self.tables.value(self.scope, path)
    }

    fn variable(&self, ty: Option<&syn::Type>, value: Option<&Expr>) -> Variable {
        let Some(value) = value else {
            let kind = ty.map_or(Kind::Unknown, |ty| self.tables.kind_of_type(self.scope, ty));
            return Variable::of(kind);
        };
        let kind = match ty.map(|ty| self.tables.kind_of_type(self.scope, ty)) {
            Some(kind @ (Kind::Router | Kind::MethodRouter)) => kind,
            _ => self.kind(value),
        };
        Variable {
            node: None,
            kind,
            text: self.text(value),
            entries: (kind == Kind::MethodRouter).then(|| self.method_router(value)),
            handler: match peel(value) {
                Expr::Path(_) | Expr::Closure(_) => Some(self.handler(value)),
                _ => None,
            },
        }
    }

    /// A macro: one that is known, one whose arguments are expressions, or one that hides them.
    fn macro_call(&mut self, mac: &Macro) {
        let segments = path::segments(&mac.path);
        let name = match self.tables.name(self.scope, &segments) {
            Meaning::Other(path) => path,
            _ => segments,
        };
        let name = name.last().cloned().unwrap_or_default();
        if name == "include" {
            self.include(mac);
            return;
        }
        if let Ok(arguments) = mac.parse_body_with(path::arguments) {
            arguments.iter().for_each(|arg| self.visit_expr(arg));
            // `vec![..]` and the like have nothing else; one of the crate's own may.
            if !self.tables.route_macros.contains(&name) && !name.contains("route") {
                return;
            }
        } else if let Ok(statements) = mac.parse_body_with(Block::parse_within) {
            statements.iter().for_each(|stmt| self.visit_stmt(stmt));
            return;
        }
        let hides = self.tables.route_macros.contains(&name) || macros::may_register(&name, mac);
        if hides
            && !macros::registers_nothing(&name)
            && !macros::is_audited_router(&name)
            && let Some(first) = mac.path.segments.first()
        {
            let what = What::Macro(format!("{name}!"));
            self.site(&first.ident, what, None, Vec::new());
        }
    }
}

impl<'ast> Visit<'ast> for Walker<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.where_compiled(&call.attrs, |this| this.chain(call));
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        // `Router::route(router, "/path", get(handler))`.
        if let Expr::Path(function) = &*call.func
            && let [.., before, _] = path::segments(&function.path).as_slice()
            && path::is_router(before)
            && let Some((receiver, args)) = call.args.iter().collect::<Vec<_>>().split_first()
            && let Some(method) = function.path.segments.last()
        {
            let name = path::name(&method.ident);
            if self
                .register(Kind::Router, receiver, &name, &method.ident, args)
                .is_some()
            {
                self.visit_expr(receiver);
                return;
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_path(&mut self, expr: &'ast syn::ExprPath) {
        // `Router::route`, to be called under another name: with what is not known here.
        if let [.., ty, name] = path::segments(&expr.path).as_slice()
            && path::is_router(ty)
            && register::is_registration(name)
            && !matches!(
                self.value(&path::segments(&expr.path)),
                Meaning::Functions(_)
            )
            && let Some(last) = expr.path.segments.last()
        {
            let entry = Entry {
                methods: None,
                handler: Handler::Unknown(Vec::new()),
            };
            self.site(&last.ident, What::Route, None, vec![entry]);
        }
        self.edges_to(expr);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        self.where_compiled(&local.attrs, |this| {
            let (pat, ty) = match &local.pat {
                Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
                pat => (pat, None),
            };
            let value = local.init.as_ref().map(|init| &*init.expr);
            let names = names(pat);
            if let Pat::Ident(_) = pat
                && let Some(name) = names.first()
            {
                // While its value is looked at, the name means what it meant before:
                // `let app = app.route(..)`.
                let node = this.node_of(name);
                if let Some(value) = value {
                    this.bound_to(node, |this| this.visit_expr(value));
                }
                let variable = this.variable(ty, value);
                this.bind(name.clone(), node, variable);
            } else if let Some(value) = value
                && names.is_empty()
            {
                this.visit_expr(value);
            } else if let Some(value) = value {
                // `let (router, api) = ..`: each of them may be the router.
                let kind = match this.kind(value) {
                    Kind::Router => Kind::Router,
                    _ => Kind::Unknown,
                };
                let whole = this.graph.add_node(this.function);
                this.bound_to(whole, |this| this.visit_expr(value));
                for name in names {
                    let node = this.node_of(&name);
                    this.bind(name, node, Variable::of(kind));
                    this.graph.add_edge(node, whole, &Under::ROOT);
                }
            }
            if let Some((_, otherwise)) = local.init.as_ref().and_then(|init| init.diverge.as_ref())
            {
                this.visit_expr(otherwise);
            }
        });
    }

    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        let name = match &*assign.left {
            Expr::Path(left) => left.path.get_ident().map(path::name),
            _ => None,
        };
        let known = name.and_then(|name| self.locals.get(&name)?.node.map(|node| (name, node)));
        let Some((name, node)) = known else {
            visit::visit_expr_assign(self, assign);
            return;
        };
        self.where_compiled(&assign.attrs, |this| {
            let new = this.variable(None, Some(&assign.right));
            this.bound_to(node, |this| this.visit_expr(&assign.right));
            if let Some(variable) = this.locals.get_mut(&name) {
                if variable.kind != Kind::Router {
                    variable.kind = new.kind;
                }
                // Of two values, which it has is not known.
                variable.text = None;
                variable.entries = None;
                variable.handler = None;
            }
        });
    }

    fn visit_expr_if(&mut self, expr: &'ast syn::ExprIf) {
        let holds = self.condition(&expr.cond);
        self.visit_expr(&expr.cond);
        // What configuration decides is compiled; what `cfg!` decides may not run.
        let (then, otherwise) = match holds {
            Some(holds) => (holds, holds.not()),
            None => (Truth::Yes, Truth::Yes),
        };
        self.under_condition(then, |this| this.visit_block(&expr.then_branch));
        if let Some((_, branch)) = &expr.else_branch {
            self.under_condition(otherwise, |this| this.visit_expr(branch));
        }
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        for input in &closure.inputs {
            let (pat, ty) = match input {
                Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
                pat => (pat, None),
            };
            let kind = ty.map_or(Kind::Unknown, |ty| self.tables.kind_of_type(self.scope, ty));
            for name in names(pat) {
                self.locals.insert(name, Variable::of(kind));
            }
        }
        self.visit_expr(&closure.body);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.where_compiled(&arm.attrs, |this| visit::visit_arm(this, arm));
    }

    fn visit_expr_block(&mut self, block: &'ast syn::ExprBlock) {
        self.where_compiled(&block.attrs, |this| visit::visit_expr_block(this, block));
    }

    fn visit_stmt(&mut self, stmt: &'ast Stmt) {
        match stmt {
            // Read with the crate, as a function of its own.
            Stmt::Item(_) => {}
            Stmt::Macro(mac) => {
                self.where_compiled(&mac.attrs, |this| this.macro_call(&mac.mac));
            }
            stmt => visit::visit_stmt(self, stmt),
        }
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.macro_call(mac);
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_type(&mut self, _: &'ast syn::Type) {}
}

impl Walker<'_> {
    /// The value of `cfg!(..)`, and of `!cfg!(..)`.
    fn condition(&self, expr: &Expr) -> Option<Truth> {
        match peel(expr) {
            Expr::Macro(mac) if mac.mac.path.is_ident("cfg") => {
                Some(self.conditions.expression(&mac.mac))
            }
            Expr::Unary(syn::ExprUnary {
                op: syn::UnOp::Not(_),
                expr,
                ..
            }) => self.condition(expr).map(Truth::not),
            Expr::Binary(syn::ExprBinary {
                left,
                op: syn::BinOp::And(_),
                right,
                ..
            }) => match (self.condition(left), self.condition(right)) {
                (Some(a), Some(b)) => Some(a.and(b)),
                // `cfg!(..) && flag`: false where the first is.
                (Some(Truth::No), None) | (None, Some(Truth::No)) => Some(Truth::No),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A chain of calls: what it starts from, and the calls, the last first.
pub(super) fn flatten(outermost: &ExprMethodCall) -> (&Expr, Vec<&ExprMethodCall>) {
    let mut calls = vec![outermost];
    let mut root = peel(&outermost.receiver);
    while let Expr::MethodCall(call) = root {
        calls.push(call);
        root = peel(&call.receiver);
    }
    (root, calls)
}

/// Without parentheses and references.
pub(super) fn peel(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => peel(&inner.expr),
        Expr::Group(inner) => peel(&inner.expr),
        Expr::Reference(inner) => peel(&inner.expr),
        expr => expr,
    }
}

/// The path of a called function.
pub(super) fn called(call: &ExprCall) -> Option<Vec<String>> {
    match peel(&call.func) {
        Expr::Path(path) if path.qself.is_none() => Some(path::segments(&path.path)),
        _ => None,
    }
}

/// What a method makes of a router or method router.
pub(super) fn after(kind: Kind, method: &str) -> Kind {
    match kind {
        Kind::Router
            if method.starts_with("into_") || method == "as_service" || method == "protect" =>
        {
            Kind::Other
        }
        Kind::Other => Kind::Unknown,
        kind => kind,
    }
}

/// The variables of a pattern.
fn names(pat: &Pat) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
            self.0.push(path::name(&pat.ident));
            visit::visit_pat_ident(self, pat);
        }
    }
    let mut names = Names(Vec::new());
    names.visit_pat(pat);
    names.0
}
