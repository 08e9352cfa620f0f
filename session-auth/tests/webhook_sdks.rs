//! The senders' own libraries: what they sign is accepted over a socket, what `testing` signs they
//! accept, and a byte that differs is refused by both.
//!
//! They come from npm: `.ci/run packages` installs them.
#![cfg(all(feature = "sha1", feature = "testing", feature = "webhook-asymmetric"))]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use session_auth::methods::POST;
use session_auth::testing::sign_webhook;
use session_auth::webhook::{Scheme, Setup, scheme};
use session_auth::{Keys, Router, SessionAuthLayer, webhook};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const BASE: &str = "https://hooks.example.com";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:orders";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sdks")
}

/// The script that has the libraries.
struct Sdks {
    asked: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _node: Child,
}

impl Sdks {
    /// `None` where they are not installed; in CI, that is a failure.
    fn start() -> Option<Self> {
        let started = folder()
            .join("node_modules/stripe")
            .is_dir()
            .then(|| {
                Command::new("node")
                    .arg(folder().join("sdks.mjs"))
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .kill_on_drop(true)
                    .spawn()
            })
            .and_then(Result::ok);
        let Some(mut node) = started else {
            let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true" || ci == "1");
            assert!(
                !ci,
                "the senders' libraries are missing: run `.ci/run packages`"
            );
            eprintln!(
                "skipped: the senders' libraries are not installed: \
                 `npm ci --ignore-scripts --prefix tests/sdks`"
            );
            return None;
        };
        Some(Self {
            asked: node.stdin.take().unwrap(),
            answers: BufReader::new(node.stdout.take().unwrap()).lines(),
            _node: node,
        })
    }

    async fn ask(&mut self, question: &Value) -> Value {
        let line = format!("{question}\n");
        self.asked.write_all(line.as_bytes()).await.unwrap();
        let answer = self.answers.next_line();
        let answer = tokio::time::timeout(Duration::from_secs(60), answer).await;
        let answer = answer.expect("an answer of the script").unwrap().unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// `None` where the library cannot sign.
    async fn sign(&mut self, case: &Case, at: SystemTime) -> Option<Sent> {
        let mut question = case.question("sign", &case.secret, &case.unsigned());
        let at = at.duration_since(UNIX_EPOCH).unwrap().as_secs();
        question["at"] = at.into();
        let answer = self.ask(&question).await;
        if answer["error"].is_string() {
            return None;
        }
        let headers: BTreeMap<String, String> =
            serde_json::from_value(answer["headers"].clone()).unwrap();
        let mut sent = case.unsigned();
        sent.headers.extend(headers);
        sent.body = answer["body"].as_str().unwrap().to_owned();
        Some(sent)
    }

    async fn accepts(&mut self, case: &Case, by: &str, sent: &Sent) -> bool {
        let answer = self.ask(&case.question("verify", by, sent)).await;
        answer["accepted"]
            .as_bool()
            .unwrap_or_else(|| panic!("{answer}"))
    }
}

/// A delivery as it goes over the wire.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    target: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Sent {
    async fn to(&self, address: SocketAddr) -> (u16, String) {
        let mut headers = String::new();
        for (name, value) in &self.headers {
            headers.push_str(&format!("{name}: {value}\r\n"));
        }
        let answer = common::post(address, &self.target, &headers, &self.body).await;
        let reason = match answer.status {
            200 => answer.body,
            _ => {
                let body: Value = serde_json::from_str(&answer.body).unwrap();
                body["reason"].as_str().unwrap().to_owned()
            }
        };
        (answer.status, reason)
    }
}

/// Where a change is made.
#[derive(Clone, Copy)]
enum Part {
    Header(&'static str),
    /// A field of the body, by a JSON pointer.
    Field(&'static str),
}

struct Case {
    sdk: &'static str,
    scheme: &'static Scheme,
    /// What is signed with, by those who can.
    private: String,
    /// What is verified with, and for most signed with too.
    secret: String,
    other_secret: String,
    query: String,
    headers: &'static [(&'static str, &'static str)],
    body: String,
    signature: Part,
    /// Where the time is, by itself and signed.
    time: Option<Part>,
    /// Whether the library refuses what is older than the sender's tolerance.
    judges_time: bool,
    algorithm: Option<&'static str>,
    /// Whether `testing` signs in this form.
    tested: bool,
}

const SECRET: &str = "a-secret-of-the-sender";

fn case(sdk: &'static str, name: &str, signature: Part) -> Case {
    Case {
        sdk,
        scheme: scheme(name).unwrap(),
        private: SECRET.to_owned(),
        secret: SECRET.to_owned(),
        other_secret: "a-secret-of-the-sendes".to_owned(),
        query: String::new(),
        headers: &[("content-type", "application/json")],
        body: r#"{"id":"1","text":"ada"}"#.to_owned(),
        signature,
        time: None,
        judges_time: false,
        algorithm: None,
        tested: true,
    }
}

impl Case {
    fn url(&self) -> String {
        format!("{BASE}/{}{}", self.scheme.name, self.query)
    }

    fn unsigned(&self) -> Sent {
        let headers = self.headers.iter();
        Sent {
            target: format!("/{}{}", self.scheme.name, self.query),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: self.body.clone(),
        }
    }

    fn question(&self, what: &str, secret: &str, sent: &Sent) -> Value {
        json!({
            "sdk": self.sdk, "do": what, "secret": secret, "url": format!("{BASE}{}", sent.target),
            "headers": sent.headers, "body": sent.body,
        })
    }

    /// As a user's own test signs.
    fn signed_for_a_test(&self, at: SystemTime) -> Sent {
        let mut request = Request::post(self.url());
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::from(self.body.clone())).unwrap();
        let request = sign_webhook(self.scheme.name, &self.private, request, at);
        let headers = request.headers().iter();
        Sent {
            target: self.unsigned().target,
            headers: headers
                .map(|(name, value)| {
                    let name = match (name.as_str(), self.signature) {
                        ("x-shopify-hmac-sha256", Part::Header(name)) => name,
                        (name, _) => name,
                    };
                    (name.to_owned(), value.to_str().unwrap().to_owned())
                })
                .collect(),
            body: String::from_utf8(request.body().to_vec()).unwrap(),
        }
    }

    fn setup(&self, secret: &str) -> Setup {
        let mut setup = Setup::new([secret]);
        setup.public_url = Some(BASE.to_owned());
        setup.account = Some(TOPIC.to_owned());
        setup.algorithm = self.algorithm.map(str::to_owned);
        setup
    }

    async fn serve(&self, secret: &str) -> SocketAddr {
        let verifier = self.scheme.verifier(&self.setup(secret)).unwrap();
        let auth = SessionAuthLayer::builder(Keys::random().unwrap())
            .verifier("sender", verifier)
            .build()
            .unwrap();
        let path = format!("/{}", self.scheme.name);
        let hook = webhook(POST, path, "sender").to(async |body: Bytes| body);
        common::serve(common::protect(&auth, Router::new().mount(hook)).unwrap()).await
    }
}

/// Another character of the same kind, near the end: before the padding of base64, and not among the
/// bits that it leaves out.
fn altered(text: &str) -> String {
    let at = text.len() - 6;
    let other = match text.as_bytes()[at] {
        b'a' => 'b',
        b'0'..=b'8' => char::from(text.as_bytes()[at] + 1),
        b'9' => '8',
        b'A' => 'B',
        b'b'..=b'f' => 'a',
        _ => 'A',
    };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

fn change(sent: &Sent, part: Part, how: impl Fn(&str) -> String) -> Sent {
    let mut changed = sent.clone();
    match part {
        Part::Header(name) => {
            let value = changed.headers.get_mut(name).unwrap();
            *value = how(value);
        }
        Part::Field(pointer) => {
            let mut body: Value = serde_json::from_str(&changed.body).unwrap();
            let field = body.pointer_mut(pointer).unwrap();
            *field = match &*field {
                Value::String(text) => how(text).into(),
                other => panic!("no text: {other}"),
            };
            changed.body = body.to_string();
        }
    }
    assert_ne!(*sent, changed, "nothing is changed");
    changed
}

/// A second earlier, in seconds or in milliseconds, in digits or in RFC 3339; in a header of several parts,
/// in the first.
fn a_second_earlier(text: &str) -> String {
    let is_number = |part: &&str| part.len() >= 10 && part.bytes().all(|b| b.is_ascii_digit());
    if let Some(number) = text.split(|c: char| !c.is_ascii_digit()).find(is_number) {
        let step = if number.len() > 10 { 1000 } else { 1 };
        let earlier = number.parse::<u64>().unwrap() - step;
        return text.replacen(number, &earlier.to_string(), 1);
    }
    let other = if text.ends_with("0Z") { "1Z" } else { "0Z" };
    format!("{}{other}", &text[..text.len() - 2])
}

fn pem(pkcs8: &[u8]) -> String {
    let pkcs8 = STANDARD.encode(pkcs8);
    format!("-----BEGIN PRIVATE KEY-----\n{pkcs8}\n-----END PRIVATE KEY-----\n")
}

/// Private key, public key, and another one's public key.
fn ed25519() -> [String; 3] {
    let pair = || {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let public = Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap();
        let public = public.public_key().as_ref().iter();
        let public: String = public.map(|byte| format!("{byte:02x}")).collect();
        (pem(key.as_ref()), public)
    };
    let (private, public) = pair();
    [private, public, pair().1]
}

fn p256() -> [String; 3] {
    // A SubjectPublicKeyInfo up to the point, as SendGrid writes it.
    const SPKI: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
    let spki: Vec<_> = (0..SPKI.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&SPKI[at..at + 2], 16).unwrap())
        .collect();
    let pair = || {
        let (algorithm, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let public = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap();
        let public = [&spki, public.public_key().as_ref()].concat();
        (pem(key.as_ref()), STANDARD.encode(public))
    };
    let (private, public) = pair();
    [private, public, pair().1]
}

const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];

fn cases() -> Vec<Case> {
    let [discords_key, discord, other_discord] = ed25519();
    let [sendgrids_key, sendgrid, other_sendgrid] = p256();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let with_time = format!(r#"{{"text":"ada","webhookTimestamp":{}}}"#, now.as_millis());
    let json = r#"{"id":"1","text":"ada"}"#;
    let hash: String = digest(&SHA256, json.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let whsec = |mut of: Case| {
        of.private = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned();
        of.secret.clone_from(&of.private);
        of.other_secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oE".to_owned();
        of.judges_time = true;
        of
    };
    let adyen = |mut of: Case| {
        of.private = "11223344D785FBAE710E7F943F307971BB61B21281C98C9129B3D4018A57B2EB".to_owned();
        of.secret.clone_from(&of.private);
        of.other_secret = of.private.replace("B2EB", "B2EC");
        of
    };
    let timed = |mut of: Case, time: Part| {
        of.time = Some(time);
        of.judges_time = true;
        of
    };
    let header = Part::Header;
    let form = "CallSid=CA1&From=%2B14158675309&Body=ada&Body=lovelace";
    vec![
        timed(
            case("stripe", "stripe", header("stripe-signature")),
            header("stripe-signature"),
        ),
        timed(
            whsec(case(
                "standardwebhooks",
                "standard-webhooks",
                header("webhook-signature"),
            )),
            header("webhook-timestamp"),
        ),
        Case {
            // `testing` signs by the headers of the specification.
            tested: false,
            ..timed(
                whsec(case("svix", "standard-webhooks", header("svix-signature"))),
                header("svix-timestamp"),
            )
        },
        Case {
            query: "?a=1&b=it's".to_owned(),
            headers: FORM,
            body: form.to_owned(),
            ..case("twilio", "twilio", header("x-twilio-signature"))
        },
        Case {
            headers: FORM,
            body: form.to_owned(),
            algorithm: Some("HMAC_SHA256"),
            tested: false,
            ..case("twilio, SHA-256", "twilio", header("x-twilio-signature"))
        },
        Case {
            query: format!("?a=1&bodySHA256={hash}"),
            tested: false,
            ..case("twilio, JSON", "twilio", header("x-twilio-signature"))
        },
        timed(
            case("@slack/bolt", "slack", header("x-slack-signature")),
            header("x-slack-request-timestamp"),
        ),
        Case {
            private: sendgrids_key,
            secret: sendgrid,
            other_secret: other_sendgrid,
            time: Some(header("x-twilio-email-event-webhook-timestamp")),
            ..case(
                "@sendgrid/eventwebhook",
                "sendgrid",
                header("x-twilio-email-event-webhook-signature"),
            )
        },
        Case {
            private: discords_key,
            secret: discord,
            other_secret: other_discord,
            time: Some(header("x-signature-timestamp")),
            ..case(
                "discord-interactions",
                "discord",
                header("x-signature-ed25519"),
            )
        },
        case(
            "@octokit/webhooks-methods",
            "github",
            header("x-hub-signature-256"),
        ),
        case(
            "@shopify/shopify-api",
            "shopify",
            header("x-shopify-hmac-sha256"),
        ),
        // Its newer events, by another name of the same header.
        case(
            "@shopify/shopify-api, events",
            "shopify",
            header("shopify-hmac-sha256"),
        ),
        case("@line/bot-sdk", "line", header("x-line-signature")),
        Case {
            query: "?a=1".to_owned(),
            ..case("square", "square", header("x-square-hmacsha256-signature"))
        },
        timed(
            case(
                "@paddle/paddle-node-sdk",
                "paddle",
                header("paddle-signature"),
            ),
            header("paddle-signature"),
        ),
        Case {
            private: pem(include_bytes!("vectors/sender_rsa_key.pk8")),
            secret: include_str!("vectors/sender_rsa_cert.pem").to_owned(),
            other_secret: include_str!("vectors/test_rsa_cert.pem").to_owned(),
            body: json!({ "TopicArn": TOPIC, "Subject": "a subject", "Message": "ada" })
                .to_string(),
            time: Some(Part::Field("/Timestamp")),
            ..case("sns-validator", "aws-sns", Part::Field("/Signature"))
        },
        Case {
            time: Some(header("sanity-webhook-signature")),
            ..case(
                "@sanity/webhook",
                "sanity",
                header("sanity-webhook-signature"),
            )
        },
        timed(
            case("@workos-inc/node", "workos", header("workos-signature")),
            header("workos-signature"),
        ),
        Case {
            body: json!({ "live": "false", "notificationItems": [{ "NotificationRequestItem": {
                "pspReference": "7914073381342284", "originalReference": "",
                "merchantAccountCode": "TestMerchant", "merchantReference": "ada",
                "amount": { "value": 1130, "currency": "EUR" },
                "eventCode": "AUTHORISATION", "success": "true",
            } }] })
            .to_string(),
            tested: false,
            ..adyen(case(
                "@adyen/api-library, payments",
                "adyen",
                Part::Field(
                    "/notificationItems/0/NotificationRequestItem/additionalData/hmacSignature",
                ),
            ))
        },
        adyen(case(
            "@adyen/api-library, platform",
            "adyen",
            header("hmacsignature"),
        )),
        case("razorpay", "razorpay", header("x-razorpay-signature")),
        Case {
            body: with_time,
            ..case("@linear/sdk", "linear", header("linear-signature"))
        },
        Case {
            query: "?a=1".to_owned(),
            ..timed(
                case(
                    "@hubspot/api-client",
                    "hubspot",
                    header("x-hubspot-signature-v3"),
                ),
                header("x-hubspot-request-timestamp"),
            )
        },
    ]
}

/// Over a socket, and by the library: both accept it, and each change of a byte is refused by both.
async fn holds(sdks: &mut Sdks, case: &Case, sent: &Sent) {
    let by = (
        case.serve(&case.secret).await,
        case.serve(&case.other_secret).await,
    );
    let what = case.sdk;
    let accepted = (200, sent.body.clone());
    assert_eq!(sent.to(by.0).await, accepted, "{what}: {sent:?}");
    assert!(
        sdks.accepts(case, &case.secret, sent).await,
        "{what}: {sent:?}"
    );

    let status = case.scheme.refuse_with;
    let mut changes = vec![
        ("signature", change(sent, case.signature, altered)),
        (
            "body",
            Sent {
                body: sent.body.replacen("ada", "adb", 1),
                ..sent.clone()
            },
        ),
    ];
    assert_ne!(sent.body, changes[1].1.body);
    if let Some(time) = case.time {
        changes.push(("time", change(sent, time, a_second_earlier)));
    }
    if case.scheme.signs_url() {
        let target = if sent.target.contains('?') {
            sent.target.replace("?a=1", "?a=2")
        } else {
            format!("{}?a=1", sent.target)
        };
        assert_ne!(sent.target, target);
        changes.push((
            "URL",
            Sent {
                target,
                ..sent.clone()
            },
        ));
    }
    for (change, changed) in changes {
        let refused = (status, "signature_invalid".to_owned());
        assert_eq!(
            changed.to(by.0).await,
            refused,
            "{what}, {change}: {changed:?}"
        );
        let accepted = sdks.accepts(case, &case.secret, &changed).await;
        assert!(!accepted, "{what}, {change}: {changed:?}");
    }
    let refused = (status, "signature_invalid".to_owned());
    assert_eq!(sent.to(by.1).await, refused, "{what}, secret");
    assert!(
        !sdks.accepts(case, &case.other_secret, sent).await,
        "{what}, secret"
    );
    if let Part::Header(name) = case.signature {
        let mut without = sent.clone();
        without.headers.remove(name);
        let refused = (status, "signature_missing".to_owned());
        assert_eq!(without.to(by.0).await, refused, "{what}, no signature");
    }
}

#[tokio::test]
async fn what_an_sdk_signs_is_accepted_and_with_a_byte_changed_it_is_not() {
    let Some(mut sdks) = Sdks::start() else {
        return;
    };
    let mut signed = Vec::new();
    for case in cases() {
        let Some(sent) = sdks.sign(&case, SystemTime::now()).await else {
            continue;
        };
        holds(&mut sdks, &case, &sent).await;
        signed.push(case.sdk);
    }
    assert_eq!(
        signed,
        [
            "stripe",
            "standardwebhooks",
            "svix",
            "twilio",
            "twilio, SHA-256",
            "twilio, JSON",
            "@octokit/webhooks-methods",
            "@sanity/webhook",
            "@workos-inc/node",
            "@adyen/api-library, payments",
            "@adyen/api-library, platform",
            "@hubspot/api-client",
        ]
    );
}

#[tokio::test]
async fn what_is_signed_for_a_test_an_sdk_accepts_and_with_a_byte_changed_it_does_not() {
    let Some(mut sdks) = Sdks::start() else {
        return;
    };
    for case in cases().iter().filter(|case| case.tested) {
        let sent = case.signed_for_a_test(SystemTime::now());
        holds(&mut sdks, case, &sent).await;
    }
}

#[tokio::test]
async fn what_is_signed_too_long_ago_both_refuse() {
    let Some(mut sdks) = Sdks::start() else {
        return;
    };
    for case in cases() {
        // The time of Linear stands in its body.
        let Some(tolerance) = case.scheme.tolerance().filter(|_| case.time.is_some()) else {
            continue;
        };
        let past = SystemTime::now() - Duration::from_secs(tolerance + 30);
        let sent = match sdks.sign(&case, past).await {
            Some(sent) => sent,
            None => case.signed_for_a_test(past),
        };
        let address = case.serve(&case.secret).await;
        let refused = (case.scheme.refuse_with, "timestamp_out_of_range".to_owned());
        assert_eq!(sent.to(address).await, refused, "{}", case.sdk);
        let accepted = sdks.accepts(&case, &case.secret, &sent).await;
        assert_eq!(accepted, !case.judges_time, "{}", case.sdk);
    }
}
