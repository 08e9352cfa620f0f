//! The authenticators that are built in: what they let in, and what they refuse and why.
#![cfg(feature = "webhook-asymmetric")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{protect, request, serve};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Deserialize;
use serde_json::{Value, json};
use session_auth::authenticate::{Extension, JwtBearer};
use session_auth::methods::{GET, POST};
use session_auth::webhook::{Jwks, JwtIssuer};
use session_auth::{Identity, Router, SessionAuthLayer, SessionAuthLayerBuilder, session};

const NOW: u64 = 1_700_000_000;
const SECRET: &str = "thirty-two bytes or more of a secret";

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder_without_sessions().clock(|| UNIX_EPOCH + Duration::from_secs(NOW))
}

async fn service(by: JwtBearer<Claims>) -> SocketAddr {
    let auth = builder().authenticator("idp", by).build().unwrap();
    let me = || async |claims: Identity<Claims>| claims.sub.clone();
    let routes = Router::new()
        .mount(session(GET, "/me").by("idp").to(me()))
        .mount(session(GET, "/staff").by("idp").scope("staff").to(me()));
    serve(protect(&auth, routes).unwrap()).await
}

async fn ask(service: SocketAddr, path: &str, token: &str) -> (u16, String) {
    let headers = format!("Authorization: Bearer {token}\r\n");
    let answer = request(service, "GET", path, &headers).await;
    (answer.status, answer.body)
}

#[track_caller]
fn refused(answer: &(u16, String), status: u16, reason: &str) {
    let shown = format!(r#""reason":"{reason}""#);
    assert!(
        answer.0 == status && answer.1.contains(&shown),
        "{reason}: {answer:?}"
    );
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn claims() -> Value {
    json!({
        "sub": "ada", "iss": "https://idp.example", "aud": ["other", "api"],
        "iat": NOW, "exp": NOW + 60, "scope": "read staff",
    })
}

fn hs256(secret: &str, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

struct Idp(Ed25519KeyPair);

impl Idp {
    fn new() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn jwks(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.public());
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x });
        json!({ "keys": [key] }).to_string()
    }

    fn token(&self, claims: &Value) -> String {
        self.with(&json!({ "alg": "EdDSA", "kid": "1" }), claims)
    }

    fn with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[tokio::test]
async fn security_a_token_is_its_issuers_for_this_service_and_of_now() {
    let idp = Idp::new();
    let jwks = Jwks::given(&idp.jwks());
    let service = service(JwtBearer::new("https://idp.example", "api", jwks)).await;
    let good = idp.token(&claims());
    assert_eq!(ask(service, "/me", &good).await, (200, "ada".to_owned()));
    assert_eq!(ask(service, "/staff", &good).await.0, 200);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        idp.token(&claims)
    };
    for (name, value, reason) in [
        ("exp", json!(NOW - 1), "expired"),
        ("exp", json!(null), "malformed"),
        ("exp", json!(1.8e9), "malformed"),
        ("nbf", json!(NOW + 61), "bad_signature"),
        ("iss", json!("https://idp.example.evil"), "bad_signature"),
        ("aud", json!("other"), "bad_signature"),
        ("sub", json!(1), "malformed"),
    ] {
        let token = with(name, value.clone());
        refused(&ask(service, "/me", &token).await, 401, reason);
    }
    for (scope, status) in [
        (json!("staff"), 200),
        (json!(["read", "staff"]), 200),
        (json!("staffs"), 403),
        (json!({ "staff": true }), 403),
    ] {
        let token = with("scope", scope.clone());
        assert_eq!(ask(service, "/staff", &token).await.0, status, "{scope}");
    }
    // Signed by HMAC with what everybody knows of the issuer, its public key.
    let public = String::from_utf8_lossy(idp.public()).into_owned();
    let forged = hs256(&public, &json!({ "alg": "HS256", "kid": "1" }), &claims());
    refused(&ask(service, "/me", &forged).await, 401, "bad_signature");
    for (header, reason) in [
        (json!({ "alg": "none", "kid": "1" }), "bad_signature"),
        (json!({ "alg": "EdDSA" }), "malformed"),
        (json!({ "alg": "EdDSA", "kid": "../1" }), "bad_signature"),
        (
            json!({ "alg": "EdDSA", "kid": "1", "crit": ["b64"], "b64": false }),
            "malformed",
        ),
    ] {
        let token = idp.with(&header, &claims());
        refused(&ask(service, "/me", &token).await, 401, reason);
    }
    refused(&ask(service, "/me", "a.b").await, 401, "malformed");
    let twice = format!("Authorization: Bearer {good}\r\n").repeat(2);
    let twice = request(service, "GET", "/me", &twice).await;
    refused(&(twice.status, twice.body), 401, "malformed");
    let nobody = request(service, "GET", "/me", "").await;
    refused(&(nobody.status, nobody.body.clone()), 401, "missing");
}

#[tokio::test]
async fn an_outage_of_the_issuer_is_a_503_for_keys_that_nobody_knows() {
    let idp = Idp::new();
    let (keys, asked) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
    let served = (Arc::clone(&keys), Arc::clone(&asked));
    let jwks = Jwks::fetched(move || {
        served.1.fetch_add(1, Ordering::SeqCst);
        let keys: Option<String> = served.0.lock().unwrap().clone();
        async move { keys.ok_or_else(|| "down".into()) }
    });
    let down = service(JwtBearer::new("https://idp.example", "api", jwks.clone())).await;
    let token = idp.token(&claims());
    refused(&ask(down, "/me", &token).await, 503, "store_unavailable");
    refused(&ask(down, "/me", &token).await, 503, "store_unavailable");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "not for each request");
    // Half a minute later, by another clock of the same keys.
    *keys.lock().unwrap() = Some(idp.jwks());
    let later = SessionAuthLayer::builder_without_sessions()
        .clock(|| UNIX_EPOCH + Duration::from_secs(NOW + 30))
        .authenticator(
            "idp",
            JwtBearer::<Claims>::new("https://idp.example", "api", jwks),
        )
        .build()
        .unwrap();
    let me = async |claims: Identity<Claims>| claims.sub.clone();
    let routes = Router::new().mount(session(GET, "/me").by("idp").to(me));
    let later = serve(protect(&later, routes).unwrap()).await;
    assert_eq!(ask(later, "/me", &token).await, (200, "ada".to_owned()));
    assert_eq!(ask(later, "/me", &token).await.0, 200);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn security_a_services_own_token_is_signed_by_its_secret() {
    let service = service(JwtBearer::hs256(SECRET)).await;
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let good = hs256(SECRET, &header, &json!({ "sub": "ada", "exp": NOW + 1 }));
    assert_eq!(ask(service, "/me", &good).await, (200, "ada".to_owned()));
    let other = hs256("another secret of thirty-two bytes", &header, &claims());
    refused(&ask(service, "/me", &other).await, 401, "bad_signature");
    let none = hs256(SECRET, &json!({ "alg": "none" }), &claims());
    refused(&ask(service, "/me", &none).await, 401, "bad_signature");
    let old = hs256(SECRET, &header, &json!({ "sub": "ada", "exp": NOW - 1 }));
    refused(&ask(service, "/me", &old).await, 401, "expired");
}

#[test]
fn what_can_believe_nothing_stops_the_start() {
    let says = |by: JwtBearer<Claims>, what: &str| {
        let built = builder().authenticator("idp", by).build();
        let error = built.err().unwrap().to_string();
        assert!(error.contains(what), "{what}: {error}");
    };
    let idp = Idp::new();
    says(JwtBearer::hs256("short"), "less than 32 bytes");
    for (secret, what) in [
        (format!("{SECRET}\n"), "a newline at the end?"),
        (format!(" {SECRET}"), "begins with white space"),
        (format!("{SECRET}\u{200b}"), "does not show"),
    ] {
        says(JwtBearer::hs256(&secret), what);
        says(
            JwtBearer::hs256(&secret),
            "given at session-auth/tests/authenticate_built_in.rs:",
        );
    }
    says(
        JwtBearer::new("https://idp.example", "api", Jwks::given("{}")),
        "no JWK Set",
    );
    says(
        JwtBearer::new(" ", "api", Jwks::given(&idp.jwks())),
        "the issuer of the token is empty",
    );
    // A key to agree on secrets with, which signs nothing.
    let other = Jwks::given(&idp.jwks().replace("Ed25519", "X25519"));
    says(
        JwtBearer::new("https://idp.example", "api", other),
        "no JWK Set",
    );
    says(
        JwtBearer::new("https://idp.example", "", Jwks::given(&idp.jwks())),
        "the audience of the token is empty",
    );
}

#[tokio::test]
async fn a_leeway_is_for_both_ends_of_a_token() {
    let idp = Idp::new();
    let issuer = JwtIssuer::new("https://idp.example", "api", Jwks::given(&idp.jwks()));
    let service = service(JwtBearer::by(issuer.leeway(Duration::from_secs(5)))).await;
    for (name, at, status) in [
        ("exp", NOW - 5, 200),
        ("exp", NOW - 6, 401),
        ("nbf", NOW + 5, 200),
        ("nbf", NOW + 6, 401),
    ] {
        let mut claims = claims();
        claims[name] = at.into();
        let answer = ask(service, "/me", &idp.token(&claims)).await;
        assert_eq!(answer.0, status, "{name} {at}: {answer:?}");
    }
}

#[derive(Clone)]
struct User {
    name: String,
    is_staff: bool,
}

/// The login of a service, which finds the user by a header of the test.
async fn login(mut request: Request, next: Next) -> Response {
    let name = request.headers().get("x-user").cloned();
    if let Some(name) = name {
        let name = name.to_str().unwrap().to_owned();
        let is_staff = name == "grace";
        request.extensions_mut().insert(User { name, is_staff });
    }
    next.run(request).await
}

#[tokio::test]
async fn an_identity_of_a_middleware_in_front_is_the_callers() {
    let start = async |by: Extension<User>| {
        let auth = builder().authenticator("login", by).build().unwrap();
        let me = || async |user: Identity<User>| user.name.clone();
        let routes = Router::new()
            .mount(session(GET, "/me").by("login").to(me()))
            .mount(session(POST, "/me").by("login").to(me()))
            .mount(session(GET, "/staff").by("login").scope("staff").to(me()));
        let app = protect(&auth, routes).unwrap().layer(from_fn(login));
        serve(app).await
    };
    let staff = |user: &User| user.is_staff.then(|| "staff".to_owned());
    let service = start(Extension::new().scopes(staff)).await;
    let ask = async |service, method, path, headers: &str| {
        let answer = request(service, method, path, headers).await;
        (answer.status, answer.body)
    };
    let ada = "X-User: ada\r\n";
    assert_eq!(
        ask(service, "GET", "/me", ada).await,
        (200, "ada".to_owned())
    );
    refused(&ask(service, "GET", "/me", "").await, 401, "missing");
    assert_eq!(ask(service, "GET", "/staff", ada).await.0, 403);
    assert_eq!(
        ask(service, "GET", "/staff", "X-User: grace\r\n").await.0,
        200
    );
    // What a browser may send by itself is not for pages of others.
    let elsewhere = format!("{ada}Origin: https://elsewhere.example\r\n");
    refused(
        &ask(service, "POST", "/me", &elsewhere).await,
        403,
        "cross_origin",
    );
    let by_header = start(Extension::new().not_ambient()).await;
    assert_eq!(ask(by_header, "POST", "/me", &elsewhere).await.0, 200);
}
