//! Mail server and help desk over TLS, and by nobody who does not know their authority.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod program;
mod service;

use std::fs;
use std::time::{Duration, Instant};

use mail_pipeline::helpdesk::HelpDesk;
use program::Node;
use reqwest::Client;
use serde_json::Value;
use service::{Ground, INBOUND, Kind, SOON, desk, mail};
use test_servers::{Nginx, Smtp, SmtpTls};
use tokio::time::sleep;

const DEVELOPMENT: &str = "development";

/// A certificate for a host, its own authority, and its key.
struct Authority {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(host: &str) -> Self {
        let signed = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        Self {
            certificate: signed.cert.pem(),
            key: signed.signing_key.serialize_pem(),
        }
    }
}

/// A node that trusts this authority alone.
fn trusting(ground: &Ground, authority: &Authority, more: &[(&str, &str)]) -> Node {
    let file = ground.folder.path().join("authority.pem");
    fs::write(&file, &authority.certificate).unwrap();
    let (data, file) = (
        ground.folder.path().display().to_string(),
        file.display().to_string(),
    );
    let mut variables = vec![
        ("SESSION_AUTH_DEV", "true"),
        ("DATA", data.as_str()),
        ("HELPDESK_API_KEY", DEVELOPMENT),
        ("SSL_CERT_FILE", file.as_str()),
    ];
    variables.extend_from_slice(more);
    tokio::task::block_in_place(|| Node::start(&variables))
}

async fn send(node: &Node, client: &Client, id: &str) {
    let request = client.post(format!("{}{INBOUND}", node.base));
    let request = request
        .basic_auth("postmark", Some(DEVELOPMENT))
        .json(&mail(id));
    assert_eq!(request.send().await.unwrap().status(), 200);
}

async fn until(node: &Node, client: &Client, id: &str, field: &str, value: &str) -> Value {
    let start = Instant::now();
    loop {
        let url = format!("{}/internal/mails/postmark:{id}", node.base);
        let request = client.get(url).bearer_auth(DEVELOPMENT);
        let mail: Value = request.send().await.unwrap().json().await.unwrap();
        if mail[field] == value {
            return mail;
        }
        assert!(start.elapsed() < SOON, "no {field} {value}: {mail}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

async fn mail_server(tls: SmtpTls) {
    let ours = Authority::new("127.0.0.1");
    let Some(smtp) = Smtp::start_with_tls(tls, &ours.certificate, &ours.key) else {
        return;
    };
    let (client, url) = (client(), smtp.url());
    let more = [
        ("SMTP_URL", url.as_str()),
        ("REPLY_FROM", "Support <support@example.org>"),
    ];
    let ground = Ground::new(Kind::Sqlite).unwrap();
    let node = trusting(&ground, &ours, &more);
    send(&node, &client, "known").await;
    let start = Instant::now();
    while smtp.mails().is_empty() {
        assert!(start.elapsed() < SOON, "no auto-reply");
        sleep(Duration::from_millis(20)).await;
    }

    // Another authority's, and the ticket exists all the same.
    let ground = Ground::new(Kind::Sqlite).unwrap();
    let node = trusting(&ground, &Authority::new("127.0.0.1"), &more);
    send(&node, &client, "unknown").await;
    tokio::task::block_in_place(|| node.says("invalid peer certificate"));
    until(&node, &client, "unknown", "state", "done").await;

    // The right authority, for another host.
    let other = Authority::new("mail.example.com");
    let Some(wrong) = Smtp::start_with_tls(tls, &other.certificate, &other.key) else {
        return;
    };
    let (ground, url) = (Ground::new(Kind::Sqlite).unwrap(), wrong.url());
    let node = trusting(&ground, &other, &[("SMTP_URL", &url), more[1]]);
    send(&node, &client, "wrong").await;
    tokio::task::block_in_place(|| node.says("not valid for name"));
    assert_eq!((smtp.mails().len(), wrong.mails().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_by_starttls() {
    mail_server(SmtpTls::Starttls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_by_tls_from_the_first_byte() {
    mail_server(SmtpTls::Implicit).await;
}

/// Who is between the two could take `STARTTLS` away.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_without_tls_gets_nothing_where_it_is_required() {
    let Some(smtp) = Smtp::start() else {
        return;
    };
    let (client, url) = (client(), format!("{}?tls=required", smtp.url()));
    let ground = Ground::new(Kind::Sqlite).unwrap();
    let more = [
        ("SMTP_URL", url.as_str()),
        ("REPLY_FROM", "support@example.org"),
    ];
    let node = trusting(&ground, &Authority::new("127.0.0.1"), &more);
    send(&node, &client, "clear").await;
    tokio::task::block_in_place(|| node.says("an auto-reply was not sent"));
    assert!(smtp.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_help_desk_by_https() {
    let client = client();
    let helpdesk = HelpDesk::new(DEVELOPMENT);
    let (plain, _desk) = desk(&helpdesk).await;
    let location = format!("location / {{ proxy_pass {plain}; }}");
    let (ours, other) = (
        Authority::new("127.0.0.1"),
        Authority::new("tickets.example.com"),
    );
    for (shown, trusted, refusal) in [
        (&ours, &ours, None),
        (
            &ours,
            &Authority::new("127.0.0.1"),
            Some("invalid peer certificate"),
        ),
        (&other, &other, Some("not valid for name")),
    ] {
        let tls = Some((shown.certificate.as_str(), shown.key.as_str()));
        let Some(front) = Nginx::in_front(&location, tls) else {
            return;
        };
        let url = format!("https://{}", front.address());
        let ground = Ground::new(Kind::Sqlite).unwrap();
        let node = trusting(&ground, trusted, &[("HELPDESK_URL", &url)]);
        send(&node, &client, "secure").await;
        match refusal {
            None => drop(until(&node, &client, "secure", "state", "done").await),
            Some(refusal) => {
                let waits = until(&node, &client, "secure", "reason", "not_reached").await;
                let answer = waits["answer"].as_str().unwrap();
                assert!(answer.contains(refusal), "{answer}");
                assert_eq!(waits["state"], "queued");
            }
        }
    }
    assert_eq!(helpdesk.count(), 1);
}
