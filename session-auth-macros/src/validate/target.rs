//! Methods and paths: which requests a declaration is about.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::LitStr;

use super::{Validator, is_string};
use crate::access::{Place, Target};
use crate::argument::Argument;
use crate::methods::{self, Methods};
use crate::path;

impl Validator<'_> {
    pub(super) fn path(&mut self, tokens: &[TokenTree], after_methods: bool) -> Option<LitStr> {
        if !matches!(tokens, [TokenTree::Literal(literal), ..] if is_string(literal)) {
            let otherwise = match self.place {
                Place::Attribute => {
                    "; where it is none, leave it out: `route` then says where the handler is"
                }
                Place::Declaration => "",
            };
            self.errors.push(
                tokens.iter().cloned().collect::<TokenStream>(),
                format!("a path is a string literal, such as `\"/users/{{id}}\"`{otherwise}"),
            );
            return None;
        }
        let path = self.string("a path", "/users/{id}", tokens)?;
        let value = path.value();
        if !value.starts_with('/') && value.contains(char::is_whitespace) {
            self.meant.push("reason");
            self.errors.push(
                &path,
                "a path starts with `/`, and words have a name: write `reason = \"..\"`",
            );
            return None;
        }
        let late = !self.seen.is_empty() && !self.seen.contains(&super::METHODS_SEEN);
        if late || !(after_methods || self.seen.is_empty()) {
            self.errors.push(
                &path,
                "methods and path come first, before all other arguments",
            );
        }
        let problems = path::problems(&value);
        let good = problems.is_empty();
        for problem in problems {
            self.errors.push(&path, problem);
        }
        good.then_some(path)
    }

    /// Whether what stands in the place of a path, and is none, was meant to be one.
    pub(super) fn is_meant_as_path(
        &self,
        tokens: &[TokenTree],
        methods: Option<&Methods>,
        is_first: bool,
    ) -> bool {
        let methods = matches!(methods, Some(Methods::Some(_) | Methods::Wrong));
        let meant = match tokens {
            [TokenTree::Ident(name), rest @ ..] => {
                let name = name.to_string();
                let other = methods::is_word(&name)
                    || Argument::named(&name).is_some()
                    || self.did_you_mean(&name).is_some();
                // `PATH`, `paths::ME`, `concat!("/a")`
                let looks_like_one = !rest.is_empty() || !name.contains(char::is_lowercase);
                !other && (is_first || looks_like_one)
            }
            _ => is_first,
        };
        methods && meant
    }

    /// Two of the paths that the router would take for one, and panic on the second.
    pub(super) fn repeated(&mut self, paths: &[Option<LitStr>]) {
        let mut before: Vec<String> = Vec::new();
        for literal in paths.iter().flatten() {
            let value = literal.value();
            let same = |other: &&String| path::shape(other) == path::shape(&value);
            match before.iter().find(same) {
                Some(other) if *other == value => self.errors.push(
                    literal,
                    format!("the path {value:?} is there twice: remove one"),
                ),
                Some(other) => self.errors.push(
                    literal,
                    format!("{value:?} matches what {other:?} matches: remove one"),
                ),
                None => {}
            }
            before.push(value);
        }
    }

    pub(super) fn target(
        &mut self,
        methods: Methods,
        paths: Vec<Option<LitStr>>,
    ) -> Option<Target> {
        let paths: Vec<LitStr> = paths.into_iter().collect::<Option<_>>()?;
        if let Some(glob) = self.glob.take() {
            return self.glob(methods, &paths, glob);
        }
        match (methods, self.subtree.take()) {
            (Methods::Fallback, Some(subtree)) => {
                let message = "`FALLBACK` has no subtree: name the path that the service is mounted under, as in `ANY, \"/assets\", subtree`";
                self.errors.push(subtree, message);
                None
            }
            (Methods::Fallback, None) => self.fallback(paths),
            (Methods::Some(methods), None) => Some(Target::Route { methods, paths }),
            (Methods::Some(methods), Some(_)) => {
                if let [_, second, ..] = &paths[..] {
                    self.errors.push(
                        second,
                        "a subtree has one path: write a `declare_route!` for each",
                    );
                }
                self.subtree(&methods, paths.into_iter().next()?)
            }
            _ => None,
        }
    }

    fn glob(&mut self, methods: Methods, paths: &[LitStr], glob: LitStr) -> Option<Target> {
        if let [path, ..] = paths {
            let message = "`glob` is for a path that is computed: leave out the path, or the glob";
            self.errors.push(path, message);
        }
        match methods {
            Methods::Some(methods) => Some(Target::Glob { methods, glob }),
            Methods::Fallback => {
                let message = "a fallback has no path that a glob could be like: remove `glob`";
                self.errors.push(glob, message);
                None
            }
            Methods::Wrong | Methods::WrongWithPath => None,
        }
    }

    /// `FALLBACK` is the outermost router's; with a path it is that of the router nested there.
    fn fallback(&mut self, paths: Vec<LitStr>) -> Option<Target> {
        if let [_, second, ..] = &paths[..] {
            let message = "a fallback has one path at most: the one that its router is nested at";
            self.errors.push(second, message);
        }
        let below = paths.into_iter().next();
        if let Some(path) = &below {
            let value = path.value();
            if value == "/" {
                let message = "the outermost fallback has no path: write `FALLBACK` alone";
                self.errors.push(path, message);
            } else if value.ends_with('/') || path::catches_all(&value) {
                let message = "write the path that the router is nested at, without a slash or `{*..}` at its end";
                self.errors.push(path, message);
            }
        }
        Some(Target::Fallback { below })
    }

    fn subtree(&mut self, methods: &[Ident], path: LitStr) -> Option<Target> {
        if let Some(method) = methods.iter().find(|method| *method != "ANY") {
            self.errors.push(
                method,
                "a subtree is a service that sees every method: write `ANY`",
            );
        }
        let value = path.value();
        if value != "/" && value.ends_with('/') {
            let without = value.trim_end_matches('/');
            self.errors.push(
                &path,
                format!("the path of a subtree has no `/` at its end: write `\"{without}\"`"),
            );
        }
        if path::catches_all(&value) {
            self.errors.push(
                &path,
                "a subtree has all that is below its path already: write the path without `{*..}`",
            );
        }
        Some(Target::Subtree { path })
    }
}
