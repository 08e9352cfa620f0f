//! Two locks, or a lock and an audit: what a caller would notice.
//!
//! Compared is what answers each method of each path, not how lines are grouped. So nothing that
//! a lock holds can go missing unseen: each of its methods is still there, has moved to another
//! router of its package, or is a difference of its own.

use std::collections::{BTreeMap, BTreeSet};

use session_auth::audit::{Finding, Severity};

use super::terms::{self, Change, Direction, Terms};
use super::verb::{self, Verb};
use super::{Lock, Mount, Place, Route};
use crate::codes;
use crate::sentence::Sentence;

/// One difference of one route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    pub(crate) path: Option<String>,
    pub(crate) verbs: BTreeSet<Verb>,
    pub(crate) package: String,
    /// That has it now; of a route that is gone, that had it.
    pub(crate) router: String,
    /// Others of the package of which the same is to be said: a function that is audited in several
    /// configurations is several routers.
    pub(crate) also: Vec<String>,
    pub(crate) direction: Direction,
    /// The methods as a reader sees them: `GET | POST`.
    methods: String,
    /// Goes on from the route.
    pub(crate) says: Sentence,
    /// `None` where the route is new.
    pub(crate) old: Option<Terms>,
    /// `None` where the route is gone.
    pub(crate) new: Option<Terms>,
    /// The declaration; of a route that is gone, its line in the lock.
    pub(crate) place: Place,
}

impl Difference {
    /// `POST /api/waitlist/signup`.
    pub(crate) fn route(&self) -> String {
        match &self.path {
            Some(path) => format!("{} {path}", self.methods),
            None => self.methods.clone(),
        }
    }

    /// Every router that it is a difference of.
    pub(crate) fn routers(&self) -> impl Iterator<Item = &str> {
        let all = std::iter::once(&self.router).chain(&self.also);
        all.map(String::as_str)
    }

    pub(crate) fn methods(&self) -> Vec<String> {
        verb::names(&self.verbs)
    }

    pub(crate) fn code(&self) -> &'static str {
        match self.direction {
            Direction::Widened => codes::LOCK_WIDENED,
            Direction::Narrowed => codes::LOCK_NARROWED,
            Direction::Changed => codes::LOCK_CHANGED,
        }
    }

    pub(crate) fn message(&self) -> String {
        crate::sentence::visible(&format!("{} {}", self.route(), self.says))
    }

    pub(crate) fn finding(&self) -> Finding {
        let wrong = match (self.direction, &self.new) {
            (_, None) => "mount it again",
            (Direction::Widened, _) if self.old.is_none() => {
                "give it another class, or take it out"
            }
            (Direction::Narrowed, _) => "give its callers back what they had",
            _ => "undo it",
        };
        Finding {
            severity: Severity::Error,
            code: self.code().to_owned(),
            message: self.message(),
            help: format!(
                "if that is meant, run `route-audit check --update` and have the change of the \
                 lock reviewed; if not, {wrong}"
            ),
            methods: self.methods(),
            path: self.path.clone(),
            file: self.place.file.clone(),
            line: self.place.line,
        }
    }
}

/// What one path of one package mounts, by router.
type Routers<'a> = BTreeMap<&'a str, &'a BTreeMap<Verb, Route>>;

/// Every difference, sorted by path.
pub(crate) fn compare(old: &Lock, new: &Lock) -> Vec<Difference> {
    let mut paths: BTreeMap<(&str, Option<&str>), (Routers<'_>, Routers<'_>)> = BTreeMap::new();
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
    for ((package, path), (before, after)) in paths {
        let one = OnePath {
            package,
            path,
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
        match near.take_while(|known| known.path == one.path).find(same) {
            Some(known) => known.also.push(one.router),
            None => out.push(one),
        }
    }
    out
}

fn key(mount: &Mount) -> (&str, Option<&str>) {
    (&mount.package, mount.path.as_deref())
}

struct OnePath<'a> {
    package: &'a str,
    path: Option<&'a str>,
    before: Routers<'a>,
    after: Routers<'a>,
    now: &'a Lock,
}

/// What happened to one method of a path: the router and what it says, before and after.
struct Slot<'a> {
    verb: Verb,
    old: Option<(&'a str, &'a Route)>,
    new: Option<(&'a str, &'a Route)>,
}

impl<'a> OnePath<'a> {
    fn differences(&self) -> Vec<Difference> {
        // One entry for the methods that fared alike.
        let mut alike: BTreeMap<Difference, BTreeSet<Verb>> = BTreeMap::new();
        for slot in Verb::all().flat_map(|verb| self.slots(verb)) {
            if let Some(difference) = self.difference(&slot) {
                alike.entry(difference).or_default().insert(slot.verb);
            }
        }
        alike
            .into_iter()
            .map(|(difference, verbs)| Difference {
                methods: verb::label(&verbs, &self.served(&difference.router)),
                verbs,
                ..difference
            })
            .collect()
    }

    /// The verbs that a router answers here, before or after.
    fn served(&self, router: &str) -> BTreeSet<Verb> {
        let served = |at: Option<&&BTreeMap<Verb, Route>>, verb| {
            at.is_some_and(|at| verb::answering(at, verb).is_some())
        };
        Verb::all()
            .filter(|verb| {
                served(self.before.get(router), *verb) || served(self.after.get(router), *verb)
            })
            .collect()
    }

    /// Each router's answer before and after. One that only an old router gave and one that only
    /// a new router gives are one that has moved.
    fn slots(&self, verb: Verb) -> Vec<Slot<'a>> {
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
                let mut changes = terms::changes(&old.terms, &new.terms);
                if from != to {
                    changes.push(terms::moved(from, to));
                }
                let direction = terms::direction(&changes)?;
                (direction, said(changes), to, &new.place)
            }
            (None, Some((router, new))) => (
                Direction::Widened,
                terms::added(&new.terms),
                router,
                &new.place,
            ),
            (Some((router, old)), None) => (
                Direction::Narrowed,
                terms::removed(&old.terms).words(self.without(router)),
                router,
                &old.place,
            ),
            (None, None) => return None,
        };
        let terms = |side: Option<(&str, &Route)>| side.map(|(_, route)| route.terms.clone());
        Some(Difference {
            path: self.path.map(str::to_owned),
            verbs: BTreeSet::new(),
            package: self.package.to_owned(),
            router: router.to_owned(),
            also: Vec::new(),
            direction,
            methods: String::new(),
            says,
            old: terms(slot.old),
            new: terms(slot.new),
            place: place.clone(),
        })
    }

    /// What callers of a route get that its router no longer has.
    fn without(&self, router: &str) -> &'static str {
        let fallback = Mount {
            path: None,
            package: self.package.to_owned(),
            router: router.to_owned(),
        };
        if self.path.is_some() && self.after.contains_key(router) {
            ": its callers will get 405"
        } else if self.path.is_some() && self.now.mounts.contains_key(&fallback) {
            ": its callers will get what the fallback answers"
        } else {
            ": its callers will get 404"
        }
    }
}

fn said(changes: Vec<Change>) -> Sentence {
    Sentence::join(changes.into_iter().map(|change| change.says), "; ")
}
