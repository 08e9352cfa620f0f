//! A disk that is full, for the process that writes: no file of it may grow. What a full disk and such a
//! limit have in common is the error of the write.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod program;
mod service;

use std::fs;
use std::time::{Duration, Instant};

use mail_pipeline::helpdesk::{Fault, HelpDesk};
use program::Node;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use service::{Ground, INBOUND, Kind, SOON, desk, mail};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

const DEVELOPMENT: &str = "development";

struct Disk {
    node: Node,
    client: Client,
    helpdesk: HelpDesk,
    ground: Ground,
    _desk: JoinHandle<()>,
}

impl Disk {
    async fn start() -> Self {
        let ground = Ground::new(Kind::Sqlite).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let helpdesk = HelpDesk::new(DEVELOPMENT);
        let (url, desk) = desk(&helpdesk).await;
        let data = ground.folder.path().display().to_string();
        let node = tokio::task::block_in_place(|| {
            Node::start_where_files_may_be_limited(&[
                ("SESSION_AUTH_DEV", "true"),
                ("DATA", &data),
                ("HELPDESK_URL", &url),
                ("HELPDESK_API_KEY", DEVELOPMENT),
                ("VISIBILITY_SECONDS", "2"),
            ])
        });
        Self {
            node,
            client: Client::builder().no_proxy().build().unwrap(),
            helpdesk,
            ground,
            _desk: desk,
        }
    }

    fn request(&self, mail: &Value) -> RequestBuilder {
        let request = self.client.post(format!("{}{INBOUND}", self.node.base));
        request.basic_auth("postmark", Some(DEVELOPMENT)).json(mail)
    }

    async fn send(&self, mail: &Value) -> u16 {
        self.request(mail).send().await.unwrap().status().as_u16()
    }

    /// As a provider: until it is taken.
    async fn send_until_taken(&self, mail: &Value) {
        let start = Instant::now();
        while self.send(mail).await != 200 {
            assert!(start.elapsed() < SOON, "it is not taken");
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn done(&self, id: &str) {
        let start = Instant::now();
        loop {
            let url = format!("{}/internal/mails/postmark:{id}", self.node.base);
            let request = self.client.get(url).bearer_auth(DEVELOPMENT);
            let mail: Value = request.send().await.unwrap().json().await.unwrap();
            if mail["state"] == "done" {
                return;
            }
            assert!(start.elapsed() < SOON, "{mail}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn halves(&self) -> usize {
        let files = fs::read_dir(self.ground.folder.path().join("blobs")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.len() != 64).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_is_503_and_the_mail_is_taken_later() {
    let disk = Disk::start().await;
    assert_eq!(disk.send(&mail("before")).await, 200);
    disk.done("before").await;

    // There is room for what the database writes, and none for the attachment.
    disk.node.limit_files("2000000");
    let mut large = mail("large");
    large["Attachments"] = json!([{
        "Name": "a.bin", "Content": "QUJD".repeat(1_000_000), "ContentType": "application/pdf",
    }]);
    assert_eq!(disk.send(&large).await, 503);
    assert_eq!(disk.halves(), 0, "what could not be written takes no room");
    assert_eq!(disk.send(&mail("small")).await, 200);
    disk.done("small").await;

    // No room at all. Several at once, of which each is told.
    disk.node.limit_files("0");
    let mails: Vec<_> = (0..8)
        .map(|number| mail(&format!("none-{number}")))
        .collect();
    let mut sending = JoinSet::new();
    for mail in &mails {
        sending.spawn(disk.request(mail).send());
    }
    for answer in sending.join_all().await {
        assert_eq!(answer.unwrap().status(), 503);
    }

    disk.node.limit_files("unlimited");
    disk.send_until_taken(&large).await;
    disk.done("large").await;
    for (number, mail) in mails.iter().enumerate() {
        disk.send_until_taken(mail).await;
        disk.done(&format!("none-{number}")).await;
    }
    assert_eq!(disk.helpdesk.count(), 3 + mails.len());
    assert_eq!(disk.halves(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_could_not_be_written_down_is_found_when_there_is_room() {
    let disk = Disk::start().await;
    disk.helpdesk
        .fail([Fault::made_but_late(Duration::from_millis(700))]);
    assert_eq!(disk.send(&mail("late")).await, 200);
    let start = Instant::now();
    while disk.helpdesk.count() == 0 {
        assert!(start.elapsed() < SOON);
        sleep(Duration::from_millis(10)).await;
    }
    // The ticket exists, and nobody can write that down.
    disk.node.limit_files("0");
    tokio::task::block_in_place(|| disk.node.says("the bridge cannot work"));
    disk.node.limit_files("unlimited");
    disk.done("late").await;
    assert_eq!(disk.helpdesk.count(), 1, "and no second one");
}
