//! Webhooks over a real socket: the handler runs with the very bytes that were verified, or not at
//! all.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use session_auth::methods::POST;
use session_auth::webhook::{
    BasicAuth, Bearer, Delivery, Hmac, Rejection, Verifier, WebhookRequest,
};
use session_auth::{Denial, Keys, Router, SessionAuthLayer, webhook};

/// The published example of GitHub's documentation.
const SECRET: &str = "It's a Secret to Everybody";
const BODY: &str = "Hello, World!";
const SIGNATURE: &str = "X-Hub-Signature-256: \
     sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n";

struct Service {
    address: SocketAddr,
    auth: SessionAuthLayer,
    ran: Arc<AtomicUsize>,
}

impl Service {
    async fn start() -> Self {
        let auth = SessionAuthLayer::builder(Keys::random().unwrap())
            .verifier("github", Hmac::github(SECRET))
            .verifier("postmark", BasicAuth::new("postmark", "pass"))
            .verifier("waf", Bearer::new("edge-token"))
            .verifier("loopback", Loopback)
            .max_webhook_body(BODY.len())
            .build()
            .unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let count = || {
            let ran = Arc::clone(&ran);
            move |body: Bytes| {
                ran.fetch_add(1, Ordering::SeqCst);
                async move { body }
            }
        };
        let routes = Router::new()
            .mount(webhook(POST, "/github", "github").to(count()))
            .mount(webhook(POST, "/postmark", "postmark").to(count()))
            .mount(webhook(POST, "/waf", "waf").to(count()))
            .mount(webhook(POST, "/loopback", "loopback").to(count()))
            .mount(
                webhook(POST, "/self", "handler")
                    .reason("token in the path")
                    .to(count()),
            )
            .mount(
                webhook(POST, "/delivery", "github")
                    .to(|delivery: Delivery| async move { format!("{:?}", delivery.id) }),
            );
        let address = common::serve(common::protect(&auth, routes).unwrap()).await;
        Self { address, auth, ran }
    }

    async fn post(&self, path: &str, headers: &str, body: &str) -> common::Answer {
        common::post(self.address, path, headers, body).await
    }

    fn denied(&self, route: &str, denial: Denial) -> u64 {
        let activity = self.auth.activity();
        activity
            .iter()
            .find(|it| it.route == route)
            .unwrap()
            .denied_for(denial)
    }
}

/// Accepts what comes from this machine.
struct Loopback;

impl Verifier for Loopback {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        match request.peer() {
            Some(peer) if peer.is_loopback() => Ok(Delivery::new()),
            _ => Err(Rejection::SignatureInvalid("not from this machine")),
        }
    }
}

#[tokio::test]
async fn the_handler_gets_the_bytes_that_were_verified() {
    let service = Service::start().await;
    let answer = service.post("/github", SIGNATURE, BODY).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, BODY));
    assert_eq!(service.ran.load(Ordering::SeqCst), 1);

    let id = format!("{SIGNATURE}X-GitHub-Delivery: 72d3162e\r\n");
    assert_eq!(
        service.post("/delivery", &id, BODY).await.body,
        "Some(\"72d3162e\")"
    );
    assert_eq!(service.post("/loopback", "", BODY).await.status, 200);
}

#[tokio::test]
async fn security_without_its_proof_no_handler_runs() {
    let service = Service::start().await;
    let missing = r#"{"error":"Authentication required","reason":"signature_missing"}"#;
    let invalid = r#"{"error":"Authentication required","reason":"signature_invalid"}"#;
    let basic = |text: &str| {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        format!("Authorization: Basic {encoded}\r\n")
    };
    let good = basic("postmark:pass");
    let table = [
        ("no signature", "/github", String::new(), BODY, missing),
        (
            "another body",
            "/github",
            SIGNATURE.into(),
            "Hello, World?",
            invalid,
        ),
        ("an empty body", "/github", SIGNATURE.into(), "", invalid),
        (
            "the signature twice",
            "/github",
            SIGNATURE.repeat(2),
            BODY,
            invalid,
        ),
        ("no credentials", "/postmark", String::new(), BODY, missing),
        (
            "wrong password",
            "/postmark",
            basic("postmark:past"),
            BODY,
            invalid,
        ),
        (
            "Authorization twice",
            "/postmark",
            good.repeat(2),
            BODY,
            invalid,
        ),
        (
            "wrong then right",
            "/postmark",
            basic("postmark:past") + &good,
            BODY,
            invalid,
        ),
        (
            "right then wrong",
            "/postmark",
            good.clone() + &basic("x:y"),
            BODY,
            invalid,
        ),
        (
            "another scheme",
            "/postmark",
            "Authorization: Bearer edge-token\r\n".into(),
            BODY,
            invalid,
        ),
        ("no token", "/waf", String::new(), BODY, missing),
        (
            "wrong token",
            "/waf",
            "Authorization: Bearer edge-tokem\r\n".into(),
            BODY,
            invalid,
        ),
    ];
    for (what, path, headers, body, expected) in table {
        let answer = service.post(path, &headers, body).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (401, expected),
            "{what}"
        );
        assert_eq!(answer.header("www-authenticate").count(), 1, "{what}");
        assert_eq!(
            service.ran.load(Ordering::SeqCst),
            0,
            "{what}: the handler ran"
        );
    }
    assert_eq!(service.denied("POST /github", Denial::SignatureMissing), 1);
    assert_eq!(service.denied("POST /github", Denial::SignatureInvalid), 3);

    // The same with the proof: nothing but the proof was missing.
    assert_eq!(service.post("/postmark", &good, BODY).await.status, 200);
    let token = "Authorization: Bearer edge-token\r\n";
    assert_eq!(service.post("/waf", token, BODY).await.status, 200);
    assert_eq!(service.post("/self", "", BODY).await.status, 200);
    assert_eq!(service.ran.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let service = Service::start().await;
    let too_large = r#"{"error":"Payload too large","reason":"body_too_large"}"#;
    let one_more = format!("{BODY}!");
    let answer = service.post("/github", SIGNATURE, &one_more).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (413, too_large),
        "with its length"
    );

    let chunked = |chunks: &[&str]| {
        let chunks: String = chunks
            .iter()
            .map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len()))
            .collect();
        format!(
            "POST /github HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{SIGNATURE}\
             Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
        )
    };
    let answer = common::send(
        service.address,
        chunked(&["Hello, ", "World!", "!"]).as_bytes(),
    )
    .await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (413, too_large),
        "without its length"
    );
    let answer = common::send(service.address, chunked(&["Hello, ", "World!"]).as_bytes()).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, BODY),
        "chunked and within the limit"
    );
    assert_eq!(service.ran.load(Ordering::SeqCst), 1);
    assert_eq!(service.denied("POST /github", Denial::BodyTooLarge), 2);
}

#[tokio::test]
async fn a_body_that_breaks_off_reaches_no_handler() {
    let service = Service::start().await;
    // The client closes its side after half of the body.
    let half = format!(
        "POST /github HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{SIGNATURE}Content-Length: 13\r\n\r\nHello"
    );
    {
        use tokio::io::AsyncWriteExt;
        let mut stream = tokio::net::TcpStream::connect(service.address)
            .await
            .unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        // Bounded wait until the server has noticed.
        for _ in 0..100 {
            if service.denied("POST /github", Denial::BodyIncomplete) == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    assert_eq!(service.denied("POST /github", Denial::BodyIncomplete), 1);
    assert_eq!(service.ran.load(Ordering::SeqCst), 0);
}

#[test]
fn a_webhook_without_its_verifier_does_not_start() {
    let routes = || Router::new().mount(webhook(POST, "/hook", "github").to(|| async {}));
    let without = SessionAuthLayer::builder(Keys::random().unwrap())
        .build()
        .unwrap();
    let error = common::protect(&without, routes()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("add `.verifier(\"github\", ..)`"),
        "{error}"
    );

    let with = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("github", Hmac::github(SECRET))
        .build()
        .unwrap();
    assert!(common::protect(&with, routes()).is_ok());

    let empty = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("github", Hmac::github(""))
        .build();
    assert!(empty.is_err(), "an empty secret is no secret");
}
