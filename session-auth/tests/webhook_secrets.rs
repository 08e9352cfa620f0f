//! Secrets that change while the service runs: in a file, and by hand, to either side.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;
use session_auth::methods::POST;
use session_auth::testing::sign_webhook;
use session_auth::webhook::{BasicAuth, Bearer, Hmac, Secrets, Verifier};
use session_auth::{Keys, Router, SessionAuthLayer, webhook};

const OLD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn serve(secrets: Secrets) -> SocketAddr {
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("sender", Hmac::standard_webhooks(secrets))
        .build()
        .unwrap();
    let hook = webhook(POST, "/hook", "sender").to(async || "ran");
    let app = common::protect(&auth, Router::new().mount(hook)).unwrap();
    common::serve(app).await
}

/// A delivery that its sender signs with each of these.
async fn deliver(address: SocketAddr, secrets: &[&str]) -> u16 {
    let mut headers = String::new();
    let mut signatures = Vec::new();
    for secret in secrets {
        let request = Request::post("/hook").body(Bytes::from("{}")).unwrap();
        let signed = sign_webhook("standard-webhooks", secret, request, SystemTime::now());
        let value = |name: &str| signed.headers()[name].to_str().unwrap().to_owned();
        signatures.push(value("webhook-signature"));
        headers = format!(
            "webhook-id: {}\r\nwebhook-timestamp: {}\r\nwebhook-signature: {}\r\n",
            value("webhook-id"),
            value("webhook-timestamp"),
            signatures.join(" ")
        );
    }
    common::post(address, "/hook", &headers, "{}").await.status
}

#[tokio::test]
async fn a_secret_is_changed_from_either_side() {
    let secrets = Secrets::new([OLD]);
    let address = serve(secrets.clone()).await;
    assert_eq!(deliver(address, &[OLD]).await, 200);
    assert_eq!(deliver(address, &[NEW]).await, 401);
    // The sender signs with both, and the service has one.
    for both in [[OLD, NEW], [NEW, OLD]] {
        assert_eq!(deliver(address, &both).await, 200);
    }
    // The service has both, and the sender signs with one.
    secrets.rotate([NEW, OLD]).unwrap();
    for one in [OLD, NEW] {
        assert_eq!(deliver(address, &[one]).await, 200);
    }
    assert_eq!(secrets.uses(), [1, 4]);
    secrets.rotate([NEW]).unwrap();
    assert_eq!(deliver(address, &[OLD]).await, 401);
    assert_eq!(deliver(address, &[NEW]).await, 200);
    // What is none changes nothing.
    for none in ["", " ", "whsec_", "whsec_short\n"] {
        assert!(secrets.rotate([none]).is_err());
        assert_eq!(deliver(address, &[NEW]).await, 200);
    }
}

/// What is no text has its end for itself.
#[test]
fn what_does_not_show_in_a_text_stops_the_start() {
    for secret in [
        "old-secret\nnew-secret\n",
        "s3\tcret\n",
        "s3cret\u{1b}",
        "s3cret\u{7f}",
        "s3cret\u{200e}",
        "\u{200f}s3cret",
        "s3cret\u{ad}",
        "s3\u{200d}cret",
        "\u{202a}s3cret\u{202c}",
        "\u{2066}s3cret\u{2069}",
    ] {
        for by in [
            Hmac::github(secret).check(),
            Hmac::standard_webhooks(format!("{OLD}{secret}")).check(),
            BasicAuth::new("user", secret).check(),
            BasicAuth::new(secret, "password").check(),
            Bearer::new(secret).check(),
        ] {
            let error = by.unwrap_err().to_string();
            assert!(error.contains("webhook_secrets.rs:"), "{error}");
            assert!(!error.contains("s3") && !error.contains("old"), "{error}");
        }
    }
    assert_eq!(Hmac::github(b"\xd1\x02\n\x7f\n").check(), Ok(()));
}

/// A new file is moved into its place, as Kubernetes and editors do.
fn put(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

#[tokio::test]
async fn a_file_is_replaced_cut_short_and_gone_while_the_service_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    put(&path, &format!("{OLD}\n"));
    let log = common::log();
    let address = serve(Secrets::from_file(&path)).await;
    assert_eq!(deliver(address, &[OLD]).await, 200);
    assert_eq!(deliver(address, &[NEW]).await, 401);
    let looked_at_again = || tokio::time::sleep(Duration::from_millis(2100));
    put(&path, &format!("{NEW}\n{OLD}\n"));
    looked_at_again().await;
    assert_eq!(deliver(address, &[NEW]).await, 200);
    assert_eq!(deliver(address, &[OLD]).await, 200);
    assert_eq!(log.lines("INFO", "were read anew").len(), 1);
    put(&path, NEW);
    looked_at_again().await;
    assert_eq!(deliver(address, &[OLD]).await, 401);
    assert_eq!(deliver(address, &[NEW]).await, 200);
    // Half of a secret, nothing, no text, gone: what was there stays good, and the log says so.
    for (number, bad) in [
        Some(&NEW.as_bytes()[..20]),
        Some(b""),
        Some(b"\xff\xfe"),
        None,
    ]
    .into_iter()
    .enumerate()
    {
        match bad {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        looked_at_again().await;
        assert_eq!(deliver(address, &[NEW]).await, 200, "{bad:?}");
        let lines = log.lines("ERROR", "the secrets of webhooks stay as they were");
        assert_eq!(lines.len(), number + 1, "{lines:?}");
        assert!(
            lines.iter().all(|line| line.contains("secret")),
            "{lines:?}"
        );
        assert!(!lines.concat().contains(&NEW[6..20]), "{lines:?}");
    }
    put(&path, OLD);
    looked_at_again().await;
    assert_eq!(deliver(address, &[OLD]).await, 200);
    assert_eq!(deliver(address, &[NEW]).await, 401);
}
