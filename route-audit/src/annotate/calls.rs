//! The call that an error is about: what is mounted, where and as what.

use std::collections::HashMap;
use std::ops::Range;

use session_auth::Methods;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, Lit, Token};

use crate::exits::calls::{SERVICES, is_routing};

/// A call with an argument at a given place.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// `get`, `nest_service`.
    pub(super) name: String,
    /// The name, or the path that it is the end of: where `#[track_caller]` says that it is.
    pub(super) callee: Range<usize>,
    pub(super) argument: Range<usize>,
    /// The argument, if it is one word.
    pub(super) word: Option<String>,
    pub(super) first: Range<usize>,
    /// The path of the route around it, where that is a literal.
    pub(super) path: Option<String>,
    /// Whether it is of a method router that a `nest_service` or the like takes.
    pub(super) in_service: bool,
    /// A closure, where a route or a fallback takes it.
    pub(super) mounts_closure: bool,
}

impl Call {
    /// The methods that it mounts for. `on_router` tells the fallback of a router from that of a path.
    pub(super) fn methods(&self, text: &str, on_router: bool) -> Option<Methods> {
        let name = self.name.trim_end_matches("_service");
        match name {
            "any" | "nest" | "route" => Some(Methods::ANY),
            "method_not_allowed_fallback" => Some(Methods::FALLBACK),
            "fallback" if on_router => Some(Methods::FALLBACK),
            "fallback" => Some(Methods::ANY),
            // `MethodFilter::GET.or(MethodFilter::POST)`
            "on" => {
                let words = text[self.first.clone()].split(|c: char| !c.is_alphanumeric());
                words.filter_map(Methods::from_name).reduce(Methods::or)
            }
            name => Methods::from_name(&name.to_ascii_uppercase()),
        }
    }
}

/// The calls of a file, by where their arguments begin and end.
pub(super) type Calls = HashMap<(usize, usize), Call>;

/// All of them in one pass: a chain of thousands is as deep.
pub(super) fn of(file: &syn::File) -> Calls {
    let mut finder = Finder::default();
    finder.visit_file(file);
    finder.found
}

/// What adds to a router.
pub(super) const ADDERS: [&str; 11] = [
    "route",
    "route_with_tsr",
    "route_service",
    "route_service_with_tsr",
    "nest",
    "nest_service",
    "merge",
    "merge_axum",
    "fallback",
    "fallback_service",
    "mount",
];

/// What has a path first, and then what is mounted there.
const MOUNTS: [&str; 5] = [
    "route",
    "route_with_tsr",
    "route_service",
    "route_service_with_tsr",
    "nest_service",
];

/// `routing::get(list).post(create)`.
fn is_method_router(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(call) => is_method_router(&call.receiver),
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else {
                return false;
            };
            let last = path.path.segments.last();
            last.is_some_and(|last| is_routing(&last.ident.to_string()))
        }
        _ => false,
    }
}

#[derive(Default)]
struct Finder {
    path: Option<String>,
    in_service: bool,
    /// In what a route takes.
    in_route: bool,
    found: Calls,
}

impl Finder {
    fn call(&mut self, name: &str, callee: &Range<usize>, args: &Punctuated<Expr, Token![,]>) {
        let Some(first) = args.first() else { return };
        let first = first.span().byte_range();
        for argument in args {
            let word = match argument {
                Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
                _ => None,
            };
            let range = argument.span().byte_range();
            let call = Call {
                name: name.to_owned(),
                callee: callee.clone(),
                argument: range.clone(),
                word,
                first: first.clone(),
                path: self.path.clone(),
                in_service: self.in_service,
                mounts_closure: matches!(argument, Expr::Closure(_))
                    && (self.in_route || name.starts_with("fallback")),
            };
            self.found.insert((range.start, range.end), call);
        }
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
        {
            let callee = path.span().byte_range();
            self.call(&last.ident.to_string(), &callee, &call.args);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.visit_expr(&call.receiver);
        let name = call.method.to_string();
        let before = (self.path.clone(), self.in_route);
        self.in_route |= MOUNTS.contains(&name.as_str());
        if MOUNTS.contains(&name.as_str())
            && let Some(Expr::Lit(literal)) = call.args.first()
            && let Lit::Str(path) = &literal.lit
        {
            self.path = Some(path.value());
        }
        self.call(&name, &call.method.span().byte_range(), &call.args);
        let is_service = SERVICES.contains(&name.as_str());
        for arg in &call.args {
            let outside = self.in_service;
            if is_method_router(arg) {
                // Of a router that stands in there, each route is one of its own.
                self.in_service = is_service;
            }
            self.visit_expr(arg);
            self.in_service = outside;
        }
        (self.path, self.in_route) = before;
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        let in_route = std::mem::take(&mut self.in_route);
        visit::visit_expr_closure(self, closure);
        self.in_route = in_route;
    }
}

/// Where `nest` takes a path that is neither written there nor a constant.
pub(super) fn computed_nests(file: &syn::File) -> Vec<usize> {
    struct Nests(Vec<usize>);
    impl<'ast> Visit<'ast> for Nests {
        fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
            let mut path = call.args.first();
            while let Some(Expr::Reference(inner)) = path {
                path = Some(&inner.expr);
            }
            let is_computed = match path {
                Some(Expr::Field(_) | Expr::MethodCall(_)) => true,
                Some(Expr::Path(path)) => path.path.get_ident().is_some_and(|name| {
                    name.to_string()
                        .starts_with(|c: char| c.is_ascii_lowercase())
                }),
                _ => false,
            };
            if call.method == "nest" && call.args.len() == 2 && is_computed {
                self.0.push(call.method.span().byte_range().start);
            }
            visit::visit_expr_method_call(self, call);
        }
    }
    let mut nests = Nests(Vec::new());
    nests.visit_file(file);
    nests.0
}

#[cfg(test)]
mod tests {
    use session_auth::methods::{ANY, GET, POST};

    use super::super::text::Source;
    use super::*;

    #[test]
    fn a_call_knows_its_route() {
        let source = Source::test(
            "fn f() { Router::new().route(\"/a\", routing::get(list).post(wrap(|| x)))\n\
             .route(PATH, on(MethodFilter::GET.or(MethodFilter::POST), o)).nest_service(\"/s\", dir)\n\
             .route(\"/b\", any(q).fallback(r)).fallback(r2) }",
        );
        let file = source.parse().expect("it parses");
        let call = |argument: &str| {
            let start = source.text.find(argument).expect("it is there");
            of(&file).remove(&(start, start + argument.len()))
        };
        let list = call("list").expect("a call");
        assert_eq!(
            (list.name.as_str(), list.path.as_deref()),
            ("get", Some("/a"))
        );
        assert!(source.text[list.callee.clone()].starts_with("routing"));
        assert_eq!(list.methods(&source.text, false), Some(GET));
        assert_eq!(list.word.as_deref(), Some("list"));
        let closure = call("|| x").expect("a call");
        assert!(closure.mounts_closure && !list.mounts_closure);
        assert_eq!(closure.methods(&source.text, false), None);
        assert_eq!(
            call("wrap(|| x)").map(|call| call.name).as_deref(),
            Some("post")
        );
        let on = call("o)").is_none() && call("PATH, on").is_none();
        assert!(on);
        let start = source.text.find(", o)").expect("it is there") + 2;
        let on = of(&file).remove(&(start, start + 1)).expect("a call");
        assert_eq!(
            (on.methods(&source.text, false), on.path.as_deref()),
            (Some(GET | POST), None)
        );
        assert!(!list.in_service);
        let service = call("\"/s\"").expect("a call");
        assert_eq!(
            (
                service.methods(&source.text, false),
                service.path.as_deref()
            ),
            (Some(ANY), Some("/s"))
        );
        let fallback = call("r2").expect("a call");
        assert_eq!(
            fallback.methods(&source.text, true),
            Some(Methods::FALLBACK)
        );
        assert_eq!(fallback.path, None);
    }

    #[test]
    fn a_method_router_in_a_service_is_known() {
        let text = "fn f() { Router::new().nest_service(\"/s\", routing::get(a).post(b))\n\
                    .fallback_service(Router::new().route(\"/\", any(c))).route(\"/r\", put(d)) }";
        let calls = of(&Source::test(text).parse().expect("it parses"));
        let in_service = |argument: &str| {
            let start = text.find(argument).expect("it is there") + 1;
            calls[&(start, start + 1)].in_service
        };
        assert_eq!(
            ["(a)", "(b)", "(c)", "(d)"].map(in_service),
            [true, true, false, false]
        );
    }

    #[test]
    fn a_prefix_of_the_configuration_is_seen() {
        let text = "fn f() { r.nest(\"/a\", a).nest(PREFIX, b).nest(&config.base, c).nest(&base, d).nest(of(), e) }";
        let file = Source::test(text).parse().expect("it parses");
        let places: Vec<&str> = computed_nests(&file)
            .into_iter()
            .map(|at| &text[at..at + 10])
            .collect();
        assert_eq!(places, ["nest(&base", "nest(&conf"]);
    }
}
