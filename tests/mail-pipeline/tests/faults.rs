//! The faults that a mail pipeline found in production, hop by hop: none of them loses a mail, and none
//! makes a second ticket.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod service;

use std::time::Duration;

use mail_pipeline::Rotating;
use mail_pipeline::helpdesk::Fault;
use mail_pipeline::queue::Which;
use serde_json::json;
use service::{INBOUND, KEY, Kind, PASSWORD, Pipeline, mail, mail_to};
use tokio::time::{sleep, timeout};

// Hop 1: the gateway.

#[tokio::test]
async fn a_mail_with_35_mb_of_attachments_arrives_whole() {
    let long = |config: &mut mail_pipeline::Config| {
        config.timing.answer = Duration::from_secs(60);
        config.timing.visibility = Duration::from_secs(120);
    };
    let pipeline = Pipeline::on(Kind::Sqlite, long).await.unwrap();
    let content = "QUJD".repeat(35_000_000 / 3);
    let mut mail = mail("large");
    mail["Attachments"] = json!([
        { "Name": "large.bin", "Content": content, "ContentType": "application/octet-stream" },
    ]);
    let id = pipeline.send(&mail).await;
    let done = async {
        while pipeline.mail(&id).await["state"] != "done" {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), done).await.unwrap();
    assert_eq!(
        pipeline.tickets()[0].attachments,
        [("large.bin".to_owned(), content.len())]
    );
}

#[tokio::test]
async fn the_same_post_twice_makes_one_ticket() {
    let pipeline = Pipeline::start().await;
    let id = pipeline.send(&mail("twice")).await;
    let again = pipeline.inbound(&mail("twice")).await;
    assert_eq!(again.status(), 200);
    assert_eq!(again.text().await.unwrap(), r#"{"status":"duplicate"}"#);
    pipeline.done(&id).await;
    // The provider makes a second delivery of it, with an id of its own.
    let mut copy = mail("twice");
    copy["MessageID"] = json!("another-transport-id");
    let copy = pipeline.send(&copy).await;
    let entry = pipeline.done(&copy).await;
    assert_eq!(entry["tickets"], "1");
    assert_eq!(pipeline.tickets().len(), 1);
    pipeline.assert_empty().await;
}

// Hop 2: the authorizer.

#[tokio::test]
async fn a_wrong_pair_is_401_and_never_403() {
    let pipeline = Pipeline::start().await;
    for (user, password) in [
        ("postmark", Some("wrong")),
        ("postmark", None),
        ("somebody", Some(PASSWORD)),
    ] {
        let request = pipeline.post(INBOUND).basic_auth(user, password);
        let answer = request.json(&mail("refused")).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{user} {password:?}");
        assert!(
            answer.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Basic")
        );
    }
    let bare = pipeline
        .post(INBOUND)
        .json(&mail("refused"))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
    // Nothing is remembered of it: the right pair gets it in.
    pipeline.send(&mail("refused")).await;
}

#[tokio::test]
async fn two_pairs_are_good_while_one_is_rotated() {
    let rotating = |config: &mut mail_pipeline::Config| {
        config.inbound = Rotating {
            current: "new".into(),
            old: Some(PASSWORD.into()),
        };
    };
    let pipeline = Pipeline::on(Kind::Sqlite, rotating).await.unwrap();
    for (id, password, status) in [("a", PASSWORD, 200), ("b", "new", 200), ("c", "older", 401)] {
        let request = pipeline
            .post(INBOUND)
            .basic_auth("postmark", Some(password));
        let answer = request.json(&mail(id)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{password}");
    }
    let request = pipeline
        .post("/v1/email/events")
        .basic_auth("postmark", Some(PASSWORD));
    let event = include_str!("../../incident/payloads/postmark-bounce.json");
    assert_eq!(request.body(event).send().await.unwrap().status(), 200);
}

// Hop 3: the handler.

#[tokio::test]
async fn a_mail_that_cannot_be_published_is_503_and_taken_when_it_comes_again() {
    let pipeline = Pipeline::start().await;
    let pool = sqlx::SqlitePool::connect(&pipeline.database).await.unwrap();
    let rename = |from: &str, to: &str| {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "ALTER TABLE {from} RENAME TO {to}"
        )))
    };
    rename("queue", "gone").execute(&pool).await.unwrap();
    let answer = pipeline.inbound(&mail("later")).await;
    assert_eq!(answer.status(), 503);
    rename("gone", "queue").execute(&pool).await.unwrap();
    // The provider's next try is no duplicate.
    let id = pipeline.send(&mail("later")).await;
    pipeline.done(&id).await;
    assert_eq!(pipeline.tickets().len(), 1);
}

// Hops 4 and 5: topic and queue.

#[tokio::test]
async fn a_message_larger_than_a_queue_takes_goes_by_claim_check() {
    for kind in [Kind::Sqlite, Kind::Nats] {
        let Some(pipeline) = Pipeline::on(kind, |_| {}).await else {
            continue;
        };
        let mut mail = mail("long");
        mail["TextBody"] = json!("word ".repeat(1_000_000));
        let id = pipeline.send(&mail).await;
        pipeline.done(&id).await;
        assert!(pipeline.tickets()[0].text.len() >= 5_000_000);
    }
}

#[tokio::test]
async fn a_poison_message_does_not_hold_up_its_sender() {
    let pipeline = Pipeline::start().await;
    pipeline.helpdesk.fail([Fault::rejected()]);
    let poison = pipeline.send(&mail("poison")).await;
    let letter = pipeline.died(&poison).await;
    assert_eq!(letter.reason, "rejected");
    assert!(letter.answer.contains("Invalid email"), "{}", letter.answer);
    let next = pipeline.send(&mail("next")).await;
    pipeline.done(&next).await;
}

#[tokio::test]
async fn mails_of_one_sender_stay_in_order_while_one_has_to_wait() {
    let pipeline = Pipeline::start().await;
    pipeline.helpdesk.fail([Fault::html(502), Fault::html(502)]);
    let mut last = String::new();
    for number in 0..5 {
        last = pipeline.send(&mail(&format!("in-order-{number}"))).await;
    }
    pipeline.done(&last).await;
    let subjects: Vec<_> = pipeline
        .tickets()
        .into_iter()
        .map(|it| it.subject)
        .collect();
    assert_eq!(subjects.len(), 5, "{subjects:?}");
    for (number, subject) in subjects.iter().enumerate() {
        assert!(
            subject.starts_with(&format!("Subject of in-order-{number} [mail ")),
            "{subject}"
        );
    }
}

#[tokio::test]
async fn mails_wait_for_a_bridge_that_is_missing() {
    let inbound = |config: &mut mail_pipeline::Config| config.role = mail_pipeline::Role::Inbound;
    let pipeline = Pipeline::on(Kind::Sqlite, inbound).await.unwrap();
    let id = pipeline.send(&mail("waiting")).await;
    let pool = sqlx::SqlitePool::connect(&pipeline.database).await.unwrap();
    // Nothing has a time to live: five days pass.
    let five_days = 5 * 24 * 3600 * 1000_i64;
    sqlx::query("UPDATE queue SET published_at = published_at - $1, visible_at = visible_at - $1")
        .bind(five_days)
        .execute(&pool)
        .await
        .unwrap();
    let (_, status) = pipeline.monitor("/internal/status").await;
    assert!(
        status["oldest_ms"].as_i64().unwrap() >= five_days,
        "{status}"
    );
    let pipeline = pipeline.restart(|_| {}).await;
    pipeline.done(&id).await;
}

// Hop 6: the bridge.

#[tokio::test]
async fn a_rotated_key_is_used_at_once() {
    let pipeline = Pipeline::start().await;
    let first = pipeline.send(&mail("first")).await;
    pipeline.done(&first).await;
    pipeline.helpdesk.set_api_key("the next key");
    let config = pipeline.ground.config();
    let vault = mail_pipeline::vault(&config).await.unwrap();
    vault
        .set("helpdesk_api_key", &"the next key".into())
        .await
        .unwrap();
    let second = pipeline.send(&mail("second")).await;
    pipeline.done(&second).await;
    assert!(
        pipeline
            .helpdesk
            .seen()
            .iter()
            .all(|seen| seen.status == 201)
    );
}

#[tokio::test]
async fn a_mail_goes_where_it_was_delivered_and_not_where_its_headers_say() {
    let pipeline = Pipeline::start().await;
    let cookie = pipeline.login().await;
    for (address, mailbox) in [("support@example.org", "2"), ("Sales@Example.org", "3")] {
        let form = [("address", address), ("mailbox", mailbox)];
        let answer = pipeline.press("/operators/routing", &cookie, &form).await;
        assert_eq!(answer.status(), 303);
    }
    let mut mail = mail_to("routed", "SALES@example.org");
    mail["To"] = json!("support@example.org");
    mail["ToFull"] = json!([{ "Email": "support@example.org", "Name": "", "MailboxHash": "" }]);
    let id = pipeline.send(&mail).await;
    assert_eq!(pipeline.done(&id).await["mailboxes"], "3");
    let id = pipeline
        .send(&mail_to("unknown", "nobody@example.org"))
        .await;
    assert_eq!(pipeline.done(&id).await["mailboxes"], "1");
}

// Hop 7: dedup.

#[tokio::test]
async fn a_dead_letter_that_is_redriven_gets_its_ticket() {
    // In the seed it was dropped for 90 days: the entry was written although the last hop had failed.
    let pipeline = Pipeline::start().await;
    pipeline.helpdesk.fail([Fault::rejected()]);
    let id = pipeline.send(&mail("again")).await;
    pipeline.died(&id).await;
    assert_eq!(
        pipeline
            .queue
            .redrive(&Which::Id(id.clone()))
            .await
            .unwrap(),
        1
    );
    assert_eq!(pipeline.done(&id).await["tickets"], "1");
    assert_eq!(pipeline.tickets().len(), 1);
    pipeline.assert_empty().await;
    // And the entry is there now, for 90 days.
    let entry = pipeline.mail(&id).await;
    let kept = entry["dedup_until"].as_i64().unwrap() - entry["done_at"].as_i64().unwrap();
    assert!((kept - 7_776_000_000).abs() < 10_000, "{entry}");
}

#[tokio::test]
async fn a_mail_that_failed_every_try_is_redriven_by_its_reason() {
    let pipeline = Pipeline::start().await;
    pipeline.helpdesk.fail((0..5).map(|_| Fault::edge_1010()));
    let id = pipeline.send(&mail("edge")).await;
    let letter = pipeline.died(&id).await;
    assert_eq!(
        (letter.reason.as_str(), letter.answer.as_str()),
        ("edge_blocked", "403 error code: 1010")
    );
    let other = Which::Reason("rejected".to_owned());
    assert_eq!(pipeline.queue.redrive(&other).await.unwrap(), 0);
    let reason = Which::Reason("edge_blocked".to_owned());
    assert_eq!(pipeline.queue.redrive(&reason).await.unwrap(), 1);
    pipeline.done(&id).await;
    assert_eq!(pipeline.tickets().len(), 1);
}

#[tokio::test]
async fn two_mailboxes_each_get_their_copy() {
    let pipeline = Pipeline::start().await;
    let cookie = pipeline.login().await;
    for (address, mailbox) in [("support@example.org", "2"), ("sales@example.org", "3")] {
        let form = [("address", address), ("mailbox", mailbox)];
        pipeline.press("/operators/routing", &cookie, &form).await;
    }
    // As the provider delivers it: twice, with one Message-ID.
    let mut copies = Vec::new();
    for (id, recipient) in [
        ("copy-1", "support@example.org"),
        ("copy-2", "sales@example.org"),
    ] {
        let mut mail = mail_to(id, recipient);
        mail["Subject"] = json!("To both");
        mail["Headers"] = json!([{ "Name": "Message-ID", "Value": "<one@mail.example.com>" }]);
        copies.push(pipeline.send(&mail).await);
    }
    for id in &copies {
        pipeline.done(id).await;
    }
    let mut mailboxes: Vec<_> = pipeline.tickets().iter().map(|it| it.mailbox_id).collect();
    mailboxes.sort_unstable();
    assert_eq!(mailboxes, [2, 3]);
}

// Hop 8: the help desk.

#[tokio::test]
async fn an_edge_that_blocks_is_waited_for_and_the_bridge_names_itself() {
    let pipeline = Pipeline::start().await;
    let config = pipeline.ground.config();
    let vault = mail_pipeline::vault(&config).await.unwrap();
    vault
        .set("access_client_id", &"id.access".into())
        .await
        .unwrap();
    vault
        .set("access_client_secret", &"access-secret".into())
        .await
        .unwrap();
    pipeline
        .helpdesk
        .fail([Fault::edge_1010(), Fault::html(403)]);
    let id = pipeline.send(&mail("blocked")).await;
    let entry = pipeline.done(&id).await;
    assert_eq!(entry["failures"], 2, "{entry}");
    let seen = pipeline.helpdesk.seen();
    assert_eq!(
        seen.iter().map(|it| it.status).collect::<Vec<_>>(),
        [403, 403, 201]
    );
    for seen in seen {
        assert!(seen.user_agent.starts_with("mail-pipeline/"), "{seen:?}");
        assert_eq!(seen.access.as_deref(), Some("id.access"));
    }
    pipeline.assert_empty().await;
}

#[tokio::test]
async fn an_answer_that_comes_too_late_makes_no_second_ticket() {
    let pipeline = Pipeline::start().await;
    pipeline
        .helpdesk
        .fail([Fault::made_but_late(Duration::from_secs(2))]);
    let id = pipeline.send(&mail("late")).await;
    assert_eq!(pipeline.done(&id).await["tickets"], "1");
    assert_eq!(pipeline.tickets().len(), 1);
}

#[tokio::test]
async fn a_ticket_behind_an_error_is_found() {
    for fault in [
        Fault::html(502).but_made(),
        Fault::json(500).but_made(),
        Fault::html(200).but_made(),
        Fault::json(409).but_made(),
    ] {
        let pipeline = Pipeline::start().await;
        // Others are in front of it in the list.
        let status = fault.status;
        pipeline.helpdesk.fail([fault]);
        let id = pipeline.send(&mail("hidden")).await;
        assert_eq!(pipeline.done(&id).await["tickets"], "1", "{status}");
        assert_eq!(pipeline.tickets().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_refused_key_stops_the_bridge_and_keeps_the_queue() {
    for (fault, reason) in [
        (Fault::json(401), "api_key_refused"),
        (Fault::json(403), "api_key_forbidden"),
        (Fault::json(404), "no_such_mailbox"),
    ] {
        let pipeline = Pipeline::start().await;
        pipeline.helpdesk.fail([fault]);
        let first = pipeline.send(&mail("first")).await;
        assert!(pipeline.stopped().await.starts_with(reason));
        let second = pipeline.send(&mail("second")).await;
        sleep(Duration::from_millis(200)).await;
        // Asked once: what is refused is not asked for again.
        assert_eq!(pipeline.helpdesk.seen().len(), 1);
        let depth = pipeline.queue.depth().await.unwrap();
        assert_eq!((depth.messages, depth.dead), (2, 0));
        let metrics = pipeline
            .get("/metrics")
            .bearer_auth(service::MONITOR)
            .send()
            .await
            .unwrap();
        assert!(
            metrics
                .text()
                .await
                .unwrap()
                .contains("mail_pipeline_stopped 1")
        );
        // It stays stopped over a restart, until somebody has mended it.
        let pipeline = pipeline.restart(|_| {}).await;
        pipeline.stopped().await;
        let cookie = pipeline.login().await;
        pipeline.press("/operators/resume", &cookie, &[]).await;
        for id in [first, second] {
            pipeline.done(&id).await;
        }
        assert_eq!(pipeline.tickets().len(), 2);
    }
}

#[tokio::test]
async fn a_busy_help_desk_is_asked_when_it_said() {
    let pipeline = Pipeline::start().await;
    pipeline.helpdesk.fail([Fault::busy(1)]);
    let id = pipeline.send(&mail("busy")).await;
    sleep(Duration::from_millis(700)).await;
    assert_eq!(
        pipeline.helpdesk.seen().len(),
        1,
        "not before its Retry-After"
    );
    let entry = pipeline.done(&id).await;
    // That is no failure of the mail's.
    assert_eq!(entry["failures"], 0);
}

#[tokio::test]
async fn a_help_desk_that_is_down_is_left_alone_by_the_breaker_and_nothing_is_lost() {
    let patient = |config: &mut mail_pipeline::Config| config.timing.attempts = 1000;
    let pipeline = Pipeline::on(Kind::Sqlite, patient).await.unwrap();
    pipeline.helpdesk.fail((0..20).map(|_| Fault::html(503)));
    let mut all = Vec::new();
    for number in 0..10 {
        let mut mail = mail(&format!("down-{number}"));
        mail["FromFull"]["Email"] = json!(format!("ada{number}@example.com"));
        all.push(pipeline.send(&mail).await);
    }
    for id in &all {
        pipeline.done(id).await;
    }
    assert_eq!(pipeline.tickets().len(), 10);
    pipeline.assert_empty().await;
    let _ = KEY;
}
