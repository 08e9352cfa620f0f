//! JSON, as `docs/route-audit.schema.json` describes it.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use session_auth::audit::{Code, RouterRecord, Severity};
use session_auth::{AccessClass, Declaration, Methods};

use crate::audit::{Audit, Summary};
use crate::error::{CannotRun, Problem};
use crate::finding::Finding;
use crate::listing::{Route, RouterName};
use crate::lock::values;

/// The version of the documents. Another number is another form.
pub(crate) const SCHEMA: u32 = 1;

/// Any document, with a line break at its end.
pub(crate) fn document(content: &impl Serialize) -> Result<String, CannotRun> {
    let mut text = serde_json::to_string_pretty(content)
        .map_err(|error| Problem::new(format!("cannot write the result as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// What a declaration says. Absent values are null.
#[derive(Serialize)]
pub(crate) struct Terms<'a> {
    class: Option<AccessClass>,
    reason: Option<&'a str>,
    verifier: Option<&'a str>,
    /// What the verifier's proof binds, where the verifier has the name of a scheme.
    binds: Option<&'a str>,
    /// For how long the sender tries again, where the verifier has the name of a scheme.
    retry_budget: Option<String>,
    /// What may prove the caller, where a session is needed or may be used.
    by: Option<&'a str>,
    scope: Option<&'a str>,
    expect_every: Option<String>,
    until: Option<String>,
    owner: Option<&'a str>,
    issues_session: bool,
    optional_session: bool,
    /// Why requests from pages of other origins may start or use a session.
    cross_origin: Option<&'a str>,
    max_body: Option<usize>,
}

impl<'a> Terms<'a> {
    /// Of a route; `None` where nobody said.
    pub(crate) fn of(declaration: Option<&'a Declaration>) -> Self {
        let sender = declaration.and_then(Declaration::sender);
        Self {
            class: declaration.map(Declaration::class),
            reason: declaration.and_then(Declaration::reason),
            verifier: declaration
                .and_then(|one| one.verify())
                .map(|by| by.as_str()),
            binds: sender.map(|sender| sender.binds.as_str()),
            retry_budget: sender
                .and_then(|sender| sender.retry_budget)
                .map(|seconds| values::duration(Duration::from_secs(seconds))),
            by: declaration.and_then(Declaration::by),
            scope: declaration.and_then(Declaration::scope),
            expect_every: declaration
                .and_then(Declaration::expect_every)
                .map(values::duration),
            until: declaration
                .and_then(Declaration::until)
                .map(|day| day.to_string()),
            owner: declaration.and_then(Declaration::owner),
            issues_session: declaration.is_some_and(Declaration::issues_session),
            optional_session: declaration.is_some_and(Declaration::optional_session),
            cross_origin: declaration.and_then(Declaration::cross_origin),
            max_body: declaration.and_then(Declaration::max_body),
        }
    }
}

pub(super) fn audit(audit: &Audit) -> Result<String, CannotRun> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: u32,
        routers: &'a [RouterRecord],
        routes: Vec<RouteRow<'a>>,
        findings: Vec<FindingRow>,
        summary: Summary,
    }
    document(&Document {
        schema: SCHEMA,
        routers: &audit.routers,
        routes: audit.routes.iter().map(RouteRow::of).collect(),
        findings: audit.findings().iter().map(FindingRow::of).collect(),
        summary: audit.summary(),
    })
}

#[derive(Serialize)]
struct RouteRow<'a> {
    methods: Methods,
    path: Option<Cow<'a, str>>,
    handler: Option<&'a str>,
    file: &'a str,
    line: u32,
    #[serde(flatten)]
    terms: Terms<'a>,
    named: bool,
    package: &'a str,
    router: Option<&'a str>,
    routers: Vec<&'a RouterName>,
    builds: Vec<&'a str>,
}

impl<'a> RouteRow<'a> {
    fn of(route: &'a Route) -> Self {
        let place = &route.subject.place;
        Self {
            methods: route.subject.methods,
            path: route.path(),
            handler: route.handler(),
            file: &place.file,
            line: place.line,
            terms: Terms::of(route.declaration.as_ref()),
            named: route.named,
            package: &route.package,
            router: route.routers.iter().next().map(|router| &*router.name),
            routers: route.routers.iter().collect(),
            builds: route.builds.iter().map(String::as_str).collect(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct FindingRow {
    code: Code,
    severity: Severity,
    message: String,
    help: String,
    methods: Methods,
    path: Option<String>,
    file: String,
    line: u32,
}

impl FindingRow {
    pub(crate) fn of(finding: &Finding) -> Self {
        let subject = finding.subject();
        Self {
            code: finding.code(),
            severity: finding.severity(),
            message: finding.message(),
            help: finding.help(),
            methods: subject.methods,
            path: subject.listed_path().map(Cow::into_owned),
            file: subject.place.file.into_owned(),
            line: subject.place.line,
        }
    }
}
