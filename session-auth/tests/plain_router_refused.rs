//! What a program declares must hold together before an `axum::Router` of it may start.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use session_auth::webhook::Bearer;
use session_auth::{
    Keys, Problem, SessionAuthLayer, SessionAuthLayerBuilder, public_route, session_route,
    webhook_route,
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

fn names(auth: SessionAuthLayer) -> Vec<String> {
    let error = auth.protect(axum::Router::new()).unwrap_err();
    let name = |problem: &Problem| {
        format!("{problem:?}")
            .split([' ', '{'])
            .next()
            .unwrap()
            .to_owned()
    };
    error.problems().iter().map(name).collect()
}

#[test]
fn protect_says_everything_that_is_wrong_at_once() {
    let auth = on(Month::February, 1).build().unwrap();
    let mut names = names(auth);
    names.sort();
    assert_eq!(
        names,
        [
            "Conflict",
            "ExpiredExemption",
            "MissingVerifier",
            "OverlappingPaths"
        ]
    );
}

#[test]
fn an_exemption_holds_through_its_last_day() {
    let with_verifier = |builder: SessionAuthLayerBuilder| {
        builder
            .verifier("waf", Bearer::new("token"))
            .build()
            .unwrap()
    };
    let mut last_day = names(with_verifier(on(Month::January, 31)));
    last_day.sort();
    assert_eq!(last_day, ["Conflict", "OverlappingPaths"]);
    let day_after = names(with_verifier(on(Month::February, 1)));
    assert!(
        day_after.contains(&"ExpiredExemption".to_owned()),
        "{day_after:?}"
    );
}

#[test]
#[should_panic(expected = "session-auth cannot protect this service: 4 problems")]
fn a_bare_layer_panics_where_protect_would_return_an_error() {
    let auth = on(Month::February, 1).build().unwrap();
    let _ = axum::Router::<()>::new().layer(auth);
}

#[test]
fn each_problem_says_where_and_what_to_do() {
    let auth = on(Month::February, 1).build().unwrap();
    let text = auth.protect(axum::Router::new()).unwrap_err().to_string();
    for part in [
        "GET | POST /report is session, but",
        "declares it public until 2027-01-31; keep one of the two",
        "the exemption of GET /report ended on 2027-01-31; remove the route, or extend its `until`",
        "the router cannot tell \"/users/{name}\" from \"/users/{id}\"",
        "POST /hook is a webhook verified by \"waf\", which the layer does not have; add \
         `.verifier(\"waf\", ..)` to its builder",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let places = text
        .matches("session-auth/tests/plain_router_refused.rs:")
        .count();
    assert_eq!(
        places, 5,
        "one for each problem, and two for the conflict:\n{text}"
    );
    let _ = (report, report_again, report_alike, user, delete_user, hook);
}
