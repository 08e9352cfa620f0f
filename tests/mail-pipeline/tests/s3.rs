//! Attachments in a store with S3's API, also where it is gone for a while, or has lost one.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod program;
mod service;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mail_pipeline::helpdesk::{Fault, HelpDesk};
use program::{Node, command};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use service::{Ground, INBOUND, Kind, SOON, desk, mail};
use test_servers::S3;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

const DEVELOPMENT: &str = "development";
/// SHA-256 of `ABC`, the content of the attachments here.
const ABC: &str = "b5d4045c3f466fa91fe2cc6abe79232a1a57cdf104f7a26e716e0a1e2789df78";

/// Anonymous requests are refused, and any signature is believed.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";

/// The way to a server, which can be closed.
struct Way {
    address: SocketAddr,
    is_closed: Arc<AtomicBool>,
}

impl Way {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&is_closed);
        tokio::spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (mut from, _) = listener.accept().await.unwrap();
                if closed.load(Ordering::SeqCst) {
                    // With the connections that were kept.
                    open.abort_all();
                    continue;
                }
                let closed = Arc::clone(&closed);
                open.spawn(async move {
                    let mut to = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut from, &mut to) => {}
                        () = async {
                            while !closed.load(Ordering::SeqCst) {
                                sleep(Duration::from_millis(5)).await;
                            }
                        } => {}
                    }
                });
            }
        });
        Self { address, is_closed }
    }

    async fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        sleep(Duration::from_millis(50)).await;
    }

    fn open(&self) {
        self.is_closed.store(false, Ordering::SeqCst);
    }
}

struct Run {
    node: Node,
    client: Client,
    helpdesk: HelpDesk,
    way: Way,
    bucket: String,
    variables: Vec<(&'static str, String)>,
    ground: Ground,
    _desk: JoinHandle<()>,
    _s3: S3,
}

impl Run {
    /// `None`: a server is not installed.
    async fn start() -> Option<Self> {
        let s3 = tokio::task::block_in_place(S3::start)?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        let bucket = format!("http://{}/mails", s3.address());
        let made = client
            .put(&bucket)
            .header("authorization", SIGNED)
            .send()
            .await
            .unwrap();
        assert!(made.status().is_success(), "{made:?}");
        let way = Way::to(s3.address()).await;
        let ground = Ground::new(Kind::Sqlite)?;
        let helpdesk = HelpDesk::new(DEVELOPMENT);
        let (url, desk) = desk(&helpdesk).await;
        let variables = vec![
            ("SESSION_AUTH_DEV", "true".to_owned()),
            ("DATA", ground.folder.path().display().to_string()),
            ("HELPDESK_URL", url),
            ("HELPDESK_API_KEY", DEVELOPMENT.to_owned()),
            ("BLOBS", "s3://mails/of/ours".to_owned()),
            ("AWS_ENDPOINT", format!("http://{}", way.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ];
        let node = tokio::task::block_in_place(|| Node::start(&borrowed(&variables)));
        Some(Self {
            node,
            client,
            helpdesk,
            way,
            bucket,
            variables,
            ground,
            _desk: desk,
            _s3: s3,
        })
    }

    /// A request of the bucket's owner.
    fn object(&self, method: Method) -> RequestBuilder {
        let url = format!("{}/of/ours/{ABC}", self.bucket);
        self.client
            .request(method, url)
            .header("authorization", SIGNED)
    }

    async fn send(&self, mail: &Value) -> u16 {
        let request = self.client.post(format!("{}{INBOUND}", self.node.base));
        let request = request.basic_auth("postmark", Some(DEVELOPMENT)).json(mail);
        request.send().await.unwrap().status().as_u16()
    }

    /// Waits until the mail is as that says.
    async fn until(&self, id: &str, field: &str, value: &str) -> Value {
        let start = Instant::now();
        loop {
            let url = format!("{}/internal/mails/postmark:{id}", self.node.base);
            let request = self.client.get(url).bearer_auth(DEVELOPMENT);
            let mail: Value = request.send().await.unwrap().json().await.unwrap();
            if mail[field] == value {
                return mail;
            }
            assert!(start.elapsed() < 2 * SOON, "no {field} {value}: {mail}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn files(&self) -> usize {
        let blobs = self.ground.folder.path().join("blobs");
        std::fs::read_dir(blobs).unwrap().count()
    }
}

fn borrowed<'a>(variables: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    let pair = |(name, value): &'a (&'a str, String)| (*name, value.as_str());
    variables.iter().map(pair).collect()
}

fn with_attachment(id: &str, content: &str) -> Value {
    let mut mail = mail(id);
    mail["Attachments"] =
        json!([{ "Name": "a.txt", "Content": content, "ContentType": "text/plain" }]);
    mail
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_go_by_the_bucket() {
    let Some(run) = Run::start().await else {
        return;
    };
    assert_eq!(run.send(&with_attachment("one", "QUJD")).await, 200);
    run.until("one", "state", "done").await;
    let kept = run.object(Method::GET).send().await.unwrap();
    assert_eq!(kept.text().await.unwrap(), "ABC");
    // 5 MB, and of a length that is no multiple of 3; and a text too long for the queue.
    let content = format!("{}QQ==", "QUJD".repeat(1_666_666));
    let mut large = with_attachment("large", &content);
    large["TextBody"] = json!("long ".repeat(40_000));
    assert_eq!(run.send(&large).await, 200);
    run.until("large", "state", "done").await;
    let tickets = run.helpdesk.tickets();
    assert_eq!(tickets[0].attachments, [("a.txt".to_owned(), 4)]);
    assert_eq!(
        tickets[1].attachments,
        [("a.txt".to_owned(), content.len())]
    );
    assert!(tickets[1].text.len() >= 200_000);
    assert_eq!(run.files(), 0, "nothing stays behind on this machine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_reached_is_503_and_the_mail_is_taken_later() {
    let Some(run) = Run::start().await else {
        return;
    };
    run.way.close().await;
    let start = Instant::now();
    assert_eq!(run.send(&with_attachment("down", "QUJD")).await, 503);
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "the provider waits"
    );
    assert_eq!(run.files(), 0);
    // What needs no bucket is not held up.
    assert_eq!(run.send(&mail("without")).await, 200);
    run.until("without", "state", "done").await;
    run.way.open();
    assert_eq!(run.send(&with_attachment("down", "QUJD")).await, 200);
    run.until("down", "state", "done").await;
    assert_eq!(run.helpdesk.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_reached_is_waited_for_by_the_bridge() {
    let Some(run) = Run::start().await else {
        return;
    };
    // The help desk turns the first try away, after which the bucket is gone.
    run.helpdesk.fail([Fault::edge_1010()]);
    let mut long = with_attachment("waits", "QUJD");
    long["TextBody"] = json!("long ".repeat(40_000));
    assert_eq!(run.send(&long).await, 200);
    run.until("waits", "reason", "edge_blocked").await;
    run.way.close().await;
    let waits = run
        .until("waits", "reason", "attachments_unavailable")
        .await;
    assert_eq!(waits["state"], "queued", "{waits}");
    run.way.open();
    run.until("waits", "state", "done").await;
    assert_eq!(run.helpdesk.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_that_is_gone_makes_a_dead_letter_and_comes_back_with_it() {
    let Some(run) = Run::start().await else {
        return;
    };
    run.helpdesk.fail([Fault::edge_1010()]);
    assert_eq!(run.send(&with_attachment("gone", "QUJD")).await, 200);
    run.until("gone", "reason", "edge_blocked").await;
    let deleted = run.object(Method::DELETE).send().await.unwrap();
    assert!(deleted.status().is_success(), "{deleted:?}");
    let dead = run.until("gone", "state", "dead").await;
    assert_eq!(dead["reason"], "attachment_missing");
    let answer = dead["answer"].as_str().unwrap();
    assert!(answer.contains(ABC), "it is named: {answer}");
    // Its sender's next mail is not held up.
    assert_eq!(run.send(&mail("next")).await, 200);
    run.until("next", "state", "done").await;
    // From a copy of the bucket.
    let put = run.object(Method::PUT).body("ABC").send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");
    let variables = borrowed(&run.variables);
    let redriven = tokio::task::block_in_place(|| {
        command(&["redrive", "--reason", "attachment_missing"], &variables).output()
    });
    assert!(redriven.unwrap().status.success());
    run.until("gone", "state", "done").await;
    assert_eq!(run.helpdesk.count(), 2);
}
