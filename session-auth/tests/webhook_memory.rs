//! What 500 deliveries of 1 MiB take at once. Alone in its program, as the memory is the process's.
#![cfg(all(
    feature = "testing",
    feature = "sha1",
    feature = "webhook-asymmetric",
    target_os = "linux"
))]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use session_auth::methods::POST;
use session_auth::webhook::{
    Adyen, Bearer, Certificates, EventGrid, Hmac, Mailgun, Mandrill, Sns, Twilio,
};
use session_auth::{Keys, Router, SessionAuthLayer, webhook};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

const SECRET: &str = "the-secret-of-a-sender";
const AT_ONCE: usize = 500;
const MIB: usize = 1024 * 1024;

/// In MiB: `VmRSS`, or `VmHWM`, its highest value.
fn memory(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|it| it.strip_prefix(line)).unwrap();
    let kib: usize = value
        .trim_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .unwrap();
    kib / 1024
}

/// How many MiB the process has at its highest while this goes on.
async fn highest<T>(doing: impl Future<Output = T>) -> (usize, T) {
    // proc(5): makes the highest value the one of now.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let done = doing.await;
    (memory("VmHWM:"), done)
}

async fn deliver(mut stream: TcpStream, path: String, proof: Arc<str>, body: Bytes) -> u16 {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{proof}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Refused by its head: the server may not read on.
    let _ = stream.write_all(&body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok());
    // A server that is busy does not read all of a body that is of no use, and the connection is reset.
    status.unwrap_or(0)
}

/// The senders, in a process of their own: neither their memory nor their sockets are the service's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the test below starts it"]
async fn senders() {
    let Ok(address) = std::env::var("DELIVER_TO") else {
        return;
    };
    let (address, path) = address.split_once('/').unwrap();
    let address: SocketAddr = address.parse().unwrap();
    let proof: Arc<str> = std::env::var("DELIVER_WITH").unwrap().into();
    let body = Bytes::from(vec![b'a'; MIB]);
    // One after the other: more than the listener's backlog would come again seconds later.
    let mut streams = Vec::new();
    for _ in 0..AT_ONCE {
        streams.push(TcpStream::connect(address).await.unwrap());
    }
    let each = |stream| {
        let path = format!("/{path}");
        tokio::spawn(deliver(stream, path, Arc::clone(&proof), body.clone()))
    };
    let all = futures_util::future::join_all(streams.into_iter().map(each)).await;
    let all: Vec<u16> = all.into_iter().map(Result::unwrap).collect();
    println!("answers: {all:?}");
}

/// What each was answered with.
async fn all(address: SocketAddr, path: &str, proof: &str) -> Vec<u16> {
    let senders = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "senders", "--ignored", "--nocapture"])
        .env("DELIVER_TO", format!("{address}{path}"))
        .env("DELIVER_WITH", proof)
        .kill_on_drop(true)
        .output();
    let senders = tokio::time::timeout(Duration::from_secs(120), senders).await;
    let output = String::from_utf8(senders.unwrap().unwrap().stdout).unwrap();
    let answers = output.lines().find_map(|it| it.split_once("answers: "));
    let (_, answers) = answers.unwrap_or_else(|| panic!("{output}"));
    let answers: Vec<u16> = serde_json::from_str(answers).unwrap();
    assert_eq!(answers.len(), AT_ONCE);
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_deliveries_take_less_than_two_copies_each() {
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("github", Hmac::github(SECRET))
        .verifier("waf", Bearer::new(SECRET))
        .replay_exempt("waf", "all of them are the same")
        .build()
        .unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let together = Arc::new(Barrier::new(AT_ONCE));
    let (count, wait) = (Arc::clone(&ran), Arc::clone(&together));
    // All of them have their body before one of them goes on.
    let handler = move |body: Bytes| {
        let wait = Arc::clone(&wait);
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            let all = tokio::time::timeout(Duration::from_secs(60), wait.wait()).await;
            all.expect("all of them get in");
            body.len().to_string()
        }
    };
    let routes = Router::new()
        .mount(webhook(POST, "/hook", "github").to(async |_: Bytes| "it is forged"))
        .mount(webhook(POST, "/waf", "waf").to(handler));
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    // Proved by their head: hashing 500 MiB takes long without optimisation, and no memory.
    let good = format!("Authorization: Bearer {SECRET}\r\n");
    let forged = format!("X-Hub-Signature-256: sha256={}\r\n", "0".repeat(64));

    let before = memory("VmRSS:");
    // Without a signature nothing of a body is kept; each connection has the buffer that it is read by.
    let (unproved, answers) = highest(all(address, "/hook", "")).await;
    assert!(
        answers.iter().all(|it| [0, 401].contains(it)),
        "{answers:?}"
    );
    assert!(answers.contains(&401));
    let (accepted, answers) = highest(all(address, "/waf", &good)).await;
    assert_eq!(answers, [200; AT_ONCE]);
    assert_eq!(ran.load(Ordering::SeqCst), AT_ONCE);
    // With one that could be right, all of it is read, and let go as soon as it is refused.
    let (refused, answers) = highest(all(address, "/hook", &forged)).await;
    assert_eq!(answers, [401; AT_ONCE]);
    let [unproved, refused, accepted] = [unproved, refused, accepted].map(|it| it - before);
    println!(
        "{AT_ONCE} deliveries of 1 MiB at once, in MiB: {unproved} without a signature, {refused} with a \
         forged one, {accepted} accepted and held by their handlers"
    );
    assert!(unproved < AT_ONCE / 2, "{unproved} MiB");
    // One copy each, the buffer that its connection is read by, and what the allocator leaves.
    for taken in [refused, accepted] {
        assert!(taken < AT_ONCE * 2, "{taken} MiB");
    }
    assert!(
        accepted > AT_ONCE * 9 / 10,
        "{accepted} MiB: nothing was measured"
    );
}

/// A service, and one sender of a body of nothing but small values, which nobody has proved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the test below starts it"]
async fn sender_of_small_values() {
    const LENGTH: usize = 8 * MIB;
    let Ok(scheme) = std::env::var("DELIVER_VALUES_TO") else {
        return;
    };
    let topic = ["arn:aws:sns:eu-west-1:123456789012:orders"];
    let pem = Certificates::given(include_str!("vectors/test_rsa_cert.pem"));
    let url = "https://a.example";
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("mailgun", Mailgun::new(SECRET))
        .verifier("twilio", Twilio::new(SECRET).public_url(url))
        .verifier("mandrill", Mandrill::new(SECRET).public_url(url))
        .verifier("sns", Sns::new(topic, pem))
        .verifier("adyen", Adyen::new("44782DEF547AAA06C910C43932B1EB0C"))
        .verifier("grid", EventGrid::by(Bearer::new(SECRET)))
        .max_webhook_body(LENGTH)
        .build()
        .unwrap();
    let hook = |name: &'static str| webhook(POST, format!("/{name}"), name).to(async || ());
    let routes = ["mailgun", "twilio", "mandrill", "sns", "adyen", "grid"].map(hook);
    let routes = routes.into_iter().fold(Router::new(), Router::mount);
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let is_form = ["mailgun", "twilio", "mandrill"].contains(&&*scheme);
    let (kind, body) = if is_form {
        let kind = "application/x-www-form-urlencoded";
        (kind, "a&".repeat(LENGTH / 2))
    } else {
        let zeros = "0,".repeat(LENGTH / 2 - 2);
        ("application/json", format!("[{zeros}0]"))
    };
    let proof = format!(
        "Content-Type: {kind}\r\nAeg-Event-Type: SubscriptionValidation\r\n\
         X-Twilio-Signature: {0}\r\nX-Mandrill-Signature: {0}\r\n",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
    );
    let body = Bytes::from(body);
    let before = memory("VmRSS:");
    let stream = TcpStream::connect(address).await.unwrap();
    let delivered = deliver(stream, format!("/{scheme}"), proof.into(), body);
    let (taken, status) = highest(delivered).await;
    println!("answer: {status}, {} MiB", taken - before);
}

#[tokio::test]
async fn a_body_takes_no_more_than_its_bytes_before_it_is_proved() {
    for scheme in ["mailgun", "twilio", "mandrill", "sns", "adyen", "grid"] {
        let sender = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "sender_of_small_values",
                "--ignored",
                "--nocapture",
            ])
            .env("DELIVER_VALUES_TO", scheme)
            .kill_on_drop(true)
            .output();
        let output = String::from_utf8(sender.await.unwrap().stdout).unwrap();
        let answer = output.lines().find_map(|it| it.split_once("answer: "));
        let (_, answer) = answer.unwrap_or_else(|| panic!("{output}"));
        let (status, taken) = answer.split_once(", ").unwrap();
        let taken: usize = taken.trim_end_matches(" MiB").parse().unwrap();
        assert!(["401", "503"].contains(&status), "{scheme}: {status}");
        // The body, while it is put together, and the buffers of the connection.
        assert!(taken < 48, "{scheme}: {taken} MiB for a body of 8");
    }
}
