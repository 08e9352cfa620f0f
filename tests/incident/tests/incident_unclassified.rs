//! Step 2: take the class away from any one route of the service. On this crate's router it no
//! longer compiles; on `axum::Router` `cargo test` and `route-audit` fail, and name the route.
//!
//! The routes are found in the service's source, so a route added tomorrow is covered.
#![allow(clippy::unwrap_used)]

mod copy;

use std::collections::BTreeSet;

use copy::{Attribute, Copy, route_audit};

/// What the compiler says of a handler that nobody classified.
const NO_CLASS: &str = "has no access class";

/// What cargo and `route-audit` say of themselves.
const TESTS_FAILED: i32 = 101;
const FINDINGS: i32 = 100;

/// The scan finds what the program declares: no less, or the tests below would skip a route.
#[test]
fn every_route_is_found_in_the_source() {
    // Links the service, whose declarations are then those of this program.
    let _service: waitlist::Protect = waitlist::router::protect;
    let declared: BTreeSet<String> = session_auth::declarations()
        .into_iter()
        .map(|declaration| {
            let methods = declaration.methods();
            format!("{methods} {}", declaration.path().unwrap_or("FALLBACK"))
        })
        .collect();
    let found = Attribute::all();
    let names: BTreeSet<String> = found.iter().map(|attribute| attribute.route()).collect();
    assert_eq!(names, declared);
    assert_eq!(found.len(), declared.len());
    assert!(declared.len() >= 11, "{declared:?}");
}

#[test]
fn without_its_class_no_route_of_the_typed_router_compiles() {
    let service = Copy::of_the_service("typed");
    // Not `check`: that would have all dependencies compiled for it alone. Types are checked first.
    let build = ["build", "--lib"];

    let untouched = service.cargo(&build);
    assert_eq!(untouched.code, 0, "the copy compiles:\n{untouched}");

    for attribute in Attribute::all() {
        let output = service.without(&attribute, || service.cargo(&build));
        let Attribute { handler, mount, .. } = &attribute;
        assert_ne!(output.code, 0, "{attribute} was taken away:\n{output}");
        // This error, of this handler, at its line, and no other error.
        assert_eq!(output.count("error[E0277]"), 1, "{attribute}:\n{output}");
        assert_eq!(output.count("error["), 1, "{attribute}:\n{output}");
        assert_eq!(output.count(NO_CLASS), 1, "{attribute}:\n{output}");
        // With its module, where a dependency has something of that name.
        assert!(
            [handler, mount]
                .iter()
                .any(|name| output.contains(&format!("{{{name}}}` {NO_CLASS}"))),
            "{attribute}:\n{output}"
        );
        assert!(
            output.contains(&format!(".mount({mount})")),
            "{attribute}:\n{output}"
        );
    }
}

#[test]
fn without_its_class_no_route_of_a_plain_router_passes_test_or_audit() {
    let service = Copy::of_the_service("plain");
    let features = ["--no-default-features", "--features", "plain-router"];
    let test = || service.cargo(&[&["test"], &features[..]].concat());
    let audit = || route_audit(&service, &features);

    for (untouched, what) in [(test(), "cargo test"), (audit(), "route-audit")] {
        assert_eq!(
            untouched.code, 0,
            "{what} passes for the copy:\n{untouched}"
        );
    }

    for attribute in Attribute::all() {
        let (tested, audited) = service.without(&attribute, || (test(), audit()));
        for (output, code) in [(tested, TESTS_FAILED), (audited, FINDINGS)] {
            assert_eq!(output.code, code, "{attribute} was taken away:\n{output}");
            assert_eq!(
                output.count("error[unclassified-route]"),
                1,
                "{attribute}:\n{output}"
            );
            let named = format!("error[unclassified-route]: {} ", attribute.route());
            assert!(output.contains(&named), "{attribute}:\n{output}");
            // At the router that mounts it.
            let (file, line) = output.place_after("error[unclassified-route]");
            let source = service.read(file);
            let shown = source.lines().nth(line - 1).unwrap();
            assert!(
                shown.contains("#[audited_router]"),
                "{attribute}: {shown:?}\n{output}"
            );
        }
    }
}
