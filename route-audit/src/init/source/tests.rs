use super::*;

#[test]
fn an_address_is_one_that_ci_can_fetch() {
    for good in [
        "https://git.example/team/session-auth",
        "ssh://git@git.example:2222/session-auth.git",
    ] {
        assert!(is_address(good), "{good}");
        address(good).expect(good);
    }
    for (bad, why) in [
        ("git@git.example:team/session-auth", "`ssh://git@HOST/PATH`"),
        ("file:///src/session-auth", "given by its path"),
        ("http://git.example/session-auth", "be sure of what"),
        ("git://git.example/session-auth", "be sure of what"),
        ("https://token@git.example/a", "a user's name or password"),
        ("https://me:hunter2@git.example/a", "name or password"),
        ("ssh://git:hunter2@git.example/a", "name or password"),
        ("https:///a", "is no address"),
        ("https://git.example/a b", "is no address"),
        ("https://git.example/a\n", "is no address"),
    ] {
        assert!(is_address(bad), "{bad}");
        let problem = address(bad).expect_err(bad).to_string();
        assert!(problem.contains(why), "{bad}: {problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
    for folder in ["../session-auth", "C:\\src\\session-auth", "a@b/c:d", "a"] {
        assert!(!is_address(folder), "{folder}");
    }
}

#[test]
fn a_revision_is_a_whole_commit() {
    for length in [40, 64] {
        commit(&"0a".repeat(length / 2)).expect("a hash");
    }
    for bad in [
        "",
        "main",
        "v0.1.0",
        "0a0a0a0",
        &"0g".repeat(20),
        &"0a".repeat(21),
    ] {
        commit(bad).expect_err(bad);
    }
}
