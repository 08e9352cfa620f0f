//! Why a router cannot be read.

use std::fmt;

/// A router's `Debug` output is not what axum 0.8 prints, or a router mounts nothing.
///
/// There is no way to tell what such a router mounts, so an audit that meets this could not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(Reason);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Text {
        met: String,
        at: usize,
        excerpt: String,
    },
    Mismatch(String),
    Empty,
}

impl Unreadable {
    pub(super) fn new(text: &str, at: usize, met: impl Into<String>) -> Self {
        let end = text.len();
        let is_boundary = |index: &usize| text.is_char_boundary(*index);
        let before = (0..=at.saturating_sub(40).min(end)).rev().find(is_boundary);
        let after = ((at + 40).min(end)..=end).find(is_boundary);
        let excerpt = text[before.unwrap_or(0)..after.unwrap_or(end)].to_owned();
        let met = met.into();
        Self(Reason::Text { met, at, excerpt })
    }

    /// The router and its record do not agree.
    pub(crate) fn mismatch(what: impl Into<String>) -> Self {
        Self(Reason::Mismatch(what.into()))
    }

    /// A router without a route: nothing to audit, which must not pass for a clean audit.
    pub(crate) fn empty() -> Self {
        Self(Reason::Empty)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Text { met, at, excerpt } => write!(
                f,
                "the `Debug` output of this `axum::Router` cannot be read: {met}, at byte {at}, \
                 near `{excerpt}`; session-auth {} reads what axum 0.8.0 to 0.8.9 print: use one \
                 of these, or a session-auth that knows this axum",
                env!("CARGO_PKG_VERSION"),
            ),
            Reason::Mismatch(what) => write!(
                f,
                "this axum does not do what axum 0.8.0 to 0.8.9 do: {what}; use one of these, or a \
                 session-auth that knows this axum"
            ),
            Reason::Empty => f.write_str(
                "the router mounts nothing, so there is nothing to audit: mount its routes in \
                 the audited function, or take `#[audited_router]` off it",
            ),
        }
    }
}

impl std::error::Error for Unreadable {}
