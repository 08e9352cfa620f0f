//! Clients that send all of a body before they look for an answer, as Python, wget and proxies do: whatever
//! is refused while they send, they find out why.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt;
use session_auth::authenticate::{Authenticate, Proof, Refusal, RequestParts, Verdict};
use session_auth::methods::POST;
use session_auth::store::MemoryStore;
use session_auth::webhook::{BasicAuth, Hmac};
use session_auth::{
    InlineWebhook, Keys, Router, SessionAuthLayer, SessionAuthLayerBuilder, session, webhook,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than the buffers of two sockets hold.
const LENGTH: usize = 20_000_000;

/// Knows nobody, and says so at once or later.
struct Nobody {
    later: bool,
}

impl Authenticate for Nobody {
    type Identity = ();

    fn authenticate(&self, _: &RequestParts<'_>) -> Verdict<()> {
        let refused: Result<Proof<()>, _> = Err(Refusal::Missing);
        if self.later {
            Verdict::later(async {
                tokio::task::yield_now().await;
                refused
            })
        } else {
            refused.into()
        }
    }
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .store(MemoryStore::new())
        .authenticator("now", Nobody { later: false })
        .authenticator("later", Nobody { later: true })
        .verifier("basic", BasicAuth::new("user", "pass"))
}

/// Sends a body with its length, and then a second request over the same connection: nothing of the first is
/// left on it.
async fn send_all(address: SocketAddr, path: &str, headers: &str, chunked: bool) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (framing, before, after) = if chunked {
        let size = format!("{LENGTH:x}\r\n");
        (
            "Transfer-Encoding: chunked".to_owned(),
            size,
            "\r\n0\r\n\r\n",
        )
    } else {
        (format!("Content-Length: {LENGTH}"), String::new(), "")
    };
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}{framing}\r\n\r\n{before}");
    let next = format!("{after}GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let body = vec![b'x'; LENGTH];
    for bytes in [head.as_bytes(), &body, next.as_bytes()] {
        let sent = stream.write_all(bytes).await;
        sent.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).await.unwrap();
    let answers = String::from_utf8(answers).unwrap();
    assert!(answers.contains("connection: close"), "{path}: {answers}");
    answers
}

#[tokio::test]
async fn whoever_sends_first_finds_the_answer() {
    let auth = builder().build().unwrap();
    let routes = Router::new()
        .mount(session(POST, "/session").to(async |it: Bytes| it.len().to_string()))
        .mount(
            session(POST, "/now")
                .by("now")
                .to(async |it: Bytes| it.len().to_string()),
        )
        .mount(
            session(POST, "/later")
                .by("later")
                .to(async |it: Bytes| it.len().to_string()),
        )
        .mount(webhook(POST, "/basic", "basic").to(async |it: Bytes| it.len().to_string()))
        .mount(
            own("/large")
                .max_body(1000)
                .to(async |it: Bytes| it.len().to_string()),
        )
        .mount(own("/refused").to(async || StatusCode::UNAUTHORIZED))
        .mount(own("/dropped").to(async |_: Body| StatusCode::FORBIDDEN));
    let ended = common::cookie_of(&auth).await;
    auth.sessions().revoke_all("ada").await.unwrap();
    let cookie = common::cookie_of(&auth).await;
    let cross = format!("{cookie}Origin: https://elsewhere.example\r\n");
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    for (path, headers, status) in [
        ("/session", "", 401),
        ("/session", &*cross, 403),
        // The store knows that it is none any more.
        ("/session", &*ended, 401),
        ("/now", "", 401),
        ("/later", "", 401),
        ("/basic", "", 401),
        // Nobody waits for that.
        ("/basic", "Expect: 200-ok\r\n", 401),
        ("/large", "", 413),
        ("/refused", "", 401),
        ("/dropped", "", 403),
    ] {
        for chunked in [false, true] {
            let answers = send_all(address, path, headers, chunked).await;
            let expected = format!("HTTP/1.1 {status} ");
            assert!(answers.starts_with(&expected), "{path}: {answers}");
        }
    }
}

#[tokio::test]
async fn a_bare_layer_reads_on_as_well() {
    let auth = builder().build().unwrap();
    let app = axum::Router::new()
        .route(
            "/nobodys",
            axum::routing::post(async |it: Bytes| it.len().to_string()),
        )
        .layer(auth);
    let address = common::serve(app).await;
    for chunked in [false, true] {
        let answers = send_all(address, "/nobodys", "", chunked).await;
        assert!(answers.starts_with("HTTP/1.1 401 "), "{answers}");
    }
}

/// Sends a chunked body once the server has asked for it, which it does where it has begun to read.
async fn send_when_asked(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\
         Transfer-Encoding: chunked\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{path}");
    let size = format!("{LENGTH:x}\r\n");
    for bytes in [size.as_bytes(), &vec![b'x'; LENGTH], b"\r\n0\r\n\r\n"] {
        let sent = stream.write_all(bytes).await;
        sent.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Webhooks that are refused where their body is too long: by a signature, and by the handler.
fn of_a_length() -> (SessionAuthLayer, Router) {
    let github = Hmac::github("secret");
    let auth = builder().verifier("github", github).build().unwrap();
    let routes = Router::new()
        .mount(webhook(POST, "/signed", "github").to(async |it: Bytes| it.len().to_string()))
        .mount(
            own("/large")
                .max_body(1000)
                .to(async |it: Bytes| it.len().to_string()),
        );
    (auth, routes)
}

/// A webhook whose handler checks the proof.
fn own(path: &'static str) -> InlineWebhook {
    webhook(POST, path, "handler").reason("a token")
}

#[tokio::test]
async fn whoever_was_told_to_go_on_finds_the_answer() {
    let (auth, routes) = of_a_length();
    let routes = routes.mount(own("/begun").to(async |body: Body| {
        let _first = body.into_data_stream().next().await;
        StatusCode::FORBIDDEN
    }));
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let signature = format!("X-Hub-Signature-256: sha256={:064}\r\n", 0);
    for (path, headers, status) in [
        ("/signed", &*signature, 413),
        ("/large", "", 413),
        ("/begun", "", 403),
    ] {
        let answer = send_when_asked(address, path, headers).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{path}: {answer}");
    }
}

/// Whoever is refused by the head is not asked for a body.
#[tokio::test]
async fn nobody_is_asked_for_a_body_that_is_refused() {
    let (auth, routes) = of_a_length();
    let routes = routes.mount(own("/refused").to(async || StatusCode::UNAUTHORIZED));
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let signature = format!("X-Hub-Signature-256: sha256={:064}\r\n", 0);
    for (path, headers, status) in [
        ("/signed", &*signature, 413),
        ("/signed", "", 401),
        ("/large", "", 413),
        ("/refused", "", 401),
    ] {
        let expects = format!("Expect: 100-continue\r\nContent-Length: {LENGTH}\r\n{headers}");
        let answer = common::request(address, "POST", path, &expects).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
}

/// Over HTTP/2 a sender whose stream is reset may show no answer, though it has one.
#[tokio::test]
async fn a_real_client_over_http_2_finds_the_answer() {
    let (auth, routes) = of_a_length();
    let routes = routes
        .mount(session(POST, "/session").to(async |it: Bytes| it.len().to_string()))
        .mount(own("/refused").to(async || StatusCode::UNAUTHORIZED));
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![b'x'; 3_000_000]).unwrap();
    let signature = format!("X-Hub-Signature-256: sha256={:064}", 0);
    for (path, header, status) in [
        ("session", "X-A: b", "401"),
        ("signed", "X-A: b", "401"),
        ("signed", &*signature, "413"),
        ("large", "X-A: b", "413"),
        ("refused", "X-A: b", "401"),
    ] {
        let curl = tokio::process::Command::new("curl")
            .args(["--silent", "--max-time", "20", "--http2-prior-knowledge"])
            .args(["--request", "POST", "--header", header])
            .args(["--output", "/dev/null", "--write-out", "%{http_code}"])
            .arg("--upload-file")
            .arg(file.path())
            .arg(format!("http://{address}/{path}"))
            .output();
        let output = curl.await.unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            status,
            "{path} {header}"
        );
    }
}
