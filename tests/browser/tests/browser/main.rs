//! What a real browser does with the session cookie: which pages can use it, and over which
//! connections it is kept.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod axe;
mod driver;
mod embedded;
mod late;
mod listing;
mod tls;
mod waitlist;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::{HeaderValue, Method};
use axum::response::{Html, Redirect};
use session_auth::methods::{GET, POST, PUT};
use session_auth::{
    Keys, Protected, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, Sessions,
    audited_router, public, session,
};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

use self::driver::Browser;
use self::tls::Tls;

/// A page with one button that sends a form there.
fn form(action: &str) -> Html<String> {
    Html(format!(
        r#"<form method="post" action="{action}"><button>go</button></form>"#
    ))
}

/// A bank: what it is about is who can make it move money.
#[audited_router(bank = bank(Arc::default()))]
fn bank(moved: Arc<AtomicU64>) -> Router {
    Router::new()
        .mount(public(GET, "/login", "the form").to(|| async { form("/login") }))
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move {
                    let session = sessions.issue("ada").await.unwrap();
                    (session, Redirect::to("/me"))
                }),
        )
        .mount(
            session(GET, "/me")
                .to(|session: Session| async move { format!("hello {}", session.subject()) }),
        )
        .mount(session(GET, "/socket").to(
            |session: Session, upgrade: WebSocketUpgrade| async move {
                let balance = format!("{} has 7", session.subject());
                upgrade.on_upgrade(async |mut socket| {
                    let _ = socket.send(Message::text(balance)).await;
                })
            },
        ))
        .mount(session(GET, "/form").to(|| async { form("/transfer") }))
        .mount(session(POST | PUT, "/transfer").to(move || async move {
            moved.fetch_add(1, Ordering::SeqCst);
            "moved"
        }))
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap()).login_path("/login")
}

fn app(moved: &Arc<AtomicU64>, builder: SessionAuthLayerBuilder) -> Protected {
    let auth = builder.build().unwrap();
    auth.protect(bank(Arc::clone(moved))).unwrap()
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Serves over http, and says on which port.
async fn http(app: Protected) -> u16 {
    let (listener, port) = listen().await;
    tokio::spawn(async move { app.serve(listener).await });
    port
}

async fn https(app: Protected, host: &str) -> u16 {
    let (listener, port) = listen().await;
    let listener = Tls::new(listener, host);
    tokio::spawn(async move { app.serve(listener).await });
    port
}

/// A site with one page: a button that moves money at the bank.
async fn other_site(action: String) -> u16 {
    let (listener, port) = listen().await;
    let app = axum::Router::new().route("/", axum::routing::get(async move || form(&action)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_cannot_use_the_session_and_one_of_the_same_can() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let moved = Arc::new(AtomicU64::new(0));
    let port = http(app(&moved, builder())).await;
    let bank = format!("http://localhost:{port}");
    let transfer = format!("{bank}/transfer");
    // The same site to the browser, so that it sends the cookie along: another port, as another
    // service of the company would have.
    let sibling = other_site(transfer.clone()).await;
    // Another site.
    let evil = other_site(transfer).await;

    assert_eq!(browser.press(&format!("{bank}/login")).await, "hello ada");

    let answer = browser.press(&format!("http://localhost:{sibling}/")).await;
    assert!(answer.contains(r#""reason":"cross_origin""#), "{answer}");
    browser.press(&format!("http://evil.test:{evil}/")).await;
    assert_eq!(
        browser.url().await,
        format!("{bank}/login"),
        "there is no session from there"
    );
    assert_eq!(moved.load(Ordering::SeqCst), 0);

    assert_eq!(browser.press(&format!("{bank}/form")).await, "moved");
    assert_eq!(browser.open(&format!("{bank}/me")).await, "hello ada");
    assert_eq!(browser.fetch("POST", "/transfer").await, 200);
    assert_eq!(moved.load(Ordering::SeqCst), 2);
    browser.close().await;
}

/// No CORS rule holds a WebSocket back, and the cookie goes with it to every port of the host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_of_another_origin_does_not_get_the_session() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let moved = Arc::default();
    let sibling = other_site(String::new()).await;
    let origin = format!("http://localhost:{sibling}");
    for (builder, from_there) in [
        (builder(), "refused"),
        // However the configuration writes it.
        (builder().trusted_origin(origin.to_uppercase()), "ada has 7"),
    ] {
        let port = http(app(&moved, builder)).await;
        let socket = format!("ws://localhost:{port}/socket");
        let login = format!("http://localhost:{port}/login");
        assert_eq!(browser.press(&login).await, "hello ada");
        assert_eq!(browser.hear(&socket).await, "ada has 7");
        browser.open(&origin).await;
        assert_eq!(browser.hear(&socket).await, from_there);
    }
    browser.close().await;
}

/// Otherwise a page elsewhere logs its visitors in to an account that it can read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_on_another_origin_logs_nobody_in() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let port = http(app(&Arc::default(), builder())).await;
    let bank = format!("http://localhost:{port}");
    let sibling = other_site(format!("{bank}/login")).await;
    for site in ["localhost", "evil.test"] {
        let answer = browser.press(&format!("http://{site}:{sibling}/")).await;
        assert!(answer.contains(r#""reason":"cross_origin""#), "{answer}");
    }
    browser.open(&format!("{bank}/me")).await;
    assert_eq!(browser.url().await, format!("{bank}/login?next=/me"));
    assert_eq!(browser.press(&format!("{bank}/login")).await, "hello ada");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_is_kept_over_https_or_on_localhost_only() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let moved = Arc::default();
    let plain = http(app(&moved, builder())).await;
    let secure = https(app(&moved, builder()), "app.test").await;
    let insecure = http(app(&moved, builder().insecure_http(true))).await;

    for (base, kept) in [
        (format!("https://app.test:{secure}"), true),
        (format!("http://localhost:{plain}"), true),
        (format!("http://app.test:{plain}"), false),
        (format!("http://app.test:{insecure}"), true),
    ] {
        browser.client.delete_all_cookies().await.unwrap();
        browser.press(&format!("{base}/login")).await;
        let url = browser.url().await;
        if kept {
            assert_eq!(url, format!("{base}/me"), "the cookie is kept");
            assert_eq!(browser.text().await, "hello ada");
        } else {
            assert_eq!(
                url,
                format!("{base}/login?next=/me"),
                "the cookie is refused"
            );
        }
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_sent_to_log_in_and_a_script_is_told() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let port = http(app(&Arc::default(), builder())).await;
    let base = format!("http://localhost:{port}");
    browser.open(&format!("{base}/me?tab=1")).await;
    assert_eq!(
        browser.url().await,
        format!("{base}/login?next=/me%3Ftab%3D1")
    );
    // From that page, by script: no redirect to a form that it would take for data.
    assert_eq!(browser.fetch("GET", "/me").await, 401);
    assert_eq!(browser.fetch("POST", "/transfer").await, 401);
    browser.close().await;
}

/// A script's `PUT` to another origin asks first, by a preflight without the cookie. The layer that
/// answers it stands inside of the guards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preflight_is_answered_inside_and_opens_nothing_by_itself() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let moved = Arc::new(AtomicU64::new(0));
    let sibling = other_site(String::new()).await;
    let origin = format!("http://localhost:{sibling}");
    let cors = CorsLayer::new()
        .allow_origin(origin.parse::<HeaderValue>().unwrap())
        .allow_methods([Method::PUT])
        .allow_credentials(true);
    for (builder, status, transfers) in [
        // The answer to the request itself is a 403, which the page may not even see.
        (builder(), 0, 0),
        (builder().trusted_origin(&*origin), 200, 1),
    ] {
        let auth = builder.build().unwrap();
        let bank = bank(Arc::clone(&moved)).layer(cors.clone());
        let port = http(auth.protect(bank).unwrap()).await;
        let bank = format!("http://localhost:{port}");
        assert_eq!(browser.press(&format!("{bank}/login")).await, "hello ada");
        browser.open(&origin).await;
        let transfer = format!("{bank}/transfer");
        assert_eq!(browser.fetch("PUT", &transfer).await, status);
        // To a method that the layer does not allow.
        assert_eq!(browser.fetch("DELETE", &transfer).await, 0);
        assert_eq!(moved.load(Ordering::SeqCst), transfers);
    }
    browser.close().await;
}
