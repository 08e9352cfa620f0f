//! The source with the reports: what is registered, and which audited router has it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use session_auth::Methods;
use session_auth::audit::{Report, RouteRecord};

use super::body;
use super::cfg::{Conditions, Platform, Presence, Truth};
use super::graph::{Graph, NodeId, Site, Under, What};
use super::load::{self, Target};
use super::mounts::{Mounts, Wanted};
use super::tables::{FnId, Function, Place, Tables};
use crate::error::CannotRun;

pub(super) struct Scan<'a> {
    pub(super) tables: Tables,
    pub(super) graph: Graph,
    pub(super) reports: &'a [Report],
    pub(super) mounts: Mounts<'a>,
    /// The reports of the roots.
    roots: Vec<usize>,
    /// By node: the roots that reach it, and under which prefix.
    reached: Vec<BTreeSet<(usize, Under)>>,
    /// Where the functions are.
    by_path: HashMap<String, Place>,
    /// By package: the reports that speak for it.
    by_package: HashMap<&'a str, BTreeSet<usize>>,
    /// Mounted things for which a registration was found.
    claimed: HashSet<(usize, usize)>,
}

/// One way in which an audited router has a registration.
pub(super) struct Mounting {
    pub(super) report: usize,
    /// The whole path, or its end; `None` where that is not constant.
    pub(super) path: Option<String>,
    pub(super) exact: bool,
    pub(super) opaque: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn of(
        targets: &[Target],
        workspace: &Path,
        platform: &Platform,
        reports: &'a [Report],
    ) -> Result<Self, CannotRun> {
        let tables = load::load(targets, workspace, platform)?;
        let mut graph = Graph::new(tables.functions.len());
        for (id, function) in tables.functions.iter().enumerate() {
            let conditions = Conditions {
                features: &targets[function.krate].features,
                platform,
            };
            body::walk(&tables, &conditions, &mut graph, id);
        }
        let (functions, roots) = roots(&tables, reports);
        let reached = graph.reach(&functions);
        let by_path = tables
            .functions
            .iter()
            .map(|function| (function.path.clone(), function.place.clone()))
            .collect();
        let mut scan = Self {
            by_path,
            tables,
            graph,
            reports,
            mounts: Mounts::of(reports),
            roots,
            reached,
            by_package: by_package(reports),
            claimed: HashSet::new(),
        };
        scan.claim();
        Ok(scan)
    }

    pub(super) fn function(&self, site: &Site) -> &Function {
        &self.tables.functions[self.graph.function(site)]
    }

    pub(super) fn package(&self, site: &Site) -> &str {
        &self.tables.crates[self.function(site).krate].package
    }

    /// The registrations of the program, not of its tests.
    pub(super) fn sites(&self) -> impl Iterator<Item = &Site> {
        self.graph
            .sites
            .iter()
            .filter(|site| self.function(site).in_program())
    }

    /// These functions, and those that they name.
    pub(super) fn led_to(&self, functions: &[FnId]) -> Vec<FnId> {
        let mut all: BTreeSet<NodeId> = functions.iter().copied().collect();
        let mut left: Vec<NodeId> = functions.to_vec();
        while let Some(node) = left.pop() {
            let edges = self.graph.edges[node].iter();
            left.extend(edges.map(|(to, _)| *to).filter(|to| all.insert(*to)));
        }
        let functions: BTreeSet<FnId> =
            all.into_iter().map(|node| self.graph.nodes[node]).collect();
        functions.into_iter().collect()
    }

    pub(super) fn is_reached(&self, node: usize) -> bool {
        !self.reached[node].is_empty()
    }

    /// The audited routers that a registration is part of, and where in them.
    pub(super) fn mountings(&self, site: &Site) -> impl Iterator<Item = Mounting> {
        self.reached[site.node].iter().map(|(root, under)| {
            let whole = under.then(&site.under);
            Mounting {
                report: self.roots[*root],
                path: site.path.as_deref().map(|path| whole.path(path)),
                exact: whole.exact,
                opaque: whole.opaque,
            }
        })
    }

    /// The audits that speak for a package: of its own routers, and of those that link it.
    pub(super) fn reports_of(&self, package: &str) -> &BTreeSet<usize> {
        self.by_package.get(package).unwrap_or(&NOBODY)
    }

    /// What an entry of a registration looks like in a report.
    pub(super) fn wanted(site: &Site, methods: Option<Methods>) -> Wanted {
        match site.what {
            What::Fallback | What::FallbackService => Wanted::Fallback,
            What::NestService => Wanted::Subtree,
            What::RouteService => Wanted::Service,
            _ => Wanted::Route(methods),
        }
    }

    /// The methods of a registration's entries; of one without, any.
    pub(super) fn methods(site: &Site) -> Vec<Option<Methods>> {
        if site.entries.is_empty() {
            return vec![None];
        }
        site.entries.iter().map(|entry| entry.methods).collect()
    }

    fn claim(&mut self) {
        let mut claimed = HashSet::new();
        for site in self.sites() {
            for mounting in self.mountings(site).filter(|mounting| !mounting.opaque) {
                let path = match site.what {
                    What::Fallback | What::FallbackService => "",
                    _ => match &mounting.path {
                        Some(path) => path,
                        None => continue,
                    },
                };
                for methods in Self::methods(site) {
                    let wanted = Self::wanted(site, methods);
                    let found = self
                        .mounts
                        .find(mounting.report, path, mounting.exact, wanted);
                    if mounting.exact || found.len() == 1 {
                        claimed.extend(found.into_iter().map(|at| (mounting.report, at)));
                    }
                }
            }
        }
        self.claimed = claimed;
    }

    /// Whether a report mounts something like this for which no other registration was found.
    pub(super) fn explains(&self, report: usize, path: &str, wanted: Wanted) -> bool {
        let found = self.mounts.find(report, path, false, wanted);
        found
            .iter()
            .any(|at| !self.claimed.contains(&(report, *at)))
    }

    /// The declarations for routes that a report's program links, by path.
    pub(super) fn declared(&self, report: usize) -> HashMap<Option<&'a str>, Vec<&'a RouteRecord>> {
        let mut declared: HashMap<_, Vec<_>> = HashMap::new();
        for one in &self.reports[report].declared {
            declared.entry(one.path.as_deref()).or_default().push(one);
        }
        declared
    }

    /// Whether a function is the one of that path: itself, or in a file that its target shares.
    pub(super) fn is_same(&self, function: &Function, path: &str) -> bool {
        let path = path.replace("r#", "");
        function.path == path
            || self
                .by_path
                .get(&path)
                .is_some_and(|place| *place == function.place)
    }

    /// The functions of audited routers that have no report: their tests are not compiled.
    pub(super) fn is_unreported_root(&self, function: &Function) -> bool {
        function.audits.is_some() && function.presence.tests == Truth::No
    }

    /// Whether a test of this function runs.
    pub(super) fn is_compiled_into_tests(&self, function: &Function) -> bool {
        function.presence.tests != Truth::No
    }

    /// Whether a function of this path, or a part of it, is there in some builds and not in all.
    /// Of any build's scan.
    pub(super) fn may_be_left_out(&self, path: &str) -> bool {
        let of_path = |function: &Function| function.path == path;
        let whole = self.tables.functions.iter().any(|function| {
            let Presence { program, tests } = function.presence;
            of_path(function) && [program, tests].contains(&Truth::Maybe)
        });
        whole || {
            let mut sites = self.graph.sites.iter();
            sites.any(|site| !site.certain && of_path(self.function(site)))
        }
    }

    /// The audited router at a place, by its report.
    pub(super) fn report_at(&self, file: &str, line: u32) -> impl Iterator<Item = usize> {
        let all = self.reports.iter().enumerate();
        all.filter(move |(_, report)| report.router.file == file && report.router.line == line)
            .map(|(at, _)| at)
    }
}

static NOBODY: BTreeSet<usize> = BTreeSet::new();

fn by_package(reports: &[Report]) -> HashMap<&str, BTreeSet<usize>> {
    let mut by_package: HashMap<_, BTreeSet<_>> = HashMap::new();
    for (at, report) in reports.iter().enumerate() {
        let declaring = report.declared.iter().map(|one| one.package.as_str());
        for package in declaring.chain([report.router.package.as_str()]) {
            by_package.entry(package).or_default().insert(at);
        }
    }
    by_package
}

/// The functions behind the reports, and which report each has.
fn roots(tables: &Tables, reports: &[Report]) -> (Vec<FnId>, Vec<usize>) {
    let mut functions = Vec::new();
    let mut of = Vec::new();
    for (at, report) in reports.iter().enumerate() {
        let router = &report.router;
        let named: Vec<FnId> = tables
            .functions
            .iter()
            .enumerate()
            .filter(|(_, function)| {
                function.presence.tests != Truth::No
                    && function.audits.as_deref() == Some(&router.name)
                    && tables.crates[function.krate].package == router.package
            })
            .map(|(id, _)| id)
            .collect();
        // Two modules may each have a router of the same name.
        let here: Vec<FnId> = named
            .iter()
            .copied()
            .filter(|id| tables.functions[*id].place.file == router.file)
            .collect();
        for id in if here.is_empty() { named } else { here } {
            functions.push(id);
            of.push(at);
        }
    }
    (functions, of)
}
