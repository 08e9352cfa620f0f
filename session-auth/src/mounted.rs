//! What a router mounts, and whose handler answers each route.
//!
//! axum lists no routes, and what its router does with paths, nests and fallbacks is its own affair.
//! So nothing of that is copied here; axum itself is asked, in three steps:
//!
//! 1. [`record`]: beside the real router stands a second one, built by the same calls, in which each
//!    handler is a stand-in that says its declaration and runs nothing.
//! 2. [`axum_0_8`]: the text of both routers gives the rows: patterns, methods, fallbacks.
//! 3. [`ask`]: one request for each row, to the stand-ins and to the real router's guards, tells whose
//!    the row is. Guards that are not bound yet say their number and run nothing.
//!
//! What is wrong with the rows is judged by [`rules`], for the start of a service and for the test
//! that `#[audited_router]` adds alike.

mod ask;
mod axum_0_8;
mod both;
mod record;
mod route;
mod rules;
mod stand_in;
mod unreadable;

pub(crate) use self::ask::RowKind;
pub(crate) use self::record::{MethodRecord, Mistake, Record, filter, reset_fallback};
pub(crate) use self::route::Route;
pub(crate) use self::rules::{Judged, Texts, judge};
pub(crate) use self::stand_in::{Answer, Kind, Note};
pub use self::unreadable::Unreadable;

/// Reads a text, for what it may not do to this process.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_for_tests(debug: &str) -> Result<(), Unreadable> {
    axum_0_8::read(debug).map(|_| ())
}
