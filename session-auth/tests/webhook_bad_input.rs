//! Bad deliveries over a socket: each is refused for its reason, no handler runs, and the next good
//! one is accepted.
#![cfg(all(feature = "sha1", feature = "testing", feature = "webhook-asymmetric"))]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use ring::hmac;
use serde_json::{Value, json};
use session_auth::methods::POST;
use session_auth::testing::sign_webhook;
use session_auth::webhook::{Certificates, Hmac, Meta, Sns, Twilio};
use session_auth::{Keys, Router, SessionAuthLayer, webhook};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SECRET: &str = "the-secret-of-a-sender";
const WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:orders";
const BASE: &str = "https://hooks.example.com";

/// 2033, which the certificate is good for.
const NOW: u64 = 2_000_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

struct Service {
    address: SocketAddr,
    ran: Arc<AtomicUsize>,
}

impl Service {
    async fn start() -> Self {
        Self::start_at(NOW).await
    }

    async fn start_at(now: u64) -> Self {
        let certificate = include_str!("vectors/sender_rsa_cert.pem");
        let auth = SessionAuthLayer::builder(Keys::random().unwrap())
            .clock(move || UNIX_EPOCH + Duration::from_secs(now))
            .verifier("stripe", Hmac::stripe(SECRET))
            .verifier("github", Hmac::github(SECRET))
            .verifier("shopify", Hmac::shopify(SECRET))
            .verifier("slack", Hmac::slack(SECRET))
            .verifier("standard-webhooks", Hmac::standard_webhooks(WHSEC))
            .verifier("meta", Meta::new(SECRET, "the-verify-token"))
            .verifier("twilio", Twilio::new(SECRET).public_url(BASE))
            .verifier(
                "aws-sns",
                Sns::new([TOPIC], Certificates::given(certificate)),
            )
            .build()
            .unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let mut routes = Router::new();
        for name in [
            "stripe",
            "github",
            "shopify",
            "slack",
            "standard-webhooks",
            "meta",
            "twilio",
            "aws-sns",
        ] {
            let ran = Arc::clone(&ran);
            routes = routes.mount(webhook(POST, format!("/{name}"), name).to(
                move |body: Bytes| {
                    ran.fetch_add(1, Ordering::SeqCst);
                    async { body }
                },
            ));
        }
        let address = common::serve(common::protect(&auth, routes).unwrap()).await;
        Self { address, ran }
    }

    /// What a request with these headers, each with its line end, gets: its status and reason.
    async fn send(&self, name: &str, headers: &[u8], body: &[u8]) -> (u16, String) {
        let mut bytes = format!(
            "POST /{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(headers);
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        let answer = common::send(self.address, &bytes).await;
        let reason = serde_json::from_str::<Value>(&answer.body)
            .ok()
            .and_then(|body| Some(body["reason"].as_str()?.to_owned()));
        (answer.status, reason.unwrap_or_default())
    }

    async fn accepts(&self, name: &str, headers: &[u8], body: &[u8]) {
        let before = self.ran.load(Ordering::SeqCst);
        let (status, reason) = self.send(name, headers, body).await;
        assert_eq!(status, 200, "{name}: {reason}");
        assert_eq!(self.ran.load(Ordering::SeqCst), before + 1);
    }

    async fn refuses(&self, name: &str, headers: &[u8], body: &[u8], expected: (u16, &str)) {
        let before = self.ran.load(Ordering::SeqCst);
        let (status, reason) = self.send(name, headers, body).await;
        let shown = String::from_utf8_lossy(&headers[..headers.len().min(300)]);
        assert_eq!((status, &*reason), expected, "{name}: {shown}");
        assert_eq!(self.ran.load(Ordering::SeqCst), before, "{name}: {shown}");
    }
}

const INVALID: (u16, &str) = (401, "signature_invalid");
const MISSING: (u16, &str) = (401, "signature_missing");
const TIME: (u16, &str) = (401, "timestamp_out_of_range");

fn signed(name: &str, secret: &str, headers: &str, body: &str) -> Request<Bytes> {
    let mut request = Request::post(format!("{BASE}/{name}"));
    for line in headers.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let request = request
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap();
    sign_webhook(name, secret, request, now())
}

fn lines(headers: &HeaderMap<HeaderValue>) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in headers {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

fn tag(message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hmac::sign(&key, message).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[tokio::test]
async fn security_two_headers_with_a_signature_are_none() {
    let service = Service::start().await;
    for (name, secret, body) in [
        ("stripe", SECRET, "{}"),
        ("github", SECRET, "{}"),
        ("slack", SECRET, "{}"),
        ("shopify", SECRET, "{}"),
        ("meta", SECRET, "{}"),
        ("twilio", SECRET, ""),
    ] {
        let request = signed(name, secret, "", body);
        let headers = lines(request.headers());
        service.accepts(name, &headers, body.as_bytes()).await;
        // The good one twice, and beside another, in either order.
        let signature = String::from_utf8(headers.clone()).unwrap();
        let signature = signature
            .lines()
            .find(|line| line.contains("signature") || line.contains("hmac"))
            .unwrap();
        let other = format!("{}: other\r\n", signature.split_once(':').unwrap().0);
        let again = format!("{signature}\r\n");
        for bad in [
            [&headers, again.as_bytes()].concat(),
            [&headers, other.as_bytes()].concat(),
            [other.as_bytes(), &headers].concat(),
        ] {
            service.refuses(name, &bad, body.as_bytes(), INVALID).await;
        }
    }
}

#[tokio::test]
async fn security_ten_thousand_signatures_are_refused_at_once() {
    let service = Service::start().await;
    let stripe = signed("stripe", SECRET, "", "{}");
    let good = stripe.headers()["stripe-signature"].to_str().unwrap();
    let (time, signature) = good.split_once(',').unwrap();
    let standard = signed("standard-webhooks", WHSEC, "", "{}");
    let others: Vec<u8> = {
        let mut headers = standard.headers().clone();
        headers.remove("webhook-signature");
        lines(&headers)
    };
    let of_standard = standard.headers()["webhook-signature"].to_str().unwrap();
    let began = std::time::Instant::now();
    for short in [true, false] {
        let (hex, base64) = match short {
            true => ("0".to_owned(), "AA==".to_owned()),
            false => ("0".repeat(64), STANDARD.encode([0; 32])),
        };
        let many = format!(",v1={hex}").repeat(10_000);
        let header = format!("Stripe-Signature: {time}{many},{signature}\r\n");
        // Of the full length they are more than the server reads of a head.
        let expected = if short { INVALID } else { (431, "") };
        service
            .refuses("stripe", header.as_bytes(), b"{}", expected)
            .await;
        let many = format!("v1,{base64} ").repeat(10_000);
        let mut headers = others.clone();
        headers.extend_from_slice(format!("webhook-signature: {many}{of_standard}\r\n").as_bytes());
        service
            .refuses("standard-webhooks", &headers, b"{}", expected)
            .await;
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    service
        .accepts("stripe", &lines(stripe.headers()), b"{}")
        .await;
}

#[tokio::test]
async fn security_a_signature_of_the_right_length_in_another_encoding_is_none() {
    let service = Service::start().await;
    let body = b"{}";
    let tag = tag(body);
    let as_long = |text: String, len: usize| {
        assert!(text.len() <= len);
        format!("{text}{}", "A".repeat(len - text.len()))
    };
    let github = |value: &str| format!("X-Hub-Signature-256: sha256={value}\r\n").into_bytes();
    service.accepts("github", &github(&hex(&tag)), body).await;
    let base64 = as_long(STANDARD.encode(&tag), 64);
    service
        .refuses("github", &github(&base64), body, INVALID)
        .await;
    let shopify = |value: &str| format!("X-Shopify-Hmac-Sha256: {value}\r\n").into_bytes();
    service
        .accepts("shopify", &shopify(&STANDARD.encode(&tag)), body)
        .await;
    service
        .refuses("shopify", &shopify(&hex(&tag)[..44]), body, INVALID)
        .await;
    // The alphabet for URLs is another one: `-` is in it, and not in the first.
    let mut for_urls = STANDARD.encode(&tag).into_bytes();
    for_urls[0] = b'-';
    let for_urls = String::from_utf8(for_urls).unwrap();
    service
        .refuses("shopify", &shopify(&for_urls), body, INVALID)
        .await;
    let unpadded = STANDARD.encode(&tag).trim_end_matches('=').to_owned();
    service
        .refuses("shopify", &shopify(&unpadded), body, INVALID)
        .await;
}

#[tokio::test]
async fn security_a_time_is_digits_of_today() {
    let service = Service::start().await;
    let body = "{}";
    for (time, expected) in [
        ("2000000000", None),
        ("2000000300", None),
        ("2000000301", Some(TIME)),
        ("1999999700", None),
        ("1999999699", Some(TIME)),
        ("-1", Some(INVALID)),
        ("+1", Some(INVALID)),
        ("+2000000000", Some(INVALID)),
        ("1e9", Some(INVALID)),
        ("2e9", Some(INVALID)),
        ("2000000000.0", Some(INVALID)),
        ("99999999999999999999", Some(TIME)),
        ("", Some(INVALID)),
        // In milliseconds.
        ("2000000000000", Some(TIME)),
        ("0", Some(TIME)),
    ] {
        let stripe = hex(&tag(format!("{time}.{body}").as_bytes()));
        let stripe = format!("Stripe-Signature: t={time},v1={stripe}\r\n");
        let slack = hex(&tag(format!("v0:{time}:{body}").as_bytes()));
        let slack =
            format!("X-Slack-Request-Timestamp: {time}\r\nX-Slack-Signature: v0={slack}\r\n");
        for (name, headers) in [("stripe", stripe), ("slack", slack)] {
            match expected {
                None => {
                    service
                        .accepts(name, headers.as_bytes(), body.as_bytes())
                        .await
                }
                Some(expected) => {
                    service
                        .refuses(name, headers.as_bytes(), body.as_bytes(), expected)
                        .await;
                }
            }
        }
    }
}

#[tokio::test]
async fn unknown_versions_beside_a_good_one_change_nothing() {
    let service = Service::start().await;
    let stripe = signed("stripe", SECRET, "", "{}");
    let good = stripe.headers()["stripe-signature"].to_str().unwrap();
    let (time, signature) = good.split_once(',').unwrap();
    for value in [
        format!("{time},v0=00,{signature},v2=zz,scheme=x,,="),
        format!("v0={},{signature},{time}", "0".repeat(64)),
        format!("{time},v1={},{signature}", "0".repeat(64)),
    ] {
        let header = format!("Stripe-Signature: {value}\r\n");
        service.accepts("stripe", header.as_bytes(), b"{}").await;
    }
    let only = format!(
        "Stripe-Signature: {time},{}\r\n",
        signature.replace("v1=", "v2=")
    );
    service
        .refuses("stripe", only.as_bytes(), b"{}", MISSING)
        .await;
    let standard = signed("standard-webhooks", WHSEC, "", "{}");
    let signature = standard.headers()["webhook-signature"].to_str().unwrap();
    for (value, accepted) in [
        (format!("v1a,AAAA v2,zz nothing {signature}"), true),
        (signature.replace("v1,", "v2,"), false),
    ] {
        let mut headers = standard.headers().clone();
        headers.insert("webhook-signature", value.parse().unwrap());
        let headers = lines(&headers);
        if accepted {
            service.accepts("standard-webhooks", &headers, b"{}").await;
        } else {
            service
                .refuses("standard-webhooks", &headers, b"{}", INVALID)
                .await;
        }
    }
}

#[tokio::test]
async fn a_body_may_be_empty_or_no_text_and_a_header_may_not() {
    let service = Service::start().await;
    let github =
        |body: &[u8]| format!("X-Hub-Signature-256: sha256={}\r\n", hex(&tag(body))).into_bytes();
    for body in [&b""[..], b"\xff\xfe\x00", &[0x80; 1000]] {
        service.accepts("github", &github(body), body).await;
        service
            .refuses("github", &github(b"other"), body, INVALID)
            .await;
        // Whose id or challenge would stand in the body.
        let slack = [b"v0:2000000000:", body].concat();
        let slack = format!(
            "X-Slack-Request-Timestamp: 2000000000\r\nX-Slack-Signature: v0={}\r\n",
            hex(&tag(&slack))
        );
        service.accepts("slack", slack.as_bytes(), body).await;
    }
    for header in [
        &b"X-Hub-Signature-256: sha256=\xff\xfe\r\n"[..],
        b"X-Hub-Signature-256: \xc3\xa9\r\n",
    ] {
        service.refuses("github", header, b"{}", INVALID).await;
    }
    service
        .refuses("github", b"X-Hub-Signature-256: \r\n", b"{}", INVALID)
        .await;
    service.refuses("github", b"", b"{}", MISSING).await;
}

/// One that claims 10 bytes: the eleventh is no part of it, whatever was signed.
#[tokio::test]
async fn security_a_body_is_as_long_as_it_says() {
    let service = Service::start().await;
    let sent = async |signature_of: &[u8], body: &[u8], claims: usize| {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        let head = format!(
            "POST /github HTTP/1.1\r\nHost: x\r\nContent-Length: {claims}\r\n\
             X-Hub-Signature-256: sha256={}\r\n\r\n",
            hex(&tag(signature_of))
        );
        stream
            .write_all(&[head.as_bytes(), body].concat())
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(10), read)
            .await
            .unwrap()
            .unwrap();
        String::from_utf8(answer).unwrap()
    };
    let eleven = b"0123456789X";
    // The ten that were claimed are what was signed; what follows is no request.
    let answer = sent(&eleven[..10], eleven, 10).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\r\n\r\n0123456789"), "{answer}");
    assert!(!answer.contains('X'), "{answer}");
    assert_eq!(service.ran.load(Ordering::SeqCst), 1);
    let answer = sent(eleven, eleven, 10).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("signature_invalid"), "{answer}");
    // And one that claims more than it sends never comes to its end.
    let answer = sent(eleven, eleven, 12).await;
    assert!(!answer.contains("HTTP/1.1 200 "), "{answer}");
    assert_eq!(service.ran.load(Ordering::SeqCst), 1);
    // Two lengths, or a length and chunks, are two readings.
    for framing in [
        "Content-Length: 10\r\nContent-Length: 11\r\n",
        "Content-Length: 10\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let signature = hex(&tag(&eleven[..10]));
        let text = format!(
            "POST /github HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framing}\
             X-Hub-Signature-256: sha256={signature}\r\n\r\n0123456789X"
        );
        let answer = common::send(service.address, text.as_bytes()).await;
        assert_eq!(answer.status, 400, "{framing}");
    }
    assert_eq!(service.ran.load(Ordering::SeqCst), 1);
}

/// A signature by SHA-1 under settings that name SHA-256, and the other way round.
#[tokio::test]
async fn security_twilios_settings_are_what_a_signature_is_held_against() {
    let service = Service::start().await;
    let settings = |algorithm: &str| {
        format!("X-Twilio-Webhooks-Signature-Settings: key=k,algorithm={algorithm}\r\n")
    };
    let by_token = lines(signed("twilio", SECRET, "", "").headers());
    service.accepts("twilio", &by_token, b"").await;
    let named = [&by_token, settings("HMAC_SHA1").as_bytes()].concat();
    service.accepts("twilio", &named, b"").await;
    for algorithm in ["HMAC_SHA256", "none", "HMAC_MD5"] {
        let bad = [&by_token, settings(algorithm).as_bytes()].concat();
        service.refuses("twilio", &bad, b"", INVALID).await;
    }
    // By SHA-256, and this service has no shared key.
    let shared = STANDARD.encode(tag(format!("{BASE}/twilio").as_bytes()));
    let shared = format!(
        "X-Twilio-Signature: {shared}\r\n{}",
        settings("HMAC_SHA256")
    );
    service
        .refuses("twilio", shared.as_bytes(), b"", INVALID)
        .await;
}

#[tokio::test]
async fn security_a_challenge_is_answered_to_who_proves_itself() {
    let service = Service::start().await;
    let challenge = r#"{"type":"url_verification","challenge":"c"}"#;
    service
        .refuses("slack", b"", challenge.as_bytes(), MISSING)
        .await;
    let signed = lines(signed("slack", SECRET, "", challenge).headers());
    let (status, _) = service.send("slack", &signed, challenge.as_bytes()).await;
    assert_eq!((status, service.ran.load(Ordering::SeqCst)), (200, 0));
    for (token, status) in [
        ("the-verify-token", 200),
        ("the-verify-tokem", 401),
        ("", 401),
    ] {
        let target =
            format!("/meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
        let answer = common::request(service.address, "GET", &target, "").await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.body == "1158201444", status == 200, "{answer:?}");
    }
    assert_eq!(service.ran.load(Ordering::SeqCst), 0);
}

/// Signed with the key that the service knows, and good but for the certificate.
#[tokio::test]
async fn security_the_certificate_of_sns_is_amazons_and_of_today() {
    let key = STANDARD.encode(include_bytes!("vectors/sender_rsa_key.pk8"));
    let key = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
    let at = |url: &str| {
        let body = json!({ "TopicArn": TOPIC, "Message": "m", "SigningCertURL": url }).to_string();
        let request = Request::post("/aws-sns").body(Bytes::from(body)).unwrap();
        sign_webhook("aws-sns", &key, request, now()).into_body()
    };
    let service = Service::start().await;
    for url in [
        "https://sns.us-west-2.amazonaws.com/key.pem",
        "https://sns.cn-north-1.amazonaws.com.cn/key.pem",
    ] {
        service.accepts("aws-sns", b"", &at(url)).await;
    }
    for url in [
        // A bucket that anybody may have.
        "https://sns.s3.amazonaws.com/key.pem",
        "https://s3.amazonaws.com/sns.us-west-2.amazonaws.com/key.pem",
        "http://sns.us-west-2.amazonaws.com/key.pem",
        "https://evil.example/key.pem",
        "https://sns.us-west-2.amazonaws.com.evil.example/key.pem",
        "https://sns.us-west-2.amazonaws.com@evil.example/key.pem",
        "https://evil.example/?https://sns.us-west-2.amazonaws.com/key.pem",
        "https://sns.us-west-2.amazonaws.com:444/key.pem",
        "https://sns.us-west-2.amazonaws.com/key.pem?redirect=x",
        "https://sns.us-west-2.amazonaws.com/key",
        "",
    ] {
        service
            .refuses("aws-sns", b"", &at(url), (503, "signature_invalid"))
            .await;
    }
    // 2082, when the certificate has expired.
    let later = Service::start_at(3_540_000_000).await;
    let url = "https://sns.us-west-2.amazonaws.com/key.pem";
    later
        .refuses("aws-sns", b"", &at(url), (503, "signature_invalid"))
        .await;
}

/// A client that was led elsewhere has no certificate: the sender is to come again, and nothing is kept.
#[tokio::test]
async fn security_what_a_redirect_answers_is_no_certificate() {
    let key = STANDARD.encode(include_bytes!("vectors/sender_rsa_key.pk8"));
    let key = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let certificates = Certificates::fetched(move |_| {
        let redirected = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            Ok(match redirected {
                true => b"<html>302 Found: https://evil.example/key.pem</html>".to_vec(),
                false => include_bytes!("vectors/sender_rsa_cert.pem").to_vec(),
            })
        }
    });
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .clock(now)
        .verifier("aws-sns", Sns::new([TOPIC], certificates))
        .build()
        .unwrap();
    let hook = webhook(POST, "/aws-sns", "aws-sns").to(async || "ran");
    let app = common::protect(&auth, Router::new().mount(hook)).unwrap();
    let address = common::serve(app).await;
    let body = json!({ "TopicArn": TOPIC, "Message": "m" }).to_string();
    let request = Request::post("/aws-sns").body(Bytes::from(body)).unwrap();
    let body = sign_webhook("aws-sns", &key, request, now()).into_body();
    let body = std::str::from_utf8(&body).unwrap();
    let first = common::post(address, "/aws-sns", "", body).await;
    assert_eq!(first.status, 503);
    assert!(first.body.contains("verifier_unavailable"), "{first:?}");
    for _ in 0..2 {
        let next = common::post(address, "/aws-sns", "", body).await;
        assert_eq!((next.status, &*next.body), (200, "ran"));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn security_a_secret_that_is_none_does_not_start() {
    let start = |by: Hmac| {
        let builder = SessionAuthLayer::builder(Keys::random().unwrap());
        let built = builder.verifier("sender", by).build();
        built.map(drop).map_err(|error| error.to_string())
    };
    let of = |bytes: usize| STANDARD.encode(vec![7; bytes]);
    for (by, says) in [
        (Hmac::stripe(""), "is empty: set it"),
        (Hmac::stripe("  "), "is white space"),
        (Hmac::stripe("whsec_x\n"), "a newline at the end?"),
        (Hmac::stripe("whsec_x\r\n"), "a newline at the end?"),
        (Hmac::stripe(" whsec_x"), "begins with white space"),
        (Hmac::stripe("whsec_x\nwhsec_y"), "given one by one"),
        (Hmac::stripe("whsec_x\u{1b}"), "a control character"),
        (
            Hmac::stripe("whsec_x\u{200e}"),
            "a sign in it that does not show",
        ),
        (Hmac::standard_webhooks("a plain text"), "base64"),
        (
            Hmac::standard_webhooks(format!("whsec_whsec_{}", of(32))),
            "twice",
        ),
        (
            Hmac::standard_webhooks(format!("whsec_{}", of(23))),
            "24 to 64",
        ),
        (
            Hmac::standard_webhooks(format!("whsec_{}", of(65))),
            "24 to 64",
        ),
    ] {
        let error = start(by).unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
        // Where it was given, and never what.
        assert!(error.contains("webhook_bad_input.rs:"), "{error}");
        assert!(
            !error.contains("whsec_x") && !error.contains("BwcH"),
            "{error}"
        );
    }
    assert_eq!(
        start(Hmac::standard_webhooks(format!("whsec_{}", of(24)))),
        Ok(())
    );
    // The vendors' libraries take it without the prefix, too.
    assert_eq!(start(Hmac::standard_webhooks(of(64))), Ok(()));
}

#[test]
fn a_name_with_a_typo_stops_the_start_with_the_nearest() {
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("stripe", Hmac::stripe(SECRET))
        .verifier("github", Hmac::github(SECRET))
        .build()
        .unwrap();
    let routes = Router::new().mount(webhook(POST, "/hook", "strpie").to(async || ()));
    let error = common::protect(&auth, routes).unwrap_err().to_string();
    assert!(error.contains("\"strpie\""), "{error}");
    assert!(error.contains("did you mean \"stripe\"?"), "{error}");
}
