//! The commands of whoever runs the service, as processes.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod program;
mod service;

use std::io::Write as _;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use mail_pipeline::helpdesk::{Fault, HelpDesk};
use program::{Node, command};
use service::{Ground, KEY, Kind, Pipeline, mail};

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (Output, String) {
    let output = command(arguments, variables).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, said)
}

#[test]
fn a_smoke_test_of_its_own_takes_less_than_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    program::program();
    let start = Instant::now();
    // Nothing is configured: one command.
    let mut smoke = command(&["smoke"], &[]);
    let output = smoke.current_dir(folder.path()).output().unwrap();
    let took = start.elapsed();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(said.matches(" PASS ").count(), 9, "{said}");
    assert!(said.contains("depth 0 → 1 → 0"), "{said}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let warned = String::from_utf8_lossy(&output.stderr);
    assert!(
        warned.contains("WARN") && warned.contains("a key that everyone has"),
        "{warned}"
    );
    // It has left nothing behind.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smoke_test_of_a_running_service_names_the_hop_that_fails() {
    let pipeline = Pipeline::start().await;
    let variables = [
        ("SESSION_AUTH_DEV", "true"),
        ("INBOUND_PASSWORD", service::PASSWORD),
        ("MONITOR_TOKEN", service::MONITOR),
    ];
    let smoke = || tokio::task::block_in_place(|| run(&["smoke", &pipeline.base], &variables));
    let (output, said) = smoke();
    assert!(output.status.success(), "{said}");
    assert_eq!(pipeline.tickets().len(), 1);
    pipeline.helpdesk.fail([Fault::json(401)]);
    let (output, said) = smoke();
    assert_eq!(output.status.code(), Some(1));
    let failed: Vec<_> = said
        .lines()
        .filter(|line| line.contains(" FAIL "))
        .collect();
    assert!(
        failed
            .iter()
            .any(|line| line.contains("bridge") && line.contains("api_key_refused")),
        "{said}"
    );
    assert!(
        failed.iter().any(|line| line.contains("help desk")),
        "{said}"
    );
    let wrong = [variables[0], ("INBOUND_PASSWORD", "wrong"), variables[2]];
    let (output, said) = tokio::task::block_in_place(|| run(&["smoke", &pipeline.base], &wrong));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("gateway      FAIL  POST /v1/email/inbound: 401"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_secrets_and_a_drill() {
    let pipeline = Pipeline::start().await;
    let data = pipeline.data.display().to_string();
    let variables = [
        ("SESSION_AUTH_DEV", "true"),
        ("DATABASE_URL", pipeline.database.as_str()),
        ("DATA", data.as_str()),
    ];
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| run(arguments, &variables));
    let mut with = mail("dead");
    with["Attachments"] =
        serde_json::json!([{ "Name": "a.txt", "Content": "QUJD", "ContentType": "text/plain" }]);
    pipeline.helpdesk.fail([Fault::rejected()]);
    let id = pipeline.send(&with).await;
    pipeline.died(&id).await;

    // The drill really restores: its smoke test sees the dead letter of the copy.
    let (output, said) = run(&["drill"]);
    assert!(
        said.contains("dead letters FAIL  1 before, 1 after"),
        "{said} {output:?}"
    );
    assert_eq!(said.matches(" PASS ").count(), 8, "{said}");

    let (_, said) = run(&["redrive", "--reason", "other"]);
    assert_eq!(said, "0 dead letters are in the queue again\n");
    let (output, said) = run(&["redrive", &id]);
    assert!(output.status.success() && said.starts_with("1 "), "{said}");
    pipeline.done(&id).await;
    assert_eq!(run(&["redrive", &id]).0.status.code(), Some(1));
    let (output, said) = run(&["drill"]);
    assert!(output.status.success(), "{said} {output:?}");
    assert_eq!(
        pipeline.tickets().len(),
        1,
        "no ticket of a drill is in the help desk"
    );

    let (output, said) = run(&["secrets", "list"]);
    assert!(output.status.success());
    assert!(
        said.contains("helpdesk_api_key") && said.contains("OPERATOR_PASSWORD"),
        "{said}"
    );
    assert!(
        !said.contains(KEY) && !said.contains("development"),
        "{said}"
    );
    let mut set = command(&["secrets", "set", "helpdesk_api_key"], &variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    set.stdin
        .take()
        .unwrap()
        .write_all(b"the next key\n")
        .unwrap();
    assert!(set.wait().unwrap().success());
    pipeline.helpdesk.set_api_key("the next key");
    let next = pipeline.send(&mail("next")).await;
    pipeline.done(&next).await;
    assert_eq!(run(&["secrets", "set", "nothing"]).0.status.code(), Some(1));

    // A copy is brought where there is nothing, and only there.
    let copy = pipeline
        .ground
        .folder
        .path()
        .join("copy")
        .display()
        .to_string();
    assert!(run(&["backup", &copy]).0.status.success());
    assert_eq!(run(&["backup", &copy]).0.status.code(), Some(1));
    let (output, _) = run(&["restore", &copy]);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("is there already"),
        "{output:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_postgres_is_restored_into_an_empty_database() {
    let Some(from) = Ground::new(Kind::Postgres) else {
        return;
    };
    let Some(to) = Ground::new(Kind::Postgres) else {
        return;
    };
    let (database, empty) = (from.database(), to.database());
    let data = from.folder.path().join("data").display().to_string();
    let variables = [
        ("SESSION_AUTH_DEV", "true"),
        ("DATABASE_URL", database.as_str()),
        ("DATA", data.as_str()),
        ("DRILL_DATABASE_URL", empty.as_str()),
    ];
    let (output, said) = tokio::task::block_in_place(|| {
        drop(Node::start(&variables));
        run(&["drill"], &variables)
    });
    assert!(output.status.success(), "{said} {output:?}");
    let pool = sqlx::PgPool::connect(&empty).await.unwrap();
    let tickets: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM mails WHERE state = 'done'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(tickets, 1, "the message of the smoke test");
}

#[test]
fn a_wrong_start_says_what_is_wrong() {
    for (variables, expected) in [
        (
            vec![("SESSION_AUTH_DEV", "false")],
            "INBOUND_PASSWORD is unset",
        ),
        (
            vec![("SESSION_AUTH_DEV", "true"), ("MASTER_KEY", "?")],
            "MASTER_KEY is no base64",
        ),
        (
            vec![("SESSION_AUTH_DEV", "true"), ("MASTER_KEY", "QUJD")],
            "MASTER_KEY is base64 of 3 bytes",
        ),
        (
            vec![
                ("SESSION_AUTH_DEV", "true"),
                ("QUEUE", "nats://user:hunter2@127.0.0.1:1"),
            ],
            "NATS at 127.0.0.1:1 is not reached",
        ),
        (
            vec![("SESSION_AUTH_DEV", "true"), ("BLOBS", "ftp://mails")],
            "write s3://bucket/prefix",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = command(&[], &variables)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(
            !said.contains("hunter2") && !said.contains("panicked"),
            "{said}"
        );
    }
    let (output, said) = run(&["--help"], &[]);
    assert!(
        output.status.success() && said.contains("redrive --reason"),
        "{said}"
    );
    assert_eq!(run(&["unknown"], &[]).0.status.code(), Some(1));
    let (_, rules) = run(&["alerts"], &[]);
    assert!(rules.contains("MailEdgeBlocks"), "{rules}");
    let _ = HelpDesk::new(KEY);
}
