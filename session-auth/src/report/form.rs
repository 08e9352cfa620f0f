//! What an audited router tells of itself: the data, as JSON.
//!
//! A [`Report`] is written by the test that `#[audited_router]` adds, or by `protect` for
//! `#[audited_router(at_start)]`, one file a router. `route-audit` reads them.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::access::{Declaration, Location, Methods};
use crate::finding::{Finding, Shape};
use crate::mounted::{Judged, Route};

/// The version of the JSON form. A reader refuses any other.
pub const SCHEMA: u32 = 1;

/// One audited router: what it mounts, what is wrong with that, and what the program around it
/// declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The router.
    pub router: RouterRecord,
    /// What it mounts.
    pub routes: Vec<ListedRoute>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Every declaration linked into the program, of whatever package.
    pub declared: Vec<Declaration>,
    /// What `with_state` was given, on routers of [`adopt`](crate::adopt).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<StateRecord>,
}

/// The state of a router.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateRecord {
    /// Where the router was given it.
    pub given: Location,
    /// The compiler's name of its type.
    #[serde(rename = "type")]
    pub ty: Cow<'static, str>,
}

/// Why a router could not be audited: written in place of its [`Report`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The router.
    pub router: RouterRecord,
    /// What went wrong: the router's builder panicked, or what it built cannot be read.
    pub error: String,
    /// The same as data, where the builder gave no router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unbuilt: Option<Unbuilt>,
}

/// Why a builder gave no router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unbuilt {
    /// Its error, or what it said when it panicked.
    pub why: String,
    /// Where it panicked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panicked: Option<Location>,
}

/// What one file of `ROUTE_AUDIT_REPORT_DIR` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one a router")]
pub enum ReportFile {
    /// The router could be read.
    Report(Report),
    /// It could not.
    Failure(Failure),
}

impl ReportFile {
    /// Parses the text of a report file.
    ///
    /// # Errors
    ///
    /// Where the text is not JSON, has another `schema` than [`SCHEMA`], or is neither form.
    pub fn parse(json: &str) -> Result<Self, ReportError> {
        // Read first and by itself: a file of another version should say so, not which of its
        // fields is missing here.
        #[derive(Deserialize)]
        struct Form {
            schema: u32,
            #[serde(default)]
            error: Option<serde::de::IgnoredAny>,
        }
        let form: Form = serde_json::from_str(json).map_err(ReportError::Json)?;
        if form.schema != SCHEMA {
            return Err(ReportError::Schema(form.schema));
        }
        if form.error.is_some() {
            let failure = serde_json::from_str(json).map_err(ReportError::Json)?;
            return Ok(Self::Failure(failure));
        }
        let report = serde_json::from_str(json).map_err(ReportError::Json)?;
        Ok(Self::Report(report))
    }
}

/// A report file cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReportError {
    /// It is not JSON of either form.
    Json(serde_json::Error),
    /// It has this `schema`, which is not [`SCHEMA`].
    Schema(u32),
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "not a router's report: {error}"),
            Self::Schema(found) => write!(
                f,
                "a report of schema {found}, where this version reads schema {SCHEMA}: use the \
                 same version of session-auth and route-audit"
            ),
        }
    }
}

impl std::error::Error for ReportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Schema(_) => None,
        }
    }
}

/// An audited router.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouterRecord {
    /// The name of the function, or the one given in the attribute.
    pub name: String,
    /// Its package.
    pub package: String,
    /// Which kind of router it returns.
    pub kind: RouterKind,
    /// The file of the attribute.
    pub file: String,
    /// Its line, counted from 1.
    pub line: u32,
}

impl RouterRecord {
    /// The path of the route that `route-audit check --self-test` has the router's audit find.
    #[doc(hidden)]
    #[must_use]
    pub fn self_test_path(&self) -> String {
        format!("/__route-audit-self-test/{}/{}", self.package, self.name)
    }
}

/// Which kind of router a function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RouterKind {
    /// This crate's [`Router`](crate::Router).
    Typed,
    /// [`axum::Router`].
    Axum,
}

/// A mounted route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListedRoute {
    /// What the router answers it for: one method, `ANY`, or `FALLBACK`.
    pub methods: Methods,
    /// The full pattern, in axum 0.8 syntax; of a nested service, the path that it is mounted under,
    /// and of a nested router's fallback, the path that this router is nested at. `None` for the
    /// outermost fallback.
    pub path: Option<Cow<'static, str>>,
    /// What kind of thing it is.
    pub shape: Shape,
    /// Whether it is known whose handler answers it.
    pub named: bool,
    /// Where it is mounted.
    pub mounted: Location,
    /// The compiler's name of the function that answers it, where it has no declaration and was mounted
    /// on a router of [`adopt`](crate::adopt).
    pub function: Option<Cow<'static, str>>,
    /// The compiler's name of what that function takes, as axum has it: a tuple of extractors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes: Option<Cow<'static, str>>,
    /// What speaks for it; `None` where nothing does, or where what does must not.
    pub declaration: Option<Declaration>,
}

impl ListedRoute {
    fn of(route: &Route) -> Self {
        Self {
            methods: route.methods,
            path: route.path.clone(),
            shape: route.kind.shape(),
            named: route.named,
            mounted: route.mounted.clone(),
            function: route.function.clone(),
            takes: route.takes.clone(),
            declaration: route.declaration.as_deref().cloned(),
        }
    }
}

impl Report {
    pub(crate) fn of(router: RouterRecord, judged: &Judged) -> Self {
        let mut routes: Vec<ListedRoute> = judged.routes.iter().map(ListedRoute::of).collect();
        routes.sort();
        Self {
            schema: SCHEMA,
            router,
            routes,
            findings: judged.findings.clone(),
            declared: crate::declared::declarations()
                .into_iter()
                .cloned()
                .collect(),
            states: Vec::new(),
        }
    }
}
