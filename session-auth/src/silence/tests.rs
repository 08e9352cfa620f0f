//! The rules, row by row.

use super::*;

const START: u64 = 1_000_000;
const HOUR: u64 = 3_600;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(START + seconds)
}

fn heard(
    last_verified: Option<u64>,
    refused_since: Option<u64>,
    last_denied: Option<u64>,
) -> Heard {
    Heard {
        started: at(0),
        last_verified: last_verified.map(at),
        refused_since: refused_since.map(at),
        last_denied: last_denied.map(at),
    }
}

fn expected(every: Option<u64>, budget: Option<u64>) -> Expected {
    Expected {
        every: every.map(Duration::from_secs),
        grace: Duration::from_secs(300),
        retry_budget: budget.map(Duration::from_secs),
    }
}

fn rings(expected: &Expected, heard: &Heard, now: u64) -> Vec<(Rule, Timestamp)> {
    expected
        .judge(heard, at(now))
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn refused_rings_after_ten_minutes_and_not_before() {
    let of = expected(None, None);
    let heard = heard(None, Some(100), Some(650));
    assert_eq!(rings(&of, &heard, 699), []);
    assert_eq!(rings(&of, &heard, 700), [(Rule::Refused, at(100))]);
}

#[test]
fn refused_rings_while_the_sender_still_tries() {
    for (budget, rings_after) in [
        (Some(480), 240),
        (Some(1_260), 600),
        (Some(86_400), 600),
        (Some(0), 600),
        (None, 600),
    ] {
        let of = expected(None, budget);
        let heard = heard(None, Some(0), Some(0));
        assert_eq!(rings(&of, &heard, rings_after - 1), [], "{budget:?}");
        assert_eq!(rings(&of, &heard, rings_after).len(), 1, "{budget:?}");
    }
}

#[test]
fn refused_is_over_a_day_after_the_last_one_tried() {
    let of = expected(None, None);
    let heard = heard(None, Some(0), Some(HOUR));
    assert_eq!(rings(&of, &heard, 25 * HOUR - 1).len(), 1);
    assert_eq!(rings(&of, &heard, 25 * HOUR), []);
}

#[test]
fn silent_rings_after_the_time_and_its_grace() {
    let of = expected(Some(6 * HOUR), None);
    let heard = heard(Some(HOUR), None, None);
    let due = 7 * HOUR + 300;
    assert_eq!(rings(&of, &heard, due), []);
    assert_eq!(rings(&of, &heard, due + 1), [(Rule::Silent, at(due))]);
}

#[test]
fn who_has_just_started_waits() {
    let of = expected(Some(6 * HOUR), None);
    // Nobody knows of a delivery: all of the time, from the start.
    let never = heard(None, None, None);
    assert_eq!(rings(&of, &never, 6 * HOUR + 300), []);
    assert_eq!(rings(&of, &never, 6 * HOUR + 301).len(), 1);
    // The last one came long before the start: the grace alone.
    let before = Heard {
        last_verified: Some(Timestamp::from_secs(START - 8 * HOUR)),
        ..never
    };
    assert_eq!(rings(&of, &before, 300), []);
    assert_eq!(rings(&of, &before, 301).len(), 1);
}

#[test]
fn without_an_expectation_silence_is_no_news() {
    assert_eq!(
        rings(
            &expected(None, None),
            &heard(Some(0), None, None),
            1_000 * HOUR
        ),
        []
    );
}

#[test]
fn an_expectation_shorter_than_a_look_rings_at_the_next() {
    let of = Expected {
        grace: Duration::ZERO,
        ..expected(Some(1), None)
    };
    assert_eq!(rings(&of, &heard(Some(10), None, None), 12).len(), 1);
}
