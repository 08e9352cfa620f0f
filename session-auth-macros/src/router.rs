//! `#[audited_router]` and its function-like form: a router, and the test that audits it.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, ReturnType, Safety, Token};

use crate::errors::Errors;
use crate::generate;
use crate::parse::RawFn;

const OTHERWISE: &str = "use `session_auth::audit::audited_router!(name = expression)`, which evaluates the expression in the test";

pub(crate) fn attribute(args: TokenStream, item: TokenStream, krate: &syn::Path) -> TokenStream {
    let mut errors = Errors::default();
    let test = attribute_with(args, item.clone(), krate, &mut errors);
    let errors = errors.to_tokens();
    quote!(#errors #item #test)
}

/// The test of the router; nothing where there are mistakes.
pub(crate) fn attribute_with(
    args: TokenStream,
    item: TokenStream,
    krate: &syn::Path,
    errors: &mut Errors,
) -> Option<TokenStream> {
    if !args.is_empty() {
        errors.push(args, "`#[audited_router]` takes no arguments");
    }
    let Ok(function) = syn::parse2::<RawFn>(item.clone()) else {
        errors.push(
            first_tokens(&item),
            "`#[audited_router]` goes on a function that returns a router",
        );
        return None;
    };
    signature(&function, errors);
    let name = &function.sig.ident;
    errors.is_empty().then(|| test(name, &quote!(#name), krate))
}

/// For errors about an item as a whole: its first line, more or less.
pub(crate) fn first_tokens(item: &TokenStream) -> TokenStream {
    item.clone()
        .into_iter()
        .take_while(|token| !matches!(token, proc_macro2::TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace))
        .collect()
}

fn signature(function: &RawFn, errors: &mut Errors) {
    let sig = &function.sig;
    if let Some(receiver) = sig.receiver() {
        errors.push(
            receiver,
            format!("`#[audited_router]` goes on a free function, not on a method: {OTHERWISE}"),
        );
    } else if !sig.inputs.is_empty() {
        errors.push(
            &sig.inputs,
            format!("the audit's test has nothing to pass here: {OTHERWISE}"),
        );
    }
    if !sig.generics.params.is_empty() {
        errors.push(
            &sig.generics,
            format!("the audit's test cannot choose these: {OTHERWISE}"),
        );
    }
    if let Some(token) = &sig.asyncness {
        errors.push(
            token,
            format!("the audit's test does not await: {OTHERWISE}"),
        );
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.push(
            token,
            format!("the audit's test calls no `unsafe fn`: {OTHERWISE}"),
        );
    }
    if let ReturnType::Default = sig.output {
        errors.push(
            &sig.ident,
            "the function returns nothing to audit: `#[audited_router]` goes on one that returns a router",
        );
    }
}

pub(crate) fn function_like(input: TokenStream, krate: &syn::Path) -> TokenStream {
    let mut errors = Errors::default();
    let tests = function_like_with(input, krate, &mut errors);
    let errors = errors.to_tokens();
    quote!(#errors #tests)
}

/// The tests of the routers; nothing where there are mistakes.
pub(crate) fn function_like_with(
    input: TokenStream,
    krate: &syn::Path,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let routers = match Punctuated::<Named, Token![,]>::parse_terminated.parse2(input) {
        Ok(routers) => routers,
        Err(error) => {
            errors.add(error);
            return None;
        }
    };
    if routers.is_empty() {
        errors
            .push_whole("name a router: `audited_router!(admin = admin::router(&Config::test()))`");
    }
    let mut names: Vec<&Ident> = Vec::new();
    for Named { name, .. } in &routers {
        if names.contains(&name) {
            errors.push(name, format!("two routers are called `{name}`: rename one"));
        }
        names.push(name);
    }
    let tests = || {
        routers
            .iter()
            .map(|Named { name, router }| test(name, &quote!(|| #router), krate))
            .collect()
    };
    errors.is_empty().then(tests)
}

/// `admin = admin::router(&Config::test())`
struct Named {
    name: Ident,
    router: Expr,
}

impl Parse for Named {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let usage = |error: syn::Error| {
            let help = "write `audited_router!(name = expression)`, such as \
                        `audited_router!(admin = admin::router(&Config::test()))`";
            syn::Error::new(error.span(), format!("{error}: {help}"))
        };
        let name = input.parse().map_err(usage)?;
        input.parse::<Token![=]>().map_err(usage)?;
        let router = input.parse().map_err(usage)?;
        Ok(Self { name, router })
    }
}

fn test(name: &Ident, build: &TokenStream, krate: &syn::Path) -> TokenStream {
    let private = quote!(#krate::__private);
    let name = name.unraw();
    let test = format_ident!("route_audit_{name}", span = proc_macro2::Span::call_site());
    let name = name.to_string();
    let location = generate::location(&private);
    quote! {
        #[cfg(test)]
        #[::core::prelude::v1::test]
        #[allow(non_snake_case)]
        fn #test() {
            #private::audit_router(
                #private::RouterSite {
                    name: #name,
                    package: ::core::env!("CARGO_PKG_NAME"),
                    manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
                    module: ::core::module_path!(),
                    location: #location,
                },
                #build,
            );
        }
    }
}
