//! The listing's page as a browser shows it: axe finds nothing wrong with it, on a phone and on a wide
//! screen, and it refreshes itself under its own policy.

use serde_json::{Value, json};
use session_auth::methods::{ANY, GET, POST};
use session_auth::webhook::Bearer;
use session_auth::{
    Keys, Mode, Router, SessionAuthLayer, Sessions, audited_router, listing, public, session,
    webhook,
};

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

/// `None` where it was not installed; under `CI=true` that is a failure.
fn axe() -> Option<String> {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../axe/node_modules/axe-core/axe.min.js"
    );
    let found = std::fs::read_to_string(file).ok();
    if found.is_none() {
        let message = "axe is not installed: `npm ci --ignore-scripts --prefix tests/axe`";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("SKIPPED: {message}");
    }
    found
}

#[tokio::test]
async fn axe_finds_nothing_wrong_with_the_listing() {
    for dark in [false, true] {
        let browser = if dark {
            Browser::start_dark().await
        } else {
            Browser::start().await
        };
        let (Some(axe), Some(browser)) = (axe(), browser) else {
            return;
        };
        looked_at(&axe, &browser, dark).await;
        browser.close().await;
    }
}

async fn looked_at(axe: &str, browser: &Browser, dark: bool) {
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
        client.execute(axe, vec![]).await.unwrap();
        let run = "const done = arguments[arguments.length - 1]; \
                   axe.run().then(found => done([found.passes.length, found.violations.map(it => \
                     [it.id, it.help, it.nodes.map(node => node.html + ' ' + node.failureSummary)])]));";
        let found = client.execute_async(run, vec![]).await.unwrap();
        assert!(
            found[0].as_u64().unwrap() > 10,
            "axe looked at nothing: {found}"
        );
        assert_eq!(found[1], json!([]), "{width}{query}: {found:#}");
        let wide = client
            .execute(
                "return document.documentElement.scrollWidth - window.innerWidth",
                vec![],
            )
            .await
            .unwrap();
        assert!(
            wide.as_i64().unwrap() <= 0,
            "{width}{query}: {wide} too wide"
        );
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
