//! Paths, types and constant text, as they are written.

use syn::visit::{self, Visit};
use syn::{Expr, Ident, Lit, Type};

use super::tables::{Kind, Meaning};

/// A name without its `r#`.
pub(super) fn name(ident: &Ident) -> String {
    let text = ident.to_string();
    match text.strip_prefix("r#") {
        Some(plain) => plain.to_owned(),
        None => text,
    }
}

/// The segments, an empty one first for a leading `::`.
pub(super) fn segments(path: &syn::Path) -> Vec<String> {
    let global = path.leading_colon.map(|_| String::new());
    global
        .into_iter()
        .chain(path.segments.iter().map(|segment| name(&segment.ident)))
        .collect()
}

/// `Router`, `OpenApiRouter`, `ApiRouter`, and what a crate calls its own.
pub(super) fn is_router(name: &str) -> bool {
    name.ends_with("Router") && !is_method_router(name)
}

/// `MethodRouter`, `ApiMethodRouter`, `UtoipaMethodRouter`.
pub(super) fn is_method_router(name: &str) -> bool {
    name.ends_with("MethodRouter")
}

/// Whether a type is a router's, or holds one: `Result<Router, Error>`.
pub(super) fn kind_of_type(ty: &Type, meaning: &mut dyn FnMut(&[String]) -> Meaning) -> Kind {
    struct Finder<'a> {
        meaning: &'a mut dyn FnMut(&[String]) -> Meaning,
        kind: Kind,
    }
    impl<'ast> Visit<'ast> for Finder<'_> {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            let segments = segments(path);
            let last = match (self.meaning)(&segments) {
                Meaning::Other(path) => path.last().cloned(),
                Meaning::Type(path) => path.rsplit("::").next().map(str::to_owned),
                _ => None,
            };
            match last.or_else(|| segments.last().cloned()) {
                Some(last) if is_method_router(&last) => self.kind = Kind::MethodRouter,
                Some(last) if is_router(&last) => self.kind = Kind::Router,
                _ => visit::visit_path(self, path),
            }
        }
    }
    let mut finder = Finder {
        meaning,
        kind: Kind::Other,
    };
    finder.visit_type(ty);
    finder.kind
}

/// The text of a constant expression: a literal, `concat!` of such, another constant.
pub(super) fn text(
    expr: &Expr,
    constant: &mut dyn FnMut(&[String]) -> Option<String>,
) -> Option<String> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        Expr::Reference(inner) => text(&inner.expr, constant),
        Expr::Paren(inner) => text(&inner.expr, constant),
        Expr::Group(inner) => text(&inner.expr, constant),
        Expr::Path(path) if path.qself.is_none() => constant(&segments(&path.path)),
        Expr::MethodCall(call)
            if call.args.is_empty()
                && matches!(
                    call.method.to_string().as_str(),
                    "as_str" | "as_ref" | "to_string" | "to_owned" | "into"
                ) =>
        {
            text(&call.receiver, constant)
        }
        Expr::Call(call) if call.args.len() == 1 => match &*call.func {
            Expr::Path(path)
                if segments(&path.path).ends_with(&["String".into(), "from".into()]) =>
            {
                text(&call.args[0], constant)
            }
            _ => None,
        },
        Expr::Macro(mac) if last(&mac.mac.path).is_some_and(|name| name == "concat") => {
            let parts = mac.mac.parse_body_with(arguments).ok()?;
            parts.iter().map(|part| text(part, constant)).collect()
        }
        _ => None,
    }
}

pub(super) fn last(path: &syn::Path) -> Option<String> {
    path.segments.last().map(|segment| name(&segment.ident))
}

/// The arguments of a macro that is called like a function.
pub(super) fn arguments(input: syn::parse::ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    let list = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated(input)?;
    Ok(list.into_iter().collect())
}
