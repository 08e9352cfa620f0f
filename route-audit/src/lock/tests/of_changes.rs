//! Which way each change of a route's terms goes, and what it says.

use super::super::said::Said;
use super::super::terms::{Direction, changes, direction};
use super::terms;

/// What a change of one route is and says, after the route's name.
#[test]
fn every_change_of_terms_has_its_direction_and_its_sentence() {
    use Direction::{Changed, Narrowed, Widened};

    let table = [
        // The outage: its route is the first row.
        (
            "public to session",
            "public",
            "session",
            Narrowed,
            "was public and now needs a session: callers without one will get 401",
        ),
        (
            "public to a scope",
            "public",
            "session scope=admin",
            Narrowed,
            "was public and now needs a session with scope `admin`: callers without one will get 401, those without the scope 403",
        ),
        (
            "public to webhook",
            "public",
            "webhook verify=postmark",
            Narrowed,
            "was public and now needs proof for the verifier `postmark`: callers without it will get 401",
        ),
        (
            "public to a webhook of its handler",
            "public",
            "webhook verify=handler",
            Narrowed,
            "was public and is now a webhook whose handler proves the sender: callers without that proof are refused",
        ),
        (
            "public to no class",
            "public",
            "none",
            Narrowed,
            "was public and has no access class now: callers without a session will get 401",
        ),
        (
            "session to public",
            "session",
            "public",
            Widened,
            "needed a session and is now public: anyone may call it",
        ),
        (
            "a scope to public",
            "session scope=admin",
            "public",
            Widened,
            "needed a session with scope `admin` and is now public: anyone may call it",
        ),
        (
            "webhook to public",
            "webhook verify=postmark",
            "public",
            Widened,
            "needed proof for the verifier `postmark` and is now public: anyone may call it",
        ),
        (
            "a webhook of its handler to public",
            "webhook verify=handler",
            "public",
            Widened,
            "was a webhook whose handler proves the sender and is now public: anyone may call it",
        ),
        (
            "webhook to session is both",
            "webhook verify=postmark",
            "session",
            Changed,
            "needed proof for the verifier `postmark` and now needs a session: its senders will get 401, and callers with a session may call it",
        ),
        (
            "session to webhook is both",
            "session",
            "webhook verify=postmark",
            Changed,
            "needed a session and now needs proof for the verifier `postmark`: callers with no more than a session will get 401, senders may call it",
        ),
        (
            "session to a webhook of its handler",
            "session",
            "webhook verify=handler",
            Changed,
            "needed a session and is now a webhook whose handler proves the sender: a session is neither asked for nor enough any more",
        ),
        (
            "webhook to no class",
            "webhook verify=postmark",
            "none",
            Changed,
            "needed proof for the verifier `postmark` and has no access class now: its senders will get 401, and callers with a session may call it",
        ),
        (
            "session to no class lets in the same",
            "session",
            "none",
            Changed,
            "needed a session and has no access class now: a session is needed as before, and each request counts as unclassified",
        ),
        (
            "another proof",
            "session",
            "session by=\"session | api\"",
            Widened,
            "now takes callers by `session | api` instead of `session`: more callers may call it",
        ),
        (
            "a proof less",
            "session by=\"session | api\"",
            "session",
            Narrowed,
            "now takes callers by `session` instead of `session | api`: callers with no more than the old proof will get 401",
        ),
        (
            "other proofs",
            "session by=api",
            "session by=jwt",
            Changed,
            "now takes callers by `jwt` instead of `api`: callers with no more than the old proof will get 401, others may call it",
        ),
        (
            "public to another proof",
            "public",
            "session by=api",
            Narrowed,
            "was public and now needs its callers known by `api`: others will get 401",
        ),
        (
            "public to another proof with a scope",
            "public",
            "session by=api scope=a",
            Narrowed,
            "was public and now needs its callers known by `api` and with scope `a`: others will get 401, those without the scope 403",
        ),
        (
            "another proof to public",
            "session by=api",
            "public",
            Widened,
            "needed its callers known by `api` and is now public: anyone may call it",
        ),
        (
            "scope added",
            "session",
            "session scope=admin",
            Narrowed,
            "now needs scope `admin`: callers whose session lacks it will get 403",
        ),
        (
            "scope removed",
            "session scope=admin",
            "session",
            Widened,
            "no longer needs scope `admin`: callers with a session of any scope may call it",
        ),
        (
            "any of several opens",
            "session scope=a",
            "session scope=\"a | b\"",
            Widened,
            "now needs any of the scopes `a | b` instead of scope `a`: callers whose session was not enough may call it",
        ),
        (
            "from any of several to one closes",
            "session scope=\"a | b\"",
            "session scope=b",
            Narrowed,
            "now needs scope `b` instead of any of the scopes `a | b`: callers whose session has no more than the old one will get 403",
        ),
        (
            "all of several closes",
            "session scope=a",
            "session scope=\"a & b\"",
            Narrowed,
            "now needs all of the scopes `a & b` instead of scope `a`: callers whose session has no more than the old one will get 403",
        ),
        (
            "from all of several to one opens",
            "session scope=\"a & b\"",
            "session scope=a",
            Widened,
            "now needs scope `a` instead of all of the scopes `a & b`: callers whose session was not enough may call it",
        ),
        (
            "from all to any opens",
            "session scope=\"a & b\"",
            "session scope=\"b | c\"",
            Widened,
            "now needs any of the scopes `b | c` instead of all of the scopes `a & b`: callers whose session was not enough may call it",
        ),
        (
            "from any to all closes",
            "session scope=\"a | b\"",
            "session scope=\"a & b\"",
            Narrowed,
            "now needs all of the scopes `a & b` instead of any of the scopes `a | b`: callers whose session has no more than the old one will get 403",
        ),
        (
            "from any to all of others is both",
            "session scope=\"a | b\"",
            "session scope=\"c & d\"",
            Changed,
            "now needs all of the scopes `c & d` instead of any of the scopes `a | b`: callers whose session has no more than the old one will get 403",
        ),
        (
            "another of several is both",
            "session scope=\"a | b\"",
            "session scope=\"a | c\"",
            Changed,
            "now needs any of the scopes `a | c` instead of any of the scopes `a | b`: callers whose session has no more than the old one will get 403",
        ),
        (
            "another order lets in the same",
            "session scope=\"a | b\"",
            "session scope=\"b | a\"",
            Changed,
            "now needs any of the scopes `b | a` instead of any of the scopes `a | b`: the same callers may call it",
        ),
        (
            "several removed",
            "session scope=\"a & b\"",
            "session",
            Widened,
            "no longer needs all of the scopes `a & b`: callers with a session of any scope may call it",
        ),
        (
            "scope changed",
            "session scope=a",
            "session scope=b",
            Changed,
            "now needs scope `b` instead of `a`: callers whose session has no more than the old one will get 403",
        ),
        (
            "verifier changed",
            "webhook verify=a",
            "webhook verify=b",
            Changed,
            "now takes proof for the verifier `b` instead of `a`: senders with no more than the old proof will get 401",
        ),
        (
            "verifier to handler",
            "webhook verify=a",
            "webhook verify=handler",
            Widened,
            "needed proof for the verifier `a` and now leaves it to the handler: every request reaches the handler",
        ),
        (
            "handler to verifier",
            "webhook verify=handler",
            "webhook verify=a",
            Narrowed,
            "left the proof to the handler and now needs it for the verifier `a`: requests without it will get 401",
        ),
        (
            "until later",
            "public until=2027-01-31",
            "public until=2027-02-01",
            Widened,
            "may be called as it is until `2027-02-01`, and until `2027-01-31` before",
        ),
        (
            "until earlier",
            "public until=2027-01-31",
            "public until=2026-12-31",
            Narrowed,
            "may be called as it is until `2026-12-31`, and until `2027-01-31` before",
        ),
        (
            "until added",
            "public",
            "public until=2027-01-31",
            Narrowed,
            "may be called as it is until `2027-01-31`, and had no end before",
        ),
        (
            "until removed",
            "public until=2027-01-31",
            "public",
            Widened,
            "may be called as it is without end, and only until `2027-01-31` before",
        ),
        (
            "max_body raised",
            "webhook verify=a max_body=1MiB",
            "webhook verify=a max_body=2MiB",
            Widened,
            "now takes bodies of up to `2MiB`, and those over `1MiB` got 413 before",
        ),
        (
            "max_body lowered",
            "webhook verify=a max_body=2MiB",
            "webhook verify=a max_body=1MiB",
            Narrowed,
            "takes bodies of up to `2MiB` no longer: those over `1MiB` will get 413",
        ),
        (
            "max_body added",
            "webhook verify=a",
            "webhook verify=a max_body=1MiB",
            Changed,
            "now has a limit of its own for bodies, `1MiB`",
        ),
        (
            "max_body removed",
            "webhook verify=a max_body=1MiB",
            "webhook verify=a",
            Changed,
            "takes bodies up to the layer's limit, and up to `1MiB` before",
        ),
        (
            "issues_session added",
            "public",
            "public issues_session",
            Widened,
            "may now create sessions: whoever calls it can get one, and with it reach session routes",
        ),
        (
            "issues_session removed",
            "public issues_session",
            "public",
            Narrowed,
            "no longer creates sessions: nobody can get one there any more",
        ),
        (
            "optional_session added",
            "public",
            "public optional_session",
            Changed,
            "now sees the session of a caller who has one",
        ),
        (
            "optional_session removed",
            "public optional_session",
            "public",
            Changed,
            "no longer sees the session of a caller who has one",
        ),
        (
            "cross_origin added",
            "public issues_session",
            "public issues_session cross_origin=\"Apple posts its form\"",
            Widened,
            "now lets pages of other origins in: a page elsewhere can start a session for its \
             visitors, or use the one that they have",
        ),
        (
            "cross_origin removed",
            "session cross_origin=embedded",
            "session",
            Narrowed,
            "no longer lets pages of other origins in: they will get 403",
        ),
        (
            "cross_origin reworded",
            "session cross_origin=embedded",
            "session cross_origin=partners",
            Changed,
            "has another reason to let pages of other origins in: `partners`, was `embedded`",
        ),
        (
            "expect_every changed",
            "webhook verify=a expect_every=6h",
            "webhook verify=a expect_every=1d",
            Changed,
            "is overdue after `1d` without a delivery, was after `6h`",
        ),
        (
            "expect_every added",
            "webhook verify=a",
            "webhook verify=a expect_every=6h",
            Changed,
            "is now overdue after `6h` without a delivery",
        ),
        (
            "expect_every removed",
            "webhook verify=a expect_every=6h",
            "webhook verify=a",
            Changed,
            "is no longer watched: nothing will tell when its deliveries stop",
        ),
        (
            "owner changed",
            "public owner=a",
            "public owner=b",
            Changed,
            "has another owner: `b`, was `a`",
        ),
        (
            "owner added",
            "public",
            "public owner=a",
            Changed,
            "has an owner now: `a`",
        ),
        (
            "owner removed",
            "public owner=a",
            "public",
            Changed,
            "has lost its owner: `a`",
        ),
        (
            "reason changed",
            "public reason=\"a b\"",
            "public reason=c",
            Changed,
            "has another reason: `c`, was `a b`",
        ),
        (
            "reason added",
            "session",
            "session reason=a",
            Changed,
            "has a reason now: `a`",
        ),
        (
            "reason removed",
            "session reason=a",
            "session",
            Changed,
            "has lost its reason: `a`",
        ),
        (
            "opening and closing is both",
            "session scope=a until=2027-01-01",
            "session",
            Widened,
            "no longer needs scope `a`: callers with a session of any scope may call it; may be called as it is without end, and only until `2027-01-01` before",
        ),
        (
            "one field opens, another closes",
            "session scope=a",
            "session until=2027-01-01",
            Changed,
            "no longer needs scope `a`: callers with a session of any scope may call it; may be called as it is until `2027-01-01`, and had no end before",
        ),
        (
            "what is neither does not hide what opens",
            "session scope=a owner=x",
            "session owner=y",
            Widened,
            "no longer needs scope `a`: callers with a session of any scope may call it; has another owner: `y`, was `x`",
        ),
        (
            "a class that goes takes its terms along",
            "public until=2027-01-01 owner=a reason=b",
            "session owner=a",
            Narrowed,
            "was public and now needs a session: callers without one will get 401",
        ),
        (
            "a login that opens",
            "session",
            "public issues_session",
            Widened,
            "needed a session and is now public: anyone may call it; may now create sessions: whoever calls it can get one, and with it reach session routes",
        ),
    ];
    for (name, old, new, expected, sentence) in table {
        let found = changes(terms(old).as_ref(), terms(new).as_ref());
        assert_eq!(direction(&found), Some(expected), "{name}");
        let all: Vec<String> = found.iter().map(|change| change.says.to_string()).collect();
        assert_eq!(all.join("; "), sentence, "{name}");
    }
}

/// Every pair of a set that has each term twice: the order holds by itself, whatever the sentences.
#[test]
fn a_change_and_its_undoing_are_opposite() {
    let all = [
        "public",
        "public issues_session",
        "public optional_session",
        "public until=2027-01-01",
        "public until=2028-01-01",
        "public owner=a",
        "public reason=b",
        "webhook verify=a",
        "webhook verify=b",
        "webhook verify=handler",
        "webhook verify=a max_body=1MiB",
        "webhook verify=a max_body=2MiB",
        "webhook verify=a expect_every=6h",
        "session",
        "session scope=a",
        "session scope=b",
        "session scope=a owner=x",
        "none",
    ]
    .map(terms);
    for old in &all {
        for new in &all {
            let changes = |old: &Option<_>, new: &Option<_>| changes(old.as_ref(), new.as_ref());
            let there = direction(&changes(old, new));
            let back = match direction(&changes(new, old)) {
                Some(Direction::Widened) => Some(Direction::Narrowed),
                Some(Direction::Narrowed) => Some(Direction::Widened),
                other => other,
            };
            assert_eq!(there, back, "{old:?} to {new:?}");
            let said = |side: &Option<_>| side.clone().map(Said);
            assert_eq!(
                there.is_none(),
                said(old) == said(new),
                "{old:?} to {new:?}"
            );
        }
    }
}

#[test]
fn a_scope_that_goes_with_its_class_opens() {
    let change = changes(terms("session scope=admin").as_ref(), None);
    assert_eq!(direction(&change), Some(Direction::Widened));
    assert_eq!(
        change[0].says.to_string(),
        "needed a session with scope `admin` and has no access class now: callers with a session \
         of any scope may call it"
    );
}
