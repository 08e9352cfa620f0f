//! What a route asks of its callers, and what a change of it means to them.
//!
//! The order by which a change opens a route or closes it:
//!
//! - `public` lets in more than `webhook` and more than `session`. Of these two neither lets in
//!   more: one becoming the other opens the route to some callers and closes it to others.
//! - A route without a class is held to `session` at run time, so it counts as that without scope.
//! - Where the class changes, verifier, scope, `until`, `max_body`, `expect_every` and reason go
//!   with it and are not looked at by themselves.
//! - Of one class: a scope added closes, one removed opens. Of `a | b` and `a & b`, each that every
//!   session meets that met the other lets in more: a name added to any of several opens, one added to
//!   all of several closes. `verify = "handler"` lets every
//!   request reach the handler, so from a verifier to it opens, and back closes; from one verifier
//!   to another does both.
//! - A later `until`, or none any more, opens; an earlier one, or a first one, closes.
//! - A larger `max_body` opens, as deliveries get in that were refused with 413; a smaller one
//!   closes. To and from the layer's own limit, which the lock does not know, is neither.
//! - `issues_session` added opens: whoever gets in leaves with a session, and so may reach every
//!   session route. Removed, it closes: nobody can log in there any more.
//! - `cross_origin` added opens: requests from pages of other origins get in that were refused with
//!   403. Removed, it closes.
//! - a name that is added to `by` opens: callers get in by one more proof. Removed, it closes.
//! - `optional_session`, `expect_every`, `owner` and `reason` let in whom they let in before.
//!
//! A change that opens and does not close widens; one that closes and does not open narrows.

use std::time::Duration;

use serde::Serialize;
use session_auth::{AccessClass, Declaration, Difference, Scopes, Verify};
use time::Date;

use super::values;
use crate::sentence::Sentence;

/// In what two lines for the same route differ. A handler's name is in none.
fn differences(old: &Declaration, new: &Declaration) -> Vec<Difference> {
    let mut all = old.differences(new);
    all.retain(|one| *one != Difference::Handler);
    if all.contains(&Difference::Class) {
        // What only one of the classes has goes with the class.
        all.retain(|one| {
            matches!(
                one,
                Difference::Class
                    | Difference::IssuesSession
                    | Difference::OptionalSession
                    | Difference::Owner
            )
        });
    }
    all
}

/// Which way a route has changed for its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// More callers may reach it, and none fewer.
    Widened,
    /// Fewer callers may reach it, and none more.
    Narrowed,
    /// Any other difference: both of these, or neither.
    Changed,
}

/// What a difference does: neither, one, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Opens,
    Closes,
    Both,
    Neither,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    effect: Effect,
    /// Goes on from the route: `now needs a session: callers without one will get 401`.
    pub(crate) says: Sentence,
}

/// Which way these, taken together, change a route; `None` where there are none.
pub(crate) fn direction(changes: &[Change]) -> Option<Direction> {
    if changes.is_empty() {
        return None;
    }
    let any = |effect| {
        changes
            .iter()
            .any(|change| change.effect == effect || change.effect == Effect::Both)
    };
    Some(match (any(Effect::Opens), any(Effect::Closes)) {
        (true, false) => Direction::Widened,
        (false, true) => Direction::Narrowed,
        (true, true) | (false, false) => Direction::Changed,
    })
}

/// A route that another router of the same package has taken over. Each may be served at an
/// address of its own, so it may be reached from elsewhere.
pub(crate) fn moved(from: &str, to: &str) -> Change {
    Change {
        effect: Effect::Both,
        says: Sentence::of("is mounted by router ")
            .name(to)
            .words(", was by ")
            .name(from)
            .words(": it answers where that one is served"),
    }
}

/// `is new and public: anyone may call it`.
pub(crate) fn added(new: Option<&Declaration>) -> Sentence {
    let Some(new) = new else {
        return Sentence::of(
            "is new and has no access class: callers with a session may call it, others will get \
             401",
        );
    };
    match new.class() {
        AccessClass::Public => Sentence::of("is new and public: anyone may call it"),
        AccessClass::Webhook => match proof(new) {
            Some(verifier) => Sentence::of("is new: senders with proof for the verifier ")
                .name(verifier)
                .words(" may call it"),
            None => Sentence::of(
                "is new: every request reaches its handler, which proves the sender by itself",
            ),
        },
        _ => match by_others(new) {
            None => Sentence::of("is new: callers with a session")
                .then(scope(new, " that has scope "))
                .words(" may call it"),
            Some(by) => Sentence::of("is new: callers known by ")
                .name(by)
                .then(scope(new, " and with scope "))
                .words(" may call it"),
        },
    }
}

/// `was public and is gone`.
pub(crate) fn removed(old: Option<&Declaration>) -> Sentence {
    before(old).words(" and is gone")
}

/// Every difference, the one that matters most first. Empty where the same is said.
pub(crate) fn changes(old: Option<&Declaration>, new: Option<&Declaration>) -> Vec<Change> {
    let change = |(effect, says)| Change { effect, says };
    match (old, new) {
        (Some(old), Some(new)) => differences(old, new)
            .into_iter()
            .filter_map(|difference| of_difference(difference, old, new))
            .map(change)
            .collect(),
        (None, None) => Vec::new(),
        (old, new) => vec![change(class(old, new))],
    }
}

fn of_difference(
    difference: Difference,
    old: &Declaration,
    new: &Declaration,
) -> Option<(Effect, Sentence)> {
    Some(match difference {
        Difference::Class => class(Some(old), Some(new)),
        Difference::Verify => verifier(old, new),
        // Anyone may call a public route, whoever it then recognizes.
        Difference::By if new.class() == AccessClass::Public => (
            Effect::Neither,
            text("way to know its callers", old.by(), new.by()),
        ),
        Difference::By => ways(old.by(), new.by()),
        Difference::Scope => scopes(old.scopes(), new.scopes()),
        Difference::Until => until(old.until(), new.until()),
        Difference::MaxBody => max_body(old.max_body(), new.max_body()),
        Difference::IssuesSession if new.issues_session() => (
            Effect::Opens,
            Sentence::of(
                "may now create sessions: whoever calls it can get one, and with it reach session \
                 routes",
            ),
        ),
        Difference::IssuesSession => (
            Effect::Closes,
            Sentence::of("no longer creates sessions: nobody can get one there any more"),
        ),
        Difference::OptionalSession if new.optional_session() => (
            Effect::Neither,
            Sentence::of("now sees the session of a caller who has one"),
        ),
        Difference::OptionalSession => (
            Effect::Neither,
            Sentence::of("no longer sees the session of a caller who has one"),
        ),
        Difference::CrossOrigin => cross_origin(old.cross_origin(), new.cross_origin()),
        Difference::ExpectEvery => (
            Effect::Neither,
            expect_every(old.expect_every(), new.expect_every()),
        ),
        Difference::Owner => (Effect::Neither, text("owner", old.owner(), new.owner())),
        Difference::Reason => (Effect::Neither, text("reason", old.reason(), new.reason())),
        _ => return None,
    })
}

/// What may prove a caller: with one more of them more callers get in, in whatever order.
fn ways(old: Option<&str>, new: Option<&str>) -> (Effect, Sentence) {
    let (Some(old), Some(new)) = (old, new) else {
        return (Effect::Neither, text("way to know its callers", old, new));
    };
    let has_all = |of: &str, others: &str| {
        let mut others = others.split(" | ");
        others.all(|other| of.split(" | ").any(|name| name == other))
    };
    let (effect, consequence) = match (has_all(new, old), has_all(old, new)) {
        (true, true) => (Effect::Neither, ": the same callers may call it"),
        (true, false) => (Effect::Opens, ": more callers may call it"),
        (false, true) => (
            Effect::Closes,
            ": callers with no more than the old proof will get 401",
        ),
        (false, false) => (
            Effect::Both,
            ": callers with no more than the old proof will get 401, others may call it",
        ),
    };
    let says = Sentence::of("now takes callers by ")
        .name(new)
        .words(" instead of ")
        .name(old)
        .words(consequence);
    (effect, says)
}

fn cross_origin(old: Option<&str>, new: Option<&str>) -> (Effect, Sentence) {
    match (old, new) {
        (None, Some(_)) => (
            Effect::Opens,
            Sentence::of(
                "now lets pages of other origins in: a page elsewhere can start a session for its \
                 visitors, or use the one that they have",
            ),
        ),
        (Some(_), None) => (
            Effect::Closes,
            Sentence::of("no longer lets pages of other origins in: they will get 403"),
        ),
        (old, new) => (
            Effect::Neither,
            text("reason to let pages of other origins in", old, new),
        ),
    }
}

fn expect_every(old: Option<Duration>, new: Option<Duration>) -> Sentence {
    let name = values::duration;
    match (old, new) {
        (Some(old), Some(new)) => Sentence::of("is overdue after ")
            .name(&name(new))
            .words(" without a delivery, was after ")
            .name(&name(old)),
        (None, Some(new)) => Sentence::of("is now overdue after ")
            .name(&name(new))
            .words(" without a delivery"),
        (_, None) => {
            Sentence::of("is no longer watched: nothing will tell when its deliveries stop")
        }
    }
}

fn text(what: &'static str, old: Option<&str>, new: Option<&str>) -> Sentence {
    match (old, new) {
        (Some(old), Some(new)) => Sentence::of("has another ")
            .words(what)
            .words(": ")
            .name(new)
            .words(", was ")
            .name(old),
        (None, Some(new)) => Sentence::of("has ")
            .words(if what == "owner" { "an " } else { "a " })
            .words(what)
            .words(" now: ")
            .name(new),
        (old, None) => Sentence::of("has lost its ")
            .words(what)
            .words(": ")
            .name(old.unwrap_or_default()),
    }
}

/// The verifier, unless it is the handler itself.
fn proof(declaration: &Declaration) -> Option<&str> {
    match declaration.verify() {
        Some(Verify::By(name)) => Some(name),
        _ => None,
    }
}

fn scope(declaration: &Declaration, words: &'static str) -> Sentence {
    match declaration.scope() {
        Some(scope) => Sentence::of(words).name(scope),
        None => Sentence::default(),
    }
}

/// What proves callers of class `session`, where that is more or other than a session.
fn by_others(declaration: &Declaration) -> Option<&str> {
    declaration.by().filter(|by| *by != "session")
}

/// `was public`.
fn before(old: Option<&Declaration>) -> Sentence {
    let Some(old) = old else {
        return Sentence::of("had no access class");
    };
    match old.class() {
        AccessClass::Public => Sentence::of("was public"),
        AccessClass::Webhook => match proof(old) {
            Some(verifier) => Sentence::of("needed proof for the verifier ").name(verifier),
            None => Sentence::of("was a webhook whose handler proves the sender"),
        },
        _ => match by_others(old) {
            None => Sentence::of("needed a session").then(scope(old, " with scope ")),
            Some(by) => Sentence::of("needed its callers known by ")
                .name(by)
                .then(scope(old, " and with scope ")),
        },
    }
}

/// `now needs a session`.
fn after(new: Option<&Declaration>) -> Sentence {
    let Some(new) = new else {
        return Sentence::of("has no access class now");
    };
    match new.class() {
        AccessClass::Public => Sentence::of("is now public"),
        AccessClass::Webhook => match proof(new) {
            Some(verifier) => Sentence::of("now needs proof for the verifier ").name(verifier),
            None => Sentence::of("is now a webhook whose handler proves the sender"),
        },
        _ => match by_others(new) {
            None => Sentence::of("now needs a session").then(scope(new, " with scope ")),
            Some(by) => Sentence::of("now needs its callers known by ")
                .name(by)
                .then(scope(new, " and with scope ")),
        },
    }
}

/// The classes differ.
fn class(old: Option<&Declaration>, new: Option<&Declaration>) -> (Effect, Sentence) {
    let of = |one: Option<&Declaration>| one.map(Declaration::class);
    let scope = |one: Option<&Declaration>| one.and_then(Declaration::scope).map(str::to_owned);
    let (effect, consequence) = match (of(old), of(new)) {
        (_, Some(AccessClass::Public)) => (Effect::Opens, ": anyone may call it"),
        (Some(AccessClass::Public), Some(AccessClass::Webhook)) => (
            Effect::Closes,
            match new.and_then(proof) {
                None => ": callers without that proof are refused",
                Some(_) => ": callers without it will get 401",
            },
        ),
        (Some(AccessClass::Public), Some(_)) => (
            Effect::Closes,
            match (scope(new).is_some(), new.and_then(by_others)) {
                (true, None) => ": callers without one will get 401, those without the scope 403",
                (false, None) => ": callers without one will get 401",
                (true, Some(_)) => ": others will get 401, those without the scope 403",
                (false, Some(_)) => ": others will get 401",
            },
        ),
        (Some(AccessClass::Public), None) => {
            (Effect::Closes, ": callers without a session will get 401")
        }
        (Some(AccessClass::Webhook), _) => (
            Effect::Both,
            ": its senders will get 401, and callers with a session may call it",
        ),
        (_, Some(AccessClass::Webhook)) => (
            Effect::Both,
            match new.and_then(proof) {
                Some(_) => {
                    ": callers with no more than a session will get 401, senders may call it"
                }
                None => ": a session is neither asked for nor enough any more",
            },
        ),
        // Between a session and no class, which is held to a session of any scope.
        _ => match (scope(old), scope(new)) {
            (Some(_), None) => (
                Effect::Opens,
                ": callers with a session of any scope may call it",
            ),
            (None, Some(_)) => (
                Effect::Closes,
                ": callers whose session lacks the scope will get 403",
            ),
            _ => (
                Effect::Neither,
                ": a session is needed as before, and each request counts as unclassified",
            ),
        },
    };
    let says = before(old)
        .words(" and ")
        .then(after(new))
        .words(consequence);
    (effect, says)
}

fn verifier(old: &Declaration, new: &Declaration) -> (Effect, Sentence) {
    match (proof(old), proof(new)) {
        (Some(old), None) => (
            Effect::Opens,
            Sentence::of("needed proof for the verifier ")
                .name(old)
                .words(" and now leaves it to the handler: every request reaches the handler"),
        ),
        (None, Some(new)) => (
            Effect::Closes,
            Sentence::of("left the proof to the handler and now needs it for the verifier ")
                .name(new)
                .words(": requests without it will get 401"),
        ),
        (old, new) => (
            Effect::Both,
            Sentence::of("now takes proof for the verifier ")
                .name(new.unwrap_or(Verify::HANDLER))
                .words(" instead of ")
                .name(old.unwrap_or(Verify::HANDLER))
                .words(": senders with no more than the old proof will get 401"),
        ),
    }
}

/// `scope a`, `any of the scopes a | b`.
fn of_scopes(scopes: Scopes<'_>) -> Sentence {
    let names: Vec<_> = scopes.names().collect();
    let (what, between) = match (&*names, scopes.needs_all()) {
        ([_], _) => ("scope ", ""),
        (_, true) => ("all of the scopes ", " & "),
        (_, false) => ("any of the scopes ", " | "),
    };
    Sentence::of(what).name(&names.join(between))
}

fn scopes(old: Option<Scopes<'_>>, new: Option<Scopes<'_>>) -> (Effect, Sentence) {
    match (old, new) {
        (None, Some(new)) => (
            Effect::Closes,
            Sentence::of("now needs ")
                .then(of_scopes(new))
                .words(": callers whose session lacks it will get 403"),
        ),
        (old, None) => (
            Effect::Opens,
            Sentence::of("no longer needs ")
                .then(old.map(of_scopes).unwrap_or_default())
                .words(": callers with a session of any scope may call it"),
        ),
        (Some(old), Some(new)) => {
            let (effect, consequence) = match (old.imply(new), new.imply(old)) {
                (true, true) => (Effect::Neither, ": the same callers may call it"),
                (true, false) => (
                    Effect::Opens,
                    ": callers whose session was not enough may call it",
                ),
                (false, true) => (
                    Effect::Closes,
                    ": callers whose session has no more than the old one will get 403",
                ),
                (false, false) => (
                    Effect::Both,
                    ": callers whose session has no more than the old one will get 403",
                ),
            };
            let says = Sentence::of("now needs ")
                .then(of_scopes(new))
                .words(" instead of ")
                .then(match (old.names().count(), new.names().count()) {
                    (1, 1) => Sentence::default().name(&old.names().collect::<String>()),
                    _ => of_scopes(old),
                })
                .words(consequence);
            (effect, says)
        }
    }
}

fn until(old: Option<Date>, new: Option<Date>) -> (Effect, Sentence) {
    let name = |day: Date| day.to_string();
    match (old, new) {
        (Some(old), Some(new)) => (
            if new > old {
                Effect::Opens
            } else {
                Effect::Closes
            },
            Sentence::of("may be called as it is until ")
                .name(&name(new))
                .words(", and until ")
                .name(&name(old))
                .words(" before"),
        ),
        (None, Some(new)) => (
            Effect::Closes,
            Sentence::of("may be called as it is until ")
                .name(&name(new))
                .words(", and had no end before"),
        ),
        (old, None) => (
            Effect::Opens,
            Sentence::of("may be called as it is without end, and only until ")
                .name(&old.map(name).unwrap_or_default())
                .words(" before"),
        ),
    }
}

fn max_body(old: Option<usize>, new: Option<usize>) -> (Effect, Sentence) {
    let name = values::size;
    match (old, new) {
        (Some(old), Some(new)) if new > old => (
            Effect::Opens,
            Sentence::of("now takes bodies of up to ")
                .name(&name(new))
                .words(", and those over ")
                .name(&name(old))
                .words(" got 413 before"),
        ),
        (Some(old), Some(new)) => (
            Effect::Closes,
            Sentence::of("takes bodies of up to ")
                .name(&name(old))
                .words(" no longer: those over ")
                .name(&name(new))
                .words(" will get 413"),
        ),
        (None, new) => (
            Effect::Neither,
            Sentence::of("now has a limit of its own for bodies, ")
                .name(&new.map(name).unwrap_or_default()),
        ),
        (Some(old), None) => (
            Effect::Neither,
            Sentence::of("takes bodies up to the layer's limit, and up to ")
                .name(&name(old))
                .words(" before"),
        ),
    }
}
