//! What an audited router tells of itself, and what the audit makes of it: the data, as JSON.
//!
//! A [`Report`] is written by the test that `#[audited_router]` adds, one file a router. An
//! [`Audit`] is what comes out when all reports of a workspace are reconciled; its JSON form is
//! the output of `route-audit list --format json`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::access::{AccessClass, Declaration, Location, Methods, Target};

/// The version of both JSON forms. A reader refuses any other.
pub const SCHEMA: u32 = 1;

/// One audited router: what it mounts, and what the program around it declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The router.
    pub router: RouterRecord,
    /// What it mounts.
    pub mounted: Vec<Mounted>,
    /// Every declaration linked into the program, of whatever package.
    pub declared: Vec<RouteRecord>,
}

impl Report {
    /// The rules know methods by name, and would have nothing to say of another.
    fn unknown_method(&self) -> Option<&str> {
        let mounted = self.mounted.iter().flat_map(|mounted| {
            let declared = mounted
                .declaration
                .iter()
                .flat_map(|record| &record.methods);
            mounted.methods.iter().chain(declared)
        });
        let declared = self.declared.iter().flat_map(|record| &record.methods);
        mounted
            .chain(declared)
            .find(|name| *name != "FALLBACK" && Methods::from_name(name).is_none())
            .map(String::as_str)
    }
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
}

/// What one file of `ROUTE_AUDIT_REPORT_DIR` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Where the text is not JSON, has another `schema` than [`SCHEMA`], is neither form, or names a
    /// method that there is not.
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
        let report: Report = serde_json::from_str(json).map_err(ReportError::Json)?;
        match report.unknown_method() {
            Some(name) => Err(ReportError::Method(name.to_owned())),
            None => Ok(Self::Report(report)),
        }
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
    /// It names this method.
    Method(String),
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "not a router's report: {error}"),
            Self::Method(name) => {
                write!(
                    f,
                    "a report that names the method {name:?}, which does not exist"
                )
            }
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
            Self::Schema(_) | Self::Method(_) => None,
        }
    }
}

/// An audited router.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouterRecord {
    /// The name of the function, or the one given to `audited_router!`.
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

/// One thing that a router mounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mounted {
    /// What it is.
    pub shape: Shape,
    /// Upper-case method names, or `["ANY"]`: always that for a fallback and what is opaque.
    pub methods: Vec<String>,
    /// The full path, in axum 0.8 syntax; of an opaque mount, the path that it is mounted under,
    /// and of a nested router's fallback, the prefix. `None` for a fallback of the whole router.
    pub path: Option<String>,
    /// What the router itself knows of the class: all of it where the router is typed, nothing
    /// where it is axum's.
    pub declaration: Option<RouteRecord>,
}

impl Mounted {
    /// What a typed router mounts.
    pub(crate) fn of(declaration: &Declaration) -> Self {
        let (shape, path) = match declaration.target() {
            Target::Route { path, .. } => (Shape::Route, Some(path)),
            Target::Subtree { path } => (Shape::OpaqueMount, Some(path)),
            Target::Fallback => (Shape::Fallback, None),
        };
        Self {
            shape,
            methods: declaration
                .methods()
                .names()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            path: path.map(str::to_owned),
            declaration: Some(RouteRecord::of(declaration)),
        }
    }
}

/// What kind of thing is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Shape {
    /// A handler, or a service mounted for a path and methods that show.
    Route,
    /// A service mounted on one path (`route_service`): its methods do not show.
    OpaqueRoute,
    /// A service or foreign router mounted under a path: its inside does not show.
    OpaqueMount,
    /// A fallback handler, of the whole router (`path` is `None`) or of a nested one (`path` is the
    /// prefix).
    Fallback,
    /// A fallback that is a service: it may be a router, whose routes do not show.
    OpaqueFallback,
    /// A fallback for the methods that a path does not name (`get(a).fallback(b)`).
    MethodFallback,
}

/// One declared route, as reports and listings show it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteRecord {
    /// Upper-case method names, `["ANY"]`, or `["FALLBACK"]`.
    pub methods: Vec<String>,
    /// The path; of a subtree, with `/**` at its end. `None` for a fallback, except that a listed
    /// fallback of a nested router has its prefix.
    pub path: Option<String>,
    /// Who may call it; `None` where nobody said.
    pub class: Option<Class>,
    /// The handler by its full path; `None` where it is not known.
    pub handler: Option<String>,
    /// Where it is declared; for a route without a class, where its router is.
    pub file: String,
    /// The line of `file`, counted from 1.
    pub line: u32,
    /// Why it is exempt.
    pub reason: Option<String>,
    /// What proves that a webhook comes from its sender.
    pub verifier: Option<String>,
    /// The scope that a session needs.
    pub scope: Option<String>,
    /// The longest time in which a verified delivery is expected, in the attribute's notation, a
    /// whole number of the largest unit that loses nothing: `6h`, `90m`, `45s`, `1d`.
    pub expect_every: Option<String>,
    /// The last day of the exemption, `2027-01-31`.
    pub until: Option<String>,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// Whether the handler may take `Sessions`.
    pub issues_session: bool,
    /// Whether the handler may take `Option<Session>`.
    pub optional_session: bool,
    /// The largest accepted body in bytes, where it is not the layer's.
    #[serde(default)]
    pub max_body: Option<u64>,
    /// The package that declares it.
    #[serde(default)]
    pub package: String,
    /// The router that mounts it, by its name: the first of `routers`. `None` for a declaration that
    /// none mounts.
    pub router: Option<String>,
    /// Every router that mounts it, sorted. One function that is audited in several configurations
    /// is several routers, and not each of them has every route.
    #[serde(default)]
    pub routers: Vec<RouterName>,
}

/// Which router: its package and its name there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouterName {
    /// Its package.
    pub package: String,
    /// Its name, which no other router of the package has.
    pub name: String,
}

/// [`AccessClass`] as a report holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Class {
    /// Anyone.
    Public,
    /// A sender with proof.
    Webhook,
    /// A caller with a session.
    Session,
}

impl From<AccessClass> for Class {
    fn from(class: AccessClass) -> Self {
        match class {
            AccessClass::Public => Self::Public,
            AccessClass::Webhook => Self::Webhook,
            AccessClass::Session => Self::Session,
        }
    }
}

impl RouteRecord {
    /// What a declaration says, without a router.
    #[must_use]
    pub fn of(declaration: &Declaration) -> Self {
        let Location { file, line, .. } = declaration.location();
        let text = |value: Option<&str>| value.map(str::to_owned);
        let (methods, path) = match declaration.target() {
            Target::Route { methods, path } => (methods.names(), Some(path.to_owned())),
            Target::Subtree { path } => (
                vec!["ANY"],
                Some(format!("{}/**", path.trim_end_matches('/'))),
            ),
            Target::Fallback => (vec!["FALLBACK"], None),
        };
        Self {
            methods: methods.into_iter().map(str::to_owned).collect(),
            path,
            class: Some(declaration.class().into()),
            handler: Some(declaration.handler().to_owned()),
            file: file.to_owned(),
            line,
            reason: text(declaration.reason()),
            verifier: text(declaration.verifier()),
            scope: text(declaration.scope()),
            expect_every: declaration.expect_every().map(short_duration),
            until: declaration.until().map(|day| day.to_string()),
            owner: text(declaration.owner()),
            issues_session: declaration.issues_session(),
            optional_session: declaration.optional_session(),
            max_body: declaration.max_body().map(|bytes| bytes as u64),
            package: declaration.package().to_owned(),
            router: None,
            routers: Vec::new(),
        }
    }
}

/// `6h`, `90m`, `45s`: the largest unit that loses nothing.
fn short_duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        s if s != 0 && s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s != 0 && s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s != 0 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// Everything the audit knows of a workspace: the JSON of `list` and `check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The audited routers, sorted.
    pub routers: Vec<RouterRecord>,
    /// The routes, declared or not, sorted by path and method. One that several routers of a package
    /// mount is here once.
    pub routes: Vec<RouteRecord>,
    /// What is wrong, errors first.
    pub findings: Vec<Finding>,
    /// The counts.
    pub summary: Summary,
}

/// The counts of an [`Audit`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Routes in all.
    pub routes: usize,
    /// Routes of class `public`.
    pub public: usize,
    /// Routes of class `webhook`.
    pub webhook: usize,
    /// Routes of class `session`.
    pub session: usize,
    /// Findings that fail the audit.
    pub errors: usize,
    /// Findings that do not.
    pub warnings: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Whether it fails the audit. First, so that errors sort before warnings.
    pub severity: Severity,
    /// The kind of finding, in kebab case: `unclassified-route`.
    pub code: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// The methods of the route.
    pub methods: Vec<String>,
    /// Its path; `None` for a fallback.
    pub path: Option<String>,
    /// The file to look at.
    pub file: String,
    /// The line of `file`, counted from 1.
    pub line: u32,
}

/// Whether a finding fails the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_file_is_one_of_two_forms_of_one_schema() {
        let router = r#""router":{"name":"r","package":"p","kind":"axum","file":"f","line":1}"#;
        let report = |method: &str| {
            format!(
                r#"{{"schema":1,{router},"declared":[],"mounted":[
                    {{"shape":"route","methods":["{method}"],"path":"/a","declaration":null}}]}}"#
            )
        };
        assert!(matches!(
            ReportFile::parse(&report("GET")),
            Ok(ReportFile::Report(_))
        ));
        let failure = format!(r#"{{"schema":1,{router},"error":"no"}}"#);
        assert!(
            matches!(ReportFile::parse(&failure), Ok(ReportFile::Failure(f)) if f.error == "no")
        );

        for (name, json, expected) in [
            ("not JSON", "{".to_owned(), "not a router's report"),
            (
                "neither form",
                format!(r#"{{"schema":1,{router}}}"#),
                "missing field `mounted`",
            ),
            ("no schema", "{}".into(), "missing field `schema`"),
            (
                "the next schema",
                r#"{"schema":2,"new":0}"#.into(),
                "schema 2, where this version",
            ),
            (
                "no such method",
                report("BREW"),
                "the method \"BREW\", which does not exist",
            ),
        ] {
            let error = ReportFile::parse(&json).expect_err(name).to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn durations_in_the_largest_whole_unit() {
        for (seconds, expected) in [
            (0, "0s"),
            (45, "45s"),
            (90, "90s"),
            (5_400, "90m"),
            (21_600, "6h"),
            (86_400, "1d"),
        ] {
            assert_eq!(
                short_duration(std::time::Duration::from_secs(seconds)),
                expected
            );
        }
    }
}
