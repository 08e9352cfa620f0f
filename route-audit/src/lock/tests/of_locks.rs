//! What two locks differ by.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use session_auth::Methods;

use super::super::compare::{Difference, compare};
use super::super::terms::Direction;
use super::super::verb::{all, answering};
use super::{SERVICE, lock};

fn said(differences: &[Difference]) -> Vec<String> {
    differences
        .iter()
        .map(|difference| format!("{}: {}", difference.code(), difference.message()))
        .collect()
}

/// Whatever goes missing, in whatever combination, is reported by method and path.
#[test]
fn no_route_of_a_lock_can_go_missing_unreported() {
    let whole = lock(&SERVICE);
    for kept in 0..1_u32 << SERVICE.len() {
        let is_kept = |index: &usize| kept & (1 << index) != 0;
        let left: Vec<&str> = (0..SERVICE.len())
            .filter(is_kept)
            .map(|i| SERVICE[i])
            .collect();
        let reported: BTreeSet<_> = compare(&whole, &lock(&left))
            .into_iter()
            .inspect(|difference| {
                assert_eq!(difference.direction, Direction::Narrowed);
                assert!(difference.new.is_nothing());
            })
            .map(|difference| difference.at.path().map(|path| path.into_owned()))
            .collect();
        let gone: BTreeSet<_> = (0..SERVICE.len())
            .filter(|index| !is_kept(index))
            .map(|index| SERVICE[index].split(' ').nth(2).filter(|path| *path != "-"))
            .map(|path| path.map(str::to_owned))
            .collect();
        assert_eq!(reported, gone, "kept {left:?}");
    }
}

#[track_caller]
fn compared(old: &[&str], new: &[&str], expected: Expect) {
    let text = said(&compare(&lock(old), &lock(new))).join("\n");
    expected.assert_eq(&text);
}

#[test]
fn routes_come_and_go() {
    compared(
        &["public GET /a web/routes", "public GET|POST /b web/routes"],
        &[
            "public GET /b web/routes",
            "public GET /c web/routes",
            "webhook POST /d web/routes verify=postmark",
            "webhook POST /e web/routes verify=handler",
            "session GET /f web/routes scope=admin",
            "session GET /g web/routes",
            "session GET /h web/routes by=api scope=export",
            "session GET /i web/routes by=\"session | api\"",
        ],
        expect![[r#"
            lock-narrowed: GET /a was public and is gone: its callers will get 404
            lock-narrowed: POST /b was public and is gone: its callers will get 405
            lock-widened: GET /c is new and public: anyone may call it
            lock-widened: POST /d is new: senders with proof for the verifier `postmark` may call it
            lock-widened: POST /e is new: every request reaches its handler, which proves the sender by itself
            lock-widened: GET /f is new: callers with a session that has scope `admin` may call it
            lock-widened: GET /g is new: callers with a session may call it
            lock-widened: GET /h is new: callers known by `api` and with scope `export` may call it
            lock-widened: GET /i is new: callers known by `session | api` may call it"#]],
    );
    compared(
        &["session GET /a web/routes", "public FALLBACK - web/routes"],
        &["public FALLBACK - web/routes"],
        expect![
            "lock-narrowed: GET /a needed a session and is gone: its callers will get what the fallback answers"
        ],
    );
}

#[test]
fn methods_are_compared_one_by_one() {
    // How they are grouped says nothing.
    compared(
        &["session GET|POST /a web/routes"],
        &["session GET /a web/routes", "session POST /a web/routes"],
        expect![""],
    );
    // GET answers HEAD, until something else does.
    compared(
        &["public GET /a web/routes"],
        &["public GET|HEAD /a web/routes"],
        expect![""],
    );
    compared(
        &["public GET /a web/routes"],
        &["public GET /a web/routes", "session HEAD /a web/routes"],
        expect![
            "lock-narrowed: HEAD /a was public and now needs a session: callers without one will get 401"
        ],
    );
    // A method of its own takes over from ANY.
    compared(
        &["session ANY /a web/routes"],
        &["session ANY /a web/routes", "public POST /a web/routes"],
        expect!["lock-widened: POST /a needed a session and is now public: anyone may call it"],
    );
    compared(
        &["session ANY /a web/routes"],
        &["session GET /a web/routes"],
        expect![
            "lock-narrowed: ANY except GET /a needed a session and is gone: its callers will get 405"
        ],
    );
}

#[test]
fn a_route_may_move_to_another_router_of_its_package() {
    compared(
        &["session GET /a web/routes", "session GET /b web/routes"],
        &["session GET /a web/api", "public GET /b web/api"],
        expect![[r#"
            lock-changed: GET /a is mounted by router `api`, was by `routes`: it answers where that one is served
            lock-changed: GET /b needed a session and is now public: anyone may call it; is mounted by router `api`, was by `routes`: it answers where that one is served"#]],
    );
    // Another package is another program.
    compared(
        &["session GET /a web/routes"],
        &["session GET /a admin/routes"],
        expect![[r#"
            lock-widened: GET /a is new: callers with a session may call it
            lock-narrowed: GET /a needed a session and is gone: its callers will get 404"#]],
    );
}

/// Every table of methods against every other: a method that is answered otherwise, or no more, is
/// in exactly one difference, and one that is answered as before is in none.
#[test]
fn no_method_changes_unreported() {
    let verbs = ["GET", "HEAD", "POST", "ANY"];
    let tables: Vec<BTreeMap<&str, &str>> = (0..3_u32.pow(4))
        .map(|code| {
            let class = |digit| ["", "public", "session"][(code / 3_u32.pow(digit) % 3) as usize];
            let row = |(digit, verb)| (verb, class(digit));
            let rows = (0..).zip(verbs).map(row);
            rows.filter(|(_, class)| !class.is_empty()).collect()
        })
        .collect();
    let locks: Vec<_> = tables
        .iter()
        .map(|table| {
            let row = |(verb, class): (&&str, &&str)| format!("{class} {verb} /a web/routes");
            let rows: Vec<String> = table.iter().map(row).collect();
            lock(&rows.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .collect();
    let answers = |table: &BTreeMap<&str, &str>, verb| {
        let verbs = table.iter().map(|(verb, class)| {
            let verb = Methods::from_name(verb).expect("a verb");
            (verb, (*class).to_owned())
        });
        answering(&verbs.collect(), verb).cloned()
    };
    for (old, old_lock) in tables.iter().zip(&locks) {
        for (new, new_lock) in tables.iter().zip(&locks) {
            let differences = compare(old_lock, new_lock);
            for verb in all() {
                let reported = differences
                    .iter()
                    .filter(|difference| !difference.verbs.overlap(verb).is_empty())
                    .count();
                let expected = usize::from(answers(old, verb) != answers(new, verb));
                assert_eq!(reported, expected, "{verb}: {old:?} to {new:?}");
            }
        }
    }
}
