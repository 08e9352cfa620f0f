//! Which paths a route answers that are not written in its own: `/{*rest}` is not below `/admin`, and
//! answers `/admin/users` all the same.
//!
//! The router prefers what is written out: `/admin/{*rest}` answers before `/{*rest}` does. So a
//! route reaches below a prefix only as far as no other of its router stands before it.
//! "Routing priority" in the documentation of matchit 0.8.

use session_auth::audit::Shape;

use crate::listing::Route;

/// What all that is below a prefix is called here.
const REST: &str = "{*rest}";

/// What a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// What its path matches.
    Path(&'a str),
    /// Its path, with or without a slash, and everything below it.
    Below(&'a str),
}

impl<'a> Pattern<'a> {
    pub(super) fn of(route: &'a Route) -> Self {
        let path = route.subject.path.as_deref();
        match (path, route.subject.shape) {
            (Some(path), Shape::OpaqueMount | Shape::Fallback) => Self::Below(path),
            (Some(path), _) => Self::Path(path),
            (None, _) => Self::Below("/"),
        }
    }

    pub(super) fn path(self) -> &'a str {
        match self {
            Self::Path(path) | Self::Below(path) => path,
        }
    }

    fn segments(self) -> impl Iterator<Item = Segment<'a>> {
        let (path, below) = match self {
            Self::Path(path) => (path, None),
            Self::Below(path) => (path.trim_end_matches('/'), Some(Segment::Everything)),
        };
        let written = path.strip_prefix('/').map(|path| path.split('/'));
        written
            .into_iter()
            .flatten()
            .map(Segment::Written)
            .chain(below)
    }
}

enum Segment<'a> {
    Written(&'a str),
    /// Any number of them, and none.
    Everything,
}

/// The patterns below `prefix` that a route answers although its path is not below it: none where it
/// cannot match there.
pub(super) fn below(route: Pattern<'_>, prefix: &str) -> Vec<String> {
    if is_below(route.path(), prefix) {
        return Vec::new();
    }
    let mut rest = route.segments();
    for wanted in Pattern::Path(prefix).segments() {
        let Segment::Written(wanted) = wanted else {
            continue;
        };
        match rest.next() {
            Some(Segment::Everything) => return everything(prefix),
            Some(Segment::Written(one)) if is_rest(one) => return everything(prefix),
            Some(Segment::Written(one)) if may_match(one, wanted) => {}
            _ => return Vec::new(),
        }
    }
    let mut pattern = prefix.to_owned();
    for segment in rest {
        match segment {
            Segment::Written(segment) => {
                pattern.push('/');
                pattern.push_str(segment);
            }
            Segment::Everything => return everything(&pattern),
        }
    }
    vec![pattern]
}

fn everything(prefix: &str) -> Vec<String> {
    vec![
        prefix.to_owned(),
        format!("{prefix}/"),
        format!("{prefix}/{REST}"),
    ]
}

/// Whether a route, which has the prefix written out, answers all that the pattern matches.
pub(super) fn stands_before(route: Pattern<'_>, prefix: &str, pattern: &str) -> bool {
    if !is_below(route.path(), prefix) {
        return false;
    }
    let mut own = route.segments();
    let mut others = Pattern::Path(pattern).segments();
    loop {
        let other = match others.next() {
            Some(Segment::Written(other)) => Some(other),
            _ => None,
        };
        match (own.next(), other) {
            (Some(Segment::Everything), _) | (None, None) => return true,
            // Neither takes a segment that is empty.
            (Some(Segment::Written(one)), Some(other)) if is_rest(one) => return !other.is_empty(),
            (Some(Segment::Written(one)), Some(other)) if one == other => {}
            (Some(Segment::Written(one)), Some(other))
                if is_parameter(one) && !other.is_empty() =>
            {
                if is_rest(other) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// By segment: `/internal` has `/internal/events` below it, and not `/internals`.
pub(super) fn is_below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `{*rest}`, to the end of the path.
fn is_rest(segment: &str) -> bool {
    segment.starts_with("{*")
}

/// `{id}`, and nothing around it.
fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') && !segment.starts_with("{{") && segment.ends_with('}')
}

/// Whether a segment with a parameter, `{id}` or `v{version}`, can match this text.
fn may_match(segment: &str, text: &str) -> bool {
    // `{{` is a brace.
    let plain = segment.replace("{{", "\u{0}").replace("}}", "\u{1}");
    let written = |part: &str| part.replace('\u{0}', "{").replace('\u{1}', "}");
    let text = text.replace("{{", "{").replace("}}", "}");
    match (plain.split_once('{'), plain.rsplit_once('}')) {
        (Some((before, _)), Some((_, after))) => {
            let (before, after) = (written(before), written(after));
            text.len() > before.len() + after.len()
                && text.starts_with(&before)
                && text.ends_with(&after)
        }
        _ => written(&plain) == text,
    }
}

#[cfg(test)]
mod tests;
