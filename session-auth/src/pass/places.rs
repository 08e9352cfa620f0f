//! Where functions under an attribute are mounted. Their seal has no room for it, and it matters only where
//! one of them is reached without its guard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::access::{Declaration, Location};

/// By the address of the declaration, which is a `static`.
static PLACES: Mutex<BTreeMap<usize, BTreeSet<Location>>> = Mutex::new(BTreeMap::new());

pub(crate) fn note(declaration: &'static Declaration, mounted: Location) {
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    let address = std::ptr::from_ref(declaration).addr();
    places.entry(address).or_default().insert(mounted);
}

/// By file and line.
pub(crate) fn of(declaration: &'static Declaration) -> Vec<Location> {
    let places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    let of = places.get(&std::ptr::from_ref(declaration).addr());
    of.into_iter().flatten().cloned().collect()
}
