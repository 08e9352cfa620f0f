//! Tests of session-auth from the outside: see `tests/`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

/// The README's code compiles. It is read from here since a published package cannot name a file
/// above its own folder.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
