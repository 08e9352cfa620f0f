//! A service that is embedded in pages of other sites: it has a session of its own in each.

use axum::response::Html;
use session_auth::methods::{GET, POST};
use session_auth::{
    EndSession, Keys, Router, SameSite, Session, SessionAuthLayer, Sessions, audited_router,
    public, session,
};
use tokio::net::TcpListener;

use crate::driver::Browser;
use crate::tls::Tls;
use crate::{https, listen};

#[audited_router]
fn app() -> Router {
    Router::new()
        .mount(public(GET, "/", "a page to run scripts on").to(|| async { Html("<p>here</p>") }))
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move { sessions.issue("ada").await }),
        )
        .mount(
            public(POST, "/logout", "ends the session")
                .optional_session()
                .to(|session: EndSession| async move { session.await }),
        )
        .mount(
            session(GET | POST, "/me")
                .to(|session: Session| async move { session.subject().to_owned() }),
        )
}

/// A site with a page that has the service in a frame.
async fn site(frame: String) -> u16 {
    let (listener, port): (TcpListener, u16) = listen().await;
    let listener = Tls::new(listener, "evil.test");
    let page = Html(format!(r#"<iframe src="{frame}"></iframe>"#));
    let app = axum::Router::new().route("/", axum::routing::get(async move || page));
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_service_has_a_session_in_each_site() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    for (same_site, kept) in [(SameSite::None, 200), (SameSite::Lax, 401)] {
        let auth = SessionAuthLayer::builder(Keys::random().unwrap()).same_site(same_site);
        let auth = auth.build().unwrap();
        let port = https(auth.protect(app()).unwrap(), "app.test").await;
        let base = format!("https://app.test:{port}");
        let site = site(format!("{base}/")).await;
        let embedding = format!("https://evil.test:{site}/");

        // In the frame: log in, and use it.
        browser.open(&embedding).await;
        browser.client.clone().enter_frame(0).await.unwrap();
        assert_eq!(browser.fetch("POST", "/login").await, 200);
        assert_eq!(browser.fetch("GET", "/me").await, kept);
        assert_eq!(browser.fetch("POST", "/me").await, kept);
        // The page around it cannot, though the browser sends the cookie for it.
        browser.client.clone().enter_parent_frame().await.unwrap();
        assert_eq!(browser.fetch("POST", &format!("{base}/me")).await, 0);

        // Visited by itself, it knows nobody.
        browser.open(&base).await;
        assert_eq!(browser.fetch("GET", "/me").await, 401);
        assert_eq!(browser.fetch("POST", "/login").await, 200);
        assert_eq!(browser.fetch("GET", "/me").await, 200);

        // And logging out in the frame is for the frame.
        browser.open(&embedding).await;
        browser.client.clone().enter_frame(0).await.unwrap();
        assert_eq!(browser.fetch("GET", "/me").await, kept);
        assert_eq!(browser.fetch("POST", "/logout").await, 200);
        assert_eq!(browser.fetch("GET", "/me").await, 401);
        browser.open(&base).await;
        assert_eq!(browser.fetch("GET", "/me").await, 200);
    }
    browser.close().await;
}
