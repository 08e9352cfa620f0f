//! What `session-auth` costs, beside its peers: the services that are measured, and how.
//!
//! `docs/performance.md` has the figures and the commands.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "callers")]
pub mod callers;
pub mod case;
pub mod cores;
pub mod deliveries;
pub mod floor;
pub mod peers;
pub mod routes;
pub mod services;
#[cfg(feature = "stores")]
pub mod stores;

pub use case::Case;

/// Whose session it is, in all services.
pub const SUBJECT: &str = "ada@example.com";

/// Every case, by name, in the order of the report.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut all = services::cases();
    all.extend(deliveries::cases());
    all.extend(peers::cases());
    all
}
