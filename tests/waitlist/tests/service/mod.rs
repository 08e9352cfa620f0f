//! The service on a socket of its own, with a database of its own, and the operator's browsers.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::json;
use session_auth::{Keys, SystemClock};
use tempfile::TempDir;
use test_servers::Postgres;
use tokio::net::{TcpListener, TcpStream};
use waitlist::Config;

pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const WAF_AUTHORIZATION: &str = "Bearer edge-worker-token";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A database, for as long as a test needs it.
pub(crate) enum Database {
    Sqlite(TempDir),
    Postgres(Postgres),
}

impl Database {
    /// `None`: PostgreSQL is not installed.
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Sqlite => Self::Sqlite(tempfile::tempdir().unwrap()),
            Kind::Postgres => Self::Postgres(Postgres::start()?),
        })
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => {
                let file = folder.path().join("waitlist.sqlite");
                format!("sqlite://{}", file.display())
            }
            Self::Postgres(server) => server.url(),
        }
    }
}

pub(crate) fn config(url: &str, keys: Keys) -> Config {
    Config {
        keys,
        postmark_password: "p0stmark".into(),
        freescout_secret: "1fd8b9f0c7a14a0f".into(),
        waf_token: "edge-worker-token".into(),
        monitor_token: "monitor-token".into(),
        api_key_prefix: "waitlist_test".to_owned(),
        operator_password: Some(PASSWORD.into()),
        database: url.parse().unwrap(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        timeout: Duration::from_secs(60),
        clock: Arc::new(SystemClock),
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// The `name=value` of the cookie that it sets.
    pub(crate) fn cookie(&self) -> &str {
        let cookie = self.headers[SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Service {
    address: SocketAddr,
    keys: Keys,
    pub(crate) url: String,
    _database: Arc<Database>,
}

impl Service {
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        let database = Database::new(kind)?;
        let url = database.url();
        Some(Self::run(Arc::new(database), url, Keys::random().unwrap()).await)
    }

    /// Another process, with the same keys: on the same database, or on another.
    pub(crate) async fn restart(&self, url: &str) -> Self {
        let database = Arc::clone(&self._database);
        Self::run(database, url.to_owned(), self.keys.clone()).await
    }

    async fn run(database: Arc<Database>, url: String, keys: Keys) -> Self {
        let config = config(&url, keys.clone());
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = waitlist::app(config).await.unwrap();
        tokio::spawn(app.serve(listener).into_future());
        Self {
            address,
            keys,
            url,
            _database: database,
        }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())));
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let (head, body) = sender
            .send_request(request.unwrap())
            .await
            .unwrap()
            .into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, path, "", headers).await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        kind: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let headers = [&[(CONTENT_TYPE.as_str(), kind)], headers].concat();
        self.send(Method::POST, path, body, &headers).await
    }

    /// As a page of the service sends it.
    pub(crate) async fn form(&self, path: &str, form: &str, cookie: &str) -> Answer {
        let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin")];
        self.post(path, FORM, form, &headers).await
    }

    pub(crate) async fn try_login(&self, password: &str, user_agent: &str) -> Answer {
        let body = json!({ "password": password }).to_string();
        let headers = [("user-agent", user_agent)];
        self.post("/login", JSON, &body, &headers).await
    }

    /// The cookie of a new session.
    pub(crate) async fn login(&self, user_agent: &str) -> String {
        let answer = self.try_login(PASSWORD, user_agent).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
        answer.cookie().to_owned()
    }

    /// The page of devices.
    pub(crate) async fn devices(&self, cookie: &str) -> String {
        let answer = self.get("/devices", &[("cookie", cookie)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.text().to_owned()
    }

    /// Where the button beside this device leads.
    pub(crate) async fn revoke_action(&self, cookie: &str, label: &str) -> String {
        let page = self.devices(cookie).await;
        let row = page.split("<li").find(|row| row.contains(label)).unwrap();
        let action = row.split("action=\"").nth(1).unwrap();
        action.split('"').next().unwrap().to_owned()
    }

    pub(crate) async fn assert_good(&self, cookie: &str) {
        let me = self.get("/api/me", &[("cookie", cookie)]).await;
        assert_eq!(me.status, StatusCode::OK, "{me:?}");
    }

    pub(crate) async fn assert_revoked(&self, cookie: &str) {
        let me = self.get("/api/me", &[("cookie", cookie)]).await;
        assert_eq!(me.status, StatusCode::UNAUTHORIZED, "{me:?}");
        assert!(me.text().contains(r#""reason":"revoked""#), "{me:?}");
    }
}
