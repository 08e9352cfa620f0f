//! Who is told: senders, by an auto-reply that makes no loop, and whoever is to know of dead letters.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod service;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;
use mail_pipeline::helpdesk::Fault;
use serde_json::{Value, json};
use service::{Ground, Kind, Pipeline, mail};
use session_auth::webhook::{Hmac, Verifier as _, WebhookRequest};
use test_servers::Smtp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::sleep;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

type Post = Request<Bytes>;

/// Takes posts, and answers each with the next of these statuses; the last one again and again.
async fn hook(statuses: &'static [u16]) -> (String, Arc<Mutex<Vec<Post>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/dead", listener.local_addr().unwrap());
    let posts = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&posts);
    tokio::spawn(async move {
        let mut number = 0;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let post = loop {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).await.unwrap();
                request.extend_from_slice(&part[..read]);
                let text = String::from_utf8_lossy(&request);
                let Some((head, body)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                if serde_json::from_str::<Value>(body).is_ok() {
                    let mut post = Request::post("/dead");
                    for line in head.lines().skip(1) {
                        let (name, value) = line.split_once(": ").unwrap();
                        post = post.header(name, value);
                    }
                    break post.body(Bytes::from(body.to_owned())).unwrap();
                }
            };
            kept.lock().unwrap().push(post);
            let status = statuses[number.min(statuses.len() - 1)];
            number += 1;
            let answer =
                format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, posts)
}

#[tokio::test]
async fn a_dead_letter_is_told_to_each_handler_until_it_takes_it() {
    let Some(smtp) = Smtp::start() else {
        return;
    };
    let (url, posts) = hook(&[500, 302, 200]).await;
    let told = |config: &mut mail_pipeline::Config| {
        config.dead_letter_url = Some(url.parse().unwrap());
        config.dead_letter_secret = Some(SECRET.into());
        config.dead_letter_mail = Some("operator@example.org".to_owned());
        config.smtp_url = Some(smtp.url().into());
        config.reply_from = Some("Support <support@example.org>".to_owned());
    };
    let pipeline = Pipeline::on(Kind::Sqlite, told).await.unwrap();
    pipeline.helpdesk.fail([Fault::rejected()]);
    let id = pipeline.send(&mail("told")).await;
    pipeline.died(&id).await;
    let all = pipeline
        .until(async || {
            (posts.lock().unwrap().len() == 3 && !smtp.mails().is_empty()).then_some(())
        })
        .await;
    all.unwrap();
    let posted = posts.lock().unwrap().clone();
    let receiver = |secret| Hmac::standard_webhooks(secret);
    for post in &posted {
        let request = WebhookRequest::new(post, SystemTime::now());
        assert!(receiver(SECRET).verify(&request).is_ok(), "{post:?}");
        let other = receiver("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        assert!(other.verify(&request).is_err());
        // What else stands there, or another body, is not what was signed.
        for changed in [
            Request::from_parts(post.clone().into_parts().0, Bytes::from("{}")),
            with_header(post, "webhook-id", "msg_0"),
        ] {
            let request = WebhookRequest::new(&changed, SystemTime::now());
            assert!(receiver(SECRET).verify(&request).is_err(), "{changed:?}");
        }
        // Tries of one letter are one message.
        assert_eq!(
            post.headers()["webhook-id"],
            posted[0].headers()["webhook-id"]
        );
    }
    let post: Value = serde_json::from_slice(posted[2].body()).unwrap();
    assert_eq!(
        (&post["id"], &post["reason"]),
        (&json!(id), &json!("rejected"))
    );
    assert!(
        post["last_answer"]
            .as_str()
            .unwrap()
            .contains("Invalid email")
    );
    assert_eq!(post["original"]["mail"]["subject"], "Subject of told");
    let mails = smtp.mails();
    assert!(
        mails[0].contains("Dead letter: rejected") && mails[0].contains("operator@example.org")
    );
    // That it had failed twice made no dead letter of its own, and it is not told again.
    sleep(Duration::from_millis(500)).await;
    assert_eq!(pipeline.queue.depth().await.unwrap().dead, 1);
    assert_eq!((posts.lock().unwrap().len(), smtp.mails().len()), (3, 1));
}

fn with_header(post: &Post, name: &'static str, value: &str) -> Post {
    let mut post = post.clone();
    post.headers_mut().insert(name, value.parse().unwrap());
    post
}

/// A receiver that cannot know who posts would take anybody's.
#[tokio::test]
async fn nothing_is_told_unsigned() {
    let ground = Ground::new(Kind::Sqlite).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    for (secret, expected) in [
        (None, "there is no dead_letter_secret to sign with"),
        (Some("whsec_QUJD"), "the base64 of 24 to 64 bytes"),
        (
            Some("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            "dead_letter_secret is not whsec_",
        ),
    ] {
        let mut config = ground.config();
        config.helpdesk = Some("http://127.0.0.1:1".parse().unwrap());
        config.dead_letter_url = Some("http://127.0.0.1:1".parse().unwrap());
        config.dead_letter_secret = secret.map(Into::into);
        let error = mail_pipeline::start(config)
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(expected), "{error}");
        assert!(
            secret.is_none_or(|secret| !error.contains(secret)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_handler_that_always_fails_makes_no_dead_letter() {
    let (url, posts) = hook(&[500]).await;
    let told = |config: &mut mail_pipeline::Config| {
        config.dead_letter_url = Some(url.parse().unwrap());
        config.dead_letter_secret = Some(SECRET.into());
        config.timing.backoff = Duration::from_millis(1);
    };
    let pipeline = Pipeline::on(Kind::Sqlite, told).await.unwrap();
    pipeline.helpdesk.fail([Fault::rejected()]);
    let id = pipeline.send(&mail("told")).await;
    pipeline.died(&id).await;
    pipeline
        .until(async || (posts.lock().unwrap().len() >= 10).then_some(()))
        .await
        .unwrap();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(posts.lock().unwrap().len(), 10, "given up after its tries");
    assert_eq!(pipeline.queue.depth().await.unwrap().dead, 1);
}

#[tokio::test]
async fn an_auto_reply_goes_to_people_alone_and_makes_no_loop() {
    let Some(smtp) = Smtp::start() else {
        return;
    };
    let replies = |config: &mut mail_pipeline::Config| {
        config.smtp_url = Some(smtp.url().into());
        config.reply_from = Some("Support <support@example.org>".to_owned());
    };
    let pipeline = Pipeline::on(Kind::Sqlite, replies).await.unwrap();
    let first = pipeline.send(&mail("person")).await;
    pipeline.done(&first).await;
    pipeline
        .until(async || (smtp.mails().len() == 1).then_some(()))
        .await
        .unwrap();
    let reply = &smtp.mails()[0];
    for part in [
        "Auto-Submitted: auto-replied",
        "X-Auto-Response-Suppress: All",
        "In-Reply-To: <person@mail.example.com>",
        "Subject: Re: Subject of person",
        "To: ada@example.com",
    ] {
        assert!(reply.contains(part), "{part}: {reply}");
    }
    // Programs, lists, bounces, ourselves; and the same sender once more.
    let with = |id: &str, from: &str, header: Option<(&str, &str)>| {
        let mut mail = mail(id);
        mail["From"] = json!(from);
        mail["FromFull"]["Email"] = json!(from);
        if let Some((name, value)) = header {
            mail["Headers"]
                .as_array_mut()
                .unwrap()
                .push(json!({ "Name": name, "Value": value }));
        }
        mail
    };
    for mail in [
        with(
            "auto",
            "a@example.com",
            Some(("Auto-Submitted", "auto-replied")),
        ),
        with(
            "list",
            "b@example.com",
            Some(("List-Id", "<list.example.com>")),
        ),
        with("bounce", "c@example.com", Some(("Return-Path", "<>"))),
        with("daemon", "MAILER-DAEMON@example.com", None),
        with("own", "support@example.org", None),
        with("again", "ada@example.com", None),
        with("injection", "d@example.com\r\nBcc: all@example.org", None),
    ] {
        let id = pipeline.send(&mail).await;
        pipeline.done(&id).await;
    }
    sleep(Duration::from_millis(300)).await;
    assert_eq!(smtp.mails().len(), 1, "{:#?}", smtp.mails());
}

#[tokio::test]
async fn a_mail_server_that_is_down_holds_up_no_ticket() {
    let replies = |config: &mut mail_pipeline::Config| {
        config.smtp_url = Some("smtp://127.0.0.1:1".into());
        config.reply_from = Some("support@example.org".to_owned());
    };
    let pipeline = Pipeline::on(Kind::Sqlite, replies).await.unwrap();
    for id in ["one", "two"] {
        let id = pipeline.send(&mail(id)).await;
        pipeline.done(&id).await;
    }
    pipeline.assert_empty().await;
}
