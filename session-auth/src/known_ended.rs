//! Which sessions this process knows to be over in their browsers.
//!
//! An answer may come late: its request was let in with a session, and by the time it goes out the
//! browser has logged out, logged somebody else in, or got a new id for the session. A cookie that
//! slides with that answer would undo it. So what ends a session in a browser is noted here, and looked
//! up before such a cookie is written; nowhere else, so that a request costs nothing.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::session_id::SessionId;

/// How many are kept, the latest: half a megabyte. At ten a second that is half an hour.
const CAPACITY: usize = 16 * 1024;

#[derive(Default)]
pub(crate) struct KnownEnded(Mutex<Known>);

#[derive(Default)]
struct Known {
    ids: HashSet<SessionId>,
    /// The same, the oldest first.
    order: VecDeque<SessionId>,
}

impl KnownEnded {
    pub(crate) fn note(&self, id: SessionId) {
        let mut known = self.known();
        if !known.ids.insert(id) {
            return;
        }
        known.order.push_back(id);
        if known.order.len() > CAPACITY
            && let Some(oldest) = known.order.pop_front()
        {
            known.ids.remove(&oldest);
        }
    }

    pub(crate) fn has(&self, id: SessionId) -> bool {
        self.known().ids.contains(&id)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_known_and_the_oldest_make_room() {
        let ended = KnownEnded::default();
        let id = |n: usize| SessionId::from_bytes((n as u128).to_be_bytes());
        for n in 0..CAPACITY + 10 {
            ended.note(id(n));
            ended.note(id(n));
        }
        assert!(!ended.has(id(9)));
        assert!(ended.has(id(10)) && ended.has(id(CAPACITY + 9)));
        let known = ended.known();
        assert_eq!((known.ids.len(), known.order.len()), (CAPACITY, CAPACITY));
    }
}
