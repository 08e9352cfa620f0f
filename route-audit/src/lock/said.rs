//! What is said of a route, wherever that is written.

use std::cmp::Ordering;

use session_auth::{Access, Declaration};
use time::Date;

/// A declaration, compared by what it says: not by its place, nor by its handler, nor by what else it
/// speaks for. A file that moves and a function that is renamed change nothing for callers.
#[derive(Clone, Debug)]
pub(crate) struct Said(pub(crate) Declaration);

impl Said {
    fn key(&self) -> (&Access, Option<&str>, Option<&str>, Option<Date>) {
        let Self(declaration) = self;
        (
            declaration.access(),
            declaration.owner(),
            declaration.reason(),
            declaration.until(),
        )
    }
}

impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Said {}

impl PartialOrd for Said {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Said {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}
