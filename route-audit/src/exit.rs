//! The exit codes. There is no fourth.

/// Nothing that fails the audit.
pub const CLEAN: u8 = 0;
/// At least one finding of severity `error`.
pub const FINDINGS: u8 = 100;
/// The audit could not run, so nothing is known.
pub const COULD_NOT_RUN: u8 = 101;
