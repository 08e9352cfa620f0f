//! The calls that register something: axum's, and those of the crates around it.

use session_auth::Methods;
use syn::Expr;
use syn::visit::Visit;

use super::attributes;
use super::body::{Walker, called, flatten, peel};
use super::graph::{Entry, Handler, What};
use super::tables::{Endpoint, Kind, Meaning};

/// A method of routers that registers something, by its name.
pub(super) fn is_registration(name: &str) -> bool {
    const METHODS: &[&str] = &[
        "api_route",
        "fallback",
        "fallback_service",
        "mount",
        "mount_axum",
        "mount_service",
        "nest",
        "nest_api_service",
        "nest_service",
        "route",
        "route_service",
        "route_service_with_tsr",
        "route_with_tsr",
    ];
    METHODS.contains(&name)
}

impl Walker<'_> {
    /// A call that registers something: on a router, or with arguments that only a router takes.
    pub(super) fn register(
        &mut self,
        kind: Kind,
        root: &Expr,
        name: &str,
        at: &syn::Ident,
        args: &[&Expr],
    ) -> Option<Kind> {
        if kind == Kind::Resource {
            return self.resource(root, name, at, args);
        }
        if matches!(kind, Kind::Other | Kind::MethodRouter) {
            return None;
        }
        let certain = kind == Kind::Router;
        match (name, args) {
            (
                "route"
                | "route_with_tsr"
                | "api_route"
                | "api_route_with"
                | "api_route_with_tsr"
                | "api_route_with_tsr_and",
                [path, service, ..],
            ) if certain || self.is_path(path) || self.kind(service) == Kind::MethodRouter => {
                let path = self.text(path);
                let entries = self.method_router(service);
                self.site(at, What::Route, path, entries);
                args.iter().for_each(|arg| self.visit_expr(arg));
            }
            ("route_service" | "route_service_with_tsr", [path, service]) => {
                let path = self.text(path);
                let entries = self.method_router(service);
                self.site(at, What::RouteService, path, entries);
                let under = self.under.behind_a_service();
                self.with(under, |this| this.visit_expr(service));
            }
            ("nest", [path, inner]) if certain || self.is_path(path) => {
                let path = self.text(path);
                let under = self.under.nest(path.as_deref());
                if let Some(foreign) = self.foreign(inner) {
                    self.site(at, What::Foreign(foreign), path.clone(), Vec::new());
                }
                let before = self.graph.edges[self.node].len();
                self.with(under, |this| this.visit_expr(inner));
                let edges = self.graph.edges[self.node][before..].iter();
                let edges = edges.map(|(to, _)| *to).collect();
                self.site(at, What::Nest { edges }, path, Vec::new());
            }
            ("nest_service" | "nest_api_service", [path, service])
                if certain || self.is_path(path) =>
            {
                let path = self.text(path);
                self.site(at, What::NestService, path, Vec::new());
                let under = self.under.behind_a_service();
                self.with(under, |this| this.visit_expr(service));
            }
            ("merge", [other]) if certain || self.kind(other) == Kind::Router => {
                if let Some(foreign) = self.foreign(other) {
                    self.site(at, What::Foreign(foreign), None, Vec::new());
                }
                self.visit_expr(other);
            }
            ("fallback", [handler]) if certain => {
                let entry = Entry {
                    methods: Some(Methods::ANY),
                    handler: self.handler(handler),
                };
                // A typed router's brings its class; the layer's rule is a plain one's.
                self.site(at, What::Fallback, None, vec![entry]);
                self.visit_expr(handler);
            }
            ("fallback_service", [service]) => {
                self.site(at, What::FallbackService, None, Vec::new());
                let under = self.under.behind_a_service();
                self.with(under, |this| this.visit_expr(service));
            }
            ("mount", [handler]) if certain => {
                let Endpoint { methods, path } = self.classified(handler);
                let handler_of = self.handler(handler);
                let entry = Entry {
                    methods,
                    handler: handler_of,
                };
                self.site(at, What::Mount, path, vec![entry]);
                self.visit_expr(handler);
            }
            ("mount_service" | "mount_axum", [declaration, service]) => {
                let path = self.classified(declaration).path;
                self.site(at, What::NestService, path, Vec::new());
                let under = self.under.behind_a_service();
                self.with(under, |this| this.visit_expr(service));
            }
            ("routes", [routes]) => {
                let documented = match routes {
                    Expr::Macro(mac) => self.documented(&mac.mac),
                    _ => None,
                };
                match documented {
                    Some((path, entries, functions)) => {
                        self.site(at, What::Route, path, entries);
                        for id in functions {
                            self.graph.add_edge(self.node, id, &self.under);
                        }
                    }
                    None if certain => {
                        let entry = Entry {
                            methods: None,
                            handler: Handler::Unknown(Vec::new()),
                        };
                        self.site(at, What::Route, None, vec![entry]);
                        self.visit_expr(routes);
                    }
                    None => return None,
                }
            }
            (_, [handler]) if let Some(verb) = name.strip_prefix("typed_") => {
                let methods = attributes::method(verb)?;
                let handler_of = self.handler(handler);
                let path = self.typed_path(&handler_of);
                let entry = Entry {
                    methods: Some(methods),
                    handler: handler_of,
                };
                self.site(at, What::Route, path, vec![entry]);
                self.visit_expr(handler);
            }
            _ => return None,
        }
        Some(Kind::Router)
    }

    /// axum-extra's `Resource`: paths of its name.
    fn resource(
        &mut self,
        root: &Expr,
        name: &str,
        at: &syn::Ident,
        args: &[&Expr],
    ) -> Option<Kind> {
        let [handler] = args else { return None };
        let (methods, below) = match name {
            "index" => (Methods::GET, ""),
            "create" => (Methods::POST, ""),
            "new" => (Methods::GET, "/new"),
            "show" => (Methods::GET, "/{id}"),
            "edit" => (Methods::GET, "/{id}/edit"),
            "update" => (Methods::PUT.or(Methods::PATCH), "/{id}"),
            "destroy" => (Methods::DELETE, "/{id}"),
            _ => return None,
        };
        let resource = match root {
            Expr::Call(call) => call.args.first().and_then(|name| self.text(name)),
            _ => None,
        };
        let path = resource.map(|name| {
            let below = below.replace("{id}", &format!("{{{name}_id}}"));
            format!("/{name}{below}")
        });
        let entry = Entry {
            methods: Some(methods),
            handler: self.handler(handler),
        };
        self.site(at, What::Route, path, vec![entry]);
        self.visit_expr(handler);
        Some(Kind::Resource)
    }

    /// What another crate makes and a router takes in: by its name.
    fn foreign(&self, expr: &Expr) -> Option<String> {
        match peel(expr) {
            Expr::MethodCall(call) => self.foreign(flatten(call).0),
            Expr::Call(call) => {
                let path = called(call)?;
                match self.tables.value(self.scope, &path) {
                    Meaning::Other(path) if self.kind(expr) == Kind::Unknown => {
                        let generic = &self.tables.functions[self.function].type_parameters;
                        // `T::routes()`, `Self::routes()`: of whatever type it is.
                        let first = path.first()?;
                        let own = first == "Self" || generic.contains(first) || path.len() == 1;
                        (!own).then(|| path.join("::"))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
