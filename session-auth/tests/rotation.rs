//! Keys are replaced while requests come in, and nobody is logged out.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use session_auth::methods::{GET, POST};
use session_auth::{Keys, Router, Session, SessionAuthLayer, Sessions, public, session};

const FIRST: [u8; 32] = [1; 32];
const SECOND: [u8; 32] = [2; 32];
const THIRD: [u8; 32] = [3; 32];

async fn serve(keys: Keys) -> SocketAddr {
    let routes = Router::new()
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move { sessions.issue("ada").await }),
        )
        .mount(
            session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() }),
        );
    let auth = SessionAuthLayer::builder(keys).build().unwrap();
    common::serve(common::protect(&auth, routes).unwrap()).await
}

/// A browser: keeps the cookie that it was given last.
struct Browser {
    address: SocketAddr,
    cookie: String,
}

impl Browser {
    async fn login(address: SocketAddr) -> Self {
        let answer = common::post(address, "/login", "", "").await;
        let cookie = common::cookie(&answer);
        Self { address, cookie }
    }

    async fn visit(&mut self) -> common::Answer {
        let headers = format!("Cookie: {}\r\n", self.cookie);
        let answer = common::request(self.address, "GET", "/me", &headers).await;
        if answer.header("set-cookie").next().is_some() {
            self.cookie = common::cookie(&answer);
        }
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rotations_under_load_log_nobody_out() {
    let keys = Keys::new([FIRST]).unwrap();
    let address = serve(keys.clone()).await;
    let stop = Arc::new(AtomicBool::new(false));
    let visits: Arc<[AtomicU64]> = (0..4).map(|_| AtomicU64::new(0)).collect();
    let mut workers = Vec::new();
    for worker in 0..visits.len() {
        let mut browser = Browser::login(address).await;
        let (stop, visits) = (Arc::clone(&stop), Arc::clone(&visits));
        workers.push(tokio::spawn(async move {
            let end = Instant::now() + Duration::from_secs(20);
            let mut cookies = 0;
            while !stop.load(Ordering::SeqCst) && Instant::now() < end {
                let answer = browser.visit().await;
                assert_eq!(answer.status, 200, "{}", answer.body);
                cookies += answer.header("set-cookie").count();
                visits[worker].fetch_add(1, Ordering::SeqCst);
                // Each now and then a new login: of sessions from every time.
                if visits[worker].load(Ordering::SeqCst) % 64 == 0 {
                    browser = Browser::login(address).await;
                }
            }
            cookies
        }));
    }
    let everyone_visits = async || {
        let so_far: Vec<_> = visits.iter().map(|v| v.load(Ordering::SeqCst)).collect();
        let end = Instant::now() + Duration::from_secs(20);
        for (visits, before) in visits.iter().zip(so_far) {
            // Twice: the first may have been under way.
            while visits.load(Ordering::SeqCst) < before + 2 {
                assert!(Instant::now() < end, "a worker has stopped");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let mut stale = Browser::login(address).await;
    let mut before = Browser::login(address).await;

    everyone_visits().await;
    keys.rotate(&Keys::new([SECOND, FIRST]).unwrap());
    everyone_visits().await;
    assert_eq!(
        before.visit().await.header("set-cookie").count(),
        1,
        "it is signed anew"
    );
    assert_eq!(before.visit().await.header("set-cookie").count(), 0, "once");
    let mut between = Browser::login(address).await;
    assert!(keys.uses()[1].verified > 0, "{:?}", keys.uses());

    keys.rotate(&Keys::new([THIRD, SECOND]).unwrap());
    everyone_visits().await;
    let mut after = Browser::login(address).await;
    for browser in [&mut before, &mut between, &mut after] {
        assert_eq!(browser.visit().await.status, 200);
    }
    // The one that nobody used while its key was in the ring.
    let answer = stale.visit().await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("bad_signature"), "{}", answer.body);
    assert_eq!(answer.header("set-cookie").count(), 0);

    stop.store(true, Ordering::SeqCst);
    for worker in workers {
        let cookies = worker.await.expect("no live session was refused");
        assert!(cookies >= 1, "no cookie was signed anew");
    }
    // What is left to see: the old key's uses stand still, so it may go.
    let uses = keys.uses();
    assert!(
        uses[0].signs && uses[0].signed > 0 && uses[0].verified > 0,
        "{uses:?}"
    );
    after.visit().await;
    assert_eq!(keys.uses()[1], uses[1]);
}

#[tokio::test]
async fn a_restart_with_a_new_key_in_front_logs_nobody_out() {
    const OLD: &str = "CSGJG+ULFgkLaz8zwe7/DjYJnsrtYD1VMgusZ9Oix7M=";
    const NEW: &str = "oC1P7scOnYHntzXwU1I1LvpNFbsDqZNyuRl5D8ZMFgg=";
    let first = serve(Keys::parse(OLD).unwrap()).await;
    let mut browser = Browser::login(first).await;
    let mut stale = Browser::login(first).await;

    browser.address = serve(Keys::parse(&format!("{NEW},{OLD}")).unwrap()).await;
    let answer = browser.visit().await;
    assert_eq!(
        (answer.status, answer.header("set-cookie").count()),
        (200, 1)
    );

    let third = serve(Keys::parse(NEW).unwrap()).await;
    browser.address = third;
    assert_eq!(browser.visit().await.status, 200);
    stale.address = third;
    assert_eq!(stale.visit().await.status, 401);
}
