//! Values as the attributes write them: sizes, durations, days.

/// Units of a size, the largest of each kind that loses nothing first.
const UNITS: [(&str, u64); 6] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// `1MiB`, `300B`.
pub(crate) fn size(bytes: u64) -> String {
    UNITS
        .iter()
        .find(|(_, unit)| bytes != 0 && bytes.is_multiple_of(*unit))
        .map_or_else(
            || format!("{bytes}B"),
            |(name, unit)| format!("{}{name}", bytes / unit),
        )
}

/// The size in bytes that a text means.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (number, name) = split(text)?;
    let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
    number.checked_mul(*unit)
}

/// Whether a text is a duration as reports write it: `6h`.
pub(crate) fn is_duration(text: &str) -> bool {
    split(text).is_some_and(|(number, unit)| number > 0 && ["s", "m", "h", "d"].contains(&unit))
}

/// Whether a text is a day as reports write it: `2027-01-31`.
pub(crate) fn is_day(text: &str) -> bool {
    let digits = |at: std::ops::Range<usize>| text[at].parse::<u8>().ok();
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let Some((month, day)) = shape
        .then(|| digits(5..7).zip(digits(8..10)))
        .flatten()
        .and_then(|(month, day)| Some((time::Month::try_from(month).ok()?, day)))
    else {
        return false;
    };
    text[..4]
        .parse()
        .is_ok_and(|year| time::Date::from_calendar_date(year, month, day).is_ok())
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_it_is_written() {
        for (bytes, text) in [
            (0, "0B"),
            (1, "1B"),
            (1_000, "1kB"),
            (1_024, "1KiB"),
            (1 << 20, "1MiB"),
            (3 << 30, "3GiB"),
            (2_000_000, "2MB"),
            (u64::MAX, "18446744073709551615B"),
        ] {
            assert_eq!(size(bytes), text);
            assert_eq!(parse_size(text), Some(bytes));
        }
        for wrong in [
            "",
            "1",
            "MiB",
            "1 MiB",
            "-1B",
            "1mib",
            "18446744073709551615MiB",
            "1.5MiB",
        ] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_and_durations() {
        assert!(is_day("2027-01-31") && is_day("2028-02-29"));
        for wrong in [
            "",
            "2027-1-31",
            "2027-02-29",
            "2027-01-31x",
            "2027-13-01",
            "२०२७-01",
        ] {
            assert!(!is_day(wrong), "{wrong}");
        }
        assert!(is_duration("6h") && is_duration("90m"));
        for wrong in ["", "6", "h", "0h", "6w", "6h30m", "-6h"] {
            assert!(!is_duration(wrong), "{wrong}");
        }
    }
}
