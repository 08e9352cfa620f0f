//! Which sessions' last use was noted in the store, and when: so that many requests of one session write
//! once.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::session_id::SessionId;
use crate::sync::atomic::{AtomicU64, Ordering};

/// How many sessions are remembered at one time. One that is pushed out costs a write.
const PLACES: usize = 1024;

/// Half an id and half a time, at the place of the id.
pub(crate) struct Noted(Box<[AtomicU64]>);

impl Default for Noted {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Noted {
    /// Whether the use of this session is to be noted in the store: `false` where a request of this
    /// process has done so less than `every` ago, or is about to.
    pub(crate) fn is_first(&self, id: SessionId, now: Timestamp, every: Duration) -> bool {
        let (place, of_id) = self.place(id);
        let last = place.load(Ordering::Relaxed);
        let now = now.as_secs() as u32;
        // Both halves wrap: a clock that went back has a note written too many.
        let ago = now.wrapping_sub(last as u32);
        if last >> 32 == of_id && u64::from(ago) < every.as_secs() {
            return false;
        }
        let noted = of_id << 32 | u64::from(now);
        place
            .compare_exchange(last, noted, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// The note was not written.
    pub(crate) fn forget(&self, id: SessionId) {
        self.place(id).0.store(0, Ordering::Relaxed);
    }

    /// Where a session's use is noted, and the half of its id that is written there; never 0.
    fn place(&self, id: SessionId) -> (&AtomicU64, u64) {
        let [a, b, c, d, e, f, ..] = *id.as_bytes();
        let place = usize::from(u16::from_be_bytes([a, b])) % PLACES;
        (
            &self.0[place],
            u64::from(u32::from_be_bytes([c, d, e, f]) | 1),
        )
    }
}
