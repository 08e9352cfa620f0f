//! The functions that build the router of a program, and how each comes to be audited.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use syn::{GenericArgument, PathArguments, ReturnType, Type};

use super::apart::{self, Apart, Known};
use super::tree::Item;
use super::{Work, types, write};

impl Work<'_> {
    /// The names of the functions that return a router.
    fn builders(&self, nth: usize) -> HashSet<&str> {
        let mut items: Vec<&Item> = self.tree.items.iter().collect();
        items.retain(|item| {
            self.owners.get(&item.source) == Some(&nth) && !item.is_test && returns_router(item)
        });
        let names = items.into_iter();
        names
            .filter_map(|item| item.path.rsplit("::").next())
            .collect()
    }

    /// The functions that build a router which no other function takes into its own. None, where
    /// somebody has chosen already.
    pub(super) fn outermost(&self, nth: usize) -> Vec<&Item> {
        let mut seen = BTreeSet::new();
        let names = self.builders(nth);
        let mut builders: Vec<&Item> = self.tree.items.iter().collect();
        builders.retain(|item| {
            self.owners.get(&item.source) == Some(&nth)
                && !item.is_test
                && (item.builds
                    || returns_router(item)
                    || item
                        .extends
                        .iter()
                        .any(|name| names.contains(name.as_str())))
                && seen.insert((item.source, item.attribute_at))
        });
        if builders.iter().any(|item| item.is_audited) {
            return Vec::new();
        }
        let is_inner = |item: &Item| {
            let name = item.sig.ident.to_string();
            let mut others = builders.iter().filter(|other| !std::ptr::eq(**other, item));
            returns_something(item) && others.any(|other| other.words.contains(&name))
        };
        builders
            .iter()
            .copied()
            .filter(|item| !is_inner(item))
            .collect()
    }

    pub(super) fn way(&self, nth: usize, item: &Item) -> Way {
        let (source, library) = (&self.sources.all[item.source], &self.packages[nth].library);
        let name = &item.sig.ident;
        let attribute = format!("#[{library}::audited_router]");
        let returns = returns_router(item);
        if returns && (!item.is_free || item.is_inner) {
            let what = if item.is_inner {
                "stands in another function"
            } else {
                "is a method"
            };
            return Way::Hand(
                format!("`{name}` returns a router, and {what}"),
                format!("write a function in a module that returns the same, with `{attribute}`"),
            );
        }
        if returns && item.sig.inputs.is_empty() && item.sig.generics.params.is_empty() {
            return Way::Test;
        }
        let what = if returns {
            format!("`{name}` returns a router, and takes arguments that a test has to have, too")
        } else {
            format!("`{name}` builds its router among other things, where no test can call it")
        };
        let state = |at| self.state(nth, item, at);
        let known = Known {
            library,
            builders: self.builders(nth),
            state: &state,
        };
        let help = match apart::apart(source, item, &known, !returns) {
            Some(apart) if returns && !apart.takes.is_empty() => return Way::Start,
            Some(Apart {
                function,
                call,
                takes,
                unknown,
            }) => {
                let function =
                    write::rustfmt(&function, "2024", Path::new(".")).unwrap_or(function);
                let returned = if returns {
                    format!(", which then returns `{library}::Audited`,")
                } else {
                    String::new()
                };
                let unknown = if unknown.is_empty() {
                    String::new()
                } else {
                    format!(" (for {})", unknown.join(" and "))
                };
                let started = if takes.is_empty() {
                    String::new()
                } else {
                    format!(
                        ". It is audited when the program protects it, by `route-audit check --run \"COMMAND\"`; where a \
                     test has {}, by `plain = routes(..)` in place of `at_start`",
                        takes.join(" and ")
                    )
                };
                format!(
                    "in `{name}`{returned} write `{call}` for the router, which becomes a function of its own{unknown}{started}:\n\n{}",
                    indented(&function)
                )
            }
            None if returns => return Way::Start,
            None => format!(
                "move it to a function of its own: `{attribute} fn routes() -> {library}::Router {{ .. }}`; a state goes in \
             after it: `fn routes() -> {library}::Router<AppState>`, and `routes().with_state(state)` in `{name}`"
            ),
        };
        Way::Hand(what, help)
    }

    /// The type of what `with_state` at an offset is given, as a file of that package writes it.
    fn state(&self, nth: usize, item: &Item, at: usize) -> Option<String> {
        let source = &self.sources.all[item.source];
        let is_there = |(key, _): &(&(usize, usize), &String)| {
            key.0 == item.source && source.marks[key.1] == at
        };
        let (_, ty) = self.states.iter().find(is_there)?;
        // A program has the same name as the library of its package, often.
        let targets = &self.packages[nth].package.targets;
        let own = item.path.split("::").next().unwrap_or_default();
        let is_library = targets
            .iter()
            .any(|target| target.is_lib() && target.name.replace('-', "_") == own);
        let is_main = targets
            .iter()
            .any(|target| target.is_bin() && target.src_path.as_std_path() == source.path);
        let own = if is_library && is_main { "" } else { own };
        Some(types::named(ty, &source.parse().ok()?, own))
    }
}

/// How the router of a function comes to be audited.
pub(super) enum Way {
    /// By the attribute, whose test calls it.
    Test,
    /// By the attribute, when the program protects it: it takes what no test has.
    Start,
    /// By a person: what is in the way, and what to do.
    Hand(String, String),
}

/// What to say of a function whose return type is called `Router`, and does not compile as one.
pub(super) fn returned(name: &str, message: &str) -> (String, String) {
    (
        format!("what `{name}` returns cannot be audited: {message}"),
        "if there is a router of axum's in it, return that; if not, there is nothing to do"
            .to_owned(),
    )
}

fn indented(text: &str) -> String {
    let line = |line: &str| format!("      {line}").trim_end().to_owned() + "\n";
    text.lines().map(line).collect()
}

/// Whether a caller gets anything from a function, so that it may be a router: not of `async fn serve()`.
fn returns_something(item: &Item) -> bool {
    fn is_something(ty: &Type) -> bool {
        match ty {
            Type::Never(_) => false,
            Type::Tuple(tuple) => !tuple.elems.is_empty(),
            Type::Path(path) => path.path.segments.last().is_none_or(|last| {
                match &last.arguments {
                    PathArguments::AngleBracketed(args) if last.ident == "Result" => {
                        !matches!(args.args.first(), Some(GenericArgument::Type(ty)) if !is_something(ty))
                    }
                    _ => true,
                }
            }),
            _ => true,
        }
    }
    matches!(&item.sig.output, ReturnType::Type(_, ty) if is_something(ty))
}

/// `Router`, a `Result` of one, or a tuple that begins with one.
fn returns_router(item: &Item) -> bool {
    fn is_router(ty: &Type) -> bool {
        match ty {
            Type::Path(path) => path.path.segments.last().is_some_and(|last| match &last.arguments {
                _ if last.ident == "Router" => true,
                PathArguments::AngleBracketed(args) if last.ident == "Result" => {
                    matches!(args.args.first(), Some(GenericArgument::Type(ty)) if is_router(ty))
                }
                _ => false,
            }),
            Type::Tuple(tuple) => tuple.elems.first().is_some_and(is_router),
            _ => false,
        }
    }
    matches!(&item.sig.output, ReturnType::Type(_, ty) if is_router(ty))
}
