//! The source by itself, without any report: what is registered, under which whole paths, by
//! which functions. For a service that has no access classes yet.

use std::collections::BTreeSet;

use session_auth::Methods;
use syn::Type;

use super::cfg::{Platform, Truth};
use super::graph::{Graph, Handler, NodeId, Site, Under, What};
use super::scan::Scan;
use super::tables::{self, Endpoint, FnId, Function, Kind, Tables};
use super::{Input, attributes, path, targets};
use crate::error::CannotRun;

/// A place in a file, which is named from the root of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct At {
    pub(crate) file: String,
    /// Counted from 1, as the column is.
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// What the packages hold.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) functions: Vec<Fun>,
    pub(crate) sites: Vec<Registered>,
    /// The functions of the program that no other one leads to.
    pub(crate) roots: Vec<usize>,
    /// Items that are macros, and may register routes.
    pub(crate) opaque: Vec<(String, At)>,
}

#[derive(Debug)]
pub(crate) struct Fun {
    pub(crate) name: String,
    pub(crate) package: String,
    /// Of the module that it is in.
    pub(crate) module: String,
    pub(crate) at: At,
    /// Whether it is a free `async fn`, which is what an attribute goes on.
    pub(crate) is_free_async: bool,
    /// Whether `#[audited_router]` can go on it.
    pub(crate) is_auditable: bool,
    pub(crate) is_audited: bool,
    /// Methods and path of its access attribute; of a fallback, neither.
    pub(crate) declared: Option<(Option<Methods>, Option<String>)>,
    /// The functions that it names, and whether their routes keep their paths in its own router.
    pub(crate) callees: BTreeSet<(usize, bool)>,
}

/// A call that registers something.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) at: At,
    /// The function that the call is in.
    pub(crate) function: usize,
    pub(crate) what: Kindred,
    /// The whole paths under which the program has it.
    pub(crate) paths: BTreeSet<Whole>,
    pub(crate) entries: Vec<(Option<Methods>, By)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kindred {
    Route,
    /// A service on one path.
    RouteService,
    /// A service under a path.
    NestService,
    Fallback,
    FallbackService,
    /// On a typed router, with its class.
    Mount,
    /// Routers of the crate under a prefix; what they register is listed by itself.
    Nest,
    /// What another crate makes, by its name.
    Foreign(String),
    Macro(String),
}

/// A whole path, as far as it is constant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whole {
    Known(String),
    /// A part of it is computed.
    Unknown,
    /// Behind a service, whose declaration speaks for all of it.
    Inside,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Several where `cfg` chooses.
    Functions(Vec<usize>),
    /// A closure, a value, a function of another crate: nothing that takes an attribute.
    Other,
}

/// Reads the packages. Nothing of what it returns can leave the thread.
pub(crate) fn survey(input: &Input<'_>) -> Result<Survey, CannotRun> {
    let platform = Platform::new(
        std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
        input.target.clone(),
        input.current_dir.clone(),
    );
    let targets = targets(input);
    let root = input.metadata.workspace_root.as_std_path();
    let scan = Scan::of(&targets, root, &platform, input.reports)?;
    Ok(Survey::of(&scan.tables, &scan.graph))
}

impl Survey {
    pub(super) fn of(tables: &Tables, graph: &Graph) -> Self {
        let callees: Vec<_> = (0..tables.functions.len())
            .map(|id| callees(graph, tables.functions.len(), id))
            .collect();
        let roots = roots(tables, &callees);
        let reached = graph.reach(&roots);
        let sites = graph.sites.iter().filter_map(|site| {
            let function = &tables.functions[graph.function(site)];
            function
                .in_program()
                .then(|| registered(graph, site, &reached[site.node]))
        });
        let sites = sites.collect();
        let functions = tables.functions.iter().zip(callees);
        let functions = functions
            .map(|(function, callees)| fun(tables, function, callees))
            .collect();
        let opaque = tables.opaque.iter();
        let opaque = opaque
            .map(|item| (item.what.clone(), at(&item.place)))
            .collect();
        Self {
            functions,
            sites,
            roots,
            opaque,
        }
    }
}

/// The functions of the program that no other one leads to.
fn roots(tables: &Tables, callees: &[BTreeSet<(usize, bool)>]) -> Vec<FnId> {
    let mut called = vec![false; callees.len()];
    for (id, callees) in callees.iter().enumerate() {
        if tables.functions[id].in_program() {
            for (callee, _) in callees.iter().filter(|(callee, _)| *callee != id) {
                called[*callee] = true;
            }
        }
    }
    (0..callees.len())
        .filter(|id| !called[*id] && tables.functions[*id].in_program())
        .collect()
}

/// What a function leads to, by way of its variables.
fn callees(graph: &Graph, functions: usize, function: FnId) -> BTreeSet<(usize, bool)> {
    // The first nodes are the functions themselves.
    let mut found = BTreeSet::new();
    let mut seen: BTreeSet<(NodeId, Under)> = BTreeSet::new();
    let mut left = vec![(function, Under::ROOT)];
    while let Some((node, under)) = left.pop() {
        for (to, inner) in &graph.edges[node] {
            let under = under.then(inner);
            if *to < functions {
                found.insert((*to, under == Under::ROOT));
            } else if seen.len() < MAX_SEEN && seen.insert((*to, under.clone())) {
                left.push((*to, under));
            }
        }
    }
    found
}

/// A variable that nests itself has no end of prefixes.
const MAX_SEEN: usize = 4096;

fn registered(graph: &Graph, site: &Site, reached: &BTreeSet<(usize, Under)>) -> Registered {
    let whole = |under: &Under| {
        let under = under.then(&site.under);
        match &site.path {
            _ if under.opaque => Whole::Inside,
            Some(path) if under.exact => Whole::Known(under.path(path)),
            _ => Whole::Unknown,
        }
    };
    Registered {
        at: at(&site.place),
        function: graph.function(site),
        what: match &site.what {
            What::Route => Kindred::Route,
            What::Mount => Kindred::Mount,
            What::RouteService => Kindred::RouteService,
            What::NestService => Kindred::NestService,
            What::Nest { .. } => Kindred::Nest,
            What::Fallback => Kindred::Fallback,
            What::FallbackService => Kindred::FallbackService,
            What::Foreign(name) => Kindred::Foreign(name.clone()),
            What::Macro(name) => Kindred::Macro(name.clone()),
        },
        paths: reached.iter().map(|(_, under)| whole(under)).collect(),
        entries: site
            .entries
            .iter()
            .map(|entry| (entry.methods, by(&entry.handler)))
            .collect(),
    }
}

fn by(handler: &Handler) -> By {
    match handler {
        Handler::Functions(ids) => By::Functions(ids.clone()),
        _ => By::Other,
    }
}

fn at(place: &tables::Place) -> At {
    At {
        file: place.file.clone(),
        line: place.line,
        column: place.column,
    }
}

fn fun(tables: &Tables, function: &Function, callees: BTreeSet<(usize, bool)>) -> Fun {
    let is_function = matches!(function.body, tables::Body::Block(_));
    let is_free = is_function && function.self_type.is_none() && !function.has_receiver;
    Fun {
        name: function.name.clone(),
        package: tables.crates[function.krate].package.clone(),
        module: tables.modules[function.scope].path.clone(),
        at: at(&function.place),
        is_free_async: is_free && function.is_async,
        is_auditable: is_free
            && !function.is_async
            && function.parameters.is_empty()
            && function.type_parameters.is_empty()
            && function.presence.tests != Truth::No
            && tables.kind_of_output(function) == Kind::Router
            && function.output.as_ref().is_some_and(is_router_itself),
        is_audited: function.audits.is_some(),
        declared: function
            .declared
            .clone()
            .map(|Endpoint { methods, path }| (methods, path)),
        callees,
    }
}

/// `Router`, `Router<S>`: axum's or this project's, and not a wrapper of another crate's.
fn is_router_itself(ty: &Type) -> bool {
    match ty {
        Type::Path(ty) => path::last(&ty.path).is_some_and(|last| last == "Router"),
        _ => false,
    }
}

/// Methods and path of `session_route(..)` inside a `declare_route!`; of a fallback, neither.
pub(crate) fn declared_by(meta: &syn::Meta) -> Option<(Option<Methods>, Option<String>)> {
    let last = path::last(meta.path())?;
    if !matches!(
        last.as_str(),
        "public_route" | "webhook_route" | "session_route"
    ) {
        return None;
    }
    attributes::access(meta).map(|Endpoint { methods, path }| (methods, path))
}
