//! Every mistake: at which tokens the error is, and what it says.
//!
//! A file in `mistakes/` has one after the other: the attribute with its function (`async fn f() {}`
//! where there is none), and below it each error, the tokens that it points at first.
//! `BLESS=1 cargo test -p session-auth-macros` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::access::{Class, Place};
use crate::errors::Errors;
use crate::{expand, krate, router};

const HANDLER: &str = "async fn f() {}";

/// An attribute with its function, or a macro call.
struct Case {
    name: String,
    args: TokenStream,
    item: TokenStream,
}

impl Case {
    fn read(text: &str) -> Self {
        let mut tokens = text.parse::<TokenStream>().expect(text).into_iter();
        let mut next = || tokens.next().expect(text);
        let (name, args) = match next() {
            // `#[name(args)] item`
            TokenTree::Punct(_) => {
                let TokenTree::Group(attribute) = next() else {
                    panic!("no attribute: {text}");
                };
                let mut inside = attribute.stream().into_iter();
                (inside.next().expect(text), inside.next())
            }
            // `name!(args)`
            name => {
                next();
                (name, Some(next()))
            }
        };
        let args = match args {
            None => TokenStream::new(),
            Some(TokenTree::Group(args)) if args.delimiter() == Delimiter::Parenthesis => {
                args.stream()
            }
            Some(other) => panic!("no arguments: {other}: {text}"),
        };
        let item = TokenStream::from_iter(tokens);
        Self {
            name: name.to_string(),
            args,
            item: if item.is_empty() {
                HANDLER.parse().expect(HANDLER)
            } else {
                item
            },
        }
    }

    fn errors(self) -> Errors {
        let Self { name, args, item } = self;
        let mut errors = Errors::default();
        let output = match &*name {
            "declare_route" => expand::declare_route_with(args, &mut errors),
            "audited_router" => router::attribute_with(args, item, &krate::path(), &mut errors),
            name => {
                let class = Class::named(name).expect(name);
                Some(expand::attribute_with(class, args, item, &mut errors))
            }
        };
        let output = output.unwrap_or_default().to_string();
        let registers = output.contains("inventory") || output.contains("audit_router");
        assert!(
            errors.is_empty() || !registers,
            "in spite of errors: {output}"
        );
        errors
    }
}

/// The tokens that each error is at, none for the whole attribute, and the first line of what it
/// says: an example may follow.
fn found(case: &str) -> Vec<(String, String)> {
    let errors = Case::read(case).errors().into_inner();
    errors
        .into_iter()
        .flatten()
        .map(|error| {
            let at = error.span().source_text().unwrap_or_default();
            let message = error.to_string();
            (at, message.lines().next().unwrap_or_default().to_owned())
        })
        .collect()
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/mistakes");
    let entries = std::fs::read_dir(folder).expect("the folder");
    entries.map(|entry| entry.expect("a file").path()).collect()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The attributes and calls of a file, without what is said of them.
fn cases(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("\n\n").map(str::trim_end);
    blocks.map(|block| block.split("\n  ").next().unwrap_or_default())
}

#[test]
fn every_mistake_is_reported_once_where_it_is() {
    for file in files() {
        let golden = read(&file);
        let mut text = String::new();
        for case in cases(&golden) {
            let between = if text.is_empty() { "" } else { "\n" };
            writeln!(text, "{between}{case}").expect("a string");
            let found = found(case);
            assert!(!found.is_empty(), "no mistake: {case}");
            for (at, message) in found {
                let at = if at.is_empty() {
                    "the whole attribute"
                } else {
                    &at
                };
                writeln!(text, "  {at}\n    {message}").expect("a string");
            }
        }
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&file, text).expect("the file is written");
        } else {
            assert_eq!(text, golden, "{}", file.display());
        }
    }
}

/// A message without what it quotes: its sentence.
fn sentence(message: &str) -> String {
    message.split('`').step_by(2).collect()
}

/// What is said here is not said by the compiler's output in the tests from the outside, too: a
/// sentence is changed in one place.
#[test]
fn a_message_is_pinned_once() {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui/fail");
    let mut pinned = BTreeMap::new();
    for entry in std::fs::read_dir(&ui).expect("the tests from the outside") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|kind| kind == "stderr") {
            let errors = read(&path);
            let errors = errors
                .lines()
                .filter_map(|line| line.strip_prefix("error: "));
            pinned.extend(errors.map(|message| (sentence(message), path.clone())));
        }
    }
    assert!(!pinned.is_empty());
    for file in files() {
        for case in cases(&read(&file)) {
            for (_, message) in found(case) {
                let again = pinned.get(&sentence(&message));
                assert!(
                    again.is_none(),
                    "{again:?} has this, too: {case}: {message}"
                );
            }
        }
    }
}

/// The examples at the end of messages are right themselves.
#[test]
fn examples_in_messages_are_accepted() {
    for class in Class::ALL {
        for place in [Place::Attribute, Place::Declaration] {
            let example = class.example(place);
            assert!(Case::read(example).errors().is_empty(), "{example}");
        }
    }
}
