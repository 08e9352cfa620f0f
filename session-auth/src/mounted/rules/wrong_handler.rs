//! `wrong-handler`: a handler stands at another path or method than it declares.

use super::super::ask::RowKind;
use super::super::route::{Route, is_subtree};
use super::super::stand_in::Kind;
use crate::access::{Declaration, Methods, Target};
use crate::finding::{Code, Finding, Related};

pub(super) fn check(route: &Route, kind: &Kind) -> Vec<Finding> {
    let Some(handler) = &route.handler else {
        return Vec::new();
    };
    let right = match kind {
        // axum and this crate made the row, from one whose class is judged.
        Kind::Redirect(_) => true,
        Kind::Whole(declaration) => is_below(declaration, route),
        Kind::Named(declaration) | Kind::Service(declaration) => is_at(declaration, route),
        // `Twice` is a conflict already.
        Kind::Twice { .. } | Kind::Unclassified(..) | Kind::Foreign | Kind::ForeignService => true,
    };
    if right {
        return Vec::new();
    }
    let related = vec![
        Related::Declared((**handler).clone()),
        Related::Mounted(route.mounted.clone()),
    ];
    let mut finding = route.finding(Code::WrongHandler, related);
    finding.subject.place = handler.location.clone();
    vec![finding]
}

fn is_at(declaration: &Declaration, route: &Route) -> bool {
    let path = route.path.as_deref();
    match (&declaration.target, route.kind) {
        (Target::Route { methods, paths }, kind) => {
            let here = paths.is_empty() || path.is_some_and(|path| has(paths, path));
            here && answers(*methods, kind)
        }
        (Target::Glob { methods, glob }, kind) => {
            path.is_some_and(|path| is_like(glob, path)) && answers(*methods, kind)
        }
        (Target::Subtree { path: declared }, RowKind::Nested | RowKind::Service) => {
            path.is_some_and(|path| is_subtree(declared, path))
        }
        (Target::Subtree { path: declared }, RowKind::Fallback) => declared == path.unwrap_or("/"),
        (Target::Fallback { below }, RowKind::Fallback) => below.as_deref() == path,
        (Target::Fallback { below }, RowKind::MethodFallback) => {
            below.is_none() || below.as_deref() == path
        }
        _ => false,
    }
}

fn answers(methods: Methods, kind: RowKind) -> bool {
    match kind {
        RowKind::Method(method) => serves(methods, method),
        RowKind::Any | RowKind::MethodFallback | RowKind::Service | RowKind::Nested => {
            methods.is_any()
        }
        RowKind::Refused | RowKind::Fallback => false,
    }
}

/// `GET` serves `HEAD`, and `ANY` every method that it is mounted for.
fn serves(declared: Methods, mounted: Methods) -> bool {
    let declared = if declared.overlap(Methods::GET).is_empty() {
        declared
    } else {
        declared.or(Methods::HEAD)
    };
    declared.is_any() || mounted.minus(declared).is_empty()
}

fn has(paths: &[std::borrow::Cow<'static, str>], path: &str) -> bool {
    paths.iter().any(|declared| declared == path)
}

/// Whether a pattern is what a glob describes. `*` is one character at least, of one segment, and no
/// parameter: that would be any path of the segment.
fn is_like(glob: &str, path: &str) -> bool {
    let Some((before, rest)) = glob.split_once('*') else {
        return glob == path;
    };
    let Some(path) = path.strip_prefix(before) else {
        return false;
    };
    let ends = path
        .char_indices()
        .take_while(|(_, char)| !matches!(char, '/' | '{' | '}'))
        .map(|(at, char)| at + char.len_utf8());
    ends.into_iter().any(|end| is_like(rest, &path[end..]))
}

/// Whether a route of a router that was mounted whole lies below the path of its declaration.
fn is_below(declaration: &Declaration, route: &Route) -> bool {
    let Target::Subtree { path: declared } = &declaration.target else {
        return false;
    };
    let declared = declared.trim_end_matches('/');
    let path = route.path.as_deref().unwrap_or("/");
    path.strip_prefix(declared)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn a_star_is_characters_of_one_segment() {
        for (glob, path, expected) in [
            ("/style.*.css", "/style.0a1b.css", true),
            ("/style.*.css", "/style.a.b.css", true),
            ("/style.*.css", "/style..css", false),
            ("/style.*.css", "/style.a/b.css", false),
            ("/style.*.css", "/style.a.css.map", false),
            ("/style.*.css", "/in/style.a.css", false),
            ("/*/*.js", "/a/b.js", true),
            ("/*/*.js", "/a/b/c.js", false),
            ("/*", "/\u{e9}", true),
            ("/*", "/", false),
            ("/*", "/{id}", false),
            ("/*", "/{*rest}", false),
            ("/t/{tenant}/*", "/t/{tenant}/a", true),
            ("/t/{tenant}/*", "/t/{other}/a", false),
        ] {
            assert_eq!(is_like(glob, path), expected, "{glob} {path}");
        }
    }
}
