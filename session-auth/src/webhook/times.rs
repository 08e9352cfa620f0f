//! The times that deliveries are signed with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::row::Unit;
use super::verifier::{ConfigError, Rejection};

/// The seconds since 1970 that a sender has written: digits and nothing else. Those that no number has
/// are as far away as can be.
pub(super) fn parse(text: &str, unit: Unit) -> Result<u64, Rejection> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Rejection::SignatureInvalid(
            "the time is not written in digits alone",
        ));
    }
    let number = text.parse().unwrap_or(u64::MAX);
    Ok(match unit {
        Unit::Seconds => number,
        Unit::Milliseconds => number / 1000,
    })
}

/// Whether a delivery can be there in time. The time of one is in whole seconds.
pub(super) fn check(tolerance: Option<Duration>) -> Result<(), ConfigError> {
    if tolerance.is_some_and(|tolerance| tolerance.as_secs() == 0) {
        return Err(ConfigError::new(
            "the tolerance is less than a second, in which no delivery arrives: make it longer",
        ));
    }
    Ok(())
}

/// Whether a time is near enough to now, to either side.
pub(super) fn within(
    seconds: u64,
    tolerance: Option<Duration>,
    now: SystemTime,
) -> Result<(), Rejection> {
    let Some(tolerance) = tolerance else {
        return Ok(());
    };
    let Ok(now) = now.duration_since(UNIX_EPOCH) else {
        return Err(Rejection::TimestampOutOfRange(
            "this machine's clock stands before 1970",
        ));
    };
    let (now, tolerance) = (now.as_secs(), tolerance.as_secs());
    if now.abs_diff(seconds) <= tolerance {
        Ok(())
    } else if seconds < now {
        Err(Rejection::TimestampOutOfRange("signed too long ago"))
    } else {
        Err(Rejection::TimestampOutOfRange("signed in the future"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_digits_and_nothing_else() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1649367553", Some(1_649_367_553)),
            ("0001", Some(1)),
            ("99999999999999999999", Some(u64::MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1e9", None),
            (" 1", None),
            ("1 ", None),
            ("1.0", None),
            ("\u{661}", None),
        ] {
            assert_eq!(parse(text, Unit::Seconds).ok(), expected, "{text:?}");
        }
        assert_eq!(
            parse("1700000000999", Unit::Milliseconds),
            Ok(1_700_000_000)
        );
    }

    #[test]
    fn the_tolerance_holds_to_both_sides() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let tolerance = Some(Duration::from_secs(300));
        for (time, good) in [
            (700, true),
            (1300, true),
            (699, false),
            (1301, false),
            (0, false),
            (u64::MAX, false),
        ] {
            assert_eq!(within(time, tolerance, at(1000)).is_ok(), good, "{time}");
            assert!(within(time, None, at(1000)).is_ok());
        }
        let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
        assert!(within(0, tolerance, before_1970).is_err());
    }
}
