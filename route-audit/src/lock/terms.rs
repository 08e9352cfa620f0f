//! What a route asks of its callers, and what a change of it means to them.
//!
//! The order by which a change opens a route or closes it:
//!
//! - `public` lets in more than `webhook` and more than `session`. Of these two neither lets in
//!   more: one becoming the other opens the route to some callers and closes it to others.
//! - A route without a class is held to `session` at run time, so it counts as that without scope.
//! - Where the class changes, verifier, scope, `until`, `max_body`, `expect_every` and reason go
//!   with it and are not looked at by themselves.
//! - Of one class: a scope added closes, one removed opens. `verify = "handler"` lets every
//!   request reach the handler, so from a verifier to it opens, and back closes; from one verifier
//!   to another does both.
//! - A later `until`, or none any more, opens; an earlier one, or a first one, closes.
//! - A larger `max_body` opens, as deliveries get in that were refused with 413; a smaller one
//!   closes. To and from the layer's own limit, which the lock does not know, is neither.
//! - `issues_session` added opens: whoever gets in leaves with a session, and so may reach every
//!   session route. Removed, it closes: nobody can log in there any more.
//! - `optional_session`, `expect_every`, `owner` and `reason` let in whom they let in before.
//!
//! A change that opens and does not close widens; one that closes and does not open narrows.

use serde::Serialize;
use session_auth::audit::{Class, RouteRecord};

use crate::sentence::Sentence;

/// The name that stands for "the handler proves the sender by itself".
pub(crate) const HANDLER: &str = "handler";

/// What a declaration says, without its place and handler: a file that moves and a function that
/// is renamed change nothing for callers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(crate) struct Terms {
    /// `None` where nobody said; such a route is never written into a lock.
    pub(crate) class: Option<Class>,
    pub(crate) verifier: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) expect_every: Option<String>,
    /// In bytes.
    pub(crate) max_body: Option<u64>,
    pub(crate) owner: Option<String>,
    pub(crate) issues_session: bool,
    pub(crate) optional_session: bool,
    pub(crate) reason: Option<String>,
}

impl Terms {
    pub(crate) fn of(record: &RouteRecord) -> Self {
        Self {
            class: record.class,
            verifier: record.verifier.clone(),
            scope: record.scope.clone(),
            until: record.until.clone(),
            expect_every: record.expect_every.clone(),
            max_body: record.max_body,
            owner: record.owner.clone(),
            issues_session: record.issues_session,
            optional_session: record.optional_session,
            reason: record.reason.clone(),
        }
    }
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
pub(crate) fn added(new: &Terms) -> Sentence {
    match new.class {
        Some(Class::Public) => Sentence::of("is new and public: anyone may call it"),
        Some(Class::Webhook) => match proof(new) {
            Some(verifier) => Sentence::of("is new: senders with proof for the verifier ")
                .name(verifier)
                .words(" may call it"),
            None => Sentence::of(
                "is new: every request reaches its handler, which proves the sender by itself",
            ),
        },
        Some(_) => Sentence::of("is new: callers with a session")
            .then(scope(new, " that has scope "))
            .words(" may call it"),
        None => Sentence::of(
            "is new and has no access class: callers with a session may call it, others will get \
             401",
        ),
    }
}

/// `was public and is gone`.
pub(crate) fn removed(old: &Terms) -> Sentence {
    before(old).words(" and is gone")
}

/// Every difference, the one that matters most first. Empty where the two are equal.
pub(crate) fn changes(old: &Terms, new: &Terms) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |effect, says| changes.push(Change { effect, says });
    if old.class == new.class {
        verifier(old, new, &mut add);
        scopes(old, new, &mut add);
        until(old, new, &mut add);
        max_body(old, new, &mut add);
    } else {
        let (effect, says) = class(old, new);
        add(effect, says);
    }
    match (old.issues_session, new.issues_session) {
        (false, true) => add(
            Effect::Opens,
            Sentence::of(
                "may now create sessions: whoever calls it can get one, and with it reach session \
                 routes",
            ),
        ),
        (true, false) => add(
            Effect::Closes,
            Sentence::of("no longer creates sessions: nobody can get one there any more"),
        ),
        _ => {}
    }
    match (old.optional_session, new.optional_session) {
        (false, true) => add(
            Effect::Neither,
            Sentence::of("now sees the session of a caller who has one"),
        ),
        (true, false) => add(
            Effect::Neither,
            Sentence::of("no longer sees the session of a caller who has one"),
        ),
        _ => {}
    }
    if old.class == new.class && old.expect_every != new.expect_every {
        add(
            Effect::Neither,
            match (&old.expect_every, &new.expect_every) {
                (Some(old), Some(new)) => Sentence::of("is overdue after ")
                    .name(new)
                    .words(" without a delivery, was after ")
                    .name(old),
                (None, Some(new)) => Sentence::of("is now overdue after ")
                    .name(new)
                    .words(" without a delivery"),
                (_, None) => {
                    Sentence::of("is no longer watched: nothing will tell when its deliveries stop")
                }
            },
        );
    }
    if old.owner != new.owner {
        let says = text("owner", old.owner.as_deref(), new.owner.as_deref());
        add(Effect::Neither, says);
    }
    if old.class == new.class && old.reason != new.reason {
        let says = text("reason", old.reason.as_deref(), new.reason.as_deref());
        add(Effect::Neither, says);
    }
    changes
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
fn proof(terms: &Terms) -> Option<&str> {
    let verifier = terms.verifier.as_deref().unwrap_or("?");
    (verifier != HANDLER).then_some(verifier)
}

fn scope(terms: &Terms, words: &'static str) -> Sentence {
    match &terms.scope {
        Some(scope) => Sentence::of(words).name(scope),
        None => Sentence::default(),
    }
}

/// `was public`.
fn before(old: &Terms) -> Sentence {
    match old.class {
        Some(Class::Public) => Sentence::of("was public"),
        Some(Class::Webhook) => match proof(old) {
            Some(verifier) => Sentence::of("needed proof for the verifier ").name(verifier),
            None => Sentence::of("was a webhook whose handler proves the sender"),
        },
        Some(_) => Sentence::of("needed a session").then(scope(old, " with scope ")),
        None => Sentence::of("had no access class"),
    }
}

/// `now needs a session`.
fn after(new: &Terms) -> Sentence {
    match new.class {
        Some(Class::Public) => Sentence::of("is now public"),
        Some(Class::Webhook) => match proof(new) {
            Some(verifier) => Sentence::of("now needs proof for the verifier ").name(verifier),
            None => Sentence::of("is now a webhook whose handler proves the sender"),
        },
        Some(_) => Sentence::of("now needs a session").then(scope(new, " with scope ")),
        None => Sentence::of("has no access class now"),
    }
}

/// The classes differ.
fn class(old: &Terms, new: &Terms) -> (Effect, Sentence) {
    let webhook = |terms: &Terms| terms.class == Some(Class::Webhook);
    let (effect, consequence) = if new.class == Some(Class::Public) {
        (Effect::Opens, ": anyone may call it")
    } else if old.class == Some(Class::Public) {
        let consequence = match (new.class, proof(new)) {
            (Some(Class::Webhook), None) => ": callers without that proof are refused",
            (Some(Class::Webhook), Some(_)) => ": callers without it will get 401",
            (Some(_), _) if new.scope.is_some() => {
                ": callers without one will get 401, those without the scope 403"
            }
            (Some(_), _) => ": callers without one will get 401",
            (None, _) => ": callers without a session will get 401",
        };
        (Effect::Closes, consequence)
    } else if webhook(old) {
        let consequence = ": its senders will get 401, and callers with a session may call it";
        (Effect::Both, consequence)
    } else if webhook(new) {
        let consequence = match proof(new) {
            Some(_) => ": callers with no more than a session will get 401, senders may call it",
            None => ": a session is neither asked for nor enough any more",
        };
        (Effect::Both, consequence)
    } else {
        // Between a session and no class, which is held to a session of any scope.
        match (&old.scope, &new.scope) {
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
        }
    };
    let says = before(old)
        .words(" and ")
        .then(after(new))
        .words(consequence);
    (effect, says)
}

fn verifier(old: &Terms, new: &Terms, add: &mut impl FnMut(Effect, Sentence)) {
    if old.verifier == new.verifier {
        return;
    }
    let (effect, says) = match (proof(old), proof(new)) {
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
                .name(new.unwrap_or(HANDLER))
                .words(" instead of ")
                .name(old.unwrap_or(HANDLER))
                .words(": senders with no more than the old proof will get 401"),
        ),
    };
    add(effect, says);
}

fn scopes(old: &Terms, new: &Terms, add: &mut impl FnMut(Effect, Sentence)) {
    let (effect, says) = match (&old.scope, &new.scope) {
        (None, Some(new)) => (
            Effect::Closes,
            Sentence::of("now needs scope ")
                .name(new)
                .words(": callers whose session lacks it will get 403"),
        ),
        (Some(old), None) => (
            Effect::Opens,
            Sentence::of("no longer needs scope ")
                .name(old)
                .words(": callers with a session of any scope may call it"),
        ),
        (Some(old), Some(new)) if old != new => (
            Effect::Both,
            Sentence::of("now needs scope ")
                .name(new)
                .words(" instead of ")
                .name(old)
                .words(": callers whose session has no more than the old one will get 403"),
        ),
        _ => return,
    };
    add(effect, says);
}

fn until(old: &Terms, new: &Terms, add: &mut impl FnMut(Effect, Sentence)) {
    let (effect, says) = match (&old.until, &new.until) {
        (None, Some(new)) => (
            Effect::Closes,
            Sentence::of("may be called as it is until ")
                .name(new)
                .words(", and had no end before"),
        ),
        (Some(old), None) => (
            Effect::Opens,
            Sentence::of("may be called as it is without end, and only until ")
                .name(old)
                .words(" before"),
        ),
        // Days in the form of ISO 8601 sort as text.
        (Some(old), Some(new)) if old != new => (
            if new > old {
                Effect::Opens
            } else {
                Effect::Closes
            },
            Sentence::of("may be called as it is until ")
                .name(new)
                .words(", and until ")
                .name(old)
                .words(" before"),
        ),
        _ => return,
    };
    add(effect, says);
}

fn max_body(old: &Terms, new: &Terms, add: &mut impl FnMut(Effect, Sentence)) {
    let name = super::values::size;
    let (effect, says) = match (old.max_body, new.max_body) {
        (Some(old), Some(new)) if new > old => (
            Effect::Opens,
            Sentence::of("now takes bodies of up to ")
                .name(&name(new))
                .words(", and those over ")
                .name(&name(old))
                .words(" got 413 before"),
        ),
        (Some(old), Some(new)) if new < old => (
            Effect::Closes,
            Sentence::of("takes bodies of up to ")
                .name(&name(old))
                .words(" no longer: those over ")
                .name(&name(new))
                .words(" will get 413"),
        ),
        (None, Some(new)) => (
            Effect::Neither,
            Sentence::of("now has a limit of its own for bodies, ").name(&name(new)),
        ),
        (Some(old), None) => (
            Effect::Neither,
            Sentence::of("takes bodies up to the layer's limit, and up to ")
                .name(&name(old))
                .words(" before"),
        ),
        _ => return,
    };
    add(effect, says);
}
