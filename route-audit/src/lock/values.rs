//! Values as the attributes write them: sizes, durations, days.

use std::time::Duration;

use time::{Date, Month};

/// Units of a size, the largest of each kind that loses nothing first.
const UNITS: [(&str, usize); 6] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// `1MiB`, `300B`.
pub(crate) fn size(bytes: usize) -> String {
    UNITS
        .iter()
        .find(|(_, unit)| bytes != 0 && bytes.is_multiple_of(*unit))
        .map_or_else(
            || format!("{bytes}B"),
            |(name, unit)| format!("{}{name}", bytes / unit),
        )
}

/// The size in bytes that a text means.
pub(crate) fn parse_size(text: &str) -> Option<usize> {
    let (number, name) = split(text)?;
    let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
    usize::try_from(number).ok()?.checked_mul(*unit)
}

/// Units of a duration in nanoseconds, the largest first.
const TIMES: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// `6h`, `90m`: in the largest unit that loses nothing.
pub(crate) fn duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    TIMES
        .iter()
        .find(|(_, unit)| nanos != 0 && nanos.is_multiple_of(*unit))
        .map_or_else(
            || "0s".to_owned(),
            |(name, unit)| format!("{}{name}", nanos / unit),
        )
}

/// The duration that a text means; none where it is no time at all.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, name) = split(text)?;
    let (_, unit) = TIMES.iter().find(|(unit, _)| *unit == name)?;
    let nanos = u128::from(number).checked_mul(*unit)?;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    let rest = u32::try_from(nanos % 1_000_000_000).ok()?;
    Some(Duration::new(seconds, rest)).filter(|duration| !duration.is_zero())
}

/// The day that a text such as `2027-01-31` means.
pub(crate) fn parse_day(text: &str) -> Option<Date> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shape {
        return None;
    }
    let month: u8 = text[5..7].parse().ok()?;
    let month = Month::try_from(month).ok()?;
    Date::from_calendar_date(text[..4].parse().ok()?, month, text[8..].parse().ok()?).ok()
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests;
