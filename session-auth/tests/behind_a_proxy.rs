//! What `docs/behind-a-proxy.md` says of proxies, of several services on one host and of bodies that are
//! changed on the way.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use session_auth::methods::{GET, POST};
use session_auth::{Keys, Router, SessionAuthLayer, session, webhook};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_http::decompression::RequestDecompressionLayer;

const TEXT: &str = r#"{"ok":true}"#;
/// The same, by gzip.
const ZIPPED: [u8; 31] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 202, 207, 86, 178, 42, 41, 42, 77, 173, 5, 0, 144,
    95, 212, 167, 11, 0, 0, 0,
];

fn me() -> Router {
    Router::new().mount(session(GET, "/me").to(async || "me"))
}

#[tokio::test]
async fn cookies_may_come_in_several_headers_and_not_joined_by_a_comma() {
    let auth = common::auth();
    let address = common::serve(common::protect(&auth, me()).unwrap()).await;
    let header = common::cookie_of(&auth).await;
    let cookie = header.trim_start_matches("Cookie: ").trim_end();
    for (headers, status) in [
        (
            format!("Cookie: a=1\r\nCookie: {cookie}\r\nCookie: b=2\r\n"),
            200,
        ),
        (format!("Cookie: a=1; {cookie}; b=2\r\n"), 200),
        (format!("Cookie: a=1, {cookie}\r\n"), 401),
        (format!("Cookie: {cookie}, b=2\r\n"), 401),
    ] {
        let answer = common::request(address, "GET", "/me", &headers).await;
        assert_eq!(answer.status, status, "{headers}");
    }
}

/// Two services on ports of one host get each other's cookies.
#[tokio::test]
async fn two_services_on_one_host_need_two_names() {
    let start = async |name: &str| {
        let builder = SessionAuthLayer::builder(Keys::random().unwrap()).cookie_name(name);
        let auth = builder.build().unwrap();
        let address = common::serve(common::protect(&auth, me()).unwrap()).await;
        let header = common::cookie_of(&auth).await;
        (
            address,
            header.trim_start_matches("Cookie: ").trim_end().to_owned(),
        )
    };
    let (shop, of_shop) = start("__Host-session").await;
    let (wiki, of_wiki) = start("__Host-session").await;
    let (admin, of_admin) = start("__Host-admin").await;
    let ask = async |address: SocketAddr, cookies: &str| {
        common::request(address, "GET", "/me", &format!("Cookie: {cookies}\r\n")).await
    };
    // The browser has kept the last of one name.
    assert_eq!(ask(wiki, &of_wiki).await.status, 200);
    let answer = ask(shop, &of_wiki).await;
    assert!(answer.body.contains("bad_signature"), "{}", answer.body);
    let both = format!("{of_shop}; {of_admin}");
    assert_eq!(ask(shop, &both).await.status, 200);
    assert_eq!(ask(admin, &both).await.status, 200);
}

/// The status that a sender gets who signs what it has zipped.
async fn deliver(address: SocketAddr) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"secret").unwrap();
    mac.update(&ZIPPED);
    let tag = mac.finalize().into_bytes();
    let tag: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    let head = format!(
        "POST /hook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: gzip\r\n\
         X-Hub-Signature-256: sha256={tag}\r\nContent-Length: {}\r\n\r\n",
        ZIPPED.len()
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = [head.as_bytes(), &ZIPPED].concat();
    stream.write_all(&request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn bodies_are_inflated_behind_the_guard_and_not_in_front_of_it() {
    let start = async |inside: bool| {
        let builder = SessionAuthLayer::builder(Keys::random().unwrap())
            .verifier("github", session_auth::webhook::Hmac::github("secret"));
        let auth = builder.build().unwrap();
        let routes =
            Router::new().mount(webhook(POST, "/hook", "github").to(async |it: String| it));
        let inflate = RequestDecompressionLayer::new();
        let app = if inside {
            common::protect(&auth, routes.layer(inflate)).unwrap()
        } else {
            common::protect(&auth, routes).unwrap().layer(inflate)
        };
        common::serve(app).await
    };
    let answer = deliver(start(true).await).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(TEXT),
        "{answer}"
    );
    let answer = deliver(start(false).await).await;
    assert!(answer.contains("signature_invalid"), "{answer}");
}
