//! What operators and machines see and do.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod service;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use mail_pipeline::helpdesk::Fault;
use mail_pipeline::{MasterKeys, Rotating};
use serde_json::{Value, json};
use service::{Kind, MONITOR, PASSWORD, Pipeline, mail};
use sha2::Sha256;
use std::env::VarError;
use std::process::Command;

#[tokio::test]
async fn the_page_is_for_operators_and_its_buttons_for_its_own_forms() {
    let pipeline = Pipeline::start().await;
    let anonymous = pipeline.get("/operators").send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    let wrong = pipeline
        .post("/login")
        .form(&[("password", "wrong")])
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    let cookie = pipeline.login().await;
    pipeline.helpdesk.fail([Fault::rejected()]);
    let id = pipeline.send(&mail("dead")).await;
    pipeline.died(&id).await;
    // A form of another site.
    for site in ["cross-site", "same-site"] {
        let request = pipeline
            .post("/operators/redrive")
            .header("cookie", &cookie);
        let request = request
            .header("sec-fetch-site", site)
            .form(&[("all", "yes")]);
        assert_eq!(request.send().await.unwrap().status(), 403, "{site}");
    }
    assert_eq!(pipeline.queue.depth().await.unwrap().dead, 1);
    let page = pipeline.page("/operators", &cookie).await;
    for shown in [
        "Redrive all: rejected",
        &id,
        "all others",
        "helpdesk_api_key",
        "/internal/routes",
        "1 accepted",
        "Invalid email",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains(service::KEY));
    let pressed = pipeline
        .press("/operators/redrive", &cookie, &[("reason", "rejected")])
        .await;
    assert_eq!(pressed.status(), 303);
    pipeline.done(&id).await;
    let none = pipeline.press("/operators/redrive", &cookie, &[]).await;
    assert_eq!(none.status(), 422);
    let listing = pipeline.page("/internal/routes", &cookie).await;
    assert!(listing.contains("/v1/email/inbound"), "{listing}");
}

#[tokio::test]
async fn a_change_of_the_routing_needs_no_restart_and_leaves_nobody_without_a_mailbox() {
    let pipeline = Pipeline::start().await;
    let cookie = pipeline.login().await;
    let change = async |address: &str, mailbox: &str| {
        let form = [("address", address), ("mailbox", mailbox)];
        pipeline
            .press("/operators/routing", &cookie, &form)
            .await
            .status()
            .as_u16()
    };
    let mailbox_of = async |id: &str| {
        let id = pipeline.send(&mail(id)).await;
        pipeline.done(&id).await["mailboxes"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(mailbox_of("before").await, "1");
    assert_eq!(change("Support@Example.org", "7").await, 303);
    assert_eq!(mailbox_of("between").await, "7");
    assert_eq!(change("support@example.org", "").await, 303);
    assert_eq!(change("*", "4").await, 303);
    assert_eq!(mailbox_of("after").await, "4");
    for (address, mailbox) in [
        ("*", ""),
        ("*", "0"),
        ("support@example.org", "-1"),
        ("support@example.org", "x"),
        ("support", "1"),
        ("a b@example.org", "1"),
        ("", "1"),
    ] {
        assert_eq!(
            change(address, mailbox).await,
            422,
            "{address:?} {mailbox:?}"
        );
    }
    assert_eq!(mailbox_of("still").await, "4");
}

#[tokio::test]
async fn deployments_are_a_chain_and_a_run_is_in_it_once() {
    let two = |config: &mut mail_pipeline::Config| {
        config.deploy = Rotating {
            current: "new-token".into(),
            old: Some("deploy-token".into()),
        };
    };
    let pipeline = Pipeline::on(Kind::Sqlite, two).await.unwrap();
    let report = async |token: &str, run: &str| {
        let deploy = json!({
            "root": "mail/production", "run_id": run, "commit": "0f3c2a1", "actor": "ada",
            "summary": { "add": 1, "change": 2, "destroy": 0 }, "outcome": "success",
        });
        let request = pipeline
            .post("/internal/deploys")
            .bearer_auth(token)
            .json(&deploy);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            answer.json::<Value>().await.unwrap()["status"]
                .as_str()
                .unwrap_or("")
                .to_owned(),
        )
    };
    assert_eq!(report("nobodys", "1").await.0, 401);
    assert_eq!(
        report("deploy-token", "1").await,
        (201, "appended".to_owned())
    );
    assert_eq!(report("new-token", "2").await, (201, "appended".to_owned()));
    assert_eq!(
        report("new-token", "1").await,
        (200, "duplicate".to_owned())
    );
    for bad in [
        json!({}),
        json!({ "root": "", "run_id": "" }),
        json!({ "unknown": 1 }),
    ] {
        let request = pipeline
            .post("/internal/deploys")
            .bearer_auth("new-token")
            .json(&bad);
        assert_eq!(request.send().await.unwrap().status(), 422, "{bad}");
    }
    let anonymous = pipeline.get("/internal/trail").send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    let cookie = pipeline.login().await;
    let trail: Value =
        serde_json::from_str(&pipeline.page("/internal/trail", &cookie).await).unwrap();
    assert_eq!(trail["broken_at"], Value::Null);
    let entries = trail["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1]["previous"], entries[0]["hash"]);
    assert_eq!(entries[1]["entry"]["deploy"]["summary"]["change"], 2);
    // What is changed afterwards shows, and what is taken out.
    let pool = sqlx::SqlitePool::connect(&pipeline.database).await.unwrap();
    for (change, broken_at) in [
        (
            "UPDATE deploys SET entry = replace(entry, 'ada', 'bob') WHERE seq = 2",
            2,
        ),
        ("DELETE FROM deploys WHERE seq = 1", 2),
    ] {
        sqlx::query(change).execute(&pool).await.unwrap();
        let trail: Value =
            serde_json::from_str(&pipeline.page("/internal/trail", &cookie).await).unwrap();
        assert_eq!(trail["broken_at"], broken_at, "{change}");
    }
}

#[tokio::test]
async fn another_providers_mail_comes_signed() {
    let pipeline = Pipeline::start().await;
    let body = json!({
        "id": "7", "from": { "email": "ada@example.com", "name": "Ada" },
        "recipient": "support@example.org", "subject": "Hello", "text": "Hello",
        "message_id": "<7@mail.example.com>",
        "attachments": [{ "name": "a.txt", "mime": "text/plain", "content": STANDARD.encode("abc") }],
    })
    .to_string();
    let sign = |secret: &str, body: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let mac = mac.finalize().into_bytes();
        mac.iter().fold("sha256=".to_owned(), |text, byte| {
            format!("{text}{byte:02x}")
        })
    };
    let send = async |signature: String, body: &str| {
        let request = pipeline
            .post("/v1/email/generic")
            .header("x-signature", signature);
        request.body(body.to_owned()).send().await.unwrap()
    };
    assert_eq!(send(sign("wrong", &body), &body).await.status(), 401);
    let answer = send(sign("generic-secret", &body), &body).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(
        answer,
        json!({ "status": "accepted", "message_id": "generic:7" })
    );
    pipeline.done("generic:7").await;
    assert_eq!(pipeline.tickets()[0].attachments, [("a.txt".to_owned(), 4)]);
    let unknown = body.replace("subject", "subjct");
    let answer = send(sign("generic-secret", &unknown), &unknown).await;
    assert_eq!(answer.status(), 422);
}

#[tokio::test]
async fn events_of_sent_mails_are_kept_and_those_of_one_mail_are_not_each_others_copies() {
    let pipeline = Pipeline::start().await;
    let payloads = [
        include_str!("../../incident/payloads/postmark-delivery.json"),
        include_str!("../../incident/payloads/postmark-bounce.json"),
        include_str!("../../incident/payloads/postmark-spam-complaint.json"),
    ];
    let send = async |body: String| {
        let request = pipeline
            .post("/v1/email/events")
            .basic_auth("postmark", Some(PASSWORD));
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for payload in payloads {
        // All three of one mail.
        let mut event: Value = serde_json::from_str(payload).unwrap();
        event["MessageID"] = json!("one");
        assert_eq!(send(event.to_string()).await, (200, String::new()));
        assert_eq!(send(event.to_string()).await.1, r#"{"status":"duplicate"}"#);
    }
    assert_eq!(send("{}".to_owned()).await.0, 422);
    let pool = sqlx::SqlitePool::connect(&pipeline.database).await.unwrap();
    let kinds: Vec<String> = sqlx::query_scalar("SELECT kind FROM events ORDER BY kind")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(kinds, ["Bounce", "Delivery", "SpamComplaint", "unreadable"]);
}

#[tokio::test]
async fn a_master_key_is_rotated_with_both_readable_in_between() {
    let pipeline = Pipeline::start().await;
    let [old, new] = [[1; 32], [2; 32]].map(|key| STANDARD.encode(key));
    let keys = |current: &str, before: Option<&str>| {
        let find = |name: &str| match name {
            "MASTER_KEY" => Ok(current.to_owned()),
            _ => before.map(str::to_owned).ok_or(VarError::NotPresent),
        };
        MasterKeys::read(find, false).unwrap()
    };
    let vault = async |keys: MasterKeys| {
        let mut config = pipeline.ground.config();
        config.master = keys;
        mail_pipeline::vault(&config).await.unwrap()
    };
    let first = vault(keys(&old, None)).await;
    for name in ["helpdesk_api_key", "smtp_url"] {
        first
            .set(name, &format!("value of {name}").as_str().into())
            .await
            .unwrap();
    }
    assert!(first.set("unknown", &"x".into()).await.is_err());
    assert!(first.set("smtp_url", &"".into()).await.is_err());
    assert!(
        first
            .set("smtp_url", &"x".repeat(64 * 1024 + 1).into())
            .await
            .is_err()
    );
    // Without the old key nothing opens, and nothing is lost.
    let error = vault(keys(&new, None))
        .await
        .rotate()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("neither MASTER_KEY nor MASTER_KEY_OLD"),
        "{error}"
    );
    let both = vault(keys(&new, Some(&old))).await;
    assert_eq!(both.rotate().await.unwrap(), 2);
    assert_eq!(both.rotate().await.unwrap(), 0, "it may run twice");
    let after = vault(keys(&new, None)).await;
    assert_eq!(after.rotate().await.unwrap(), 0);
    let ids: Vec<_> = after
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|it| it.key_id)
        .collect();
    assert_eq!(ids[0], ids[1]);
    // Not even where it lies is a value to be read.
    let pool = sqlx::SqlitePool::connect(&pipeline.database).await.unwrap();
    let sealed: Vec<Vec<u8>> = sqlx::query_scalar("SELECT sealed FROM secrets")
        .fetch_all(&pool)
        .await
        .unwrap();
    let plain = b"value of";
    assert!(
        sealed
            .iter()
            .all(|it| !it.windows(plain.len()).any(|part| part == plain))
    );
    sqlx::query("UPDATE secrets SET key_id = 'gone'")
        .execute(&pool)
        .await
        .unwrap();
    assert!(after.rotate().await.is_err());
}

#[tokio::test]
async fn metrics_have_what_the_alert_rules_ask_for() {
    let pipeline = Pipeline::start().await;
    pipeline.helpdesk.fail([Fault::edge_1010()]);
    let id = pipeline.send(&mail("counted")).await;
    pipeline.done(&id).await;
    let refused = pipeline
        .post(service::INBOUND)
        .json(&mail("refused"))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);
    let anonymous = pipeline.get("/metrics").send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    let metrics = pipeline
        .get("/metrics")
        .bearer_auth(MONITOR)
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    let rules = include_str!("../../../examples/mail-pipeline/src/alerts.yml");
    let mut asked = 0;
    for word in rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        if word.starts_with("mail_pipeline_") || word.starts_with("session_auth_") {
            asked += 1;
            assert!(metrics.contains(&format!("\n{word}")), "{word}: {metrics}");
        }
    }
    assert_eq!(asked, 7);
    for label in [
        r#"reason="edge_blocked""#,
        r#"session_auth_webhook_last_verified_timestamp_seconds{route="POST /v1/email/inbound""#,
        r#"session_auth_denied_total{class="webhook",route="POST /v1/email/inbound""#,
    ] {
        assert!(metrics.contains(label), "{label}: {metrics}");
    }
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/mail-pipeline/src/alerts.yml"
    );
    let Ok(checked) = Command::new("promtool")
        .args(["check", "rules", file])
        .output()
    else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "promtool is not installed"
        );
        eprintln!("SKIPPED: promtool is not installed");
        return;
    };
    assert!(checked.status.success(), "{checked:?}");
}
