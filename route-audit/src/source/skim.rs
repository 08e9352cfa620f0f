//! Leaves out what is not worth parsing: the bodies of functions in which no word has to do with
//! routes. In a service that is most of the text.
//!
//! What is lost are calls out of such a function. A router that is reached only by them is still
//! known by what it mounts.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

use super::{macros, path};

/// The tokens, with `{}` in place of such bodies.
pub(super) fn skim(tokens: TokenStream) -> TokenStream {
    let mut out = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    // Whether a function's signature has been met, and whether it has to do with routes.
    let mut signature: Option<bool> = None;
    while let Some(token) = tokens.next() {
        let token = match token {
            TokenTree::Ident(word) => {
                // `fn(..)` is a type.
                if word == "fn" && matches!(tokens.peek(), Some(TokenTree::Ident(_))) {
                    signature = Some(false);
                }
                signature = signature.map(|matters| matters || is_telling(&word));
                TokenTree::Ident(word)
            }
            TokenTree::Punct(punct) => {
                if punct.as_char() == ';' {
                    signature = None;
                }
                TokenTree::Punct(punct)
            }
            TokenTree::Group(group) if group.delimiter() != Delimiter::Brace => {
                signature = signature.map(|matters| matters || tells(group.stream()));
                TokenTree::Group(group)
            }
            TokenTree::Group(group) => {
                // `Array<{ N }>`, in a signature.
                let is_argument = matches!(
                    tokens.peek(),
                    Some(TokenTree::Punct(next)) if matches!(next.as_char(), '>' | ',')
                );
                match signature {
                    Some(_) if is_argument => TokenTree::Group(group),
                    Some(matters) => {
                        signature = None;
                        if matters || tells(group.stream()) {
                            TokenTree::Group(group)
                        } else {
                            with(&group, TokenStream::new())
                        }
                    }
                    None => with(&group, skim(group.stream())),
                }
            }
            literal => literal,
        };
        out.push(token);
    }
    out.into_iter().collect()
}

fn with(group: &Group, tokens: TokenStream) -> TokenTree {
    let mut new = Group::new(group.delimiter(), tokens);
    new.set_span(group.span());
    TokenTree::Group(new)
}

/// Whether any of the tokens has to do with routes.
fn tells(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match &token {
            TokenTree::Ident(word) => {
                let is_macro = matches!(
                    tokens.peek(),
                    Some(TokenTree::Punct(next))
                        if next.as_char() == '!' && next.spacing() == proc_macro2::Spacing::Alone
                );
                is_telling(word) || is_macro && may_hide(word)
            }
            TokenTree::Group(group) => tells(group.stream()),
            _ => false,
        };
        if found {
            return true;
        }
    }
    false
}

/// A name of a router or of one of its methods.
fn is_telling(word: &Ident) -> bool {
    const STARTS: [&str; 8] = [
        "route",
        "nest",
        "api_route",
        "typed_",
        "fallback",
        "mount",
        "merge",
        "audited_router",
    ];
    let word = word.to_string();
    word.ends_with("Router")
        || word == "Resource"
        || STARTS.iter().any(|start| word.starts_with(start))
}

/// Whether a macro may be one that registers routes.
fn may_hide(word: &Ident) -> bool {
    let name = path::name(word);
    !macros::registers_nothing(&name) && name != "vec" && name != "select" && name != "join"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_without_a_word_about_routes_are_left_out() {
        for (name, whole, skimmed) in [
            ("plain", "fn f() { a(); }", "fn f() { }"),
            (
                "in a module",
                "mod m { pub fn f() { a() } }",
                "mod m { pub fn f() { } }",
            ),
            (
                "a method",
                "impl A { fn f(&self) -> u8 { 1 } }",
                "impl A { fn f(&self) -> u8 { } }",
            ),
            (
                "where",
                "fn f<T>() where T: X, { a() }",
                "fn f<T>() where T: X, { }",
            ),
            (
                "a constant argument",
                "fn f() -> A<{ N }, { M }> { a() }",
                "fn f() -> A<{ N }, { M }> { }",
            ),
            (
                "a type",
                "type F = fn(u8); const C: u8 = { 1 };",
                "type F = fn(u8); const C: u8 = { 1 };",
            ),
            (
                "a struct",
                "struct S { f: fn() -> u8 }",
                "struct S { f: fn() -> u8 }",
            ),
            (
                "values",
                "fn f() { info!(\"x\"); vec![1 != 2]; }",
                "fn f() { }",
            ),
            (
                "returned",
                "fn f() -> Router { a() }",
                "fn f() -> Router { a() }",
            ),
            (
                "taken",
                "fn f(r: Router) { a(r) }",
                "fn f(r: Router) { a(r) }",
            ),
            (
                "deep",
                "fn f() { g(|| { r.route(1) }) }",
                "fn f() { g(|| { r.route(1) }) }",
            ),
            ("a macro", "fn f() { add!(x) }", "fn f() { add!(x) }"),
            (
                "a call by name",
                "fn f() { a.routes() }",
                "fn f() { a.routes() }",
            ),
        ] {
            let parse = |text: &str| text.parse::<TokenStream>().unwrap();
            assert_eq!(
                skim(parse(whole)).to_string(),
                parse(skimmed).to_string(),
                "{name}"
            );
        }
    }
}
