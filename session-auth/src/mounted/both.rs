//! Two pieces of work at once, for routers of thousands of routes.

use std::{panic, thread};

/// Into how many pieces to divide the work on so many routes: at most one for each core, and none of
/// fewer than 250 routes, which take some 2 ms.
pub(super) fn pieces(routes: usize) -> usize {
    const AT_LEAST: usize = 250;
    match routes / AT_LEAST {
        0 | 1 => 1,
        pieces => thread::available_parallelism().map_or(1, |cores| pieces.min(cores.get())),
    }
}

/// Does both: the second on a thread of its own where it is worth `pieces` of at least two, and there
/// is one to be had.
pub(super) fn both<A, B: Send>(
    pieces: usize,
    one: impl FnOnce() -> A,
    other: impl Fn() -> B + Sync,
) -> (A, B) {
    if pieces < 2 {
        return (one(), other());
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, &other);
        let one = one();
        let other = match thread {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|panicked| panic::resume_unwind(panicked)),
            Err(_) => other(),
        };
        (one, other)
    })
}
