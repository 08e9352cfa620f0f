//! A server on loopback, and a client that sends exactly the bytes it is given: what a client
//! library would tidy up is what these tests are about.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses its own part of this"
)]

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

/// Serves an app on a free port of loopback until the test ends.
pub async fn serve<A>(app: A) -> SocketAddr
where
    A: Service<Request, Response = Response, Error = std::convert::Infallible>,
    A: Clone + Send + Sync + 'static,
    A::Future: Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let make_service =
        axum::ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app);
    tokio::spawn(async move { axum::serve(listener, make_service).await });
    address
}

/// An answer, as it came over the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The values of a header, in order.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head.lines().filter_map(move |line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Sends these bytes, closes its side, and reads the answer.
pub async fn send(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    stream.write_all(bytes).await.expect("the server reads");
    let mut answer = Vec::new();
    // The server closes: each request says `Connection: close`, or is not HTTP.
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), read)
        .await
        .expect("an answer within ten seconds")
        .expect("the answer can be read");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no status in {answer:?}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Sends a request with these headers, each with its line end, and no body.
pub async fn request(address: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
    let text = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    );
    send(address, text.as_bytes()).await
}

/// Sends a request with a body and its length.
pub async fn post(address: SocketAddr, target: &str, headers: &str, body: &str) -> Answer {
    let text = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    send(address, text.as_bytes()).await
}

/// `name=value` of the cookie that an answer sets.
pub fn cookie(answer: &Answer) -> String {
    let set = answer
        .header("set-cookie")
        .next()
        .expect("the answer sets a cookie");
    set.split(';').next().unwrap_or_default().to_owned()
}
