use super::*;

#[test]
fn the_proof_names_all_that_decides_who_gets_in() {
    for (line, expected) in [
        (
            "webhook POST /x web/routes verify=postmark until=2027-01-31",
            "postmark, until 2027-01-31",
        ),
        ("session GET /x web/routes scope=admin", "scope admin"),
        (
            "public GET /x web/routes issues_session optional_session",
            "issues session, optional session",
        ),
        (
            "public POST /x web/routes issues_session cross_origin=apple",
            "issues session, any origin",
        ),
        (
            "session POST /x web/routes cross_origin=embedded",
            "any origin",
        ),
        ("public GET /x web/routes", "-"),
    ] {
        let lock = crate::lock::format::parse(&format!("schema 1\n{line}"), "routes.lock");
        let lock = lock.expect("a lock");
        let said = lock.lines()[0].said.expect("a class");
        assert_eq!(proof(Some(&said.0)), expected);
    }
    assert_eq!(proof(None), "-");
}

#[test]
fn nouns_follow_their_number() {
    assert_eq!(count(0, "error"), "0 errors");
    assert_eq!(count(1, "error"), "1 error");
    assert_eq!(count(2, "error"), "2 errors");
}
