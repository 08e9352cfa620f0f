//! A router that is built among other things, as in `main`, moved to a function of its own, which
//! can then be audited.
//!
//! It is moved only where that changes nothing: what moves uses no value of the function but
//! routers that move with it, and does not wait, fail or return. Calls at its end that register
//! nothing (`.layer(..)`, `.with_state(..)`) stay.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use super::chains::{self, Chain, Names};
use super::text::{Function, Source};

/// What is to be done for one router.
#[derive(Debug)]
pub(super) struct Move {
    /// The function, without attributes, from its indentation on.
    pub(super) text: String,
    /// What becomes of the text that was there.
    pub(super) edits: Vec<(Range<usize>, String)>,
    /// What has moved.
    pub(super) moved: Vec<Range<usize>>,
    /// Its words.
    pub(super) words: HashSet<String>,
}

/// Why a router stays.
#[derive(Debug)]
pub(super) struct Stays {
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) why: String,
}

/// The types that the handlers of what moved take as `State`.
pub(super) type States<'a> = dyn Fn(&[Range<usize>], &HashSet<String>) -> BTreeSet<String> + 'a;

/// Moves the routers of a function, as far as that goes.
pub(super) fn extract(
    source: &Source,
    function: &Function,
    taken: &mut HashSet<String>,
    states: &States<'_>,
) -> (Vec<Move>, Vec<Stays>) {
    let Some(block) = &function.block else {
        return (Vec::new(), Vec::new());
    };
    let chains = chains::of(source, block);
    let names = Names::of(&function.sig, block);
    let mut mover = Mover {
        source,
        function,
        names,
        words: chains::all_words(&source.text),
        chains: &chains,
        gone: HashSet::new(),
    };
    let (mut moves, mut stay) = (Vec::new(), Vec::new());
    for at in (0..chains.len()).rev() {
        let registers = chains[at].calls.iter().any(chains::Call::registers);
        if mover.gone.contains(&at) || !registers {
            continue;
        }
        match mover.take(at, states) {
            Ok(one) => moves.push(one),
            Err(why) => {
                // By itself, what it takes in has other paths.
                mover.keep(at);
                stay.push(Stays {
                    at: chains[at].start(),
                    end: chains[at].end(),
                    why,
                });
            }
        }
    }
    // From the last to the first, as each takes those before it along; named as they are read.
    moves.reverse();
    stay.reverse();
    for one in &mut moves {
        let name = mover.name(taken);
        one.text = one.text.replacen(NAME, &name, 1);
        for (_, text) in &mut one.edits {
            *text = text.replacen(NAME, &name, 1);
        }
    }
    (moves, stay)
}

/// In the place of a name that is not made up yet.
const NAME: &str = "\0";

struct Mover<'a> {
    source: &'a Source,
    function: &'a Function,
    names: Names,
    /// Those of the file.
    words: HashSet<String>,
    chains: &'a [Chain],
    /// Those that are done with.
    gone: HashSet<usize>,
}

impl Mover<'_> {
    fn take(&mut self, at: usize, states: &States<'_>) -> Result<Move, String> {
        let chain = &self.chains[at];
        let last = chain.calls.iter().rposition(chains::Call::registers);
        let mut cut = last.map_or(0, |last| last + 1);
        let mut with = Vec::new();
        self.pull(at, cut, &mut with)?;
        // With its state, where that is there to take: then the type is plain.
        let rest = &chain.calls[cut..];
        let mut has_state = chain.calls[..cut]
            .iter()
            .any(|call| call.method == "with_state");
        if let Some(state) = rest.iter().position(|call| call.method == "with_state") {
            let mut more = Vec::new();
            if self.pull(at, cut + state + 1, &mut more).is_ok() {
                with = more;
                cut += state + 1;
                has_state = true;
            }
        }
        let end = match cut {
            0 => chain.root.end,
            cut => chain.calls[cut - 1].end,
        };
        with.sort_unstable();
        with.dedup();
        let mut moved: Vec<Range<usize>> = with
            .iter()
            .filter_map(|one| Some(self.chains[*one].bound.as_ref()?.statement.clone()))
            .collect();
        moved.push(chain.start()..end);
        let mut words = HashSet::new();
        for part in &moved {
            words.extend(chains::all_words(&self.source.text[part.clone()]));
        }
        let state = if has_state {
            None
        } else {
            self.state(&chain.calls[cut..], &states(&moved, &words))?
        };
        let ty = with
            .iter()
            .chain([&at])
            .find_map(|one| self.chains[*one].ty.clone())
            .unwrap_or_else(|| "axum::Router".to_owned());
        let ty = match state {
            Some(state) => format!("{ty}<{state}>"),
            None => ty,
        };
        let text = self.function_text(&ty, &moved);
        let mut edits: Vec<_> = with
            .iter()
            .filter_map(|one| self.chains[*one].bound.as_ref())
            .map(|bound| (self.lines(&bound.statement), String::new()))
            .collect();
        edits.push((chain.start()..end, format!("{NAME}()")));
        self.gone.extend(with);
        self.gone.insert(at);
        Ok(Move {
            text,
            edits,
            moved,
            words,
        })
    }

    /// The routers that have to move with the first calls of a chain.
    fn pull(&self, at: usize, calls: usize, with: &mut Vec<usize>) -> Result<(), String> {
        let chain = &self.chains[at];
        let mut parts = vec![chain.root.clone()];
        for call in &chain.calls[..calls] {
            if !call.keeps() {
                return Err(format!("`.{}(..)` stands between its routes", call.method));
            }
            if call.leaves {
                return Err(format!("`.{}(..)` waits, or may fail", call.method));
            }
            parts.push(call.arguments.clone());
        }
        let end = parts.last().map_or(chain.root.end, |last| last.end);
        for part in &parts {
            for name in self.names.used(self.source, part) {
                let router = self.router(at, &name);
                let router = router.filter(|router| self.is_used_here_alone(*router, at, end));
                let Some(router) = router else {
                    return Err(format!("it uses `{name}` of this function"));
                };
                if !with.contains(&router) {
                    self.pull(router, self.chains[router].calls.len(), with)?;
                    with.push(router);
                }
            }
        }
        Ok(())
    }

    /// Leaves a chain where it is, with the routers in it.
    fn keep(&mut self, at: usize) {
        let whole = self.chains[at].start()..self.chains[at].end();
        for name in self.names.used(self.source, &whole) {
            if let Some(router) = self.router(at, &name) {
                self.gone.insert(router);
                self.keep(router);
            }
        }
    }

    /// The router that a name means in a chain.
    fn router(&self, at: usize, name: &str) -> Option<usize> {
        let start = self.chains[at].start();
        let found = (0..at).rev().find(|one| {
            let bound = self.chains[*one].bound.as_ref();
            bound.is_some_and(|bound| bound.name == name && bound.scope > start)
        })?;
        (!self.gone.contains(&found)).then_some(found)
    }

    /// Whether a router's name is used in one chain, up to an end, and nowhere else.
    fn is_used_here_alone(&self, router: usize, at: usize, end: usize) -> bool {
        let Some(bound) = &self.chains[router].bound else {
            return false;
        };
        let user = &self.chains[at];
        // Bound anew to what the chain gives, it means something else from there on.
        let again = user.bound.as_ref().filter(|other| other.name == bound.name);
        let until = again.map_or(bound.scope, |other| other.statement.end);
        let outside = [bound.statement.end..user.start(), end..until];
        let again = again.map(|other| other.name.as_str());
        outside.iter().all(|part| {
            let text = self.source.text.get(part.clone()).unwrap_or_default();
            // The `let` that binds it anew names it as well.
            let text = match (&user.bound, again) {
                (Some(other), Some(_)) if part.end == user.start() => {
                    &text[..other.statement.start.saturating_sub(part.start)]
                }
                _ => text,
            };
            !chains::uses(text, &bound.name)
        })
    }

    fn state(
        &self,
        rest: &[chains::Call],
        states: &BTreeSet<String>,
    ) -> Result<Option<String>, String> {
        let given = rest.iter().find_map(|call| call.state.as_deref());
        let mut states = states.iter();
        match (states.next(), states.next(), given) {
            (None, _, None) => Ok(None),
            (Some(one), None, _) => Ok(Some(one.clone())),
            (_, _, Some(given)) => self.type_of(given).map(Some).ok_or_else(|| {
                format!("the type of its state, `{given}`, is not written where it can be read")
            }),
            _ => Err("its handlers take several types of state".to_owned()),
        }
    }

    /// The type of `state`, `state.clone()`, `Arc::clone(&state)`, `State::new(..)`, `State { .. }`.
    fn type_of(&self, given: &str) -> Option<String> {
        let expr = syn::parse_str::<syn::Expr>(given).ok()?;
        let block = self.function.block.as_ref()?;
        type_of(self.source, &self.function.sig, block, &expr, 8)
    }

    fn name(&self, taken: &mut HashSet<String>) -> String {
        let function = self.function.sig.ident.to_string();
        let base = match function.trim_start_matches("r#") {
            "main" | "run" | "serve" | "start" => "routes".to_owned(),
            other => format!("{other}_routes"),
        };
        let free = |name: &String| !taken.contains(name) && !self.words.contains(name);
        let name = std::iter::once(base.clone())
            .chain((2..).map(|nth| format!("{base}_{nth}")))
            .find(free)
            .unwrap_or(base);
        taken.insert(name.clone());
        name
    }

    fn function_text(&self, ty: &str, moved: &[Range<usize>]) -> String {
        let indent = self.source.indent(self.function.item.start);
        let body: Vec<String> = moved
            .iter()
            .map(|part| {
                let from = self.source.indent(part.start);
                let text = self.source.text[part.clone()].replace("\r\n", "\n");
                let text = reindent(&text, from, &format!("{indent}    "));
                format!("{indent}    {text}\n")
            })
            .collect();
        format!("fn {NAME}() -> {ty} {{\n{}{indent}}}", body.concat())
    }

    /// The whole lines of a statement, with the blank line after it.
    fn lines(&self, statement: &Range<usize>) -> Range<usize> {
        let text = &self.source.text;
        let start = self.source.line_start(statement.start);
        if !text[start..statement.start].trim().is_empty() {
            return statement.clone();
        }
        let mut end = statement.end;
        for _ in 0..2 {
            let rest = &text[end..];
            match rest.find('\n') {
                Some(line) if rest[..line].trim().is_empty() => end += line + 1,
                _ => break,
            }
        }
        start..end
    }
}

fn type_of(
    source: &Source,
    sig: &syn::Signature,
    block: &syn::Block,
    expr: &syn::Expr,
    depth: u32,
) -> Option<String> {
    use syn::Expr;
    let depth = depth.checked_sub(1)?;
    let again = |expr: &Expr| type_of(source, sig, block, expr, depth);
    match expr {
        Expr::Reference(inner) => again(&inner.expr),
        Expr::Paren(inner) => again(&inner.expr),
        Expr::MethodCall(call) if call.method == "clone" => again(&call.receiver),
        Expr::Struct(made) => {
            let last = made.path.segments.last()?;
            // A type with parameters, which are not written here.
            let generic = source.text.contains(&format!("{}<", last.ident));
            (!generic && last.arguments.is_none())
                .then(|| written(&made.path, made.path.segments.len()))
        }
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else {
                return None;
            };
            let segments = &path.path.segments;
            let [.., ty, name] = &segments.iter().collect::<Vec<_>>()[..] else {
                return None;
            };
            if !ty.arguments.is_none() || !ty.ident.to_string().starts_with(char::is_uppercase) {
                return None;
            }
            let whole = written(&path.path, segments.len() - 1);
            match (ty.ident == "Arc", name.ident.to_string().as_str()) {
                (_, "clone") => again(call.args.first()?),
                (true, "new") => Some(format!("{whole}<{}>", again(call.args.first()?)?)),
                (false, "new" | "default") => Some(whole),
                _ => None,
            }
        }
        Expr::Path(path) => {
            let name = path.path.get_ident()?;
            variable(source, sig, block, name, depth)
        }
        _ => None,
    }
}

fn written(path: &syn::Path, segments: usize) -> String {
    let names = path.segments.iter().take(segments);
    let names: Vec<_> = names.map(|segment| segment.ident.to_string()).collect();
    names.join("::")
}

fn variable(
    source: &Source,
    sig: &syn::Signature,
    block: &syn::Block,
    name: &syn::Ident,
    depth: u32,
) -> Option<String> {
    use syn::{FnArg, Pat, Stmt};
    let is = |pat: &Pat| matches!(pat, Pat::Ident(pat) if pat.ident == *name);
    let slice = |ty: &syn::Type| {
        use syn::spanned::Spanned;
        Some(source.slice(ty.span()).to_owned()).filter(|ty| !ty.starts_with("impl "))
    };
    for stmt in block.stmts.iter().rev() {
        let Stmt::Local(local) = stmt else { continue };
        match &local.pat {
            Pat::Type(typed) if is(&typed.pat) => return slice(&typed.ty),
            pat if is(pat) => {
                return type_of(source, sig, block, &local.init.as_ref()?.expr, depth);
            }
            _ => {}
        }
    }
    sig.inputs.iter().find_map(|input| match input {
        FnArg::Typed(input) if is(&input.pat) => slice(&input.ty),
        _ => None,
    })
}

/// Lines after the first, with one indentation in place of another. Text with a literal of several
/// lines stays as it is.
fn reindent(text: &str, from: &str, to: &str) -> String {
    if from == to || has_long_literal(text) {
        return text.to_owned();
    }
    let mut lines = text.split('\n');
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push('\n');
        match line.strip_prefix(from) {
            Some(rest) if !rest.trim().is_empty() => out.extend([to, rest]),
            Some(rest) => out.push_str(rest),
            None => out.push_str(line),
        }
    }
    out
}

fn has_long_literal(text: &str) -> bool {
    use proc_macro2::{TokenStream, TokenTree};
    fn long(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Literal(literal) => literal.to_string().contains('\n'),
            TokenTree::Group(group) => long(group.stream()),
            _ => false,
        })
    }
    text.parse::<TokenStream>().is_ok_and(long)
}

pub(super) fn contains_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

#[cfg(test)]
mod tests;
