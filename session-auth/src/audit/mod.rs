//! Whether every route that is mounted says who may call it, as a test.
//!
//! `#[audited_router]` adds a test to a crate that compares what the router mounts with what the
//! program declares, and `route-audit` runs these tests and reconciles what they report. For a
//! router that the attribute does not reach, [`assert_classified`] is the same as a call:
//!
//! ```
//! use axum::{Router, routing::get};
//!
//! fn app() -> Router {
//!     Router::new().route("/api/export", get(|| async { "everything" }))
//! }
//!
//! let findings = session_auth::audit::check(&app())?;
//! assert_eq!(findings[0].code, "unclassified-route");
//! # Ok::<_, session_auth::audit::Unreadable>(())
//! ```
//!
//! What an audit promises:
//!
//! 1. It sees the router in the configuration it was built with. A route behind `if config.beta`
//!    is audited where the audit's configuration has it, so a router that comes in several is
//!    audited in each: `audited_router!(plain = app(false), beta = app(true))`.
//! 2. It cannot pass by seeing nothing: a router that cannot be built or read, or that mounts
//!    nothing, fails.
//! 3. Services whose routes axum does not show need a class for everything they serve.
//!
//! What it cannot see: an answer that a middleware gives by itself, and a router behind a handler.

pub mod axum_debug;
mod near;
mod probe;
mod reconcile;
mod render;
pub mod report;
mod rules;
mod run;
mod view;

use time::{Date, OffsetDateTime};

pub use self::axum_debug::Unreadable;
pub use self::probe::{ProbeAnswer, ProbeTarget, probe};
pub use self::reconcile::{reconcile, reconcile_packages};
pub use self::report::{
    Audit, Class, Failure, Finding, Mounted, Report, ReportError, ReportFile, RouteRecord,
    RouterKind, RouterName, RouterRecord, SCHEMA, Severity, Shape, Summary,
};
#[doc(hidden)]
pub use self::run::{RouterSite, audit_router};
// The attribute has this name at the root: a function-like macro and an attribute share one
// namespace, so one path cannot name both.
#[doc(inline)]
pub use session_auth_macros::audited_router_expression as audited_router;

use self::view::{Scope, View};
use crate::access::{Location, declarations};

mod sealed {
    pub trait Sealed {}
}

/// A router that can say what it mounts: [`Router`](crate::Router) or [`axum::Router`], with its state
/// or without.
///
/// Sealed: the audit trusts the answer. What is not a router, or no longer one, does not compile:
///
/// ```compile_fail,E0277
/// async fn app() -> axum::Router {
///     axum::Router::new()
/// }
///
/// session_auth::audit::assert_classified(&app());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be audited: it is not a router",
    label = "not a `session_auth::Router<S>` or `axum::Router<S>`",
    note = "audit the router itself, before it becomes a service, and not a `Result` or future of it",
    note = "for a router that takes arguments, can fail or is wrapped: `session_auth::audit::audited_router!(name = build(&config).unwrap())`"
)]
pub trait AuditableRouter: sealed::Sealed {
    /// Which kind of router this is.
    #[doc(hidden)]
    const KIND: RouterKind;

    /// What it mounts, in any order.
    #[doc(hidden)]
    fn mounted(&self) -> Result<Vec<Mounted>, Unreadable>;
}

impl<S> sealed::Sealed for axum::Router<S> {}

impl<S> AuditableRouter for axum::Router<S> {
    const KIND: RouterKind = RouterKind::Axum;

    fn mounted(&self) -> Result<Vec<Mounted>, Unreadable> {
        axum_debug::read(&format!("{self:?}"))
    }
}

impl<S> sealed::Sealed for crate::Router<S> {}

impl<S> AuditableRouter for crate::Router<S> {
    const KIND: RouterKind = RouterKind::Typed;

    fn mounted(&self) -> Result<Vec<Mounted>, Unreadable> {
        Ok(self.routes().map(Mounted::of).collect())
    }
}

/// Asserts that the audit of a router finds no error.
///
/// A declaration that this router does not mount is not an error here: another router may.
/// Findings without a place of their own are shown at the caller's line.
///
/// # Panics
///
/// With the findings, where there is an error among them, and where the router cannot be read or
/// mounts nothing.
#[track_caller]
pub fn assert_classified<R: AuditableRouter>(router: &R) {
    let findings = match check(router) {
        Ok(findings) => findings,
        Err(error) => panic!("the router could not be audited: {error}"),
    };
    if let Some(text) = run::failure("the router", &findings) {
        panic!("{text}");
    }
}

/// What the audit of a router finds, warnings included: [`assert_classified`] as a value.
///
/// # Errors
///
/// [`Unreadable`] where the router cannot be read, and where it mounts nothing.
#[track_caller]
pub fn check<R: AuditableRouter>(router: &R) -> Result<Vec<Finding>, Unreadable> {
    let Location { file, line, .. } = Location::caller();
    let record = RouterRecord {
        name: String::new(),
        package: String::new(),
        kind: R::KIND,
        file: file.to_owned(),
        line,
    };
    let report = report(record, router)?;
    Ok(findings(&report, today()))
}

/// What a router mounts and its program declares.
fn report<R: AuditableRouter>(record: RouterRecord, router: &R) -> Result<Report, Unreadable> {
    let mounted = router.mounted()?;
    if mounted.is_empty() {
        return Err(Unreadable::empty());
    }
    Ok(Report {
        schema: SCHEMA,
        router: record,
        mounted,
        declared: declarations().into_iter().map(RouteRecord::of).collect(),
    })
}

fn findings(report: &Report, today: Date) -> Vec<Finding> {
    rules::run(
        &rules::RULES,
        &View::new(&[report], Scope::OneRouter, today),
    )
}

/// The day in UTC, by which exemptions expire.
fn today() -> Date {
    OffsetDateTime::now_utc().date()
}
