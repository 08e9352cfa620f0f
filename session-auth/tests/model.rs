//! Sessions as people use them, at random, on every store: each answer is compared with that of a
//! model, which is the page of code below. `MODEL_STEPS` says how many steps there are, and
//! `MODEL_SEED` repeats a run that failed.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use common::disturbed::{Disturb, Disturbed};
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response};
use session_auth::methods::{GET, POST};
use session_auth::store::{MemoryStore, SessionStore, StoreError};
use session_auth::{Keys, Login, Router, Session, SessionAuthLayer, SessionId, Sessions, session};
use tower::ServiceExt as _;

const IDLE: u64 = 1_000;
const STEP: u64 = IDLE / 10;
const ABSOLUTE: u64 = 5_000;
const GRACE: u64 = 10;
const SEEN_EVERY: u64 = 60;
const MOST: usize = 3;
const SUBJECTS: [&str; 3] = ["ada", "bob", "eve"];

/// What a client has: a cookie, and what it says.
#[derive(Clone)]
struct Client {
    subject: usize,
    id: SessionId,
    cookie: String,
    deadline: u64,
    absolute: u64,
}

/// What the store ought to know.
#[derive(Clone)]
struct Live {
    subject: usize,
    seen: u64,
    idle_deadline: u64,
    number: u64,
    /// Its ids of before, and until when each is good.
    renewed: Vec<(SessionId, u64)>,
}

#[derive(Default)]
struct Model {
    now: u64,
    numbers: u64,
    generations: [u64; 3],
    live: HashMap<SessionId, Live>,
}

impl Model {
    fn deadline(&self, absolute: u64) -> u64 {
        (self.now + IDLE + STEP).min(absolute)
    }

    fn add(&mut self, subject: usize, id: SessionId) {
        self.numbers += 1;
        let (seen, number) = (self.now, self.numbers);
        let live = Live {
            subject,
            seen,
            idle_deadline: self.deadline(u64::MAX),
            number,
            renewed: Vec::new(),
        };
        self.live.insert(id, live);
        let mut of: Vec<_> = self
            .live
            .iter()
            .filter(|(_, l)| l.subject == subject)
            .collect();
        let over = |live: &Live| live.idle_deadline <= self.now;
        of.sort_by_key(|(of, l)| {
            let used = std::cmp::Reverse((l.seen, l.number));
            (**of != id, over(l), used)
        });
        let gone: Vec<_> = of.iter().skip(MOST).map(|(id, _)| **id).collect();
        self.live.retain(|id, _| !gone.contains(id));
    }

    /// The id of the session that has this one, or had it.
    fn present(&self, id: SessionId) -> Option<SessionId> {
        let had = |live: &Live| live.renewed.iter().any(|(old, _)| *old == id);
        let mut had = self.live.iter().filter(|(_, live)| had(live));
        self.live
            .get(&id)
            .map(|_| id)
            .or_else(|| had.next().map(|(id, _)| *id))
    }

    /// The answer to a request: its status, and whether it sets a cookie.
    fn request(&mut self, client: &Client) -> (u16, bool) {
        let deadline = self.deadline(client.absolute);
        let gained = deadline.saturating_sub(client.deadline);
        let slides = gained >= STEP || gained > 0 && deadline == client.absolute;
        if self.now >= client.deadline.min(client.absolute) {
            return (401, false);
        }
        if let Some(live) = self.live.get_mut(&client.id) {
            if self.now.saturating_sub(live.seen) >= SEEN_EVERY {
                live.seen = self.now;
                live.idle_deadline = deadline;
            }
            return (200, slides);
        }
        let grace = |live: &Live| {
            let mut renewed = live.renewed.iter();
            renewed.any(|(id, until)| *id == client.id && self.now < *until)
        };
        (
            if self.live.values().any(grace) {
                200
            } else {
                401
            },
            false,
        )
    }
}

/// Whether the store under test is down.
struct Switch(Arc<AtomicBool>);

impl Disturb for Switch {
    async fn before(&self, _: &str, _: &str) -> Result<(), StoreError> {
        if self.0.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("an outage"));
        }
        Ok(())
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn set_cookie(response: &Response<Body>) -> Option<String> {
    let cookie = response.headers().get(SET_COOKIE)?.to_str().unwrap();
    Some(cookie.split(';').next().unwrap().to_owned())
}

/// `cached`: while the store is down, what was seen before may still pass.
async fn follows_the_model(store: impl SessionStore, down: Arc<AtomicBool>, cached: bool) {
    let steps = steps();
    let seed = number("MODEL_SEED").unwrap_or_else(|| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(0)
    });
    println!("MODEL_SEED={seed}");
    let mut random = Random(seed);
    let clock = Arc::new(AtomicU64::new(1_700_000_000));
    let mut model = Model {
        now: 1_700_000_000,
        ..Model::default()
    };
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .clock({
            let clock = Arc::clone(&clock);
            move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst))
        })
        .idle_timeout(Duration::from_secs(IDLE))
        .absolute_timeout(Duration::from_secs(ABSOLUTE))
        .max_sessions(MOST as u32)
        // A busy machine is no outage; and an outage is over when it is.
        .store_timeout(Duration::from_secs(30))
        .store_breaker(u32::MAX, Duration::ZERO)
        .store(store)
        .build()
        .unwrap();
    let routes = Router::new()
        .mount(session(GET, "/").to(|| async {}))
        .mount(
            session(POST, "/renew").to(|sessions: Sessions, session: Session| async move {
                sessions.renew(&session).await
            }),
        )
        .mount(
            session(POST, "/logout").to(|sessions: Sessions, session: Session| async move {
                sessions.revoke(&session).await
            }),
        )
        .mount(
            session(POST, "/others").to(|sessions: Sessions, session: Session| async move {
                sessions.revoke_others(&session).await.map(drop)
            }),
        );
    // Where a request waits until it is let go on.
    let (entered, mut entering) = tokio::sync::mpsc::unbounded_channel();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let routes = routes.mount(session(GET, "/slow").to(move || {
        let (entered, gate) = (entered.clone(), Arc::clone(&waits));
        async move {
            entered.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
        }
    }));
    let app = common::protect(&auth, routes).unwrap();
    let sessions = auth.sessions();
    let ask = async |method: &str, path: &str, client: &Client| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(COOKIE, &client.cookie);
        app.clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    };

    let mut clients: Vec<Client> = Vec::new();
    let mut logins: Vec<(usize, u64, u64, Login)> = Vec::new();
    for step in 0..steps {
        let is_down = down.load(Ordering::SeqCst);
        let subject = random.below(SUBJECTS.len());
        let name = SUBJECTS[subject];
        let at = format!("step {step}, now {}, down {is_down}", model.now);
        if clients.len() > 40 {
            clients.swap_remove(random.below(clients.len()));
        }
        match random.below(100) {
            // A login begins, ..
            0..=5 => match sessions.begin(name).await {
                Ok(login) => logins.push((subject, model.generations[subject], model.now, login)),
                Err(error) => assert!(is_down && error.is_store(), "{at}: {error}"),
            },
            // .. and ends some time later.
            6..=13 if !logins.is_empty() => {
                let chosen = random.below(logins.len());
                let (subject, generation, begun, login) = logins.swap_remove(chosen);
                let current =
                    generation == model.generations[subject] && model.now - begun <= 3_600;
                match login.issue().await {
                    Ok(issued) => {
                        assert!(current && !is_down, "{at}: a login that is over");
                        model.add(subject, issued.id());
                        let cookie = issued.set_cookie().to_str().unwrap();
                        let absolute = model.now + ABSOLUTE;
                        clients.push(Client {
                            subject,
                            id: issued.id(),
                            cookie: cookie.split(';').next().unwrap().to_owned(),
                            deadline: model.deadline(absolute),
                            absolute,
                        });
                    }
                    Err(error) if error.is_store() => assert!(is_down, "{at}: {error}"),
                    Err(error) => assert!(!current && error.is_revoked(), "{at}: {error}"),
                }
            }
            14..=64 if !clients.is_empty() => {
                let chosen = random.below(clients.len());
                let client = clients[chosen].clone();
                let before = model.live.get(&client.id).cloned();
                let expected = model.request(&client);
                let answer = ask("GET", "/", &client).await;
                let cookie = set_cookie(&answer);
                let status = answer.status().as_u16();
                if is_down && status == 503 {
                    // Nothing was noted.
                    if let (Some(before), Some(live)) = (before, model.live.get_mut(&client.id)) {
                        *live = before;
                    }
                    continue;
                }
                let (admitted, slides) = expected;
                // A cache may still admit; whether a cookie may go out only the store can say.
                assert_eq!(
                    (status, cookie.is_some()),
                    (admitted, slides && !is_down),
                    "{at}: {:?}",
                    client.id
                );
                assert!(
                    !is_down || cached || status == 401,
                    "{at}: without the store"
                );
                // Some keep the cookie that they had.
                if let (Some(cookie), true) = (cookie, random.below(4) > 0) {
                    let deadline = model.deadline(client.absolute);
                    clients[chosen] = Client {
                        cookie,
                        deadline,
                        ..client
                    };
                }
            }
            65..=79 if !clients.is_empty() => {
                let chosen = random.below(clients.len());
                let client = clients[chosen].clone();
                let path = ["/renew", "/logout", "/others"][random.below(3)];
                let before = model.live.get(&client.id).cloned();
                let (admitted, _) = model.request(&client);
                let answer = ask("POST", path, &client).await;
                let cookie = set_cookie(&answer);
                let status = answer.status().as_u16();
                if is_down {
                    assert!(
                        matches!(status, 401 | 503) && cookie.is_none(),
                        "{at}: {path} {status}"
                    );
                    assert!(admitted == 401 || status == 503, "{at}: {path} {status}");
                    if let (Some(before), Some(live)) = (before, model.live.get_mut(&client.id)) {
                        *live = before;
                    }
                    continue;
                }
                let current = model.live.contains_key(&client.id);
                let expected = if path == "/renew" && !current {
                    401
                } else {
                    admitted
                };
                assert_eq!(status, expected, "{at}: {path}");
                if status != 200 {
                    continue;
                }
                match path {
                    "/renew" => {
                        let list = sessions.list(SUBJECTS[client.subject]).await.unwrap();
                        let new = list.iter().map(|info| info.id());
                        let new = { new }.find(|id| !model.live.contains_key(id)).unwrap();
                        let mut live = model.live.remove(&client.id).unwrap();
                        let deadline = model.deadline(client.absolute);
                        live.seen = model.now;
                        live.idle_deadline = deadline;
                        live.renewed.push((client.id, model.now + GRACE));
                        model.live.insert(new, live);
                        let cookie = cookie.unwrap();
                        clients.push(Client {
                            id: new,
                            cookie,
                            deadline,
                            ..client
                        });
                    }
                    "/logout" => {
                        let id = model.present(client.id).unwrap();
                        model.live.remove(&id);
                    }
                    _ => {
                        let spared = model.present(client.id);
                        model.live.retain(|id, live| {
                            live.subject != client.subject || Some(*id) == spared
                        });
                        model.generations[client.subject] += 1;
                    }
                }
            }
            80 | 81 => match sessions.revoke_all(name).await {
                Ok(ended) => {
                    assert!(!is_down, "{at}: nothing can end");
                    let before = model.live.len();
                    model.live.retain(|_, live| live.subject != subject);
                    model.generations[subject] += 1;
                    // A store may have forgotten what has expired.
                    assert!(
                        ended <= (before - model.live.len()) as u64,
                        "{at}: {ended} ended"
                    );
                }
                Err(error) => assert!(is_down && error.is_store(), "{at}: {error}"),
            },
            82..=84 => down.store(!is_down && random.below(2) == 0, Ordering::SeqCst),
            85..=91 => {
                let seconds = [1, 5, 11, 60, 90, 300, 950][random.below(7)];
                model.now += seconds as u64;
                clock.store(model.now, Ordering::SeqCst);
            }
            // The clock jumps, somebody comes, and it jumps back.
            98 if !clients.is_empty() && !is_down => {
                let client = clients[random.below(clients.len())].clone();
                clock.store(model.now + 365 * 24 * 60 * 60, Ordering::SeqCst);
                let answer = ask("GET", "/", &client).await;
                assert_eq!(answer.status(), 401, "{at}: in a year");
                clock.store(model.now, Ordering::SeqCst);
            }
            // An answer that comes late slides no session that has ended meanwhile.
            92..=97 if !clients.is_empty() && !is_down => {
                let client = clients[random.below(clients.len())].clone();
                let (admitted, slides) = model.request(&client);
                let slow = ask("GET", "/slow", &client);
                if admitted != 200 {
                    assert_eq!(slow.await.status(), admitted, "{at}: slow");
                    continue;
                }
                let meanwhile = async {
                    entering.recv().await.unwrap();
                    match random.below(4) {
                        0 => {
                            let logout = ask("POST", "/logout", &client).await;
                            assert_eq!(logout.status(), 200, "{at}: meanwhile");
                            let id = model.present(client.id).unwrap();
                            model.live.remove(&id);
                        }
                        1 => {
                            let subject = client.subject;
                            sessions.revoke_all(SUBJECTS[subject]).await.unwrap();
                            model.live.retain(|_, live| live.subject != subject);
                            model.generations[subject] += 1;
                        }
                        // Nobody can say then whether it may.
                        2 if !cached => down.store(true, Ordering::SeqCst),
                        _ => {}
                    }
                    gate.add_permits(1);
                };
                let (answer, ()) = tokio::join!(slow, meanwhile);
                assert_eq!(answer.status(), 200, "{at}: slow");
                let may_slide = model.live.contains_key(&client.id) && !down.load(Ordering::SeqCst);
                assert_eq!(
                    set_cookie(&answer).is_some(),
                    slides && may_slide,
                    "{at}: late"
                );
            }
            _ => {}
        }
    }
}

/// Few by default: everybody waits for them.
fn steps() -> u64 {
    number("MODEL_STEPS").unwrap_or(2_000)
}

async fn store_follows_the_model(store: impl SessionStore) {
    let down = Arc::new(AtomicBool::new(false));
    follows_the_model(Disturbed(store, Switch(Arc::clone(&down))), down, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    store_follows_the_model(MemoryStore::new()).await;
}

#[cfg(feature = "cache")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cached() {
    use session_auth::store::CachedStore;

    // The outage is behind the cache.
    let down = Arc::new(AtomicBool::new(false));
    let store = Disturbed(MemoryStore::new(), Switch(Arc::clone(&down)));
    let cached = CachedStore::new(store, Duration::from_secs(3_600));
    follows_the_model(cached, down, true).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("model.db").display());
    let store = session_auth::store::SqliteStore::connect(&url)
        .await
        .unwrap();
    store.migrate().await.unwrap();
    store_follows_the_model(store).await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis() {
    let Some(server) = test_servers::Redis::start() else {
        return;
    };
    let store = session_auth::store::RedisStore::connect(&server.url()).await;
    store_follows_the_model(store.unwrap()).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let Some(server) = test_servers::Postgres::start() else {
        return;
    };
    let store = session_auth::store::PostgresStore::connect(&server.url()).await;
    let store = store.unwrap();
    store.migrate().await.unwrap();
    store_follows_the_model(store).await;
}
