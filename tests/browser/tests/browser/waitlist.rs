//! The waitlist's listing on the day after the secret of its mail provider was broken: the picture in
//! the example's README. `UPDATE_EXPECT=1` writes it there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fantoccini::Locator;
use session_auth::Keys;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use waitlist::Config;

use super::axe::Axe;
use super::driver::Browser;
use super::listen;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 900;

/// The status of an answer to a delivery with these credentials.
async fn deliver(port: u16, credentials: &str, id: u32) -> String {
    let body = include_str!("../../../incident/payloads/postmark-delivery.json");
    let body = body.replace("883953f4", &format!("{id:08x}"));
    let request = format!(
        "POST /webhooks/postmark/delivery HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: Basic {credentials}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    answer(port, &request).await
}

/// The status of the answer to a request.
async fn answer(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer[9..12].to_owned()
}

/// Width and height of a PNG (RFC 2083, section 4.1.1).
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

fn config(folder: &Path, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Config {
    let database = format!("sqlite://{}", folder.join("list.sqlite").display());
    Config {
        keys: Keys::random().unwrap(),
        postmark_password: "new".into(),
        freescout_secret: "a-secret".into(),
        waf_token: "a-token".into(),
        monitor_token: "another-token".into(),
        api_key_prefix: "waitlist_test".into(),
        operator_password: Some("correct horse".into()),
        database: database.parse().unwrap(),
        listen: ([127, 0, 0, 1], 0).into(),
        timeout: Duration::from_secs(10),
        clock: Arc::new(clock),
    }
}

/// It is on the page that is open.
async fn has(browser: &Browser, what: Locator<'_>) {
    browser.client.find(what).await.expect("it is on the page");
}

/// At the login page, to which the list of devices leads.
async fn sign_in(browser: &Browser, page: &str) {
    let client = &browser.client;
    client.goto(&format!("{page}/devices")).await.unwrap();
    let password = client.find(Locator::Css("input[type=password]")).await;
    password.unwrap().send_keys("correct horse").await.unwrap();
    browser.click(Locator::Css("button")).await;
    has(browser, Locator::XPath("//h1[text()='Your devices']")).await;
}

/// The operator's pages: the login, the devices, and API keys before, as and after one is issued.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_wrong_with_the_operators_pages() {
    let (Some(axe), Some(browser)) = (Axe::installed(), Browser::start().await) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let app = waitlist::app(config(folder.path(), SystemTime::now))
        .await
        .unwrap();
    let (listener, port) = listen().await;
    tokio::spawn(app.serve(listener).into_future());
    let page = format!("http://localhost:{port}");
    let looked_at = async |what: &str| {
        for width in [375, 1440] {
            browser.client.set_window_size(width, 900).await.unwrap();
            axe.finds_nothing(&browser, &format!("{what}, {width}"))
                .await;
        }
    };
    browser.open(&format!("{page}/devices")).await;
    looked_at("the login").await;
    sign_in(&browser, &page).await;
    looked_at("the devices").await;
    browser.open(&format!("{page}/keys")).await;
    looked_at("no key").await;
    let label = browser.client.find(Locator::Css("input[name=label]")).await;
    label.unwrap().send_keys("nightly export").await.unwrap();
    browser
        .click(Locator::XPath("//form[@action='/keys']//button"))
        .await;
    has(&browser, Locator::Css("input[readonly]")).await;
    looked_at("a key that was issued").await;
    browser.open(&format!("{page}/keys")).await;
    browser
        .click(Locator::XPath(
            "//form[contains(@action, '/rotate')]//button",
        ))
        .await;
    has(&browser, Locator::Css("input[readonly]")).await;
    looked_at("a key that was rotated").await;
    browser.open(&format!("{page}/keys")).await;
    browser
        .click(Locator::XPath(
            "//form[contains(@action, '/revoke')]//button",
        ))
        .await;
    has(&browser, Locator::XPath("//h1[text()='API keys']")).await;
    looked_at("a key that was revoked").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_picture_of_the_readme_is_of_the_page() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let seconds = Arc::new(AtomicU64::new(1_790_000_000));
    let of = Arc::clone(&seconds);
    let clock = move || UNIX_EPOCH + Duration::from_secs(of.load(Ordering::SeqCst));
    let app = waitlist::app(config(folder.path(), clock)).await.unwrap();
    let (listener, port) = listen().await;
    tokio::spawn(app.serve(listener).into_future());

    // `postmark:new`, and hours later `postmark:old`, again and again.
    for id in 0..60 {
        let (credentials, status) = if id < 48 {
            ("cG9zdG1hcms6bmV3", "200")
        } else {
            ("cG9zdG1hcms6b2xk", "401")
        };
        assert_eq!(deliver(port, credentials, id).await, status);
        // Whoever looks places the counts in their hour.
        let monitor = "GET /internal/routes.json HTTP/1.1\r\nHost: localhost\r\n\
                       Connection: close\r\nAuthorization: Bearer another-token\r\n\r\n";
        assert_eq!(answer(port, monitor).await, "200");
        seconds.fetch_add(if id < 48 { 900 } else { 300 }, Ordering::SeqCst);
    }
    let client = &browser.client;
    client.set_window_size(WIDTH, HEIGHT).await.unwrap();
    let page = format!("http://localhost:{port}");
    sign_in(&browser, &page).await;
    let text = browser.open(&format!("{page}/internal/routes")).await;
    for part in [
        "What hurts",
        "POST /webhooks/postmark/delivery",
        "12 denied: signature_invalid",
        "its sender tries again for 21m",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let png = client.screenshot().await.unwrap();
    let (width, height) = size(&png);
    assert!(width > 1000 && height > 600, "{width} x {height}");
    // One colour packs into next to nothing.
    assert!(png.len() > 30_000, "{} bytes", png.len());

    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/waitlist/listing.png");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&picture, &png).unwrap();
    }
    assert_eq!(size(&std::fs::read(&picture).unwrap()), (width, height));
    browser.close().await;
}
