//! A slow answer arrives after its browser has logged out, in, or got a new id: who is logged in then?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::extract::Path;
use session_auth::methods::{GET, POST};
use session_auth::store::MemoryStore;
use session_auth::{
    EndSession, Keys, Router, Session, SessionAuthLayer, Sessions, audited_router, public, session,
};
use tokio::sync::Semaphore;

use crate::driver::Browser;
use crate::http;

/// When a slow handler runs and when it may answer.
#[derive(Clone)]
struct Gate {
    reached: Arc<AtomicU64>,
    open: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            reached: Arc::default(),
            open: Arc::new(Semaphore::new(0)),
        }
    }
}

#[audited_router(plain = app(Gate::default()))]
fn app(gate: Gate) -> Router {
    Router::new()
        .mount(public(GET, "/", "a page to run scripts on").to(|| async { "here" }))
        .mount(
            public(POST, "/login/{who}", "creates the session")
                .issues_session()
                .to(|sessions: Sessions, Path(who): Path<String>| async move {
                    sessions.issue(who).await
                }),
        )
        .mount(
            public(POST, "/logout", "ends the session")
                .optional_session()
                .to(|session: EndSession| async move { session.await }),
        )
        .mount(
            session(POST, "/sudo").to(|sessions: Sessions, session: Session| async move {
                sessions.renew(&session).scope("root").await
            }),
        )
        .mount(session(GET, "/slow").to(move || async move {
            gate.reached.fetch_add(1, Ordering::SeqCst);
            gate.open.acquire().await.unwrap().forget();
            "slow"
        }))
        .mount(session(GET, "/me").to(|session: Session| async move {
            format!("{} {}", session.subject(), session.has_scope("root"))
        }))
}

/// Of `(method, path)`, one after the other; gives the text of the last, or its status.
async fn run(browser: &Browser, requests: &[(&str, &str)]) -> String {
    let script = "const [requests, done] = arguments; (async () => { let last; \
                  for (const [method, path] of requests) last = await fetch(path, {method}); \
                  done(last.ok ? await last.text() : String(last.status)); })()";
    let answer = browser
        .client
        .execute_async(script, vec![serde_json::json!(requests)]);
    answer.await.unwrap().as_str().unwrap().to_owned()
}

async fn execute(browser: &Browser, script: &str) {
    browser.client.execute(script, vec![]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_answer_changes_nobody_and_nothing() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    for with_store in [false, true] {
        for (meanwhile, then) in [
            (&[][..], "ada false"),
            (&[("POST", "/logout")], "401"),
            (
                &[("POST", "/logout"), ("POST", "/login/grace")],
                "grace false",
            ),
            // Without logging out.
            (&[("POST", "/login/grace")], "grace false"),
            (&[("POST", "/sudo")], "ada true"),
        ] {
            let now = Arc::new(AtomicU64::new(1_700_000_000));
            let clock = {
                let now = Arc::clone(&now);
                move || UNIX_EPOCH + Duration::from_secs(now.load(Ordering::SeqCst))
            };
            let layer = SessionAuthLayer::builder(Keys::random().unwrap()).clock(clock);
            let layer = match with_store {
                true => layer.store(MemoryStore::new()),
                false => layer,
            };
            let auth = layer.build().unwrap();
            let gate = Gate::default();
            let port = http(auth.protect(app(gate.clone())).unwrap()).await;
            browser.open(&format!("http://localhost:{port}/")).await;
            assert_eq!(
                run(&browser, &[("POST", "/login/ada"), ("GET", "/me")]).await,
                "ada false"
            );

            // A renewal is due.
            now.fetch_add(20 * 3_600, Ordering::SeqCst);
            execute(&browser, "window.slow = fetch('/slow'); return null").await;
            while gate.reached.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            if !meanwhile.is_empty() {
                run(&browser, meanwhile).await;
            }
            gate.open.add_permits(1);
            let slow = "const [done] = arguments; window.slow.then(r => r.text()).then(done)";
            let slow = browser.client.execute_async(slow, vec![]).await.unwrap();
            assert_eq!(slow, "slow", "it was let in, and it is answered");
            let who = run(&browser, &[("GET", "/me")]).await;
            assert_eq!(who, then, "after {meanwhile:?}, with a store: {with_store}");
        }
    }
    browser.close().await;
}
