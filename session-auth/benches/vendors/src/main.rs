//! Deliveries and tokens, beside the crates of the senders and of the field, each as its documentation has it: a
//! handler that takes headers and body, and an extractor.
//!
//! `cargo run --release --locked --manifest-path session-auth/benches/vendors/Cargo.toml --target-dir target`

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::extract::{FromRef, State};
use axum::routing::{get, post};
use axum_jwt_auth::{Claims as Bearer, Decoder, LocalDecoder};
use http::{HeaderMap, Request, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use session_auth::authenticate::JwtBearer;
use session_auth::methods::{GET, POST};
use session_auth::testing::sign_webhook;
use session_auth::webhook::Hmac;
use session_auth::{Identity, Keys, Router, SessionAuthLayer, session, webhook};
use session_auth_benches::case::{Case, Samples};
use session_auth_benches::services::protected;

const ROUNDS: usize = 300;
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const KEY: &[u8; 32] = &[7; 32];

/// A size, how many at a time, and the names of its cases: nobody verifies, session-auth,
/// standardwebhooks.
const DELIVERIES: [(usize, u32, [&str; 3]); 2] = [
    (
        1024,
        200,
        [
            "1 KiB, nobody verifies",
            "1 KiB, session-auth",
            "1 KiB, standardwebhooks",
        ],
    ),
    (
        1024 * 1024,
        4,
        [
            "1 MiB, nobody verifies",
            "1 MiB, session-auth",
            "1 MiB, standardwebhooks",
        ],
    ),
];
const TOKENS: [&str; 3] = [
    "HS256, nobody verifies",
    "HS256, session-auth",
    "HS256, axum-jwt-auth",
];

async fn of_standard(
    State(by): State<Arc<standardwebhooks::Webhook>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<&'static str, StatusCode> {
    by.verify(&body, &headers)
        .map_err(|_| StatusCode::UNAUTHORIZED)?;
    Ok("handled")
}

fn deliveries() -> Vec<Case> {
    let auth = SessionAuthLayer::builder(Keys::random().expect("random numbers"))
        .verifier("sender", Hmac::standard_webhooks(SECRET))
        .build()
        .expect("a valid layer");
    let hook = webhook(POST, "/hook", "sender").to(async |_: Bytes| "handled");
    let ours = protected(&auth, Router::new().mount(hook));
    let nobody = axum::Router::new().route("/hook", post(async |_: HeaderMap, _: Bytes| "handled"));
    let standard = standardwebhooks::Webhook::new(SECRET).expect("a secret");
    let standard = axum::Router::new()
        .route("/hook", post(of_standard))
        .with_state(Arc::new(standard));
    let mut cases = Vec::new();
    for (len, batch, names) in DELIVERIES {
        let body = Bytes::from(vec![b'x'; len]);
        let request = Request::post("/hook").body(body).expect("a request");
        let signed = sign_webhook("standard-webhooks", SECRET, request, SystemTime::now());
        let request = move || {
            let mut request = Request::new(Body::from(signed.body().clone()));
            *request.method_mut() = signed.method().clone();
            *request.uri_mut() = signed.uri().clone();
            *request.headers_mut() = signed.headers().clone();
            request
        };
        let [of_nobody, of_ours, of_standard] = names;
        let ok = StatusCode::OK;
        let of_this = [
            Case::service(of_nobody, nobody.clone(), ok, request.clone()),
            Case::service(of_ours, ours.clone(), ok, request.clone()),
            Case::service(of_standard, standard.clone(), ok, request),
        ];
        cases.extend(of_this.map(|case| case.in_batches_of(batch)));
    }
    cases
}

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
    iss: String,
    aud: String,
    exp: u64,
}

#[derive(Clone, FromRef)]
struct Decoding {
    decoder: Decoder<Claims>,
}

fn tokens() -> [Case; 3] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let claims = Claims {
        sub: "ada".to_owned(),
        iss: "https://idp.example".to_owned(),
        aud: "api".to_owned(),
        exp: (now.unwrap_or_default() + Duration::from_secs(86_400)).as_secs(),
    };
    let key = EncodingKey::from_secret(KEY);
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key);
    let token = token.expect("a token");
    let auth = SessionAuthLayer::builder_without_sessions()
        .authenticator("api", JwtBearer::<Claims>::hs256(KEY))
        .build()
        .expect("a valid layer");
    let me = async |claims: Identity<Claims>| claims.sub.clone();
    let ours = protected(
        &auth,
        Router::new().mount(session(GET, "/me").by("api").to(me)),
    );
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["api"]);
    validation.set_issuer(&["https://idp.example"]);
    let decoder = LocalDecoder::builder()
        .keys(vec![DecodingKey::from_secret(KEY)])
        .validation(validation)
        .build()
        .expect("a decoder");
    let state = Decoding {
        decoder: Arc::new(decoder),
    };
    let theirs = axum::Router::new()
        .route(
            "/me",
            get(async |user: Bearer<Claims>| user.claims.sub.clone()),
        )
        .with_state(state);
    let nobody = axum::Router::new().route("/me", get(async || "ada".to_owned()));
    let request = move || {
        let request = Request::get("/me").header("authorization", format!("Bearer {token}"));
        request.body(Body::empty()).expect("a request")
    };
    let [of_nobody, of_ours, of_theirs] = TOKENS;
    [
        Case::service(of_nobody, nobody, StatusCode::OK, request.clone()),
        Case::service(of_ours, ours, StatusCode::OK, request.clone()),
        Case::service(of_theirs, theirs, StatusCode::OK, request),
    ]
}

fn main() {
    let mut cases = deliveries();
    cases.extend(tokens());
    let samples = Samples::interleaved(&mut cases, ROUNDS);
    println!("| case | median, ns |");
    println!("|---|---:|");
    for name in samples.names() {
        println!("| {name} | {:.0} |", samples.median([name], |[time]| time));
    }
    println!("\n| what is added, over the peer's | |");
    println!("|---|---:|");
    let over = |nobody, ours, peer| {
        let ratio = samples.median([nobody, ours, peer], |[nobody, ours, peer]| {
            (ours - nobody) / (peer - nobody)
        });
        println!("| {ours} / {peer} | {ratio:.2} |");
    };
    for (_, _, [nobody, ours, standard]) in DELIVERIES {
        over(nobody, ours, standard);
    }
    let [nobody, ours, theirs] = TOKENS;
    over(nobody, ours, theirs);
}
