use super::*;

#[test]
fn axum_paths_are_accepted() {
    for path in [
        "/",
        "/health",
        "/users/{id}",
        "/users/{id}/",
        "/users/{user_id}/posts/{post-id}",
        "/files/{*rest}",
        "/files/v{*rest}",
        "/{*rest}",
        "/avatar-{id}",
        "/.well-known/acme/{token}",
        "/literal/{{braces}}",
        "/{{{id}",
        "/a:b",
        "/a*b",
        "/...",
        "/a.b",
        "/caf%C3%A9",
        "/@{name}",
        "/{größe}",
    ] {
        assert_eq!(problems(path), Vec::<String>::new(), "{path}");
        assert_eq!(matchit::Router::new().insert(path, ()), Ok(()), "{path}");
    }
}

/// Every short path over the alphabet in which the matcher has opinions: what is accepted here
/// can be inserted there, and can be found again.
#[test]
fn what_is_accepted_the_matcher_takes() {
    let mut accepted = 0;
    let mut paths = vec!["/".to_owned()];
    for _ in 0..7 {
        paths = paths
            .iter()
            .flat_map(|path| ["/", "{", "}", "*", "a", "b"].map(|c| format!("{path}{c}")))
            .collect();
        for path in &paths {
            if problems(path).is_empty() {
                accepted += 1;
                assert_eq!(matchit::Router::new().insert(path, ()), Ok(()), "{path}");
            }
        }
    }
    assert!(accepted > 10_000, "{accepted}");
}

#[test]
fn what_the_matcher_refuses_is_refused() {
    let mut refused = 0;
    let mut paths = vec!["/".to_owned()];
    for _ in 0..6 {
        paths = paths
            .iter()
            .flat_map(|path| ["/", "{", "}", "*", "a"].map(|c| format!("{path}{c}")))
            .collect();
        for path in &paths {
            if matchit::Router::new().insert(path, ()).is_err() {
                refused += 1;
                assert_ne!(problems(path), Vec::<String>::new(), "{path}");
            }
        }
    }
    assert!(refused > 1_000, "{refused}");
}

/// As the matcher takes them for one route.
#[test]
fn paths_of_one_shape_are_one_route() {
    let all = [
        "/", "/a", "/{a}", "/{b}", "/{*a}", "/{*b}", "/a{a}", "/a{b}", "/{{a", "/{{b", "/{{{a}",
        "/{{{b}", "/}}{a}/a", "/}}{b}/a", "/{a}/b", "/{b}/b",
    ];
    for one in all {
        for other in all.into_iter().filter(|other| *other != one) {
            let mut router = matchit::Router::new();
            router.insert(one, ()).expect(one);
            let conflict = router.insert(other, ()).is_err();
            let catches_all = |path: &str| path.contains('*');
            // A catch-all conflicts with a parameter, too, which is another shape.
            if catches_all(one) == catches_all(other) {
                assert_eq!(shape(one) == shape(other), conflict, "{one} {other}");
            }
        }
    }
}

#[test]
fn the_rest_of_a_path_is_told_from_braces() {
    assert!(catches_all("/{*rest}"));
    assert!(catches_all("/{a}/{*rest}"));
    for path in ["/", "/{id}", "/{{*x/{id}", "/{{*x}}", "/*"] {
        assert!(!catches_all(path), "{path}");
    }
}

#[test]
fn as_many_parameters_as_the_matcher_takes() {
    let path = |n: usize| (0..n).map(|i| format!("/{{p{i}}}")).collect::<String>();
    assert_eq!(problems(&path(25)), Vec::<String>::new());
    assert_eq!(matchit::Router::new().insert(path(25), ()), Ok(()));
    assert_eq!(problems(&path(26)).len(), 1);
    assert!(std::panic::catch_unwind(|| matchit::Router::new().insert(path(26), ())).is_err());
}
