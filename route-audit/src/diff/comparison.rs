//! What is compared.

use crate::lock::compare::Difference;

/// Two states of the routes, compared.
#[derive(Debug)]
pub(super) struct Comparison {
    /// What was asked for: `HEAD`, `origin/main`.
    pub(super) base: String,
    /// The commit whose lock was read.
    pub(super) commit: String,
    /// Whether that commit has a lock. Where not, every route is new.
    pub(super) lock_at_base: bool,
    pub(super) differences: Vec<Difference>,
}
