//! A message with a fresh id through all hops, by HTTP alone: what a provider and a monitor could do.

use std::fmt;
use std::time::{Duration, Instant};

use reqwest::{Client, Response, Url};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::clock;
use crate::config::Secret;
use crate::queue::BoxError;

/// Until when everything has happened.
const WITHIN: Duration = Duration::from_millis(1800);

/// What was found at each hop.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Smoke {
    /// Hop, component, whether it passed, and the evidence.
    pub rows: Vec<(u8, &'static str, bool, String)>,
}

impl Smoke {
    /// Whether every hop passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.rows.len() == 9 && self.rows.iter().all(|(_, _, passed, _)| *passed)
    }

    fn row(&mut self, hop: u8, component: &'static str, passed: bool, evidence: impl Into<String>) {
        self.rows.push((hop, component, passed, evidence.into()));
    }
}

impl fmt::Display for Smoke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<4} {:<12} {:<5} evidence", "hop", "component", "")?;
        for (hop, component, passed, evidence) in &self.rows {
            let passed = if *passed { "PASS" } else { "FAIL" };
            writeln!(f, "{hop:<4} {component:<12} {passed:<5} {evidence}")?;
        }
        Ok(())
    }
}

/// Sends a message through the service at `base` and looks for it at each hop.
///
/// # Errors
///
/// The service is not reached.
pub async fn smoke(
    base: &Url,
    inbound: &Secret,
    monitor: &Secret,
    recipient: &str,
) -> Result<Smoke, BoxError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().timeout(WITHIN).build()?;
    let base = base.as_str().trim_end_matches('/');
    let started = Instant::now();
    let id = format!("smoke-{}", clock::token()?);
    let ask = async |path: String| -> Result<(u16, Value), BoxError> {
        let token: &str = monitor.as_ref();
        let answer = client
            .get(format!("{base}{path}"))
            .bearer_auth(token)
            .send()
            .await?;
        read(answer).await
    };
    let post = async |password: &str, body: &Value| -> Result<(u16, Value), BoxError> {
        let request = client.post(format!("{base}/v1/email/inbound"));
        read(
            request
                .basic_auth("postmark", Some(password))
                .json(body)
                .send()
                .await?,
        )
        .await
    };
    let body = json!({
        "MessageID": id,
        "From": "smoke@example.org",
        "FromFull": { "Email": "smoke@example.org", "Name": "Smoke test" },
        "OriginalRecipient": recipient,
        "Subject": format!("Smoke test {id}"),
        "TextBody": "A message of the smoke test.",
        "Date": clock::text(clock::now()),
        "Headers": [
            { "Name": "Message-ID", "Value": format!("<{id}@example.org>") },
            { "Name": "Auto-Submitted", "Value": "auto-generated" },
        ],
    });
    let mut smoke = Smoke::default();
    let (_, before) = ask("/internal/status".to_owned()).await?;
    let (refused, _) = post("no password of anybody", &body).await?;
    let (status, answer) = post(inbound.as_ref(), &body).await?;
    let named = answer["message_id"].as_str().unwrap_or_default().to_owned();
    smoke.row(
        1,
        "gateway",
        status == 200,
        format!("POST /v1/email/inbound: {status}"),
    );
    smoke.row(
        2,
        "authorizer",
        refused == 401,
        format!("another password: {refused}, and never 403"),
    );
    let accepted = answer["status"] == "accepted" && !named.is_empty();
    smoke.row(3, "handler", accepted, answer.to_string());
    let mut mail = Value::Null;
    while !named.is_empty() && started.elapsed() < WITHIN {
        let (status, found) = ask(format!("/internal/mails/{named}")).await?;
        if status == 200 {
            mail = found;
        }
        if mail["state"] == "done" || mail["state"] == "dead" {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    // The ticket is in the journal a moment before the message is out of the queue.
    let (health, after) = loop {
        let (health, after) = ask("/internal/status".to_owned()).await?;
        let left = after["queue"].as_i64() > before["queue"].as_i64();
        if !left || mail["state"] != "done" || started.elapsed() > WITHIN {
            break (health, after);
        }
        sleep(Duration::from_millis(5)).await;
    };
    let at = |name: &str| mail[name].as_i64();
    let published = at("published_at");
    let topic = published.map_or("not in the journal".to_owned(), |at| {
        format!("published at {}", clock::text(at))
    });
    smoke.row(4, "topic", published.is_some(), topic);
    let depth = format!("depth {} → 1 → {}", before["queue"], after["queue"]);
    smoke.row(5, "queue", at("claimed_at").is_some(), depth);
    let mailbox = mail["mailboxes"].as_str().unwrap_or_default();
    let claimed = at("claimed_at")
        .zip(published)
        .map_or(0, |(claimed, published)| claimed - published);
    let stopped = after["stopped"]
        .as_str()
        .map(|why| format!("stopped: {why}; "))
        .unwrap_or_default();
    let reason = mail["reason"]
        .as_str()
        .map(|why| format!("; {why}"))
        .unwrap_or_default();
    let evidence = format!("{stopped}claimed after {claimed} ms, for mailbox {mailbox}{reason}");
    smoke.row(6, "bridge", health == 200 && !mailbox.is_empty(), evidence);
    let key = mail["dedup_keys"].as_str().unwrap_or_default();
    let until = at("dedup_until").map(clock::text).unwrap_or_default();
    let evidence = format!("{} until {until}", key.get(..12).unwrap_or("no entry"));
    smoke.row(7, "dedup", !key.is_empty() && !until.is_empty(), evidence);
    let ticket = mail["tickets"].as_str().unwrap_or_default();
    let evidence = format!(
        "conversation {ticket}, after {} ms",
        started.elapsed().as_millis()
    );
    smoke.row(
        8,
        "help desk",
        mail["state"] == "done" && !ticket.is_empty(),
        evidence,
    );
    let dead = (
        before["dead_letters"].as_i64(),
        after["dead_letters"].as_i64(),
    );
    let none = matches!(dead, (Some(before), Some(after)) if before == 0 && after == 0);
    let shown = |count: Option<i64>| count.map_or("?".to_owned(), |count| count.to_string());
    smoke.row(
        9,
        "dead letters",
        none,
        format!("{} before, {} after", shown(dead.0), shown(dead.1)),
    );
    Ok(smoke)
}

async fn read(answer: Response) -> Result<(u16, Value), BoxError> {
    let status = answer.status().as_u16();
    let body = answer.bytes().await?;
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}
