//! The atomics of what has no lock: by another name than the standard library's, so that a test can put
//! those of a model checker in their place.

pub(crate) use std::sync::atomic;
