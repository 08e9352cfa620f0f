//! From what is registered to edits: an attribute for a function, a declaration for the rest.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use cargo_metadata::Package;
use session_auth::Methods;

use super::auditing::{self, Auditing};
use super::edits::{self, Edit};
use super::endpoints::{Endpoint, add, covers, refused, shown, target};
use super::text::Source;
use super::{Left, Outcome, manifest, marks};
use crate::error::CannotRun;
use crate::source::{At, By, Kindred, Registered, Survey, Whole};

/// One route to declare without a function of its own.
struct Declare {
    /// The function that registers it.
    function: usize,
    at: At,
    endpoint: Endpoint,
    kind: Service,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    No,
    /// One whose inside cannot be listed.
    Opaque,
    Subtree,
}

struct Planner<'a> {
    survey: &'a Survey,
    sources: &'a HashMap<String, Source>,
    /// By package: the name of the library, and what `declare_route!` declares.
    libraries: HashMap<&'a str, String>,
    declared: HashMap<&'a str, Vec<Endpoint>>,
    /// By place, as two targets may share a file: what a function serves.
    handlers: BTreeMap<At, (usize, Vec<Endpoint>)>,
    declares: Vec<Declare>,
    left: Vec<Left>,
    marks: usize,
}

pub(super) fn plan(
    survey: &Survey,
    packages: &[&Package],
    root: &Path,
) -> Result<Outcome, CannotRun> {
    let mut sources = edits::read(survey, root)?;
    // By the files of the selected packages.
    let selected: BTreeSet<&str> = survey
        .functions
        .iter()
        .filter(|function| {
            packages
                .iter()
                .any(|package| package.name == function.package)
        })
        .map(|function| function.at.file.as_str())
        .collect();
    let (mut edits, mut outcome) = {
        let mut planner = Planner::new(survey, &sources, packages);
        for site in &survey.sites {
            planner.site(site);
        }
        planner.opaque();
        let auditing = Auditing::plan(survey, &sources);
        let edits = planner.edits(&auditing);
        let mut left = planner.left;
        left.extend(auditing.left);
        let outcome = Outcome {
            left,
            marks: planner.marks,
            ..Outcome::default()
        };
        (edits, outcome)
    };
    edits.retain(|(at, _)| selected.contains(at.file.as_str()));
    outcome
        .left
        .retain(|left| selected.contains(left.at.file.as_str()));
    outcome.changes = edits::apply(edits, &mut sources, root)?;
    outcome.left.sort();
    outcome.left.dedup();
    Ok(outcome)
}

/// By the item that they stand before: its file and offset.
#[derive(Default)]
struct Declarations(BTreeMap<(String, usize), Declared>);

struct Declared {
    at: At,
    lines: Vec<String>,
    count: usize,
}

impl Declarations {
    fn add(&mut self, planner: &mut Planner<'_>, one: &Declare, offset: usize) {
        let at = planner.survey.functions[one.function].at.clone();
        let lines = planner.lines_of(one);
        let known = self.0.entry((at.file.clone(), offset));
        let known = known.or_insert(Declared {
            at,
            lines: Vec::new(),
            count: 0,
        });
        known.lines.extend(lines);
        known.count += 1;
    }

    fn edits(self) -> impl Iterator<Item = (At, Edit)> {
        let edit = |((_, offset), one): (_, Declared)| {
            (one.at, Edit::Declare(offset, one.lines, one.count))
        };
        self.0.into_iter().map(edit)
    }
}

impl<'a> Planner<'a> {
    fn new(
        survey: &'a Survey,
        sources: &'a HashMap<String, Source>,
        packages: &[&'a Package],
    ) -> Self {
        let library = |package: &&'a Package| {
            let name = manifest::library(package);
            let name = name.unwrap_or_else(|| "session_auth".to_owned());
            (package.name.as_str(), name)
        };
        let mut files: BTreeSet<(&str, &str)> = BTreeSet::new();
        for function in &survey.functions {
            files.insert((&function.package, &function.at.file));
        }
        let mut declared: HashMap<&str, Vec<Endpoint>> = HashMap::new();
        for (package, file) in files {
            if let Some(source) = sources.get(file) {
                let into = declared.entry(package).or_default();
                into.extend(source.declared.iter().cloned());
            }
        }
        Self {
            survey,
            sources,
            libraries: packages.iter().map(library).collect(),
            declared,
            handlers: BTreeMap::new(),
            declares: Vec::new(),
            left: Vec::new(),
            marks: 0,
        }
    }

    fn package(&self, function: usize) -> &'a str {
        &self.survey.functions[function].package
    }

    fn leave(&mut self, at: &At, what: impl Into<String>, help: impl Into<String>) {
        self.left.push(Left {
            at: at.clone(),
            what: what.into(),
            help: help.into(),
        });
    }

    fn site(&mut self, site: &Registered) {
        match &site.what {
            Kindred::Mount => return,
            Kindred::Foreign(name) => {
                return self.leave(
                    &site.at,
                    format!("`{name}` is another crate's: its routes are not in this source"),
                    "run `cargo test` when the rest is done: it lists the routes; give each a \
                     `session_auth::declare_route!(..)`",
                );
            }
            Kindred::Macro(name) => {
                return self.leave(
                    &site.at,
                    format!("`{name}` may register routes, and its inside cannot be read"),
                    "put attributes on the handlers that it registers, or write the routes without \
                     it",
                );
            }
            _ => {}
        }
        let fallback = matches!(site.what, Kindred::Fallback | Kindred::FallbackService);
        let mut paths = BTreeSet::new();
        for whole in &site.paths {
            match whole {
                Whole::Inside => {}
                _ if fallback => drop(paths.insert(None)),
                Whole::Known(path) => drop(paths.insert(Some(path.clone()))),
                Whole::Unknown if site.what == Kindred::Nest => {}
                // By hand, as it is told below.
                Whole::Unknown if self.is_declared(site) => {}
                Whole::Unknown => self.leave(
                    &site.at,
                    "a route whose path is not written out: it is computed, or passed in",
                    "write the path as a literal or a `const`, and run this again; or put \
                     `#[session_route(METHODS, \"/whole/path\")]` on its handler",
                ),
            }
        }
        if site.paths.is_empty() {
            self.leave(
                &site.at,
                "a route that nothing in the program leads to",
                "delete it, or give it a class by hand once it is mounted",
            );
        }
        for path in paths {
            if site.what != Kindred::Nest
                && let Some(path) = &path
                && let Some(why) = refused(path)
            {
                self.leave(
                    &site.at,
                    format!("`{path}` is no path that can be declared: {why}"),
                    "correct the path, and run this again",
                );
                continue;
            }
            match &site.what {
                Kindred::Route | Kindred::Fallback => self.entries(site, path.as_deref()),
                Kindred::RouteService => self.service(site, path, Service::Opaque),
                Kindred::NestService => self.service(site, path, Service::Subtree),
                Kindred::FallbackService => self.service(site, None, Service::Opaque),
                _ => {}
            }
        }
    }

    fn is_declared(&self, site: &Registered) -> bool {
        let declared = |id: &usize| self.survey.functions[*id].declared.is_some();
        !site.entries.is_empty()
            && site.entries.iter().all(|(_, by)| match by {
                By::Functions(ids) => ids.iter().all(declared),
                By::Other => false,
            })
    }

    fn entries(&mut self, site: &Registered, path: Option<&str>) {
        for (methods, by) in &site.entries {
            let endpoint = match (methods, path) {
                (_, None) => (None, None),
                (Some(methods), Some(path)) => (Some(*methods), Some(path.to_owned())),
                (None, Some(path)) => {
                    self.leave(
                        &site.at,
                        format!("the methods of `{path}` cannot be told from the source"),
                        "write them as `get(..)`, `post(..)`, and run this again; or put an \
                         attribute on each handler",
                    );
                    continue;
                }
            };
            let functions = match by {
                By::Functions(ids) if ids.iter().all(|id| self.takes_attribute(*id)) => ids,
                _ => {
                    self.declare(site, endpoint, Service::No);
                    continue;
                }
            };
            for id in functions {
                let at = self.survey.functions[*id].at.clone();
                let (_, endpoints) = self.handlers.entry(at).or_insert((*id, Vec::new()));
                add(endpoints, &endpoint);
            }
        }
    }

    /// Whether an attribute can be put on a function: it is a free `async fn` in a file of the
    /// workspace, and written there, not by a macro.
    fn takes_attribute(&self, id: usize) -> bool {
        let function = &self.survey.functions[id];
        function.is_free_async && auditing::text(self.sources, &function.at).is_some()
    }

    fn service(&mut self, site: &Registered, path: Option<String>, kind: Service) {
        let methods = path.as_ref().map(|_| Methods::ANY);
        self.declare(site, (methods, path), kind);
    }

    fn declare(&mut self, site: &Registered, endpoint: Endpoint, kind: Service) {
        let (function, at) = (site.function, site.at.clone());
        self.declare_in(function, at, endpoint, kind);
    }

    /// Once for a package, however often it is mounted.
    fn declare_in(&mut self, function: usize, at: At, endpoint: Endpoint, kind: Service) {
        let declared = self.declared.entry(self.package(function)).or_default();
        if covers(declared, &endpoint) {
            return;
        }
        declared.push(endpoint.clone());
        self.declares.push(Declare {
            function,
            at,
            endpoint,
            kind,
        });
    }

    fn opaque(&mut self) {
        for (what, at) in &self.survey.opaque {
            self.leave(
                at,
                format!("`{what}` may register routes, and its inside cannot be read"),
                "put attributes on the handlers that it registers, or write the routes without it",
            );
        }
    }

    fn edits(&mut self, auditing: &Auditing<'_>) -> Vec<(At, Edit)> {
        let mut edits = Vec::new();
        let handlers = std::mem::take(&mut self.handlers);
        let before = self.declares.len();
        for (at, (id, endpoints)) in handlers {
            if let Some(edit) = self.attribute(id, &at, endpoints) {
                edits.push((at, edit));
            }
        }
        let declares = std::mem::take(&mut self.declares);
        // Those for a function that serves several paths go to that function.
        let (by_site, by_handler) = declares.split_at(before);
        let mut declarations = Declarations::default();
        for one in by_handler {
            if let Some((_, function)) = auditing.text(one.function) {
                declarations.add(self, one, function.item.start);
            }
        }
        let mut with_moves: HashMap<usize, Vec<&Declare>> = HashMap::new();
        for one in by_site {
            let Some((source, function)) = auditing.text(one.function) else {
                self.leave(
                    &one.at,
                    format!(
                        "{} is registered where nothing can be declared",
                        shown(&one.endpoint)
                    ),
                    format!("add `{}` to a module of the package", self.line_of(one)),
                );
                continue;
            };
            let offset = source.offset(one.at.line, one.at.column);
            let moved = auditing.moves.iter().position(|(function, one_move)| {
                *function == one.function
                    && one_move.moved.iter().any(|part| part.contains(&offset))
            });
            match moved {
                Some(moved) => with_moves.entry(moved).or_default().push(one),
                None => declarations.add(self, one, function.item.start),
            }
        }
        for id in &auditing.audits {
            if let Some((_, function)) = auditing.text(*id) {
                let line = format!("#[{}::audited_router]", self.library(*id));
                let edit = Edit::Audit(function.attribute_at, line);
                edits.push((self.survey.functions[*id].at.clone(), edit));
            }
        }
        for (nth, (id, one)) in auditing.moves.iter().enumerate() {
            let Some((source, function)) = auditing.text(*id) else {
                continue;
            };
            let declares = with_moves.remove(&nth).unwrap_or_default();
            let indent = source.indent(function.item.start).to_owned();
            let mut lines: Vec<String> = Vec::new();
            for declare in &declares {
                lines.extend(self.lines_of(declare));
            }
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(function.cfgs.iter().cloned());
            lines.push(format!("#[{}::audited_router]", self.library(*id)));
            lines.push(one.text.clone());
            let mut text = "\n".to_owned();
            for line in lines {
                text.push('\n');
                if !line.is_empty() {
                    text.push_str(&indent);
                }
                text.push_str(&line);
            }
            let mut all = one.edits.clone();
            all.push((function.item.end..function.item.end, text));
            let at = self.survey.functions[*id].at.clone();
            edits.push((at, Edit::Move(all, declares.len())));
        }
        // At one place, an item stands before the attribute of the next.
        declarations.edits().chain(edits).collect()
    }

    /// The attribute for a function, and declarations for its other paths.
    fn attribute(&mut self, id: usize, at: &At, mut endpoints: Vec<Endpoint>) -> Option<Edit> {
        let function = &self.survey.functions[id];
        let package = self.package(id);
        let declared = self.declared.get(package).map_or(&[][..], Vec::as_slice);
        if let Some(own) = &function.declared {
            let own = std::slice::from_ref(own);
            for endpoint in endpoints {
                if !covers(own, &endpoint) && !covers(declared, &endpoint) {
                    self.left.push(Left {
                        at: at.clone(),
                        what: format!(
                            "`{}` declares {}, and serves {} as well",
                            function.name,
                            shown(&own[0]),
                            shown(&endpoint)
                        ),
                        help: "write the whole path in its attribute; where it serves both, \
                               declare the other by `session_auth::declare_route!(..)`"
                            .to_owned(),
                    });
                }
            }
            return None;
        }
        // What an earlier run, or a person, has declared without it.
        let source = self.sources.get(&at.file)?;
        let existing = self.existing(package);
        endpoints.retain(|endpoint| !covers(&existing, endpoint));
        let mut endpoints = endpoints.into_iter();
        let first = endpoints.next()?;
        let text = source.function(at.line, at.column)?.attribute_at;
        for other in endpoints {
            self.declare_in(id, at.clone(), other, Service::No);
        }
        let name = self.survey.functions[id].name.clone();
        let mut lines: Vec<_> = marks::comment(&first, Some(&name)).into_iter().collect();
        self.marks += lines.len();
        lines.push(format!(
            "#[{}::session_route({})]",
            self.library(id),
            target(&first)
        ));
        Some(Edit::Attribute(text, lines))
    }

    /// What the source declares by `declare_route!`, without what this run adds.
    fn existing(&self, package: &str) -> Vec<Endpoint> {
        let functions = self.survey.functions.iter();
        let files: BTreeSet<_> = functions
            .filter(|function| function.package == package)
            .map(|function| &function.at.file)
            .collect();
        let sources = files.into_iter().filter_map(|file| self.sources.get(file));
        sources
            .flat_map(|source| source.declared.iter().cloned())
            .collect()
    }

    fn library(&self, function: usize) -> &str {
        let library = self.libraries.get(self.package(function));
        library.map_or("session_auth", String::as_str)
    }

    fn line_of(&self, one: &Declare) -> String {
        let more = match one.kind {
            Service::No => String::new(),
            Service::Opaque => format!(", reason = {:?}", marks::REASON),
            Service::Subtree => format!(", subtree, reason = {:?}", marks::REASON),
        };
        format!(
            "{}::declare_route!(session_route({}{more}));",
            self.library(one.function),
            target(&one.endpoint)
        )
    }

    fn lines_of(&mut self, one: &Declare) -> Vec<String> {
        let comment = match one.kind {
            Service::No => marks::comment(&one.endpoint, None),
            _ => Some(marks::SERVICE.to_owned()),
        };
        let mut lines: Vec<_> = comment.into_iter().collect();
        self.marks += lines.len();
        lines.push(self.line_of(one));
        lines
    }
}
