//! A router that stands among other things, as the text of a function of its own.

use std::collections::HashSet;
use std::ops::Range;

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, FnArg, Local, Pat, PatIdent};

use super::text::Source;
use super::tree::{Item, flat};

/// What to paste.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Apart {
    /// `fn routes() -> Router<AppState> { .. }`, with its attribute.
    pub(super) function: String,
    /// What stands in its place then.
    pub(super) call: String,
    /// Whether the state's type is known.
    pub(super) knows_state: bool,
}

/// The router of a function, where one expression builds all of it out of nothing that is the
/// function's own.
pub(super) fn apart(source: &Source, item: &Item, library: &str) -> Option<Apart> {
    let mut finder = Finder {
        body: item.body..item.range.end,
        chains: Vec::new(),
        names: Vec::new(),
        grows: false,
    };
    finder.visit_file(&source.parse().ok()?);
    let [chain] = finder.chains.as_slice() else {
        return None;
    };
    if finder.grows {
        return None;
    }
    // From the outside to the inside.
    let mut calls = vec![chain];
    while let Expr::MethodCall(inner) = &*calls[calls.len() - 1].receiver {
        calls.push(inner);
    }
    let ends = |call: &&&ExprMethodCall| call.method.to_string().starts_with("into_make_service");
    let stated = calls.iter().rfind(|call| call.method == "with_state");
    let end = stated.or_else(|| calls.iter().rfind(ends));
    let routes: &dyn ToTokens = match end {
        Some(call) => &call.receiver,
        None => chain,
    };
    let range = routes.span().byte_range();
    let own: HashSet<&str> = finder
        .names
        .iter()
        .filter(|(_, at)| !range.contains(at))
        .map(|(name, _)| name.as_str())
        .collect();
    let (mut takes, mut mounts) = (false, false);
    flat(routes.to_token_stream(), &mut |token| {
        if let TokenTree::Ident(word) = token {
            let word = word.to_string();
            takes |= own.contains(word.as_str());
            mounts |= MOUNTS.contains(&word.as_str());
        }
    });
    if takes || !mounts {
        return None;
    }
    let state = stated.and_then(|call| call.args.first());
    let known = state.and_then(|state| parameter(item, state));
    let state = state.map(|_| known.clone().unwrap_or_else(|| "AppState".to_owned()));
    let generics = state.as_ref().map_or(String::new(), |ty| format!("<{ty}>"));
    let call = match end {
        Some(call) => {
            let from = call.receiver.span().byte_range().end;
            let rest = &source.text[from..chain.span().byte_range().end];
            // Without the comments, which would end the line that this becomes.
            let words: Vec<&str> = rest
                .lines()
                .map(|line| line.split_once("// ").map_or(line, |(code, _)| code))
                .flat_map(str::split_whitespace)
                .collect();
            format!("routes(){}", words.join(" ").replace(" .", "."))
        }
        None => "routes()".to_owned(),
    };
    Some(Apart {
        function: format!(
            "#[{library}::audited_router]\nfn routes() -> {library}::Router{generics} {{\n{}\n}}\n",
            &source.text[range]
        ),
        call,
        knows_state: state.is_none() || known.is_some(),
    })
}

/// What adds to a router.
const MOUNTS: [&str; 11] = [
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

/// The type of an argument, if the state is one.
fn parameter(item: &Item, state: &Expr) -> Option<String> {
    let Expr::Path(path) = state else { return None };
    let name = path.path.get_ident()?;
    item.sig.inputs.iter().find_map(|input| match input {
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(pat) if pat.ident == *name => Some(typed.ty.to_token_stream().to_string()),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    })
}

struct Finder {
    body: Range<usize>,
    /// Calls on `Router::new()`, the outermost of each chain.
    chains: Vec<ExprMethodCall>,
    /// What the function calls its own, and where.
    names: Vec<(String, usize)>,
    /// Whether something is added to a router that is built already.
    grows: bool,
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
        self.names
            .push((pat.ident.to_string(), pat.ident.span().byte_range().start));
        visit::visit_pat_ident(self, pat);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        let known = self.chains.len();
        visit::visit_local(self, local);
        let is_mut = matches!(&local.pat, Pat::Ident(pat) if pat.mutability.is_some());
        self.grows |= is_mut && self.chains.len() > known;
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let mut innermost = &*call.receiver;
        while let Expr::MethodCall(inner) = innermost {
            innermost = &inner.receiver;
        }
        let is_new = match innermost {
            Expr::Call(new) => {
                let path = new.func.to_token_stream().to_string().replace(' ', "");
                path == "Router::new" || path.ends_with("::Router::new")
            }
            _ => false,
        };
        let is_inside = self.body.contains(&call.span().byte_range().start);
        // `let app = app.fallback(f);`
        self.grows |= is_inside
            && matches!(innermost, Expr::Path(_))
            && MOUNTS.contains(&call.method.to_string().as_str());
        if is_new && is_inside {
            self.chains.push(call.clone());
        } else {
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        // What other functions call their own is nothing of this one's.
        let range = item.span().byte_range();
        if range.start <= self.body.start && self.body.end <= range.end {
            visit::visit_item_fn(self, item);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tree::{Sources, Tree};
    use super::*;

    /// Of the last function.
    fn said(text: &str) -> Option<Apart> {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("it is there");
        fs::write(root.join("lib.rs"), text).expect("a file");
        let target = serde_json::json!({
            "name": "app", "kind": ["lib"], "crate_types": ["lib"], "src_path": root.join("lib.rs"),
            "edition": "2024", "doctest": false, "test": true, "doc": true,
        });
        let target = serde_json::from_value(target).expect("a target");
        let (mut sources, mut tree) = (Sources::default(), Tree::default());
        tree.add(&mut sources, &target, &root).expect("it is read");
        apart(&sources.all[0], tree.items.last().expect("one"), "auth")
    }

    #[test]
    fn one_expression_can_be_moved_and_its_state_stays() {
        let app = "fn app(db: Db, state: Arc<App>) -> Router {\n    let x = db.open();\n    \
                   Router::new()\n        .route(\"/\", get(|y: u8| async move { y }))\n        \
                   .with_state(state)\n        .layer(x)\n}";
        let apart = said(app).expect("a function");
        assert_eq!(
            apart.function,
            "#[auth::audited_router]\nfn routes() -> auth::Router<Arc < App >> {\nRouter::new()\n        \
             .route(\"/\", get(|y: u8| async move { y }))\n}\n"
        );
        assert_eq!(apart.call, "routes().with_state(state).layer(x)");
        assert!(apart.knows_state);
        let main = "fn main() { let s = S; serve(axum::Router::new().nest(\"/a\", a()).with_state(s).into_make_service()) }";
        let apart = said(main).expect("a function");
        assert!(
            apart.function.contains("auth::Router<AppState>"),
            "{apart:?}"
        );
        assert_eq!(apart.call, "routes().with_state(s).into_make_service()");
        assert!(!apart.knows_state);
        let comment = "fn main() { let s = S; serve(Router::new().route(\"/\", get(a)).layer(b) // Outer.\n.with_state(s)) }";
        assert_eq!(
            said(comment).expect("a function").call,
            "routes().with_state(s)"
        );
        let plain =
            "fn other(a: A) {}\nfn main() { let app = Router::new().route(\"/\", get(a)); }";
        assert_eq!(said(plain).expect("a function").call, "routes()");
    }

    #[test]
    fn what_takes_something_of_the_function_stays() {
        for text in [
            "fn app(db: Db) -> Router { Router::new().route(\"/\", get(f)).layer(Extension(db)) }",
            "fn main() { let prefix = \"/a\"; serve(Router::new().nest(prefix, a())); }",
            "fn main() { let mut app = Router::new().route(\"/\", get(f)); app = app.route(\"/b\", get(g)); }",
            "fn main() { serve(Router::new().route(\"/\", get(f))); serve(Router::new().route(\"/\", get(g))); }",
            "fn main() { let app = Router::new().route(\"/\", get(f)); let app = app.fallback(g); }",
            "fn main() { let app = Router::new().layer(x); }",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
