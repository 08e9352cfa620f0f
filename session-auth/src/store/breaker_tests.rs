use std::sync::atomic::Ordering;
use std::time::Duration;

use super::breaker::{Breaker, DEFAULT_BREAKER};

fn fail(breaker: &Breaker, calls: u32) {
    for _ in 0..calls {
        let permit = breaker.permit().expect("closed");
        breaker.failed(permit);
    }
}

/// As if the pause were over.
fn due(breaker: &Breaker) {
    breaker.trial_at.store(0, Ordering::Relaxed);
}

fn open() -> Breaker {
    let breaker = Breaker::new(DEFAULT_BREAKER, Duration::from_secs(3600));
    fail(&breaker, DEFAULT_BREAKER.0);
    assert!(breaker.permit().is_none());
    breaker
}

#[test]
fn an_answer_makes_up_for_a_failure() {
    let breaker = Breaker::new(DEFAULT_BREAKER, Duration::from_secs(1));
    for _ in 0..10 {
        fail(&breaker, DEFAULT_BREAKER.0 - 1);
        for _ in 1..DEFAULT_BREAKER.0 {
            breaker.answered(breaker.permit().expect("closed"));
        }
    }
    // More answers than failures are no credit.
    breaker.answered(breaker.permit().expect("closed"));
    fail(&breaker, DEFAULT_BREAKER.0);
    assert!(breaker.permit().is_none());
}

#[test]
fn a_pause_later_one_call_finds_out() {
    let breaker = open();
    due(&breaker);
    let trial = breaker.permit().expect("a trial");
    assert!(breaker.permit().is_none(), "one at a time");
    breaker.failed(trial);
    assert!(breaker.permit().is_none(), "and a pause after it");
    due(&breaker);
    breaker.answered(breaker.permit().expect("a trial"));
    fail(&breaker, DEFAULT_BREAKER.0 - 1);
    assert!(breaker.permit().is_some(), "closed, as it was at first");
}

#[test]
fn a_trial_that_is_given_up_is_made_again() {
    let breaker = open();
    due(&breaker);
    drop(breaker.permit().expect("a trial"));
    assert!(breaker.permit().is_none(), "it may have hung");
    let next = breaker.trial_at.load(Ordering::Relaxed);
    assert!(next <= breaker.after(breaker.timeout + DEFAULT_BREAKER.1));
}

#[test]
fn calls_from_before_do_not_close_it() {
    let breaker = Breaker::new(DEFAULT_BREAKER, Duration::from_secs(3600));
    let before = breaker.permit().expect("closed");
    fail(&breaker, DEFAULT_BREAKER.0);
    breaker.answered(before);
    assert!(breaker.permit().is_none());
}

#[test]
fn no_timeout_is_too_long() {
    let breaker = Breaker::new(DEFAULT_BREAKER, Duration::MAX);
    fail(&breaker, DEFAULT_BREAKER.0);
    due(&breaker);
    assert!(breaker.permit().is_some());
    assert!(breaker.permit().is_none());
}
