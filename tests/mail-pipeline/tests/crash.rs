//! The process is killed, by SIGKILL, at each point between a mail and its ticket: nothing is lost, and
//! there is no second ticket.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod program;
mod service;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mail_pipeline::helpdesk::HelpDesk;
use program::Node;
use reqwest::Client;
use serde_json::Value;
use service::{Ground, INBOUND, Kind, desk, mail};
use tokio::time::sleep;

const DEVELOPMENT: &str = "development";

async fn killed_at(point: &str, kind: Kind) {
    let Some(ground) = Ground::new(kind) else {
        return;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let helpdesk = HelpDesk::new(DEVELOPMENT);
    let (url, _desk) = desk(&helpdesk).await;
    let (database, data) = (
        ground.database(),
        ground.folder.path().display().to_string(),
    );
    let mut variables = vec![
        ("SESSION_AUTH_DEV", "true"),
        ("DATABASE_URL", database.as_str()),
        ("DATA", data.as_str()),
        ("HELPDESK_URL", url.as_str()),
        ("HELPDESK_API_KEY", DEVELOPMENT),
        ("VISIBILITY_SECONDS", "2"),
    ];
    let healthy = variables.clone();
    variables.push(("HOLD_AT", point));
    let node = Node::start(&variables);
    let client = Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{}{INBOUND}", node.base));
    let request = request
        .basic_auth("postmark", Some(DEVELOPMENT))
        .json(&mail("killed"));
    let sending = tokio::spawn(request.send());
    tokio::task::block_in_place(|| node.says(&format!("held at {point}")));
    node.kill();
    let _ = sending.await.unwrap();
    let node = Node::start(&healthy);
    let start = Instant::now();
    let mail = loop {
        let asked = client.get(format!("{}/internal/mails/postmark:killed", node.base));
        let mail: Value = asked
            .bearer_auth(DEVELOPMENT)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        if mail["state"] == "done" || start.elapsed() > Duration::from_secs(15) {
            break mail;
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(mail["state"], "done", "{mail}");
    let status = loop {
        let asked = client
            .get(format!("{}/internal/status", node.base))
            .bearer_auth(DEVELOPMENT);
        let status: Value = asked.send().await.unwrap().json().await.unwrap();
        if status["queue"] == 0 || start.elapsed() > Duration::from_secs(15) {
            break status;
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (&status["queue"], &status["dead_letters"]),
        (&0.into(), &0.into()),
        "{status}"
    );
    // Long enough for a second one.
    sleep(Duration::from_millis(300)).await;
    assert_eq!(helpdesk.tickets().len(), 1);
}

macro_rules! killed {
    ($($name:ident $point:literal $kind:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            killed_at($point, Kind::$kind).await;
        })*
    };
}

killed! {
    before_the_provider_has_its_answer "published" Sqlite
    with_a_message_in_hand "claimed" Sqlite
    with_the_ticket_claimed "dedup-claimed" Sqlite
    before_the_help_desk_is_asked "before-post" Sqlite
    after_the_ticket_exists "after-post" Sqlite
    after_the_ticket_is_known "dedup-confirmed" Sqlite
    before_the_message_is_confirmed "before-confirm" Sqlite
    on_postgres_after_the_ticket_exists "after-post" Postgres
    on_nats_after_the_ticket_exists "after-post" Nats
}

/// Two nodes that take mails in and three that bring them to the help desk, on one PostgreSQL; one is
/// killed at random every second. `cargo test -p mail-pipeline-tests --test crash -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes as long as CHAOS_SECONDS says, 60 where unset"]
async fn nodes_are_killed_at_random() {
    let Some(ground) = Ground::new(Kind::Postgres) else {
        return;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let seconds = std::env::var("CHAOS_SECONDS").map_or(60, |text| text.parse().unwrap());
    let helpdesk = HelpDesk::new(DEVELOPMENT);
    let (url, _desk) = desk(&helpdesk).await;
    let (database, data) = (
        ground.database(),
        ground.folder.path().display().to_string(),
    );
    let variables = |role: &'static str| {
        vec![
            ("SESSION_AUTH_DEV", "true"),
            ("DATABASE_URL", database.as_str()),
            ("DATA", data.as_str()),
            ("HELPDESK_URL", url.as_str()),
            ("HELPDESK_API_KEY", DEVELOPMENT),
            ("VISIBILITY_SECONDS", "3"),
            ("RUST_LOG", "error,mail_pipeline=info"),
            ("ROLE", role),
        ]
    };
    let roles = ["inbound", "inbound", "bridge", "bridge", "bridge"];
    let mut nodes: Vec<_> = roles
        .iter()
        .map(|role| Some(Node::start(&variables(role))))
        .collect();
    let client = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    let start = Instant::now();
    let (mut accepted, mut kills, mut next_kill, mut seed) =
        (Vec::new(), 0, Duration::from_secs(1), 7_usize);
    let mut number = 0;
    while start.elapsed() < Duration::from_secs(seconds) {
        if start.elapsed() >= next_kill {
            next_kill += Duration::from_secs(1);
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let victim = (seed >> 33) % nodes.len();
            nodes[victim].take().unwrap().kill();
            nodes[victim] = Some(tokio::task::block_in_place(|| {
                Node::start(&variables(roles[victim]))
            }));
            kills += 1;
        }
        let id = format!("chaos-{number}");
        number += 1;
        // As a provider: until one of the nodes says that it is kept.
        let mut body = mail(&id);
        body["FromFull"]["Email"] = format!("ada{}@example.com", number % 20).into();
        for attempt in 0..50 {
            let node = nodes[attempt % 2].as_ref().unwrap();
            let request = client.post(format!("{}{INBOUND}", node.base));
            let request = request
                .basic_auth("postmark", Some(DEVELOPMENT))
                .json(&body);
            if request
                .send()
                .await
                .is_ok_and(|answer| answer.status() == 200)
            {
                accepted.push(id);
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        sleep(Duration::from_millis(15)).await;
    }
    let settled = Instant::now();
    let mut counts: HashMap<String, usize> = HashMap::new();
    while settled.elapsed() < Duration::from_secs(30) {
        counts.clear();
        for ticket in helpdesk.tickets() {
            let subject = ticket.subject.split(" [mail").next().unwrap().to_owned();
            *counts.entry(subject).or_default() += 1;
        }
        if accepted
            .iter()
            .all(|id| counts.contains_key(&format!("Subject of {id}")))
        {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let lost = accepted
        .iter()
        .filter(|id| !counts.contains_key(&format!("Subject of {id}")))
        .count();
    let twice = counts.values().filter(|count| **count > 1).count();
    eprintln!(
        "{} accepted of {number}, {kills} kills: {lost} lost, {twice} with a second ticket",
        accepted.len()
    );
    assert_eq!((lost, twice), (0, 0));
    assert!(accepted.len() > 100);
}
