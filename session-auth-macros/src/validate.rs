//! The second step: the parts of an attribute into an [`Access`], or all that is wrong with them.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::{Lit, LitStr};

use crate::access::{Access, Class, Place, Target, Terms};
use crate::argument::{Argument, Takes};
use crate::errors::{Errors, did_you_mean, list};
use crate::methods::{self, Methods};
use crate::parse::{Entry, RawArgs};
use crate::{path, values};

mod target;

/// The arguments judged: `None` where there were mistakes. The path of `crate = ..` is of use even
/// then.
pub(crate) fn validate(
    class: Class,
    place: Place,
    raw: RawArgs,
    errors: &mut Errors,
) -> (Option<Access>, Option<syn::Path>) {
    let mut validator = Validator {
        class,
        place,
        errors,
        seen: Vec::new(),
        meant: Vec::new(),
        terms: Terms::default(),
        subtree: None,
        glob: None,
        krate: None,
    };
    let target = validator.run(raw.entries);
    let Validator { terms, krate, .. } = validator;
    let access = target.map(|target| Access {
        class,
        target,
        terms,
    });
    (access, krate)
}

struct Validator<'a> {
    class: Class,
    place: Place,
    errors: &'a mut Errors,
    /// Arguments written so far, also wrong ones: what is wrong is not missing.
    seen: Vec<&'static str>,
    /// Arguments that unknown ones were probably meant to be: not missing either.
    meant: Vec<&'static str>,
    terms: Terms,
    subtree: Option<Ident>,
    glob: Option<LitStr>,
    krate: Option<syn::Path>,
}

impl Validator<'_> {
    fn run(&mut self, entries: Vec<Entry>) -> Option<Target> {
        let mut methods = None;
        let mut paths: Vec<Option<LitStr>> = Vec::new();
        for (entry, nth) in entries.into_iter().zip(0..) {
            let tokens = match entry {
                Entry::Named { name, value } => {
                    self.named(&name, &value);
                    continue;
                }
                Entry::Bare(tokens) => tokens,
            };
            match &tokens[..] {
                [TokenTree::Ident(flag)] if Argument::named(&flag.to_string()).is_some() => {
                    self.flag(flag);
                }
                [TokenTree::Ident(_) | TokenTree::Punct(_), ..] if nth == 0 => {
                    methods = Some(methods::judge(&tokens, self.errors));
                }
                [TokenTree::Literal(name)] if nth == 0 && is_quoted_method(name) => {
                    let unquoted = name.to_string().replace('"', "");
                    let message = format!("methods are written without quotes: `{unquoted}`");
                    self.errors.push(name, message);
                    methods = Some(Methods::Wrong);
                }
                [TokenTree::Literal(literal), ..] if is_string(literal) => {
                    let path = self.path(&tokens, methods.is_some());
                    paths.push(path);
                }
                // Nothing but methods and paths before it.
                tokens
                    if nth == paths.len() + 1
                        && self.is_meant_as_path(tokens, methods.as_ref(), nth == 1) =>
                {
                    let path = self.path(tokens, true);
                    paths.push(path);
                }
                _ => self.stray(&tokens, methods.is_some()),
            }
        }
        self.missing(methods.as_ref(), !paths.is_empty());
        self.idle();
        self.repeated(&paths);
        self.target(methods?, paths)
    }

    fn at(&self) -> String {
        match self.place {
            Place::Attribute => format!("`#[{}]`", self.class.attribute()),
            Place::Declaration => format!("`{}(..)`", self.class.attribute()),
        }
    }

    /// Neither `name = value`, nor a flag, nor methods or a path where they belong.
    fn stray(&mut self, tokens: &[TokenTree], methods: bool) {
        let all = tokens.iter().cloned().collect::<TokenStream>();
        let message = match tokens {
            [TokenTree::Ident(name), ..] if methods::is_word(&name.to_string()) => {
                if methods {
                    "methods are joined with `|`: write `GET | POST`".to_owned()
                } else {
                    self.seen.push(METHODS_SEEN);
                    "methods come first, then the path".to_owned()
                }
            }
            [TokenTree::Ident(name), rest @ ..] => match Argument::named(&name.to_string()) {
                // `reason("..")`, `reason: ".."`
                Some(argument) => {
                    self.seen.push(argument.name);
                    format!("write `{}`", argument.written())
                }
                None if rest.is_empty() => self.unknown(name),
                None => format!("expected `name = \"value\"`; {}", self.allowed()),
            },
            _ => format!("expected `name = \"value\"`; {}", self.allowed()),
        };
        self.errors.push(all, message);
    }

    /// The argument of that name, if it may stand here; else the mistake is collected.
    fn argument(&mut self, name: &Ident) -> Option<&'static Argument> {
        let Some(argument) = Argument::named(&name.to_string()) else {
            let message = self.unknown(name);
            self.errors.push(name, message);
            return None;
        };
        let name_text = argument.name;
        if self.seen.contains(&name_text) {
            self.errors
                .push(name, format!("`{name_text}` is given twice: remove one"));
            return None;
        }
        self.seen.push(name_text);
        if !argument.classes.contains(&self.class) {
            let message = self.misplaced(argument);
            self.errors.push(name, message);
            return None;
        }
        if let Some(only) = argument.place.filter(|place| *place != self.place) {
            let message = match only {
                Place::Declaration => format!(
                    "`{name_text}` is for services, which have no function to put an attribute on: use `declare_route!`"
                ),
                Place::Attribute => format!(
                    "`{name_text}` belongs to the attribute of a handler: a declaration without one is found by its path"
                ),
            };
            self.errors.push(name, message);
            return None;
        }
        Some(argument)
    }

    fn misplaced(&self, argument: &Argument) -> String {
        let name = argument.name;
        if name == "until" {
            return "`until` is the end of an exemption, and a session route is not exempt: \
                    remove it, or use `#[public_route]` or `#[webhook_route]`"
                .to_owned();
        }
        let others = list(
            argument
                .classes
                .iter()
                .map(|class| format!("`{}`", class.attribute())),
            "or",
        );
        format!("`{name}` belongs to {others}, not to {}", self.at())
    }

    fn did_you_mean(&self, name: &str) -> Option<&'static str> {
        did_you_mean(
            name,
            Argument::fitting(self.class, self.place).map(|argument| argument.name),
        )
    }

    fn unknown(&mut self, name: &Ident) -> String {
        let text = name.to_string();
        match self.did_you_mean(&text) {
            Some(meant) => {
                self.meant.push(meant);
                format!("unknown argument `{text}`: did you mean `{meant}`?")
            }
            None => format!("unknown argument `{text}`: {}", self.allowed()),
        }
    }

    fn allowed(&self) -> String {
        let names = list(
            Argument::fitting(self.class, self.place).map(|a| format!("`{}`", a.name)),
            "and",
        );
        format!("{} takes {names}", self.at())
    }

    fn flag(&mut self, name: &Ident) {
        let Some(argument) = self.argument(name) else {
            return;
        };
        match argument.name {
            "issues_session" => self.terms.issues_session = true,
            "optional_session" => self.terms.optional_session = true,
            "subtree" => self.subtree = Some(name.clone()),
            _ => self.errors.push(
                name,
                format!("`{name}` needs a value: write `{}`", argument.written()),
            ),
        }
    }

    fn named(&mut self, name: &Ident, value: &[TokenTree]) {
        let Some(argument) = self.argument(name) else {
            return;
        };
        match argument.takes {
            Takes::Nothing => self.errors.push(
                value.iter().cloned().collect::<TokenStream>(),
                format!("`{name}` takes no value: write `{name}` alone"),
            ),
            Takes::CratePath => match parse_path(value) {
                Ok(path) => self.krate = Some(path),
                Err(_) => self.errors.push(
                    Whole(name, value),
                    "`crate` is a path: write `crate = path::to::session_auth`",
                ),
            },
            Takes::Value(example) => {
                let value = if value.is_empty() {
                    self.errors.push(
                        name,
                        format!("`{name}` needs a value: write `{}`", argument.written()),
                    );
                    None
                } else {
                    self.string(&format!("`{name}`"), example, value)
                };
                if let Some(literal) = value
                    && let Err(problem) = self.value(argument.name, &literal)
                {
                    self.errors.push(&literal, format!("`{name}` {problem}"));
                }
            }
        }
    }

    fn value(&mut self, name: &str, literal: &LitStr) -> Result<(), String> {
        let text = &*literal.value();
        let slot = match name {
            "reason" => {
                values::text(text)?;
                &mut self.terms.reason
            }
            "owner" => {
                values::text(text)?;
                &mut self.terms.owner
            }
            "cross_origin" => {
                values::text(text)?;
                &mut self.terms.cross_origin
            }
            "glob" => {
                path::glob(text)?;
                &mut self.glob
            }
            "verify" => {
                values::verifier(text)?;
                &mut self.terms.verifier
            }
            "by" => {
                values::by(text)?;
                &mut self.terms.by
            }
            "scope" => {
                values::scope(text)?;
                &mut self.terms.scope
            }
            "until" => {
                self.terms.until = Some(values::day(text)?);
                return Ok(());
            }
            "expect_every" => {
                self.terms.expect_every = Some(values::duration(text)?);
                return Ok(());
            }
            "max_body" => {
                self.terms.max_body = Some(values::size(text)?);
                return Ok(());
            }
            other => unreachable!("the argument `{other}` takes a value that nothing reads"),
        };
        *slot = Some(literal.clone());
        Ok(())
    }

    /// A string literal and nothing else.
    fn string(&mut self, what: &str, example: &str, tokens: &[TokenTree]) -> Option<LitStr> {
        let [first, rest @ ..] = tokens else {
            return None;
        };
        let literal = match first {
            TokenTree::Literal(literal) => match Lit::new(literal.clone()) {
                Lit::Str(literal) if literal.suffix().is_empty() => Some(literal),
                _ => None,
            },
            _ => None,
        };
        let Some(literal) = literal else {
            let all = tokens.iter().cloned().collect::<TokenStream>();
            self.errors.push(
                all,
                format!("{what} is a string literal, such as `\"{example}\"`"),
            );
            return None;
        };
        if let [next, ..] = rest {
            self.errors.push(next, format!("expected `,` after {what}"));
        }
        Some(literal)
    }

    /// An exemption from nothing.
    fn idle(&mut self) {
        let exempt = self.terms.cross_origin.as_ref();
        let uses_session = ["issues_session", "optional_session"]
            .iter()
            .any(|name| self.seen.contains(name) || self.meant.contains(name));
        if let (Class::Public, Some(literal), false) = (self.class, exempt, uses_session) {
            self.errors.push(
                literal,
                "`cross_origin` is of no use without `issues_session` or `optional_session`: \
                 requests from other origins reach a public handler as they are",
            );
        }
        let optional = "optional_session";
        let optional = self.seen.contains(&optional) || self.meant.contains(&optional);
        if let (Class::Public, Some(literal), false) = (self.class, &self.terms.by, optional) {
            self.errors.push(
                literal,
                "`by` is of no use without `optional_session`: nobody is asked who calls a public \
                 route",
            );
        }
    }

    fn missing(&mut self, methods: Option<&Methods>, path: bool) {
        let fallback = matches!(methods, Some(Methods::Fallback));
        let handler = self
            .terms
            .verifier
            .as_ref()
            .is_some_and(|verifier| verifier.value() == "handler");
        let lacks = |name| !self.seen.contains(&name) && !self.meant.contains(&name);
        let mut missing = Vec::new();
        if methods.is_none() && lacks(METHODS_SEEN) {
            missing.push("methods".to_owned());
        }
        let path = path || matches!(methods, Some(Methods::WrongWithPath));
        // On a handler the path may be left out: then its router alone says where it stands.
        if !path && !fallback && self.place == Place::Declaration {
            missing.push("a path".to_owned());
        }
        if self.class == Class::Public && lacks("reason") {
            missing.push("`reason = \"why anyone may call it\"`".to_owned());
        } else if handler && lacks("reason") {
            missing.push(
                "`reason = \"how the handler knows the sender\"`, since `verify = \"handler\"` leaves that to the handler"
                    .to_owned(),
            );
        } else if self.subtree.is_some() && lacks("reason") {
            missing.push("`reason = \"what is mounted there\"`, as every subtree does".to_owned());
        }
        if self.class == Class::Webhook && lacks("verify") {
            missing.push("`verify = \"name of its verifier\"`".to_owned());
        }
        if !missing.is_empty() {
            let message = format!(
                "{} needs {}\n\nfor example: {}",
                self.at(),
                list(missing, "and"),
                self.class.example(self.place)
            );
            self.errors.push_whole(message);
        }
    }
}

fn is_string(literal: &proc_macro2::Literal) -> bool {
    matches!(Lit::new(literal.clone()), Lit::Str(_))
}

fn is_quoted_method(literal: &proc_macro2::Literal) -> bool {
    matches!(Lit::new(literal.clone()), Lit::Str(text) if methods::is_word(&text.value()))
}

fn parse_path(tokens: &[TokenTree]) -> syn::Result<syn::Path> {
    syn::Path::parse_mod_style.parse2(tokens.iter().cloned().collect())
}

/// In `seen`, where methods are there but not first.
const METHODS_SEEN: &str = "<methods>";

/// A name and what follows it, for the span of an error.
struct Whole<'a>(&'a Ident, &'a [TokenTree]);

impl ToTokens for Whole<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
        tokens.extend(self.1.iter().cloned());
    }
}
