//! What is one sender's own: the form that its proof comes in, the URL that it may name, what its
//! secret is for.
#![cfg(all(feature = "sha1", feature = "webhook-asymmetric", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac as Mac, KeyInit as _, Mac as _};
use http::Request;
use serde_json::{Value, json};
use session_auth::testing::sign_webhook;
use session_auth::webhook::{
    Adyen, Certificates, Delivery, HubSpot, Mailgun, PayPal, Rejection, Setup, Twilio, Verifier,
    WebhookRequest, scheme, schemes,
};
use sha2::Sha256;

const NOW: u64 = 1_700_000_000;
const SECRET: &str = "the-secret-of-a-sender";

fn time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn verify(by: &dyn Verifier, request: &Request<Bytes>) -> Result<Delivery, Rejection> {
    by.verify(&WebhookRequest::new(request, time()))
}

fn post(body: impl Into<Bytes>, headers: &[(&str, &str)]) -> Request<Bytes> {
    let mut request = Request::post("https://a.example/hook?a=1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

fn tag(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Mac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn mailgun_sends_its_proof_in_json_in_a_form_or_in_parts() {
    let by = Mailgun::new(SECRET);
    let signature = hex(&tag(SECRET.as_bytes(), &format!("{NOW}a-token")));
    let fields = [
        ("timestamp", NOW.to_string()),
        ("token", "a-token".to_owned()),
        ("signature", signature),
    ];
    let parts = |boundary: &str| {
        let part = |(name, value): &(&str, String)| {
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            )
        };
        let parts: String = fields.iter().map(part).collect();
        format!("{parts}--{boundary}--\r\n")
    };
    let form: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let json = json!({"signature": {
        "timestamp": fields[0].1, "token": fields[1].1, "signature": fields[2].1,
    }});
    let longest = "b".repeat(70);
    for (media, body) in [
        ("application/json", json.to_string()),
        ("application/x-www-form-urlencoded", form.join("&")),
        ("multipart/form-data; boundary=xyz", parts("xyz")),
        (
            "multipart/form-data; charset=utf-8; Boundary=\"x y\"",
            parts("x y"),
        ),
        (
            &format!("multipart/form-data; boundary={longest}"),
            parts(&longest),
        ),
    ] {
        let delivery = verify(&by, &post(body, &[("content-type", media)])).unwrap();
        assert_eq!(delivery.id.as_deref(), Some("a-token"), "{media}");
    }
    let too_long = format!("{longest}b");
    for (media, body) in [
        // Its boundary is another, none, or one that RFC 2046 does not allow.
        ("multipart/form-data; boundary=abc", parts("xyz")),
        ("multipart/form-data", parts("")),
        ("multipart/form-data; boundary=", parts("")),
        (
            &*format!("multipart/form-data; boundary={too_long}"),
            parts(&too_long),
        ),
        // A body is what its type says.
        ("multipart/form-data; boundary=xyz", form.join("&")),
        ("application/x-www-form-urlencoded", json.to_string()),
    ] {
        let refused = verify(&by, &post(body, &[("content-type", media)])).unwrap_err();
        assert!(
            matches!(refused, Rejection::SignatureMissing(_)),
            "{media}: {refused:?}"
        );
    }
}

/// An item of a notification, signed as Adyen's documentation says.
fn item(key: &[u8], change: impl FnOnce(&mut Value)) -> Value {
    let mut item = json!({
        "pspReference": "7914073381342284", "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704", "originalReference": "",
        "amount": {"value": 1130, "currency": "EUR"}, "eventCode": "AUTHORISATION",
        "success": true,
    });
    change(&mut item);
    let text = |pointer: &str| match item.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let signed = [
        "/pspReference",
        "/originalReference",
        "/merchantAccountCode",
        "/merchantReference",
        "/amount/value",
        "/amount/currency",
        "/eventCode",
        "/success",
    ]
    .map(text)
    .join(":");
    item["additionalData"] = json!({"hmacSignature": STANDARD.encode(tag(key, &signed))});
    item
}

fn notification(items: &[Value]) -> String {
    let items: Vec<_> = items
        .iter()
        .map(|it| json!({"NotificationRequestItem": it}))
        .collect();
    json!({"live": "false", "notificationItems": items}).to_string()
}

#[test]
fn every_item_of_a_notification_of_adyen_is_signed() {
    let key: Vec<u8> = (0..32).collect();
    let by = Adyen::new(hex(&key)).or(hex(&[7; 32]));
    let sent = |items: &[Value]| verify(&by, &post(notification(items), &[]));
    let one = sent(&[item(&key, |_| ())]).unwrap();
    assert_eq!(
        one.id.as_deref(),
        Some("7914073381342284:AUTHORISATION:true")
    );
    assert_eq!((one.scheme, one.secret), (Some("adyen"), Some(0)));
    // As Adyen's test notifications have it, and with a field that may be left out.
    let words = item(&key, |it| it["success"] = "false".into());
    let id = sent(&[words]).unwrap().id;
    assert_eq!(id.as_deref(), Some("7914073381342284:AUTHORISATION:false"));
    let bare = item(&key, |it| {
        drop(it.as_object_mut().unwrap().remove("originalReference"))
    });
    sent(&[bare]).unwrap();
    sent(&[item(&key, |it| it["originalReference"] = Value::Null)]).unwrap();
    // Several have no one id, and each has to be signed.
    let second = || item(&key, |it| it["pspReference"] = "2".into());
    assert_eq!(sent(&[second(), item(&key, |_| ())]).unwrap().id, None);
    let others = item(&[9; 32], |_| ());
    let mut unsigned = second();
    unsigned.as_object_mut().unwrap().remove("additionalData");
    let mut changed = second();
    changed["amount"]["value"] = 1.into();
    let mut nested = second();
    nested["success"] = json!([true]);
    for (bad, what) in [
        (others, "no secret gives this signature"),
        (unsigned, "neither a header nor an item is signed"),
        (changed, "no secret gives this signature"),
        (nested, "neither a text nor a number"),
    ] {
        let refused = sent(&[second(), bad]).unwrap_err();
        assert!(refused.detail().contains(what), "{refused:?}");
    }
    for (body, what) in [
        (notification(&[]), "neither a header nor an item is signed"),
        ("{}".to_owned(), "neither a header nor an item is signed"),
        ("x".to_owned(), "the body is no JSON"),
    ] {
        let refused = verify(&by, &post(body, &[])).unwrap_err();
        assert!(
            matches!(refused, Rejection::SignatureMissing(_)),
            "{refused:?}"
        );
        assert!(refused.detail().contains(what), "{refused:?}");
    }
}

#[test]
fn security_paypals_certificate_is_of_paypals_host() {
    let by = PayPal::new("WH-1", Certificates::fetched(|_| async { Ok(Vec::new()) }));
    for (url, is) in [
        ("https://api.paypal.com/cert", true),
        ("https://paypal.com/cert", true),
        ("https://api.sandbox.paypal.com/v1/cert", true),
        ("https://evil.example/cert", false),
        ("https://evilpaypal.com/cert", false),
        ("https://api.paypal.com.evil.example/cert", false),
        ("https://api.paypal.com@evil.example/cert", false),
        ("http://api.paypal.com/cert", false),
        ("https://api.paypal.com", false),
        ("https://ap%.paypal.com/cert", false),
        ("https://evil%2eexample.paypal.com/cert", false),
        ("https://a_b.paypal.com/cert", false),
        ("https://a..paypal.com/cert", false),
        ("https://.paypal.com/cert", false),
    ] {
        let headers = [
            ("paypal-cert-url", url),
            ("paypal-transmission-sig", "AAAA"),
        ];
        let request = post("{}", &headers);
        let request = WebhookRequest::new(&request, time());
        assert_eq!(by.verify_head(&request).is_ok(), is, "{url}");
        assert_eq!(by.prepare(&request).is_some(), is, "{url}");
    }
}

#[test]
fn security_a_secret_of_twilio_is_for_one_algorithm() {
    let twilio = scheme("twilio").unwrap();
    let with = |algorithm: Option<&str>, diagnosing| {
        let mut setup = Setup::new([SECRET]);
        setup.public_url = Some("https://a.example".to_owned());
        setup.algorithm = algorithm.map(str::to_owned);
        setup.diagnosing = diagnosing;
        twilio.verifier(&setup)
    };
    let shared = STANDARD.encode(tag(SECRET.as_bytes(), "https://a.example/hook?a=1"));
    let by_shared_key = post(
        "",
        &[
            ("x-twilio-signature", &shared),
            (
                "x-twilio-webhooks-signature-settings",
                "algorithm=HMAC_SHA256",
            ),
        ],
    );
    let by_token = sign_webhook("twilio", SECRET, post("", &[]), time());
    for (algorithm, diagnosing, token, key) in [
        (None, false, true, false),
        (None, true, true, true),
        (Some("HMAC_SHA1"), false, true, false),
        (Some("HMAC_SHA1"), true, true, false),
        (Some("HMAC_SHA256"), false, false, true),
    ] {
        let by = with(algorithm, diagnosing).unwrap();
        assert_eq!(
            verify(&*by, &by_token).is_ok(),
            token,
            "{algorithm:?} {diagnosing}"
        );
        assert_eq!(
            verify(&*by, &by_shared_key).is_ok(),
            key,
            "{algorithm:?} {diagnosing}"
        );
    }
    let Err(unknown) = with(Some("HMAC_MD5"), false) else {
        panic!("an algorithm that Twilio has not");
    };
    assert!(
        unknown
            .to_string()
            .contains("`HMAC_SHA1` or by `HMAC_SHA256`")
    );
    // Whoever shows no signature is refused by the head.
    let by = Twilio::new(SECRET).public_url("https://a.example");
    let bare = post("", &[]);
    let head = by.verify_head(&WebhookRequest::new(&bare, time()));
    assert!(
        matches!(head, Err(Rejection::SignatureMissing(_))),
        "{head:?}"
    );
    let head = by.verify_head(&WebhookRequest::new(&by_token, time()));
    assert_eq!(head, Ok(None));
}

#[test]
fn the_urls_that_are_signed_are_known() {
    let signing: Vec<_> = schemes().into_iter().filter(|it| it.signs_url()).collect();
    let names: Vec<_> = signing.iter().map(|scheme| scheme.name).collect();
    assert_eq!(names, ["hubspot", "mandrill", "square", "twilio"]);
    for scheme in schemes() {
        let mut setup = Setup::new([SECRET]);
        let without = scheme.verifier(&setup).map(|by| by.check());
        setup.public_url = Some("https://a.example".to_owned());
        let with = scheme.verifier(&setup).map(|by| by.check());
        let asks = |answer: &Result<Result<(), session_auth::webhook::ConfigError>, _>| matches!(answer, Ok(Err(error)) if error.to_string().contains("public_url"));
        assert_eq!(asks(&without), scheme.signs_url(), "{}", scheme.name);
        assert!(!asks(&with), "{}", scheme.name);
    }
    let bare = HubSpot::new(SECRET).check().unwrap_err().to_string();
    assert!(bare.contains("public_url"), "{bare}");
}

#[test]
fn a_scheme_that_there_is_not_has_a_nearest_one_or_the_list() {
    let near = scheme("strpe").unwrap_err().to_string();
    assert!(near.ends_with("did you mean \"stripe\"?"), "{near}");
    let far = scheme("carrier-pigeon").unwrap_err().to_string();
    assert!(far.contains("there are adyen, aws-sns, "), "{far}");
}

#[test]
fn what_carries_the_proof_of_an_event_is_asked_before_its_body() {
    use session_auth::webhook::{ApiKey, Bearer, CloudEvents, EventGrid};

    let grid = EventGrid::by(ApiKey::new("X-Key", "the-key").unwrap());
    let events = CloudEvents::by(Bearer::new("the-key"), ["a.example"]);
    for (by, header, good, scheme) in [
        (
            &grid as &dyn Verifier,
            "x-key",
            "the-key",
            "azure-event-grid",
        ),
        (&events, "authorization", "Bearer the-key", "cloudevents"),
    ] {
        assert_eq!(by.check(), Ok(()));
        let request = post("[]", &[(header, good)]);
        let request = WebhookRequest::new(&request, time());
        let head = by.verify_head(&request).unwrap().unwrap();
        assert_eq!((head.scheme, head.secret), (Some(scheme), Some(0)));
        assert_eq!(by.verify(&request), Ok(head));
        let bare = post("[]", &[]);
        let head = by.verify_head(&WebhookRequest::new(&bare, time()));
        assert!(
            matches!(head, Err(Rejection::SignatureMissing(_))),
            "{head:?}"
        );
    }
    assert!(EventGrid::by(Bearer::new("")).check().is_err());
    assert!(
        CloudEvents::by(Bearer::new(""), ["a.example"])
            .check()
            .is_err()
    );
    for origins in [&[][..], &[" "], &["a.example", ""]] {
        let error = CloudEvents::by(Bearer::new("t"), origins.iter().copied()).check();
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("no origin is allowed")
        );
    }
}

#[test]
fn security_a_header_has_as_many_signatures_as_a_sender_may_show() {
    let key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let signature = |scheme: &str, header: &str, secret: &str| {
        let signed = sign_webhook(scheme, secret, post("{}", &[]), time());
        let value = signed.headers()[header].to_str().unwrap().to_owned();
        (signed, value)
    };
    let (stripe, value) = signature("stripe", "stripe-signature", SECRET);
    let (stamp, good) = value.split_once(',').unwrap();
    let of_stripe = |count: usize| {
        let wrong = format!(",v1={}", "0".repeat(64)).repeat(count - 1);
        (
            "stripe",
            &stripe,
            "stripe-signature",
            format!("{stamp}{wrong},{good}"),
        )
    };
    let (standard, value) = signature("standard-webhooks", "webhook-signature", key);
    let of_standard = |count: usize| {
        let wrong = format!("v1,{} ", STANDARD.encode([0; 32])).repeat(count - 1);
        (
            "standard-webhooks",
            &standard,
            "webhook-signature",
            format!("{wrong}{value}"),
        )
    };
    for (case, count) in [
        (of_stripe(64), 64),
        (of_stripe(65), 65),
        (of_stripe(1000), 1000),
        (of_standard(64), 64),
        (of_standard(65), 65),
        (of_standard(1000), 1000),
    ] {
        let (name, signed, header, value) = case;
        let secret = if name == "stripe" { SECRET } else { key };
        let by = scheme(name)
            .unwrap()
            .verifier(&Setup::new([secret]))
            .unwrap();
        let mut request = signed.clone();
        request.headers_mut().insert(header, value.parse().unwrap());
        match verify(&*by, &request) {
            Ok(_) => assert!(count <= 64, "{name} {count}"),
            Err(refused) => {
                assert!(count > 64, "{name} {count}: {refused:?}");
                let too_many = "more signatures than any sender shows";
                assert_eq!(refused, Rejection::SignatureInvalid(too_many));
            }
        }
    }
}

#[test]
fn security_the_older_signature_of_hubspot_counts_where_it_is_allowed_and_alone() {
    use sha2::Digest;

    let legacy = hex(&Sha256::digest(format!("{SECRET}{{}}")));
    let old = [
        ("x-hubspot-signature", &*legacy),
        ("x-hubspot-signature-version", "v1"),
    ];
    let by = |legacy| {
        let by = HubSpot::new(SECRET).public_url("https://a.example");
        by.dangerous_legacy(legacy)
    };
    let both = [&old[..], &[("x-hubspot-signature-v3", "AAAA")]].concat();
    for (headers, allowed, expected) in [
        (&old[..], true, Ok(())),
        (&old[..], false, Err("signature_missing")),
        // What is there of version 3 has to be right.
        (&both, true, Err("signature_invalid")),
        (&[], true, Err("signature_missing")),
    ] {
        let request = post("{}", headers);
        let verdict = verify(&by(allowed), &request);
        let verdict = verdict.map(drop).map_err(Rejection::as_str);
        assert_eq!(verdict, expected, "{headers:?} {allowed}");
        let head = by(allowed).verify_head(&WebhookRequest::new(&request, time()));
        let head = head.map(drop).map_err(Rejection::as_str);
        assert_eq!(head, expected, "{headers:?} {allowed}");
    }
    // Version 2 hashes method and URL as well.
    let hashed = format!("{SECRET}POSThttps://a.example/hook?a=1{{}}");
    let second = hex(&Sha256::digest(hashed));
    for (signature, version, expected) in [
        (&second, "v2", true),
        (&second, "v1", false),
        (&legacy, "v2", false),
        (&second, "v4", false),
    ] {
        let headers = [
            ("x-hubspot-signature", &**signature),
            ("x-hubspot-signature-version", version),
        ];
        let verdict = verify(&by(true), &post("{}", &headers));
        assert_eq!(verdict.is_ok(), expected, "{version}: {verdict:?}");
    }
}

#[test]
fn the_rate_that_an_origin_asks_for_is_a_number_or_any() {
    use session_auth::webhook::{Bearer, CloudEvents};

    let by = CloudEvents::by(Bearer::new("t"), ["a.example"]);
    for (rate, allowed) in [
        ("120", "120"),
        ("123456789", "123456789"),
        ("1234567890", "*"),
        ("12a", "*"),
        ("-1", "*"),
        ("", "*"),
    ] {
        let request = Request::options("/").header("webhook-request-origin", "a.example");
        let request = request
            .header("webhook-request-rate", rate)
            .body("")
            .unwrap();
        let delivery = by.verify(&WebhookRequest::new(&request, time())).unwrap();
        let answer = delivery.answer().unwrap().headers();
        let rates = answer
            .iter()
            .filter(|(name, _)| name == "webhook-allowed-rate");
        let rates: Vec<_> = rates.map(|(_, value)| value.to_str().unwrap()).collect();
        assert_eq!(rates, [allowed], "{rate:?}");
    }
}

#[test]
fn security_a_delivery_of_event_grid_needs_a_proof_even_where_none_is_configured() {
    let grid = scheme("azure-event-grid").unwrap();
    let mut setup = Setup::new([""]);
    setup.diagnosing = true;
    let by = grid.verifier(&setup).unwrap();
    let refused = verify(&*by, &post("[]", &[])).unwrap_err();
    assert!(
        refused.detail().contains("no secret is given"),
        "{refused:?}"
    );
    // A service has to have one, and one that is known is asked for.
    setup.diagnosing = false;
    assert!(grid.verifier(&setup).unwrap().check().is_err());
    let mut setup = Setup::new(["the-token"]);
    setup.diagnosing = true;
    let by = grid.verifier(&setup).unwrap();
    let good = post("[]", &[("authorization", "Bearer the-token")]);
    assert!(verify(&*by, &good).is_ok());
}

#[test]
fn gitlab_signs_or_shows_its_token_as_its_secret_is() {
    let key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    for (secret, header) in [("a-token", "x-gitlab-token"), (key, "webhook-signature")] {
        let request = sign_webhook("gitlab", secret, post("{}", &[]), time());
        assert!(request.headers().contains_key(header), "{secret}");
        let by = scheme("gitlab")
            .unwrap()
            .verifier(&Setup::new([secret]))
            .unwrap();
        assert_eq!(verify(&*by, &request).unwrap().scheme, Some("gitlab"));
    }
}

#[test]
fn security_a_tolerance_that_is_set_holds() {
    let signed = sign_webhook("stripe", SECRET, post("{}", &[]), time());
    for (tolerance, seconds, accepts) in [
        (None, 300, true),
        (None, 301, false),
        (Some(10), 10, true),
        (Some(10), 11, false),
        (Some(600), 600, true),
    ] {
        let mut by = session_auth::webhook::Hmac::stripe(SECRET);
        if let Some(tolerance) = tolerance {
            by = by.tolerance(Duration::from_secs(tolerance));
        }
        let now = time() + Duration::from_secs(seconds);
        let verdict = by.verify(&WebhookRequest::new(&signed, now));
        assert_eq!(
            verdict.is_ok(),
            accepts,
            "{tolerance:?} {seconds}: {verdict:?}"
        );
    }
}
