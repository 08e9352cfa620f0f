//! A server on loopback, and a client that sends exactly the bytes it is given: what a client
//! library would tidy up is what these tests are about.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses its own part of this"
)]

pub mod clock;
pub mod disturbed;
pub mod watched;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use session_auth::{
    Audited, BuildError, Keys, Protected, RouteActivity, Router, SessionAuthLayer, audited_router,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Service, ServiceExt};

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
    /// The body of a 200, or the status.
    pub fn shown(&self) -> String {
        match self.status {
            200 => self.body.clone(),
            status => status.to_string(),
        }
    }

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

/// Asks an app in process: also by methods and for paths that no client sends.
pub async fn ask<A>(app: &A, method: &str, target: &str, headers: &str) -> Answer
where
    A: Service<Request, Response = Response> + Clone,
    A::Error: std::fmt::Debug,
{
    let mut request = Request::builder().method(method).uri(target);
    for line in headers.lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        request = request.header(name, value);
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = app.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .expect("a body");
    let mut head = String::new();
    for (name, value) in &parts.headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().expect("ASCII")));
    }
    Answer {
        status: parts.status.as_u16(),
        head,
        body: String::from_utf8_lossy(&body).into_owned(),
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

/// A layer without anything to it.
pub fn auth() -> SessionAuthLayer {
    let keys = Keys::random().expect("random numbers");
    SessionAuthLayer::builder(keys)
        .build()
        .expect("nothing is wrong with it")
}

/// The header of a session of `ada`, with its line end.
pub async fn cookie_of(auth: &SessionAuthLayer) -> String {
    let issued = auth.sessions().issue("ada").await.expect("a session");
    let set = issued.set_cookie().to_str().expect("ASCII");
    let cookie = set.split(';').next().unwrap_or_default();
    format!("Cookie: {cookie}\r\n")
}

/// What became of the requests to a route.
pub fn activity(auth: &SessionAuthLayer, route: &str) -> RouteActivity {
    let all = auth.activity();
    let found = all.iter().find(|it| it.route == route);
    found
        .unwrap_or_else(|| panic!("no {route} in {all:?}"))
        .clone()
}

/// What each thread logs from the first call on. The tests of a program run at the same time, each with
/// its requests on a thread of its own, and must not count the lines of one another.
pub fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("there is no other");
        log
    })
}

#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<HashMap<ThreadId, Vec<u8>>>>);

impl Log {
    /// What this thread logged.
    pub fn text(&self) -> String {
        let threads = self.0.lock().expect("nobody panics with it");
        let bytes = threads.get(&thread::current().id());
        String::from_utf8_lossy(bytes.map_or(&[], Vec::as_slice)).into_owned()
    }

    /// The lines of a level with this text in them.
    pub fn lines(&self, level: &str, part: &str) -> Vec<String> {
        let text = self.text();
        let lines = text
            .lines()
            .filter(|line| line.contains(&format!("{level} session_auth:")) && line.contains(part));
        lines.map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut threads = self.0.lock().expect("nobody panics with it");
        let log = threads.entry(thread::current().id()).or_default();
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Protects a router that a test puts together, which no attribute stands on.
pub fn protect<R>(auth: &SessionAuthLayer, router: R) -> Result<Protected, BuildError>
where
    R: Auditing,
{
    auth.protect(router.audited())
}

/// An app of a router that nothing is wrong with.
#[track_caller]
pub fn protected(router: Router) -> Protected {
    match protect(&auth(), router) {
        Ok(app) => app,
        Err(error) => panic!("{error}"),
    }
}

/// What an app answers to nobody: the body of a 200, or the status.
pub async fn got<A>(app: &A, method: &str, path: &str) -> String
where
    A: Service<Request, Response = Response> + Clone,
    A::Error: std::fmt::Debug,
{
    ask(app, method, path, "").await.shown()
}

/// A service that answers everything with this text.
pub fn service(
    says: &'static str,
) -> impl Service<
    Request,
    Response = Response,
    Error = Infallible,
    Future = impl Future<Output = Result<Response, Infallible>> + Send,
> + Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(move |_: Request| async move { Ok(Response::new(Body::from(says))) })
}

/// This crate's router, and axum's as by `merge_axum`.
pub trait Auditing {
    fn audited(self) -> Audited;
}

impl Auditing for Router {
    fn audited(self) -> Audited {
        #[audited_router(at_start)]
        fn of_the_test(router: Router) -> Router {
            router
        }
        of_the_test(self)
    }
}

impl Auditing for axum::Router {
    fn audited(self) -> Audited {
        Router::new().merge_axum(self).audited()
    }
}
