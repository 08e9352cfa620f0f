//! The routes of a workspace: what its audited routers mount, and what is mounted nowhere.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use session_auth::audit::{ListedRoute, Report, RouterRecord, Shape, Subject};
use session_auth::{Access, AccessClass, Declaration, Location, Methods, Target};

/// The audited routers, and every route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Sorted, each once.
    pub(crate) routers: Vec<RouterRecord>,
    /// Sorted by path and methods.
    pub(crate) routes: Vec<Route>,
}

/// The methods of a path that one declaration speaks for, or none does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// Of a declaration, its own place; else where it is mounted.
    pub(crate) subject: Subject,
    pub(crate) declaration: Option<Declaration>,
    /// The compiler's name of what answers it, where there is no declaration and it is known.
    pub(crate) function: Option<String>,
    /// Whether it is known whose handler answers it.
    pub(crate) named: bool,
    /// The package that declares it; where none does, the router's.
    pub(crate) package: String,
    /// Those of one package that mount it. None for a declaration that no router mounts.
    pub(crate) routers: BTreeSet<RouterName>,
    /// The builds that have it.
    pub(crate) builds: BTreeSet<String>,
}

/// A router, as a route names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub(crate) struct RouterName {
    pub(crate) package: String,
    pub(crate) name: String,
}

/// What one build's audited routers report.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    pub(crate) name: String,
    /// One a router.
    pub(crate) reports: Vec<Report>,
}

impl Route {
    pub(crate) fn class(&self) -> Option<AccessClass> {
        self.declaration.as_ref().map(Declaration::class)
    }

    pub(crate) fn is_mounted(&self) -> bool {
        !self.routers.is_empty()
    }

    /// What answers it; `None` where that is not known.
    pub(crate) fn handler(&self) -> Option<&str> {
        let declared = self.declaration.as_ref().map(Declaration::handler);
        declared
            .filter(|handler| !handler.is_empty())
            .or(self.function.as_deref())
    }

    /// As reports write it: `/assets/**` for all that is below a mount.
    pub(crate) fn path(&self) -> Option<Cow<'_, str>> {
        self.subject.listed_path()
    }
}

/// What a declaration is known by, in whatever program it is compiled. A file that is part of a
/// library and of a binary is compiled twice, and its handlers have the names of two crates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Known<'a> {
    package: &'a str,
    location: &'a Location,
    handler: &'a str,
    target: &'a Target,
    access: &'a Access,
}

impl<'a> Known<'a> {
    pub(crate) fn of(declaration: &'a Declaration) -> Self {
        let handler = declaration.handler();
        Self {
            package: declaration.package(),
            location: declaration.location(),
            handler: handler.split_once("::").map_or(handler, |(_, rest)| rest),
            target: declaration.target(),
            access: declaration.access(),
        }
    }
}

impl Listing {
    /// Of all builds; `unmounted` are the declarations that no router mounts, each with what is left
    /// of it.
    ///
    /// - One that several routers of a package mount is listed once, with all of them: they are
    ///   configurations of one service, or share the handler.
    /// - One that routers of two packages mount is listed for each package: these are two programs.
    pub(crate) fn of(builds: &[Build], unmounted: &[(Declaration, Subject)]) -> Self {
        let mut routers = BTreeSet::new();
        let mut rows: BTreeMap<Key<'_>, Route> = BTreeMap::new();
        for build in builds {
            for report in &build.reports {
                routers.insert(report.router.clone());
                for mounted in &report.routes {
                    let row = rows
                        .entry(Key::of(mounted, &report.router))
                        .or_insert_with(|| row(mounted, &report.router));
                    // What answers any method has nothing beside it.
                    row.subject.methods = row.subject.methods.or(mounted.methods);
                    row.routers.insert(RouterName {
                        package: report.router.package.clone(),
                        name: report.router.name.clone(),
                    });
                    row.builds.insert(build.name.clone());
                }
            }
        }
        let unmounted = unmounted.iter().map(|(declaration, subject)| Route {
            subject: subject.clone(),
            declaration: Some(declaration.clone()),
            function: None,
            named: false,
            package: declaration.package().to_owned(),
            routers: BTreeSet::new(),
            builds: BTreeSet::new(),
        });
        let mut routes: Vec<Route> = rows.into_values().chain(unmounted).collect();
        routes.sort();
        Self {
            routers: routers.into_iter().collect(),
            routes,
        }
    }
}

/// The routes of which this is the same are one line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    package: &'a str,
    path: Option<&'a str>,
    shape: Shape,
    named: bool,
    declaration: Option<Known<'a>>,
    /// Of what is not declared.
    mounted: Option<(&'a Location, Option<&'a str>)>,
    /// `ANY` and a fallback, which are no sum of methods.
    rest: Option<Methods>,
}

impl<'a> Key<'a> {
    fn of(route: &'a ListedRoute, router: &'a RouterRecord) -> Self {
        let declaration = route.declaration.as_ref().map(Known::of);
        let is_rest = route.methods.is_any() || route.methods.is_fallback();
        Self {
            package: &router.package,
            path: route.path.as_deref(),
            shape: route.shape,
            named: route.named,
            mounted: declaration
                .is_none()
                .then_some((&route.mounted, route.function.as_deref())),
            declaration,
            rest: is_rest.then_some(route.methods),
        }
    }
}

/// Without methods and routers.
fn row(route: &ListedRoute, router: &RouterRecord) -> Route {
    let declaration = route.declaration.clone();
    let place = declaration
        .as_ref()
        .map_or(&route.mounted, Declaration::location);
    // What is declared in place has no package.
    let package = declaration.as_ref().map(Declaration::package);
    let package = package.filter(|package| !package.is_empty());
    Route {
        subject: Subject {
            path: route.path.clone(),
            methods: route.methods,
            shape: route.shape,
            place: place.clone(),
        },
        function: route.function.as_deref().map(str::to_owned),
        named: route.named,
        package: package.unwrap_or(&router.package).to_owned(),
        declaration,
        routers: BTreeSet::new(),
        builds: BTreeSet::new(),
    }
}
