//! Whether every route that is mounted says who may call it, as a test.
//!
//! `#[audited_router]` adds a test to a crate that asks the router what it mounts, and `route-audit`
//! runs these tests and judges what they report together. For a router that the attribute does not
//! reach, [`assert_classified`] is the same as a call:
//!
//! ```
//! use session_auth::audit::{self, Code};
//! use session_auth::{Router, routing::get, session_route};
//!
//! #[session_route(GET, "/api/export")]
//! async fn export() {}
//!
//! let moved: Router = Router::new().nest("/v2", Router::new().route("/api/export", get(export)));
//! let findings = audit::check(&moved)?;
//! assert_eq!(findings[0].code, Code::WrongHandler);
//! # Ok::<_, audit::Unauditable>(())
//! ```
//!
//! What an audit promises:
//!
//! 1. It sees the router in the configuration it was built with. A route behind `if config.beta`
//!    is audited where the audit's configuration has it, so a router that comes in several is
//!    audited in each: `#[audited_router(plain = routes(false), beta = routes(true))]`.
//! 2. It cannot pass by seeing nothing: a router that cannot be built or read, or that mounts
//!    nothing, fails.
//! 3. Services whose routes do not show have one class for everything they serve.
//!
//! What it cannot see: an answer that a middleware gives by itself ([`probe`] asks for some), and a
//! router behind a handler.

mod probe;
mod run;

pub use self::probe::{ProbeAnswer, ProbeTarget, probe};
#[doc(hidden)]
pub use self::run::audit_router;
use crate::access::Location;
use crate::audited::Audited;
pub use crate::finding::{Code, Finding, Related, Severity, Shape, Subject};
use crate::mounted::{Judged, Record};
pub use crate::report::form::{
    Failure, ListedRoute, Report, ReportError, ReportFile, RouterKind, RouterRecord, SCHEMA,
    StateRecord, Unbuilt,
};
use crate::routing::Router;
pub use crate::unauditable::Unauditable;
use crate::unauditable::judged;

mod sealed {
    pub trait Sealed {}
}

/// A router that can say what it mounts: [`Router`] or [`Audited`], with its state or without.
///
/// Sealed: the audit trusts the answer. What is not a router, or no longer one, does not compile:
///
/// ```compile_fail,E0277
/// async fn app() -> session_auth::Router {
///     session_auth::Router::new()
/// }
///
/// session_auth::audit::assert_classified(&app());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be audited: it is not a router",
    label = "not a `session_auth::Router<S>`",
    note = "audit the router itself, before it becomes a service, and not a `Result` or future of it",
    note = "a router of axum's: `session_auth::Router::new().merge_axum(router)`"
)]
pub trait AuditableRouter: sealed::Sealed {
    /// The record of what was mounted, and the text that axum prints of the router.
    #[doc(hidden)]
    fn __record(&self) -> Recorded<'_>;
}

/// What [`AuditableRouter`] gives away.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "not part of the API")]
pub struct Recorded<'a> {
    record: &'a Record,
    debug: String,
}

impl<S> sealed::Sealed for Router<S> {}

impl<S> AuditableRouter for Router<S> {
    fn __record(&self) -> Recorded<'_> {
        Recorded {
            record: &self.record,
            debug: format!("{:?}", self.inner),
        }
    }
}

impl<S> sealed::Sealed for Audited<S> {}

impl<S> AuditableRouter for Audited<S> {
    fn __record(&self) -> Recorded<'_> {
        Recorded {
            record: self.record(),
            debug: self.debug(),
        }
    }
}

/// Asserts that the audit of a router finds no error.
///
/// A declaration that this router does not mount is not an error here: another router may.
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
    let place = Location::caller();
    if let Some(text) = run::failure(&format!("the router at {place}"), &findings) {
        panic!("{text}");
    }
}

/// What the audit of a router finds, warnings included: [`assert_classified`] as a value.
///
/// # Errors
///
/// [`Unauditable`] where the router cannot be read, where it mounts nothing, and where something is
/// mounted that cannot be: a malformed path, a router as a service.
pub fn check<R: AuditableRouter>(router: &R) -> Result<Vec<Finding>, Unauditable> {
    Ok(judge(router)?.findings)
}

/// What a router mounts.
pub(crate) fn judge<R: AuditableRouter>(router: &R) -> Result<Judged, Unauditable> {
    let Recorded { record, debug } = router.__record();
    judged(record, &debug)
}
