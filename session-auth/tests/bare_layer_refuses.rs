//! What a program declares must hold together before a bare `.layer(auth)` of it may start: it cannot
//! know which of two declarations answers.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use session_auth::webhook::Bearer;
use session_auth::{
    Keys, SessionAuthLayer, SessionAuthLayerBuilder, public_route, session_route, webhook_route,
};
use time::{Date, Month};

#[public_route(GET, "/report", reason = "test", until = "2027-01-31")]
async fn report() {}

#[session_route(GET | POST, "/report")]
async fn report_again() {}

#[session_route(POST, "/report")]
async fn report_alike() {}

#[session_route(GET, "/users/{id}")]
async fn user() {}

#[session_route(DELETE, "/users/{name}")]
async fn delete_user() {}

#[webhook_route(POST, "/hook", verify = "waf")]
async fn hook() {}

fn on(month: Month, day: u8) -> SessionAuthLayerBuilder {
    let date = Date::from_calendar_date(2027, month, day).unwrap();
    let now = date.with_hms(23, 59, 59).unwrap().assume_utc();
    SessionAuthLayer::builder(Keys::random().unwrap()).clock(move || now.into())
}

/// What `.layer` panics with.
fn refused(auth: SessionAuthLayer) -> String {
    let layered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        axum::Router::<()>::new().layer(auth)
    }));
    let panic = layered.expect_err("something is wrong with the declarations");
    panic.downcast_ref::<String>().unwrap().clone()
}

fn with_verifier(builder: SessionAuthLayerBuilder) -> SessionAuthLayer {
    let builder = builder.verifier("waf", Bearer::new("token"));
    builder.build().unwrap()
}

#[test]
fn a_bare_layer_panics_with_everything_that_is_wrong() {
    let text = refused(on(Month::February, 1).build().unwrap());
    assert!(
        text.starts_with("session-auth cannot protect this service: 4 problems:\n"),
        "{text}"
    );
    for part in [
        "GET | POST /report is session, but",
        "declares it public; keep one of the two",
        "the exemption of GET /report ended on 2027-01-31; remove the route, or extend its `until`",
        "the router cannot tell \"/users/{name}\" from \"/users/{id}\"",
        "POST /hook is a webhook verified by \"waf\", which the layer does not have; add \
         `.verifier(\"waf\", ..)` to its builder",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let places = text
        .matches("session-auth/tests/bare_layer_refuses.rs:")
        .count();
    assert_eq!(
        places, 5,
        "one for each problem, and two for the conflict:\n{text}"
    );
    let _ = (report, report_again, report_alike, user, delete_user, hook);
}

#[test]
fn an_exemption_holds_through_its_last_day() {
    let ended = "the exemption of GET /report ended";
    let last_day = refused(with_verifier(on(Month::January, 31)));
    assert!(!last_day.contains(ended), "{last_day}");
    let day_after = refused(with_verifier(on(Month::February, 1)));
    assert!(day_after.contains(ended), "{day_after}");
}

/// No table stands in the way of a router that is asked.
#[test]
fn protect_judges_its_own_router_alone() {
    #[session_auth::audited_router(at_start)]
    fn routes() -> session_auth::Router {
        session_auth::Router::new().mount(user)
    }
    let auth = on(Month::February, 1).build().unwrap();
    assert!(auth.protect(routes()).is_ok());
}
