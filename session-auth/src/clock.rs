//! Where the time comes from.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall clock that deadlines are measured with.
///
/// A service uses [`SystemClock`], the default; a test hands the layer one that it can move:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::{Duration, SystemTime};
///
/// let seconds = Arc::new(AtomicU64::new(1_700_000_000));
/// let clock = {
///     let seconds = Arc::clone(&seconds);
///     move || SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed))
/// };
/// # let keys = session_auth::Keys::random()?;
/// let auth = session_auth::SessionAuthLayer::builder(keys).clock(clock).build()?;
/// seconds.fetch_add(3600, Ordering::Relaxed); // an hour passes
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> SystemTime;

    /// The same in whole seconds since 1970, UTC; `None` before that.
    #[doc(hidden)]
    fn __seconds(&self) -> Option<u64> {
        Timestamp::at(self.now()).map(Timestamp::as_secs)
    }
}

/// The operating system's clock. On Linux it gives the time of the kernel's last tick, up to 10 ms ago
/// (`CLOCK_REALTIME_COARSE`): deadlines are in whole seconds, and that takes a tenth of the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[cfg(target_os = "linux")]
    fn now(&self) -> SystemTime {
        let read = || {
            let time = coarse()?;
            // Before 1970 it is negative.
            let seconds = time.tv_sec().try_into().ok()?;
            let nanoseconds = time.tv_nsec().try_into().ok()?;
            UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
        };
        read().unwrap_or_else(SystemTime::now)
    }

    #[cfg(not(target_os = "linux"))]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    /// As the kernel has them: to make a `SystemTime` of them and take that apart again costs as much as to ask.
    #[cfg(target_os = "linux")]
    fn __seconds(&self) -> Option<u64> {
        match coarse() {
            Some(time) => time.tv_sec().try_into().ok(),
            None => Timestamp::at(SystemTime::now()).map(Timestamp::as_secs),
        }
    }
}

#[cfg(target_os = "linux")]
fn coarse() -> Option<nix::sys::time::TimeSpec> {
    use nix::time::{ClockId, clock_gettime};

    clock_gettime(ClockId::CLOCK_REALTIME_COARSE).ok()
}

impl<F> Clock for F
where
    F: Fn() -> SystemTime + Send + Sync + 'static,
{
    fn now(&self) -> SystemTime {
        self()
    }
}

/// Seconds since 1970, UTC: what tokens and stores hold, and nothing finer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub(crate) u64);

impl Timestamp {
    /// So many seconds after 1970, UTC.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The seconds since 1970, UTC.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// `None` past the end of what the platform can express.
    #[must_use]
    pub fn to_system_time(self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.0))
    }

    /// `None` where the clock stands before 1970: then no deadline can be judged, and whoever
    /// asked has to refuse.
    pub(crate) fn of(clock: &Arc<dyn Clock>) -> Option<Self> {
        clock.__seconds().map(Self)
    }

    /// `None` before 1970.
    pub(crate) fn at(time: SystemTime) -> Option<Self> {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        Some(Self(since.as_secs()))
    }

    pub(crate) fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

/// `6h`, `90m`, as attributes write it.
pub(crate) fn duration(of: Duration) -> String {
    let seconds = of.as_secs();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
        if seconds != 0 && seconds.is_multiple_of(length) {
            return format!("{}{unit}", seconds / length);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_clock_has_one_time() {
        let clock = SystemClock;
        let (before, between, after) = (clock.now(), clock.__seconds(), clock.now());
        let [before, after] = [before, after].map(|time| Timestamp::at(time).map(|it| it.0));
        assert!(before <= between && between <= after, "{between:?}");
        // By the precise clock, which is ahead of the coarse one by a tick at the most.
        let precise = Timestamp::at(SystemTime::now()).map(|it| it.0);
        assert!(
            between.map(|it| it + 2) >= precise,
            "{between:?}, {precise:?}"
        );
    }

    #[test]
    fn a_clock_before_1970_has_no_seconds() {
        let clock = || UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(clock.__seconds(), None);
        assert_eq!(
            (|| UNIX_EPOCH + Duration::from_millis(1_999)).__seconds(),
            Some(1)
        );
    }
}
