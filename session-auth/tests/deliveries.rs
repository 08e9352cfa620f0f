//! Deliveries as senders really send them, over a real socket: large ones, slow ones, ones without the
//! credentials that nobody has asked for yet; and what the service makes of those that are verified.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use session_auth::methods::{ANY, POST};
use session_auth::routing::post;
use session_auth::webhook::{
    BasicAuth, Bearer, Delivery, Hmac, Rejection, Verifier, WebhookRequest, any_of,
};
use session_auth::{
    Denial, Keys, Mode, RouteActivity, Router, SessionAuthLayer, SessionAuthLayerBuilder, webhook,
    webhook_route,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const MIB: usize = 1 << 20;
const BASIC: &str = "Authorization: Basic cG9zdG1hcms6cGFzcw==\r\n";

/// Accepts what says the length of its body: a signature's part here is that it is over all of it.
struct Length;

impl Verifier for Length {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let length = request.headers().get("x-length");
        let length = length.ok_or(Rejection::SignatureMissing("no length"))?;
        if length.as_bytes() == request.body().len().to_string().as_bytes() {
            Ok(Delivery::new())
        } else {
            Err(Rejection::SignatureInvalid("another length"))
        }
    }
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("length", Length)
        .verifier("github", Hmac::github("secret"))
        .verifier("postmark", BasicAuth::new("postmark", "pass"))
        .verifier("waf", Bearer::new("edge-token"))
        .verifier(
            "either",
            any_of([
                Box::new(Bearer::new("new-token")) as Box<dyn Verifier>,
                Box::new(BasicAuth::new("postmark", "pass")),
            ]),
        )
}

async fn serve(builder: SessionAuthLayerBuilder, routes: Router) -> (SocketAddr, SessionAuthLayer) {
    let auth = builder.build().unwrap();
    let app = common::protect(&auth, routes).unwrap();
    (common::serve(app).await, auth)
}

/// A JSON text of this many bytes.
fn json(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

/// Passed, refused by the handler, failed there.
fn counts(auth: &SessionAuthLayer, route: &str) -> (u64, u64, u64) {
    let RouteActivity {
        passed,
        handler_refused,
        handler_failed,
        ..
    } = common::activity(auth, route);
    (passed, handler_refused, handler_failed)
}

#[webhook_route(POST, "/json", verify = "length", max_body = "35MiB")]
async fn of_json(body: Json<String>) -> String {
    (body.len() + 2).to_string()
}

#[webhook_route(POST, "/bytes", verify = "length", max_body = "35MiB")]
async fn of_bytes(body: Bytes) -> String {
    body.len().to_string()
}

#[webhook_route(POST, "/string", verify = "length", max_body = "35MiB")]
async fn of_string(body: String) -> String {
    body.len().to_string()
}

#[webhook_route(
    POST,
    "/self",
    verify = "handler",
    reason = "a token",
    max_body = "3MiB"
)]
async fn of_itself(body: Bytes) -> String {
    body.len().to_string()
}

#[webhook_route(POST, "/plain", verify = "length", max_body = "35MiB")]
async fn plain(body: Bytes) -> String {
    body.len().to_string()
}

/// The limit that a route declares is the one that holds, for each extractor, with axum's own default
/// and with one that the service gives all of its routes.
#[tokio::test]
async fn a_handler_reads_all_that_its_declaration_lets_in() {
    let routes = || {
        let foreign = axum::Router::new().route("/plain", axum::routing::post(plain));
        let nested = axum::Router::new().route(
            "/in",
            axum::routing::post(async |it: Bytes| it.len().to_string()),
        );
        Router::new()
            .mount(of_json)
            .mount(of_bytes)
            .route("/string", post(of_string))
            .mount(of_itself)
            .merge_axum(foreign)
            .mount_axum(
                webhook(ANY, "/mounted", "length").max_body(35 * MIB),
                nested,
            )
            .mount(
                webhook(POST, "/closure", "length")
                    .max_body(35 * MIB)
                    .to(async |it: Bytes| it.len().to_string()),
            )
    };
    let (plain_app, _) = serve(builder(), routes()).await;
    let limited = routes().layer(DefaultBodyLimit::max(64 * 1024));
    let (limited_app, _) = serve(builder(), limited).await;
    for (address, is_limited) in [(plain_app, false), (limited_app, true)] {
        for (path, sizes) in [
            ("/json", &[3 * MIB, 34 * MIB][..]),
            ("/bytes", &[3 * MIB, 35 * MIB]),
            ("/string", &[3 * MIB]),
            ("/plain", &[3 * MIB]),
            ("/closure", &[3 * MIB]),
            ("/mounted/in", &[3 * MIB]),
            ("/self", &[3 * MIB]),
        ] {
            for &size in sizes {
                // Handlers of an axum router have no wrapper around them: the layer has the last word.
                if is_limited && ["/plain", "/mounted/in"].contains(&path) {
                    continue;
                }
                let headers = format!("Content-Type: application/json\r\nX-Length: {size}\r\n");
                let answer = common::post(address, path, &headers, &json(size)).await;
                let size = size.to_string();
                assert_eq!((answer.status, answer.body), (200, size), "{path}");
            }
        }
        // One byte more is too much, for the handler that reads by itself as well.
        for (path, size) in [("/bytes", 35 * MIB + 1), ("/self", 3 * MIB + 1)] {
            let headers = format!("X-Length: {size}\r\n");
            let answer = common::post(address, path, &headers, &json(size)).await;
            assert_eq!(answer.status, 413, "{path}");
        }
    }
}

/// The layer's limit is followed where the declaration has none, and each has its own where nobody says
/// one: 1 MiB of the layer's, and axum's 2 MB where the handler checks the proof itself.
#[tokio::test]
async fn a_handler_reads_all_that_the_layer_lets_in() {
    let routes = || {
        Router::new()
            .mount(webhook(POST, "/bytes", "length").to(async |it: Bytes| it.len().to_string()))
            .mount(
                webhook(POST, "/self", "handler")
                    .reason("a token")
                    .to(async |it: Bytes| it.len().to_string()),
            )
    };
    let set = |limit| builder().max_webhook_body(limit);
    for (builder, path, limit) in [
        (set(10 * MIB), "/bytes", 10 * MIB),
        (set(10 * MIB), "/self", 10 * MIB),
        (set(100), "/bytes", 100),
        (set(100), "/self", 100),
        (builder(), "/bytes", MIB),
        (builder(), "/self", 2 * MIB),
    ] {
        let (address, _) = serve(builder, routes()).await;
        for (size, status) in [(limit, 200), (limit + 1, 413)] {
            let headers = format!("X-Length: {size}\r\n");
            let answer = common::post(address, path, &headers, &json(size)).await;
            assert_eq!(answer.status, status, "{path} {size}");
        }
    }
}

/// A verified delivery that the service itself turns down is not one that it took.
#[tokio::test]
async fn what_the_handler_refuses_is_counted_apart_from_what_it_accepted() {
    let answers = |status: u16| {
        move |body: Bytes| async move {
            assert!(!body.is_empty(), "a panic");
            StatusCode::from_u16(status).unwrap()
        }
    };
    let mut routes = Router::new();
    for status in [204_u16, 303, 400, 409, 413, 422, 500, 503] {
        let hook = webhook(POST, format!("/{status}"), "postmark");
        routes = routes.mount(hook.to(answers(status)));
    }
    routes = routes
        .mount(webhook(POST, "/json", "postmark").to(async |_: Json<u8>| "a number"))
        .mount(
            webhook(POST, "/self", "handler")
                .reason("a token")
                .to(answers(404)),
        );
    let log = common::log();
    let (address, auth) = serve(builder(), routes).await;
    let post = async |path: &str, body: &str| {
        let headers = format!("{BASIC}Content-Type: application/json\r\n");
        common::post(address, path, &headers, body).await.status
    };
    for (path, body, status, expected) in [
        ("/204", "x", 204, (1, 0, 0)),
        ("/303", "x", 303, (1, 0, 0)),
        ("/400", "x", 400, (0, 1, 0)),
        ("/409", "x", 409, (0, 1, 0)),
        ("/413", "x", 413, (0, 1, 0)),
        ("/422", "x", 422, (0, 1, 0)),
        ("/500", "x", 500, (0, 0, 1)),
        ("/503", "x", 503, (0, 0, 1)),
        ("/json", "7", 200, (1, 0, 0)),
        ("/json", "\"seven\"", 422, (1, 1, 0)),
        ("/json", "x", 400, (1, 2, 0)),
        ("/self", "x", 404, (0, 1, 0)),
    ] {
        assert_eq!(post(path, body).await, status, "{path} {body}");
        let route = format!("POST {path}");
        assert_eq!(counts(&auth, &route), expected, "{path} {body}");
    }
    let lines = log.lines("WARN", "did not accept it");
    let of = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    assert_eq!(of("POST /413"), 1, "{lines:?}");
    assert_eq!(of("status=413"), 1, "{lines:?}");
    assert_eq!(of("POST /json"), 2, "{lines:?}");
    assert_eq!(of("POST /204"), 0, "{lines:?}");

    // A panic closes the connection: there is no answer, and the delivery did not arrive.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let empty = format!("POST /204 HTTP/1.1\r\nHost: x\r\n{BASIC}Content-Length: 0\r\n\r\n");
    stream.write_all(empty.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty());
    assert_eq!(counts(&auth, "POST /204"), (1, 0, 1));
    // In the history of a route are all that reached the handler.
    for (route, reached) in [("POST /204", 2), ("POST /json", 3), ("POST /500", 1)] {
        let hours = common::activity(&auth, route).hours;
        assert_eq!(hours[hours.len() - 1].passed, reached, "{route}");
    }
}

/// Reads what a server answers, until it closes the connection.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let read = tokio::time::timeout(Duration::from_secs(10), read).await;
    read.expect("the server closes the connection").unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_slow_sender_is_cut_off() {
    let routes = || {
        Router::new()
            .mount(webhook(POST, "/slow", "length").to(async |_: Bytes| "all of it"))
            .mount(
                webhook(POST, "/self", "handler")
                    .reason("a token")
                    .to(async |_: Bytes| "all of it"),
            )
    };
    let timeout = Duration::from_millis(600);
    for mode in [Mode::Enforce, Mode::Observe] {
        let builder = builder().webhook_body_timeout(timeout).mode(mode);
        let (address, auth) = serve(builder, routes()).await;
        for (path, framing, piece) in [
            ("/slow", "Content-Length: 1000", "x"),
            ("/slow", "Transfer-Encoding: chunked", "1\r\nx\r\n"),
            // A chunk extension is a sign of life, and no byte of the body.
            ("/slow", "Transfer-Encoding: chunked", "1;x=y\r\nx\r\n"),
            ("/self", "Content-Length: 1000", "x"),
        ] {
            let began = Instant::now();
            let stream = TcpStream::connect(address).await.unwrap();
            let (mut reader, mut writer) = stream.into_split();
            let head =
                format!("POST {path} HTTP/1.1\r\nHost: x\r\nX-Length: 1000\r\n{framing}\r\n\r\n");
            writer.write_all(head.as_bytes()).await.unwrap();
            // A byte every now and then: never idle for long, and never done.
            let drip = tokio::spawn(async move {
                while writer.write_all(piece.as_bytes()).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
            let mut answer = vec![0; 4096];
            let read = tokio::time::timeout(Duration::from_secs(10), reader.read(&mut answer));
            let read = read.await.expect("an answer").unwrap();
            let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
            assert!(began.elapsed() >= timeout, "{answer}");
            drip.await.unwrap();
            if path == "/slow" {
                assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
                assert!(answer.contains(r#""reason":"body_timeout""#), "{answer}");
                assert!(answer.contains("connection: close"), "{answer}");
            } else {
                assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
            }
        }
        let slow = common::activity(&auth, "POST /slow");
        assert_eq!(slow.denied_for(Denial::BodyTimeout), 3);
        assert_eq!(slow.passed, 0);

        // One who pauses and then goes on in time is not.
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "POST /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Length: 2\r\nContent-Length: 2\r\n\r\nx";
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(timeout / 3).await;
        stream.write_all(b"x").await.unwrap();
        assert!(read_all(&mut stream).await.ends_with("all of it"));
    }
    let never = builder().webhook_body_timeout(Duration::ZERO).build();
    let error = never.unwrap_err().to_string();
    assert!(error.contains("webhook_body_timeout is zero"), "{error}");
}

/// Reads an answer of the guard's own, a JSON object.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let read = tokio::time::timeout(Duration::from_secs(1), stream.read_buf(&mut answer));
        assert_ne!(read.await.expect("an answer at once").unwrap(), 0);
    }
    String::from_utf8(answer).unwrap()
}

/// Whoever shows no credentials, or others, cannot make the service wait for a body.
#[tokio::test]
async fn what_the_head_disproves_is_refused_before_the_body_is_there() {
    let routes = Router::new()
        .mount(webhook(POST, "/basic", "postmark").to(async || "ran"))
        .mount(webhook(POST, "/bearer", "waf").to(async || "ran"))
        .mount(webhook(POST, "/hmac", "github").to(async || "ran"));
    let (address, auth) = serve(builder(), routes).await;
    for (path, headers, reason) in [
        ("/basic", "", "signature_missing"),
        (
            "/basic",
            "Authorization: Basic cG9zdG1hcms6cGFzdA==\r\n",
            "signature_invalid",
        ),
        ("/bearer", "", "signature_missing"),
        (
            "/bearer",
            "Authorization: Bearer edge-tokem\r\n",
            "signature_invalid",
        ),
        ("/hmac", "", "signature_missing"),
        (
            "/hmac",
            "X-Hub-Signature-256: sha256=00\r\n",
            "signature_invalid",
        ),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // More than any limit, announced, and not a byte of it sent.
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 100000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{path}: {answer}");
        assert!(answer.contains(reason), "{path}: {answer}");
    }
    for route in ["POST /basic", "POST /bearer", "POST /hmac"] {
        assert_eq!(common::activity(&auth, route).denied.len(), 2, "{route}");
    }
    // A client that sends all of its body before it looks for an answer finds one.
    for (path, headers, status) in [
        ("/basic", "", 401),
        ("/hmac", "", 401),
        // Too large, and the signature has the right form.
        (
            "/hmac",
            &*format!("X-Hub-Signature-256: sha256={}\r\n", "0".repeat(64)),
            413,
        ),
    ] {
        let answer = common::post(address, path, headers, &json(20 * MIB)).await;
        assert_eq!(answer.status, status, "{path}");
    }
    // `Expect: 100-continue`, as curl and .NET send it: nobody asks for a body that is of no use.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        "POST /basic HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    // Whatever comes then is no body, and nobody reads it as one.
    let mut pieces = 0;
    while stream.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        pieces += 1;
        assert!(pieces < 20, "the connection is open");
    }
    // With the credentials it is asked for, and read.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /basic HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{BASIC}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    assert!(read_all(&mut stream).await.ends_with("ran"));
}

#[tokio::test]
async fn a_refusal_asks_for_the_credentials_that_the_verifier_takes() {
    let routes = Router::new()
        .mount(webhook(POST, "/basic", "postmark").to(async || "ran"))
        .mount(webhook(POST, "/bearer", "waf").to(async || "ran"))
        .mount(webhook(POST, "/either", "either").to(async || "ran"))
        .mount(webhook(POST, "/hmac", "github").to(async || "ran"));
    let (address, _) = serve(builder(), routes).await;
    for (path, challenge) in [
        ("/basic", r#"Basic realm="webhook", charset="UTF-8""#),
        ("/bearer", r#"Bearer realm="webhook""#),
        (
            "/either",
            r#"Basic realm="webhook", charset="UTF-8", Bearer realm="webhook""#,
        ),
        ("/hmac", "Webhook"),
    ] {
        for headers in [
            "",
            "Authorization: Basic eDp5\r\n",
            "Authorization: Digest x\r\n",
        ] {
            let answer = common::post(address, path, headers, "").await;
            assert_eq!(answer.status, 401);
            let given: Vec<_> = answer.header("www-authenticate").collect();
            assert_eq!(given, [challenge], "{path} {headers:?}");
        }
        let answer = common::post(address, path, BASIC, "").await;
        let takes_basic = ["/basic", "/either"].contains(&path);
        assert_eq!(answer.status == 200, takes_basic, "{path}");
    }
}

const JAVA: &str = r#"
import java.net.*;
import java.net.http.*;
import java.nio.file.Path;

class Client {
    public static void main(String[] of) throws Exception {
        var credentials = new Authenticator() {
            protected PasswordAuthentication getPasswordAuthentication() {
                return new PasswordAuthentication("postmark", "pass".toCharArray());
            }
        };
        var client = HttpClient.newBuilder().authenticator(credentials).build();
        var request = HttpRequest.newBuilder(URI.create(of[0]))
            .POST(HttpRequest.BodyPublishers.ofFile(Path.of(of[1]))).build();
        System.out.print(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
"#;

/// Clients that send credentials only once they were asked for them.
#[tokio::test]
async fn clients_that_wait_for_a_challenge_get_in() {
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    let handler = || {
        let count = Arc::clone(&count);
        move |body: Bytes| {
            count.fetch_add(1, Ordering::SeqCst);
            async move { body.len().to_string() }
        }
    };
    let routes = Router::new()
        .mount(webhook(POST, "/basic", "postmark").to(handler()))
        .mount(webhook(POST, "/either", "either").to(handler()));
    let (address, _) = serve(builder(), routes).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("body");
    let java = dir.path().join("Client.java");
    std::fs::write(&java, JAVA).unwrap();
    // Less than a segment, and more than the sockets' buffers hold.
    for (path, size) in [("basic", 10), ("basic", 900 * 1024), ("either", 10)] {
        let url = format!("http://{address}/{path}");
        std::fs::write(&file, "x".repeat(size)).unwrap();
        let file = file.to_str().unwrap();
        let post = format!("--post-file={file}");
        let data = format!("@{file}");
        let python = format!(
            "import urllib.request as r\n\
             m = r.HTTPPasswordMgrWithDefaultRealm()\n\
             m.add_password(None, '{url}', 'postmark', 'pass')\n\
             o = r.build_opener(r.ProxyHandler({{}}), r.HTTPBasicAuthHandler(m))\n\
             print(o.open('{url}', open('{file}', 'rb').read()).read().decode(), end='')"
        );
        let clients: [(&str, Vec<&str>); 4] = [
            (
                "curl",
                vec![
                    "--noproxy",
                    "*",
                    "-sS",
                    "--anyauth",
                    "-u",
                    "postmark:pass",
                    "--data-binary",
                    &data,
                    &url,
                ],
            ),
            (
                "wget",
                vec![
                    "--no-proxy",
                    "-q",
                    "-O-",
                    "--user=postmark",
                    "--password=pass",
                    &post,
                    &url,
                ],
            ),
            ("python3", vec!["-c", &python]),
            ("java", vec![java.to_str().unwrap(), &url, file]),
        ];
        for (program, arguments) in clients {
            let before = ran.load(Ordering::SeqCst);
            let output = tokio::process::Command::new(program)
                .args(arguments)
                .output()
                .await;
            let output = match output {
                Ok(output) => output,
                Err(error)
                    if error.kind() == std::io::ErrorKind::NotFound
                        && std::env::var_os("CI").is_none() =>
                {
                    eprintln!("skipped: there is no {program} here");
                    continue;
                }
                Err(error) => panic!("{program}: {error}"),
            };
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(text, size.to_string(), "{program} {path}: {output:?}");
            assert_eq!(ran.load(Ordering::SeqCst), before + 1, "{program}");
        }
    }
}

/// On a socket of both families, an IPv4 client is one.
#[tokio::test]
async fn the_peer_of_a_dual_stack_socket_has_its_own_address() {
    struct Loopback4;
    impl Verifier for Loopback4 {
        fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
            match request.peer() {
                Some(peer) => Ok(Delivery::new().with_id(peer.to_string())),
                None => Err(Rejection::SignatureMissing("no peer")),
            }
        }
    }
    let auth = builder().verifier("peer", Loopback4).build().unwrap();
    let hook = webhook(POST, "/peer", "peer").to(async |it: Delivery| it.id.unwrap());
    let app = common::protect(&auth, Router::new().mount(hook)).unwrap();
    let Ok(listener) = TcpListener::bind("[::]:0").await else {
        assert!(std::env::var_os("CI").is_none(), "there is no IPv6 here");
        eprintln!("skipped: there is no IPv6 here");
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    for (address, expected) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1")] {
        let address = SocketAddr::new(address.parse().unwrap(), port);
        let answer = common::post(address, "/peer", "", "").await;
        assert_eq!(answer.body, expected);
    }
}

/// A bare layer has no wrapper around the handler, and its guard does it.
#[tokio::test]
async fn a_bare_layer_lets_the_handler_read_as_much() {
    let auth = builder().build().unwrap();
    let app = axum::Router::new()
        .route("/bytes", axum::routing::post(of_bytes))
        .layer(auth.clone());
    let request = Request::post("/bytes")
        .header("X-Length", 3 * MIB)
        .body(Body::from(json(3 * MIB)))
        .unwrap();
    let answer = tower::ServiceExt::oneshot(app, request).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(counts(&auth, "POST /bytes"), (1, 0, 0));
}
