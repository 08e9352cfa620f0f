use super::*;

#[test]
fn days_of_the_calendar() {
    for (value, year, month, day_of_month) in [
        ("2027-01-31", 2027, 1, 31),
        ("2028-02-29", 2028, 2, 29),
        ("2000-02-29", 2000, 2, 29),
        ("2026-12-01", 2026, 12, 1),
    ] {
        let expected = Day {
            year,
            month,
            day: day_of_month,
        };
        assert_eq!(day(value), Ok(expected));
    }
    for value in [
        "2027-02-29",
        "2100-02-29",
        "2027-04-31",
        "2027-00-10",
        "2027-13-10",
        "2027-01-00",
        "2027-01-32",
        "2027-1-31",
        "27-01-31",
        "31-01-2027",
        "2027/01/31",
        "2027-01/31",
        "2027/01-31",
        "2027-01-3x",
        "+027-01-31",
        "2027-01-31 ",
        "２027-01-1",
        "",
    ] {
        assert!(day(value).is_err(), "{value:?}");
    }
}

#[test]
fn durations_in_seconds() {
    for (value, seconds) in [("45s", 45), ("90m", 5_400), ("6h", 21_600), ("2d", 172_800)] {
        assert_eq!(duration(value), Ok(seconds), "{value}");
    }
    for value in [
        "",
        "6",
        "h",
        "6 h",
        "6H",
        "-6h",
        "1h30m",
        "0h",
        "1.5h",
        "6w",
        " 6h",
        "18446744073709551616s",
        "213503982334602d",
        "9223372036854775808s",
    ] {
        assert!(duration(value).is_err(), "{value:?}");
    }
}

#[test]
fn sizes_in_bytes() {
    for (value, bytes) in [
        ("512B", 512),
        ("64kB", 64_000),
        ("64KiB", 65_536),
        ("1MB", 1_000_000),
        ("1MiB", 1_048_576),
        ("2GiB", 2_147_483_648),
    ] {
        assert_eq!(size(value), Ok(bytes), "{value}");
    }
    for value in [
        "",
        "1",
        "MiB",
        "1 MiB",
        "1mib",
        "1M",
        "0B",
        "1TiB",
        "18446744073709551615GiB",
    ] {
        assert!(size(value).is_err(), "{value:?}");
    }
    assert_eq!(
        size("1mb").map_err(|e| e.ends_with("did you mean `1MB`?")),
        Err(true)
    );
}

#[test]
fn names_and_words() {
    assert_eq!(text("signup form; visitors have no account"), Ok(()));
    for value in ["", " ", "\t", "two\nlines"] {
        assert!(text(value).is_err(), "{value:?}");
    }
    assert_eq!(verifier("standard-webhooks_2"), Ok(()));
    for value in ["", "Postmark", "post mark", "über", "a/b"] {
        assert!(verifier(value).is_err(), "{value:?}");
    }
    for value in ["users:write", "a | b", "a & b & c"] {
        assert_eq!(scope(value), Ok(()), "{value:?}");
    }
    for value in [
        "",
        " ",
        "admin users",
        "a|b",
        "a&b",
        "a | b & c",
        "a || b",
        "a | a",
        "a |  | b",
        "| a",
    ] {
        assert!(scope(value).is_err(), "{value:?}");
    }
}

#[test]
fn what_proves_a_caller_is_one_name_or_several_in_order() {
    for value in ["session", "api", "session | api", "jwt-2 | a_b | session"] {
        assert_eq!(by(value), Ok(()), "{value:?}");
    }
    for value in [
        "", "API", "a|b", "a | ", " | a", "a & b", "a, b", "a | a", "é",
    ] {
        assert!(by(value).is_err(), "{value:?}");
    }
}
