use std::fs;
use std::path::Path;

/// Replays what the fuzzers found worth keeping, whole and cut short.
fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut inputs = 0;
    for file in fs::read_dir(&corpus).unwrap() {
        let input = fs::read(file.unwrap().path()).unwrap();
        run(&input);
        run(&input[..input.len() / 2]);
        inputs += 1;
    }
    assert!(inputs >= 10, "{} has {inputs} inputs", corpus.display());
}

#[test]
fn corpus_of_cookies() {
    replay("cookie", super::cookie);
}

#[test]
fn corpus_of_caching() {
    replay("caching", super::caching);
}

#[test]
fn corpus_of_tokens() {
    replay("token", super::token);
}

#[test]
fn corpus_of_nexts() {
    replay("next", super::next);
}

#[test]
fn corpus_of_origins() {
    replay("origin", super::origin);
}

#[test]
fn corpus_of_basic_credentials() {
    replay("basic", super::basic);
}

#[test]
fn corpus_of_paths() {
    replay("path", super::path);
}

#[test]
fn corpus_of_deliveries() {
    replay("delivery", super::delivery);
}

#[test]
fn corpus_of_probes() {
    replay("probe", super::probe);
}

#[test]
fn corpus_of_routers() {
    replay("router", super::router);
}

#[test]
fn corpus_of_public_urls() {
    replay("public_url", super::public_url);
}

#[cfg(feature = "webhook-asymmetric")]
#[test]
fn corpus_of_issuers_tokens() {
    replay("issuer", super::issuer);
}

#[cfg(feature = "webhook-asymmetric")]
#[test]
fn corpus_of_certificates() {
    replay("certificate", super::certificate);
    let pem = include_bytes!("../../tests/vectors/sender_rsa_cert.pem");
    let encoded = pem
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.starts_with(b"-"));
    let der = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        encoded.collect::<Vec<_>>().concat(),
    );
    // Each length and each tag of it changed, and cut short everywhere.
    let der = der.unwrap();
    for at in 0..der.len().min(300) {
        super::certificate(&der[..at]);
        for byte in [0, 1, 0x30, 0x7f, 0x80, 0x81, 0x84, 0xff] {
            let mut changed = der.clone();
            changed[at] = byte;
            super::certificate(&changed);
        }
    }
}

#[test]
fn probes_of_strangers() {
    let mac = "A".repeat(43);
    let nonce = "A".repeat(22);
    for header in [
        String::new(),
        ".".to_owned(),
        "....".to_owned(),
        "1.00000000.1700000000".to_owned(),
        format!("1.00000000.1700000000.{nonce}.{mac}"),
        format!("1.00000000.1700000000.{nonce}.{mac}."),
        format!("1.00000000.-1.{nonce}.{mac}"),
        format!("1.+0000000.99999999999999999999.{nonce}.{mac}"),
        format!("2.00000000.1700000000.{nonce}.{mac}"),
        format!("1.e30.{mac}"),
        format!("1.\u{e9}.{mac}"),
    ] {
        super::probe(header.as_bytes());
    }
}

/// All short texts of the characters that URLs are bent with.
#[test]
fn every_short_path() {
    const ALPHABET: &[u8] = b"/\\.:@?#%\t\n e5cC2fF";
    fn extend(text: &mut Vec<u8>, left: usize) {
        super::next(text);
        super::path(text);
        if left > 0 {
            for &byte in ALPHABET {
                text.push(byte);
                extend(text, left - 1);
                text.pop();
            }
        }
    }
    extend(&mut Vec::new(), 4);
    extend(&mut b"/".to_vec(), 3);
}

#[test]
fn deliveries_of_strangers() {
    let signature = "0".repeat(64);
    for head in [
        String::new(),
        "no colon".to_owned(),
        format!("stripe-signature:t=1,v1={signature}"),
        format!("stripe-signature:t=,t=,,=,v1={signature},v1"),
        format!("paddle-signature:ts=9;h1={signature};;"),
        format!("x-slack-signature:v0={signature}\nx-slack-request-timestamp:\u{e9}"),
        "webhook-id:a\nwebhook-timestamp:1\nwebhook-signature:v1, v1,A= ,, v1a,\u{e9}".to_owned(),
        "authorization:Bearer a.b.c".to_owned(),
        "authorization:Basic".to_owned(),
        "x-twilio-signature:AAAA\nx-twilio-webhooks-signature-settings:algorithm=,=".to_owned(),
        "aeg-event-type:SubscriptionValidation".to_owned(),
        "content-type:multipart/form-data; boundary=b".to_owned(),
    ] {
        for body in [
            "",
            "{",
            "[{}]",
            "--b\r\n\r\n\r\n--b--",
            "a=%&=",
            r#"{"signature":{"timestamp":1}}"#,
        ] {
            super::delivery(format!("{head}\n\n{body}").as_bytes());
        }
    }
}
