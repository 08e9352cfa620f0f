//! What the attributes of a handler say of its methods and path.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use session_auth::Methods;
use syn::{Lit, Meta};

use super::tables::Endpoint;

/// `public_route(GET | POST, "/path", ..)`; for `FALLBACK`, no path.
pub(super) fn access(meta: &Meta) -> Option<Endpoint> {
    let Meta::List(list) = meta else {
        return None;
    };
    let mut arguments = split(&list.tokens).into_iter();
    let methods = methods(&arguments.next()?);
    let path = arguments.next().and_then(|tokens| literal(&tokens));
    Some(Endpoint {
        path: path.filter(|_| methods.is_some()),
        methods,
    })
}

/// `utoipa::path(get, path = "/path", context_path = "/api", ..)`.
pub(super) fn documented(meta: &Meta) -> Option<Endpoint> {
    let Meta::List(list) = meta else {
        return None;
    };
    let mut methods = None;
    let (mut path, mut context) = (None, Some(String::new()));
    for argument in split(&list.tokens) {
        match argument.as_slice() {
            [TokenTree::Ident(verb)] => {
                methods = or(methods, method(&verb.to_string()));
            }
            [TokenTree::Ident(name), TokenTree::Group(group)]
                if name == "method" && group.delimiter() == Delimiter::Parenthesis =>
            {
                for one in split(&group.stream()) {
                    if let [TokenTree::Ident(verb)] = one.as_slice() {
                        methods = or(methods, method(&verb.to_string()));
                    }
                }
            }
            [TokenTree::Ident(name), TokenTree::Punct(equals), value @ ..]
                if equals.as_char() == '=' =>
            {
                if name == "path" {
                    path = literal(value);
                } else if name == "context_path" {
                    context = literal(value);
                }
            }
            _ => {}
        }
    }
    Some(Endpoint {
        methods,
        path: path.and_then(|path| Some(context? + &path)),
    })
}

/// `typed_path("/users/{id}")`.
pub(super) fn typed_path(meta: &Meta) -> Option<String> {
    let Meta::List(list) = meta else {
        return None;
    };
    literal(split(&list.tokens).first()?)
}

/// `GET`, `methods::GET | POST`: the names of methods among the tokens.
pub(super) fn methods(tokens: &[TokenTree]) -> Option<Methods> {
    tokens
        .iter()
        .filter_map(|token| match token {
            TokenTree::Ident(name) => Methods::from_name(&name.to_string()),
            _ => None,
        })
        .reduce(Methods::or)
}

/// A method by the name of axum's function for it.
pub(super) fn method(verb: &str) -> Option<Methods> {
    Some(match verb {
        "get" => Methods::GET,
        "head" => Methods::HEAD,
        "post" => Methods::POST,
        "put" => Methods::PUT,
        "patch" => Methods::PATCH,
        "delete" => Methods::DELETE,
        "options" => Methods::OPTIONS,
        "trace" => Methods::TRACE,
        "connect" => Methods::CONNECT,
        "any" => Methods::ANY,
        _ => return None,
    })
}

pub(super) fn or(a: Option<Methods>, b: Option<Methods>) -> Option<Methods> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.or(b)),
        (one, None) | (None, one) => one,
    }
}

fn literal(tokens: &[TokenTree]) -> Option<String> {
    match tokens {
        [TokenTree::Literal(literal)] => match Lit::new(literal.clone()) {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        // A literal that a macro by example has passed on.
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => {
            literal(&group.stream().into_iter().collect::<Vec<_>>())
        }
        _ => None,
    }
}

/// At the commas.
fn split(tokens: &TokenStream) -> Vec<Vec<TokenTree>> {
    let mut parts = vec![Vec::new()];
    for token in tokens.clone() {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(comma), _) if comma.as_char() == ',' => parts.push(Vec::new()),
            (_, Some(last)) => last.push(token),
            _ => {}
        }
    }
    parts
}

/// Whether tokens that cannot be read may register a route: `Router`, or `.route(`.
pub(super) fn registers(tokens: &TokenStream) -> bool {
    let mut after_dot = false;
    for token in tokens.clone() {
        match &token {
            TokenTree::Ident(name) => {
                let name = name.to_string();
                let call = after_dot
                    && (name.starts_with("route")
                        || name.starts_with("nest")
                        || name.starts_with("api_route")
                        || name.starts_with("typed_")
                        || name.starts_with("fallback")
                        || name == "mount");
                if call || super::path::is_router(&name) {
                    return true;
                }
                after_dot = false;
            }
            TokenTree::Group(group) => {
                if registers(&group.stream()) {
                    return true;
                }
                after_dot = false;
            }
            TokenTree::Punct(punct) => after_dot = punct.as_char() == '.',
            TokenTree::Literal(_) => after_dot = false,
        }
    }
    false
}
