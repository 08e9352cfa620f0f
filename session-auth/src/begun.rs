//! When a login began, for issuing its session.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::store::Generation;

/// How long a login may take. Longer than anybody needs, and much less than the day for which stores
/// remember how often sessions were revoked.
const LASTS: Duration = Duration::from_secs(60 * 60);

/// When a login began, and how often the subject's sessions had been revoked by then.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) at: Timestamp,
    pub(crate) generation: Generation,
}

impl Begun {
    /// `None` where it is too long ago for a store to know what happened meanwhile.
    pub(crate) fn generation(self, now: Timestamp) -> Option<Generation> {
        (now.since(self.at) <= LASTS).then_some(self.generation)
    }
}
