//! What goes on after a request, and what was under way when its session got another id.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocketUpgrade};
use session_auth::methods::{GET, POST};
use session_auth::store::{Generation, MemoryStore, SessionStore, StoreError, StoredSession};
use session_auth::{
    Keys, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, SessionId, Sessions,
    Timestamp, public, session,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::common::clock::FakeClock;
use crate::common::watched::Watched;

/// Longer than any test: nothing is asked within it.
const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(50);

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::new([[7; 32]]).unwrap())
}

struct Service {
    address: SocketAddr,
    clock: FakeClock,
    store: Arc<Watched>,
    sessions: Sessions,
    /// Of another process with the same store.
    elsewhere: Sessions,
    /// The sessions of requests to `/hold`.
    held: Arc<Mutex<Vec<Session>>>,
}

impl Service {
    async fn new(builder: impl Fn() -> SessionAuthLayerBuilder) -> Self {
        let clock = FakeClock::new();
        let store = Arc::new(Watched::default());
        let layer = || {
            let layer = builder().clock(clock.clock()).store(Arc::clone(&store));
            layer.build().unwrap()
        };
        let (here, elsewhere) = (layer(), layer().sessions());
        let held = Arc::default();
        let app = common::protect(&here, routes(Arc::clone(&held))).unwrap();
        Self {
            address: common::serve(app).await,
            clock,
            store,
            sessions: here.sessions(),
            elsewhere,
            held,
        }
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn login(&self) -> String {
        common::cookie(&common::post(self.address, "/login", "", "").await)
    }

    async fn ask(&self, method: &str, path: &str, cookie: &str) -> common::Answer {
        common::request(self.address, method, path, &format!("Cookie: {cookie}\r\n")).await
    }

    /// The session of a request with this cookie.
    async fn hold(&self, cookie: &str) -> Session {
        assert_eq!(self.ask("GET", "/hold", cookie).await.status, 200);
        self.held.lock().unwrap().pop().unwrap()
    }
}

fn routes(held: Arc<Mutex<Vec<Session>>>) -> Router {
    Router::new()
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move { sessions.issue("ada").await }),
        )
        .mount(
            session(POST, "/sudo").to(|sessions: Sessions, session: Session| async move {
                sessions.renew(&session).scope("root").await
            }),
        )
        .mount(session(GET, "/hold").to(|session: Session| async move {
            held.lock().unwrap().push(session);
        }))
        .mount(
            session(GET, "/live").to(|session: Session, upgrade: WebSocketUpgrade| async move {
                upgrade.on_upgrade(async move |mut socket| {
                    let mut ended = pin!(session.ended());
                    loop {
                        let message = tokio::select! {
                            () = &mut ended => break,
                            message = socket.recv() => message,
                        };
                        let Some(Ok(message)) = message else { return };
                        socket.send(message).await.unwrap();
                    }
                    socket.send(Message::Close(None)).await.unwrap();
                })
            }),
        )
}

async fn is_over(session: &Session) -> bool {
    timeout(Duration::from_secs(5), session.ended())
        .await
        .is_ok()
}

async fn goes_on(session: &Session) -> bool {
    timeout(6 * SHORT, session.ended()).await.is_err()
}

/// A WebSocket over a real socket: its frames, as RFC 6455 (section 5) has them.
#[tokio::test]
async fn a_websocket_closes_when_its_session_is_revoked() {
    let service = Service::new(|| builder().stream_lag(LONG)).await;
    let cookie = service.login().await;
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let request = format!(
        "GET /live HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Cookie: {cookie}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    // `hi`, masked by zeros as a client has to mask, and back unmasked.
    stream.write_all(b"\x81\x82\0\0\0\0hi").await.unwrap();
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(&frame, b"\x81\x02hi");

    assert_eq!(service.sessions.revoke_all("ada").await.unwrap(), 1);
    let mut close = [0; 2];
    let closed = timeout(Duration::from_secs(5), stream.read_exact(&mut close)).await;
    closed.expect("at once, not at the lag").unwrap();
    assert_eq!(close, [0x88, 0]);
}

#[tokio::test]
async fn what_this_process_revokes_ends_at_once_and_nothing_else() {
    let service = Service::new(|| builder().stream_lag(LONG)).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(service.hold(&service.login().await).await);
    }
    let waiting: Vec<_> = held.iter().map(|held| tokio::spawn(held.ended())).collect();
    tokio::time::sleep(SHORT).await;
    let over = async || {
        tokio::time::sleep(SHORT).await;
        waiting.iter().map(|w| w.is_finished()).collect::<Vec<_>>()
    };
    assert_eq!(over().await, [false; 4]);
    drop(service.sessions.revoke(&held[0]).await.unwrap());
    assert_eq!(over().await, [true, false, false, false]);
    service.sessions.revoke_others(&held[1]).await.unwrap();
    assert_eq!(over().await, [true, false, true, true]);
    service.sessions.revoke_all("ada").await.unwrap();
    assert_eq!(over().await, [true; 4]);
}

#[tokio::test]
async fn what_another_process_revokes_ends_within_the_lag() {
    let lag = Duration::from_millis(400);
    let service = Service::new(|| builder().stream_lag(lag)).await;
    let (first, second) = (service.login().await, service.login().await);
    let (first, second) = (service.hold(&first).await, service.hold(&second).await);
    assert!(timeout(2 * lag, first.ended()).await.is_err());
    let other = tokio::spawn(second.ended());
    service.elsewhere.revoke(&first).await.map(drop).unwrap();
    let start = Instant::now();
    assert!(is_over(&first).await);
    assert!(start.elapsed() < lag + Duration::from_secs(1));
    assert!(!other.is_finished());
}

#[tokio::test]
async fn a_stream_ends_at_the_deadline_that_requests_have_moved() {
    let idle = 1_000;
    let service = Service::new(|| {
        let timeout = Duration::from_secs(idle);
        builder().idle_timeout(timeout).stream_lag(SHORT)
    })
    .await;
    let cookie = service.login().await;
    let session = service.hold(&cookie).await;
    service.advance(idle);
    // The request brings a new cookie, and the stream goes on past the end of the old one.
    let moved = service.hold(&cookie).await;
    assert!(goes_on(&session).await);
    service.advance(idle);
    assert!(goes_on(&session).await && goes_on(&moved).await);
    service.advance(idle / 10);
    assert!(is_over(&session).await);
    assert!(is_over(&moved).await);
}

/// Without a store a stream knows the deadlines of the answers that this process gave.
#[tokio::test]
async fn without_a_store_a_stream_ends_at_its_deadline() {
    let clock = FakeClock::new();
    let builder = builder().clock(clock.clock()).stream_lag(SHORT);
    let auth = builder
        .idle_timeout(Duration::from_secs(1_000))
        .build()
        .unwrap();
    let held = Arc::default();
    let app = common::protect(&auth, routes(Arc::clone(&held))).unwrap();
    let address = common::serve(app).await;
    let cookie = common::cookie(&common::post(address, "/login", "", "").await);
    clock.advance(Duration::from_secs(1_000));
    let headers = format!("Cookie: {cookie}\r\n");
    assert_eq!(
        common::request(address, "GET", "/hold", &headers)
            .await
            .status,
        200
    );
    let session = held.lock().unwrap().pop().unwrap();
    clock.advance(Duration::from_secs(1_000));
    assert!(goes_on(&session).await);
    assert!(auth.sessions().is_live(&session).await.unwrap());
    clock.advance(Duration::from_secs(100));
    assert!(is_over(&session).await);
    assert!(!auth.sessions().is_live(&session).await.unwrap());
}

/// Whoever goes on working in another tab keeps the socket that is open.
#[tokio::test]
async fn without_a_store_a_stream_goes_on_while_requests_move_its_deadline() {
    let clock = FakeClock::new();
    let builder = builder().clock(clock.clock()).stream_lag(SHORT);
    let auth = builder
        .idle_timeout(Duration::from_secs(1_000))
        .build()
        .unwrap();
    let held = Arc::default();
    let app = common::protect(&auth, routes(Arc::clone(&held))).unwrap();
    let address = common::serve(app).await;
    let mut cookie = common::cookie_of(&auth).await;
    let hold = async |cookie: &str| common::request(address, "GET", "/hold", cookie).await;
    assert_eq!(hold(&cookie).await.status, 200);
    let session = held.lock().unwrap().pop().unwrap();
    let waiting = tokio::spawn(session.ended());
    tokio::time::sleep(SHORT).await;
    for _ in 0..3 {
        clock.advance(Duration::from_secs(900));
        let answer = hold(&cookie).await;
        cookie = format!("Cookie: {}\r\n", common::cookie(&answer));
        tokio::time::sleep(3 * SHORT).await;
        assert!(!waiting.is_finished());
    }
    clock.advance(Duration::from_secs(1_100));
    timeout(Duration::from_secs(5), waiting)
        .await
        .expect("unused")
        .unwrap();
}

/// A question for each stream would be one a second for each tab that is open.
#[tokio::test]
async fn many_streams_are_one_question() {
    let lag = Duration::from_millis(200);
    let service = Service::new(|| builder().stream_lag(lag)).await;
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let session = service.hold(&service.login().await).await;
        for _ in 0..5 {
            waiting.spawn(session.ended());
        }
    }
    service.store.questions.store(0, Ordering::SeqCst);
    tokio::time::sleep(5 * lag).await;
    let asked = service.store.questions.load(Ordering::SeqCst);
    assert!((1..=6).contains(&asked), "{asked} questions");

    // While the store is down they go on.
    service.store.down.store(true, Ordering::SeqCst);
    tokio::time::sleep(3 * lag).await;
    assert!(waiting.try_join_next().is_none());
    service.store.down.store(false, Ordering::SeqCst);
    service.elsewhere.revoke_all("ada").await.unwrap();
    let all = async { while waiting.join_next().await.is_some() {} };
    timeout(Duration::from_secs(5), all).await.unwrap();

    // When nobody waits any more, nobody is asked.
    tokio::time::sleep(2 * lag).await;
    service.store.questions.store(0, Ordering::SeqCst);
    tokio::time::sleep(3 * lag).await;
    assert_eq!(service.store.questions.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_session_is_live_until_it_is_revoked_or_over() {
    let service = Service::new(builder).await;
    let cookie = service.login().await;
    let session = service.hold(&cookie).await;
    let is_live = async || service.sessions.is_live(&session).await.unwrap();
    assert!(is_live().await);
    // Its token ends here; the session goes on, as another request has used it.
    service.advance(24 * 60 * 60);
    assert_eq!(service.ask("GET", "/hold", &cookie).await.status, 200);
    service.advance(24 * 60 * 60);
    assert!(is_live().await);
    service.advance(3 * 60 * 60);
    assert!(!is_live().await);

    let session = service.hold(&service.login().await).await;
    service.elsewhere.revoke(&session).await.map(drop).unwrap();
    assert!(!service.sessions.is_live(&session).await.unwrap());
}

/// Requests that were on their way with the old cookie when the session got another id.
#[tokio::test]
async fn the_id_of_before_a_renewal_is_good_for_ten_seconds_more() {
    let service = Service::new(|| builder().stream_lag(SHORT)).await;
    let before = service.login().await;
    // Long enough for a request to bring a new cookie.
    service.advance(3 * 60 * 60);
    let old = service.hold(&before).await;
    let after = common::cookie(&service.ask("POST", "/sudo", &before).await);
    service.advance(9);
    let answer = service.ask("GET", "/hold", &before).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("set-cookie").count(),
        0,
        "the browser has the new one"
    );
    assert!(service.sessions.is_live(&old).await.unwrap());
    assert!(is_over(&old).await, "it has another id");
    service.advance(1);
    let answer = service.ask("GET", "/hold", &before).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("revoked"), "{}", answer.body);
    assert!(!service.sessions.is_live(&old).await.unwrap());
    assert_eq!(service.ask("GET", "/hold", &after).await.status, 200);

    // Whoever ends the session ends both.
    let newest = common::cookie(&service.ask("POST", "/sudo", &after).await);
    let session = service.hold(&after).await;
    drop(service.sessions.revoke(&session).await.unwrap());
    for cookie in [&after, &newest] {
        assert_eq!(service.ask("GET", "/hold", cookie).await.status, 401);
    }
}

/// Two streams of one session: the second was opened when the session had slid.
#[tokio::test]
async fn a_later_stream_ends_at_the_later_deadline_without_a_store() {
    let clock = FakeClock::new();
    let auth = builder()
        .clock(clock.clock())
        .idle_timeout(Duration::from_secs(1_000))
        .stream_lag(SHORT)
        .build()
        .unwrap();
    let held = Arc::default();
    let app = common::protect(&auth, routes(Arc::clone(&held))).unwrap();
    let address = common::serve(app).await;
    let hold = async |cookie: &str| {
        let headers = format!("Cookie: {cookie}\r\n");
        let answer = common::request(address, "GET", "/hold", &headers).await;
        (held.lock().unwrap().pop().unwrap(), answer)
    };
    let cookie = common::cookie(&common::post(address, "/login", "", "").await);
    let (session, _) = hold(&cookie).await;
    let first = tokio::spawn(session.ended());
    clock.advance(Duration::from_secs(1_000));
    let (_, slid) = hold(&cookie).await;
    let (session, _) = hold(&common::cookie(&slid)).await;
    let second = tokio::spawn(session.ended());
    tokio::time::sleep(4 * SHORT).await;
    // Past the first deadline, 1,100 s.
    clock.advance(Duration::from_secs(200));
    tokio::time::sleep(4 * SHORT).await;
    assert!(auth.sessions().is_live(&session).await.unwrap());
    assert!(!second.is_finished());
    clock.advance(Duration::from_secs(1_000));
    for stream in [first, second] {
        timeout(Duration::from_secs(10), stream)
            .await
            .unwrap()
            .unwrap();
    }
}

/// An id is no secret: whoever knows one of somebody else's ends nothing by it.
#[tokio::test]
async fn security_who_ends_a_session_of_somebody_else_ends_no_stream() {
    let service = Service::new(|| builder().stream_lag(LONG)).await;
    let ada = service.hold(&service.login().await).await;
    let stream = tokio::spawn(ada.ended());
    tokio::time::sleep(SHORT).await;
    assert!(!service.sessions.revoke_id("bob", ada.id()).await.unwrap());
    assert!(service.sessions.is_live(&ada).await.unwrap());
    tokio::time::sleep(SHORT).await;
    assert!(!stream.is_finished());
}

/// The id of before a renewal is that of the session for a while, to streams too.
#[tokio::test]
async fn the_streams_of_a_renewed_session_end_by_the_id_of_before_and_are_spared_by_it() {
    let service = Service::new(|| builder().stream_lag(LONG)).await;
    let mut cookies = vec![service.login().await];
    let old = service.hold(&cookies[0]).await;
    for _ in 0..2 {
        let renewed = service.ask("POST", "/sudo", cookies.last().unwrap()).await;
        cookies.push(common::cookie(&renewed));
    }
    assert_eq!(service.ask("GET", "/hold", &cookies[0]).await.status, 200);
    let other = service.hold(&service.login().await).await;
    let session = service.hold(&cookies[2]).await;
    let streams = [session.ended(), other.ended()];
    let [stream, other] = streams.map(|ended| tokio::spawn(ended));
    tokio::time::sleep(SHORT).await;
    assert_eq!(service.sessions.revoke_others(&old).await.unwrap(), 1);
    tokio::time::sleep(SHORT).await;
    assert!(other.is_finished() && !stream.is_finished());
    drop(service.sessions.revoke(&old).await.unwrap());
    tokio::time::sleep(SHORT).await;
    assert_eq!(service.ask("GET", "/hold", &cookies[2]).await.status, 401);
    assert!(stream.is_finished());
}

/// However long the id of before is remembered, the session is over at its deadline.
#[tokio::test]
async fn is_live_says_what_a_request_would_be_told() {
    let service = Service::new(|| {
        let layer = builder().idle_timeout(Duration::from_secs(60));
        layer.renewal_grace(Duration::from_secs(300))
    })
    .await;
    let before = service.login().await;
    let old = service.hold(&before).await;
    let after = common::cookie(&service.ask("POST", "/sudo", &before).await);
    assert!(service.sessions.is_live(&old).await.unwrap());
    service.advance(120);
    for cookie in [&before, &after] {
        assert_eq!(service.ask("GET", "/hold", cookie).await.status, 401);
    }
    assert!(!service.sessions.is_live(&old).await.unwrap());
}

/// A store as far away as another machine, which finds one session after the other.
struct FarAway(Arc<MemoryStore>);

impl FarAway {
    /// Whose sessions are where it cannot be reached.
    const LOST: &str = "lost";
}

macro_rules! far_away {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(async fn $name(&self, $($argument: $type),*) -> Result<$result, StoreError> {
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.0.$name($($argument),*).await
        })*
    };
}

impl SessionStore for FarAway {
    far_away! {
        generation(subject: &str) -> Generation;
        insert(session: &StoredSession, generation: Generation) -> bool;
        touch(subject: &str, id: SessionId, seen: Timestamp, deadline: Timestamp) -> bool;
        replace(old: SessionId, session: &StoredSession) -> bool;
        revoke(subject: &str, id: SessionId) -> bool;
        revoke_all(subject: &str, except: Option<SessionId>, now: Timestamp) -> u64;
        list(subject: &str, now: Timestamp) -> Vec<StoredSession>;
        remove_expired(before: Timestamp, limit: u32) -> u64;
    }

    async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if subject == Self::LOST {
            return Err(StoreError::unavailable("a test"));
        }
        self.0.find(subject, id).await
    }
}

/// Of a store in parts, one may be down: what ended in the others ends its streams.
#[tokio::test]
async fn what_a_store_cannot_find_hides_nothing_of_what_it_finds() {
    let store = FarAway(Arc::default());
    let id = |number| SessionId::from_bytes([number; 16]);
    let asked = |numbers: &[u8], subject: &str| -> Vec<_> {
        let asked = numbers.iter();
        asked.map(|it| (subject.to_owned(), id(*it))).collect()
    };
    let mut all = asked(&[1, 2], "ada");
    all.extend(asked(&[3], FarAway::LOST));
    let deadlines = store.deadlines(&all).await.unwrap();
    assert_eq!(deadlines, [None, None, Some(Timestamp::default())]);
    let none = store.deadlines(&asked(&[3, 4], FarAway::LOST)).await;
    assert!(none.unwrap_err().is_unavailable(), "nothing was found out");
}

/// More streams than it answers for within the timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_streams_each_ends_on_a_store_that_is_slow() {
    let store = Arc::new(MemoryStore::new());
    let layer = builder()
        .stream_lag(SHORT)
        .store_timeout(Duration::from_millis(100));
    let auth = layer.store(FarAway(Arc::clone(&store))).build().unwrap();
    let sessions = auth.sessions();
    let held: Arc<Mutex<Vec<Session>>> = Arc::default();
    let hold = Arc::clone(&held);
    let routes =
        Router::new().mount(public(GET, "/hold", "a test").optional_session().to(
            move |session: Option<Session>| async move { hold.lock().unwrap().extend(session) },
        ));
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let mut ids = Vec::new();
    for number in 0..200 {
        let who = format!("user {number}");
        let issued = sessions.issue(&who).await.unwrap();
        ids.push((who, issued.id()));
        let cookie = issued
            .set_cookie()
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let headers = format!("Cookie: {cookie}\r\n");
        common::request(address, "GET", "/hold", &headers).await;
    }
    let held = std::mem::take(&mut *held.lock().unwrap());
    let streams: Vec<_> = held.iter().map(|held| tokio::spawn(held.ended())).collect();
    tokio::time::sleep(SHORT).await;
    for (who, id) in &ids {
        assert!(store.revoke(who, *id).await.unwrap());
    }
    for stream in streams {
        timeout(Duration::from_secs(20), stream)
            .await
            .unwrap()
            .unwrap();
    }
}
