//! The counters of one route. Threads count apart, so that a hot route costs the same on any number of
//! cores: a counter that they share moves from cache to cache with each request.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Timestamp;
use crate::per_thread;
use crate::response::Denial;

const REASONS: usize = Denial::ALL.len();

/// How many ways to know callers are counted apart; further ones go with the last.
pub(crate) const WAYS: usize = 4;

/// What the threads of one stripe count. On cache lines of its own; two, as processors fetch pairs.
#[repr(align(128))]
struct Stripe {
    /// The thread that made it, by its number.
    owner: usize,
    /// What its owner counts: nobody else writes it, so a store will do, which waits for none before it.
    passed: AtomicU64,
    /// What the others count.
    passed_by_others: AtomicU64,
    verified: AtomicU64,
    /// In seconds since 1970; 0 for never.
    last_verified: AtomicU64,
    /// Time and reason in one, as [`pack`] has it.
    last_denied: AtomicU64,
    denied: [AtomicU64; REASONS],
    proved: [AtomicU64; WAYS],
}

/// The counters of one route.
pub(crate) struct Counters {
    /// Made when a thread of theirs first comes by: routes that nobody calls stay small.
    stripes: Box<[OnceLock<Box<Stripe>>]>,
    /// What a store knows of other processes, or of this one before its last start.
    known_verified: AtomicU64,
    /// When the first delivery was refused since the last one was verified; 0 for none.
    refused_since: AtomicU64,
    observed: [AtomicU64; REASONS],
    unclassified: AtomicU64,
    pub(super) handler_refused: AtomicU64,
    pub(super) handler_failed: AtomicU64,
}

/// The counts at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) verified: u64,
    pub(crate) denied: [u64; REASONS],
    /// Callers, by the way that proved them.
    pub(crate) proved: [u64; WAYS],
}

impl Counts {
    pub(crate) fn all_denied(&self) -> u64 {
        self.denied.iter().sum()
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            stripes: (0..per_thread::parts()).map(|_| OnceLock::new()).collect(),
            known_verified: AtomicU64::new(0),
            refused_since: AtomicU64::new(0),
            observed: Default::default(),
            unclassified: AtomicU64::new(0),
            handler_refused: AtomicU64::new(0),
            handler_failed: AtomicU64::new(0),
        }
    }
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.counts().fmt(f)
    }
}

/// Reasons are few, and seconds fit for a few billion years.
fn pack(now: Timestamp, denial: Denial) -> u64 {
    now.as_secs() << 8 | denial as u64
}

fn unpack(packed: u64) -> Option<(Timestamp, Denial)> {
    let reason = usize::from(packed as u8);
    (packed != 0).then(|| (Timestamp::from_secs(packed >> 8), Denial::ALL[reason]))
}

/// Writes only what is new: a line that nobody writes stays in every cache.
fn note(time: &AtomicU64, value: u64) {
    if time.load(Ordering::Relaxed) != value {
        time.store(value, Ordering::Relaxed);
    }
}

impl Stripe {
    /// Of this thread.
    fn new() -> Box<Self> {
        Box::new(Self {
            owner: per_thread::thread_number(),
            passed: AtomicU64::new(0),
            passed_by_others: AtomicU64::new(0),
            verified: AtomicU64::new(0),
            last_verified: AtomicU64::new(0),
            last_denied: AtomicU64::new(0),
            denied: Default::default(),
            proved: Default::default(),
        })
    }

    fn pass(&self) {
        if self.owner == per_thread::thread_number() {
            let passed = self.passed.load(Ordering::Relaxed);
            self.passed.store(passed + 1, Ordering::Relaxed);
        } else {
            self.passed_by_others.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed) + self.passed_by_others.load(Ordering::Relaxed)
    }
}

impl Counters {
    fn stripe(&self) -> &Stripe {
        per_thread::of_this_thread(&self.stripes).get_or_init(Stripe::new)
    }

    fn made(&self) -> impl Iterator<Item = &Stripe> {
        self.stripes
            .iter()
            .filter_map(|stripe| stripe.get().map(|stripe| &**stripe))
    }

    pub(crate) fn pass(&self) {
        self.stripe().pass();
    }

    /// Counts a caller, by the number of the way that proved them.
    pub(crate) fn prove(&self, way: usize) {
        self.stripe().proved[way.min(WAYS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a delivery whose proof was accepted. `None` where the clock has no
    /// time to give.
    pub(crate) fn verify(&self, now: Option<Timestamp>) {
        let stripe = self.stripe();
        stripe.verified.fetch_add(1, Ordering::Relaxed);
        if let Some(now) = now {
            note(&stripe.last_verified, now.as_secs());
        }
        note(&self.refused_since, 0);
    }

    /// Notes that a session was accepted: `passed` counts it.
    pub(crate) fn saw_session(&self, now: Timestamp) {
        note(&self.stripe().last_verified, now.as_secs());
    }

    pub(crate) fn deny(&self, denial: Denial, now: Option<Timestamp>) {
        let stripe = self.stripe();
        stripe.denied[denial as usize].fetch_add(1, Ordering::Relaxed);
        self.refused_at(stripe, denial, now);
    }

    /// Counts a request that is let through although it would be denied, and says which one of its
    /// kind it is.
    pub(crate) fn observe(&self, denial: Denial, now: Option<Timestamp>) -> u64 {
        self.refused_at(self.stripe(), denial, now);
        self.observed[denial as usize].fetch_add(1, Ordering::Relaxed) + 1
    }

    fn refused_at(&self, stripe: &Stripe, denial: Denial, now: Option<Timestamp>) {
        let Some(now) = now else { return };
        note(&stripe.last_denied, pack(now, denial));
        self.refuse(Some(now));
    }

    /// Notes that a proof was refused, by a handler that checks it itself: what it answers is its own.
    pub(crate) fn refuse(&self, now: Option<Timestamp>) {
        let Some(now) = now else { return };
        if self.refused_since.load(Ordering::Relaxed) == 0 {
            let _ = self.refused_since.compare_exchange(
                0,
                now.as_secs(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }

    /// Counts a request to a route that nobody declared, and says which one it is.
    pub(crate) fn unclassified(&self) -> u64 {
        self.unclassified.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn all_unclassified(&self) -> u64 {
        self.unclassified.load(Ordering::Relaxed)
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts {
            passed: 0,
            verified: 0,
            denied: [0; REASONS],
            proved: [0; WAYS],
        };
        for stripe in self.made() {
            counts.passed += stripe.passed();
            counts.verified += stripe.verified.load(Ordering::Relaxed);
            for (sum, denied) in counts.denied.iter_mut().zip(&stripe.denied) {
                *sum += denied.load(Ordering::Relaxed);
            }
            for (sum, proved) in counts.proved.iter_mut().zip(&stripe.proved) {
                *sum += proved.load(Ordering::Relaxed);
            }
        }
        counts
    }

    pub(super) fn observed(&self) -> [u64; REASONS] {
        self.observed
            .each_ref()
            .map(|it| it.load(Ordering::Relaxed))
    }

    /// When a proof was last accepted: here, or as far as a store knows.
    pub(crate) fn last_verified(&self) -> Option<Timestamp> {
        let here = self
            .made()
            .map(|it| it.last_verified.load(Ordering::Relaxed));
        let last = here.max().unwrap_or(0);
        let last = last.max(self.known_verified.load(Ordering::Relaxed));
        (last != 0).then_some(Timestamp::from_secs(last))
    }

    pub(crate) fn last_denied(&self) -> Option<(Timestamp, Denial)> {
        let all = self.made().map(|it| it.last_denied.load(Ordering::Relaxed));
        unpack(all.max().unwrap_or(0))
    }

    /// Since when proofs are refused and none was accepted.
    pub(crate) fn refused_since(&self) -> Option<Timestamp> {
        let since = self.refused_since.load(Ordering::Relaxed);
        if since == 0 {
            return None;
        }
        match self.last_verified() {
            // Another process accepted one since: what this one has refused after that begins anew.
            Some(verified) if verified.as_secs() >= since => {
                let (last, _) = self.last_denied()?;
                let later = if last > verified { last.as_secs() } else { 0 };
                let _ = self.refused_since.compare_exchange(
                    since,
                    later,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                (later != 0).then_some(last)
            }
            _ => Some(Timestamp::from_secs(since)),
        }
    }

    /// Takes what others have seen.
    pub(crate) fn was_verified(&self, at: Timestamp) {
        self.known_verified
            .fetch_max(at.as_secs(), Ordering::Relaxed);
    }

    /// Makes times that lie ahead of the clock those of now: it has gone back, and what it said before
    /// would keep silence from being heard for as long.
    pub(crate) fn not_after(&self, now: Timestamp) {
        let now = now.as_secs();
        let times = self.made().map(|stripe| &stripe.last_verified);
        for time in times.chain([&self.known_verified, &self.refused_since]) {
            time.fetch_min(now, Ordering::Relaxed);
        }
        for stripe in self.made() {
            let denied = stripe.last_denied.load(Ordering::Relaxed);
            if denied >> 8 > now {
                stripe
                    .last_denied
                    .store(now << 8 | denied & 0xff, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn no_count_of_any_thread_is_lost() {
        let counters = Counters::default();
        thread::scope(|scope| {
            for thread in 0..8 {
                let counters = &counters;
                scope.spawn(move || {
                    for _ in 0..1_000 {
                        counters.pass();
                        counters.verify(Some(at(10 + thread)));
                        counters.deny(Denial::Expired, Some(at(100 - thread)));
                    }
                });
            }
        });
        let counts = counters.counts();
        assert_eq!((counts.passed, counts.verified), (8_000, 8_000));
        assert_eq!(counts.denied[Denial::Expired as usize], 8_000);
        assert_eq!(counts.all_denied(), 8_000);
        assert!(counters.last_verified() <= Some(at(17)));
        assert!(
            counters
                .last_denied()
                .is_some_and(|(_, why)| why == Denial::Expired)
        );
    }

    #[test]
    fn a_stripe_is_two_pairs_of_cache_lines() {
        assert!(size_of::<Stripe>() <= 256, "{}", size_of::<Stripe>());
    }

    #[test]
    fn a_route_that_nobody_called_has_no_stripes() {
        let counters = Counters::default();
        assert_eq!(counters.made().count(), 0);
        counters.pass();
        assert_eq!(counters.made().count(), 1);
    }

    #[test]
    fn refused_since_is_the_first_refusal_after_the_last_proof() {
        let counters = Counters::default();
        assert_eq!(counters.refused_since(), None);
        counters.deny(Denial::SignatureInvalid, Some(at(10)));
        counters.deny(Denial::SignatureMissing, Some(at(20)));
        assert_eq!(counters.refused_since(), Some(at(10)));
        assert_eq!(
            counters.last_denied(),
            Some((at(20), Denial::SignatureMissing))
        );
        counters.verify(Some(at(30)));
        assert_eq!(counters.refused_since(), None);
        counters.observe(Denial::SignatureInvalid, Some(at(40)));
        assert_eq!(counters.refused_since(), Some(at(40)));
    }

    #[test]
    fn a_proof_that_another_process_accepted_counts() {
        let counters = Counters::default();
        counters.deny(Denial::SignatureInvalid, Some(at(10)));
        counters.was_verified(at(15));
        assert_eq!(counters.refused_since(), None);
        counters.deny(Denial::SignatureInvalid, Some(at(20)));
        assert_eq!(counters.refused_since(), Some(at(20)));
        assert_eq!(counters.last_verified(), Some(at(15)));
        counters.was_verified(at(5));
        assert_eq!(counters.last_verified(), Some(at(15)));
    }

    #[test]
    fn a_clock_that_went_back_takes_its_times_along() {
        let counters = Counters::default();
        counters.verify(Some(at(5_000)));
        counters.deny(Denial::SignatureInvalid, Some(at(5_001)));
        counters.not_after(at(1_400));
        assert_eq!(counters.last_verified(), Some(at(1_400)));
        assert_eq!(
            counters.last_denied(),
            Some((at(1_400), Denial::SignatureInvalid))
        );
    }

    /// What counting costs: `cargo test --release -p session-auth --lib -- --ignored --nocapture costs`.
    #[test]
    #[ignore = "a measurement, for an optimized build on a quiet machine"]
    fn counting_costs_no_more_than_15_ns_on_any_number_of_threads() {
        const REQUESTS: u32 = 2_000_000;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        // Threads that share nothing are the measure: cores share clock, caches and each other.
        let measure = |threads: usize, one_route: bool| {
            let routes: Vec<_> = (0..threads).map(|_| Counters::default()).collect();
            let each = thread::scope(|scope| {
                let all: Vec<_> = (0..threads)
                    .map(|thread| {
                        let counters = &routes[if one_route { 0 } else { thread }];
                        scope.spawn(move || {
                            let begun = std::time::Instant::now();
                            for second in 0..REQUESTS {
                                let counters = std::hint::black_box(counters);
                                counters.pass();
                                counters.saw_session(at(u64::from(second >> 16) + 1));
                            }
                            begun.elapsed().as_secs_f64() * 1e9 / f64::from(REQUESTS)
                        })
                    })
                    .collect();
                let all = all.into_iter().map(|it| it.join().expect("no panic"));
                all.collect::<Vec<f64>>()
            });
            each.iter().sum::<f64>() / threads as f64
        };
        measure(1, true);
        let best = |threads, one_route| {
            let all = (0..15).map(|_| measure(threads, one_route));
            all.fold(f64::MAX, f64::min)
        };
        for threads in [1, 2, cores] {
            let (shared, apart) = (best(threads, true), best(threads, false));
            println!(
                "{threads} threads: {shared:.1} ns a request, {apart:.1} on routes of their own"
            );
            assert!(shared <= 15.0, "{threads} threads: {shared} ns");
            assert!(
                shared <= apart * 1.1 + 1.0,
                "{threads} threads: {shared} ns, {apart} apart"
            );
        }
    }
}
