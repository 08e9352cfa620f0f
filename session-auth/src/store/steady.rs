//! When a clock is believed so far that what is over by it may be deleted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::Timestamp;
use crate::token::MAX_CLOCK_SKEW;

/// How long a clock has to go on as clocks do.
const EVERY: Duration = Duration::from_secs(5 * 60);

/// What a clock has shown of itself in this process.
///
/// A clock that is ahead comes back, and what it had expire is live again: a jump deletes nothing. Nor does
/// the clock that a process starts with, as a machine may come up before its time is set. Five minutes later
/// it has proved itself.
#[derive(Debug)]
pub(crate) struct Steady {
    /// When it was looked at last, in seconds since 1970, or 0 for never, ..
    seen: AtomicU64,
    /// .. and by a clock that does not jump, in seconds since `start`.
    seen_after: AtomicU64,
    start: Instant,
    /// The latest time that it has proved.
    proved: AtomicU64,
}

impl Default for Steady {
    fn default() -> Self {
        Self {
            seen: AtomicU64::new(0),
            seen_after: AtomicU64::new(0),
            start: Instant::now(),
            proved: AtomicU64::new(0),
        }
    }
}

impl Steady {
    /// The time that is past for certain, where the clock has just proved one: every five minutes, to the
    /// first who asks. `leeway` is by how much the clocks of machines that share a store may differ.
    pub(crate) fn proves(&self, now: Timestamp, leeway: Duration) -> Option<Timestamp> {
        let seen = self.seen.load(Ordering::Relaxed);
        let since = now.since(Timestamp::from_secs(seen));
        // By less, and it is another machine's request, or one that took its time.
        let went_back = now.as_secs().saturating_add(leeway.as_secs()) < seen;
        if since < EVERY && !went_back {
            return None;
        }
        // Of those at the same time, one is answered.
        let claimed =
            self.seen
                .compare_exchange(seen, now.as_secs(), Ordering::Relaxed, Ordering::Relaxed);
        if claimed.is_err() {
            return None;
        }
        let after = self.start.elapsed().as_secs();
        let passed = after - self.seen_after.swap(after, Ordering::Relaxed).min(after);
        let passed = Duration::from_secs(passed);
        if seen == 0 {
            return None;
        }
        let past = now.as_secs().saturating_sub(leeway.as_secs());
        if went_back {
            // It was ahead for so long that it was believed.
            self.proved.fetch_min(past, Ordering::Relaxed);
        }
        if went_back || since > passed.saturating_add(leeway) {
            tracing::warn!(
                target: "session_auth",
                from = seen,
                to = now.as_secs(),
                "the system clock has jumped: what has expired is not deleted until it has been right \
                 for five minutes"
            );
            return None;
        }
        self.proved.store(past, Ordering::Relaxed);
        Some(Timestamp::from_secs(past))
    }

    /// The latest time that is past for certain; before the clock has proved one, 1970.
    pub(crate) fn past(&self, now: Timestamp) -> Timestamp {
        self.proves(now, MAX_CLOCK_SKEW);
        Timestamp::from_secs(self.proved.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;
    const SKEW: u64 = MAX_CLOCK_SKEW.as_secs();

    fn past(steady: &Steady, now: u64) -> u64 {
        steady.past(Timestamp::from_secs(now)).as_secs()
    }

    #[test]
    fn a_clock_is_believed_that_goes_on_as_clocks_do() {
        let steady = Steady::default();
        assert_eq!(past(&steady, NOW), 0, "it may be ahead");
        assert_eq!(past(&steady, NOW + 299), 0);
        assert_eq!(past(&steady, NOW + 300), NOW + 300 - SKEW);
        // Not all the time, and not by a request that took its time.
        for now in [NOW + 301, NOW + 599, NOW] {
            assert_eq!(past(&steady, now), NOW + 300 - SKEW);
        }
        assert_eq!(past(&steady, NOW + 600), NOW + 600 - SKEW);
    }

    #[test]
    fn a_jump_proves_nothing_to_either_side() {
        let steady = Steady::default();
        let year = 365 * 86_400;
        for now in [NOW, NOW + 300, NOW + year, NOW + year + 1] {
            past(&steady, now);
        }
        assert_eq!(past(&steady, NOW + year + 2), NOW + 300 - SKEW);
        // It stays there until it is believed, and comes back all the same.
        assert_eq!(past(&steady, NOW + year + 300), NOW + year + 300 - SKEW);
        assert_eq!(past(&steady, NOW + 600), NOW + 600 - SKEW);
        assert_eq!(past(&steady, NOW + 900), NOW + 900 - SKEW);
    }
}
