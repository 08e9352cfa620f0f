//! The outage, replayed against the example that stands for the service: see `tests/`.
//!
//! A package of its own, since the UI tests next door are compiled with every dependency of their
//! package, and this one has SQLite among them.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
