//! Step 4, and what would have rung on the first day: the service of the outage, its sender's secret
//! broken and mended, and then no delivery for six hours. The clock is the test's.
#![allow(clippy::unwrap_used)]

mod service;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{ACCEPT, AUTHORIZATION, COOKIE};
use http::{Method, StatusCode};
use http_body_util::Empty;
use serde_json::Value;

use service::{MONITOR_TOKEN, OPERATOR_PASSWORD, POSTMARK_PASSWORD, Proof, Service, payload};

const MAIL: &str = "/webhooks/postmark/delivery";
const ROUTE: &str = "POST /webhooks/postmark/delivery";
const HOUR: u64 = 3_600;

struct Replay {
    service: Service,
    seconds: Arc<AtomicU64>,
}

impl Replay {
    async fn start() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seconds = Arc::new(AtomicU64::new(now.as_secs()));
        let of = Arc::clone(&seconds);
        let clock = move || UNIX_EPOCH + Duration::from_secs(of.load(Ordering::SeqCst));
        let service = Service::start_at(Arc::new(clock)).await;
        Self { service, seconds }
    }

    fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn deliver(&self, password: &'static str) -> StatusCode {
        let proof = Proof::Basic("postmark", password);
        let body = payload("postmark-delivery");
        self.service.post(MAIL, body, proof).await.status
    }

    async fn ask(&self, path: &str) -> (StatusCode, Value) {
        let request = self
            .service
            .request(Method::GET, path)
            .header(AUTHORIZATION, format!("Bearer {MONITOR_TOKEN}"))
            .body(Empty::<bytes::Bytes>::new())
            .unwrap();
        let answer = self.service.send(request).await;
        (answer.status, answer.json())
    }

    /// The health answer, and what it says of the mail provider.
    async fn health(&self) -> (u16, Option<String>) {
        let (status, health) = self.ask("/internal/health").await;
        let alarms = health["alarms"].as_array().unwrap();
        let rule = alarms.iter().find(|it| it["route"] == ROUTE);
        let rule = rule.map(|it| it["rule"].as_str().unwrap().to_owned());
        (status.as_u16(), rule)
    }
}

#[tokio::test]
async fn a_secret_that_is_broken_rings_within_ten_minutes_and_ends_when_it_is_mended() {
    let replay = Replay::start().await;
    assert_eq!(replay.deliver(POSTMARK_PASSWORD).await, StatusCode::OK);
    assert_eq!(replay.health().await, (200, None));
    replay.pass(60);
    assert_eq!(
        replay.deliver("of last year").await,
        StatusCode::UNAUTHORIZED
    );
    replay.pass(599);
    assert_eq!(
        replay.deliver("of last year").await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(replay.health().await, (200, None));
    replay.pass(1);
    assert_eq!(replay.health().await, (503, Some("refused".to_owned())));
    assert_eq!(replay.deliver(POSTMARK_PASSWORD).await, StatusCode::OK);
    assert_eq!(replay.health().await, (200, None));
}

#[tokio::test]
async fn no_delivery_for_six_hours_is_overdue_in_the_listing_and_503() {
    let replay = Replay::start().await;
    assert_eq!(replay.deliver(POSTMARK_PASSWORD).await, StatusCode::OK);
    replay.pass(6 * HOUR);
    assert_eq!(replay.health().await, (200, None), "the grace");
    replay.pass(5 * 60 + 1);
    assert_eq!(replay.health().await, (503, Some("silent".to_owned())));

    let (status, listing) = replay.ask("/internal/routes.json").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(listing["hurts"][0]["kind"], "silent", "{listing:#}");
    assert_eq!(listing["routes"][0]["route"], ROUTE);
    assert_eq!(listing["routes"][0]["alarms"][0], "silent");

    // The operator sees it on the page, by their session.
    let login = format!(r#"{{"password":"{OPERATOR_PASSWORD}"}}"#);
    let login = replay
        .service
        .post("/login", login.into(), Proof::None)
        .await;
    let request = replay
        .service
        .request(Method::GET, "/internal/routes")
        .header(COOKIE, login.cookie())
        .header(ACCEPT, "text/html")
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let page = replay.service.send(request).await;
    assert_eq!(page.status, StatusCode::OK);
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    let hurts = page.split("What hurts").nth(1).unwrap();
    assert!(hurts.contains("<strong>silent</strong>"), "{page}");
    assert!(page.contains(ROUTE), "{page}");
}

/// The list that somebody would have read before the switch was turned: every exemption, and no more.
#[tokio::test]
async fn the_exemptions_are_listed_at_run_time() {
    let replay = Replay::start().await;
    let (_, listing) = replay.ask("/internal/routes.json?only=exempt").await;
    let routes = listing["routes"].as_array().unwrap();
    for path in [
        "/api/waitlist/signup",
        "/api/marketing/waitlist",
        "/webhooks/postmark/delivery",
        "/webhooks/freescout/support",
        "/webhooks/freescout/audit",
        "/internal/waf-events",
    ] {
        assert!(
            routes.iter().any(|it| it["path"] == path),
            "{path}: {listing:#}"
        );
    }
    assert!(routes.iter().all(|it| it["class"] != "session"));
}
