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
        (usize::MAX, "18446744073709551615B"),
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
fn a_day_is_read_as_it_is_written() {
    for text in ["2027-01-31", "2028-02-29"] {
        assert_eq!(parse_day(text).expect(text).to_string(), text);
    }
    for wrong in [
        "",
        "2027-1-31",
        "2027-02-29",
        "2027-01-31x",
        "2027-13-01",
        "२०२७-01",
    ] {
        assert_eq!(parse_day(wrong), None, "{wrong}");
    }
}

#[test]
fn a_duration_is_read_as_it_is_written() {
    let seconds = Duration::from_secs;
    for (time, text) in [
        (seconds(21_600), "6h"),
        (seconds(5_400), "90m"),
        (seconds(172_800), "2d"),
        (seconds(61), "61s"),
        (Duration::from_millis(1_500), "1500ms"),
        (Duration::from_nanos(1), "1ns"),
    ] {
        assert_eq!(duration(time), text);
        assert_eq!(parse_duration(text), Some(time));
    }
    for wrong in [
        "",
        "6",
        "h",
        "0h",
        "6w",
        "6h30m",
        "-6h",
        "18446744073709551615d",
    ] {
        assert_eq!(parse_duration(wrong), None, "{wrong}");
    }
}
