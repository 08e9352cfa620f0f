//! What senders are known by besides their headers: tokens, certificates and URLs.

use std::time::SystemTime;

use ::hmac::{Hmac as Mac, KeyInit as _, Mac as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Request};

#[cfg(feature = "webhook-asymmetric")]
use crate::webhook::{Certificates, Jwks, JwtIssuer, PayPal, Sns};
use crate::webhook::{Hmac, Verifier as _, WebhookRequest};

/// A token, to an issuer whose keys are known, and behind the first line end a set of keys. Nobody has a
/// private key, so no token is accepted, whatever the header of it names.
#[cfg(feature = "webhook-asymmetric")]
pub fn issuer(data: &[u8]) {
    const KNOWN: &str = r#"{"keys":[
        {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"kty":"EC","crv":"P-256","kid":"b","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
         "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    let end = data.iter().position(|&byte| byte == b'\n');
    let (token, keys) = match end {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    let keys = std::str::from_utf8(keys).unwrap_or_default();
    let Ok(value) = HeaderValue::from_bytes(&[b"Bearer ", token].concat()) else {
        return;
    };
    let request = Request::post("/").header(http::header::AUTHORIZATION, value);
    let request = request.body("").unwrap();
    let seen = WebhookRequest::new(&request, SystemTime::now());
    for (keys, is_known) in [(KNOWN, true), (keys, false)] {
        let issuer = JwtIssuer::new("https://issuer.example", "hooks", Jwks::given(keys));
        assert!(!is_known || issuer.check().is_ok());
        let head = issuer.verify_head(&seen).is_ok();
        let whole = issuer.verify(&seen).is_ok();
        assert!(!whole, "a token that nobody signed, or for another: {head}");
    }
}

/// A URL that a message names its certificate by, and a certificate. What is fetched is of Amazon's own host, or of
/// PayPal's, as a browser reads the URL.
#[cfg(feature = "webhook-asymmetric")]
pub fn certificate(data: &[u8]) {
    // No signature is under such a key; what is read of it must not go past its end.
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----",
        STANDARD.encode(data)
    );
    for pem in [data, pem.as_bytes()] {
        let given = Certificates::given(pem);
        let _ = PayPal::new("WH-1", given).check();
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let fetched = || Certificates::fetched(|_| async { Err("nothing is fetched here".into()) });
    let leads_to = |suffixes: &[&str]| {
        let url = url::Url::parse(text).unwrap_or_else(|_| panic!("{text:?} is no URL"));
        assert_eq!(url.scheme(), "https", "{text:?}");
        assert_eq!(url.port_or_known_default(), Some(443), "{text:?}");
        assert_eq!((url.username(), url.password()), ("", None), "{text:?}");
        let host = url.host_str().unwrap_or_default();
        assert!(
            suffixes.iter().any(|suffix| host.ends_with(suffix)),
            "{text:?} leads to {host}"
        );
        host.to_owned()
    };
    let topic = "arn:aws:sns:eu-west-1:1:t";
    let message =
        serde_json::json!({ "TopicArn": topic, "SigningCertURL": text, "Signature": "AAAA" });
    let message = message.to_string();
    let request = Request::post("/").body(message).unwrap();
    let seen = WebhookRequest::new(&request, SystemTime::now());
    if Sns::new([topic], fetched()).prepare(&seen).is_some() {
        let host = leads_to(&[".amazonaws.com", ".amazonaws.com.cn"]);
        assert!(host.starts_with("sns."), "{text:?} leads to {host}");
    }
    let Ok(value) = HeaderValue::from_str(text) else {
        return;
    };
    let request = Request::post("/").header("paypal-cert-url", value);
    let request = request
        .header("paypal-transmission-sig", "AAAA")
        .body("")
        .unwrap();
    let seen = WebhookRequest::new(&request, SystemTime::now());
    let paypal = PayPal::new("WH-1", fetched());
    if paypal.prepare(&seen).is_some() && paypal.verify_head(&seen).is_ok() {
        let host = leads_to(&["paypal.com"]);
        assert!(
            host == "paypal.com" || host.ends_with(".paypal.com"),
            "{text:?}"
        );
    }
}

/// The public address as it is configured, the target of a request, and its `Host`, one a line: what is signed is
/// the address and the target, and never of the host.
pub fn public_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.splitn(3, '\n');
    let [base, target, host] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let by = Hmac::square("secret").public_url(base);
    let is_good = by.check().is_ok();
    let Ok(host) = HeaderValue::from_str(host) else {
        return;
    };
    // In the origin form, as a server gets it.
    let Ok(request) = Request::post(target)
        .header("host", host.clone())
        .header("x-forwarded-host", host)
        .body("body")
    else {
        return;
    };
    let refused = by.verify(&WebhookRequest::new(&request, SystemTime::now()));
    assert!(refused.is_err(), "nothing is signed");
    if !is_good || !target.starts_with('/') {
        return;
    }
    let Some(seen) = request.uri().path_and_query() else {
        return;
    };
    let url = format!("{}{seen}", base.trim_end_matches('/'));
    let mut mac = Mac::<sha2::Sha256>::new_from_slice(b"secret").unwrap();
    mac.update(url.as_bytes());
    mac.update(b"body");
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let (mut parts, body) = request.into_parts();
    let signature = HeaderValue::from_str(&signature).unwrap();
    parts
        .headers
        .insert("x-square-hmacsha256-signature", signature);
    let request = Request::from_parts(parts, body);
    let accepted = by.verify(&WebhookRequest::new(&request, SystemTime::now()));
    assert!(accepted.is_ok(), "{url:?}: {accepted:?}");
}
