//! What is compared.

use crate::base::Base;
use crate::lock::compare::Difference;
use crate::lock::digest::Digest;

/// Two states of the routes, compared.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) base: Base,
    pub(super) differences: Vec<Difference>,
    /// Of the differences, where there are any.
    pub(super) digest: Option<Digest>,
}
