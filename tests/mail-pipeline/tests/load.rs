//! How long a mail takes, how many there may be, and how much memory they need: figures, printed.
//!
//! `cargo test --release -p mail-pipeline-tests --test load -- --ignored --nocapture --test-threads=1`
//!
//! `LOAD_ENGINES=sqlite,postgres` and `LOAD_RATES=100,1000` take a part of it.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod program;
mod service;

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mail_pipeline::helpdesk::HelpDesk;
use program::Node;
use reqwest::Client;
use serde_json::json;
use service::{Ground, INBOUND, Kind, desk, mail};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, sleep_until};

const DEVELOPMENT: &str = "development";

/// The service as a process, and its help desk in this one.
struct Run {
    node: Node,
    helpdesk: HelpDesk,
    client: Client,
    ground: Ground,
    _desk: JoinHandle<()>,
}

impl Run {
    async fn start(kind: Kind) -> Option<Self> {
        let ground = Ground::new(kind)?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let helpdesk = HelpDesk::new(DEVELOPMENT);
        let (url, desk) = desk(&helpdesk).await;
        let (database, data) = (
            ground.database(),
            ground.folder.path().display().to_string(),
        );
        let nats = ground.nats.as_ref().map(test_servers::Nats::url);
        let variables = [
            ("SESSION_AUTH_DEV", "true"),
            ("DATABASE_URL", database.as_str()),
            ("DATA", data.as_str()),
            ("HELPDESK_URL", url.as_str()),
            ("HELPDESK_API_KEY", DEVELOPMENT),
            ("QUEUE", nats.as_deref().unwrap_or("sql")),
            ("RUST_LOG", "error,mail_pipeline=info"),
        ];
        let node = tokio::task::block_in_place(|| Node::start(&variables));
        // As a provider, that waits for two minutes while others have their turn.
        let client = Client::builder()
            .no_proxy()
            .tcp_user_timeout(None)
            .build()
            .unwrap();
        Some(Self {
            node,
            helpdesk,
            client,
            ground,
            _desk: desk,
        })
    }

    /// In MiB.
    fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.node.pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            / 1024
    }

    async fn done(&self) -> HashMap<String, i64> {
        let sql = "SELECT id, done_at FROM mails WHERE state = 'done'";
        let rows: Vec<(String, i64)> = if self.ground.postgres.is_some() {
            let pool = sqlx::PgPool::connect(&self.ground.database())
                .await
                .unwrap();
            sqlx::query_as(sql).fetch_all(&pool).await.unwrap()
        } else {
            let pool = sqlx::SqlitePool::connect(&self.ground.database())
                .await
                .unwrap();
            sqlx::query_as(sql).fetch_all(&pool).await.unwrap()
        };
        rows.into_iter().collect()
    }

    async fn until_tickets(&self, count: usize, bound: Duration) {
        let start = Instant::now();
        while self.helpdesk.count() < count && start.elapsed() < bound {
            sleep(Duration::from_millis(20)).await;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

fn now() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(passed.as_millis()).unwrap()
}

fn share(sorted: &[i64], percent: usize) -> i64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// Sends so many a second for so long, and waits until each has its ticket.
async fn at_rate(kind: Kind, rate: u64, seconds: u64) {
    let Some(run) = Run::start(kind).await else {
        return;
    };
    let turns = Arc::new(Semaphore::new(64));
    let mut sending = JoinSet::new();
    let offered = rate * seconds;
    // Made before the clock runs: the sender has the same two cores.
    let bodies: Vec<Vec<u8>> = (0..offered)
        .map(|number| {
            let mut body = mail(&format!("m{number}"));
            body["FromFull"]["Email"] = json!(format!("ada{number}@example.com"));
            body.to_string().into_bytes()
        })
        .collect();
    let start = tokio::time::Instant::now();
    for (number, body) in (0..offered).zip(bodies) {
        sleep_until(start + Duration::from_nanos(number * 1_000_000_000 / rate)).await;
        // Behind its time: the service takes no more.
        if start.elapsed() > Duration::from_secs(seconds) {
            break;
        }
        let turn = Arc::clone(&turns).acquire_owned().await.unwrap();
        let request = run.client.post(format!("{}{INBOUND}", run.node.base));
        let request = request
            .basic_auth("postmark", Some(DEVELOPMENT))
            .header("content-type", "application/json")
            .body(body);
        sending.spawn(async move {
            let at = now();
            let answer = request.send().await;
            drop(turn);
            let taken = answer.is_ok_and(|answer| answer.status() == 200);
            (format!("postmark:m{number}"), at, now() - at, taken)
        });
    }
    let all = sending.join_all().await;
    let inbound = start.elapsed();
    let taken: Vec<_> = all.iter().filter(|it| it.3).collect();
    run.until_tickets(taken.len(), Duration::from_secs(120))
        .await;
    let whole = start.elapsed();
    let done = run.done().await;
    let mut answers: Vec<i64> = taken.iter().map(|it| it.2).collect();
    let mut tickets: Vec<i64> = taken
        .iter()
        .filter_map(|(id, at, ..)| Some(done.get(id)? - at))
        .collect();
    answers.sort_unstable();
    tickets.sort_unstable();
    assert_eq!(
        tickets.len(),
        taken.len(),
        "each that was taken has its ticket"
    );
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let per_second = |count: usize, time: Duration| count as f64 / time.as_secs_f64();
    println!(
        "{kind:?}, {rate}/s offered: {:.0}/s accepted (answer p50 {} ms, p99 {} ms), {:.0}/s tickets, POST to \
         ticket p50 {} ms, p99 {} ms; {} refused; {} MiB",
        per_second(taken.len(), inbound),
        share(&answers, 50),
        share(&answers, 99),
        per_second(tickets.len(), whole),
        share(&tickets, 50),
        share(&tickets, 99),
        all.len() - taken.len(),
        run.peak(),
    );
    assert_eq!(run.helpdesk.count(), taken.len());
    if kind == Kind::Sqlite && rate == 1 {
        assert!(share(&tickets, 50) <= 50, "{tickets:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn throughput() {
    let is_asked = |variable: &str, what: &str| {
        let asked = std::env::var(variable).unwrap_or_default();
        asked.is_empty() || asked.split(',').any(|it| it.eq_ignore_ascii_case(what))
    };
    for kind in [Kind::Sqlite, Kind::Postgres, Kind::Nats] {
        for (rate, seconds) in [(1, 20), (100, 10), (1000, 5)] {
            if is_asked("LOAD_ENGINES", &format!("{kind:?}"))
                && is_asked("LOAD_RATES", &rate.to_string())
            {
                at_rate(kind, rate, seconds).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "sends a gigabyte"]
async fn twenty_mails_with_35_mb_of_attachments_at_once() {
    let run = Run::start(Kind::Sqlite).await.unwrap();
    let before = run.peak();
    let content = "QUJD".repeat(35_000_000 / 3);
    let mut body = mail("large-NN");
    body["Attachments"] =
        json!([{ "Name": "a.bin", "Content": content, "ContentType": "application/octet-stream" }]);
    let body = body.to_string();
    let mut sending = JoinSet::new();
    let start = Instant::now();
    for number in 10..30 {
        let request = run.client.post(format!("{}{INBOUND}", run.node.base));
        let request = request.basic_auth("postmark", Some(DEVELOPMENT));
        let request = request.body(body.replacen("large-NN", &format!("large-{number}"), 4));
        sending.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let statuses = sending.join_all().await;
    println!(
        "20 x 35 MB: all answered after {:?}: {statuses:?}",
        start.elapsed()
    );
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    run.until_tickets(20, Duration::from_secs(240)).await;
    println!(
        "20 x 35 MB: {} tickets after {:?}; {} MiB at the most, {before} MiB before",
        run.helpdesk.tickets().len(),
        start.elapsed(),
        run.peak()
    );
    assert_eq!(run.helpdesk.tickets().len(), 20);
    assert!(run.peak() <= 200);
}
