//! The mutants of a source: each refusal that can be left out, with what leaves it out.
//!
//! What is inserted changes no type, so that all mutants of a source build at once: a condition
//! gets a further operand, an arm a guard where a later arm takes everything, a statement an `if`
//! around it, `Err(..)` an `Ok(())` beside it where the function returns that. Where a refusal is
//! the only value that there is, the compiler sees to it that it stays. Not looked into: constants,
//! and what is given to macros other than `assert!` and `ensure!`.

use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse as _, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{
    Attribute, BinOp, Block, Expr, ExprMatch, ImplItemConst, ImplItemFn, Item, Macro, Pat,
    Signature, Stmt, Token, TraitItemConst, TraitItemFn, UnOp,
};

use crate::refusal::Words;

/// In characters, of what a name shows of the source.
const LONGEST: usize = 80;

/// One refusal left out.
pub(crate) struct Mutant {
    /// The file, the function and the condition: the same however the file is formatted.
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    range: Range<usize>,
    /// What goes around the range; `KEPT` stands for the question to the environment.
    around: [&'static str; 2],
}

/// `file` is the name that mutants have of it.
pub(crate) fn mutants(file: &str, source: &str, words: &Words) -> syn::Result<Vec<Mutant>> {
    let mut finder = Finder {
        file,
        source,
        words,
        scope: Vec::new(),
        checks: false,
        covered: Vec::new(),
        names: BTreeMap::new(),
        found: Vec::new(),
    };
    finder.visit_file(&syn::parse_file(source)?);
    Ok(finder.found)
}

/// The source with all of its mutants.
pub(crate) fn plant(source: &str, mutants: &[Mutant]) -> String {
    let mut inserted = Vec::new();
    for (nth, mutant) in mutants.iter().enumerate() {
        let kept = format!("crate::__mutants::kept({:?})", mutant.name);
        let [before, after] = mutant.around.map(|text| text.replace("KEPT", &kept));
        let Range { start, end } = mutant.range;
        // Of two that begin, or that end, at the same place the longer one is outside.
        inserted.push((start, 1, usize::MAX - end, nth, before));
        inserted.push((end, 0, usize::MAX - start, usize::MAX - nth, after));
    }
    inserted.sort();
    let mut planted = String::new();
    let mut copied = 0;
    for (at, .., text) in inserted {
        planted.push_str(&source[copied..at]);
        planted.push_str(&text);
        copied = at;
    }
    planted + &source[copied..]
}

struct Finder<'a> {
    file: &'a str,
    source: &'a str,
    words: &'a Words,
    /// Modules, types and functions, from the outside.
    scope: Vec<String>,
    /// Whether the function returns `Result<(), _>`.
    checks: bool,
    /// Branches that a condition leaves out as a whole.
    covered: Vec<Range<usize>>,
    names: BTreeMap<String, usize>,
    found: Vec<Mutant>,
}

impl Finder<'_> {
    fn add(&mut self, what: &str, node: &impl ToTokens, around: [&'static str; 2]) {
        let range = node.span().byte_range();
        let mut text = shown(&self.source[range.clone()]);
        if let Some((end, _)) = text.char_indices().nth(LONGEST) {
            text.replace_range(end.., "..");
        }
        let mut name = format!("{} {}: {what}{text}", self.file, self.scope.join("::"));
        let times = self.names.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            name = format!("{name} #{times}");
        }
        let (file, line) = (self.file.to_owned(), node.span().start().line);
        let mutant = Mutant {
            name,
            file,
            line,
            range,
            around,
        };
        self.found.push(mutant);
    }

    fn is_covered(&self, node: &impl ToTokens) -> bool {
        let start = node.span().byte_range().start;
        self.covered.iter().any(|range| range.contains(&start))
    }

    /// Leaves out each part of a condition that refuses alone: of `a || b`, the one and the other.
    /// `when` says which outcome refuses.
    fn condition(&mut self, condition: &Expr, when: bool) {
        match condition {
            Expr::Paren(inner) => self.condition(&inner.expr, when),
            Expr::Unary(not) if matches!((&not.op, &*not.expr), (UnOp::Not(_), Expr::Paren(_))) => {
                self.condition(&not.expr, !when);
            }
            Expr::Binary(both)
                if matches!(both.op, BinOp::Or(_)) && when
                    || matches!(both.op, BinOp::And(_)) && !when =>
            {
                self.condition(&both.left, when);
                self.condition(&both.right, when);
            }
            part if !when && !has_let(part) => self.add("unless ", part, ["((", ") || !KEPT)"]),
            // What a pattern binds is needed.
            _ if !when => {}
            part if has_let(part) => self.add("if ", part, ["", " && KEPT"]),
            part => self.add("if ", part, ["((", ") && KEPT)"]),
        }
    }

    fn arms(&mut self, cases: &ExprMatch) {
        for (nth, arm) in cases.arms.iter().enumerate() {
            let mut rest = cases.arms[nth + 1..].iter();
            let refuses = |arm: &syn::Arm| self.words.refuses(&arm.body);
            match (&arm.pat, refuses(arm)) {
                _ if !is_built(arm) => {}
                (Pat::Guard(guarded), true) if !rest.all(refuses) => {
                    self.covered.push(arm.body.span().byte_range());
                    self.condition(&guarded.guard, true);
                }
                (pat, true) if rest.any(|arm| takes_everything(&arm.pat) && !refuses(arm)) => {
                    self.covered.push(arm.body.span().byte_range());
                    self.add("case ", pat, ["", " if KEPT"]);
                }
                // What its guard does not let pass is refused.
                (Pat::Guard(guarded), false)
                    if rest.any(|arm| {
                        refuses(arm) && (takes_everything(&arm.pat) || same(&arm.pat, &guarded.pat))
                    }) =>
                {
                    self.condition(&guarded.guard, false);
                }
                _ => {}
            }
        }
    }

    /// A statement. Without a semicolon it is the last of a block, or the body of an arm or of a
    /// closure.
    fn statement(&mut self, expr: &Expr, semicolon: bool) {
        let refuses = match expr {
            Expr::Try(check) => {
                let call = match &*check.expr {
                    Expr::Await(call) => &call.base,
                    call => call,
                };
                let text = call.to_token_stream().to_string();
                // Disks and formatters do not fail in tests.
                let others = ["fs ::", "fmt ::", "f ."]
                    .iter()
                    .any(|it| text.starts_with(it));
                semicolon && !others && matches!(call, Expr::Call(_) | Expr::MethodCall(_))
            }
            Expr::MethodCall(call) if call.method != "insert" => self.words.adds(expr),
            expr => semicolon && self.words.adds(expr),
        };
        if refuses && !self.is_covered(expr) {
            self.add("", expr, ["{ if KEPT { ", "; } }"]);
        }
    }

    /// What a function returns that could as well return `Ok(())`.
    fn value(&mut self, value: &Expr) {
        match value {
            Expr::Block(block) => self.tail(&block.block),
            Expr::If(one) => {
                self.tail(&one.then_branch);
                if let Some((_, other)) = &one.else_branch {
                    self.value(other);
                }
            }
            Expr::Match(cases) => cases.arms.iter().for_each(|arm| self.value(&arm.body)),
            Expr::Call(call) => {
                let is_err = matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Err"));
                // `Err(error)` passes on what somebody else has refused.
                let passes_on = matches!(call.args.first(), Some(Expr::Path(_)));
                if is_err && !passes_on && self.checks && !self.is_covered(value) {
                    self.add("", value, ["(if KEPT { ", " } else { Ok(()) })"]);
                }
            }
            _ => {}
        }
    }

    fn tail(&mut self, block: &Block) {
        if let Some(Stmt::Expr(value, None)) = block.stmts.last() {
            self.value(value);
        }
    }

    fn within(&mut self, name: Option<String>, checks: bool, visit: impl FnOnce(&mut Self)) {
        let (depth, before) = (self.scope.len(), self.checks);
        self.scope.extend(name);
        self.checks = checks;
        visit(self);
        self.scope.truncate(depth);
        self.checks = before;
    }

    fn function(&mut self, signature: &Signature, body: &Block) {
        // The environment is asked at run time.
        if signature.constness.is_none() {
            let output = signature.output.to_token_stream().to_string();
            let checks = output.replace(' ', "").contains("Result<()");
            self.within(Some(signature.ident.to_string()), checks, |finder| {
                finder.visit_block(body);
                finder.tail(body);
            });
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let name = match item {
            _ if !is_built(item) => return,
            Item::Fn(function) => return self.function(&function.sig, &function.block),
            Item::Mod(module) => module.ident.to_string(),
            Item::Trait(of) => of.ident.to_string(),
            Item::Impl(of) => of.self_ty.to_token_stream().to_string(),
            _ => return,
        };
        let name = name.split(" <").next().unwrap_or(&name).to_owned();
        self.within(Some(name), false, |finder| visit::visit_item(finder, item));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if is_built(function) {
            self.function(&function.sig, &function.block);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = function.default.as_ref().filter(|_| is_built(function)) {
            self.function(&function.sig, body);
        }
    }

    // Computed by the compiler, as what is in constant functions.
    fn visit_impl_item_const(&mut self, _: &'ast ImplItemConst) {}

    fn visit_trait_item_const(&mut self, _: &'ast TraitItemConst) {}

    fn visit_stmt(&mut self, stmt: &'ast Stmt) {
        if is_built(stmt) {
            if let Stmt::Expr(expr, semicolon) = stmt {
                self.statement(expr, semicolon.is_some());
            }
            visit::visit_stmt(self, stmt);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if is_built(arm) {
            self.statement(&arm.body, false);
            visit::visit_arm(self, arm);
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        if call.path.is_ident("assert") || call.path.is_ident("ensure") {
            let args = Punctuated::<Expr, Token![,]>::parse_terminated;
            let args = args.parse2(call.tokens.clone()).unwrap_or_default();
            if let Some(condition) = args.first() {
                self.condition(condition, false);
            }
        }
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        let visit = |finder: &mut Self| visit::visit_expr(finder, expr);
        match expr {
            Expr::If(one) => {
                let other = one.else_branch.as_ref().map(|(_, other)| other);
                let then = self.words.block_refuses(&one.then_branch);
                // Which of two refusals is no question of whether.
                if then != other.is_some_and(|other| self.words.refuses(other)) {
                    let before = self.found.len();
                    self.condition(&one.cond, then);
                    if self.found.len() > before {
                        let other = other.filter(|_| !then).map(|other| other.span());
                        let branch = other.unwrap_or_else(|| one.then_branch.span());
                        self.covered.push(branch.byte_range());
                    }
                }
            }
            Expr::Match(cases) => self.arms(cases),
            Expr::Return(back) => back.expr.iter().for_each(|value| self.value(value)),
            // `is_wrong.then(|| Problem::new(..))`
            Expr::MethodCall(call) if call.method == "then" => {
                if let Some(Expr::Closure(make)) = call.args.first()
                    && self.words.says_no(&make.body)
                {
                    self.condition(&call.receiver, true);
                }
            }
            Expr::Closure(closure) => {
                self.statement(&closure.body, false);
                return self.within(None, false, visit);
            }
            Expr::Async(_) => return self.within(None, false, visit),
            Expr::Const(_) => return,
            _ => {}
        }
        visit(self);
    }
}

fn has_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(both) => has_let(&both.left) || has_let(&both.right),
        _ => false,
    }
}

/// Whether both are patterns of one variant: `Some(day)`, `Some(_)`.
fn same(one: &Pat, other: &Pat) -> bool {
    let texts = [one, other].map(|pat| pat.to_token_stream().to_string());
    let [one, other] = texts.each_ref().map(|text| text.split(['(', '{']).next());
    one == other
}

fn takes_everything(pat: &Pat) -> bool {
    match pat {
        Pat::Wild(_) => true,
        // A constant or a variant would begin with a capital letter.
        Pat::Ident(name) => name.ident.to_string().starts_with(char::is_lowercase),
        _ => false,
    }
}

/// Whether it is part of a build of all features that is not for tests: no `cfg` in front of it
/// asks for anything else.
fn is_built(node: &impl ToTokens) -> bool {
    let attrs = |input: ParseStream<'_>| {
        let attrs = input.call(Attribute::parse_outer)?;
        TokenStream::parse(input)?;
        Ok(attrs)
    };
    let attrs = attrs.parse2(node.to_token_stream()).unwrap_or_default();
    let mut cfgs = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    cfgs.all(|cfg| {
        let text = cfg.meta.to_token_stream().to_string();
        // A feature's name is in quotes.
        let text: String = text.split('"').step_by(2).collect();
        let mut words = text.split(|c: char| !c.is_alphabetic());
        words.all(|word| ["", "cfg", "all", "any", "feature", "unix"].contains(&word))
    })
}

/// A piece of source without what a formatter may change.
fn shown(source: &str) -> String {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut text = String::new();
    for word in source.split_whitespace() {
        if text.ends_with(in_word) && word.starts_with(in_word) {
            text.push(' ');
        }
        text.push_str(word);
    }
    text.replace(",)", ")")
        .replace(",]", "]")
        .replace(",}", "}")
}
