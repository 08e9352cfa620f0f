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
