//! The function under an attribute: what it must be, and how its attributes are shared out.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, FnArg, Generics, Pat, ReturnType, Safety, Signature, Token, Visibility};

use crate::access::Class;
use crate::errors::Errors;
use crate::parse::RawFn;

/// A function that can be classified.
pub(crate) struct Handler {
    /// For the function that callers see: docs, lints, `#[deprecated]`, `#[must_use]`.
    pub(crate) outer_attrs: Vec<Attribute>,
    /// For the `async fn` inside: all the others, which may rewrite it.
    pub(crate) inner_attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) fn_token: Token![fn],
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    /// As written.
    pub(crate) inputs: Punctuated<FnArg, Token![,]>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) output: ReturnType,
    pub(crate) body: TokenTree,
}

/// A parameter of the function that callers see, and the argument it becomes.
pub(crate) struct Argument {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) name: Ident,
    pub(crate) ty: syn::Type,
}

/// Judges the function; mistakes are collected. `Err` has the tokens to emit where the function
/// cannot be classified at all.
pub(crate) fn validate(
    class: Class,
    raw: RawFn,
    errors: &mut Errors,
) -> Result<Handler, TokenStream> {
    let name = class.attribute();
    let RawFn {
        attrs,
        vis,
        sig,
        body,
    } = raw;
    let (ours, attrs): (Vec<_>, Vec<_>) = attrs.into_iter().partition(is_ours);
    for second in &ours {
        errors.push(
            second,
            format!(
                "the function has `#[{name}]` already: a handler has one access class; \
                 several methods are joined with `|` (`GET | POST`), and several paths follow one \
                 another (`\"/a\", \"/b\"`)"
            ),
        );
    }
    let mut found = Errors::default();
    if let Some(router) = returned_router(&sig.output) {
        errors.push(
            router,
            format!(
                "`#[{name}]` goes on a handler, and `{}` returns a router: give each of its handlers an \
                 access class, and this function `#[audited_router]` if it is the outermost",
                sig.ident
            ),
        );
        return Err(quote!(#(#attrs)* #vis #sig #body));
    }
    signature(name, &sig, &mut found);
    let unusable = !found.is_empty();
    // A missing `async` alone is no reason to drop the class: the route that mounts the function
    // would then be in error too.
    if sig.asyncness.is_none() && !unusable {
        found.push(
            sig.fn_token,
            match returns_impl(&sig) {
                true => format!(
                    "`#[{name}]` goes on an `async fn`: write `async fn {}` and the type that the future gives",
                    sig.ident
                ),
                false => format!("`#[{name}]` goes on an `async fn`: write `async fn {}`", sig.ident),
            },
        );
    }
    let keep = unusable || (sig.asyncness.is_none() && returns_impl(&sig));
    errors.append(found);
    if keep {
        return Err(quote!(#(#attrs)* #vis #sig #body));
    }
    let (outer_attrs, inner_attrs) = attrs.into_iter().partition(is_outer);
    let arguments = arguments(&sig);
    Ok(Handler {
        outer_attrs,
        inner_attrs,
        vis,
        fn_token: sig.fn_token,
        ident: sig.ident,
        generics: sig.generics,
        inputs: sig.inputs,
        arguments,
        output: sig.output,
        body,
    })
}

fn signature(name: &str, sig: &Signature, errors: &mut Errors) {
    if let Some(token) = &sig.constness {
        errors.push(
            token,
            format!("`#[{name}]` goes on an `async fn`, which cannot be `const`"),
        );
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.push(
            token,
            "a handler is called by the router, which can promise nothing: remove `unsafe`",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.push(abi, "a handler is called by the router: remove `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        errors.push(
            variadic,
            "a handler has a fixed number of extractors: remove `...`",
        );
    }
    if let Some(receiver) = sig.receiver() {
        errors.push(
            receiver,
            format!("`#[{name}]` goes on a free function, not on a method: move the function out of the `impl`"),
        );
    } else if let Some(token) = mentions_self(sig.to_token_stream()) {
        errors.push(
            token,
            format!("`#[{name}]` goes on a free function, which has no `Self`: name the type"),
        );
    }
}

pub(crate) fn mentions_self(tokens: TokenStream) -> Option<TokenTree> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => mentions_self(group.stream()),
        TokenTree::Ident(ref ident) if ident == "Self" => Some(token),
        _ => None,
    })
}

/// axum's router or this crate's, as it is or in a `Result` or a tuple: nothing that a handler answers
/// with.
fn returned_router(output: &ReturnType) -> Option<&syn::Type> {
    fn find(ty: &syn::Type) -> Option<&syn::Type> {
        match ty {
            syn::Type::Tuple(tuple) => tuple.elems.iter().find_map(find),
            syn::Type::Path(path) => {
                let names: Vec<String> = path
                    .path
                    .segments
                    .iter()
                    .map(|segment| segment.ident.to_string())
                    .collect();
                match &names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    [ROUTER] | ["axum" | "session_auth", .., ROUTER] => Some(ty),
                    [.., "Result"] => match &path.path.segments.last()?.arguments {
                        syn::PathArguments::AngleBracketed(arguments) => {
                            arguments.args.iter().find_map(|argument| match argument {
                                syn::GenericArgument::Type(ty) => find(ty),
                                _ => None,
                            })
                        }
                        _ => None,
                    },
                    _ => None,
                }
            }
            _ => None,
        }
    }

    match output {
        ReturnType::Type(_, ty) => find(ty),
        ReturnType::Default => None,
    }
}

const ROUTER: &str = "Router";

fn returns_impl(sig: &Signature) -> bool {
    match &sig.output {
        ReturnType::Type(_, ty) => matches!(**ty, syn::Type::ImplTrait(_)),
        ReturnType::Default => false,
    }
}

fn is_ours(attr: &Attribute) -> bool {
    attr.path()
        .segments
        .last()
        .is_some_and(|segment| Class::named(&segment.ident.to_string()).is_some())
}

/// Whether an attribute stays with the function that callers see. The `async fn` stands inside it,
/// so that lint levels of the one hold for the other. (The compiler has applied `cfg` and
/// `cfg_attr` before it expands an attribute, wherever they stand.)
pub(crate) fn is_outer(attr: &Attribute) -> bool {
    const OUTER: [&str; 8] = [
        "doc",
        "deprecated",
        "must_use",
        "allow",
        "expect",
        "warn",
        "deny",
        "forbid",
    ];
    let path = attr.path();
    let segments: Vec<String> = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect();
    match &segments[..] {
        [name] => OUTER.contains(&&**name),
        // It makes a type beside the function, by whose name the documentation finds it.
        [krate, name] => krate == "utoipa" && name == "path",
        _ => false,
    }
}

/// What configures a parameter, which the compiler leaves to the output.
fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    let cfg = |attr: &&Attribute| attr.path().is_ident("cfg");
    attrs.iter().filter(cfg).cloned().collect()
}

pub(crate) fn arguments(sig: &Signature) -> Vec<Argument> {
    let mut arguments: Vec<Argument> = Vec::new();
    for (nth, input) in sig.inputs.iter().enumerate() {
        let FnArg::Typed(input) = input else {
            continue;
        };
        let name = shown_name(&input.pat)
            .filter(|name| arguments.iter().all(|other| other.name != *name))
            // The `async fn` inside would be taken for it.
            .filter(|name| *name != sig.ident)
            .unwrap_or_else(|| Ident::new(&format!("__arg{nth}"), Span::mixed_site()));
        arguments.push(Argument {
            cfgs: cfgs(&input.attrs),
            name,
            ty: (*input.ty).clone(),
        });
    }
    arguments
}

/// A name for the documentation: `db` for `db`, `mut db` and `State(db)`.
fn shown_name(pat: &Pat) -> Option<Ident> {
    let ident = match pat {
        Pat::Ident(pat) => &pat.ident,
        Pat::TupleStruct(pat) if pat.elems.len() == 1 => return shown_name(pat.elems.first()?),
        _ => return None,
    };
    // A name in upper case may be a constant or a unit struct: no binding.
    if !ident.to_string().starts_with(|c: char| c.is_lowercase()) {
        return None;
    }
    let mut ident = ident.clone();
    ident.set_span(ident.span().resolved_at(Span::mixed_site()));
    Some(ident)
}
