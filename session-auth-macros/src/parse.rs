//! The first step: tokens into the parts of an attribute and of a function, spans kept, nothing
//! judged that the second step ([`validate`](crate::validate)) can judge better.

use proc_macro2::{Delimiter, Ident, Punct, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Signature, Visibility};

use crate::errors::Errors;

/// What stands between the parentheses of an attribute, cut at the commas.
#[derive(Default)]
pub(crate) struct RawArgs {
    pub(crate) entries: Vec<Entry>,
}

pub(crate) enum Entry {
    /// `name = value`.
    Named { name: Ident, value: Vec<TokenTree> },
    /// Anything else: methods, a path, a flag, or a mistake. Never empty.
    Bare(Vec<TokenTree>),
}

impl RawArgs {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let tokens = without_invisible_groups(tokens);
        let mut parts = tokens.split(is_comma).peekable();
        let mut commas = tokens.iter().filter(|t| is_comma(t));
        while let Some(part) = parts.next() {
            let comma = commas.next();
            match part {
                [] if parts.peek().is_none() => {}
                [] => errors.push(comma, "nothing stands before this `,`"),
                [TokenTree::Ident(name), TokenTree::Punct(eq), value @ ..]
                    if is_assignment(eq, value) =>
                {
                    args.entries.push(Entry::Named {
                        name: name.clone(),
                        value: value.to_vec(),
                    });
                }
                other => args.entries.push(Entry::Bare(other.to_vec())),
            }
        }
        args
    }
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}

/// `=`, and not the first half of `==` or `=>`.
fn is_assignment(eq: &Punct, value: &[TokenTree]) -> bool {
    let joined = eq.spacing() == proc_macro2::Spacing::Joint
        && matches!(value.first(), Some(TokenTree::Punct(next)) if matches!(next.as_char(), '=' | '>'));
    eq.as_char() == '=' && !joined
}

/// Opens the groups that `macro_rules!` puts around what a `$x:literal`, `$x:expr` or `$x:path`
/// stands for, so that `$path` reads like the literal itself.
pub(crate) fn without_invisible_groups(tokens: TokenStream) -> Vec<TokenTree> {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                without_invisible_groups(group.stream())
            }
            other => vec![other],
        })
        .collect()
}

/// A function, its body unread: what stands in it is the compiler's to judge.
pub(crate) struct RawFn {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: TokenTree,
}

impl Parse for RawFn {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let body = without_invisible_groups(input.parse::<TokenTree>()?.into());
        match &body[..] {
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Brace => Ok(Self {
                attrs,
                vis,
                sig,
                body: group.clone().into(),
            }),
            _ => Err(input.error("the function has no body")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Group;
    use quote::quote;

    use super::*;

    /// What `macro_rules!` makes of `$methods:expr` and `$path:literal`.
    #[test]
    fn invisible_groups_are_opened() {
        let invisible = |tokens| Group::new(Delimiter::None, tokens);
        let path = invisible(quote!("/a"));
        let path = invisible(quote!(#path));
        let methods = invisible(quote!(GET | POST));
        let opened = without_invisible_groups(quote!(#methods, #path, (#path)));
        let opened: TokenStream = opened.into_iter().collect();
        // What is in parentheses is nobody's argument.
        let expected = quote!(GET | POST, "/a", (#path));
        assert_eq!(opened.to_string(), expected.to_string());
        assert!(matches!(
            opened.into_iter().nth(4),
            Some(TokenTree::Literal(_))
        ));
    }
}
