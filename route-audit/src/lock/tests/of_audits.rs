//! What of an audit is in a lock, and what leaves no trace.

use session_auth::audit::Shape;

use super::super::{Lock, format};
use crate::testing::{declaration, place, report};

#[test]
fn files_lines_handlers_and_unmounted_declarations_leave_no_trace() {
    let one = report("routes", &["public GET /a reason=open"]);
    let mut other = one.clone();
    other.declared.push(declaration("public GET /b", 2));
    other.router.line = 77;
    other.routes[0].mounted = place(78);
    other.routes[0].declaration = Some(declaration("public GET /a reason=open", 99));
    let text = |report| format::write(&Lock::of([report]));
    let text_of_one = text(&one);
    assert_eq!(text_of_one, text(&other));
    assert!(text_of_one.contains("  /a "), "{text_of_one}");
    assert!(!text_of_one.contains("/b"), "{text_of_one}");
}

#[test]
fn a_router_in_two_targets_has_one_line() {
    let one = report("routes", &["public GET /a"]);
    assert_eq!(Lock::of([&one, &one]).lines().len(), 1);
}

/// A declaration may leave its path to the router.
#[test]
fn the_path_is_the_router_s() {
    let mut mounted = report("routes", &["session GET /a", "session ANY /x"]);
    mounted.routes[0].path = Some("/tenants/{id}/a".into());
    mounted.routes[1].path = Some("/assets".into());
    mounted.routes[1].shape = Shape::OpaqueMount;
    let lock = Lock::of([&mounted]);
    let paths: Vec<_> = lock
        .lines()
        .iter()
        .map(|line| line.mount.at.path())
        .collect();
    assert_eq!(
        paths,
        [Some("/assets/**".into()), Some("/tenants/{id}/a".into())]
    );
}
