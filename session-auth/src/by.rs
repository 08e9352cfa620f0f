//! What may prove a caller, as declarations write it: `session`, the name of an authenticator, or
//! `session | api` for any of several in that order.

/// A session of this library's.
pub(crate) const SESSION: &str = "session";

const ANY: &str = " | ";

/// The names, in order.
pub(crate) fn names(by: &str) -> impl Iterator<Item = &str> {
    by.split(ANY)
}

/// Whether a session of this library's is among them.
pub(crate) fn has_session(by: &str) -> bool {
    names(by).any(|name| name == SESSION)
}

/// What is wrong with a text that no attribute has checked.
pub(crate) fn mistake(by: &str) -> Option<String> {
    let mut seen = Vec::new();
    for name in names(by) {
        if let Some(what) = mistake_of_name(name) {
            return Some(format!("{name:?} {what}"));
        }
        if seen.contains(&name) {
            return Some(format!("{name:?} is there twice: remove one"));
        }
        seen.push(name);
    }
    None
}

/// What is wrong with the name of an authenticator.
pub(crate) fn mistake_of_name(name: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    (name.is_empty() || !name.chars().all(allowed)).then_some(
        "is no name of `a`-`z`, `0`-`9`, `_` and `-`; several are written `a | b`, in the order in which \
         they are asked",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_mistakes() {
        for good in ["session", "api", "session | api", "jwt-2 | a_b | session"] {
            assert_eq!(mistake(good), None, "{good:?}");
        }
        for bad in ["", " ", "a|b", "a | ", "a & b", "A", "a | a", "a,b", "é"] {
            assert!(mistake(bad).is_some(), "{bad:?}");
        }
        assert!(has_session("api | session"));
        assert!(!has_session("sessions"));
    }
}
