//! What `#[audited_router]` makes of a function.

use axum::routing::get;
use session_auth::__private::{RouterKind, RouterSite, audit_router, location};
use session_auth::{Audited, audit, audited_router};

#[audited_router(at_start)]
fn of_axum() -> Result<(axum::Router, u8), String> {
    Ok((axum::Router::new().route("/x", get(async || {})), 1))
}

fn audited() -> Audited {
    of_axum().expect("a router").0
}

#[test]
fn the_routes_of_axums_router_stand_where_the_attribute_does() {
    let findings = audit::check(&audited()).expect("a route");
    let place = "tests/audited_functions.rs:7\n";
    assert!(findings[0].to_string().contains(place), "{findings:#?}");
}

/// `#[audited_router(plain = another())]` would pass whatever the function under it mounts.
#[test]
#[should_panic(expected = "its expression gives another one, router `of_axum` (")]
fn the_expression_of_a_test_gives_the_router_of_its_function() {
    let site = RouterSite {
        name: "plain",
        package: "app",
        manifest_dir: "/app",
        module: "app",
        location: location("src/app.rs", 7, 1),
        at_start: false,
        kind: RouterKind::Typed,
    };
    audit_router(site, async || audited());
}
