//! Deletes each check of the audit in turn, and sees a test fail.
//!
//! `checks/*.toml` has a row for each check: the text of it, the text without it, and the test that
//! must fail then. All rows are put into one copy of the sources, each behind a condition that holds
//! unless the environment names the row; so one build has every mutation, and the sources that are
//! shipped have none. `cargo run -p mutations` does that. `tests/table.rs` holds the rows against
//! the sources in every `cargo test`: each text is there, and each refusal has a row.
#![forbid(unsafe_code)]

pub mod sites;
pub mod table;

/// The variable that names the check to leave out, in the copy.
pub const VARIABLE: &str = "MUTATION";

/// What a row writes for "unless this check is the one to leave out".
pub const KEPT: &str = "KEPT";
