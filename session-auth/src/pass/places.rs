//! Where functions under an attribute are mounted first. Their seal has no room for it, and it matters only
//! where one of them is reached without its guard.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::access::{Declaration, Location};

/// By the address of the declaration, which is a `static`.
static FIRST: Mutex<BTreeMap<usize, Location>> = Mutex::new(BTreeMap::new());

/// Whether this is the first place, which it becomes where there is none yet.
pub(crate) fn is_first(declaration: &'static Declaration, mounted: Location) -> bool {
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    let address = std::ptr::from_ref(declaration).addr();
    *first.entry(address).or_insert_with(|| mounted.clone()) == mounted
}

pub(crate) fn first(declaration: &'static Declaration) -> Location {
    let first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    let known = first.get(&std::ptr::from_ref(declaration).addr());
    known.unwrap_or(&declaration.location).clone()
}
