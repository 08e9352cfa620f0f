//! The mail pipeline as its provider, its help desk and its operators meet it, over real sockets and
//! with real databases: see `tests/`.
//!
//! A package of its own: what is in the example's folder is copied, and compiled again without each
//! of its attributes, by the tests next door.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
