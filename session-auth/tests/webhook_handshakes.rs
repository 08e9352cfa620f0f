//! Handshakes over a real socket: the layer answers them, and no handler sees one. A refusal has the
//! status after which its sender tries again.
#![cfg(all(feature = "sha1", feature = "webhook-asymmetric"))]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use session_auth::methods::POST;
use session_auth::webhook::{
    ApiKey, BasicAuth, Bearer, Certificates, CloudEvents, EventGrid, Hmac, IpAllowlist, Mailgun,
    Mandrill, Meta, PublicKey, Sns, Verifier, all_of, any_of,
};
use session_auth::{Keys, Router, SessionAuthLayer, webhook};

const CERTIFICATE: &str = include_str!("vectors/test_rsa_cert.pem");
const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:MyTopic";

fn vector(id: &str) -> Value {
    let signed: Value = serde_json::from_str(include_str!("vectors/signed.json")).unwrap();
    let vectors = signed["vectors"].as_array().unwrap();
    vectors.iter().find(|it| it["id"] == id).unwrap().clone()
}

struct Service {
    address: SocketAddr,
    ran: Arc<AtomicUsize>,
}

impl Service {
    /// At this time, in seconds since 1970.
    async fn start(now: u64) -> Self {
        let key = |id: &str| vector(id)["key"]["value"].as_str().unwrap().to_owned();
        let of_topic = || Sns::new([TOPIC], Certificates::given(CERTIFICATE));
        let sns = of_topic();
        // The address first, as that is asked at once.
        let behind = |by: Box<dyn Verifier>| {
            let loopback = IpAllowlist::new(["127.0.0.1"]).unwrap();
            all_of([Box::new(loopback) as Box<dyn Verifier>, by])
        };
        let auth = SessionAuthLayer::builder(Keys::random().unwrap())
            .clock(move || UNIX_EPOCH + Duration::from_secs(now))
            .verifier("meta", Meta::new("app-secret", "my-verify-token"))
            .verifier("slack", Hmac::slack(key("slack-challenge")))
            .verifier("zoom", Hmac::zoom(key("zoom-challenge")))
            .verifier("discord", PublicKey::discord(key("discord-ping")))
            .verifier(
                "grid",
                EventGrid::by(ApiKey::new("X-Key", "the-key").unwrap()),
            )
            .verifier(
                "events",
                CloudEvents::by(Bearer::new("the-token"), ["eventgrid.azure.net"]),
            )
            .verifier(
                "mandrill",
                Mandrill::new("key").public_url("https://a.example"),
            )
            .verifier("aws-sns", sns)
            .verifier("behind-aws-sns", behind(Box::new(of_topic())))
            .verifier(
                "asked-aws-sns",
                all_of([
                    Box::new(BasicAuth::new("u", "p")) as Box<dyn Verifier>,
                    Box::new(of_topic()),
                ]),
            )
            .verifier(
                "behind-slack",
                behind(Box::new(Hmac::slack(key("slack-challenge")))),
            )
            .verifier(
                "behind-meta",
                behind(Box::new(Meta::new("app-secret", "my-verify-token"))),
            )
            .verifier(
                "either-meta",
                any_of([
                    Box::new(Hmac::slack("secret")) as Box<dyn Verifier>,
                    Box::new(Mandrill::new("key").public_url("https://a.example")),
                    Box::new(Meta::new("app-secret", "my-verify-token")),
                ]),
            )
            .verifier("mailgun", Mailgun::new("key"))
            .verifier("postmark", BasicAuth::postmark("u", "p"))
            .build()
            .unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let mut routes = Router::new();
        for name in [
            "meta",
            "slack",
            "zoom",
            "discord",
            "grid",
            "events",
            "mandrill",
            "aws-sns",
            "mailgun",
            "postmark",
            "behind-aws-sns",
            "asked-aws-sns",
            "behind-slack",
            "behind-meta",
            "either-meta",
        ] {
            let ran = Arc::clone(&ran);
            let path: &'static str = Box::leak(format!("/hooks/{name}").into_boxed_str());
            routes = routes.mount(webhook(POST, path, name).to(move || {
                ran.fetch_add(1, Ordering::SeqCst);
                async { "handled" }
            }));
        }
        let address = common::serve(common::protect(&auth, routes).unwrap()).await;
        Self { address, ran }
    }

    async fn send(&self, method: &str, target: &str, headers: &str, body: &str) -> common::Answer {
        let length = match body.len() {
            0 => String::new(),
            len => format!("Content-Length: {len}\r\n"),
        };
        let text = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}{length}\
             \r\n{body}"
        );
        common::send(self.address, text.as_bytes()).await
    }

    async fn vector(&self, id: &str, name: &str) -> common::Answer {
        let vector = vector(id);
        let mut headers = String::new();
        for (name, value) in vector["headers"].as_object().unwrap() {
            headers.push_str(&format!("{name}: {}\r\n", value.as_str().unwrap()));
        }
        let body = STANDARD
            .decode(vector["body_b64"].as_str().unwrap())
            .unwrap();
        let target = format!("/hooks/{name}");
        let method = vector["method"].as_str().unwrap();
        let body = String::from_utf8(body).unwrap();
        self.send(method, &target, &headers, &body).await
    }

    fn ran(&self) -> usize {
        self.ran.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn what_is_signed_and_no_delivery_is_answered_by_the_layer() {
    for (id, name) in [
        ("slack-challenge", "slack"),
        ("slack-challenge", "behind-slack"),
        ("zoom-challenge", "zoom"),
        ("discord-ping", "discord"),
        ("discord-event-ping", "discord"),
        ("eventgrid-validation", "grid"),
        ("cloudevents-options", "events"),
    ] {
        let expected = vector(id);
        let now = expected["now"].as_u64().unwrap_or(1_700_000_000);
        let service = Service::start(now).await;
        let answer = service.vector(id, name).await;
        let expected = &expected["answer"];
        assert_eq!(answer.status, expected["status"], "{id}: {answer:?}");
        assert_eq!(
            answer.body,
            expected["body"].as_str().unwrap_or_default(),
            "{id}"
        );
        if let Some(of) = expected["content_type"].as_str() {
            assert_eq!(answer.header("content-type").next(), Some(of), "{id}");
        }
        for (name, value) in expected["headers"].as_object().into_iter().flatten() {
            assert_eq!(answer.header(name).next(), value.as_str(), "{id}");
        }
        assert_eq!(service.ran(), 0, "{id}");
    }
}

#[tokio::test]
async fn a_sender_that_asks_by_another_method_is_answered_where_only_post_is_mounted() {
    let service = Service::start(1_700_000_000).await;
    let subscribe = |token: &str| {
        format!("/hooks/meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}")
    };
    let answer = service
        .send("GET", &subscribe("my-verify-token"), "", "")
        .await;
    assert_eq!((answer.status, &*answer.body), (200, "1158201444"));
    assert_eq!(answer.header("content-type").next(), Some("text/plain"));
    assert_eq!(
        answer.header("x-content-type-options").next(),
        Some("nosniff")
    );
    for name in ["behind-meta", "either-meta"] {
        let target = subscribe("my-verify-token").replace("/meta", &format!("/{name}"));
        let answer = service.send("GET", &target, "", "").await;
        assert_eq!(
            (answer.status, &*answer.body),
            (200, "1158201444"),
            "{name}"
        );
    }
    for (method, target, headers, status) in [
        ("HEAD", "/hooks/either-meta".to_owned(), "", 200),
        (
            "GET",
            subscribe("other").replace("/meta", "/behind-meta"),
            "",
            401,
        ),
        ("GET", subscribe("other"), "", 401),
        ("GET", subscribe(""), "", 401),
        ("GET", "/hooks/meta".to_owned(), "", 401),
        (
            "GET",
            subscribe("my-verify-token").replace("subscribe", "x"),
            "",
            401,
        ),
        ("HEAD", "/hooks/mandrill".to_owned(), "", 200),
        ("GET", "/hooks/mandrill".to_owned(), "", 405),
        ("HEAD", "/hooks/slack".to_owned(), "", 405),
        ("GET", "/hooks/slack".to_owned(), "", 405),
        ("PUT", subscribe("my-verify-token"), "", 405),
        (
            "OPTIONS",
            "/hooks/grid".to_owned(),
            "WebHook-Request-Origin: eventgrid.azure.net\r\n",
            200,
        ),
        (
            "OPTIONS",
            "/hooks/grid".to_owned(),
            "WebHook-Request-Origin: evil.example\r\n",
            503,
        ),
        ("OPTIONS", "/hooks/events".to_owned(), "", 401),
        // A browser's preflight is none of these.
        (
            "OPTIONS",
            "/hooks/grid".to_owned(),
            "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n",
            405,
        ),
    ] {
        let answer = service.send(method, &target, headers, "").await;
        assert_eq!(answer.status, status, "{method} {target}: {answer:?}");
    }
    assert_eq!(service.ran(), 0);
}

#[tokio::test]
async fn security_a_handshake_without_its_proof_is_none() {
    let service = Service::start(1_531_420_618).await;
    let challenge = r#"{"token":"x","challenge":"c","type":"url_verification"}"#;
    for (name, headers, body, status) in [
        ("slack", "", challenge, 401),
        ("slack", "X-Slack-Signature: v0=00\r\n", challenge, 401),
        ("discord", "", r#"{"type":1}"#, 401),
        ("zoom", "", r#"{"event":"endpoint.url_validation"}"#, 401),
        ("meta", "", r#"{"hub.challenge":"1"}"#, 401),
        ("mandrill", "", "mandrill_events=%5B%5D", 401),
        ("aws-sns", "", r#"{"Type":"SubscriptionConfirmation"}"#, 503),
        // A key that is there has to be right, and what is in the body has to be a validation alone.
        (
            "grid",
            "aeg-event-type: SubscriptionValidation\r\nX-Key: other\r\n",
            "[]",
            503,
        ),
        (
            "grid",
            "aeg-event-type: SubscriptionValidation\r\n",
            "[]",
            503,
        ),
        ("grid", "aeg-event-type: Notification\r\n", "[]", 503),
        (
            "grid",
            "aeg-event-type: SubscriptionValidation\r\n",
            r#"[{"eventType":"Other","data":{"validationCode":"x"}}]"#,
            503,
        ),
        ("grid", "X-Key: the-key\r\n", "[]", 200),
    ] {
        let answer = service
            .send("POST", &format!("/hooks/{name}"), headers, body)
            .await;
        assert_eq!(answer.status, status, "{name} {headers} {body}: {answer:?}");
    }
    assert_eq!(service.ran(), 1, "the delivery with the key");
}

#[tokio::test]
async fn a_refusal_has_the_status_after_which_its_sender_tries_again() {
    let service = Service::start(1_700_000_000).await;
    for (name, status) in [
        ("slack", 401),
        ("mailgun", 401),
        // On a 403 it would give up.
        ("postmark", 401),
        ("aws-sns", 503),
        ("behind-aws-sns", 503),
        // It sends its credentials when it is asked for them.
        ("asked-aws-sns", 401),
        ("grid", 503),
    ] {
        let answer = service
            .send("POST", &format!("/hooks/{name}"), "", "{}")
            .await;
        assert_eq!(answer.status, status, "{name}");
        assert!(
            answer.body.contains(r#""reason":"signature_missing""#),
            "{answer:?}"
        );
        let asks = answer.header("www-authenticate").count();
        assert_eq!(asks, usize::from(status == 401), "{answer:?}");
    }
}
