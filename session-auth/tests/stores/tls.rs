//! Stores that are reached over TLS, and by nobody who does not know their authority.

use std::fs;
use std::sync::Arc;

use redis::{Client, TlsCertificates};
use session_auth::store::{PostgresStore, RedisStore, StoreError, conformance};
use test_servers::{Postgres, Redis};

/// A certificate for this machine, and its key.
struct Authority {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]);
        let signed = signed.expect("a certificate");
        Self {
            certificate: signed.cert.pem(),
            key: signed.signing_key.serialize_pem(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_over_tls() {
    crate::choose_cryptography();
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let (ours, other) = (Authority::new(), Authority::new());
    server.require_tls(&ours.certificate, &ours.key);
    let folder = tempfile::tempdir().expect("a folder");
    let connect = async |authority: &Authority, mode: &str| {
        let file = folder.path().join("root.pem");
        fs::write(&file, &authority.certificate).expect("the folder is there");
        let url = format!(
            "{}?sslmode={mode}&sslrootcert={}",
            server.url(),
            file.display()
        );
        PostgresStore::connect(&url).await
    };
    let store = connect(&ours, "verify-full").await.expect("connect");
    store.migrate().await.expect("migrate");
    let other_pool = connect(&ours, "verify-full").await.expect("connect");
    conformance::check(&[Arc::new(store), Arc::new(other_pool)]).await;

    refused(connect(&other, "verify-full").await, "certificate");
    refused(connect(&ours, "disable").await, "no encryption");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_over_tls() {
    crate::choose_cryptography();
    let (ours, other) = (Authority::new(), Authority::new());
    let Some(server) = Redis::start_with_tls(&ours.certificate, &ours.key) else {
        return;
    };
    let connect = async |authority: &Authority| {
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert: Some(authority.certificate.clone().into_bytes()),
        };
        let client = Client::build_with_tls(server.url(), certificates).expect("a client");
        RedisStore::connect_with(client).await
    };
    let stores = [connect(&ours).await, connect(&ours).await];
    conformance::check(&stores.map(|store| Arc::new(store.expect("connect")))).await;

    refused(connect(&other).await, "certificate");
    // By what the machine trusts, which is not this one.
    refused(RedisStore::connect(&server.url()).await, "certificate");
    let clear = server.url().replace("rediss://", "redis://");
    refused(RedisStore::connect(&clear).await, "");
}

fn refused<S>(connected: Result<S, StoreError>, why: &str) {
    let error = connected.err().expect("it is refused");
    assert!(error.is_unavailable(), "{error}");
    let text = error.to_string();
    assert!(text.to_lowercase().contains(why), "{text}");
}
