//! What the lint finds.

/// What the source of one package holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lint {
    /// By file, line and column.
    pub(crate) found: Vec<Found>,
    /// The files that could not be read or parsed, and why. Nothing is known of what is in them.
    pub(crate) unread: Vec<(String, String)>,
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// From the root of the workspace, with `/`.
    pub(crate) file: String,
    /// Counted from 1, as the column is.
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) kind: Kind,
    /// As exceptions name it: `axum::serve`, `into_make_service`, `axum::routing::get`.
    pub(crate) call: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A router or service is served here.
    Exit,
    /// An axum router is built here, whose handlers no guard's pass is asked for.
    Axum,
}
