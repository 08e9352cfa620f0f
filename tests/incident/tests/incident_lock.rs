//! Step 3: what a pull request does to the routes of the service, and what CI makes of it. A form
//! that begins to ask for a session compiles, and passes every test that it does not have; the lock
//! tells. So it does of a route that is new, and of one that is gone.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "the classes stay where they are")]
mod copy;

use copy::{Copy, Output, route_audit};

const FEATURES: [&str; 3] = ["--no-default-features", "--features", "plain-router"];
const CLEAN: i32 = 0;
const FINDINGS: i32 = 100;

const ROUTER: &str = "waitlist/src/router.rs";
const LAST: &str = r#"            .route("/api/me", get(account::me))"#;
const FORM: &str = "waitlist/src/routes/waitlist.rs";

fn audit(service: &Copy, flag: &str) -> Output {
    route_audit(service, &[&[flag], &FEATURES[..]].concat())
}

#[test]
fn ci_tells_what_a_change_does_to_callers() {
    let service = Copy::of_the_service("lock");
    let written = audit(&service, "--update");
    assert_eq!(written.code, CLEAN, "{written}");
    let untouched = audit(&service, "--locked");
    assert_eq!(untouched.code, CLEAN, "{untouched}");

    // The outage: the form needs a session from now on.
    let (public, session) = (
        "#[public_route(\n    POST,\n    \"/api/waitlist/signup\",\n    reason = \"signup form; visitors have no account\"\n)]",
        "#[session_route(POST, \"/api/waitlist/signup\")]",
    );
    let shut = service.with(FORM, public, session, || audit(&service, "--locked"));
    assert_eq!(shut.code, FINDINGS, "{shut}");
    assert_eq!(shut.count("error["), 1, "{shut}");
    assert!(
        shut.contains(
            "error[lock-narrowed]: POST /api/waitlist/signup was public and now needs a session"
        ),
        "{shut}"
    );
    let (file, line) = shut.place_after("error[lock-narrowed]");
    assert_eq!(file, FORM, "{shut}");
    assert!(
        service
            .read(file)
            .lines()
            .nth(line - 1)
            .unwrap()
            .contains("public_route"),
        "{shut}"
    );

    // A blueprint that is registered later, and that nobody put on any list.
    let more = format!("{LAST}\n            .route(\"/api/export\", get(|| async {{}}))");
    let added = service.with(ROUTER, LAST, &more, || audit(&service, "--locked"));
    assert_eq!(added.code, FINDINGS, "{added}");
    assert!(
        added.contains("error[unclassified-route]: GET /api/export "),
        "{added}"
    );
    let (file, _) = added.place_after("error[unclassified-route]");
    assert_eq!(file, ROUTER, "{added}");
    // Without a lock, too: that is no matter of what was there before.
    let added = service.with(ROUTER, LAST, &more, || route_audit(&service, &FEATURES));
    assert_eq!(added.code, FINDINGS, "{added}");

    // And one that is lost in a merge.
    let gone = service.with(ROUTER, LAST, "", || audit(&service, "--locked"));
    assert_eq!(gone.code, FINDINGS, "{gone}");
    assert!(
        gone.contains("error[lock-narrowed]: GET /api/me "),
        "{gone}"
    );
}
