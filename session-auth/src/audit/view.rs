//! What the rules look at: each mounted thing with the declarations that cover it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use time::Date;

use super::report::{Mounted, Report, RouteRecord, RouterKind, RouterRecord, Shape};
use crate::access::Methods;

/// Which reports a view was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// One router: what it does not mount, another may.
    OneRouter,
    /// Every audited router of the workspace.
    Workspace,
}

pub(super) struct View<'a> {
    pub(super) scope: Scope,
    pub(super) today: Date,
    /// Every declaration once, in a stable order. The same one comes from several reports: each
    /// test binary that links it writes it.
    pub(super) declared: Vec<Declared<'a>>,
    pub(super) programs: Vec<Program<'a>>,
}

pub(super) struct Declared<'a> {
    pub(super) record: Cow<'a, RouteRecord>,
    /// What requests it is for.
    pub(super) target: Target,
    /// Those of its methods that a router mounts.
    pub(super) reached: Methods,
    /// Whether a package declares it that the audit looks at. A library brings routes that its user
    /// need not mount.
    pub(super) ours: bool,
}

impl Declared<'_> {
    /// Those of its methods that no router mounts.
    pub(super) fn missing(&self) -> Methods {
        let declared = self.target.methods();
        if declared.is_any() && !self.reached.is_empty() {
            return Methods::NONE;
        }
        declared.minus(self.reached)
    }
}

/// One report: a router, and the declarations of the program it was built in. Two services of one
/// workspace are two programs, and `GET /health` of the one says nothing of the other's.
pub(super) struct Program<'a> {
    pub(super) router: &'a RouterRecord,
    pub(super) mounted: Vec<Mount<'a>>,
    pub(super) index: Index,
}

pub(super) struct Mount<'a> {
    pub(super) mounted: &'a Mounted,
    pub(super) methods: Methods,
    /// Positions in [`View::declared`], the one that decides first. Empty: unclassified.
    pub(super) covered_by: Vec<usize>,
}

/// [`crate::Target`] of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Route { methods: Methods, path: String },
    Subtree { prefix: String },
    Fallback,
}

impl Target {
    fn of(record: &RouteRecord) -> Self {
        let Some(path) = &record.path else {
            return Self::Fallback;
        };
        if record.methods == ["ANY"]
            && let Some(prefix) = path.strip_suffix("/**")
        {
            return Self::Subtree {
                prefix: prefix.to_owned(),
            };
        }
        Self::Route {
            methods: methods(&record.methods),
            path: path.clone(),
        }
    }

    pub(super) fn methods(&self) -> Methods {
        match self {
            Self::Route { methods, .. } => *methods,
            Self::Subtree { .. } | Self::Fallback => Methods::ANY,
        }
    }
}

/// A name that no method has is in no set: it covers nothing, and only `ANY` covers it.
fn methods(names: &[String]) -> Methods {
    names
        .iter()
        .filter_map(|name| Methods::from_name(name))
        .fold(Methods::NONE, Methods::or)
}

/// The declarations of a program by what they are for: positions in [`View::declared`].
#[derive(Default)]
pub(super) struct Index {
    pub(super) routes: HashMap<String, Vec<usize>>,
    pub(super) subtrees: HashMap<String, Vec<usize>>,
    pub(super) fallbacks: Vec<usize>,
}

impl<'a> View<'a> {
    pub(super) fn new(reports: &[&'a Report], scope: Scope, today: Date) -> Self {
        let mut records: Vec<Cow<'a, RouteRecord>> = reports
            .iter()
            .flat_map(|report| {
                let inline = report.mounted.iter().filter_map(|m| m.declaration.as_ref());
                report.declared.iter().chain(inline)
            })
            .map(without_router)
            .collect();
        records.sort();
        records.dedup();
        let mut declared: Vec<Declared<'a>> = records
            .into_iter()
            .map(|record| Declared {
                target: Target::of(&record),
                record,
                reached: Methods::NONE,
                ours: true,
            })
            .collect();
        let mut programs: Vec<Program<'a>> = reports
            .iter()
            .map(|report| Program::new(report, &declared))
            .collect();
        programs.sort_by(|a, b| a.router.cmp(b.router));
        for program in &programs {
            program.reach(&mut declared);
        }
        Self {
            scope,
            today,
            declared,
            programs,
        }
    }

    /// The same, where the audit looks at these packages alone.
    pub(super) fn of_packages(mut self, packages: &HashSet<&str>) -> Self {
        for one in &mut self.declared {
            one.ours = packages.contains(one.record.package.as_str());
        }
        self
    }

    /// Every mounted thing without a declaration.
    pub(super) fn unclassified(&self) -> impl Iterator<Item = (&'a RouterRecord, &Mount<'a>)> {
        self.programs.iter().flat_map(|program| {
            let open = program
                .mounted
                .iter()
                .filter(|mount| mount.covered_by.is_empty());
            open.map(|mount| (program.router, mount))
        })
    }

    /// The same, once for all routers of a package that mount it. Declared once, it has a class in
    /// each of them.
    pub(super) fn unclassified_together(&self) -> Vec<(Vec<&'a RouterRecord>, &Mount<'a>)> {
        type Key<'k> = (&'k str, RouterKind, &'k Mounted);
        let mut together: BTreeMap<Key<'_>, (Vec<&'a RouterRecord>, &Mount<'a>)> = BTreeMap::new();
        for (router, mount) in self.unclassified() {
            let key = (router.package.as_str(), router.kind, mount.mounted);
            let (routers, _) = together.entry(key).or_insert((Vec::new(), mount));
            // Programs are sorted by their routers. One in two targets is in two programs.
            if routers.last() != Some(&router) {
                routers.push(router);
            }
        }
        together.into_values().collect()
    }

    /// The declarations that the audit of this scope answers for: all of the workspace's and those
    /// of others that are mounted, or those that the one router mounts. What else its program links
    /// is another audit's.
    pub(super) fn in_scope(&self) -> impl Iterator<Item = &Declared<'a>> {
        self.declared
            .iter()
            .filter(|one| (self.scope == Scope::Workspace && one.ours) || !one.reached.is_empty())
    }
}

fn without_router(record: &RouteRecord) -> Cow<'_, RouteRecord> {
    if record.router.is_none() && record.routers.is_empty() {
        return Cow::Borrowed(record);
    }
    Cow::Owned(RouteRecord {
        router: None,
        routers: Vec::new(),
        ..record.clone()
    })
}

fn position(declared: &[Declared<'_>], record: &RouteRecord) -> Option<usize> {
    let record = without_router(record);
    declared
        .binary_search_by(|one| one.record.cmp(&record))
        .ok()
}

impl<'a> Program<'a> {
    fn new(report: &'a Report, declared: &[Declared<'a>]) -> Self {
        let mut index = Index::default();
        // A typed router's classes are its handlers' own: what else the program declares is
        // another router's.
        let ids: Vec<usize> = match report.router.kind {
            RouterKind::Typed => Vec::new(),
            RouterKind::Axum => {
                let mut ids: Vec<usize> = report
                    .declared
                    .iter()
                    .filter_map(|record| position(declared, record))
                    .collect();
                ids.sort_unstable();
                ids.dedup();
                ids
            }
        };
        for id in ids {
            match &declared[id].target {
                Target::Route { path, .. } => {
                    index.routes.entry(path.clone()).or_default().push(id);
                }
                Target::Subtree { prefix } => {
                    index.subtrees.entry(prefix.clone()).or_default().push(id);
                }
                Target::Fallback => index.fallbacks.push(id),
            }
        }
        let mut mounted: Vec<Mount<'a>> = report
            .mounted
            .iter()
            .map(|mounted| {
                let methods = methods(&mounted.methods);
                let covered_by = match report.router.kind {
                    RouterKind::Typed => mounted
                        .declaration
                        .iter()
                        .filter_map(|record| position(declared, record))
                        .collect(),
                    RouterKind::Axum => index.covering(mounted, methods, declared),
                };
                Mount {
                    mounted,
                    methods,
                    covered_by,
                }
            })
            .collect();
        mounted.sort_by(|a, b| a.mounted.cmp(b.mounted));
        Self {
            router: &report.router,
            mounted,
            index,
        }
    }

    /// Notes which declarations this router mounts.
    fn reach(&self, declared: &mut [Declared<'_>]) {
        let mut paths: HashMap<&str, Methods> = HashMap::new();
        let mut above: HashSet<&str> = HashSet::new();
        let mut fallback = false;
        for mount in &self.mounted {
            for id in &mount.covered_by {
                let one = &mut declared[*id];
                if self.router.kind == RouterKind::Typed {
                    one.reached = one.reached.or(one.target.methods());
                }
            }
            match (&mount.mounted.path, mount.mounted.shape) {
                (_, Shape::Fallback | Shape::OpaqueFallback) => fallback = true,
                (Some(path), Shape::Route | Shape::OpaqueRoute | Shape::MethodFallback) => {
                    let served = paths.entry(path).or_insert(Methods::NONE);
                    *served = served.or(mount.methods);
                }
                _ => {}
            }
            if let Some(path) = &mount.mounted.path {
                above.extend(ancestors(path));
            }
        }
        for (path, ids) in &self.index.routes {
            let Some(served) = paths.get(path.as_str()) else {
                continue;
            };
            for id in ids {
                let one = &mut declared[*id];
                let methods = one.target.methods();
                let reached = if methods.is_any() || served.is_any() {
                    methods
                } else {
                    // `get` serves `HEAD` as well.
                    let implied = if served.overlap(Methods::GET).is_empty() {
                        Methods::NONE
                    } else {
                        Methods::HEAD
                    };
                    methods.overlap(served.or(implied))
                };
                one.reached = one.reached.or(reached);
            }
        }
        for (prefix, ids) in &self.index.subtrees {
            if above.contains(prefix.as_str()) {
                ids.iter()
                    .for_each(|id| declared[*id].reached = Methods::ANY);
            }
        }
        if fallback {
            self.index
                .fallbacks
                .iter()
                .for_each(|id| declared[*id].reached = Methods::ANY);
        }
    }
}

impl Index {
    /// The declarations that decide over a thing that a plain router mounts; the first wins.
    fn covering(&self, what: &Mounted, methods: Methods, declared: &[Declared<'_>]) -> Vec<usize> {
        let Some(path) = &what.path else {
            return match what.shape {
                Shape::Fallback | Shape::OpaqueFallback => self.fallbacks.clone(),
                _ => Vec::new(),
            };
        };
        let on_path = || {
            let ids = self.routes.get(path).map(Vec::as_slice).unwrap_or_default();
            // The method's own declaration goes before one for any method.
            let (own, any): (Vec<usize>, Vec<usize>) = ids
                .iter()
                .copied()
                .filter(|id| serves(declared[*id].target.methods(), methods))
                .partition(|id| !declared[*id].target.methods().is_any());
            [own, any].concat()
        };
        let found = match what.shape {
            // `methods` is ANY for all but the first, and then only a declaration for ANY covers.
            Shape::Route | Shape::OpaqueRoute | Shape::MethodFallback => on_path(),
            Shape::OpaqueMount | Shape::Fallback | Shape::OpaqueFallback => Vec::new(),
        };
        if !found.is_empty() {
            return found;
        }
        if let Some(ids) = ancestors(path).find_map(|prefix| self.subtrees.get(prefix)) {
            return ids.clone();
        }
        match what.shape {
            // The fallback of a nested router.
            Shape::Fallback | Shape::OpaqueFallback => self.fallbacks.clone(),
            _ => Vec::new(),
        }
    }
}

/// Whether a declaration of some methods covers a route of others, entirely.
fn serves(declared: Methods, mounted: Methods) -> bool {
    if declared.is_any() {
        return true;
    }
    // A method without a known name, of which nothing can be said.
    if mounted.is_empty() {
        return false;
    }
    let with_head = if declared.overlap(Methods::GET).is_empty() {
        declared
    } else {
        declared.or(Methods::HEAD)
    };
    mounted.minus(with_head).is_empty()
}

/// The subtrees that a path is in, as prefixes, the longest first: `/a/b`, `/a` and ``.
///
/// By segment, so that `/waitlist` holds nothing of `/waitlist-admin`.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let whole = path.strip_suffix('/').unwrap_or(path);
    std::iter::successors(Some(whole), |prefix| {
        prefix.rfind('/').map(|slash| &prefix[..slash])
    })
}
