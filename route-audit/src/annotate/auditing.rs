//! Which routers are to be audited, and which have to be moved for that.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{GenericArgument, PathArguments, Type};

use super::Left;
use super::chains;
use super::routers::{self, Move, contains_word};
use super::text::{Function, Source};
use crate::source::{At, By, Fun, Kindred, Registered, Survey};

pub(super) struct Auditing<'a> {
    survey: &'a Survey,
    sources: &'a HashMap<String, Source>,
    visited: HashSet<usize>,
    places: HashSet<&'a At>,
    /// What an audited router has.
    covered: HashSet<usize>,
    taken: HashMap<String, HashSet<String>>,
    /// Functions with a router that stays where it is, which is said.
    stays: HashSet<usize>,
    /// The functions that get the attribute.
    pub(super) audits: Vec<usize>,
    /// The routers that are moved, by the function that they are in.
    pub(super) moves: Vec<(usize, Move)>,
    pub(super) left: Vec<Left>,
}

impl<'a> Auditing<'a> {
    pub(super) fn plan(survey: &'a Survey, sources: &'a HashMap<String, Source>) -> Self {
        let mut this = Self {
            survey,
            sources,
            visited: HashSet::new(),
            places: HashSet::new(),
            covered: HashSet::new(),
            taken: HashMap::new(),
            stays: HashSet::new(),
            audits: Vec::new(),
            moves: Vec::new(),
            left: Vec::new(),
        };
        for (id, function) in survey.functions.iter().enumerate() {
            if function.is_audited {
                this.cover(id);
            }
        }
        for root in &survey.roots {
            this.visit(*root);
        }
        this.leftover();
        this
    }

    fn at(&self, function: usize) -> &'a At {
        &self.survey.functions[function].at
    }

    pub(super) fn text(&self, function: usize) -> Option<(&'a Source, &'a Function)> {
        text(self.sources, self.at(function))
    }

    fn cover(&mut self, function: usize) {
        if self.covered.insert(function) {
            for (callee, _) in &self.survey.functions[function].callees {
                self.cover(*callee);
            }
        }
    }

    fn below(&self, function: usize, found: &mut BTreeSet<usize>) {
        if found.insert(function) {
            for (callee, _) in &self.survey.functions[function].callees {
                self.below(*callee, found);
            }
        }
    }

    fn visit(&mut self, id: usize) {
        if self.covered.contains(&id) || !self.visited.insert(id) {
            return;
        }
        let function = &self.survey.functions[id];
        let Some((source, text)) = self.text(id) else {
            return;
        };
        let mut below = BTreeSet::new();
        self.below(id, &mut below);
        let registers =
            |site: &Registered| below.contains(&site.function) && site.what != Kindred::Nest;
        if !self.survey.sites.iter().any(registers) {
            return;
        }
        // Two targets may share a file.
        if !self.places.insert(&function.at) {
            self.cover(id);
            return;
        }
        if function.is_auditable && !text.is_nested {
            self.audits.push(id);
            self.cover(id);
            return;
        }
        self.move_out(id, source, text);
        for (callee, as_it_is) in &function.callees {
            if *as_it_is {
                self.visit(*callee);
            }
        }
    }

    fn move_out(&mut self, id: usize, source: &'a Source, text: &'a Function) {
        let function = &self.survey.functions[id];
        let (survey, sources) = (self.survey, self.sources);
        let states = |moved: &[Range<usize>], words: &HashSet<String>| {
            states(survey, sources, (id, source, text), moved, words)
        };
        let taken = self.taken.entry(function.at.file.clone()).or_default();
        let (moves, stay) = routers::extract(source, text, taken, &states);
        for one in moves {
            for (callee, _) in &function.callees {
                if one.words.contains(&survey.functions[*callee].name) {
                    self.cover(*callee);
                }
            }
            self.moves.push((id, one));
        }
        for stays in stay {
            let line = source.text[..stays.at].matches('\n').count() + 1;
            let name = &function.name;
            let help = match name.as_str() {
                "main" => format!(
                    "move it into a function that takes what it uses and returns the router, and \
                     audit that one: {}",
                    audit_with("routes")
                ),
                name => format!("audit it: {}", audit_with(name)),
            };
            self.left.push(Left {
                at: At {
                    line: u32::try_from(line).unwrap_or(u32::MAX),
                    ..function.at.clone()
                },
                what: format!(
                    "the router in `{name}` cannot be audited where it is: {}",
                    stays.why
                ),
                help,
            });
            // It is said: what it takes in need not be said again.
            let words = chains::all_words(&source.text[stays.at..stays.end]);
            for (callee, as_it_is) in &function.callees {
                let Fun {
                    name, is_auditable, ..
                } = &survey.functions[*callee];
                if words.contains(name) && !(*is_auditable && *as_it_is) {
                    self.cover(*callee);
                }
            }
            self.visited.insert(id);
            self.stays.insert(id);
        }
    }

    /// Registrations that none of these routers has.
    fn leftover(&mut self) {
        let mut said = HashSet::new();
        for site in &self.survey.sites {
            let id = site.function;
            if self.covered.contains(&id) || matches!(site.what, Kindred::Nest) {
                continue;
            }
            let moved = self.text(id).is_some_and(|(source, _)| {
                let offset = source.offset(site.at.line, site.at.column);
                let mut moves = self.moves.iter().filter(|(function, _)| *function == id);
                moves.any(|(_, one)| one.moved.iter().any(|part| part.contains(&offset)))
                    || self.stays.contains(&id)
            });
            let function = &self.survey.functions[id];
            if !moved && said.insert(&function.at) {
                self.left.push(Left {
                    at: site.at.clone(),
                    what: format!(
                        "`{}` registers routes, and no audited router has them",
                        function.name
                    ),
                    help: format!(
                        "take its router into one that is audited, or audit it: {}",
                        audit_with(&function.name)
                    ),
                });
            }
        }
    }
}

fn audit_with(name: &str) -> String {
    format!(
        "`session_auth::audit::audited_router!({name} = {name}(..))`, with arguments for a test"
    )
}

pub(super) fn text<'a>(
    sources: &'a HashMap<String, Source>,
    at: &At,
) -> Option<(&'a Source, &'a Function)> {
    let source = sources.get(&at.file)?;
    Some((source, source.function(at.line, at.column)?))
}

/// The types that handlers and routers in a part of a function take as their state.
fn states(
    survey: &Survey,
    sources: &HashMap<String, Source>,
    (id, source, function): (usize, &Source, &Function),
    moved: &[Range<usize>],
    words: &HashSet<String>,
) -> BTreeSet<String> {
    let is_moved = |at: usize| moved.iter().any(|part| part.contains(&at));
    let mut routers = BTreeSet::new();
    let mut left: Vec<usize> = survey.functions[id]
        .callees
        .iter()
        .map(|(callee, _)| *callee)
        .filter(|callee| words.contains(&survey.functions[*callee].name))
        .collect();
    while let Some(one) = left.pop() {
        if routers.insert(one) {
            left.extend(
                survey.functions[one]
                    .callees
                    .iter()
                    .map(|(callee, _)| *callee),
            );
        }
    }
    let mut handlers = BTreeSet::new();
    for site in &survey.sites {
        let here = site.function == id && is_moved(source.offset(site.at.line, site.at.column));
        if here || routers.contains(&site.function) {
            for (_, by) in &site.entries {
                if let By::Functions(ids) = by {
                    handlers.extend(ids);
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    // The closures.
    if let Some(block) = &function.block {
        let mut finder = States::new(source);
        finder.within = Some(moved);
        finder.visit_block(block);
        found.extend(finder.found);
    }
    for one in handlers.into_iter().chain(routers) {
        let Some((there, of)) = text(sources, &survey.functions[one].at) else {
            continue;
        };
        let mut finder = States::new(there);
        finder.visit_signature(&of.sig);
        let generic = |ty: &String| {
            let mut params = of.sig.generics.type_params();
            params.any(|param| contains_word(ty, &param.ident.to_string()))
        };
        // In another module it may have another name.
        let known = |ty: &String| {
            let first = ty.split(|c: char| !c.is_alphanumeric() && c != '_').next();
            survey.functions[one].module == survey.functions[id].module
                || first.is_some_and(|first| first == "crate" || contains_word(&source.text, first))
        };
        let types = finder.found.into_iter();
        found.extend(types.filter(|ty| !generic(ty) && known(ty)));
    }
    found
}

/// `State<T>` and `Router<T>`.
struct States<'a> {
    source: &'a Source,
    within: Option<&'a [Range<usize>]>,
    found: BTreeSet<String>,
}

impl<'a> States<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            source,
            within: None,
            found: BTreeSet::new(),
        }
    }
}

impl<'ast> Visit<'ast> for States<'_> {
    fn visit_type_path(&mut self, ty: &'ast syn::TypePath) {
        visit::visit_type_path(self, ty);
        let Some(last) = ty.path.segments.last() else {
            return;
        };
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return;
        };
        if last.ident != "State" && last.ident != "Router" {
            return;
        }
        if let Some(GenericArgument::Type(argument)) = arguments.args.first() {
            let span = argument.span().byte_range();
            let inside = |parts: &[Range<usize>]| parts.iter().any(|p| p.contains(&span.start));
            if matches!(argument, Type::Infer(_)) || !self.within.is_none_or(inside) {
                return;
            }
            let text = self.source.text.get(span).unwrap_or_default();
            self.found
                .insert(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
}
