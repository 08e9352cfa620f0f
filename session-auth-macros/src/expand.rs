//! Parse, validate, generate: the three steps in a row.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;

use crate::access::{Class, Place};
use crate::errors::{Errors, did_you_mean};
use crate::parse::{RawArgs, RawFn};
use crate::{generate, handler, krate, router, validate};

/// `#[public_route]`, `#[webhook_route]`, `#[session_route]`.
pub(crate) fn attribute(class: Class, args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let output = attribute_with(class, args, item, &mut errors);
    let errors = errors.to_tokens();
    quote!(#errors #output)
}

pub(crate) fn attribute_with(
    class: Class,
    args: TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> TokenStream {
    let raw = RawArgs::parse(args, errors);
    let (access, krate) = validate::validate(class, Place::Attribute, raw, errors);
    let function = match syn::parse2::<RawFn>(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            errors.push(
                router::first_tokens(&item),
                format!(
                    "`#[{}]` goes on an `async fn` with a body: the handler of the route",
                    class.attribute()
                ),
            );
            return item;
        }
    };
    match handler::validate(class, function, errors) {
        Ok(handler) => {
            let access = access.filter(|_| errors.is_empty());
            generate::handler(access.as_ref(), &handler, &krate::path_or(krate))
        }
        Err(function) => function,
    }
}

/// `declare_route!`.
pub(crate) fn declare_route(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let output = declare_route_with(input, &mut errors);
    let errors = errors.to_tokens();
    quote!(#errors #output)
}

pub(crate) fn declare_route_with(input: TokenStream, errors: &mut Errors) -> Option<TokenStream> {
    const USAGE: &str = "write one declaration, such as \
        `declare_route!(public_route(GET, \"/metrics\", reason = \"scraped on a private port\"))`";

    let tokens = crate::parse::without_invisible_groups(input.clone());
    let (name, args) = match &tokens[..] {
        [TokenTree::Ident(name), TokenTree::Group(args)]
            if args.delimiter() == Delimiter::Parenthesis =>
        {
            (name, args.stream())
        }
        _ => {
            errors.push(input, USAGE);
            return None;
        }
    };
    let text = name.to_string();
    let Some(class) = Class::named(&text) else {
        let known = Class::ALL.map(Class::attribute);
        errors.push(
            name,
            match did_you_mean(&text, known) {
                Some(meant) => format!("there is no `{text}`: did you mean `{meant}`?"),
                None => format!("there is no `{text}`: {USAGE}"),
            },
        );
        return None;
    };
    let raw = RawArgs::parse(args, errors);
    let (access, krate) = validate::validate(class, Place::Declaration, raw, errors);
    access
        .filter(|_| errors.is_empty())
        .map(|access| generate::declared(&access, &krate::path_or(krate)))
}
