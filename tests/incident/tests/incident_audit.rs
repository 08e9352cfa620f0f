//! Steps 2 and 3, as CI sees them: `route-audit` on the service, after what a pull request does to
//! its routes. A form that begins to ask for a session compiles, and passes every test that it does
//! not have; the lock tells. So it does of a route that is new, and of one that is gone.
#![allow(clippy::unwrap_used)]

mod copy;

use copy::{Attribute, Copy, ROUTER, TAKEN_IN, route_audit};

const CLEAN: i32 = 0;
const FINDINGS: i32 = 100;

/// One route of each class: `cargo test`, which the audit runs, is tried with all of them next door.
#[test]
fn without_its_class_a_route_of_axums_router_fails_the_audit() {
    let service = Copy::on_axums_router("audit");
    let audit = || route_audit(&service, &[]);
    let untouched = audit();
    assert_eq!(untouched.code, CLEAN, "{untouched}");

    let away = Attribute::of_each_class();
    let audited = service.without(&away, audit);
    assert_eq!(audited.code, FINDINGS, "{audited}");
    let code = "error[unclassified-route]: ";
    assert_eq!(audited.count(code), away.len(), "{audited}");
    assert_eq!(audited.count("error["), away.len(), "{audited}");
    for attribute in away {
        let named = format!("{code}{} ", attribute.route());
        assert!(audited.contains(&named), "{attribute}:\n{audited}");
        let (file, line) = audited.place_after(&named);
        assert_eq!(file, ROUTER, "{attribute}:\n{audited}");
        let shown = service.line(file, line);
        assert!(
            shown.contains(TAKEN_IN),
            "{attribute}: {shown:?}\n{audited}"
        );
    }
}

#[test]
fn ci_tells_what_a_change_does_to_callers() {
    const FORM: &str = "waitlist/src/routes/waitlist.rs";
    const LAST: &str = ".mount(devices::revoke_others)";
    let service = Copy::of_the_service("lock");
    let audit = |flag: &str| route_audit(&service, &[flag]);
    let written = audit("--update");
    assert_eq!(written.code, CLEAN, "{written}");
    let untouched = audit("--locked");
    assert_eq!(untouched.code, CLEAN, "{untouched}");

    // The outage: the form needs a session from now on.
    let (public, session) = (
        "#[public_route(\n    POST,\n    \"/api/waitlist/signup\",\n    reason = \"signup form; visitors have no account\"\n)]",
        "#[session_route(POST, \"/api/waitlist/signup\")]",
    );
    let shut = service.with(FORM, public, session, || audit("--locked"));
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
    assert!(service.line(file, line).contains("public_route"), "{shut}");

    // A blueprint of another crate that is taken in later, and that nobody put on any list: with a
    // lock or without.
    let more = format!(
        "{LAST}.merge_axum(axum::Router::new().route(\"/api/export\", axum::routing::get(|| async {{}})))"
    );
    let added = service.with(ROUTER, LAST, &more, || {
        [&["--locked"][..], &[]].map(|flags| route_audit(&service, flags))
    });
    for added in added {
        assert_eq!(added.code, FINDINGS, "{added}");
        assert!(
            added.contains("error[unclassified-route]: GET /api/export "),
            "{added}"
        );
        let (file, _) = added.place_after("error[unclassified-route]");
        assert_eq!(file, ROUTER, "{added}");
    }

    // And a route that is lost in a merge.
    let gone = service.with(ROUTER, ".mount(account::me)", "", || audit("--locked"));
    assert_eq!(gone.code, FINDINGS, "{gone}");
    assert!(
        gone.contains("error[lock-narrowed]: GET /api/me "),
        "{gone}"
    );
}
