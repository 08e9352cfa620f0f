//! A secret for each tenant: looked up before the handler, and by nobody who shows no proof.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use axum::extract::Path;
use bytes::Bytes;
use http::{Request, StatusCode};
use session_auth::methods::POST;
use session_auth::store::MemoryReplays;
use session_auth::testing::sign_webhook;
use session_auth::webhook::{
    ApiKey, ConfigError, Delivery, FetchError, Hmac, IpAllowlist, PerTenant, Rejection, Secrets,
    Verifier, WebhookRequest, all_of,
};
use session_auth::{Denial, Keys, Router, SessionAuthLayer, webhook};

const NOW: u64 = 1_700_000_000;
const BODY: &str = r#"{"action":"opened"}"#;

/// What the database answers: a tenant's secret, nobody's, or that it is down.
#[derive(Clone, Default)]
struct Database {
    asked: Arc<AtomicUsize>,
    secret: Arc<Mutex<Option<&'static str>>>,
    down: Arc<AtomicUsize>,
}

impl Database {
    async fn secret_of(self, tenant: String) -> Result<Option<Secrets>, FetchError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) > 0 {
            return Err("no connection".into());
        }
        let secret = *self.secret.lock().unwrap();
        let is_known = tenant == "acme";
        Ok(secret.filter(|_| is_known).map(|it| Secrets::new([it])))
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

struct Service {
    address: SocketAddr,
    auth: SessionAuthLayer,
    database: Database,
    seconds: Arc<AtomicU64>,
}

impl Service {
    async fn start() -> Self {
        let (database, seconds) = (Database::default(), Arc::new(AtomicU64::new(NOW)));
        *database.secret.lock().unwrap() = Some("the secret of acme");
        let look_up = |database: &Database| {
            let database = database.clone();
            move |tenant| database.clone().secret_of(tenant)
        };
        let clock = Arc::clone(&seconds);
        let auth = SessionAuthLayer::builder(Keys::random().unwrap())
            .clock(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst)))
            .verifier(
                "by_path",
                PerTenant::in_path("/hooks/{tenant}/github", look_up(&database), Hmac::github),
            )
            .verifier(
                "by_header",
                PerTenant::in_header("X-Tenant", look_up(&database), Hmac::github).unwrap(),
            )
            .build()
            .unwrap();
        let handler = |tenant: Option<Path<String>>| async move {
            tenant.map_or_else(|| "by header".to_owned(), |Path(tenant)| tenant)
        };
        let routes = Router::new()
            .mount(webhook(POST, "/hooks/{tenant}/github", "by_path").to(handler))
            .mount(webhook(POST, "/hooks", "by_header").to(handler));
        let address = common::serve(common::protect(&auth, routes).unwrap()).await;
        Self {
            address,
            auth,
            database,
            seconds,
        }
    }

    async fn deliver(&self, path: &str, secret: &str, headers: &str) -> (u16, String) {
        let request = Request::post(path).body(Bytes::from(BODY)).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let signed = sign_webhook("github", secret, request, now);
        let signature = signed.headers()["x-hub-signature-256"].to_str().unwrap();
        let headers = format!("X-Hub-Signature-256: {signature}\r\n{headers}");
        let answer = common::post(self.address, path, &headers, BODY).await;
        (answer.status, answer.body)
    }
}

const ACME: &str = "/hooks/acme/github";
const SECRET: &str = "the secret of acme";

fn is_refused(answer: &(u16, String)) -> bool {
    answer.0 == 401 && answer.1.contains(r#""reason":"signature_invalid""#)
}

#[tokio::test]
async fn security_a_delivery_is_held_against_its_tenants_secret_and_no_others() {
    let service = Service::start().await;
    let answer = service.deliver(ACME, SECRET, "").await;
    assert_eq!(answer, (200, "acme".to_owned()));
    assert_eq!(service.database.asked(), 1);
    // Known for a minute, good or not.
    assert_eq!(service.deliver(ACME, SECRET, "").await.0, 200);
    assert!(is_refused(&service.deliver(ACME, "another", "").await));
    assert_eq!(service.database.asked(), 0);
    let other = "/hooks/other/github";
    for _ in 0..3 {
        assert!(is_refused(&service.deliver(other, SECRET, "").await));
    }
    assert_eq!(
        service.database.asked(),
        1,
        "that there is none is known, too"
    );
    let by_header = service
        .deliver("/hooks", SECRET, "X-Tenant: acme\r\n")
        .await;
    assert_eq!(by_header, (200, "by header".to_owned()));
    let other = service
        .deliver("/hooks", SECRET, "X-Tenant: other\r\n")
        .await;
    assert!(is_refused(&other));
    service.database.asked();
    let too_long = format!("X-Tenant: {}\r\n", "a".repeat(129));
    for headers in [
        "",
        too_long.as_str(),
        "X-Tenant: acme\r\nX-Tenant: acme\r\n",
        "X-Tenant: a/b\r\n",
    ] {
        let refused = service.deliver("/hooks", SECRET, headers).await;
        assert_eq!(refused.0, 401, "{headers}: {refused:?}");
    }
    for path in ["/hooks/%61cme/github", "/hooks/a%2fb/github"] {
        assert!(
            is_refused(&service.deliver(path, SECRET, "").await),
            "{path}"
        );
    }
    assert_eq!(service.database.asked(), 0, "no name that a tenant has");
}

#[tokio::test]
async fn security_nothing_is_looked_up_for_who_shows_no_proof() {
    let service = Service::start().await;
    let answer = common::post(service.address, ACME, "", BODY).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("signature_missing"), "{answer:?}");
    assert_eq!(service.database.asked(), 0);
}

#[tokio::test]
async fn a_secret_that_changes_is_known_after_a_minute_and_one_that_is_none_is_refused() {
    let service = Service::start().await;
    assert_eq!(service.deliver(ACME, SECRET, "").await.0, 200);
    *service.database.secret.lock().unwrap() = Some("the new one");
    assert_eq!(service.deliver(ACME, SECRET, "").await.0, 200);
    service.seconds.fetch_add(60, Ordering::SeqCst);
    assert!(is_refused(&service.deliver(ACME, SECRET, "").await));
    assert_eq!(service.deliver(ACME, "the new one", "").await.0, 200);
    // A line end at its end: the log says so, and nobody gets in by it.
    *service.database.secret.lock().unwrap() = Some("\n");
    service.seconds.fetch_add(60, Ordering::SeqCst);
    assert!(is_refused(&service.deliver(ACME, "the new one", "").await));
    *service.database.secret.lock().unwrap() = None;
    service.seconds.fetch_add(60, Ordering::SeqCst);
    assert!(is_refused(&service.deliver(ACME, "the new one", "").await));
}

#[tokio::test]
async fn a_secret_that_was_looked_up_by_a_clock_that_was_ahead_is_looked_up_again() {
    let service = Service::start().await;
    let day = 24 * 60 * 60;
    service.seconds.fetch_add(day, Ordering::SeqCst);
    assert_eq!(service.deliver(ACME, SECRET, "").await.0, 200);
    service.seconds.fetch_sub(day, Ordering::SeqCst);
    *service.database.secret.lock().unwrap() = Some("the new one");
    assert!(is_refused(&service.deliver(ACME, SECRET, "").await));
    assert_eq!(service.deliver(ACME, "the new one", "").await.0, 200);
    // A request that came a few seconds before that lookup does with it.
    service.database.asked();
    service.seconds.fetch_sub(4, Ordering::SeqCst);
    assert_eq!(service.deliver(ACME, "the new one", "").await.0, 200);
    assert_eq!(service.database.asked(), 0);
}

#[tokio::test]
async fn an_outage_puts_off_whom_nobody_knows_and_changes_nothing_for_the_others() {
    let service = Service::start().await;
    service.database.down.store(1, Ordering::SeqCst);
    let (status, body) = service.deliver(ACME, SECRET, "").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    let activity = common::activity(&service.auth, "POST /hooks/{tenant}/github");
    assert_eq!(activity.denied_for(Denial::VerifierUnavailable), 1);
    service.database.down.store(0, Ordering::SeqCst);
    assert_eq!(service.deliver(ACME, SECRET, "").await.0, 200);
    service.database.down.store(1, Ordering::SeqCst);
    service.seconds.fetch_add(3600, Ordering::SeqCst);
    assert_eq!(service.deliver(ACME, SECRET, "").await.0, 200);
}

/// Counts what it is asked.
struct Counted {
    by: Hmac,
    asked: Arc<AtomicUsize>,
}

impl Verifier for Counted {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.by.verify(request)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        self.asked.fetch_add(1000, Ordering::SeqCst);
        self.by.verify_head(request)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.by.check()
    }
}

/// A tenant that there is not is refused after the same work as one that there is, by the same answer, so
/// that nobody learns who is a customer: the first time, when it is looked up, and later.
#[tokio::test]
async fn security_an_unknown_tenant_is_refused_as_a_known_one_is() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let looked_up = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&looked_up);
    let by = PerTenant::in_path(
        "/hooks/{tenant}/github",
        move |tenant| {
            count.fetch_add(1, Ordering::SeqCst);
            let known = tenant == "acme";
            async move { Ok(known.then(|| Secrets::new(["the secret of acme"]))) }
        },
        move |secrets| Counted {
            by: Hmac::github(secrets),
            asked: Arc::clone(&counted),
        },
    );
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("github", by)
        .build()
        .unwrap();
    let hook = webhook(POST, "/hooks/{tenant}/github", "github").to(async || ());
    let app = common::protect(&auth, Router::new().mount(hook)).unwrap();
    let address = common::serve(app).await;
    let body = "x".repeat(100_000);
    let refuse = async |tenant: &str| {
        let headers = format!("X-Hub-Signature-256: sha256={}\r\n", "0".repeat(64));
        let path = format!("/hooks/{tenant}/github");
        let began = Instant::now();
        let answer = common::post(address, &path, &headers, &body).await;
        let took = began.elapsed();
        assert_eq!(answer.status, 401);
        let dated = |line: &&str| !line.starts_with("date:");
        let head: Vec<_> = answer.head.lines().filter(dated).collect();
        let work = (
            asked.swap(0, Ordering::SeqCst),
            looked_up.swap(0, Ordering::SeqCst),
        );
        ((head.join("\n"), answer.body, work), took)
    };
    let (first, _) = refuse("acme").await;
    assert_eq!(first.2.1, 1, "it is looked up");
    assert_eq!(refuse("other").await.0, first);
    let (known, _) = refuse("acme").await;
    assert_eq!(known.2, (known.2.0, 0), "and then it is known");
    assert!(
        known.2.0 % 1000 == 1,
        "the signature is looked at once: {known:?}"
    );
    assert_eq!(refuse("other").await.0, known);

    // In turns, as a test machine has other things to do. What is compared is the middle of many.
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..200 {
        took[0].push(refuse("acme").await.1);
        took[1].push(refuse("other").await.1);
    }
    let [acme, other] = took.map(|mut of| {
        of.sort();
        of[of.len() / 2].as_secs_f64()
    });
    assert!(
        (0.7..1.4).contains(&(other / acme)),
        "{other} s, and {acme} s of one that is known"
    );
}

/// What one tenant has sent is nothing that another one has: neither the same id, which some senders count up
/// from one for each of their customers, nor the same body.
#[tokio::test]
async fn security_a_delivery_of_one_tenant_is_no_repetition_of_anothers() {
    let secret_of = |tenant: String| async move {
        Ok((tenant != "nobody").then(|| Secrets::new([format!("secret-of-{tenant}")])))
    };
    let bots = PerTenant::in_path("/bots/{bot}", secret_of, ApiKey::telegram);
    let shops = || PerTenant::in_header("X-Shop", secret_of, Hmac::github).unwrap();
    let loopback = IpAllowlist::new(["127.0.0.1"]).unwrap();
    let behind = all_of([Box::new(loopback) as Box<dyn Verifier>, Box::new(shops())]);
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("bots", bots)
        .verifier("shops", shops())
        .verifier("behind", behind)
        .replay_window(MemoryReplays::new(), Duration::from_secs(3600))
        .build()
        .unwrap();
    let routes = Router::new()
        .mount(webhook(POST, "/bots/{bot}", "bots").to(async || "handled"))
        .mount(webhook(POST, "/shops", "shops").to(async || "handled"))
        .mount(webhook(POST, "/behind", "behind").to(async || "handled"));
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let duplicate = r#"{"status":"duplicate"}"#;
    for (again, expected) in [(false, "handled"), (true, duplicate)] {
        for tenant in ["one", "two"] {
            let secret = format!("secret-of-{tenant}");
            let token = format!("X-Telegram-Bot-Api-Secret-Token: {secret}\r\n");
            let path = format!("/bots/{tenant}");
            let update = common::post(address, &path, &token, r#"{"update_id":7}"#).await;
            assert_eq!(update.body, expected, "{tenant}, again: {again}");
            // Without an id, by the whole body.
            let request = Request::post("/").body(Bytes::from(BODY)).unwrap();
            let signed = sign_webhook("github", &secret, request, UNIX_EPOCH);
            let signature = signed.headers()["x-hub-signature-256"].to_str().unwrap();
            let headers = format!("X-Shop: {tenant}\r\nX-Hub-Signature-256: {signature}\r\n");
            for path in ["/shops", "/behind"] {
                let event = common::post(address, path, &headers, BODY).await;
                assert_eq!(event.body, expected, "{path} of {tenant}, again: {again}");
            }
        }
    }
}
