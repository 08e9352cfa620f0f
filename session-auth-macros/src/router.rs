//! `#[audited_router]`: a router that says what it mounts, and the test that audits it.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ReturnType, Safety, Token};

use crate::errors::{Errors, did_you_mean};
use crate::generate;
use crate::handler::{self, Argument};
use crate::parse::RawFn;

const ATTRIBUTE: &str = "audited_router";
const AT_START: &str = "at_start";
const EXAMPLE: &str = "write `#[audited_router(plain = routes(&Config::test()))]`, or \
                       `#[audited_router(at_start)]` where no test can build the router";

pub(crate) fn attribute(args: TokenStream, item: TokenStream, krate: &syn::Path) -> TokenStream {
    let mut errors = Errors::default();
    let output = attribute_with(args, item.clone(), krate, &mut errors);
    let errors = errors.to_tokens();
    // The function as it was, so that one mistake gives one error.
    let output = output.unwrap_or(item);
    quote!(#errors #output)
}

/// The function and its tests; nothing where there are mistakes.
pub(crate) fn attribute_with(
    args: TokenStream,
    item: TokenStream,
    krate: &syn::Path,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let args = Args::judge(args, errors);
    let Ok(function) = syn::parse2::<RawFn>(item.clone()) else {
        errors.push(
            first_tokens(&item),
            "`#[audited_router]` goes on a function that returns a router",
        );
        return None;
    };
    signature(&function, args.as_ref(), errors);
    let args = args.filter(|_| errors.is_empty())?;
    Some(generate(&args, &function, krate))
}

/// For errors about an item as a whole: its first line, more or less.
pub(crate) fn first_tokens(item: &TokenStream) -> TokenStream {
    let braced = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    item.clone()
        .into_iter()
        .take_while(|token| !braced(token))
        .collect()
}

/// How the audit gets at the router.
enum Args {
    /// By calling the function.
    Call,
    /// By these expressions, each a test.
    Named(Vec<Named>),
    /// From `protect`, in the program itself.
    AtStart,
}

/// `beta = routes(&Config::beta())`
struct Named {
    name: Ident,
    router: Expr,
}

/// What stands between two commas.
struct RawArg {
    name: Ident,
    /// `None` for `at_start`.
    router: Option<Expr>,
}

impl RawArg {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(syn::Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
            let name: Ident = input.parse()?;
            let sign: Token![=] = input.parse()?;
            let router: Expr = input
                .parse()
                .map_err(|_| syn::Error::new_spanned(sign, "an expression is missing after `=`"))?;
            if name == AT_START {
                let message = "`at_start` takes no value: write `#[audited_router(at_start)]`";
                return Err(syn::Error::new_spanned(router, message));
            }
            let router = Some(router);
            return Ok(Self { name, router });
        }
        let Ok(expression) = input.parse::<Expr>() else {
            return Err(input.error(EXAMPLE));
        };
        let word = match &expression {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        };
        let message = match word {
            Some(word) if word == AT_START => {
                let name = word.clone();
                return Ok(Self { name, router: None });
            }
            Some(word) => match did_you_mean(&word.to_string(), [AT_START]) {
                Some(meant) => format!("there is no `{word}`: did you mean `{meant}`?"),
                None => format!("there is no `{word}`: {EXAMPLE}"),
            },
            None => format!("the router needs a name: {EXAMPLE}"),
        };
        Err(syn::Error::new_spanned(expression, message))
    }
}

impl Args {
    fn judge(args: TokenStream, errors: &mut Errors) -> Option<Self> {
        if args.is_empty() {
            return Some(Self::Call);
        }
        let parser = syn::punctuated::Punctuated::<_, Token![,]>::parse_terminated_with;
        let args = match (|input: ParseStream<'_>| parser(input, RawArg::parse)).parse2(args) {
            Ok(args) => args,
            Err(error) => {
                errors.add(error);
                return None;
            }
        };
        let alone = args.len() == 1;
        let mut routers: Vec<Named> = Vec::new();
        for RawArg { name, router } in args {
            match router {
                None if alone => return Some(Self::AtStart),
                None => errors.push(
                    name,
                    "`at_start` stands alone: the audit takes the router that the program protects, or \
                     those that are named here",
                ),
                Some(_) if routers.iter().any(|other| other.name == name) => {
                    errors.push(&name, format!("two routers are called `{name}`: rename one"));
                }
                Some(router) => routers.push(Named { name, router }),
            }
        }
        Some(Self::Named(routers))
    }
}

fn signature(function: &RawFn, args: Option<&Args>, errors: &mut Errors) {
    let sig = &function.sig;
    let name = &sig.ident;
    let calls = matches!(args, Some(Args::Call));
    let again = |attr: &&syn::Attribute| {
        let last = attr.path().segments.last();
        last.is_some_and(|segment| segment.ident == ATTRIBUTE)
    };
    for second in function.attrs.iter().filter(again) {
        errors.push(
            second,
            "the function has `#[audited_router]` already: remove one, and name several routers in \
             one attribute",
        );
    }
    if let Some(receiver) = sig.receiver() {
        errors.push(
            receiver,
            "`#[audited_router]` goes on a free function, not on a method: write a function that \
             calls the method, and put the attribute there",
        );
        return;
    }
    if let Some(token) = handler::mentions_self(sig.to_token_stream()) {
        errors.push(
            token,
            "`#[audited_router]` goes on a free function, which has no `Self`: name the type",
        );
    }
    if calls && !sig.inputs.is_empty() {
        errors.push(
            &sig.inputs,
            format!(
                "the audit's test needs these: write `#[audited_router(plain = {name}(&Config::test()))]` with \
                 arguments that a test has, or `#[audited_router(at_start)]` where it has none"
            ),
        );
    } else if calls && generate::turbofish(sig.generics.params.iter()).is_some() {
        errors.push(
            &sig.generics,
            format!(
                "the audit's test cannot choose these: write `#[audited_router(plain = {name}::<..>())]`"
            ),
        );
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.push(
            token,
            "what serves a router must not have to promise anything: remove `unsafe`",
        );
    }
    if let Some(token) = &sig.constness {
        errors.push(
            token,
            "a router is not built at compile time: remove `const`",
        );
    }
    match &sig.output {
        ReturnType::Default => errors.push(
            &sig.ident,
            "the function returns nothing to audit: `#[audited_router]` goes on one that returns a router",
        ),
        ReturnType::Type(_, ty) => {
            if let Some(token) = has_impl(ty.to_token_stream()) {
                errors.push(
                    token,
                    "the return type is rewritten, so it has to be named: write the router's type, \
                     such as `Router<AppState>`, in place of `impl ..`",
                );
            }
        }
    }
}

fn has_impl(tokens: TokenStream) -> Option<TokenTree> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => has_impl(group.stream()),
        TokenTree::Ident(ref ident) if ident == "impl" => Some(token),
        _ => None,
    })
}

fn generate(args: &Args, function: &RawFn, krate: &syn::Path) -> TokenStream {
    let private = quote!(#krate::__private);
    let RawFn {
        attrs,
        vis,
        sig,
        body,
    } = function;
    let (outer, inner): (Vec<_>, Vec<_>) = attrs.iter().partition(|attr| handler::is_outer(attr));
    let syn::Signature {
        asyncness,
        abi,
        fn_token,
        ident,
        generics,
        inputs,
        output,
        ..
    } = sig;
    let returned = match output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    };
    let where_clause = &generics.where_clause;
    let arguments = handler::arguments(sig);
    let parameters = arguments
        .iter()
        .map(|Argument { cfgs, name, ty }| quote!(#(#cfgs)* #name: #ty));
    let passed = arguments
        .iter()
        .map(|Argument { cfgs, name, .. }| quote!(#(#cfgs)* #name));
    let turbofish = generate::turbofish(generics.params.iter());
    let is_async = asyncness.is_some();
    let awaited = is_async.then(|| quote!(.await));
    // Of the same name, for recursion; of another span, so that an unused function is reported once.
    let mut built = ident.clone();
    built.set_span(ident.span().resolved_at(Span::mixed_site()));
    let allow = (inputs.len() > 7).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    let site_here = site(ident, &private, matches!(args, Args::AtStart));
    let tests: Vec<TokenStream> = match args {
        Args::AtStart => vec![at_start(ident, &private)],
        Args::Call => vec![test(ident, ident, &quote!(#ident() #awaited), &private)],
        Args::Named(all) => all
            .iter()
            .map(|Named { name, router }| {
                // A call is one of the function; a block awaits what it likes.
                let calls = matches!(router, Expr::Call(_) | Expr::MethodCall(_));
                let awaited = awaited.as_ref().filter(|_| calls);
                test(name, ident, &quote!(#router #awaited), &private)
            })
            .collect(),
    };
    quote! {
        #private::this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait! {}

        #(#outer)*
        #vis #asyncness #abi #fn_token #ident #generics (
            #(#parameters),*
        ) -> #krate::AuditedOf<#returned>
        #where_clause
        {
            #allow
            #(#inner)*
            #asyncness fn #built #generics (#inputs) #output #where_clause #body

            #private::Auditable::__audited(#built #turbofish (#(#passed),*) #awaited, #site_here)
        }

        #(#tests)*
    }
}

fn site(name: &Ident, private: &TokenStream, at_start: bool) -> TokenStream {
    let name = name.unraw().to_string();
    let location = generate::location(private);
    quote! {
        #private::RouterSite {
            name: #name,
            package: ::core::env!("CARGO_PKG_NAME"),
            manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
            module: ::core::module_path!(),
            location: #location,
            at_start: #at_start,
            kind: #private::RouterKind::Typed,
        }
    }
}

/// What tells `route-audit` that there is a report to come.
fn at_start(name: &Ident, private: &TokenStream) -> TokenStream {
    let name = name.unraw().to_string();
    let text = generate::text("router", &quote!(#name));
    quote! {
        const _: () = {
            #private::inventory::submit! { #private::AtStart(#text) }
        };
    }
}

fn test(
    name: &Ident,
    function: &Ident,
    router: &TokenStream,
    private: &TokenStream,
) -> TokenStream {
    let test = format_ident!("route_audit_{}", name.unraw(), span = Span::call_site());
    let site = site(name, private, false);
    quote! {
        #[cfg(test)]
        #[::core::prelude::v1::test]
        fn #test() {
            // In the body of a function nobody would run this.
            #private::an_audited_function_stands_in_a_module! { #function }
            #private::audit_router(#site, || async { #router });
        }
    }
}
