//! `probe --public`: public routes, asked for real.

use crate::support::{Place, Service, findings};

const ALL: &str = "\
### the status page
# @expect 200
GET /status

### a signup
// @expect 201
POST /signup HTTP/1.1
Content-Type: application/json

{\"email\": \"probe@example.com\"}

###
# @expect 200
GET /files/site.css?v=1
";

#[test]
fn each_public_route_is_asked_for_real_and_needs_no_key() {
    let service = Service::start();
    let place = Place::new().key(None).file("probes/all.http", ALL);
    let document = place.json(0, &["probe", "--public", &service.url()]);
    assert_eq!(findings(&document), [""; 0]);
    assert_eq!(document["requests"].as_array().unwrap().len(), 3);
    assert_eq!(service.runs.get(), 3);
    let folder = Place::new().key(None).file("elsewhere/all.http", ALL);
    let args = [
        "probe",
        "--public",
        "--requests",
        "elsewhere",
        &service.url(),
    ];
    folder.run(&args).expect(0, &["clean"]);
}

#[test]
fn another_status_and_a_route_without_a_request_are_found() {
    let service = Service::start();
    let text = "# @expect 200\nPOST /signup\n\n###\n# @expect 200\nGET /files/a.css";
    let place = Place::new().file("probes/signup.http", text);
    let found = findings(&place.json(100, &["probe", "--public", &service.url()]));
    assert_eq!(
        found,
        [
            "running-answer: `POST /signup` is public, and answers with 201, where \
             probes/signup.http:2 expects 200",
            "running-unasked: `GET /status` is public, and no file has a request for it",
        ]
    );
}

#[test]
fn a_file_that_is_not_right_is_said_with_its_line_and_nothing_is_asked() {
    let service = Service::start();
    for (text, says) in [
        ("GET /status", ["all.http:1", "which status has to come"]),
        (
            "\n# @expect ok\nGET /status",
            ["all.http:2", "`ok` is no status"],
        ),
        (
            "# @expect 200\n# @expect 201\nGET /status",
            ["all.http:2", "one status"],
        ),
        (
            "# @expect 200\nGET https://www.example.com/status",
            ["all.http:2", "is no path"],
        ),
        (
            "# @expect 200\nget /status",
            ["all.http:2", "`get` is no method"],
        ),
        (
            "# @expect 200\nGET /status now please",
            ["all.http:2", "a method and a path"],
        ),
        (
            "# @expect 200\nGET /status\nAccept",
            ["all.http:3", "`Accept` is no header"],
        ),
        (
            "# @expect 200\nGET /status\nX: {{token}}",
            ["all.http:3", "are not filled in"],
        ),
        (
            "# @expect 200\nGET /me",
            ["all.http:2", "`GET | POST /me` is not public in the lock"],
        ),
        (
            "# @expect 200\nGET /nowhere",
            ["all.http:2", "no route for `GET /nowhere`"],
        ),
        (
            "# @expect 200\nDELETE /status",
            ["all.http:2", "no route for `DELETE /status`"],
        ),
    ] {
        let place = Place::new().file("probes/all.http", text);
        let ran = place
            .run(&["probe", "--public", &service.url()])
            .expect(101, &says);
        assert_eq!(ran.stdout, "");
    }
    let ran = Place::new().run(&["probe", "--public", &service.url()]);
    ran.expect(101, &["the requests cannot be read", "probes/NAME.http"]);
    assert_eq!(service.runs.get(), 0);
}
