//! What requests allocate, counted.

use std::collections::BTreeMap;

/// dhat counts what goes through it; it is slower than the system's allocator, so it is used here
/// and not where time is measured.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Requests for each figure. All allocate alike, so that the quotient has no remainder.
const COUNT: u64 = 100;

/// Blocks and bytes allocated for one request.
fn allocations(case: &mut session_auth_benches::Case) -> (u64, u64) {
    // What is allocated once: counters, thread locals.
    case.run(COUNT);
    let totals = || {
        let stats = dhat::HeapStats::get();
        (stats.total_blocks, stats.total_bytes)
    };
    let before = totals();
    case.run(COUNT);
    let once = totals();
    case.run(2 * COUNT);
    let twice = totals();
    // The difference of the two: without the list of requests, which both have.
    let of = |before: u64, once: u64, twice: u64| (twice - once) - (once - before);
    (
        of(before.0, once.0, twice.0) / COUNT,
        of(before.1, once.1, twice.1) / COUNT,
    )
}

// One test: the counters are the process's.
#[test]
fn a_public_route_allocates_nothing_more_than_an_identity_layer() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut found = BTreeMap::new();
    for mut case in session_auth_benches::cases() {
        let (blocks, bytes) = allocations(&mut case);
        println!("{:<40} {blocks:>3} blocks {bytes:>6} bytes", case.name());
        found.insert(case.name(), blocks);
    }
    // It counts: an identity layer does not come for free.
    assert!(found["identity"] > found["bare router"]);
    assert!(found["session, typed"] > found["identity"]);

    for public in ["public, typed", "public, merged", "public, layered"] {
        assert_eq!(found[public], found["identity"], "{public}");
    }
}
