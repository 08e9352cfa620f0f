//! Webhooks that are refused or silent, from requests to what rings: with a clock that the test moves.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use common::clock::FakeClock;
use session_auth::methods::POST;
use session_auth::silence::{Alarm, Ping, Rule};
use session_auth::store::MemoryStore;
use session_auth::webhook::{Bearer, Delivery, Rejection, Terms, Verifier, WebhookRequest};
use session_auth::{
    Denial, Keys, Mode, Protected, Router, SessionAuthLayer, SessionAuthLayerBuilder, webhook,
};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);
const GOOD: &str = "Authorization: Bearer edge-token";
const BAD: &str = "Authorization: Bearer other-token";

struct Service {
    auth: SessionAuthLayer,
    app: Protected,
    clock: FakeClock,
}

/// A sender that gives up after eight minutes.
struct Hasty(Bearer);

impl Verifier for Hasty {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        self.0.verify(request)
    }

    fn terms(&self) -> Terms {
        let mut terms = Terms::default();
        terms.retry_budget = Some(8 * MINUTE);
        terms
    }
}

fn routes() -> Router {
    Router::new()
        .mount(
            webhook(POST, "/edge", "edge")
                .expect_every(6 * HOUR)
                .owner("platform")
                .to(|| async {}),
        )
        .mount(webhook(POST, "/hasty", "hasty").to(|| async {}))
        .mount(webhook(POST, "/broken", "edge").to(|| async { StatusCode::BAD_REQUEST }))
        .mount(
            webhook(POST, "/self", "handler")
                .reason("a token in the path")
                .expect_every(HOUR)
                .to(|body: String| async move {
                    match &*body {
                        "good" => StatusCode::OK,
                        "of nobody" => StatusCode::NOT_FOUND,
                        "malformed" => StatusCode::BAD_REQUEST,
                        "broken" => StatusCode::INTERNAL_SERVER_ERROR,
                        _ => StatusCode::UNAUTHORIZED,
                    }
                }),
        )
}

fn builder(clock: &FakeClock) -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("edge", Bearer::new("edge-token"))
        .verifier("hasty", Arc::new(Hasty(Bearer::new("edge-token"))))
        .clock(clock.clock())
}

impl Service {
    fn start(with: impl FnOnce(SessionAuthLayerBuilder) -> SessionAuthLayerBuilder) -> Self {
        Self::at(FakeClock::new(), with)
    }

    fn at(
        clock: FakeClock,
        with: impl FnOnce(SessionAuthLayerBuilder) -> SessionAuthLayerBuilder,
    ) -> Self {
        let auth = with(builder(&clock)).build().unwrap();
        let app = common::protect(&auth, routes()).unwrap();
        Self { auth, app, clock }
    }

    async fn post(&self, path: &str, header: &str) -> u16 {
        common::ask(&self.app, "POST", path, header).await.status
    }

    async fn rings(&self) -> Vec<(Rule, String)> {
        let alarms = self.auth.check_webhooks().await;
        alarms.into_iter().map(|it| (it.rule, it.route)).collect()
    }
}

fn refused(route: &str) -> (Rule, String) {
    (Rule::Refused, route.to_owned())
}

fn silent(route: &str) -> (Rule, String) {
    (Rule::Silent, route.to_owned())
}

#[tokio::test]
async fn a_refused_webhook_rings_after_ten_minutes_and_until_it_is_mended() {
    let service = Service::start(|auth| auth);
    assert_eq!(service.post("/edge", BAD).await, 401);
    service.clock.advance(9 * MINUTE);
    assert_eq!(service.post("/edge", "").await, 401);
    assert_eq!(service.rings().await, []);
    service.clock.advance(MINUTE);
    let alarms = service.auth.check_webhooks().await;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    let Alarm {
        route,
        verifier,
        owner,
        reason,
        last_verified,
        ..
    } = &alarms[0];
    assert_eq!((&**route, &**verifier), ("POST /edge", "edge"));
    assert_eq!(owner.as_deref(), Some("platform"));
    assert_eq!(*reason, Some(Denial::SignatureMissing));
    assert_eq!(*last_verified, None);

    assert_eq!(service.post("/edge", GOOD).await, 200);
    assert_eq!(service.rings().await, []);
}

#[tokio::test]
async fn it_rings_sooner_where_the_sender_gives_up_sooner() {
    let service = Service::start(|auth| auth);
    service.post("/hasty", BAD).await;
    service.clock.advance(4 * MINUTE);
    assert_eq!(service.rings().await, [refused("POST /hasty")]);
}

#[tokio::test]
async fn nothing_verified_rings_after_the_time_and_its_grace() {
    let service = Service::start(|auth| auth.silence_grace(MINUTE));
    service.clock.advance(HOUR);
    service.post("/edge", GOOD).await;
    // Of `/self` nothing was ever heard.
    service.clock.advance(2 * MINUTE);
    assert_eq!(service.rings().await, [silent("POST /self")]);
    service.clock.advance(6 * HOUR - MINUTE);
    assert_eq!(service.rings().await, [silent("POST /self")]);
    service.clock.advance(Duration::from_secs(1));
    let both = [silent("POST /edge"), silent("POST /self")];
    assert_eq!(service.rings().await, both);
    service.post("/edge", GOOD).await;
    assert_eq!(service.rings().await, [silent("POST /self")]);
}

/// An alarm that counts behind the handler's own filter rings for nothing.
#[tokio::test]
async fn what_the_handler_makes_of_a_delivery_does_not_matter() {
    let service = Service::start(|auth| auth);
    for _ in 0..3 {
        assert_eq!(service.post("/broken", GOOD).await, 400);
        service.clock.advance(10 * MINUTE);
    }
    assert_eq!(service.rings().await, []);
    let activity = common::activity(&service.auth, "POST /broken");
    assert_eq!(
        (activity.verified, activity.passed, activity.handler_refused),
        (3, 0, 3)
    );
    assert!(activity.last_verified.is_some());
}

/// Where the handler checks the proof itself, its 401 is the refusal.
#[tokio::test]
async fn a_handler_that_is_its_own_verifier_is_heard_by_its_answer() {
    let service = Service::start(|auth| auth);
    let post = |body: &'static str| {
        let request = axum::extract::Request::post("/self")
            .body(axum::body::Body::from(body))
            .unwrap();
        tower::ServiceExt::oneshot(service.app.clone(), request)
    };
    assert_eq!(post("bad").await.unwrap().status(), 401);
    service.clock.advance(10 * MINUTE);
    assert_eq!(service.rings().await, [refused("POST /self")]);
    assert_eq!(post("good").await.unwrap().status(), 200);
    assert_eq!(service.rings().await, []);
    let verified = || {
        let activity = common::activity(&service.auth, "POST /self");
        (activity.verified, activity.last_verified)
    };
    let before = verified();
    assert_eq!(before.0, 1);
    // Whoever guesses gets one of these, and keeps no silence from being heard.
    service.clock.advance(2 * HOUR);
    for (body, status) in [("of nobody", 404), ("malformed", 400), ("broken", 500)] {
        assert_eq!(post(body).await.unwrap().status(), status);
    }
    assert_eq!(verified(), before);
    assert_eq!(service.rings().await, [silent("POST /self")]);
    let activity = common::activity(&service.auth, "POST /self");
    let counts = (activity.handler_refused, activity.handler_failed);
    assert_eq!(counts, (3, 1));
}

#[tokio::test]
async fn mode_observe_hears_what_enforcing_would_refuse() {
    let service = Service::start(|auth| auth.mode(Mode::Observe));
    assert_eq!(service.post("/edge", BAD).await, 200);
    service.clock.advance(10 * MINUTE);
    assert_eq!(service.rings().await, [refused("POST /edge")]);
}

#[tokio::test]
async fn an_episode_is_logged_once_when_it_begins_and_once_when_it_is_over() {
    let log = common::log();
    let service = Service::start(|auth| auth);
    service.post("/edge", BAD).await;
    service.clock.advance(10 * MINUTE);
    for _ in 0..3 {
        service.rings().await;
    }
    let lines = log.lines("ERROR", "webhook refused");
    assert_eq!(lines.len(), 1, "{}", log.text());
    assert!(lines[0].contains("POST /edge"), "{lines:?}");
    assert!(lines[0].contains("signature_invalid"), "{lines:?}");
    assert!(!log.text().contains("other-token"));
    assert!(log.lines("ERROR", "over:").is_empty());
    service.post("/edge", GOOD).await;
    for _ in 0..3 {
        service.rings().await;
    }
    assert_eq!(log.lines("ERROR", "over:").len(), 1, "{}", log.text());
    assert_eq!(log.lines("ERROR", "webhook refused").len(), 1);
}

#[tokio::test]
async fn times_survive_a_restart_where_there_is_a_store() {
    let store = Arc::new(MemoryStore::new());
    let clock = FakeClock::new();
    let first = Service::at(clock.clone(), |auth| auth.store(Arc::clone(&store)));
    first.post("/edge", GOOD).await;
    first.rings().await;
    let seen = common::activity(&first.auth, "POST /edge").last_verified;
    drop(first);

    // Down for ten hours: what was due meanwhile has its grace.
    clock.advance(10 * HOUR);
    let second = Service::at(clock.clone(), |auth| auth.store(Arc::clone(&store)));
    assert_eq!(second.rings().await, []);
    assert_eq!(
        common::activity(&second.auth, "POST /edge").last_verified,
        seen
    );
    clock.advance(5 * MINUTE + Duration::from_secs(1));
    assert_eq!(second.rings().await, [silent("POST /edge")]);

    // Without a store it would have waited six hours more.
    let forgetful = Service::at(clock.clone(), |auth| auth);
    clock.advance(HOUR);
    assert!(!forgetful.rings().await.contains(&silent("POST /edge")));
}

#[tokio::test]
async fn of_several_processes_the_latest_delivery_counts() {
    let store = Arc::new(MemoryStore::new());
    let clock = FakeClock::new();
    let start = || Service::at(clock.clone(), |auth| auth.store(Arc::clone(&store)));
    let (one, other) = (start(), start());
    other.post("/edge", BAD).await;
    clock.advance(5 * HOUR);
    one.post("/edge", GOOD).await;
    one.rings().await;
    clock.advance(2 * HOUR);
    // Neither was it silent for the other, nor is it refused: it was tried at one that took it.
    let of_edge =
        |all: Vec<(Rule, String)>| all.into_iter().any(|(_, route)| route == "POST /edge");
    assert!(!of_edge(other.rings().await));
    clock.advance(5 * HOUR);
    assert!(other.rings().await.contains(&silent("POST /edge")));
    assert!(one.rings().await.contains(&silent("POST /edge")));
}

/// What a clock said that was an hour ahead must not keep silence from being heard.
#[tokio::test]
async fn a_clock_that_goes_back_an_hour_delays_nothing_by_more_than_the_time_itself() {
    let service = Service::start(|auth| auth);
    service.clock.advance(HOUR);
    service.post("/edge", GOOD).await;
    service.rings().await;
    service.clock.go_back(HOUR);
    service.rings().await;
    service
        .clock
        .advance(6 * HOUR + 5 * MINUTE + Duration::from_secs(1));
    assert!(service.rings().await.contains(&silent("POST /edge")));
}

#[tokio::test]
async fn a_ping_goes_out_while_all_is_well_and_a_failure_once() {
    let sent: Arc<Mutex<Vec<Ping>>> = Arc::default();
    let kept = Arc::clone(&sent);
    let service = Service::start(|auth| {
        auth.ping("https://hc.example/uuid", 2 * MINUTE, move |ping| {
            kept.lock().unwrap().push(ping);
            async { Ok::<_, std::io::Error>(()) }
        })
    });
    let urls = || -> Vec<String> {
        let mut sent = sent.lock().unwrap();
        sent.drain(..)
            .map(|ping| format!("{} {}", ping.url, ping.body))
            .collect()
    };
    for _ in 0..4 {
        service.auth.__tick().await;
        service.clock.advance(MINUTE);
    }
    assert_eq!(urls(), ["https://hc.example/uuid "; 2]);
    service.post("/edge", BAD).await;
    service.clock.advance(10 * MINUTE);
    for _ in 0..3 {
        service.auth.__tick().await;
        service.clock.advance(5 * MINUTE);
    }
    assert_eq!(
        urls(),
        ["https://hc.example/uuid/fail refused: POST /edge\n"]
    );
    service.post("/edge", GOOD).await;
    service.auth.__tick().await;
    assert_eq!(urls(), ["https://hc.example/uuid "]);
}

#[test]
fn a_ping_to_nowhere_stops_the_start() {
    for url in [
        "",
        "hc.example/uuid",
        "https://hc.example/uuid/fail",
        "https://hc.example/?a=b",
    ] {
        let auth = SessionAuthLayer::builder(Keys::random().unwrap());
        let auth = auth.ping(url, MINUTE, |_| async { Ok::<_, std::io::Error>(()) });
        let error = auth.build().expect_err(url).to_string();
        assert!(error.contains("ping"), "{url}: {error}");
    }
}

/// The layer's own task, with nobody who asks.
#[tokio::test]
async fn it_rings_by_itself() {
    let log = common::log();
    let service = Service::start(|auth| auth);
    service.post("/edge", BAD).await;
    service.clock.advance(10 * MINUTE);
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert_eq!(
        log.lines("ERROR", "webhook refused").len(),
        1,
        "{}",
        log.text()
    );
}
