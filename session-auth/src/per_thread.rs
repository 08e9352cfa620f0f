//! What threads would fight over if they shared it: a line of memory that two processors write moves
//! between their caches with each request.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

/// The most parts that anything is in, whatever the number of cores: it bounds the memory.
const MAX_PARTS: usize = 64;

/// One for each core, and a power of two.
pub(crate) fn parts() -> usize {
    static PARTS: OnceLock<usize> = OnceLock::new();
    *PARTS.get_or_init(|| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        cores.next_power_of_two().min(MAX_PARTS)
    })
}

/// The number of this thread, which no other has or will have. Threads that start one after the other
/// have different parts.
pub(crate) fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    const NONE: usize = usize::MAX;
    thread_local! {
        // A constant, and nothing to drop: that costs no check whether it is there.
        static NUMBER: Cell<usize> = const { Cell::new(NONE) };
    }
    NUMBER.with(|number| {
        if number.get() == NONE {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

/// The part of this thread, of [`parts`] of them.
pub(crate) fn of_this_thread<T>(parts: &[T]) -> &T {
    // A power of two: the mask is cheaper than a division.
    &parts[thread_number() & (parts.len() - 1)]
}

/// On cache lines of its own; two, as processors fetch pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Apart<T>(T);

/// A count that threads add to apart.
pub(crate) struct Count(Box<[Apart<AtomicU64>]>);

impl Count {
    pub(crate) fn add_one(&self) {
        of_this_thread(&self.0).0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn all(&self) -> u64 {
        self.0
            .iter()
            .map(|part| part.0.load(Ordering::Relaxed))
            .sum()
    }
}

impl Default for Count {
    fn default() -> Self {
        Self((0..parts()).map(|_| Apart::default()).collect())
    }
}

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all().fmt(f)
    }
}

/// A value in parts: each refers to it, and is for the clones that one thread makes.
pub(crate) struct Parts<T>(Arc<[Part<T>]>);

/// Its count of references is that of one thread's clones.
type Part<T> = Arc<Apart<Arc<T>>>;

impl<T> Parts<T> {
    pub(crate) fn new(value: T) -> Self {
        let value = Arc::new(value);
        let part = |_| Arc::new(Apart(Arc::clone(&value)));
        Self((0..parts()).map(part).collect())
    }
}

impl<T> Clone for Parts<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Parts<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        &of_this_thread(&self.0).0
    }
}

/// An [`Arc`] for services that axum clones for each request: threads count their clones apart.
pub(crate) enum Shared<T> {
    /// As it was made.
    Whole(Parts<T>),
    /// As it was cloned.
    Part(Part<T>),
}

impl<T> From<Parts<T>> for Shared<T> {
    fn from(parts: Parts<T>) -> Self {
        Self::Whole(parts)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self::Part(match self {
            Self::Whole(parts) => Arc::clone(of_this_thread(&parts.0)),
            Self::Part(part) => Arc::clone(part),
        })
    }
}

impl<T> Deref for Shared<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        match self {
            Self::Whole(parts) => parts,
            Self::Part(part) => &part.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_count_of_any_thread_is_lost() {
        let count = Count::default();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..1_000).for_each(|_| count.add_one()));
            }
        });
        assert_eq!(count.all(), 8_000);
    }

    #[test]
    fn threads_of_one_after_the_other_count_apart() {
        let numbers: Vec<_> = (0..parts())
            .map(|_| thread::spawn(thread_number).join().expect("a number"))
            .collect();
        // Other tests start threads in between.
        assert!(
            numbers.windows(2).all(|two| two[0] != two[1]),
            "{numbers:?}"
        );
    }

    #[test]
    fn clones_of_a_thread_are_counted_in_its_part_alone() {
        let parts = Parts::new(());
        let shared = Shared::from(parts.clone());
        let counts = || parts.0.iter().map(Arc::strong_count).collect::<Vec<_>>();
        let unused = counts();
        let clones: Vec<_> = (0..10).map(|_| shared.clone()).collect();
        assert_eq!(counts().iter().sum::<usize>(), 10 + unused.len());
        assert!(counts().contains(&11), "{:?}", counts());
        // The value itself is referred to by the parts, and by no clone.
        assert_eq!(Arc::strong_count(&parts), unused.len());
        // A clone of a clone stays in its part, wherever it is made.
        let moved = clones[0].clone();
        let moved = thread::spawn(move || moved.clone());
        let moved = moved.join().expect("a clone");
        assert!(counts().contains(&12), "{:?}", counts());
        drop((clones, moved));
        assert_eq!(counts(), unused);
    }

    #[test]
    fn the_value_goes_with_the_last_clone() {
        let value = Arc::new(());
        let shared = Shared::from(Parts::new(Arc::clone(&value)));
        let clone = shared.clone();
        drop(shared);
        assert_eq!(Arc::strong_count(&value), 2);
        drop(clone);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
