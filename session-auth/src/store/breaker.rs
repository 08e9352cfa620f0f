//! A circuit breaker: of a store that is down, most requests are told at once.

use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// When the breaker opens, and for how long, unless the builder says otherwise.
pub(crate) const DEFAULT_BREAKER: (u32, Duration) = (8, Duration::from_secs(1));

pub(super) struct Breaker {
    /// How many more calls have failed than were answered since; open at `opens_at`.
    failures: AtomicU32,
    opens_at: u32,
    /// How long after the last one failed, one call at a time may find out.
    pause: Duration,
    /// While it is open, when the next trial is due, in milliseconds since `start`.
    pub(super) trial_at: AtomicU64,
    start: Instant,
    pub(super) timeout: Duration,
}

/// Leave to make one call. If that is given up on the way, it counts neither way.
#[must_use]
pub(super) struct Permit {
    pub(super) trial: bool,
}

impl Breaker {
    /// For calls that take no longer than `timeout`. Opens when so many more calls have failed than
    /// were answered since.
    pub(super) fn new((opens_at, pause): (u32, Duration), timeout: Duration) -> Self {
        Self {
            failures: AtomicU32::new(0),
            opens_at,
            pause,
            trial_at: AtomicU64::new(0),
            start: Instant::now(),
            timeout,
        }
    }

    /// `None` while the breaker is open.
    pub(super) fn permit(&self) -> Option<Permit> {
        // Acquire and Release, so that who sees it open sees when it is to be tried, too.
        if self.failures.load(Ordering::Acquire) < self.opens_at {
            return Some(Permit { trial: false });
        }
        let due = self.trial_at.load(Ordering::Relaxed);
        // Should this trial be given up, the next one is due when it would have failed.
        let next = self.after(self.timeout.saturating_add(self.pause));
        let claim = || {
            self.trial_at
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        (self.after(Duration::ZERO) >= due && claim()).then_some(Permit { trial: true })
    }

    pub(super) fn answered(&self, permit: Permit) {
        if permit.trial {
            self.failures.store(0, Ordering::Relaxed);
        } else if self.failures.load(Ordering::Relaxed) > 0 {
            // An open breaker is closed by a trial alone: this call may be from before.
            let fewer =
                |failures| (failures < self.opens_at).then(|| u32::saturating_sub(failures, 1));
            let _ = self
                .failures
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        }
    }

    pub(super) fn failed(&self, _: Permit) {
        self.trial_at
            .store(self.after(self.pause), Ordering::Relaxed);
        let more = |failures| (failures < self.opens_at).then_some(failures + 1);
        let _ = self
            .failures
            .fetch_update(Ordering::Release, Ordering::Relaxed, more);
    }

    /// The time so long after now, in milliseconds since `start`.
    pub(super) fn after(&self, wait: Duration) -> u64 {
        let time = self.start.elapsed().saturating_add(wait);
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }
}
