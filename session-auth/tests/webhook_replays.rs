//! A delivery is handled once, however often and however fast it comes, and again where handling it
//! failed.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use session_auth::methods::{GET, POST};
use session_auth::store::{Claim, MemoryReplays, ReplayKey, ReplayStore, StoreError};
use session_auth::webhook::{BasicAuth, Bearer, Hmac};
use session_auth::{
    BuildError, Denial, Keys, Router, SessionAuthLayer, SessionAuthLayerBuilder, Timestamp,
    Webhook, webhook,
};

/// Clones are one store, as two nodes have it.
#[derive(Clone, Default)]
struct SharedStore {
    replays: Arc<MemoryReplays>,
    down: Arc<AtomicUsize>,
    /// It claims, and can write no more then.
    is_full: Arc<AtomicBool>,
    /// So many milliseconds it takes to claim, whether or not somebody waits for it.
    takes: Arc<AtomicU64>,
}

impl SharedStore {
    fn ask(&self) -> Result<(), StoreError> {
        match self.down.load(Ordering::SeqCst) {
            0 => Ok(()),
            _ => Err(StoreError::unavailable("down")),
        }
    }

    fn write(&self) -> Result<(), StoreError> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("full"));
        }
        self.ask()
    }
}

impl ReplayStore for SharedStore {
    async fn claim(
        &self,
        key: ReplayKey,
        owner: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, StoreError> {
        self.ask()?;
        let (replays, takes) = (Arc::clone(&self.replays), self.takes.load(Ordering::SeqCst));
        let claimed = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(takes)).await;
            replays.claim(key, owner, now, until).await
        });
        claimed.await.unwrap()
    }

    async fn confirm(
        &self,
        key: ReplayKey,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.write()?;
        self.replays.confirm(key, now, until).await
    }

    async fn release(&self, key: ReplayKey, owner: u64) -> Result<(), StoreError> {
        self.write()?;
        self.replays.release(key, owner).await
    }
}

struct Service {
    address: SocketAddr,
    auth: SessionAuthLayer,
    ran: Arc<AtomicUsize>,
    /// What the handler answers with; 0 is a panic, 1 never an answer.
    answers: Arc<AtomicUsize>,
}

fn builder(clock: &Arc<AtomicU64>) -> SessionAuthLayerBuilder {
    let clock = Arc::clone(clock);
    SessionAuthLayer::builder(Keys::random().unwrap())
        .clock(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst)))
        .verifier("postmark", BasicAuth::postmark("u", "p"))
        .verifier("waf", Bearer::new("token"))
        .verifier("github", Hmac::github("It's a Secret to Everybody"))
}

impl Service {
    async fn start(auth: SessionAuthLayer) -> Self {
        let ran = Arc::new(AtomicUsize::new(0));
        let answers = Arc::new(AtomicUsize::new(200));
        let handler = || {
            let (ran, answers) = (Arc::clone(&ran), Arc::clone(&answers));
            move || {
                ran.fetch_add(1, Ordering::SeqCst);
                let status = answers.load(Ordering::SeqCst);
                async move {
                    match status {
                        0 => panic!("a handler that panics"),
                        1 => std::future::pending().await,
                        status => {
                            // So that two at a time are two at a time.
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap()
                        }
                    }
                }
            }
        };
        let routes = Router::new()
            .mount(webhook(POST, "/delivery", "postmark").to(handler()))
            .mount(webhook(POST, "/bounce", "postmark").to(handler()))
            .mount(webhook(POST, "/waf", "waf").to(handler()))
            .mount(webhook(GET, "/state", "waf").to(handler()))
            .mount(webhook(POST, "/github", "github").to(handler()));
        let address = common::serve(common::protect(&auth, routes).unwrap()).await;
        Self {
            address,
            auth,
            ran,
            answers,
        }
    }

    async fn deliver(&self, path: &str, id: &str) -> (u16, String) {
        let headers = format!("Authorization: Basic {}\r\n", STANDARD.encode("u:p"));
        let body = format!(r#"{{"MessageID":"{id}"}}"#);
        let answer = common::post(self.address, path, &headers, &body).await;
        (answer.status, answer.body)
    }

    fn ran(&self) -> usize {
        self.ran.swap(0, Ordering::SeqCst)
    }
}

fn window(store: &SharedStore, clock: &Arc<AtomicU64>) -> Result<SessionAuthLayer, BuildError> {
    builder(clock)
        .replay_window(store.clone(), Duration::from_secs(3600))
        .build()
}

#[tokio::test]
async fn ten_identical_deliveries_run_the_handler_once_on_two_nodes() {
    let (store, clock) = (
        SharedStore::default(),
        Arc::new(AtomicU64::new(1_700_000_000)),
    );
    let nodes = [
        Service::start(window(&store, &clock).unwrap()).await,
        Service::start(window(&store, &clock).unwrap()).await,
    ];
    let mut at_once = Vec::new();
    for number in 0..10 {
        at_once.push(nodes[number % 2].deliver("/delivery", "a"));
    }
    let answers = futures_util::future::join_all(at_once).await;
    let handled = answers
        .iter()
        .filter(|(status, body)| *status == 200 && body.is_empty());
    assert_eq!(handled.count(), 1, "{answers:?}");
    // The others come while it runs, and are to come later; or after it, and are known.
    for (status, body) in &answers {
        match status {
            200 => assert!(
                body.is_empty() || body == r#"{"status":"duplicate"}"#,
                "{body}"
            ),
            503 => assert!(body.contains(r#""reason":"replay_unavailable""#), "{body}"),
            other => panic!("{other}"),
        }
    }
    assert_eq!(nodes[0].ran() + nodes[1].ran(), 1);
    for node in &nodes {
        let again = node.deliver("/delivery", "a").await;
        assert_eq!(again, (200, r#"{"status":"duplicate"}"#.to_owned()));
        assert_eq!(node.ran(), 0);
    }
    // Another message, another route: Postmark names a message alike in all its events.
    assert_eq!(
        nodes[0].deliver("/delivery", "b").await,
        (200, String::new())
    );
    assert_eq!(nodes[1].deliver("/bounce", "a").await, (200, String::new()));
    clock.fetch_add(3601, Ordering::SeqCst);
    assert_eq!(
        nodes[1].deliver("/delivery", "a").await,
        (200, String::new()),
        "forgotten"
    );
}

/// Of one mail: it was delivered, complained about, and delivered to somebody else.
#[tokio::test]
async fn events_of_one_mail_are_several_deliveries() {
    let (store, clock) = (
        SharedStore::default(),
        Arc::new(AtomicU64::new(1_700_000_000)),
    );
    let service = Service::start(window(&store, &clock).unwrap()).await;
    let headers = format!("Authorization: Basic {}\r\n", STANDARD.encode("u:p"));
    for (event, times) in [
        (
            r#"{"RecordType":"Delivery","MessageID":"a","Recipient":"ada@example.com"}"#,
            1,
        ),
        (
            r#"{"RecordType":"Delivery","MessageID":"a","Recipient":"ada@example.com"}"#,
            0,
        ),
        (
            r#"{"RecordType":"SpamComplaint","MessageID":"a","Email":"ada@example.com"}"#,
            1,
        ),
        (
            r#"{"RecordType":"Delivery","MessageID":"a","Recipient":"bob@example.com"}"#,
            1,
        ),
        (r#"{"MessageID":"a","Subject":"hello"}"#, 1),
        // The same mail, from another attempt.
        (r#"{"MessageID":"a","Subject":"hello","Date":"later"}"#, 0),
    ] {
        let answer = common::post(service.address, "/delivery", &headers, event).await;
        assert_eq!(answer.status, 200, "{event}");
        assert_eq!(service.ran(), times, "{event}");
    }
}

#[tokio::test]
async fn what_failed_is_handled_when_it_is_sent_again() {
    let (store, clock) = (
        SharedStore::default(),
        Arc::new(AtomicU64::new(1_700_000_000)),
    );
    let service = Service::start(window(&store, &clock).unwrap()).await;
    for failure in [500, 503, 400, 404] {
        service.answers.store(failure, Ordering::SeqCst);
        let id = failure.to_string();
        assert_eq!(
            usize::from(service.deliver("/delivery", &id).await.0),
            failure
        );
        service.answers.store(200, Ordering::SeqCst);
        assert_eq!(
            service.deliver("/delivery", &id).await,
            (200, String::new()),
            "{failure}"
        );
        assert_eq!(service.ran(), 2);
    }
    // A panic closes the connection, and so does the sender that hangs up.
    for failure in [0, 1] {
        service.answers.store(failure, Ordering::SeqCst);
        let headers = format!("Authorization: Basic {}\r\n", STANDARD.encode("u:p"));
        let body = format!(r#"{{"MessageID":"failure-{failure}"}}"#);
        let address = service.address;
        let sent = tokio::spawn(async move {
            common::post(address, "/delivery", &headers, &body)
                .await
                .status
        });
        while service.ran.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        sent.abort();
        service.answers.store(200, Ordering::SeqCst);
        let id = format!("failure-{failure}");
        let mut again = service.deliver("/delivery", &id).await;
        for _ in 0..100 {
            if again.0 != 503 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            again = service.deliver("/delivery", &id).await;
        }
        assert_eq!(again, (200, String::new()), "{failure}");
        assert_eq!(service.ran(), 2);
    }
}

#[tokio::test]
async fn whoever_asks_and_whoever_triggers_is_answered_each_time() {
    let clock = Arc::new(AtomicU64::new(1_700_000_000));
    let service = Service::start(window(&SharedStore::default(), &clock).unwrap()).await;
    let bearer = "Authorization: Bearer token\r\n";
    for _ in 0..2 {
        let asked = common::request(service.address, "GET", "/state", bearer).await;
        assert_eq!((asked.status, asked.body.as_str()), (200, ""));
        let triggered = common::post(service.address, "/waf", bearer, "").await;
        assert_eq!((triggered.status, triggered.body.as_str()), (200, ""));
    }
    assert_eq!(service.ran(), 4);
    for _ in 0..2 {
        common::post(service.address, "/waf", bearer, "{}").await;
    }
    assert_eq!(service.ran(), 1, "known by its body");
}

#[tokio::test]
async fn a_window_that_is_down_puts_the_sender_off() {
    let (store, clock) = (
        SharedStore::default(),
        Arc::new(AtomicU64::new(1_700_000_000)),
    );
    let service = Service::start(window(&store, &clock).unwrap()).await;
    store.down.store(1, Ordering::SeqCst);
    let (status, body) = service.deliver("/delivery", "a").await;
    assert_eq!(status, 503, "{body}");
    assert_eq!(service.ran(), 0);
    let activity = common::activity(&service.auth, "POST /delivery");
    assert_eq!(activity.denied_for(Denial::ReplayUnavailable), 1);
    store.down.store(0, Ordering::SeqCst);
    assert_eq!(
        service.deliver("/delivery", "a").await,
        (200, String::new())
    );
}

/// A statement that was sent is carried out, also where nobody waits for it any more.
#[tokio::test]
async fn a_claim_that_comes_too_late_is_given_back() {
    let (store, clock) = (
        SharedStore::default(),
        Arc::new(AtomicU64::new(1_700_000_000)),
    );
    let service = Service::start(window(&store, &clock).unwrap()).await;
    // A window is waited for for a second.
    store.takes.store(1_300, Ordering::SeqCst);
    assert_eq!(service.deliver("/delivery", "a").await.0, 503);
    store.takes.store(0, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(service.deliver("/delivery", "a").await.0, 200);
    assert_eq!(service.ran(), 1);

    // Its sender hung up before that.
    store.takes.store(200, Ordering::SeqCst);
    let gone = tokio::time::timeout(Duration::from_millis(50), service.deliver("/delivery", "b"));
    assert!(gone.await.is_err());
    store.takes.store(0, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(service.deliver("/delivery", "b").await.0, 200);
    assert_eq!(service.ran(), 1);
}

#[tokio::test]
async fn what_was_handled_stays_so_when_the_clock_was_ahead() {
    let (store, clock) = (
        SharedStore::default(),
        Arc::new(AtomicU64::new(1_700_000_000)),
    );
    let service = Service::start(window(&store, &clock).unwrap()).await;
    service.deliver("/delivery", "a").await;
    for ahead in [86_400, 365 * 86_400] {
        clock.fetch_add(ahead, Ordering::SeqCst);
        service.deliver("/delivery", &ahead.to_string()).await;
        clock.fetch_sub(ahead, Ordering::SeqCst);
        let again = service.deliver("/delivery", "a").await;
        assert_eq!(again, (200, r#"{"status":"duplicate"}"#.to_owned()));
    }
    assert_eq!(service.ran(), 3);
}

#[tokio::test]
async fn what_the_window_could_not_keep_is_said() {
    let log = common::log();
    let (store, clock) = (
        SharedStore::default(),
        Arc::new(AtomicU64::new(1_700_000_000)),
    );
    let service = Service::start(window(&store, &clock).unwrap()).await;
    let window = || log.lines("ERROR", "replay window").len();
    for status in [200, 500] {
        service.answers.store(status, Ordering::SeqCst);
        service.deliver("/delivery", "a").await;
    }
    assert_eq!(window(), 0, "{}", log.text());
    store.is_full.store(true, Ordering::SeqCst);
    for (status, id, says) in [
        (200, "b", "it may be handled again"),
        (500, "c", "could not give it back"),
    ] {
        service.answers.store(status, Ordering::SeqCst);
        let answer = service.deliver("/delivery", id).await;
        assert_eq!(usize::from(answer.0), status);
        assert_eq!(log.lines("ERROR", says).len(), 1, "{}", log.text());
    }
    assert_eq!(window(), 2, "{}", log.text());
}

#[tokio::test]
async fn security_nothing_is_remembered_of_what_is_not_proved() {
    let (store, clock) = (
        SharedStore::default(),
        Arc::new(AtomicU64::new(1_700_000_000)),
    );
    let service = Service::start(window(&store, &clock).unwrap()).await;
    let forged = format!("Authorization: Basic {}\r\n", STANDARD.encode("u:q"));
    let body = r#"{"MessageID":"a"}"#;
    assert_eq!(
        common::post(service.address, "/delivery", &forged, body)
            .await
            .status,
        401
    );
    assert_eq!(
        service.deliver("/delivery", "a").await,
        (200, String::new())
    );
    let forged = common::post(service.address, "/delivery", &forged, body).await;
    assert_eq!(forged.status, 401, "and nobody is told that it is known");
}

#[tokio::test]
async fn without_a_window_a_process_knows_the_ids_of_what_proves_the_sender_alone() {
    let clock = Arc::new(AtomicU64::new(1_700_000_000));
    let service = Service::start(builder(&clock).build().unwrap()).await;
    assert_eq!(
        service.deliver("/delivery", "a").await,
        (200, String::new())
    );
    assert_eq!(
        service.deliver("/delivery", "a").await.1,
        r#"{"status":"duplicate"}"#
    );
    // These have no id, or are signed: nobody asked for a window.
    let bearer = "Authorization: Bearer token\r\n";
    let signed = "X-GitHub-Delivery: 1\r\nX-Hub-Signature-256: \
        sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n";
    service.ran();
    for _ in 0..2 {
        assert_eq!(
            common::post(service.address, "/waf", bearer, "{}")
                .await
                .status,
            200
        );
        let github = common::post(service.address, "/github", signed, "Hello, World!").await;
        assert_eq!(github.status, 200);
    }
    assert_eq!(service.ran(), 4);
    let exempt = builder(&clock)
        .replay_exempt("postmark", "each is counted")
        .build()
        .unwrap();
    let service = Service::start(exempt).await;
    for _ in 0..2 {
        assert_eq!(
            service.deliver("/delivery", "a").await,
            (200, String::new())
        );
    }
}

#[test]
fn an_exemption_has_a_reason_and_a_verifier_and_a_window_a_length() {
    let clock = Arc::new(AtomicU64::new(1_700_000_000));
    let says = |builder: SessionAuthLayerBuilder, text: &str| {
        let error = builder.build().err().unwrap().to_string();
        assert!(error.contains(text), "{error}");
    };
    says(
        builder(&clock).replay_exempt("postmark", " "),
        "the reason for \"postmark\" is blank",
    );
    says(
        builder(&clock).replay_exempt("postmrk", "x"),
        "there is no verifier \"postmrk\"",
    );
    let short = Duration::from_millis(900);
    says(
        builder(&clock).replay_window(MemoryReplays::new(), short),
        "less than a second",
    );
}

#[derive(serde::Deserialize)]
struct Event {
    #[serde(rename = "MessageID")]
    message: String,
}

#[tokio::test]
async fn a_handler_takes_the_payload_with_its_delivery() {
    let clock = Arc::new(AtomicU64::new(1_700_000_000));
    let auth = builder(&clock).build().unwrap();
    let show = |event: Webhook<Event>| async move {
        let delivery = event.delivery;
        let (id, scheme) = (delivery.id.unwrap(), delivery.scheme.unwrap());
        format!(
            "{} {id} {scheme} {:?}",
            event.payload.message, delivery.secret
        )
    };
    let routes = Router::new().mount(webhook(POST, "/delivery", "postmark").to(show));
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let headers = format!("Authorization: Basic {}\r\n", STANDARD.encode("u:p"));
    let answer = common::post(address, "/delivery", &headers, r#"{"MessageID":"a"}"#).await;
    assert_eq!(answer.shown(), "a a postmark Some(0)");
    for wrong in ["", "{}", "[]", "no JSON"] {
        let answer = common::post(address, "/delivery", &headers, wrong).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert_eq!(answer.body, r#"{"error":"Bad request","reason":"payload"}"#);
    }
}
