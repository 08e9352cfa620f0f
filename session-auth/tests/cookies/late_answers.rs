//! An answer that comes late: its request was let in while a renewal was due, and before it goes out
//! the browser has logged out, in, or got a new id. Its cookie must not come after theirs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::Path;
use session_auth::methods::{GET, POST};
use session_auth::store::MemoryStore;
use session_auth::{
    EndSession, Keys, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, Sessions,
    SessionsError, public, session,
};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::common::watched::Watched;
use crate::common::{self, Answer};
use crate::{DAY, FakeClock, HOUR, builder, get, serve};

/// When slow handlers begin and when they may answer.
#[derive(Clone)]
struct Gate {
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self {
            reached: closed(),
            open: closed(),
        }
    }

    async fn pass(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }
}

fn routes(gate: &Gate) -> Router {
    let (slow, sudo, maybe) = (gate.clone(), gate.clone(), gate.clone());
    Router::new()
        .mount(
            public(POST, "/login/{who}", "creates the session")
                .issues_session()
                .to(|sessions: Sessions, Path(who): Path<String>| async move {
                    sessions.issue(who).await
                }),
        )
        .mount(
            session(POST, "/switch")
                .to(|sessions: Sessions| async move { sessions.issue("grace").await }),
        )
        .mount(
            public(POST, "/logout", "ends the session")
                .optional_session()
                .to(|session: EndSession| async move { session.await }),
        )
        .mount(session(POST, "/clear").to(|sessions: Sessions| async move { sessions.clear() }))
        .mount(
            session(POST, "/revoke").to(|sessions: Sessions, session: Session| async move {
                sessions.revoke(&session).await
            }),
        )
        .mount(
            session(POST, "/revoke-all").to(|sessions: Sessions, session: Session| async move {
                sessions.revoke_all(session.subject()).await?;
                Ok::<_, SessionsError>(())
            }),
        )
        .mount(
            session(POST, "/sudo").to(|sessions: Sessions, session: Session| async move {
                sessions.renew(&session).scope("root").await
            }),
        )
        .mount(session(POST, "/slow-sudo").to(
            move |sessions: Sessions, session: Session| async move {
                let renewed = sessions.renew(&session).await;
                sudo.pass().await;
                renewed
            },
        ))
        .mount(session(GET, "/slow").to(move || async move {
            slow.pass().await;
            "slow"
        }))
        .mount(public(GET, "/slow-maybe", "greets").optional_session().to(
            move |session: Option<Session>| async move {
                maybe.pass().await;
                session.is_some().to_string()
            },
        ))
        .mount(
            session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() }),
        )
}

/// A service and a browser's session in it that is to slide.
struct World {
    gate: Gate,
    clock: FakeClock,
    address: SocketAddr,
    cookie: String,
}

impl World {
    async fn new(extend: impl FnOnce(SessionAuthLayerBuilder) -> SessionAuthLayerBuilder) -> Self {
        let clock = FakeClock::new();
        let gate = Gate::new();
        let layer = extend(builder().clock(clock.clock()));
        let address = serve(layer, routes(&gate)).await;
        let cookie = common::cookie(&common::post(address, "/login/ada", "", "").await);
        clock.advance(DAY - HOUR);
        Self {
            gate,
            clock,
            address,
            cookie,
        }
    }

    /// Gets the session of another one's browser.
    fn take(&mut self, other: &Self) {
        let (name, _) = self.cookie.split_once('=').unwrap();
        let (_, session) = other.cookie.split_once('=').unwrap();
        self.cookie = format!("{name}={session}");
    }

    /// As a browser, which keeps the cookie that came last.
    fn keep(&mut self, answer: &Answer) {
        if sets_a_cookie(answer) {
            self.cookie = common::cookie(answer);
        }
    }

    async fn post(&self, path: &str) -> Answer {
        let headers = format!("Cookie: {}\r\n", self.cookie);
        let answer = common::post(self.address, path, &headers, "").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer
    }

    /// Sends a slow request, and comes back when its handler runs.
    async fn send(&self, method: &'static str, path: &'static str) -> JoinHandle<Answer> {
        let (address, cookie) = (self.address, format!("Cookie: {}\r\n", self.cookie));
        let answer =
            tokio::spawn(async move { common::request(address, method, path, &cookie).await });
        self.gate.reached.acquire().await.unwrap().forget();
        answer
    }

    async fn answer(&self, slow: JoinHandle<Answer>) -> Answer {
        self.gate.open.add_permits(1);
        slow.await.unwrap()
    }
}

/// A layer that takes the same sessions, and knows nothing of what those of this process have ended: that goes by
/// the name of the cookie.
fn of_another_process(layer: SessionAuthLayerBuilder) -> SessionAuthLayerBuilder {
    layer
        .cookie_name("__Host-elsewhere")
        .audience("__Host-session")
}

#[track_caller]
fn sets_a_cookie(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("set-cookie").count() == 1
}

#[tokio::test]
async fn a_late_answer_sets_no_cookie_of_a_session_that_is_over_in_its_browser() {
    let stateless = [
        "/logout",
        "/clear",
        "/login/ada",
        "/login/grace",
        "/switch",
        "/sudo",
    ];
    let with_a_store = ["/revoke", "/revoke-all"];
    for slow_path in ["/slow", "/slow-maybe"] {
        for with_store in [false, true] {
            let world = async || {
                World::new(|layer| match with_store {
                    true => layer.store(MemoryStore::new()),
                    false => layer,
                })
                .await
            };
            // Where nothing happens meanwhile, it slides, however late it is.
            let calm = world().await;
            let slow = calm.send("GET", slow_path).await;
            assert!(sets_a_cookie(&calm.answer(slow).await));

            let also = with_a_store.iter().filter(|_| with_store);
            for path in stateless.iter().chain(also) {
                let world = world().await;
                let slow = world.send("GET", slow_path).await;
                world.post(path).await;
                let late = world.answer(slow).await;
                assert!(
                    !sets_a_cookie(&late),
                    "{slow_path} after {path}, with a store: {with_store}: {late:?}"
                );
            }
        }
    }
}

/// Two processes with one store: what either ends counts in the other.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn with_a_store_it_counts_what_another_process_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("app.db").display());
    for path in ["/logout", "/revoke", "/revoke-all", "/sudo"] {
        let connect = async || {
            let store = session_auth::store::SqliteStore::connect(&url)
                .await
                .unwrap();
            store.migrate().await.unwrap();
            store
        };
        let store = connect().await;
        let here = World::new(|layer| layer.store(store)).await;
        let store = connect().await;
        let mut there = World::new(|layer| of_another_process(layer).store(store)).await;
        there.take(&here);
        let slow = here.send("GET", "/slow").await;
        there.post(path).await;
        let late = here.answer(slow).await;
        assert!(!sets_a_cookie(&late), "after {path}: {late:?}");
    }
}

/// While the store is down nobody can say whether the session still is one. The answer goes out, and the
/// browser keeps what it has.
#[cfg(feature = "redis")]
#[tokio::test]
async fn with_a_store_that_is_down_no_cookie_is_written() {
    let Some(mut redis) = test_servers::Redis::start() else {
        return;
    };
    let store = session_auth::store::RedisStore::connect(&redis.url())
        .await
        .unwrap();
    let world = World::new(|layer| layer.store(store)).await;
    let slow = world.send("GET", "/slow").await;
    redis.kill();
    assert!(!sets_a_cookie(&world.answer(slow).await));
}

/// Logging out while a second factor is checked: its answer brings no session back.
#[tokio::test]
async fn a_late_renewal_does_not_undo_a_logout() {
    for with_store in [false, true] {
        let world = World::new(|layer| match with_store {
            true => layer.store(MemoryStore::new()),
            false => layer,
        })
        .await;
        let slow = world.send("POST", "/slow-sudo").await;
        world.post("/logout").await;
        assert!(!sets_a_cookie(&world.answer(slow).await), "{with_store}");
    }
}

#[tokio::test]
async fn a_request_that_is_not_late_slides_as_before() {
    let world = World::new(|layer| layer.store(MemoryStore::new())).await;
    let answer = get(world.address, "/me", &world.cookie).await;
    assert!(sets_a_cookie(&answer));
    let renewed = common::cookie(&answer);
    assert_eq!(get(world.address, "/me", &renewed).await.body, "ada");
    assert!(!sets_a_cookie(&get(world.address, "/me", &renewed).await));
}

/// A quick answer to a later request comes first. What the slow one brings does not end the session sooner.
#[tokio::test]
async fn a_late_answer_does_not_shorten_the_session() {
    for with_store in [false, true] {
        let mut world = World::new(|layer| match with_store {
            true => layer.store(MemoryStore::new()),
            false => layer,
        })
        .await;
        let slow = world.send("GET", "/slow").await;
        // For longer than the session would last by the slow request alone.
        for _ in 0..4 {
            let quick = get(world.address, "/me", &world.cookie).await;
            world.keep(&quick);
            world.clock.advance(DAY / 2);
        }
        let late = world.answer(slow).await;
        world.keep(&late);
        world.clock.advance(DAY / 2);
        let answer = get(world.address, "/me", &world.cookie).await;
        assert_eq!(answer.status, 200, "with a store: {with_store}: {answer:?}");
    }
}

#[tokio::test]
async fn a_late_answer_brings_no_cookie_of_a_key_that_is_gone() {
    let keys = Keys::new([[7; 32]]).unwrap();
    let clock = FakeClock::new();
    let gate = Gate::new();
    let layer = SessionAuthLayer::builder(keys.clone()).clock(clock.clock());
    let address = serve(layer, routes(&gate)).await;
    let cookie = common::cookie(&common::post(address, "/login/ada", "", "").await);
    clock.advance(DAY - HOUR);
    let mut world = World {
        gate,
        clock,
        address,
        cookie,
    };
    let slow = world.send("GET", "/slow").await;
    keys.rotate(&Keys::new([[8; 32], [7; 32]]).unwrap());
    let quick = get(address, "/me", &world.cookie).await;
    world.keep(&quick);
    keys.rotate(&Keys::new([[8; 32]]).unwrap());
    let late = world.answer(slow).await;
    world.keep(&late);
    assert_eq!(get(address, "/me", &world.cookie).await.status, 200);
}

/// A cache may say for a while that a session is live which another process has ended. For a cookie the store
/// itself is asked.
#[cfg(feature = "cache")]
#[tokio::test]
async fn behind_a_cache_it_counts_what_another_process_has_ended() {
    use std::time::Duration;

    use session_auth::store::CachedStore;

    for path in ["/logout", "/sudo"] {
        let store = Arc::new(MemoryStore::new());
        let cached = || CachedStore::new(Arc::clone(&store), Duration::from_secs(5));
        let here = World::new(|layer| layer.store(cached())).await;
        let mut there = World::new(|layer| of_another_process(layer).store(cached())).await;
        there.take(&here);
        let slow = here.send("GET", "/slow").await;
        // Another request fills the cache.
        assert_eq!(get(here.address, "/me", &here.cookie).await.status, 200);
        there.post(path).await;
        assert!(!sets_a_cookie(&here.answer(slow).await), "after {path}");
        // Nor does a request that comes later, while the cache says so.
        let later = get(here.address, "/me", &here.cookie).await;
        assert!(!sets_a_cookie(&later), "after {path}");
    }
}

/// As a browser may have after the cookie's attributes were changed.
#[tokio::test]
async fn of_two_cookies_neither_comes_back_after_a_login() {
    let mut world = World::new(|layer| layer).await;
    let old = std::mem::take(&mut world.cookie);
    world.clock.advance(HOUR * 4);
    let live = common::cookie(&common::post(world.address, "/login/ada", "", "").await);
    world.clock.advance(DAY - HOUR);
    world.cookie = format!("{old}; {live}");
    for path in ["/login/grace", "/switch", "/clear", "/logout"] {
        let slow = world.send("GET", "/slow").await;
        world.post(path).await;
        assert!(!sets_a_cookie(&world.answer(slow).await), "after {path}");
    }
}

/// Without a store the old cookie stays what it is, so whoever did not get the new one asks again.
#[tokio::test]
async fn a_renewal_whose_answer_was_lost_can_be_asked_for_again() {
    let world = World::new(|layer| layer).await;
    for attempt in 0..3 {
        assert!(sets_a_cookie(&world.post("/sudo").await), "{attempt}");
    }
    // Not once somebody else has logged in.
    let slow = world.send("POST", "/slow-sudo").await;
    world.post("/login/grace").await;
    assert!(!sets_a_cookie(&world.answer(slow).await));
}

/// A renewal in one process answers late, and in another the session has ended meanwhile.
#[tokio::test]
async fn a_late_renewal_does_not_undo_what_another_process_did() {
    let store = Arc::new(MemoryStore::new());
    let world = async || World::new(|layer| layer.store(Arc::clone(&store))).await;
    let elsewhere = World::new(|layer| of_another_process(layer).store(Arc::clone(&store)));
    let (here, mut there) = (world().await, elsewhere.await);
    let slow = here.send("POST", "/slow-sudo").await;
    assert!(sets_a_cookie(&here.answer(slow).await), "nothing has ended");
    let (here, other) = (world().await, there.cookie.clone());
    let slow = here.send("POST", "/slow-sudo").await;
    // By the id of before.
    there.take(&here);
    there.post("/logout").await;
    assert!(!sets_a_cookie(&here.answer(slow).await));
    assert_eq!(get(there.address, "/me", &other).await.status, 200);
}

/// Its old id is as good as gone, so without its new one the session would be lost.
#[tokio::test]
async fn a_renewal_is_not_lost_where_the_store_cannot_say_that_the_session_has_ended() {
    let store = Arc::new(Watched::default());
    let mut world = World::new(|layer| layer.store(Arc::clone(&store))).await;
    let slow = world.send("POST", "/slow-sudo").await;
    store.down.store(true, Ordering::SeqCst);
    let late = world.answer(slow).await;
    assert!(sets_a_cookie(&late), "{late:?}");
    world.keep(&late);
    world.clock.advance(HOUR);
    assert_eq!(get(world.address, "/me", &world.cookie).await.body, "ada");
}

/// A service may have a layer for its pages and one for its API, which share the cookie.
#[tokio::test]
async fn what_another_layer_of_the_process_has_ended_counts() {
    for with_store in [false, true] {
        for path in ["/logout", "/clear", "/login/grace", "/switch", "/sudo"] {
            let store = Arc::new(MemoryStore::new());
            let world = async || {
                World::new(|layer| match with_store {
                    true => layer.store(Arc::clone(&store)),
                    false => layer,
                })
                .await
            };
            let (pages, mut api) = (world().await, world().await);
            api.take(&pages);
            let slow = pages.send("GET", "/slow").await;
            api.post(path).await;
            let late = pages.answer(slow).await;
            assert!(
                !sets_a_cookie(&late),
                "after {path}, with a store: {with_store}: {late:?}"
            );
        }
    }
}

/// A newer program has written the session's row since: whether it still is one, nobody can say.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn where_the_session_cannot_be_read_any_more_no_cookie_is_written() {
    use sqlx::Connection as _;

    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("app.db").display());
    let store = session_auth::store::SqliteStore::connect(&url)
        .await
        .unwrap();
    store.migrate().await.unwrap();
    let world = World::new(|layer| layer.store(store)).await;
    let slow = world.send("GET", "/slow").await;
    let mut beside = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let newer = sqlx::raw_sql("UPDATE session_auth_sessions SET version = 2");
    newer.execute(&mut beside).await.unwrap();
    assert!(!sets_a_cookie(&world.answer(slow).await));
}
