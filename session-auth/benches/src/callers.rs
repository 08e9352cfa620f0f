//! Callers whom a token or an API key proves, beside the same verification in a middleware of the
//! service's own, and beside the bare verification.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router as AxumRouter};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderValue, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use session_auth::authenticate::{ApiKeys, Authenticate, JwtBearer, NewApiKey};
use session_auth::methods::GET;
use session_auth::store::{ApiKey, MemoryStore};
use session_auth::webhook::Jwks;
use session_auth::{Identity, Keys, Protected, Router, Session, SessionAuthLayer, session};
use sha2::{Digest as _, Sha256};

use crate::SUBJECT;
use crate::case::{Case, answer};
use crate::services::{cookie, hmac, protected, request};

const SECRET: &[u8; 32] = &[7; 32];
const ISSUER: &str = "https://idp.example";

/// The names of the cases of one algorithm: by session-auth, in `from_fn`, and bare.
pub const ALGORITHMS: [[&str; 3]; 3] = [
    ["HS256, session-auth", "HS256, jsonwebtoken", "HS256, bare"],
    ["EdDSA, session-auth", "EdDSA, jsonwebtoken", "EdDSA, bare"],
    ["ES256, session-auth", "ES256, jsonwebtoken", "ES256, bare"],
];
/// The case of a session.
pub const SESSION: &str = "session, in place";
/// The cases of API keys: by session-auth, and by a map in `from_fn`.
pub const API_KEY: [&str; 2] = ["API key, session-auth", "API key, map in from_fn"];

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
    iss: String,
    aud: String,
    exp: u64,
}

/// What checks a signature.
type Verify = Box<dyn Fn(&[u8], &[u8]) -> bool>;

struct Signed {
    algorithm: Algorithm,
    token: String,
    by: JwtBearer<Claims>,
    key: DecodingKey,
    bare: Verify,
}

/// # Panics
///
/// A service does not answer as its case says.
#[must_use]
pub fn cases() -> Vec<Case> {
    let signed = [hs256(), eddsa(), es256()];
    let mut cases = vec![by_session()];
    for (names, signed) in ALGORITHMS.into_iter().zip(signed) {
        cases.extend(of_algorithm(names, signed));
    }
    cases.extend(api_keys());
    cases
}

/// A session on such a route as the others have: its declaration is a value, which axum clones for each
/// request.
fn by_session() -> Case {
    let keys = Keys::random().expect("random numbers");
    let auth = SessionAuthLayer::builder(keys).build();
    let auth = auth.expect("a valid layer");
    let cookie = cookie(&auth);
    let me = async |session: Session| session.subject().to_owned();
    let app = protected(&auth, Router::new().mount(session(GET, "/me").to(me)));
    let request = request("/me", Some((COOKIE, cookie)));
    Case::service(SESSION, app, StatusCode::OK, request)
}

fn token(header: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let claims = Claims {
        sub: SUBJECT.to_owned(),
        iss: ISSUER.to_owned(),
        aud: "api".to_owned(),
        exp: (now.unwrap_or_default() + Duration::from_secs(86_400)).as_secs(),
    };
    let claims = serde_json::to_string(&claims).expect("claims are JSON");
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", part(header), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn hs256() -> Signed {
    Signed {
        algorithm: Algorithm::HS256,
        token: token(r#"{"alg":"HS256"}"#, |text| hmac(SECRET, text).to_vec()),
        by: JwtBearer::hs256(SECRET),
        key: DecodingKey::from_secret(SECRET),
        bare: Box::new(|text, tag| hmac(SECRET, text) == tag),
    }
}

fn eddsa() -> Signed {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("random numbers");
    let key = Ed25519KeyPair::from_pkcs8(key.as_ref()).expect("a key");
    let public = key.public_key().as_ref().to_vec();
    let x = URL_SAFE_NO_PAD.encode(&public);
    let jwk = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"1","x":"{x}"}}]}}"#);
    Signed {
        algorithm: Algorithm::EdDSA,
        token: token(r#"{"alg":"EdDSA","kid":"1"}"#, |text| {
            key.sign(text).as_ref().to_vec()
        }),
        by: JwtBearer::new(ISSUER, "api", Jwks::given(&jwk)),
        key: DecodingKey::from_ed_components(&x).expect("a public key"),
        bare: Box::new(move |text, signature| {
            let key = UnparsedPublicKey::new(&ED25519, &public);
            key.verify(text, signature).is_ok()
        }),
    }
}

fn es256() -> Signed {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("random numbers");
    let key = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).expect("a key");
    let public = key.public_key().as_ref().to_vec();
    let (x, y) = public[1..].split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let jwk = format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"1","x":"{x}","y":"{y}"}}]}}"#);
    let sign = |text: &[u8]| {
        let signature = key.sign(&random, text).expect("it signs");
        signature.as_ref().to_vec()
    };
    Signed {
        algorithm: Algorithm::ES256,
        token: token(r#"{"alg":"ES256","kid":"1"}"#, sign),
        by: JwtBearer::new(ISSUER, "api", Jwks::given(&jwk)),
        key: DecodingKey::from_ec_components(&x, &y).expect("a public key"),
        bare: Box::new(move |text, signature| {
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &public);
            key.verify(text, signature).is_ok()
        }),
    }
}

fn guarded<A: Authenticate>(by: A, router: Router) -> Protected {
    let auth = SessionAuthLayer::builder_without_sessions()
        .authenticator("api", by)
        .build();
    protected(&auth.expect("a valid layer"), router)
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {token}")).expect("no odd characters")
}

/// The header's token.
fn of(request: &Request) -> Result<&str, StatusCode> {
    let value = request.headers().get(AUTHORIZATION);
    value
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or(StatusCode::UNAUTHORIZED)
}

fn of_algorithm(names: [&'static str; 3], signed: Signed) -> [Case; 3] {
    type Verifier = Arc<(DecodingKey, Validation)>;
    async fn verify(
        State(verifier): State<Verifier>,
        mut request: Request,
        next: Next,
    ) -> Result<Response, StatusCode> {
        let (key, validation) = &*verifier;
        let token = jsonwebtoken::decode::<Claims>(of(&request)?, key, validation)
            .map_err(|_| StatusCode::UNAUTHORIZED)?;
        request.extensions_mut().insert(token.claims);
        Ok(next.run(request).await)
    }
    async fn me(Extension(claims): Extension<Claims>) -> String {
        claims.sub
    }

    let [ours, peer, bare] = names;
    let Signed {
        algorithm,
        token,
        by,
        key,
        bare: verify_bare,
    } = signed;
    let me_of_claims = async |claims: Identity<Claims>| claims.sub.clone();
    let router = Router::new().mount(session(GET, "/me").by("api").to(me_of_claims));
    let app = guarded(by, router);
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&["api"]);
    validation.set_issuer(&[ISSUER]);
    let middleware = AxumRouter::new()
        .route("/me", get(me))
        .layer(from_fn_with_state(Arc::new((key, validation)), verify))
        .with_state(());
    let request = request("/me", Some((AUTHORIZATION, bearer(&token))));
    // What is left of a verification where nothing else is asked: base64, JSON, and the signature.
    let check = move || {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let header: serde_json::Value = serde_json::from_slice(&decode(header)?).ok()?;
        let claims: Claims = serde_json::from_slice(&decode(claims)?).ok()?;
        let good = verify_bare(signed.as_bytes(), &decode(signature)?);
        assert!(good && header.is_object(), "the signature is good");
        Some(claims)
    };
    assert!(check().is_some(), "{bare}");
    [
        Case::service(ours, app, StatusCode::OK, request.clone()),
        Case::service(peer, middleware, StatusCode::OK, request),
        Case::function(bare, check),
    ]
}

fn api_keys() -> [Case; 2] {
    type Users = Arc<HashMap<[u8; 32], Arc<str>>>;
    async fn find(
        State(users): State<Users>,
        mut request: Request,
        next: Next,
    ) -> Result<Response, StatusCode> {
        let hash: [u8; 32] = Sha256::digest(of(&request)?).into();
        let user = users.get(&hash).ok_or(StatusCode::UNAUTHORIZED)?;
        let user = Arc::clone(user);
        request.extensions_mut().insert(user);
        Ok(next.run(request).await)
    }
    async fn me(Extension(user): Extension<Arc<str>>) -> String {
        user.to_string()
    }

    let [ours, peer] = API_KEY;
    let keys =
        ApiKeys::new("bench", MemoryStore::new()).remember(Duration::from_secs(86_400), 1_000);
    // With timers, which the store's guard has.
    let timed = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let issued = timed.block_on(keys.issue(NewApiKey::of(SUBJECT)));
    let issued = issued.expect("a key");
    let me_of_key = async |key: Identity<ApiKey>| key.subject.clone();
    let router = Router::new().mount(session(GET, "/me").by("api").to(me_of_key));
    let app = guarded(keys, router);
    let mut request = request("/me", Some((AUTHORIZATION, bearer(issued.reveal()))));
    // From here on it is remembered.
    assert_eq!(answer(&timed, &app, request()).status(), StatusCode::OK);
    let users: Users =
        Arc::new([(Sha256::digest(issued.reveal()).into(), Arc::from(SUBJECT))].into());
    let middleware = AxumRouter::new()
        .route("/me", get(me))
        .layer(from_fn_with_state(users, find))
        .with_state(());
    [
        Case::service(ours, app, StatusCode::OK, request.clone()),
        Case::service(peer, middleware, StatusCode::OK, request),
    ]
}
