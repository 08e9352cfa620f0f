//! What requests allocate, counted.

use std::collections::BTreeMap;

/// dhat counts what goes through it; it is slower than the system's allocator, so it is used here
/// and not where time is measured.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Requests for each figure. All allocate alike, so that the quotient has no remainder.
const COUNT: u64 = 100;

/// Blocks and bytes allocated for one request.
///
/// # Panics
///
/// No two counts in a row are the same.
fn allocations(case: &mut session_auth_benches::Case) -> (u64, u64) {
    let mut before = None;
    // What is allocated once (counters, thread locals, what a slow machine makes expire) is in the
    // first of them, or in one.
    for _ in 0..6 {
        match count(case) {
            Some(same) if before == Some(same) => return same,
            found => before = found,
        }
    }
    panic!("{}: the counts of allocations vary", case.name());
}

/// `None` where a few requests allocated more than twice as many.
fn count(case: &mut session_auth_benches::Case) -> Option<(u64, u64)> {
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
    let of = |before: u64, once: u64, twice: u64| {
        let difference = (twice - once).checked_sub(once - before)?;
        Some(difference / COUNT)
    };
    Some((
        of(before.0, once.0, twice.0)?,
        of(before.1, once.1, twice.1)?,
    ))
}

// One test: the counters are the process's.
#[test]
fn a_public_route_allocates_nothing_more_than_an_identity_layer() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut found = BTreeMap::new();
    for mut case in session_auth_benches::cases() {
        // As many blocks as 1 KiB, and seconds of an unoptimized SHA-256.
        if case.name().contains("1 MiB") {
            continue;
        }
        let (blocks, bytes) = allocations(&mut case);
        println!("{:<40} {blocks:>3} blocks {bytes:>6} bytes", case.name());
        found.insert(case.name(), blocks);
    }
    // It counts: an identity layer does not come for free.
    assert!(found["identity"] > found["bare router"]);
    assert!(found["session, typed"] > found["identity"]);

    // An authenticator that need not wait costs no boxed future: what is proved, and the pass.
    #[cfg(feature = "callers")]
    for mut case in session_auth_benches::callers::cases() {
        if case.name() == session_auth_benches::callers::API_KEY[0] {
            let (blocks, bytes) = allocations(&mut case);
            println!("{:<40} {blocks:>3} blocks {bytes:>6} bytes", case.name());
            assert!(blocks <= found["session, typed"], "{blocks} blocks");
        }
    }

    for public in ["public, typed", "public, merged", "public, layered"] {
        assert_eq!(found[public], found["identity"], "{public}");
    }
}
