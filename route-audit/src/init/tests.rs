use super::*;

#[test]
fn the_block_goes_after_the_text_in_its_line_ends() {
    for (text, expected) in [
        ("[workspace]\n", "[workspace]\n\n"),
        ("[workspace]", "[workspace]\n\n"),
        ("", ""),
    ] {
        assert_eq!(appended(text), format!("{expected}{BLOCK}"));
    }
    let crlf = appended("[workspace]\r\nmembers = []\r\n");
    let rest = crlf.replace("\r\n", "");
    assert!(
        !rest.contains('\n') && crlf.ends_with("\"routes.lock\"\r\n"),
        "{crlf:?}"
    );
}

#[test]
fn a_file_that_appears_meanwhile_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let step = Step {
        name: "routes.lock".to_owned(),
        path: folder.path().join("a/routes.lock"),
        what: What::Create("new".to_owned()),
    };
    step.write().expect("there is none");
    let failure = step.write().expect_err("there is one").to_string();
    assert!(failure.contains("cannot write routes.lock"), "{failure}");
}
