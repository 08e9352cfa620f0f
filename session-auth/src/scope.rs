//! Which scopes a session needs, as declarations write it: `admin`, `a | b` for any of several, `a & b`
//! for all of several.
//!
//! It is a text, so that attribute, lock and listing show the same; a session route reads it in place.

/// The scopes that a route asks for, from [`Declaration::scopes`](crate::Declaration::scopes).
///
/// ```
/// use session_auth::methods::GET;
/// use session_auth::{Declaration, session_route};
///
/// #[session_route(GET, "/reports", scope = "admin | auditor")]
/// async fn reports() {}
///
/// let declarations = session_auth::declarations();
/// let reports = declarations.iter().find(|one| one.handler().ends_with("reports"));
/// let scopes = reports.and_then(|one| one.scopes()).expect("it asks for some");
/// assert!(scopes.names().eq(["admin", "auditor"]));
/// assert!(!scopes.needs_all());
/// assert!(scopes.are_met_by(|name| name == "auditor"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes<'a> {
    text: &'a str,
    between: &'static str,
}

const ANY: &str = " | ";
const ALL: &str = " & ";

impl<'a> Scopes<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let between = if text.contains(ALL) { ALL } else { ANY };
        Self { text, between }
    }

    /// Their names, in the order of the declaration.
    pub fn names(self) -> impl Iterator<Item = &'a str> + Clone {
        self.text.split(self.between)
    }

    /// Whether a session needs all of them. Where it does not, one is enough.
    #[must_use]
    pub fn needs_all(self) -> bool {
        self.between == ALL
    }

    /// Whether a session that has these scopes may come in.
    #[must_use]
    pub fn are_met_by(self, mut has: impl FnMut(&str) -> bool) -> bool {
        if self.needs_all() {
            self.names().all(has)
        } else {
            self.names().any(&mut has)
        }
    }

    /// Whether each session that meets these meets the others, too.
    #[must_use]
    pub fn imply(self, others: Scopes<'_>) -> bool {
        // What meets these at the least: all of them at once, or one of them alone.
        if self.needs_all() {
            others.are_met_by(|name| self.names().any(|own| own == name))
        } else {
            self.names()
                .all(|own| others.are_met_by(|name| name == own))
        }
    }
}

/// Whether this is the name of one scope, as a route could ask for it.
pub(crate) fn is_name(name: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '|' || c == '&';
    !name.is_empty() && !name.contains(odd)
}

/// What is wrong with a text of scopes.
pub(crate) fn mistake(text: &str) -> Option<&'static str> {
    let scopes = Scopes::of(text);
    if !scopes.names().all(is_name) {
        return Some(
            "a scope is one name without white space and control characters; write `a | b` for any of \
             several, `a & b` for all of several, and not both",
        );
    }
    let mut names: Vec<_> = scopes.names().collect();
    names.sort_unstable();
    names
        .windows(2)
        .any(|pair| pair[0] == pair[1])
        .then_some("a scope stands there twice")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_any_and_all() {
        for (text, has, met) in [
            ("a", &["a"][..], true),
            ("a", &["b", "ab", "a | b"], false),
            ("a", &[], false),
            ("a | b", &["b"], true),
            ("a | b", &["c", "a | b", "|"], false),
            ("a | b | c", &["c"], true),
            ("a & b", &["b"], false),
            ("a & b", &["b", "c", "a"], true),
            ("a & b", &["a & b"], false),
            ("a & b & c", &["a", "b"], false),
        ] {
            let scopes = Scopes::of(text);
            assert_eq!(
                scopes.are_met_by(|name| has.contains(&name)),
                met,
                "{text} {has:?}"
            );
        }
    }

    /// Against every session that there can be.
    #[test]
    fn one_implies_another_where_every_session_that_meets_it_does() {
        let names = ["a", "b", "c"];
        let mut texts: Vec<String> = Vec::new();
        let subset = |bits: usize| {
            let names = names.iter().enumerate();
            names.filter_map(move |(at, name)| (bits >> at & 1 == 1).then_some(*name))
        };
        for bits in 1..8 {
            for between in [ANY, ALL] {
                texts.push(subset(bits).collect::<Vec<_>>().join(between));
            }
        }
        for one in &texts {
            for other in &texts {
                let (one, other) = (Scopes::of(one), Scopes::of(other));
                let expected = (0..8).all(|session| {
                    let has = |name: &str| subset(session).any(|it| it == name);
                    !one.are_met_by(has) || other.are_met_by(has)
                });
                assert_eq!(one.imply(other), expected, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn mistakes_are_found() {
        for good in ["a", "read:all", "a | b", "a & b & c"] {
            assert_eq!(mistake(good), None, "{good}");
        }
        for bad in [
            "",
            " ",
            "a b",
            "a|b",
            "a&b",
            "a |b",
            "a  | b",
            "a | b & c",
            "a || b",
            "a | ",
            "| a",
            "a, b",
            " a",
            "a | a",
            "a & b & a",
            "a && b",
            "a\0",
            "a | \u{1b}b",
        ] {
            assert!(mistake(bad).is_some(), "{bad:?}");
        }
    }
}
