//! Macros that are known, and those that may hide a route.

use std::path::{Path, PathBuf};

use syn::parse::ParseStream;
use syn::{Attribute, Expr, Ident, Item, Macro, Token};

use super::{attributes, path};

/// `cfg_if! { if #[cfg(..)] { items } else if #[cfg(..)] { items } else { items } }`.
pub(super) fn cfg_if(input: ParseStream<'_>) -> syn::Result<Vec<(Option<Attribute>, Vec<Item>)>> {
    let mut branches = Vec::new();
    loop {
        let condition = if input.parse::<Option<Token![if]>>()?.is_some() {
            let attributes = input.call(Attribute::parse_outer)?;
            Some(
                attributes
                    .into_iter()
                    .next()
                    .ok_or_else(|| input.error("expected `#[cfg(..)]`"))?,
            )
        } else {
            None
        };
        let last = condition.is_none();
        let content;
        syn::braced!(content in input);
        branches.push((condition, items(&content)?));
        if last || input.parse::<Option<Token![else]>>()?.is_none() {
            return Ok(branches);
        }
    }
}

pub(super) fn items(input: ParseStream<'_>) -> syn::Result<Vec<Item>> {
    let mut items = Vec::new();
    while !input.is_empty() {
        match input.parse()? {
            Item::Verbatim(_) => return Err(input.error("not an item")),
            item => items.push(item),
        }
    }
    Ok(items)
}

/// `audited_router!(admin = admin::router(), site = site::router())`.
pub(super) fn named(input: ParseStream<'_>) -> syn::Result<Vec<(String, Expr)>> {
    let list = input.parse_terminated(
        |input| {
            let name: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            Ok((path::name(&name), input.parse()?))
        },
        Token![,],
    )?;
    Ok(list.into_iter().collect())
}

pub(super) fn is_audited_router(name: &str) -> bool {
    name == "audited_router" || name == "audited_router_expression"
}

/// The file that an `include!` names, where that can be known.
pub(super) fn included(
    mac: &Macro,
    manifest_dir: &Path,
    out_dir: Option<&Path>,
) -> Option<PathBuf> {
    fn text(expr: &Expr, manifest_dir: &Path, out_dir: Option<&Path>) -> Option<String> {
        if let Expr::Macro(inner) = expr {
            let name = path::last(&inner.mac.path)?;
            let arguments = inner.mac.parse_body_with(path::arguments).ok()?;
            return match name.as_str() {
                "concat" => arguments
                    .iter()
                    .map(|part| text(part, manifest_dir, out_dir))
                    .collect(),
                "env" => match text(arguments.first()?, manifest_dir, out_dir)?.as_str() {
                    "OUT_DIR" => Some(out_dir?.to_str()?.to_owned()),
                    "CARGO_MANIFEST_DIR" => Some(manifest_dir.to_str()?.to_owned()),
                    _ => None,
                },
                _ => None,
            };
        }
        path::text(expr, &mut |_| None)
    }
    let argument = mac.parse_body().ok()?;
    text(&argument, manifest_dir, out_dir).map(PathBuf::from)
}

/// Macros of the standard library and of the usual crates, and ours: their arguments are values.
pub(super) fn registers_nothing(name: &str) -> bool {
    const VALUES: &[&str] = &[
        "assert",
        "assert_eq",
        "assert_ne",
        "bail",
        "bitflags",
        "cfg",
        "column",
        "compile_error",
        "concat",
        "dbg",
        "debug",
        "debug_assert",
        "debug_assert_eq",
        "debug_assert_ne",
        "debug_span",
        "declare_route",
        "ensure",
        "env",
        "eprint",
        "eprintln",
        "error",
        "error_span",
        "event",
        "file",
        "format",
        "format_args",
        "html",
        "include_bytes",
        "include_str",
        "info",
        "info_span",
        "json",
        "line",
        "log",
        "matches",
        "module_path",
        "option_env",
        "panic",
        "print",
        "println",
        "query",
        "query_as",
        "span",
        "stringify",
        "todo",
        "trace",
        "trace_span",
        "unimplemented",
        "unreachable",
        "warn",
        "warn_span",
        "write",
        "writeln",
    ];
    VALUES.contains(&name)
}

/// Whether a macro that is not known may register a route: it is named for it, or routers or their
/// methods are among its tokens.
pub(super) fn may_register(name: &str, mac: &Macro) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("route") || attributes::registers(&mac.tokens)
}
