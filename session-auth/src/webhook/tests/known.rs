//! What is known of each verifier, beside what it accepts: its sender, the uses of its secrets, the
//! challenge of a refusal, and what it shows of itself.
#![cfg(all(feature = "sha1", feature = "webhook-asymmetric"))]

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use zeroize::Zeroizing;

use super::super::jwt::JwtIssuer;
use super::super::mac::Algorithm;
use super::*;
use crate::keys::KEY_LEN;

const CERTIFICATE: &str = include_str!("../../../tests/vectors/test_rsa_cert.pem");
const JWKS: &str = include_str!("../../../tests/vectors/test_jwks.json");
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:orders";
const SIGNING: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const DISCORD: &str = "3fba32bc65fdc1cfa7f8a2ef5a3bd4a1a4ae6b2ad3a8d2de7b2b1b56b6a4b9c1";

/// What a scheme's verifier is made of here.
fn setup(scheme: &Scheme) -> Setup {
    let secret = match scheme.name {
        "standard-webhooks" => SIGNING,
        "adyen" => "11223344D785FBAE710E7F943F307971BB61B21281C98C9129B3D4018A57B2EB",
        "postmark" => "user:password",
        "aws-sns" | "paypal" => CERTIFICATE,
        "google-pubsub" | "cloudflare-access" => JWKS,
        _ => "a-secret",
    };
    let mut setup = Setup::new([secret]);
    setup.public_url = Some("https://hooks.example.com".to_owned());
    setup.audience = Some("an-audience".to_owned());
    setup.issuer = Some("https://team.example.com".to_owned());
    setup.webhook_id = Some("WH-1".to_owned());
    setup.account = Some(match scheme.name {
        "aws-sns" => TOPIC.to_owned(),
        _ => "pusher@project.iam.example.com".to_owned(),
    });
    setup
}

fn all() -> BTreeMap<&'static str, Box<dyn Verifier>> {
    let made = |scheme: &&'static Scheme| (scheme.name, scheme.verifier(&setup(scheme)).unwrap());
    schemes().iter().map(made).collect()
}

/// What refuses with this status, whatever its scheme's.
fn with_status(status: StatusCode) -> Vec<Box<dyn Verifier>> {
    let certificates = || Certificates::given(CERTIFICATE);
    vec![
        Box::new(Hmac::github("s").refuse_with(status)),
        Box::new(Adyen::new("s").refuse_with(status)),
        Box::new(HubSpot::new("s").refuse_with(status)),
        Box::new(Mailgun::new("s").refuse_with(status)),
        Box::new(Meta::new("s", "t").refuse_with(status)),
        Box::new(PayPal::new("WH-1", certificates()).refuse_with(status)),
        Box::new(PublicKey::discord(DISCORD).refuse_with(status)),
        Box::new(Sns::new([TOPIC], certificates()).refuse_with(status)),
        Box::new(Twilio::new("s").refuse_with(status)),
        Box::new(BasicAuth::new("u", "p").refuse_with(status)),
        Box::new(Bearer::new("t").refuse_with(status)),
        Box::new(ApiKey::telegram("t").refuse_with(status)),
        Box::new(JwtIssuer::new("i", "a", Jwks::given(JWKS)).refuse_with(status)),
        Box::new(EventGrid::by(Bearer::new("t")).refuse_with(status)),
        Box::new(CloudEvents::by(
            Bearer::new("t").refuse_with(status),
            ["example.com"],
        )),
    ]
}

#[test]
fn a_verifier_has_the_terms_of_its_scheme() {
    for (name, verifier) in all() {
        let scheme = scheme(name).unwrap();
        let terms = verifier.terms();
        assert_eq!(terms.scheme, Some(name));
        assert_eq!(terms.binds, Some(scheme.binds), "{name}");
        assert_eq!(terms.refuse_with, scheme.refuse_with, "{name}");
        let budget = scheme.retry_budget.map(Duration::from_secs);
        assert_eq!(terms.retry_budget, budget, "{name}");
        assert_eq!(terms.handshake_by, scheme.handshake_by, "{name}");
    }
}

#[test]
fn what_is_of_no_scheme_says_what_it_binds() {
    let body = Hmac::sha256("X-Signature", Encoding::Hex, "s").unwrap();
    let addresses = IpAllowlist::new(["192.0.2.1"]).unwrap();
    let issuer = JwtIssuer::new("i", "a", Jwks::given(JWKS));
    for (verifier, binds) in [
        (&body as &dyn Verifier, Binds::Body),
        (&addresses, Binds::Sender),
        (&issuer, Binds::Sender),
        (&BasicAuth::new("u", "p"), Binds::Sender),
        (&Bearer::new("t"), Binds::Sender),
    ] {
        let expected = Terms {
            binds: Some(binds),
            ..Terms::default()
        };
        assert_eq!(verifier.terms(), expected);
    }
}

#[test]
fn what_is_wrapped_has_the_terms_of_what_is_in_it() {
    let stripe = || Box::new(Hmac::stripe("s")) as Box<dyn Verifier>;
    let bearer = || Box::new(Bearer::new("t")) as Box<dyn Verifier>;
    let terms = Hmac::stripe("s").terms();
    let tenants = PerTenant::in_path("/{tenant}", |_| async { Ok(None) }, Hmac::stripe);
    let wrapped: [&dyn Verifier; 5] = [
        &stripe(),
        &Arc::new(stripe()),
        &tenants,
        &all_of([stripe(), bearer()]),
        &any_of([stripe()]),
    ];
    for verifier in wrapped {
        assert_eq!(verifier.terms(), terms);
    }
    let either = any_of([stripe(), bearer()]).terms();
    let expected = Terms {
        binds: Some(Binds::Sender),
        ..terms
    };
    assert_eq!(either, expected, "the least that one of them binds");
    // A custom verifier says nothing of its sender.
    struct Custom;
    impl Verifier for Custom {
        fn verify(&self, _: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
            Ok(Delivery::new())
        }
    }
    assert_eq!(Custom.terms(), Terms::default());
    assert_eq!(all_of([]).terms(), Terms::default());
    let binds = any_of([stripe(), Box::new(Custom)]).terms().binds;
    assert_eq!(binds, None);
}

#[test]
fn what_an_event_is_proved_by_says_what_is_bound() {
    let signed = || Hmac::github("s");
    let events = CloudEvents::by(signed(), ["a.example"]);
    assert_eq!(events.terms().binds, Some(Binds::Body));
    assert_eq!(EventGrid::by(signed()).terms().binds, Some(Binds::Body));
    // GitLab has two ways, of which one signs.
    for (secret, binds) in [("a-token", Binds::Sender), (SIGNING, Binds::Body)] {
        let gitlab = scheme("gitlab").unwrap();
        let gitlab = gitlab.verifier(&Setup::new([secret])).unwrap();
        assert_eq!(gitlab.terms().binds, Some(binds));
        assert_eq!(gitlab.terms().scheme, Some("gitlab"));
    }
}

#[test]
fn what_is_known_of_a_delivery_is_kept() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
    let delivery = Delivery::new().with_id("a").with_timestamp(time);
    assert_eq!(delivery.id.as_deref(), Some("a"));
    assert_eq!(delivery.timestamp, Some(time));
}

#[test]
fn the_head_of_a_delivery_without_a_proof_is_refused() {
    let request = Request::post("/").body("{}").unwrap();
    let request = WebhookRequest::new(&request, SystemTime::now());
    for (name, verifier) in all() {
        let head = verifier.verify_head(&request);
        // Theirs is in the body.
        if ["aws-sns", "mailgun", "adyen"].contains(&name) {
            assert_eq!(head, Ok(None), "{name}");
        } else {
            assert!(
                matches!(head, Err(Rejection::SignatureMissing(_))),
                "{name}: {head:?}"
            );
        }
        let whole = verifier.verify(&request);
        assert!(
            matches!(whole, Err(Rejection::SignatureMissing(_))),
            "{name}: {whole:?}"
        );
    }
    // Where Adyen's header is there, it is looked at.
    let request = Request::post("/").header("hmacsignature", "AAAA");
    let request = request.body("{}").unwrap();
    let head = Adyen::new("s").verify_head(&WebhookRequest::new(&request, SystemTime::now()));
    assert!(
        matches!(head, Err(Rejection::SignatureInvalid(_))),
        "{head:?}"
    );
}

#[test]
fn a_verifier_of_a_header_takes_its_hash_and_its_id() {
    let body = "{}";
    for (hash, made) in [
        (
            Algorithm::Sha256,
            Hmac::sha256("X-Signature", Encoding::Hex, "s"),
        ),
        (
            Algorithm::Sha512,
            Hmac::sha512("X-Signature", Encoding::Hex, "s"),
        ),
        (
            Algorithm::Sha1,
            Hmac::sha1("X-Signature", Encoding::Hex, "s"),
        ),
    ] {
        let by = made.unwrap().delivery_id("X-Id").unwrap();
        let tag = hash.tag(b"s", std::iter::once(body.as_bytes()));
        let request = Request::post("/")
            .header("x-signature", hex(&tag))
            .header("x-id", "an-id")
            .body(body)
            .unwrap();
        let delivery = by.verify(&WebhookRequest::new(&request, SystemTime::now()));
        assert_eq!(delivery.unwrap().id.as_deref(), Some("an-id"), "{hash:?}");
    }
}

#[test]
fn the_status_of_a_refusal_can_be_set() {
    for verifier in with_status(StatusCode::GONE) {
        assert_eq!(verifier.terms().refuse_with, StatusCode::GONE);
    }
}

#[test]
fn what_waits_to_be_asked_for_credentials_is_asked() {
    let request = Request::post("/").body("").unwrap();
    let request = WebhookRequest::new(&request, SystemTime::now());
    for (name, verifier) in all() {
        let challenge = verifier.challenge();
        let scheme = challenge
            .as_ref()
            .and_then(|it| it.to_str().unwrap().split(' ').next());
        let expected = match name {
            "postmark" => Some("Basic"),
            "google-pubsub" | "azure-event-grid" | "cloudevents" => Some("Bearer"),
            _ => None,
        };
        assert_eq!(scheme, expected, "{name}");
        // Whoever is asked for credentials has not shown any, and that the head says.
        if scheme.is_some() {
            let head = verifier.verify_head(&request);
            assert!(
                matches!(head, Err(Rejection::SignatureMissing(_))),
                "{name}"
            );
        }
    }
    let stripe = || Box::new(Hmac::stripe("s")) as Box<dyn Verifier>;
    let basic = || Box::new(BasicAuth::new("u", "p")) as Box<dyn Verifier>;
    let of_basic = basic().challenge();
    assert_eq!(all_of([stripe(), basic()]).challenge(), of_basic);
    assert_eq!(any_of([stripe(), basic()]).challenge(), of_basic);
    assert_eq!(any_of([stripe()]).challenge(), None);
    let tenants = PerTenant::in_path("/{tenant}", |_| async { Ok(None) }, BasicAuth::pairs);
    assert_eq!(tenants.challenge(), of_basic);
}

#[test]
fn what_could_verify_nothing_stops_the_start() {
    assert!(Mailgun::new("").check().is_err());
    assert!(EventGrid::by(Bearer::new("")).check().is_err());
    let sns = scheme("aws-sns").unwrap();
    let mut setup = setup(sns);
    for (account, diagnosing, starts) in [
        (Some(TOPIC), false, true),
        (Some(TOPIC), true, true),
        (None, true, true),
        (None, false, false),
    ] {
        setup.account = account.map(str::to_owned);
        setup.diagnosing = diagnosing;
        let check = sns.verifier(&setup).unwrap().check();
        assert_eq!(check.is_ok(), starts, "{account:?} {diagnosing}");
    }
}

#[test]
fn every_secret_is_counted_by_its_id() {
    let ids = SecretIds::new(Zeroizing::new([1; KEY_LEN]));
    for (name, verifier) in all() {
        let uses = verifier.secret_uses(&ids);
        // Theirs are the sender's public keys, which it chooses.
        if ["aws-sns", "paypal", "google-pubsub", "cloudflare-access"].contains(&name) {
            assert!(uses.is_empty(), "{name}");
            continue;
        }
        let secret = ids.of(&setup(scheme(name).unwrap()).secrets[0]);
        // Meta's token of the handshake is another one, and here it has the same value.
        let count = if name == "meta" { 2 } else { 1 };
        assert_eq!(uses, vec![SecretUses::new(secret, 0); count], "{name}");
    }
    let pair = || {
        let github = Box::new(Hmac::github("s")) as Box<dyn Verifier>;
        [github, Box::new(Bearer::new("t"))]
    };
    let expected = [b"s", b"t"].map(|secret| SecretUses::new(ids.of(secret), 0));
    assert_eq!(all_of(pair()).secret_uses(&ids), expected);
    assert_eq!(any_of(pair()).secret_uses(&ids), expected);
    assert_eq!(Box::new(Bearer::new("t")).secret_uses(&ids), expected[1..]);
    assert_eq!(Arc::new(Bearer::new("t")).secret_uses(&ids), expected[1..]);
}

#[test]
fn debug_names_the_verifier_and_no_secret() {
    const SECRET: &str = "hunter2";
    let certificates = || Certificates::given(CERTIFICATE);
    let jwks = || Jwks::given(JWKS);
    let tenants = PerTenant::in_path("/{tenant}", |_| async { Ok(None) }, Hmac::github);
    let request = Request::post("/hunter2").body(SECRET).unwrap();
    let shown: [(&dyn Debug, &str); 24] = [
        (
            &WebhookRequest::new(&request, SystemTime::now()),
            "WebhookRequest { method: POST, body_len: 7",
        ),
        (&Adyen::new(SECRET), "Adyen(Hmac(Signed"),
        (&all_of([]), "AllOf {"),
        (&any_of([]), "AnyOf {"),
        (&ApiKey::telegram(SECRET), "ApiKey {"),
        (&BasicAuth::new("u", SECRET), "BasicAuth {"),
        (&Bearer::new(SECRET), "Bearer {"),
        (&certificates(), "Certificates {"),
        (
            &CloudEvents::by(Bearer::new(SECRET), ["a.example"]),
            "CloudEvents { origins: [\"a.example\"]",
        ),
        (&EventGrid::by(Bearer::new(SECRET)), "EventGrid {"),
        (
            &Hmac::github(SECRET),
            "Hmac(Signed { scheme: Some(\"github\")",
        ),
        (&HubSpot::new(SECRET), "HubSpot { v3: Hmac(Signed"),
        (&IpAllowlist::new(["192.0.2.1"]).unwrap(), "IpAllowlist {"),
        (&jwks(), "Jwks {"),
        (
            &JwtIssuer::new("an-issuer", "me", jwks()),
            "JwtIssuer { issuers: [\"an-issuer\"], audience: Some(\"me\")",
        ),
        (&Mailgun::new(SECRET), "Mailgun { keys: 1"),
        (&Mandrill::new(SECRET), "Mandrill {"),
        (&Meta::new(SECRET, SECRET), "Meta(Hmac(Signed"),
        (&PayPal::new("WH-1", certificates()), "PayPal {"),
        (&tenants, "PerTenant {"),
        (&PublicKey::discord(DISCORD), "PublicKey("),
        (&Sns::new([TOPIC], certificates()), "Sns { topics: [\"arn:"),
        (&Twilio::new(SECRET), "Twilio {"),
        (
            &Setup::new([SECRET]),
            "Setup { secrets: 1, public_url: None",
        ),
    ];
    for (value, expected) in shown {
        let text = format!("{value:?}");
        assert!(text.starts_with(expected), "{text}");
        assert!(!text.contains(SECRET), "{text}");
    }
    let stripe = scheme("stripe").unwrap();
    assert_eq!(format!("{stripe:?}"), "Scheme { name: \"stripe\", .. }");
}
