//! Every scheme, by signed deliveries: those that senders publish, and those made by another program
//! from what they document (`tests/vectors/signed.json`).
#![cfg(all(feature = "sha1", feature = "webhook-asymmetric"))]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair,
};
use serde_json::{Value, json};
use session_auth::testing::{TestIssuer, sign_webhook};
use session_auth::webhook::{Jwks, JwtIssuer, Setup, Verifier, WebhookRequest, scheme, schemes};

const SIGNED: &str = include_str!("vectors/signed.json");
const JWKS: &str = include_str!("vectors/test_jwks.json");
const CERTIFICATE: &str = include_str!("vectors/test_rsa_cert.pem");
const SENDERS_CERTIFICATE: &str = include_str!("vectors/sender_rsa_cert.pem");

struct Vector(Value);

impl Vector {
    fn all() -> Vec<Self> {
        let signed: Value = serde_json::from_str(SIGNED).unwrap();
        let vectors = signed["vectors"].as_array().unwrap();
        vectors.iter().cloned().map(Self).collect()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn id(&self) -> &str {
        self.text("id").unwrap()
    }

    fn scheme(&self) -> &str {
        self.text("scheme").unwrap()
    }

    fn body(&self) -> Vec<u8> {
        STANDARD.decode(self.text("body_b64").unwrap()).unwrap()
    }

    fn now(&self) -> SystemTime {
        match self.0.get("now") {
            Some(now) => UNIX_EPOCH + Duration::from_secs(now.as_u64().unwrap()),
            None => SystemTime::now(),
        }
    }

    fn setup(&self) -> Setup {
        let key = &self.0["key"];
        let secret = match key["value_file"].as_str() {
            Some("test_jwks.json") => JWKS,
            Some("test_rsa_cert.pem") => CERTIFICATE,
            Some(other) => panic!("{other}"),
            None => key["value"].as_str().unwrap(),
        };
        let mut setup = Setup::new([secret]);
        if self.scheme() == "azure-event-grid" {
            setup = Setup::new(["unused-token"]);
        }
        if self.scheme() == "paypal" && secret.is_empty() {
            setup = Setup::new([CERTIFICATE]);
        }
        let own = |name| self.text(name).map(str::to_owned);
        setup.audience = own("audience");
        setup.issuer = own("issuer");
        setup.webhook_id = own("webhook_id");
        setup.account = own("service_account");
        if self.scheme() == "aws-sns" {
            setup.account = Some("arn:aws:sns:us-west-2:123456789012:MyTopic".to_owned());
        }
        setup.algorithm = key["only"].as_str().map(str::to_owned);
        if self.id() == "twilio-sha256" {
            setup.algorithm = Some("HMAC_SHA256".to_owned());
        }
        // Those of SNS are of 2012, and have no time to be judged at.
        setup.any_time = self.0.get("now").is_none();
        setup.public_url = self.text("url").and_then(base);
        // A service refuses HubSpot's version 1, and a delivery that names no certificate.
        setup.diagnosing = ["hubspot-v1", "paypal-sdk-string"].contains(&self.id());
        setup
    }

    fn request(&self, body: Vec<u8>) -> Request<Vec<u8>> {
        let url = self.text("url").unwrap_or("/");
        let target = base(url).map_or(url, |base| &url[base.len()..]);
        let mut request = Request::builder()
            .method(self.text("method").unwrap())
            .uri(target);
        for (name, value) in self.0["headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        request.body(body).unwrap()
    }

    fn verdict(&self, body: Vec<u8>) -> String {
        let verifier = scheme(self.scheme())
            .unwrap()
            .verifier(&self.setup())
            .unwrap();
        verifier.check().unwrap();
        self.verdict_of(&*verifier, body)
    }

    fn verdict_of(&self, verifier: &dyn Verifier, body: Vec<u8>) -> String {
        let request = self.request(body);
        let head = request.clone().map(|_| Vec::new());
        let head = verifier.verify_head(&WebhookRequest::new(&head, self.now()));
        let whole = verifier.verify(&WebhookRequest::new(&request, self.now()));
        match (&head, &whole) {
            (Ok(Some(head)), Ok(whole)) => assert_eq!(head, whole, "{}", self.id()),
            (Err(head), Err(whole)) => assert_eq!(head, whole, "{}", self.id()),
            (Ok(None), _) => {}
            _ => panic!("{}: {head:?}, {whole:?}", self.id()),
        }
        match whole {
            Ok(delivery) => match (delivery.answer(), self.0.get("answer")) {
                (None, _) => {
                    assert_eq!(delivery.scheme, Some(self.scheme()), "{}", self.id());
                    if let Some(id) = self.text("delivery_id") {
                        assert_eq!(delivery.id.as_deref(), Some(id), "{}", self.id());
                    }
                    "accept".to_owned()
                }
                (Some(answer), expected) => {
                    if let Some(expected) = expected {
                        assert_eq!(
                            answer.status().as_u16(),
                            expected["status"],
                            "{}",
                            self.id()
                        );
                        let text = std::str::from_utf8(answer.body()).unwrap();
                        assert_eq!(text, expected["body"].as_str().unwrap_or_default());
                        for (name, value) in expected["headers"].as_object().into_iter().flatten() {
                            let is = |(it, _): &&(http::HeaderName, http::HeaderValue)| {
                                it.as_str().eq_ignore_ascii_case(name)
                            };
                            let (_, found) = answer.headers().iter().find(is).unwrap();
                            assert_eq!(found, value.as_str().unwrap());
                        }
                        if let Some(of) = expected["content_type"].as_str() {
                            assert!(answer.headers().iter().any(|(_, value)| value == of));
                        }
                    }
                    "handshake".to_owned()
                }
            },
            Err(rejection) => rejection.as_str().to_owned(),
        }
    }
}

/// Scheme and authority of an absolute URL.
fn base(url: &str) -> Option<String> {
    let start = url.find("://")? + 3;
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    Some(url[..end].to_owned())
}

#[test]
fn every_vector_has_its_verdict() {
    let vectors = Vector::all();
    assert_eq!(vectors.len(), 66);
    for vector in &vectors {
        let expected = match vector.text("expect").unwrap() {
            // Its certificate is not published; what is signed is.
            "string-to-sign-only" => "signature_invalid",
            expected => expected,
        };
        assert_eq!(vector.verdict(vector.body()), expected, "{}", vector.id());
    }
}

#[test]
fn security_no_flipped_bit_of_a_bound_body_is_accepted() {
    for vector in Vector::all() {
        let binds = scheme(vector.scheme())
            .unwrap()
            .verifier(&vector.setup())
            .unwrap();
        let binds = binds.terms().binds.unwrap().as_str();
        if vector.text("expect") != Some("accept") || binds == "sender" {
            continue;
        }
        let body = vector.body();
        let mut accepted = 0;
        for at in 0..body.len() {
            let mut flipped = body.clone();
            flipped[at] ^= 1;
            accepted += usize::from(vector.verdict(flipped) == "accept");
        }
        let expected_none = binds == "body" || vector.scheme() == "twilio";
        assert!(
            !expected_none || accepted == 0,
            "{}: {accepted}",
            vector.id()
        );
        assert!(accepted < body.len(), "{}", vector.id());
    }
}

#[test]
fn another_secret_accepts_nothing_and_one_more_changes_nothing() {
    for vector in Vector::all() {
        if vector.text("expect") != Some("accept") || vector.0["key"]["value_file"].is_string() {
            continue;
        }
        let setup = vector.setup();
        let mut other = setup.clone();
        let secret = String::from_utf8(setup.secrets[0].to_vec()).unwrap();
        let at = secret.len() - if secret.ends_with('=') { 5 } else { 1 };
        let digit = if secret.as_bytes()[at] == b'A' {
            "B"
        } else {
            "A"
        };
        let changed = format!("{}{digit}{}", &secret[..at], &secret[at + 1..]);
        other.secrets = Setup::new([&changed]).secrets;
        let scheme = scheme(vector.scheme()).unwrap();
        let verifier = scheme.verifier(&other).unwrap();
        let refused = vector.verdict_of(&*verifier, vector.body());
        assert_eq!(refused, "signature_invalid", "{}", vector.id());
        other.secrets = Setup::new([&changed, &secret]).secrets;
        let verifier = scheme.verifier(&other).unwrap();
        assert_eq!(
            vector.verdict_of(&*verifier, vector.body()),
            "accept",
            "{}",
            vector.id()
        );
    }
}

#[test]
fn every_scheme_has_its_vectors_and_every_vector_its_scheme() {
    let signed: BTreeSet<_> = Vector::all()
        .iter()
        .map(|it| it.scheme().to_owned())
        .collect();
    assert_eq!(signed.len(), 31);
    let known: BTreeSet<_> = schemes().into_iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(schemes().len(), known.len(), "a name is there twice");
    let without: Vec<_> = known.difference(&signed).collect();
    // Theirs stand below.
    assert_eq!(without, ["sentry", "workos"]);
    assert_eq!(signed.difference(&known).count(), 0);
}

/// A file that has schemes is in the list of families, and so are all of its schemes; a sender of the table is a
/// constructor of `Hmac` that exists.
#[test]
fn every_file_of_schemes_is_registered() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/webhook");
    let families = std::fs::read_to_string(folder.join("schemes.rs")).unwrap();
    let mut names = BTreeSet::new();
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|it| it != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if !text.contains("static SCHEMES: &[Scheme]") {
            continue;
        }
        files += 1;
        let registered = format!("{name}::SCHEMES,");
        assert!(
            families.contains(&registered),
            "{name}.rs is not in schemes.rs"
        );
        let written = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("name: \""));
        names.extend(written.map(|it| it.trim_end_matches("\",").to_owned()));
    }
    assert_eq!(files, families.matches("::SCHEMES,").count());
    let known: BTreeSet<_> = schemes().into_iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(names, known);
}

/// No vectors of these two are published. Computed apart from this library, by Python's `hmac`, from
/// what the senders document.
#[test]
fn sentry_and_workos_sign_as_they_document() {
    let verify = |name: &str, headers: &[(&str, &str)], now| {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(r#"{"id":"event_01"}"#).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(now);
        let verifier = scheme(name)
            .unwrap()
            .verifier(&Setup::new(["s3cret"]))
            .unwrap();
        verifier.verify(&WebhookRequest::new(&request, now))
    };
    let sentry = [
        ("sentry-hook-signature", SENTRY),
        ("request-id", "4ff4ea3e"),
    ];
    let delivery = verify("sentry", &sentry, 0).unwrap();
    assert_eq!(delivery.id.as_deref(), Some("4ff4ea3e"));
    let header = format!("t=1700000000123, v1={WORKOS}");
    let workos = [("workos-signature", &*header)];
    assert_eq!(
        verify("workos", &workos, 1_700_000_180)
            .unwrap()
            .id
            .as_deref(),
        Some("event_01")
    );
    let late = verify("workos", &workos, 1_700_000_181).unwrap_err();
    assert_eq!(late.as_str(), "timestamp_out_of_range");
}

const SENTRY: &str = "520dd83ab0cdb253c1a06d9ef173f7e90ff51ec423fdecc47c95770daefeca20";
const WORKOS: &str = "923d99f2eaabe6695edb0a325d8bce3195ad2a51ff3d084f39733b7a1ae73b8c";

/// For how long a sender tries again, given in seconds: `7 h 1 min`.
fn patience(mut seconds: u64) -> String {
    let mut words = Vec::new();
    for (unit, length) in [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)] {
        if seconds >= length {
            words.push(format!("{} {unit}", seconds / length));
            seconds %= length;
        }
    }
    if words.is_empty() {
        "never".to_owned()
    } else {
        words.join(" ")
    }
}

/// The table of `docs/webhooks.md`, from what the code knows.
fn table() -> String {
    let mut table = String::from(
        "| scheme | sender | verifier | signs | proof | binds | refused with | tries again | for | time, s | delivery id | handshake |\n\
         |---|---|---|---|---|---|---:|---|---:|---:|---|---|\n",
    );
    for scheme in schemes() {
        let tolerance = match scheme.tolerance() {
            Some(seconds) if scheme.tolerance_is_chosen() => format!("{seconds} (ours)"),
            Some(seconds) => seconds.to_string(),
            None => String::new(),
        };
        let feature = scheme
            .feature
            .map(|it| format!(" (`{it}`)"))
            .unwrap_or_default();
        let id = scheme.delivery_id.unwrap_or("none: its body");
        let row = [
            format!("`{}`", scheme.name),
            scheme.sender.to_owned(),
            format!("`{}`{feature}", scheme.constructor),
            scheme.signs.to_owned(),
            scheme.proof.to_owned(),
            scheme.binds.to_string(),
            scheme.refuse_with.to_string(),
            scheme.retries.to_owned(),
            scheme.retry_budget.map(patience).unwrap_or_default(),
            tolerance,
            id.to_owned(),
            scheme.handshake.unwrap_or_default().to_owned(),
        ];
        table.push_str(&format!(
            "| {} |\n",
            row.map(|it| it.replace('|', "\\|")).join(" | ")
        ));
    }
    table
}

#[test]
fn every_scheme_is_documented_as_it_is() {
    const MARKS: [&str; 2] = ["<!-- schemes -->\n", "<!-- end -->\n"];
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/webhooks.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(MARKS[0]).unwrap();
    let (_, after) = rest.split_once(MARKS[1]).unwrap();
    let expected = format!("{before}{}{}{}{after}", MARKS[0], table(), MARKS[1]);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &expected).unwrap();
        return;
    }
    assert_eq!(text, expected, "run it with UPDATE_EXPECT=1");
    for scheme in schemes() {
        assert!(
            !scheme.signs.is_empty() && !scheme.proof.is_empty(),
            "{}",
            scheme.name
        );
        assert!(
            !scheme.sender.is_empty() && !scheme.constructor.is_empty(),
            "{}",
            scheme.name
        );
        assert_ne!(scheme.refuse_with, 403, "{}", scheme.name);
    }
}

#[cfg(feature = "testing")]
#[test]
fn what_is_signed_for_a_test_is_accepted_and_with_a_byte_more_is_not() {
    let base = "https://hooks.example.com";
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let issuer = TestIssuer::new("key-1", &pem(&ed25519()));
    let claims = json!({
        "iss": "https://issuer.example", "aud": "hooks", "exp": 1_800_000_060,
        "email": "hooks@account.example", "email_verified": true,
    });
    for known in schemes() {
        let rsa = pem(include_bytes!("vectors/sender_rsa_key.pk8"));
        // What it signs with, and what it is checked with.
        let (secret, by) = match known.name {
            "standard-webhooks" | "gitlab" => same("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
            "adyen" => same("11223344D785FBAE710E7F943F307971BB61B21281C98C9129B3D4018A57B2EB"),
            "postmark" => same("user:password"),
            "google-pubsub" => {
                let mut claims = claims.clone();
                claims["iss"] = "https://accounts.google.com".into();
                (issuer.token(&claims), issuer.jwks())
            }
            "cloudflare-access" => (issuer.token(&claims), issuer.jwks()),
            "discord" => {
                let key = ed25519();
                let public = Ed25519KeyPair::from_pkcs8(&key).unwrap();
                (pem(&key), hex(public.public_key().as_ref()))
            }
            "sendgrid" => {
                let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
                let random = SystemRandom::new();
                let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
                let public = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap();
                (pem(key.as_ref()), STANDARD.encode(public.public_key()))
            }
            "aws-sns" => (rsa, SENDERS_CERTIFICATE.to_owned()),
            "paypal" => (format!("WH-1\n{rsa}"), SENDERS_CERTIFICATE.to_owned()),
            _ => same("a-secret"),
        };
        let body = match known.name {
            "twilio" | "mandrill" => "b=2&a=1&a=1",
            "aws-sns" => r#"{"TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":"m"}"#,
            _ => r#"{"id":"1","webhookTimestamp":1800000000000}"#,
        };
        let request = Request::post(format!("{base}/hooks/x?y=z"))
            .body(body.into())
            .unwrap();
        let request = sign_webhook(known.name, &secret, request, now);
        let mut setup = Setup::new([by]);
        setup.issuer = Some("https://issuer.example".to_owned());
        setup.audience = Some("hooks".to_owned());
        setup.webhook_id = Some("WH-1".to_owned());
        setup.account = Some(match known.name {
            "aws-sns" => "arn:aws:sns:eu-west-1:1:t".to_owned(),
            _ => "hooks@account.example".to_owned(),
        });
        setup.public_url = Some(base.to_owned());
        let verifier = known.verifier(&setup).unwrap();
        let answer = verifier.verify(&WebhookRequest::new(&request, now));
        assert!(answer.is_ok(), "{}: {answer:?}", known.name);
        // The fields of SNS are signed, and its JSON is read.
        if known.name == "aws-sns" {
            let text = std::str::from_utf8(request.body()).unwrap();
            let changed = text.replace(r#""Message":"m""#, r#""Message":"n""#);
            let changed = request.map(|_| changed);
            let answer = verifier.verify(&WebhookRequest::new(&changed, now));
            assert_eq!(answer.unwrap_err().as_str(), "signature_invalid");
        } else if verifier.terms().binds.unwrap().as_str() != "sender" {
            let more = request.map(|body| [body.as_ref(), b"0"].concat());
            let answer = verifier
                .verify(&WebhookRequest::new(&more, now))
                .unwrap_err();
            assert_eq!(answer.as_str(), "signature_invalid", "{}", known.name);
        }
    }
}

/// Version `v1a`, under a private key as Standard Webhooks writes it.
#[test]
fn what_is_signed_by_a_whsk_is_accepted_by_its_whpk() {
    let seed = [7; 32];
    let public = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let whpk = format!("whpk_{}", STANDARD.encode(public.public_key()));
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for private in [
        seed.to_vec(),
        [&seed, public.public_key().as_ref()].concat(),
    ] {
        let whsk = format!("whsk_{}", STANDARD.encode(private));
        let request = Request::post("/hooks/x").body("{}".into()).unwrap();
        let request = sign_webhook("standard-webhooks", &whsk, request, now);
        let shown = request.headers()["webhook-signature"].to_str().unwrap();
        assert!(shown.starts_with("v1a,"), "{shown}");
        let verifier = scheme("standard-webhooks").unwrap();
        let verifier = verifier.verifier(&Setup::new([&whpk])).unwrap();
        let answer = verifier.verify(&WebhookRequest::new(&request, now));
        assert!(answer.is_ok(), "{answer:?}");
        let more = request.map(|body| [body.as_ref(), b"0"].concat());
        let answer = verifier.verify(&WebhookRequest::new(&more, now));
        assert_eq!(answer.unwrap_err().as_str(), "signature_invalid");
    }
}

/// Tokens by each kind of key are what its key set says.
#[test]
fn a_test_issuers_tokens_are_checked_by_its_keys() {
    let random = SystemRandom::new();
    let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let rsa = include_bytes!("vectors/sender_rsa_key.pk8");
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let claims = json!({ "iss": "https://issuer.example", "aud": "hooks", "exp": 1_700_000_060 });
    for key in [&*ed25519(), p256.as_ref(), rsa] {
        let issuer = TestIssuer::new("key-1", &pem(key));
        assert_eq!(format!("{issuer:?}"), r#"TestIssuer { kid: "key-1", .. }"#);
        let verifier = JwtIssuer::new(
            "https://issuer.example",
            "hooks",
            Jwks::given(&issuer.jwks()),
        );
        let token = issuer.token(&claims);
        let verify = |token: &str| {
            let request = Request::post("/").header("authorization", format!("Bearer {token}"));
            verifier.verify(&WebhookRequest::new(&request.body("").unwrap(), now))
        };
        assert!(verify(&token).is_ok());
        let (head, signature) = token.rsplit_once('.').unwrap();
        let changed = if signature.starts_with('A') { "B" } else { "A" };
        let forged = verify(&format!("{head}.{changed}{}", &signature[1..]));
        assert_eq!(forged.unwrap_err().as_str(), "signature_invalid");
    }
}

fn same(secret: &str) -> (String, String) {
    (secret.to_owned(), secret.to_owned())
}

fn ed25519() -> Vec<u8> {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    key.as_ref().to_vec()
}

fn pem(pkcs8: &[u8]) -> String {
    let pkcs8 = STANDARD.encode(pkcs8);
    format!("-----BEGIN PRIVATE KEY-----\n{pkcs8}\n-----END PRIVATE KEY-----\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
