//! What nobody should send, and what happens to it.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod service;

use std::time::Duration;

use mail_pipeline::helpdesk::Fault;
use reqwest::Response;
use serde_json::{Value, json};
use service::{INBOUND, Kind, PASSWORD, Pipeline, mail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

async fn raw(pipeline: &Pipeline, body: &str) -> Response {
    let request = pipeline
        .post(INBOUND)
        .basic_auth("postmark", Some(PASSWORD));
    request.body(body.to_owned()).send().await.unwrap()
}

async fn count(pipeline: &Pipeline, kind: &str) -> i64 {
    let pool = sqlx::SqlitePool::connect(&pipeline.database).await.unwrap();
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM events WHERE kind = $1");
    count.bind(kind).fetch_one(&pool).await.unwrap()
}

#[tokio::test]
async fn what_is_no_mail_is_422_and_kept() {
    let pipeline = Pipeline::start().await;
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"MessageID":7,"From":"ada@example.com"}"#,
        r#"{"MessageID":"a"}"#,
        "\u{0}\u{1}",
        r#"{"RecordType":"Delivery"}"#,
    ];
    for body in bodies {
        let answer = raw(&pipeline, body).await;
        assert_eq!(answer.status(), 422, "{body:?}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"], "this is no mail known here");
    }
    let mut bytes = mail("bytes").to_string().into_bytes();
    bytes[20] = 0xff;
    let request = pipeline
        .post(INBOUND)
        .basic_auth("postmark", Some(PASSWORD));
    assert_eq!(request.body(bytes).send().await.unwrap().status(), 422);
    assert_eq!(
        count(&pipeline, "unreadable").await,
        bodies.len() as i64 + 1
    );
    pipeline.assert_empty().await;
}

#[tokio::test]
async fn ten_thousand_recipients_make_one_ticket() {
    let pipeline = Pipeline::start().await;
    let mut mail = mail("many");
    let all: Vec<_> = (0..10_000)
        .map(|number| json!({ "Email": format!("r{number}@example.org"), "Name": "", "MailboxHash": "" }))
        .collect();
    mail["ToFull"] = json!(all);
    mail["OriginalRecipient"] = json!("");
    let id = pipeline.send(&mail).await;
    assert_eq!(pipeline.done(&id).await["mailboxes"], "1");
    assert_eq!(pipeline.tickets().len(), 1);
}

#[tokio::test]
async fn a_message_id_of_10_kb_or_none_is_no_matter() {
    let pipeline = Pipeline::start().await;
    let mut long = mail("long-id");
    long["Headers"] =
        json!([{ "Name": "Message-ID", "Value": format!("<{}@x>", "a".repeat(10_000)) }]);
    let mut none = mail("no-id");
    none["Headers"] = json!([]);
    let mut blank = mail("blank-id");
    blank["Headers"] = json!([{ "Name": "message-id", "Value": "  " }]);
    let mut missing = mail("no-headers");
    missing.as_object_mut().unwrap().remove("Headers");
    for mail in [long, none, blank, missing] {
        let id = pipeline.send(&mail).await;
        pipeline.done(&id).await;
    }
    // Mails without a Message-ID are not each other's copies.
    assert_eq!(pipeline.tickets().len(), 4);
}

#[tokio::test]
async fn one_message_to_two_mailboxes_makes_a_ticket_in_each() {
    let pipeline = Pipeline::start().await;
    let cookie = pipeline.login().await;
    for (address, mailbox) in [("support@example.org", "2"), ("sales@example.org", "3")] {
        let form = [("address", address), ("mailbox", mailbox)];
        pipeline.press("/operators/routing", &cookie, &form).await;
    }
    let mut mail = mail("both");
    mail["OriginalRecipient"] = json!("abc123@inbound.example.org");
    mail["ToFull"] = json!([{ "Email": "Support@example.org", "Name": "", "MailboxHash": "" }]);
    mail["CcFull"] = json!([{ "Email": "sales@EXAMPLE.org", "Name": "", "MailboxHash": "" }]);
    // The second mailbox has its trouble: the first one's ticket is not made again.
    pipeline
        .helpdesk
        .fail([Fault::default(), Fault::edge_1010()]);
    let id = pipeline.send(&mail).await;
    let entry = pipeline.done(&id).await;
    assert_eq!(
        (&entry["mailboxes"], &entry["tickets"]),
        (&json!("2,3"), &json!("1,2"))
    );
    assert_eq!(pipeline.tickets().len(), 2);
}

#[tokio::test]
async fn somebody_elses_message_id_holds_nothing_back() {
    let pipeline = Pipeline::start().await;
    let headers = json!([{ "Name": "Message-ID", "Value": "<known@mail.example.com>" }]);
    let mut spoofed = mail("spoofed");
    spoofed["FromFull"]["Email"] = json!("mallory@example.net");
    spoofed["TextBody"] = json!("Buy this.");
    let mut real = mail("real");
    for mail in [&mut spoofed, &mut real] {
        mail["Headers"] = headers.clone();
    }
    for mail in [&spoofed, &real] {
        let id = pipeline.send(mail).await;
        pipeline.done(&id).await;
    }
    assert_eq!(pipeline.tickets().len(), 2);
    // And each is known again.
    for (mut mail, ticket) in [(spoofed, "1"), (real, "2")] {
        mail["MessageID"] = json!(format!("copy of {ticket}"));
        let id = pipeline.send(&mail).await;
        assert_eq!(pipeline.done(&id).await["tickets"], ticket);
    }
    assert_eq!(pipeline.tickets().len(), 2);
}

#[tokio::test]
async fn an_attachment_whose_base64_is_cut_is_kept_and_the_ticket_says_so() {
    let pipeline = Pipeline::start().await;
    let mut mail = mail("cut");
    mail["Attachments"] = json!([
        { "Name": "cut.pdf", "Content": "QUJDR", "ContentType": "application/pdf" },
        { "Name": "whole.txt", "Content": "QUJD", "ContentType": "text/plain" },
    ]);
    let id = pipeline.send(&mail).await;
    pipeline.done(&id).await;
    let [ticket] = pipeline.tickets().try_into().unwrap();
    assert_eq!(ticket.attachments, [("whole.txt".to_owned(), 4)]);
    assert!(
        ticket
            .text
            .contains(r#"The attachment "cut.pdf" did not arrive whole"#),
        "{}",
        ticket.text
    );
    let blob = ticket
        .text
        .split("kept as ")
        .nth(1)
        .unwrap()
        .split('.')
        .next()
        .unwrap();
    let kept = std::fs::read_to_string(pipeline.data.join("blobs").join(blob)).unwrap();
    assert_eq!(kept, "QUJDR");
}

#[tokio::test]
async fn a_name_with_dots_and_slashes_names_no_file_of_ours() {
    let pipeline = Pipeline::start().await;
    let mut mail = mail("names");
    mail["Attachments"] = json!([
        { "Name": "../../../../tmp/escaped", "Content": "QUJD", "ContentType": "" },
        { "Name": r"..\..\escaped.exe", "Content": "REVG", "ContentType": "" },
    ]);
    let id = pipeline.send(&mail).await;
    pipeline.done(&id).await;
    let names: Vec<_> = pipeline.tickets()[0]
        .attachments
        .iter()
        .map(|it| it.0.clone())
        .collect();
    assert_eq!(names, ["escaped", "escaped.exe"]);
    let files = std::fs::read_dir(pipeline.data.join("blobs")).unwrap();
    for file in files {
        assert_eq!(file.unwrap().file_name().len(), 64);
    }
}

#[tokio::test]
async fn html_with_scripts_is_text_for_the_ticket_and_for_operators() {
    let pipeline = Pipeline::start().await;
    pipeline.helpdesk.fail([Fault::rejected()]);
    let script = "<script>alert('x')</script>";
    let mut mail = mail("html");
    mail["Subject"] = json!(format!("Hello {script}"));
    mail["HtmlBody"] = json!(format!("<p onclick='x()'>Hello</p>{script}"));
    mail["TextBody"] = json!("");
    mail["FromFull"]["Name"] = json!(script);
    let id = pipeline.send(&mail).await;
    pipeline.died(&id).await;
    let cookie = pipeline.login().await;
    for path in [
        "/operators".to_owned(),
        format!("/operators/dead-letters/{id}"),
    ] {
        let answer = pipeline
            .get(&path)
            .header("cookie", &cookie)
            .send()
            .await
            .unwrap();
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("&lt;script&gt;alert("), "{page}");
        assert!(
            !page.contains("<script") && !page.contains("<p onclick"),
            "{page}"
        );
    }
    pipeline
        .press("/operators/redrive", &cookie, &[("id", &id)])
        .await;
    pipeline.done(&id).await;
    let text = &pipeline.tickets()[0].text;
    assert!(
        text.contains("Hello") && !text.contains("alert") && !text.contains("<p"),
        "{text}"
    );
}

#[tokio::test]
async fn a_body_that_stops_half_way_is_no_mail() {
    let pipeline = Pipeline::start().await;
    let body = mail("half").to_string();
    let mut stream = TcpStream::connect(pipeline.address).await.unwrap();
    let head = format!(
        "POST {INBOUND} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cG9zdG1hcms6aW5ib3VuZC1wYXNzd29yZA==\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
        .write_all(&body.as_bytes()[..body.len() / 2])
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_string(&mut answer)).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    pipeline.assert_empty().await;
    // When all of it comes, it is taken.
    let id = pipeline.send(&mail("half")).await;
    pipeline.done(&id).await;
}

#[tokio::test]
async fn a_database_that_is_locked_is_503_and_the_mail_is_taken_later() {
    let pipeline = Pipeline::start().await;
    let pool = sqlx::SqlitePool::connect(&pipeline.database).await.unwrap();
    let lock = pool.begin_with("BEGIN EXCLUSIVE").await.unwrap();
    let answer = pipeline.inbound(&mail("locked")).await;
    assert_eq!(answer.status(), 503);
    lock.rollback().await.unwrap();
    let sent = pipeline
        .until(async || (pipeline.inbound(&mail("locked")).await.status() == 200).then_some(()))
        .await;
    sent.unwrap();
    pipeline.done("postmark:locked").await;
    assert_eq!(pipeline.tickets().len(), 1);
}

#[tokio::test]
async fn a_help_desk_that_answers_slowly_for_ever_is_a_dead_letter_in_the_end() {
    let short = |config: &mut mail_pipeline::Config| {
        config.timing.answer = Duration::from_millis(150);
        config.timing.attempts = 3;
    };
    let pipeline = Pipeline::on(Kind::Sqlite, short).await.unwrap();
    let for_ever = || Fault::html(504).after(Duration::from_secs(3600));
    pipeline.helpdesk.fail((0..3).map(|_| for_ever()));
    let id = pipeline.send(&mail("slow")).await;
    let letter = pipeline.died(&id).await;
    assert_eq!(letter.reason, "no_answer");
    assert!(letter.answer.contains("in time"), "{}", letter.answer);
    assert!(pipeline.tickets().is_empty());
}

#[tokio::test]
async fn a_page_for_an_answer_and_a_login_page_are_no_tickets() {
    let pipeline = Pipeline::start().await;
    pipeline
        .helpdesk
        .fail([Fault::html(200), Fault::login(), Fault::html(201)]);
    let id = pipeline.send(&mail("page")).await;
    let entry = pipeline.done(&id).await;
    assert_eq!(
        (&entry["failures"], &entry["tickets"]),
        (&json!(3), &json!("1"))
    );
    let statuses: Vec<_> = pipeline
        .helpdesk
        .seen()
        .iter()
        .map(|it| it.status)
        .collect();
    assert_eq!(statuses, [200, 302, 201, 201]);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let pipeline = Pipeline::start().await;
    let answer = raw(&pipeline, &" ".repeat(48 * 1024 * 1024 + 1)).await;
    assert_eq!(answer.status(), 413);
    sleep(Duration::from_millis(50)).await;
    // Nobody's turn was kept.
    pipeline.send(&mail("next")).await;
}
