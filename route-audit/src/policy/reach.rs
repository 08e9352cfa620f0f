//! Which paths a route answers that are not written in its own: `/{*rest}` is not below `/admin`, and
//! answers `/admin/users` all the same.
//!
//! The router prefers what is written out: `/admin/{*rest}` answers before `/{*rest}` does. So a
//! route reaches below a prefix only as far as no other of its router stands before it.
//! "Routing priority" in the documentation of matchit 0.8.

/// What all that is below a prefix is called here.
const REST: &str = "{*rest}";

/// The patterns below `prefix` that a route of this path answers although it is not below it itself:
/// none where its path cannot match there. A path of `None` is a fallback's, which may be anything.
pub(super) fn below(path: Option<&str>, prefix: &str) -> Vec<String> {
    let everything = || {
        vec![
            prefix.to_owned(),
            format!("{prefix}/"),
            format!("{prefix}/{REST}"),
        ]
    };
    // What a fallback has at `/` is its own.
    if super::below(prefix, path.unwrap_or("/")) {
        return Vec::new();
    }
    let Some(path) = path else {
        return everything();
    };
    let mut rest = segments(path);
    for wanted in segments(prefix) {
        match rest.next() {
            Some(one) if is_rest(one) => return everything(),
            Some(one) if may_match(one, wanted) => {}
            _ => return Vec::new(),
        }
    }
    let rest: String = rest.map(|segment| format!("/{segment}")).collect();
    vec![format!("{prefix}{rest}")]
}

/// Whether a route of this path, which has the prefix written out, answers all that the pattern
/// matches.
pub(super) fn stands_before(path: &str, prefix: &str, pattern: &str) -> bool {
    if !super::below(prefix, path) {
        return false;
    }
    let mut own = segments(path);
    let mut others = segments(pattern);
    loop {
        match (own.next(), others.next()) {
            (Some("**"), _) | (None, None) => return true,
            // Neither takes a segment that is empty.
            (Some(one), Some(other)) if one.starts_with("{*") => return !other.is_empty(),
            (Some(one), Some(other)) if one == other => {}
            (Some(one), Some(other)) if is_parameter(one) && !other.is_empty() => {
                if is_rest(other) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn is_rest(segment: &str) -> bool {
    segment == "**" || segment.starts_with("{*")
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
mod tests {
    use super::*;

    const ALL: &[&str] = &["/admin", "/admin/", "/admin/{*rest}"];

    #[test]
    fn a_path_reaches_where_its_parameters_can() {
        for (path, expected) in [
            ("/{*rest}", ALL),
            ("/**", ALL),
            ("/{tenant}", &["/admin"]),
            ("/{tenant}/", &["/admin/"]),
            ("/{tenant}/users/{id}", &["/admin/users/{id}"]),
            ("/{tenant}/{*rest}", &["/admin/{*rest}"]),
            ("/ad{rest}", &["/admin"]),
            ("/{rest}min", &["/admin"]),
            ("/admin{rest}", &[]),
            ("/{{admin}}", &[]),
            ("/", &[]),
            ("/admins", &[]),
            ("/files/{*rest}", &[]),
            // By itself.
            ("/admin", &[]),
            ("/admin/{*rest}", &[]),
        ] {
            assert_eq!(below(Some(path), "/admin"), expected, "{path}");
        }
        assert_eq!(below(None, "/admin"), ALL);
        assert_eq!(below(None, "/"), [""; 0]);
        assert_eq!(below(Some("/{*rest}"), "/"), [""; 0]);
        assert_eq!(below(Some("/a/{*x}"), "/a/b")[0], "/a/b");
        assert_eq!(below(Some("/{a}"), "/a/b"), [""; 0]);
    }

    #[test]
    fn what_is_written_out_stands_before() {
        for (path, pattern, expected) in [
            ("/admin", "/admin", true),
            ("/admin", "/admin/", false),
            ("/admin/", "/admin/", true),
            ("/admin/{*all}", "/admin/{*rest}", true),
            ("/admin/{*all}", "/admin/users", true),
            ("/admin/{*all}", "/admin/", false),
            ("/admin/{*all}", "/admin", false),
            ("/admin/{one}", "/admin/{*rest}", false),
            ("/admin/{one}", "/admin/users", true),
            ("/admin/{one}", "/admin/", false),
            ("/admin/u{one}", "/admin/{id}", false),
            ("/admin/users", "/admin/{id}", false),
            ("/admin/**", "/admin", true),
            ("/admin/**", "/admin/", true),
            ("/admin/**", "/admin/{*rest}", true),
            ("/{any}", "/admin", false),
            ("/{*any}", "/admin/{*rest}", false),
        ] {
            let found = stands_before(path, "/admin", pattern);
            assert_eq!(found, expected, "{path} before {pattern}");
        }
    }
}
