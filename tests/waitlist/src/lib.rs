//! The waitlist as its operator meets it, on SQLite and on PostgreSQL: see `tests/`.
//!
//! A package of its own: what is in the example's folder is copied, and compiled again without each
//! of its attributes, by the tests next door.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
