//! Bodies of webhooks: what was verified is what each extractor reads, compressed or in chunks too.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::error::Error;
use std::net::SocketAddr;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, Multipart};
use axum::{Form, Json};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError};
use serde_json::Value;
use session_auth::methods::POST;
use session_auth::testing::sign_webhook;
use session_auth::webhook::Hmac;
use session_auth::{Denial, Keys, Mode, Router, SessionAuthLayer, webhook, webhook_route};
use tower::ServiceExt;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;

const SECRET: &str = "the-secret-of-a-sender";
const MIB: usize = 1024 * 1024;

fn auth() -> SessionAuthLayer {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("github", Hmac::github(SECRET))
        .build()
        .unwrap()
}

/// The header that proves this text, with its line end.
fn proof(of: &[u8]) -> String {
    let request = Request::post("/").body(Bytes::copy_from_slice(of)).unwrap();
    let request = sign_webhook("github", SECRET, request, SystemTime::now());
    let value = request.headers()["x-hub-signature-256"].to_str().unwrap();
    format!("X-Hub-Signature-256: {value}\r\n")
}

async fn send(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> common::Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    common::send(address, &[head.as_bytes(), body].concat()).await
}

/// The same, a byte or so in each chunk.
async fn send_in_chunks(
    address: SocketAddr,
    path: &str,
    headers: &str,
    body: &[u8],
) -> common::Answer {
    let mut bytes = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Late\r\n{headers}\r\n"
    )
    .into_bytes();
    for chunk in body.chunks(3) {
        bytes.extend_from_slice(format!("{:x};a=b\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\nX-Late: 1\r\n\r\n");
    common::send(address, &bytes).await
}

#[tokio::test]
async fn every_extractor_reads_what_was_verified() {
    async fn of_multipart(mut parts: Multipart) -> String {
        let mut all = String::new();
        while let Some(part) = parts.next_field().await.unwrap() {
            let name = part.name().unwrap_or_default().to_owned();
            all.push_str(&format!("{name}={};", part.text().await.unwrap()));
        }
        all
    }
    let routes = Router::new()
        .mount(webhook(POST, "/json", "github").to(async |Json(it): Json<Value>| it.to_string()))
        .mount(webhook(POST, "/bytes", "github").to(async |it: Bytes| it))
        .mount(webhook(POST, "/string", "github").to(async |it: String| it))
        .mount(
            webhook(POST, "/form", "github")
                .to(async |Form(it): Form<Vec<(String, String)>>| format!("{it:?}")),
        )
        .mount(webhook(POST, "/parts", "github").to(of_multipart))
        .mount(
            webhook(POST, "/request", "github").to(async |request: Request<Body>| {
                let whole = request.into_body().collect().await.unwrap();
                whole.to_bytes()
            }),
        );
    let address = common::serve(common::protect(&auth(), routes).unwrap()).await;
    let parts = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\n\
                 Content-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nada\r\n--b--\r\n";
    for (path, kind, body, shown) in [
        (
            "/json",
            "application/json",
            r#"{"a":[1,"ü"]}"#,
            r#"{"a":[1,"ü"]}"#,
        ),
        ("/bytes", "text/plain", "ada\0\r\n", "ada\0\r\n"),
        ("/string", "text/plain", "adä", "adä"),
        (
            "/form",
            "application/x-www-form-urlencoded",
            "a=1&a=%C3%BC",
            r#"[("a", "1"), ("a", "ü")]"#,
        ),
        (
            "/parts",
            "multipart/form-data; boundary=b",
            parts,
            "a=1;f=ada;",
        ),
        ("/request", "text/plain", "", ""),
        ("/request", "text/plain", "ada", "ada"),
    ] {
        let headers = format!("Content-Type: {kind}\r\n{}", proof(body.as_bytes()));
        let whole = send(address, path, &headers, body.as_bytes()).await;
        assert_eq!((whole.status, &*whole.body), (200, shown), "{path}");
        let pieces = send_in_chunks(address, path, &headers, body.as_bytes()).await;
        assert_eq!((pieces.status, &*pieces.body), (200, shown), "{path}");
        let other = format!("{body} ");
        for altered in [
            send(address, path, &headers, other.as_bytes()).await,
            send_in_chunks(address, path, &headers, other.as_bytes()).await,
        ] {
            assert_eq!(altered.status, 401, "{path}");
            assert!(altered.body.contains("signature_invalid"), "{path}");
        }
    }
}

/// Where the handler checks the proof itself nothing is read before it, and the limit of the route holds for
/// all the ways in which a body can be read, with its length and without.
#[tokio::test]
async fn a_limit_holds_for_a_handler_that_checks_the_proof_itself() {
    const LIMIT: usize = 1000;
    let of = |path: &str| {
        let hook = webhook(POST, path.to_owned(), "handler").reason("a token");
        hook.max_body(LIMIT)
    };
    let routes = || {
        let hooks = Router::new()
            .mount(of("/bytes").to(async |it: Bytes| it.len().to_string()))
            .mount(of("/parts").to(async |mut parts: Multipart| {
                while let Some(part) = parts.next_field().await? {
                    part.bytes().await?;
                }
                Ok::<_, MultipartError>("read")
            }))
            .mount(of("/body").to(async |body: Body| {
                let whole = axum::body::to_bytes(body, usize::MAX).await;
                whole.map_err(|error| {
                    let cause = std::iter::successors(error.source(), |&error| error.source());
                    assert!(cause.last().unwrap().is::<LengthLimitError>(), "{error}");
                    StatusCode::PAYLOAD_TOO_LARGE
                })
            }));
        // Whatever axum's own extractors are told inside.
        let unlimited = axum::Router::new()
            .route("/unlimited", axum::routing::post(unlimited))
            .layer(DefaultBodyLimit::disable());
        hooks.merge_axum(unlimited)
    };
    let headers = "Content-Type: multipart/form-data; boundary=b\r\n";
    let body = |length: usize| {
        let (head, end) = (
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n",
            "\r\n--b--\r\n",
        );
        let text = "x".repeat(length - head.len() - end.len());
        format!("{head}{text}{end}").into_bytes()
    };
    let keys = || SessionAuthLayer::builder(Keys::random().unwrap());
    let auth = keys().build().unwrap();
    let log = common::log();
    let address = common::serve(common::protect(&auth, routes()).unwrap()).await;
    for (at, path) in ["/bytes", "/parts", "/body", "/unlimited"]
        .iter()
        .enumerate()
    {
        let whole = body(LIMIT);
        assert_eq!(send(address, path, headers, &whole).await.status, 200);
        let answer = send_in_chunks(address, path, headers, &whole).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        // What announces more is refused by the layer, counted and logged.
        let answer = send(address, path, headers, &body(LIMIT + 1)).await;
        assert_eq!(answer.status, 413, "{path}: {answer:?}");
        assert!(answer.body.contains("body_too_large"), "{path}: {answer:?}");
        let lines = log.lines("WARN", "webhook denied");
        assert_eq!(lines.len(), at + 1, "{lines:?}");
        // Nobody knows before it comes how long this is. `Multipart` reads to the last boundary only.
        for length in [LIMIT + 10, LIMIT + 100, 3 * LIMIT] {
            let answer = send_in_chunks(address, path, headers, &body(length)).await;
            assert_eq!(answer.status, 413, "{path}: {answer:?}");
        }
        let activity = common::activity(&auth, &format!("POST {path}"));
        assert_eq!(activity.denied, [(Denial::BodyTooLarge, 1)], "{path}");
        let counts = (
            activity.passed,
            activity.verified,
            activity.handler_refused,
            activity.handler_failed,
        );
        assert_eq!(counts, (2, 2, 3, 0), "{path}");
    }
    // Observing takes nothing away from a delivery.
    let auth = keys().mode(Mode::Observe).build().unwrap();
    let address = common::serve(common::protect(&auth, routes()).unwrap()).await;
    for path in ["/bytes", "/parts", "/body", "/unlimited"] {
        let longer = body(2 * LIMIT);
        assert_eq!(send(address, path, headers, &longer).await.status, 200);
        let answer = send_in_chunks(address, path, headers, &longer).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let activity = common::activity(&auth, &format!("POST {path}"));
        assert_eq!(activity.observed, [(Denial::BodyTooLarge, 1)], "{path}");
        assert_eq!((activity.passed, activity.verified), (2, 2), "{path}");
    }
}

#[webhook_route(
    POST,
    "/unlimited",
    verify = "handler",
    reason = "a token",
    max_body = "1000B"
)]
async fn unlimited(body: Bytes) -> String {
    body.len().to_string()
}

/// As gzip, by tower-http's own.
async fn zipped(plain: &[u8]) -> Vec<u8> {
    let plain = Bytes::copy_from_slice(plain);
    let answers = tower::service_fn(move |_: Request<Body>| {
        let plain = plain.clone();
        async move { Ok::<_, std::convert::Infallible>(Response::new(Body::from(plain))) }
    });
    let service = tower::ServiceBuilder::new()
        .layer(CompressionLayer::new())
        .service(answers);
    let request = Request::get("/").header(header::ACCEPT_ENCODING, "gzip");
    let answer = service.oneshot(request.body(Body::empty()).unwrap()).await;
    let answer = answer.unwrap();
    assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip");
    let whole = answer.into_body().collect().await.unwrap();
    whole.to_bytes().to_vec()
}

/// A sender that signs first and compresses then: the layer inflates around `Protected`.
#[tokio::test]
async fn what_is_signed_before_it_is_compressed_is_inflated_in_front_of_the_guard() {
    let routes = || {
        Router::new()
            .mount(webhook(POST, "/hook", "github").to(async |it: Bytes| it.len().to_string()))
            .mount(
                webhook(POST, "/large", "github")
                    .max_body(3 * MIB)
                    .to(async |it: Bytes| it.len().to_string()),
            )
    };
    let auth = auth();
    let app = common::protect(&auth, routes()).unwrap();
    let address = common::serve(app.layer(RequestDecompressionLayer::new())).await;
    let plain = "{\"text\":\"ada\"}".repeat(1000);
    let zip = zipped(plain.as_bytes()).await;
    assert!(zip.len() < plain.len() / 10);
    let headers = format!("Content-Encoding: gzip\r\n{}", proof(plain.as_bytes()));
    let answer = send(address, "/hook", &headers, &zip).await;
    assert_eq!((answer.status, answer.body), (200, plain.len().to_string()));
    // What is not compressed passes as well.
    let answer = send(address, "/hook", &proof(plain.as_bytes()), plain.as_bytes()).await;
    assert_eq!(answer.status, 200);
    // The compressed bytes are not what is verified.
    let of_zip = format!("Content-Encoding: gzip\r\n{}", proof(&zip));
    let answer = send(address, "/hook", &of_zip, &zip).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    // Without the layer they are.
    let bare = common::serve(common::protect(&auth, routes()).unwrap()).await;
    assert_eq!(send(bare, "/hook", &headers, &zip).await.status, 401);
    assert_eq!(send(bare, "/hook", &of_zip, &zip).await.status, 200);
    // Another plain text, and what is cut short or no gzip at all.
    let other = zipped(plain.replace("ada", "adb").as_bytes()).await;
    assert_eq!(send(address, "/hook", &headers, &other).await.status, 401);
    for broken in [&zip[..zip.len() - 9], b"no gzip"] {
        let answer = send(address, "/hook", &headers, broken).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }

    // A bomb: 128 MiB of zeros in 128 KiB, and a signature of the right form. The limit is of
    // what comes out, and nothing is inflated past it.
    let bomb = zipped(&vec![0; 128 * MIB]).await;
    assert!(bomb.len() < MIB / 2);
    for path in ["/hook", "/large"] {
        let began = std::time::Instant::now();
        let answer = send(address, path, &headers, &bomb).await;
        assert_eq!(answer.status, 413, "{answer:?}");
        assert!(answer.body.contains("body_too_large"), "{answer:?}");
        assert!(began.elapsed().as_secs() < 3, "{:?}", began.elapsed());
    }
    // At the limit of the route, and a byte over it.
    for (length, status) in [(3 * MIB, 200), (3 * MIB + 1, 413)] {
        let plain = vec![b' '; length];
        let headers = format!("Content-Encoding: gzip\r\n{}", proof(&plain));
        let zip = zipped(&plain).await;
        assert_eq!(send(address, "/large", &headers, &zip).await.status, status);
    }
}
