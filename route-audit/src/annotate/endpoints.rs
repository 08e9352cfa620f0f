//! Methods and path: as they are written, and which declarations speak for them.

use session_auth::Methods;

/// Methods and path of a route; of a fallback, neither.
pub(super) type Endpoint = (Option<Methods>, Option<String>);

/// `GET | POST, "/path"`, `FALLBACK`.
pub(super) fn target((methods, path): &Endpoint) -> String {
    match (methods, path) {
        (Some(methods), Some(path)) => format!("{}, {path:?}", methods.names().join(" | ")),
        _ => "FALLBACK".to_owned(),
    }
}

pub(super) fn shown((methods, path): &Endpoint) -> String {
    match (methods, path) {
        (Some(methods), Some(path)) => format!("{} {path}", methods.names().join("|")),
        _ => "the fallback".to_owned(),
    }
}

/// Joins the methods of one path.
pub(super) fn add(endpoints: &mut Vec<Endpoint>, (methods, path): &Endpoint) {
    // `ANY` stands alone: beside it, a method of its own is another declaration.
    let same = endpoints.iter_mut().find(|(known, other)| {
        let any = |methods: &Option<Methods>| methods.is_some_and(Methods::is_any);
        other == path && any(known) == any(methods)
    });
    match same {
        Some((known, _)) => {
            *known = known.zip(*methods).map(|(a, b)| a.or(b));
        }
        None => endpoints.push((*methods, path.clone())),
    }
}

/// Whether declarations speak for all methods of a route.
pub(super) fn covers(declared: &[Endpoint], (methods, path): &Endpoint) -> bool {
    let of_path = || declared.iter().filter(|(_, other)| other == path);
    match methods {
        None => of_path().next().is_some(),
        Some(methods) => methods.iter().all(|method| {
            of_path().any(|(known, _)| {
                known.is_some_and(|known| {
                    known
                        .iter()
                        .any(|one| one == method || one == Methods::GET && method == Methods::HEAD)
                })
            })
        }),
    }
}

/// Why no attribute takes a path, and mostly no router either. The attributes know all of it; these
/// are those that a service may have.
pub(super) fn refused(path: &str) -> Option<&'static str> {
    let old = |segment: &str| segment.starts_with([':', '*']);
    if !path.starts_with('/') {
        Some("it does not begin with `/`")
    } else if path.split('/').any(old) {
        Some("`:name` and `*name` are of axum 0.7; axum 0.8 panics on them, and has `{name}`")
    } else if path.contains("//") || path.contains(['?', '#', '\\', ';']) {
        Some("the layer refuses such paths, as two programs may read them in two ways")
    } else if path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Some("no request has white space in its path")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(methods: Methods, path: &str) -> Endpoint {
        (Some(methods), Some(path.to_owned()))
    }

    #[test]
    fn methods_of_one_path_are_joined() {
        let mut all = Vec::new();
        for one in [
            endpoint(Methods::GET, "/a"),
            endpoint(Methods::GET, "/b"),
            endpoint(Methods::POST, "/a"),
            endpoint(Methods::ANY, "/a"),
            (None, None),
            (None, None),
        ] {
            add(&mut all, &one);
        }
        let all: Vec<_> = all.iter().map(target).collect();
        assert_eq!(
            all,
            [
                "GET | POST, \"/a\"",
                "GET, \"/b\"",
                "ANY, \"/a\"",
                "FALLBACK"
            ]
        );
    }

    #[test]
    fn security_a_declaration_speaks_for_its_own_methods_and_path() {
        let declared = [endpoint(Methods::GET.or(Methods::PUT), "/a")];
        assert!(covers(&declared, &endpoint(Methods::GET, "/a")));
        assert!(covers(&declared, &endpoint(Methods::HEAD, "/a")));
        for other in [
            endpoint(Methods::POST, "/a"),
            endpoint(Methods::GET.or(Methods::POST), "/a"),
            endpoint(Methods::GET, "/a/"),
            endpoint(Methods::ANY, "/a"),
            (None, None),
        ] {
            assert!(!covers(&declared, &other), "{other:?}");
        }
        assert!(covers(&[(None, None)], &(None, None)));
        assert!(!covers(&[(None, None)], &endpoint(Methods::GET, "/a")));
    }

    #[test]
    fn paths_that_no_attribute_takes_are_known() {
        for path in ["", "a", "/a/:id", "/*rest", "/a//b", "/a?b", "/a b", "/a;b"] {
            assert!(refused(path).is_some(), "{path}");
        }
        for path in ["/", "/a:b", "/{id}", "/{*rest}", "/.well-known/x", "/a/"] {
            assert_eq!(refused(path), None, "{path}");
        }
    }
}
