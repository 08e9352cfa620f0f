//! The attributes of `session-auth`. Work in progress.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
use proc_macro::TokenStream;

/// Work in progress.
#[proc_macro_attribute]
pub fn public_route(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}
/// Work in progress.
#[proc_macro_attribute]
pub fn webhook_route(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}
/// Work in progress.
#[proc_macro_attribute]
pub fn session_route(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}
/// Work in progress.
#[proc_macro_attribute]
pub fn audited_router(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}
/// Work in progress.
#[proc_macro]
pub fn declare_route(item: TokenStream) -> TokenStream {
    item
}
