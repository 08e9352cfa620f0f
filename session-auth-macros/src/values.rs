//! What the values of arguments mean: dates, durations, sizes, names.
//!
//! Each function answers with the value or with what is wrong and what to write instead.

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) year: i32,
    pub(crate) month: u8,
    pub(crate) day: u8,
}

/// Words for people: on one line, and some.
pub(crate) fn text(value: &str) -> Result<(), String> {
    if value.trim().is_empty() {
        return Err("must not be blank".to_owned());
    }
    // One line each in `routes.lock`.
    if let Some(c) = value.chars().find(|c| c.is_control()) {
        return Err(format!("is one line of text: remove {c:?}"));
    }
    Ok(())
}

/// The name of a verifier, as `SessionAuthLayer::builder(..).verifier(name, ..)` has it.
pub(crate) fn verifier(value: &str) -> Result<(), String> {
    text(value)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    match value.chars().find(|&c| !allowed(c)) {
        Some(c) => Err(format!(
            "is a name of `a`-`z`, `0`-`9`, `_` and `-`: remove {c:?}"
        )),
        None => Ok(()),
    }
}

/// What may prove a caller: names as those of verifiers, in the order in which they are asked.
pub(crate) fn by(value: &str) -> Result<(), String> {
    text(value)?;
    let mut seen = Vec::new();
    for name in value.split(" | ") {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if let Some(c) = name.chars().find(|&c| !allowed(c)) {
            return Err(format!(
                "is one name of `a`-`z`, `0`-`9`, `_` and `-`, or several for any of them, in the \
                 order in which they are asked: `\"a | b\"`; {c:?} is in {name:?}"
            ));
        }
        if name.is_empty() {
            return Err("has no name beside a `|`".to_owned());
        }
        if seen.contains(&name) {
            return Err(format!("has {name:?} twice: remove one"));
        }
        seen.push(name);
    }
    Ok(())
}

/// The name of a scope.
pub(crate) fn scope(value: &str) -> Result<(), String> {
    text(value)?;
    let between = if value.contains(" & ") { " & " } else { " | " };
    let mut seen = Vec::new();
    for name in value.split(between) {
        let odd = name
            .chars()
            .find(|c| c.is_whitespace() || matches!(c, '|' | '&'));
        if let Some(c) = odd {
            return Err(format!(
                "is one name without white space, or several: `\"a | b\"` for any, `\"a & b\"` for all, \
                 and not both: {c:?} is in {name:?}"
            ));
        }
        if name.is_empty() {
            return Err(format!("has no name beside a `{}`", between.trim()));
        }
        if seen.contains(&name) {
            return Err(format!("has {name:?} twice: remove one"));
        }
        seen.push(name);
    }
    Ok(())
}

/// `2027-01-31`.
pub(crate) fn day(value: &str) -> Result<Day, String> {
    let shape = || "is a day written `YYYY-MM-DD`, such as `2027-01-31`".to_owned();
    let bytes = value.as_bytes();
    let digits = |at: std::ops::Range<usize>| {
        bytes[at].iter().try_fold(0_u16, |number, digit| {
            digit
                .is_ascii_digit()
                .then(|| number * 10 + u16::from(digit - b'0'))
        })
    };
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return Err(shape());
    }
    let (Some(year), Some(month), Some(day)) = (digits(0..4), digits(5..7), digits(8..10)) else {
        return Err(shape());
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return Err(format!("has the month `{month:02}`: a year has 01 to 12")),
    };
    if day == 0 || day > last {
        return Err(format!(
            "has the day `{day:02}`: {year:04}-{month:02} has 01 to {last}"
        ));
    }
    Ok(Day {
        year: year.into(),
        month: month as u8,
        day: day as u8,
    })
}

const TIME: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];

/// `6h`, in seconds.
pub(crate) fn duration(value: &str) -> Result<u64, String> {
    quantity(
        value,
        &TIME,
        "is a whole number and a unit, `s`, `m`, `h` or `d`, such as `6h` or `90m`",
    )
}

const SIZE: [(&str, u64); 6] = [
    ("B", 1),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// `1MiB`, in bytes.
pub(crate) fn size(value: &str) -> Result<u64, String> {
    quantity(
        value,
        &SIZE,
        "is a whole number and a unit, `B`, `kB`, `KiB`, `MB`, `MiB` or `GiB`, such as `1MiB`",
    )
}

fn quantity(value: &str, units: &[(&str, u64)], shape: &str) -> Result<u64, String> {
    let end = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    if number.is_empty() {
        return Err(shape.to_owned());
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        let meant = units
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit));
        return Err(match meant {
            Some((name, _)) => format!("{shape}; did you mean `{number}{name}`?"),
            None => shape.to_owned(),
        });
    };
    let amount = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*factor))
        // What a `Duration` prints and an `i64` of a report holds.
        .filter(|&amount| i64::try_from(amount).is_ok())
        .ok_or_else(|| "is too large".to_owned())?;
    if amount == 0 {
        return Err("must be more than zero".to_owned());
    }
    Ok(amount)
}

#[cfg(test)]
mod tests;
