//! Step 2: take the class away from any one route of the service. On this crate's router it no
//! longer compiles. On a router that another crate built it does, and `cargo test` fails and names
//! the route. What the outage's service did beside that, no longer compiles either.
//!
//! The routes are found in the service's source, so a route added tomorrow is covered.
#![allow(clippy::unwrap_used)]

mod copy;

use std::collections::BTreeSet;

use copy::{Attribute, Copy, ROUTER, TAKEN_IN};

/// What the compiler says of a handler that nobody classified.
const NO_CLASS: &str = "has no access class";

/// Cargo's exit code where a test or the compiler has failed.
const FAILED: i32 = 101;

/// Not `check`: that would have all dependencies compiled for it alone. Types are checked first.
const BUILD: [&str; 2] = ["build", "--lib"];

/// The scan finds what the program declares: no less, or the tests below would skip a route.
#[test]
fn every_route_is_found_in_the_source() {
    // Links the service, whose declarations are then those of this program.
    let _service = waitlist::app;
    let declared: BTreeSet<String> = session_auth::declarations()
        .into_iter()
        .map(|declaration| declaration.target().to_string())
        .collect();
    let found = Attribute::all();
    let names: BTreeSet<String> = found.iter().map(Attribute::route).collect();
    assert_eq!(names, declared);
    assert_eq!(found.len(), declared.len());
    assert!(declared.len() >= 11, "{declared:?}");
}

#[test]
fn without_its_class_no_route_compiles() {
    let service = Copy::of_the_service("typed");
    let untouched = service.cargo(&BUILD);
    assert_eq!(untouched.code, 0, "the copy compiles:\n{untouched}");

    for away in Attribute::taken_away() {
        let output = service.without(&away, || service.cargo(&BUILD));
        assert_eq!(output.code, FAILED, "{output}");
        // This error, once for each handler, at its line, and no other error.
        assert_eq!(output.count("error[E0277]"), away.len(), "{output}");
        assert_eq!(output.count("error["), away.len(), "{output}");
        assert_eq!(output.count(NO_CLASS), away.len(), "{output}");
        for attribute in &away {
            let Attribute { handler, mount, .. } = attribute;
            // With its module, where a dependency has something of that name.
            let named = [handler, mount].map(|name| format!("{{{name}}}` {NO_CLASS}"));
            let told = named.iter().any(|named| output.contains(named));
            assert!(told, "{attribute} was taken away:\n{output}");
            let mounted = format!(".mount({mount})");
            assert!(output.contains(&mounted), "{attribute}:\n{output}");
        }
    }
}

#[test]
fn without_its_class_no_route_of_axums_router_passes_cargo_test() {
    let service = Copy::on_axums_router("axum");
    let test = || service.cargo(&["test", "--lib", "route_audit_"]);
    let untouched = test();
    assert_eq!(untouched.code, 0, "the copy passes:\n{untouched}");
    assert!(
        untouched.contains("test result: ok. 1 passed"),
        "{untouched}"
    );

    for away in Attribute::taken_away() {
        let output = service.without(&away, test);
        assert_eq!(output.code, FAILED, "{output}");
        // One for the methods of a path.
        let paths: BTreeSet<_> = away.iter().map(|attribute| &attribute.path).collect();
        let code = "error[unclassified-route]: ";
        assert_eq!(output.count(code), paths.len(), "{output}");
        for attribute in &away {
            let methods = away.iter().filter(|other| other.path == attribute.path);
            let methods: BTreeSet<_> = methods.map(|one| one.method.as_str()).collect();
            let methods = Vec::from_iter(methods).join(" | ");
            let named = format!("{code}{methods} {} ", attribute.path);
            assert_eq!(output.count(&named), 1, "{attribute}:\n{output}");
            let (file, line) = output.place_after(&named);
            assert_eq!(file, ROUTER, "{attribute}:\n{output}");
            let shown = service.line(file, line);
            assert!(shown.contains(TAKEN_IN), "{attribute}: {shown:?}\n{output}");
        }
    }
}

/// Each was a way to a route that no list knew.
#[test]
fn what_is_served_beside_the_audited_router_does_not_compile() {
    const LIB: &str = "waitlist/src/lib.rs";
    const PROTECTED: &str = "protect(router::routes().with_state(app))";
    const LAST: &str = ".mount(devices::revoke_others)";
    let service = Copy::of_the_service("beside");

    for (what, file, from, to, error, said) in [
        (
            "a blueprint that is registered later",
            LIB,
            PROTECTED,
            "protect(router::routes().with_state(app).route(\"/api/export\", axum::routing::get(async || \"all\")))",
            "error[E0599]",
            "no method named `route` found for struct `Audited",
        ),
        (
            "a router around the audited one",
            LIB,
            PROTECTED,
            "protect(session_auth::Router::new().nest(\"/v2\", router::routes().with_state(app)))",
            "error[E0277]",
            "cannot be protected",
        ),
        (
            "a router that nobody audits",
            ROUTER,
            "#[audited_router]\n",
            "",
            "error[E0277]",
            "cannot be protected",
        ),
        (
            "a handler by axum's own function",
            ROUTER,
            LAST,
            ".mount(devices::revoke_others).route(\"/api/export\", axum::routing::get(async || \"all\"))",
            "error[E0277]",
            "help: import `session_auth::routing::{get, post, ..}` in place of",
        ),
        (
            "a second method on a route that has a class",
            ROUTER,
            LAST,
            ".mount(devices::revoke_others).route(\"/api/export\", session_auth::routing::get(account::me).post(async || \"all\"))",
            "error[E0277]",
            NO_CLASS,
        ),
        (
            "a blueprint of axum's as a part of the router",
            ROUTER,
            LAST,
            ".mount(devices::revoke_others).nest(\"/internal\", axum::Router::new())",
            "error[E0277]",
            "comes in by `merge_axum(router)`",
        ),
        (
            "a class that is there in tests alone",
            "waitlist/src/routes/mod.rs",
            "#[public_route(GET, \"/health\", reason = \"liveness probe of the platform\")]",
            "#[cfg_attr(test, public_route(GET, \"/health\", reason = \"liveness probe of the platform\"))]",
            "error[E0277]",
            NO_CLASS,
        ),
    ] {
        let output = service.with(file, from, to, || service.cargo(&BUILD));
        assert_eq!(output.code, FAILED, "{what}:\n{output}");
        assert_eq!(output.count(error), 1, "{what}:\n{output}");
        assert_eq!(output.count("error["), 1, "{what}:\n{output}");
        assert!(output.contains(said), "{what}:\n{output}");
    }
}
