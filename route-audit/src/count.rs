//! A number of things, in words.

use std::fmt::Display;

/// `1 route`, `2 routes`.
pub(crate) fn count<N: Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
