//! The pipeline on sockets of its own, with a database, a folder and a help desk of its own.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mail_pipeline::helpdesk::{HelpDesk, Ticket};
use mail_pipeline::queue::{DeadLetter, DeadLetters, Queue};
use mail_pipeline::{Config, MasterKeys, Role, Timing};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use session_auth::Keys;
use tempfile::TempDir;
use test_servers::{Nats, Postgres};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

pub(crate) const INBOUND: &str = "/v1/email/inbound";
pub(crate) const PASSWORD: &str = "inbound-password";
pub(crate) const MONITOR: &str = "monitor-token";
pub(crate) const KEY: &str = "freescout-key";
/// Until when everything has happened that is going to.
pub(crate) const SOON: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    /// With SQLite beside it.
    Nats,
}

/// What a pipeline stands on, for as long as a test needs it.
pub(crate) struct Ground {
    pub(crate) folder: TempDir,
    pub(crate) postgres: Option<Postgres>,
    pub(crate) nats: Option<Nats>,
}

impl Ground {
    /// `None`: a server is not installed.
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        let postgres = match kind {
            Kind::Postgres => Some(Postgres::start()?),
            _ => None,
        };
        let nats = match kind {
            Kind::Nats => Some(Nats::start()?),
            _ => None,
        };
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
            postgres,
            nats,
        })
    }

    pub(crate) fn database(&self) -> String {
        match &self.postgres {
            Some(server) => server.url(),
            None => format!(
                "sqlite://{}",
                self.folder.path().join("mail.sqlite").display()
            ),
        }
    }

    pub(crate) fn config(&self) -> Config {
        let master = MasterKeys::read(|_| Err(std::env::VarError::NotPresent), true).unwrap();
        Config {
            keys: Keys::random().unwrap(),
            development: false,
            inbound: PASSWORD.into(),
            generic: "generic-secret".into(),
            deploy: "deploy-token".into(),
            monitor_token: MONITOR.into(),
            operator_password: "operator-password".into(),
            master,
            data: self.folder.path().join("data"),
            database: self.database().parse().unwrap(),
            nats: self.nats.as_ref().map(Nats::url),
            blobs: None,
            role: Role::All,
            helpdesk: None,
            helpdesk_api_key: Some(KEY.into()),
            default_mailbox: 1,
            smtp_url: None,
            reply_from: None,
            dead_letter_url: None,
            dead_letter_secret: None,
            dead_letter_mail: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            timing: Timing {
                visibility: Duration::from_secs(4),
                answer: Duration::from_millis(600),
                backoff: Duration::from_millis(20),
                backoff_most: Duration::from_millis(100),
                attempts: 5,
                poll: Duration::from_millis(20),
                workers: 2,
            },
        }
    }
}

pub(crate) struct Pipeline {
    pub(crate) base: String,
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
    pub(crate) helpdesk: HelpDesk,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) dead: DeadLetters,
    pub(crate) data: PathBuf,
    pub(crate) database: String,
    serving: JoinHandle<()>,
    _desk: JoinHandle<()>,
    pub(crate) ground: Arc<Ground>,
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Pipeline {
    pub(crate) async fn start() -> Self {
        Self::on(Kind::Sqlite, |_| {}).await.unwrap()
    }

    /// `None`: a server is not installed.
    pub(crate) async fn on(kind: Kind, change: impl FnOnce(&mut Config)) -> Option<Self> {
        let ground = Arc::new(Ground::new(kind)?);
        Some(Self::over(ground, HelpDesk::new(KEY), change).await)
    }

    /// On what is there, with this help desk.
    pub(crate) async fn over(
        ground: Arc<Ground>,
        helpdesk: HelpDesk,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (url, desk) = desk(&helpdesk).await;
        let mut config = ground.config();
        config.helpdesk = Some(url.parse().unwrap());
        change(&mut config);
        let (queue, dead) = mail_pipeline::open_queue(&config).await.unwrap();
        let data = config.data.clone();
        let service = mail_pipeline::start(config).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = service.serve(listener, std::future::pending());
        let serving = tokio::spawn(async { serving.await.unwrap() });
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            base: format!("http://{address}"),
            address,
            client,
            helpdesk,
            queue,
            dead,
            data,
            database: ground.database(),
            serving,
            _desk: desk,
            ground,
        }
    }

    /// The same again, after this one has ended.
    pub(crate) async fn restart(self, change: impl FnOnce(&mut Config)) -> Self {
        let (ground, helpdesk) = (Arc::clone(&self.ground), self.helpdesk.clone());
        self.serving.abort();
        drop(self);
        // Its connections are closed by then.
        sleep(Duration::from_millis(50)).await;
        Self::over(ground, helpdesk, change).await
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    pub(crate) async fn inbound(&self, mail: &Value) -> Response {
        let request = self.post(INBOUND).basic_auth("postmark", Some(PASSWORD));
        request.json(mail).send().await.unwrap()
    }

    /// Sends a mail that is taken.
    pub(crate) async fn send(&self, mail: &Value) -> String {
        let answer = self.inbound(mail).await;
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["status"], "accepted", "{answer}");
        answer["message_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn monitor(&self, path: &str) -> (u16, Value) {
        let answer = self.get(path).bearer_auth(MONITOR).send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json().await.unwrap_or(Value::Null),
        )
    }

    pub(crate) async fn mail(&self, id: &str) -> Value {
        let (status, mail) = self.monitor(&format!("/internal/mails/{id}")).await;
        assert_eq!(status, 200, "{id}");
        mail
    }

    /// Waits until it has its ticket.
    pub(crate) async fn done(&self, id: &str) -> Value {
        self.until(async || {
            let mail = self.mail(id).await;
            (mail["state"] == "done").then_some(mail)
        })
        .await
        .unwrap_or_else(|| panic!("{id} has no ticket"))
    }

    /// Waits until it is a dead letter.
    pub(crate) async fn died(&self, id: &str) -> DeadLetter {
        self.until(async || {
            let all = self.dead.list(1000).await.unwrap();
            all.into_iter().find(|letter| letter.id == id)
        })
        .await
        .unwrap_or_else(|| panic!("{id} is no dead letter"))
    }

    /// Waits until the bridge is stopped. Why.
    pub(crate) async fn stopped(&self) -> String {
        self.until(async || {
            let (status, body) = self.monitor("/internal/status").await;
            (status == 503).then(|| body["stopped"].as_str().unwrap().to_owned())
        })
        .await
        .expect("the bridge stops")
    }

    pub(crate) async fn until<T>(&self, mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
        let start = Instant::now();
        while start.elapsed() < SOON {
            if let Some(found) = ask().await {
                return Some(found);
            }
            sleep(Duration::from_millis(10)).await;
        }
        None
    }

    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        self.helpdesk.tickets()
    }

    /// Nothing waits, nothing is dead. A ticket is known a moment before its message is gone.
    pub(crate) async fn assert_empty(&self) {
        let empty = self.until(async || {
            let depth = self.queue.depth().await.unwrap();
            ((depth.messages, depth.dead) == (0, 0)).then_some(())
        });
        assert!(empty.await.is_some(), "{:?}", self.queue.depth().await);
    }

    /// The operators' cookie.
    pub(crate) async fn login(&self) -> String {
        let form = [("password", "operator-password")];
        let answer = self.post("/login").form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// As a form of the operators' page.
    pub(crate) async fn press(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Response {
        let request = self.post(path).header("cookie", cookie).form(form);
        request
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn page(&self, path: &str, cookie: &str) -> String {
        let answer = self
            .get(path)
            .header("cookie", cookie)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }
}

/// A help desk on a socket.
pub(crate) async fn desk(helpdesk: &HelpDesk) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = helpdesk.app().unwrap();
    (
        url,
        tokio::spawn(async { app.serve(listener).await.unwrap() }),
    )
}

/// A mail as Postmark posts it, with this transport id, to support@example.org.
pub(crate) fn mail(id: &str) -> Value {
    mail_to(id, "support@example.org")
}

pub(crate) fn mail_to(id: &str, recipient: &str) -> Value {
    let mut mail: Value = serde_json::from_str(include_str!(
        "../../../incident/payloads/postmark-inbound.json"
    ))
    .unwrap();
    mail["MessageID"] = json!(id);
    mail["OriginalRecipient"] = json!(recipient);
    mail["ToFull"] = json!([{ "Email": recipient, "Name": "", "MailboxHash": "" }]);
    mail["Subject"] = json!(format!("Subject of {id}"));
    mail["Headers"] =
        json!([{ "Name": "Message-ID", "Value": format!("<{id}@mail.example.com>") }]);
    mail
}
