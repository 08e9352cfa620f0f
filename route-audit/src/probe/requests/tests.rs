use super::*;

#[test]
fn requests_are_read_as_editors_write_them() {
    let text = "\u{feff}# the page\r\n# @expect 200\r\n/status?full=1\r\n\r\n### \r\n\r\n// @expect 201\r\n\
                POST /signup HTTP/1.1\r\nContent-Type: text/plain\r\nX: a\r\nX: b\r\n\r\none\n\ntwo\n\n###\n# nothing\n";
    let all = parse(text, "probes/a.http").expect("two requests");
    assert_eq!(all.len(), 2);
    assert_eq!(
        (all[0].method.as_str(), all[0].target.as_str()),
        ("GET", "/status?full=1")
    );
    assert_eq!(all[0].path(), "/status");
    assert_eq!(
        (all[0].expect.as_u16(), all[0].place.as_str()),
        (200, "probes/a.http:3")
    );
    assert_eq!(all[1].expect.as_u16(), 201);
    assert_eq!(all[1].headers.get_all("x").iter().count(), 2);
    assert_eq!(all[1].body, b"one\n\ntwo");
}

#[test]
fn every_mistake_of_a_file_is_said() {
    let text = "GET /a\n###\n# @expect 1000\nGET /b\n###\n# @expect 200\nGET c";
    let problems = parse(text, "probes/a.http").expect_err("three mistakes");
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(all.len(), 3, "{all:?}");
    for (problem, place) in all.iter().zip(["a.http:1", "a.http:3", "a.http:7"]) {
        assert!(problem.contains(place), "{problem}");
    }
}

#[test]
fn what_no_request_is_like_is_said_with_its_line() {
    for (text, line, says) in [
        ("GET /a", 1, "which status has to come"),
        ("# @expect 200\n# @expect 201\nGET /a", 2, "one status"),
        ("# @expect ok\nGET /a", 1, "`ok` is no status"),
        ("# @expect 200\nGET a", 2, "`a` is no path"),
        (
            "# @expect 200\nGET https://www.example.com/",
            2,
            "is no path",
        ),
        ("# @expect 200\nGET /a#b", 2, "is no path"),
        ("# @expect 200\nget /a", 2, "`get` is no method"),
        ("# @expect 200\nGET /a b c", 2, "a method and a path"),
        ("# @expect 200\nGET /a\nAccept", 3, "is no header"),
        ("# @expect 200\nGET /a\nX: {{y}}", 3, "are not filled in"),
        ("# @expect 200\nGET /a\n\n{{y}}", 4, "are not filled in"),
    ] {
        let problems = parse(text, "probes/a.http").expect_err(text);
        let [problem] = &problems[..] else {
            panic!("{text}: {problems:?}");
        };
        let problem = problem.to_string();
        assert!(problem.contains(says), "{text}: {problem}");
        assert!(
            problem.contains(&format!("probes/a.http:{line}\n")),
            "{text}: {problem}"
        );
    }
}

#[test]
fn each_file_of_the_folder_is_read_or_said_to_be_unreadable() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("written");
    };
    assert_eq!(read(folder.path()).expect("no request"), []);
    write("b.http", b"# @expect 200\nGET /b");
    write("a.http", b"# @expect 200\nGET /a");
    write("notes.txt", b"no request");
    let all = read(folder.path()).expect("two requests");
    let targets: Vec<_> = all.iter().map(|it| it.target.as_str()).collect();
    assert_eq!(targets, ["/a", "/b"]);
    write("c.http", b"GET /c");
    let error = read(folder.path()).expect_err("one is wrong").to_string();
    assert!(error.contains("/c.http:1"), "{error}");
    write("c.http", b"# @expect 200\nGET /\xff");
    let error = read(folder.path()).expect_err("one is no text").to_string();
    assert!(
        error.contains("/c.http\n") && error.contains("cannot read it"),
        "{error}"
    );
    let error = read(&folder.path().join("none"))
        .expect_err("no folder")
        .to_string();
    assert!(error.contains("--requests FOLDER"), "{error}");
}
