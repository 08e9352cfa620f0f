//! "Did you mean": the declared path that a mounted one was probably meant to have.

use std::collections::HashMap;

use crate::access::Methods;

/// How many candidates a segment is compared with letter by letter. A bound on the work where
/// thousands of paths fit nowhere, which no suggestion will mend.
const MAX_COMPARED: usize = 64;

/// More edits than this make another word.
const MAX_EDITS: usize = 2;

/// Something with methods and a path, and the caller's number for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) methods: Methods,
    pub(super) path: &'a str,
    pub(super) id: usize,
}

pub(super) struct Near<'a> {
    all: Vec<Candidate<'a>>,
    /// By simplified path, and by each of its ends: `/v1/users` is under `/users` too.
    by_end: HashMap<String, Vec<usize>>,
    by_path: HashMap<String, Vec<usize>>,
    /// By simplified path with one segment cut out; with it, that segment.
    by_rest: HashMap<String, Vec<(usize, String)>>,
}

impl<'a> Near<'a> {
    pub(super) fn new(all: impl IntoIterator<Item = Candidate<'a>>) -> Self {
        let all: Vec<_> = all.into_iter().collect();
        let mut by_end: HashMap<_, Vec<usize>> = HashMap::new();
        let mut by_path: HashMap<_, Vec<usize>> = HashMap::new();
        let mut by_rest: HashMap<_, Vec<(usize, String)>> = HashMap::new();
        for (at, candidate) in all.iter().enumerate() {
            let simple = simplify(candidate.path);
            for (rest, segment) in holes(&simple) {
                by_rest
                    .entry(rest)
                    .or_default()
                    .push((at, segment.to_owned()));
            }
            for end in ends(&simple) {
                by_end.entry(end.to_owned()).or_default().push(at);
            }
            by_path.entry(simple).or_default().push(at);
        }
        Self {
            all,
            by_end,
            by_path,
            by_rest,
        }
    }

    /// The candidate that was probably meant by `methods path`, if one stands out.
    pub(super) fn find(&self, methods: Methods, path: &str) -> Option<Candidate<'a>> {
        let simple = simplify(path);
        let first = |ids: Option<&Vec<usize>>, any_method: bool| {
            ids?.iter()
                .map(|at| self.all[*at])
                .find(|one| any_method || meet(methods, one.methods))
        };
        let same_path = self.by_path.get(&simple);
        // The same path but for a slash, a parameter's name or case; then the same path with
        // another method; then one that lacks a prefix, as when a nested router's prefix is
        // forgotten; then a misspelt one.
        first(same_path, false)
            .or_else(|| first(same_path, true))
            .or_else(|| first(self.by_end.get(&simple), false))
            .or_else(|| ends(&simple).find_map(|end| first(self.by_path.get(end), false)))
            .or_else(|| self.misspelt(methods, &simple))
    }

    /// A candidate that differs in one segment, by little.
    fn misspelt(&self, methods: Methods, simple: &str) -> Option<Candidate<'a>> {
        holes(simple)
            .filter_map(|(rest, segment)| Some((self.by_rest.get(&rest)?, segment)))
            .flat_map(|(others, segment)| {
                others
                    .iter()
                    .take(MAX_COMPARED)
                    .filter_map(move |(at, other)| {
                        let one = self.all[*at];
                        let edits = meet(methods, one.methods)
                            .then(|| edits(segment.as_bytes(), other.as_bytes()))??;
                        Some((edits, one))
                    })
            })
            .min_by_key(|(edits, _)| *edits)
            .map(|(_, one)| one)
    }
}

fn meet(a: Methods, b: Methods) -> bool {
    a.is_any() || b.is_any() || !a.overlap(b).is_empty()
}

/// Lower case, parameters without their names, no slash at the end.
fn simplify(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut in_parameter = false;
    for char in path.chars() {
        match char {
            '{' => in_parameter = true,
            '}' => in_parameter = false,
            _ if in_parameter && char != '*' => continue,
            _ => {}
        }
        out.extend(char.to_lowercase());
    }
    while out.ends_with('/') {
        out.pop();
    }
    out
}

/// The path once for each segment, without it: of `/a/b`, (`/\0/b`, `a`) and (`/a/\0`, `b`).
fn holes(simple: &str) -> impl Iterator<Item = (String, &str)> {
    simple.match_indices('/').map(|(slash, _)| {
        let start = slash + 1;
        let end = simple[start..]
            .find('/')
            .map_or(simple.len(), |next| start + next);
        (
            format!("{}\0{}", &simple[..start], &simple[end..]),
            &simple[start..end],
        )
    })
}

/// The proper ends of a path that begin with a slash and say something: of `/a/b/{}`, `/b/{}`.
fn ends(simple: &str) -> impl Iterator<Item = &str> {
    simple
        .match_indices('/')
        .skip(1)
        .map(|(at, _)| &simple[at..])
        .filter(|end| end.bytes().any(|byte| byte.is_ascii_alphanumeric()))
}

/// The edit distance of two segments, if it is at most [`MAX_EDITS`] and small beside their length.
fn edits(a: &[u8], b: &[u8]) -> Option<usize> {
    let limit = MAX_EDITS.min(a.len().min(b.len()) / 3);
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    // Optimal string alignment: two letters swapped are one edit, the commonest slip.
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row[j + 1] = best;
        }
        if row.iter().min().is_some_and(|least| *least > limit) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(path: &str, candidates: &[(Methods, &str)]) -> Option<usize> {
        let all = candidates
            .iter()
            .enumerate()
            .map(|(id, (methods, path))| Candidate {
                methods: *methods,
                path,
                id,
            });
        Near::new(all).find(Methods::POST, path).map(|one| one.id)
    }

    #[test]
    fn what_was_meant() {
        let (post, get) = (Methods::POST, Methods::GET);
        for (name, path, candidates, expected) in [
            ("nothing declared", "/a", &[][..], None),
            (
                "swapped letters",
                "/api/signup",
                &[(post, "/api/singup")][..],
                Some(0),
            ),
            (
                "two edits, same method",
                "/api/waitlist",
                &[(post, "/api/watlits")],
                Some(0),
            ),
            (
                "two edits, other method",
                "/api/waitlist",
                &[(get, "/api/watlits")],
                None,
            ),
            (
                "same path, other method",
                "/api/waitlist",
                &[(get, "/api/waitlist")],
                Some(0),
            ),
            (
                "own method goes first",
                "/a/x",
                &[(get, "/a/x"), (post, "/a/x/")],
                Some(1),
            ),
            (
                "another parameter name",
                "/u/{id}",
                &[(post, "/u/{user}")],
                Some(0),
            ),
            (
                "a wildcard is not a parameter",
                "/u/{id}",
                &[(post, "/u/{*id}")],
                None,
            ),
            (
                "forgotten prefix",
                "/api/v1/users",
                &[(post, "/users")],
                Some(0),
            ),
            (
                "prefix too much",
                "/users",
                &[(post, "/api/users")],
                Some(0),
            ),
            (
                "a parameter alone says nothing",
                "/users/{id}",
                &[(post, "/{id}")],
                None,
            ),
            ("short paths differ by one", "/me", &[(post, "/we")], None),
            ("other words", "/api/orders", &[(post, "/api/people")], None),
            ("the root", "/", &[(post, "/x")], None),
        ] {
            assert_eq!(near(path, candidates), expected, "{name}");
        }
    }
}
