//! What a verifier refuses, of its configuration and of deliveries: each refusal by its opposite, a
//! setup or a delivery that is good but for one thing.
#![cfg(all(feature = "sha1", feature = "webhook-asymmetric", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use session_auth::testing::sign_webhook;
use session_auth::webhook::{
    ApiKey, BasicAuth, Bearer, Certificates, CloudEvents, Delivery, EventGrid, Hmac, IpAllowlist,
    Mailgun, Mandrill, Meta, PayPal, PublicKey, Rejection, Secrets, Setup, Sns, Twilio, Verifier,
    WebhookRequest, all_of, scheme,
};

const CERTIFICATE: &str = include_str!("vectors/sender_rsa_cert.pem");
const KEY: &[u8] = include_bytes!("vectors/sender_rsa_key.pk8");
const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:orders";
const AMAZONS: &str = "https://sns.us-west-2.amazonaws.com/key.pem";
const SECRET: &str = "the-secret-of-a-sender";

/// 2033, which the certificate is good for.
const NOW: u64 = 2_000_000_000;
const NOW_IN_WORDS: &str = "2033-05-18T03:33:20Z";

fn time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn verify(by: &dyn Verifier, request: &Request<Bytes>) -> Result<Delivery, Rejection> {
    by.verify(&WebhookRequest::new(request, time()))
}

#[track_caller]
fn refused(by: &dyn Verifier, request: &Request<Bytes>, what: &str) {
    let rejection = verify(by, request).unwrap_err();
    assert!(rejection.detail().contains(what), "{what}: {rejection:?}");
}

#[track_caller]
fn accepted(by: &dyn Verifier, request: &Request<Bytes>) -> Delivery {
    assert_eq!(by.check(), Ok(()));
    verify(by, request).unwrap()
}

fn post(body: &str) -> Request<Bytes> {
    Request::post("https://a.example/hook?a=1")
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap()
}

fn form(body: &str) -> Request<Bytes> {
    let mut request = post(body);
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert("content-type", form);
    request
}

#[track_caller]
fn stops(by: &dyn Verifier, what: &str) {
    let error = by.check().unwrap_err().to_string();
    assert!(error.contains(what), "{what}: {error}");
}

#[test]
fn security_a_secret_that_is_none_stops_the_start() {
    let none = || Secrets::new(Vec::<&str>::new());
    stops(&Hmac::github(none()), "there is no secret");
    stops(
        &Mandrill::new(none()).public_url("https://a.example"),
        "there is no secret",
    );
    stops(
        &Twilio::new(none()).public_url("https://a.example"),
        "there is no secret",
    );
    stops(&Meta::new(none(), "token"), "there is no secret");
    stops(&Meta::new("app", none()), "there is no secret");
    stops(&BasicAuth::pairs("user"), "no colon");
    stops(&Bearer::new(""), "a token is empty");
    stops(&ApiKey::telegram(""), "a token is empty: set it");
    for token in ["a".repeat(257), "a b".into(), "a.b".into(), "ä".into()] {
        stops(&ApiKey::telegram(&token), "1 to 256 letters");
    }
    assert_eq!(ApiKey::telegram("a".repeat(256)).check(), Ok(()));
    let private = format!("whsk_{}", STANDARD.encode([7; 32]));
    stops(&Hmac::standard_webhooks(&private), "a key for Ed25519");
    stops(
        &PublicKey::standard_webhooks(&private),
        "the sender's private one",
    );
    // A point on P-256 begins with a 4 where it is not compressed.
    let mut point = [1; 65];
    stops(
        &PublicKey::sendgrid(STANDARD.encode(point)),
        "is not one on P-256",
    );
    point[0] = 4;
    assert_eq!(PublicKey::sendgrid(STANDARD.encode(point)).check(), Ok(()));
    // A secret in hexadecimal, of whatever scheme has one.
    let adyen = scheme("adyen").unwrap();
    let with = |secret: &str| adyen.verifier(&Setup::new([secret])).unwrap();
    let hex = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
    assert_eq!(with(hex).check(), Ok(()));
    stops(&*with(&format!("{hex}\n")), "a newline at the end?");
    let empty = std::env::temp_dir().join(format!("empty-secret-{}", std::process::id()));
    std::fs::write(&empty, " \n").unwrap();
    stops(
        &Hmac::github(Secrets::from_file(&empty)),
        "is empty: write the secret into it",
    );
    std::fs::remove_file(&empty).unwrap();
}

#[test]
fn a_public_url_that_is_none_or_missing_stops_the_start() {
    let missing = "the signature covers the public URL, and none is given";
    stops(&Twilio::new(SECRET), missing);
    stops(&Mandrill::new(SECRET), missing);
    stops(&Hmac::square(SECRET), missing);
    for (url, what) in [
        ("a.example", "begins with neither"),
        ("https://:443", "has no host"),
        ("https://a.example/?b", "has a query"),
    ] {
        for by in [
            Box::new(Twilio::new(SECRET).public_url(url)) as Box<dyn Verifier>,
            Box::new(Mandrill::new(SECRET).public_url(url)),
            Box::new(Hmac::square(SECRET).public_url(url)),
        ] {
            let error = by.check().unwrap_err().to_string();
            assert!(error.contains("the public URL"), "{url}: {error}");
            assert!(
                error.contains(what) || error.contains("is no URL"),
                "{url}: {error}"
            );
        }
    }
}

#[test]
fn a_setting_that_can_match_nothing_stops_the_start() {
    stops(
        &Hmac::github(SECRET).delivery_id_at("MessageID"),
        "is no JSON pointer",
    );
    stops(
        &BasicAuth::new("u", "p").delivery_id_at("MessageID"),
        "is no JSON pointer",
    );
    let nobody = IpAllowlist::new(Vec::<&str>::new()).unwrap();
    stops(&nobody, "no address is allowed");
    for origins in [&[][..], &["a.example", " "]] {
        let by = CloudEvents::by(Hmac::github(SECRET), origins.iter().copied());
        stops(&by, "no origin is allowed, or an empty one");
    }
    for topic in [
        "orders",
        "arn:aws:sns:us-west-2:orders",
        "urn:aws:sns:us-west-2:1:orders",
    ] {
        let by = Sns::new([topic], Certificates::given(CERTIFICATE));
        stops(&by, "is no ARN of a topic");
    }
    for id in [
        "",
        " 8PT597110X687430LKGECATA",
        "8PT597110X687430LKGECATA\n",
    ] {
        stops(
            &PayPal::new(id, Certificates::given(CERTIFICATE)),
            "the webhook's id of PayPal is",
        );
    }
    let of_ec = include_str!("vectors/ec_cert.pem");
    stops(
        &PayPal::new("id", Certificates::given(of_ec)),
        "no X.509 certificate of an RSA key",
    );
}

#[test]
fn security_a_header_of_several_parts_has_each_of_them_once() {
    let stripe = Hmac::stripe(SECRET);
    let good = sign_webhook("stripe", SECRET, post("{}"), time());
    accepted(&stripe, &good);
    let value = good.headers()["stripe-signature"]
        .to_str()
        .unwrap()
        .to_owned();
    let (at, signature) = value.split_once(',').unwrap();
    let with = |value: &str| {
        let mut request = good.clone();
        let value = HeaderValue::from_str(value).unwrap();
        request.headers_mut().insert("stripe-signature", value);
        request
    };
    refused(
        &stripe,
        &with(&format!("{at},{at},{signature}")),
        "the time is there twice",
    );
    refused(&stripe, &with(signature), "the header has no time");
    refused(&stripe, &with(at), "no signature of a version that counts");
    let many = [signature; 1_000].join(",");
    refused(
        &stripe,
        &with(&format!("{at},{many}")),
        "more signatures than any sender shows",
    );

    let secret = format!("whsec_{}", STANDARD.encode([7; 32]));
    let standard = Hmac::standard_webhooks(&secret);
    let good = sign_webhook("standard-webhooks", &secret, post("{}"), time());
    accepted(&standard, &good);
    let signature = good.headers()["webhook-signature"]
        .to_str()
        .unwrap()
        .to_owned();
    let with = |name: &'static str, value: &str| {
        let mut request = good.clone();
        let value = HeaderValue::from_str(value).unwrap();
        request.headers_mut().insert(name, value);
        request
    };
    refused(
        &standard,
        &with("webhook-signature", ""),
        "the header is empty",
    );
    refused(
        &standard,
        &with("webhook-signature", "v9,AAAA"),
        "no signature of a version",
    );
    let many = [signature.as_str(); 1_000].join(" ");
    refused(
        &standard,
        &with("webhook-signature", &many),
        "more signatures than any sender",
    );
    refused(
        &standard,
        &with("webhook-id", ""),
        "part of the proof is empty",
    );
    let mut without = good.clone();
    without.headers_mut().remove("webhook-id");
    refused(&standard, &without, "part of the proof is missing");
    // Of another time, which the head alone tells.
    let old = UNIX_EPOCH + Duration::from_secs(NOW - 301);
    let old = sign_webhook("standard-webhooks", &secret, post("{}"), old);
    let head = standard.verify_head(&WebhookRequest::new(&old, time()));
    assert!(
        matches!(head, Err(Rejection::TimestampOutOfRange(_))),
        "{head:?}"
    );
}

#[test]
fn security_what_binds_nothing_of_the_body_is_refused() {
    let as_json = |mut signed: Request<Bytes>| {
        let json = HeaderValue::from_static("application/json");
        signed.headers_mut().insert("content-type", json);
        *signed.body_mut() = Bytes::from_static(b"{}");
        signed
    };
    let signed = |scheme, body: &str| sign_webhook(scheme, SECRET, form(body), time());
    let twilio = Twilio::new(SECRET).public_url("https://a.example");
    accepted(&twilio, &signed("twilio", "a=1"));
    refused(
        &twilio,
        &as_json(signed("twilio", "")),
        "the body is no form",
    );
    let mandrill = Mandrill::new(SECRET).public_url("https://a.example");
    accepted(&mandrill, &signed("mandrill", "a=1"));
    refused(
        &mandrill,
        &as_json(signed("mandrill", "")),
        "the body is no form",
    );
}

#[test]
fn several_secrets_of_either_kind_are_accepted_and_no_other() {
    let signed = |secret: &str| sign_webhook("twilio", secret, form("a=1"), time());
    let by = Twilio::new(SECRET)
        .or("another one")
        .public_url("https://a.example");
    accepted(&by, &signed(SECRET));
    accepted(&by, &signed("another one"));
    refused(
        &by,
        &signed("a third one"),
        "no secret gives this signature",
    );
    let both = Twilio::new(SECRET)
        .or_shared_key("")
        .public_url("https://a.example");
    stops(&both, "an HMAC secret is empty");
}

#[test]
fn security_mailguns_time_and_token_are_signed_and_judged() {
    let by = Mailgun::new(SECRET).tolerance(Duration::from_secs(300));
    let good = sign_webhook("mailgun", SECRET, post("{}"), time());
    accepted(&by, &good);
    let later = UNIX_EPOCH + Duration::from_secs(NOW + 301);
    let late = by.verify(&WebhookRequest::new(&good, later));
    assert!(
        matches!(late, Err(Rejection::TimestampOutOfRange(_))),
        "{late:?}"
    );
    let mut body: Value = serde_json::from_slice(good.body()).unwrap();
    body["signature"]["token"] = "".into();
    refused(&by, &post(&body.to_string()), "the token is empty");
}

#[test]
fn security_a_handshake_is_what_its_sender_sends_and_nothing_like_it() {
    let zoom = Hmac::zoom(SECRET);
    let signed = |scheme, body: &str| sign_webhook(scheme, SECRET, post(body), time());
    let event = r#"{"event":"meeting.started","payload":{"plainToken":"endpoint.url_validation"}}"#;
    assert!(accepted(&zoom, &signed("zoom", event)).answer().is_none());
    let asked = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"abc"}}"#;
    assert!(accepted(&zoom, &signed("zoom", asked)).answer().is_some());
    let slack = Hmac::slack(SECRET);
    let event = r#"{"type":"event_callback","challenge":"url_verification"}"#;
    assert!(accepted(&slack, &signed("slack", event)).answer().is_none());

    let meta = Meta::new(SECRET, "token");
    let get = |query: &str| {
        let uri = format!("/hook?{query}");
        Request::get(uri).body(Bytes::new()).unwrap()
    };
    let asked = "hub.mode=subscribe&hub.challenge=1&hub.verify_token=token";
    assert!(accepted(&meta, &get(asked)).answer().is_some());
    refused(
        &meta,
        &get(&asked.replace("subscribe", "unsubscribe")),
        "of another mode",
    );

    let grid = EventGrid::by(ApiKey::new("x-events-key", SECRET).unwrap());
    let validation = |kind: &str, key: Option<&str>| {
        let data = json!({ "validationCode": "abc" });
        let mut request = post(&json!([{ "eventType": kind, "data": data }]).to_string());
        let headers = request.headers_mut();
        headers.insert(
            "aeg-event-type",
            HeaderValue::from_static("SubscriptionValidation"),
        );
        if let Some(key) = key {
            headers.insert("x-events-key", HeaderValue::from_str(key).unwrap());
        }
        request
    };
    let kind = "Microsoft.EventGrid.SubscriptionValidationEvent";
    for key in [None, Some(SECRET)] {
        assert!(accepted(&grid, &validation(kind, key)).answer().is_some());
    }
    refused(
        &grid,
        &validation(kind, Some("another")),
        "other credentials",
    );
    refused(
        &grid,
        &validation("Orders.Placed", Some(SECRET)),
        "no event that validates",
    );
}

#[test]
fn security_a_ping_of_discord_has_no_event_in_it() {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let by = PublicKey::discord(hex(key.public_key().as_ref()));
    let signed = |body: &str| {
        let mut request = post(body);
        let signature = hex(key.sign(format!("{NOW}{body}").as_bytes()).as_ref());
        let headers = request.headers_mut();
        headers.insert("x-signature-ed25519", signature.parse().unwrap());
        headers.insert("x-signature-timestamp", HeaderValue::from(NOW));
        request
    };
    assert!(accepted(&by, &signed(r#"{"type":1}"#)).answer().is_some());
    let event = r#"{"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}"#;
    assert!(accepted(&by, &signed(event)).answer().is_none());
}

fn rsa(message: &str) -> String {
    let key = RsaKeyPair::from_pkcs8(KEY).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    let random = SystemRandom::new();
    key.sign(
        &RSA_PKCS1_SHA256,
        &random,
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    STANDARD.encode(signature)
}

/// A message of Amazon's, signed after this change of it.
fn of_sns(change: impl FnOnce(&mut Value)) -> Value {
    let mut message = json!({
        "Type": "SubscriptionConfirmation", "MessageId": "1", "TopicArn": TOPIC, "Token": "t",
        "Message": "m", "SubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Confirm",
        "Timestamp": NOW_IN_WORDS, "SignatureVersion": "2", "SigningCertURL": AMAZONS,
    });
    change(&mut message);
    let names: &[&str] = match message["Type"].as_str() {
        Some("Notification") => &["Message", "MessageId", "Timestamp", "TopicArn", "Type"],
        _ => &[
            "Message",
            "MessageId",
            "SubscribeURL",
            "Timestamp",
            "Token",
            "TopicArn",
            "Type",
        ],
    };
    let text = |name: &&str| format!("{name}\n{}\n", message[name].as_str().unwrap());
    let signed: String = names.iter().map(text).collect();
    message["Signature"] = rsa(&signed).into();
    message
}

#[tokio::test]
async fn security_a_message_of_amazon_is_ours_of_today_and_confirms_amazons_url() {
    let by = || Sns::new([TOPIC], Certificates::given(CERTIFICATE));
    let sent = |message: &Value| post(&message.to_string());
    assert!(accepted(&by(), &sent(&of_sns(|_| ()))).answer().is_some());
    let notification = of_sns(|message| message["Type"] = "Notification".into());
    assert!(accepted(&by(), &sent(&notification)).answer().is_none());
    let refused = |change: &dyn Fn(&mut Value), what: &str| {
        refused(&by(), &sent(&of_sns(change)), what);
    };
    let other = "arn:aws:sns:us-west-2:123456789012:other";
    refused(&|it| it["TopicArn"] = other.into(), "of another topic");
    refused(
        &|it| it["Timestamp"] = "2033-05-18T02:33:19Z".into(),
        "signed too long ago",
    );
    refused(
        &|it| it["SubscribeURL"] = "https://sns.us-west-2.amazonaws.example/?Action".into(),
        "the URL of the confirmation",
    );
    let url = AMAZONS.replace(".pem", ".zip");
    refused(
        &|it| it["SigningCertURL"] = url.as_str().into(),
        "the URL of the certificate",
    );
    let mut forged = of_sns(|_| ());
    forged["Message"] = "another".into();
    self::refused(&by(), &sent(&forged), "did not sign this");
    // What is signed with SHA-1 is judged by that, unless it is not wanted at all.
    let first = of_sns(|it| it["SignatureVersion"] = "1".into());
    self::refused(&by(), &sent(&first), "did not sign this");
    self::refused(
        &by().sha256_only(),
        &sent(&first),
        "a version that is not accepted",
    );
}

#[tokio::test]
async fn a_subscription_is_confirmed_once_it_is_proved() {
    let (sender, mut confirmed) = tokio::sync::mpsc::unbounded_channel();
    let by = Sns::new([TOPIC], Certificates::given(CERTIFICATE)).confirm_with(move |url| {
        sender.send(url).unwrap();
        async { Ok(()) }
    });
    let mut forged = of_sns(|_| ());
    forged["SubscribeURL"] = "https://sns.us-west-2.amazonaws.com/?Action=Other".into();
    refused(&by, &post(&forged.to_string()), "did not sign this");
    for of in ["UnsubscribeConfirmation", "Notification"] {
        accepted(&by, &post(&of_sns(|it| it["Type"] = of.into()).to_string()));
    }
    assert!(confirmed.try_recv().is_err(), "nothing was to be confirmed");
    accepted(&by, &post(&of_sns(|_| ()).to_string()));
    let url = confirmed.try_recv().unwrap();
    assert_eq!(url, "https://sns.us-west-2.amazonaws.com/?Action=Confirm");
}

#[tokio::test]
async fn security_no_certificate_is_fetched_for_what_is_refused_all_the_same() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    let certificates = Certificates::fetched(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok(CERTIFICATE.as_bytes().to_vec()) }
    });
    let by = all_of([Box::new(Sns::new([TOPIC], certificates)) as Box<dyn Verifier>]);
    let mut unsigned = of_sns(|_| ());
    unsigned.as_object_mut().unwrap().remove("Signature");
    let other = of_sns(|it| it["TopicArn"] = "arn:aws:sns:us-west-2:123456789012:other".into());
    for message in [unsigned.to_string(), other.to_string(), String::new()] {
        let request = post(&message);
        let preparing = by.prepare(&WebhookRequest::new(&request, time()));
        assert!(preparing.is_none(), "{message}");
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 0);
    let request = post(&of_sns(|_| ()).to_string());
    by.prepare(&WebhookRequest::new(&request, time()))
        .unwrap()
        .await
        .unwrap();
    assert_eq!(fetched.load(Ordering::SeqCst), 1);
    accepted(&by, &request);
}

#[test]
fn security_a_delivery_of_paypal_is_signed_of_today_and_names_paypals_certificate() {
    let by = || PayPal::new("webhook", Certificates::given(CERTIFICATE));
    // CRC-32 of `{}`.
    let signed = |time: &str| {
        let mut request = post("{}");
        let signature = rsa(&format!("id|{time}|webhook|{}", 0xa3a6_bf43_u32));
        for (name, value) in [
            ("paypal-transmission-id", "id"),
            ("paypal-transmission-time", time),
            ("paypal-transmission-sig", &signature),
            ("paypal-cert-url", "https://api.paypal.com/cert"),
            ("paypal-auth-algo", "SHA256withRSA"),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    };
    let good = signed(NOW_IN_WORDS);
    accepted(&by(), &good);
    let mut forged = good.clone();
    *forged.body_mut() = Bytes::from_static(b"[]");
    refused(&by(), &forged, "did not sign this");
    let old = signed("2033-05-18T03:28:19Z");
    accepted(&by(), &old);
    let strict = by().tolerance(Duration::from_secs(300));
    let late = verify(&strict, &old);
    assert!(
        matches!(late, Err(Rejection::TimestampOutOfRange(_))),
        "{late:?}"
    );
    for name in ["paypal-cert-url", "paypal-transmission-sig"] {
        let mut without = good.clone();
        without.headers_mut().remove(name);
        let request = WebhookRequest::new(&without, time());
        let head = by().verify_head(&request);
        assert!(
            matches!(head, Err(Rejection::SignatureMissing(_))),
            "{name}: {head:?}"
        );
        assert!(
            matches!(by().verify(&request), Err(Rejection::SignatureMissing(_))),
            "{name}"
        );
    }
}

#[test]
fn nothing_is_prepared_where_no_verifier_fetches() {
    let by = all_of([Box::new(Hmac::github(SECRET)) as Box<dyn Verifier>]);
    let request = Request::builder().method(Method::POST).body("").unwrap();
    assert!(by.prepare(&WebhookRequest::new(&request, time())).is_none());
}
