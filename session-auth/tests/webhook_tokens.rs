//! Tokens of an issuer: what is believed of them, and its keys while they change.
#![cfg(feature = "webhook-asymmetric")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Request;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use session_auth::webhook::{
    Bearer, Certificates, CloudEvents, Jwks, JwtIssuer, PayPal, Rejection, Setup, Sns, Verifier,
    WebhookRequest, any_of, scheme,
};

const NOW: u64 = 1_700_000_000;

struct Issuer {
    kid: &'static str,
    key: EcdsaKeyPair,
}

impl Issuer {
    fn new(kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap();
        Self { kid, key }
    }

    fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
            "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        })
    }

    fn jwks(&self) -> String {
        json!({ "keys": [self.jwk()] }).to_string()
    }

    fn sign(&self, header: &Value, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(&header.to_string()), part(claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn token(&self) -> String {
        self.sign(&self.header(), &claims().to_string())
    }

    fn header(&self) -> Value {
        json!({ "alg": "ES256", "kid": self.kid, "typ": "JWT" })
    }
}

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

fn claims() -> Value {
    json!({ "iss": "https://issuer.example", "aud": "hooks", "iat": NOW, "exp": NOW + 60 })
}

fn verifier(jwks: Jwks) -> JwtIssuer {
    JwtIssuer::new("https://issuer.example", "hooks", jwks)
}

fn verify(verifier: &JwtIssuer, token: &str, now: u64) -> Result<(), Rejection> {
    let request = Request::post("/").header("authorization", format!("Bearer {token}"));
    let request = request.body("").unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(now);
    verifier
        .verify(&WebhookRequest::new(&request, now))
        .map(drop)
}

#[test]
fn security_the_key_says_the_algorithm_and_the_token_names_the_key() {
    let issuer = Issuer::new("one");
    let by = verifier(Jwks::given(&issuer.jwks()));
    assert_eq!(by.check(), Ok(()));
    assert_eq!(verify(&by, &issuer.token(), NOW), Ok(()));
    let claims = claims().to_string();
    for header in [
        json!({ "alg": "none", "kid": "one" }),
        json!({ "alg": "HS256", "kid": "one" }),
        json!({ "alg": "RS256", "kid": "one" }),
        json!({ "alg": "es256", "kid": "one" }),
        json!({ "kid": "one" }),
        json!({ "alg": "ES256" }),
        json!({ "alg": "ES256", "kid": "two" }),
        json!({ "alg": "ES256", "kid": 1 }),
        json!({ "alg": "ES256", "kid": "one", "crit": ["b64"], "b64": false }),
        json!({ "alg": "ES256", "kid": "two", "jwk": issuer.jwk() }),
        json!([]),
    ] {
        let refused = verify(&by, &issuer.sign(&header, &claims), NOW);
        assert!(
            matches!(refused, Err(Rejection::SignatureInvalid(_))),
            "{header}: {refused:?}"
        );
    }
    let mut long: Value = serde_json::from_str(&claims).unwrap();
    long["padding"] = "a".repeat(100_000).into();
    let long = issuer.sign(&issuer.header(), &long.to_string());
    assert!(verify(&by, &long, NOW).is_err(), "too long to be read");
    let token = issuer.token();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forger = Issuer::new("one");
    for forged in [
        forger.token(),
        format!("{signed}."),
        signed.to_owned(),
        format!("{token}."),
        format!("{token}="),
        format!("{token}A"),
        token.replacen('.', "..", 1),
        String::new(),
        "a".repeat(100_000),
    ] {
        assert!(verify(&by, &forged, NOW).is_err(), "{forged}");
    }
    let mut flipped = token.into_bytes();
    for at in 0..flipped.len() {
        flipped[at] ^= 1;
        if let Ok(text) = std::str::from_utf8(&flipped)
            && http::HeaderValue::from_str(text).is_ok()
        {
            assert!(verify(&by, text, NOW).is_err(), "{at}");
        }
        flipped[at] ^= 1;
    }
}

#[test]
fn security_what_a_token_says_has_to_be_what_is_expected() {
    let issuer = Issuer::new("one");
    let by = verifier(Jwks::given(&issuer.jwks())).claim("email_verified", true);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims["email_verified"] = true.into();
        claims[name] = value;
        verify(
            &by,
            &issuer.sign(&issuer.header(), &claims.to_string()),
            NOW,
        )
        .is_ok()
    };
    for (name, value, accepted) in [
        ("x", json!(1), true),
        ("aud", json!(["other", "hooks"]), true),
        ("aud", json!(["other"]), false),
        ("aud", json!([]), false),
        ("aud", json!({ "hooks": 1 }), false),
        ("aud", json!(null), false),
        ("iss", json!("https://issuer.example/"), false),
        ("iss", json!(["https://issuer.example"]), false),
        ("exp", json!(NOW), true),
        ("exp", json!(NOW - 1), false),
        ("exp", json!(1.8e9), false),
        ("exp", json!("1800000000"), false),
        ("exp", json!(-1), false),
        ("exp", json!(null), false),
        ("iat", json!(NOW + 60), true),
        ("iat", json!(NOW + 61), false),
        ("iat", json!(1.5), false),
        ("nbf", json!(NOW + 61), false),
        ("nbf", json!(NOW), true),
        ("email_verified", json!("true"), false),
        ("email_verified", json!(false), false),
    ] {
        assert_eq!(with(name, value.clone()), accepted, "{name}: {value}");
    }
    let without_exp = json!({ "iss": "https://issuer.example", "aud": "hooks" }).to_string();
    assert!(verify(&by, &issuer.sign(&issuer.header(), &without_exp), NOW).is_err());
}

#[test]
fn keys_that_are_none_and_expectations_that_are_blank_stop_the_start() {
    let issuer = Issuer::new("one");
    let two_of_one_name = json!({ "keys": [issuer.jwk(), issuer.jwk()] }).to_string();
    for keys in [
        "",
        "{}",
        "[]",
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"oct","k":"AA","kid":"x"}]}"#,
    ] {
        assert!(verifier(Jwks::given(keys)).check().is_err(), "{keys}");
    }
    for (name, other) in [
        ("crv", json!("P-384")),
        ("x", json!("AAAA")),
        ("y", json!("AAAA")),
        ("use", json!("enc")),
        ("alg", json!("RS256")),
        ("kid", json!(1)),
    ] {
        let mut key = issuer.jwk();
        key[name] = other;
        let keys = json!({ "keys": [key] }).to_string();
        assert!(verifier(Jwks::given(&keys)).check().is_err(), "{keys}");
    }
    let ambiguous = verifier(Jwks::given(&two_of_one_name));
    assert!(verify(&ambiguous, &issuer.token(), NOW).is_err());
    let jwks = || Jwks::given(&issuer.jwks());
    assert!(JwtIssuer::new(" ", "hooks", jwks()).check().is_err());
    assert!(
        JwtIssuer::new("https://issuer.example", "", jwks())
            .check()
            .is_err()
    );
    assert!(
        JwtIssuer::google_pubsub("hooks", "", jwks())
            .check()
            .is_err()
    );
    assert!(JwtIssuer::entra("", "app", jwks()).check().is_err());
}

/// What can be meant in one way only is understood.
#[test]
fn a_tenant_and_a_team_are_what_their_tokens_say() {
    let one = Issuer::new("one");
    let jwks = || Jwks::given(&one.jwks());
    let verify = |by: &JwtIssuer, header: &str, issuer: &str| {
        let mut claims = claims();
        claims["iss"] = issuer.into();
        let token = one.sign(&one.header(), &claims.to_string());
        let token = match header {
            "authorization" => format!("Bearer {token}"),
            _ => token,
        };
        by.check().unwrap();
        by.verify(&WebhookRequest::new(&sent(&[(header, &token)]), at(NOW)))
            .map(drop)
    };
    let by = JwtIssuer::entra(&TENANT.to_uppercase(), "hooks", jwks());
    let issuer = format!("https://sts.windows.net/{TENANT}/");
    assert_eq!(verify(&by, "authorization", &issuer), Ok(()));
    let team = "https://team.cloudflareaccess.com";
    let by = JwtIssuer::cloudflare_access(format!("{team}/"), "hooks", jwks());
    assert_eq!(verify(&by, "cf-access-jwt-assertion", team), Ok(()));
}

/// Whoever may be known by what cannot be asked just now is not told to go away for good.
#[tokio::test]
async fn a_sender_that_one_of_several_may_know_is_to_try_again() {
    let down = Jwks::fetched(|| async { Err("the host is down".into()) });
    let token = Issuer::new("one").token();
    let boxed = |by: Box<dyn Verifier>| by;
    let by = any_of([
        boxed(Box::new(Bearer::new("token"))),
        boxed(Box::new(verifier(down))),
    ]);
    let ask = async |shown: &str| {
        let request = sent(&[("authorization", shown)]);
        let seen = WebhookRequest::new(&request, at(NOW));
        if let Some(preparing) = by.prepare(&seen) {
            preparing.await.unwrap();
        }
        let head = by.verify_head(&seen).map(drop);
        let whole = by.verify(&seen).map(drop);
        assert_eq!(head, whole);
        whole.map_err(Rejection::as_str)
    };
    let bearer = format!("Bearer {token}");
    assert_eq!(ask(&bearer).await, Err("verifier_unavailable"));
    assert_eq!(ask("Bearer token").await, Ok(()));
    assert_eq!(ask("Bearer other").await, Err("signature_invalid"));
}

#[test]
fn what_no_token_and_no_message_can_say_stops_the_start() {
    let jwks = || Jwks::given(&Issuer::new("one").jwks());
    let pem = include_str!("vectors/test_rsa_cert.pem");
    let certificates = || Certificates::given(pem);
    let team = "https://team.cloudflareaccess.com";
    let arn = "arn:aws:sns:eu-west-1:123456789012:orders";
    let issuer = |issuer: &str, audience: &str| JwtIssuer::new(issuer, audience, jwks());
    let all = |unseen: &dyn Fn(&str) -> String| -> Vec<(&str, Box<dyn Verifier>)> {
        vec![
            (
                "the issuer",
                Box::new(issuer(&unseen("https://a.example"), "hooks")),
            ),
            (
                "the audience",
                Box::new(issuer("https://a.example", &unseen("hooks"))),
            ),
            (
                "the expected `email`",
                Box::new(JwtIssuer::google_pubsub(
                    "hooks",
                    unseen("a@b.example"),
                    jwks(),
                )),
            ),
            (
                "the tenant",
                Box::new(JwtIssuer::entra(&unseen(TENANT), "app", jwks())),
            ),
            (
                "the issuer",
                Box::new(JwtIssuer::cloudflare_access(unseen(team), "app", jwks())),
            ),
            (
                "no ARN of a topic",
                Box::new(Sns::new([unseen(arn)], certificates())),
            ),
            (
                "id of PayPal",
                Box::new(PayPal::new(unseen("WH-1"), certificates())),
            ),
            (
                "no origin",
                Box::new(CloudEvents::by(Bearer::new("t"), [unseen("a.example")])),
            ),
        ]
    };
    for (_, by) in all(&str::to_owned) {
        assert_eq!(by.check(), Ok(()));
    }
    let inside = |text: &str| format!("{}\u{7f}{}", &text[..3], &text[3..]);
    for unseen in [
        &(|text: &str| format!("{text}\n")) as &dyn Fn(&str) -> String,
        &|text| format!(" {text}"),
        &|text| format!("{text}\u{200b}"),
        &inside,
    ] {
        for (what, by) in all(unseen) {
            let error = by.check().expect_err(what).to_string();
            assert!(error.contains(what), "{error}");
            assert!(error.contains(['\\', '"']), "it is shown: {error}");
        }
    }
}

#[tokio::test]
async fn keys_change_while_the_service_runs_and_an_outage_changes_nothing() {
    let (old, new) = (Issuer::new("old"), Issuer::new("new"));
    let served: Arc<Mutex<Option<String>>> = Arc::default();
    let asked = Arc::new(AtomicUsize::new(0));
    let by = {
        let (served, asked) = (Arc::clone(&served), Arc::clone(&asked));
        verifier(Jwks::fetched(move || {
            asked.fetch_add(1, Ordering::SeqCst);
            let served = served.lock().unwrap().clone();
            async move { served.ok_or_else(|| "the host is down".into()) }
        }))
    };
    let ask = async |token: &str, now: u64| {
        let request = Request::post("/").header("authorization", format!("Bearer {token}"));
        let request = request.body("").unwrap();
        let time: SystemTime = UNIX_EPOCH + Duration::from_secs(now);
        let seen = WebhookRequest::new(&request, time);
        if let Some(preparing) = by.prepare(&seen) {
            preparing.await.unwrap();
        }
        by.verify(&seen).map(drop)
    };
    let token = |issuer: &Issuer| {
        let mut claims = claims();
        claims["exp"] = (NOW + 100_000).into();
        issuer.sign(&issuer.header(), &claims.to_string())
    };
    let (old_token, new_token) = (token(&old), token(&new));
    // Nobody knows the keys: the sender is to try again.
    let down = ask(&old_token, NOW).await;
    assert!(matches!(down, Err(Rejection::Unavailable(_))), "{down:?}");
    *served.lock().unwrap() = Some(old.jwks());
    // Not at each delivery.
    assert!(ask(&old_token, NOW + 29).await.is_err());
    assert_eq!(ask(&old_token, NOW + 30).await, Ok(()));
    assert_eq!(ask(&old_token, NOW + 60 + 29).await, Ok(()));
    assert_eq!(
        asked.load(Ordering::SeqCst),
        2,
        "a key that is known and fresh"
    );
    // A key that nobody has does not make the service ask without end.
    for second in 31..60 {
        assert!(ask(&new_token, NOW + second).await.is_err());
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let both = json!({ "keys": [old.jwk(), new.jwk()] }).to_string();
    *served.lock().unwrap() = Some(both);
    assert_eq!(ask(&new_token, NOW + 61).await, Ok(()));
    assert_eq!(ask(&old_token, NOW + 61).await, Ok(()));
    // The host is down, and answers with what is no key set: what is known stays good.
    for answer in [None, Some("<html>".to_owned())] {
        *served.lock().unwrap() = answer;
        assert_eq!(ask(&new_token, NOW + 10_000).await, Ok(()));
    }
    *served.lock().unwrap() = Some(new.jwks());
    assert!(
        ask(&old_token, NOW + 20_000).await.is_err(),
        "the old key is gone"
    );
    assert_eq!(ask(&new_token, NOW + 20_000).await, Ok(()));
}

#[tokio::test]
async fn keys_that_were_looked_up_by_a_clock_that_was_ahead_are_looked_up_again() {
    let (old, new) = (Issuer::new("old"), Issuer::new("new"));
    let served = Arc::new(Mutex::new(old.jwks()));
    let source = Arc::clone(&served);
    let by = verifier(Jwks::fetched(move || {
        let text = source.lock().unwrap().clone();
        async move { Ok(text) }
    }));
    let ask = async |issuer: &Issuer, now: u64| {
        let mut claims = claims();
        claims["exp"] = (NOW + 1_000_000).into();
        let token = issuer.sign(&issuer.header(), &claims.to_string());
        let request = Request::post("/").header("authorization", format!("Bearer {token}"));
        let request = request.body("").unwrap();
        let seen = WebhookRequest::new(&request, at(now));
        if let Some(preparing) = by.prepare(&seen) {
            preparing.await.unwrap();
        }
        by.verify(&seen).map(drop)
    };
    assert_eq!(ask(&old, NOW + 86_400).await, Ok(()));
    *served.lock().unwrap() = new.jwks();
    assert_eq!(ask(&new, NOW).await, Ok(()));
    assert!(ask(&old, NOW).await.is_err(), "the issuer took it away");
}

#[tokio::test(start_paused = true)]
async fn keys_that_never_come_are_given_up() {
    let issuer = Issuer::new("one");
    let by = verifier(Jwks::fetched(std::future::pending));
    let request = Request::post("/").header("authorization", format!("Bearer {}", issuer.token()));
    let request = request.body("").unwrap();
    let seen = WebhookRequest::new(&request, at(NOW));
    let began = tokio::time::Instant::now();
    by.prepare(&seen).unwrap().await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 5);
    let refused = by.verify(&seen).unwrap_err();
    assert!(matches!(refused, Rejection::Unavailable(_)), "{refused:?}");
}

/// Whoever hangs up, or is given up, while the issuer is asked takes its answer from nobody: else one token of
/// an unknown key every half a minute keeps the keys away for good.
#[tokio::test(start_paused = true)]
async fn security_keys_come_also_where_nobody_waits_for_them() {
    let issuer = Issuer::new("one");
    let keys = issuer.jwks();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let by = verifier(Jwks::fetched(move || {
        count.fetch_add(1, Ordering::SeqCst);
        let keys = keys.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok(keys)
        }
    }));
    let token = issuer.token();
    let request = sent(&[("authorization", &format!("Bearer {token}"))]);
    let seen = WebhookRequest::new(&request, at(NOW));
    let preparing = by.prepare(&seen).unwrap();
    let hung_up = tokio::time::timeout(Duration::from_secs(2), preparing).await;
    assert!(hung_up.is_err());
    // The next one is there before the answer is, and waits for it.
    by.prepare(&seen).unwrap().await.unwrap();
    by.verify(&seen).unwrap();
    assert!(by.prepare(&seen).is_none());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn sent(headers: &[(&str, &str)]) -> Request<&'static str> {
    let mut request = Request::post("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body("{}").unwrap()
}

fn jwt(claims: Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({"alg": "RS256", "kid": "a"}));
    format!("{head}.{}.AAAA", part(&claims))
}

/// For a delivery that was captured: what nobody has said is not asked for.
#[test]
fn security_a_token_is_for_whom_it_says_unless_that_is_being_found_out() {
    let keys = include_str!("vectors/test_jwks.json");
    let signed: Value = serde_json::from_str(include_str!("vectors/signed.json")).unwrap();
    let vectors = signed["vectors"].as_array().unwrap();
    let vector = |id: &str| vectors.iter().find(|it| it["id"] == id).unwrap();
    let ask = |vector: &Value, setup: &Setup| {
        let by = scheme(vector["scheme"].as_str().unwrap())
            .unwrap()
            .verifier(setup)
            .unwrap();
        let mut request = Request::post("/");
        for (name, value) in vector["headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        let body = STANDARD
            .decode(vector["body_b64"].as_str().unwrap())
            .unwrap();
        let request = request.body(body).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(vector["now"].as_u64().unwrap());
        by.verify(&WebhookRequest::new(&request, now)).map(drop)
    };
    let own = |vector: &Value, name: &str| vector[name].as_str().map(str::to_owned);
    // A token for another audience, and one of another account: good but for that.
    for (id, unsaid) in [
        ("pubsub-wrong-aud", "audience"),
        ("pubsub-wrong-sa", "account"),
    ] {
        let vector = vector(id);
        let mut setup = Setup::new([keys]);
        setup.audience = own(vector, "audience");
        setup.account = own(vector, "service_account");
        setup.diagnosing = true;
        assert!(
            ask(vector, &setup).is_err(),
            "{id}: what is said is asked for"
        );
        match unsaid {
            "audience" => setup.audience = None,
            _ => setup.account = None,
        }
        assert_eq!(ask(vector, &setup), Ok(()), "{id}");
        setup.diagnosing = false;
        assert!(ask(vector, &setup).is_err(), "{id}: a service has to know");
    }
    let access = vector("cf-access-1");
    let mut setup = Setup::new([keys]);
    setup.diagnosing = true;
    assert_eq!(ask(access, &setup), Ok(()));
    for (issuer, audience) in [
        (Some("https://other.example"), None),
        (None, Some("another")),
    ] {
        setup.issuer = issuer.map(str::to_owned);
        setup.audience = audience.map(str::to_owned);
        assert!(ask(access, &setup).is_err(), "{issuer:?} {audience:?}");
    }
    (setup.issuer, setup.audience) = (own(access, "issuer"), own(access, "audience"));
    setup.diagnosing = false;
    assert_eq!(ask(access, &setup), Ok(()));
    setup.issuer = None;
    assert!(ask(access, &setup).is_err(), "a service has to know");
}

#[test]
fn a_token_of_an_issuer_is_looked_for_in_the_head() {
    let by = JwtIssuer::new(
        "i",
        "a",
        Jwks::given(include_str!("vectors/test_jwks.json")),
    );
    let bearer = format!("Bearer {}", jwt(json!({"exp": NOW})));
    for (headers, missing) in [(vec![], true), (vec![("authorization", &*bearer)], false)] {
        let request = sent(&headers);
        let head = by
            .verify_head(&WebhookRequest::new(&request, at(NOW)))
            .unwrap_err();
        assert_eq!(
            matches!(head, Rejection::SignatureMissing(_)),
            missing,
            "{head:?}"
        );
    }
}

#[tokio::test]
async fn keys_are_fetched_for_whatever_is_around_the_token() {
    use session_auth::webhook::{EventGrid, PerTenant, Secrets, all_of};

    let fetched = Arc::new(AtomicUsize::new(0));
    let issuer = || {
        let count = Arc::clone(&fetched);
        let keys = Jwks::fetched(move || {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok("{}".to_owned()) }
        });
        JwtIssuer::new("i", "a", keys)
    };
    let boxed = || Box::new(issuer()) as Box<dyn Verifier>;
    let wrapped: [Box<dyn Verifier>; 7] = [
        boxed(),
        Box::new(boxed()),
        Box::new(Arc::new(issuer())),
        Box::new(all_of([boxed()])),
        Box::new(any_of([boxed()])),
        Box::new(EventGrid::by(issuer())),
        Box::new(CloudEvents::by(issuer(), ["a.example"])),
    ];
    let bearer = format!("Bearer {}", jwt(json!({"exp": NOW})));
    let request = sent(&[("authorization", &bearer)]);
    let request = WebhookRequest::new(&request, at(NOW));
    for (number, verifier) in wrapped.iter().enumerate() {
        verifier.prepare(&request).unwrap().await.unwrap();
        assert_eq!(fetched.load(Ordering::SeqCst), number + 1);
    }
    // Of a tenant that is looked up, and of one that is known.
    let keys = || Ok(Some(Secrets::new(["a secret"])));
    let issuer = Arc::new(issuer());
    let by_tenant = {
        let issuer = Arc::clone(&issuer);
        PerTenant::in_header(
            "x-tenant",
            move |_| async move { keys() },
            move |_| Arc::clone(&issuer),
        )
    };
    let by_tenant = by_tenant.unwrap();
    let of_acme = sent(&[("authorization", &bearer), ("x-tenant", "acme")]);
    for (later, times) in [(0, 8), (30, 9)] {
        let request = WebhookRequest::new(&of_acme, at(NOW + later));
        by_tenant.prepare(&request).unwrap().await.unwrap();
        assert_eq!(fetched.load(Ordering::SeqCst), times);
    }
    // A delivery without a proof has nothing looked up, of tenants as of issuers.
    let bare = sent(&[]);
    let bare = WebhookRequest::new(&bare, at(NOW));
    let tenants = PerTenant::in_header(
        "x-tenant",
        |_| async { Ok(None) },
        session_auth::webhook::Hmac::github,
    );
    assert!(tenants.unwrap().prepare(&bare).is_none());
    assert!(
        wrapped
            .iter()
            .all(|verifier| verifier.prepare(&bare).is_none())
    );
}
