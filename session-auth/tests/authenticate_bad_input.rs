//! What comes in place of a good credential, over HTTP: each is refused with a reason, and nothing panics.
//! API keys and forwarded headers have tests of their own.
#![cfg(feature = "webhook-asymmetric")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::clock::FakeClock;
use common::{Answer, protect, request, serve};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::Deserialize;
use serde_json::{Value, json};
use session_auth::authenticate::{Authenticate, JwtBearer, Proof, Refusal, RequestParts, Verdict};
use session_auth::methods::GET;
use session_auth::webhook::Jwks;
use session_auth::{Identity, Router, SessionAuthLayer, session};

const NOW: u64 = 1_700_000_000;
const ISSUER: &str = "https://idp.example";

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

async fn service(jwks: Jwks, clock: &FakeClock) -> SocketAddr {
    let auth = SessionAuthLayer::builder_without_sessions()
        .clock(clock.clock())
        .authenticator("idp", JwtBearer::<Claims>::new(ISSUER, "api", jwks))
        .build()
        .unwrap();
    let me = async |claims: Identity<Claims>| claims.sub.clone();
    let routes = Router::new().mount(session(GET, "/me").by("idp").to(me));
    serve(protect(&auth, routes).unwrap()).await
}

fn told(answer: &Answer) -> String {
    let reason = answer.body.split_once(r#""reason":""#);
    let reason = reason.map_or(&*answer.body, |(_, rest)| rest.trim_end_matches("\"}"));
    format!("{} {reason}", answer.status)
}

async fn with(service: SocketAddr, headers: &str) -> String {
    told(&request(service, "GET", "/me", headers).await)
}

async fn ask(service: SocketAddr, token: &str) -> String {
    with(service, &format!("Authorization: Bearer {token}\r\n")).await
}

struct Key {
    pair: Ed25519KeyPair,
    id: &'static str,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap();
        Self { pair, id }
    }

    fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": x })
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn token(&self) -> String {
        let header = json!({ "alg": "EdDSA", "kid": self.id });
        self.sign(&header.to_string(), &claims().to_string())
    }
}

fn set(keys: impl IntoIterator<Item = Value>) -> String {
    json!({ "keys": Vec::from_iter(keys) }).to_string()
}

fn claims() -> Value {
    json!({ "sub": "ada", "iss": ISSUER, "aud": "api", "exp": NOW + 600 })
}

#[tokio::test]
async fn security_the_header_is_read_as_the_rfc_writes_it() {
    let key = Key::new("1");
    let service = service(Jwks::given(&set([key.jwk()])), &FakeClock::new()).await;
    let token = key.token();
    for (headers, expected) in [
        (format!("Authorization: Bearer {token}\r\n"), "200 ada"),
        (format!("authorization: bearer {token}\r\n"), "200 ada"),
        (format!("Authorization: Bearer  {token}\r\n"), "200 ada"),
        (
            format!("Authorization: Bearer {token},\r\n"),
            "401 malformed",
        ),
        (
            format!("Authorization: Bearer {token}, Basic YTpi\r\n"),
            "401 malformed",
        ),
        (
            format!("Authorization: Bearer \"{token}\"\r\n"),
            "401 malformed",
        ),
        ("Authorization: Bearer\r\n".to_owned(), "401 malformed"),
        ("Authorization: Bearer   \r\n".to_owned(), "401 malformed"),
        (format!("Authorization: Bearer\t{token}\r\n"), "401 missing"),
        (format!("Authorization: Bearer{token}\r\n"), "401 missing"),
        (format!("Authorization: Basic {token}\r\n"), "401 missing"),
        // Of as many letters.
        (format!("Authorization: Digest {token}\r\n"), "401 missing"),
        (format!("Authorization: {token}\r\n"), "401 missing"),
        (
            format!("Authorization: Bearer {token}\r\n").repeat(2),
            "401 malformed",
        ),
        (
            format!("Authorization: Basic YTpi\r\nAuthorization: Bearer {token}\r\n"),
            "401 malformed",
        ),
    ] {
        assert_eq!(with(service, &headers).await, expected, "{headers}");
    }
}

#[tokio::test]
async fn security_no_token_is_believed_but_the_issuers() {
    let key = Key::new("1");
    // A key of RSA beside: 2048 bits, as anybody can download them.
    let n = URL_SAFE_NO_PAD.encode([0xc1; 256]);
    let rsa = json!({ "kty": "RSA", "kid": "rsa", "n": n, "e": "AQAB" });
    let service = service(
        Jwks::given(&set([key.jwk(), rsa.clone()])),
        &FakeClock::new(),
    )
    .await;
    let good = key.token();
    assert_eq!(ask(service, &good).await, "200 ada");

    let header = |header: Value| key.sign(&header.to_string(), &claims().to_string());
    let claim = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        key.sign(r#"{"alg":"EdDSA","kid":"1"}"#, &claims.to_string())
    };
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let by_hmac = |secret: &[u8]| {
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"rsa"}"#);
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims().to_string()));
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, secret),
            signed.as_bytes(),
        );
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let unsigned = {
        let (signed, _) = good.rsplit_once('.').unwrap();
        format!("{signed}.")
    };
    let none = {
        let claims = URL_SAFE_NO_PAD.encode(claims().to_string());
        let head = |alg: &str| URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","kid":"1"}}"#));
        [
            format!("{}.{claims}.", head("none")),
            format!("{}.{claims}.", head("None")),
        ]
    };
    // RFC 7797: the claims as they are, and not in base64.
    let detached = {
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"1","b64":false}"#);
        let signature = key.pair.sign(format!("{head}.{}", claims()).as_bytes());
        format!("{head}..{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let rows = [
        ("100 kB", "a".repeat(100_000), "malformed"),
        (
            "100 kB of claims",
            claim("pad", json!("a".repeat(75_000))),
            "malformed",
        ),
        (
            "nested in the claims",
            key.sign(r#"{"alg":"EdDSA","kid":"1"}"#, &nested(1_000)),
            "malformed",
        ),
        (
            "nested in the header",
            key.sign(&nested(1_000), &claims().to_string()),
            "malformed",
        ),
        ("no signature", unsigned, "bad_signature"),
        ("none", none[0].clone(), "bad_signature"),
        ("None", none[1].clone(), "bad_signature"),
        ("no alg", header(json!({ "kid": "1" })), "bad_signature"),
        (
            "alg of another key",
            header(json!({ "alg": "RS256", "kid": "1" })),
            "bad_signature",
        ),
        ("no kid", header(json!({ "alg": "EdDSA" })), "malformed"),
        (
            "kid a number",
            header(json!({ "alg": "EdDSA", "kid": 1 })),
            "malformed",
        ),
        (
            "kid a path",
            header(json!({ "alg": "EdDSA", "kid": "../../../../dev/null" })),
            "bad_signature",
        ),
        (
            "kid a URL",
            header(json!({ "alg": "EdDSA", "kid": "https://elsewhere.example/jwks" })),
            "bad_signature",
        ),
        (
            "kid of SQL",
            header(json!({ "alg": "EdDSA", "kid": "' OR 1 = 1 --" })),
            "bad_signature",
        ),
        (
            "a key of its own",
            header(json!({ "alg": "EdDSA", "kid": "2", "jwk": key.jwk() })),
            "bad_signature",
        ),
        (
            "crit",
            header(json!({ "alg": "EdDSA", "kid": "1", "crit": ["exp"] })),
            "malformed",
        ),
        (
            "crit empty",
            header(json!({ "alg": "EdDSA", "kid": "1", "crit": [] })),
            "malformed",
        ),
        (
            "crit b64",
            header(json!({ "alg": "EdDSA", "kid": "1", "crit": ["b64"], "b64": false })),
            "malformed",
        ),
        (
            "b64",
            header(json!({ "alg": "EdDSA", "kid": "1", "b64": false })),
            "malformed",
        ),
        ("b64, detached", detached, "malformed"),
        (
            "the RSA key as a secret",
            by_hmac(&[0xc1; 256]),
            "bad_signature",
        ),
        (
            "the RSA key as JSON",
            by_hmac(rsa.to_string().as_bytes()),
            "bad_signature",
        ),
        ("the empty secret", by_hmac(b""), "bad_signature"),
        (
            "aud an array of others",
            claim("aud", json!(["other", "api2"])),
            "bad_signature",
        ),
        (
            "aud an empty array",
            claim("aud", json!([])),
            "bad_signature",
        ),
        (
            "aud an object",
            claim("aud", json!({ "api": true })),
            "bad_signature",
        ),
        ("aud null", claim("aud", Value::Null), "bad_signature"),
        (
            "exp a float",
            claim("exp", json!(1_700_000_600.5)),
            "malformed",
        ),
        ("exp a round float", claim("exp", json!(1.8e9)), "malformed"),
        (
            "exp in ms",
            claim("exp", json!((NOW + 600) * 1_000)),
            "malformed",
        ),
        ("exp a text", claim("exp", json!("1800000000")), "malformed"),
        ("exp negative", claim("exp", json!(-1)), "malformed"),
        (
            "exp past any time",
            claim("exp", json!(u64::MAX)),
            "malformed",
        ),
        ("exp null", claim("exp", Value::Null), "malformed"),
        ("nbf in ms", claim("nbf", json!(NOW * 1_000)), "malformed"),
        (
            "claims that are no object",
            key.sign(r#"{"alg":"EdDSA","kid":"1"}"#, "[]"),
            "malformed",
        ),
        ("four parts", format!("{good}.a"), "malformed"),
        ("two parts", "a.b".to_owned(), "malformed"),
        (
            "base64 of the other kind",
            good.replacen('.', "+.", 1),
            "malformed",
        ),
    ];
    for (what, token, reason) in &rows {
        assert_eq!(ask(service, token).await, format!("401 {reason}"), "{what}");
    }
    assert_eq!(
        ask(service, &claim("aud", json!(["other", "api"]))).await,
        "200 ada"
    );
    assert_eq!(ask(service, &good).await, "200 ada", "it is still there");
}

/// The keys of an issuer, as its host answers.
#[derive(Clone, Default)]
struct Host {
    answer: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Host {
    fn jwks(&self) -> Jwks {
        let this = self.clone();
        Jwks::fetched(move || {
            this.asked.fetch_add(1, Ordering::SeqCst);
            let answer = this.answer.lock().unwrap().clone();
            async move { answer.ok_or_else(|| "connection refused".into()) }
        })
    }

    fn says(&self, answer: impl Into<String>) {
        *self.answer.lock().unwrap() = Some(answer.into());
    }

    fn is_down(&self) {
        *self.answer.lock().unwrap() = None;
    }
}

#[tokio::test]
async fn ten_thousand_keys_are_found_and_two_of_one_id_are_none() {
    let (key, other, twin) = (Key::new("good"), Key::new("twin"), Key::new("twin"));
    let filler = (0..10_000).map(|number| {
        let mut jwk = other.jwk();
        jwk["kid"] = json!(format!("k{number}"));
        jwk
    });
    let keys = filler.chain([key.jwk(), other.jwk(), twin.jwk()]);
    let service = service(Jwks::given(&set(keys)), &FakeClock::new()).await;
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(ask(service, &key.token()).await, "200 ada");
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    for ambiguous in [&other, &twin] {
        assert_eq!(ask(service, &ambiguous.token()).await, "401 bad_signature");
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_or_answers_nonsense_is_a_503_and_known_keys_stay_good() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let clock = FakeClock::new();
    let host = Host::default();
    let service = service(host.jwks(), &clock).await;
    let next = || clock.advance(Duration::from_secs(31));
    let asked = || host.asked.load(Ordering::SeqCst);

    // Down at the start, and then not what it should be.
    assert_eq!(ask(service, &old.token()).await, "503 store_unavailable");
    for nonsense in [
        "<!doctype html><title>502 Bad Gateway</title>",
        "",
        "null",
        "[]",
        r#"{"keys":{}}"#,
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"old"}]}"#,
    ] {
        host.says(nonsense);
        next();
        assert_eq!(
            ask(service, &old.token()).await,
            "503 store_unavailable",
            "{nonsense}"
        );
    }
    host.says(set([old.jwk()]));
    next();
    assert_eq!(ask(service, &old.token()).await, "200 ada");
    // A key that nobody has, of an issuer that can be asked.
    next();
    assert_eq!(ask(service, &new.token()).await, "401 bad_signature");

    // Down at the rollover: whether the key is good nobody can say, for as long as that lasts.
    host.is_down();
    next();
    let before = asked();
    for _ in 0..3 {
        assert_eq!(ask(service, &new.token()).await, "503 store_unavailable");
        assert_eq!(ask(service, &old.token()).await, "200 ada");
    }
    assert_eq!(asked(), before + 1, "not for each request");
    host.says("<html>");
    next();
    assert_eq!(ask(service, &new.token()).await, "503 store_unavailable");
    assert_eq!(ask(service, &old.token()).await, "200 ada");
    host.says(set([old.jwk(), new.jwk()]));
    next();
    for key in [&new, &old] {
        assert_eq!(ask(service, &key.token()).await, "200 ada");
    }
    // And the old one goes.
    host.says(set([new.jwk()]));
    clock.advance(Duration::from_secs(100));
    let unknown = Key::new("unknown");
    assert_eq!(ask(service, &unknown.token()).await, "401 bad_signature");
    assert_eq!(ask(service, &old.token()).await, "401 bad_signature");
    assert_eq!(ask(service, &new.token()).await, "200 ada");
}

struct Slow;

impl Authenticate for Slow {
    type Identity = ();

    fn authenticate(&self, _: &RequestParts<'_>) -> Verdict<()> {
        Verdict::later(async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Ok::<_, Refusal>(Proof::new(()))
        })
    }
}

#[tokio::test]
async fn one_that_takes_ten_seconds_is_given_up_after_two() {
    let auth = SessionAuthLayer::builder_without_sessions()
        .clock(|| UNIX_EPOCH + Duration::from_secs(NOW))
        .authenticator("slow", Slow)
        .build()
        .unwrap();
    let routes = Router::new().mount(session(GET, "/me").by("slow").to(|| async { "in" }));
    let service = serve(protect(&auth, routes).unwrap()).await;
    let start = Instant::now();
    assert_eq!(with(service, "").await, "503 store_unavailable");
    let took = start.elapsed();
    assert!((1_500..5_000).contains(&took.as_millis()), "{took:?}");
}
