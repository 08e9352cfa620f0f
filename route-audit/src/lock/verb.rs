//! What a line of the lock is for at its path: methods, or a fallback.

use std::collections::BTreeMap;

use session_auth::Methods;

/// Each by itself: the methods, `ANY` for each that no other line of the path names, and `FALLBACK`.
pub(crate) fn all() -> impl Iterator<Item = Methods> {
    const ALL: Methods = Methods::GET
        .or(Methods::HEAD)
        .or(Methods::POST)
        .or(Methods::PUT)
        .or(Methods::PATCH)
        .or(Methods::DELETE)
        .or(Methods::OPTIONS)
        .or(Methods::TRACE)
        .or(Methods::CONNECT)
        .or(Methods::ANY)
        .or(Methods::FALLBACK);
    ALL.iter()
}

/// What answers a verb at a path: its own line; for `HEAD`, that of `GET`; and then that of `ANY`.
/// The order is axum's (`MethodRouter::call_with_state`). Nothing stands in for a fallback.
pub(crate) fn answering<T>(at: &BTreeMap<Methods, T>, verb: Methods) -> Option<&T> {
    if let Some(own) = at.get(&verb) {
        return Some(own);
    }
    if verb == Methods::HEAD
        && let Some(get) = at.get(&Methods::GET)
    {
        return Some(get);
    }
    if verb.is_fallback() {
        return None;
    }
    at.get(&Methods::ANY)
}

/// Leaves out each line that changes no answer: two spellings of one policy become one.
pub(crate) fn normalize<T>(at: &mut BTreeMap<Methods, T>, same: impl Fn(&T, &T) -> bool) {
    for verb in Methods::HEAD.iter().chain(all()) {
        if verb.is_any() || verb.is_fallback() {
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
pub(crate) fn label(verbs: Methods, served: Methods) -> String {
    let verbs_shown = shortly(verbs);
    if verbs.overlap(Methods::ANY).is_empty() {
        return verbs_shown.to_string();
    }
    let others = shortly(served.minus(verbs));
    if others.is_empty() {
        Methods::ANY.to_string()
    } else {
        format!("ANY except {others}")
    }
}

/// Without `HEAD` beside `GET`, and without what `ANY` says already.
pub(crate) fn shortly(verbs: Methods) -> Methods {
    if !verbs.overlap(Methods::ANY).is_empty() {
        Methods::ANY
    } else if verbs.overlap(Methods::GET).is_empty() {
        verbs
    } else {
        verbs.minus(Methods::HEAD)
    }
}

#[cfg(test)]
mod tests;
