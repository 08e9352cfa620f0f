//! The service on a socket of its own, with a database file of its own, and its callers.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use session_auth::{Clock, Keys, SystemClock};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use waitlist::Config;

pub(crate) const POSTMARK_PASSWORD: &str = "p0stmark";
pub(crate) const FREESCOUT_SECRET: &str = "1fd8b9f0c7a14a0f8c1d0f7b8a3e6c52";
pub(crate) const WAF_TOKEN: &str = "edge-worker-token";
pub(crate) const MONITOR_TOKEN: &str = "monitor-token";
pub(crate) const OPERATOR_PASSWORD: &str = "correct horse";
/// The default limit for a webhook's body, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;
/// Short, for the test that waits for it; long enough for all others.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);

/// The body of this name, as the sender sends it.
pub(crate) fn payload(name: &str) -> Bytes {
    let path = format!("{}/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .into()
}

/// How a caller proves itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proof {
    None,
    Basic(&'static str, &'static str),
    FreeScout(&'static str),
    Bearer(&'static str),
}

impl Proof {
    /// The header with the proof.
    pub(crate) fn header(self, body: &[u8]) -> Option<(&'static str, String)> {
        match self {
            Self::None => None,
            Self::Basic(user, password) => {
                let credentials = STANDARD.encode(format!("{user}:{password}"));
                Some((AUTHORIZATION.as_str(), format!("Basic {credentials}")))
            }
            Self::FreeScout(secret) => {
                let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
                mac.update(body);
                let signature = STANDARD.encode(mac.finalize().into_bytes());
                Some(("x-freescout-signature", signature))
            }
            Self::Bearer(token) => Some((AUTHORIZATION.as_str(), format!("Bearer {token}"))),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `name=value` of the cookie that it sets.
    pub(crate) fn cookie(&self) -> &str {
        let cookie = self.headers[SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap()
    }
}

pub(crate) struct Service {
    address: SocketAddr,
    database: PathBuf,
    // Removed when dropped.
    _folder: TempDir,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_at(Arc::new(SystemClock)).await
    }

    /// With a clock that the test moves.
    pub(crate) async fn start_at(clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("waitlist.sqlite");
        let config = Config {
            keys: Keys::random().unwrap(),
            postmark_password: POSTMARK_PASSWORD.into(),
            freescout_secret: FREESCOUT_SECRET.into(),
            waf_token: WAF_TOKEN.into(),
            monitor_token: MONITOR_TOKEN.into(),
            api_key_prefix: "waitlist_test".to_owned(),
            operator_password: Some(OPERATOR_PASSWORD.into()),
            database: format!("sqlite://{}", database.display()).parse().unwrap(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            timeout: TIMEOUT,
            clock,
        };
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = waitlist::app(config).await.unwrap();
        tokio::spawn(app.serve(listener).into_future());
        Self {
            address,
            database,
            _folder: folder,
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
    }

    pub(crate) async fn send<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + Unpin + 'static,
    {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// Posts JSON, with a proof and without a cookie.
    pub(crate) async fn post(&self, path: &str, body: Bytes, proof: Proof) -> Answer {
        let mut request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json");
        if let Some((name, value)) = proof.header(&body) {
            request = request.header(name, value);
        }
        self.send(request.body(Full::new(body)).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        let mut request = self.request(Method::GET, path);
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        self.send(request.body(Full::<Bytes>::default()).unwrap())
            .await
    }

    /// Announces the whole body, sends half of it, and then says no more: closes its side, or lets
    /// the connection stand. Returns what came back.
    pub(crate) async fn post_half(
        &self,
        path: &str,
        body: &[u8],
        proof: Proof,
        close: bool,
    ) -> String {
        let mut head = format!(
            "POST {path} HTTP/1.1\r\n{HOST}: {}\r\n{CONTENT_TYPE}: application/json\r\n\
             {CONTENT_LENGTH}: {}\r\n",
            self.address,
            body.len(),
        );
        if let Some((name, value)) = proof.header(body) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body[..body.len() / 2]).await.unwrap();
        if close {
            stream.shutdown().await.unwrap();
        }
        let mut answer = Vec::new();
        // A reset is an answer here: what counts is what the service did.
        let _ = timeout(TIMEOUT * 5, stream.read_to_end(&mut answer))
            .await
            .expect("the service answers, or closes the connection");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Events in the database file: sender, kind, payload.
    pub(crate) async fn events(&self) -> Vec<(String, String, Vec<u8>)> {
        sqlx::query_as("SELECT sender, kind, payload FROM events ORDER BY id")
            .fetch_all(&self.file().await)
            .await
            .unwrap()
    }

    /// Signups in the database file: address, source, how often it was sent.
    pub(crate) async fn signups(&self) -> Vec<(String, String, i64)> {
        sqlx::query_as("SELECT email, source, submissions FROM signups ORDER BY first_at, email")
            .fetch_all(&self.file().await)
            .await
            .unwrap()
    }

    /// The file, opened beside the service and not through it.
    async fn file(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(&self.database)
            .read_only(true);
        SqlitePool::connect_with(options).await.unwrap()
    }
}
