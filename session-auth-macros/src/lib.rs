//! The attributes of `session-auth`. Use them through that crate, which re-exports them.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "session-auth documents them, where their examples compile"
)]

mod access;
mod argument;
mod errors;
mod expand;
mod generate;
mod handler;
mod krate;
mod methods;
mod parse;
mod path;
mod router;
#[cfg(test)]
mod tests;
mod validate;
mod values;

use proc_macro::TokenStream;

use crate::access::Class;

#[proc_macro_attribute]
pub fn public_route(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(Class::Public, args.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn webhook_route(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(Class::Webhook, args.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn session_route(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(Class::Session, args.into(), item.into()).into()
}

#[proc_macro]
pub fn declare_route(input: TokenStream) -> TokenStream {
    expand::declare_route(input.into()).into()
}

#[proc_macro_attribute]
pub fn audited_router(args: TokenStream, item: TokenStream) -> TokenStream {
    router::attribute(args.into(), item.into(), &krate::path()).into()
}
