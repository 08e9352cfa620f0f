//! A service under load, whose session store goes away and comes back: what is of the store suffers,
//! in bounds, and nothing else does.
//!
//! Written for any server: a test is a [`Server`] and a store that talks to it.
#![cfg(any(feature = "postgres", feature = "redis"))]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use session_auth::methods::{GET, POST};
use session_auth::store::SessionStore;
use session_auth::webhook::Bearer;
use session_auth::{Keys, Router, Session, SessionAuthLayer, Sessions, public, session, webhook};

/// The layer's default.
const TIMEOUT: Duration = Duration::from_millis(250);
/// What a machine that is busy with other tests may add.
const SLACK: Duration = Duration::from_millis(750);
/// How soon after the server is back all sessions are good again: a trial that still fails, a pause of
/// the breaker, and one of the connection.
const RECOVERY: Duration = Duration::from_secs(3);

const BEFORE: Duration = Duration::from_millis(1_500);
const DURING: Duration = Duration::from_secs(5);
const AFTER: Duration = Duration::from_secs(1);

/// How often each kind of request is sent: whether the last one is answered or not, as people do.
const EVERY: Duration = Duration::from_millis(10);
/// One test at a time: they measure.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// So many have a session.
const PEOPLE: usize = 10;

/// A store's server, as it goes away and comes back.
trait Server: Send + 'static {
    fn take_away(&mut self);
    fn bring_back(&mut self);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Public,
    Webhook,
    /// A public route that takes a session where there is one.
    Maybe,
    Session,
}

/// A request and what came of it.
#[derive(Debug)]
struct Sample {
    kind: Kind,
    start: Instant,
    end: Instant,
    answer: common::Answer,
}

impl Sample {
    fn took(&self) -> Duration {
        self.end - self.start
    }
}

fn routes() -> Router {
    Router::new()
        .mount(public(GET, "/open", "plain").to(|| async { "open" }))
        .mount(webhook(POST, "/hook", "sender").to(|body: String| async { body }))
        .mount(public(GET, "/maybe", "greets").optional_session().to(
            |session: Option<Session>| async move {
                session.map_or("stranger".into(), |session| session.subject().to_owned())
            },
        ))
        .mount(
            session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() }),
        )
        .mount(
            session(POST, "/logout").to(|session: Session, sessions: Sessions| async move {
                sessions.revoke(&session).await
            }),
        )
}

struct Load {
    address: SocketAddr,
    cookies: Vec<String>,
    samples: Mutex<Vec<Sample>>,
    /// Requests to session routes that have no answer yet.
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    /// Sends requests of this kind until it is over, and waits for their answers.
    async fn run(self: Arc<Self>, kind: Kind) {
        let mut ticks = tokio::time::interval(EVERY);
        let mut requests = tokio::task::JoinSet::new();
        for number in 0.. {
            ticks.tick().await;
            if self.over.load(Ordering::SeqCst) {
                break;
            }
            let this = Arc::clone(&self);
            requests.spawn(async move { this.send(kind, number % PEOPLE).await });
        }
        while let Some(request) = requests.join_next().await {
            request.expect("every request is answered within ten seconds");
        }
    }

    async fn send(&self, kind: Kind, person: usize) {
        let cookie = format!("Cookie: {}\r\n", self.cookies[person]);
        let start = Instant::now();
        if kind == Kind::Session {
            let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        }
        let answer = match kind {
            Kind::Public => common::request(self.address, "GET", "/open", &cookie).await,
            Kind::Webhook => {
                let secret = "Authorization: Bearer sesame\r\n";
                common::post(self.address, "/hook", secret, "event").await
            }
            Kind::Maybe => common::request(self.address, "GET", "/maybe", &cookie).await,
            Kind::Session => common::request(self.address, "GET", "/me", &cookie).await,
        };
        if kind == Kind::Session {
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
        }
        let end = Instant::now();
        let sample = Sample {
            kind,
            start,
            end,
            answer,
        };
        self.samples.lock().unwrap().push(sample);
    }
}

/// The median and the 99th percentile.
fn quantiles(times: impl Iterator<Item = Duration>) -> (Duration, Duration) {
    let mut times: Vec<_> = times.collect();
    times.sort();
    assert!(times.len() >= 50, "{} samples: too few", times.len());
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// What a store gives, which a busy machine may have kept from answering in time.
async fn patiently<T, E: std::fmt::Debug>(mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    for _ in 0..10 {
        if let Ok(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    ask().await.expect("an answer after three seconds")
}

async fn survives<S: SessionStore>(mut server: impl Server, store: S) {
    let _alone = ALONE.lock().await;
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("sender", Bearer::new("sesame"))
        .store(store)
        .build()
        .unwrap();
    let sessions = auth.sessions();
    let address = common::serve(common::protect(&auth, routes()).unwrap()).await;
    let mut cookies = Vec::new();
    // One more than there are people: it is revoked.
    for person in 0..=PEOPLE {
        let subject = format!("person {person}");
        let issued = patiently(async || sessions.issue(subject.clone()).await).await;
        let set = issued.set_cookie().to_str().unwrap();
        cookies.push(set.split(';').next().unwrap().to_owned());
    }
    let revoked = format!("Cookie: {}\r\n", cookies.pop().unwrap());
    patiently(async || {
        let logout = common::post(address, "/logout", &revoked, "").await;
        if logout.status == 200 {
            Ok(())
        } else {
            Err(logout)
        }
    })
    .await;

    let load = Arc::new(Load {
        address,
        cookies,
        samples: Mutex::default(),
        in_flight: AtomicUsize::new(0),
        most_in_flight: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    });
    let kinds = [Kind::Public, Kind::Webhook, Kind::Maybe, Kind::Session];
    let running = kinds.map(|kind| tokio::spawn(Arc::clone(&load).run(kind)));
    let began = Instant::now();
    tokio::time::sleep(BEFORE).await;
    let dies = Instant::now();
    let mut server = tokio::task::spawn_blocking(move || {
        server.take_away();
        server
    })
    .await
    .unwrap();
    let dead = Instant::now();
    tokio::time::sleep(DURING).await;
    let rises = Instant::now();
    let server = tokio::task::spawn_blocking(move || {
        server.bring_back();
        server
    })
    .await
    .unwrap();
    let risen = Instant::now();
    tokio::time::sleep(RECOVERY + AFTER).await;
    load.over.store(true, Ordering::SeqCst);
    for running in running {
        running.await.unwrap();
    }
    // Who was logged out still is.
    patiently(async || {
        let answer = common::request(address, "GET", "/me", &revoked).await;
        let revoked = answer.body.contains(r#""reason":"revoked""#);
        assert!(revoked || answer.status == 503, "{answer:?}");
        if revoked { Ok(()) } else { Err(answer) }
    })
    .await;
    drop(server);

    let samples = std::mem::take(&mut *load.samples.lock().unwrap());
    let of = |kind: Kind| samples.iter().filter(move |sample| sample.kind == kind);
    let before = |sample: &&Sample| sample.start > began + BEFORE / 5 && sample.end < dies;
    let during = |sample: &&Sample| sample.start > dead && sample.end < rises;

    // Whoever needs no session notices nothing.
    for (kind, body) in [(Kind::Public, "open"), (Kind::Webhook, "event")] {
        for sample in of(kind) {
            let answer = &sample.answer;
            assert_eq!((answer.status, answer.body.as_str()), (200, body));
        }
        let (median, slowest) = quantiles(of(kind).filter(before).map(Sample::took));
        let (median_during, slowest_during) = quantiles(of(kind).filter(during).map(Sample::took));
        println!(
            "{kind:?}: {median:?} {slowest:?} before, {median_during:?} {slowest_during:?} during"
        );
        assert!(
            median_during <= 2 * median + Duration::from_millis(5),
            "{kind:?}: {median:?} before, {median_during:?} during"
        );
        // One in fourteen waits for the store at such a time, for longer.
        assert!(
            slowest_during <= (3 * slowest).max(Duration::from_millis(100)),
            "{kind:?}: {slowest:?} before, {slowest_during:?} during"
        );
    }
    for sample in of(Kind::Maybe) {
        assert_eq!(sample.answer.status, 200, "{sample:?}");
        assert!(sample.took() < TIMEOUT + SLACK, "{sample:?}");
        assert_eq!(sample.answer.header("set-cookie").count(), 0, "{sample:?}");
    }

    // Whoever needs one is told so, at once or nearly, and keeps the cookie.
    let mut outage = 0;
    let mut slow = 0;
    for sample in of(Kind::Session) {
        let answer = &sample.answer;
        assert!([200, 503].contains(&answer.status), "{sample:?}");
        assert!(sample.took() < TIMEOUT + SLACK, "{sample:?}");
        assert_eq!(answer.header("set-cookie").count(), 0, "{sample:?}");
        if answer.status == 503 {
            let reason = r#""reason":"store_unavailable""#;
            assert!(answer.body.contains(reason), "{sample:?}");
            assert_eq!(answer.header("retry-after").count(), 1, "{sample:?}");
        }
        if during(&sample) {
            assert_eq!(answer.status, 503, "{sample:?}");
            outage += 1;
            slow += usize::from(sample.took() > TIMEOUT / 2);
        }
    }
    let (median, _) = quantiles(of(Kind::Session).filter(during).map(Sample::took));
    let most = load.most_in_flight.load(Ordering::SeqCst);
    println!("{slow} of {outage} waited; {median:?}; at most {most} in flight");
    assert!(
        median < Duration::from_millis(20),
        "refused at once: {median:?}"
    );
    // Those of the first moment, until eight have failed, and one a second.
    let first = (TIMEOUT.as_millis() / EVERY.as_millis()) as usize + 9;
    let trials = 2 * (DURING.as_secs() as usize + 1);
    assert!(
        slow <= first + trials,
        "{slow} of {outage} waited for the timeout"
    );
    assert!(most <= 2 * first, "{most} requests in flight");

    // And all is as it was. A busy machine may let a good store look bad for a moment.
    let good = |sample: &&Sample| sample.answer.status == 200;
    let usual = of(Kind::Session).filter(before).count();
    let usual_good = of(Kind::Session).filter(before).filter(good).count();
    assert!(
        usual_good * 100 >= usual * 95,
        "{usual_good} of {usual} before"
    );
    let first_good = of(Kind::Session).filter(|sample| sample.start > rises);
    let first_good = first_good.filter(good).map(|sample| sample.start).min();
    let recovery = first_good.expect("sessions are good again") - rises;
    println!("good again {recovery:?} after the server began to start");
    let back = || of(Kind::Session).filter(|sample| sample.start > risen + RECOVERY);
    let (all, all_good) = (back().count(), back().filter(good).count());
    assert!(all_good * 100 >= all * 95, "{all_good} of {all} after");
    for person in 0..PEOPLE {
        let name = format!("person {person}");
        let mut bodies = back().filter(good).map(|sample| &sample.answer.body);
        assert!(bodies.any(|body| *body == name), "{name} is logged out");
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use session_auth::store::PostgresStore;
    use test_servers::Postgres;

    use super::*;

    impl Server for Postgres {
        fn take_away(&mut self) {
            self.kill();
        }

        fn bring_back(&mut self) {
            self.start_again();
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn is_killed_and_starts_again() {
        let Some(postgres) = Postgres::start() else {
            return;
        };
        let store = PostgresStore::connect(&postgres.url()).await.unwrap();
        store.migrate().await.unwrap();
        survives(postgres, store).await;
    }
}

#[cfg(feature = "redis")]
mod redis {
    use session_auth::store::RedisStore;
    use test_servers::Redis;

    use super::*;

    struct Crash(Redis);

    impl Server for Crash {
        fn take_away(&mut self) {
            self.0.kill();
        }

        fn bring_back(&mut self) {
            self.0.start_again();
        }
    }

    /// Worse than one that is gone: the connection stands, and nothing comes of it.
    struct Hang(Redis);

    impl Server for Hang {
        fn take_away(&mut self) {
            self.0.suspend();
        }

        fn bring_back(&mut self) {
            self.0.resume();
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn crashes() {
        let Some(redis) = Redis::start_durable() else {
            return;
        };
        let store = RedisStore::connect(&redis.url()).await.unwrap();
        survives(Crash(redis), store).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn hangs() {
        let Some(redis) = Redis::start() else {
            return;
        };
        let store = RedisStore::connect(&redis.url()).await.unwrap();
        survives(Hang(redis), store).await;
    }

    /// A Redis that accepts connections, reads, and never says a word.
    async fn mute() -> String {
        use tokio::io::AsyncReadExt;

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut buffer = [0; 1024];
                    while stream.read(&mut buffer).await.is_ok_and(|len| len > 0) {}
                });
            }
        });
        format!("redis://{address}/")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn never_answers_at_all() {
        let _alone = ALONE.lock().await;
        let url = mute().await;
        let error = tokio::time::timeout(Duration::from_secs(10), RedisStore::connect(&url))
            .await
            .expect("connecting gives up")
            .unwrap_err();
        assert!(error.is_unavailable(), "{error}");

        let store = RedisStore::connect_lazy(&url).unwrap();
        let keys = Keys::new([[7; 32]]).unwrap();
        let auth = SessionAuthLayer::builder(keys.clone())
            .store(store)
            .build()
            .unwrap();
        let routes = Router::new()
            .mount(session(GET, "/me").to(|| async { "me" }))
            .mount(public(GET, "/open", "test").to(|| async { "open" }))
            .mount(
                public(POST, "/login", "test")
                    .issues_session()
                    .to(|sessions: Sessions| async move { sessions.issue("ada").await }),
            );
        let address = common::serve(common::protect(&auth, routes).unwrap()).await;
        // Of a layer without a store: all that a cookie needs is the key.
        let issuer = SessionAuthLayer::builder(keys).build().unwrap();
        let issued = issuer.sessions().issue("ada").await.unwrap();
        let cookie = issued
            .set_cookie()
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let cookie = format!("Cookie: {cookie}\r\n");

        let mut slow = 0;
        for _ in 0..40 {
            let start = Instant::now();
            let answer = common::request(address, "GET", "/me", &cookie).await;
            let took = start.elapsed();
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(
                answer.body.contains(r#""reason":"store_unavailable""#),
                "{answer:?}"
            );
            assert!(answer.header("retry-after").count() == 1, "{answer:?}");
            assert_eq!(answer.header("set-cookie").count(), 0, "the cookie is kept");
            assert!(took < TIMEOUT + SLACK, "{took:?}");
            slow += usize::from(took > Duration::from_millis(200));
            let open = common::request(address, "GET", "/open", &cookie).await;
            assert_eq!(open.body, "open");
        }
        assert!((1..20).contains(&slow), "the breaker opens: {slow} waited");
        let login = common::post(address, "/login", "", "").await;
        assert_eq!(login.status, 503, "{login:?}");
    }
}
