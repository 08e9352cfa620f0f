//! The last 24 hours of a route, by the hour. Nothing is written for a request: whoever looks adds what
//! was counted since the last look to the hour that it is.

use std::sync::{Mutex, PoisonError};

use crate::clock::Timestamp;

pub(crate) const HOURS: usize = 24;
const HOUR: u64 = 60 * 60;

/// What was counted in one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hour {
    /// Requests that reached the handler, deliveries that it turned down then among them.
    pub passed: u64,
    /// Requests that did not.
    pub denied: u64,
}

#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The latest hour since 1970; the one of this number is at its rest by [`HOURS`].
    hour: u64,
    hours: [Hour; HOURS],
    /// What was counted when somebody last looked.
    seen: Hour,
}

impl History {
    /// Adds what was counted since the last look, and gives the hours, the oldest first.
    pub(super) fn look(&self, now: Timestamp, counted: Hour) -> [Hour; HOURS] {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now.as_secs() / HOUR;
        if hour + (HOURS as u64) < kept.hour {
            // The clock has gone back by more than is kept: nothing of it has a place any more.
            kept.hours = [Hour::default(); HOURS];
            kept.hour = hour;
        }
        let passed_by = hour.saturating_sub(kept.hour).min(HOURS as u64);
        for ago in 0..passed_by {
            kept.hours[((hour - ago) % HOURS as u64) as usize] = Hour::default();
        }
        // A clock that went back a little adds to the latest hour until it gets there again.
        kept.hour = kept.hour.max(hour);
        let at = (kept.hour % HOURS as u64) as usize;
        let seen = std::mem::replace(&mut kept.seen, counted);
        kept.hours[at].passed += counted.passed.saturating_sub(seen.passed);
        kept.hours[at].denied += counted.denied.saturating_sub(seen.denied);
        let mut hours = kept.hours;
        hours.rotate_left((at + 1) % HOURS);
        hours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn counted(passed: u64, denied: u64) -> Hour {
        Hour { passed, denied }
    }

    const fn at(hour: u64, minute: u64) -> Timestamp {
        Timestamp::from_secs((500_000 + hour) * HOUR + minute * 60)
    }

    #[test]
    fn each_hour_has_its_own_and_the_oldest_goes() {
        let history = History::default();
        assert_eq!(
            history.look(at(0, 0), counted(0, 0)),
            [Hour::default(); HOURS]
        );
        history.look(at(0, 10), counted(5, 0));
        history.look(at(0, 59), counted(7, 1));
        let hours = history.look(at(1, 0), counted(8, 1));
        assert_eq!(hours[HOURS - 2..], [counted(7, 1), counted(1, 0)]);
        let hours = history.look(at(4, 0), counted(8, 1));
        assert_eq!(hours[HOURS - 5..HOURS - 3], [counted(7, 1), counted(1, 0)]);
        assert_eq!(hours[HOURS - 3..], [Hour::default(); 3]);
        let hours = history.look(at(24, 0), counted(8, 1));
        assert_eq!(hours[0], counted(1, 0));
        let hours = history.look(at(25, 0), counted(8, 1));
        assert_eq!(hours, [Hour::default(); HOURS]);
    }

    #[test]
    fn a_clock_that_goes_back_loses_no_count_and_keeps_no_hour_for_ever() {
        let history = History::default();
        history.look(at(9, 0), counted(3, 0));
        let hours = history.look(at(8, 0), counted(5, 0));
        assert_eq!(hours[HOURS - 1], counted(5, 0));
        let hours = history.look(Timestamp::from_secs(0), counted(6, 0));
        assert_eq!(hours[HOURS - 1], counted(1, 0));
        assert_eq!(hours[..HOURS - 1], [Hour::default(); HOURS - 1]);
    }
}
