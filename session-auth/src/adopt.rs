//! The same names for any handler, for the time of adoption.
//!
//! A service on axum changes its imports to these, and compiles as it was. What has an attribute has
//! its class. What has none is mounted, recorded and denied, so that `route-audit init --annotate`
//! can ask the running router which function answers which full path, and write the attributes. Then
//! the imports become those of the crate's own [`Router`](crate::Router) and
//! [`routing`](crate::routing), where what has no class does not compile.
//!
//! ```
//! use session_auth::adopt::{Router, routing::get};
//! use session_auth::audit::{self, Code};
//!
//! async fn export() -> &'static str {
//!     "everything"
//! }
//!
//! let routes: Router = Router::new().nest("/api", Router::new().route("/export", get(export)));
//! let findings = audit::check(&session_auth::Router::from(routes))?;
//! assert_eq!(findings[0].code, Code::UnclassifiedRoute);
//! assert_eq!(findings[0].subject.path.as_deref(), Some("/api/export"));
//! # Ok::<_, audit::Unauditable>(())
//! ```
//!
//! Where `ROUTE_AUDIT_REPORT_DIR` names a folder, the outermost router writes what it mounts there
//! when it is first served, be it by a test or by the program, when it becomes axum's, and when the
//! program holds it and adds nothing to it any more.

mod method_router;
mod router;
pub mod routing;
mod watched;

pub use self::router::Router;
