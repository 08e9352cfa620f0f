//! Two locks, or a lock and an audit: what a caller would notice.
//!
//! Compared is what answers each method of each path, not how lines are grouped. So nothing that
//! a lock holds can go missing unseen: each of its methods is still there, has moved to another
//! router of its package, or is a difference of its own.

use std::collections::BTreeMap;

use session_auth::audit::{Code, Subject};
use session_auth::{Location, Methods};

use super::mount::{At, Mount};
use super::said::Said;
use super::terms::{self, Change, Direction};
use super::verb;
use super::{Lock, Route};
use crate::sentence::Sentence;
use crate::visible::visible;

/// One difference of one route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    pub(crate) at: At,
    /// One by one: `GET` and the `HEAD` that it answers, `ANY` and what it answers.
    pub(crate) verbs: Methods,
    pub(crate) package: String,
    /// That has it now; of a route that is gone, that had it.
    pub(crate) router: String,
    /// Others of the package of which the same is to be said: a function that is audited in several
    /// configurations is several routers.
    pub(crate) also: Vec<String>,
    pub(crate) direction: Direction,
    /// The methods as a reader sees them: `GET | POST`.
    label: String,
    /// Goes on from the route.
    pub(crate) says: Sentence,
    pub(crate) old: Side,
    pub(crate) new: Side,
    /// The declaration; of a route that is gone, its line in the lock.
    pub(crate) place: Location,
}

/// What there was, or is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// No such route.
    Nothing,
    /// A route, and what is said of it.
    Route(Option<Box<Said>>),
}

impl Side {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

impl Difference {
    /// `POST /api/waitlist/signup`.
    pub(crate) fn route(&self) -> String {
        match self.at.path() {
            Some(path) => format!("{} {path}", self.label),
            None => self.label.clone(),
        }
    }

    /// Every router that it is a difference of.
    pub(crate) fn routers(&self) -> impl Iterator<Item = &str> {
        let all = std::iter::once(&self.router).chain(&self.also);
        all.map(String::as_str)
    }

    /// As a machine reads them: `["GET"]`, `["ANY"]`.
    pub(crate) fn methods(&self) -> Methods {
        verb::shortly(self.verbs)
    }

    pub(crate) fn code(&self) -> Code {
        match self.direction {
            Direction::Widened => Code::LockWidened,
            Direction::Narrowed => Code::LockNarrowed,
            Direction::Changed => Code::LockChanged,
        }
    }

    pub(crate) fn subject(&self) -> Subject {
        let (path, shape) = self.at.parts();
        Subject {
            path: path.map(|path| path.to_owned().into()),
            methods: self.methods(),
            shape,
            place: self.place.clone(),
        }
    }

    pub(crate) fn message(&self) -> String {
        visible(&format!("{} {}", self.route(), self.says))
    }

    pub(crate) fn help(&self) -> String {
        let wrong = match self.direction {
            _ if self.new.is_nothing() => "mount it again",
            Direction::Widened if self.old.is_nothing() => "give it another class, or take it out",
            Direction::Narrowed => "give its callers back what they had",
            _ => "undo it",
        };
        format!(
            "if that is meant, run `route-audit check --update` and have the change of the lock \
             reviewed; if not, {wrong}"
        )
    }
}

/// What one path of one package mounts, by router.
type Routers<'a> = BTreeMap<&'a str, &'a BTreeMap<Methods, Route>>;

/// Every difference, sorted by path.
pub(crate) fn compare(old: &Lock, new: &Lock) -> Vec<Difference> {
    let mut paths: BTreeMap<(&str, &At), (Routers<'_>, Routers<'_>)> = BTreeMap::new();
    for (mount, at) in &old.mounts {
        paths
            .entry(key(mount))
            .or_default()
            .0
            .insert(&mount.router, at);
    }
    for (mount, at) in &new.mounts {
        paths
            .entry(key(mount))
            .or_default()
            .1
            .insert(&mount.router, at);
    }
    let mut differences = Vec::new();
    for ((package, at), (before, after)) in paths {
        let one = OnePath {
            package,
            at,
            before,
            after,
            now: new,
        };
        differences.extend(one.differences());
    }
    differences.sort();
    together(differences)
}

/// Each difference once for all routers of a package that it is a difference of.
fn together(differences: Vec<Difference>) -> Vec<Difference> {
    let mut out: Vec<Difference> = Vec::new();
    for one in differences {
        let same = |known: &&mut Difference| {
            let place = &known.place;
            let of_known = Difference {
                router: known.router.clone(),
                also: known.also.clone(),
                place: place.clone(),
                ..one.clone()
            };
            **known == of_known
        };
        // Sorted by path first: what is the same is near.
        let near = out.iter_mut().rev();
        match near.take_while(|known| known.at == one.at).find(same) {
            Some(known) => known.also.push(one.router),
            None => out.push(one),
        }
    }
    out
}

fn key(mount: &Mount) -> (&str, &At) {
    (&mount.package, &mount.at)
}

struct OnePath<'a> {
    package: &'a str,
    at: &'a At,
    before: Routers<'a>,
    after: Routers<'a>,
    now: &'a Lock,
}

/// What happened to one method of a path: the router and what it says, before and after.
struct Slot<'a> {
    verb: Methods,
    old: Option<(&'a str, &'a Route)>,
    new: Option<(&'a str, &'a Route)>,
}

impl<'a> OnePath<'a> {
    fn differences(&self) -> Vec<Difference> {
        // One entry for the methods that fared alike.
        let mut alike: BTreeMap<Difference, Methods> = BTreeMap::new();
        for slot in verb::all().flat_map(|verb| self.slots(verb)) {
            if let Some(difference) = self.difference(&slot) {
                let verbs = alike.entry(difference).or_insert(slot.verb);
                *verbs = verbs.or(slot.verb);
            }
        }
        alike
            .into_iter()
            .map(|(difference, verbs)| Difference {
                label: verb::label(verbs, self.served(&difference.router).unwrap_or(verbs)),
                verbs,
                ..difference
            })
            .collect()
    }

    /// The verbs that a router answers here, before or after.
    fn served(&self, router: &str) -> Option<Methods> {
        let served = |at: Option<&&BTreeMap<Methods, Route>>, verb| {
            at.is_some_and(|at| verb::answering(at, verb).is_some())
        };
        verb::all()
            .filter(|verb| {
                served(self.before.get(router), *verb) || served(self.after.get(router), *verb)
            })
            .reduce(Methods::or)
    }

    /// Each router's answer before and after. One that only an old router gave and one that only
    /// a new router gives are one that has moved.
    fn slots(&self, verb: Methods) -> Vec<Slot<'a>> {
        let answers = |routers: &Routers<'a>| -> BTreeMap<&'a str, &'a Route> {
            routers
                .iter()
                .filter_map(|(router, at)| Some((*router, verb::answering(at, verb)?)))
                .collect()
        };
        let mut before = answers(&self.before);
        let mut after = answers(&self.after);
        let mut slots = Vec::new();
        let both: Vec<&str> = before
            .keys()
            .filter(|router| after.contains_key(*router))
            .copied()
            .collect();
        for router in both {
            slots.push(Slot {
                verb,
                old: before.remove(router).map(|route| (router, route)),
                new: after.remove(router).map(|route| (router, route)),
            });
        }
        let (mut gone, mut come) = (before.into_iter(), after.into_iter());
        loop {
            let (old, new) = (gone.next(), come.next());
            if old.is_none() && new.is_none() {
                return slots;
            }
            slots.push(Slot { verb, old, new });
        }
    }

    fn difference(&self, slot: &Slot<'a>) -> Option<Difference> {
        let (direction, says, router, place) = match (slot.old, slot.new) {
            (Some((from, old)), Some((to, new))) => {
                let mut changes = terms::changes(old.declaration(), new.declaration());
                if from != to {
                    changes.push(terms::moved(from, to));
                }
                let direction = terms::direction(&changes)?;
                (direction, said(changes), to, &new.place)
            }
            (None, Some((router, new))) => (
                Direction::Widened,
                terms::added(new.declaration()),
                router,
                &new.place,
            ),
            (Some((router, old)), None) => (
                Direction::Narrowed,
                terms::removed(old.declaration()).words(self.without(router)),
                router,
                &old.place,
            ),
            (None, None) => return None,
        };
        let side = |side: Option<(&str, &Route)>| {
            side.map_or(Side::Nothing, |(_, route)| {
                Side::Route(route.said.clone().map(Box::new))
            })
        };
        Some(Difference {
            at: self.at.clone(),
            // Put in where those that fared alike are known.
            verbs: slot.verb.minus(slot.verb),
            package: self.package.to_owned(),
            router: router.to_owned(),
            also: Vec::new(),
            direction,
            label: String::new(),
            says,
            old: side(slot.old),
            new: side(slot.new),
            place: place.clone(),
        })
    }

    /// What callers of a route get that its router no longer has.
    fn without(&self, router: &str) -> &'static str {
        let fallback = Mount {
            at: At::Outermost,
            package: self.package.to_owned(),
            router: router.to_owned(),
        };
        if *self.at != At::Outermost && self.after.contains_key(router) {
            ": its callers will get 405"
        } else if *self.at != At::Outermost && self.now.mounts.contains_key(&fallback) {
            ": its callers will get what the fallback answers"
        } else {
            ": its callers will get 404"
        }
    }
}

fn said(changes: Vec<Change>) -> Sentence {
    Sentence::join(changes.into_iter().map(|change| change.says), "; ")
}
