//! What a line of the lock is for at its path: methods, or a fallback.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// As reports and attributes spell them, in the order in which both print them.
const NAMES: [&str; 11] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "ANY",
    "FALLBACK",
];

/// A method, `ANY` for each that no other line of the path names, or `FALLBACK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Verb(u8);

impl Verb {
    const GET: Self = Self(0);
    const HEAD: Self = Self(1);
    const ANY: Self = Self(9);

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        (0..)
            .zip(NAMES)
            .find(|(_, known)| *known == name)
            .map(|(index, _)| Self(index))
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..).zip(NAMES).map(|(index, _)| Self(index))
    }

    pub(crate) fn as_str(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What answers a verb at a path: its own line; for `HEAD`, that of `GET`; and then that of `ANY`.
/// The order is axum's (`MethodRouter::call_with_state`). Nothing stands in for a fallback.
pub(crate) fn answering<T>(at: &BTreeMap<Verb, T>, verb: Verb) -> Option<&T> {
    if let Some(own) = at.get(&verb) {
        return Some(own);
    }
    if verb == Verb::HEAD
        && let Some(get) = at.get(&Verb::GET)
    {
        return Some(get);
    }
    (verb < Verb::ANY).then(|| at.get(&Verb::ANY)).flatten()
}

/// Leaves out each line that changes no answer: two spellings of one policy become one.
pub(crate) fn normalize<T>(at: &mut BTreeMap<Verb, T>, same: impl Fn(&T, &T) -> bool) {
    for verb in [Verb::HEAD].into_iter().chain(Verb::all()) {
        if verb >= Verb::ANY {
            continue;
        }
        let Some(own) = at.remove(&verb) else {
            continue;
        };
        let implied = answering(at, verb).is_some_and(|other| same(&own, other));
        if !implied {
            at.insert(verb, own);
        }
    }
}

/// `GET | POST`; `ANY except POST` where `ANY` is among them and another verb is served, but not
/// among them. Of `GET` and `HEAD` the first says it.
pub(crate) fn label(verbs: &BTreeSet<Verb>, served: &BTreeSet<Verb>) -> String {
    let names = |verbs: &BTreeSet<Verb>| {
        let shown = verbs
            .iter()
            .filter(|verb| **verb != Verb::HEAD || !verbs.contains(&Verb::GET));
        shown.map(|verb| verb.as_str()).collect::<Vec<_>>()
    };
    if !verbs.contains(&Verb::ANY) {
        return names(verbs).join(" | ");
    }
    let others: BTreeSet<Verb> = served.difference(verbs).copied().collect();
    match names(&others).as_slice() {
        [] => "ANY".to_owned(),
        others => format!("ANY except {}", others.join(" | ")),
    }
}

/// The same for a machine: `["GET"]`, `["ANY"]`.
pub(crate) fn names(verbs: &BTreeSet<Verb>) -> Vec<String> {
    if verbs.contains(&Verb::ANY) {
        return vec![Verb::ANY.to_string()];
    }
    verbs
        .iter()
        .filter(|verb| **verb != Verb::HEAD || !verbs.contains(&Verb::GET))
        .map(Verb::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lines: &[(&str, u8)]) -> BTreeMap<Verb, u8> {
        let verb = |name| Verb::from_name(name).expect("a verb");
        lines.iter().map(|(name, of)| (verb(name), *of)).collect()
    }

    /// Every table of these verbs, each with one of two policies or none.
    #[test]
    fn leaving_lines_out_changes_no_answer_and_cannot_go_on() {
        let verbs = ["GET", "HEAD", "POST", "ANY", "FALLBACK"];
        for code in 0..3_u32.pow(5) {
            let table: Vec<(&str, u8)> = verbs
                .iter()
                .enumerate()
                .filter_map(|(digit, verb)| {
                    let of = code / 3_u32.pow(u32::try_from(digit).ok()?) % 3;
                    Some((*verb, u8::try_from(of).ok()?))
                })
                .filter(|(_, of)| *of != 0)
                .collect();
            let before = at(&table);
            let mut after = before.clone();
            normalize(&mut after, |a, b| a == b);
            for verb in Verb::all() {
                assert_eq!(
                    answering(&before, verb),
                    answering(&after, verb),
                    "{verb} of {table:?}"
                );
            }
            let mut again = after.clone();
            normalize(&mut again, |a, b| a == b);
            assert_eq!(again, after, "{table:?}");
        }
    }

    #[test]
    fn what_another_line_says_already_is_left_out() {
        for (lines, left) in [
            (&[("GET", 1), ("HEAD", 1)][..], &[("GET", 1)][..]),
            (&[("GET", 1), ("HEAD", 2)], &[("GET", 1), ("HEAD", 2)]),
            (&[("POST", 1), ("ANY", 1)], &[("ANY", 1)]),
            (&[("GET", 1), ("HEAD", 1), ("ANY", 1)], &[("ANY", 1)]),
            (
                &[("ANY", 1), ("FALLBACK", 1)],
                &[("ANY", 1), ("FALLBACK", 1)],
            ),
        ] {
            let mut table = at(lines);
            normalize(&mut table, |a, b| a == b);
            assert_eq!(table, at(left), "{lines:?}");
        }
    }

    #[test]
    fn verbs_are_named_shortly() {
        let set = |names: &[&str]| {
            names
                .iter()
                .filter_map(|name| Verb::from_name(name))
                .collect()
        };
        let all: BTreeSet<Verb> = Verb::all().filter(|verb| *verb <= Verb::ANY).collect();
        assert_eq!(label(&set(&["GET", "HEAD", "POST"]), &all), "GET | POST");
        assert_eq!(label(&set(&["HEAD"]), &all), "HEAD");
        assert_eq!(label(&all, &all), "ANY");
        let but: BTreeSet<Verb> = all.difference(&set(&["GET", "HEAD"])).copied().collect();
        assert_eq!(label(&but, &all), "ANY except GET");
        assert_eq!(label(&set(&["FALLBACK"]), &set(&["FALLBACK"])), "FALLBACK");
    }
}
