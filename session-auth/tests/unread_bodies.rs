//! Clients that send all of a body before they look for an answer, as Python, wget and proxies do: whatever
//! is refused while they send, they find out why.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use session_auth::authenticate::{Authenticate, Proof, Refusal, RequestParts, Verdict};
use session_auth::methods::POST;
use session_auth::store::MemoryStore;
use session_auth::webhook::BasicAuth;
use session_auth::{Keys, Router, SessionAuthLayer, SessionAuthLayerBuilder, session, webhook};
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
    let own = |path: &str| webhook(POST, path.to_owned(), "handler").reason("a token");
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
