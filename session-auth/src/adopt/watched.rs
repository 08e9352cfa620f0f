//! What a router mounts, where the program holds it for a while.
//!
//! axum asks nothing of a router that is served before the first connection, and then there may be
//! nobody to connect. So where somebody wants reports, a thread looks at the routers that there are:
//! one to which nothing was added since its last look is written.

use std::any::type_name;
use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::access::Location;
use crate::mounted::Record;
use crate::report::form::StateRecord;
use crate::report::report_dir;
use crate::unauditable::report_adopted;

/// How long nothing may be added.
const PAUSE: Duration = Duration::from_millis(300);

/// The record of a router, shared with the thread that looks at it.
pub(super) struct Watched(Arc<Mutex<Record>>);

static ALL: Mutex<Vec<Weak<Mutex<Record>>>> = Mutex::new(Vec::new());

/// What the program's routers were given as their state: a router that is a part of another by now
/// has no record of its own.
static STATES: Mutex<BTreeSet<StateRecord>> = Mutex::new(BTreeSet::new());

/// Remembers the type of a state, where somebody wants reports.
#[track_caller]
pub(super) fn given<S>() {
    let ty = type_name::<S>();
    if ty != "()" && report_dir().is_some() {
        lock(&STATES).insert(StateRecord {
            given: Location::caller(),
            ty: ty.into(),
        });
    }
}

pub(super) fn states() -> Vec<StateRecord> {
    lock(&STATES).iter().cloned().collect()
}

impl Watched {
    pub(super) fn new(record: Record) -> Self {
        static THREAD: Once = Once::new();
        let shared = Arc::new(Mutex::new(record));
        if report_dir().is_some() {
            lock(&ALL).push(Arc::downgrade(&shared));
            THREAD.call_once(|| drop(thread::spawn(watch)));
        }
        Self(shared)
    }

    pub(super) fn take(&self) -> Record {
        mem::take(&mut *lock(&self.0))
    }

    pub(super) fn put(&self, record: Record) {
        *lock(&self.0) = record;
    }

    pub(super) fn get(&self) -> Record {
        lock(&self.0).clone()
    }
}

/// What is added to one from now on is not in the other.
impl Clone for Watched {
    fn clone(&self) -> Self {
        Self::new(self.get())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch() {
    let mut before: HashMap<usize, String> = HashMap::new();
    loop {
        thread::sleep(PAUSE);
        let routers: Vec<_> = {
            let mut all = lock(&ALL);
            all.retain(|router| router.strong_count() > 0);
            all.iter().filter_map(Weak::upgrade).collect()
        };
        let mut now = HashMap::new();
        for router in routers {
            let record = lock(&router).clone();
            let (key, text) = (Arc::as_ptr(&router).addr(), record.text());
            if before.get(&key).is_some_and(|known| *known == text) {
                // One that is empty yet, or cannot be read, says so where it is served.
                let _ = report_adopted(&record, || text.clone(), states);
            }
            now.insert(key, text);
        }
        before = now;
    }
}
