//! The listing's page as a browser shows it: axe finds nothing wrong with it, on a phone and on a wide
//! screen, and it refreshes itself under its own policy.

use serde_json::Value;
use session_auth::methods::{ANY, GET, POST};
use session_auth::webhook::Bearer;
use session_auth::{
    Keys, Mode, Router, SessionAuthLayer, Sessions, audited_router, listing, public, session,
    webhook,
};

use super::axe::Axe;
use super::driver::Browser;
use super::listen;

#[audited_router]
fn routes() -> Router {
    let page = tower_of("style");
    Router::new()
        .mount(
            public(GET, "/login", "a login for the test")
                .issues_session()
                .to(|sessions: Sessions| async move {
                    let issued = sessions.issue("ada").scope("routes").await.unwrap();
                    (issued, axum::response::Redirect::to("/routes"))
                }),
        )
        .mount(
            webhook(POST, "/events", "edge")
                .owner("platform")
                .to(|| async {}),
        )
        .mount(session(GET, "/me").scope("member | admin").to(|| async {}))
        .mount(
            public(
                ANY,
                "/a/very/long/path/{with}/{parameters}/and/more",
                "a <b>reason</b>",
            )
            .to(page),
        )
        .merge(listing::routes("/routes"))
}

fn tower_of(says: &'static str) -> impl Fn() -> std::future::Ready<&'static str> + Clone + Send {
    move || std::future::ready(says)
}

#[tokio::test]
async fn axe_finds_nothing_wrong_with_the_listing() {
    for dark in [false, true] {
        let browser = if dark {
            Browser::start_dark().await
        } else {
            Browser::start().await
        };
        let (Some(axe), Some(browser)) = (Axe::installed(), browser) else {
            return;
        };
        looked_at(&axe, &browser, dark).await;
        browser.close().await;
    }
}

async fn looked_at(axe: &Axe, browser: &Browser, dark: bool) {
    // In mode observe something hurts.
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("edge", Bearer::new("edge-token"))
        .mode(Mode::Observe)
        .build()
        .unwrap();
    let app = auth.protect(routes()).unwrap();
    let (listener, port) = listen().await;
    tokio::spawn(app.serve(listener).into_future());
    let client = &browser.client;
    browser
        .open(&format!("http://localhost:{port}/login"))
        .await;
    for (width, query) in [
        (375, ""),
        (1440, ""),
        (375, "?only=exempt"),
        (1440, "?only=exempt"),
    ] {
        client.set_window_size(width, 900).await.unwrap();
        browser
            .open(&format!("http://localhost:{port}/routes{query}"))
            .await;
        axe.finds_nothing(browser, &format!("{width}{query}")).await;
        let button =
            "const it = document.querySelector('header button'); return it && it.textContent";
        let button = client.execute(button, vec![]).await.unwrap();
        assert_eq!(
            button,
            Value::from("Stop refreshing"),
            "the page's script runs"
        );
        let is_dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
        assert_eq!(
            client.execute(is_dark, vec![]).await.unwrap(),
            Value::from(dark)
        );
        let styled = "return getComputedStyle(document.querySelector('form')).display";
        assert_eq!(
            client.execute(styled, vec![]).await.unwrap(),
            Value::from("flex")
        );
    }
}
