//! A router that stands among other things, as the text of a function of its own.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, Local, Pat, PatIdent};

use super::calls::ADDERS;
use super::takes::{Uses, word};
use super::text::Source;
use super::tree::Item;
use super::types;

/// What to paste.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Apart {
    /// `fn routes() -> Router<AppState> { .. }`, with its attribute.
    pub(super) function: String,
    /// What stands in its place then.
    pub(super) call: String,
    /// What it takes of the function's own.
    pub(super) takes: Vec<String>,
    /// Names that stand for types that are not known, and whose.
    pub(super) unknown: Vec<String>,
}

/// What is known beside the source of a function.
pub(super) struct Known<'a> {
    pub(super) library: &'a str,
    /// The functions that return a router.
    pub(super) builders: HashSet<&'a str>,
    /// The type of what a `with_state` is given, by its place.
    pub(super) state: &'a dyn Fn(usize) -> Option<String>,
}

/// The router of a function, where one expression builds all of it. Layers at its end that take
/// something of the function's own stay there, if `leaves_layers`.
pub(super) fn apart(
    source: &Source,
    item: &Item,
    known: &Known<'_>,
    leaves_layers: bool,
) -> Option<Apart> {
    let library = known.library;
    let mut finder = Finder {
        builders: &known.builders,
        body: item.body..item.range.end,
        chains: Vec::new(),
        names: Vec::new(),
        types: HashMap::new(),
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
    let mut end = stated.or_else(|| calls.iter().rfind(ends)).copied();
    let whole = chain.span().byte_range();
    let uses = |of: &dyn Fn(&mut Uses<'_>)| {
        let own = finder.names.iter().filter(|(_, at)| !whole.contains(at));
        let mut uses = Uses {
            own: own.map(|(name, _)| name.as_str()).collect(),
            found: Vec::new(),
            in_closure: false,
            mounts: false,
            leaves: false,
        };
        of(&mut uses);
        (uses.found, uses.mounts, uses.leaves)
    };
    let takes = |call: &ExprMethodCall| {
        let args = |uses: &mut Uses<'_>| call.args.iter().for_each(|arg| uses.visit_expr(arg));
        !uses(&args).0.is_empty()
    };
    let before = |end: &ExprMethodCall| {
        calls
            .iter()
            .position(|call| std::ptr::eq(*call, end))
            .map_or(0, |nth| nth + 1)
    };
    let layers = calls[end.map_or(0, before)..].iter();
    let layers = layers.take_while(|call| leaves_layers && call.method == "layer" && takes(call));
    end = layers.copied().last().or(end);
    let range = match end {
        Some(call) => call.receiver.span().byte_range(),
        None => whole.clone(),
    };
    let (found, mounts, leaves) = uses(&|uses| match end {
        Some(call) => uses.visit_expr(&call.receiver),
        None => uses.visit_expr_method_call(chain),
    });
    if leaves || !mounts {
        return None;
    }
    let mut unknown = Vec::new();
    let given = stated.and_then(|call| Some((call, call.args.first()?)));
    let given = given.map(|(call, given)| {
        let stands = types::of_value(given, &finder.types);
        let at = call.method.span().byte_range().start;
        let ty = stands.or_else(|| (known.state)(at)).unwrap_or_else(|| {
            unknown.push("`AppState`, the type of its state".to_owned());
            "AppState".to_owned()
        });
        (word(given), ty)
    });
    let generics = given
        .as_ref()
        .map_or(String::new(), |(_, ty)| format!("<{ty}>"));
    let (mut parameters, mut arguments) = (Vec::new(), Vec::new());
    for (name, by_value) in &found {
        let ty = match (finder.types.get(name).cloned(), &given) {
            (Some(ty), _) => ty,
            (None, Some((Some(given), ty))) if given == name => ty.clone(),
            _ => {
                let ty = camel(name);
                unknown.push(format!("`{ty}`, the type of `{name}`"));
                ty
            }
        };
        let by = if *by_value || ty.starts_with('&') {
            ""
        } else {
            "&"
        };
        parameters.push(format!("{name}: {by}{ty}"));
        arguments.push(format!("{by}{name}"));
    }
    let (parameters, arguments) = (parameters.join(", "), arguments.join(", "));
    let attribute = if arguments.is_empty() {
        ""
    } else {
        "(at_start)"
    };
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
            format!("routes({arguments}){}", words.join(" ").replace(" .", "."))
        }
        None => format!("routes({arguments})"),
    };
    Some(Apart {
        function: format!(
            "#[{library}::audited_router{attribute}]\nfn routes({parameters}) -> {library}::Router{generics} {{\n{}\n}}\n",
            &source.text[range]
        ),
        call,
        takes: found.iter().map(|(name, _)| format!("`{name}`")).collect(),
        unknown,
    })
}

/// `AppConfig` of `app_config`.
fn camel(name: &str) -> String {
    let part = |part: &str| {
        let first = part.chars().next().map(|first| first.to_ascii_uppercase());
        first
            .into_iter()
            .chain(part.chars().skip(1))
            .collect::<String>()
    };
    name.split('_').map(part).collect()
}

struct Finder<'a> {
    builders: &'a HashSet<&'a str>,
    body: Range<usize>,
    /// Calls on `Router::new()`, and on other routers to which they add something, the outermost of each chain.
    chains: Vec<ExprMethodCall>,
    /// What the function calls its own, and where.
    names: Vec<(String, usize)>,
    /// Of these, the types that stand there.
    types: HashMap<String, String>,
    /// Whether something is added to a router that is built already.
    grows: bool,
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
        self.names
            .push((pat.ident.to_string(), pat.ident.span().byte_range().start));
        visit::visit_pat_ident(self, pat);
    }

    fn visit_pat_type(&mut self, typed: &'ast syn::PatType) {
        if let Pat::Ident(pat) = &*typed.pat {
            let ty = typed.ty.to_token_stream().to_string();
            self.types.insert(pat.ident.to_string(), ty);
        }
        visit::visit_pat_type(self, typed);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        let known = self.chains.len();
        if let (Pat::Ident(pat), Some(init)) = (&local.pat, &local.init) {
            let ty = types::of_value(&init.expr, &self.types);
            self.types.extend(ty.map(|ty| (pat.ident.to_string(), ty)));
        }
        visit::visit_local(self, local);
        let is_mut = matches!(&local.pat, Pat::Ident(pat) if pat.mutability.is_some());
        self.grows |= is_mut && self.chains.len() > known;
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let mut innermost = &*call.receiver;
        let mut mounts = ADDERS.contains(&call.method.to_string().as_str());
        while let Expr::MethodCall(inner) = innermost {
            mounts |= ADDERS.contains(&inner.method.to_string().as_str());
            innermost = &inner.receiver;
        }
        let is_new = match innermost {
            Expr::Call(new) => {
                let path = new.func.to_token_stream().to_string().replace(' ', "");
                let name = path.rsplit("::").next().unwrap_or(&path);
                path == "Router::new"
                    || path.ends_with("::Router::new")
                    || mounts && self.builders.contains(name)
            }
            _ => false,
        };
        let is_inside = self.body.contains(&call.span().byte_range().start);
        // `let app = app.fallback(f);`
        self.grows |= is_inside
            && matches!(innermost, Expr::Path(_))
            && ADDERS.contains(&call.method.to_string().as_str());
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
        let state = |at: usize| {
            text[at..]
                .starts_with("with_state(known")
                .then(|| "Known".to_owned())
        };
        let known = Known {
            library: "auth",
            builders: ["api"].into(),
            state: &state,
        };
        let item = tree.items.last().expect("one");
        apart(&sources.all[0], item, &known, true)
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
        assert!(apart.unknown.is_empty());
        let main = "fn main() { let s = S; serve(axum::Router::new().nest(\"/a\", a()).with_state(s).into_make_service()) }";
        let apart = said(main).expect("a function");
        assert!(
            apart.function.contains("auth::Router<AppState>"),
            "{apart:?}"
        );
        assert_eq!(apart.call, "routes().with_state(s).into_make_service()");
        assert_eq!(apart.unknown, ["`AppState`, the type of its state"]);
        let known = "fn main() { let known = s(); serve(Router::new().route(\"/\", get(a)).with_state(known)) }";
        let apart = said(known).expect("a function");
        assert!(
            apart.function.contains("routes() -> auth::Router<Known>"),
            "{apart:?}"
        );
        assert!(apart.unknown.is_empty());
        let comment = "fn main() { let s = S; serve(Router::new().route(\"/\", get(a)).layer(b) // Outer.\n.with_state(s)) }";
        assert_eq!(
            said(comment).expect("a function").call,
            "routes().with_state(s)"
        );
        let layers =
            "fn main() { let a = A; serve(api().merge(b()).layer(C).layer(Extension(a))) }";
        let apart = said(layers).expect("a function");
        assert_eq!(apart.call, "routes().layer(Extension(a))");
        assert!(
            apart.function.contains("{\napi().merge(b()).layer(C)\n}"),
            "{apart:?}"
        );
        let plain =
            "fn other(a: A) {}\nfn main() { let app = Router::new().route(\"/\", get(a)); }";
        assert_eq!(said(plain).expect("a function").call, "routes()");
    }

    #[test]
    fn what_it_takes_of_the_function_becomes_its_argument() {
        let on = "Router::new().route(\"/\", get(f))";
        for (body, arguments, called, unknown) in [
            // Lent, where that will do.
            (
                "let x = X; serve(ON.route_layer(l(x.clone(), &x)))",
                "x: &X",
                "routes(&x)",
                "`X`, the type of `x`",
            ),
            (
                "let x: Y = X; serve(ON.route_layer(Extension(x)))",
                "x: Y",
                "routes(x)",
                "",
            ),
            (
                "let x: &Y = &X; serve(ON.route_layer(Extension(x.clone())))",
                "x: & Y",
                "routes(x)",
                "",
            ),
            (
                "let x: Y = X; serve(ON.route(\"/x\", get(move || g(x.clone()))))",
                "x: Y",
                "routes(x)",
                "",
            ),
            (
                "let p = \"/a\"; serve(ON.nest(p, a()))",
                "p: &str",
                "routes(p)",
                "",
            ),
            (
                "let p = q(); serve(ON.nest(&format!(\"/{p}\", p), a()))",
                "p: &P",
                "routes(&p)",
                "`P`, the type of `p`",
            ),
            (
                "let known = s(); serve(ON.route_layer(l(known.clone())).with_state(known))",
                "known: &Known",
                "routes(&known).with_state(known)",
                "",
            ),
            (
                "let (a_pool, x): (Q, Y) = y(); serve(ON.route_layer(Extension(a_pool)).route_layer(x.size))",
                "a_pool: APool, x: &X",
                "routes(a_pool, &x)",
                "`APool`, the type of `a_pool` and `X`, the type of `x`",
            ),
        ] {
            let text = format!("fn main() {{ {} }}", body.replace("ON", on));
            let apart = said(&text).expect("a function");
            let start = format!("#[auth::audited_router(at_start)]\nfn routes({arguments}) -> ");
            assert!(apart.function.starts_with(&start), "{apart:?}");
            assert_eq!(apart.call, called);
            assert_eq!(apart.unknown.join(" and "), unknown);
        }
    }

    #[test]
    fn what_is_built_in_several_steps_or_waits_stays() {
        for text in [
            "async fn main() { serve(Router::new().route(\"/\", get(f)).merge(late().await)); }",
            "fn main() -> Result { serve(Router::new().route(\"/\", get(f)).merge(late()?)) }",
            "fn main() { let mut app = Router::new().route(\"/\", get(f)); app = app.route(\"/b\", get(g)); }",
            "fn main() { serve(Router::new().route(\"/\", get(f))); serve(Router::new().route(\"/\", get(g))); }",
            "fn main() { let app = Router::new().route(\"/\", get(f)); let app = app.fallback(g); }",
            "fn main() { let app = Router::new().layer(x); }",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
