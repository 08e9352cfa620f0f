//! The first argument: which methods, or `FALLBACK`.

use proc_macro2::{Ident, TokenTree};

use crate::errors::{Errors, did_you_mean, list};

/// The words that may stand there.
const WORDS: [&str; 11] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "ANY",
    "FALLBACK",
];

/// What the first argument says.
pub(crate) enum Methods {
    /// Names of constants of `session_auth::Methods`.
    Some(Vec<Ident>),
    Fallback,
    /// There were mistakes; they are collected.
    Wrong,
    /// So there were, and the path follows without a comma.
    WrongWithPath,
}

/// Whether `text` is a method, or `ANY` or `FALLBACK`.
pub(crate) fn is_word(text: &str) -> bool {
    WORDS.contains(&text)
}

/// `GET`, `GET | POST`, `ANY` or `FALLBACK`.
pub(crate) fn judge(tokens: &[TokenTree], errors: &mut Errors) -> Methods {
    let mut names: Vec<Ident> = Vec::new();
    let mut wrong = false;
    let mut tokens = tokens.iter();
    loop {
        match tokens.next() {
            Some(TokenTree::Ident(name)) => match method(name, &names) {
                Ok(()) => names.push(name.clone()),
                Err(message) => {
                    errors.push(name, message);
                    wrong = true;
                }
            },
            Some(other) => {
                errors.push(other, "expected a method, such as `GET`");
                return Methods::Wrong;
            }
            None => {
                errors.push(
                    names.last(),
                    "a method is missing after `|`: write `GET | POST`",
                );
                return Methods::Wrong;
            }
        }
        match tokens.next() {
            None => break,
            Some(TokenTree::Punct(or)) if or.as_char() == '|' => {}
            Some(literal @ TokenTree::Literal(_)) => {
                errors.push(literal, "write a `,` between the methods and the path");
                return Methods::WrongWithPath;
            }
            Some(_) if wrong => return Methods::Wrong,
            Some(other) => {
                errors.push(other, "methods are joined with `|`: write `GET | POST`");
                return Methods::Wrong;
            }
        }
    }
    if wrong {
        return Methods::Wrong;
    }
    let alone = |name: &Ident| name == "ANY" || name == "FALLBACK";
    match names.iter().find(|name| alone(name)) {
        Some(name) if names.len() > 1 => {
            let why = if name == "ANY" {
                "is every method already"
            } else {
                "stands in place of methods"
            };
            errors.push(name, format!("`{name}` {why}: write it alone"));
            Methods::Wrong
        }
        Some(name) if name == "FALLBACK" => Methods::Fallback,
        _ => Methods::Some(names),
    }
}

fn method(name: &Ident, before: &[Ident]) -> Result<(), String> {
    let text = name.to_string();
    if WORDS.contains(&&*text) {
        if before.contains(name) {
            return Err(format!("`{text}` is named twice: remove one"));
        }
        return Ok(());
    }
    let upper = text.to_ascii_uppercase();
    if WORDS.contains(&&*upper) {
        return Err(format!("methods are upper case: write `{upper}`"));
    }
    Err(match did_you_mean(&text, WORDS) {
        Some(meant) => format!("there is no method `{text}`: did you mean `{meant}`?"),
        None => format!(
            "there is no method `{text}`: write {}, or `FALLBACK` for a fallback handler",
            list(WORDS[..10].iter().map(|name| format!("`{name}`")), "or"),
        ),
    })
}
