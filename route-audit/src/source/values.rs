//! What expressions give: routers, paths, handlers.

use session_auth::Methods;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprCall, Macro, Stmt};

use super::body::{Walker, after, called, flatten, peel};
use super::graph::{Entry, Handler};
use super::tables::{Body, Endpoint, FnId, Kind, Meaning, ModId};
use super::{attributes, path};

/// How many functions deep a value is looked for.
const MAX_DEPTH: u32 = 8;

impl Walker<'_> {
    /// Whether the expression is a router.
    pub(super) fn kind(&self, expr: &Expr) -> Kind {
        match peel(expr) {
            Expr::MethodCall(call) => {
                let (root, calls) = flatten(call);
                calls.iter().rev().fold(self.kind(root), |kind, call| {
                    let name = path::name(&call.method);
                    match after(kind, &name) {
                        Kind::Unknown if self.takes_in_router(call) => Kind::Router,
                        Kind::Unknown => self.kind_of_method(&name),
                        kind => kind,
                    }
                })
            }
            Expr::Call(call) => self.kind_of_call(call),
            Expr::Path(expr) => {
                let path = path::segments(&expr.path);
                if let [name] = path.as_slice()
                    && let Some(variable) = self.locals.get(name)
                {
                    return variable.kind;
                }
                match self.value(&path) {
                    Meaning::Functions(ids) => match ids.first() {
                        // A static; a function's name alone is no router.
                        Some(id) if matches!(self.tables.functions[*id].body, Body::Expr(_)) => {
                            self.tables.kind_of_output(&self.tables.functions[*id])
                        }
                        _ => Kind::Other,
                    },
                    _ => Kind::Unknown,
                }
            }
            Expr::Field(field) => match &field.member {
                syn::Member::Named(name)
                    if self.tables.router_fields.contains(&path::name(name)) =>
                {
                    Kind::Router
                }
                _ => Kind::Unknown,
            },
            Expr::Try(inner) => self.kind(&inner.expr),
            Expr::Await(inner) => self.kind(&inner.base),
            Expr::If(inner) => {
                let otherwise = inner.else_branch.as_ref();
                match self.kind_of_block(&inner.then_branch) {
                    Kind::Unknown => otherwise.map_or(Kind::Unknown, |(_, expr)| self.kind(expr)),
                    kind => kind,
                }
            }
            Expr::Match(inner) => {
                let arms = inner.arms.iter().map(|arm| self.kind(&arm.body));
                let mut known = arms.filter(|kind| *kind != Kind::Unknown);
                known.next().unwrap_or(Kind::Unknown)
            }
            Expr::Block(inner) => self.kind_of_block(&inner.block),
            Expr::Unsafe(inner) => self.kind_of_block(&inner.block),
            Expr::Lit(_) | Expr::Closure(_) | Expr::Struct(_) | Expr::Array(_) => Kind::Other,
            _ => Kind::Unknown,
        }
    }

    /// `.merge(router)`: only a router does that.
    fn takes_in_router(&self, call: &syn::ExprMethodCall) -> bool {
        let other = call.args.first().filter(|_| call.method == "merge");
        other.is_some_and(|other| self.kind(other) == Kind::Router)
    }

    fn kind_of_block(&self, block: &Block) -> Kind {
        match block.stmts.last() {
            Some(Stmt::Expr(expr, None)) => self.kind(expr),
            _ => Kind::Unknown,
        }
    }

    /// What a method of the crates' own returns, by its name.
    fn kind_of_method(&self, name: &str) -> Kind {
        let functions = self.tables.methods.get(name).into_iter().flatten();
        functions
            .map(|id| self.tables.kind_of_output(&self.tables.functions[*id]))
            .find(|kind| matches!(kind, Kind::Router | Kind::MethodRouter))
            .unwrap_or(Kind::Unknown)
    }

    fn kind_of_call(&self, call: &ExprCall) -> Kind {
        let Some(path) = called(call) else {
            return Kind::Unknown;
        };
        match self.value(&path) {
            Meaning::Functions(ids) => ids.first().map_or(Kind::Unknown, |id| {
                self.tables.kind_of_output(&self.tables.functions[*id])
            }),
            Meaning::Other(path) => match path.as_slice() {
                [.., ty, _] if path::is_method_router(ty) => Kind::MethodRouter,
                [.., ty, _] if path::is_router(ty) => Kind::Router,
                [.., ty, name] if ty == "Resource" && name == "named" => Kind::Resource,
                [.., name] if verb(name).is_some() => Kind::MethodRouter,
                _ => Kind::Unknown,
            },
            _ => Kind::Unknown,
        }
    }

    pub(super) fn text(&self, expr: &Expr) -> Option<String> {
        path::text(expr, &mut |path| match path {
            [name] if self.locals.contains_key(name) => self.locals[name].text.clone(),
            [first, name] if first == "Self" => {
                let ty = self.tables.functions[self.function].self_type.clone()?;
                let id = self.tables.associated_constants.get(&(ty, name.clone()))?;
                self.tables.constant(*id)
            }
            path => self.tables.text(self.scope, path),
        })
    }

    /// Whether the expression is the path of a route.
    pub(super) fn is_path(&self, expr: &Expr) -> bool {
        self.text(expr).is_some_and(|text| text.starts_with('/'))
    }

    /// What serves which methods, of `get(a).post(b)`.
    pub(super) fn method_router(&self, expr: &Expr) -> Vec<Entry> {
        self.entries(expr, MAX_DEPTH).unwrap_or_else(|| {
            vec![Entry {
                methods: None,
                handler: self.unknown(expr),
            }]
        })
    }

    fn entries(&self, expr: &Expr, depth: u32) -> Option<Vec<Entry>> {
        let depth = depth.checked_sub(1)?;
        match peel(expr) {
            Expr::MethodCall(call) => {
                let (root, calls) = flatten(call);
                let mut entries = self.entries(root, depth)?;
                for call in calls.into_iter().rev() {
                    let name = path::name(&call.method);
                    let args: Vec<&Expr> = call.args.iter().collect();
                    match (name.as_str(), args.as_slice()) {
                        ("fallback" | "fallback_service", [handler]) => entries.push(Entry {
                            methods: Some(Methods::ANY),
                            handler: self.handler(handler),
                        }),
                        ("merge", [other]) => entries.extend(self.method_router(other)),
                        _ => entries.extend(self.entry(&name, &args)),
                    }
                }
                Some(entries)
            }
            Expr::Call(call) => {
                let path = called(call)?;
                match self.value(&path) {
                    Meaning::Functions(ids) => {
                        let [id] = ids.as_slice() else { return None };
                        self.in_function(*id, |there, tail| there.entries(tail, depth))
                    }
                    Meaning::Other(path) => {
                        let args: Vec<&Expr> = call.args.iter().collect();
                        let name = path.last()?;
                        match path.iter().rev().nth(1) {
                            Some(ty) if path::is_method_router(ty) => Some(Vec::new()),
                            _ => self.entry(name, &args).map(|entry| vec![entry]),
                        }
                    }
                    _ => None,
                }
            }
            Expr::Path(expr) => {
                let name = path::name(expr.path.get_ident()?);
                self.locals.get(&name)?.entries.clone()
            }
            Expr::Block(inner) => match inner.block.stmts.as_slice() {
                [Stmt::Expr(tail, None)] => self.entries(tail, depth),
                _ => None,
            },
            _ => None,
        }
    }

    /// One of axum's functions or methods: `get(handler)`, `on(MethodFilter::GET, handler)`.
    fn entry(&self, name: &str, args: &[&Expr]) -> Option<Entry> {
        match (verb(name)?, args) {
            (Verb::Method(methods), [handler, ..]) => Some(Entry {
                methods: Some(methods),
                handler: self.handler(handler),
            }),
            (Verb::On, [filter, handler, ..]) => Some(Entry {
                methods: filter_of(filter),
                handler: self.handler(handler),
            }),
            _ => None,
        }
    }

    /// Reads the value of a function without arguments, from its last expression.
    fn in_function<R>(
        &self,
        id: FnId,
        read: impl FnOnce(&Walker<'_>, &Expr) -> Option<R>,
    ) -> Option<R> {
        let function = &self.tables.functions[id];
        let Body::Block(block) = &function.body else {
            return None;
        };
        let Some(Stmt::Expr(tail, None)) = block.stmts.last() else {
            return None;
        };
        let mut unused = super::graph::Graph::default();
        let there = self.elsewhere(&mut unused, id, function.scope);
        read(&there, tail)
    }

    fn elsewhere<'b>(
        &'b self,
        graph: &'b mut super::graph::Graph,
        function: FnId,
        scope: ModId,
    ) -> Walker<'b> {
        Walker::reader(self.tables, self.conditions, graph, function, scope)
    }

    pub(super) fn handler(&self, expr: &Expr) -> Handler {
        match peel(expr) {
            Expr::Closure(_) => Handler::Closure,
            Expr::Lit(_) | Expr::Tuple(_) | Expr::Array(_) | Expr::Struct(_) => Handler::Value,
            Expr::Path(found) => {
                let path = path::segments(&found.path);
                if found.qself.is_some() {
                    return self.unknown(expr);
                }
                if let [name] = path.as_slice()
                    && let Some(variable) = self.locals.get(name)
                {
                    let known = variable.handler.clone();
                    return known.unwrap_or(Handler::Unknown(Vec::new()));
                }
                match self.value(&path) {
                    Meaning::Functions(ids) => Handler::Functions(ids),
                    // A variable that is not known, or a parameter.
                    Meaning::Other(path) if path.len() > 1 => Handler::Foreign(path),
                    _ => Handler::Unknown(Vec::new()),
                }
            }
            // `handler.layer(..)`, `handler.with_state(..)`: the handler, with something around it.
            Expr::MethodCall(call) => match self.handler(flatten(call).0) {
                found @ (Handler::Functions(_) | Handler::Closure) => found,
                _ => self.unknown(expr),
            },
            Expr::Block(inner) => match inner.block.stmts.last() {
                Some(Stmt::Expr(tail, None)) => self.handler(tail),
                _ => self.unknown(expr),
            },
            _ => self.unknown(expr),
        }
    }

    fn unknown(&self, expr: &Expr) -> Handler {
        struct Named<'w, 'a>(&'w Walker<'a>, Vec<FnId>);
        impl<'ast> Visit<'ast> for Named<'_, '_> {
            fn visit_expr_path(&mut self, expr: &'ast syn::ExprPath) {
                if let Meaning::Functions(ids) = self.0.value(&path::segments(&expr.path)) {
                    self.1.extend(ids);
                }
                visit::visit_expr_path(self, expr);
            }
        }
        let mut named = Named(self, Vec::new());
        named.visit_expr(expr);
        Handler::Unknown(named.1)
    }

    /// Methods and path of what `Router::mount` is given.
    pub(super) fn classified(&self, expr: &Expr) -> Endpoint {
        let nothing = Endpoint {
            methods: None,
            path: None,
        };
        match peel(expr) {
            // `public(GET, "/health", "liveness probe").to(..)`.
            Expr::MethodCall(call) => self.classified(flatten(call).0),
            Expr::Call(call) => {
                let mut args = call.args.iter();
                let (Some(methods), Some(path)) = (args.next(), args.next()) else {
                    return nothing;
                };
                Endpoint {
                    methods: filter_of(methods),
                    path: self.text(path),
                }
            }
            _ => match self.handler(expr) {
                Handler::Functions(ids) => ids
                    .iter()
                    .find_map(|id| self.tables.functions[*id].declared.clone())
                    .unwrap_or(nothing),
                _ => nothing,
            },
        }
    }

    /// utoipa-axum's `routes!(a, b)`: one path, and a method for each handler.
    pub(super) fn documented(
        &self,
        mac: &Macro,
    ) -> Option<(Option<String>, Vec<Entry>, Vec<FnId>)> {
        let segments = path::segments(&mac.path);
        let is_routes = match self.tables.name(self.scope, &segments) {
            Meaning::Other(path) => path.last().is_some_and(|last| last == "routes"),
            _ => false,
        };
        if !is_routes || self.tables.route_macros.contains("routes") {
            return None;
        }
        let handlers = mac.parse_body_with(path::arguments).ok()?;
        let mut path = None;
        let mut entries = Vec::new();
        let mut functions = Vec::new();
        for handler in &handlers {
            let handler = self.handler(handler);
            let mut methods = None;
            if let Handler::Functions(ids) = &handler {
                functions.extend(ids);
                let documented = ids
                    .iter()
                    .find_map(|id| self.tables.functions[*id].documented.as_ref());
                if let Some(documented) = documented {
                    methods = documented.methods;
                    path = path.or_else(|| documented.path.clone());
                }
            }
            entries.push(Entry { methods, handler });
        }
        Some((path, entries, functions))
    }

    /// The path of axum-extra's typed routing: that of the parameter which has one.
    pub(super) fn typed_path(&self, handler: &Handler) -> Option<String> {
        let Handler::Functions(ids) = handler else {
            return None;
        };
        let function = &self.tables.functions[*ids.first()?];
        function.parameters.iter().find_map(|(_, ty)| {
            let syn::Type::Path(ty) = ty else { return None };
            match self.tables.name(function.scope, &path::segments(&ty.path)) {
                Meaning::Type(ty) => self.tables.typed_paths.get(&ty).cloned(),
                _ => None,
            }
        })
    }
}

enum Verb {
    Method(Methods),
    On,
}

/// axum's functions and methods by name: `get`, `get_service`, and aide's `get_with`.
fn verb(name: &str) -> Option<Verb> {
    let base = name
        .strip_suffix("_service")
        .or_else(|| name.strip_suffix("_with"))
        .unwrap_or(name);
    match base {
        "on" => Some(Verb::On),
        base => attributes::method(base).map(Verb::Method),
    }
}

/// `MethodFilter::GET.or(MethodFilter::POST)`, `GET | POST`.
fn filter_of(expr: &Expr) -> Option<Methods> {
    match peel(expr) {
        Expr::Path(path) => Methods::from_name(&path::last(&path.path)?),
        Expr::MethodCall(call) if call.method == "or" => {
            Some(filter_of(&call.receiver)?.or(filter_of(call.args.first()?)?))
        }
        Expr::Binary(binary) => Some(filter_of(&binary.left)?.or(filter_of(&binary.right)?)),
        _ => None,
    }
}
