//! Which sessions this process knows to be over in their browsers.
//!
//! An answer may come late: its request was let in with a session, and by the time it goes out the
//! browser has logged out, logged somebody else in, or got a new id for the session. A cookie that
//! slides with that answer would undo it. So what ends a session in a browser is noted here, and looked
//! up before such a cookie is written; nowhere else, so that a request costs nothing.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::session_id::SessionId;

/// How many are kept, the latest: half a megabyte. At ten a second that is half an hour.
const CAPACITY: usize = 16 * 1024;

#[derive(Default)]
pub(crate) struct KnownEnded(Mutex<Known>);

/// By the name of the cookie.
static OF_COOKIES: Mutex<BTreeMap<String, Weak<KnownEnded>>> = Mutex::new(BTreeMap::new());

#[derive(Default)]
struct Known {
    ids: HashMap<SessionId, How>,
    /// The same, the oldest first.
    order: VecDeque<SessionId>,
}

/// What ended a session in its browser.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    /// It got another id. If that answer was lost the browser has the old one, and may ask again.
    Renewed,
    /// A logout, or the login of somebody else.
    Over,
}

impl KnownEnded {
    /// What is known of the cookie of this name. Layers of one process that have the same share it, as they
    /// share the cookie.
    pub(crate) fn of_cookie(name: &str) -> Arc<Self> {
        let mut all = OF_COOKIES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(name).and_then(Weak::upgrade) {
            return known;
        }
        let known = Arc::default();
        all.insert(name.to_owned(), Arc::downgrade(&known));
        known
    }

    /// It is over: no cookie of it is written, nor one of a session that it is renewed to.
    pub(crate) fn note(&self, id: SessionId) {
        self.note_how(id, How::Over);
    }

    /// It has got another id.
    pub(crate) fn note_renewed(&self, id: SessionId) {
        self.note_how(id, How::Renewed);
    }

    fn note_how(&self, id: SessionId, how: How) {
        let mut known = self.known();
        match known.ids.entry(id) {
            Entry::Occupied(mut entry) => {
                let worst = how.max(*entry.get());
                entry.insert(worst);
                return;
            }
            Entry::Vacant(entry) => {
                entry.insert(how);
            }
        }
        known.order.push_back(id);
        if known.order.len() > CAPACITY
            && let Some(oldest) = known.order.pop_front()
        {
            known.ids.remove(&oldest);
        }
    }

    pub(crate) fn has(&self, id: SessionId) -> bool {
        self.known().ids.contains_key(&id)
    }

    /// Whether it is over, and not only renewed.
    pub(crate) fn is_over(&self, id: SessionId) -> bool {
        self.known().ids.get(&id) == Some(&How::Over)
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

    #[test]
    fn layers_share_what_is_known_of_their_cookie_while_there_is_one() {
        let id = SessionId::from_bytes([7; 16]);
        let known = KnownEnded::of_cookie("shared");
        known.note(id);
        assert!(KnownEnded::of_cookie("shared").has(id));
        assert!(!KnownEnded::of_cookie("other").has(id));
        drop(known);
        assert!(!KnownEnded::of_cookie("shared").has(id));
    }

    #[test]
    fn a_renewed_session_may_end_and_not_the_other_way() {
        let ended = KnownEnded::default();
        let id = SessionId::from_bytes([7; 16]);
        assert!(!ended.has(id) && !ended.is_over(id));
        ended.note_renewed(id);
        assert!(ended.has(id) && !ended.is_over(id));
        ended.note(id);
        ended.note_renewed(id);
        assert!(ended.has(id) && ended.is_over(id));
    }
}
