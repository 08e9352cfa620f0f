use super::*;

const ALL: &[&str] = &["/admin", "/admin/", "/admin/{*rest}"];

#[test]
fn a_path_reaches_where_its_parameters_can() {
    for (path, expected) in [
        ("/{*rest}", ALL),
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
        assert_eq!(below(Pattern::Path(path), "/admin"), expected, "{path}");
    }
    assert_eq!(below(Pattern::Below("/"), "/admin"), ALL);
    assert_eq!(below(Pattern::Below("/{tenant}"), "/admin"), ALL);
    assert_eq!(below(Pattern::Below("/in"), "/in/admin")[0], "/in/admin");
    assert_eq!(below(Pattern::Below("/files"), "/admin"), [""; 0]);
    assert_eq!(below(Pattern::Below("/"), "/"), [""; 0]);
    assert_eq!(below(Pattern::Path("/{*rest}"), "/"), [""; 0]);
    assert_eq!(below(Pattern::Path("/a/{*x}"), "/a/b")[0], "/a/b");
    assert_eq!(below(Pattern::Path("/{a}"), "/a/b"), [""; 0]);
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
        ("/{any}", "/admin", false),
        ("/{*any}", "/admin/{*rest}", false),
    ] {
        let found = stands_before(Pattern::Path(path), "/admin", pattern);
        assert_eq!(found, expected, "{path} before {pattern}");
    }
    for pattern in ["/admin", "/admin/", "/admin/{*rest}"] {
        let below = Pattern::Below("/admin");
        assert!(stands_before(below, "/admin", pattern), "{pattern}");
    }
}
