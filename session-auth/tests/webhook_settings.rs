//! Settings of verifiers by which no delivery could ever be proved: the service does not start with them.
#![cfg(all(feature = "webhook-asymmetric", feature = "sha1"))]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::time::Duration;

use session_auth::webhook::{
    Bearer, Certificates, CloudEvents, Hmac, Jwks, JwtIssuer, Mailgun, PayPal, PublicKey, Sns,
    Twilio, Verifier,
};

const JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
const PEM: &str = include_str!("vectors/test_rsa_cert.pem");
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:orders";

fn jwks() -> Jwks {
    Jwks::given(JWKS)
}

/// Why it does not start.
fn refused(by: &impl Verifier) -> String {
    by.check().expect_err("it starts").to_string()
}

#[test]
fn whom_no_token_names_is_expected_by_nobody() {
    for tenant in [
        "common",
        "organizations",
        "contoso.onmicrosoft.com",
        "72f988bf86f141af91ab2d7cd011db47",
        "72f988bf-86f1-41af-91ab-2d7cd011db4",
        "72f988bf-86f1-41af-91ab-2d7cd011db47-",
        "{72f988bf-86f1-41af-91ab-2d7cd011db47}",
    ] {
        let told = refused(&JwtIssuer::entra(tenant, "app", jwks()));
        assert!(told.contains(tenant) && told.contains("GUID"), "{told}");
    }
    for team in [
        "team",
        "team.cloudflareaccess.com",
        "http://team.cloudflareaccess.com",
    ] {
        let told = refused(&JwtIssuer::cloudflare_access(team, "app", jwks()));
        assert!(told.contains("https://"), "{told}");
    }
    let by_number = JwtIssuer::google_pubsub("hooks", "113774264463038321964", jwks());
    assert!(refused(&by_number).contains("no address"));
}

#[test]
fn a_delivery_is_named_by_a_pointer() {
    for pointer in ["", "/", "messageId"] {
        let by = JwtIssuer::new("i", "a", jwks()).delivery_id_at(pointer);
        assert!(refused(&by).contains("no JSON pointer"), "{pointer}");
        let by = Bearer::new("token").delivery_id_at(pointer);
        assert!(refused(&by).contains("no JSON pointer"), "{pointer}");
        let by = Hmac::github("secret").delivery_id_at(pointer);
        assert!(refused(&by).contains("no JSON pointer"), "{pointer}");
    }
}

/// Times are in whole seconds: with less than one, a delivery would have to come in the second in which it was
/// signed.
#[test]
fn a_tolerance_of_less_than_a_second_is_a_mistake() {
    let key = "25b573092c76a64f7588fddf76cd7c53774099c163a53a039d314c0ebd323c92";
    let all = |tolerance| -> [Box<dyn Verifier>; 5] {
        let certificates = || Certificates::given(PEM);
        [
            Box::new(Hmac::stripe("secret").tolerance(tolerance)),
            Box::new(PublicKey::discord(key).tolerance(tolerance)),
            Box::new(Mailgun::new("secret").tolerance(tolerance)),
            Box::new(Sns::new([TOPIC], certificates()).tolerance(tolerance)),
            Box::new(PayPal::new("WH-1", certificates()).tolerance(tolerance)),
        ]
    };
    for tolerance in [Duration::ZERO, Duration::from_millis(300)] {
        for by in all(tolerance) {
            assert!(refused(&by).contains("tolerance"), "{tolerance:?}");
        }
    }
    for tolerance in [Duration::from_secs(1), Duration::MAX] {
        for by in all(tolerance) {
            assert_eq!(by.check(), Ok(()));
        }
    }
    // It has no effect there.
    let untimed = Hmac::github("secret").tolerance(Duration::ZERO);
    assert_eq!(untimed.check(), Ok(()));
}

#[test]
fn an_origin_of_cloud_events_is_a_host() {
    for origin in [
        "*",
        "https://a.example",
        "a.example/",
        "a.example, b.example",
    ] {
        let told = refused(&CloudEvents::by(Bearer::new("t"), [origin]));
        assert!(told.contains(&format!("{origin:?}")), "{told}");
    }
    for origin in [
        "a.example",
        "eventgrid.azure.net",
        "localhost:8080",
        "my_app",
    ] {
        assert_eq!(CloudEvents::by(Bearer::new("t"), [origin]).check(), Ok(()));
    }
}

#[test]
fn a_fragment_of_twilio_is_what_stands_behind_the_sign() {
    let by = |fragment: &str| {
        Twilio::new("t")
            .public_url("https://a.example")
            .fragment(fragment)
    };
    for fragment in ["rc=3", "#rc=3", "rc=3&rp=all"] {
        assert_eq!(by(fragment).check(), Ok(()), "{fragment}");
    }
    for fragment in ["", "#", "rc=3\n", " rc=3", "rc=3#x"] {
        assert!(refused(&by(fragment)).contains("fragment"), "{fragment}");
    }
}
